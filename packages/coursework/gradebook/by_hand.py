"""The answers that a human marks, exercise by exercise: a table and a page."""

import dataclasses
import datetime
import json
import pathlib

import markupsafe
import mistune

from coursework.course import notebooks_folder
from coursework.grade.report import page_environment, write_page
from coursework.gradebook.answers import ModelAnswer
from coursework.gradebook.tables import code_of
from cxrbase import __version__


@dataclasses.dataclass(frozen=True)
class Exercise:
    """One exercise, and what everybody answered.

    Args:
        notebook: string.
        item: `coursework.grade.rubric.Item`.
        question: string. As the notebook asks it, Markdown; `""` if it is not there.
        answer: `ModelAnswer`.
        handed: list of pairs of a name, or its code, and an `Outcome`.
        begins: bool. Whether the answer begins with a number or name that a machine
            has checked, for an item of its own.
    """

    notebook: str
    item: object
    question: str
    answer: ModelAnswer
    handed: list
    begins: bool = False

    @property
    def open(self):
        """How many still wait for a mark."""
        return sum(outcome.given is None for _, outcome in self.handed)


def exercises_by_hand(grades, rubric, answers, notebooks=None, anonymous=False):
    """Collect the answers that a human marks, exercise by exercise.

    Args:
        grades: list of `coursework.grade.grades.StudentGrade`.
        rubric: `coursework.grade.rubric.Rubric`.
        answers: dict of `coursework.gradebook.answers.read_answers`.
        notebooks: string, `pathlib.Path` or `None`. The folder of the course's own
            notebooks, which hold the questions; by default the one beside the package.
        anonymous: bool. Whether codes stand in place of names, in the codes' order.

    Returns:
        A list of `Exercise` in the rubric's order, those that nobody answered left out.

    Example:
    ```python
    exercises_by_hand(grades, rubric, read_answers())[0].handed
    ```
    """
    folder, found = pathlib.Path(notebooks or notebooks_folder() or "notebooks"), []
    for name, asked in rubric.notebooks.items():
        questions = _questions(folder / f"{name}.ipynb")
        for place, item in enumerate(asked.items):
            handed = [
                (code_of(each.name) if anonymous else each.name, outcome)
                for each in grades
                if (outcome := each.notebooks[name].outcomes[place]).mark == "open"
            ]
            if handed:
                question = questions.get(item.exercise, "")
                answer = answers.get((name, item.exercise), ModelAnswer())
                if anonymous:
                    handed.sort(key=lambda pair: pair[0])
                begins = any(
                    other.begins and other.exercise == item.exercise
                    for other in asked.items
                )
                about = (name, item, question, answer, handed, begins)
                found.append(Exercise(*about))
    return found


def _questions(path):
    """The questions of a notebook of the course, by exercise, without folded texts."""
    if not path.is_file():
        return {}
    questions = {}
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        number = cell.get("id", "").removeprefix("exercise-").removesuffix("-text")
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and "**Exercise" in text:
            questions[number] = text[text.index("**Exercise") :]
    return questions


def write_by_hand_page(path, exercises, table):
    """Write the page to mark by: question, model answer, wrong ones, all answers.

    Args:
        path: string or `pathlib.Path`, `grade_by_hand.html`.
        exercises: list of `exercises_by_hand`.
        table: string. The name of the CSV in which the points are filled in.

    Example:
    ```python
    write_by_hand_page("grade_by_hand.html", exercises, "grade_by_hand.csv")
    ```
    """
    environment = page_environment()
    set_type = mistune.create_markdown(escape=True)
    environment.filters["prose"] = lambda text: markupsafe.Markup(set_type(text))
    template = environment.get_template("by_hand.html.j2")
    today = datetime.date.today().isoformat()
    told = {"table": table, "version": __version__, "date": today}
    page = template.render(exercises=exercises, **told)
    write_page(pathlib.Path(path), page)

"""A class graded: every student's notebooks against the rubric, in parallel."""

import collections
import dataclasses
import functools
import pathlib
import re

from coursework.course import notebooks_folder
from coursework.grade.cells import read_cells
from coursework.grade.checks import Outcome, check_item
from coursework.grade.handed_in import read_handed_in
from coursework.grade.rubric import NotebookRubric
from coursework.grade.submissions import find_students, find_submissions
from coursework.student.owners import foreign_names
from coursework.student.seeds import normal_name
from cxrbase.parallel import workers
from cxrbase.refusals import InputError, printable

# Fewer students are graded in this process: new ones would import everything again.
WORTH_A_POOL = 12
LIKENESS_WORDS = 12  # Of an answer; shorter ones agree by chance.


@dataclasses.dataclass
class NotebookGrade:
    """One notebook of one student.

    Args:
        asked: `NotebookRubric`.
        outcomes: list of `Outcome`, one for each item.
        place: string. Where it was found, `""` if it was not handed in.
        about, troubles, notes, digests, student: see
            `coursework.grade.handed_in.HandedIn`.
    """

    asked: NotebookRubric
    outcomes: list
    place: str = ""
    about: list = dataclasses.field(default_factory=list)
    troubles: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    digests: dict = dataclasses.field(default_factory=dict)
    student: str = ""

    @property
    def points(self):
        """Points earned so far."""
        return sum(outcome.points for outcome in self.outcomes)

    @property
    def open(self):
        """Points that a human has yet to decide on."""
        return sum(outcome.open for outcome in self.outcomes)


@dataclasses.dataclass
class StudentGrade:
    """Everything of one student.

    Args:
        name: string, the folder's or zip's, as it is.
        notebooks: dict of `NotebookGrade` by name, in the rubric's order.
        troubles, notes: lists of strings, of what belongs to no notebook.
        foreign: list of strings that name other students: for the class's page only.
    """

    name: str
    notebooks: dict
    troubles: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    foreign: list = dataclasses.field(default_factory=list)

    @property
    def points(self):
        """Points earned so far."""
        return sum(each.points for each in self.notebooks.values())

    @property
    def open(self):
        """Points that a human has yet to decide on."""
        return sum(each.open for each in self.notebooks.values())

    def earned(self, kind):
        """The points earned so far for items of one kind, see `rubric.KINDS`."""
        return sum(
            outcome.points
            for each in self.notebooks.values()
            for outcome in each.outcomes
            if outcome.item.kind == kind
        )


def grade_class(runs_dir, rubric, notebooks=None, processes=None):
    """Grade every student of a folder.

    Args:
        runs_dir: string or `pathlib.Path`. Holds `<student>/<notebook>/` folders,
            `<student>/*.zip` or `<student>.zip`.
        rubric: `coursework.grade.rubric.Rubric`.
        notebooks: string or `pathlib.Path`. The folder of the course's own notebooks;
            by default the one beside the package, if it exists.
        processes: int or `None`. By default one per core that is ours.

    Returns:
        A list of `StudentGrade`, sorted by name.

    Raises:
        InputError: if there is nobody to grade, or the rubric compares cells with
            notebooks that are not there.

    Example:
    ```python
    grade_class("handed_in", read_rubric())[0].points
    ```
    """
    students = list(find_students(runs_dir, rubric.notebooks).items())
    grade = functools.partial(
        grade_student, rubric=rubric, course=read_course(rubric, notebooks)
    )
    with workers(grade, len(students), processes, WORTH_A_POOL) as each:
        grades = list(each(students))
    named = {g.name: [one.student for one in g.notebooks.values()] for g in grades}
    said = foreign_names(named)
    for student in grades:
        student.foreign += said.get(student.name, [])
    return grades


def read_course(rubric, folder=None):
    """Read the code cells of the course's own notebooks.

    Args:
        rubric: `Rubric`.
        folder: string or `pathlib.Path`, see `grade_class`.

    Returns:
        A dict, name → list of `Cell`. A notebook that is not there has no entry.

    Raises:
        InputError: if the rubric names a cell that is not there.

    Example:
    ```python
    read_course(read_rubric())["01_data"][0].code
    ```
    """
    folder, course = pathlib.Path(folder or notebooks_folder() or "notebooks"), {}
    for name, asked in rubric.notebooks.items():
        path = folder / f"{name}.ipynb"
        if path.is_file():
            try:
                course[name] = read_cells(path.read_bytes())
            except InputError as error:
                raise InputError(f"{path}: {error}") from None
        named = {each for item in asked.items for each in item.ids}
        absent = sorted(named - {cell.id for cell in course.get(name, [])})
        if absent:
            raise InputError(
                f"{path}: has no cell {absent[0]}, which the rubric names. Give the "
                "folder of the course's own notebooks with --notebooks."
            )
    return course


def grade_student(student, rubric, course):
    """Grade one student.

    Args:
        student: pair of name and list of paths, as `find_students` gives them.
        rubric: `Rubric`.
        course: dict of `read_course`.

    Returns:
        A `StudentGrade`. Nothing that a student's files hold makes it fail.

    Example:
    ```python
    grade_student(("ada", [pathlib.Path("handed_in/ada")]), rubric, course)
    ```
    """
    name, paths = student
    grade = StudentGrade(name, {})
    found = {}
    try:
        found, grade.troubles, grade.notes = find_submissions(paths, rubric.notebooks)
    except Exception as error:  # One student must not keep a class from its grades.
        grade.troubles.append(f"Not readable: {_in_words(error)}")
    for notebook, asked in rubric.notebooks.items():
        try:
            graded = _grade_notebook(found.get(notebook), asked, course.get(notebook))
        except Exception as error:
            graded = _all_lost(asked, f"Could not be graded: {_in_words(error)}")
            graded.place = found[notebook][0].place
            graded.troubles.append(graded.outcomes[0].reason)
        grade.notebooks[notebook] = graded
    return grade


def _in_words(error):
    return printable(f"{type(error).__name__}: {error}")


def _all_lost(asked, reason):
    return NotebookGrade(asked, [Outcome(item, "no", reason) for item in asked.items])


def _grade_notebook(submissions, asked, course):
    if not submissions:
        return _all_lost(asked, "Not handed in.")
    handed = read_handed_in(submissions, asked, course)
    return NotebookGrade(
        asked,
        [check_item(item, handed, course) for item in asked.items],
        handed.place,
        handed.about,
        handed.troubles,
        handed.notes,
        handed.digests,
        handed.student,
    )


# === Files and answers that several share ===


def alike(grades):
    """Find what several students share; there may be good reasons for it.

    Args:
        grades: list of `StudentGrade`.

    Returns:
        A list of `(what, students)`: a sentence and a list of names, two or more. A
        name in the results that is a student's of the class is told by
        `foreign_names` instead.

    Example:
    ```python
    alike(grade_class("handed_in", rubric))
    ```
    """
    owners, names = collections.defaultdict(list), collections.defaultdict(set)
    theirs = {normal_name(grade.name) for grade in grades}
    for grade in grades:
        named = dict.fromkeys(
            normal_name(each.student) for each in grade.notebooks.values()
        )
        for name in named:
            if name and name not in theirs:
                owners["", "student", name].append(grade.name)
        for name, notebook in grade.notebooks.items():
            found = dict.fromkeys(notebook.digests.items())
            found |= dict.fromkeys(filter(None, map(_long_answer, notebook.outcomes)))
            for kind, content in found:
                owners[name, kind, content].append(grade.name)
                names[name, kind, content].add(normal_name(notebook.student))
    groups = collections.defaultdict(list)  # The same group of students is named once.
    for key, students in owners.items():
        name, kind, _ = key
        # Data follow from the name: of one name they need not be told as well.
        if len(students) > 1 and not (kind == "data" and len(names[key]) == 1):
            groups[name, tuple(students)].append(_KINDS.get(kind, kind))
    return [
        (f"{name}: {', '.join(kinds)}".removeprefix(": "), list(students))
        for (name, students), kinds in sorted(groups.items())
    ]


def _long_answer(outcome):
    """`(what, words)` of a long answer, whose numbers may have been exchanged."""
    words = " ".join(re.findall(r"[^\W\d_]+", outcome.answer.casefold()))
    if len(words.split()) < LIKENESS_WORDS:
        return None
    item = outcome.item
    what = "prediction" if item.prediction else "answer"
    return f"{what} {item.prediction or item.exercise}", words


_KINDS = {
    "student": "student's name",
    "data": "drawn data",
    "results": "results.json",
    "predictions": "predictions.csv",
    "notebook": "executed notebook",
}

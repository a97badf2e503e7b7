"""CSVs for the gradebook: what was earned, and what a human has yet to mark.

The texts are not ours: `cxrbase.cells` keeps a spreadsheet from taking them for
formulas.
"""

import csv
import dataclasses
import hashlib
import io
import re

from coursework.looks import number
from cxrbase.cells import guard
from cxrbase.files import InputError, write_whole
from cxrbase.refusals import printable
from cxrbase.tables import read_csv

BY_HAND = ("student", "notebook", "item", "asked", "answer", "out_of", "points")
BY_HAND += ("comment",)
# As written; files of before have neither model answers nor wrong ones.
WRITTEN = (*BY_HAND[:4], "model_answer", "typical_wrong", *BY_HAND[4:])
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def plain(text):
    """Make a text that a CSV can hold.

    Args:
        text: string.

    Returns:
        A string.

    Example:
    ```python
    plain("a\0b")  # "a\N{REPLACEMENT CHARACTER}b"
    ```
    """
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text))
    return text.encode("utf-8", "replace").decode()  # Half a surrogate pair.


def code_of(student):
    """A code that stands for a name; whoever has the list of the class can resolve it.

    Args:
        student: string.

    Returns:
        A string, for the same name the same.

    Example:
    ```python
    code_of("ada")  # "#26b52f5c"
    ```
    """
    content = student.encode("utf-8", "surrogatepass")
    return f"#{hashlib.sha256(content).hexdigest()[:8]}"


def write_gradebook(path, grades, rubric):
    """Write a row per student: points by notebook, in all, and what is open.

    A notebook that was not handed in has an empty cell.

    Args:
        path: string or `pathlib.Path`.
        grades: list of `coursework.grade.grades.StudentGrade`.
        rubric: `coursework.grade.rubric.Rubric`.

    Example:
    ```python
    write_gradebook("grade.csv", grades, rubric)
    ```
    """
    head = ["student", *rubric.notebooks, "total", "out_of", "open", "open_items"]
    rows = []
    for grade in grades:
        each = grade.notebooks.values()
        points = [number(one.points) if one.place else "" for one in each]
        waiting = [
            f"{name}: {outcome.item.id}"
            for name, one in grade.notebooks.items()
            for outcome in one.outcomes
            if outcome.open
        ]
        totals = map(number, (grade.points, rubric.points, grade.open))
        rows.append([grade.name, *points, *totals, "; ".join(waiting)])
    _write(path, head, rows)


def write_by_hand(path, exercises):
    """Write a row for every answer that a human marks, with the marks so far.

    The rows are ordered by exercise, each with its model answer and typical wrong ones.

    Args:
        path: string or `pathlib.Path`.
        exercises: list of `coursework.gradebook.by_hand.Exercise`.

    Returns:
        How many are still open, an int.

    Example:
    ```python
    write_by_hand("grade_by_hand.csv", exercises)
    ```
    """
    rows = []
    for each in exercises:
        wrong = "\n".join(each.answer.wrong)
        for name, outcome in each.handed:
            given = "" if outcome.given is None else number(outcome.given)
            row = [name, each.notebook, each.item.id, each.item.says]
            row += [each.answer.model, wrong, outcome.answer]
            rows.append([*row, number(each.item.points), given, outcome.comment])
    _write(path, WRITTEN, rows)
    return sum(each.open for each in exercises)


def _write(path, head, rows):
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([head, *([guard(plain(cell)) for cell in row] for row in rows)])
    with write_whole(path) as temporary:
        # A byte-order mark, without which some spreadsheets take it for Latin-1.
        temporary.write_bytes(text.getvalue().encode("utf-8-sig"))


def read_marks(path):
    """Read the marks that a human has filled in, if there are any.

    Args:
        path: string or `pathlib.Path`. What `write_by_hand` wrote; it may be missing.

    Returns:
        A dict, (student, notebook, item) to (points, comment, answer).

    Raises:
        InputError: that names the row, if its points are not a number, or too many.

    Example:
    ```python
    read_marks("grade_by_hand.csv")
    ```
    """
    if not path.exists():
        return {}
    marks = {}
    rows = read_csv(path, BY_HAND, may_be_empty=True).to_dict("records")
    for line, row in enumerate(rows, start=1):
        if not row["points"].strip():
            continue
        try:
            points, most = (
                float(row[key].replace(",", ".")) for key in ("points", "out_of")
            )
        except ValueError:
            points, most = -1, 0
        if not 0 <= points <= most:
            who, words = (printable(row[key], 40) for key in ("student", "points"))
            raise InputError(
                f"{path}: row {line} ({who}): points “{words}” must be a number from "
                f"0 to {printable(row['out_of'], 20)}."
            )
        key = tuple(row[name] for name in ("student", "notebook", "item"))
        marks[key] = (points, row["comment"].strip(), row["answer"])
    return marks


def apply_marks(grades, marks):
    """Give the points that a human gave; an answer that has changed is open again.

    Args:
        grades: list of `StudentGrade`; changed in place.
        marks: dict of `read_marks`.

    Example:
    ```python
    apply_marks(grades, read_marks(pathlib.Path("grade_by_hand.csv")))
    ```
    """
    for grade in grades:
        for name, notebook in grade.notebooks.items():
            for place, outcome in enumerate(notebook.outcomes):
                who = plain(grade.name), code_of(grade.name)
                keys = [(each, name, plain(outcome.item.id)) for each in who]
                mark = next((marks[key] for key in keys if key in marks), None)
                if outcome.mark != "open" or mark is None:
                    continue
                points, comment, answer = mark
                if answer.split() != plain(outcome.answer).split():
                    notebook.notes.append(
                        f"{outcome.item.id}: the answer has changed since it was "
                        "marked by hand, and is open again."
                    )
                    continue
                notebook.outcomes[place] = dataclasses.replace(
                    outcome,
                    given=min(points, outcome.item.points),
                    comment=comment,
                    reason="Marked by hand.",
                )

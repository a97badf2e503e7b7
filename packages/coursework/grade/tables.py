"""CSVs for the gradebook: what was earned, and what a human has yet to mark.

The texts are not ours: `cxrbase.cells` keeps a spreadsheet from taking them for
formulas.
"""

import csv
import dataclasses
import io
import re

from cxrbase.cells import guard
from cxrbase.files import InputError, write_whole
from cxrbase.refusals import printable
from cxrbase.tables import read_csv

BY_HAND = ("student", "notebook", "item", "asked", "answer", "out_of", "points")
BY_HAND += ("comment",)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def number(points):
    """Write points without needless decimals.

    Args:
        points: float.

    Returns:
        A string.

    Example:
    ```python
    number(7.0), number(2.5)  # "7", "2.5"
    ```
    """
    return f"{round(points, 3):g}"


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


def write_by_hand(path, grades):
    """Write a row for every answer that a human marks, with the marks so far.

    Args:
        path: string or `pathlib.Path`.
        grades: list of `StudentGrade`.

    Returns:
        How many are still open, an int.

    Example:
    ```python
    write_by_hand("grade_by_hand.csv", grades)
    ```
    """
    rows, waiting = [], 0
    for grade in grades:
        for name, notebook in grade.notebooks.items():
            for outcome in notebook.outcomes:
                if outcome.mark == "open":
                    waiting += outcome.given is None
                    given = "" if outcome.given is None else number(outcome.given)
                    row = [grade.name, name, outcome.item.id, outcome.item.says]
                    row += [outcome.answer, number(outcome.item.points), given]
                    rows.append([*row, outcome.comment])
    _write(path, BY_HAND, rows)
    return waiting


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
                key = tuple(map(plain, (grade.name, name, outcome.item.id)))
                if outcome.mark != "open" or key not in marks:
                    continue
                points, comment, answer = marks[key]
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

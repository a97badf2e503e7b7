"""Grade files that Moodle and Canvas import, students identified by a roster.

Moodle lets the importer choose what each column is, so its own names are used. Canvas
wants five columns on the student, the last of them *Section*, and a second row with the
points possible.
"""

import csv
import io

from coursework.gradebook.tables import plain
from coursework.looks import number
from coursework.student.seeds import normal_name
from cxrbase.cells import guard
from cxrbase.files import write_whole
from cxrbase.refusals import InputError, printable
from cxrbase.tables import read_csv

FOLDER = "folder"  # The column of a roster that says which folder is whose.
# What each may be told of a student, and by what it knows one.
COLUMNS = {
    "moodle": ("First name", "Last name", "Username", "ID number", "Email address"),
    "canvas": ("Student", "ID", "SIS User ID", "SIS Login ID", "Section"),
}
KNOWN_BY = {
    "moodle": ("Email address", "ID number", "Username"),
    "canvas": ("ID", "SIS User ID", "SIS Login ID"),
}
POSSIBLE = "    Points Possible"  # As Canvas writes it, spaces included.


def read_roster(path, lms):
    """Read who is who: the list that the LMS exports, with a column `folder` added.

    Args:
        path: string or `pathlib.Path`. CSV; rows without a `folder` are passed over, as
            Canvas's *Points Possible* is one.
        lms: string, `"moodle"` or `"canvas"`.

    Returns:
        A dict, the folder's name as `normal_name` writes it to a dict of the LMS's
        columns.

    Raises:
        InputError: if a column is missing, or a row names nobody or a folder twice.

    Example:
    ```python
    read_roster("roster.csv", "moodle")["ada lovelace"]["Email address"]
    ```
    """
    known = KNOWN_BY[lms]
    mend = f"Add it to the list that {lms.title()} exports."
    table = read_csv(path, [FOLDER], mend)
    if not set(known) & set(table.columns):
        raise InputError(
            f"{path}: has no column {' or '.join(known)}, by which {lms.title()} knows "
            f"a student. {mend}"
        )
    roster = {}
    for line, row in enumerate(table.to_dict("records"), start=1):
        folder = row[FOLDER].strip()
        if not folder:
            continue
        who = {name: row.get(name, "").strip() for name in COLUMNS[lms]}
        place = f"{path}: row {line} ({printable(folder, 60)})"
        if normal_name(folder) in roster:
            raise InputError(f"{place}: a second row for this folder. Remove one.")
        if not any(who[name] for name in known):
            raise InputError(f"{place}: fill in {' or '.join(known)}.")
        roster[normal_name(folder)] = who
    return roster


def _from_names(grades, lms):
    """A roster of the folders' names, which then are what the LMS knows."""
    addresses = [grade.name for grade in grades if "@" in grade.name]
    others = [grade.name for grade in grades if "@" not in grade.name]
    if lms == "moodle" and addresses and others:
        raise InputError(
            f"{printable(addresses[0], 60)}, {printable(others[0], 60)}: some folders' "
            "names are addresses and some are not. Say with --roster who is who."
        )
    moodle = "Email address" if addresses else "ID number"
    name = moodle if lms == "moodle" else "SIS Login ID"
    empty = dict.fromkeys(COLUMNS[lms], "")
    return {normal_name(g.name): empty | {name: g.name} for g in grades}


def _once(grades):
    """The folders by their normal names; two that agree in it are refused."""
    folders = {}
    for grade in grades:
        other = folders.setdefault(normal_name(grade.name), grade.name)
        if other != grade.name:
            raise InputError(
                f"{printable(other, 60)}, {printable(grade.name, 60)}: the folders' "
                "names differ in case or blanks only. Rename one of them."
            )
    return {folder: name for name, folder in folders.items()}


def write_lms(path, grades, rubric, lms, roster=None):
    """Write the points by notebook in the layout that an LMS imports.

    A notebook that was not handed in has an empty cell, which both leave as it is.

    Args:
        path: string or `pathlib.Path`.
        grades: list of `coursework.grade.grades.StudentGrade`.
        rubric: `coursework.grade.rubric.Rubric`. Its notebooks' names become those of
            the grade items.
        lms: string, `"moodle"` or `"canvas"`.
        roster: dict of `read_roster`, or `None`: then the folders' names are what the
            LMS knows the students by.

    Returns:
        A list of strings, the students who are not in the roster and so left out.

    Raises:
        InputError: if two folders have the same name but for case and blanks, or,
            without a roster, some names are addresses and some are not.

    Example:
    ```python
    write_lms("grade_canvas.csv", grades, rubric, "canvas", roster)
    ```
    """
    keys = _once(grades)
    roster = _from_names(grades, lms) if roster is None else roster
    there = [grade for grade in grades if keys[grade.name] in roster]
    columns = COLUMNS[lms]
    if lms == "moodle":  # Only what is told: an empty column could not be mapped.
        told = [roster[keys[grade.name]] for grade in there]
        columns = [name for name in columns if any(who[name] for who in told)]
    rows = [[*columns, *rubric.notebooks]]
    if lms == "canvas":
        points = [number(asked.points) for asked in rubric.notebooks.values()]
        rows.append([POSSIBLE, *[""] * (len(columns) - 1), *points])
    for grade in there:
        who = [guard(plain(roster[keys[grade.name]][name])) for name in columns]
        each = grade.notebooks.values()
        rows.append([*who, *(number(one.points) if one.place else "" for one in each)])
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    with write_whole(path) as temporary:
        temporary.write_bytes(text.getvalue().encode())
    return [grade.name for grade in grades if keys[grade.name] not in roster]

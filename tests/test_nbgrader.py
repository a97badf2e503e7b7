"""The exercises' cells as nbgrader wants them, checked without installing it.

The rules are those that its documentation and its schema of version 3 publish. Where
nbgrader is installed, its own validator is asked, too.
"""

import pathlib
import re

import nbformat
import pytest

FOLDER = pathlib.Path(__file__).parents[1] / "notebooks"
KINDS = {"schema_version": int, "grade": bool, "locked": bool, "solution": bool}
KINDS |= {"task": bool, "grade_id": str, "points": (int, float), "checksum": str}
KINDS |= {"cell_type": str}
NEEDED = ("schema_version", "grade", "locked", "solution")


def broken_rules(notebook):
    """What nbgrader would refuse, a list of strings."""
    broken, seen = [], set()
    for cell in notebook.cells:
        if "nbgrader" not in cell.metadata:
            continue
        about = dict(cell.metadata["nbgrader"])
        for name, value in about.items():
            kind = KINDS.get(name)
            if (
                kind is None
                or not isinstance(value, kind)
                or (isinstance(value, bool) and kind is not bool)
            ):
                broken.append(f"{cell.id}: {name}={value!r}")
        broken += [f"{cell.id}: lacks {name}" for name in NEEDED if name not in about]
        grade, solution = about.get("grade"), about.get("solution")
        name = about.get("grade_id", "")
        if about.get("schema_version") != 3:
            broken.append(f"{cell.id}: not of schema version 3")
        if not (grade or solution or about.get("locked")):
            continue
        if not re.fullmatch(r"[a-zA-Z0-9_\-]+", name):
            broken.append(f"{cell.id}: grade_id {name!r}")
        if name in seen:
            broken.append(f"{cell.id}: a second {name}")
        seen.add(name)
        points = about.get("points")
        if grade and not (isinstance(points, int | float) and points >= 0):
            broken.append(f"{cell.id}: lacks points")
        if about.get("task"):
            if cell.cell_type != "markdown":
                broken.append(f"{cell.id}: a task must be markdown")
        elif cell.cell_type == "markdown" and bool(grade) != bool(solution):
            broken.append(f"{cell.id}: markdown must be grade and solution, or neither")
    return broken


def cell(kind="code", **about):
    make = getattr(nbformat.v4, f"new_{kind}_cell")
    whole = {"schema_version": 3, "grade": True, "solution": True, "locked": False}
    whole |= {"task": False, "grade_id": "01-a", "points": 2} | about
    whole = {name: value for name, value in whole.items() if value is not None}
    return make(
        "1", id=f"cell{abs(hash(str(whole)))}"[:12], metadata={"nbgrader": whole}
    )


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda p: p.stem)
def test_every_notebook_is_accepted(path):
    content = nbformat.read(path, as_version=4)
    assert broken_rules(content) == []


BROKEN = [
    [cell(schema_version=2)],
    [cell(grade=None)],
    [cell(points=None)],
    [cell(points=-1)],
    [cell(points="2")],
    [cell(grade_id="")],
    [cell(grade_id="a b")],
    [cell(grade="yes")],
    [cell(extra=1)],
    [cell(), cell(locked=True)],
    [cell(task=True)],
    [cell("markdown", solution=False)],
]


@pytest.mark.parametrize("cells", BROKEN)
def test_the_rules_can_be_broken(cells):
    assert broken_rules(nbformat.v4.new_notebook(cells=cells))
    assert not broken_rules(
        nbformat.v4.new_notebook(cells=[cell(), cell(grade_id="b")])
    )


def test_nbgrader_agrees():
    nbgraderformat = pytest.importorskip("nbgrader.nbgraderformat")
    validator = nbgraderformat.MetadataValidator()
    refusals = (nbgraderformat.ValidationError, nbgraderformat.SchemaTooOldError)
    for path in sorted(FOLDER.glob("*.ipynb")):
        validator.validate_nb(nbformat.read(path, as_version=4))
    for cells in BROKEN:
        with pytest.raises(refusals):
            validator.validate_nb(nbformat.v4.new_notebook(cells=cells))

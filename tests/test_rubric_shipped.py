"""The rubric that comes with the course fits the course's notebooks."""

import pathlib

import nbformat
import pytest

from coursework.course import notebooks_folder
from coursework.grade.grades import read_course
from coursework.grade.rubric_file import read_rubric

RUBRIC = read_rubric()


def test_it_is_about_every_notebook():
    there = sorted(path.stem for path in notebooks_folder().glob("*.ipynb"))
    assert list(RUBRIC.notebooks) == there
    assert all(asked.title and asked.points >= 5 for asked in RUBRIC.notebooks.values())


def test_it_names_cells_that_are_there():
    course = read_course(RUBRIC)
    for name, asked in RUBRIC.notebooks.items():
        own = {cell.id for cell in course[name] if cell.own}
        assert not own & {each for item in asked.items for each in item.ids}


@pytest.mark.parametrize("name", RUBRIC.notebooks)
def test_it_asks_every_exercise_for_the_points_that_the_notebook_tells(name):
    content = nbformat.read(notebooks_folder() / f"{name}.ipynb", as_version=4)
    told = {
        cell.id.removeprefix("exercise-"): cell.metadata.nbgrader.points
        for cell in content.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    asked = [item for item in RUBRIC.notebooks[name].items if item.exercise]
    points = {number: 0 for number in told}
    for item in asked:
        points[item.exercise] += item.points
    assert points == told
    # A machine can check at least one answer of each notebook.
    assert not asked or any(not item.words for item in asked)


def test_it_is_packaged():
    import coursework.grade as package

    folder = pathlib.Path(package.__file__).parent
    assert (folder / "rubric.yaml").is_file()
    names = {path.name for path in (folder / "templates").iterdir()}
    pages = {f"{name}.html.j2" for name in ("by_hand", "class", "page", "student")}
    assert names == {*pages, "grade.css"}

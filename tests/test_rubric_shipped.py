"""The rubric that comes with the course fits the course's notebooks."""

import pathlib
import re

import nbformat
import pytest

from coursework.course import notebooks_folder
from coursework.grade.cells import read_cells
from coursework.grade.checks import check_item
from coursework.grade.grades import read_course
from coursework.grade.handed_in import HandedIn
from coursework.grade.rubric import KINDS
from coursework.grade.rubric_file import read_rubric
from coursework.student.answers import forms

RUBRIC = read_rubric()
WEIGHTS = {"run": 0.15, "prediction": 0.15, "number": 0.3, "reasoning": 0.4}


def test_it_is_about_every_notebook():
    there = sorted(path.stem for path in notebooks_folder().glob("*.ipynb"))
    assert list(RUBRIC.notebooks) == there
    assert all(asked.title and asked.points >= 5 for asked in RUBRIC.notebooks.values())


def test_it_names_cells_that_are_there():
    course = read_course(RUBRIC)
    for name, asked in RUBRIC.notebooks.items():
        own = {cell.id for cell in course[name] if cell.own}
        assert not own & {each for item in asked.items for each in item.ids}


def test_what_a_student_says_of_the_films_is_the_students():
    """It is filled in, and counts as no change of the course's code."""
    (said,) = (c for c in read_course(RUBRIC)["00_reading_a_film"] if c.id == "said")
    assert said.own and not said.solution


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


# === What the points are for ===


def points_of(asked):
    """Points by kind of a notebook."""
    return {
        kind: sum(item.points for item in asked.items if item.kind == kind)
        for kind in KINDS
    }


def test_the_points_follow_the_weights():
    shares = {kind: most / RUBRIC.points for kind, most in RUBRIC.by_kind.items()}
    assert shares == pytest.approx(WEIGHTS, abs=1e-12)


@pytest.mark.parametrize("name", RUBRIC.notebooks)
def test_so_do_those_of_each_notebook(name):
    asked = RUBRIC.notebooks[name]
    meant = {kind: weight * asked.points for kind, weight in WEIGHTS.items()}
    assert points_of(asked) == pytest.approx(meant, abs=1e-12)


@pytest.mark.parametrize("name", RUBRIC.notebooks)
def test_most_numbers_are_the_students_own(name):
    """They depend on the run, so they differ where the seeds do."""
    numbers = [item for item in RUBRIC.notebooks[name].items if item.kind == "number"]
    own = sum(item.points for item in numbers if item.scores)
    assert own > sum(item.points for item in numbers) / 2


@pytest.mark.parametrize("text", ["", "."], ids=["empty", "a dot"])
@pytest.mark.parametrize("name", RUBRIC.notebooks)
def test_a_run_without_thought_gets_at_most_a_third(name, text):
    """The notebook run from top to bottom, its scores all as good as asked for."""
    asked, path = RUBRIC.notebooks[name], notebooks_folder() / f"{name}.ipynb"
    content = nbformat.read(path, as_version=4)
    code = [cell for cell in content.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, start=1):
        cell.execution_count = count
    cells = read_cells(nbformat.writes(content).encode())
    numbers = {item.exercise for item in asked.items if item.exercise}
    made = {"text": text, "when": "2026-01-01T00:00:00+00:00", "before": True}
    made = {item.prediction: made for item in asked.items if item.prediction}
    record = {"metrics": {}, "parameters": {}, "predicted": made}
    answers = dict.fromkeys(numbers, text)
    handed = HandedIn(name, record=record, answers=answers, cells=cells)
    course = read_course(RUBRIC)[name]
    earned = 0
    for item in asked.items:
        if item.metric:
            earned += item.points
            continue
        outcome = check_item(item, handed, course)
        assert not outcome.open, item.says
        earned += outcome.points
    assert points_of(asked)["run"] <= earned <= asked.points / 3


# === Predictions and the forms of answers ===


@pytest.mark.parametrize("name", RUBRIC.notebooks)
def test_it_asks_for_the_predictions_that_the_notebook_has(name):
    course = read_course(RUBRIC)[name]
    code = "\n".join(cell.code for cell in course)
    numbers = re.findall(r"^results\.predict\((\d+), \"\"\)$", code, re.MULTILINE)
    assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
    asked = RUBRIC.notebooks[name].items
    assert numbers == [item.prediction for item in asked if item.prediction]
    assert 2 <= len(numbers) <= 4 and sum(cell.predicts for cell in course) == len(
        numbers
    )
    raw = nbformat.read(notebooks_folder() / f"{name}.ipynb", as_version=4)
    for place, cell in enumerate(raw.cells):
        if "results.predict(" in cell.source:
            before = raw.cells[place - 1].source
            assert "**Predict, then run.**" in before, cell.id


@pytest.mark.parametrize("name", RUBRIC.notebooks)
def test_the_form_of_each_answer_is_told_and_fits(name):
    items = [item for item in RUBRIC.notebooks[name].items if item.exercise]
    known = forms()[name]
    assert set(known) == {item.exercise for item in items}
    for item in items:
        form = known[item.exercise]
        if item.words:
            assert form.words == item.words
        elif item.among:
            assert set(form.one_of) == set(item.among)
        else:
            low, high = form.number
            if not isinstance(item.comparison.against, str):
                assert low < item.comparison.against < high
        assert item.begins == (not item.words and bool(form.words)), item.says


def test_no_form_tells_what_is_right():
    """The file that is told to students holds ranges and counts, and no answer."""
    for name, asked in RUBRIC.notebooks.items():
        for item in asked.items:
            right = item.comparison and item.comparison.against
            if item.exercise and isinstance(right, float | int):
                assert f"{right:g}" not in str(forms()[name][item.exercise]).split()


def test_it_is_packaged():
    import coursework.grade as package

    folder = pathlib.Path(package.__file__).parent
    assert (folder / "rubric.yaml").is_file()
    names = {path.name for path in (folder / "templates").iterdir()}
    pages = {f"{name}.html.j2" for name in ("by_hand", "class", "page", "student")}
    assert names == {*pages, "grade.css"}

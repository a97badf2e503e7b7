"""A class in which each student has a seed: whose data they are, and who copied."""

import pathlib
import runpy
import shutil

import pandas as pd
import pytest
from click.testing import CliRunner
from handed_in import NAME, RUBRIC, edit, graded, hand_in, rubric, said, write_notebook

from coursework.grade.grades import alike, grade_class
from coursework.grade.report import write_pages
from coursework.student.owners import foreign_names
from coursework.student.seeds import student_seed
from cxrphantom.dataset import drawn_report

NEEDED = RUBRIC.replace("title: A course", "title: A course\nstudent: true")
WORDS = "The first finds more than the second by 0.31 since it has looked at the film."


@pytest.fixture()
def ada(tmp_path):
    return hand_in(tmp_path / "runs" / "Ada Lovelace", named="Ada Lovelace")


# === Whose data they are ===


def test_a_students_own_data_count(tmp_path, ada):
    _, one = said(tmp_path, NEEDED)
    assert (one.troubles, one.student) == ([], "Ada Lovelace")
    assert f"seed {student_seed('Ada Lovelace')}" in dict(one.about)["parameters"]
    assert one.points > 8


def test_without_a_name_all_is_as_before_unless_one_is_asked_for(tmp_path):
    hand_in(tmp_path / "runs" / "ada")
    assert said(tmp_path)[1].troubles == []
    _, one = said(tmp_path, NEEDED)
    assert one.troubles == [
        "results.json does not count: it names no student; each student's own seed is "
        "asked for."
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["parameters"].update(student="Blaise Pascal"),
        lambda r: r["parameters"].update(seed=0),
        lambda r: r["dataset"].update(seed=0),
    ],
    ids=["name", "seed", "seed of the phantom"],
)
def test_a_name_and_a_seed_that_do_not_fit_are_told(tmp_path, ada, change):
    edit(ada, change)
    _, one = said(tmp_path)
    assert "does not count" in one.troubles[0] and "another's data" in one.troubles[0]
    assert one.points <= 2  # The notebook speaks for itself.


def test_the_reports_of_another_are_told(tmp_path, ada):
    """Name and seed are made to fit, but the reports are of another phantom."""
    own = student_seed("Blaise Pascal")
    edit(ada, lambda r: r["parameters"].update(student="Blaise Pascal", seed=own))
    edit(ada, lambda r: r["dataset"].update(seed=own, fingerprint="mine"))
    items, one = said(tmp_path)
    (trouble,) = one.troubles
    assert trouble.startswith("predictions.csv: of the first 12 reports ")
    assert "of the phantom of Blaise Pascal: another's data" in trouble
    assert items["abnormal.auroc"][0] == items["clinical.micro_f1_14"][0] == "no"
    assert items["training.loss"][0] == "yes"


@pytest.mark.parametrize("section", [None, "both", "findings"])
def test_the_reports_are_compared_whatever_the_section_is_said_to_be(
    tmp_path, ada, section
):
    own = student_seed("Blaise Pascal")
    edit(ada, lambda r: r["parameters"].update(student="Blaise Pascal", seed=own))
    edit(ada, lambda r: r["parameters"].update(section=section))
    edit(ada, lambda r: r["dataset"].update(seed=own, fingerprint="mine"))
    _, one = said(tmp_path)
    assert "of the phantom of Blaise Pascal: another's data" in one.troubles[0]


def test_the_findings_of_a_student_are_theirs_too(tmp_path, ada):
    path = ada / "predictions.csv"
    table = pd.read_csv(path, dtype={"uid": str})
    seed = student_seed("Ada Lovelace")
    uids = table["uid"].astype(int) - 1
    table["reference"] = [drawn_report(seed, uid)["findings"] for uid in uids]
    table.to_csv(path, index=False)
    assert not any("another's data" in words for words in said(tmp_path)[1].troubles)


@pytest.mark.parametrize("how", ["no column", "empty"])
def test_reports_that_are_asked_for_must_be_there(tmp_path, ada, how):
    path = ada / "predictions.csv"
    table = pd.read_csv(path)
    table["reference"] = ""
    table = table.drop(columns="reference") if how == "no column" else table
    table.to_csv(path, index=False)
    items, one = said(tmp_path)
    assert one.troubles[0] == (
        "predictions.csv: it has no column reference with reports in it, so they "
        "cannot be compared with the phantom of Ada Lovelace."
    )
    assert items["clinical.micro_f1_14"][0] == items["abnormal.auroc"][0] == "no"


def test_labels_alone_have_no_reports_to_compare(tmp_path, ada):
    path = ada / "predictions.csv"
    pd.read_csv(path)[["uid", "label", "probability"]].to_csv(path, index=False)
    asked = "".join(
        line for line in NEEDED.splitlines(True) if "clinical" not in line
    ).replace("         where: {split: test, section: impression}, studies: 10}\n", "")
    asked = asked.replace("         above: shuffled, by: 0.05}\n", "")
    items, one = said(tmp_path, asked)
    assert (one.troubles, items["abnormal.auroc"][0]) == ([], "yes")


@pytest.mark.parametrize("uid", ["", "x", "-1", "0", "9" * 30, "\u0663"])
def test_any_uid_is_read(tmp_path, ada, uid):
    path = ada / "predictions.csv"
    head, *rows = path.read_text().splitlines()
    rows[0] = ",".join([uid, *rows[0].split(",")[1:]])
    path.write_text("\n".join([head, *rows]) + "\n")
    _, one = said(tmp_path)
    assert not any("Could not" in words for words in one.troubles)


def test_another_of_the_class_is_named(tmp_path, ada):
    shutil.copytree(ada, tmp_path / "runs" / "bob" / NAME)
    grades = graded(tmp_path)
    told = {each.name: each.foreign for each in grades}
    assert told == {
        "Ada Lovelace": [],
        "bob": ["The data are those of Ada Lovelace, another student of the class."],
    }
    page = write_pages(tmp_path / "grade.html", grades, rubric(tmp_path))
    assert told["bob"][0] in page.read_text()
    theirs = (tmp_path / "grade_students" / "bob.html").read_text()
    assert told["bob"][0] not in theirs and "of another student of the class" in theirs


def test_names_of_several():
    assert foreign_names({"a": ["Ada", "ada "], "b": ["Bob"], "c": ["", ""]}) == {}
    assert foreign_names({"a": ["Ada", "Bob"]}) == {
        "a": ["The notebooks are of several students: Ada, Bob."]
    }


def test_a_name_that_several_hold_is_said_once(tmp_path):
    """A learning platform names the folders: whose name it is, is open."""
    for number, name in enumerate(("17_ada", "18_bob")):
        folder = hand_in(tmp_path / "runs" / name, seed=number, named="Ada", answers={})
        write_notebook(folder / f"{NAME}.ipynb", counts=range(number, number + 5))
    grades = graded(tmp_path)
    assert alike(grades) == [("student's name", ["17_ada", "18_bob"])]
    assert not any(each.foreign for each in grades)
    # Once one of them bears it, the other one's data are known to be another's.
    (tmp_path / "runs" / "17_ada").rename(tmp_path / "runs" / "Ada")
    grades = graded(tmp_path)
    assert alike(grades) == [] and [bool(each.foreign) for each in grades] == [1, 0]


# === Who copied ===


def a_class(runs, students):
    """Everybody with data, an executed notebook and an answer of their own."""
    for number in range(students):
        name = f"Student {number:02}"
        answers = {"1": 0.5, "3": f"{name} thinks " + f"{name}'s own thought " * 6}
        answers["3"] += " ".join(
            (chr(97 + number // 26) + chr(97 + number % 26)) * k for k in range(1, 12)
        )
        folder = hand_in(runs / name, seed=number, answers=answers, named=name)
        text = {"output_type": "stream", "name": "stdout", "text": f"{name} saw it"}
        write_notebook(folder / f"{NAME}.ipynb", outputs={"train": [text]})


def copy(runs, giver, taker, how):
    """`taker` hands in what `giver` made, in one of several ways."""
    theirs, mine = (runs / f"Student {n:02}" / NAME for n in (giver, taker))
    if how == "all":
        shutil.rmtree(mine)
        shutil.copytree(theirs, mine)
    elif how == "renamed":  # The name is changed in the results, all else stays.
        shutil.rmtree(mine)
        shutil.copytree(theirs, mine)
        own = student_seed(f"Student {taker:02}")
        named = {"student": f"Student {taker:02}", "seed": own}
        edit(mine, lambda r: r["parameters"].update(named))
        edit(mine, lambda r: r["dataset"].update(seed=own))
    else:  # Only a long answer, with other numbers.
        edit(theirs, lambda r: r["answers"].update({"3": WORDS}))
        edit(mine, lambda r: r["answers"].update({"3": WORDS.replace("0.31", "0.28")}))


def pairs(grades):
    return {
        tuple(student.split()[1] for student in students)
        for _, students in alike(grades)
    }


def test_two_who_copied_are_found_and_nobody_else(tmp_path):
    """Without copies nobody is named; with three kinds of them, just these."""
    runs, asked = tmp_path / "runs", rubric(tmp_path, NEEDED)
    a_class(runs, 8)
    grades = grade_class(runs, asked, tmp_path / "course", processes=2)
    assert len(grades) == 8 and alike(grades) == []
    assert not any(grade.troubles or grade.foreign for grade in grades)
    assert not any(one.troubles for g in grades for one in g.notebooks.values())
    for giver, taker, how in ((0, 1, "all"), (2, 3, "renamed"), (4, 5, "words")):
        copy(runs, giver, taker, how)
    grades = grade_class(runs, asked, tmp_path / "course", processes=2)
    assert pairs(grades) == {("00", "01"), ("02", "03"), ("04", "05")}
    kinds = {tuple(students): what for what, students in alike(grades)}
    assert "drawn data, predictions.csv" in kinds["Student 02", "Student 03"]
    assert kinds["Student 04", "Student 05"] == f"{NAME}: answer 3"
    told = {grade.name for grade in grades if grade.foreign}
    assert told == {"Student 01"}
    told = {g.name for g in grades if any(n.troubles for n in g.notebooks.values())}
    assert told == {"Student 03"}


@pytest.mark.long
def test_of_sixty_students_those_who_copied_are_found():
    """All notebooks of the course; the seconds are printed, and asserted nowhere."""
    path = pathlib.Path(__file__).parents[1] / "benchmarks" / "grading.py"
    printed = CliRunner().invoke(runpy.run_path(str(path))["main"], []).output
    print(printed)
    assert printed.startswith("60 students, ") and "Error" not in printed, printed

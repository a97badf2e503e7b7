"""Answers, the class, its pages and tables."""

import copy
import functools
import json
import operator
import os
import shutil
import zipfile

import pytest
from handed_in import (
    MOST,
    NAME,
    RUBRIC,
    ada,
    edit,
    graded,
    hand_in,
    predictions,
    rubric,
    said,
)

from coursework.grade import grades
from coursework.grade.checks import read_numbers
from coursework.grade.grades import alike, grade_class
from coursework.grade.recount import differences, recount
from cxrbase.files import InputError
from cxrscore.evaluate import evaluate_predictions


@pytest.fixture()
def folder(tmp_path):
    return ada(tmp_path)


# === Answers ===


@pytest.mark.parametrize(
    ("answers", "marks"),
    [
        ({"1": "53 %", "2": "CONSOLIDATION", "3": "a b c d e"}, ("yes", "yes", "open")),
        ({"1": "0,53", "2": "“pneumonia”", "3": "a b c d"}, ("yes", "yes", "no")),
        ({"1": "about half", "2": "edema", "3": ""}, ("no", "no", "no")),
        ({"1": 0.55, "2": 3, "3": None}, ("no", "no", "no")),
        ({"1": True, "2": "", "3": "   "}, ("no", "no", "no")),
        ({}, ("no", "no", "no")),
    ],
)
def test_answers(tmp_path, folder, answers, marks):
    edit(folder, lambda r: r.update(answers=answers))
    items, _ = said(tmp_path)
    assert tuple(items[f"exercise-{n}"][0] for n in (1, 2, 3)) == marks


def test_an_answer_may_be_the_runs_own_score(tmp_path, folder):
    text = RUBRIC.replace("equals: 0.53", "equals: training.loss")
    edit(folder, lambda r: r["answers"].update({"1": "0.5"}))
    items, _ = said(tmp_path, text)
    assert items["exercise-1"] == ("yes", "The number is right.")
    text = RUBRIC.replace("equals: 0.53", "equals: training.gain")
    assert (
        "results.json has no score training.gain"
        in said(tmp_path, text)[0]["exercise-1"][1]
    )


def test_an_answer_may_be_a_sum_of_scores(tmp_path, folder):
    """What the shuffle costs, in percent; which score is largest."""
    record = json.loads((folder / "results.json").read_text())["metrics"]
    score = record["coco.bleu_4"]
    cost = 100 * (1 - score["shuffled"] / score["value"])
    text = RUBRIC.replace(
        "equals: 0.53, tolerance: 0.01",
        "equals: 100 * (1 - coco.bleu_4.shuffled / coco.bleu_4), tolerance: 1",
    ).replace(
        "names: [pneumonia, consolidation]",
        "smallest: {loss: weight * training.loss, n: training.loss.n}",
    )
    edit(folder, lambda r: r["answers"].update({"1": f"{cost:.0f} %", "2": "Loss"}))
    edit(folder, lambda r: r["parameters"].update(weight=2))
    items, _ = said(tmp_path, text)
    assert items["exercise-1"][0] == items["exercise-2"][0] == "yes"
    edit(folder, lambda r: r["parameters"].update(weight=20))
    assert said(tmp_path, text)[0]["exercise-2"][0] == "no"
    # Nobody gets an answer right by changing what it is compared with.
    edit(folder, lambda r: r["answers"].update({"1": 0}))
    edit(folder, lambda r: r["metrics"]["coco.bleu_4"].update(shuffled=score["value"]))
    edit(folder, lambda r: r["parameters"].pop("weight") and None)
    items, _ = said(tmp_path, text)
    assert "coco.bleu_4, shuffled: results.json says" in items["exercise-1"][1]
    assert "no parameter weight" in items["exercise-2"][1]


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        (" 1,234 ", [1234, 1.234]),
        ("1'234.5", [1234.5]),
        ("−0.5", [-0.5]),
        ("1e-3", [0.001]),
        (".5", [0.5]),
        ("50%", [50, 0.5]),
        (7, [7]),
        ("1e999", []),
        ("9" * 500, []),
        ("nan", []),
        ("0x10", []),
        ("1_000", []),
        ("", []),
        (True, []),
    ],
)
def test_numbers_as_people_write_them(answer, numbers):
    assert read_numbers(answer) == pytest.approx(numbers)


# === The class ===


def test_students_that_handed_in_alike_are_named_once(tmp_path, folder):
    runs = tmp_path / "runs"
    shutil.copytree(runs / "ada", runs / "bob")
    other = hand_in(runs / "eve", seed=3, answers={"3": "other words of some length"})
    assert other.is_dir()
    found = alike(graded(tmp_path))
    assert found == [
        (f"{NAME}: results.json, predictions.csv", ["ada", "bob"]),
        (f"{NAME}: executed notebook", ["ada", "bob", "eve"]),
    ]


def test_a_class_in_several_processes(tmp_path, folder):
    for number in range(grades.WORTH_A_POOL):
        (tmp_path / "runs" / f"student {number}").mkdir()
    whole = grade_class(tmp_path / "runs", rubric(tmp_path), tmp_path / "course", 2)
    assert [each.points for each in whole] == [MOST - 4] + [0] * grades.WORTH_A_POOL


def test_what_is_no_class_is_refused(tmp_path, folder):
    asked = rubric(tmp_path)
    with pytest.raises(InputError, match="so it is one student's run"):
        grade_class(tmp_path / "runs" / "ada", asked, tmp_path / "course")
    with pytest.raises(InputError, match="no such folder"):
        grade_class(tmp_path / "absent", asked, tmp_path / "course")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no student"):
        grade_class(tmp_path / "empty", asked, tmp_path / "course")
    with pytest.raises(InputError, match="has no cell train.*--notebooks"):
        grade_class(tmp_path / "runs", asked, tmp_path / "empty")


def test_odd_things_among_the_students(tmp_path, folder):
    runs = tmp_path / "runs"
    (runs / "readme.txt").write_text("not a student")
    (runs / ".hidden").mkdir()
    (runs / "bob.rar").write_bytes(b"Rar!")
    (runs / "eve").symlink_to(runs / "ada")
    (runs / "zoe.zip").write_bytes(b"PK nonsense")
    (runs / "max").mkdir()
    with zipfile.ZipFile(runs / "max" / "all.zip", "w") as archive:
        archive.writestr("07/submission.zip", b"PK")
    (runs / "kim").mkdir()
    (runs / "kim" / NAME).symlink_to(folder)
    (runs / "ada" / "phantom").mkdir()
    (runs / "ada" / "09_more").mkdir()
    (runs / "ada" / "09_more" / "results.json").write_text("{}")
    found = graded(tmp_path)
    told = {each.name: [*each.troubles, *each.notes] for each in found}
    assert not any(one.place for each in found[2:] for one in each.notebooks.values())
    assert told == {
        "ada": ["Not in the rubric, so not graded: 09_more."],
        "bob": ["bob.rar: only folders and zips are read."],
        "eve": ["eve: a symbolic link; not followed."],
        "kim": [f"{NAME}: a symbolic link; not followed."],
        "max": [
            "all.zip: no notebook's files are in it, but zips are: unpack it first."
        ],
        "zoe": ["zoe.zip: not a readable zip (File is not a zip file)."],
    }


def test_an_unreadable_folder_is_reported(tmp_path, folder):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    folder.parent.chmod(0)
    try:
        assert "PermissionError" in graded(tmp_path)[0].troubles[0]
    finally:
        folder.parent.chmod(0o755)


# === No file stops it ===


ODD = [None, True, -1, 1e15, "", "x", [], [1], {}, {"a": 1}]
WATCHED = (
    "abnormal.accuracy",
    "abnormal.auroc",
    "clinical.micro_f1_14",
    "training.loss",
)


def places(value, way=()):
    """Every place in a record, but only some of its scores."""
    yield way
    pairs = ()
    if isinstance(value, dict):
        pairs = [(k, v) for k, v in value.items() if "." not in k or k in WATCHED]
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, each in pairs:
        yield from places(each, (*way, key))


def test_whatever_stands_in_a_field_is_graded_or_told(tmp_path, folder):
    asked = rubric(tmp_path)
    course = grades.read_course(asked, tmp_path / "course")
    path = folder / "results.json"
    whole = json.loads(path.read_text())
    for way in places(whole):
        for odd in ODD:
            record = copy.deepcopy({"": whole})
            *parents, last = "", *way
            inner = functools.reduce(operator.getitem, parents, record)
            inner[last] = odd
            path.write_text(json.dumps(record[""]))
            grade = grades.grade_student(("ada", [folder.parent]), asked, course)
            troubles = grade.notebooks[NAME].troubles
            assert not any("Could not" in words for words in troubles), (way, odd)


def test_a_file_that_breaks_the_grader_costs_one_notebook(
    tmp_path, folder, monkeypatch
):
    def breaks(*arguments):
        raise ZeroDivisionError("nobody thought\nof this")

    monkeypatch.setattr(grades, "read_handed_in", breaks)
    _, one = said(tmp_path)
    assert one.troubles == [
        "Could not be graded: ZeroDivisionError: nobody thought of this"
    ]


def test_a_prediction_that_says_nothing_is_counted_again_as_nothing():
    table = predictions()
    table.loc[:2, "prediction"] = ["....", "nan", "\ufb01brosis \u2013 no edema"]
    found = evaluate_predictions(table, intervals=False)
    told = {"metrics": found["scores"], "baselines": found["baselines"]}
    again = recount(found["table"].to_csv(index=False).encode(), told)
    assert len(again) > 20 and differences(told["metrics"], again) == {}

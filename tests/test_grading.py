"""What counts of what a student handed in, what does not, and that it is said."""

import json
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from handed_in import (
    CODES,
    IDS,
    MOST,
    NAME,
    REPORTS,
    RUBRIC,
    ada,
    edit,
    graded,
    predictions,
    said,
    write_notebook,
)

from coursework.results import Results
from coursework.submission import pack_submission


@pytest.fixture()
def folder(tmp_path):
    return ada(tmp_path)


# === What is right ===


def test_all_that_can_be_earned_without_a_human(tmp_path, folder):
    items, one = said(tmp_path)
    assert (one.points, one.open, one.troubles, one.notes) == (MOST - 4, 4, [], [])
    assert items["exercise-3"] == ("open", "6 words, for a human to mark.")
    assert items["cells-ran"][1] == "All 5 code cells ran in order, without error."
    assert "above constant (0." in items["clinical.micro_f1_14"][1]
    assert one.about[0][0] == "data" and one.about[0][1].startswith("PHANTOM")
    sources = {o.item.id: o.source for o in one.outcomes}
    assert sources["abnormal.auroc"] == "recomputed from predictions.csv"
    assert sources["training.loss"] == "as results.json says"


def test_results_as_the_course_writes_them_recompute_to_themselves(tmp_path):
    results = Results(tmp_path / "runs" / "ada", NAME)
    results.dataset("phantom", {"test": 40})
    table = predictions(40).assign(nearest=np.roll(predictions(40)["reference"], 1))
    # As a model gives them.
    table["probability"] = table["probability"].astype("float32")
    results.evaluate(table, train_texts=REPORTS, train_labels=[1, 1, 0], threshold=0.37)
    results.write()
    _, one = said(tmp_path)
    assert one.troubles == []


@pytest.mark.parametrize(
    "layout", ["zip", "student zip", "packed", "flat", "renamed", "unpacked"]
)
def test_ways_to_hand_in(tmp_path, folder, layout):
    runs = tmp_path / "runs"
    packed = pack_submission(folder)
    if layout == "zip":
        packed.rename(runs / "ada" / "submission (1).zip")
    if layout == "student zip":
        packed.rename(runs / "ada.zip")
    if layout == "packed":
        shutil.move(packed, tmp_path)
        shutil.rmtree(folder)
        folder.mkdir()
        shutil.move(tmp_path / packed.name, folder)
    if layout == "flat":
        with zipfile.ZipFile(runs / "ada" / "mine.zip", "w") as archive:
            for path in folder.iterdir():
                archive.write(path, path.name)
    if layout == "renamed":
        folder.rename(runs / "ada" / "07_multitask (copy)")
    elif layout == "unpacked":
        (runs / "ada" / "submission").mkdir()
        shutil.move(folder, runs / "ada" / "submission")
    elif layout != "packed":
        shutil.rmtree(folder)
    if layout == "student zip":
        (runs / "ada").rmdir()
    (student,) = graded(tmp_path)
    assert (student.name, student.points) == ("ada", MOST - 4)
    assert not student.troubles and not student.notebooks[NAME].troubles


def test_a_notebook_beside_the_zip(tmp_path, folder):
    notebook = folder / f"{NAME}.ipynb"
    notebook.rename(folder.parent / notebook.name)
    pack_submission(folder).rename(folder.parent / "submission.zip")
    shutil.rmtree(folder)
    assert said(tmp_path)[0]["cells-ran"][0] == "yes"


def test_of_two_the_later_counts(tmp_path, folder):
    edit(folder, lambda r: r["answers"].update({"1": 0.9}))
    edit(folder, lambda r: r.update(written="2026-01-01T00:00:00+00:00"))
    pack_submission(folder).rename(folder.parent / "old.zip")
    edit(folder, lambda r: r["answers"].update({"1": 0.53}))
    edit(folder, lambda r: r.update(written="2026-01-02T00:00:00+00:00"))
    items, one = said(tmp_path)
    assert items["exercise-1"][0] == "yes"
    assert one.notes == [
        f"Handed in 2 times (old.zip, {NAME}/); the latest counts, {NAME}/."
    ]


# === What is missing, wrong, old, foreign or changed ===


def test_nothing_handed_in(tmp_path):
    (tmp_path / "runs" / "emmy").mkdir(parents=True)
    items, one = said(tmp_path)
    assert (one.points, one.place) == (0, "")
    assert set(items.values()) == {("no", "Not handed in.")}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda r: r.update(schema=0),
            "of schema 0, not 1: written by another edition",
        ),
        (lambda r: [r], "of schema None, not 1"),
        (lambda r: r.update(notebook="05_transformer"), "it is that of 05_transf"),
        (lambda r: r["dataset"].update(ground="moon"), "ground is not one of"),
        (
            lambda r: r["dataset"].update(ground=["real"]),
            "ground is not one of",
        ),
        (lambda r: r["dataset"].update(ground="real"), "on real data; phantom is"),
        (lambda r: r.pop("metrics") and None, "results lack metrics"),
        (lambda r: r["metrics"]["abnormal.auroc"].pop("protocol") and None, "protocol"),
        (lambda r: r["metrics"]["abnormal.auroc"].update(value="1"), "not a number"),
        (lambda r: r.update(answers=[1]), "answers are not a dict"),
        (lambda r: r.update(predictions=[1]), "predictions is no object"),
    ],
)
def test_results_that_do_not_count(tmp_path, folder, change, words):
    edit(folder, change)
    items, one = said(tmp_path)
    assert words in one.troubles[0] and one.troubles[0].startswith("results.json")
    assert items["abnormal.auroc"] == items["exercise-1"] == ("no", one.troubles[0])
    assert items["cells-ran"][0] == "yes"  # The notebook speaks for itself.


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("fingerprint: f2", "fingerprint is f1, not f2: another dataset"),
        ("parameters: {epochs: 10}", "epochs is None; 10 is asked for"),
    ],
)
def test_another_dataset_or_parameter(tmp_path, folder, extra, words):
    text = RUBRIC.replace("ground: phantom", f"ground: phantom\n    {extra}")
    assert words in said(tmp_path, text)[1].troubles[0]


def test_broken_files_are_told(tmp_path, folder):
    (folder / "results.json").write_text('{"schema": 1')
    (folder / f"{NAME}.ipynb").write_text('{"cells": 3}')
    items, one = said(tmp_path)
    assert "results.json: not readable as JSON" in one.troubles[0]
    assert f"{NAME}.ipynb: not a notebook of format 4" in one.troubles[1]
    assert {mark for mark, _ in items.values()} == {"no"}


def test_changed_scores_do_not_count(tmp_path, folder):
    honest = json.loads((folder / "results.json").read_text())["metrics"]
    value = honest["abnormal.auroc"]["value"]

    def change(record):
        record["metrics"]["abnormal.auroc"]["value"] = value + 0.01
        record["metrics"]["clinical.micro_f1_14"]["constant"] -= 0.2

    edit(folder, change)
    items, one = said(tmp_path)
    words = f"results.json says {value + 0.01:.4f}, predictions.csv gives {value:.4f}"
    assert (
        f"abnormal.auroc: {words} (0.0100 more); it does" in items["abnormal.auroc"][1]
    )
    assert "clinical.micro_f1_14, constant: " in items["clinical.micro_f1_14"][1]
    assert items["training.loss"][0] == "yes"
    assert one.troubles[0].startswith("2 scores in results.json are not what")


@pytest.mark.parametrize("required", [True, False])
def test_predictions_that_give_no_score_leave_none_to_count(tmp_path, folder, required):
    (folder / "predictions.csv").write_text("uid,x\n1,a\n")
    text = RUBRIC if required else RUBRIC.replace("    predictions: true\n", "")
    items, _ = said(tmp_path, text)
    for name in ("abnormal.auroc", "clinical.micro_f1_14"):
        words = f"{name} is not in what predictions.csv gives."
        assert items[name] == ("no", words)
    assert items["training.loss"][0] == "yes"


def test_a_constant_that_says_nothing_is_no_constant(tmp_path, folder):
    def change(record):
        record["baselines"]["constant_report"] = {"text": "  "}
        record["metrics"]["clinical.micro_f1_14"]["constant"] = 0.0

    edit(folder, change)
    assert said(tmp_path)[0]["clinical.micro_f1_14"] == (
        "no",
        "There is no constant beside it.",
    )


def test_labels_alone_have_their_majority_class(tmp_path, folder):
    """As 04 leaves them: no texts, so no constant report."""
    path = folder / "predictions.csv"
    table = pd.read_csv(path)[["uid", "label", "probability"]]
    table.to_csv(path, index=False)
    edit(folder, lambda r: r["baselines"].pop("constant_report") and None)
    text = RUBRIC.replace(
        "metric: abnormal.auroc, above: 0.6",
        "metric: abnormal.accuracy, above: constant",
    )
    mark, reason = said(tmp_path, text)[0]["abnormal.accuracy"]
    assert mark == "yes" and "above constant (0." in reason


BRIER = RUBRIC.replace(
    "metric: abnormal.auroc, above: 0.6", "metric: abnormal.brier, below: constant"
)


def test_errors_stand_beside_the_prevalence_of_train(tmp_path):
    results = Results(tmp_path / "runs" / "ada", NAME)
    results.dataset("phantom", {"test": 40})
    results.evaluate(predictions(40), train_texts=REPORTS, train_labels=[1, 1, 0])
    results.write()
    items, one = said(tmp_path, BRIER)
    constant = results.record["metrics"]["abnormal.brier"]["constant"]
    assert f"below constant ({constant:.4f})" in items["abnormal.brier"][1]
    share = predictions(40)["label"].mean()
    assert constant == pytest.approx(share / 9 + (1 - share) * 4 / 9)
    assert one.troubles == []


def test_a_run_of_an_older_edition_told_the_class_only(tmp_path, folder):
    def change(record):
        record["baselines"]["constant_label"] = "abnormal, the commoner class of train"
        del record["baselines"]["constant_probability"]
        normal = 1 - predictions()["label"].mean()
        for name in ("brier", "ece", "ece_equal_mass"):  # As 1 to every study.
            record["metrics"][f"abnormal.{name}"]["constant"] = normal

    edit(folder, change)
    items, one = said(tmp_path, BRIER)
    assert items["abnormal.brier"][0] == "yes" and one.troubles == []


def test_a_changed_n_or_missing_value_is_seen(tmp_path, folder):
    edit(folder, lambda r: r["metrics"]["abnormal.auroc"].update(n=500))
    assert "says n=500, predictions.csv gives n=12" in said(tmp_path)[1].troubles[0]
    note = {"value": None, "note": "undefined"}
    edit(folder, lambda r: r["metrics"]["abnormal.auroc"].update(note, n=12))
    assert "says no value, predictions.csv" in said(tmp_path)[1].troubles[0]


def test_changed_predictions_do_not_count(tmp_path, folder):
    path = folder / "predictions.csv"
    table = pd.read_csv(path)
    table.assign(prediction=table["reference"]).to_csv(path, index=False)
    items, one = said(tmp_path)
    assert items["clinical.micro_f1_14"][0] == items["looks"][0] == "no"
    assert items["abnormal.auroc"][0] == "yes"  # Its columns are as they were.
    assert one.notes[0].endswith("another checksum.")


def test_a_file_that_a_spreadsheet_saved_still_counts(tmp_path, folder):
    path = folder / "predictions.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    items, one = said(tmp_path)
    assert items["abnormal.auroc"][0] == "yes" and not one.troubles
    assert one.notes[0].endswith("another checksum. It gives the same scores, though.")


def test_without_predictions_their_scores_do_not_count(tmp_path, folder):
    (folder / "predictions.csv").unlink()
    for change in (lambda r: None, lambda r: r.update(predictions=None)):
        edit(folder, change)
        items, one = said(tmp_path)
        assert one.troubles == ["predictions.csv: missing."]
        assert items["abnormal.auroc"][1] == (
            "abnormal.auroc cannot be recomputed. predictions.csv: missing."
        )
        assert items["training.loss"][0] == "yes"


def test_a_column_taken_out_takes_its_scores_along(tmp_path, folder):
    path = folder / "predictions.csv"
    pd.read_csv(path).drop(columns="probability").to_csv(path, index=False)
    items, _ = said(tmp_path)
    assert "is not in what predictions.csv gives" in items["abnormal.auroc"][1]


def test_unreadable_predictions_are_told(tmp_path, folder):
    for content, words in (
        (b"uid,reference\n1,\xff\n", "not in UTF-8"),
        (b"uid,label,probability\n1,1,7\n", "outside [0, 1]"),
        (b"uid,label,probability\n1,5,0.5\n", "A label is neither"),
        (b"uid,label\n1,1\n1,1\n", "uid 1 occurs more than once"),
    ):
        (folder / "predictions.csv").write_bytes(content)
        _, one = said(tmp_path)
        assert words in one.troubles[0] and one.troubles[0].startswith(
            "predictions.csv"
        )


def test_infinite_predictions_are_no_perfect_ones(tmp_path, folder):
    path = folder / "predictions.csv"
    pd.read_csv(path).assign(ssim_frontal="inf").to_csv(path, index=False)
    assert "frontal.ssim" in said(tmp_path)[1].troubles[0]


def test_the_protocol_must_be_the_one_asked_for(tmp_path, folder):
    edit(
        folder,
        lambda r: r["metrics"]["clinical.micro_f1_14"]["protocol"].update(
            section="findings"
        ),
    )
    edit(folder, lambda r: r["metrics"]["training.loss"]["protocol"].clear())
    edit(
        folder, lambda r: r["metrics"]["training.loss"].update(protocol={"split": "x"})
    )
    edit(folder, lambda r: r["metrics"].pop("abnormal.auroc") and None)
    items, _ = said(tmp_path)
    assert (
        "section is findings; impression is asked" in items["clinical.micro_f1_14"][1]
    )
    assert "split is x; val is asked for" in items["training.loss"][1]
    assert items["abnormal.auroc"][1] == "results.json has no score abnormal.auroc."
    text = RUBRIC.replace("studies: 10", "studies: 100").replace(
        "section: imp", "s: imp"
    )
    items, _ = said(tmp_path, text)
    assert "s is not stated; impression is" in items["clinical.micro_f1_14"][1]


def test_ground_and_number_of_studies_can_be_asked_of_a_score(tmp_path, folder):
    text = RUBRIC.replace("{split: val}", "{split: val, ground: real}")
    items, _ = said(tmp_path, text.replace("studies: 10", "studies: 100"))
    assert items["training.loss"][1] == (
        "training.loss: ground is phantom; real is asked for."
    )
    assert "rests on 12 studies; at least 100" in items["clinical.micro_f1_14"][1]


def test_an_old_course_is_reported(tmp_path, folder):
    edit(folder, lambda r: r["environment"].update(versions={"cxrlib": "0.0.1"}))
    codes = [code.replace("train", "teach") for code in CODES]
    write_notebook(folder / f"{NAME}.ipynb", codes, IDS)
    items, one = said(tmp_path)
    assert one.notes[0].startswith("Run with cxrlib 0.0.1; graded with ")
    assert one.notes[1] == (
        "Of the course's 5 code cells 1 is not as the course has them now: train."
    )
    assert items["cells-unchanged"] == (
        "no",
        "train differs in line 1: “model = teach(seed)”, the course has "
        "“model = train(seed)”.",
    )


def test_taking_a_cell_out_earns_nothing(tmp_path, folder):
    """A cell that fails cannot be handed in by leaving it away."""
    text = RUBRIC.replace(
        "cells: unchanged, ids: [train]", "cells: unchanged, ids: [write]"
    )
    for code in ("", "# model = train(seed)"):
        write_notebook(folder / f"{NAME}.ipynb", [*CODES[:2], code, *CODES[3:]], IDS)
        items, _ = said(tmp_path, text)
        assert items["cells-unchanged"][0] == "yes"
        assert items["cells-ran"] == (
            "no",
            "Of the course's code cells, missing or commented out, so not run: train.",
        )

"""The commands end to end, on phantoms and on what is real; and what they refuse."""

import json
import os
import re
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from cxrlib.__main__ import main


def call(*arguments, fails=False):
    """Run a command in this process; show its output if it ends otherwise."""
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    assert (result.exit_code != 0) == fails, result.output + repr(result.exception)
    if fails:
        # One line for the user, never a traceback.
        assert isinstance(result.exception, SystemExit), repr(result.exception)
    return result.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A phantom, prepared, and a tiny model trained on it for one epoch."""
    folder = tmp_path_factory.mktemp("cli")
    call("phantom", folder / "phantom", "--studies", 40, "--size", 64)
    call(
        *("prepare", folder / "prepared", "--data", folder / "phantom"),
        *("--size", 64, "--split", 0.6, 0.2, 0.2),
    )
    call(
        *("train", folder / "prepared", folder / "training", "--preset", "tiny"),
        *("--epochs", 1, "--batch-size", 8, "--sequence-length", 32),
    )
    return folder


def test_from_phantom_to_scores(trained):
    output = call(
        *("evaluate", trained / "training" / "model.keras", trained / "prepared"),
        trained / "evaluation",
    )
    assert re.search(r"^nltk\nbleu_1 ", output, re.MULTILINE) and "ssim" in output
    assert max(map(len, output.partition("Written")[0].splitlines())) <= 100
    record = json.loads((trained / "evaluation" / "results.json").read_text())
    assert record["dataset"]["ground"] == "phantom"
    predictions = pd.read_csv(trained / "evaluation" / "predictions.csv")
    counts = record["dataset"]["counts"]
    assert len(predictions) == counts["test"]
    assert record["model"]["trained_on"].startswith(f"{counts['train']} studies")
    assert "PHANTOM" in record["model"]["trained_on"]
    assert record["weights"] == {"encoder": "none", "gpt2": "none"}
    assert "frontal.ssim" in call("scores", trained / "evaluation")


def views_of(trained, folder, depth):
    """Two radiographs as PNG of 8 or 16 bit."""
    image = sorted((trained / "phantom").glob("images/*/*.png"))[0]
    pixels = cv2.imread(str(image), cv2.IMREAD_GRAYSCALE)
    if depth == 16:
        pixels = pixels.astype("uint16") * 257
    for view in ("frontal", "lateral"):
        cv2.imwrite(str(folder / f"{view}.png"), pixels)
    return folder / "frontal.png", folder / "lateral.png"


def test_a_report_is_the_same_from_8_and_16_bit(trained, tmp_path):
    answers = []
    for depth in (8, 16):
        frontal, lateral = views_of(trained, tmp_path, depth)
        output = call(
            *("report", "--frontal", frontal, "--lateral", lateral, "--json"),
            *("--model", trained / "training" / "model.keras"),
            *("--reconstructions", tmp_path / str(depth)),
        )
        answers.append(json.loads(output[output.index("{") :]))
        assert len(answers[-1].pop("files")) == 2
        shape = cv2.imread(str(tmp_path / str(depth) / "lateral_reconstruction.png"))
        assert shape.shape[:2] == (64, 64)
    assert answers[0] == answers[1]
    assert 0 <= answers[0]["abnormal_probability"] <= 1
    assert answers[0]["threshold"] == 0.5, "this model has none of its own"
    assert any("PHANTOM" in note for note in answers[0]["notes"])
    assert not any("was missing" in note for note in answers[0]["notes"])


def test_a_frontal_alone_says_what_was_missing(trained, tmp_path):
    frontal, _ = views_of(trained, tmp_path, 8)
    model = trained / "training" / "model.keras"
    made = ("--reconstructions", tmp_path / "made")
    output = call("report", "--frontal", frontal, "--model", model, *made)
    assert os.listdir(tmp_path / "made") == ["frontal_reconstruction.png"]
    assert "lateral view was missing" in output and "Not for clinical use" in output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:300]), "frontal.png"),
        (lambda path: path.write_bytes(b""), "frontal.png"),
        (lambda path: path.unlink(), "frontal.png"),
    ],
)
def test_a_broken_radiograph_is_named(trained, tmp_path, change, message):
    frontal, _ = views_of(trained, tmp_path, 8)
    change(frontal)
    model = trained / "training" / "model.keras"
    output = call("report", "--frontal", frontal, "--model", model, fails=True)
    assert message in output and output.count("\n") <= 2


def test_a_model_of_another_size_is_refused(trained, tmp_path):
    call(
        *("prepare", tmp_path / "prepared", "--data", trained / "phantom"),
        *("--size", 96, "--split", 0.6, 0.2, 0.2),
    )
    model = trained / "training" / "model.keras"
    output = call(
        "evaluate", model, tmp_path / "prepared", tmp_path / "out", fails=True
    )
    assert "size 96" in output and "size 64" in output


def test_training_again_needs_the_same_settings(trained, tmp_path):
    shutil.copytree(trained / "training", tmp_path / "training")
    output = call(
        *("train", trained / "prepared", tmp_path / "training", "--preset", "tiny"),
        *("--epochs", 1, "--batch-size", 4, "--sequence-length", 32),
        fails=True,
    )
    assert "batch_size=8, not 4" in output


def test_wrong_input_is_reported_in_one_line(tmp_path):
    missing = call("prepare", tmp_path / "out", "--data", tmp_path / "no", fails=True)
    assert str(tmp_path / "no") in missing
    table = tmp_path / "studies.csv"
    table.write_text("frontal,lateral,notes\na.png,b.png,Clear.\n")
    output = call("prepare", tmp_path / "out", "--data", table, fails=True)
    assert "report" in output and "--column" in output
    table.write_text("frontal,lateral,report\n../a.png,b.png,Clear.\n")
    assert "../a.png" in call("prepare", tmp_path / "out", "--data", table, fails=True)
    output = call("train", tmp_path, tmp_path / "training", fails=True)
    assert "prepare" in output


@pytest.mark.real
def test_real_pairs_go_the_same_way(trained, real_data, tmp_path):
    columns = ("report=notes", "patient=patientid", "finding=finding")
    call(
        *("prepare", tmp_path / "prepared", "--data", real_data / "paired"),
        *("--size", 64, "--split", 0.5, 0.1, 0.4),
        *[each for column in columns for each in ("--column", column)],
        *("--image-root", real_data / "paired" / "images"),
    )
    model = trained / "training" / "model.keras"
    output = call("evaluate", model, tmp_path / "prepared", tmp_path / "evaluation")
    assert "only one class" in output, "all of these studies are abnormal"
    record = json.loads((tmp_path / "evaluation" / "results.json").read_text())
    assert record["dataset"]["ground"] == "real"
    assert record["metrics"]["abnormal.auroc"]["value"] is None
    assert np.isfinite(record["metrics"]["frontal.ssim"]["value"])


@pytest.mark.real
def test_the_real_indiana_folder_goes_on_without_its_images(real_data, tmp_path):
    output = call(
        "prepare", tmp_path / "out", "--data", real_data / "indiana", "--size", 64
    )
    assert "2,414" in output
    problems = pd.read_csv(tmp_path / "out" / "problems.csv")
    assert len(problems) > 4000 and problems.reason.notna().all()

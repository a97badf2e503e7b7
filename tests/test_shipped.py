"""The report model that comes with the course: whole, light, at once, no chance hit."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import cv2
import h5py
import numpy as np
import pytest

from coursework.results import read_results
from cxrbase.files import InputError
from cxrlib.data.prepare import prepare, read_manifest
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import funnel, load_studies
from cxrlib.data.table import split_size
from cxrlib.pretrained.registry import (
    PHANTOM_REPORT,
    SUMS,
    course_weights,
    registered,
)
from cxrlib.systems.reports.predict import eagerly, predict_split, write_report
from cxrlib.systems.reports.pretrain_report import curve, draw_prepared, pretrain_report
from cxrlib.systems.reports.shipped import CARD, WEIGHTS, load_report_model
from cxrphantom.dataset import write_phantom
from cxrscore.evaluate import evaluate_predictions

ROOT = pathlib.Path(__file__).parents[1]
FOLDER = course_weights() / PHANTOM_REPORT
SEED = 5_000_000  # Neither the course's nor that of any file in weights/.


@pytest.fixture(scope="module")
def model():
    return load_report_model()


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """Two dozen phantom studies that nothing was trained on."""
    root = tmp_path_factory.mktemp("held-out") / "phantom"
    write_phantom(root, studies=45, seed=SEED, size=256, progress=False)
    kept, _ = funnel(load_studies(find_dataset(root)))
    assert len(kept) >= 24
    return kept.head(24).assign(split="test")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of the shipped folder that is found in the place of the course's."""
    shutil.copytree(FOLDER, tmp_path / PHANTOM_REPORT)
    shutil.copy(course_weights() / SUMS, tmp_path)
    monkeypatch.setenv("CXR_WEIGHTS", str(tmp_path))
    return tmp_path / PHANTOM_REPORT


# === What lies there ===


def test_it_is_light_and_in_half_precision():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 20e6
    kinds = set()
    with h5py.File(FOLDER / WEIGHTS) as file:
        file.visititems(
            lambda name, item: (
                kinds.add((name.split("/")[-1].isdigit(), item.dtype))
                if isinstance(item, h5py.Dataset) and item.dtype.kind == "f"
                else None
            )
        )
    assert kinds == {(True, np.dtype("float16"))}


def test_the_card_says_how_it_was_made_and_what_it_reaches():
    card = json.loads((FOLDER / CARD).read_text())
    made, origin = card["made_with"], card["model"]["origin"]
    assert made["command"].startswith("python -m cxrlib pretrain-report")
    assert len(made["commit"]) == 40 and made["versions"]["keras"].startswith("3.13")
    assert made["recipe"]["seed"] >= 1_000_000 and made["studies"]["test"] > 300
    assert len(card["curve"]) == made["recipe"]["epochs"]
    assert origin["ground"] == "phantom" and origin["seed"] == made["recipe"]["seed"]
    assert origin["trained_on"].startswith("phantoms alone")
    scores = card["reaches"]
    assert {"frontal.ssim", "lateral.ssim", "clinical.micro_f1_14"} <= set(scores)
    for name in ("coco.bleu_4", "coco.rouge_l", "clinical.micro_f1_5"):
        beside = [scores[name][each] for each in ("constant", "frequent", "permuted")]
        assert scores[name]["low"] > max(beside), name
    side = scores["clinical.wrong_side_share"]
    assert side["high"] < side["permuted"]


def test_a_file_that_was_altered_is_refused(copied):
    with open(copied / WEIGHTS, "r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(b"x")
    with pytest.raises(InputError, match=f"{WEIGHTS}: its SHA-256 .* make sums"):
        load_report_model()


def test_another_encoder_than_its_own_is_refused(copied):
    card = json.loads((copied / CARD).read_text())
    card["rests_on"]["phantom_encoder.weights.h5"] = "0" * 64
    (copied / CARD).write_text(json.dumps(card))
    with pytest.raises(InputError, match="was trained from other files .* make pretr"):
        load_report_model(copied)


@pytest.mark.parametrize("content", ["", "[]", '{"model": {}}', '{"model": 1}'])
def test_a_card_that_is_none_is_named(copied, content):
    (copied / CARD).write_text(content)
    with pytest.raises(InputError, match=f"{CARD}: is no card of a report model"):
        load_report_model(copied)
    (copied / CARD).unlink()
    with pytest.raises(InputError, match=f"{CARD}: there is no such card"):
        load_report_model(copied)


def test_weights_of_half_the_layers_are_refused(copied):
    with h5py.File(copied / WEIGHTS, "r+") as file:
        del file["classifier"]
    with pytest.raises(InputError, match=f"{WEIGHTS}: does not fit report_model"):
        load_report_model(copied)


# === At work ===


def test_it_is_better_than_chance_on_phantoms_of_another_seed(model, studies, tmp_path):
    prepare(studies, tmp_path, size=128, progress=False)
    predictions, _ = predict_split(model, tmp_path, "test")
    found = evaluate_predictions(predictions.drop(columns="latent"))["scores"]
    assert predictions.prediction.nunique() > 5
    for name in ("clinical.micro_f1_14", "clinical.micro_f1_5", "coco.rouge_l"):
        score = found[name]
        assert score["value"] > score["constant"] + 0.1, name
        assert score["value"] > score["shuffled"] + 0.1, name
    assert found["abnormal.auroc"]["value"] > 0.9
    assert min(found[f"{view}.ssim"]["value"] for view in ("frontal", "lateral")) > 0.9


def test_it_can_be_trained_further(model):
    assert model.compiled and model.origin["section"] == "impression"
    # What results say of a notebook that starts from it.
    assert registered(model.origin["report"])["ground"] == "phantom"
    encoder = model.imaging.encoder
    assert sum(layer.trainable for layer in encoder.layers[:-1]) == 10


def test_the_command_answers_in_a_fresh_process(studies, tmp_path):
    study = studies.iloc[0]
    command = [sys.executable, "-m", "cxrlib", "report", "--frontal", study.frontal]
    command += ["--lateral", study.lateral]
    paths = os.pathsep.join([str(ROOT), str(ROOT / "packages")])
    environment = os.environ | {"PYTHONPATH": paths}
    options = {"cwd": tmp_path, "env": environment, "text": True, "check": True}
    text = subprocess.run(command, capture_output=True, **options).stdout
    assert text.startswith("Report: ") and "trained on phantoms" in text
    assert "Label: " in text and "threshold" in text
    stem = pathlib.Path(study.frontal).stem
    for view in ("frontal", "lateral"):
        name = f"outputs/report/{stem}/{view}_reconstruction.png"
        assert name in text
        image = cv2.imread(str(tmp_path / name), cv2.IMREAD_GRAYSCALE)
        assert image.shape == (128, 128) and image.std() > 20


def test_json_says_the_same(model, studies, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from cxrlib.__main__ import main

    monkeypatch.chdir(tmp_path)
    frontal = studies.iloc[1].frontal
    result = CliRunner().invoke(main, ["report", "--frontal", frontal, "--json"])
    answer = json.loads(result.stdout)
    assert any("trained on phantoms" in note for note in answer["notes"])
    here = write_report(model, frontal)
    assert answer["report"] == here["report"]
    assert answer["threshold"] == model.origin["threshold"]
    is_abnormal = answer["abnormal_probability"] >= answer["threshold"]
    assert answer["label"] == ("abnormal" if is_abnormal else "normal")


def test_one_study_makes_no_graph_and_spoils_none(tiny_model):
    views = {v: np.zeros((1, 64, 64, 1), "float32") for v in ("frontal", "lateral")}
    greedy = tiny_model.generate(views)
    parts = tiny_model.imaging, tiny_model.causal_lm
    graph = tiny_model.causal_lm.generate_function
    assert graph is not None
    with eagerly(tiny_model):
        assert tiny_model.generate(views, return_imaging=True)[0] == greedy
        assert all(part.run_eagerly for part in parts)
    assert tiny_model.causal_lm.generate_function is graph
    with eagerly(tiny_model):
        tiny_model.generate(views, sampler="top_p")
    # A graph of the sampler before would go on with it.
    assert tiny_model.causal_lm.generate_function is None
    assert not any(part.run_eagerly for part in parts)


# === How it is made ===


def test_train_and_test_are_phantoms_of_two_seeds(tmp_path):
    out = tmp_path / "prepared"
    assert draw_prepared(out, studies=32, held_out=32, seed=SEED) == out
    manifest = read_manifest(out)
    assert manifest["source"]["ground"] == "phantom" and manifest["size"] == 128
    assert all(split_size(out, split) for split in ("train", "val", "test"))
    uids = np.loadtxt(out / "studies.csv", str, delimiter=",", skiprows=1, usecols=0)
    assert {uid.split("-")[0] for uid in uids} == {str(SEED), str(SEED + 1)}
    assert sorted(os.listdir(tmp_path)) == ["prepared", "prepared.json"], "no films"
    before = (out / "manifest.json").stat().st_mtime_ns
    draw_prepared(out, studies=32, held_out=32, seed=SEED)
    assert (out / "manifest.json").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="Use another folder"):
        draw_prepared(out, studies=64, held_out=32, seed=SEED)


def test_the_curve_is_that_of_the_history(tmp_path):
    names = "val_text_perplexity,val_abnormal_auroc,val_frontal_ssim,val_lateral_ssim"
    (tmp_path / "history.csv").write_text(
        f"epoch,loss,val_loss,{names}\n0,2.00004,3,4,0.5,0.6,0.7\n1,1,2,3,0.5,0.6,0.7\n"
    )
    found = curve(tmp_path / "history.csv")
    assert list(found) == ["1", "2"] and found["1"]["loss"] == 2.0
    assert found["2"]["val_text_perplexity"] == 3


@pytest.mark.long
def test_it_is_trained_stored_and_scored_by_one_call(tmp_path):
    few = {"studies": 40, "held_out": 32, "epochs": 1, "batch_size": 8, "seed": SEED}
    work = tmp_path / "work"
    card = pretrain_report(tmp_path / "model", workdir=work, **few)
    assert card == json.loads((tmp_path / "model" / CARD).read_text())
    assert card["made_with"]["studies"]["train"] and len(card["curve"]) == 1
    stored = load_report_model(tmp_path / "model")
    record = read_results(work / "scores" / "results.json")
    assert record["weights"]["report"] == PHANTOM_REPORT
    assert stored.origin["seed"] == SEED and 0 <= stored.origin["threshold"] <= 1
    # A second call trains nothing, and stores the same.
    assert pretrain_report(tmp_path / "model", workdir=work, **few) == card

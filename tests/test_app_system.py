"""What stands behind the web page: the words of an answer, the gate, the systems."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import types

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from films import film
from served import png

from cxrbase.files import InputError
from cxrbase.images import read_radiograph, resize_square
from cxrlib.app import system as systems
from cxrlib.app.gate import LungGate, is_negative, size_gate
from cxrlib.app.system import (
    DiagnosisSystem,
    ReportSystem,
    load_system,
    outlines,
    percent,
    read_finding,
)
from cxrlib.app.tags import judge_tags
from cxrlib.app.work import summary
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.pretrained import registry
from cxrlib.pretrained.backbone import BackboneEncoder
from cxrlib.systems.diagnosis.films import read_films
from cxrlib.systems.diagnosis.model import DiagnosisModel
from cxrlib.systems.diagnosis.predict import predict_films
from cxrscore.labels.vocabulary import LABELS as LABELS_OF_ALL
from cxrscore.labels.vocabulary import NIH_LABELS

ROOT = pathlib.Path(__file__).parents[1]


# === Words ===


@pytest.mark.parametrize(
    ("probability", "threshold", "answer"),
    [
        (0.9, 0.5, "present"), (0.1, 0.5, "absent"), (0.5, 0.5, "not sure"),
        (0.59, 0.5, "not sure"), (0.61, 0.5, "present"), (0.39, 0.5, "absent"),
        # A rare label: twice its threshold is not near it, though 2 % apart.
        (0.04, 0.02, "present"), (0.025, 0.02, "not sure"), (0.01, 0.02, "absent"),
        (0.0, 0.0, "not sure"), (1.0, 0.3, "present"), (0.0, 1.0, "absent"),
    ],
)  # fmt: skip
def test_near_a_threshold_is_told_by_odds(probability, threshold, answer):
    found = read_finding("Mass", probability, threshold)
    assert found.answer == answer
    assert found.words.startswith("Mass: ") and percent(threshold) in found.words
    assert ("not sure" in found.words) == (answer == "not sure")


@pytest.mark.parametrize(
    ("probabilities", "words"),
    [
        ((0.9, 0.1, 0.1), "Called present: A. 2 are below their thresholds."),
        ((0.9, 0.5, 0.1), "Called present: A. Not sure of: B. The other one is below "
         "its threshold."),
        ((0.1, 0.1, 0.1), "Nothing is called present."),
        ((0.5, 0.5, 0.5), "Not sure of: A, B, C."),
    ],
)  # fmt: skip
def test_one_sentence_sums_up_all_labels(probabilities, words):
    found = [
        read_finding(*each, 0.5) for each in zip("ABC", probabilities, strict=True)
    ]
    assert summary(found) == words


def test_a_share_is_never_said_to_be_0_or_1():
    assert [percent(each) for each in (0, 0.004, 0.5, 0.996, 1)] == [
        "under 1 %", "under 1 %", "50 %", "over 99 %", "over 99 %",
    ]  # fmt: skip


# === The gate ===


def test_the_baseline_looks_at_the_size_alone():
    assert "10 × 90" in size_gate(np.zeros((90, 10)))
    assert "strip" in size_gate(np.zeros((100, 900)))
    assert size_gate(np.zeros((128, 200))) == ""


def gate_of(upright, over):
    """A gate whose lung model gives a film and the film turned over these masks."""
    _, mask = film()
    masks = [
        types.SimpleNamespace(flag=flag, confidence=confidence, mask=mask)
        for flag, confidence in (upright, over)
    ]
    return LungGate(types.SimpleNamespace(find=lambda film, turned: masks))


def test_the_gate_tells_why():
    image, _ = film()
    sure, unsure = ("", 0.98), ("", 0.95)
    assert gate_of(sure, unsure)(image) == ""
    assert gate_of(sure, ("", 0.985))(image) == ""  # Hardly surer.
    assert "upside down" in gate_of(unsure, sure)(image)
    assert "upside down" in gate_of(("no lungs found", 0.0), sure)(image)
    assert "no lungs found" in gate_of(("no lungs found", 0), ("unsure", 0.9))(image)
    assert "negative" in gate_of(sure, unsure)(1 - image)
    assert LungGate(None)(np.zeros((10, 10))) == size_gate(np.zeros((10, 10)))


@pytest.mark.real
def test_no_films_with_lungs_that_people_drew_are_negatives():
    data = os.environ.get("CXR_REAL_DATA") or ROOT.parent / "shared" / "data"
    paths = sorted((pathlib.Path(data) / "lungs" / "masks").glob("*.png"))[::20]
    if not paths:
        pytest.skip("the real data are not here")
    for path in paths:
        image = read_radiograph(path.parents[1] / "images" / path.name)
        mask = cv2.imread(str(path), 0) > 127
        assert not is_negative(image, mask) and is_negative(1 - image, mask), path.name


def test_the_docs_say_what_was_measured():
    measured = json.loads((ROOT / "benchmarks" / "results" / "gate.json").read_text())
    page = (ROOT / "docs" / "page.md").read_text()
    for row in measured["sets"]:
        assert f"| {row['set']} | {row['n']} | {row['lungs']['refused']} |" in page
        assert row["size"]["refused"] == 0  # As the page says.


def test_tags_are_judged_by_view():
    assert judge_tags({}) == ("", [])
    assert judge_tags({"Modality": "DX", "ViewPosition": "LL"}, "lateral")[0] == ""
    assert "not a frontal" in judge_tags({"ViewPosition": "LL"})[0]
    assert "not a radiograph" in judge_tags({"Modality": "MG"})[0]
    assert judge_tags({"Modality": "CR", "BurnedInAnnotation": "NO"}) == ("", [])


# === Systems ===


LABELS = ("Mass", "Pleural Thickening")


def encoder_of(kind):
    """An encoder of the course, two of KerasHub's kind, and one without places."""
    keras.utils.set_random_seed(0)
    if kind == "chexnet":
        return CheXNetEncoder(64, (1, 1, 1, 1), 8, 8)
    image = keras.Input((64, 64, 3))
    patches = keras.layers.Conv2D(5, 16, strides=16, activation="relu")(image)
    if kind == "transformer":
        patches = keras.layers.Reshape((16, 5))(patches)
    lungs = None
    if kind == "lungs":  # A model of the lungs that takes the left half for them.
        grey = keras.Input((64, 64, 1))
        half = np.repeat(np.arange(64) < 32, 64).reshape(64, 64).T[None, ..., None]
        mask = keras.layers.Lambda(lambda x: 0 * x + half.astype("float32"))(grey)
        lungs = keras.Model(grey, mask)
    patches = keras.Model(image, patches)
    return BackboneEncoder(patches, (1, 1, 1), (0, 0, 0), lungs=lungs)


def model_of(kind="chexnet", labels=LABELS, trained_on="12 films"):
    """A small model of labels whose head tells films apart."""
    origin = {"trained_on": trained_on, "ground": "real"}
    model = DiagnosisModel(encoder_of(kind), labels, origin=origin)
    kernel, bias = model.head.get_weights()
    rng = np.random.default_rng(0)
    model.head.set_weights([rng.normal(0, 2, kernel.shape), bias])
    model.calibrate(thresholds=np.linspace(0.2, 0.4, len(labels)))
    return model


def test_a_model_of_labels_is_served_as_the_command_reads_films(tmp_path):
    system = DiagnosisSystem(model_of())
    path = tmp_path / "film.png"
    path.write_bytes(png())
    image = read_radiograph(path)
    np.testing.assert_array_equal(
        system._square(image), read_films([path], 64).astype("float32") / 255
    )
    seen = predict_films(system.model, read_films([path], 64))[0]
    np.testing.assert_allclose(system.diagnose(image), seen, atol=1e-6)
    assert np.ptp(seen) > 0.01
    assert system.labels == LABELS
    np.testing.assert_allclose(system.thresholds, (0.2, 0.4))
    assert (system.trained_on, system.ground) == ("12 films", "real")
    assert systems.abilities(system) == ["heatmap"]


@pytest.mark.parametrize("kind", ["chexnet", "backbone", "lungs"])
def test_the_heat_map_is_the_labels_part_of_the_logit(kind):
    system, image = DiagnosisSystem(model_of(kind)), film()[0]
    square = resize_square(image, 64)[None, ..., None]
    maps = np.array(system.model.encoder(square)["maps"])[0]
    weights, _ = system.model.head.get_weights()
    places = maps[..., 0].size
    seen = []
    for column, label in enumerate(LABELS):
        parts = maps @ weights[:, column] / places
        # The parts of all places add up to the logit.
        logit = system.model(square)["logits"][0, column]
        np.testing.assert_allclose(parts.sum(), logit, atol=2e-2)
        seen.append(system.heatmap(image, label))
        np.testing.assert_allclose(seen[-1], np.maximum(parts, 0), atol=2e-3)
    assert np.any(seen)


def test_an_encoder_without_places_has_no_heat_map():
    system = DiagnosisSystem(model_of("transformer"))
    assert systems.abilities(system) == []
    assert np.isfinite(system.diagnose(film()[0])).all()


def parts_of_load(monkeypatch):
    """What `load_system` loads beside the diagnosis, made small."""
    reports = types.SimpleNamespace(report=lambda film, lateral: {})
    monkeypatch.setattr(systems, "LungOutline", lambda: "lungs")
    monkeypatch.setattr(systems, "load_report_model", lambda: None)
    monkeypatch.setattr(systems, "ReportSystem", lambda model, lungs: reports)
    return reports


def test_a_file_of_a_model_is_served_with_reports_and_lungs(monkeypatch, tmp_path):
    reports = parts_of_load(monkeypatch)
    model_of(labels=NIH_LABELS).save(tmp_path / "model.keras")
    system, lungs = load_system(tmp_path / "model.keras")
    assert system.labels == NIH_LABELS and system.name == "diagnosis of 14 labels"
    assert (system.outline, lungs, system.report) == ("lungs", "lungs", reports.report)
    assert load_system("phantom-report") == (reports, "lungs")


def test_an_untrained_model_is_not_served(monkeypatch, tmp_path):
    parts_of_load(monkeypatch)
    model_of(trained_on="nothing: random weights").save(tmp_path / "model.keras")
    with pytest.raises(InputError, match="would be noise"):
        load_system(tmp_path / "model.keras")


def test_without_the_course_s_weights_nothing_else_is_served(monkeypatch, tmp_path):
    parts_of_load(monkeypatch)
    monkeypatch.setattr(registry, "course_weights", lambda: tmp_path)
    monkeypatch.setenv("CXR_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("CXR_KAGGLEHUB", "0")  # Nothing is fetched.
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="nih-diagnosis"):
        load_system()


def test_the_page_has_plain_words_for_every_label():
    words = (ROOT / "cxrlib" / "app" / "static" / "words.js").read_text()
    said = set(re.findall(r'^  "?([A-Z][\w ]+)"?: "', words, re.M))
    assert said == {*LABELS_OF_ALL, *ReportSystem.labels}


def test_an_outline_goes_around_each_region():
    mask = np.zeros((20, 40), bool)
    mask[5:15, 4:12] = mask[5:15, 28:36] = True
    lines = outlines(mask)
    assert len(lines) == 2
    for line in lines:
        x, y = np.transpose(line)
        assert y.min() >= 0.25 and y.max() <= 0.75 and np.ptp(x) < 0.25


# === The command ===


def test_without_fastapi_the_command_says_what_to_install(monkeypatch):
    from cxrlib.__main__ import main

    monkeypatch.setitem(sys.modules, "fastapi", None)
    monkeypatch.delitem(sys.modules, "cxrlib.app.server", raising=False)
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1
    assert "pip install '.[train,dicom,app]'" in result.output


@pytest.mark.long
def test_the_command_serves_a_diagnosis_with_lungs_and_reports(tmp_path):
    httpx = pytest.importorskip("httpx")
    pytest.importorskip("fastapi")
    from cxrphantom.dataset import write_phantom

    model_of(labels=NIH_LABELS).save(tmp_path / "model.keras")
    write_phantom(tmp_path / "phantom", studies=1, size=256, progress=False)
    frontal = next((tmp_path / "phantom" / "images").rglob("*-1001.dcm.png"))
    command = ["serve", "--port", "0", "--model", str(tmp_path / "model.keras")]
    process = subprocess.Popen(
        [sys.executable, "-m", "cxrlib", *command],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'packages'}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        told, line = process.stdout.readline(), process.stdout.readline()
        assert "diagnosis of 14 labels, trained on 12 films" in told
        assert "not for clinical use" in line
        address = re.match(r"http://127\.0\.0\.1:\d+", line)[0]
        with httpx.Client(base_url=address, timeout=300) as client:
            files = {"frontal": frontal.read_bytes()}
            said = client.post("/api/predict", files=files).json()
            assert [each["label"] for each in said["findings"]] == list(NIH_LABELS)
            assert said["model"]["trained_on"] == "12 films"
            assert said["model"]["can"] == ["heatmap", "outline", "report"]
            assert client.post("/api/outline", files=files).json()["outlines"]
            label = {"label": "Hernia"}
            said = client.post("/api/heatmap", files=files, data=label).json()
            assert len(said["values"]) == 2
            last = client.post("/api/report", files=files).text.splitlines()[-1]
            assert json.loads(last)["stage"] == "done"
            assert "phantoms alone" in json.loads(last)["notes"][0]
            noise = png(np.random.default_rng(0).random((256, 256)))
            answer = client.post("/api/predict", files={"frontal": noise})
            assert answer.json()["reason"] == "not_a_frontal_chest_film"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) is not None


@pytest.mark.long
def test_the_report_model_is_served_alone():
    system, _ = load_system("phantom-report")
    assert "phantoms alone" in system.trained_on and system.ground == "phantom"
    assert 0 <= system.diagnose(film()[0])[0] <= 1
    assert system.heatmap(film()[0], "Abnormal").shape == (4, 4)

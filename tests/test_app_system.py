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
import numpy as np
import pytest
from click.testing import CliRunner
from films import film
from served import png

from cxrbase.files import InputError
from cxrbase.images import read_radiograph
from cxrlib.app import system as systems
from cxrlib.app.gate import LungGate, is_negative, size_gate
from cxrlib.app.system import DiagnosisSystem, outlines, percent, read_finding
from cxrlib.app.tags import judge_tags

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


def model_of(trained_on="12 films"):
    """What the page needs of a model of labels, with two of them."""
    maps = np.zeros((1, 2, 2, 3), "float32")
    maps[0, 1, 0] = (1, 2, 0)
    weights = np.array([[1, 0], [1, -5], [0, 1]], "float32")
    encoder = types.SimpleNamespace(
        output={"maps": None, "latent": None}, predict_on_batch=lambda _: {"maps": maps}
    )
    return types.SimpleNamespace(
        labels=("Mass", "Edema"),
        thresholds=np.array([0.2, 0.4]),
        image_size=32,
        origin={"trained_on": trained_on, "ground": "phantom"},
        encoder=encoder,
        head=types.SimpleNamespace(get_weights=lambda: (weights, np.zeros(2))),
        predict_on_batch=lambda x: {"probability": np.array([[0.1, x.mean()]])},
    )


def test_a_model_of_labels_is_served():
    system = DiagnosisSystem(model_of())
    assert system.labels == ("Mass", "Edema") and system.thresholds == (0.2, 0.4)
    assert np.allclose(system.diagnose(np.full((50, 70), 0.25)), [0.1, 0.25])
    assert systems.abilities(system) == ["heatmap"]
    # Summed over the places, the map is the label's part of the logit.
    assert np.allclose(system.heatmap(film()[0], "Mass"), [[0, 0], [3 / 4, 0]])
    assert not system.heatmap(film()[0], "Edema").any()


def test_an_untrained_model_is_not_served():
    with pytest.raises(InputError, match="would be noise"):
        DiagnosisSystem(model_of("nothing: random weights"))


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
def test_the_command_serves_the_courses_own_model(tmp_path):
    httpx = pytest.importorskip("httpx")
    pytest.importorskip("fastapi")
    from cxrphantom.dataset import write_phantom

    write_phantom(tmp_path / "phantom", studies=1, size=256, progress=False)
    frontal = next((tmp_path / "phantom" / "images").rglob("*-1001.dcm.png"))
    process = subprocess.Popen(
        [sys.executable, "-m", "cxrlib", "serve", "--port", "0"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'packages'}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert "not for clinical use" in line
        address = re.match(r"http://127\.0\.0\.1:\d+", line)[0]
        with httpx.Client(base_url=address, timeout=300) as client:
            files = {"frontal": frontal.read_bytes()}
            said = client.post("/api/predict", files=files).json()
            assert [each["label"] for each in said["findings"]] == ["Abnormal"]
            assert "phantoms alone" in said["model"]["trained_on"]
            assert client.post("/api/outline", files=files).json()["outlines"]
            label = {"label": "Abnormal"}
            said = client.post("/api/heatmap", files=files, data=label).json()
            assert len(said["values"]) == 4
            last = client.post("/api/report", files=files).text.splitlines()[-1]
            assert json.loads(last)["stage"] == "done"
            noise = png(np.random.default_rng(0).random((256, 256)))
            answer = client.post("/api/predict", files={"frontal": noise})
            assert answer.json()["reason"] == "not_a_frontal_chest_film"
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) is not None

"""The experiment on phantoms: its parts, on latents that are made up."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from cxrlib.systems.diagnosis.model import DiagnosisModel
from cxrscore.labels.thresholds import CRITERIA
from cxrscore.labels.vocabulary import LABELS

NAMES = ("Edema", "Nodule", "Hernia")


@pytest.fixture
def study(experiment):
    return experiment("phantom_diagnosis")


@pytest.fixture
def model():
    """A head that passes three numbers on as logits."""
    image = keras.Input((32, 32, 1))
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    latent = keras.layers.Concatenate()([pooled] * 3)
    eye = keras.Model(image, {"latent": latent})
    model = DiagnosisModel(eye, NAMES, origin={"trained_on": "nothing",
                           "threshold_from": ["fixed"] * 3})  # fmt: skip
    model.head.set_weights([np.eye(3), np.zeros(3)])
    return model


def made(seed, films=600, weak=0.05):
    """A table, tiny films and latents: Edema is seen, Nodule hardly, Hernia unknown."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"patient": np.arange(films).astype(str), "view": "PA"})
    table["age"] = rng.integers(20, 80, films)
    table[list(LABELS)] = np.nan
    logits = np.stack([rng.normal(-1, 3, films), rng.normal(-3, weak, films),
                       np.zeros(films)], axis=1)  # fmt: skip
    for i, name in enumerate(NAMES[:2]):
        table[name] = rng.random(films) < 1 / (1 + np.exp(-logits[:, i]))
    table["split"] = np.repeat(["train", "val", "test"], films // 3)
    pixels = rng.integers(0, 255, (films, 32, 32, 1)).astype("uint8")
    return (table.astype(dict.fromkeys(NAMES, float)), pixels), logits


def test_a_seed_is_scored_beside_the_baselines_and_elsewhere(study, model):
    both = {seed: made(seed) for seed in (0, 1)}
    draws = {seed: draw for seed, (draw, _) in both.items()}
    seen = {seed: logits for seed, (_, logits) in both.items()}
    run = study.score_seed(0, draws, seen, model, NAMES)
    assert run["labels"] == list(NAMES[:2])  # Hernia is on no film.
    assert run["test"]["macro.auroc"]["n"] == 200
    assert run["elsewhere"]["macro.auroc"]["n"] == 600
    assert run["test"]["Edema.auroc"]["value"] > 0.85
    assert run["test"]["macro.ece"]["value"] < 0.06
    assert run["baselines"]["prevalence"]["macro.auroc"] == 0.5
    assert set(run["baselines"]) == {"prevalence", "view and age", "16 × 16 pixels"}
    runs = [{"vocabulary": "NIH"} | run]
    lines = study.lines_of({"runs": runs, "studies": 600, "commit": "abc"})
    text = "\n".join(lines)
    assert "| Edema |" in text and "as many as there are" in text and "abc" in text


def test_f1_calls_what_it_cannot_see_too_often_and_the_count_does_not(study, model):
    (near, _), seen = made(2)
    (far, _), others = made(3, films=3000)
    val = near.split.eq("val").to_numpy()
    names = list(NAMES)
    found = study.by_criterion(
        model, near.loc[val, names].to_numpy(), seen[val], far[names].to_numpy(), others
    )
    assert list(found) == list(CRITERIA)
    assert found["f1"]["largest"] > 2 > found["count"]["largest"]
    assert 0.8 < found["count"]["predicted_over_true"] < 1.25
    assert found["count"]["labels"] == 2


def test_from_the_drawing_to_the_record(study, tmp_path, monkeypatch):
    """The whole of it, on few films and a training that is given."""
    monkeypatch.setattr(study, "RESULT", tmp_path / "record.json")
    monkeypatch.setattr(study, "VOCABULARIES", {"NIH": NAMES})
    monkeypatch.setattr(study, "SIZE", 64)

    def train(table, labels, out, seed, verbose):
        assert set(table["split"]) == {"train", "val", "test"} and verbose == 0
        assert not table["view"].eq("lateral").any()
        image = keras.Input((128, 128, 1))
        maps = keras.layers.AveragePooling2D(64)(image)
        eye = keras.Model(image, {"latent": keras.layers.Flatten()(maps)})
        origin = {"trained_on": "nothing", "threshold_from": ["fixed"] * 3}
        model = DiagnosisModel(eye, labels, origin=origin)
        out.mkdir()
        model.save(out / "model.keras")
        return model

    monkeypatch.setattr(study, "train_diagnosis", train)
    readme = tmp_path / "results.md"
    readme.write_text(
        "<!-- phantom diagnosis: begin --><!-- phantom diagnosis: end -->"
    )
    command = [str(tmp_path / "out"), "--studies", "40", "--seeds", "0",
               "--readme", str(readme)]  # fmt: skip
    for _ in range(2):  # The second finds all of it done.
        run = CliRunner().invoke(study.main, command, catch_exceptions=False)
        assert run.exit_code == 0, run.output
        monkeypatch.setattr(study, "train_diagnosis", None)
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["runs"][0]["seed"] == 0 and record["recipe"]["criterion"] == "count"
    assert "PHANTOM" in readme.read_text() and "Nodule" in readme.read_text()

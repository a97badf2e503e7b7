"""The committed diagnosis: what its file holds, what its card says, what it reaches."""

import json
import pathlib

import numpy as np
import pytest

from cxrlib.commands.train_diagnosis import read_folders
from cxrlib.data.readers.films import film_paths, label_matrix
from cxrlib.pretrained.registry import NIH_DIAGNOSIS, check_sums, entry
from cxrlib.systems.diagnosis.films import read_films
from cxrlib.systems.diagnosis.predict import predict_films
from cxrlib.systems.diagnosis.shipped import load_diagnosis_model
from cxrscore.labels.many import multilabel_scores
from cxrscore.labels.thresholds import CRITERIA, EXPECTED
from cxrscore.labels.vocabulary import NIH_LABELS

PATH = pathlib.Path(__file__).parents[1] / "weights" / NIH_DIAGNOSIS


@pytest.fixture(scope="module")
def model():
    return load_diagnosis_model(PATH)


@pytest.fixture(scope="module")
def card():
    return json.loads(PATH.with_suffix(".json").read_text(encoding="utf-8"))


def test_the_file_says_what_it_is(model, card):
    assert PATH.stat().st_size < 20e6 and check_sums(PATH, entry("nih-diagnosis")) == 1
    assert model.labels == NIH_LABELS and model.image_size == 256
    assert model.origin["ground"] == "real"
    films, patients = card["trained_on"]["films"], card["trained_on"]["patients"]
    assert model.origin["trained_on"] == f"{films} films, real radiographs and reports"
    assert patients < films
    assert ((model.thresholds > 0) & (model.thresholds < 1)).all()
    softened = np.array(model.calibration.log_temperature)
    assert (np.abs(softened) < np.log(10)).all()
    assert not model.encoder.trainable_weights


def test_its_thresholds_are_chosen_by_the_count(model):
    chosen = {f"validation, {words}" for words in (CRITERIA["count"], EXPECTED)}
    told = model.origin["threshold_from"]
    assert len(told) == len(model.labels)
    assert all(words in chosen or words.startswith("fixed") for words in told), told


def test_the_head_is_linear_on_the_mean_of_the_maps(model):
    film = np.random.default_rng(0).random((1, 256, 256, 1), "float32")
    seen = model.encoder(film)
    latent = np.mean(seen["maps"], axis=(1, 2))
    np.testing.assert_allclose(latent, seen["latent"], rtol=1e-3, atol=1e-3)
    kernel, bias = model.head.get_weights()
    np.testing.assert_allclose(
        latent @ kernel + bias, model(film)["logits"], rtol=1e-3, atol=1e-3
    )


def test_the_card_beats_its_baselines(card):
    macro = card["reaches"]["macro"]
    assert macro["auroc_low"] > 0.68
    for name in ("16 × 16 pixels", "view and age"):
        assert macro["auroc"] > macro[f"{name}: auroc"] + 0.04
    assert all(card["mean_over_folds_within_a_folder"].values())
    assert (
        sum(row["positives"] for row in list(card["reaches"].values())[:-1])
        == (macro["positives"])
    )


@pytest.mark.real
def test_it_reads_the_films_that_it_learned_from(model, real_data):
    table = read_folders([real_data / "nih", real_data / "nih_more"])
    table = table.iloc[::4]
    films = read_films(film_paths(table), model.image_size)
    known = label_matrix(table, model.labels)
    seen = predict_films(model, films)
    scores = multilabel_scores(known, seen, model.labels)
    # It has seen them: this shows that files and labels fit, not how good it is.
    assert scores["macro.auroc"]["value"] > 0.8
    np.testing.assert_allclose(seen.mean(axis=0), known.mean(axis=0), atol=0.15)

"""The main job: train on a prepared folder, predict, encode, evaluate, report."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_prepared import SMALL, SPLITS

from coursework.results import Results
from cxrbase.files import InputError
from cxrbase.images import read_radiograph, resize_square
from cxrlib import training
from cxrlib.data.pipeline import load_batches, load_records
from cxrlib.data.prepare import prepare
from cxrlib.models.metrics import mse, ssim
from cxrlib.systems.files import load_model
from cxrlib.systems.reports import train as reports_train
from cxrlib.systems.reports.model import ReportModel
from cxrlib.systems.reports.predict import encode_split, predict_split, write_report
from cxrlib.systems.reports.recipe import ReportRecipe
from cxrlib.systems.reports.train import (
    evaluate_model,
    identity,
    read_texts,
    train_report_model,
)
from cxrscore.labels.thresholds import choose_threshold

VIEWS = ("frontal", "lateral")


@pytest.fixture(scope="module", autouse=True)
def eager():
    """Run step by step: a handful of steps is sooner done than traced."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def studies(phantom_studies):
    """Twenty phantom studies; one of the test split is without a label."""
    kept = phantom_studies.assign(split=SPLITS)
    kept.loc[len(SPLITS) - 1, "abnormal"] = np.nan
    return kept


@pytest.fixture(scope="module")
def prepared(studies, tmp_path_factory):
    """The studies at 64 × 64."""
    folder = tmp_path_factory.mktemp("main") / "prepared"
    prepare(studies, folder, size=64, progress=False)
    return folder


@pytest.fixture(scope="module")
def folder(prepared):
    """What a training of two epochs leaves behind."""
    train_report_model(prepared, prepared.parent / "training", **SMALL, verbose=0)
    return prepared.parent / "training"


@pytest.fixture(scope="module")
def model(folder):
    """The best epoch, from its file."""
    return load_model(folder / "model.keras", ReportModel)


@pytest.fixture(scope="module")
def predicted(model, prepared):
    """Table and images of the test split."""
    return predict_split(model, prepared, keep=3)


def images_of(prepared, split="test"):
    """Both views of a split, from the shards themselves."""
    (batch,) = load_records(prepared, split, len(SPLITS)).as_numpy_iterator()
    return {view: batch[view] for view in VIEWS}


# === Training ===


def test_a_training_leaves_model_history_and_settings(folder, prepared, model):
    history = pd.read_csv(folder / "history.csv")
    assert list(history.epoch) == [0, 1]
    assert history.loss.iloc[-1] < history.loss.iloc[0]
    val = load_batches(prepared, "val", model.preprocessor)
    loss = model.evaluate(val, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(history.val_loss.min(), rel=1e-3)
    settings = json.loads((folder / "settings.json").read_text())
    assert settings.items() >= SMALL.items()
    assert settings.items() >= identity(model, prepared).items()
    assert settings["encoder"] == settings["gpt2"] == "none"
    assert model.imaging.image_size == 64
    assert model.causal_lm.backbone.conditioning == "spatial"
    assert model.preprocessor.sequence_length == 24


def test_a_killed_training_ends_as_an_unbroken_one(
    folder, prepared, model, tmp_path, monkeypatch
):
    save = training.Checkpoint.on_epoch_end

    def killed(self, epoch, logs=None):
        save(self, epoch, logs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training.Checkpoint, "on_epoch_end", killed)
        with pytest.raises(KeyboardInterrupt):
            train_report_model(prepared, tmp_path, **SMALL, verbose=0)
    assert training.last_checkpoint(tmp_path)[1] == 1
    resumed = train_report_model(prepared, tmp_path, **SMALL, verbose=0)
    logs = [pd.read_csv(each / "history.csv") for each in (folder, tmp_path)]
    np.testing.assert_allclose(*logs, rtol=2e-3, atol=1e-4)
    views = images_of(prepared)
    expected, received = (m.imaging.predict(views, verbose=0) for m in (model, resumed))
    for name in expected:
        np.testing.assert_allclose(expected[name], received[name], atol=2e-3)


def test_a_training_from_before_the_recipes_is_taken_up(
    folder, prepared, model, tmp_path, capsys
):
    old = {
        "epochs": 2, "seed": 0, "preset": "tiny", "section": "impression",
        "batch_size": 5, "learning_rate": 0.003, "alpha": 1.0, "beta": 1.0,
        "gamma": 1.0, "delta": 1.0, "ssim_weight": 0.5, "skips": 5,
        "conditioning": "spatial", "sequence_length": 24, "vocabulary_size": 320,
        "encoder": "none", "gpt2": "none",
    }  # fmt: skip
    old |= {key: identity(model, prepared)[key] for key in ("data", "vocabulary")}
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "settings.json").write_text(json.dumps(old))
    taken_up = train_report_model(prepared, tmp_path, **SMALL)
    assert "2 of 2 epochs are done" in capsys.readouterr().out
    for one, other in zip(model.get_weights(), taken_up.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(InputError, match="skips=5, not 0"):
        train_report_model(prepared, tmp_path, **SMALL, skips=0)


def test_every_parameter_reaches_its_place(prepared, tmp_path, monkeypatch):
    handed = {}

    def spy(model, make_train, val, out, **options):
        handed.update(options, model=model, batch=next(iter(make_train(3))))

    monkeypatch.setattr(reports_train, "train", spy)
    recipe = ReportRecipe(
        preset="tiny", section="findings", epochs=4, batch_size=3, learning_rate=0.01,
        alpha=2.0, beta=3.0, gamma=4.0, delta=5.0, ssim_weight=0.25, skips=2,
        conditioning="latent", sequence_length=20, vocabulary_size=310, seed=6,
    )  # fmt: skip
    train_report_model(prepared, tmp_path, recipe, resume=False, verbose=0)
    model, (inputs, _, _) = handed["model"], handed["batch"]
    weights = {"abnormal": 2.0, "frontal": 3.0, "lateral": 4.0, "text": 5.0}
    assert model._compile_loss._user_loss_weights == weights
    assert {model.loss[view].ssim_weight for view in VIEWS} == {0.25}
    schedule = model.optimizer._learning_rate
    rates = [float(schedule(step)) for step in range(4 * 4)]
    assert max(rates) == pytest.approx(0.01) and rates[-1] < 0.001
    assert "skip_4" in model.imaging.frontal_decoder.input
    assert "skip_3" not in model.imaging.frontal_decoder.input
    assert model.causal_lm.backbone.conditioning == "latent"
    assert model.origin["section"] == "findings"
    assert model.preprocessor.tokenizer.vocabulary_size() == 310
    assert inputs["frontal"].shape == (3, 64, 64, 1)
    assert inputs["token_ids"].shape == (3, 20)
    assert (handed["epochs"], handed["seed"], handed["steps_per_epoch"]) == (4, 6, 4)
    assert (handed["resume"], handed["verbose"]) == (False, 0)
    assert handed["settings"] == recipe.settings() | identity(model, prepared)


def test_wrong_parameters_are_refused_before_anything_is_written(prepared, tmp_path):
    for wrong in ({"epoch": 3}, {"epochs": 0}, {"section": "notes"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            train_report_model(prepared, tmp_path / "out", **wrong)
    with pytest.raises(InputError, match="prepare"):
        train_report_model(tmp_path, tmp_path / "out", preset="tiny")
    assert not (tmp_path / "out").exists()


# === Predicting ===


def test_predictions_are_the_models(model, prepared, studies, predicted):
    table, examples = predicted
    rows = studies[studies.split == "test"].set_index("uid").loc[table.uid]
    assert len(table) == 4 and table.uid.is_unique
    assert list(table.reference) == list(rows.impression)
    np.testing.assert_array_equal(table.label, rows.abnormal.astype(float))
    assert table.label.isna().sum() == 1
    views = images_of(prepared)
    seen = model.imaging.predict(views, verbose=0)
    np.testing.assert_allclose(table.probability, seen["abnormal"][:, 0], atol=1e-6)
    assert list(table.prediction) == model.generate(views)
    for view in VIEWS:
        for name, score in (("ssim", ssim), ("mse", mse)):
            expected = np.array(score(views[view], seen[view]))
            np.testing.assert_allclose(table[f"{name}_{view}"], expected, atol=1e-5)
    assert np.stack(table.latent).shape == (4, 2 * model.imaging.encoder.latent_dim)
    kinds = table.drop(columns=["uid", "reference", "prediction", "latent"]).dtypes
    assert len(kinds) == 6 and {kind.kind for kind in kinds} == {"f"}
    assert list(examples) == list(table.uid[:3])
    for i, images in enumerate(examples.values()):
        for view in VIEWS:
            np.testing.assert_array_equal(images[view], views[view][i])
            made = images[f"{view}_reconstruction"]
            np.testing.assert_allclose(made, seen[view][i], atol=1e-5)


def test_permuted_images_permute_what_is_seen_in_them(
    model, studies, predicted, tmp_path
):
    permuted = studies.copy()
    test = permuted.split == "test"
    permuted.loc[test, VIEWS] = np.roll(permuted.loc[test, VIEWS], 1, axis=0)
    prepare(permuted, tmp_path / "prepared", size=64, progress=False)
    table, _ = predict_split(model, tmp_path / "prepared")
    before = predicted[0]
    for kept in ("uid", "reference", "label"):
        pd.testing.assert_series_equal(table[kept], before[kept])
    assert before.probability.nunique() == 4
    for seen in ("probability", "ssim_frontal", "mse_lateral"):
        rolled = np.roll(before[seen], 1)
        np.testing.assert_allclose(table[seen], rolled, atol=1e-5, err_msg=seen)


def test_encoding_gives_what_predicting_does(model, prepared, predicted):
    table, _ = predicted
    encoded = encode_split(model, prepared, "test")
    assert list(encoded["uid"]) == list(table.uid)
    assert list(encoded["text"]) == list(table.reference)
    np.testing.assert_array_equal(encoded["label"], table.label)
    np.testing.assert_allclose(encoded["probability"], table.probability, atol=1e-5)
    expected = model.imaging.predict(images_of(prepared), verbose=0)["latent"]
    np.testing.assert_allclose(encoded["latent"], expected, atol=1e-5)
    assert len(encode_split(model, prepared, "train")["uid"]) == 10


@pytest.mark.parametrize("work", [predict_split, encode_split])
def test_a_split_that_is_not_there_is_named(work, model, prepared):
    with pytest.raises(InputError, match="'training'"):
        work(model, prepared, "training")


@pytest.mark.parametrize("work", [predict_split, encode_split])
def test_images_that_were_prepared_otherwise_are_refused(
    work, model, studies, tmp_path
):
    prepare(studies.tail(2), tmp_path / "padded", size=64, fit="pad", progress=False)
    with pytest.raises(InputError, match="fit pad, and the model takes fit stretch"):
        work(model, tmp_path / "padded", "test")


# === Evaluating ===


class Spy(Results):
    """Keeps what it is handed, and scores nothing."""

    def evaluate(self, predictions, **arguments):
        self.handed = arguments | {"predictions": predictions}


def cosines(a, b):
    return np.einsum(
        "ik,jk->ij", *(x / np.linalg.norm(x, axis=1)[:, None] for x in (a, b))
    )


def evaluated(model, prepared, table, folder, **options):
    results = Spy(folder, "test", parameters={})
    evaluate_model(results, model, prepared, table.copy(), **options)
    return results


def test_the_baselines_come_from_train_and_the_threshold_from_val(
    model, prepared, studies, predicted, tmp_path
):
    results = evaluated(model, prepared, predicted[0], tmp_path)
    handed, train = results.handed, studies[studies.split == "train"]
    assert sorted(handed["train_texts"]) == sorted(train.impression)
    assert sorted(handed["train_labels"]) == sorted(train.abnormal.astype(float))
    val = encode_split(model, prepared, "val")
    assert len(val["label"]) == 6 and set(val["label"]) == {0, 1}
    expected = choose_threshold(val["label"], val["probability"])
    assert (handed["threshold"], handed["threshold_from"]) == expected
    assert (handed["split"], handed["section"]) == ("test", "impression")
    # The report of the training study whose latent points the same way.
    train, test = (encode_split(model, prepared, name) for name in ("train", "test"))
    likeness = cosines(test["latent"], train["latent"])
    expected = [train["text"][i] for i in np.argmax(likeness, axis=1)]
    assert list(handed["predictions"].nearest) == expected


def test_train_itself_has_no_nearest_in_train(model, prepared, tmp_path):
    table, _ = predict_split(model, prepared, "train")
    handed = evaluated(model, prepared, table, tmp_path, split="train").handed
    assert "nearest" not in handed["predictions"] and handed["split"] == "train"


def test_a_phantom_stays_a_phantom(model, prepared, predicted, tmp_path):
    assert model.origin["ground"] == "phantom"
    assert model.origin["trained_on"].startswith("10 studies, PHANTOM")
    record = evaluated(model, prepared, predicted[0], tmp_path).record
    assert record["dataset"]["ground"] == "phantom"
    assert record["dataset"]["counts"] == {"train": 10, "val": 6, "test": 4}
    assert record["model"].items() >= model.origin.items()
    assert record["weights"] == {"encoder": "none", "gpt2": "none"}


def test_texts_are_those_of_the_split(prepared, studies):
    val = studies[studies.split == "val"]
    for section in ("impression", "findings"):
        assert sorted(read_texts(prepared, "val", section)) == sorted(val[section])
    with pytest.raises(InputError, match="no section 'notes'"):
        read_texts(prepared, "val", "notes")


# === One study from its files ===


def test_a_report_is_what_the_model_says_of_the_files(model, studies):
    paths = dict(studies.iloc[-1][list(VIEWS)])
    answer = write_report(model, **paths)
    views = {
        view: resize_square(read_radiograph(path), 64)[None, ..., None]
        for view, path in paths.items()
    }
    assert answer["report"] == model.generate(views)[0]
    seen = model.imaging.predict(views, verbose=0)
    assert answer["abnormal_probability"] == pytest.approx(seen["abnormal"][0, 0])
    assert set(answer["images"]) == {
        *VIEWS, "frontal_reconstruction", "lateral_reconstruction"
    }  # fmt: skip
    for view in VIEWS:
        made = answer["images"][f"{view}_reconstruction"]
        np.testing.assert_allclose(made, seen[view][0], atol=1e-5)
    notes = " ".join(answer["notes"])
    assert "Not for clinical use" in notes and "PHANTOM" in notes
    assert "never seen a real radiograph" in notes and "missing" not in notes


def test_without_a_lateral_black_stands_in_and_is_reported(model, studies):
    frontal = studies.iloc[-1].frontal
    answer = write_report(model, frontal)
    image = resize_square(read_radiograph(frontal), 64)[None, ..., None]
    views = {"frontal": image, "lateral": np.zeros_like(image)}
    assert answer["report"] == model.generate(views)[0]
    assert set(answer["images"]) == {"frontal", "frontal_reconstruction"}
    assert any("lateral view was missing" in note for note in answer["notes"])


def test_what_is_not_there_or_another_model_is_named(model, folder, studies, tmp_path):
    frontal = studies.iloc[-1].frontal
    with pytest.raises(InputError, match="no.png"):
        write_report(model, tmp_path / "no.png")
    with pytest.raises(InputError, match="no.png"):
        write_report(model, frontal, tmp_path / "no.png")
    with pytest.raises(InputError, match="no such model file"):
        load_model(tmp_path / "model.keras", ReportModel)
    model.imaging.classifier.save(tmp_path / "model.keras")
    with pytest.raises(InputError, match="not a ReportModel"):
        load_model(tmp_path / "model.keras", ReportModel)

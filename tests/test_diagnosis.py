"""The diagnosis: what its labels, loss, calibration and training hold."""

import dataclasses

import keras
import numpy as np
import pandas as pd
import pytest
from made_collections import CHEXPERT, cells, write
from sklearn.linear_model import LogisticRegression

from cxrbase.files import InputError
from cxrbase.images import write_png
from cxrlib.data.readers.films import film_paths, label_matrix
from cxrlib.data.readers.labelled import read_labelled, split_films
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.systems.diagnosis.baselines import (
    baselines,
    linear_probabilities,
    pixels,
    view_and_age,
)
from cxrlib.systems.diagnosis.films import (
    FilmBatches,
    positive_weights,
    read_films,
    shake,
)
from cxrlib.systems.diagnosis.model import (
    DiagnosisModel,
    KnownLabelsLoss,
    compile_diagnosis_model,
)
from cxrlib.systems.diagnosis.predict import (
    diagnosis_scores,
    predict_films,
)
from cxrlib.systems.diagnosis.recipe import DiagnosisRecipe
from cxrlib.systems.diagnosis.train import (
    Standardised,
    calibrate,
    start_at_prevalence,
    train_diagnosis,
)
from cxrlib.systems.files import load_model
from cxrscore.labels.thresholds import CRITERIA
from cxrscore.labels.vocabulary import POLICIES

LABELS = ("Edema", "Fracture", "Hernia")  # CheXpert has no hernia.
NAN = np.nan


def small_model(trainable_layers=0, **options):
    keras.utils.set_random_seed(0)
    encoder = CheXNetEncoder(32, (1, 1, 1, 1), 8, 8, trainable_layers)
    return DiagnosisModel(encoder, LABELS, **options)


def draw(n=60, seed=0):
    """Films with a bright left, a bright right, both or none, and their labels."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, 3)) < 0.4).astype("float32")
    labels[:, 2] = NAN
    films = rng.uniform(0, 0.4, (n, 32, 32, 1))
    films[:, 8:24, 2:14] += 0.5 * labels[:, 0, None, None, None]
    films[:, 8:24, 18:30] += 0.5 * labels[:, 1, None, None, None]
    return np.round(255 * films).astype("uint8"), labels


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A CheXpert of sixty films: thirty patients, labels uncertain or not told."""
    root = tmp_path_factory.mktemp("films")
    films, labels = draw()
    labels[::9, 0], labels[1::9, 1] = -1, NAN
    rows = ["Path,Sex,Age,Frontal/Lateral,AP/PA," + ",".join(CHEXPERT)]
    for i, film in enumerate(films):
        name = f"train/patient{i // 2:05}/study1/view{i % 2}_frontal"
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write_png(root / f"{name}.png", film[..., 0])
        said = {n: f"{v:g}" for n, v in zip(LABELS, labels[i], strict=True) if v == v}
        age, direction = ((0, "PA"), (50, "AP"))[i % 2]
        rows.append(f"{name}.jpg,Male,{age},Frontal,{direction}," + cells(said))
    write(root / "train.csv", rows)
    return split_films(read_labelled(root))


# === Labels ===


def test_classes_weigh_the_same():
    targets = np.array([[1, 0], [0, 0], [0, 0], [NAN, 0], [0.5, 0]], "float32")
    weights = positive_weights(targets)
    np.testing.assert_allclose(weights, [2.5 / 1.5, 1])
    assert positive_weights(np.eye(500, 1))[0] == 100  # At most.


def test_the_recipe_knows_the_choices():
    fields = {field.name: field for field in dataclasses.fields(DiagnosisRecipe)}
    assert {*fields["uncertain"].metadata["choices"], "keep"} == set(POLICIES)
    assert set(fields["criterion"].metadata["choices"]) == set(CRITERIA)


# === The loss ===


def by_hand(targets, logits, weights, focus):
    """The loss in NumPy, label by label, from probabilities."""
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    losses = []
    for target, row in zip(targets, p, strict=True):
        total = 0.0
        for t, q, w in zip(target, row, weights, strict=True):
            if not np.isnan(t):
                total -= w * t * (1 - q) ** focus * np.log(q)
                total -= (1 - t) * q**focus * np.log(1 - q)
        losses.append(total / len(row))
    return np.mean(losses)


@pytest.mark.parametrize("focus", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weights", [None, (3.0, 1.0, 0.2)])
def test_the_loss_equals_that_by_hand(focus, weights):
    rng = np.random.default_rng(0)
    targets = rng.choice([0, 1, 0.7, NAN], (20, 3)).astype("float32")
    logits = rng.normal(0, 3, (20, 3)).astype("float32")
    expected = by_hand(targets, logits, weights or (1, 1, 1), focus)
    loss = KnownLabelsLoss(weights, focus)
    assert float(loss(targets, logits)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("focus", [0.0, 0.5])
def test_labels_that_are_not_told_have_no_gradient(focus):
    import tensorflow as tf

    targets = np.array([[1, NAN, 0], [NAN, NAN, NAN]], "float32")
    logits = tf.constant([[0.3, 1e4, -1e4], [2.0, -3.0, 90.0]])
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = KnownLabelsLoss(focus=focus)(targets, logits)
    gradient = tape.gradient(loss, logits).numpy()
    assert np.isfinite(loss) and np.isfinite(gradient).all()
    assert gradient[0, 0] < 0
    assert (gradient[np.isnan(targets)] == 0).all()


# === The model ===


def test_only_what_should_train_changes():
    films, labels = draw(8)
    for layers, changed in ((0, {"logits"}), (3, {"logits", "bn"})):
        model = small_model(layers)
        rng = np.random.default_rng(0)  # From a head of 0 no gradient passes.
        kernel, bias = model.head.get_weights()
        model.head.set_weights([rng.normal(size=kernel.shape), bias])
        compile_diagnosis_model(model, 0.1, run_eagerly=True)
        before = {w.path: np.array(w) for w in model.weights}
        loss = model.train_on_batch(films / np.float32(255), {"logits": labels})
        assert np.isfinite(loss)
        now = {
            weight.path.split("/")[-2]
            for weight in model.weights
            if not np.array_equal(before[weight.path], weight)
        }
        assert now == changed


def test_a_step_in_half_precision():
    keras.config.set_dtype_policy("mixed_float16")
    model = compile_diagnosis_model(small_model(None), run_eagerly=True)
    films, labels = draw(4)
    assert np.isfinite(
        model.train_on_batch(films / np.float32(255), {"logits": labels})
    )
    assert model.predict_on_batch(films / 255)["probability"].dtype == "float32"


def test_calibration_is_kept_in_the_file(tmp_path):
    model = small_model(origin={"trained_on": "squares", "threshold_from": ["a"] * 3})
    films = draw(3)[0]
    model.head.bias.assign([1.0, 2.0, -1.0])
    model.calibrate([2.0, 0.5, 1.0], [0.2, 0.7, 0.5], [0.0, 1.0, 0.0])
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras", DiagnosisModel)
    assert again.labels == LABELS and dict(again.origin) == dict(model.origin)
    np.testing.assert_allclose(again.thresholds, [0.2, 0.7, 0.5])
    expected = 1 / (1 + np.exp([-0.5, -2.0, 1.0]))  # (1 − 0) / 2, (2 − 1) / 0.5, −1
    seen = predict_films(again, films)
    np.testing.assert_allclose(seen, np.tile(expected, (3, 1)), rtol=1e-5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"temperatures": [1, 1, 0]}, "temperature: give 3 numbers"),
        ({"temperatures": [1, NAN, 1]}, "temperature"),
        ({"thresholds": [0.5, 1.1, 0.5]}, "threshold"),
        ({"shifts": [0.0]}, "shift"),
    ],
)
def test_a_calibration_that_cannot_be_is_refused(given, words):
    model = small_model()
    with pytest.raises(InputError, match=words):
        model.calibrate(**{"temperatures": [2, 2, 2]} | given)
    np.testing.assert_array_equal(model.calibration.log_temperature, 0)


def test_what_the_model_refuses():
    encoder = CheXNetEncoder(32, (1, 1, 1, 1), 8, 8)
    for labels in ((), ("A", "A")):
        with pytest.raises(InputError, match="each of them once"):
            DiagnosisModel(encoder, labels)
    with pytest.raises(InputError, match="trained_on"):
        DiagnosisModel(encoder, LABELS, origin={"encoder": "x"})
    model = small_model()
    with pytest.raises(InputError, match="resize them to 32"):
        predict_films(model, np.zeros((1, 64, 64, 1), "uint8"))
    with pytest.raises(InputError, match="Divide them by 255"):
        predict_films(model, np.full((1, 32, 32, 1), 255.0))
    with pytest.raises(InputError, match=r"expected \(n, 32"):
        predict_films(model, np.zeros((0, 32, 32, 1)))
    model.head.bias.assign([NAN, 0.0, 0.0])
    with pytest.raises(InputError, match="probabilities of diagnosis: .* nan"):
        predict_films(model, np.zeros((1, 32, 32, 1), "uint8"))


# === Batches ===


def test_a_resumed_epoch_has_the_same_batches():
    films, labels = draw(10)
    given = (films, labels, 4, 7)
    whole = FilmBatches(*given, epochs=range(3), augment=True)
    rest = FilmBatches(*given, epochs=range(1, 3), augment=True)
    assert (len(whole), len(rest)) == (9, 6)
    for i in range(len(rest)):
        for one, other in zip(whole[i + 3], rest[i], strict=True):
            keras.tree.map_structure(np.testing.assert_array_equal, one, other)
    epoch = np.concatenate([whole[i][1]["logits"] for i in range(3)])
    assert not np.array_equal(epoch[:, :2], labels[:, :2])
    assert epoch[:, :2].sum() == labels[:, :2].sum()
    with pytest.raises(IndexError):
        whole[9]
    (shaken,) = FilmBatches(films, None, 4, augment=True)[0]  # In their order.
    assert shaken.shape == (4, 32, 32, 1)


def test_a_shaken_film_is_nearly_the_same():
    film = draw(1)[0][0] / np.float32(255)
    shaken = shake(film, np.random.default_rng(0))
    assert shaken.shape == film.shape and 0 <= shaken.min() <= shaken.max() <= 1
    assert np.corrcoef(shaken.ravel(), film.ravel())[0, 1] > 0.3
    assert not np.array_equal(shaken, film)


# === Training ===


def test_a_new_head_begins_at_the_prevalence():
    model = small_model()
    targets = np.array([[1, 0, NAN]] * 3 + [[0, 0, NAN]] * 7)
    start_at_prevalence(model, targets)
    share = 1 / (1 + np.exp(-model.head.get_weights()[1]))
    np.testing.assert_allclose(share, [3.5 / 11, 0.5 / 11, 0.5], rtol=1e-5)
    start_at_prevalence(model, 1 - targets)  # It is no longer new.
    np.testing.assert_allclose(model.head.get_weights()[1][2], 0)
    assert 1 / (1 + np.exp(-model.head.get_weights()[1][0])) < 0.4


def test_the_head_becomes_scikit_learns():
    """Ridge, standardisation and missing labels: its logistic regression, exactly."""
    rng = np.random.default_rng(0)
    model = small_model(ridge=0.01)
    width = model.head.kernel.shape[0]
    seen = rng.normal(2, [0.1, *[3] * (width - 1)], (80, width)).astype("float32")
    targets = (seen[:, :3] + rng.normal(0, 2, (80, 3)) > 2).astype("float32")
    targets[:30, 2] = NAN
    scaled = Standardised(model, seen)
    head = scaled.head()
    head.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.1, 300)),
        loss={"logits": KnownLabelsLoss()},
    )
    steps = FilmBatches(scaled(seen), targets, 80, epochs=range(300))
    head.fit(steps, shuffle=False, verbose=0)
    scaled.put_back(head)
    logits = np.array(model.head(seen))
    np.testing.assert_allclose(
        logits, head.predict(scaled(seen), verbose=0)["logits"], atol=1e-3
    )
    for i, told in enumerate((slice(0, 80), slice(0, 80), slice(30, 80))):
        # Our loss is divided by n k, of all films and labels.
        theirs = LogisticRegression(C=1 / (2 * 0.01 * 80 * 3), tol=1e-8)
        theirs.fit(scaled(seen)[told], targets[told, i])
        np.testing.assert_allclose(
            logits[:, i], theirs.decision_function(scaled(seen)), atol=0.02
        )


def test_it_learns_from_a_table_and_is_resumed(table, tmp_path, capsys):
    given = dict(learning_rate=0.1, epochs=6, batch_size=6, uncertain="zeros")
    model = small_model(ridge=1e-4)
    frozen = model.encoder.get_weights()
    model = train_diagnosis(table, LABELS, tmp_path, model=model, verbose=0, **given)
    for old, new in zip(frozen, model.encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert "real radiographs" in model.origin["trained_on"]
    assert "as many as" in model.origin["threshold_from"][0]
    assert "no label" in model.origin["threshold_from"][2]
    scores = diagnosis_scores(model, table, "train")
    assert scores["macro.auroc"]["value"] > 0.95
    assert scores["macro.auroc"]["protocol"]["left_out"] == "Hernia"
    again = load_model(tmp_path / "model.keras", DiagnosisModel)
    films = read_films(film_paths(table), 32)
    expected = predict_films(model, films)
    np.testing.assert_allclose(predict_films(again, films), expected, atol=1e-6)
    capsys.readouterr()
    resumed = train_diagnosis(
        table, LABELS, tmp_path, model=small_model(ridge=1e-4), verbose=0, **given
    )
    assert "6 of 6 epochs are done" in capsys.readouterr().out
    np.testing.assert_allclose(predict_films(resumed, films), expected, atol=1e-6)
    with pytest.raises(InputError, match="uncertain='zeros'"):
        changed = given | {"uncertain": "ones"}
        train_diagnosis(table, LABELS, tmp_path, model=small_model(), **changed)


def test_the_encoder_trains_as_well(table, tmp_path):
    model = small_model(None)
    before = model.encoder.get_weights()
    model = train_diagnosis(
        table, LABELS, tmp_path, model=model, verbose=0, epochs=1, batch_size=16,
        augment=True, balance=True, focus=2.0, uncertain="soft",
    )  # fmt: skip
    assert isinstance(model, DiagnosisModel)
    moved = [
        not np.array_equal(old, new)
        for old, new in zip(before, model.encoder.get_weights(), strict=True)
    ]
    assert np.mean(moved) > 0.9
    shift = np.array(model.calibration.shift)
    assert shift[0] != 0 and shift[2] == 0


def test_class_weights_are_undone():
    """Odds that are w times too large are divided by w, before the temperature."""
    model, (films, labels) = small_model(), draw(200)
    weights = np.array([4.0, 1.0, 1.0])
    share = np.nanmean(labels, axis=0)[:2]
    odds = share / (1 - share) * weights[:2]
    model.head.bias.assign([*np.log(odds), 0.0])  # What a weighted loss would learn.
    calibrate(model, films, labels, shifts=np.log(weights))
    seen = predict_films(model, films)[0, :2]
    np.testing.assert_allclose(seen, share, atol=0.02)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(split="train"), "no val split"),
        (lambda t: t.assign(patient="1"), "patient 1 and 0 others"),
        (lambda t: t.assign(Edema=0.3), "Edema is 0.3"),
        (lambda t: t.assign(image="no.png"), "no.png"),
    ],
)
def test_tables_that_cannot_be_learned_from_are_refused(table, tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        train_diagnosis(change(table), LABELS, tmp_path, model=small_model())
    with pytest.raises(InputError, match="no others"):
        train_diagnosis(table, LABELS[:2], tmp_path, model=small_model())


def test_films_are_not_shaken_for_a_frozen_encoder(table, tmp_path):
    with pytest.raises(InputError, match="augment: needs an encoder that trains"):
        train_diagnosis(table, LABELS, tmp_path, model=small_model(), augment=True)
    assert not list(tmp_path.iterdir())


def test_two_collections_may_each_have_a_patient_1(table, tmp_path):
    turned = {"train": "val", "val": "test", "test": "train"}
    other = table.assign(kind="nih", split=table.split.map(turned))
    with pytest.raises(InputError, match="no others"):  # What is refused next.
        train_diagnosis(
            pd.concat([table, other]), LABELS[:2], tmp_path, model=small_model()
        )


# === Baselines ===


def test_baselines_are_what_they_say(table):
    films = read_films(film_paths(table), 32)
    guesses = baselines(table, LABELS, films)
    asked = table.split.eq("test")
    assert {name: guess.shape for name, guess in guesses.items()} == dict.fromkeys(
        ("prevalence", "16 × 16 pixels", "view and age"), (asked.sum(), 3)
    )
    train = label_matrix(table[table.split.eq("train")], LABELS)
    share = np.nanmean(train[:, :2], axis=0)
    np.testing.assert_allclose(
        guesses["prevalence"][:, :2], np.tile(share, (asked.sum(), 1)), atol=1e-3
    )
    assert (guesses["prevalence"][:, 2] == 0.5).all()
    known = label_matrix(table[asked], LABELS)
    right = guesses["16 × 16 pixels"] > 0.5
    assert (right == known)[~np.isnan(known)].mean() > 0.8


def test_tiles_are_means_and_views_are_columns(table):
    film = np.zeros((1, 32, 32, 1), "uint8")
    film[0, :2, :2] = [[[200], [100]], [[0], [100]]]
    np.testing.assert_allclose(pixels(film)[0, :2], [100 / 255, 0])
    told = view_and_age(table[:2])
    np.testing.assert_array_equal(told, [[0, 1, 5, 1], [1, 0, 5, 0]])
    four = table[:4].assign(age=[NAN, 20, 50, NAN])
    split = four.assign(split=["test", "train", "test", "train"])
    np.testing.assert_array_equal(view_and_age(split)[:, 2], [2, 2, 5, 2])
    whole = view_and_age(four.drop(columns="split"))
    np.testing.assert_array_equal(whole[:, 2], [3.5, 2, 5, 3.5])
    assert (view_and_age(split.assign(age=NAN))[:, 2] == 0).all()
    one = linear_probabilities(np.eye(4), np.ones((4, 1)), np.eye(4))
    np.testing.assert_array_equal(one, 1)

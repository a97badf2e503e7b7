"""04_classification: what it builds by hand is what the package does."""

import keras
import numpy as np
import pytest
from scipy.special import expit, logit
from taught import run_cells, sources

NOTEBOOK = "04_classification"
NAMES = {"keras": keras, "layers": keras.layers, "np": np}


def taught(*ids, **names):
    """What cells of the notebook define, as a dict."""
    return run_cells(NOTEBOOK, *ids, **NAMES | names)


@pytest.fixture(scope="module")
def heads():
    """The head by hand and the packaged one, of the same weights."""
    from cxrlib.models.classifier import AbnormalityClassifier

    keras.utils.set_random_seed(0)
    by_hand = taught("head-block", "head-model", latent_dim=24)["by_hand"]
    rng = np.random.default_rng(0)
    for weight in by_hand.weights:  # Variances must be positive.
        drawn = rng.normal(0, 0.2, weight.shape)
        weight.assign(1 + drawn if weight.path.endswith("variance") else drawn)
    packaged = AbnormalityClassifier(24)
    packaged.set_weights(by_hand.get_weights())
    return by_hand, packaged


def test_the_head(heads):
    by_hand, packaged = heads
    x = np.random.default_rng(1).normal(size=(16, 24)).astype("float32")
    found = [np.array(each(x)) for each in heads]
    np.testing.assert_allclose(*found, atol=1e-6)
    assert found[0].std() > 1e-3
    assert [layer.__class__ for layer in by_hand.layers] == [
        layer.__class__ for layer in packaged.layers
    ]
    rates = [
        [layer.rate for layer in each.layers if isinstance(layer, keras.layers.Dropout)]
        for each in heads
    ]
    assert rates[0] == rates[1] == [0.3, 0.2]


def test_grad_cam(heads):
    from types import SimpleNamespace

    from cxrlib.explain.heatmaps import classifier_cam

    maps = np.random.default_rng(2).gamma(0.5, size=(3, 2, 2, 2, 12)).astype("float32")
    names = taught("cam-logit", "cam-by-hand", head=heads[1])
    probabilities = heads[1].predict(maps.mean((2, 3)).reshape(3, -1), verbose=0)[:, 0]
    np.testing.assert_allclose(expit(names["logit_of"](maps)), probabilities, atol=1e-5)
    cams = classifier_cam(SimpleNamespace(classifier=heads[1]), {"maps": maps})
    np.testing.assert_allclose(names["cam_of"](maps), cams, rtol=1e-4, atol=1e-6)
    assert cams.any()


def test_the_temperature():
    from cxrscore.labels.calibration import choose_temperature, soften

    rng = np.random.default_rng(3)
    logits = rng.normal(size=300)
    labels = (rng.random(300) < expit(logits)).astype(int)
    sure = expit(3 * logits)
    names = taught("temperature", labels={"val": labels}, said={"val": sure})
    grid = names["scale"][np.argmin(names["losses"])]
    assert choose_temperature(labels, sure) == pytest.approx(grid, rel=0.01)
    np.testing.assert_allclose(names["soften"](sure, 2.5), soften(sure, 2.5))


def test_class_weights_move_the_logit_by_a_constant():
    """With a free logit, the weighted loss is least where the notebook says."""
    names = taught("weights", expit=expit, logit=logit)
    y = np.array([0] * 90 + [1] * 10)
    weight = names["balanced"](y)
    assert weight[0] * 90 == pytest.approx(weight[1] * 10)
    assert sum(weight[each] for each in y) == pytest.approx(100)
    shares = np.linspace(0.001, 0.999, 999)
    for p in (0.1, 0.4):
        loss = -p * weight[1] * np.log(shares) - (1 - p) * weight[0] * np.log1p(-shares)
        least = shares[np.argmin(loss)]
        assert names["take_back"](least, weight) == pytest.approx(p, abs=0.005)


def test_the_mixture():
    y = np.array([0, 0, 0, 1, 1])
    weights = taught("mix")["mix"](y, 0.1)
    assert (weights * y).sum() / weights.sum() == pytest.approx(0.1)
    assert weights.mean() == pytest.approx(1)


@pytest.mark.real
def test_what_it_says_of_the_nih_films_at_hand(real_data):
    from cxrlib.data.readers.nih import read_nih

    films = read_nih(real_data / "nih")
    prose = sources(NOTEBOOK)["nih-who-text"]
    assert f"{len(films)} films of {films.patient.nunique()} patients" in prose
    assert films.findings[films.abnormal == 1].str.contains("Pneumonia").all()


@pytest.mark.real
def test_its_reading_of_the_nih_films_at_hand(real_data):
    """As far as that takes no encoder: number, view, and what pixels know of both."""
    import pandas as pd

    from cxrbase.images import read_radiograph, resize_square
    from cxrlib.data.readers.nih import read_nih
    from cxrscore.labels.scores import label_values

    films = read_nih(real_data / "nih")
    views = [resize_square(read_radiograph(path), 64) for path in films.frontal]
    names = taught(
        *("grain", "logistic", "nih-who", "nih-folds", "nih-plain", "nih-doubt"),
        **{"films": films, "views": np.stack(views)[..., None], "grain": 0},
        **{"seed": 0, "nih_folds": 5, "pd": pd, "display": print},
        auroc=lambda y, p, groups=None: label_values(y, p)["auroc"],
    )
    y, pixels = names["y"], names["shrink"](names["views"])
    assert names["auroc"](y, names["nih_said"]["patient number"]) > 0.85
    p = names["cross_validate"](names["logistic"], pixels, names["folds"])
    bed = films["view"].eq("AP").to_numpy()
    assert min(names["within"](p, bed), names["within"](p, ~bed)) > 0.75
    assert names["readable"](pixels, bed, np.ones(len(y), bool)) > 0.9
    far = names["number"] > names["number"][y == 0].max()
    assert 0.4 < names["readable"](pixels, far, y == 1) < 0.6

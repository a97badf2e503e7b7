"""04_classification: what it builds by hand is what the package does."""

import keras
import numpy as np
import pytest
from scipy.special import expit, logit
from taught import run_cells, sources

from cxrlib.environment import full_precision

NOTEBOOK = "04_classification"
NAMES = {"keras": keras, "layers": keras.layers, "np": np}
NAMES |= {"full_precision": full_precision}


def taught(*ids, **names):
    """What cells of the notebook define, as a dict."""
    return run_cells(NOTEBOOK, *ids, **NAMES | names)


@pytest.fixture(scope="module")
def heads():
    """The head by hand and the packaged one, of the same weights."""
    from cxrlib.models.classifier import AbnormalityClassifier

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = {"train": rng.normal(size=(16, 24)).astype("float32")}
    by_hand = taught("head-block", "head-model", latent_dim=24, latents=x)["by_hand"]
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
    names = taught("temperature", labels={"val": labels}, probabilities={"val": sure})
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
        assert names["undo_weights"](least, weight) == pytest.approx(p, abs=0.005)


def test_the_mixture():
    from cxrscore.labels.calibration import calibration_error

    y = np.array([0, 0, 0, 1, 1])
    weights = run_cells_up_to_the_table("mix")(y, 0.1)
    assert (weights * y).sum() / weights.sum() == pytest.approx(0.1)
    assert weights.mean() == pytest.approx(1)
    assert calibration_error(y, np.full(5, 0.1), weights=weights[None])[0] < 1e-9


def run_cells_up_to_the_table(name):
    """A function of the cell that ends with a table of what was tried."""
    cell = sources(NOTEBOOK)["rare-table"].replace('means("small model")', "")
    names = dict(NAMES)
    exec(cell, names)
    return names[name]


def test_the_cheapest_threshold():
    """1 / (1 + c) where probabilities are calibrated; J's c is the odds against."""
    from cxrscore.labels.thresholds import choose_threshold

    p = np.repeat((np.arange(200) + 0.5) / 200, 200)
    y = (np.arange(len(p)) % 200 < p * 200).astype(int)  # Calibrated exactly.
    for c in (1, 4, 9):
        cuts = np.unique(p)
        misses = np.array([(y * (p < cut)).sum() for cut in cuts])
        alarms = np.array([((1 - y) * (p >= cut)).sum() for cut in cuts])
        cheapest = cuts[np.argmin(c * misses + alarms)]
        assert cheapest == pytest.approx(1 / (1 + c), abs=0.01)
    for keep in (1.0, 0.25):  # A quarter of the abnormal ones: 20 % are left.
        rows = (y == 0) | (np.random.default_rng(0).random(len(y)) < keep)
        odds = np.where(y == 1, keep, 1) @ np.ones(len(y)) / (keep * y.sum()) - 1
        rarer = keep * p / (keep * p + 1 - p)
        cut, _ = choose_threshold(y[rows], rarer[rows])
        assert cut == pytest.approx(1 / (1 + odds), abs=0.03)


def test_a_tile_keeps_an_eighth_of_the_noise():
    names = taught("grain", size=128, noise=0.08, seed=0)
    assert names["noisy"].std() == pytest.approx(0.08, rel=0.02)
    assert names["shrink"](names["noisy"]).std() == pytest.approx(0.01, rel=0.15)


def test_what_nobody_can_miss_is_no_outline():
    from cxrphantom.findings import FINDINGS

    cell = sources(NOTEBOOK)["masks"].split("truth, abnormal")[0]
    names = {}
    exec(cell, names)
    left_out = {name for name, chest in FINDINGS.items() if chest} - names["lung"]
    assert left_out == {"cardiomegaly", "hyperinflation"}

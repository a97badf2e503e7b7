"""The four pulls of 07: parts of the gradient that the training follows."""

import keras
import numpy as np
import pytest
from conftest import make_tiny_model
from taught import run_cells

from cxrlib.systems.reports.model import compile_report_model

tensorflow = pytest.importorskip("tensorflow")
if keras.backend.backend() != "tensorflow":
    pytest.skip("07 asks TensorFlow for the gradients", allow_module_level=True)

WEIGHTS = {"abnormal": 2.0, "frontal": 0.5, "lateral": 3.0, "text": 1.5}


@pytest.fixture(scope="module")
def model(preprocessor):
    model = make_tiny_model(preprocessor, "spatial")
    alpha, beta, gamma, delta = WEIGHTS.values()
    return compile_report_model(model, alpha=alpha, beta=beta, gamma=gamma, delta=delta)


def test_weighted_pulls_add_up_to_the_gradient_of_the_total(model, batch):
    inputs, targets, weights = batch
    before = [w.copy() for w in model.get_weights()]
    pulls = run_cells("07_multitask", "pulls")["pulls"](model, *batch)
    assert set(pulls) == set(WEIGHTS)
    assert all(np.linalg.norm(pull) > 0 for pull in pulls.values())
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)

    kernels = [w.value for w in model.imaging.encoder.weights if w.name == "kernel"]
    with tensorflow.GradientTape() as tape:
        tape.watch(kernels[-2:])
        total = model.compute_loss(
            inputs, targets, model(inputs, training=False), weights, training=False
        )
    slopes = tape.gradient(total, kernels[-2:])
    expected = np.concatenate([np.ravel(slope) for slope in slopes])
    found = sum(WEIGHTS[task] * pull for task, pull in pulls.items())
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-7)


def test_a_text_that_does_not_see_the_image_does_not_pull(preprocessor, batch):
    model = compile_report_model(make_tiny_model(preprocessor, "none"))
    pulls = run_cells("07_multitask", "pulls")["pulls"](model, *batch)
    assert not pulls["text"].any() and pulls["abnormal"].any()


def test_pulls_survive_float16(preprocessor, batch):
    whole = compile_report_model(make_tiny_model(preprocessor, "spatial"))
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = compile_report_model(make_tiny_model(preprocessor, "spatial"))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    half.set_weights(whole.get_weights())
    pulls = run_cells("07_multitask", "pulls")["pulls"]

    def missed(task, *how):
        """How far float16 is from float32, in lengths of the gradient."""
        expected, found = (pulls(m, *batch, *how)[task] for m in (whole, half))
        return np.linalg.norm(found - expected) / np.linalg.norm(expected)

    assert all(missed(t, place) < 0.1 for t in WEIGHTS for place in ("last", "early"))
    # A gradient that is 256 times smaller is gone where it is not scaled.
    assert missed("frontal", "last", 2.0**-8) > 0.5

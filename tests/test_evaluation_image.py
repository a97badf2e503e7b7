import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops
from skimage.metrics import (
    mean_squared_error,
    peak_signal_noise_ratio,
    structural_similarity,
)

from cxrlib.evaluation.image import StructuralSimilarity, _blur, mse, psnr, ssim
from cxrlib.files import InputError

REPOSITORY = pathlib.Path(__file__).parents[1]
REAL = pathlib.Path(os.environ.get("CXR_REAL_DATA", REPOSITORY / "../shared/data"))


def skimage_ssim(one, other):
    return structural_similarity(
        one[..., 0].astype("float64"),
        other[..., 0].astype("float64"),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=1,
    )


def random_pair(shape=(3, 40, 53, 1), noise=0.1, seed=0):
    generator = np.random.default_rng(seed)
    image = generator.random(shape)
    other = np.clip(image + noise * generator.normal(size=shape), 0, 1)
    return image.astype("float32"), other.astype("float32")


@pytest.mark.parametrize("noise", [0.0, 0.05, 0.5])
def test_ssim_equals_skimage(noise):
    image, other = random_pair(noise=noise)
    expected = [skimage_ssim(*pair) for pair in zip(image, other, strict=True)]
    np.testing.assert_allclose(
        ops.convert_to_numpy(ssim(image, other)), expected, atol=1e-5
    )


def test_mse_and_psnr_equal_skimage():
    image, other = random_pair()
    for function, independent in (
        (mse, mean_squared_error),
        (psnr, lambda a, b: peak_signal_noise_ratio(a, b, data_range=1)),
    ):
        expected = [independent(*pair) for pair in zip(image, other, strict=True)]
        values = ops.convert_to_numpy(function(image, other))
        np.testing.assert_allclose(values, expected, rtol=1e-5)


def real_radiographs():
    folders = ["paired/images", "nih/images", "indiana/images"]
    found = [sorted((REAL / folder).rglob("*.png"))[:4] for folder in folders]
    return [path for paths in found for path in paths]


@pytest.mark.real
def test_ssim_equals_skimage_on_real_radiographs():
    import cv2

    paths = real_radiographs()
    if not paths:
        pytest.skip(f"no radiographs under {REAL}; set CXR_REAL_DATA")
    for path in paths:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        image = cv2.resize(image, (224, 224), interpolation=cv2.INTER_AREA)
        image = image.astype("float32")[..., None] / 255
        # What a reconstruction without skips looks like: smooth.
        other = cv2.GaussianBlur(image, (0, 0), 2)[..., None]
        value = float(ssim(image[None], other[None])[0])
        assert value == pytest.approx(skimage_ssim(image, other), abs=1e-4), path


def test_the_taps_survive_the_rounding_of_a_tensor_core():
    """High parts fit in TF32's 10 bits; the low parts lose nothing that counts."""
    from cxrlib.evaluation import image

    high, _, low = image.TAPS.T
    np.testing.assert_array_equal(high, image._tf32(high))
    assert (high + low).sum() == pytest.approx(1, abs=1e-6)
    flat = np.full((1, 11, 11, 1), 0.7, "float32")
    assert float(ops.squeeze(_blur(flat))) == pytest.approx(0.7, abs=1e-6)


def test_ssim_keeps_float32_from_half_precision():
    image, other = random_pair()
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        value = ssim(image, other.astype("float16"))
    finally:
        keras.config.set_dtype_policy(policy)
    assert keras.backend.standardize_dtype(value.dtype) == "float32"
    np.testing.assert_allclose(
        ops.convert_to_numpy(value), ops.convert_to_numpy(ssim(image, other)), atol=2e-3
    )


def test_ssim_other_white():
    image, other = random_pair()
    np.testing.assert_allclose(
        ops.convert_to_numpy(ssim(image * 255, other * 255, max_value=255.0)),
        ops.convert_to_numpy(ssim(image, other)),
        atol=1e-5,
    )


def test_one_minus_ssim_trains():
    """Plain `fit` on the loss draws an image towards its target."""
    target = random_pair(shape=(1, 16, 16, 1))[0]
    inputs = keras.Input((1,))
    drawn = keras.layers.Dense(256, activation="sigmoid", use_bias=False)(inputs)
    model = keras.Model(inputs, keras.layers.Reshape((16, 16, 1))(drawn))
    model.compile(
        keras.optimizers.Adam(0.1),
        loss=lambda a, b: 1 - ssim(a, b),
        metrics=[StructuralSimilarity()],
    )
    log = model.fit(np.ones((1, 1)), target, epochs=60, verbose=0).history
    assert log["ssim"][0] < 0.3 and log["ssim"][-1] > 0.95


@pytest.mark.parametrize("shape", [(2,), (2, 1, 1)])
def test_metric_leaves_out_studies_of_weight_zero(shape):
    image, other = random_pair(shape=(2, 16, 16, 1))
    metric = StructuralSimilarity()
    metric.update_state(image, other, np.array([0.0, 1.0]).reshape(shape))
    expected = float(ssim(image, other)[1])
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)


def test_metric_reloads():
    config = keras.saving.serialize_keras_object(StructuralSimilarity(max_value=255.0))
    assert keras.saving.deserialize_keras_object(config).max_value == 255.0


@pytest.mark.parametrize(
    ("shape", "other", "words"),
    [
        ((1, 10, 64, 1), None, "11×11"),
        ((1, 32, 32, 3), None, "grey"),
        ((1, 32, 32, 1), (1, 32, 31, 1), "resize"),
    ],
)
def test_bad_shapes_are_told(shape, other, words):
    with pytest.raises(InputError, match=words):
        ssim(np.zeros(shape), np.zeros(other or shape))


def test_ssim_under_jax_without_tensorflow():
    pytest.importorskip("jax")
    code = """
import sys, numpy as np
import cxrlib.evaluation.image as image
from skimage.metrics import structural_similarity
a = np.random.default_rng(0).random((1, 24, 24, 1)).astype("float32")
b = np.clip(a + 0.1, 0, 1)
own = float(image.ssim(a, b)[0])
other = structural_similarity(a[0, ..., 0], b[0, ..., 0], gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False, data_range=1)
assert abs(own - other) < 1e-4, (own, other)
import keras
assert keras.backend.backend() == "jax"
import cxrlib.evaluation.summary
assert "tensorflow" not in sys.modules
"""
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=REPOSITORY,
        env={**os.environ, "KERAS_BACKEND": "jax"},
    )

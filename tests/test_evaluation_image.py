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

from cxrbase.files import InputError
from cxrlib.models.metrics import StructuralSimilarity, _blur, mse, psnr, ssim

REPOSITORY = pathlib.Path(__file__).parents[1]


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


def skimage_psnr(one, other):
    return peak_signal_noise_ratio(
        one.astype("float64"), other.astype("float64"), data_range=1
    )


def test_mse_and_psnr_equal_skimage():
    image, other = random_pair()
    for function, independent in ((mse, mean_squared_error), (psnr, skimage_psnr)):
        expected = [independent(*pair) for pair in zip(image, other, strict=True)]
        values = ops.convert_to_numpy(function(image, other))
        np.testing.assert_allclose(values, expected, rtol=1e-5)


@pytest.fixture(scope="module")
def radiographs(real_data):
    """Real films, `(B, 224, 224, 1)` in [0, 1]."""
    import cv2

    folders = ["paired/images", "nih/images", "indiana/images"]
    found = [sorted((real_data / folder).rglob("*.png"))[:20] for folder in folders]
    paths = [path for each in found for path in each]
    if not paths:
        pytest.skip(f"no radiographs under {real_data}")
    films = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
    films = [
        cv2.resize(each, (224, 224), interpolation=cv2.INTER_AREA) for each in films
    ]
    return np.stack(films).astype("float32")[..., None] / 255


def spoil(films, how):
    """What models do to films: smooth them, drop a level of grey, add noise."""
    import cv2

    if how == "smooth":
        films = [cv2.GaussianBlur(film, (0, 0), 2)[..., None] for film in films]
    elif how == "darker":
        films = films * 0.9
    elif how == "noisy":
        noise = np.random.default_rng(0).normal(0, 0.1, films.shape)
        films = np.clip(films + noise, 0, 1)
    elif how == "nearly the same":
        films = films + 1e-3
    return np.asarray(films, "float32")


@pytest.mark.real
@pytest.mark.parametrize("how", ["smooth", "darker", "noisy", "nearly the same"])
def test_real_radiographs_score_as_in_skimage(radiographs, how):
    others = spoil(radiographs, how)
    for function, independent, tolerance in (
        (ssim, skimage_ssim, {"atol": 1e-4}),
        (psnr, skimage_psnr, {"atol": 1e-3}),  # dB
        (mse, mean_squared_error, {"rtol": 1e-4}),
    ):
        pairs = zip(radiographs, others, strict=True)
        expected = [independent(*pair) for pair in pairs]
        values = ops.convert_to_numpy(function(radiographs, others))
        assert values.shape == (len(radiographs),)
        np.testing.assert_allclose(
            values, expected, **{"rtol": 0} | tolerance, err_msg=function.__name__
        )


def test_the_taps_survive_the_rounding_of_a_tensor_core():
    """High parts fit in TF32's 10 bits; the low parts lose nothing that counts."""
    from cxrlib.models import metrics as image

    high, _, low = image.TAPS.T
    np.testing.assert_array_equal(high, image._tf32(high))
    assert (high + low).sum() == pytest.approx(1, abs=1e-6)


def in_tf32(function):
    """A convolution as a tensor core does it: both factors in 10 bits."""
    from cxrlib.models.metrics import _tf32

    def rounded(maps, taps, **named):
        return function(
            *(_tf32(ops.convert_to_numpy(x)) for x in (maps, taps)), **named
        )

    return rounded


@pytest.mark.parametrize("tensor_core", [False, True])
@pytest.mark.parametrize("grey", [0.01, 0.3, 0.7, 1.0, 2.0])
def test_a_flat_map_stays_as_it_is(grey, tensor_core, monkeypatch):
    """SSIM takes a variance from these; what is lost here, it has too much."""
    if tensor_core:
        monkeypatch.setattr(ops, "conv", in_tf32(ops.conv))
    blurred = float(ops.squeeze(_blur(np.full((1, 11, 11, 1), grey, "float32"))))
    exact = float(np.float32(grey))
    assert blurred == pytest.approx(exact, abs=1e-6 if tensor_core else 2e-7)


def test_ssim_equals_skimage_on_a_tensor_core(monkeypatch):
    monkeypatch.setattr(ops, "conv", in_tf32(ops.conv))
    image, other = random_pair(noise=0.02)
    image, other = 0.8 + 0.2 * image, 0.8 + 0.2 * other  # Bright and of low contrast.
    expected = [skimage_ssim(*pair) for pair in zip(image, other, strict=True)]
    np.testing.assert_allclose(
        ops.convert_to_numpy(ssim(image, other)), expected, atol=1e-4
    )


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


ELSEWHERE = """
import sys, keras
import numpy as np
from cxrlib.models import metrics as image

pair, measured = np.load(sys.argv[1]), {}
for name in ("ssim", "psnr", "mse"):
    values = getattr(image, name)(pair["image"], pair["other"])
    measured[name] = keras.ops.convert_to_numpy(values)
import cxrscore.evaluate
assert keras.backend.backend() == sys.argv[2]
assert "tensorflow" not in sys.modules
np.savez(sys.argv[1], **measured)
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_every_backend_without_tensorflow(backend, tmp_path):
    pytest.importorskip(backend)
    image, other = random_pair()
    path = tmp_path / "pair.npz"
    np.savez(path, image=image, other=other)
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(path), backend],
        check=True,
        cwd=REPOSITORY,
        env={**os.environ, "KERAS_BACKEND": backend},
    )
    measured = np.load(path)
    for name, independent in (
        ("ssim", skimage_ssim),
        ("psnr", skimage_psnr),
        ("mse", mean_squared_error),
    ):
        expected = [independent(*pair) for pair in zip(image, other, strict=True)]
        np.testing.assert_allclose(measured[name], expected, rtol=1e-5, err_msg=name)

"""The U-Net, its loss, its measures: form, arithmetic, saving, learning."""

import keras
import numpy as np
import pytest
from model_checks import run_saving_test

from cxrlib.models.losses import MaskLoss
from cxrlib.models.metrics import MeanDice, MeanOverlap, dice, iou
from cxrlib.systems.lungs.train import compile_lung_unet
from cxrlib.systems.lungs.unet import LungUNet

SMALL = {"image_size": 64, "widths": (8, 16, 24)}


@pytest.fixture
def masks():
    rng = np.random.default_rng(0)
    true = rng.random((5, 16, 12)) < np.linspace(0, 1, 5)[:, None, None]
    pred = rng.random((5, 16, 12)) < 0.5
    pred[0] = False  # Both are empty here.
    return true, pred


def numpy_dice(true, pred):
    return 2 * (true & pred).sum() / (true.sum() + pred.sum())


# === Measures and loss ===


def test_dice_and_iou_equal_plain_numpy(masks):
    true, pred = masks
    ours, union = np.asarray(dice(true, pred)), np.asarray(iou(true, pred))
    assert ours[0] == union[0] == 1
    for i in range(1, 5):
        assert ours[i] == pytest.approx(numpy_dice(true[i], pred[i]), abs=1e-6)
        both, either = (true[i] & pred[i]).sum(), (true[i] | pred[i]).sum()
        assert union[i] == pytest.approx(both / either, abs=1e-6)
    np.testing.assert_allclose(ours, 2 * union / (1 + union), atol=1e-6)


def test_a_missing_channel_axis_is_refused(masks):
    true, pred = masks
    with pytest.raises(ValueError, match="shapes"):
        dice(true, pred[..., None])


def test_metrics_are_means_over_images_not_pixels(masks):
    true, pred = masks
    expected = np.mean([1.0] + [numpy_dice(true[i], pred[i]) for i in range(1, 5)])
    metric = MeanDice()
    for rows in (slice(0, 2), slice(2, 5)):
        metric.update_state(true[rows, ..., None], pred[rows, ..., None])
    assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(MeanOverlap(threshold=0.3))
    )
    assert again.threshold == 0.3 and again.name == "iou"


def test_loss_equals_plain_numpy():
    rng = np.random.default_rng(1)
    true = (rng.random((3, 8, 8, 1)) < 0.4).astype("float32")
    pred = rng.uniform(0.05, 0.95, (3, 8, 8, 1)).astype("float32")
    entropy = -(true * np.log(pred) + (1 - true) * np.log(1 - pred)).mean((1, 2, 3))
    both = (true * pred).sum((1, 2, 3))
    total = true.sum((1, 2, 3)) + pred.sum((1, 2, 3))
    expected = (entropy + 1 - (2 * both + 1) / (total + 1)).mean()
    assert float(MaskLoss()(true, pred)) == pytest.approx(float(expected), rel=1e-5)
    assert float(MaskLoss()(true, true)) == pytest.approx(0, abs=1e-5)


# === The network ===


def test_shapes_and_size():
    model = LungUNet()
    assert model.count_params() < 2_000_000
    assert model.input_shape == model.output_shape == (None, 256, 256, 1)
    seen = model(np.random.default_rng(0).random((2, 256, 256, 1), dtype="float32"))
    assert seen.dtype == "float32" and 0 <= np.min(seen) <= np.max(seen) <= 1
    with pytest.raises(ValueError, match="multiple of 8"):
        LungUNet(image_size=60, widths=(8, 16, 24))


def test_exposure_and_contrast_do_not_matter():
    model = LungUNet(**SMALL)
    image = np.random.default_rng(0).random((1, 64, 64, 1), dtype="float32")
    np.testing.assert_allclose(
        model(image), model(0.3 * image + 0.5), atol=1e-4, err_msg="not standardised"
    )
    assert np.isfinite(model(np.zeros_like(image))).all()


def test_the_same_in_a_fresh_process(tmp_path):
    model = compile_lung_unet(LungUNet(**SMALL))
    image = np.random.default_rng(0).random((2, 64, 64, 1), dtype="float32")
    run_saving_test(
        {"model": (model, image)},
        tmp_path,
        """
from cxrlib.systems.lungs.segment import load_lung_model
again = load_lung_model(f"{folder}/model.keras")
np.testing.assert_allclose(again(kept["image"]), kept["seen"], atol=1e-6)
""",
        tolerance=1e-6,
        image=image,
        seen=np.array(model(image)),
    )


def test_it_learns_a_tiny_set():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    images = np.full((8, 64, 64, 1), 0.8, "float32")
    for image in images:  # Two dark ellipses, somewhere.
        rows, columns = np.mgrid[:64, :64]
        for middle in (18, 46):
            y, x = 32 + rng.normal(0, 3), middle + rng.normal(0, 2)
            image[((rows - y) / 20) ** 2 + ((columns - x) / 10) ** 2 < 1] = 0.2
    masks = (images < 0.5).astype("float32")
    images += rng.normal(0, 0.1, images.shape)
    model = compile_lung_unet(LungUNet(**SMALL, dropout=0.0), 3e-3)
    before = model.evaluate(images, masks, verbose=0, return_dict=True)["dice"]
    model.fit(images, masks, epochs=40, batch_size=4, verbose=0)
    after = model.evaluate(images, masks, verbose=0, return_dict=True)["dice"]
    assert before < 0.8 and after > 0.95

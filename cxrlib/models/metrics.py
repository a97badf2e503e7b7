"""Scores of images and masks as `keras.ops`, image by image, on any backend."""

import keras
import numpy as np
from keras import ops

from cxrbase.files import InputError

WINDOW = 11  # pixels, the window of Wang et al. (2004)
SIGMA = 1.5  # pixels
K1, K2 = 0.01, 0.03


def _tf32(array):
    """Round to the 10 bits of mantissa that a tensor core keeps."""
    bits = np.ascontiguousarray(array, dtype="float32").view("uint32")
    return ((bits + 0x1000) & np.uint32(0xFFFFE000)).view("float32")


def _taps():
    """Gaussian taps in a high and a low part, laid out for `_blur`: (WINDOW, 3)."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    taps = np.exp(-(offsets**2) / (2 * SIGMA**2))
    taps = (taps / taps.sum()).astype("float32")
    high = _tf32(taps)
    return np.stack([high, high, taps - high], axis=-1)


TAPS = _taps()


def _blur(maps):
    """Weighted mean of every full window; the weights are a column times a row of taps.

    GPUs since Ampere convolve in TF32, which keeps 10 bits. SSIM takes the
    difference of nearly equal means of squares, and came out wrong by up to
    0.04. So pixels and taps are split into a high part that TF32 holds exactly and a
    small remainder; `high·high + low·high + all·low` is float32 again.
    """
    for shape in ((WINDOW, 1, 3, 1), (1, WINDOW, 3, 1)):
        high = ops.round(maps * 1024) / 1024
        maps = ops.conv(
            ops.concatenate([high, maps - high, maps], axis=-1),
            ops.convert_to_tensor(TAPS.reshape(shape), dtype="float32"),
            padding="valid",
            data_format="channels_last",
        )
    return maps


def _pair(y_true, y_pred, max_value):
    """Both images in float32 (also under mixed precision), scaled to [0, 1]."""
    y_true = ops.cast(ops.convert_to_tensor(y_true), "float32") / max_value
    y_pred = ops.cast(ops.convert_to_tensor(y_pred), "float32") / max_value
    if len(y_true.shape) != 4 or y_true.shape[-1] != 1:
        raise InputError(
            f"Images of shape {tuple(y_true.shape)}: expected (batch, height, "
            "width, 1), one grey channel."
        )
    for own, other in zip(y_true.shape[1:], y_pred.shape[1:], strict=True):
        if own is not None and other is not None and own != other:
            raise InputError(
                f"Images of shape {tuple(y_true.shape)} cannot be compared with "
                f"images of shape {tuple(y_pred.shape)}: resize one of them."
            )
    return y_true, y_pred


def ssim(y_true, y_pred, max_value=1.0):
    """Structural similarity of each image, 1 for identical ones.

    The mean over every window of 11×11 pixels (Gaussian, σ = 1.5) that lies
    inside the image, with population covariances. It equals scikit-image's
    `structural_similarity(gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False)`, and `1 - ssim` serves as a loss.

    Args:
        y_true: float tensor `(B, H, W, 1)` in `[0, max_value]`.
        y_pred: float tensor `(B, H, W, 1)` in `[0, max_value]`.
        max_value: float. The value of white.

    Returns:
        A float32 tensor `(B,)`, differentiable in both images.

    Raises:
        InputError: if the images differ in size, are not grey, or have a side
            under 11 pixels.

    Example:
    ```python
    image = np.random.default_rng(0).random((2, 64, 64, 1))
    ssim(image, image)  # [1., 1.]
    ```

    Reference:
        - [Wang et al., 2004](https://doi.org/10.1109/TIP.2003.819861)
    """
    y_true, y_pred = _pair(y_true, y_pred, max_value)
    sides = [side for side in y_true.shape[1:3] if side is not None]
    if sides and min(sides) < WINDOW:
        raise InputError(
            f"SSIM needs images of {WINDOW}×{WINDOW} pixels or more; these have "
            f"{y_true.shape[1]}×{y_true.shape[2]}. Choose a larger image size."
        )
    # Only the sum of the two variances is needed, so four maps do instead of five.
    maps = [y_true, y_pred, y_true**2 + y_pred**2, y_true * y_pred]
    blurred = ops.split(_blur(ops.concatenate(maps, axis=0)), 4, axis=0)
    mean_true, mean_pred, squares, product = blurred
    c1, c2 = K1**2, K2**2
    means_product = mean_true * mean_pred
    means_squares = mean_true**2 + mean_pred**2
    luminance = (2 * means_product + c1) / (means_squares + c1)
    structure = (2 * (product - means_product) + c2) / (squares - means_squares + c2)
    return ops.mean(luminance * structure, axis=(1, 2, 3))


def mse(y_true, y_pred, max_value=1.0):
    """Mean squared error of each image, with white as 1.

    Args:
        y_true: float tensor `(B, H, W, 1)` in `[0, max_value]`.
        y_pred: float tensor `(B, H, W, 1)` in `[0, max_value]`.
        max_value: float. The value of white.

    Returns:
        A float32 tensor `(B,)`.

    Raises:
        InputError: if the images differ in size or are not grey.

    Example:
    ```python
    mse(np.zeros((1, 8, 8, 1)), np.full((1, 8, 8, 1), 0.5))  # [0.25]
    ```
    """
    y_true, y_pred = _pair(y_true, y_pred, max_value)
    return ops.mean((y_true - y_pred) ** 2, axis=(1, 2, 3))


def psnr(y_true, y_pred, max_value=1.0):
    """Peak signal-to-noise ratio of each image in decibels.

    Args:
        y_true: float tensor `(B, H, W, 1)` in `[0, max_value]`.
        y_pred: float tensor `(B, H, W, 1)` in `[0, max_value]`.
        max_value: float. The value of white.

    Returns:
        A float32 tensor `(B,)`; identical images have 100 dB, not infinity.

    Raises:
        InputError: if the images differ in size or are not grey.

    Example:
    ```python
    psnr(np.zeros((1, 8, 8, 1)), np.full((1, 8, 8, 1), 0.1))  # [20.]
    ```
    """
    error = ops.maximum(mse(y_true, y_pred, max_value), 1e-10)
    return -10.0 * ops.log10(error)


@keras.saving.register_keras_serializable(package="cxrlib")
class StructuralSimilarity(keras.metrics.Mean):
    """The mean SSIM of a view, as a metric for `compile`.

    Args:
        max_value: float. The value of white.
        name: string.
        dtype: the dtype of the state. SSIM itself is computed in float32.

    Example:
    ```python
    model.compile(weighted_metrics={"frontal": [StructuralSimilarity()]}, …)
    ```
    """

    def __init__(self, max_value=1.0, name="ssim", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.max_value = max_value

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch; `sample_weight` is `(B,)` or, as for a loss, `(B, 1, 1)`."""
        values = ssim(y_true, y_pred, self.max_value)
        if sample_weight is not None:
            weight = ops.convert_to_tensor(sample_weight)
            sample_weight = ops.reshape(weight, (ops.shape(weight)[0], -1))[:, 0]
        super().update_state(values, sample_weight=sample_weight)

    def get_config(self):
        """The arguments, for saving."""
        return {**super().get_config(), "max_value": self.max_value}


# === Masks ===


def _areas(y_true, y_pred, threshold):
    """Areas of both masks and of what they share, `(B,)` each."""
    if len(y_true.shape) != len(y_pred.shape):
        # Broadcasting (B, H, W) against (B, H, W, 1) would compare everything.
        raise InputError(f"the masks have shapes {y_true.shape} and {y_pred.shape}.")
    axes = tuple(range(1, len(y_true.shape)))
    true = ops.cast(ops.cast(y_true, "float32") > threshold, "float32")
    pred = ops.cast(ops.cast(y_pred, "float32") > threshold, "float32")
    areas = ops.sum(true, axes), ops.sum(pred, axes)
    return *areas, ops.sum(true * pred, axes)


def dice(y_true, y_pred, threshold=0.5):
    """Dice coefficient of each image: twice the overlap by the sum of the areas.

    Args:
        y_true: tensor `(B, H, W)` or `(B, H, W, 1)`, masks in [0, 1].
        y_pred: tensor of the same shape, masks or probabilities in [0, 1].
        threshold: float. What lies above it belongs to the mask.

    Returns:
        A float32 tensor `(B,)` in [0, 1]; two empty masks agree, at 1.

    Raises:
        InputError: if one has a channel axis and the other has none.

    Example:
    ```python
    dice(np.array([[[1, 1]]]), np.array([[[0, 1]]]))  # [0.6667]
    ```

    Reference:
    - [Dice, 1945](https://doi.org/10.2307/1932409)
    """
    true, pred, both = _areas(y_true, y_pred, threshold)
    total = true + pred
    return ops.where(total > 0, 2 * both / ops.maximum(total, 1), 1.0)


def iou(y_true, y_pred, threshold=0.5):
    """Intersection over union of each image; `dice / (2 − dice)`.

    Args:
        y_true: tensor `(B, H, W)` or `(B, H, W, 1)`, masks in [0, 1].
        y_pred: tensor of the same shape, masks or probabilities in [0, 1].
        threshold: float. What lies above it belongs to the mask.

    Returns:
        A float32 tensor `(B,)` in [0, 1]; two empty masks agree, at 1.

    Raises:
        InputError: if one has a channel axis and the other has none.

    Example:
    ```python
    iou(np.array([[[1, 1]]]), np.array([[[0, 1]]]))  # [0.5]
    ```
    """
    true, pred, both = _areas(y_true, y_pred, threshold)
    union = true + pred - both
    return ops.where(union > 0, both / ops.maximum(union, 1), 1.0)


class _Overlap(keras.metrics.Mean):
    """Mean over images of a measure of overlap."""

    measure = None

    def __init__(self, threshold=0.5, name=None, dtype=None):
        super().__init__(name=name or self.measure.__name__, dtype=dtype)
        self.threshold = threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch."""
        values = type(self).measure(y_true, y_pred, self.threshold)
        super().update_state(values, sample_weight=sample_weight)

    def get_config(self):
        """The arguments, for saving."""
        return {**super().get_config(), "threshold": self.threshold}


@keras.saving.register_keras_serializable(package="cxrlib")
class MeanDice(_Overlap):
    """Dice coefficient, averaged over images rather than over all their pixels.

    Args:
        threshold: float. What lies above it belongs to the mask.
        name: string.
        dtype: the dtype of the state.

    Example:
    ```python
    model.compile(loss=MaskLoss(), metrics=[MeanDice(), MeanOverlap()])
    ```
    """

    measure = staticmethod(dice)


@keras.saving.register_keras_serializable(package="cxrlib")
class MeanOverlap(_Overlap):
    """Intersection over union, averaged over images.

    Args:
        threshold: float. What lies above it belongs to the mask.
        name: string.
        dtype: the dtype of the state.

    Example:
    ```python
    model.compile(loss=MaskLoss(), metrics=[MeanDice(), MeanOverlap()])
    ```
    """

    measure = staticmethod(iou)

"""How well two masks agree: Dice and IoU, image by image."""

import keras
from keras import ops


def _areas(y_true, y_pred, threshold):
    """Areas of both masks and of what they share, `(B,)` each."""
    if len(y_true.shape) != len(y_pred.shape):
        # Broadcasting (B, H, W) against (B, H, W, 1) would compare everything.
        raise ValueError(f"the masks have shapes {y_true.shape} and {y_pred.shape}.")
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
        ValueError: if one has a channel axis and the other has none.

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
        ValueError: if one has a channel axis and the other has none.

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

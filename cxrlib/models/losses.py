"""Losses of the three tasks, each a mean over what is not missing."""

import keras
from keras import ops

from cxrlib.models.metrics import ssim


@keras.saving.register_keras_serializable(package="cxrlib")
class ReconstructionLoss(keras.losses.Loss):
    """Mean squared error plus structural dissimilarity.

    `MSE + ssim_weight · (1 − SSIM)`, one value per study. MSE alone forgives
    blur; SSIM compares local structure.

    Args:
        ssim_weight: float. λ, the share of structure; 0 leaves the MSE.
        **kwargs: see `keras.losses.Loss`.

    Call arguments:
        y_true: float tensor `(B, H, W, 1)` in [0, 1].
        y_pred: float tensor `(B, H, W, 1)` in [0, 1].
        sample_weight: float tensor `(B, 1, 1)`; a missing view has weight 0.

    Example:
    ```python
    image = np.random.rand(2, 64, 64, 1)
    float(ReconstructionLoss()(image, image))  # 0.0
    ```

    Reference:
    - [Wang et al., 2004](https://doi.org/10.1109/TIP.2003.819861)
    """

    def __init__(
        self,
        ssim_weight=0.5,
        reduction="mean_with_sample_weight",
        name="reconstruction_loss",
        **kwargs,
    ):
        super().__init__(reduction=reduction, name=name, **kwargs)
        self.ssim_weight = ssim_weight

    def call(self, y_true, y_pred):
        """One loss per study, shaped `(B, 1, 1)` like its weight."""
        y_true = ops.cast(y_true, "float32")
        y_pred = ops.cast(y_pred, "float32")
        loss = ops.mean(ops.square(y_true - y_pred), axis=(1, 2, 3))  # (B,)
        if self.ssim_weight:
            loss = loss + self.ssim_weight * (1.0 - ssim(y_true, y_pred))
        # Without the two axes Keras would broadcast (B,) against the weight's
        # (B, 1, 1) and divide by the wrong sum.
        return loss[:, None, None]

    def get_config(self):
        """The arguments, for saving."""
        return {**super().get_config(), "ssim_weight": self.ssim_weight}


def text_loss():
    """Cross-entropy per token, padding left out.

    Keras's default reduction divides by all positions, padding included, so
    that short reports look well learned; this one divides by the weights.

    Returns:
        A `keras.losses.Loss` over logits `(B, T, V)` and ids `(B, T)`.

    Example:
    ```python
    text_loss()(np.zeros((1, 4), "int32"), np.random.rand(1, 4, 10))
    ```
    """
    return keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, reduction="mean_with_sample_weight", name="text_loss"
    )


def label_loss():
    """Binary cross-entropy over the studies whose label is known.

    Returns:
        A `keras.losses.Loss` over probabilities `(B, 1)`.

    Example:
    ```python
    label_loss()(np.ones((2, 1)), np.full((2, 1), 0.5))
    ```
    """
    return keras.losses.BinaryCrossentropy(
        reduction="mean_with_sample_weight", name="label_loss"
    )


@keras.saving.register_keras_serializable(package="cxrlib")
class MaskLoss(keras.losses.Loss):
    """Binary cross-entropy plus soft Dice loss, one value per image.

    Cross-entropy looks at every pixel by itself and gives smooth gradients; Dice looks
    at the whole shape, so that small lungs count as much as large ones.

    Args:
        **kwargs: see `keras.losses.Loss`.

    Call arguments:
        y_true: float tensor `(B, H, W, 1)` in [0, 1].
        y_pred: float tensor `(B, H, W, 1)`, probabilities.

    Example:
    ```python
    mask = np.ones((1, 8, 8, 1))
    float(MaskLoss()(mask, mask))  # 0.0
    ```

    Reference:
    - [Milletari et al., 2016](https://arxiv.org/abs/1606.04797)
    """

    def __init__(self, name="mask_loss", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        """One loss per image, `(B,)`."""
        y_true = ops.cast(y_true, "float32")
        y_pred = ops.cast(y_pred, "float32")
        axes = (1, 2, 3)
        entropy = ops.mean(ops.binary_crossentropy(y_true, y_pred), axis=axes)
        both = ops.sum(y_true * y_pred, axis=axes)
        total = ops.sum(y_true, axis=axes) + ops.sum(y_pred, axis=axes)
        # The 1 keeps an image without lungs from dividing by zero.
        return entropy + 1.0 - (2.0 * both + 1.0) / (total + 1.0)

"""A U-Net that finds the lungs, small enough for a CPU."""

import keras
from keras import layers

from cxrbase.files import InputError


@keras.saving.register_keras_serializable(package="cxrlib")
class LungUNet(keras.Model):
    """U-Net with residual blocks and a strided stem, from grey images to masks.

    Every image is first brought to mean 0 and standard deviation 1, so that exposure
    and windowing matter little. The stem halves the image before the first block: the
    border of a lung is smooth, and a quarter of the pixels shows it as well. The path
    down has one residual block per width; the path up doubles the size, joins the skip
    connection and convolves once.

    Args:
        image_size: int. Side of the square input in pixels, a multiple of
            `2 ** len(widths)`.
        widths: tuple of ints. Channels at 1/2, 1/4, 1/8 … of the input's side.
        dropout: float. Rate at which whole channels are dropped at the bottom.
        **kwargs: see `keras.Model`.

    Call arguments:
        image: float tensor `(B, S, S, 1)` in [0, 1].

    Returns:
        Float32 tensor `(B, S, S, 1)`: the probability that a pixel is lung.

    Example:
    ```python
    LungUNet()(np.random.rand(2, 256, 256, 1)).shape  # (2, 256, 256, 1)
    ```

    Reference:
    - [Ronneberger et al., 2015](https://arxiv.org/abs/1505.04597)
    - [He et al., 2015](https://arxiv.org/abs/1512.03385)
    """

    def __init__(
        self,
        image_size=256,
        widths=(16, 32, 64, 96, 128, 160),
        dropout=0.1,
        name="lung_unet",
        **kwargs,
    ):
        if image_size % 2 ** len(widths):
            raise InputError(
                f"image_size={image_size} cannot be halved {len(widths)} times; choose "
                f"a multiple of {2 ** len(widths)}."
            )
        # === Functional Model ===
        image = keras.Input((image_size, image_size, 1), name="image")
        x = layers.LayerNormalization(
            axis=(1, 2, 3), center=False, scale=False, epsilon=1e-6, name="standardise"
        )(image)
        x = layers.Conv2D(
            widths[0], 5, strides=2, padding="same", use_bias=False, name="stem"
        )(x)
        x = _norm_relu(x, "stem")
        skips = [x]  # (B, S/2, S/2, widths[0])
        for i, width in enumerate(widths[1:], start=1):
            x = residual_block(x, width, name=f"down_{i}")
            skips.append(x)  # (B, S/2^(i+1), S/2^(i+1), width)
        x = layers.SpatialDropout2D(dropout, name="dropout")(x)
        for i in reversed(range(len(widths) - 1)):
            x = layers.UpSampling2D(2, name=f"up_{i}_double")(x)
            x = layers.Concatenate(name=f"up_{i}_join")([x, skips[i]])
            x = layers.Conv2D(
                widths[i], 3, padding="same", use_bias=False, name=f"up_{i}"
            )(x)
            x = _norm_relu(x, f"up_{i}")
        x = layers.Conv2D(1, 1, name="logits")(x)  # (B, S/2, S/2, 1)
        # Doubled before the sigmoid: straight lines between logits are smooth
        # borders between probabilities.
        x = layers.UpSampling2D(2, interpolation="bilinear", name="full_size")(x)
        mask = layers.Activation("sigmoid", dtype="float32", name="mask")(x)
        super().__init__(inputs=image, outputs=mask, name=name, **kwargs)

        # === Config ===
        self.image_size = image_size
        self.widths = tuple(widths)
        self.dropout = dropout

    def get_config(self):
        """The arguments, for saving."""
        return {
            "image_size": self.image_size,
            "widths": self.widths,
            "dropout": self.dropout,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuild from `get_config`, not from the functional graph."""
        return cls(**config)


def _norm_relu(x, name):
    return layers.ReLU(name=f"{name}_relu")(
        layers.BatchNormalization(name=f"{name}_bn")(x)
    )


def residual_block(x, width, name):
    """Halve the image; two convolutions beside a short cut.

    Args:
        x: float tensor `(B, H, W, C)`.
        width: int. Channels that leave the block.
        name: string. The layers' names begin with it.

    Returns:
        Float tensor `(B, H/2, W/2, width)`.

    Example:
    ```python
    residual_block(keras.Input((64, 64, 16)), 32, name="down_1").shape
    ```
    """
    shortcut = layers.AveragePooling2D(2, name=f"{name}_pool")(x)
    shortcut = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_shortcut")(
        shortcut
    )
    x = layers.Conv2D(
        width, 3, strides=2, padding="same", use_bias=False, name=f"{name}_conv_1"
    )(x)
    x = _norm_relu(x, f"{name}_1")
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"{name}_conv_2")(
        x
    )
    x = layers.BatchNormalization(name=f"{name}_2_bn")(x)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)

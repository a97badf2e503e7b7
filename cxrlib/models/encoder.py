"""The shared encoder: DenseNet121 as CheXNet uses it, with its skips as outputs."""

import keras
from keras import layers, ops

from cxrbase.files import InputError

# The last feature map at each of five resolutions, 1/2 to 1/32. In DenseNet121 they are
# conv1_relu, conv2_block6_concat, conv3_block12_concat, conv4_block24_concat and
# conv5_block16_concat.
SKIP_LEVELS = 5


@keras.saving.register_keras_serializable(package="cxrlib")
class ImageNetNormalization(layers.Layer):
    """Turn a grey image in [0, 1] into what an ImageNet encoder was trained on.

    The grey channel is repeated to three, then each is shifted and scaled by
    ImageNet's channel mean and standard deviation, as CheXNet does.

    Args:
        **kwargs: see `keras.layers.Layer`.

    Call arguments:
        images: float tensor `(B, H, W, 1)` in [0, 1].

    Returns:
        Float tensor `(B, H, W, 3)`, of roughly zero mean and unit standard deviation.

    Example:
    ```python
    ImageNetNormalization()(np.random.rand(2, 128, 128, 1))
    ```

    Reference:
    - [Rajpurkar et al., 2017, CheXNet](https://arxiv.org/abs/1711.05225)
    """

    mean = (0.485, 0.456, 0.406)
    deviation = (0.229, 0.224, 0.225)

    def call(self, images):
        """Normalise a batch of images."""
        images = ops.repeat(images, 3, axis=-1)  # (B, H, W, 1) -> (B, H, W, 3)
        mean = ops.cast(self.mean, images.dtype)
        deviation = ops.cast(self.deviation, images.dtype)
        return (images - mean) / deviation

    def compute_output_shape(self, input_shape):
        """The grey channel becomes three."""
        return (*input_shape[:-1], 3)


def batch_norm_relu(x, name):
    """BatchNorm and ReLU under DenseNet's layer names `…_bn` and `…_relu`."""
    x = layers.BatchNormalization(epsilon=1.001e-5, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def dense_block(x, blocks, growth_rate, name):
    """Stack layers of which each sees the maps of all before it."""
    for i in range(1, blocks + 1):
        prefix = f"{name}_block{i}"
        # Keras numbers the two halves 0 and 1; only the first has a bare prefix.
        y = batch_norm_relu(x, f"{prefix}_0")
        y = layers.Conv2D(4 * growth_rate, 1, use_bias=False, name=f"{prefix}_1_conv")(
            y
        )
        y = batch_norm_relu(y, f"{prefix}_1")
        y = layers.Conv2D(
            growth_rate, 3, padding="same", use_bias=False, name=f"{prefix}_2_conv"
        )(y)
        x = layers.Concatenate(name=f"{prefix}_concat")([x, y])
    return x


def transition(x, name):
    """Halve the channels and the resolution between two dense blocks."""
    x = batch_norm_relu(x, name)
    x = layers.Conv2D(x.shape[-1] // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    return layers.AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)


def latent_pooling(dtype=None):
    """The layer that makes a latent `(B, C)` of the maps `(B, h, w, C)` of a view."""
    return layers.GlobalAveragePooling2D(name="latent", dtype=dtype)


def pool_views(maps):
    """Latents of both views `(B, 2C)` of their maps, pooled as the encoder does.

    Args:
        maps: float tensor `(B, 2, h, w, C)`, frontal and lateral.

    Returns:
        Float tensor `(B, 2C)`, frontal first.

    Example:
    ```python
    pool_views(np.random.rand(1, 2, 4, 4, 1024)).shape  # (1, 2048)
    ```
    """
    views = ops.reshape(maps, (-1, *maps.shape[2:]))  # (2B, h, w, C)
    pooled = latent_pooling(keras.backend.standardize_dtype(maps.dtype))(views)
    return ops.reshape(pooled, (-1, 2 * maps.shape[-1]))


@keras.saving.register_keras_serializable(package="cxrlib")
class CheXNetEncoder(keras.Model):
    """DenseNet121 that returns five skips, its last maps and their mean, the latent.

    Layer names are those of `keras.applications.DenseNet121`, so that CheXNet's
    and ImageNet's weights fit by name. Smaller `blocks` make the small encoder
    that tests and smoke runs use.

    Args:
        image_size: int. Height and width of the input in pixels, a multiple
            of 32.
        blocks: tuple of four ints. Layers in each dense block.
        growth_rate: int. Channels that each of these layers adds.
        stem_filters: int. Channels of the first convolution.
        trainable_layers: int or `None`. How many of the last layers train,
            counted as Keras layers from the latent's pooling backwards and
            without it; `None` trains the whole encoder. A frozen BatchNorm
            stays in inference mode, also during `fit`.
        **kwargs: see `keras.Model`.

    Call arguments:
        images: float tensor `(B, H, W, 1)` in [0, 1].

    Returns:
        A dict: `skip_1` to `skip_5`, float tensors of `1/2` to `1/32` of the
        input's height and width; `maps` `(B, H/32, W/32, 1024)` (for DenseNet121),
        the last features that still have a place; and `latent` `(B, 1024)`,
        their mean.

    Example:
    ```python
    encoder = CheXNetEncoder(image_size=224, trainable_layers=10)
    encoder(np.random.rand(2, 224, 224, 1))["latent"].shape  # (2, 1024)
    ```

    References:
    - [Huang et al., 2017, DenseNet](https://arxiv.org/abs/1608.06993)
    - [Rajpurkar et al., 2017, CheXNet](https://arxiv.org/abs/1711.05225)
    """

    def __init__(
        self,
        image_size=224,
        blocks=(6, 12, 24, 16),
        growth_rate=32,
        stem_filters=64,
        trainable_layers=None,
        name="encoder",
        **kwargs,
    ):
        if image_size % 2**SKIP_LEVELS:
            raise InputError(
                f"image_size must be a multiple of {2**SKIP_LEVELS}, since the "
                f"encoder halves it {SKIP_LEVELS} times. Received: {image_size}"
            )
        # === Functional Model ===
        image = keras.Input((image_size, image_size, 1), name="image")
        x = ImageNetNormalization(name="imagenet_normalization")(image)
        x = layers.ZeroPadding2D(3, name="zero_padding2d")(x)
        x = layers.Conv2D(
            stem_filters, 7, strides=2, use_bias=False, name="conv1_conv"
        )(x)
        skips = [batch_norm_relu(x, "conv1")]  # (B, H/2, W/2, 64)
        x = layers.ZeroPadding2D(1, name="zero_padding2d_1")(skips[0])
        x = layers.MaxPooling2D(3, strides=2, name="pool1")(x)
        for stage, count in enumerate(blocks, start=2):
            x = dense_block(x, count, growth_rate, name=f"conv{stage}")
            skips.append(x)  # (B, H/2^stage, W/2^stage, C)
            if stage < SKIP_LEVELS:
                x = transition(x, name=f"pool{stage}")
        x = layers.BatchNormalization(epsilon=1.001e-5, name="bn")(x)
        maps = layers.Activation("relu", name="relu")(x)  # (B, H/32, W/32, 1024)
        latent = latent_pooling()(maps)  # (B, 1024)
        outputs = {f"skip_{i}": skip for i, skip in enumerate(skips, start=1)}
        super().__init__(
            inputs=image,
            outputs={**outputs, "maps": maps, "latent": latent},
            name=name,
            **kwargs,
        )

        # === Config ===
        self.image_size = image_size
        self.blocks = tuple(blocks)
        self.growth_rate = growth_rate
        self.stem_filters = stem_filters
        self.freeze_all_but_last(trainable_layers)

    def freeze_all_but_last(self, trainable_layers):
        """Freeze the encoder except for its last layers.

        Args:
            trainable_layers: int or `None`. See the class.

        Returns:
            The names of the layers that train, in order.
        """
        self.trainable_layers = trainable_layers
        body = [layer for layer in self.layers if layer.name != "latent"]
        first = 0 if trainable_layers is None else len(body) - trainable_layers
        for i, layer in enumerate(body):
            layer.trainable = i >= first
        return [layer.name for layer in body[first:]]

    @property
    def latent_dim(self):
        """Length of the pooled latent of one view."""
        return self.output["latent"].shape[-1]

    @property
    def skip_shapes(self):
        """Shapes `(h, w, c)` of the skips, finest first."""
        return [
            tuple(self.output[f"skip_{i}"].shape[1:]) for i in range(1, SKIP_LEVELS + 1)
        ]

    def get_config(self):
        """The arguments, for saving."""
        return {
            "image_size": self.image_size,
            "blocks": self.blocks,
            "growth_rate": self.growth_rate,
            "stem_filters": self.stem_filters,
            "trainable_layers": self.trainable_layers,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuild from `get_config`, not from the functional graph."""
        return cls(**config)

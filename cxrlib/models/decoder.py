"""The reconstruction decoder: from a view's latent and skips back to its pixels."""

import keras
from keras import layers

from cxrbase.files import InputError
from cxrlib.models.encoder import SKIP_LEVELS


@keras.saving.register_keras_serializable(package="cxrlib")
class ReconstructionDecoder(keras.Model):
    """Reconstruct one view from its pooled latent and, if allowed, its skips.

    Each stage is transposed convolution, BatchNorm, ReLU, the skip of that
    resolution concatenated, convolution. `skips` says how many levels of the
    encoder are seen, from the coarsest (conv5) up to the finest (conv1). With five of
    them the picture can nearly be copied; with none the latent has to hold all of it.
    The difference is worth measuring.

    Args:
        skip_shapes: list of five tuples `(h, w, c)`, finest first, as
            `CheXNetEncoder.skip_shapes` gives them.
        latent_dim: int. Length of the pooled latent.
        skips: int, 0 to 5. Number of skip levels used, coarsest first.
        filters: tuple of five ints. Channels of the five stages, coarsest first.
        **kwargs: see `keras.Model`.

    Call arguments:
        features: dict with `latent` `(B, latent_dim)` and the skips used,
            `skip_1` (finest) to `skip_5`.

    Returns:
        Float32 tensor `(B, H, W, 1)` in [0, 1].

    Example:
    ```python
    encoder = CheXNetEncoder(image_size=64)
    decoder = ReconstructionDecoder(encoder.skip_shapes, encoder.latent_dim)
    decoder(encoder(np.random.rand(2, 64, 64, 1))).shape  # (2, 64, 64, 1)
    ```

    Reference:
    - [Ronneberger et al., 2015, U-Net](https://arxiv.org/abs/1505.04597)
    """

    def __init__(
        self,
        skip_shapes,
        latent_dim,
        skips=SKIP_LEVELS,
        filters=(256, 128, 64, 32, 16),
        name="decoder",
        **kwargs,
    ):
        if not 0 <= skips <= SKIP_LEVELS:
            raise InputError(f"skips must be 0 to {SKIP_LEVELS}. Received: {skips}")
        # === Functional Model ===
        height, width, _ = skip_shapes[-1]
        # Only the levels used are inputs, so that nothing else can leak in.
        levels = range(SKIP_LEVELS, SKIP_LEVELS - skips, -1)
        inputs = {
            f"skip_{i}": keras.Input(tuple(skip_shapes[i - 1]), name=f"skip_{i}")
            for i in levels
        }
        inputs["latent"] = keras.Input((latent_dim,), name="latent")

        # A few channels suffice to give the latent a place in the plane; the
        # dense layer would otherwise outweigh all the rest.
        seed_filters = filters[0] // 4
        x = layers.Dense(height * width * seed_filters, name="latent_to_map")(
            inputs["latent"]
        )
        x = layers.Reshape((height, width, seed_filters), name="latent_map")(x)
        for stage, count in enumerate(filters):
            level = SKIP_LEVELS - stage
            if f"skip_{level}" in inputs:
                x = layers.Concatenate(name=f"join_{level}")(
                    [x, inputs[f"skip_{level}"]]
                )
            x = layers.Conv2D(
                count, 3, padding="same", activation="relu", name=f"conv_{level}"
            )(x)
            x = layers.Conv2DTranspose(
                count, 3, strides=2, padding="same", use_bias=False, name=f"up_{level}"
            )(x)  # (B, h, w, c) -> (B, 2h, 2w, c)
            x = layers.BatchNormalization(name=f"up_{level}_bn")(x)
            x = layers.ReLU(name=f"up_{level}_relu")(x)
        # The sigmoid in float32: half precision would give bands of grey.
        image = layers.Conv2D(
            1, 3, padding="same", activation="sigmoid", dtype="float32", name="image"
        )(x)
        super().__init__(inputs=inputs, outputs=image, name=name, **kwargs)

        # === Config ===
        self.skip_shapes = [tuple(shape) for shape in skip_shapes]
        self.latent_dim = latent_dim
        self.skips = skips
        self.filters = tuple(filters)

    def get_config(self):
        """The arguments, for saving."""
        return {
            "skip_shapes": self.skip_shapes,
            "latent_dim": self.latent_dim,
            "skips": self.skips,
            "filters": self.filters,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuild from `get_config`, not from the functional graph."""
        return cls(**config)

"""Normal or abnormal, from the latents of both views."""

import keras
from keras import layers


@keras.saving.register_keras_serializable(package="cxrlib")
class AbnormalityClassifier(keras.Model):
    """Two dense blocks and a sigmoid on the concatenated latents.

    512 → BatchNorm → ReLU → dropout 0.3 → 256 → BatchNorm → ReLU → dropout
    0.2 → 1.

    Args:
        latent_dim: int. Length of both latents together.
        units: tuple of ints. Width of each dense block.
        dropout: tuple of floats. Dropout rate after each block.
        **kwargs: see `keras.Model`.

    Call arguments:
        latent: float tensor `(B, latent_dim)`.

    Returns:
        Float32 tensor `(B, 1)`, the probability that the study is abnormal.

    Example:
    ```python
    AbnormalityClassifier(latent_dim=2048)(np.random.rand(4, 2048))
    ```
    """

    def __init__(
        self,
        latent_dim,
        units=(512, 256),
        dropout=(0.3, 0.2),
        name="classifier",
        **kwargs,
    ):
        # === Functional Model ===
        latent = keras.Input((latent_dim,), name="latent")
        x = latent
        for i, (width, rate) in enumerate(zip(units, dropout, strict=True), start=1):
            x = layers.Dense(width, name=f"dense_{i}")(x)
            x = layers.BatchNormalization(name=f"dense_{i}_bn")(x)
            x = layers.ReLU(name=f"dense_{i}_relu")(x)
            x = layers.Dropout(rate, name=f"dropout_{i}")(x)
        probability = layers.Dense(
            1, activation="sigmoid", dtype="float32", name="probability"
        )(x)
        super().__init__(inputs=latent, outputs=probability, name=name, **kwargs)

        # === Config ===
        self.latent_dim = latent_dim
        self.units = tuple(units)
        self.dropout = tuple(dropout)

    def get_config(self):
        """The arguments, for saving."""
        return {
            "latent_dim": self.latent_dim,
            "units": self.units,
            "dropout": self.dropout,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuild from `get_config`, not from the functional graph."""
        return cls(**config)

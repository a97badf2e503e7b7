"""The whole CheXNet: the encoder and its head for the fourteen NIH labels."""

import keras
from keras import layers

from cxrlib.models.encoder import CheXNetEncoder
from cxrscore.labels.vocabulary import NIH_LABELS  # In CheXNet's order.


@keras.saving.register_keras_serializable(package="cxrlib")
class CheXNet(keras.Model):
    """DenseNet121 with a probability for each of the fourteen NIH labels.

    Args:
        image_size, blocks, growth_rate, stem_filters: see `CheXNetEncoder`.
        **kwargs: see `keras.Model`.

    Call arguments:
        images: float tensor `(B, H, W, 1)` in [0, 1].

    Returns:
        Float32 tensor `(B, 14)`: probabilities, in the order of `NIH_LABELS`. Each
        label has its own sigmoid: they do not exclude each other.

    Example:
    ```python
    model = CheXNet()  # With weights: cxrlib.pretrained.densenet.load_chexnet.
    dict(zip(NIH_LABELS, model.predict(np.random.rand(1, 224, 224, 1))[0]))
    ```

    Reference:
    - [Rajpurkar et al., 2017, CheXNet](https://arxiv.org/abs/1711.05225)
    """

    def __init__(
        self,
        image_size=224,
        blocks=(6, 12, 24, 16),
        growth_rate=32,
        stem_filters=64,
        name="chexnet",
        **kwargs,
    ):
        # === Layers ===
        encoder = CheXNetEncoder(image_size, blocks, growth_rate, stem_filters)
        head = layers.Dense(
            len(NIH_LABELS), activation="sigmoid", dtype="float32", name="predictions"
        )

        # === Functional Model ===
        image = keras.Input((image_size, image_size, 1), name="image")
        probabilities = head(encoder(image)["latent"])
        super().__init__(inputs=image, outputs=probabilities, name=name, **kwargs)

        # === Config ===
        self.encoder = encoder
        self.head = head

    def get_config(self):
        """The arguments, for saving."""
        return {
            "image_size": self.encoder.image_size,
            "blocks": self.encoder.blocks,
            "growth_rate": self.encoder.growth_rate,
            "stem_filters": self.encoder.stem_filters,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuild from `get_config`, not from the functional graph."""
        return cls(**config)

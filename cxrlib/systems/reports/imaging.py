"""The image half of the system: one encoder, two decoders, one classifier."""

import functools

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="cxrlib")
class StackViews(layers.Layer):
    """Put both views into one batch, so that the encoder runs once.

    Call arguments:
        views: list of two tensors `(B, …)`, frontal and lateral.

    Returns:
        Tensor `(2B, …)`, all frontals before all laterals.

    Example:
    ```python
    StackViews()([frontal, lateral])
    ```
    """

    def call(self, views):
        """Concatenate along the batch."""
        return ops.concatenate(views, axis=0)

    def compute_output_shape(self, input_shape):
        """The batch doubles, which a symbolic shape cannot express."""
        return (None, *input_shape[0][1:])


@keras.saving.register_keras_serializable(package="cxrlib")
class UnstackViews(layers.Layer):
    """Undo `StackViews`.

    Call arguments:
        stacked: tensor `(2B, …)`.

    Returns:
        List of two tensors `(B, …)`, frontal and lateral.

    Example:
    ```python
    frontal, lateral = UnstackViews()(StackViews()([frontal, lateral]))
    ```
    """

    def call(self, stacked):
        """Split the batch in the middle."""
        half = ops.shape(stacked)[0] // 2
        return [stacked[:half], stacked[half:]]

    def compute_output_shape(self, input_shape):
        """Two halves, whose batch size a symbolic shape cannot express."""
        return [(None, *input_shape[1:])] * 2


@keras.saving.register_keras_serializable(package="cxrlib")
class ImagingModel(keras.Model):
    """Reconstruct both views and say how likely the study is abnormal.

    Args:
        encoder: a `CheXNetEncoder`, shared by both views.
        frontal_decoder: a `ReconstructionDecoder`.
        lateral_decoder: a `ReconstructionDecoder`.
        classifier: an `AbnormalityClassifier` on both latents concatenated.
        **kwargs: see `keras.Model`.

    Call arguments:
        inputs: dict of `frontal` and `lateral`, float `(B, H, W, 1)` in [0, 1].

    Returns:
        Dict of `frontal` and `lateral` `(B, H, W, 1)`, `abnormal` `(B, 1)`,
        `latent` `(B, 2 · latent_dim)` and `maps` `(B, 2, H/32, W/32, latent_dim)`,
        frontal first in both.

    Where no reconstruction is wanted, `encoder_view()` gives `abnormal`, `latent` and
    `maps` with the same weights, and runs no decoder.

    Example:
    ```python
    imaging = build_imaging_model("tiny")
    imaging.predict({"frontal": frontal, "lateral": lateral})["abnormal"]
    imaging.encoder_view().predict({"frontal": frontal, "lateral": lateral})["latent"]
    ```
    """

    def __init__(
        self,
        encoder,
        frontal_decoder,
        lateral_decoder,
        classifier,
        name="imaging",
        **kwargs,
    ):
        # === Functional Model ===
        shape = encoder.input.shape[1:]
        frontal = keras.Input(shape, name="frontal")
        lateral = keras.Input(shape, name="lateral")
        stacked = StackViews(name="stack_views")([frontal, lateral])  # (2B, H, W, 1)
        features = encoder(stacked)
        unstack = UnstackViews(name="unstack_views")
        # name -> [of the frontal, of the lateral], each (B, …)
        features = {name: unstack(feature) for name, feature in features.items()}
        latent = layers.Concatenate(name="join_latents")(features["latent"])
        one_view = layers.Reshape(
            (1, *encoder.output["maps"].shape[1:]), name="one_view"
        )
        maps = layers.Concatenate(axis=1, name="join_maps")(
            [one_view(maps) for maps in features["maps"]]
        )  # (B, 2, h, w, C)
        views = [frontal_decoder, lateral_decoder]
        reconstructions = [
            decoder({name: features[name][i] for name in decoder.input})
            for i, decoder in enumerate(views)
        ]
        super().__init__(
            inputs={"frontal": frontal, "lateral": lateral},
            outputs={
                "frontal": reconstructions[0],
                "lateral": reconstructions[1],
                "abnormal": classifier(latent),
                "latent": latent,
                "maps": maps,
            },
            name=name,
            **kwargs,
        )

        # === Config ===
        self.encoder = encoder
        self.frontal_decoder = frontal_decoder
        self.lateral_decoder = lateral_decoder
        self.classifier = classifier
        # In a function: Keras would save a model that is an attribute as a part.
        self.encoder_view = functools.cache(self._make_encoder_view)

    def _make_encoder_view(self):
        """The same model without its decoders; `encoder_view()` makes it once.

        A new model would be traced again, with all of DenseNet121.
        """
        names = ("abnormal", "latent", "maps")
        outputs = {name: self.output[name] for name in names}
        return keras.Model(self.input, outputs, name="encoder_view")

    @property
    def image_size(self):
        """Height and width of both views in pixels."""
        return self.encoder.image_size

    def get_config(self):
        """The arguments, for saving."""
        parts = ("encoder", "frontal_decoder", "lateral_decoder", "classifier")
        config = {
            part: keras.saving.serialize_keras_object(getattr(self, part))
            for part in parts
        }
        return {**config, "name": self.name}

    @classmethod
    def from_config(cls, config):
        """Rebuild the parts, then the whole."""
        name = config.pop("name")
        parts = {
            part: keras.saving.deserialize_keras_object(value)
            for part, value in config.items()
        }
        return cls(**parts, name=name)

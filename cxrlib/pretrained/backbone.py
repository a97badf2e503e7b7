"""A backbone of KerasHub as an encoder of grey films."""

import json
import pathlib

import keras
import keras_hub
import numpy as np
from huggingface_hub import hf_hub_download
from keras import layers, ops

from cxrbase.files import InputError
from cxrbase.refusals import read_as
from cxrlib.pretrained.lite0 import is_state_dict, load_lite0
from cxrlib.pretrained.tensors import plain_layers

HUB = "hf://"
SCALING = "preprocessor_config.json"  # Hugging Face's: mean and deviation of an image.
LEAST = 1e-3  # Of every weight of a mean, so that a film without lungs has one.


@keras.saving.register_keras_serializable(package="cxrlib")
class RegionMaps(layers.Layer):
    """Weigh maps so that their mean is the one within a region, and the one outside.

    So a linear head on two means is one on the mean of maps, and Grad-CAM is exact.

    Args:
        **kwargs: see `keras.layers.Layer`.

    Call arguments:
        inputs: a pair: maps, float tensor `(B, h, w, C)`, and how much of each cell
            belongs to the region, `(B, h, w, 1)` in [0, 1].

    Returns:
        Float tensor `(B, h, w, 2 C)`.

    Example:
    ```python
    RegionMaps()([np.ones((1, 8, 8, 3)), np.zeros((1, 8, 8, 1))]).shape  # (1, 8, 8, 6)
    ```
    """

    def call(self, inputs):
        """Weigh the cells by the region, and by the rest."""
        maps, region = inputs
        parts = [share + LEAST for share in (region, 1 - region)]
        means = [ops.mean(share, axis=(1, 2), keepdims=True) for share in parts]
        weighed = [maps * share / m for share, m in zip(parts, means, strict=True)]
        return ops.concatenate(weighed, axis=-1)


@keras.saving.register_keras_serializable(package="cxrlib")
class BackboneEncoder(keras.Model):
    """A frozen backbone of KerasHub that reads grey films.

    The latent is the class token of a vision transformer (the first of its tokens), or
    the mean over the last maps of a convolutional network. Where there is a model of
    the lungs, it is two means, one after the other: over the lungs, and over the rest.

    Args:
        backbone: a `keras_hub.models.Backbone` with one input, RGB images, or the
            first layers of one.
        scale: sequence of 3 floats. What the pixels in [0, 1] are multiplied by, …
        offset: sequence of 3 floats. … and what is then added.
        film_size: int or `None`. The side of the films, if it is not the backbone's:
            they are then resized.
        lungs: a model from a film to a mask `(B, S, S, 1)` in [0, 1], or `None`.
        **kwargs: see `keras.Model`.

    Call arguments:
        image: float tensor `(B, S, S, 1)` in [0, 1].

    Returns:
        A dict with `latent`, a float tensor `(B, C)`; and of a
        convolutional network `maps`, `(B, h, w, C)`, whose mean it is.

    Example:
    ```python
    encoder = load_backbone("hf://microsoft/rad-dino", image_size=518)
    encoder(np.random.rand(1, 518, 518, 1))["latent"].shape  # (1, 768)
    ```

    References:
    - [Pérez-García et al., 2024, RAD-DINO](https://arxiv.org/abs/2401.10815)
    - [Siméoni et al., 2025, DINOv3](https://arxiv.org/abs/2508.10104)
    """

    def __init__(
        self, backbone, scale, offset, film_size=None, lungs=None, name="encoder",
        **kwargs,
    ):  # fmt: skip
        rest(backbone)  # So BatchNorm and dropout rest, too.
        inputs = keras.tree.flatten(backbone.input)
        shape = inputs[0].shape[1:] if len(inputs) == 1 else ()
        if len(shape) != 3 or shape[0] != shape[1] or shape[0] is None:
            raise InputError(
                f"{backbone.name}: takes {shape or 'several inputs'}, not one square "
                "image (S, S, 3); give an image_size."
            )
        # === Functional Model ===
        side = film_size or shape[0]
        image = keras.Input((side, side, 1), name="image")
        x = image
        if side != shape[0]:
            x = layers.Resizing(*shape[:2], name="resize")(x)
        x = layers.Concatenate(name="repeat")([x, x, x])
        x = layers.Rescaling(list(scale), list(offset), name="rescale")(x)
        features = backbone(keras.tree.pack_sequence_as(backbone.input, [x]))
        if len(features.shape) == 3:  # (B, tokens, C)
            outputs = {"latent": features[:, 0]}
        else:  # (B, h, w, C)
            if lungs is not None:
                rest(lungs)
                region = _shrink(lungs(image), features.shape[1], "lungs")
                features = RegionMaps(name="maps")([features, region])
            pool = layers.GlobalAveragePooling2D(name="latent")
            outputs = {"latent": pool(features), "maps": features}
        super().__init__(inputs=image, outputs=outputs, name=name, **kwargs)

        # === Config ===
        self.backbone, self.lungs = backbone, lungs
        self.scale, self.offset, self.film_size = list(scale), list(offset), film_size

    def cut(self, layer):
        """Cut a convolutional encoder in two, so that the first half can be frozen.

        Args:
            layer: string. The backbone's last layer of the first half.

        Returns:
            Two models: from an image to a list, the maps of that layer and, where
            there are lungs, how much of each cell of the last maps is lung; and from
            such a list to the latent. They share their layers with the encoder.

        Raises:
            InputError: if there is no such layer, or a short cut passes it.
        """
        with read_as("a layer that the rest follows from", layer):
            middle = self.backbone.get_layer(layer).output
            last = keras.Model(middle, self.backbone.output, name="rest")
        first = keras.Model(self.backbone.input, middle)
        seen = [first(self.get_layer("rescale").output)]
        if self.lungs is not None:
            seen.append(self.get_layer("lungs").output)
        given = [keras.Input(each.shape[1:]) for each in seen]
        maps = last(given[0])
        if self.lungs is not None:
            maps = self.get_layer("maps")([maps, given[1]])
        latent = self.get_layer("latent")(maps)
        return keras.Model(self.input, seen), keras.Model(given, latent)

    def get_config(self):
        """The arguments, for saving."""
        save = keras.saving.serialize_keras_object
        return {
            "backbone": save(self.backbone),
            "scale": self.scale,
            "offset": self.offset,
            "film_size": self.film_size,
            "lungs": self.lungs and save(self.lungs),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuild the backbone, then the whole."""
        models = {
            name: config[name] and keras.saving.deserialize_keras_object(config[name])
            for name in ("backbone", "lungs")
            if name in config
        }
        return cls(**{**config, **models})


def rest(model):
    """Freeze a model and every layer in it, also one that trained by itself."""
    for layer in (model, *plain_layers(model)):
        layer.trainable = False


def _shrink(mask, side, name):
    """Average a mask `(B, S, S, 1)` over the cells of a map `(B, side, side, C)`."""
    step = mask.shape[1] // side
    cell = mask.shape[1] - step * (side - 1)
    return layers.AveragePooling2D(cell, step, name=name)(mask)


def load_backbone(preset, image_size, until=None, film_size=None, lungs=None):
    """Load a backbone with its pretrained weights, through KerasHub's own converters.

    Args:
        preset: string. A name of KerasHub (`"dinov3_vit_small_lvd1689m"`), an address
            (`"hf://microsoft/rad-dino"`, `"kaggle://…"`), a folder of such files, or
            the `.pth` file of an EfficientNet-Lite0 (see `cxrlib.pretrained.lite0`).
        image_size: int. Side of the film in pixels, a multiple of the patches' side.
        until: string or `None`. The last layer of the backbone that is kept.
        film_size: int or `None`. See `BackboneEncoder`.
        lungs: see `BackboneEncoder`.

    Returns:
        A `BackboneEncoder`.

    Raises:
        InputError: if it is nowhere, of an unknown kind, lacks a tensor or the layer,
            or does not say how its images are scaled.

    Example:
    ```python
    load_backbone("hf://microsoft/rad-dino", image_size=518)
    ```
    """
    shape = (image_size, image_size, 3)
    with read_as("a backbone of KerasHub", preset):
        if is_state_dict(preset):
            backbone, scaling = load_lite0(preset, shape)
        else:
            load = keras_hub.models.Backbone.from_preset
            backbone, scaling = load(preset, image_shape=shape), _scaling(preset)
            if isinstance(backbone, keras_hub.models.EfficientNetBackbone):
                backbone = load(preset, input_shape=shape)  # Its word for the same.
        if until:
            last = backbone.get_layer(until).output
            backbone = keras.Model(backbone.input, last, name="backbone")
        return BackboneEncoder(backbone, *scaling, film_size, lungs)


def _scaling(preset):
    """Factor and summand of pixels in [0, 1], as the backbone was trained."""
    hub = preset.removeprefix(HUB)
    try:
        path = pathlib.Path(preset) / SCALING
        path = path if hub == preset else hf_hub_download(hub, SCALING)
        told = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
        mean, deviation = np.array(told["image_mean"]), np.array(told["image_std"])
        return (1 / deviation).tolist(), (-mean / deviation).tolist()
    except OSError:  # It is not there: KerasHub's own presets have a converter.
        converter = keras_hub.layers.ImageConverter.from_preset(preset)
    if converter is None:
        raise InputError(
            f"{preset}: holds no {SCALING}; put the hub's beside the rest."
        )
    # Its pixels are 0 to 255, and an absent scale is none.
    scale = np.broadcast_to(1.0 if converter.scale is None else converter.scale, 3)
    offset = np.broadcast_to(0.0 if converter.offset is None else converter.offset, 3)
    return (255 * scale).tolist(), offset.tolist()

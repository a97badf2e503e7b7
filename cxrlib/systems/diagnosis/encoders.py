"""What a diagnosis starts from: CheXNet's encoder, or a backbone of KerasHub."""

import json
import pathlib

import keras
import keras_hub
import numpy as np
from huggingface_hub import hf_hub_download
from keras import layers

from cxrbase.files import InputError
from cxrbase.refusals import read_as
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.pretrained.densenet import load_chexnet
from cxrlib.pretrained.load import load_encoder, weights_path
from cxrlib.systems.diagnosis.model import DiagnosisModel
from cxrscore.labels.vocabulary import NIH_LABELS

# Ours → the registry's.
DENSENETS = {name: name for name in ("chexnet", "imagenet", "none")}
DENSENETS["phantom"] = "phantom-encoder"
HUB = "hf://"
SCALING = "preprocessor_config.json"  # Hugging Face's: mean and deviation of an image.


@keras.saving.register_keras_serializable(package="cxrlib")
class BackboneEncoder(keras.Model):
    """A frozen backbone of KerasHub that reads grey films.

    The latent is the class token of a vision transformer (the first of its tokens), or
    the mean over the last maps of a convolutional network.

    Args:
        backbone: a `keras_hub.models.Backbone` with one input, RGB images.
        scale: sequence of 3 floats. What the pixels in [0, 1] are multiplied by, …
        offset: sequence of 3 floats. … and what is then added.
        **kwargs: see `keras.Model`.

    Call arguments:
        image: float tensor `(B, S, S, 1)` in [0, 1].

    Returns:
        A dict with `latent`, a float tensor `(B, C)`.

    Example:
    ```python
    encoder = load_backbone("hf://microsoft/rad-dino", image_size=518)
    encoder(np.random.rand(1, 518, 518, 1))["latent"].shape  # (1, 768)
    ```

    References:
    - [Pérez-García et al., 2024, RAD-DINO](https://arxiv.org/abs/2401.10815)
    - [Siméoni et al., 2025, DINOv3](https://arxiv.org/abs/2508.10104)
    """

    def __init__(self, backbone, scale, offset, name="encoder", **kwargs):
        backbone.trainable = False  # So BatchNorm and dropout rest, too.
        inputs = keras.tree.flatten(backbone.input)
        shape = inputs[0].shape[1:] if len(inputs) == 1 else ()
        if len(shape) != 3 or shape[0] != shape[1] or shape[0] is None:
            raise InputError(
                f"{backbone.name}: takes {shape or 'several inputs'}, not one square "
                "image (S, S, 3); give an image_size."
            )
        # === Functional Model ===
        image = keras.Input((*shape[:2], 1), name="image")
        x = layers.Concatenate(name="repeat")([image, image, image])
        x = layers.Rescaling(list(scale), list(offset), name="rescale")(x)
        names = list(backbone.input) if isinstance(backbone.input, dict) else None
        features = backbone({names[0]: x} if names else x)
        if len(features.shape) == 3:  # (B, tokens, C)
            latent = features[:, 0]
        else:  # (B, h, w, C)
            latent = layers.GlobalAveragePooling2D(name="latent")(features)
        super().__init__(inputs=image, outputs={"latent": latent}, name=name, **kwargs)

        # === Config ===
        self.backbone = backbone
        self.scale, self.offset = list(scale), list(offset)

    def get_config(self):
        """The arguments, for saving."""
        return {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "scale": self.scale,
            "offset": self.offset,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuild the backbone, then the whole."""
        backbone = keras.saving.deserialize_keras_object(config["backbone"])
        return cls(**{**config, "backbone": backbone})


def load_backbone(preset, image_size):
    """Load a backbone with its pretrained weights, through KerasHub's own converters.

    Args:
        preset: string. A name of KerasHub (`"dinov3_vit_small_lvd1689m"`), an address
            (`"hf://microsoft/rad-dino"`, `"kaggle://…"`), or a folder of such files.
        image_size: int. Side of the film in pixels, a multiple of the patches' side.

    Returns:
        A `BackboneEncoder`.

    Raises:
        InputError: if it is nowhere, of an unknown kind, lacks a tensor, or does not
            say how its images are scaled.

    Example:
    ```python
    load_backbone("hf://microsoft/rad-dino", image_size=518)
    ```
    """
    shape = (image_size, image_size, 3)
    with read_as("a backbone of KerasHub", preset):
        backbone = keras_hub.models.Backbone.from_preset(preset, image_shape=shape)
        return BackboneEncoder(backbone, *_scaling(preset))


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


def build_diagnosis_model(
    labels, encoder="phantom", image_size=128, trainable_layers=0, dropout=0.0,
    ridge=0.0, **sizes,
):  # fmt: skip
    """Build a model on an encoder that is pretrained, with a head that is not.

    Only CheXNet brings a head of its own, which is kept where the labels are the
    NIH's fourteen in their order.

    Args:
        labels: sequence of strings.
        encoder: string. `"phantom"`, `"chexnet"`, `"imagenet"`, `"none"` (random
            weights), a file of a DenseNet121 (see `cxrlib.pretrained.load`), or a
            preset of KerasHub: an address with `://`, a folder, or a name.
        image_size: int. Side of the film in pixels.
        trainable_layers: int. How many of a DenseNet's last layers train; -1 for all.
            KerasHub's backbones are always frozen.
        dropout: float. See `DiagnosisModel`.
        ridge: float. See `DiagnosisModel`.
        **sizes: see `CheXNetEncoder`; for a file of another size.

    Returns:
        A `DiagnosisModel`, not compiled; its `origin` names the `encoder` and the
        `head`.

    Raises:
        InputError: if weights are missing or do not fit, or a backbone is to train.

    Example:
    ```python
    build_diagnosis_model(NIH_LABELS, "chexnet", image_size=224)
    ```
    """
    head, origin = None, {"trained_on": "nothing: a head of random weights"}
    if encoder == "chexnet":
        path = weights_path("chexnet")
        chexnet = load_chexnet(path, image_size, **sizes)
        eye, origin["encoder"] = chexnet.encoder, pathlib.Path(path).name
        eye.freeze_all_but_last(None if trainable_layers < 0 else trainable_layers)
        head = chexnet.head.get_weights() if tuple(labels) == NIH_LABELS else None
    elif encoder in DENSENETS or pathlib.Path(encoder).is_file():
        eye = CheXNetEncoder(image_size, **sizes)
        source = DENSENETS.get(encoder, encoder)
        origin["encoder"] = load_encoder(eye, source, True, trainable_layers)
        if source == "none" and trainable_layers >= 0:
            eye.freeze_all_but_last(trainable_layers)
    else:
        if trainable_layers:
            raise InputError(f"{encoder}: is frozen; pass trainable_layers=0.")
        eye, origin["encoder"] = load_backbone(encoder, image_size), encoder
    if head:
        origin["trained_on"] = "NIH ChestX-ray14, as its authors say; not by us"
    origin["head"] = "CheXNet's own" if head else "new"
    model = DiagnosisModel(eye, labels, dropout, ridge, origin)
    if head:
        model.head.set_weights(head)
    return model

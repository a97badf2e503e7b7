"""What a diagnosis starts from: CheXNet's encoder, or a backbone of KerasHub."""

import pathlib

from cxrbase.files import InputError
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.pretrained.backbone import load_backbone
from cxrlib.pretrained.densenet import load_chexnet
from cxrlib.pretrained.load import load_encoder, weights_path
from cxrlib.systems.diagnosis.model import DiagnosisModel
from cxrscore.labels.vocabulary import NIH_LABELS

# Ours → the registry's.
DENSENETS = {name: name for name in ("chexnet", "imagenet", "none")}
DENSENETS["phantom"] = "phantom-encoder"


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

"""A pretrained DenseNet121 of any kind, recognised by its content."""

import dataclasses
import pathlib
import zipfile

import h5py
import numpy as np

from cxrbase.files import InputError
from cxrbase.model_claims import check_members
from cxrbase.refusals import read_as, require_file
from cxrlib.models.chexnet import CheXNet
from cxrlib.pretrained.keras2 import HEAD, is_keras3, read_keras2
from cxrlib.pretrained.tensors import assign
from cxrlib.pretrained.torch_densenet import is_safetensors, read_torch
from cxrscore.labels.vocabulary import NIH_LABELS

__all__ = [
    "Checkpoint", "is_keras3", "load_checkpoint", "load_chexnet", "read_checkpoint",
]  # fmt: skip

ZIP = b"PK\x03\x04"  # What torch.save writes since 2020.
PICKLE = b"\x80"  # What it wrote before.


@dataclasses.dataclass
class Checkpoint:
    """The tensors of a file, under Keras 3's names, without the head.

    Args:
        tensors: dict from `layer/variable`, such as `conv1_conv/kernel`, to a
            float32 array.
        head: pair of float32 arrays, kernel `(1024, N)` and bias `(N,)`, or `None`
            if the file has no head.
        kind: string. `"keras2"`, `"torch"` or `"torchxrayvision"`.
        path: `pathlib.Path`. The file.
    """

    tensors: dict = dataclasses.field(repr=False)
    head: tuple | None = dataclasses.field(repr=False)
    kind: str
    path: pathlib.Path


def read_checkpoint(path):
    """Read a DenseNet121's weights file; its format is read from its content.

    Args:
        path: string or path: HDF5 in the layout of Keras 2, a PyTorch state dict
            or safetensors.

    Returns:
        A `Checkpoint`. Whether its tensors fit is only known when they are loaded.

    Raises:
        InputError: if the file is missing, broken or of no such kind.

    Example:
    ```python
    read_checkpoint("brucechou1983_CheXNet_Keras_0.3.0_weights.h5").head[0].shape
    # (1024, 14)
    ```
    """
    path = require_file(path, "weights file", "Check the path or use none.")
    with open(path, "rb") as file:
        start = file.read(4)
    if h5py.is_hdf5(path):
        tensors, kind = read_keras2(path), "keras2"
    elif start == ZIP:
        _check_archive(path)
        tensors, kind = read_torch(path)
    elif start[:1] == PICKLE or is_safetensors(path):
        tensors, kind = read_torch(path)
    else:
        what = f"begins with {start!r}" if start else "is empty"
        raise InputError(
            f"{path}: {what}, so it is neither HDF5 nor a PyTorch state dict nor "
            "safetensors. Download it again."
        )
    return Checkpoint(tensors, _cut_head(tensors, path), kind, path)


def _check_archive(path):
    """A zip archive may be cut off, or a whole Keras 3 model."""
    with read_as("a zip archive", path), zipfile.ZipFile(path) as archive:
        check_members(archive, path)
        names = archive.namelist()
    if not any(name.endswith("data.pkl") for name in names):
        what = "a whole Keras model" if "model.weights.h5" in names else "no state dict"
        raise InputError(
            f"{path}: is a zip archive with {what}. Give weights: a state dict from "
            "PyTorch, or an .h5 file from Keras."
        )


def _cut_head(tensors, path):
    """Take kernel and bias of the head out of the tensors."""
    head = [tensors.pop(f"{HEAD}/{part}", None) for part in ("kernel", "bias")]
    if all(part is None for part in head):
        return None
    fits = (
        all(part is not None for part in head)
        and head[0].ndim == 2
        and head[1].shape == head[0].shape[1:]
        and all(np.isfinite(part).all() for part in head)
    )
    if not fits:
        raise InputError(
            f"{path}: its head {HEAD} lacks a finite kernel (features, labels) or bias "
            "(labels). Download it again."
        )
    return tuple(head)


def load_checkpoint(encoder, path):
    """Give an encoder all weights of a file except the head, or change nothing.

    Args:
        encoder: a `CheXNetEncoder`.
        path: string or path. See `read_checkpoint`.

    Returns:
        The `Checkpoint`.

    Raises:
        InputError: if the file is broken or of an unknown kind, or a tensor is missing,
            left over or of another shape; the encoder is then as it was.

    Example:
    ```python
    encoder = CheXNetEncoder(image_size=224)
    load_checkpoint(encoder, "brucechou1983_CheXNet_Keras_0.3.0_weights.h5")
    encoder.freeze_all_but_last(10)
    ```
    """
    checkpoint = read_checkpoint(path)
    assign(encoder, checkpoint.tensors, checkpoint.path)
    return checkpoint


def load_chexnet(path, image_size=224, **sizes):
    """Build a CheXNet with the weights of a file, the head kept.

    Args:
        path: string or path. See `read_checkpoint`.
        image_size: int. Height and width of the input in pixels. The weights fit
            any, and were trained on 224.
        **sizes: see `CheXNet`.

    Returns:
        A `CheXNet`.

    Raises:
        InputError: if the file is broken or does not fit, or its head is not for the
            NIH labels.

    Example:
    ```python
    model = load_chexnet("brucechou1983_CheXNet_Keras_0.3.0_weights.h5")
    ```
    """
    checkpoint = read_checkpoint(path)
    kernel, bias = _nih_head(checkpoint)
    model = CheXNet(image_size, **sizes)
    head = {f"{HEAD}/kernel": kernel, f"{HEAD}/bias": bias}
    assign(model, {**checkpoint.tensors, **head}, checkpoint.path)
    return model


def _nih_head(checkpoint):
    """The head, if its outputs can be the NIH labels."""
    advice = "Load it into the encoder alone, with load_checkpoint, or give CheXNet's."
    if checkpoint.head is None:
        raise InputError(f"{checkpoint.path}: has no head predictions. {advice}")
    width = checkpoint.head[1].size
    if checkpoint.kind == "torchxrayvision":
        raise InputError(
            f"{checkpoint.path}: is torchxrayvision's; its {width} labels are not the "
            f"{len(NIH_LABELS)} of the NIH in their order. {advice}"
        )
    if width != len(NIH_LABELS):
        raise InputError(
            f"{checkpoint.path}: its head has {width} outputs, and the NIH labels are "
            f"{len(NIH_LABELS)}. {advice}"
        )
    return checkpoint.head

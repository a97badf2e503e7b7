"""Weights in the HDF5 layout of Keras 2, read with h5py alone."""

import itertools
import pathlib

import h5py
import numpy as np

from cxrbase.files import InputError
from cxrbase.model_claims import check_hdf5
from cxrbase.refusals import read_as
from cxrlib.pretrained.tensors import put

HEAD = "predictions"
# What an ImageNet DenseNet's head was called before it was `predictions`.
HEAD_SYNONYMS = {"fc1000": HEAD}
# A few bytes can claim an array of any size; DenseNet121's largest has 10⁶ numbers.
LARGEST = 10**8


def is_keras3(path):
    """Whether a file is a `.weights.h5` as Keras 3 writes it.

    It holds its tensors by number and not by name, so
    `cxrlib.pretrained.native.load_whole` loads it, not this module.

    Args:
        path: string or path. It may be missing or broken: then `False`.

    Returns:
        A bool.

    Example:
    ```python
    is_keras3("weights/phantom_encoder.weights.h5")  # True
    ```
    """
    try:
        with h5py.File(path, "r") as file:
            return _has_keras3_layout(file)
    except (OSError, ValueError):
        return False


def _has_keras3_layout(file):
    named = "layer_names" in file.attrs or "layer_names0" in file.attrs
    native = "layers" in file or "_layer_checkpoint_dependencies" in file
    return native and not named and "model_weights" not in file


def read_keras2(path):
    """Read the tensors of a Keras 2 weights file, under Keras 3's names.

    Keras 2 named DenseNet121's layers `conv1/conv`, `conv1/bn`, and from there on
    as Keras 3 does; Keras 3 allows no slash and says `conv1_conv`. A file with the
    whole model is read too, and one in which DenseNet121 is a layer of another
    model. The architecture in the file is not looked at, so no code in it runs.

    Args:
        path: string or path of an HDF5 file.

    Returns:
        A dict from `layer/variable`, such as `conv1_conv/kernel`, to a float32
        array; the head is called `predictions`.

    Raises:
        InputError: if the file is cut off, broken or no Keras 2 file.

    Example:
    ```python
    tensors = read_keras2("brucechou1983_CheXNet_Keras_0.3.0_weights.h5")
    tensors["conv1_conv/kernel"].shape  # (7, 7, 3, 64)
    ```

    Reference:
    - [CheXNet-Keras](https://github.com/brucechou1983/CheXNet-Keras)
    """
    path = pathlib.Path(path)
    with read_as("an HDF5 file", path), h5py.File(path, "r") as file:
        check_hdf5(file, path.stat().st_size)
        return _read_layers(file, path)


def _read_layers(file, path):
    if _has_keras3_layout(file):
        raise InputError(
            f"{path}: is a .weights.h5 of Keras 3, which names no layers. Load it with "
            "load_weights into the model that wrote it."
        )
    root = file.get("model_weights", file)
    names = _read_names(root, "layer_names")
    if not names:
        raise InputError(
            f"{path}: is HDF5, but not as Keras writes weights (it has no "
            "layer_names). Give a weights file of a Keras model."
        )
    tensors = {}
    for layer in names:
        weights = _read_names(root[layer], "weight_names")
        for weight, key in zip(weights, rename(layer, weights), strict=True):
            put(tensors, key, _read_array(root[layer][weight], file), path)
    return tensors


def _read_names(group, attribute):
    """Names from an attribute, which Keras 2 splits where it is too long for HDF5."""
    parts = [attribute]
    if attribute not in group.attrs:
        numbered = (f"{attribute}{i}" for i in itertools.count())
        parts = itertools.takewhile(group.attrs.__contains__, numbered)
    names = [name for part in parts for name in group.attrs[part]]
    return [n.decode("utf-8") if isinstance(n, bytes) else str(n) for n in names]


def _read_array(dataset, file):
    """A dataset as float32, if it is in this file and has a sane size."""
    outside = dataset.file.filename != file.filename
    if outside or dataset.external or dataset.is_virtual:
        raise ValueError(f"{dataset.name} is in another file")
    if dataset.size > LARGEST:
        raise ValueError(f"{dataset.name} claims to have {dataset.size} numbers")
    return np.asarray(dataset[()], "float32")


def rename(layer, weights):
    """Keras 3's names for the weights of a Keras 2 layer.

    Args:
        layer: string. The layer's name, such as `conv1/conv`.
        weights: list of strings, such as `["conv1/conv/kernel:0"]`.

    Returns:
        A list of strings, such as `["conv1_conv/kernel"]`.

    Example:
    ```python
    rename("densenet121", ["densenet121/conv1/conv/kernel:0", "densenet121/bn/beta:0"])
    # ["conv1_conv/kernel", "bn/beta"]
    ```
    """
    paths = [weight.rsplit(":", 1)[0].split("/") for weight in weights]
    owners = [tuple(path[:-1]) for path in paths]
    if len(set(owners)) <= 1:
        # One layer. Its own name holds: that in the weight may carry a scope or
        # the number of the graph it was built in (`predictions_1/kernel:0`).
        owners = [tuple(layer.split("/"))] * len(paths)
    else:
        # A model as a layer: the prefix that all its weights share is its own scope.
        for parts in zip(*owners, strict=False):
            if len(set(parts)) > 1:
                break
            owners = [owner[1:] for owner in owners]
    names = ["_".join(owner) for owner in owners]
    names = [HEAD_SYNONYMS.get(name, name) for name in names]
    return [f"{name}/{path[-1]}" for name, path in zip(names, paths, strict=True)]

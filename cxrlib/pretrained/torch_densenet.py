"""A DenseNet's tensors from PyTorch: state dicts and safetensors, never pickles."""

import pathlib
import re
from collections.abc import Mapping
from pickle import UnpicklingError  # To recognise it: nothing here unpickles.

import numpy as np

from cxrbase.files import InputError
from cxrbase.refusals import read_as
from cxrlib.models.encoder import ImageNetNormalization
from cxrlib.pretrained.keras2 import HEAD
from cxrlib.pretrained.tensors import put

# Before it, weights_only could be circumvented (CVE-2025-32434).
SAFE_TORCH = (2, 6)
# Where training scripts put the state dict in their checkpoint.
STATE_KEYS = ("state_dict", "model_state_dict", "model")
# The prefixes of the wrappers DataParallel and arnoweng's DenseNet121.
PREFIXES = re.compile(r"^((module|model|densenet121)\.)+")
# Not weights: BatchNorm's count of batches, torchxrayvision's thresholds.
IGNORED = re.compile(r"(^|\.)(num_batches_tracked|op_threshs|apply_sigmoid)$")

DENSE_LAYER = re.compile(
    # torchvision writes norm1; before 2018 it wrote norm.1, and so do CheXNet's files.
    r"features\.denseblock(\d+)\.denselayer(\d+)\.(norm|conv)\.?([12])$"
)
TRANSITION = re.compile(r"features\.transition(\d+)\.(norm|conv)$")
SINGLE = {
    "features.conv0": "conv1_conv",
    "features.norm0": "conv1_bn",
    "features.norm5": "bn",
    "classifier": HEAD,
    "classifier.0": HEAD,  # Linear and Sigmoid in a Sequential.
}
# PyTorch's BatchNorm has epsilon 1e-5, Keras's DenseNet 1.001e-5. A channel of
# variance 0.01 changes by 5e-7 of itself, so the statistics stay as they are.
NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
OTHER = {"weight": "kernel", "bias": "bias"}


def is_safetensors(path):
    """Whether a file begins like safetensors: a length, then JSON.

    Args:
        path: string or path of a file.

    Returns:
        A bool.
    """
    with open(path, "rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and start[6:8] == b"\0\0"


def read_torch(path):
    """Read a PyTorch DenseNet's tensors, under Keras 3's names and in its layout.

    Both of torchvision's namings are read (`norm1` and the older `norm.1`), with
    or without `module.`, `densenet121.` and `model.` before them. A name that does not
    belong to a DenseNet is kept, so that `assign` can list it.

    Args:
        path: string or path of a state dict, of a checkpoint that holds one, or
            of safetensors with the same names.

    Returns:
        A pair: a dict from `layer/variable`, such as `conv1_conv/kernel`, to a
        float32 array, and the kind, `"torch"` or, if the first convolution takes
        one grey channel, `"torchxrayvision"` (see `fold_grey`).

    Raises:
        InputError: if the file is cut off, broken, holds other objects than
            tensors, or PyTorch is not installed.

    Example:
    ```python
    tensors, kind = read_torch("model.pth.tar")
    tensors["conv1_conv/kernel"].shape  # (7, 7, 3, 64)
    ```

    References:
    - [arnoweng/CheXNet](https://github.com/arnoweng/CheXNet)
    - [TorchXRayVision](https://github.com/mlmed/torchxrayvision)
    """
    path = pathlib.Path(path)
    read = _read_safetensors if is_safetensors(path) else read_state_dict
    tensors = {}
    for name, array in read(path).items():
        if IGNORED.search(name):
            continue
        put(tensors, rename(name), to_keras_layout(array), path)
    stem = tensors.get("conv1_conv/kernel")
    if stem is not None and stem.ndim == 4 and stem.shape[2] == 1:
        tensors["conv1_conv/kernel"] = fold_grey(stem)
        return tensors, "torchxrayvision"
    return tensors, "torch"


def _read_safetensors(path):
    try:
        from safetensors.numpy import load_file
    except ImportError:
        raise InputError(
            f"{path}: holds safetensors; install the reader with pip install "
            "safetensors."
        ) from None
    with read_as("a safetensors file", path):
        arrays = load_file(path)
        return {name: np.asarray(array, "float32") for name, array in arrays.items()}


def read_state_dict(path):
    """Read the tensors of a PyTorch file, under the names and in the layout it has.

    Args:
        path: string or path of a state dict, or of a checkpoint that holds one.

    Returns:
        A dict from names to float32 arrays.

    Raises:
        InputError: as of `read_torch`.

    Example:
    ```python
    read_state_dict("efficientnet-lite0-57934424.pth")["_fc.bias"].shape  # (1000,)
    ```
    """
    torch = _import_torch(path)
    with read_as("a PyTorch file", path):
        loaded = _load_tensors(torch, path)
    if isinstance(loaded, Mapping):
        inner = [loaded[key] for key in STATE_KEYS if key in loaded]
        loaded = next((value for value in inner if isinstance(value, Mapping)), loaded)
    if not isinstance(loaded, Mapping) or not all(
        isinstance(value, torch.Tensor) for value in loaded.values()
    ):
        raise InputError(
            f"{path}: holds no state dict, that is, no tensors by name. Export it: "
            "torch.save(model.state_dict(), 'weights.pt')."
        )
    return {
        str(name): tensor.detach().to("cpu", torch.float32).numpy()
        for name, tensor in loaded.items()
    }


def _load_tensors(torch, path):
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        # PyTorch's message explains how to switch the safety off: not passed on.
        found = re.search(r"GLOBAL ([\w.]+)", str(error))
        what = f" ({found[1]})" if found else ""
        raise InputError(
            f"{path}: holds pickled objects{what} beside tensors, or is damaged; such "
            "objects can run code, so it is not opened. Where you trust it, export "
            "its tensors: torch.save(model.state_dict(), 'weights.pt'), or of a "
            "checkpoint checkpoint['state_dict']."
        ) from None


def _import_torch(path):
    try:
        import torch
    except ImportError:
        raise InputError(
            f"{path}: is a PyTorch file; install PyTorch to read it (pip install "
            "torch), or convert it to safetensors where PyTorch is."
        ) from None
    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    if version < SAFE_TORCH:
        raise InputError(
            f"{path}: PyTorch {torch.__version__} can be made to run code by a file "
            "(CVE-2025-32434); update it with pip install --upgrade torch."
        )
    return torch


def rename(name):
    """Keras 3's name for a tensor of a PyTorch DenseNet.

    Args:
        name: string, such as `module.densenet121.features.norm0.weight`.

    Returns:
        A string, such as `conv1_bn/gamma`; the name itself if it does not belong to a
        DenseNet.

    Example:
    ```python
    rename("features.denseblock1.denselayer2.conv.1.weight")
    # "conv2_block2_1_conv/kernel"
    ```
    """
    owner, _, variable = PREFIXES.sub("", name).rpartition(".")
    if found := DENSE_LAYER.match(owner):
        block, layer, kind, half = found.groups()
        # PyTorch counts the normalisations 1 and 2, Keras by what they follow: 0, 1.
        part = f"{half}_conv" if kind == "conv" else f"{int(half) - 1}_bn"
        layer = f"conv{int(block) + 1}_block{int(layer)}_{part}"
    elif found := TRANSITION.match(owner):
        kind = "conv" if found[2] == "conv" else "bn"
        layer = f"pool{int(found[1]) + 1}_{kind}"
    elif owner in SINGLE:
        layer = SINGLE[owner]
    else:
        return name
    variables = NORM if layer.endswith("bn") else OTHER
    return f"{layer}/{variables[variable]}" if variable in variables else name


def to_keras_layout(array):
    """Turn a PyTorch tensor's axes: outputs come last in Keras, not first.

    Args:
        array: float array: `(O, I, H, W)` of a convolution, `(O, I)` of a linear
            layer, anything else of a normalisation.

    Returns:
        The array as `(H, W, I, O)`, `(I, O)` or as it was.

    Example:
    ```python
    to_keras_layout(np.zeros((64, 3, 7, 7))).shape  # (7, 7, 3, 64)
    ```
    """
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T if array.ndim == 2 else array


def fold_grey(kernel):
    """Make torchxrayvision's first convolution one for our encoder's input.

    Args:
        kernel: float array `(7, 7, 1, O)`, for one grey channel with pixels in
            [-1024, 1024].

    Returns:
        A float32 array `(7, 7, 3, O)`, for the three channels of
        `ImageNetNormalization`, that gives the same maps up to rounding.

    Example:
    ```python
    fold_grey(np.ones((7, 7, 1, 64))).shape  # (7, 7, 3, 64)
    ```
    """
    # torchxrayvision convolves its pixels g = 2048 x − 1024, x in [0, 1], padded
    # with zeros. Our encoder pads n_c = (x − mean_c) / deviation_c with zeros. If
    # numbers a_c make Σ a_c n_c = g for every x, then the kernels a_c w give the
    # same sums, also at the border: there all n_c are 0, and so is g. The slope in
    # x and the constant are two equations for three unknowns. The smallest
    # solution is taken, which loses least to rounding.
    deviation = np.array(ImageNetNormalization.deviation)
    mean = np.array(ImageNetNormalization.mean)
    equations = np.stack([1 / deviation, mean / deviation])
    factors = np.linalg.pinv(equations) @ [2048.0, 1024.0]  # (421, 212, -165)
    return (factors[:, None] * kernel).astype("float32")

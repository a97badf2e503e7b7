"""Hugging Face's names and shapes of a GPT-2's tensors, and KerasHub's places."""

import contextlib
import json
import pathlib

import numpy as np

from cxrbase.files import InputError
from cxrbase.refusals import read_as
from cxrlib.pretrained.tensors import refuse

SAFETENSORS = "model.safetensors"
MEND = "Take both files from one place, or download them again."
TYPES = ("F32", "F16", "BF16")  # Each of them is exact in float32.
# Far above the largest GPT-2, of 48 layers and 1,600 numbers per token.
MOST = {"vocabulary_size": 500_000, "num_layers": 200, "num_heads": 200}
MOST |= {"hidden_dim": 20_000, "intermediate_dim": 100_000}
MOST |= {"max_sequence_length": 100_000}


def checked_sizes(config):
    """The arguments of a `GPT2Backbone` in a config; `ValueError` if one is off."""
    sizes = {name: config.get(name) for name in MOST}
    for name, size in sizes.items():
        if type(size) is not int or size < 1:
            raise ValueError(f"{name} is {size}")
        if size > MOST[name]:
            raise ValueError(f"{name} is {size}, {MOST[name]:,} at most")
    if sizes["hidden_dim"] % sizes["num_heads"]:
        raise ValueError("hidden_dim is not a multiple of num_heads")
    dropout = config.get("dropout", 0.1)
    if type(dropout) not in (int, float) or not 0 <= dropout < 1:
        raise ValueError(f"dropout is {dropout}, not 0 or more and less than 1")
    return {**sizes, "dropout": float(dropout)}


def tensor_table(sizes):
    """List the tensors of a GPT-2 and where their values belong.

    Both multiply from the right (Hugging Face by its `Conv1D`), so nothing is
    transposed; there, query, key and value are side by side in one matrix.

    Args:
        sizes: dict. The arguments of a `keras_hub.models.GPT2Backbone`.

    Returns:
        A dict from Hugging Face's name, without `transformer.`, to a pair: the
        shape, and the paths of KerasHub's variables that share the last axis.

    Example:
    ```python
    shape, paths = tensor_table(sizes)["h.0.attn.c_attn.bias"]
    ```
    """
    width, inner = sizes["hidden_dim"], sizes["intermediate_dim"]
    table = {
        "wte.weight": (
            (sizes["vocabulary_size"], width),
            ["token_embedding/embeddings"],
        ),
        "wpe.weight": (
            (sizes["max_sequence_length"], width),
            ["position_embedding/embeddings"],
        ),
    }

    def norm(theirs, ours):
        table[f"{theirs}.weight"] = ((width,), [f"{ours}/gamma"])
        table[f"{theirs}.bias"] = ((width,), [f"{ours}/beta"])

    def dense(theirs, ours, rows, columns):
        table[f"{theirs}.weight"] = ((rows, columns), [f"{x}/kernel" for x in ours])
        table[f"{theirs}.bias"] = ((columns,), [f"{x}/bias" for x in ours])

    for i in range(sizes["num_layers"]):
        theirs, ours = f"h.{i}", f"transformer_layer_{i}"
        parts = [f"{ours}/self_attention/{x}" for x in ("query", "key", "value")]
        norm(f"{theirs}.ln_1", f"{ours}/self_attention_layer_norm")
        dense(f"{theirs}.attn.c_attn", parts, width, 3 * width)
        output = [f"{ours}/self_attention/attention_output"]
        dense(f"{theirs}.attn.c_proj", output, width, width)
        norm(f"{theirs}.ln_2", f"{ours}/feedforward_layer_norm")
        middle = [f"{ours}/feedforward_intermediate_dense"]
        dense(f"{theirs}.mlp.c_fc", middle, width, inner)
        output = [f"{ours}/feedforward_output_dense"]
        dense(f"{theirs}.mlp.c_proj", output, inner, width)
    norm("ln_f", "layer_norm")
    return table


def check_room(path, sizes):
    """Refuse, before it is built, a GPT-2 too large for its weights' files.

    Args:
        path: `pathlib.Path` of the weights, or of the index of several files.
        sizes: dict. See `tensor_table`.

    Raises:
        InputError: if there are fewer bytes than its weights need.
    """
    files = [path]
    if path.suffix == ".json":
        kinds = ("*.safetensors", "*.weights.h5")
        files = [each for kind in kinds for each in path.parent.glob(kind)]
    room = sum(each.stat().st_size for each in files) // 2  # In float16 at least.
    if _numbers(sizes) > room:
        raise InputError(
            f"{path.parent}/config.json: asks for {_numbers(sizes):,} numbers, and "
            f"{path.name} has room for {room:,}. Take both from the same place."
        )


def _numbers(sizes):
    """How many weights a GPT-2 of these sizes has."""
    width, inner = sizes["hidden_dim"], sizes["intermediate_dim"]
    layer = 4 * width * (width + 1) + width * inner + inner + inner * width + 5 * width
    rows = sizes["vocabulary_size"] + sizes["max_sequence_length"]
    return rows * width + sizes["num_layers"] * layer + 2 * width


def assign(gpt2, tensors, sizes):
    """Give a GPT-2 the tensors that `read_tensors` returned.

    Args:
        gpt2: a `keras_hub.models.GPT2Backbone` of these sizes.
        tensors: dict from Hugging Face's name to a float32 array.
        sizes: dict. See `tensor_table`.

    Example:
    ```python
    assign(keras_hub.models.GPT2Backbone(**sizes), tensors, sizes)
    ```
    """
    variables = {weight.path: weight for weight in gpt2.weights}
    for name, (_, paths) in tensor_table(sizes).items():
        parts = np.split(tensors[name], len(paths), axis=-1)
        for path, part in zip(paths, parts, strict=True):
            # Heads are an axis of their own here: (width, heads, width / heads).
            variable = variables.pop(path)
            variable.assign(part.reshape(variable.shape))
    if variables:
        raise RuntimeError(f"KerasHub's GPT-2 has new weights: {sorted(variables)}.")


def read_tensors(path, sizes):
    """Read a Hugging Face GPT-2's tensors, if they are those of such a GPT-2.

    Args:
        path: `pathlib.Path` of `model.safetensors`, or of the index of several files.
        sizes: dict. See `tensor_table`.

    Returns:
        A dict from Hugging Face's name, without `transformer.`, to a float32 array.

    Raises:
        InputError: if a file is missing, cut off or broken, or if tensors are
            missing, left over, not finite, or of another shape or type.

    Example:
    ```python
    read_tensors(pathlib.Path("distilgpt2/model.safetensors"), sizes)["wte.weight"]
    ```

    Reference:
    - [safetensors](https://huggingface.co/docs/safetensors)
    """
    try:
        from safetensors import safe_open
    except ImportError:
        raise InputError(
            f"{path}: install the reader of this format with pip install safetensors."
        ) from None
    found = {}
    with contextlib.ExitStack() as stack:
        with read_as("a safetensors file", path):
            for shard in _shards(path):
                file = stack.enter_context(safe_open(shard, framework="np"))
                for key in file.keys():  # noqa: SIM118, for it is no dict.
                    name = key.removeprefix("transformer.")
                    if name in found:
                        raise ValueError(f"{key} is there twice")
                    found[name] = _Tensor(file, key)
        return _take_all(path, found, tensor_table(sizes))


class _Tensor:
    """A tensor in an open file: its shape and type are known, it is not read."""

    def __init__(self, file, key):
        part = file.get_slice(key)
        self.shape, self.type = tuple(part.get_shape()), part.get_dtype()
        self.file, self.key = file, key

    def read(self):
        return self.file.get_tensor(self.key).astype("float32", copy=False)


def _shards(path):
    if path.name == SAFETENSORS:
        return [path]
    index = json.loads(path.read_text(encoding="utf-8"))
    names = sorted(set(index["weight_map"].values()))
    # Not `paths.inside`: a download is made of links that lead out of its folder.
    if any(pathlib.PurePath(name).name != name for name in names):
        raise ValueError("it names a file outside its folder")
    return [path.with_name(name) for name in names]


def _take_all(path, found, table):
    """Read every tensor of the table; refuse the file if one differs or is left."""
    for name in list(found):
        # The causal mask, which early files stored with every layer.
        if name.endswith((".attn.bias", ".attn.masked_bias")) and name not in table:
            del found[name]
    head = found.pop("lm_head.weight", None)
    what = f"{path}: not the GPT-2 of its config.json"
    refuse(
        what,
        {
            "missing": sorted(table.keys() - found.keys()),
            "left over": sorted(found.keys() - table.keys()),
            "of another shape": [
                f"{name} {found[name].shape}, not {shape}"
                for name, (shape, _) in table.items()
                if name in found and found[name].shape != shape
            ],
            "of another type": [
                f"{name} {tensor.type}"
                for name, tensor in found.items()
                if name in table and tensor.type not in TYPES
            ],
        },
        MEND,
    )
    tensors = {name: found[name].read() for name in table}
    bad = [name for name in table if not np.isfinite(tensors[name]).all()]
    refuse(what, {"not finite": bad}, MEND)
    if head is not None and not np.array_equal(head.read(), tensors["wte.weight"]):
        raise InputError(
            f"{path}: its lm_head.weight is not its wte.weight; KerasHub's GPT-2 reads "
            "and writes with one matrix. Give a GPT-2 with tied embeddings."
        )
    return tensors

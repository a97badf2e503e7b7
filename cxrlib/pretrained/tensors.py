"""Named tensors: compare them with a model's own, load them all or none."""

import keras
import numpy as np
import pandas as pd

from cxrbase.files import InputError

SHOWN = 4  # Names in a message; the whole list is in the error's notes.


def named_weights(model):
    """A model's weights by the names that a checkpoint is compared with.

    Args:
        model: a `keras.Model` of plain layers, or of models of plain layers.

    Returns:
        A dict from `layer/variable`, such as `conv1_bn/gamma`, to the variable.

    Raises:
        ValueError: if two weights would have one name.

    Example:
    ```python
    list(named_weights(CheXNetEncoder()))[0]  # "conv1_conv/kernel"
    ```
    """
    found = {}
    for layer in plain_layers(model):
        for weight in layer.weights:
            name = f"{layer.name}/{weight.name}"
            if name in found:
                raise ValueError(f"{model.name} has two weights named {name}.")
            found[name] = weight
    return found


def plain_layers(model):
    """The layers of a model and of the models inside it, in order, each once."""
    found = []
    for layer in model.layers:
        inner = plain_layers(layer) if isinstance(layer, keras.Model) else [layer]
        found += [layer for layer in inner if layer not in found]
    return found


def assign(model, tensors, path):
    """Give a model exactly these tensors, or refuse them and change nothing.

    Args:
        model: a `keras.Model`. See `named_weights`.
        tensors: dict from `layer/variable` to an array. Every weight of the model
            must be there, and nothing else.
        path: string or path. Where they come from, for the message.

    Raises:
        InputError: if a tensor is missing, left over, of another shape or not
            finite. The message has the counts and the first names, the error's
            notes (`__notes__`) all names.

    Example:
    ```python
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="a")])
    assign(model, {"a/kernel": np.ones((2, 1)), "a/bias": np.zeros(1)}, "my.h5")
    ```
    """
    own = named_weights(model)
    problems = {
        "missing": sorted(own.keys() - tensors.keys()),
        "left over": sorted(tensors.keys() - own.keys()),
        "of another shape": [
            f"{name} {tuple(np.shape(tensors[name]))}, not {tuple(weight.shape)}"
            for name, weight in own.items()
            if name in tensors and np.shape(tensors[name]) != tuple(weight.shape)
        ],
    }
    # Looked at last: a file of another architecture may hold anything.
    if not any(problems.values()):
        problems["not finite"] = [
            name for name in own if not np.all(np.isfinite(tensors[name]))
        ]
    mend = "Give weights of the same architecture, or download the file again."
    refuse(f"{path}: does not fit {model.name}", problems, mend)
    for name, weight in own.items():
        weight.assign(tensors[name])


def put(tensors, name, array, path):
    """Add a tensor read from a file; refuse a second one of the same name.

    Args:
        tensors: dict to add to.
        name: string, `layer/variable`.
        array: float array.
        path: string or path. The file, for the message.

    Raises:
        InputError: if the name is there already.

    Example:
    ```python
    put({}, "bn/gamma", np.ones(8), "my.h5")
    ```
    """
    if name in tensors:
        raise InputError(
            f"{path}: holds two tensors that are {name} here. Give a file with one "
            "DenseNet121 only."
        )
    tensors[name] = array


def refuse(what, problems, mend):
    """Raise if there are problems: counts and first names, and in the notes all names.

    Args:
        what: string. The file, and what is wrong with it.
        problems: dict from a problem, such as `"missing"`, to the names of tensors.
        mend: string. What to do.

    Raises:
        InputError: if there is a name.

    Example:
    ```python
    refuse("my.h5: does not fit", {"missing": []}, "Download it again.")  # fine
    ```
    """
    problems = {problem: names for problem, names in problems.items() if names}
    if not problems:
        return
    parts = []
    for problem, names in problems.items():
        dots = "; …" if len(names) > SHOWN else ""
        parts.append(f"{len(names)} {problem} ({'; '.join(names[:SHOWN])}{dots})")
    error = InputError(
        f"{what}; tensors {', '.join(parts)}. Nothing was loaded. {mend}"
    )
    for problem, names in problems.items():
        error.add_note(f"{problem}: {'; '.join(names)}")
    raise error


def trainable_table(model):
    """What trains in a model and what is frozen, layer by layer.

    Args:
        model: a `keras.Model`. See `named_weights`.

    Returns:
        A `pandas.DataFrame`, a row for each layer that has weights: `layer`,
        `kind`, `weights` and `trains` (numbers: how many there are, and how many
        of them gradients change) and `mode`. Of a BatchNorm that trains, half the
        numbers are moving statistics, which no gradient changes; one that is
        frozen stays in inference mode, also during `fit`, and does not move them.
        The last row is the sum.

    Example:
    ```python
    encoder = CheXNetEncoder(trainable_layers=10)
    trainable_table(encoder).query("trains > 0")
    ```
    """
    rows = []
    for layer in plain_layers(model):
        if not layer.weights:
            continue
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        frozen = "frozen, in inference mode" if is_norm else "frozen"
        rows.append(
            {
                "layer": layer.name,
                "kind": type(layer).__name__,
                "weights": _count(layer.weights),
                "trains": _count(layer.trainable_weights),
                "mode": "trains" if layer.trainable else frozen,
            }
        )
    table = pd.DataFrame(rows, columns=["layer", "kind", "weights", "trains", "mode"])
    layers = int(table["trains"].gt(0).sum())
    total = {
        "layer": "all",
        "kind": f"{len(table)} layers",
        "weights": table["weights"].sum(),
        "trains": table["trains"].sum(),
        "mode": f"{layers} of {len(table)} train",
    }
    return pd.concat([table, pd.DataFrame([total])], ignore_index=True)


def _count(weights):
    return int(sum(np.prod(weight.shape) for weight in weights))

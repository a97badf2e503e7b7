"""Which pretrained weights a part starts from, found, loaded and printed."""

import pathlib

from cxrbase.files import InputError
from cxrlib.pretrained.densenet import is_keras3, load_checkpoint
from cxrlib.pretrained.fetch import obtain_weights
from cxrlib.pretrained.gpt2 import load_gpt2_into
from cxrlib.pretrained.native import load_whole
from cxrlib.pretrained.registry import PHANTOM_ENCODER, PHANTOM_GPT2, REGISTRY

DENSENET121 = (6, 12, 24, 16)  # Layers in each of its dense blocks.
SHOWN = 20  # Names of layers in a message.


def load_encoder(encoder, weights="auto", is_phantom=False, trainable_layers=10):
    """Give an encoder its pretrained weights and freeze all but its last layers.

    Args:
        encoder: a `CheXNetEncoder`.
        weights: string. `"none"`; a name of the registry, such as `"chexnet"`; the
            path of a file (see `read_checkpoint`, or a `.weights.h5`); or `"auto"`:
            for phantoms the encoder pretrained on other phantoms, for real data
            CheXNet, else ImageNet's DenseNet121, else none.
        is_phantom: bool. Whether the data are phantoms.
        trainable_layers: int. How many of the last layers train; -1 for all. Without
            pretrained weights all of them do.

    Returns:
        A string that says where the weights came from, for the results.

    Raises:
        InputError: if the file is missing, damaged or fits another encoder; the
            encoder is then as it was.

    Example:
    ```python
    origin = load_encoder(model.imaging.encoder, "auto", is_phantom=True)
    ```
    """
    path = _encoder_file(encoder, weights, is_phantom)
    if path is None:
        encoder.freeze_all_but_last(None)
        print("ENCODER: NO PRETRAINED WEIGHTS; all of it trains, from random numbers.")
        return "none"
    if is_keras3(path):
        load_whole(encoder, path)
    else:
        load_checkpoint(encoder, path)
    every = trainable_layers < 0
    names = encoder.freeze_all_but_last(None if every else trainable_layers)
    which = "all" if every else f"the last {len(names)}" if names else "none"
    listed = f": {', '.join(names)}" if 0 < len(names) <= SHOWN else ""
    print(f"ENCODER: {path.name}; of its layers {which} train{listed}")
    return path.name


def _encoder_file(encoder, weights, is_phantom):
    """The file to load, or `None`; each choice that fails is printed."""
    if weights == "none":
        return None
    if weights != "auto":
        return pathlib.Path(weights_path(weights))
    if encoder.blocks != DENSENET121:
        return None  # Nothing is published for the tiny one.
    if is_phantom:
        return obtain_weights(PHANTOM_ENCODER)
    for name in ("chexnet", "imagenet"):
        if path := obtain_weights(name):
            return path
        print(f"ENCODER: {name} is not available; trying the next best.")
    return None


def weights_path(source):
    """Find what was given: a path, or a name of the registry.

    Args:
        source: string or path.

    Returns:
        The path as it was given, or that of the registry's entry.

    Raises:
        InputError: if an entry is not here and cannot be fetched, or is damaged.

    Example:
    ```python
    weights_path("phantom-encoder")
    ```
    """
    names = {name for each in REGISTRY for name in (each.name, each.file)}
    if source not in names or pathlib.Path(source).exists():
        return source
    path = obtain_weights(source)
    if path is None:
        raise InputError(
            f"{source}: these weights are not here and could not be fetched; see "
            "above, and python -m cxrlib weights."
        )
    return path


def find_gpt2(gpt2="auto", preset="compact", is_phantom=False):
    """Decide which folder of vocabulary and weights GPT-2 starts from.

    Args:
        gpt2: string. `"none"`; a name of the registry, such as `"gpt2"` or
            `"distilgpt2"`; a folder (see `cxrlib.pretrained.gpt2.read_gpt2`); or
            `"auto"`: for phantoms at `compact` size the small GPT-2 pretrained on
            phantom texts, for real data at `base` size OpenAI's, else none.
        preset: string. The size of the system.
        is_phantom: bool. Whether the data are phantoms.

    Returns:
        The folder as string, or `""` for a vocabulary learned from the reports.

    Raises:
        InputError: if it was asked for by name and is not available.

    Example:
    ```python
    find_gpt2("auto", "compact", is_phantom=True)
    ```
    """
    if gpt2 == "none":
        return ""
    if gpt2 != "auto":
        return str(weights_path(gpt2))
    if is_phantom:
        return str(obtain_weights(PHANTOM_GPT2) or "") if preset == "compact" else ""
    return str(obtain_weights("gpt2") or "") if preset == "base" else ""


def load_gpt2(backbone, folder, tokenizer=None):
    """Give the text half its pretrained weights, if the folder holds any.

    Args:
        backbone: a `LatentGPT2Backbone`.
        folder: string. From `find_gpt2`.
        tokenizer: a `ReportTokenizer` or `None`. What the backbone reads with.

    Returns:
        A string that says where the weights came from, for the results.

    Raises:
        InputError: if the files fit another model; the backbone is then as it was.

    Example:
    ```python
    load_gpt2(model.causal_lm.backbone, "weights/phantom_gpt2")
    ```
    """
    return load_gpt2_into(backbone, folder, tokenizer)

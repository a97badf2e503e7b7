"""Pretrained weights: which there are, where they lie, which were taken."""

import json
import os
import pathlib

import keras
import keras_hub
import numpy as np

import cxrlib
from cxrlib.files import InputError, write_whole

PHANTOM_ENCODER = "phantom_encoder.weights.h5"
PHANTOM_GPT2 = "phantom_gpt2"  # A folder: vocabulary, merges and weights.
GPT2_WEIGHTS = "gpt2.weights.h5"
GPT2_CONFIG = "config.json"


def find_weights(name, folder=None):
    """Look for a file or folder of pretrained weights.

    Args:
        name: string. Its name.
        folder: string, path or `None`. Looked into first.

    Returns:
        The `pathlib.Path`, or `None` if it is nowhere.

    Example:
    ```python
    find_weights("phantom_encoder.weights.h5")
    ```
    """
    checkout = pathlib.Path(cxrlib.__file__).resolve().parent.parent / "weights"
    places = [folder, checkout, os.environ.get("CXR_WEIGHTS"), "weights"]
    for place in places:
        if place and (pathlib.Path(place) / name).exists():
            return pathlib.Path(place) / name
    return None


def load_encoder(encoder, weights="auto", is_phantom=False):
    """Give an encoder its pretrained weights and freeze what they cover.

    Args:
        encoder: a `CheXNetEncoder`.
        weights: string. `"none"`, a path of a `.weights.h5` file, or `"auto"`:
            for phantom data the encoder pretrained on other phantoms, for real
            data none.
        is_phantom: bool. Whether the data are phantoms.

    Returns:
        A string that says where the weights came from, for the results.

    Raises:
        InputError: if the file is missing or fits another encoder; the encoder
            is then as it was.

    Example:
    ```python
    origin = load_encoder(model.imaging.encoder, "auto", is_phantom=True)
    ```
    """
    if weights == "auto":
        found = find_weights(PHANTOM_ENCODER) if is_phantom else None
        fits = found is not None and encoder.blocks == (6, 12, 24, 16)
        weights = str(found) if fits else "none"
    if weights == "none":
        encoder.freeze_all_but_last(None)
        print("ENCODER: no pretrained weights (no CheXNet here); all of it trains.")
        return "none"
    path = pathlib.Path(weights)
    load_whole(encoder, path)
    names = encoder.freeze_all_but_last(10)
    print(f"ENCODER: {path.name}; of its layers the last ten train: {', '.join(names)}")
    return path.name


def load_whole(model, path):
    """Load a weights file that covers every weight, or change nothing.

    Keras passes over what it does not find in a file, so all weights are set to
    NaN first: one that still is was not loaded.

    Args:
        model: a `keras.Model`.
        path: string or path of a `.weights.h5` file.

    Raises:
        InputError: if the file is missing, broken or made for another model.

    Example:
    ```python
    load_whole(encoder, "weights/phantom_encoder.weights.h5")
    ```
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such weights file; check the path or use none.")
    before = model.get_weights()
    model.set_weights([np.full_like(weight, np.nan) for weight in before])
    try:
        model.load_weights(path)
        if any(np.isnan(weight).any() for weight in model.get_weights()):
            raise ValueError("it holds only some of the weights")
    except Exception as error:  # h5py and Keras raise many kinds for a bad file.
        model.set_weights(before)
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"{path}: does not fit {model.name} ({reason}). Use the weights of the "
            "same preset and sequence_length, or download the file again."
        ) from error


def find_gpt2(gpt2="auto", preset="compact", is_phantom=False):
    """Decide which folder of vocabulary and weights GPT-2 starts from.

    Args:
        gpt2: string. `"none"`, a folder (with a vocabulary, and `config.json` and
            `gpt2.weights.h5` if there are pretrained weights), or `"auto"`: for
            phantom data and the `compact` preset the small GPT-2 pretrained on
            phantom texts, else none.
        preset: string. The size of the system.
        is_phantom: bool. Whether the data are phantoms.

    Returns:
        The folder as string, or `""` for a vocabulary learned from the reports.

    Example:
    ```python
    find_gpt2("auto", "compact", is_phantom=True)
    ```
    """
    if gpt2 == "auto":
        ours = is_phantom and preset == "compact"
        return str(find_weights(PHANTOM_GPT2) or "") if ours else ""
    return "" if gpt2 == "none" else gpt2


def load_gpt2(backbone, folder):
    """Give the text half its pretrained weights, if the folder holds any.

    Args:
        backbone: a `LatentGPT2Backbone`.
        folder: string. From `find_gpt2`.

    Returns:
        A string that says where the weights came from, for the results.

    Raises:
        InputError: if the file fits another model; the backbone is then as it was.

    Example:
    ```python
    load_gpt2(model.causal_lm.backbone, "weights/phantom_gpt2")
    ```
    """
    path = pathlib.Path(folder or ".") / GPT2_WEIGHTS
    if not folder or not path.is_file():
        print("GPT-2: no pretrained weights; it learns its first word here.")
        return "none"
    config = path.with_name(GPT2_CONFIG)
    try:
        gpt2 = keras_hub.models.GPT2Backbone(**json.loads(config.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{config}: does not give the sizes of a GPT-2 ({error}). Make the folder "
            "with python -m cxrlib pretrain-text."
        ) from error
    load_whole(gpt2, path)
    try:
        backbone.adopt(gpt2)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    longer = backbone.max_sequence_length - gpt2.max_sequence_length
    if longer > 0:
        print(f"GPT-2: the last {longer} positions are new and start at random.")
    print(f"GPT-2: {path.parent.name}/{path.name}; the image's projection is at zero.")
    return f"{path.parent.name}/{path.name}"


def gpt2_sizes(gpt2):
    """The arguments that build a `GPT2Backbone` again, as plain data."""
    config = gpt2.get_config()
    return {
        key: config[key] for key in config if key not in ("name", "dtype", "trainable")
    }


def save_half(model, path):
    """Write a model's weights as float16: half the size, all that training knows.

    Args:
        model: a `keras.Model` with `get_config` and `from_config`.
        path: path ending in `.weights.h5`.
    """
    config = {**model.get_config()}
    config.pop("dtype", None)  # KerasHub's backbones would insist on float32.
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    try:
        half = type(model).from_config(config)
    finally:
        keras.config.set_dtype_policy(policy)
    half.set_weights(model.get_weights())
    with write_whole(path) as temporary:
        half.save_weights(temporary)

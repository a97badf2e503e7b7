"""Weights files as Keras 3 writes them: loaded whole or not at all, saved at half."""

import pathlib
import tempfile
import zipfile

import h5py
import keras
import numpy as np

from cxrbase.files import InputError, write_whole
from cxrbase.model_claims import check_hdf5
from cxrbase.refusals import in_one_line, require_file


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
    path = require_file(path, "weights file", "Check the path or use none.")
    before = model.get_weights()
    model.set_weights([np.full_like(weight, np.nan) for weight in before])
    try:
        with h5py.File(path, "r") as file:
            check_hdf5(file, path.stat().st_size)
        model.load_weights(path)
        if any(np.isnan(weight).any() for weight in model.get_weights()):
            raise ValueError("it holds only some of the weights")
    except Exception as error:  # h5py and Keras raise many kinds for a bad file.
        model.set_weights(before)
        raise InputError(
            f"{path}: does not fit {model.name} ({in_one_line(error)}). Use weights of "
            "the same preset and sequence_length, or download the file again."
        ) from error


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
    # HDF5 crashes where it meets a full disk: only what is whole is written there.
    with tempfile.TemporaryDirectory() as scratch:
        model_file = pathlib.Path(scratch) / "half.keras"
        half.save(model_file)
        weights = zipfile.ZipFile(model_file).read("model.weights.h5")
    with write_whole(path) as temporary:
        temporary.write_bytes(weights)

"""Weights files as Keras 3 writes them: loaded whole or not at all, saved at half."""

import pathlib
import shutil
import tempfile

import h5py
import numpy as np

from cxrbase.files import InputError, write_whole
from cxrbase.model_claims import check_hdf5
from cxrbase.refusals import in_one_line, require_file


def load_whole(model, path):
    """Load a weights file that covers every weight, or change nothing.

    Keras skips what it does not find in a file, so all weights are set to NaN first:
    one that is still NaN was not loaded.

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
    """Write a model's weights as float16, which halves the size.

    Args:
        model: a `keras.Model`.
        path: path ending in `.weights.h5`.

    Example:
    ```python
    save_half(encoder, "weights/phantom_encoder.weights.h5")
    ```
    """
    # HDF5 crashes on a full disk: write in memory, then the whole file.
    with tempfile.TemporaryDirectory() as scratch:
        whole, half = (pathlib.Path(scratch) / f"{n}.weights.h5" for n in "wh")
        model.save_weights(whole)
        with h5py.File(whole) as source, h5py.File(half, "w") as target:
            source.visititems(lambda name, item: _copy_half(name, item, target))
        with write_whole(path) as temporary:
            shutil.copyfile(half, temporary)


def _copy_half(name, item, target):
    """Copy a group or an array of an HDF5 file; floats become float16, packed."""
    if isinstance(item, h5py.Group):
        copy = target.require_group(name)
    else:
        array = item[()]
        if np.issubdtype(array.dtype, np.floating):
            array = array.astype("float16")
        # HDF5 packs no scalar. Bytes of one kind together pack better.
        packed = {"compression": "gzip", "shuffle": True} if array.size > 1 else {}
        copy = target.create_dataset(name, data=array, **packed)
    copy.attrs.update(item.attrs)

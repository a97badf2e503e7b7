"""A model file opened by Keras within bounds.

`cxrbase.model_claims` has checked it before; here its layers are counted while they are
made.
"""

import contextlib
import math

import keras

from cxrbase.files import InputError
from cxrbase.model_claims import SLACK, check_model_file
from cxrbase.refusals import in_one_line, require_file

MOST_PIXELS = 2**28  # Numbers that a layer gives for one image.
MOST_LAYERS = 5000  # A DenseNet121 has 430.
SMALLEST = 256  # Bytes that any tensor takes in HDF5, however small.


def open_model(path, what="model file", mend="Check the path.", **options):
    """Load a model, after a look at its file.

    Args:
        path: string or path of a `.keras`, `.h5` or `.hdf5` file.
        what: string. What it should be, for the message.
        mend: string. What to do where there is none.
        **options: see `keras.saving.load_model`.

    Returns:
        A `keras.Model`.

    Raises:
        InputError: if the file is missing, broken, no model, claims more than it
            holds, or asks for code.

    Example:
    ```python
    open_model("outputs/training/model.keras")
    ```
    """
    path = require_file(path, what, mend)
    try:
        room = check_model_file(path, options.get("compile", True), _is_known)
        with no_larger_than(room):
            model = keras.saving.load_model(path, safe_mode=True, **options)
        _check_outputs(model)
    except RecursionError:
        reason = "its configuration is nested too deep"
    except Exception as error:  # Keras, h5py and zipfile raise a dozen kinds.
        reason = in_one_line(error)
    else:
        return model
    raise InputError(
        f"{path}: not a model that this version can load ({reason}). It may be cut "
        "off, of another Keras, or hold code, which is never run; train or download "
        "it again."
    )


def _is_known(name):
    """Whether a class is registered with Keras under a name."""
    return keras.saving.get_registered_object(name) is not None


@contextlib.contextmanager
def no_larger_than(numbers):
    """Limit, inside the block, the numbers that layers may make, and the layers.

    Args:
        numbers: int. The most weights of all layers together; they are counted before
            they are made. Layers may number `MOST_LAYERS`.

    Raises:
        ValueError: as soon as a layer asks for more.

    Example:
    ```python
    with no_larger_than(10**6):
        keras.Sequential([keras.Input((8,)), keras.layers.Dense(10**9)])
    ```
    """
    kind = keras.layers.Layer
    begin, make = kind.__init__, kind.add_weight
    left, layers = numbers + SLACK // 64, 0

    def begin_counted(layer, *arguments, **options):
        nonlocal layers
        layers += 1
        if layers > MOST_LAYERS:
            raise ValueError(f"it asks for more than {MOST_LAYERS:,} layers")
        begin(layer, *arguments, **options)

    def make_counted(layer, shape=None, *arguments, **options):
        nonlocal left
        left -= max(SMALLEST, math.prod(int(side or 0) for side in shape or ()))
        if left < 0:
            raise ValueError(
                f"its layers ask for more numbers than the {numbers:,} bytes of its "
                "weights can hold"
            )
        return make(layer, shape, *arguments, **options)

    kind.__init__, kind.add_weight = begin_counted, make_counted
    try:
        yield
    finally:
        kind.__init__, kind.add_weight = begin, make


def _check_outputs(model):
    """Refuse a model one of whose layers would fill the memory with one image."""
    for layer in model._flatten_layers(include_self=False):
        outputs = []
        with contextlib.suppress(AttributeError, ValueError):  # Not called, or often.
            outputs = keras.tree.flatten(layer.output)
        for output in outputs:
            if math.prod(side or 1 for side in output.shape[1:]) > MOST_PIXELS:
                raise ValueError(f"its {layer.name} gives {tuple(output.shape)}")

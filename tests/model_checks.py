"""What every layer and model must hold, in the manner of KerasHub's `TestCase`."""

import inspect
import json
import os
import pickle
import subprocess
import sys

import keras
import numpy as np


def randomise(model, seed=0):
    """Weights and BatchNorm statistics as no initialiser makes them: none 0, none 1."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.name == "kernel":
            fan_in = np.prod(weight.shape[:-1])
            weight.assign(rng.normal(0, np.sqrt(2 / fan_in), weight.shape))
        else:
            weight.assign(rng.normal(0, 0.2, weight.shape))
    return model


def call(model, inputs, **options):
    """Call a layer; a tuple holds its arguments one by one."""
    arguments = inputs if isinstance(inputs, tuple) else (inputs,)
    return model(*arguments, **options)


def as_model(layer, inputs):
    """A layer as a model that can be saved, and the inputs as that model takes them."""
    if isinstance(layer, keras.Model):
        return layer, inputs
    symbols = keras.tree.map_structure(
        lambda each: keras.Input(each.shape[1:], dtype=each.dtype), inputs
    )
    outputs = call(layer, symbols)
    if isinstance(inputs, tuple):
        inputs, symbols = list(inputs), list(symbols)
    return keras.Model(symbols, outputs), inputs


def arrays(outputs):
    """The same structure in NumPy."""
    return keras.tree.map_structure(keras.ops.convert_to_numpy, outputs)


def assert_close(received, expected, **tolerance):
    """Hold two structures of arrays equal."""
    keras.tree.assert_same_structure(received, expected)
    for one, other in zip(*map(keras.tree.flatten, (received, expected)), strict=True):
        np.testing.assert_allclose(one, other, **tolerance)


def run_layer_test(make, inputs, shapes, half="float16", training=False):
    """Check a layer or model: outputs, configuration, gradients, half precision.

    Args:
        make: callable without arguments. Makes it anew.
        inputs: array, or list or dict of arrays; a tuple for several arguments.
        shapes: shape of the output, or list or dict of shapes.
        half: string, or list or dict of strings. Types of the outputs under
            `mixed_float16`.
        training: bool. How it is called for the gradients.

    Returns:
        What was made, with random weights.
    """
    layer = make()
    call(layer, inputs)  # Only now is every layer built.
    randomise(layer)
    outputs = arrays(call(layer, inputs))
    assert keras.tree.map_structure(np.shape, outputs) == shapes
    for output in keras.tree.flatten(outputs):
        assert output.dtype == "float32" and np.isfinite(output).all()
    _check_config(layer, inputs, outputs)
    _check_gradients(layer, inputs, training)
    _check_half(make, layer, inputs, outputs, half)
    return layer


def run_config_test(kept, assets=()):
    """Check that the configuration holds every argument and survives JSON.

    Args:
        kept: what has a configuration.
        assets: names of arguments that a file holds apart.

    Returns:
        What was made from it.
    """
    config = json.dumps(keras.saving.serialize_keras_object(kept))
    again = keras.saving.deserialize_keras_object(json.loads(config))
    assert type(again) is type(kept)
    assert json.dumps(again.get_config()) == json.dumps(kept.get_config())
    own = vars(type(kept)).get("__init__", lambda self: None)
    arguments = list(inspect.signature(own).parameters.values())[1:]
    named = {each.name for each in arguments if each.kind is not each.VAR_KEYWORD}
    lost = named - set(kept.get_config()) - set(assets)
    assert not lost, f"an argument is lost: {lost}"
    return again


def _check_config(layer, inputs, outputs):
    """It is the same after its configuration went through JSON, as a file's does."""
    again = run_config_test(layer)
    call(again, inputs)
    again.set_weights(layer.get_weights())
    assert_close(arrays(call(again, inputs)), outputs, atol=1e-6)


def _check_gradients(layer, inputs, training):
    """The outputs depend on every weight that trains."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    with tf.GradientTape() as tape:
        outputs = keras.tree.flatten(call(layer, inputs, training=training))
        loss = sum(
            tf.reduce_sum(each * rng.normal(size=each.shape)) for each in outputs
        )
    gradients = tape.gradient(loss, [w.value for w in layer.trainable_weights])
    for weight, gradient in zip(layer.trainable_weights, gradients, strict=True):
        assert gradient is not None, weight.path
        assert np.any(tf.convert_to_tensor(gradient)), weight.path


def _check_half(make, layer, inputs, outputs, half):
    """In half precision it gives nearly the same, of the types that it should."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        rounded = make()
        call(rounded, inputs)
        rounded.set_weights(layer.get_weights())
        received = arrays(call(rounded, inputs))
    finally:
        keras.config.set_dtype_policy(before)
    types = keras.tree.map_structure(lambda each: str(each.dtype), received)
    if isinstance(half, str):
        half = keras.tree.map_structure(lambda each: half, types)
    assert types == half
    for one, other in zip(*map(keras.tree.flatten, (received, outputs)), strict=True):
        one = one.astype("float32")
        np.testing.assert_allclose(one, other, atol=0.02 * np.abs(other).max())


FRESH = """
import pickle, sys
import keras
import numpy as np
sys.path.insert(0, sys.argv[2])
from model_checks import arrays, assert_close, call
from cxrlib.systems.files import load_model

folder = sys.argv[1]
with open(folder + "/kept.pickle", "rb") as file:
    cases, tolerance, kept = pickle.load(file)
models = {name: load_model(f"{folder}/{name}.keras") for name in cases}
for name, (inputs, outputs) in cases.items():
    print(name)
    assert_close(arrays(call(models[name], inputs)), outputs, atol=tolerance)
"""


def run_saving_test(
    cases, folder, code="", backend="tensorflow", tolerance=1e-5, **kept
):
    """Save models, and find them the same in one fresh process.

    Args:
        cases: dict of names to pairs, a model (or layer) and its inputs.
        folder: path. For the files.
        code: string. What else is held there, of `models` (a dict) and `kept`.
        backend: string. Keras's backend in the fresh process.
        tolerance: float. Of the outputs.
        **kept: values that the code compares with.
    """
    known = {}
    for name, case in cases.items():
        model, inputs = as_model(*case)
        model.save(folder / f"{name}.keras")
        known[name] = inputs, arrays(call(model, inputs))
    with open(folder / "kept.pickle", "wb") as file:
        pickle.dump((known, tolerance, kept), file)
    here = os.path.dirname(__file__)
    run_in_fresh_process(FRESH + code, str(folder), here, backend=backend)


def run_in_fresh_process(code, *arguments, backend="tensorflow"):
    """Run Python code under a backend; show what it said if it fails."""
    code = f"import os\nos.environ['KERAS_BACKEND'] = {backend!r}\n{code}"
    code += f"\nimport keras\nassert keras.backend.backend() == {backend!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-2000:]

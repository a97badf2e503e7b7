"""Gradients with respect to an array, whichever backend Keras runs on."""

from cxrbase.files import InputError


def gradient(function, x):
    """Value and gradient of a function that gives one number per sample.

    Args:
        function: callable. Takes a float32 tensor `(B, …)`, gives a tensor `(B,)`.
            The value of a sample must depend on that sample alone, as it does in
            a model that is called with `training=False`.
        x: float array `(B, …)`.

    Returns:
        A pair of float32 NumPy arrays: the values `(B,)` and their gradients, of
        the shape of `x`. They are zero where `x` does not matter.

    Raises:
        InputError: if the function gives anything but one number per sample, or
            the backend has no gradients.

    Example:
    ```python
    gradient(lambda x: ops.sum(x**2, axis=-1), [[1.0, 2.0]])  # [5.], [[2., 4.]]
    ```
    """
    import keras
    from keras import ops

    name = keras.backend.backend()
    if name not in _BACKENDS:
        raise InputError(
            f"Keras runs on {name}, which has no gradients; set KERAS_BACKEND to "
            f"one of {', '.join(_BACKENDS)}."
        )

    def checked(x):
        values = function(x)
        if tuple(values.shape) != (len(x),):
            raise InputError(
                f"the function gave the shape {tuple(values.shape)} for {len(x)} "
                "samples; it must give one number per sample."
            )
        return values

    # Samples do not mix, so the gradient of the sum holds the gradient of each.
    x = ops.convert_to_tensor(x, dtype="float32")
    values, slopes = _BACKENDS[name](checked, x)
    return ops.convert_to_numpy(values), ops.convert_to_numpy(slopes)


def _tensorflow(function, x):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(x)
        values = function(x)
    return values, tape.gradient(values, x, unconnected_gradients="zero")


def _jax(function, x):
    import jax

    def total(x):
        values = function(x)
        return values.sum(), values

    slopes, values = jax.grad(total, has_aux=True)(x)
    return values, slopes


def _torch(function, x):
    import torch

    with torch.enable_grad():
        x = x.detach().requires_grad_()
        values = function(x)
        # The zero keeps `x` in the graph even where the function leaves it out.
        (slopes,) = torch.autograd.grad((values + 0 * x.sum()).sum(), x)
    return values, slopes


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}

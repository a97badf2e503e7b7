"""Films and targets as arrays, and their batches."""

import functools
import math

import cv2
import keras
import numpy as np

from cxrbase.films.decoder import read_films as read_films

# Two collections may call another patient by the same number.
PATIENT = ["kind", "patient"]
MOST_WEIGHT = 100.0  # Of a label that next to no film has.


def positive_weights(targets):
    """How much a positive must count for both classes of a label to weigh the same.

    Args:
        targets: float array `(n, k)`, as of `label_matrix`; NaN is left out.

    Returns:
        A float32 array `(k,)`: negatives over positives, at most `MOST_WEIGHT`, and 1
        where a class is absent.

    Example:
    ```python
    positive_weights(np.array([[1.0], [0.0], [0.0], [np.nan]]))  # [2.]
    ```
    """
    positives, negatives = np.nansum(targets, 0), np.nansum(1 - targets, 0)
    both = (positives > 0) & (negatives > 0)
    weights = np.where(both, negatives / np.where(both, positives, 1), 1)
    return np.clip(weights, 1 / MOST_WEIGHT, MOST_WEIGHT).astype("float32")


def shake(image, rng):
    """Turn, shift, scale and expose a film a little, as the next exposure might.

    It is not mirrored: that would move the heart to the right.

    Args:
        image: float32 array `(S, S, 1)` in [0, 1].
        rng: `numpy.random.Generator`.

    Returns:
        An array like it.

    Example:
    ```python
    shake(image, np.random.default_rng(0))
    ```
    """
    size = image.shape[0]
    turn, scale = rng.uniform(-7, 7), rng.uniform(0.92, 1.08)
    matrix = cv2.getRotationMatrix2D((size / 2, size / 2), turn, scale)
    matrix[:, 2] += rng.uniform(-0.04, 0.04, 2) * size
    moved = cv2.warpAffine(image[..., 0], matrix, (size, size))
    return (np.clip(moved, 0, 1) ** np.exp(rng.normal(0, 0.1)))[..., None]


class FilmBatches(keras.utils.PyDataset):
    """Batches of films (or latents) and targets, each a function of its number alone.

    So a training resumed at an epoch sees what it would have seen. Leave `workers` at
    1.

    Args:
        inputs: uint8 array `(n, S, S, 1)`, or float array `(n, C)`.
        targets: float array `(n, k)`, or `None` to predict.
        batch_size: int.
        seed: int or `None`. Of the order; `None` keeps that of the arrays, and shakes
            as 0 does.
        epochs: range. The epochs' numbers.
        augment: bool. Whether to `shake` the films.

    Example:
    ```python
    model.fit(FilmBatches(films, targets, 32, seed=0, epochs=range(5)))
    ```
    """

    def __init__(
        self, inputs, targets, batch_size, seed=None, epochs=range(1), augment=False
    ):
        super().__init__()
        self.inputs, self.targets, self.batch_size = inputs, targets, batch_size
        self.seed, self.epochs, self.augment = seed, epochs, augment
        self.steps = math.ceil(len(inputs) / batch_size)
        self.order = functools.lru_cache(1)(self._order)  # Not drawn for each batch.

    def _order(self, epoch):
        if self.seed is None:
            return np.arange(len(self.inputs))
        return np.random.default_rng([self.seed, epoch]).permutation(len(self.inputs))

    def __len__(self):
        return self.steps * len(self.epochs)

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        number, step = divmod(index, self.steps)
        epoch = self.epochs[number]
        rows = self.order(epoch)[step * self.batch_size : (step + 1) * self.batch_size]
        inputs = self.inputs[rows]
        if inputs.dtype == "uint8":
            inputs = inputs.astype("float32") / 255
        if self.augment:
            draws = [
                np.random.default_rng([self.seed or 0, epoch, row]) for row in rows
            ]
            inputs = np.stack(list(map(shake, inputs, draws)))
        if self.targets is None:
            return (inputs,)
        return inputs, {"logits": self.targets[rows]}

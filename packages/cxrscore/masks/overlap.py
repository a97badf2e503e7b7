"""Scores of masks, image by image: overlap, and whether the place is right.

NumPy only, for any system's masks; `cxrlib.models.metrics` has Dice and IoU once more
as tensors, for training.
"""

import numpy as np

from cxrbase.files import InputError
from cxrscore.masks.pointing import hit
from cxrscore.score import records

NOTHING = "undefined: no true mask has a pixel"


def dice(truth, predicted, threshold=0.5):
    """Dice coefficient of each image: twice the overlap by the sum of the areas.

    Args:
        truth: array `(n, H, W)` or `(n, H, W, 1)`, bool or in [0, 1].
        predicted: array of the same shape, masks or probabilities.
        threshold: float. What lies above it belongs to the mask.

    Returns:
        A float array `(n,)` in [0, 1]. By convention two empty masks agree, at 1; if
        one of the two is empty, it is 0. `both_empty` tells how often that decided.

    Raises:
        InputError: if the shapes differ, or a value is not in [0, 1].

    Example:
    ```python
    dice([[[1, 1]]], [[[0, 1]]])  # [0.6667]
    ```

    Reference:
        - [Dice, 1945](https://doi.org/10.2307/1932409)
    """
    true, said, both = _areas(truth, predicted, threshold)
    return np.where(true + said > 0, 2 * both / np.maximum(true + said, 1), 1.0)


def iou(truth, predicted, threshold=0.5):
    """Intersection over union of each image; `dice / (2 − dice)`.

    Args:
        truth: array `(n, H, W)` or `(n, H, W, 1)`, bool or in [0, 1].
        predicted: array of the same shape, masks or probabilities.
        threshold: float. What lies above it belongs to the mask.

    Returns:
        A float array `(n,)` in [0, 1]; empty masks as for `dice`.

    Raises:
        InputError: if the shapes differ, or a value is not in [0, 1].

    Example:
    ```python
    iou([[[1, 1]]], [[[0, 1]]])  # [0.5]
    ```
    """
    true, said, both = _areas(truth, predicted, threshold)
    union = true + said - both
    return np.where(union > 0, both / np.maximum(union, 1), 1.0)


def both_empty(truth, predicted, threshold=0.5):
    """Where neither mask has a pixel, so that a convention decides Dice and IoU.

    Args:
        truth: array `(n, H, W)` or `(n, H, W, 1)`, bool or in [0, 1].
        predicted: array of the same shape, masks or probabilities.
        threshold: float. What lies above it belongs to the mask.

    Returns:
        A bool array `(n,)`.

    Raises:
        InputError: if the shapes differ, or a value is not in [0, 1].

    Example:
    ```python
    both_empty([[[0, 0]]], [[[0, 0.2]]])  # [True]
    ```
    """
    true, said, _ = _areas(truth, predicted, threshold)
    return true + said == 0


def centroid_hit(truth, predicted, threshold=0.5):
    """Whether the middle of each predicted mask lies on the true one.

    For a probability map `cxrscore.masks.pointing.hit` takes the maximum instead; a
    mask of zeros and ones has no single maximum.

    Args:
        truth: array `(n, H, W)` or `(n, H, W, 1)`, bool or in [0, 1].
        predicted: array of the same shape, masks or probabilities.
        threshold: float. What lies above it belongs to the mask.

    Returns:
        A float array `(n,)` of 1 and 0: an empty prediction points nowhere, at 0. NaN
        where the true mask is empty, since nothing could be hit.

    Raises:
        InputError: if the shapes differ, or a value is not in [0, 1].

    Example:
    ```python
    centroid_hit([[[0, 1, 0]]], [[[1, 1, 1]]])  # [1.]
    ```
    """
    true, said = _masks(truth, predicted, threshold)
    found = np.zeros(len(true))
    for i, (own, other) in enumerate(zip(true, said, strict=True)):
        if other.any():
            middle = np.argwhere(other).mean(axis=0)
            found[i] = own[tuple(np.rint(middle).astype(int))]
    return np.where(true.any(axis=(1, 2)), found, np.nan)


def mask_scores(
    truth, predicted, threshold=0.5, split="test", intervals=True, **protocol
):
    """Every mask score with its interval and protocol.

    Args:
        truth: array `(n, H, W)` or `(n, H, W, 1)`, bool or in [0, 1].
        predicted: array of the same shape, masks or probabilities.
        threshold: float. What lies above it belongs to the mask.
        split: string. Where the images come from.
        intervals: bool. Whether to resample the images.
        **protocol: scalars. The finding, the image size, …

    Returns:
        A dict of scores (see `cxrscore.score`): `masks.dice`, `masks.iou` over all
        images; `masks.hit` (the maximum of the map lies on the true mask) and
        `masks.centroid_hit`, shares with an exact interval, over those whose true mask
        is not empty. The protocol counts `both_empty` and `left_out`.

    Raises:
        InputError: if the shapes differ, or a value is not in [0, 1].

    Example:
    ```python
    mask_scores(masks, model.predict(films)[..., 0])["masks.dice"]["value"]
    ```
    """
    true, _ = _masks(truth, predicted, threshold)
    there = true.any(axis=(1, 2))
    maps = np.asarray(predicted, "float64").reshape(true.shape)
    common = {"split": split, "threshold": threshold, **protocol}
    empty = int(both_empty(truth, predicted, threshold).sum())
    of_all = {"empty": "both empty counts as 1, one empty as 0", "both_empty": empty}
    of_some = {"left_out": int((~there).sum()), "left_out_why": "empty true mask"}
    found = {}
    for name, values, words in (
        ("dice", dice(truth, predicted, threshold), of_all),
        ("iou", iou(truth, predicted, threshold), of_all),
        ("hit", hit(maps[there], true[there]) if there.any() else there[:0], of_some),
        ("centroid_hit", centroid_hit(truth, predicted, threshold)[there], of_some),
    ):
        found |= records(
            "masks",
            values[:, None],
            lambda sums, n, name=name: {name: sums[..., 0] / n},
            {name: common | words | {"score": "mean over images"}},
            intervals,
            empty=NOTHING if words is of_some else "undefined: there is no image",
            shares={name: (0, None)} if words is of_some else None,
        )
    return found


def _masks(truth, predicted, threshold):
    """Both as bool `(n, H, W)`."""
    pair = [np.asarray(each) for each in (truth, predicted)]
    shapes = [each.shape for each in pair]
    if shapes[0] != shapes[1] or len(shapes[0]) not in (3, 4) or shapes[0][3:] > (1,):
        raise InputError(
            f"Masks of shapes {shapes[0]} and {shapes[1]}: both must be (n, H, W) or "
            "(n, H, W, 1), and alike."
        )
    for name, each in zip(("true", "predicted"), pair, strict=True):
        if not ((each >= 0) & (each <= 1)).all():
            raise InputError(f"A {name} mask holds a value that is not in [0, 1].")
    return tuple((each > threshold).reshape(shapes[0][:3]) for each in pair)


def _areas(truth, predicted, threshold):
    """Areas of both masks and of what they share, float `(n,)` each."""
    true, said = _masks(truth, predicted, threshold)
    return tuple(
        each.sum(axis=(1, 2), dtype="float64") for each in (true, said, true & said)
    )

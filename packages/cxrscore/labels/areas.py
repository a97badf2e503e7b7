"""The area under the ROC curve (AUROC) of one model, and by how much two differ."""

import itertools

import numpy as np

from cxrscore.bootstrap import has_width, interval, resampling_weights
from cxrscore.labels.exact import area_ends
from cxrscore.labels.thresholds import ordered_pairs, ranked_weights

NONE = (np.nan, np.nan, np.nan)


def weighted_area(labels, probabilities, weights, folds=None):
    """The AUROC under many weightings of the studies at once.

    In a cross-validation each fold has a model of its own, and their probabilities are
    on no common scale. With `folds`, only pairs of a positive and a negative of one
    fold are compared: the mean of the folds' AUROCs, weighted by their pairs.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        weights: float array `(r, n)`. How often each study counts, row by row.
        folds: array `(n,)` or `None`. Which model gave each probability.

    Returns:
        A float array `(r,)`; NaN where a row has no pair.

    Example:
    ```python
    labels, probabilities = np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    weighted_area(labels, probabilities, np.ones((1, 4)), [0, 0, 1, 1])  # [1.]
    ```

    Reference:
        - [Forman & Scholz, 2010](https://doi.org/10.1145/1882471.1882479)
    """
    folds = np.zeros(len(labels)) if folds is None else np.asarray(folds)
    parts = []
    for fold in np.unique(folds):
        own = folds == fold
        ranked = ranked_weights(labels[own], probabilities[own], weights[:, own])
        parts.append(ordered_pairs(*ranked))
    ordered, pairs = np.sum(parts, axis=0)
    with np.errstate(invalid="ignore"):
        return ordered / pairs


def auroc(labels, probabilities, groups=None, folds=None):
    """The AUROC with both ends of its 95 % interval, of the kind `exact.AREA_WORDS`.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        groups: array `(n,)` or `None`. Patients to be drawn instead of studies.
        folds: array `(n,)` or `None`, see `weighted_area`.

    Returns:
        A tuple of floats `(value, low, high)`; three NaN if a class is absent.

    Example:
    ```python
    auroc(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9]))[0]  # 0.75
    ```
    """
    value, drawn = _area(labels, probabilities, groups, folds)
    if not np.isfinite(value):
        return NONE
    return value, *area_ends(labels, drawn, groups, folds)


def _area(labels, probabilities, groups, folds):
    """The AUROC, and that of each resample; the same studies for every model."""
    once = [np.ones((1, len(labels)))]
    value, *drawn = (
        weighted_area(labels, probabilities, weights, folds)
        for weights in itertools.chain(
            once, resampling_weights(len(labels), groups=groups)
        )
    )
    return float(value[0]), np.concatenate(drawn)


def auroc_difference(
    labels, probabilities, others, groups=None, folds=None, other_folds=None
):
    """By how much one AUROC is larger than another on the same studies.

    The interval is that of the difference, study by study: cases that are hard for both
    do not widen it.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        others: float array `(n,)` in [0, 1], of the model to compare with.
        groups: array `(n,)` or `None`. Patients to be drawn instead of studies.
        folds: array `(n,)` or `None`, see `weighted_area`.
        other_folds: the same of `others`, where they come from another split.

    Returns:
        A tuple of floats `(value, low, high)`; three NaN if a class is absent, and
        NaN for both ends where all resamples agree.

    Example:
    ```python
    labels = np.array([0, 0, 1, 1])
    better, worse = np.array([0.1, 0.2, 0.4, 0.9]), np.array([0.1, 0.6, 0.4, 0.9])
    auroc_difference(labels, better, worse)[0]  # 0.25
    ```
    """
    other_folds = folds if other_folds is None else other_folds
    value, drawn = _area(labels, probabilities, groups, folds)
    other, other_drawn = _area(labels, others, groups, other_folds)
    if not np.isfinite(value - other):
        return NONE
    ends = interval(np.round(drawn - other_drawn, 12))
    return value - other, *(ends or NONE[1:])


def spelled(area, sign=""):
    """A value with its interval in words.

    Args:
        area: tuple of floats `(value, low, high)`.
        sign: string. `"+"` to show the sign of what is positive, too.

    Returns:
        A string, `"0.750 (0.500 to 1.000)"`, or `"0.000 (no interval)"`.

    Example:
    ```python
    spelled((0.75, 0.5, 1.0))
    ```
    """
    if not has_width(area[1:]):
        return "{:{s}.3f} (no interval)".format(area[0], s=sign)
    return "{:{s}.3f} ({:{s}.3f} to {:{s}.3f})".format(*area, s=sign)

"""The area under the ROC curve (AUROC) of one model, and by how much two differ."""

import numpy as np

from cxrscore.bootstrap import has_width, interval
from cxrscore.labels.exact import area_ends
from cxrscore.labels.scores import label_values, resampled_values

NONE = (np.nan, np.nan, np.nan)


def auroc(labels, probabilities, groups=None):
    """The AUROC with both ends of its 95 % interval, of the kind `exact.AREA_WORDS`.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        groups: array `(n,)` or `None`. Patients to be drawn instead of studies.

    Returns:
        A tuple of floats `(value, low, high)`; three NaN if a class is absent.

    Example:
    ```python
    auroc(np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9]))[0]  # 0.75
    ```
    """
    value = label_values(labels, probabilities)["auroc"]
    if value is None:
        return NONE
    drawn = resampled_values(labels, probabilities, groups=groups)["auroc"]
    return value, *area_ends(labels, drawn, groups)


def auroc_difference(labels, probabilities, others, groups=None):
    """By how much one AUROC is larger than another on the same studies.

    The interval is that of the difference, study by study: cases that are hard for both
    do not widen it.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        others: float array `(n,)` in [0, 1], of the model to compare with.
        groups: array `(n,)` or `None`. Patients to be drawn instead of studies.

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
    pair = [label_values(labels, p)["auroc"] for p in (probabilities, others)]
    if None in pair:
        return NONE
    drawn = [
        resampled_values(labels, p, groups=groups)["auroc"]
        for p in (probabilities, others)
    ]
    ends = interval(np.round(drawn[0] - drawn[1], 12))
    return pair[0] - pair[1], *(ends or NONE[1:])


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

"""From probabilities to decisions: where to cut, and what every cut gives."""

import numpy as np

from cxrbase.files import InputError
from cxrscore.bootstrap import percentiles, resampling_weights
from cxrscore.labels.exact import share_ends, widened

CRITERIA = {"youden": "Youden's J", "f1": "F1", "count": "as many as there are"}
EXPECTED = "as many as expected"
FEWEST = 5  # Positives and negatives of validation that tell more than their number.


def known(labels, probabilities):
    """The studies that have both a label and a probability.

    Args:
        labels: array `(n,)` of 0, 1 or NaN.
        probabilities: array `(n,)` in [0, 1], or NaN.

    Returns:
        `(labels, probabilities, left_out)`: an int array, a float array, and the
        number of studies left out.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    known([1, float("nan")], [0.9, 0.2])  # (array([1]), array([0.9]), 1)
    ```
    """
    labels = np.asarray(labels, dtype="float64").reshape(-1)
    probabilities = np.asarray(probabilities, dtype="float64").reshape(-1)
    if labels.size != probabilities.size:
        raise InputError(
            f"{labels.size} labels but {probabilities.size} probabilities: each "
            "study needs one of each, in the same order."
        )
    keep = ~(np.isnan(labels) | np.isnan(probabilities))
    labels_kept, probabilities_kept = labels[keep], probabilities[keep]
    if not np.isin(labels_kept, (0, 1)).all():
        raise InputError("A label is neither 0 (normal), 1 (abnormal) nor missing.")
    if ((probabilities_kept < 0) | (probabilities_kept > 1)).any():
        raise InputError(
            "A probability lies outside [0, 1]: apply the sigmoid to logits first."
        )
    return labels_kept.astype("int64"), probabilities_kept, int((~keep).sum())


def choose_threshold(labels, probabilities, criterion="youden"):
    """The threshold that separates the validation split best.

    It is never chosen on the split that is scored. It lies midway between two
    probabilities, so that rounding them in a CSV moves no study across. Of equally
    good thresholds the one nearest to 0.5 is taken. Where none can be chosen it is
    0.5, and the words say why.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out). The validation split's.
        probabilities: array `(n,)` in [0, 1].
        criterion: string. `"youden"`, the largest sensitivity + specificity − 1;
            `"f1"`, which calls everything abnormal if the model is useless, or nearly
            so on a few studies; or `"count"`: as many are called as are positive, and
            where there are fewer than `FEWEST` of either class, as many as the
            probabilities sum to.

    Returns:
        `(threshold, words)`: a float, abnormal from there on, and a string for the
        `threshold_from` of `classification_scores`.

    Raises:
        InputError: if the criterion is unknown, the two differ in number, or a
            value is out of range.

    Example:
    ```python
    choose_threshold([0, 0, 1], [0.1, 0.2, 0.4])  # (0.3, "validation, Youden's J")
    ```

    Reference:
        - [Youden, 1950](https://pubmed.ncbi.nlm.nih.gov/15405679/)
        - F1's optimum: [Lipton et al., 2014](https://arxiv.org/abs/1402.1892)
        - The count: [Yang, 2001](https://doi.org/10.1145/383952.383975)
    """
    if criterion not in CRITERIA:
        raise InputError(f"Criterion {criterion!r} is none of {', '.join(CRITERIA)}.")
    labels, probabilities, _ = known(labels, probabilities)
    n, positives = labels.size, int(labels.sum())
    if not n or (positives in (0, n) and criterion != "count"):
        reason = f"has one class (n={n})" if n else "has no label"
        return 0.5, f"fixed, for validation {reason}"
    scores, place = np.unique(probabilities, return_inverse=True)
    # Abnormal from each score on: (scores,). Whole numbers, so that ties are ties.
    hits = np.bincount(place, labels).astype("int64")[::-1].cumsum()[::-1]
    calls = np.bincount(place)[::-1].cumsum()[::-1]
    below = np.concatenate([[0.0], scores[:-1]])
    middle = (below + scores) / 2
    middle = np.where(middle > below, middle, scores)  # No float in between.
    said = CRITERIA[criterion]
    if criterion == "count":
        if scores[-1] < 1:  # None may be called, either.
            calls, middle = np.append(calls, 0), np.append(middle, (scores[-1] + 1) / 2)
        few = min(positives, n - positives) < FEWEST
        said = EXPECTED if few else said
        quality = -np.abs(calls - (probabilities.sum() if few else positives))
    elif criterion == "youden":
        quality = hits * (n - positives) - (calls - hits) * positives
    else:
        quality = 2 * hits / (calls + positives)
    if criterion != "count" and quality.max() <= 0:
        return 0.5, "fixed, for no threshold beats chance on validation"
    best = middle[quality == quality.max()]
    threshold = best[np.argmin(np.abs(best - 0.5))]
    return float(threshold), f"validation, {said}"


def alarm_threshold(labels, probabilities, most=0.05):
    """The lowest threshold that keeps the false alarms of validation few.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out). The validation split's.
        probabilities: array `(n,)` in [0, 1].
        most: float. The share of the negatives that may be called positive.

    Returns:
        A float, one of the probabilities, abnormal from there on; infinity if none of
        them keeps the promise.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    alarm_threshold([0, 0, 1], [0.1, 0.2, 0.4])  # 0.4
    ```
    """
    labels, probabilities, _ = known(labels, probabilities)
    negatives, tried = np.sort(probabilities[labels == 0]), np.unique(probabilities)
    alarms = negatives.size - np.searchsorted(negatives, tried)
    return float(tried[alarms <= most * negatives.size].min(initial=np.inf))


def confusion_matrix(labels, probabilities, threshold=0.5):
    """How many studies of each class get which call.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out).
        probabilities: array `(n,)` in [0, 1].
        threshold: float. Abnormal from here on.

    Returns:
        A dict: `counts`, an int array `(2, 2)`, a row per true class and a column
        per call, 0 first; and `interval`, a float array `(2, 2, 2)`, the exact 95 %
        ends of each count among as many studies, `None` for fewer than two.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    confusion_matrix([0, 0, 1], [0.1, 0.6, 0.8])["counts"]  # [[1, 1], [0, 1]]
    ```
    """
    labels, probabilities, _ = known(labels, probabilities)
    called = (probabilities >= threshold).astype("int64")
    cells = np.eye(4)[2 * labels + called]  # (n, 4)
    counts, ends = cells.sum(axis=0).astype("int64").reshape(2, 2), None
    if labels.size > 1:
        ends = [share_ends(count, labels.size) for count in counts.flat]
        ends = np.reshape(ends, (2, 2, 2)) * labels.size
    return {"counts": counts, "interval": ends}


def ranked_weights(labels, probabilities, weights):
    """The weight of each class at every distinct probability, the highest first.

    Whatever a ROC or a precision–recall curve needs is a running sum of these, and
    studies of equal probability stay together.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)`.
        weights: float array `(r, n)`, one row per resample.

    Returns:
        `(positives, negatives)`, float arrays `(r, distinct)`.

    Example:
    ```python
    ranked_weights(np.array([0, 1, 1]), np.array([0.2, 0.2, 0.9]), np.ones((1, 3)))
    # [[1., 1.]], [[0., 1.]]
    ```
    """
    order = np.argsort(-probabilities, kind="stable")
    starts = np.flatnonzero(np.diff(probabilities[order], prepend=np.inf))
    weights, labels = weights[:, order].astype("float64"), labels[order]
    return tuple(
        np.add.reduceat(weights * of_class, starts, axis=1)
        for of_class in (labels, 1 - labels)
    )


def ordered_pairs(positives, negatives):
    """The weight of the pairs in order, the positive above, and that of all pairs.

    Their ratio is the AUROC; a tie is half in order.

    Args:
        positives, negatives: float arrays `(r, distinct)` of `ranked_weights`.

    Returns:
        `(ordered, pairs)`, float arrays `(r,)`.

    Example:
    ```python
    np.divide(*ordered_pairs(np.array([[1.0, 0]]), np.array([[0, 1.0]])))  # [1.]
    ```
    """
    passed = negatives.cumsum(axis=1)
    # Each positive beats the negatives below it, and half of those equal to it.
    beaten = passed[:, -1:] - passed + negatives / 2
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return (positives * beaten).sum(axis=1), pairs


def roc_curve(labels, probabilities):
    """The ROC curve with its band over resampled studies.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out).
        probabilities: array `(n,)` in [0, 1].

    Returns:
        A dict of float arrays: the curve as `false_alarms` (1 − specificity) and
        `found` (sensitivity), `(points,)` each; and the band as `grid`, `low` and
        `high`, `(101,)` each: the 95 % ends of the sensitivity at each share of
        false alarms, pointwise. Where all resamples agree, it is as wide as the exact
        interval of as many positives leaves it; and it falls nowhere, as no curve does.

    Raises:
        InputError: if only one class is there, the two differ in number, or a
            value is out of range.

    Example:
    ```python
    curve = roc_curve([0, 0, 1, 1], [0.1, 0.7, 0.4, 0.9])
    curve["found"]  # [0., 0.5, 0.5, 1., 1.]
    ```

    Reference:
        - Vertical averages: [Fawcett, 2006](https://doi.org/10.1016/j.patrec.2005.10.010)
    """
    labels, probabilities, _ = known(labels, probabilities)
    if not 0 < labels.sum() < labels.size:
        raise InputError(f"No ROC curve: only one class in the n={labels.size} labels.")
    (curve,) = _roc_curves(labels, probabilities, np.ones((1, labels.size)))
    grid = np.linspace(0, 1, 101)
    drawn = [
        np.interp(grid, *each)
        for weights in resampling_weights(labels.size)
        for each in _roc_curves(labels, probabilities, weights)
    ]
    ends = np.array([percentiles(column) for column in np.transpose(drawn)])
    for place in np.flatnonzero(ends[:-1, 0] == ends[:-1, 1]):
        # The last point is (1, 1) on every curve, and has no width.
        ends[place] = widened(ends[place], labels.sum())
    low = np.maximum.accumulate(ends[:, 0])
    high = np.minimum.accumulate(ends[::-1, 1])[::-1]
    curve = dict(zip(("false_alarms", "found"), curve, strict=True))
    return curve | {"grid": grid, "low": low, "high": high}


def _roc_curves(labels, probabilities, weights):
    """False alarms and sensitivity, for each row of weights with both classes."""
    both = ranked_weights(labels, probabilities, weights)
    hits, alarms = (np.pad(each.cumsum(axis=1), ((0, 0), (1, 0))) for each in both)
    for hit, alarm in zip(hits, alarms, strict=True):
        if hit[-1] and alarm[-1]:
            yield alarm / alarm[-1], hit / hit[-1]

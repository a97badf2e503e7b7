"""Scores that can be computed on any rows, under any weights: what subgroups need."""

import dataclasses
from collections.abc import Callable

import numpy as np

from cxrbase.files import InputError
from cxrscore.labels.areas import weighted_area
from cxrscore.labels.scores import CUT, NAMES, weighted_values
from cxrscore.labels.thresholds import known


@dataclasses.dataclass(frozen=True)
class Measure:
    """A score that can be computed on some rows, under any weights.

    Args:
        name: string.
        size: int. How many rows there are.
        values: callable, `(weights (r, m), rows (m,))` → float array `(r,)`.
        positives: bool array `(size,)` or `None`. The rows of class 1, to be counted.
        both_classes: bool. Whether a group needs enough rows of both classes.
        hits: float array `(size,)` of 0, 1 and NaN, or `None`. A score that is the
            share of hits has an exact interval.
        folds: array `(size,)` or `None`. Only rows of one fold are compared.
    """

    name: str
    size: int
    values: Callable
    positives: np.ndarray | None = None
    both_classes: bool = False
    hits: np.ndarray | None = None
    folds: np.ndarray | None = None


def share_measure(hits, name="share"):
    """Make a measure of hits and misses: a recall, an accuracy.

    Args:
        hits: array `(n,)` of 0, 1 or NaN. Rows with NaN don't count.
        name: string.

    Returns:
        A `Measure`.

    Example:
    ```python
    table = pd.DataFrame({"sex": ["F", "M"] * 30})
    subgroup_scores(share_measure([1, 0, 1] * 20), table)
    ```
    """
    hits = np.asarray(hits, "float64")
    counted, hit = np.isfinite(hits).astype(float), np.nan_to_num(hits)

    def values(weights, rows):
        with np.errstate(invalid="ignore"):
            return (weights @ hit[rows]) / (weights @ counted[rows])

    return Measure(name, len(hits), values, hits=hits)


def label_measure(labels, probabilities, name="auroc", threshold=0.5, folds=None):
    """Make a measure of a label score.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        name: string. One of `cxrscore.labels.scores.NAMES`.
        threshold: float. Abnormal from here on.
        folds: array `(n,)` or `None`. Which model of a cross-validation gave each
            probability; the AUROC then compares rows of one fold only, see
            `cxrscore.labels.areas.weighted_area`.

    Returns:
        A `Measure`.

    Raises:
        InputError: if the name is unknown, the two differ in number, a label is
            missing or a value is out of range.

    Example:
    ```python
    label_measure(np.array([0, 1]), np.array([0.2, 0.9]), "sensitivity")
    ```
    """
    if name not in NAMES:
        raise InputError(
            f"{name!r} is no label score: choose one of {', '.join(NAMES)}."
        )
    n, (labels, probabilities, _) = len(labels), known(labels, probabilities)
    if len(labels) != n:
        raise InputError(f"{n - len(labels)} labels are missing: leave these rows out.")
    positive = labels == 1
    if name in CUT and name != "f1":
        right = np.equal(probabilities >= threshold, positive).astype(float)
        counted = {"sensitivity": positive, "specificity": ~positive}.get(name, True)
        share = share_measure(np.where(counted, right, np.nan), name)
        return dataclasses.replace(share, positives=positive)

    folds = None if folds is None else np.asarray(folds)

    def values(weights, rows):
        pair = labels[rows], probabilities[rows]
        if name == "auroc":
            own = None if folds is None else folds[rows]
            return weighted_area(*pair, weights, own)
        return weighted_values(*pair, weights, threshold)[name]

    return Measure(name, n, values, positive, both_classes=True, folds=folds)


def sum_measure(counts, scores, name):
    """Make a measure of a text or clinical score, which is a function of sums.

    Args:
        counts: float array `(n, k)`. What each study adds, as of a scorer's `counts`.
        scores: callable, `(sums (r, k), n)` → dict, name → float array `(r,)`,
            such as a scorer's `scores` for one protocol.
        name: string. Which of them.

    Returns:
        A `Measure`.

    Example:
    ```python
    scorer = ClinicalScorer(references)
    counts = scorer.counts(predictions)["clinical"]
    sum_measure(counts, functools.partial(scorer.scores, "clinical"), "micro_f1_5")
    ```
    """
    counts = np.asarray(counts, "float64")

    def values(weights, rows):
        # A resample has more or fewer studies of the group; scores want one number.
        drawn = weights.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            sums = (weights @ counts[rows]) * (len(rows) / drawn)
        return scores(sums, len(rows))[name]

    return Measure(name, len(counts), values)

"""Label scores: scikit-learn's values, with intervals over resampled studies.

They are computed here, for any weighting of the studies at once; tests check that each
equals scikit-learn's.
"""

import numpy as np

from cxrbase.files import InputError
from cxrscore.bootstrap import (
    RESAMPLES,
    WORDS,
    partner_weights,
    percentiles,
    resampling_weights,
)
from cxrscore.labels.calibration import (
    BINS,
    ERROR_WORDS,
    calibration_error,
    chance_errors,
    reversed_interval,
)
from cxrscore.labels.exact import (
    AREA_WORDS,
    F1_WORDS,
    SHARE_WORDS,
    area_ends,
    f1_ends,
    share_ends,
)
from cxrscore.labels.thresholds import known, ordered_pairs, ranked_weights
from cxrscore.score import score

CUT = ("accuracy", "f1", "sensitivity", "specificity")  # Those that need a threshold.
ERRORS = {"ece": "width", "ece_equal_mass": "mass"}
NAMES = ("accuracy", "auroc", "auprc", "f1", "sensitivity", "specificity", "brier")
NAMES += tuple(ERRORS)
LOWER_IS_BETTER = ("brier", *ERRORS)


def label_values(labels, probabilities, threshold=0.5):
    """The scores as plain numbers, for studies that are all known.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        threshold: float. Abnormal from here on.

    Returns:
        A dict of floats by `NAMES`: `accuracy`, `auroc`, `auprc` (average
        precision), `f1`, `sensitivity`, `specificity`, `brier`, and the expected
        calibration error with bins of equal width, `ece`, and of equally many
        studies, `ece_equal_mass`. `None` where a score needs a class that is absent.

    Example:
    ```python
    label_values(np.array([0, 1]), np.array([0.2, 0.9]))["auroc"]  # 1.0
    ```

    Reference:
        - [Brier, 1950](https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2)
    """
    if not labels.size:
        return dict.fromkeys(NAMES)
    once = np.ones((1, labels.size))
    values = weighted_values(labels, probabilities, once, threshold)
    return {
        name: float(value) if np.isfinite(value) else None
        for name, (value,) in values.items()
    }


def weighted_values(labels, probabilities, weights, threshold=0.5):
    """The scores of `label_values` under many weightings of the studies at once.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        weights: float array `(r, n)`. How often each study counts, row by row.
        threshold: float. Abnormal from here on.

    Returns:
        A dict of float arrays `(r,)` by `NAMES`; NaN where a row lacks a class. The
        bins of the calibration errors stay those of the unweighted studies.

    Example:
    ```python
    labels, probabilities = np.array([0, 1, 1]), np.array([0.2, 0.9, 0.4])
    weighted_values(labels, probabilities, np.array([[1.0, 2, 0]]))["accuracy"]  # [1.]
    ```
    """
    called = probabilities >= threshold
    squares = (labels - probabilities) ** 2
    counts = np.stack([np.ones_like(squares), labels, called, labels * called, squares])
    n, positives, calls, hits, squares = (weights @ counts.T).T
    rejected = n - positives - calls + hits
    up, down = ranked_weights(labels, probabilities, weights)  # (r, distinct)
    ups, downs = up.cumsum(axis=1), down.cumsum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        both = np.where((positives > 0) & (positives < n), 1, np.nan)
        values = {
            "accuracy": (hits + rejected) / n,
            "auroc": np.divide(*ordered_pairs(up, down)),
            "auprc": np.nansum(up * (ups / (ups + downs)), axis=1) / positives * both,
            "f1": 2 * hits / (positives + calls) * both,
            "sensitivity": hits / positives,
            "specificity": rejected / (n - positives),
            "brier": squares / n,
        }
    for name, equal in ERRORS.items():
        values[name] = calibration_error(
            labels, probabilities, equal=equal, weights=weights
        )
    return values


def resampled_values(
    labels,
    probabilities,
    threshold=0.5,
    resamples=RESAMPLES,
    seed=0,
    groups=None,
    order=None,
):
    """The scores of `label_values` for each resample of the studies.

    The same seed draws the same studies, so that two models (or one and its
    permutation) can be compared study by study, by the interval of the difference.

    Args:
        labels: int array `(n,)` of 0 and 1, not empty.
        probabilities: float array `(n,)` in [0, 1].
        threshold: float. Abnormal from here on.
        resamples: int.
        seed: int.
        groups: array `(n,)` or `None`. Patients to be drawn instead of studies.
        order: int array `(n,)` or `None`. Whose probability each study has, where they
            are permuted; see `cxrscore.bootstrap.partner_weights`.

    Returns:
        A dict of float arrays `(resamples,)` by `NAMES`; NaN where a resample lacks
        a class.

    Example:
    ```python
    labels, probabilities = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.4, 0.9])
    drawn = resampled_values(labels, probabilities)["auroc"]
    interval(drawn - resampled_values(labels, probabilities[::-1])["auroc"])
    ```
    """
    parts = [
        weighted_values(
            labels, probabilities, partner_weights(weights, order), threshold
        )
        for weights in resampling_weights(labels.size, resamples, seed, groups)
    ]
    return {name: np.concatenate([each[name] for each in parts]) for name in NAMES}


def classification_scores(
    labels,
    probabilities,
    threshold=0.5,
    split="test",
    target="abnormal",
    threshold_from="fixed",
    intervals=True,
):
    """Every label score with its interval and its protocol.

    Args:
        labels: array `(n,)` of 0, 1 or NaN. Missing ones are left out and counted.
        probabilities: array `(n,)` in [0, 1].
        threshold: float. Abnormal from here on.
        split: string. Where the studies come from.
        target: string. What a 1 means; the prefix of the names.
        threshold_from: string. How the threshold was chosen, such as the words of
            `cxrscore.labels.thresholds.choose_threshold`.
        intervals: bool. Whether to resample the studies.

    Returns:
        A dict of scores (see `cxrscore.score`) by `target.name` for each
        of `NAMES`, such as `abnormal.auroc`. Those that need a class that is absent
        have the value `None` and say why. With fewer than two studies there are no
        intervals. Those of accuracy, sensitivity, specificity and F1 are exact, of as
        many studies as the protocol's `share` says; the others are drawn, and left out
        where all resamples agree.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    threshold, words = choose_threshold([0, 0, 1], [0.1, 0.2, 0.4])  # validation
    scores = classification_scores(
        [0, 0, 1], [0.1, 0.6, 0.8], threshold, threshold_from=words
    )
    scores["abnormal.auroc"]["value"]  # 1.0
    ```
    """
    labels, probabilities, left_out = known(labels, probabilities)
    n = int(labels.size)
    common = {"split": split, "positives": int(labels.sum()), "left_out": left_out}
    common["score"] = f"as scikit-learn, {target} = 1"
    cut = {"threshold": threshold, "threshold_from": threshold_from}
    drawn, scores = {}, {}
    shares = _shares(labels, (probabilities >= threshold).astype("int64"))
    if intervals and n > 1:
        drawn = resampled_values(labels, probabilities, threshold)
    for name, value in label_values(labels, probabilities, threshold).items():
        protocol = common | (cut if name in CUT else {})
        ends, kind, note = None, WORDS, None
        if value is None:
            note = f"undefined: only one class in the n={n} labels"
            note = note if n else "undefined: no study has a label"
        elif drawn and name in shares:
            hits, of = shares[name]
            protocol |= {"share": f"{hits} of {of} studies"}
            f1 = name == "f1"
            ends, kind = (f1_ends if f1 else share_ends)(hits, of), SHARE_WORDS
            kind = F1_WORDS if f1 else kind
        elif drawn and name == "auroc":
            ends, kind = area_ends(labels, drawn[name]), AREA_WORDS
        elif drawn:
            ends = percentiles(drawn[name])
        if name in ERRORS:
            protocol |= {"score": f"{BINS} bins of equal {ERRORS[name]}, {target} = 1"}
            if drawn:
                chance = chance_errors(probabilities, equal=ERRORS[name])
                ends, kind = reversed_interval(value, drawn[name], chance), ERROR_WORDS
                note = f"chance gives a perfectly calibrated model {chance.mean():.3f}"
        record = score(value, n, note, ends)
        kinds = {"interval": kind} if "interval" in record else {}
        record["protocol"] = protocol | kinds
        scores[f"{target}.{name}"] = record
    return scores


def _shares(labels, called):
    """The scores that are shares of studies: how many hits, of how many."""
    hits, either = int((labels & called).sum()), int((labels | called).sum())
    right = labels == called
    return {
        "accuracy": (int(right.sum()), labels.size),
        "sensitivity": (hits, int(labels.sum())),
        "specificity": (int(right[labels == 0].sum()), int((labels == 0).sum())),
        "f1": (hits, either),
    }


def multilabel_scores(labels, probabilities, targets, choices=None, split="test"):
    """The scores of many labels, each scored on the studies where it is known.

    Args:
        labels: array `(n, k)` of 0, 1 or NaN.
        probabilities: array `(n, k)` in [0, 1].
        targets: sequence of `k` strings, what a 1 means in each column.
        choices: sequence of `k` pairs, threshold and words, as of
            `cxrscore.labels.thresholds.choose_threshold`; by default 0.5, fixed.
        split: string. Where the studies come from.

    Returns:
        A dict of scores by `target.name`, as of `classification_scores`.

    Raises:
        InputError: if the columns, targets and choices differ in number, or as of
            `classification_scores`.

    Example:
    ```python
    labels = [[0, 1], [1, float("nan")], [1, 0]]
    probabilities = [[0.2, 0.9], [0.8, 0.5], [0.7, 0.1]]
    multilabel_scores(labels, probabilities, ["Edema", "Fracture"])["Edema.auroc"]
    ```
    """
    labels, probabilities = np.asarray(labels, float), np.asarray(probabilities, float)
    choices = [(0.5, "fixed")] * len(targets) if choices is None else choices
    shape = (len(labels), len(targets))
    if not labels.shape == probabilities.shape == shape or len(choices) != shape[1]:
        raise InputError(
            f"Labels of shape {labels.shape}, probabilities of {probabilities.shape}, "
            f"{len(targets)} targets, {len(choices)} thresholds: expected (n, k) "
            "twice, then k of each."
        )
    scores = {}
    columns = zip(labels.T, probabilities.T, targets, choices, strict=True)
    for label, probability, target, (threshold, words) in columns:
        scores |= classification_scores(
            label, probability, threshold, split, target, words
        )
    return scores

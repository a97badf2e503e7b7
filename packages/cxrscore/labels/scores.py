"""Label scores: scikit-learn's values, with intervals over resampled studies.

They are computed here, for any weighting of the studies at once; tests check that each
equals scikit-learn's.
"""

import numpy as np

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
    area_ends,
    clustered_ends,
    f1_ends,
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
    kept=None,
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
        kept: bool array `(m,)` or `None`. Which of `m` studies the `n` are: then all
            `m` are drawn, by their `groups` `(m,)`, so that labels that are known of
            other studies have the same resamples.

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
    kept = np.ones(labels.size, bool) if kept is None else kept
    parts = [
        weighted_values(
            labels,
            probabilities,
            partner_weights(weights[:, kept], order),
            threshold,
        )
        for weights in resampling_weights(kept.size, resamples, seed, groups)
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
    patients=None,
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
        patients: array `(n,)` or `None`. Of whom each study is. Then patients are
            drawn, also those without a label; see `resampled_values`.

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
    kept = None
    if patients is not None:
        kept = ~np.isnan(np.asarray(labels, float) + np.asarray(probabilities, float))
    labels, probabilities, left_out = known(labels, probabilities)
    n = int(labels.size)
    groups = np.arange(n) if patients is None else np.asarray(patients)[kept]
    words = WORDS
    if len(np.unique(groups)) < n:
        words = WORDS.replace("over studies", "over patients")
    common = {"split": split, "positives": int(labels.sum()), "left_out": left_out}
    common["score"] = f"as scikit-learn, {target} = 1"
    cut = {"threshold": threshold, "threshold_from": threshold_from}
    drawn, scores = {}, {}
    shares = _shares(labels, (probabilities >= threshold).astype("int64"))
    if intervals and n > 1:
        drawn = resampled_values(
            labels, probabilities, threshold, groups=patients, kept=kept
        )
    for name, value in label_values(labels, probabilities, threshold).items():
        protocol = common | (cut if name in CUT else {})
        ends, kind, note = None, words, None
        if value is None:
            note = f"undefined: only one class in the n={n} labels"
            note = note if n else "undefined: no study has a label"
        elif drawn and name in shares:
            hits, of = shares[name]
            protocol |= {"share": f"{hits.sum()} of {of.sum()} studies"}
            ends, kind = _share_interval(name, hits, of, groups, drawn[name], words)
        elif drawn and name == "auroc":
            ends = area_ends(labels, drawn[name], groups)
            kind = AREA_WORDS.replace(WORDS, words)
        elif drawn:
            ends = percentiles(drawn[name])
        if name in ERRORS:
            protocol |= {"score": f"{BINS} bins of equal {ERRORS[name]}, {target} = 1"}
            if drawn:
                chance = chance_errors(probabilities, equal=ERRORS[name])
                ends = reversed_interval(value, drawn[name], chance)
                kind = ERROR_WORDS.replace(WORDS, words)
                note = f"chance gives a perfectly calibrated model {chance.mean():.3f}"
        record = score(value, n, note, ends)
        kinds = {"interval": kind} if "interval" in record else {}
        record["protocol"] = protocol | kinds
        scores[f"{target}.{name}"] = record
    return scores


def _shares(labels, called):
    """The scores that are shares of studies: which are hits, and of which."""
    right = (labels == called).astype("int64")
    return {
        "accuracy": (right, np.ones_like(right)),
        "sensitivity": (labels & called, labels),
        "specificity": (right * (1 - labels), 1 - labels),
        "f1": (labels & called, labels | called),
    }


def _share_interval(name, hits, of, groups, drawn, words):
    """Ends and kind of the interval of a share; exact where studies are independent."""
    names, place = np.unique(groups, return_inverse=True)
    several = len(names) < len(place)
    if name == "f1":
        if several:
            return percentiles(drawn), words
        return f1_ends(hits.sum(), of.sum()), F1_WORDS
    return clustered_ends(np.bincount(place, hits), np.bincount(place, of), drawn)

"""Calibration: of the studies called 30 % likely abnormal, are three in ten?"""

import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrscore.bootstrap import (
    RESAMPLES,
    WORDS,
    has_width,
    percentiles,
    resampling_weights,
)
from cxrscore.labels.exact import share_ends
from cxrscore.labels.thresholds import known

BINS = 10
EQUAL = ("width", "mass")
CERTAIN = 1e-7, 1 - 1e-7  # What a float32 sigmoid rounds to 0 or 1 has no logit.
ERROR_WORDS = (
    f"{WORDS}, reversed; from 0 where a perfectly calibrated model may score the same"
)


def _members(probabilities, bins, equal):
    """The bin of each study, one-hot: (n, bins); borders belong to the left."""
    if equal not in EQUAL:
        raise InputError(f"Bins of equal {equal!r}: expected {' or '.join(EQUAL)}.")
    shares = np.linspace(0, 1, bins + 1)[1:-1]
    edges = shares if equal == "width" else np.quantile(probabilities, shares)
    return np.eye(bins)[np.searchsorted(edges, probabilities)]


def calibration_error(labels, probabilities, bins=BINS, equal="width", weights=None):
    """Expected calibration error: how far the probabilities are off, bin by bin.

    The mean over the studies of their bin's gap between the mean probability and
    the share of positives. It is never 0 on a finite split; `chance_errors` gives
    what a perfectly calibrated model gets.

    Args:
        labels: int array `(n,)` of 0 and 1; see `cxrscore.labels.thresholds.known`.
        probabilities: float array `(n,)` in [0, 1], of a 1.
        bins: int.
        equal: string. `"width"`, bins of equal width, or `"mass"`, bins of equally
            many studies; studies of equal probability are never separated.
        weights: float array `(r, n)`. How often each study counts, row by row; the bins
            stay those of the whole sample.

    Returns:
        A float in [0, 1], or a float array `(r,)` where there are weights.

    Raises:
        InputError: if `equal` is neither.

    Example:
    ```python
    calibration_error(np.array([0, 1]), np.array([0.2, 0.7]))  # 0.25
    ```

    Reference:
        - [Guo et al., 2017](https://arxiv.org/abs/1706.04599)
        - Equal mass: [Nixon et al., 2019](https://arxiv.org/abs/1904.01685)
    """
    gaps = _members(probabilities, bins, equal) * (labels - probabilities)[:, None]
    if weights is None:
        return float(np.abs(gaps.sum(axis=0)).sum() / len(gaps))
    with np.errstate(invalid="ignore"):  # A row of 0 has no error: NaN.
        return np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1)


def _calibrated_sums(probabilities, members, resamples, seed):
    """Positives minus probabilities per bin, if all were true: (resamples, bins)."""
    generator = np.random.default_rng(seed)
    bins, place = members.shape[1], members.argmax(axis=1)
    return np.array(
        [
            np.bincount(
                place,
                (generator.random(len(place)) < probabilities) - probabilities,
                minlength=bins,
            )
            for _ in range(resamples)
        ]
    )


def chance_errors(probabilities, bins=BINS, equal="width", resamples=RESAMPLES, seed=0):
    """The calibration errors of a perfectly calibrated model, by chance alone.

    The labels are drawn from the probabilities. An error within these values does not
    show bad calibration.

    Args:
        probabilities: float array `(n,)` in [0, 1].
        bins: int.
        equal: string. `"width"` or `"mass"`.
        resamples: int. How often the labels are drawn.
        seed: int.

    Returns:
        A float array `(resamples,)`.

    Raises:
        InputError: if `equal` is neither.

    Example:
    ```python
    chance_errors(np.linspace(0, 1, 200)).mean()  # about 0.07
    ```

    Reference:
        - [Bröcker & Smith, 2007](https://doi.org/10.1175/WAF993.1)
    """
    members = _members(probabilities, bins, equal)
    sums = _calibrated_sums(probabilities, members, resamples, seed)
    return np.abs(sums).sum(axis=1) / len(members)


def error_interval(labels, probabilities, bins=BINS, equal="width"):
    """The interval of a calibration error, for which plain percentiles fail.

    Chance raises the error, and a resample adds chance to chance: for a calibrated
    model the percentiles never hold the true 0, and often not even the value. So
    they are reversed around the value (the basic bootstrap), and the interval begins
    at 0 wherever a perfectly calibrated model may score as much.

    Args:
        labels: int array `(n,)` of 0 and 1, not empty.
        probabilities: float array `(n,)` in [0, 1].
        bins: int.
        equal: string. `"width"` or `"mass"`.

    Returns:
        `[low, high]`, 95 %, over studies; it holds the value. It has no width where all
        probabilities are 0 or 1 and right (or all wrong).

    Raises:
        InputError: if `equal` is neither.

    Example:
    ```python
    error_interval(np.array([0, 1] * 50), np.linspace(0.3, 0.7, 100))
    ```

    Reference:
        - The bias: [Roelofs et al., 2022](https://arxiv.org/abs/2012.08668)
    """
    value = calibration_error(labels, probabilities, bins, equal)
    drawn = [
        calibration_error(labels, probabilities, bins, equal, weights)
        for weights in resampling_weights(labels.size)
    ]
    chance = chance_errors(probabilities, bins, equal)
    return reversed_interval(value, np.concatenate(drawn), chance)


def reversed_interval(value, drawn, chance):
    """The interval of `error_interval`, from errors that are already drawn.

    Args:
        value: float. The calibration error.
        drawn: float array `(resamples,)`. That of each resample.
        chance: float array `(resamples,)`, of `chance_errors`.

    Returns:
        `[low, high]`.

    Example:
    ```python
    reversed_interval(0.1, np.array([0.11, 0.14]), np.array([0.02, 0.03]))
    ```
    """
    low, high = percentiles(2 * value - drawn)
    by_chance = percentiles(chance)[1]
    ends = [0.0 if value <= by_chance else max(low, 0.0), max(high, value)]
    # A value of 0 has nothing to reverse; the plain percentile is then careful enough.
    return ends if has_width(ends) else [ends[0], max(ends[1], percentiles(drawn)[1])]


def calibration_curve(labels, probabilities, bins=BINS, equal="width"):
    """The share of positives beside the mean probability, bin by bin.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out).
        probabilities: array `(n,)` in [0, 1].
        bins: int.
        equal: string. `"width"` or `"mass"`, as of `calibration_error`.

    Returns:
        A `pandas.DataFrame`, a row per bin that has a study: `probability` (mean),
        `share` (of positives), `low`, `high` (its exact 95 % interval, of Clopper and
        Pearson), `calibrated_low`,
        `calibrated_high` (between which 95 % of the shares of a perfectly
        calibrated model fall), and `count` (studies).

    Raises:
        InputError: if there is no label, the two differ in number, a value is out
            of range, or `equal` is neither.

    Example:
    ```python
    calibration_curve([0, 0, 1, 1], [0.1, 0.3, 0.35, 0.8], bins=2).share  # 1/3, 1
    ```

    Reference:
        - [Bröcker & Smith, 2007](https://doi.org/10.1175/WAF993.1)
    """
    labels, probabilities, _ = known(labels, probabilities)
    if not labels.size:
        raise InputError("No calibration curve: no study has a label.")
    members = _members(probabilities, bins, equal)
    members = members[:, members.any(axis=0)]  # (n, bins in use)
    count = members.sum(axis=0)
    probability = probabilities @ members / count
    ends = np.array([*map(share_ends, labels @ members, count)])
    sums = _calibrated_sums(probabilities, members, RESAMPLES, seed=0)
    calibrated = np.array([percentiles(c) for c in (probability + sums / count).T])
    columns = {"probability": probability, "share": labels @ members / count}
    columns |= {"low": ends[:, 0], "high": ends[:, 1]}
    columns |= {"calibrated_low": calibrated[:, 0], "calibrated_high": calibrated[:, 1]}
    return pd.DataFrame(columns | {"count": count.astype("int64")})


def soften(probabilities, temperature):
    """Divide the logits of probabilities by a temperature.

    Args:
        probabilities: float array `(n,)` in [0, 1].
        temperature: float above 0. Above 1 the probabilities move towards one half,
            below 1 away from it; their order stays.

    Returns:
        A float array `(n,)`.

    Example:
    ```python
    soften(np.array([0.5, 0.9]), 2.0)  # [0.5, 0.75]
    ```
    """
    return np.exp(-np.logaddexp(0, -_logits(probabilities) / temperature))


def _logits(probabilities):
    probabilities = np.clip(probabilities, *CERTAIN)
    return np.log(probabilities) - np.log1p(-probabilities)


def choose_temperature(labels, probabilities, smoothed=False):
    """The temperature that makes validation's probabilities likeliest.

    It is never chosen on the split that is scored.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out). The validation split's.
        probabilities: array `(n,)` in [0, 1].
        smoothed: bool. Whether to count one study more of either class among the
            positives, and among the negatives. A few positives that are all separated
            would otherwise make every probability 0 or 1.

    Returns:
        A float between 0.05 and 20; 1.0 where a class is absent.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    temperature = choose_temperature(val_labels, val_probabilities)
    soften(test_probabilities, temperature)
    ```

    Reference:
        - [Guo et al., 2017](https://arxiv.org/abs/1706.04599)
        - Smoothed: Platt, 1999, Probabilistic outputs for support vector machines
    """
    from scipy.optimize import minimize_scalar  # Half a second to import.

    labels, probabilities, _ = known(labels, probabilities)
    if np.unique(labels).size < 2:
        return 1.0
    logits = np.where(labels, 1, -1) * _logits(probabilities)  # Of the true class.
    other = 0.0  # The share of the other class.
    if smoothed:
        other = 1 / (np.bincount(labels)[labels] + 2)

    def surprise(exponent):
        scaled = logits / np.exp(exponent)
        return (np.logaddexp(0, -scaled) + other * scaled).mean()

    # Convex in the inverse temperature, so it has one minimum on any scale.
    found = minimize_scalar(surprise, bounds=np.log([0.05, 20]), method="bounded")
    return float(np.exp(found.x))

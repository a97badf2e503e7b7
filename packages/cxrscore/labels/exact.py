"""Exact 95 % intervals of what is 0 or 1: shares, and the AUROC near its ends.

A bootstrap cannot find an error that the sample does not hold: if all 93 of 93 answers
are right, they are in every resample, and its interval has no width, whatever the true
share is. So a share of independent studies always has the interval of Clopper and
Pearson, not only where all are right: an interval that changed its kind at the edge
would grow when the last error goes.

Exactness needs studies that are independent. Several findings of one study, or several
films of one patient, are not. Where findings are counted, the same interval is taken of
fewer of them: as many as, independent, would vary as much as whole studies do when they
are drawn (`clustered_ends`). The AUROC is no share of studies, but near 0 and 1 its
interval is widened to an exact one (`area_ends`).
"""

import numpy as np

from cxrscore.bootstrap import LEVEL, WORDS, percentiles

SHARE_WORDS = "95 % Clopper–Pearson, exact for independent studies"
F1_WORDS = "95 % Clopper–Pearson of J = TP / (TP + FP + FN), as F1 = 2J / (1 + J)"
CLUSTER_WORDS = "95 % Clopper–Pearson of the effective number of independent findings"
AREA_WORDS = (
    f"{WORDS}; near 0 and 1 widened to the exact interval of as many pairs of a "
    "positive and a negative, all in order"
)


def share_ends(hits, n):
    """The interval of Clopper and Pearson of a share of independent studies.

    Args:
        hits: number. Studies of which it is true.
        n: number. Studies; both need not be whole, see `clustered_ends`.

    Returns:
        `[low, high]`, or `None` if there is no study.

    Example:
    ```python
    share_ends(93, 93)  # [0.961, 1.0]
    ```

    Reference:
        - [Clopper & Pearson, 1934](https://doi.org/10.1093/biomet/26.4.404)
    """
    from scipy.special import betaincinv  # A quarter of a second to import.

    if not n:
        return None
    tail = (1 - LEVEL) / 2
    low = betaincinv(hits, n - hits + 1, tail) if hits else 0
    high = betaincinv(hits + 1, n - hits, 1 - tail) if hits < n else 1
    return [float(low), float(high)]


def f1_ends(both, either):
    """The exact interval of the F1 of one label.

    F1 = 2J / (1 + J) grows with J, the share of true positives among the studies that
    are positive, called so, or both; and that is a share of independent studies.

    Args:
        both: int. True positives.
        either: int. True positives, false positives and false negatives.

    Returns:
        `[low, high]`, or `None` if there is no such study.

    Example:
    ```python
    f1_ends(93, 93)  # [0.980, 1.0]
    ```
    """
    ends = share_ends(both, either)
    return ends and [2 * end / (1 + end) for end in ends]


def widened(ends, n):
    """Widen an interval to what as many independent cases without an error leave open.

    So an interval with one error is never narrower at its end than that with none.

    Args:
        ends: `[low, high]`.
        n: int, 1 or more. Independent cases: studies, patients or pairs.

    Returns:
        `[low, high]`.

    Example:
    ```python
    widened([0.999, 1.0], 93)  # [0.961, 1.0]
    ```
    """
    perfect = ((1 - LEVEL) / 2) ** (1 / n)  # Clopper and Pearson's, of n of n.
    return [min(ends[0], perfect), max(ends[1], 1 - perfect)]


def clustered_ends(hits, trials, drawn):
    """The interval of a share of findings, several to a study.

    It is that of Clopper and Pearson for the effective number of findings: as many as,
    independent, would have the variance that the share has when whole studies are
    drawn, and no more than there are. A share of 0 or 1 has no variance to tell; there
    it is the number of studies, as if those of one study were right or wrong together,
    which is the most careful assumption. A few errors tell little of the variance, so
    no interval is narrower at 0 or 1 than that without an error (`widened`).

    Args:
        hits: array `(n,)`. How many of each study's findings it is true of.
        trials: array `(n,)`. How many findings each study has.
        drawn: float array `(resamples,)`. The share in resamples of whole studies.

    Returns:
        `(ends, words)`: `[low, high]` or `None`, and what kind it is: exact where no
        study has more than one.

    Example:
    ```python
    clustered_ends(np.zeros(40), np.ones(40), np.zeros(1000))[0]  # [0., 0.088]
    ```

    Reference:
        - Korn & Graubard, Survey Methodology 24 (1998), 193
    """
    hits, trials = np.asarray(hits, "float64"), np.asarray(trials, "float64")
    own = hits[trials > 0]
    if np.isin(trials, (0, 1)).all() and np.isin(own, (0, 1)).all():
        return share_ends(own.sum(), own.size), SHARE_WORDS
    total = trials.sum()
    if not total:
        return None, CLUSTER_WORDS
    share, variance = hits.sum() / total, np.nanvar(drawn)
    if not 0 < share < 1:
        return share_ends(share * own.size, own.size), CLUSTER_WORDS
    n = min(total, max(1, share * (1 - share) / max(variance, 1e-12)))
    return widened(share_ends(share * n, n), own.size), CLUSTER_WORDS


def area_ends(labels, drawn, groups=None, folds=None):
    """The interval of an AUROC: percentiles, widened near 0 and 1.

    The AUROC is the probability that a positive gets a higher number than a negative.
    Of k positives and k negatives, all different, k independent pairs can be made. If
    every positive is above every negative, all k are in order, which has a probability
    of at most AUROC^k, whatever the distributions are. So after a perfect separation
    the lower end of Clopper and Pearson for k of k holds, with k the number of the
    rarer class. No better one holds for all distributions: if a share of 1 − AUROC of
    the rarer class lies beyond the whole other class, and the rest is separated, the
    probability is AUROC^k.

    Args:
        labels: int array `(n,)` of 0 and 1, both of them there.
        drawn: float array `(resamples,)`. The AUROC of each resample.
        groups: array `(n,)` or `None`. Patients; then the pairs are of patients.
        folds: array `(n,)` or `None`. Then a pair is of one fold.

    Returns:
        `[low, high]`, or `None` where no resample has both classes.

    Example:
    ```python
    area_ends(np.repeat([0, 1], 93), np.ones(1000))  # [0.961, 1.0]
    ```

    Reference:
        - The problem: Obuchowski & Lieber, Academic Radiology 9 (2002), 526
        - Bounds of P(X < Y) that hold for all distributions:
          [Birnbaum & McCarty, 1958](https://doi.org/10.1214/aoms/1177706631)
    """
    ends = percentiles(drawn)
    return ends and widened(ends, max(1, independent_pairs(labels, groups, folds)))


def independent_pairs(labels, groups=None, folds=None):
    """How many pairs of a positive and a negative share no study and no patient.

    Args:
        labels: int array `(n,)` of 0 and 1.
        groups: array `(n,)` or `None`. The patients; one with both classes gives
            either to a pair, not both.
        folds: array `(n,)` or `None`. Then both are of one fold, too.

    Returns:
        An int.

    Example:
    ```python
    independent_pairs([1, 1, 0, 0, 0], ["a", "a", "b", "b", "c"])  # 1
    ```
    """
    labels = np.asarray(labels)
    names = np.arange(labels.size) if groups is None else np.asarray(groups)
    if folds is not None:
        parts = [np.asarray(folds) == fold for fold in np.unique(folds)]
        return sum(independent_pairs(labels[part], names[part]) for part in parts)
    positive, negative = (set(names[labels == each].tolist()) for each in (1, 0))
    either = len(positive | negative)
    return min(len(positive), len(negative), either // 2)

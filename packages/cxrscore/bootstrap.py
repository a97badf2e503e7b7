"""95 % intervals over studies: what another sample of test studies would give.

A score that is a function of sums over the studies (BLEU, a mean, a micro F1, an
accuracy) is resampled by weighting those sums: nothing is counted twice, and two
outputs with the same weights are compared study by study.
"""

import functools

import numpy as np

RESAMPLES = 1000
LEVEL = 0.95
# How a score's protocol describes its interval.
WORDS = f"95 % bootstrap over studies, {RESAMPLES} resamples, percentiles"
# What no interval over studies covers; it stands wherever scores are read.
FIXED = (
    "A 95 % interval holds the trained model fixed: it covers other test studies, not "
    "another training. Each score's protocol says whether its interval is exact or a "
    "bootstrap."
)
_CHUNK = 4_000_000  # Weights held at once, so that 10,000 studies fit in 16 MB.
_KEPT = 20_000_000  # Weights kept for the next caller: 20 MB, so 20,000 studies.


def resampling_weights(n, resamples=RESAMPLES, seed=0, groups=None):
    """How often each study is drawn, resample by resample.

    Args:
        n: int. Studies.
        resamples: int.
        seed: int. The same seed gives two outputs of the same studies the same weights.
        groups: array `(n,)` or `None`. What is drawn instead of single studies, each
            with all its studies: patients, whose films are alike.

    Yields:
        Float arrays `(r, n)` of whole numbers; each row sums to `n` (with groups,
        on average), and the rows of all arrays together are `resamples`.

    Example:
    ```python
    next(resampling_weights(3, resamples=2)).sum(axis=1)  # [3., 3.]
    ```

    Reference:
        - [Efron, 1979](https://doi.org/10.1214/aos/1176344552)
    """
    if groups is not None:
        names, place = np.unique(groups, return_inverse=True)
        for weights in resampling_weights(len(names), resamples, seed):
            yield weights[:, place]
        return
    draw = _kept_draw if n * resamples <= _KEPT else _draw
    for weights in draw(n, resamples, seed):
        yield weights.astype("float32")


def _draw(n, resamples, seed):
    """The weights as bytes: no study is drawn 256 times."""
    generator = np.random.default_rng(seed)
    rows = max(1, _CHUNK // max(1, n))
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        drawn = generator.integers(n, size=(count, n)) + n * np.arange(count)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=count * n)
        yield weights.astype("uint8").reshape(count, n)


@functools.lru_cache(maxsize=2)
def _kept_draw(n, resamples, seed):
    """The same, cached: every score of a table uses the same weights."""
    return tuple(_draw(n, resamples, seed))


def partner_weights(weights, order):
    """How often each pair is drawn, where a study has the output of another one.

    Such a pair rests on two studies, and stands in a resample as often as both of them
    do: `w_i · w_order(i)` times. Weighted by `w_i` alone, the permuted score would vary
    less than it does from one sample of studies to another.

    Args:
        weights: float array `(r, n)`, as of `resampling_weights`.
        order: int array `(n,)`, whose output each study has; or `None`: its own.

    Returns:
        A float array `(r, n)`; each row sums to `n`, or is NaN where no pair is drawn.
        Without an order, the weights themselves.

    Example:
    ```python
    partner_weights(np.array([[2.0, 1.0, 0.0]]), [1, 2, 0])  # [[3., 0., 0.]]
    ```
    """
    if order is None:
        return weights
    pairs = weights * weights[:, order]
    with np.errstate(divide="ignore", invalid="ignore"):
        return pairs * (pairs.shape[1] / pairs.sum(axis=1, keepdims=True, dtype=float))


def resampled_sums(counts, resamples=RESAMPLES, seed=0, orders=None, groups=None):
    """The sums over the studies, for each resample.

    Args:
        counts: array `(n, k)`. What each study adds to `k` sums; with orders
            `(n, outputs, k)`.
        resamples: int.
        seed: int.
        orders: sequence `(outputs,)` of orders or `None`, see `partner_weights`.
        groups: array `(n,)` or `None`. Patients to be drawn instead of studies; where
            they have different numbers of them, count these, too, and divide by that.

    Returns:
        A float array `(resamples, k)`, or `(resamples, outputs, k)`.

    Example:
    ```python
    hits = np.array([[1], [0], [1]])
    interval(resampled_sums(hits)[:, 0] / 3)  # of the accuracy
    ```
    """
    counts = np.asarray(counts, "float64")
    drawn = resampling_weights(len(counts), resamples, seed, groups)
    if orders is None:
        return np.concatenate([weights @ counts for weights in drawn])
    parts = [
        [
            partner_weights(weights, order) @ counts[:, place]
            for place, order in enumerate(orders)
        ]
        for weights in drawn
    ]
    return np.concatenate([np.stack(part, axis=1) for part in parts])


def interval(values):
    """The percentile interval of resampled scores.

    Where all resamples agree, as those of a perfect score do, they tell nothing of how
    far another sample may be off, and there is no interval; shares and the AUROC have
    an exact one, see `cxrscore.labels.exact`.

    Args:
        values: float array `(resamples,)`; NaN where a resample has no score.

    Returns:
        `[low, high]`, or `None` if not one resample has a score, or all have the same.

    Example:
    ```python
    interval(np.arange(101.0)), interval(np.ones(1000))  # [2.5, 97.5], None
    ```
    """
    ends = percentiles(values)
    return ends if has_width(ends) else None


def has_width(ends):
    """Whether an interval is one: two finite ends that differ by more than 0.000001.

    Less is rounding, or the small number that keeps a BLEU of 0 from dividing by 0.

    Args:
        ends: `[low, high]` or `None`.

    Returns:
        A bool.

    Example:
    ```python
    has_width([1.0, 1.0])  # False
    ```
    """
    if ends is None or not np.isfinite(ends).all():
        return False
    return bool(ends[1] - ends[0] > 1e-6)


def percentiles(values):
    """The percentiles of `interval`, equal or not.

    Args:
        values: float array `(resamples,)`; NaN where a resample has no score.

    Returns:
        `[low, high]`, or `None` if not one resample has a score.

    Example:
    ```python
    percentiles(np.ones(1000))  # [1.0, 1.0]
    ```
    """
    values = np.asarray(values, "float64")
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return [float(low), float(high)]

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


def resampled_sums(counts, resamples=RESAMPLES, seed=0):
    """The sums over the studies, for each resample.

    Args:
        counts: array `(n, k)`. What each study adds to `k` sums.
        resamples: int.
        seed: int.

    Returns:
        A float array `(resamples, k)`.

    Example:
    ```python
    hits = np.array([[1], [0], [1]])
    interval(resampled_sums(hits)[:, 0] / 3)  # of the accuracy
    ```
    """
    counts = np.asarray(counts, "float64")
    parts = [
        weights @ counts for weights in resampling_weights(len(counts), resamples, seed)
    ]
    return np.concatenate(parts)


def interval(values):
    """The percentile interval of resampled scores.

    Args:
        values: float array `(resamples,)`; NaN where a resample has no score.

    Returns:
        `[low, high]`, or `None` if not one resample has a score.

    Example:
    ```python
    interval(np.arange(101.0))  # [2.5, 97.5]
    ```
    """
    values = np.asarray(values, "float64")
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return [float(low), float(high)]

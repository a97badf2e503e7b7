"""The score: a number that carries its protocol."""

import math

import numpy as np

from cxrscore import bootstrap
from cxrscore.labels.exact import clustered_ends

NO_WIDTH = "no interval: all resamples give the same value"


def score(value, n, note=None, interval=None, **protocol):
    """Bind a number to how it was obtained.

    Args:
        value: int, float or `None`. A value that is not finite becomes `None`,
            since JSON has no NaN.
        n: int. The number of studies (or labels) that the value rests on.
        note: string. Why there is no value, or what a reader must know.
        interval: `[low, high]` or `None`. How it was drawn belongs in the protocol,
            such as the `WORDS` of `cxrscore.bootstrap`. Where the value or an end is
            undefined, none is kept; nor is one without width, and the note says so.
        **protocol: scalars. The section, split, cleaning, tokeniser, …

    Returns:
        A dict `{"value": …, "n": …, "protocol": {…}}`, with `"interval"` and
        `"note"` where there is one. A missing value always has a note.

    Example:
    ```python
    score(0.31, n=120, split="test", section="impression")
    ```
    """
    if value is not None and not isinstance(value, int):  # A count stays an integer.
        value = float(value)
        value = value if math.isfinite(value) else None
    if value is None and note is None:
        note = f"undefined on n={n}"
    record = {"value": value, "n": int(n), "protocol": protocol}
    if value is not None and bootstrap.has_width(interval):
        record["interval"] = [float(end) for end in interval]
    elif value is not None and interval is not None and np.isfinite(interval).all():
        note = f"{note}; {NO_WIDTH}" if note else NO_WIDTH
    if note is not None:
        record["note"] = note
    return record


UNTOLD = "undefined: no study has a reference text"


def records(
    group,
    counts,
    scores,
    words,
    intervals=True,
    notes=None,
    empty=UNTOLD,
    shares=None,
):
    """Bind scores that are functions of sums to their intervals and protocols.

    Args:
        group: string. The prefix of the names.
        counts: float array `(n, k)`. What each study adds to the sums.
        scores: callable, `(sums (…, k), n)` → dict, name → float array `(…)`.
        words: dict, name → dict of scalars, the protocol.
        intervals: bool. Whether to resample the studies.
        notes: dict, name → string. Why a score may be undefined on some studies.
        empty: string. Why there is no value where there is no study.
        shares: dict, name → `(hits, of)`, columns of `counts`. The scores that are a
            share `hits / of`, of so many findings (`of`) or, where `of` is `None`, of
            the studies; `n` is their number, and the interval is exact.

    Returns:
        A dict of scores (see `cxrscore.score`), named `group.name`, from two studies
        on with an `interval`, unless all resamples agree.

    Example:
    ```python
    mean = lambda sums, n: {"mean": sums[..., 0] / n}
    records("my", np.ones((3, 1)), mean, {"mean": {"score": "mean over studies"}})
    ```
    """
    n, result, shares = len(counts), {}, shares or {}
    values = scores(counts.sum(axis=0), n) if n else dict.fromkeys(words)
    draw = intervals and n > 1
    drawn = scores(bootstrap.resampled_sums(counts), n) if draw else {}
    for name, value in values.items():
        ends, kind, note, own_n = None, bootstrap.WORDS, None if n else empty, n
        if name in shares and n:
            hits, trials = _columns(counts, *shares[name])
            own_n = trials.sum()
        if n and not np.isfinite(value):
            note = (notes or {}).get(name)
        elif drawn and name in shares:
            ends, kind = clustered_ends(hits, trials, drawn[name])
        elif drawn:
            ends = bootstrap.percentiles(drawn[name])
        record = score(value, own_n, note, ends, **words[name])
        if "interval" in record:
            record["protocol"]["interval"] = kind
        result[f"{group}.{name}"] = record
    return result


def _columns(counts, hits, of):
    """What each study adds to a share: `(hits, trials)`, `(n,)` each."""
    return counts[:, hits], np.ones(len(counts)) if of is None else counts[:, of]


def format_score(value):
    """Write a value for a table.

    Args:
        value: int, float or `None`.

    Returns:
        A string: `"undefined"` for `None`, a count without decimals, else four
        decimals, or six below 0.01 (an MSE is that small).

    Example:
    ```python
    format_score(0.06583), format_score(0.000486)  # "0.0658", "0.000486"
    ```
    """
    if value is None:
        return "undefined"
    if isinstance(value, int):
        return str(value)
    if not round(value, 6):
        value = 0.0  # Differs from 0 only by rounding.
    places = 6 if 0 < abs(value) < 0.01 else 4
    return f"{value:.{places}f}".replace("-", "−")

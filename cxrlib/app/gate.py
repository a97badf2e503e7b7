"""Whether a picture is a frontal chest film at all, before a model is asked.

A classifier answers for a cat, too. What the gate may refuse wrongly, and what slips
through, is measured by `benchmarks/gate.py`, beside a check of the size alone.
"""

import numpy as np

SMALLEST = 64  # Pixels of the shorter side: below, nothing can be seen.
LONGEST = 3.0  # The longer side over the shorter.


def size_gate(film):
    """The baseline: only the size is looked at.

    Args:
        film: float array `(H, W)` in [0, 1].

    Returns:
        Why it is refused, `""` if it isn't.

    Example:
    ```python
    size_gate(np.zeros((10, 10)))
    ```
    """
    short, long = sorted(film.shape)
    if short < SMALLEST:
        return f"is only {film.shape[1]} × {film.shape[0]} pixels"
    if long > LONGEST * short:
        return "is a strip, not a film"
    return ""


class LungGate:
    """Refuse a film on which the lung model finds no plausible pair of lungs.

    A film upside down often has a plausible pair. The lungs, however, are narrower at
    the top, and the mask of a film turned round is then wider there.

    Args:
        lungs: a `LungOutline`.

    Example:
    ```python
    LungGate(LungOutline())(film)  # "" for a frontal
    ```
    """

    def __init__(self, lungs):
        self.lungs = lungs

    def __call__(self, film):
        """Say why a film is refused, `""` if it isn't."""
        if said := size_gate(film):
            return said
        found = self.lungs.find(film)
        if found.flag:
            return f"has no two lungs that the lung model recognises ({found.flag})"
        if narrows_downwards(found.mask):
            return "seems to be upside down: its lungs are widest at the top"
        return ""


def narrows_downwards(mask):
    """Whether a mask of two lungs is wider in its upper than in its lower third.

    Args:
        mask: bool array `(H, W)`.

    Returns:
        A bool.

    Example:
    ```python
    narrows_downwards(np.triu(np.ones((9, 9), bool)))
    ```
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return False
    body = mask[rows[0] : rows[-1] + 1]
    third = max(1, len(body) // 3)
    return _spread(body[:third]) > _spread(body[-third:])


def _spread(rows):
    """The mean distance between the outermost pixels of a row."""
    ends = [np.ptp(np.flatnonzero(row)) for row in rows if row.any()]
    return float(np.mean(ends)) if ends else 0.0

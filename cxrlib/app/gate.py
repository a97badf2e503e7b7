"""Whether a picture is a frontal chest film at all, before a model is asked.

A classifier answers for a cat, too. What the gate may refuse wrongly, and what slips
through, is measured by `benchmarks/gate.py`, beside a check of the size alone.
"""

import numpy as np

SMALLEST = 64  # Pixels of the shorter side: below, nothing can be seen.
LONGEST = 3.0  # The longer side over the shorter.
PART = 0.15  # Of the lungs' height, at either end.


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

    A film upside down may have a plausible pair as well: see `is_upside_down`.

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
        if is_upside_down(found.mask):
            return "seems to be upside down: its lungs end in their tips at the top"
        return ""


def is_upside_down(mask):
    """Whether a mask of two lungs ends in its tips at the top.

    At the bottom, the domes of the diaphragm leave of each lung a tip beside the chest
    wall, whereas its upper end is blunt. So the highest part of the mask holds more
    than the lowest: in all of 374 masks that people drew (200 of Montgomery and
    Shenzhen, 84 of JSRT, 90 of wingspan).

    Args:
        mask: bool array `(H, W)`.

    Returns:
        A bool.

    Example:
    ```python
    is_upside_down(np.zeros((9, 9), bool))  # False
    ```
    """
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return False
    body = mask[rows[0] : rows[-1] + 1]
    part = max(1, int(PART * len(body)))
    return bool(body[:part].sum() < body[-part:].sum())

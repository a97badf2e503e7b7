"""Whether a picture is a frontal chest film at all, before a model is asked.

A classifier answers for a cat, too. What the gate may refuse wrongly, and what slips
through, is measured by `benchmarks/experiments/gate.py`, beside a check of the size
alone.
"""

import cv2
import numpy as np

SMALLEST = 64  # Pixels of the shorter side: below, nothing can be seen.
LONGEST = 3.0  # The longer side over the shorter.
# How much surer the lung model must be of a film turned over. Chosen on 95 frontals of
# six collections: none is refused, and three of the 95 turned over are not.
SURER = 0.015


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

    It often finds one upside down, too, and on a negative. But it has learned from
    films that stand upright, and is less sure of one that is turned over; and lungs are
    darker than what is around them.

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
        found, over = self.lungs.find(film, film[::-1])
        if not over.flag and over.confidence > found.confidence + SURER:
            return "seems to be upside down: turned over, its lungs are surer"
        if found.flag:
            return f"has no two lungs that the lung model recognises ({found.flag})"
        if is_negative(film, found.mask):
            return "seems to be a negative: its lungs are brighter than the rest"
        return ""


def is_negative(film, mask):
    """Whether the lungs are brighter than what is around them.

    Args:
        film: float array `(H, W)`.
        mask: bool array `(h, w)`, its lungs.

    Returns:
        A bool.

    Example:
    ```python
    is_negative(1 - film, mask)
    ```
    """
    side = mask.shape[::-1]
    film = cv2.resize(film, side, interpolation=cv2.INTER_AREA)
    near = np.ones([max(3, length // 10) for length in mask.shape], "uint8")
    around = (cv2.dilate(mask.astype("uint8"), near) > 0) & ~mask
    return bool(mask.any() and around.any() and film[mask].mean() > film[around].mean())

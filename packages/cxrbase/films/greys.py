"""Range and polarity, judged once for films of all formats, after decoding.

A film is counted first: which levels it has, and how often. Everything else is computed
for the levels, some thousand numbers, and looked up for each pixel at the end.
"""

import dataclasses

import cv2
import numpy as np

from cxrbase.files import InputError

CONSTANT = "shows a single grey throughout, so it is not a film"

TRIM = 0.0005  # This share of the pixels, at either end, may be hot, dead or a marker …
SLACK = 0.25  # … and are left out if they are further off, in spans of the rest.
FAR = 4  # A whole level that is further off, in spans of the rest, is not film.
LEAST_LEVELS = 32  # With fewer levels it is a drawing; all of them are intended.
DEPTHS = (8, 10, 12, 14, 16)
OVER = 1.4  # A film of 10 bits that was scaled a little reaches up to 1,432.
MOST_LEVELS = 2**20
BAND = 2**20  # Pixels looked up at once: their indices take eight bytes each.


@dataclasses.dataclass
class Counted:
    """The levels of a film and how often each occurs.

    Args:
        index: int array `(H, W)`. The level of each pixel, counted from `first`.
        first: int.
        levels: array `(n,)`. What the levels stand for, ascending.
        counts: int array `(n,)`. Pixels of each level; those that are padding do not
            count.
        padded: bool array `(H, W)` or `None`.
    """

    index: np.ndarray
    first: int
    levels: np.ndarray
    counts: np.ndarray
    padded: np.ndarray | None = None


def count(pixels, padded=None):
    """Count the levels of a film.

    Args:
        pixels: int or float array `(H, W)`.
        padded: bool array `(H, W)` or `None`. Pixels that are not film.

    Returns:
        A `Counted`.

    Raises:
        InputError: if a value is not finite. The message lacks the file.

    Example:
    ```python
    count(np.array([[0, 7], [7, 7]], "uint16")).counts[7]  # 3
    ```
    """
    pixels, first, levels = _levels(pixels)
    counts = np.zeros(len(levels), np.int64)
    for rows in _bands(pixels):
        part = pixels[rows]
        if padded is None and part.dtype in (np.uint8, np.uint16) and not first:
            reach = [0, len(levels)]  # OpenCV counts in float32, exact for a band.
            found = cv2.calcHist(
                [np.ascontiguousarray(part)], [0], None, reach[1:], reach
            )
            counts += found.ravel().astype(np.int64)
        else:
            part = part.ravel() if padded is None else part[~padded[rows]]
            part = part.astype(np.int64) - first
            counts += np.bincount(part, minlength=len(levels))
    return Counted(pixels, first, levels, counts, padded)


def _levels(pixels):
    """Pixels as integers, the least of them, and what each from it on stands for."""
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels, 0, np.arange(2 ** (8 * pixels.dtype.itemsize))
    low, high = pixels.min(), pixels.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError("holds values that are not numbers. Export it again.")
    if pixels.dtype.kind != "f" and int(high) - int(low) < MOST_LEVELS:
        return pixels, int(low), np.arange(int(low), int(high) + 1)
    levels, index = np.unique(pixels, return_inverse=True)
    return index.reshape(pixels.shape), 0, levels


def paint(film, greys):
    """Look up the grey of each pixel; padding is black.

    Args:
        film: `Counted`.
        greys: array `(n,)` in [0, 1], of the levels.

    Returns:
        A float32 array `(H, W)`.

    Example:
    ```python
    paint(film, np.linspace(0, 1, len(film.levels)))
    ```
    """
    greys = np.clip(greys, 0, 1).astype(np.float32)
    image = np.empty(film.index.shape, np.float32)
    for rows in _bands(film.index):
        part = np.ascontiguousarray(film.index[rows])
        if part.dtype == np.uint8:
            image[rows] = cv2.LUT(part, greys)
        else:
            image[rows] = greys[part.astype(np.int64) - film.first]
    if film.padded is not None:
        image[film.padded] = 0
    return image


def robust_range(values, counts):
    """Where a film's range begins and ends, ignoring hot pixels.

    It runs from the least to the greatest value, except those that are further off than
    a quarter of the span that holds all but 0.05 % of the pixels at either end: they
    are hot, dead or a marker of lead. The same holds for one level of any number of
    pixels that is off by four times the span of the rest: undeclared padding.

    Args:
        values: float array `(n,)`, in any order.
        counts: int array `(n,)`.

    Returns:
        A pair of floats and the number of pixels outside.

    Example:
    ```python
    robust_range(np.array([0, 1, 4095]), np.array([9000, 9000, 1]))  # 0.0, 1.0, 1
    ```
    """
    low, high = _ends(values, _without_lone(values, counts), int(counts.sum() * TRIM))
    slack = SLACK * (high - low)
    near = (counts > 0) & (values >= low - slack) & (values <= high + slack)
    low, high = float(values[near].min()), float(values[near].max())
    return low, high, int(counts[~near].sum())


def _without_lone(values, counts):
    """Counts without an end level that is far off, if the rest is a film."""
    for end in (np.argmin, np.argmax):
        there = np.flatnonzero(counts)
        lone = there[end(values[there])]
        rest = counts.copy()
        rest[lone] = 0
        if len(there) > LEAST_LEVELS and rest.sum() >= counts.sum() / 2:
            low, high = _ends(values, rest, int(rest.sum() * TRIM))
            if max(low - values[lone], values[lone] - high) > FAR * (high - low) > 0:
                counts = rest
    return counts


def _ends(values, counts, few):
    """The least and the greatest value when `few` pixels are left out at each end."""
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    below = np.searchsorted(np.cumsum(counts), few, side="right")
    above = np.searchsorted(np.cumsum(counts[::-1]), few, side="right")
    return float(values[below]), float(values[-1 - above])


def is_constant(levels, counts, full):
    """Whether 98 % of a film lie within a few of its levels.

    Args:
        levels: array `(n,)`, ascending.
        counts: int array `(n,)`.
        full: float. How many levels there could be.

    Returns:
        A bool.

    Example:
    ```python
    is_constant(np.arange(256), np.eye(256, dtype=int)[7], 256)  # True
    ```
    """
    share = np.cumsum(counts) / counts.sum()
    low, high = np.searchsorted(share, (0.01, 0.99))
    return bool(levels[high] - levels[low] < min(8, full / 32))


def judge_plain(pixels):
    """Scale a PNG or JPEG by its depth.

    Eight bits are divided by 255. In a file of 16 bits a film of 8, 10, 12, 14 or 16
    is looked for: the least that holds all but the brightest 0.05 % of the pixels, or
    nearly. What reaches over a depth by less than 1.4 is scaled by its own end, for
    no film is that of 1,030 levels, and it is as bright as one of 1,020. What is
    brighter still, a hot pixel, is white; so is a marker of one level, far off, on
    a film of at most 12 bits.

    Args:
        pixels: uint8 or uint16 array `(H, W)`.

    Returns:
        A float32 array in [0, 1], and a list of notes.

    Example:
    ```python
    judge_plain(np.array([[0, 4095]], "uint16"))[0]  # [[0, 1]]
    ```
    """
    film, notes, bits = count(pixels), [], 8
    end = 255.0
    if pixels.dtype != np.uint8:
        few = int(film.counts.sum() * TRIM)
        high = _ends(film.levels, film.counts, few)[1]
        if high > 4095:
            rest = _without_lone(film.levels, film.counts)
            without = _ends(film.levels, rest, few)[1]
            high = without if without <= 4095 else high
        bits = next(depth for depth in DEPTHS if high <= OVER * (2**depth - 1))
        end = min(max(2.0**bits - 1, high), 65535.0)
        if bits < 16:
            notes.append(f"its 16 bits were read as {bits}, by its brightest pixels")
    if is_constant(film.levels, film.counts, 2**bits):
        notes.append(CONSTANT)
    greys = film.levels.astype(np.float32) / np.float32(end)
    return paint(film, greys), notes


def judge_stretched(film, values, full, inverted=False):
    """Stretch a film without a unit to its robust range.

    Args:
        film: `Counted`.
        values: float array `(n,)`. The grey of each level, in any unit.
        full: float. How many levels there could be.
        inverted: bool. Whether low is to be white.

    Returns:
        A float32 array in [0, 1], and a list of notes.

    Example:
    ```python
    judge_stretched(film, film.levels.astype(float), 4096)
    ```
    """
    notes, greys = [], np.zeros(len(values))
    if is_constant(film.levels, film.counts, full):
        notes.append(CONSTANT)
    low, high, outside = robust_range(values, film.counts)
    if outside:
        notes.append(
            f"{outside:,} pixels far beyond the range of the rest were cut off"
        )
    if high > low:
        with np.errstate(over="ignore"):
            greys = np.clip((values - low) / (high - low), 0, 1)
        greys = 1 - greys if inverted else greys
    return paint(film, greys), notes


def _bands(pixels):
    """Slices of rows, each of about `BAND` pixels."""
    rows = max(1, BAND // max(1, pixels.shape[1]))
    return [slice(top, top + rows) for top in range(0, len(pixels), rows)]

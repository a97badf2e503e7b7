"""What the stored numbers of a DICOM film mean: rescale, tables, windows.

Everything is computed for the levels of a film, in the order of the standard. A step
whose values are missing or useless is left out and noted.
"""

import math

import numpy as np

MOST_SATURATED = 0.5  # Real films have up to 38 % of their pixels at either end.


def number(dataset, name):
    """The first finite number of an element, or `None`.

    Args:
        dataset: `pydicom.Dataset`.
        name: string. The element's keyword.

    Returns:
        A float, or `None` where the element is missing, empty or no number.

    Example:
    ```python
    number(dataset, "RescaleSlope")
    ```
    """
    found = numbers(dataset, name)
    return found[0] if found else None


def numbers(dataset, name):
    """All numbers of an element, `None` for those that are none."""
    try:
        value = dataset.get(name)
    except Exception:  # pydicom converts when asked, and raises several kinds.
        return []
    if value is None or value == "":
        return []
    several = not isinstance(value, str | bytes | int | float) and np.iterable(value)
    found = []
    for part in value if several else [value]:
        try:
            part = float(part)
            found.append(part if math.isfinite(part) else None)
        except (TypeError, ValueError):
            found.append(None)
    return found


def word(dataset, name):
    """An element's text in capitals, `""` where there is none."""
    try:
        return str(dataset.get(name) or "").strip().upper()
    except Exception:
        return ""


def grey_values(dataset, levels, counts, notes):
    """Bring levels to greys: modality, then the first table or window that serves.

    Args:
        dataset: `pydicom.Dataset`.
        levels: float array `(n,)`. Stored values, ascending.
        counts: int array `(n,)`. Pixels of each.
        notes: list of strings. What was left out is added.

    Returns:
        A float array `(n,)`, in any unit, finite.

    Example:
    ```python
    grey_values(dataset, np.arange(4096.0), counts, notes := [])
    ```
    """
    values = _modality(dataset, levels, notes)
    for name, make in _presentations(dataset, notes):
        try:
            greys, outside = make(values)
        except (ValueError, TypeError, OverflowError, IndexError) as error:
            notes.append(f"{name} was left out: {error}")
            continue
        reason = _useless(greys, outside, counts)
        if not reason:
            return greys
        notes.append(f"{name} was left out, the full range taken: {reason}")
    return values


def _useless(greys, outside, counts):
    """Say why a film cannot be seen through a window; `""` if it can."""
    there = np.flatnonzero(counts)
    if np.ptp(greys[there]) <= 0:
        return "it leaves a single tone"
    # The darkest and brightest level are background: any window may cut them off.
    inner = there[1:-1]
    pixels = counts[inner].sum()
    share = counts[inner][outside[inner]].sum() / pixels if pixels else 0
    return f"it leaves {share:.0%} black or white" if share > MOST_SATURATED else ""


# === Modality ===


def _modality(dataset, levels, notes):
    """Apply the modality table, else the rescale, else nothing."""
    for item in _items(dataset, "ModalityLUTSequence"):
        try:
            return _look_up(_table(dataset, item), levels)[0]
        except (ValueError, TypeError, OverflowError, IndexError) as error:
            notes.append(f"the modality table was left out: {error}")
    slope, intercept = (
        number(dataset, name) for name in ("RescaleSlope", "RescaleIntercept")
    )
    if slope is None and intercept is None:
        if "RescaleSlope" in dataset or "RescaleIntercept" in dataset:
            notes.append("the rescale was left out: it has no value")
        return levels
    for name, value in (("RescaleSlope", slope), ("RescaleIntercept", intercept)):
        if value is None and name in dataset:
            notes.append(f"{name} was left out: it has no value")
    slope = 1.0 if slope is None else slope
    with np.errstate(over="ignore", invalid="ignore"):
        values = levels * slope + (intercept or 0.0)
        steps = np.diff(values)
    far = not np.isfinite(values).all() or not np.isfinite(np.ptp(values))
    if far or not (steps.all() and slope):
        notes.append(
            f"the rescale was left out: slope {slope:g}, intercept {intercept or 0:g} "
            "keep no greys apart"
        )
        return levels
    return values


# === Tables and windows ===


def _presentations(dataset, notes):
    """Yield a name and a function for each table, then for each window."""
    for item in _items(dataset, "VOILUTSequence"):
        yield (
            "a table (VOI LUT)",
            lambda values, item=item: _look_up(_table(dataset, item), values),
        )
    centers, widths = (
        numbers(dataset, name) for name in ("WindowCenter", "WindowWidth")
    )
    if not ({*centers} - {None} and {*widths} - {None}):
        if "WindowCenter" in dataset or "WindowWidth" in dataset:
            notes.append("the window was left out: it has no value")
        return
    kind = word(dataset, "VOILUTFunction") or "LINEAR"
    if kind not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        notes.append(
            f"the window's function {kind[:40]!r} is not known: taken as linear"
        )
        kind = "LINEAR"
    for center, width in dict.fromkeys(zip(centers, widths, strict=False)):
        if center is None or width is None:
            notes.append("a window was left out: it is no number")
            continue
        yield (
            f"the window {center:g}/{width:g}",
            lambda values, c=center, w=width: _window(values, c, w, kind),
        )


def _window(values, center, width, kind):
    """Greys in [0, 1], and which values lie outside of the window."""
    if width <= 0 or (kind == "LINEAR" and width < 1):
        raise ValueError(f"its width is {width:g}")
    with np.errstate(over="ignore"):
        if kind == "SIGMOID":
            greys = 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
            return greys, (greys < 1 / 512) | (greys > 511 / 512)
        if kind == "LINEAR":
            center, width = center - 0.5, max(width - 1, 1e-6)
        greys = (values - center) / width + 0.5
    return np.clip(greys, 0, 1), (greys < 0) | (greys > 1)


def _items(dataset, name):
    """The items of a sequence; none where it is missing, empty or no sequence."""
    try:
        items = dataset.get(name) or []
        return [item for item in items if hasattr(item, "get")]
    except Exception:
        return []


def _table(dataset, item):
    """First value mapped, and the table: of 8 bits where its bytes say so, else 16."""
    described = numbers(item, "LUTDescriptor")
    if len(described) != 3 or None in described[:2]:
        raise ValueError("its descriptor has no value")
    length, first = int(described[0]), int(described[1])
    length = length % 65536 or 65536
    if dataset.get("PixelRepresentation") == 1 and first > 32767:
        first -= 65536  # Read without its sign.
    data = item.get("LUTData")
    if isinstance(data, bytes):
        little = dataset.original_encoding[1] is not False
        wide = len(data) >= 2 * length
        data = np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little else ">u2")
        if not wide:  # Two entries in a word, the first in its low byte.
            data = data.astype("<u2").view("u1")
    table = np.asarray([] if data is None else data, float).ravel()[:length]
    if len(table) < length:
        raise ValueError(f"it has {len(table):,} entries where {length:,} are expected")
    return first, table


def _look_up(table, values):
    first, greys = table
    at = np.clip(np.trunc(values) - first, 0, len(greys) - 1).astype(np.int64)
    found = greys[at]
    return found, (found == greys.min()) | (found == greys.max())

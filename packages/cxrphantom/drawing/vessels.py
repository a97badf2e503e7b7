"""The lungs' vessels: one tree in three dimensions, seen by both views."""

import cv2
import numpy as np

from cxrphantom.drawing.anatomy import dome_level, hilum_of, outer_edge


def vessel_tree(patient, rng):
    """Grow the lungs' vessels in three dimensions.

    Args:
        patient: `Patient`.
        rng: `numpy.random.Generator`.

    Returns:
        Curves, float `(n, 9, 3)` in cm, and widths, float `(n, 9)` in cm.

    Example:
    ```python
    curves, widths = vessel_tree(patient, np.random.default_rng(0))
    ```
    """
    starts, ends, widths = [], [], []
    for sign, side in ((-1, "right"), (1, "left")):
        hilum = hilum_of(patient, side)
        count = 15
        y = np.linspace(0.04, 1.04, count) + rng.normal(0, 0.02, count)
        y = y * dome_level(patient, side)
        reach = rng.uniform(0.55, 0.97, count)
        x = sign * (3 + reach * (outer_edge(patient, y) - 3))
        z = patient.depth * rng.uniform(0.12, 0.93, count)
        starts.append(np.repeat(hilum[None], count, 0))
        starts[-1] = starts[-1] + rng.normal(0, (0.3, 1.5, 1.0), (count, 3))
        ends.append(np.stack([x, y, z], 1))
        widths.append(rng.uniform(0.3, 0.56, count))
    starts, ends = np.concatenate(starts), np.concatenate(ends)
    widths = np.concatenate(widths) * patient.vascularity
    curves, tapers = _grow(starts, ends, widths, rng)
    whole, whole_tapers = [curves], [tapers]
    for children, spread in ((3, 2.4), (3, 1.6)):
        parent = np.repeat(np.arange(len(curves)), children)
        at = rng.integers(2, 8, len(parent))
        starts = curves[parent, at]
        rest = curves[parent, -1] - starts
        length = np.linalg.norm(rest, axis=1, keepdims=True)
        aside = rng.normal(0, 1, rest.shape) * (0.35 * length + 0.15 * spread)
        curves, tapers = _grow(
            starts, starts + 0.75 * rest + aside, 0.66 * tapers[parent, at], rng
        )
        whole.append(curves)
        whole_tapers.append(tapers)
    return np.concatenate(whole), np.concatenate(whole_tapers)


def _grow(starts, ends, widths, rng):
    t = np.linspace(0, 1, 9)[None, :, None]
    length = np.linalg.norm(ends - starts, axis=1)[:, None, None]
    bend = rng.normal(0, 0.12, (len(starts), 1, 3)) * length
    curves = starts[:, None] + t * (ends - starts)[:, None] + 4 * t * (1 - t) * bend
    return curves, widths[:, None] * (1 - 0.8 * t[..., 0] ** 0.7)


def draw_vessels(canvas, curves, widths):
    """Draw a vessel tree as round tubes: the wider, the denser.

    Args:
        canvas: `Canvas`.
        curves: float `(n, 9, 2)`. The tree in the view's plane, in cm.
        widths: float `(n, 9)`. In cm.

    Returns:
        float32 `(size, size)`.

    Example:
    ```python
    frontal = draw_vessels(canvas, curves[..., :2], widths)
    ```
    """
    segments = np.stack([curves[:, :-1], curves[:, 1:]], 2).reshape(-1, 2, 2)
    widths = widths[:, :-1].reshape(-1)
    pixels = np.round((canvas.pixels(segments) - 0.5) * 16).astype(np.int32)
    image = np.zeros((canvas.size,) * 2, np.uint8)
    # Few widths, each drawn in one call, the widest last and so on top.
    levels = np.digitize(widths, np.linspace(0.06, 0.6, 14))
    for level in np.unique(levels):
        chosen = levels == level
        width = float(widths[chosen].mean())
        thick = width * canvas.scale
        grey = min(1.0, thick) * min(1.0, 0.12 + 1.7 * width) * 255
        cv2.polylines(
            image,
            list(pixels[chosen]),
            False,
            float(grey),
            max(1, round(thick)),
            cv2.LINE_AA,
            4,
        )
    return canvas.blur(image.astype("float32") / 255, 0.07)

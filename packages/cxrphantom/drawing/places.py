"""Where in the chest a finding lies, and how much of it there is."""

import numpy as np

from cxrphantom.drawing.anatomy import SIDES, dome_level, outer_edge
from cxrphantom.drawing.lateral import back_edge, front_edge

# Region → range of height (0 apex, 1 dome), of depth (0 front, 1 back), and of
# the distance from the midline (0 inner, 1 outer edge).
_REGIONS = {
    "upper lobe": ((0.17, 0.36), (0.35, 0.65), (0.30, 0.72)),
    "apex": ((0.08, 0.17), (0.40, 0.65), (0.30, 0.65)),
    "middle lobe": ((0.62, 0.78), (0.16, 0.38), (0.35, 0.70)),
    "lingula": ((0.62, 0.76), (0.16, 0.38), (0.55, 0.80)),
    "lower lobe": ((0.64, 0.84), (0.60, 0.82), (0.35, 0.75)),
    "base": ((0.80, 0.92), (0.40, 0.80), (0.45, 0.75)),
    "hilum": ((0.40, 0.50), (0.45, 0.60), (0.16, 0.26)),
}
_ANYWHERE = ("upper lobe", "lower lobe", "base", "upper lobe", "lower lobe")
_STRENGTHS = {
    "borderline": 0.15,
    "mild": 0.25,
    "small": 0.25,
    "moderate": 0.55,
    "severe": 1.0,
    "large": 1.0,
}


def strength(finding):
    """Return a finding's degree as a number in (0, 1]; unknown is moderate."""
    return _STRENGTHS.get(finding.degree, _STRENGTHS["moderate"])


def place(patient, finding, side, rng, default=None):
    """Choose a point in the finding's region.

    Args:
        patient: `Patient`.
        finding: `Finding`. Its region steers; unknown ones are chosen freely.
        side: string. `"right"` or `"left"`.
        rng: `numpy.random.Generator`.
        default: string. The region where the finding names none.

    Returns:
        Floats x, y, z in cm, inside the lung of that side.

    Example:
    ```python
    x, y, z = place(patient, Finding("nodule", region="apex"), "left", rng)
    ```
    """
    free = default or str(rng.choice(_ANYWHERE))
    heights, depths, outs = _REGIONS.get(finding.region, _REGIONS[free])
    y = rng.uniform(*heights) * dome_level(patient, side)
    front, back = float(front_edge(patient, y)), float(back_edge(patient, y))
    z = front + rng.uniform(*depths) * (back - front)
    # On the left the heart takes the lower inner half.
    low = y / patient.lung_height
    inner = 2.5 + (3.5 * np.clip((low - 0.5) / 0.4, 0, 1) if side == "left" else 0.8)
    x = inner + rng.uniform(*outs) * (float(outer_edge(patient, y)) - inner)
    return SIDES[side] * x, y, z


def flat(view, point):
    """Return the point's two coordinates in a view."""
    x, y, z = point
    return np.array((x, y) if view == "frontal" else (z, y))


def ball(canvas, centre, radius, power=0.5):
    """Return the thickness of a ball along the beam, 1 at its centre."""
    x, y = canvas.grid()
    square = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / radius**2
    return np.clip(1 - square, 0, 1) ** power


def bell(canvas, centre, radii):
    """Return a soft heap, 1 at its centre, falling to 0.14 at the radii."""
    x, y = canvas.grid()
    u, v = (x - centre[0]) / radii[0], (y - centre[1]) / radii[1]
    return np.exp(-2 * (u * u + v * v))


def lung(views, view, side):
    """Return the air map of one lung, float32 `(size, size)`."""
    return views[view].lungs[side]

"""What lies between lung and chest wall: fluid and air."""

import numpy as np

from cxrphantom.drawing.anatomy import SIDES, frontal_lung, hilum_of
from cxrphantom.drawing.canvas import smooth
from cxrphantom.drawing.lateral import lateral_lung
from cxrphantom.drawing.places import flat, lung, strength


def effusion(patient, finding, side, views, rng):
    """Paint fluid that blunts the angles and climbs the wall as a meniscus."""
    height = 3.4 + 9.5 * strength(finding) ** 1.3 * rng.uniform(0.9, 1.1)
    height = min(height, 0.75 * patient.lung_height)
    changes = {}
    outlines = {"frontal": frontal_lung, "lateral": lateral_lung}
    for view, projection in views.items():
        outline = outlines[view](patient, side)
        floor = outline[:, 1].max()
        outward = SIDES[side] if view == "frontal" else 1
        wall = np.max(outward * outline[:, 0])
        inner = np.min(outward * outline[:, 0])
        u = np.linspace(0, 1, 12)
        across = outward * (wall + 1 - u * (wall + 1 - inner))
        # The fluid stands highest at the wall and lowest at the middle.
        climb = height * (0.42 + 0.58 * (1 - u) ** 2.4)
        top = np.stack([across, floor - climb], 1)
        pool = np.concatenate([top, [[across[-1], floor + 3], [across[0], floor + 3]]])
        wet = projection.canvas.fill(pool, soft=0.3)
        # Fluid takes the place of air, and drowns the vessels.
        change = 0.96 * projection.air[side] - 0.6 * projection.vessels
        changes[view] = wet * change * lung(views, view, side)
    return changes


def pneumothorax(patient, finding, side, views, rng):
    """Paint air around a lung drawn in: a lucent rim without vessels, a line."""
    gap = 1.7 + 4.2 * strength(finding) * rng.uniform(0.9, 1.1)
    changes = {}
    outlines = {"frontal": frontal_lung, "lateral": lateral_lung}
    for view, projection in views.items():
        canvas = projection.canvas
        outline = outlines[view](patient, side)
        hilum = flat(view, hilum_of(patient, side))
        drawn_in = _shrunk(outline, hilum, gap, view, patient)
        air = lung(views, view, side)
        rim = canvas.fill(outline, soft=0.05) - canvas.fill(drawn_in, soft=0.05)
        rim = np.clip(rim, 0, 1) * air
        edge = canvas.strokes([drawn_in], [0.4], 0.05) * air
        rim *= 1 - edge
        # Only the line that borders on free air is seen.
        edge *= np.clip(6 * canvas.blur(rim, 0.5) - 0.6, 0, 1)
        share = 1.0 if view == "frontal" else 0.6
        change = -rim * (0.42 * share + share * projection.vessels)
        changes[view] = change + 0.6 * share * edge
    return changes


def _shrunk(outline, hilum, gap, view, patient):
    """Pull an outline towards the hilum by `gap` cm, most above and outside."""
    towards = hilum - outline
    length = np.linalg.norm(towards, axis=1, keepdims=True)
    above = np.clip(1.05 - outline[:, 1] / patient.lung_height, 0.03, 1)
    outside = np.abs(outline[:, 0]) / patient.half_width
    share = above * (np.clip(outside * 1.6, 0.2, 1) if view == "frontal" else 1)
    step = np.minimum(gap * share[:, None], 0.8 * length)
    return smooth(outline + towards / length * step, closed=True, steps=2)

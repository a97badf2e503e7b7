"""The lateral view of a phantom patient, the breastbone at the left."""

import numpy as np

from cxrphantom.drawing.anatomy import (
    SIDES,
    Projection,
    bone_map,
    dome_level,
    hilum_of,
    vertebrae,
)
from cxrphantom.drawing.canvas import band, ellipse, smooth
from cxrphantom.drawing.frontal import unevenness
from cxrphantom.drawing.vessels import draw_vessels


def front_edge(patient, y):
    """Return the z in cm of the lungs' anterior edge at the height y."""
    t = np.clip(1 - np.asarray(y, float) / (0.8 * patient.lung_height), 0, 1)
    return patient.depth * (0.03 + 0.40 * t**2)


def back_edge(patient, y):
    """Return the z in cm of the lungs' posterior edge at the height y."""
    t = np.clip(np.asarray(y, float) / (0.45 * patient.lung_height), 0, 1)
    fall = np.clip(np.asarray(y, float) / patient.lung_height - 0.6, 0, 1)
    curve = 0.74 + 0.24 * np.sin(t * np.pi / 2) ** 0.8 - 0.06 * fall
    return patient.depth * curve


def lateral_dome(patient, side, z):
    """Return the y in cm of a diaphragm at the depth z."""
    u = np.asarray(z, float) / patient.depth - 0.36
    fall = np.where(u > 0, 1.55 * np.abs(u / 0.64) ** 2.1, 0.45 * (u / 0.36) ** 2)
    return dome_level(patient, side) + patient.dome * fall


def lateral_lung(patient, side):
    """Return a lung's outline in the lateral view, cm, `(n, 2)`."""
    low_back = float(lateral_dome(patient, side, 0.97 * patient.depth))
    low_front = float(lateral_dome(patient, side, 0.03 * patient.depth))
    y = np.linspace(0, 1, 18) ** 1.6
    back = np.stack([back_edge(patient, y * low_back), y * low_back], 1)
    z = np.linspace(back[-1, 0], 0.03 * patient.depth, 20)
    base = np.stack([z, lateral_dome(patient, side, z)], 1)
    y = y[::-1] * low_front
    front = np.stack([front_edge(patient, y), y], 1)
    # The apex is round, and stands a little above the first ribs.
    t = np.linspace(np.pi, 0, 12)[1:-1]
    middle, half = (front[-1, 0] + back[0, 0]) / 2, (back[0, 0] - front[-1, 0]) / 2
    apex = np.stack([middle + half * np.cos(t), -1.6 * np.sin(t)], 1)
    return np.concatenate([back, base[1:], front[1:], apex])


def lateral_heart(patient):
    """Return the heart's outline in the lateral view, cm, `(n, 2)`."""
    # A heart that grows goes sideways more than it goes back.
    ratio = 0.5 * (patient.heart_ratio + 0.44)
    size = 2 * patient.half_width * ratio * patient.heart_depth
    long, deep = 0.56 * size, 0.40 * size
    floor = dome_level(patient, "left") + 0.5
    centre = (0.09 * patient.depth + 0.78 * long, floor - 0.75 * deep)
    return ellipse(centre, (long, deep), angle=-34)


def spine_line(patient, y):
    """Return the z in cm of the vertebral bodies' middle at the height y."""
    u = (np.asarray(y, float) - 0.5 * patient.lung_height) / patient.lung_height
    return patient.depth * 0.93 - 1.6 - 6.5 * patient.kyphosis * u**2 / (1 + 2.5 * u**2)


def draw_lateral(patient, canvas, tree, rng):
    """Draw the normal anatomy of a lateral radiograph.

    Args:
        patient: `Patient`.
        canvas: `Canvas`, seen from the side: z and y in cm.
        tree: curves and widths, as `vessel_tree` returns them.
        rng: `numpy.random.Generator` of the anatomy's details.

    Returns:
        A `Projection`.

    Example:
    ```python
    lateral = draw_lateral(patient, canvas, vessel_tree(patient, rng), rng)
    ```
    """
    total = _soft_tissue(patient, canvas)
    lungs, airs = {}, {}
    amount = 1.22 * (patient.half_width / 13.6) ** 0.5
    for side in SIDES:
        outline = lateral_lung(patient, side)
        lungs[side] = canvas.fill(outline, soft=0.07)
        airs[side] = amount * canvas.solid(lungs[side], outline, 5.0, 0.45)
    air = airs["right"] + airs["left"]
    inside = np.maximum(lungs["right"], lungs["left"])
    total -= air
    heart_line = lateral_heart(patient)
    heart = canvas.fill(heart_line, soft=0.33)
    total += 1.1 * canvas.solid(heart, heart_line, 4.5, 0.3) * inside
    total += _great_vessels(patient, canvas) * (0.3 + 0.7 * inside)
    total += _bones(patient, canvas, rng)
    curves, widths = tree
    flat = curves[..., ::-1][..., :2]
    vessels = 0.44 * draw_vessels(canvas, flat, widths) * inside
    total += vessels
    total += 0.02 * canvas.cloud(rng, 0.4) * air
    total += unevenness(patient, canvas, air, total, rng)
    total -= _airways(patient, canvas)
    total -= _gas(patient, canvas, rng)
    return Projection(canvas, np.maximum(total, 0), lungs, airs, heart, vessels)


def _soft_tissue(patient, canvas):
    wall = 0.6 * patient.fat + 0.5 * patient.muscle
    deep = patient.depth
    low = patient.lung_height
    front = [
        (0.52 * deep, -16),
        (0.50 * deep - wall * 0.5, -6),
        (0.30 * deep - wall, -1.0),
        (0.14 * deep - wall - 0.5, 0.18 * low),
        (-1.3 - wall, 0.45 * low),
        (-1.7 - wall, 0.8 * low),
        (-1.3 - 1.3 * wall, 1.2 * low),
        (-1.2 - 1.6 * wall, 1.8 * low),
        (-1.2 - 1.6 * wall, 50),
    ]
    back = [
        (deep + wall, 50),
        (deep + 1.0 + wall, 1.4 * low),
        (deep + 2.6 + wall, 0.9 * low),
        (deep + 3.2 + wall, 0.5 * low),
        (deep + 1.6 + wall, 0.1 * low),
        (0.88 * deep + wall, -4),
        (0.82 * deep + wall, -16),
    ]
    outline = np.concatenate([smooth(front), smooth(back)])
    body = canvas.fill(outline, soft=0.12)
    total = (3.0 + 0.1 * patient.fat) * canvas.solid(body, outline, 7.5, 0.12)
    # The raised arms and the shoulders thicken everything above the arch.
    arm = [(0.85 * deep, 3.0), (0.5 * deep, -2.0), (0.05 * deep, -7), (-9, -15)]
    arm = smooth(arm)
    shoulder = canvas.fill(band(arm, 9.0), soft=1.3)
    total = np.maximum(total, 0.9 * canvas.fill(band(arm, 7.5), soft=0.7))
    total += 1.0 * shoulder
    if patient.female:
        radius = 3.6 + 0.6 * patient.fat
        breast = ellipse((1.0 - wall, 0.74 * low), (radius, 1.75 * radius), -8)
        solid = canvas.solid(canvas.fill(breast, soft=0.15), breast, radius, 0.1)
        total += (0.55 + 0.1 * patient.fat) * solid
    return total


def _great_vessels(patient, canvas):
    tall, deep = patient.lung_height, patient.depth
    arch = smooth(
        [
            (0.36 * deep, 0.52 * tall),
            (0.40 * deep, 0.34 * tall),
            (0.52 * deep, 0.23 * tall),
            (0.66 * deep, 0.27 * tall),
            (0.74 * deep, 0.45 * tall),
            (0.76 * deep, 0.8 * tall),
            (0.74 * deep, 1.2 * tall),
        ]
    )
    strength = 0.2 + 0.0025 * patient.age
    vessels = strength * canvas.fill(band(arch, 2.5), soft=0.25)
    for side, weight in (("right", 0.3), ("left", 0.4)):
        _, y, z = hilum_of(patient, side)
        vessels += weight * canvas.fill(ellipse((z - 0.2, y), (1.3, 1.7)), soft=0.35)
    return vessels


def _airways(patient, canvas):
    z, tall = 0.55 * patient.depth, patient.lung_height
    tube = smooth([(z - 1.5, -14), (z - 0.8, -2), (z + 0.4, 0.36 * tall)])
    air = 0.36 * canvas.fill(band(tube, 1.8), soft=0.16)
    rings = [ellipse((z + 0.5, f * tall), (0.75, 0.8)) for f in (0.40, 0.47)]
    return air + 0.28 * canvas.fill(*rings, soft=0.12)


def _bones(patient, canvas, rng):
    bones = _spine(patient, canvas)
    ribs = []
    pitch = vertebrae(patient)[1]
    for offset in (rng.uniform(-0.3, 0.1), rng.uniform(0.4, 0.9)):
        for k in range(1, 11):
            y0 = -1.0 + k * pitch + offset
            start = float(back_edge(patient, max(y0, 0))) + 0.2
            end = float(front_edge(patient, y0 + 5)) + 0.32 * patient.depth
            u = np.linspace(0, 1, 10)
            y = y0 + (4.6 + 0.25 * k) * u**1.25
            ribs.append((np.stack([start + (end - start) * u, y], 1), 0.9, 0.8))
    bones += 0.12 * bone_map(canvas, ribs, soft=0.1)
    # The breastbone stands just in front of the lungs, in two pieces.
    y = np.linspace(0.10, 0.70, 8) * patient.lung_height
    plate = np.stack([front_edge(patient, y) - 0.75, y], 1)
    bones += 0.2 * bone_map(
        canvas, [(plate[:3], 1.3, 1.0), (plate[3:], 1.1, 1.0)], soft=0.22
    )
    blade = smooth(
        [(0.86 * patient.depth, -3), (0.93 * patient.depth, 3), (patient.depth, 9)]
    )
    bones += 0.16 * canvas.strokes([blade, blade + [1.3, 0.4]], [0.35, 0.3], 0.12)
    return patient.bone * bones


def _spine(patient, canvas):
    levels, pitch = vertebrae(patient)
    bodies, edges, arches = [], [], []
    for y in levels:
        z = float(spine_line(patient, y))
        lean = float(spine_line(patient, y + 0.5) - spine_line(patient, y - 0.5))
        along, across = np.array([lean, 1.0]), np.array([1.0, -lean])
        half, tall = 1.45 + 0.02 * max(y, 0), 0.40 * pitch
        corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
        corners = [(z, y) + c[0] * half * across + c[1] * tall * along for c in corners]
        bodies.append(np.array(corners))
        edges.append(np.array([*corners, corners[0]]))
        arches.append(ellipse((z + half + 1.9, y + 0.7), (1.5, 0.45), 35))
    curve = np.stack([spine_line(patient, levels), levels], 1)
    spine = 0.30 * canvas.fill(band(curve, 3.2), soft=0.4)
    spine += 0.30 * canvas.fill(*bodies, soft=0.2)
    spine += 0.15 * canvas.strokes(edges, [0.2] * len(edges), 0.08)
    return spine + 0.1 * canvas.fill(*arches, soft=0.15)


def _gas(patient, canvas, rng):
    if not patient.gas:
        return canvas.empty()
    z = rng.uniform(0.3, 0.55) * patient.depth
    top = float(lateral_dome(patient, "left", z)) + 1.0
    tall = 0.6 * patient.gas
    bubble = ellipse((z, top + tall), (2 * tall, tall))
    bubble[:, 1] = np.minimum(bubble[:, 1], top + 0.85 * patient.gas)
    return 0.4 * canvas.fill(bubble, soft=0.15)

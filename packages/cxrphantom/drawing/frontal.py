"""The frontal view of a phantom patient: the sum of what the beam meets."""

import numpy as np

from cxrphantom.drawing.anatomy import (
    SIDES,
    Projection,
    body_outline,
    bone_map,
    clavicle,
    dome_level,
    frontal_dome,
    frontal_heart,
    frontal_lung,
    frontal_ribs,
    hilum_of,
    turn,
    vertebrae,
)
from cxrphantom.drawing.canvas import band, ellipse, smooth
from cxrphantom.drawing.vessels import draw_vessels


def draw_frontal(patient, canvas, tree, rng):
    """Draw the normal anatomy of a frontal radiograph.

    Args:
        patient: `Patient`.
        canvas: `Canvas`, seen from the front: x and y in cm.
        tree: curves and widths, as `vessel_tree` returns them.
        rng: `numpy.random.Generator` of the anatomy's details.

    Returns:
        A `Projection` in which the lungs leave out the heart.

    Example:
    ```python
    frontal = draw_frontal(patient, canvas, vessel_tree(patient, rng), rng)
    ```
    """
    total = _soft_tissue(patient, canvas)
    lungs, airs = _lungs(patient, canvas)
    air = airs["right"] + airs["left"]
    heart_line = frontal_heart(patient)
    heart_line[:, 0] = turn(patient, heart_line[:, 0], 0.35 * patient.depth)
    heart = canvas.fill(heart_line, soft=0.11)
    middle = _mediastinum(patient, canvas)
    organs = np.maximum(1.75 * canvas.solid(heart, heart_line, 4.5, 0.55), middle)
    total -= air
    # An organ fills the place of air; it cannot hide more than there was.
    total += np.minimum(organs, 1.04 * air)
    total += _spine(patient, canvas)
    total += _bones(patient, canvas, lungs, rng)
    vessels = _vessels(patient, canvas, tree, lungs)
    total += vessels
    total += 0.02 * canvas.cloud(rng, 0.4) * air * (1 - 0.7 * heart)
    total += unevenness(patient, canvas, air, total, rng)
    total -= _trachea(patient, canvas)
    total -= _gas(patient, canvas, rng)
    free = 1 - np.clip(heart + 0.9 * np.clip(middle, 0, 1), 0, 1)
    lungs = {side: lung * free for side, lung in lungs.items()}
    return Projection(canvas, np.maximum(total, 0), lungs, airs, heart, vessels)


def unevenness(patient, canvas, air, total, rng):
    """Return the soft swell of perfusion, fat and folds, which no finding is.

    Args:
        patient: `Patient`.
        canvas: `Canvas`.
        air, total: float32 `(size, size)`. The lungs' air and the whole body.
        rng: `numpy.random.Generator`.

    Returns:
        float32 `(size, size)`, to be added to the attenuation.
    """
    body = np.clip(total, 0, 1)
    swell = 1.1 * canvas.cloud(rng, 6.0) * body + canvas.cloud(rng, 2.8) * np.minimum(
        air, 1.3
    )
    return patient.unevenness * swell


def _soft_tissue(patient, canvas):
    trunk, arms = body_outline(patient)
    thick = 2.75 + 0.13 * patient.fat
    body = thick * canvas.solid(canvas.fill(trunk, soft=0.1), trunk, 8.5, 0.2)
    for arm in arms:
        solid = canvas.solid(canvas.fill(arm, soft=0.1), arm, 4.0, 0.15)
        body = np.maximum(body, 1.5 * solid)
    if patient.female:
        body += _breasts(patient, canvas)
    return body


def _breasts(patient, canvas):
    radius = 4.8 + 0.7 * patient.fat
    shadow = canvas.empty()
    x, y = canvas.grid()
    for sign in SIDES.values():
        u = (x - sign * (0.62 * patient.half_width + 0.2 * radius)) / radius
        v = (y - 0.74 * patient.lung_height) / radius
        # Thicker towards the lower edge, where the breast folds on itself.
        shadow += np.sqrt(np.clip(1 - u**2 - v**2, 0, 1)) * (0.6 + 0.4 * v)
    return canvas.blur((0.3 + 0.06 * patient.fat) * shadow, 0.35)


def _lungs(patient, canvas):
    lungs, air = {}, {}
    amount = 1.95 * (patient.depth / 19) ** 0.5
    for side in SIDES:
        outline = frontal_lung(patient, side)
        lungs[side] = canvas.fill(outline, soft=0.07)
        air[side] = amount * canvas.solid(lungs[side], outline, 4.5, 0.42)
    return lungs, air


def _mediastinum(patient, canvas):
    """Great vessels and aortic knob, with the hila at their flanks."""
    tall, age = patient.lung_height, np.clip((patient.age - 30) / 50, 0, 1)
    knob = 2.7 + 0.9 * age
    points = [
        (-2.3, -3),
        (-2.5, 0.10 * tall),
        (-3.0, 0.22 * tall),
        (-3.2, 0.31 * tall),
        (-2.7, 0.39 * tall),
        (-3.1, 0.48 * tall),
        (-3.0, 0.7 * tall),
        (-2.0, 1.1 * tall),
        (2.2, 1.1 * tall),
        (3.2, 0.60 * tall),
        (3.1, 0.44 * tall),
        (2.5, 0.385 * tall),
        (knob + 0.5, 0.32 * tall),
        (knob + 0.3, 0.255 * tall),
        (2.3, 0.19 * tall),
        (2.3, -3),
    ]
    points = [(turn(patient, x, 0.4 * patient.depth), y) for x, y in points]
    outline = smooth(points, closed=True)
    middle = 1.6 * canvas.fill(outline, soft=0.2)
    aorta = smooth([(knob - 1.2, 0.27 * tall), (2.3, 0.5 * tall), (1.4, 1.05 * tall)])
    middle += 0.15 * canvas.fill(band(aorta, 2.4), soft=0.12)
    hila = [
        ellipse(hilum_of(patient, side)[:2] - [SIDES[side] * 0.5, 0], (1.3, 2.2))
        for side in SIDES
    ]
    return middle + 0.3 * canvas.fill(*hila, soft=0.6)


def _spine(patient, canvas):
    levels, pitch = vertebrae(patient)
    x = turn(patient, 0.0, patient.depth - 2)
    bodies, plates, knobs = [], [], []
    for y in levels:
        half, tall = 1.75 + 0.02 * y, 0.41 * pitch
        waist = half * 0.9
        bodies.append(
            smooth(
                [
                    (x - half, y - tall),
                    (x + half, y - tall),
                    (x + waist, y),
                    (x + half, y + tall),
                    (x - half, y + tall),
                    (x - waist, y),
                ],
                closed=True,
                steps=4,
            )
        )
        for edge in (-tall, tall):
            plates.append(np.array([(x - half, y + edge), (x + half, y + edge)]))
        for sign in (-1, 1):
            knobs.append(ellipse((x + sign * half * 0.62, y - 0.1), (0.36, 0.5)))
        knobs.append(ellipse((turn(patient, 0, patient.depth + 2), y), (0.28, 0.75)))
    column = np.array([(x, -18.0), (x, 45.0)])
    spine = 0.16 * canvas.fill(band(column, 3.4), soft=0.3)
    spine += 0.2 * canvas.fill(*bodies, soft=0.1)
    spine += 0.1 * canvas.strokes(plates, [0.2] * len(plates), 0.08)
    return patient.bone * (spine + 0.14 * canvas.fill(*knobs, soft=0.1))


def _bones(patient, canvas, lungs, rng):
    # Under the domes the film is nearly white and hardly shows a rib.
    shade = 0.3 + 0.7 * canvas.blur(np.clip(sum(lungs.values()), 0, 1), 0.5)
    bones = 0.27 * bone_map(canvas, frontal_ribs(patient)) * shade
    collar = [(clavicle(patient, side), 1.15, 1.0) for side in SIDES]
    bones += 0.36 * bone_map(canvas, collar)
    wide, reach = patient.half_width, rng.uniform(-1.2, 1.2)
    long_bones, blades = [], []
    for sign in SIDES.values():
        shaft = [(wide + 4.4, 1.5), (wide + 6.2, 10), (wide + 9, 22), (wide + 12, 45)]
        long_bones.append((smooth([(sign * x, y) for x, y in shaft]), 1.9, 1.0))
        blade = [
            (wide + 2.6, 0.6),
            (wide + 2.0, 4.5),
            (wide + reach * 0.6, 13.0),
            (wide - 1.6 + reach, 11.5),
            (wide - 3.0 + reach, 5.0),
            (wide - 2.2 + reach, 0.2),
            (wide + 1.0, -1.2),
        ]
        blades.append(smooth([(sign * x, y) for x, y in blade], closed=True))
    bones += 0.26 * bone_map(canvas, long_bones)
    heads = [ellipse((s * (wide + 4.3), 1.4), (2.2, 2.3)) for s in SIDES.values()]
    bones += 0.3 * canvas.fill(*heads, soft=0.12)
    bones += 0.11 * canvas.fill(*blades, soft=0.1)
    edges = [np.concatenate([b, b[:1]]) for b in blades]
    bones += 0.14 * canvas.strokes(edges, [0.25] * 2, 0.1)
    return patient.bone * bones


def _vessels(patient, canvas, tree, lungs):
    curves, widths = tree
    flat = curves[..., :2].copy()
    inside = np.clip(lungs["right"] + lungs["left"], 0, 1)
    return 0.68 * draw_vessels(canvas, flat, widths) * inside


def _trachea(patient, canvas):
    x = turn(patient, 0.0, 0.55 * patient.depth)
    split = 0.36 * patient.lung_height
    tubes = [
        band([(x, -14), (x, -2), (x + 0.1, split)], 1.75),
        band([(x, split - 0.6), (x - 2.6, split + 2.6)], 1.25),
        band([(x, split - 0.6), (x + 3.0, split + 2.8)], 1.05),
    ]
    return 0.32 * canvas.fill(*tubes, soft=0.18)


def _gas(patient, canvas, rng):
    """The stomach's air under the left dome, and a little in the bowel."""
    if not patient.gas:
        return canvas.empty()
    x = rng.uniform(0.42, 0.62) * patient.half_width
    top = float(frontal_dome(patient, "left", x)) + 0.7
    radius = patient.gas
    wide, tall = radius * rng.uniform((0.8, 0.5), (1.3, 0.9))
    bubble = ellipse((x, top + tall), (wide, tall), rng.uniform(-20, 20))
    # Upright, the fluid stands level and cuts the bubble off below.
    bubble[:, 1] = np.minimum(bubble[:, 1], top + rng.uniform(1.1, 1.8) * tall)
    gas = rng.uniform(0.25, 0.65) * canvas.fill(bubble, soft=0.12)
    low = dome_level(patient, "left") + 7
    loops = [
        ellipse((rng.uniform(3, 11), low + rng.uniform(0, 4)), rng.uniform(0.8, 1.8, 2))
        for _ in range(3)
    ]
    return gas + 0.3 * canvas.fill(*loops, soft=0.3)

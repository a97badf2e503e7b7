"""What is not of the lung: bones, hernia, devices."""

import numpy as np

from cxrphantom.drawing.anatomy import (
    SIDES,
    dome_level,
    frontal_ribs,
    turn,
    vertebrae,
)
from cxrphantom.drawing.canvas import ellipse, smooth
from cxrphantom.drawing.lateral import spine_line
from cxrphantom.drawing.places import ball, bell, strength


def spine_degeneration(patient, finding, side, views, rng):
    """Paint worn discs: bright endplates and beaks at the bodies' corners."""
    much = strength(finding)
    levels, pitch = vertebrae(patient)
    count = 3 + int(3 * much)
    first = int(rng.integers(12, 20 - count))
    front, plates, side_beaks, side_plates = [], [], [], []
    x = turn(patient, 0.0, patient.depth - 2)
    for y in levels[first : first + count] + 0.5 * pitch:
        z = float(spine_line(patient, y))
        beak = (0.7 + 0.5 * much) * rng.uniform(0.7, 1.25)
        front.append(ellipse((z - 1.75, y), (beak, 0.5 * beak)))
        plates.append(np.array([(z - 1.5, y), (z + 1.5, y)]))
        for sign in SIDES.values():
            side_beaks.append(ellipse((x + sign * 2.1, y), (0.8 * beak, 0.45 * beak)))
        side_plates.append(np.array([(x - 1.7, y), (x + 1.7, y)]))
    density = 0.35 + 0.25 * much
    changes = {}
    for view, beaks, lines in (
        ("frontal", side_beaks, side_plates),
        ("lateral", front, plates),
    ):
        canvas = views[view].canvas
        drawn = canvas.fill(*beaks, soft=0.12)
        lines = canvas.strokes(lines, [0.5] * len(lines), 0.1)
        changes[view] = density * np.maximum(drawn, lines)
    return changes


def fracture(patient, finding, side, views, rng):
    """Paint a healing rib fracture: callus around a dark, stepped line."""
    mine = [
        curve
        for curve, _, weight in frontal_ribs(patient)
        if weight == 1.0 and curve[-1, 0] * SIDES[side] > 0
    ]
    curve = mine[int(rng.integers(3, 8))]
    at = int(rng.integers(7, 11))
    centre, along = curve[at], curve[at + 1] - curve[at - 1]
    along = along / np.linalg.norm(along)
    across = np.array([-along[1], along[0]])
    canvas = views["frontal"].canvas
    size = 1.0 + 0.5 * strength(finding)
    callus = 0.5 * bell(canvas, centre, (1.1 * size, 1.1 * size))
    gap = np.stack([centre - across * 0.75 - 0.2 * along, centre + across * 0.75])
    stub = centre + 0.6 * along + 0.35 * across
    change = callus + 0.35 * canvas.fill(ellipse(stub, (0.8, 0.35)), soft=0.08)
    return {"frontal": change - 0.4 * canvas.strokes([gap], [0.3], 0.05)}


def hiatal_hernia(patient, finding, side, views, rng):
    """Paint a stomach behind the heart, with its fluid level."""
    radius = 2.4 + 2.0 * strength(finding) * rng.uniform(0.9, 1.1)
    y = dome_level(patient, "left") - 0.62 * radius
    z = 0.70 * patient.depth
    x = turn(patient, rng.uniform(0.8, 2.2), z)
    changes = {}
    for view, across in (("frontal", x), ("lateral", z)):
        canvas = views[view].canvas
        body = canvas.fill(ellipse((across, y), (radius, radius)), soft=0.12)
        down = canvas.grid()[1]
        air = np.clip((y - 0.1 * radius - down) / 0.25, 0, 1)
        inside = ball(canvas, (across, y), 0.88 * radius, 0.3)
        changes[view] = 0.55 * body - 0.85 * inside * air
    return changes


def pacemaker(patient, finding, side, views, rng):
    """Paint a generator below the collar bone and its lead to the heart."""
    sign, tall, deep = SIDES[side], patient.lung_height, patient.depth
    x, y = 0.66 * patient.half_width, rng.uniform(2.6, 4.2)
    # Anything that enters by a vein goes down on the right, where the cava is.
    path = [
        (sign * (x - 1.5), y - 1.4, 1.0),
        (sign * 0.4 * patient.half_width, 1.2, 0.2 * deep),
        (sign * 2.0 - 0.6, 3.0, 0.36 * deep),
        (-2.2, 0.30 * tall, 0.42 * deep),
        (-2.6, 0.62 * tall, 0.42 * deep),
        (-0.5, 0.86 * tall, 0.34 * deep),
        (0.36 * patient.half_width, 0.93 * tall, 0.20 * deep),
    ]
    changes = _lead(patient, views, path, 0.26, 1.3)
    angle = sign * rng.uniform(-25, 5)
    square = ellipse((0, 0), (1, 1))
    # A superellipse: the can is a rounded box.
    can = np.sign(square) * np.abs(square) ** 0.6 * (2.3, 2.0)
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    can = can @ np.array([[c, s], [-s, c]]) + (sign * x, y)
    changes["frontal"] += 2.4 * views["frontal"].canvas.fill(can, soft=0.06)
    edge_on = ellipse((0.20 * deep, y), (0.55, 2.0), 28)
    changes["lateral"] += 2.4 * views["lateral"].canvas.fill(edge_on, soft=0.06)
    return changes


def catheter(patient, finding, side, views, rng):
    """Paint a central line, from the neck or the arm's vein to the cava."""
    sign, tall, deep = SIDES[side], patient.lung_height, patient.depth
    tip = (-2.3, rng.uniform(0.36, 0.5) * tall, 0.42 * deep)
    if rng.random() < 0.5:
        start = [(sign * 4.5, -9, 0.45 * deep), (sign * 3.2, -4, 0.42 * deep)]
    else:
        wide = patient.half_width
        start = [(sign * (wide + 2), 3, 0.3 * deep), (sign * 0.6 * wide, 0.8, 3.5)]
    vein = [(sign * 2.0 - 0.5, 2.4, 0.38 * deep), (-2.2, 0.2 * tall, 0.4 * deep)]
    return _lead(patient, views, [*start, *vein, tip], 0.28, 0.85)


def _lead(patient, views, path, width, density):
    path = np.array(path)
    planes = {
        "frontal": np.stack([turn(patient, path[:, 0], path[:, 2]), path[:, 1]], 1),
        "lateral": path[:, [2, 1]],
    }
    return {
        view: density * views[view].canvas.strokes([smooth(plane)], [width], 0.04)
        for view, plane in planes.items()
    }

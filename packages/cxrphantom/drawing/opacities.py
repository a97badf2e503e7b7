"""What whitens the lung itself: nodules, lines, patches, water."""

import numpy as np

from cxrphantom.drawing.anatomy import SIDES, dome_level, hilum_of, outer_edge
from cxrphantom.drawing.canvas import band, smooth
from cxrphantom.drawing.places import ball, bell, flat, lung, place, strength


def nodule(patient, finding, side, views, rng):
    """Paint a round soft-tissue nodule."""
    point = place(patient, finding, side, rng)
    radius = 0.85 + 1.15 * strength(finding) * rng.uniform(0.9, 1.1)
    density = rng.uniform(0.85, 1.0)
    return {
        view: views[view].canvas.blur(
            density * ball(views[view].canvas, flat(view, point), radius, 0.45), 0.1
        )
        for view in views
    }


def granuloma(patient, finding, side, views, rng):
    """Paint a calcified granuloma: small, sharp, denser than a rib."""
    point = place(patient, finding, side, rng)
    radius = 0.58 + 0.25 * strength(finding) * rng.uniform(0.8, 1.2)
    return {
        view: 2.0 * ball(views[view].canvas, flat(view, point), radius, 0.3)
        for view in views
    }


def consolidation(patient, finding, side, views, rng):
    """Paint an airless patch, with the bronchi showing dark inside it."""
    point = place(patient, finding, side, rng, "lower lobe")
    much = strength(finding)
    size = 2.7 + 3.4 * much
    shape = rng.uniform(0.8, 1.2, 2)
    branches = _fan(point, 1.1 * size, 5, rng)
    changes = {}
    for view, projection in views.items():
        canvas = projection.canvas
        cloud = canvas.cloud(rng, 2.4)
        heap = bell(canvas, flat(view, point), 1.25 * size * shape)
        patch = 1 / (1 + np.exp(-9 * (heap * (1 + 0.22 * cloud) - 0.42)))
        lines = [
            line[:, [0, 1]] if view == "frontal" else line[:, [2, 1]]
            for line in branches
        ]
        bronchi = canvas.strokes(lines, [0.3] * len(lines), 0.08)
        patch = patch * (1 + 0.1 * cloud) * (0.75 + 0.5 * much)
        # Airless lung hides the vessels and shows the bronchi instead.
        change = patch * (1 - 0.3 * bronchi) - 0.7 * patch * projection.vessels
        changes[view] = change * lung(views, view, side)
    return changes


def opacity(patient, finding, side, views, rng):
    """Paint an ill-defined opacity: streaks, patches or a haze, by pattern."""
    much = strength(finding)
    if finding.pattern in ("streaky", "interstitial", "reticular", "linear"):
        return _streaks(patient, finding, side, views, rng)
    if finding.pattern == "diffuse":
        return _haze(patient, side, views, rng, 0.5 + 0.4 * much)
    point = place(patient, finding, side, rng)
    spread = 1.1 + 1.6 * much
    count = 2 + int(4 * much) + (3 if finding.pattern == "patchy" else 0)
    heaps = [
        (np.add(point, rng.normal(0, spread, 3)), rng.uniform(1.3, 2.3, 2))
        for _ in range(count)
    ]
    heaps[0] = (np.array(point), np.array([2.2, 2.0]) + much)
    changes = {}
    for view in views:
        canvas = views[view].canvas
        total = canvas.empty()
        for centre, radii in heaps:
            total = np.maximum(total, bell(canvas, flat(view, centre), 1.3 * radii))
        total *= (0.75 + 0.35 * much) * (1 + 0.25 * canvas.cloud(rng, 0.8))
        changes[view] = total * lung(views, view, side)
    return changes


def atelectasis(patient, finding, side, views, rng):
    """Paint collapsed lung: plates across the base, and a wedge when it is much."""
    much = strength(finding)
    x, y, z = place(patient, finding, side, rng, "base")
    plates = []
    for index in range(1 + int(2.9 * much)):
        middle = np.array([x, y - 1.7 * index, z]) + rng.normal(0, 0.3, 3)
        long = rng.uniform(3.0, 4.2) + 1.2 * much
        lean = rng.uniform(-0.3, 0.3)
        t = np.linspace(-1, 1, 7)[:, None]
        reach = np.array([long * 0.9, long * lean, long * 0.8])
        bow = np.array([0, rng.uniform(-0.5, 0.5), 0])
        plates.append(middle + t * reach + (1 - t * t) * bow)
    wide = 0.55 + 0.35 * much
    changes = {}
    for view, projection in views.items():
        canvas = projection.canvas
        lines = [p[:, [0, 1]] if view == "frontal" else p[:, [2, 1]] for p in plates]
        taper = np.array([0.5, 0.9, 1, 1, 1, 0.9, 0.5]) * wide
        change = 0.85 * canvas.fill(*[band(line, taper) for line in lines], soft=0.18)
        base = (flat(view, (x, dome_level(patient, side) + 0.5, z)), (4.5, 2.6))
        change += 0.8 * much * bell(canvas, *base)
        changes[view] = change * lung(views, view, side)
    return changes


def scarring(patient, finding, side, views, rng):
    """Paint scars: a few irregular lines that draw together."""
    point = np.array(place(patient, finding, side, rng, "apex"))
    much = strength(finding)
    lines, widths = [], []
    main = rng.uniform(0, np.pi)
    for _ in range(4 + int(4 * much)):
        angle = main + rng.normal(0, 0.5)
        reach = rng.uniform(1.6, 2.8) * (0.8 + 0.5 * much)
        ray = reach * np.array([np.cos(angle), np.sin(angle), rng.uniform(-1, 1)])
        kink = rng.normal(0, 0.3, (5, 3))
        t = np.linspace(-0.6, 1, 5)[:, None]
        lines.append(point + rng.normal(0, 0.9, 3) + t * ray + kink)
        widths.append(rng.uniform(0.36, 0.5))
    return _lines(views, side, lines, widths, 0.65 + 0.2 * much)


def edema(patient, finding, side, views, rng):
    """Paint interstitial oedema: hazy hila, thick vessels, septal lines."""
    much = strength(finding)
    septa = []
    for sign in SIDES.values():
        for level in np.linspace(0.62, 1.0, 8):
            y = level * patient.lung_height + rng.normal(0, 0.2)
            edge = float(outer_edge(patient, y)) - rng.uniform(0.1, 0.5)
            x = sign * np.array([edge, edge - rng.uniform(1.4, 2.4)])
            septa.append(np.stack([x, [y, y + rng.uniform(-0.3, 0.3)]], 1))
    changes = {}
    for view, projection in views.items():
        canvas = projection.canvas
        air = np.clip(sum(projection.lungs.values()), 0, 1)
        haze = canvas.empty()
        for each in SIDES:
            centre = flat(view, hilum_of(patient, each) * [1.3, 1.08, 1])
            haze = np.maximum(haze, bell(canvas, centre, (6.8, 9.0)))
        mottle = 1 + 0.13 * canvas.cloud(rng, 0.9)
        change = (0.25 + 0.45 * much) * (0.25 + haze) * mottle
        change += (0.4 + 0.4 * much) * canvas.blur(projection.vessels, 0.15)
        if view == "frontal":
            change += 0.35 * canvas.strokes(septa, [0.22] * len(septa))
        changes[view] = change * air
    return changes


def _streaks(patient, finding, side, views, rng):
    point = np.array(place(patient, finding, side, rng, "base"))
    much = strength(finding)
    hilum = hilum_of(patient, side)
    away = (point - hilum) / np.linalg.norm(point - hilum)
    lines, widths = [], []
    for _ in range(5 + int(5 * much)):
        start = point + rng.normal(0, 1.2 + 0.6 * much, 3)
        ray = (away + rng.normal(0, 0.35, 3)) * rng.uniform(2.5, 4.5)
        t = np.linspace(-0.5, 0.5, 5)[:, None]
        lines.append(start + t * ray + rng.normal(0, 0.12, (5, 3)))
        widths.append(rng.uniform(0.35, 0.55))
    changes = _lines(views, side, lines, widths, 0.6 + 0.25 * much)
    for view in views:
        heap = bell(views[view].canvas, flat(view, point), (3.2, 2.6))
        changes[view] += 0.3 * heap * lung(views, view, side)
    return changes


def _haze(patient, side, views, rng, density):
    changes = {}
    for view, projection in views.items():
        mottle = 0.6 + 0.22 * projection.canvas.cloud(rng, 0.7)
        mottle += 0.25 * projection.canvas.cloud(rng, 3.0)
        changes[view] = density * np.clip(mottle, 0, 1.5) * lung(views, view, side)
    return changes


def _lines(views, side, lines, widths, density):
    changes = {}
    for view, projection in views.items():
        plane = [0, 1] if view == "frontal" else [2, 1]
        curves = [smooth(line[:, plane], steps=4) for line in lines]
        drawn = projection.canvas.strokes(curves, widths, 0.14)
        changes[view] = density * drawn * lung(views, view, side)
    return changes


def _fan(point, reach, count, rng):
    """Return bronchi that fan out from the side of a patch nearest the hilum."""
    root = np.array(point) * [0.75, 1, 1] - [0, 0.5 * reach, 0]
    t = np.linspace(0, 1, 6)[:, None]
    return [
        root + t * (np.array(point) + rng.normal(0, 0.45 * reach, 3) - root)
        for _ in range(count)
    ]

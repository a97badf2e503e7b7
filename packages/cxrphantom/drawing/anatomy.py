"""A phantom patient, and the normal anatomy of the frontal view.

All lengths are in centimetres. x runs from the patient's right (negative) to the
left, y from the apex of the lungs downwards, z from the breastbone to the back;
a frontal radiograph is the (x, y) plane of this box, a lateral the (z, y) plane.
What a tissue adds to the beam's attenuation is a plain sum, as in the body.
"""

import dataclasses

import numpy as np

from cxrphantom.drawing.canvas import band, smooth

SIDES = {"right": -1, "left": 1}


@dataclasses.dataclass(frozen=True)
class Patient:
    """One patient and the way the two films were taken.

    Args:
        seed: int. Seed of the details (vessels, rib tilt, noise).
        half_width, lung_height, depth: floats. Inner chest, in cm.
        fat, muscle: floats. Soft tissue around the chest, in cm.
        age: int. In years; the aorta unfolds with it.
        female: bool.
        heart_ratio: float. Cardiothoracic ratio.
        heart_lean: float. The share of the heart right of the midline.
        heart_depth: float around 1. The heart's size as seen from the side.
        dome, left_drop: floats. Height of a diaphragm's dome, and how far the
            left one lies below the right, in cm.
        kyphosis, vascularity, bone: floats around 1.
        unevenness: float. How much lungs and wall vary from place to place.
        rotation: float. Turn about the long axis, in degrees.
        frontal_camera, lateral_camera: tuples of width, x, y (cm), tilt (deg).
        exposure, contrast, gamma, scatter, noise: floats. The film's response.
        collimation: tuple of four floats. Blackened share of each border.
        marker: string. Side letter on the frontal film, or `""`.
        gas: float. Size of the stomach bubble, in cm.

    Example:
    ```python
    patient = sample_patient(np.random.default_rng(0))
    ```
    """

    seed: int
    half_width: float
    lung_height: float
    depth: float
    fat: float
    muscle: float
    age: int
    female: bool
    heart_ratio: float
    heart_lean: float
    heart_depth: float
    dome: float
    left_drop: float
    kyphosis: float
    vascularity: float
    bone: float
    unevenness: float
    rotation: float
    frontal_camera: tuple
    lateral_camera: tuple
    exposure: float
    contrast: float
    gamma: float
    scatter: float
    noise: float
    collimation: tuple
    marker: str
    gas: float


def sample_patient(rng):
    """Draw a patient without disease.

    Args:
        rng: `numpy.random.Generator`.

    Returns:
        A `Patient`. Everything but the anatomy's small details is in it.

    Example:
    ```python
    patient = sample_patient(np.random.default_rng(7))
    ```
    """

    def near(mean, spread, low, high):
        return float(np.clip(rng.normal(mean, spread), low, high))

    female = bool(rng.random() < 0.52)
    age = int(np.clip(rng.normal(50, 17), 18, 92))
    size = 0.95 if female else 1.04
    half_width = size * near(13.6, 0.9, 11.5, 15.8)
    height = size * near(20.5, 2.2, 15.5, 26)
    depth = size * near(19, 1.7, 15, 24)

    def camera(width, x, y):
        return (
            near(width, 3.0, width - 4.5, width + 8),
            near(x, 1.8, x - 3.6, x + 3.6),
            near(y, 2.0, y - 3.6, y + 3.6),
            near(0, 2.4, -6, 6),
        )

    borders = [rng.uniform(0, 0.06) if rng.random() < 0.15 else 0 for _ in range(4)]
    return Patient(
        seed=int(rng.integers(2**31)),
        half_width=half_width,
        lung_height=height,
        depth=depth,
        fat=near(1.6, 1.0, 0.4, 5.5),
        muscle=near(2.2 if female else 2.8, 0.5, 1.4, 4.5),
        age=age,
        female=female,
        heart_ratio=near(0.44, 0.022, 0.39, 0.48),
        heart_lean=near(0.35, 0.03, 0.28, 0.42),
        heart_depth=near(1, 0.1, 0.75, 1.25),
        dome=near(4.2, 0.9, 2.6, 6.5),
        left_drop=near(1.0, 0.8, -0.6, 3.0),
        kyphosis=near(0.8 + age / 150, 0.3, 0.3, 2.2),
        vascularity=near(1, 0.18, 0.6, 1.45),
        bone=near(1.15 - age / 350, 0.12, 0.6, 1.4),
        unevenness=near(0.035, 0.012, 0.01, 0.06),
        rotation=near(0, 2.8, -7, 7),
        frontal_camera=camera(
            max(2 * half_width + 9.5, height + 14), 0, height * 0.5 + 1.2
        ),
        lateral_camera=camera(
            max(depth + 17.5, height + 14), depth * 0.5 + 0.3, height * 0.5 + 2
        ),
        exposure=near(0, 0.3, -0.7, 0.7),
        contrast=near(1, 0.17, 0.65, 1.5),
        gamma=near(1, 0.2, 0.6, 1.55),
        scatter=near(0.12, 0.05, 0.03, 0.28),
        noise=near(1, 0.4, 0.3, 2.2),
        collimation=tuple(float(b) for b in borders),
        marker=str(rng.choice(["", "", "L", "R"])),
        gas=near(2.0, 0.8, 0.8, 3.6) if rng.random() < 0.65 else 0.0,
    )


@dataclasses.dataclass
class Projection:
    """One view while it is being drawn: a canvas and the maps upon it.

    Args:
        canvas: `Canvas`.
        attenuation: float32 `(size, size)`. The sum along the beam so far.
        lungs: dict of float32 maps in [0, 1]: where the `right` and `left` lung is.
        air: dict of float32 maps: the attenuation that each lung's air saves.
        heart: float32 map.
        vessels: float32 map, part of the attenuation.
    """

    canvas: object
    attenuation: np.ndarray
    lungs: dict
    air: dict
    heart: np.ndarray
    vessels: np.ndarray


# === Shapes shared by both views ===


def outer_edge(patient, y):
    """Return how far from the midline, in cm, the ribs' inner edge lies at y."""
    floor = patient.lung_height + patient.dome
    t = np.clip(np.asarray(y, float) / floor, 0, 1)
    return 4.2 + (patient.half_width - 4.2) * np.sqrt(1 - (1 - t) ** 2.5)


def inner_edge(patient, y):
    """Return the distance from the midline, in cm, of the lung's inner edge.

    The lungs reach nearly to the midline here: it is the mediastinum drawn over
    them that gives the border its shape.
    """
    t = np.clip(1 - np.asarray(y, float) / (0.13 * patient.lung_height), 0, 1)
    return 4.2 - 3.7 * np.sqrt(1 - t**2)


def dome_level(patient, side):
    """Return the y in cm of the highest point of a side's diaphragm."""
    return patient.lung_height + (patient.left_drop if side == "left" else 0.0)


def frontal_dome(patient, side, x):
    """Return the y in cm of the diaphragm at the distance x from the midline."""
    middle, edge = 0.45 * patient.half_width, patient.half_width
    u = np.clip((np.asarray(x, float) - middle) / (edge - middle), -1, 1)
    fall = np.where(u > 0, 0.45 * u**2 + 0.55 * (1 - np.sqrt(1 - u**2)), 0.4 * u**2)
    return dome_level(patient, side) + patient.dome * fall


def frontal_lung(patient, side):
    """Return a lung's outline in the frontal view, cm, `(n, 2)`."""
    floor = float(frontal_dome(patient, side, patient.half_width))
    # Close to the apex the edge turns fast: spend the points there.
    down = np.linspace(0, 1, 24) ** 2
    outer = np.stack([outer_edge(patient, down * floor), down * floor], 1)
    x = np.linspace(patient.half_width, 0.5, 18)
    base = np.stack([x, frontal_dome(patient, side, x)], 1)
    up = down[::-1] * base[-1, 1]
    inner = np.stack([inner_edge(patient, up), up], 1)
    return np.concatenate([outer, base[1:], inner]) * [SIDES[side], 1]


def frontal_heart(patient):
    """Return the heart's outline in the frontal view, cm, `(n, 2)`."""
    width = 2 * patient.half_width * patient.heart_ratio
    right, left = -patient.heart_lean * width, (1 - patient.heart_lean) * width
    floor = dome_level(patient, "left") + 0.8
    tall = 0.40 * patient.lung_height + 0.25 * width
    top = floor - tall
    return smooth(
        [
            (-0.5, top),
            (right * 0.62, top + 0.22 * tall),
            (right * 0.97, top + 0.50 * tall),
            (right, top + 0.68 * tall),
            (right * 0.78, floor - 0.3),
            (left * 0.35, floor + 0.9),
            (left * 0.88, floor + 0.2),
            (left, floor - 0.16 * tall),
            (left * 0.90, floor - 0.36 * tall),
            (left * 0.62, top + 0.34 * tall),
            (left * 0.40, top + 0.10 * tall),
            (2.0, top - 0.5),
        ],
        closed=True,
    )


def turn(patient, x, z):
    """Return the film's x of a point at x and z, for a patient turned a little."""
    return x + (z - 0.5 * patient.depth) * np.sin(np.deg2rad(patient.rotation))


def hilum_of(patient, side):
    """Return a hilum's point in cm; the left one lies a little higher."""
    y = 0.46 * patient.lung_height - (0.9 if side == "left" else 0.0)
    return np.array([SIDES[side] * 3.6, y, 0.52 * patient.depth])


# === Bones of the frontal view ===


def frontal_ribs(patient):
    """Return (curve, width, weight) of every rib, posterior and anterior parts."""
    # A stream of its own: a fracture has to find the same ribs again.
    rng = np.random.default_rng([patient.seed, 4])
    ribs = []
    pitch = (patient.lung_height + 2.5) / 10.2
    tilt = rng.normal(1, 0.12)
    for sign in SIDES.values():
        for k in range(10):
            y0 = -1.2 + k * pitch + rng.normal(0, 0.08)
            drop = tilt * (1.6 + 0.42 * k)
            # Where the rib meets the wall; iterate once, the wall bends there.
            side_y = y0 + drop
            wall = float(outer_edge(patient, max(side_y, 0.6))) + 0.25
            u = np.linspace(0, 1, 14)
            x = 1.8 + (wall - 1.8) * np.sin(u * np.pi / 2) ** 0.9
            y = y0 - 0.9 * np.sin(u * np.pi * 0.75) + (drop + 0.6) * u**2.6
            back = np.stack([sign * turn(patient, x, patient.depth * 0.8), y], 1)
            ribs.append((back, 1.05 + 0.02 * k, 1.0))
            if k > 7:
                continue
            end = wall * (0.45 - 0.01 * k)
            x = wall + (end - wall) * u**1.35
            y = y[-1] + (3.6 + 0.28 * k) * np.sin(u * np.pi / 2) ** 0.85
            front = np.stack([sign * turn(patient, x, 3.0), y], 1)
            ribs.append((front, 1.2, 0.62))
    return ribs


def bone_map(canvas, curves, soft=0.07):
    """Draw long bones: a faint body between two brighter cortical edges."""
    bodies = [band(curve, width) for curve, width, _ in curves]
    edges, weights = [], []
    for body, (_, _, weight) in zip(bodies, curves, strict=True):
        half = len(body) // 2
        edges += [body[:half], body[half:]]
        weights += [0.75 * weight, weight]
    lines = canvas.strokes(edges, [0.16] * len(edges), soft, weights)
    inside = canvas.empty()
    for weight in sorted({each[2] for each in curves}):
        pairs = zip(bodies, curves, strict=True)
        chosen = [body for body, curve in pairs if curve[2] == weight]
        inside += weight * canvas.fill(*chosen, soft=soft)
    return inside + 0.8 * lines


def clavicle(patient, side):
    """Return the centre line of a collar bone in the frontal view, cm."""
    wide = patient.half_width
    x = np.array([1.6, 4.5, 8.0, 0.82 * wide, wide + 1.5, wide + 4.0])
    y = np.array([2.4, 1.6, 0.7, -0.5, -1.0, -0.6])
    x = turn(patient, SIDES[side] * x, 0.12 * patient.depth)
    return smooth(np.stack([x, y], 1))


def vertebrae(patient):
    """Return the level in cm of every vertebral body, and their spacing."""
    pitch = (patient.lung_height + 2.5) / 10.2
    return np.arange(-8, 21) * pitch - 0.6, pitch


def body_outline(patient):
    """Return trunk and arm outlines in the frontal view, cm."""
    wide, wall = patient.half_width, patient.fat + patient.muscle
    shoulder = wide + 4.2 + 0.5 * patient.muscle
    half = [
        (5.4 + 0.3 * patient.fat, -16),
        (5.3 + 0.3 * patient.fat, -7),
        (7.2, -4.4 - 0.3 * patient.fat),
        (wide, -3.2 - 0.3 * patient.fat),
        (shoulder, -1.5),
        (shoulder + 1.4, 2),
        (wide + wall + 1.8, 7),
        (wide + wall * 1.05, 12),
        (wide + wall, 20),
        (wide + wall * 1.1 - 0.6, 30),
        (wide + wall * 1.1 - 0.6, 48),
    ]
    right = smooth([(-x, y) for x, y in half])
    trunk = np.concatenate([right, right[::-1] * [-1, 1]])
    arms = []
    for sign in SIDES.values():
        line = [
            (shoulder - 1.0, 1),
            (shoulder + 2.6, 9),
            (shoulder + 5, 22),
            (shoulder + 8, 45),
        ]
        arm = smooth([(sign * x, y) for x, y in line])
        arms.append(band(arm, 7.0 + patient.fat))
    return trunk, arms

"""Radiographs made harder: what a lung segmenter may meet in other hospitals.

The masks available come from two hospitals, upright and well exposed. Every
function here takes a grey image in [0, 1] and a random generator and returns
the image changed; those that take the mask as well know where the lungs are.
Disease is drawn over the lung and the mask stays: a lung hidden by consolidation or
behind an effusion is still lung.
"""

import cv2
import numpy as np

SMALLEST = 0.005  # Of the image: smaller regions are specks, not lungs.


def augment(image, mask, rng, gentle=0.2):
    """Change an image and its mask at random.

    Args:
        image: float32 array `(S, S)` in [0, 1].
        mask: uint8 array `(S, S)`, 0 and 1.
        rng: `numpy.random.Generator`.
        gentle: float. Share of the images that are only mirrored, moved a little
            and exposed a little differently, since good films occur, too.

    Returns:
        The image and the mask, of the same shapes and types.

    Example:
    ```python
    image, mask = augment(image, mask, np.random.default_rng(0))
    ```
    """
    if rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    image, mask = np.ascontiguousarray(image), np.ascontiguousarray(mask)
    if rng.random() < gentle:
        image, mask = warp(image, mask, rng, strength=0.3)
        return np.clip(image, 0, 1) ** np.float32(np.exp(rng.normal(0, 0.1))), mask
    if rng.random() < 0.5:
        image = add_disease(image, mask, rng)
    if rng.random() < 0.3:
        image = add_devices(image, rng)
    image, mask = warp(image, mask, rng)
    if rng.random() < 0.8:
        image = expose(image, rng)
    if rng.random() < 0.4:
        image = degrade(image, rng)
    if rng.random() < 0.3:
        image, mask = add_border(image, mask, rng)
    if rng.random() < 0.3:
        image = add_text(image, rng)
    if rng.random() < 0.1:
        image = 1.0 - image
    return image.astype("float32"), mask


# === Geometry ===


def warp(image, mask, rng, strength=1.0):
    """Turn, scale, shear, shift and bend; what comes into view is a single grey."""
    size = image.shape[0]
    angle = rng.normal(0, 8) if rng.random() < 0.9 else rng.uniform(-45, 45)
    angle = np.deg2rad(strength * angle)
    scale = np.exp(strength * rng.uniform(np.log(0.65), np.log(1.3)))
    stretch = np.exp(strength * rng.normal(0, 0.1))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shear = np.array([[1, strength * rng.normal(0, 0.06)], [0, 1]])
    linear = turn @ shear @ np.diag([scale * stretch, scale / stretch])
    middle = np.full(2, size / 2)
    shift = middle - linear @ middle + rng.normal(0, strength * 0.06 * size, 2)
    inverse = np.linalg.inv(linear)
    grid = np.mgrid[:size, :size][::-1].reshape(2, -1).astype("float32")  # x, y
    source = inverse @ (grid - shift[:, None])
    source = source.reshape(2, size, size).astype("float32")
    if rng.random() < 0.5:
        # A field on a coarse grid, made smooth by enlarging it: up to 3 %.
        field = rng.normal(0, strength * 0.012 * size, (2, 5, 5)).astype("float32")
        source += [
            cv2.resize(f, (size, size), interpolation=cv2.INTER_CUBIC) for f in field
        ]
    fill = float(rng.choice([0.0, 0.0, rng.random(), 1.0]))
    image = cv2.remap(image, *source, cv2.INTER_LINEAR, borderValue=fill)
    # Interpolated, then cut at one half: nearest neighbours would fray the edge.
    share = cv2.remap(mask.astype("float32"), *source, cv2.INTER_LINEAR, borderValue=0)
    return image, (share > 0.5).astype("uint8")


# === Exposure ===


def expose(image, rng):
    """Another tube, detector and window."""
    image = np.clip(image, 0, 1) ** np.exp(rng.normal(0, 0.4))
    kind = rng.random()
    if kind < 0.25:  # A narrow window: both ends are clipped.
        low, high = np.quantile(image, [rng.uniform(0, 0.2), rng.uniform(0.75, 1)])
        image = (image - low) / max(high - low, 0.05)
    elif kind < 0.4:  # Contrast made locally equal, as some devices do.
        tiles = int(rng.integers(2, 9))
        equaliser = cv2.createCLAHE(float(rng.uniform(1, 6)), (tiles, tiles))
        image = equaliser.apply((image * 255).astype("uint8")) / np.float32(255)
    elif kind < 0.7:  # Flat and grey.
        contrast = rng.uniform(0.3, 1)
        image = image * contrast + rng.uniform(0, 1 - contrast)
    if rng.random() < 0.4:  # The anode heel effect; a patient not quite straight.
        size = image.shape[0]
        field = rng.normal(0, 0.12, (3, 3)).astype("float32")
        image = image + cv2.resize(field, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, 1)


def degrade(image, rng):
    """Blur, noise, a small picture enlarged, JPEG blocks or sharpened edges."""
    kind = rng.integers(5)
    size = image.shape[0]
    if kind == 0:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 2.5))
    elif kind == 1:
        image = image + rng.normal(0, rng.uniform(0.01, 0.08), image.shape)
    elif kind == 2:
        small = int(size * rng.uniform(0.25, 0.7))
        image = cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (size, size), interpolation=cv2.INTER_LINEAR)
    elif kind == 3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(10, 60))]
        _, coded = cv2.imencode(
            ".jpg", (np.clip(image, 0, 1) * 255).astype("uint8"), quality
        )
        image = cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE) / np.float32(255)
    else:
        soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(1, 6))
        image = image + rng.uniform(0.5, 2) * (image - soft)
    return np.clip(image, 0, 1)


# === Disease ===


def add_disease(image, mask, rng):
    """Lighten lung: patches, an effusion, a haze, or a side that is all white."""
    size = image.shape[0]
    outside = image[(mask == 0) & (image > 0.2)]
    tissue = (
        float(np.quantile(outside, rng.uniform(0.5, 0.95))) if outside.size else 0.8
    )
    opacity = np.zeros_like(image)
    for side in lungs_of(mask):
        kind = rng.random()
        top, bottom = np.flatnonzero(side.any(axis=1))[[0, -1]]
        if kind < 0.35:
            opacity += _patches(side, rng)
        elif kind < 0.6:  # An effusion: from its level down, with a meniscus.
            level = bottom - (bottom - top) * rng.uniform(0.05, 0.7)
            soft = rng.uniform(1, 12)
            rows, columns = np.mgrid[:size, :size]
            middle = np.median(np.flatnonzero(side.any(axis=0)))
            reach = (columns - middle) * rng.uniform(-0.3, 0.3)
            opacity += 1 / (1 + np.exp(np.clip((level + reach - rows) / soft, -30, 30)))
        elif kind < 0.8:
            opacity += rng.uniform(0.1, 0.6)
        elif kind < 0.86:
            opacity += rng.uniform(0.8, 1) * (side > 0)
        edge = cv2.GaussianBlur(side.astype("float32"), (0, 0), 1.5)
        share = np.clip(opacity, 0, 1) * edge
        image = image * (1 - share) + np.maximum(image, tissue) * share
        opacity[:] = 0
    return image


def lungs_of(mask):
    """Left and right lung of a mask, each 0 and 1: its two largest regions.

    Fewer where the lungs touch, one is missing, or both are specks.

    Args:
        mask: uint8 array `(H, W)`, 0 and 1.

    Returns:
        A list of at most two arrays like it.

    Example:
    ```python
    lungs_of(np.eye(4, dtype="uint8"))  # one: regions touch at corners, too
    ```
    """
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask)
    areas = statistics[:, cv2.CC_STAT_AREA]  # The background is region 0.
    largest = 1 + np.argsort(-areas[1:], kind="stable")[:2]
    regions = [i for i in sorted(largest) if areas[i] > SMALLEST * mask.size]
    return [(labels == i).astype("uint8") for i in regions]


def _patches(side, rng):
    rows, columns = np.nonzero(side)
    size = side.shape[0]
    opacity = np.zeros(side.shape, "float32")
    for _ in range(rng.integers(1, 9)):
        i = rng.integers(len(rows))
        axes = rng.uniform(0.02, 0.16, 2) * size
        cv2.ellipse(
            opacity,
            (int(columns[i]), int(rows[i])),
            (int(axes[0]) + 1, int(axes[1]) + 1),
            float(rng.uniform(0, 180)),
            0,
            360,
            float(rng.uniform(0.2, 0.9)),
            -1,
        )
    return cv2.GaussianBlur(opacity, (0, 0), rng.uniform(2, 8))


# === What else is on a film ===


def add_devices(image, rng):
    """Tubes and wires as bright curves, electrodes and pacemakers as bright shapes."""
    size = image.shape[0]
    drawn = np.zeros(image.shape, "uint8")  # OpenCV draws smooth lines on bytes only.
    for _ in range(rng.integers(1, 6)):
        corners = rng.uniform(0, size, (4, 2))
        t = np.linspace(0, 1, 40)[:, None]
        curve = (  # Bézier: wires sag, they have no corners.
            (1 - t) ** 3 * corners[0]
            + 3 * t * (1 - t) ** 2 * corners[1]
            + 3 * t**2 * (1 - t) * corners[2]
            + t**3 * corners[3]
        )
        points = np.round(curve).astype("int32")[:, None]
        width = int(rng.integers(1, 4))
        grey = float(rng.uniform(50, 200))
        cv2.polylines(drawn, [points], False, grey, width, cv2.LINE_AA)
    for _ in range(rng.integers(0, 5)):
        centre = tuple(int(v) for v in rng.uniform(0, size, 2))
        radius = int(rng.uniform(0.01, 0.05) * size) + 1
        thickness = -1 if rng.random() < 0.5 else 2
        grey = float(rng.uniform(80, 255))
        cv2.circle(drawn, centre, radius, grey, thickness, cv2.LINE_AA)
    return image + (1 - image) * (drawn / np.float32(255))


def add_border(image, mask, rng):
    """Collimation: everything outside a (turned) rectangle is black, white or grey."""
    size = image.shape[0]
    width, height = size * (1 - np.abs(rng.normal(0, 0.12, 2)).clip(0, 0.4))
    centre = size / 2 + rng.normal(0, 0.02 * size, 2)
    box = cv2.boxPoints((tuple(centre), (width, height), float(rng.normal(0, 2))))
    inside = cv2.fillConvexPoly(np.zeros(image.shape, "uint8"), np.int32(box), 1)
    value = float(rng.choice([0.0, 0.0, 0.0, rng.random(), 1.0]))
    return np.where(inside, image, value), mask * inside


def add_text(image, rng):
    """Markers and labels, some of them in a box."""
    size = image.shape[0]
    font = cv2.FONT_HERSHEY_SIMPLEX
    for _ in range(rng.integers(1, 5)):
        count = rng.integers(1, 13)
        letters = "".join(rng.choice(list("ABDEILMNOPRSTX0123456789:/ "), count))
        scale = rng.uniform(0.2, 0.9)
        (width, height), _ = cv2.getTextSize(letters, font, scale, 1)
        x, y = int(rng.uniform(-0.1, 0.95) * size), int(rng.uniform(0, 1) * size)
        ink = np.zeros(image.shape, "uint8")
        cv2.putText(ink, letters, (x, y), font, scale, 255, 1, cv2.LINE_AA)
        white = rng.random() < 0.8
        if rng.random() < 0.3:
            box = np.zeros(image.shape, "uint8")
            cv2.rectangle(box, (x - 3, y - height - 3), (x + width + 3, y + 3), 1, -1)
            image = np.where(box, 0.0 if white else 1.0, image)
        share = ink / np.float32(255)
        image = image * (1 - share) + float(white) * share
    return image

"""Drawing in centimetres: a canvas on which shapes become thickness maps.

Anatomy is written in centimetres of the patient and knows no pixels. The canvas
carries the camera (field of view, centring, tilt), so one description gives
the same picture at every size.
"""

import cv2
import numpy as np

# Polygon corners go to OpenCV as integers with this many fractional bits.
_SHIFT = 4
# A blur wider than this many pixels is done on a quarter-size canvas instead:
# the picture is the same and it costs a sixteenth.
_WIDEST_BLUR = 4.0
# The film noise has its own grid, so that it does not depend on size.
_NOISE = 512


class Canvas:
    """A square film and the camera that looks at the patient.

    Args:
        size: int. Side of the film in pixels.
        width: float. Field of view in centimetres.
        centre: pair of floats. The patient's point at the film's centre, cm.
        tilt: float. Rotation of the patient in the film's plane, in degrees.

    Example:
    ```python
    canvas = Canvas(512, width=42, centre=(0, 14))
    disc = canvas.fill(ellipse((0, 14), (5, 5)))  # (512, 512) in [0, 1]
    ```
    """

    def __init__(self, size, width, centre, tilt=0.0):
        self.size = size
        self.scale = size / width
        angle = np.deg2rad(tilt)
        turn = np.array(
            [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        )
        self._turn = turn * self.scale
        self._shift = size / 2 - self._turn @ np.asarray(centre, float)
        self._grid = None

    def pixels(self, points):
        """Project points in cm, `(..., 2)`, to pixel edges coordinates."""
        return np.asarray(points, float) @ self._turn.T + self._shift

    def grid(self):
        """Return x and y in cm at every pixel, two float32 `(size, size)`."""
        if self._grid is None:
            centres = np.arange(self.size, dtype="float32") + 0.5
            back = np.linalg.inv(self._turn).astype("float32")
            u = centres[None, :] - np.float32(self._shift[0])
            v = centres[:, None] - np.float32(self._shift[1])
            self._grid = (
                back[0, 0] * u + back[0, 1] * v,
                back[1, 0] * u + back[1, 1] * v,
            )
        return self._grid

    def fill(self, *outlines, soft=0.06):
        """Fill closed outlines in cm; `soft` is the edge's blur in cm."""

        def paint(image, reduce):
            for outline in outlines:
                points = self._corners(outline, reduce)
                cv2.fillPoly(image, [points], 255, cv2.LINE_AA, _SHIFT)

        return self._paint(paint, soft)

    def strokes(self, curves, widths, soft=0.05, weights=None):
        """Draw open curves in cm with their widths in cm, the later on top.

        A line thinner than a pixel is drawn a pixel wide and fainter, which is
        what a detector makes of it.
        """
        weights = np.ones(len(widths)) if weights is None else weights

        def paint(image, reduce):
            scale = self.scale / reduce
            for curve, width, weight in zip(curves, widths, weights, strict=True):
                thick = max(1, round(width * scale))
                grey = 255 * weight * min(1.0, width * scale)
                points = self._corners(curve, reduce)
                cv2.polylines(
                    image, [points], False, float(grey), thick, cv2.LINE_AA, _SHIFT
                )

        return self._paint(paint, soft)

    def solid(self, mask, outline, radius, rim=0.5):
        """Give a filled outline the thickness profile of a rounded body.

        Args:
            mask: float32 `(size, size)`. The sharp, filled outline.
            outline: the outline or list of outlines in cm behind `mask`.
            radius: float. Depth in cm at which the body is at its thickest.
            rim: float. Thickness right at the edge, as a share of the thickest.

        Returns:
            float32 `(size, size)`, 1 where the body is thickest.
        """
        outlines = outline if isinstance(outline, list) else [outline]
        small = np.zeros((self.size // 4 + 2,) * 2, np.uint8)
        for each in outlines:
            corners = self._corners(each, 4) + (1 << _SHIFT)
            cv2.fillPoly(small, [corners], 255, cv2.LINE_8, _SHIFT)
        depth = cv2.distanceTransform(small, cv2.DIST_L2, 3)[1:-1, 1:-1]
        depth = np.minimum(depth * (4 / self.scale / radius), 1)
        profile = rim + (1 - rim) * np.sqrt(depth * (2 - depth))
        sigma = max(0.5, 0.12 * radius * self.scale / 4)
        profile = cv2.GaussianBlur(profile, (0, 0), sigma)
        return self._enlarge(profile) * mask

    def blur(self, image, soft):
        """Blur a float32 map by `soft` cm, at a size that makes it cheap."""
        sigma = soft * self.scale
        reduce = 1
        while sigma / reduce > _WIDEST_BLUR and self.size // reduce > 32:
            reduce *= 2
        if reduce == 1:
            return cv2.GaussianBlur(image, (0, 0), sigma) if sigma > 0.3 else image
        small = cv2.resize(
            image, (self.size // reduce,) * 2, interpolation=cv2.INTER_AREA
        )
        small = cv2.GaussianBlur(small, (0, 0), sigma / reduce)
        return self._enlarge(small)

    def cloud(self, rng, cell):
        """Return smooth noise, mean 0, spread about 1, with structures of `cell` cm."""
        cells = int(np.ceil(self.size / self.scale / cell)) + 3
        field = rng.standard_normal((cells, cells)).astype("float32")
        return 1.6 * cv2.resize(field, (self.size,) * 2, interpolation=cv2.INTER_CUBIC)

    def film_noise(self, rng, soft=0.6):
        """Return film noise: white noise blurred by `soft` of its own pixels."""
        field = rng.standard_normal((_NOISE, _NOISE), dtype="float32")
        field = cv2.GaussianBlur(field, (0, 0), soft)
        shrinks = self.size < _NOISE
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return cv2.resize(field, (self.size,) * 2, interpolation=how)

    def empty(self):
        """Return a map of zeros, float32 `(size, size)`."""
        return np.zeros((self.size, self.size), np.float32)

    def _corners(self, points, reduce):
        # OpenCV counts from pixel centres, the camera from the film's corner.
        pixels = self.pixels(points) / reduce - 0.5
        return np.round(pixels * (1 << _SHIFT)).astype(np.int32)

    def _paint(self, paint, soft):
        sigma = soft * self.scale
        reduce = 4 if sigma > _WIDEST_BLUR else 1
        image = np.zeros((self.size // reduce,) * 2, np.uint8)
        paint(image, reduce)
        if sigma / reduce > 0.3:
            image = cv2.GaussianBlur(image, (0, 0), sigma / reduce)
        image = image.astype(np.float32) * np.float32(1 / 255)
        return image if reduce == 1 else self._enlarge(image)

    def _enlarge(self, image):
        return cv2.resize(image, (self.size,) * 2, interpolation=cv2.INTER_LINEAR)


def smooth(points, closed=False, steps=8):
    """Run a Catmull-Rom curve through points in cm, `(n, 2)`."""
    points = np.asarray(points, float)
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([points[:1], points, points[-1:]])
    a, b, c, d = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (
        2 * b
        + (c - a) * t
        + (2 * a - 5 * b + 4 * c - d) * t**2
        + (3 * b - a - 3 * c + d) * t**3
    )
    curve = curve.reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def ellipse(centre, radii, angle=0.0, points=40):
    """Return the outline of an ellipse in cm, turned by `angle` degrees."""
    t = np.linspace(0, 2 * np.pi, points, endpoint=False)
    x, y = radii[0] * np.cos(t), radii[1] * np.sin(t)
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    return np.stack([centre[0] + c * x - s * y, centre[1] + s * x + c * y], 1)


def band(curve, width):
    """Return the outline of a band of `width` cm (number or array) on a curve."""
    curve = np.asarray(curve, float)
    along = np.gradient(curve, axis=0)
    length = np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)
    across = np.stack([-along[:, 1], along[:, 0]], 1) / length[:, None]
    half = np.broadcast_to(np.asarray(width, float) / 2, len(curve))[:, None]
    return np.concatenate([curve + across * half, (curve - across * half)[::-1]])

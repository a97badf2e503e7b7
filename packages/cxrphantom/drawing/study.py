"""A phantom study: two films of one patient with findings, and their truth."""

import dataclasses

import cv2
import numpy as np

from cxrphantom.drawing.anatomy import sample_patient
from cxrphantom.drawing.canvas import Canvas
from cxrphantom.drawing.findings import add_finding, reshape
from cxrphantom.drawing.frontal import draw_frontal
from cxrphantom.drawing.lateral import draw_lateral
from cxrphantom.drawing.vessels import vessel_tree

__all__ = ["Study", "draw_study", "sample_patient"]

VIEWS = ("frontal", "lateral")
# A film drawn smaller than this is drawn larger and shrunk: ribs and vessels
# need pixels to be drawn in.
_SMALLEST = 256


@dataclasses.dataclass(frozen=True)
class Study:
    """Two radiographs and what is on them.

    Args:
        frontal, lateral: uint8 `(size, size)`. Bright is dense.
        masks: dict of view to `{"lungs", "heart"}`, bool `(size, size)`. The
            lungs of the frontal view leave the heart out, as readers draw them.
        finding_masks: list in the findings' order of dicts of view to bool
            `(size, size)`; empty (all False) where the view does not show it.

    Example:
    ```python
    study = draw_study(patient, [Finding("edema")])
    share = study.finding_masks[0]["frontal"].mean()
    ```
    """

    frontal: np.ndarray
    lateral: np.ndarray
    masks: dict
    finding_masks: list


def draw_study(patient, findings, size=512, rng=None):
    """Draw the frontal and lateral radiograph of a patient with findings.

    Anatomy and film noise depend on the patient alone, so that the same patient
    drawn with and without a finding differs by the finding only.

    Args:
        patient: `Patient`.
        findings: list of `Finding`. Empty for a normal study.
        size: int. Side of both films in pixels.
        rng: `numpy.random.Generator` of the findings' free choices (where in
            the lobe, which contour). Defaults to one made from the patient.

    Returns:
        A `Study`.

    Example:
    ```python
    rng = np.random.default_rng(0)
    patient = sample_patient(rng)
    study = draw_study(patient, [Finding("nodule", side="left")], rng=rng)
    study.frontal.shape  # (512, 512)
    ```
    """
    rng = np.random.default_rng(patient.seed) if rng is None else rng
    seed = int(rng.integers(2**31))
    # One stream for each finding: adding one leaves the others where they are.
    streams = [np.random.default_rng([seed, i]) for i in range(len(findings))]
    shaped = patient
    for finding, stream in zip(findings, streams, strict=True):
        shaped = reshape(shaped, finding, stream)
    fine = size * -(-_SMALLEST // size) if size < _SMALLEST else size
    views = _draw_anatomy(shaped, fine)
    truth = [
        add_finding(shaped, finding, views, stream)
        for finding, stream in zip(findings, streams, strict=True)
    ]
    films = {}
    for index, view in enumerate(VIEWS):
        generator = np.random.default_rng([patient.seed, 10 + index])
        films[view] = _shrink(develop(patient, views[view], generator, view), size)
    masks = {
        view: {
            "lungs": _as_mask(sum(projection.lungs.values()), size),
            "heart": _as_mask(projection.heart, size),
        }
        for view, projection in views.items()
    }
    truth = [
        {view: _as_mask(each[view].astype("float32"), size) for view in VIEWS}
        for each in truth
    ]
    return Study(films["frontal"], films["lateral"], masks, truth)


def develop(patient, projection, rng, view="frontal"):
    """Turn attenuation into a film: scatter, noise, response, borders, marker.

    Args:
        patient: `Patient`.
        projection: `Projection`.
        rng: `numpy.random.Generator` of the noise.
        view: string. `"frontal"` or `"lateral"`.

    Returns:
        uint8 `(size, size)`.

    Example:
    ```python
    film = develop(patient, projection, np.random.default_rng(0))
    ```
    """
    canvas = projection.canvas
    light = np.exp(-np.maximum(projection.attenuation, 0))
    scattered = canvas.blur(np.minimum(light, 0.5), 4.0)
    light = (1 - patient.scatter) * light + patient.scatter * scattered
    # Few photons reach the film behind dense tissue: there it is noisier.
    noise = 0.6 * canvas.film_noise(rng, 0.5) + 0.7 * canvas.film_noise(rng, 1.2)
    density = -np.log(light + 1e-3)
    density += 0.014 * patient.noise * noise / np.sqrt(light + 0.02)
    middle = 1.75 if view == "frontal" else 1.95
    slope = 1.35 * patient.contrast
    grey = 1 / (1 + np.exp(-slope * (density - middle - patient.exposure)))
    floor = 1 / (1 + np.exp(slope * (middle + patient.exposure)))
    grey = np.clip((grey - floor) / (0.97 - floor), 0, 1) ** patient.gamma
    grey = _borders(patient, grey)
    film = np.round(255 * grey).astype(np.uint8)
    if patient.marker and view == "frontal":
        _stamp(patient, film)
    return film


def _borders(patient, grey):
    size = len(grey)
    left, right, top, bottom = (round(size * b) for b in patient.collimation)
    framed = np.zeros_like(grey)
    inside = slice(top, size - bottom), slice(left, size - right)
    framed[inside] = grey[inside]
    return framed


def _stamp(patient, film):
    """Put the side's letter into the upper corner of that side."""
    size = len(film)
    x = 0.05 if patient.marker == "R" else 0.91
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.0021 * size
    where = (int(x * size), int(0.12 * size))
    thick = max(1, round(size / 170))
    cv2.putText(film, patient.marker, where, font, scale, 245, thick, cv2.LINE_AA)


def _shrink(image, size):
    if len(image) == size:
        return image
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def _draw_anatomy(patient, size):
    curves, widths = vessel_tree(patient, np.random.default_rng([patient.seed, 1]))
    draws = {"frontal": draw_frontal, "lateral": draw_lateral}
    cameras = {"frontal": patient.frontal_camera, "lateral": patient.lateral_camera}
    views = {}
    for index, view in enumerate(VIEWS):
        width, across, down, tilt = cameras[view]
        canvas = Canvas(size, width, (across, down), tilt)
        rng = np.random.default_rng([patient.seed, 2 + index])
        views[view] = draws[view](patient, canvas, (curves, widths), rng)
    return views


def _as_mask(soft, size):
    return _shrink(soft, size) > 0.5

"""An atlas: one patient drawn with and without each finding, and normal landmarks."""

import dataclasses
import functools

import numpy as np

from cxrphantom.drawing import anatomy, lateral
from cxrphantom.drawing.canvas import Canvas
from cxrphantom.drawing.study import VIEWS, Study, draw_study
from cxrphantom.findings import Finding
from cxrphantom.reports.grammar import sentence

SEED = 6_000_000  # Of the patient here; the course's data sets have others.
# Each finding of the phantom, where and as large as the atlas shows it.
SHOWN = (
    Finding("cardiomegaly", degree="severe"),
    Finding("edema", degree="moderate"),
    Finding("pleural_effusion", "left", degree="moderate"),
    Finding("consolidation", "right", "middle lobe"),
    Finding("atelectasis", "left", "base"),
    Finding("opacity", "right", "upper lobe", pattern="patchy"),
    Finding("nodule", "left", "upper lobe"),
    Finding("calcified_granuloma", "right", "lower lobe"),
    Finding("scarring", "right", "apex"),
    Finding("pneumothorax", "right", "apex", "moderate"),
    Finding("hyperinflation", degree="severe"),
    Finding("fracture", "right"),
    Finding("spine_degeneration", degree="severe"),
    Finding("hiatal_hernia", degree="large"),
    Finding("pacemaker", "left"),
    Finding("catheter", "right"),
)


@dataclasses.dataclass(frozen=True)
class Plate:
    """One patient without and with a finding.

    Args:
        finding: `Finding`.
        without, shown: `cxrphantom.drawing.study.Study`. They differ by the finding.
        sentence: string. How a report says it.
    """

    finding: Finding
    without: Study
    shown: Study
    sentence: str

    @property
    def views(self):
        """The views in which the finding shows, a list of strings."""
        (masks,) = self.shown.finding_masks
        return [view for view in VIEWS if masks[view].any()]


@functools.cache
def atlas_patient():
    """The patient of the atlas: of ordinary build, upright, well exposed.

    Returns:
        A `cxrphantom.drawing.anatomy.Patient`.

    Example:
    ```python
    draw_study(atlas_patient(), [])
    ```
    """
    patient = anatomy.sample_patient(np.random.default_rng(SEED))
    frontal, side = patient.frontal_camera, patient.lateral_camera
    return dataclasses.replace(
        patient,
        **{"rotation": 0.0, "exposure": 0.0, "contrast": 1.0, "gamma": 1.0},
        **{"noise": 0.4, "scatter": 0.1, "collimation": (0.0,) * 4, "marker": "L"},
        frontal_camera=(*frontal[:3], 0.0),
        lateral_camera=(*side[:3], 0.0),
    )


def draw_plate(finding, patient=None, size=512, pick=4):
    """Draw one patient without and with a finding.

    Args:
        finding: `Finding`, its place filled in.
        patient: `Patient`; by default that of the atlas.
        size: int. Side of the films in pixels.
        pick: int. Another one draws the finding in another shape, elsewhere in its
            region, and may say it in other words.

    Returns:
        A `Plate`.

    Example:
    ```python
    draw_plate(Finding("nodule", "left", "upper lobe")).sentence
    ```
    """
    patient = patient or atlas_patient()
    without, shown = (
        draw_study(patient, each, size, np.random.default_rng(pick))
        for each in ([], [finding])
    )
    words = np.random.default_rng([pick, *finding.name.encode()])
    return Plate(finding, without, shown, sentence(finding, words))


def structures(patient, view):
    """Where the normal structures of a film are.

    Args:
        patient: `Patient`.
        view: string. `"frontal"` or `"lateral"`.

    Returns:
        A dict, name → column and row as shares of the film's side.

    Example:
    ```python
    structures(atlas_patient(), "frontal")["trachea"]
    ```
    """
    tall, wide, deep = patient.lung_height, patient.half_width, patient.depth
    left, right = (anatomy.SIDES[side] for side in ("left", "right"))
    heart = np.array(anatomy.frontal_heart(patient))
    hilum = anatomy.hilum_of(patient, "right")
    if view == "frontal":
        beside = (heart[:, 0].max(), heart[:, 0].min())
        rows = [heart[heart[:, 0].argmax(), 1], heart[heart[:, 0].argmin(), 1]]
        angle = anatomy.frontal_dome(patient, "left", wide)
        collar = anatomy.clavicle(patient, "right")
        places = {
            "trachea": (0, 0.12 * tall),
            "clavicle": collar[len(collar) // 3],
            "aortic arch": (3.0, 0.29 * tall),
            "right hilum": hilum[:2],
            "right heart border": (beside[1], rows[1]),
            "left heart border": (beside[0], rows[0]),
            "right dome of the diaphragm": (
                right * 0.45 * wide,
                anatomy.dome_level(patient, "right"),
            ),
            "left costophrenic angle": (left * (wide - 0.4), angle - 0.8),
        }
    else:
        body = lateral.lateral_heart(patient)
        middle = lateral.spine_line(patient, 0.55 * tall)
        front = lateral.front_edge(patient, 0.3 * tall)
        back = 0.95 * deep
        places = {
            "trachea": (0.55 * deep - 0.5, 0.06 * tall),
            "breastbone": (lateral.front_edge(patient, 0.4 * tall) - 0.7, 0.4 * tall),
            "air behind the breastbone": (front + 2.4, 0.3 * tall),
            "hila": (hilum[2], hilum[1]),
            "heart": body.mean(axis=0),
            "vertebral body": (middle, 0.55 * tall),
            "right dome of the diaphragm": (
                0.4 * deep,
                anatomy.dome_level(patient, "right"),
            ),
            "posterior costophrenic angle": (
                back,
                lateral.lateral_dome(patient, "right", back) - 0.8,
            ),
        }
    width, x, y, tilt = getattr(patient, f"{view}_camera")
    canvas = Canvas(1, width, (x, y), tilt)
    return {name: tuple(canvas.pixels(at)) for name, at in places.items()}

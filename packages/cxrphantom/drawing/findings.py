"""Findings put into a phantom study, in both views, each with its mask.

Every painter returns what a finding adds to the attenuation of each view, so
that a finding's mask is simply where that sum is large enough to be seen.
"""

import dataclasses

import cv2
import numpy as np

from cxrphantom.drawing import extrapulmonary as other
from cxrphantom.drawing import opacities, pleura
from cxrphantom.drawing.anatomy import SIDES
from cxrphantom.drawing.places import strength

# The smallest change of attenuation that counts as part of a finding.
_VISIBLE = 0.07
# Parts of a mask below this share of the largest are crumbs, see `_without_crumbs`.
_CRUMB = 0.005

# Cardiothoracic ratios, by degree. Normal hearts end at 0.48.
_HEART_RATIOS = {
    "borderline": (0.505, 0.53),
    "mild": (0.535, 0.565),
    "small": (0.535, 0.565),
    "moderate": (0.57, 0.60),
    "severe": (0.62, 0.68),
    "large": (0.62, 0.68),
}
_PAINTERS = {
    "pleural_effusion": pleura.effusion,
    "pneumothorax": pleura.pneumothorax,
    "atelectasis": opacities.atelectasis,
    "consolidation": opacities.consolidation,
    "opacity": opacities.opacity,
    "nodule": opacities.nodule,
    "calcified_granuloma": opacities.granuloma,
    "edema": opacities.edema,
    "scarring": opacities.scarring,
    "spine_degeneration": other.spine_degeneration,
    "fracture": other.fracture,
    "hiatal_hernia": other.hiatal_hernia,
    "pacemaker": other.pacemaker,
    "catheter": other.catheter,
}
# These are one thing in the midline or on both sides at once.
_UNPAIRED = {"edema", "spine_degeneration", "hiatal_hernia"}


def reshape(patient, finding, rng):
    """Change the patient's build where the finding is one of the build itself.

    Args:
        patient: `Patient`.
        finding: `Finding`.
        rng: `numpy.random.Generator` of this finding.

    Returns:
        A `Patient`, the same one unless the finding is an enlarged heart or an
        overinflated chest.

    Example:
    ```python
    patient = reshape(patient, Finding("cardiomegaly", degree="mild"), rng)
    ```
    """
    if finding.name == "cardiomegaly":
        low, high = _HEART_RATIOS.get(finding.degree, _HEART_RATIOS["moderate"])
        return dataclasses.replace(patient, heart_ratio=rng.uniform(low, high))
    if finding.name == "hyperinflation":
        much = strength(finding)
        height = max(patient.lung_height, 21.5) + 1.8 + 2.2 * much
        down = 0.5 * (height - patient.lung_height)
        return dataclasses.replace(
            patient,
            lung_height=height,
            # The radiographer centres on the chest that is there.
            frontal_camera=_lower(patient.frontal_camera, down),
            lateral_camera=_lower(patient.lateral_camera, down),
            dome=1.9 - 0.9 * much,
            left_drop=0.5 * patient.left_drop,
            depth=patient.depth + 1.0 + 2.0 * much,
            vascularity=patient.vascularity * (0.85 - 0.2 * much),
            # An enlarged heart drawn before this one stays enlarged.
            heart_ratio=patient.heart_ratio
            if patient.heart_ratio > 0.5
            else 0.92 * patient.heart_ratio,
        )
    return patient


def add_finding(patient, finding, views, rng):
    """Draw one finding into both views.

    Args:
        patient: `Patient`, reshaped by all findings.
        finding: `Finding`.
        views: dict with a `Projection` for `"frontal"` and `"lateral"`; their
            attenuation is changed in place.
        rng: `numpy.random.Generator` of this finding.

    Returns:
        A dict of view to bool mask `(size, size)`.

    Raises:
        KeyError: if the finding's name is unknown.

    Example:
    ```python
    masks = add_finding(patient, Finding("edema"), views, rng)
    ```
    """
    if finding.name == "cardiomegaly":
        return {view: p.heart > 0.5 for view, p in views.items()}
    if finding.name == "hyperinflation":
        return {view: sum(p.lungs.values()) > 0.5 for view, p in views.items()}
    paint = _PAINTERS[finding.name]
    changes = {view: p.canvas.empty() for view, p in views.items()}
    for side in _sides(finding, rng):
        for view, change in paint(patient, finding, side, views, rng).items():
            changes[view] += change
    masks = {}
    for view, projection in views.items():
        total = projection.attenuation + changes[view]
        projection.attenuation = np.maximum(total, 0)
        masks[view] = np.abs(changes[view]) > _VISIBLE
        if finding.name == "pneumothorax":
            masks[view] = _without_crumbs(masks[view])
    return masks


def _without_crumbs(mask):
    """A mask without the parts that are next to nothing beside its largest.

    Near the diaphragm a lung that is drawn in all but touches the wall. The rim there
    is thinner than a pixel, and where the grid happens to catch it, it is "seen" in a
    pixel or two. Patchy findings keep all their parts: there the parts are the truth.
    """
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype("uint8"))
    areas = statistics[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0  # The background.
    return (areas >= max(1, _CRUMB * areas.max()))[labels]


def _lower(camera, down):
    width, x, y, tilt = camera
    return width + down, x, y + down, tilt


def _sides(finding, rng):
    guess = str(rng.choice(list(SIDES)))  # Drawn always: keeps the stream's place.
    if finding.name in _UNPAIRED:
        return ["right"]
    if finding.side == "bilateral":
        return list(SIDES)
    return [finding.side if finding.side in SIDES else guess]

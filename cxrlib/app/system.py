"""What the page asks of a system, and the systems of this course that can answer.

A system is any object with `name`, `labels`, `thresholds`, `trained_on`, `ground` and
`diagnose(film)`, a probability for each label. It may have `heatmap(film, label)`,
`outline(film)` and `report(film, lateral)`; the page hides what is lacking. Films are
float32 `(H, W)` in [0, 1], white bone on black, of any size.
"""

import dataclasses
import math

import cv2
import numpy as np

from cxrbase.files import InputError
from cxrbase.images import resize_square
from cxrlib.explain.heatmaps import classifier_cam
from cxrlib.systems.diagnosis.shipped import load_diagnosis_model
from cxrlib.systems.lungs.segment import load_lung_model, segment_lungs
from cxrlib.systems.reports.predict import eagerly
from cxrlib.systems.reports.shipped import load_report_model

OPTIONAL = ("heatmap", "outline", "report")
# Odds between the threshold's over this and times this are called "not sure".
UNSURE = 1.5
REPORTS = "phantom-report"  # What `load_system` calls the report model alone.
POINTS = 120  # Of a lung's outline, at most.


@dataclasses.dataclass
class Finding:
    """One label's answer.

    Args:
        label: string.
        probability: float.
        threshold: float.
        answer: string. `"present"`, `"not sure"` or `"absent"`.
        words: string. The same as a sentence.
    """

    label: str
    probability: float
    threshold: float
    answer: str
    words: str


def abilities(system):
    """Which of the optional questions a system answers, a list of their names."""
    return [name for name in OPTIONAL if callable(getattr(system, name, None))]


def read_finding(label, probability, threshold, unsure=UNSURE):
    """Say what a probability means against its threshold.

    Args:
        label: string.
        probability: float in [0, 1].
        threshold: float in [0, 1].
        unsure: float, 1 or more. How many times the odds may be off the threshold's and
            the answer still be "not sure".

    Returns:
        A `Finding`.

    Example:
    ```python
    read_finding("Effusion", 0.35, 0.31).answer  # "not sure"
    ```
    """
    near = abs(_log_odds(probability) - _log_odds(threshold)) < math.log(unsure)
    answer = "present" if probability >= threshold else "absent"
    side = "above" if answer == "present" else "below"
    verdict = {"present": "the model calls it present", "absent": "not called present"}
    words = f"{side} its threshold of {percent(threshold)}: {verdict[answer]}"
    if near:
        words = f"close to its threshold of {percent(threshold)}: not sure"
        answer = "not sure"
    words = f"{label}: {percent(probability)}, {words}."
    return Finding(label, float(probability), float(threshold), answer, words)


def percent(share):
    """A share for people: `0.004` → `"under 1 %"`."""
    if share < 0.01:
        return "under 1 %"
    return "over 99 %" if share > 0.99 else f"{100 * share:.0f} %"


def _log_odds(share):
    share = min(max(float(share), 1e-6), 1 - 1e-6)
    return math.log(share / (1 - share))


# === What all systems of this course share ===


class LungOutline:
    """The course's lung model, loaded once for the outline and the gate.

    Example:
    ```python
    LungOutline()(film)  # [[(x, y), …], …]
    ```
    """

    def __init__(self, model=None):
        self.model = load_lung_model(model)

    def find(self, *films):
        """The `LungMask` of each film; they are looked at in the model's own size."""
        side = self.model.input_shape[1]
        return segment_lungs([resize_square(film, side) for film in films], self.model)

    def __call__(self, film):
        """Outlines as lists of `(x, y)` in shares of width and height."""
        return outlines(self.find(film)[0].mask)


def outlines(mask):
    """The outer borders of a mask.

    Args:
        mask: bool array `(H, W)`.

    Returns:
        A list of lists of `(x, y)` pairs, in shares of width and height.

    Example:
    ```python
    outlines(np.eye(3, dtype=bool))
    ```
    """
    height, width = mask.shape
    found, _ = cv2.findContours(
        mask.astype("uint8"), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    lines = []
    for line in found:
        line = line[:: max(1, math.ceil(len(line) / POINTS)), 0] + 0.5
        lines.append((line / (width, height)).round(4).tolist())
    return lines


class ReportSystem:
    """The course's report model: normal or abnormal, and a report in words.

    Args:
        model: a `ReportModel`.
        lungs: a `LungOutline` or `None`.

    Example:
    ```python
    ReportSystem(load_report_model()).diagnose(film)  # [0.97]
    ```
    """

    name = "report model"
    labels = ("Abnormal",)

    def __init__(self, model, lungs=None):
        if model.origin.get("crop", "none") != "none":
            raise InputError("the report model takes cropped films; give another.")
        self.model, self.outline = model, lungs
        self.thresholds = (model.origin.get("threshold", 0.5),)
        self.trained_on = model.origin["trained_on"]
        self.ground = model.origin.get("ground", "unknown")
        self._eye = model.imaging.encoder_view()
        self.size = model.imaging.image_size

    def diagnose(self, film):
        """The probability that the study is abnormal; the lateral counts as black."""
        seen = self._eye.predict_on_batch(self._views(film))
        return np.asarray(seen["abnormal"]).ravel()

    def heatmap(self, film, label):
        """Grad-CAM of the logit, a float array `(h, w)`."""
        maps = self._eye.predict_on_batch(self._views(film))
        return classifier_cam(self.model.imaging, maps)[0, 0]

    def report(self, film, lateral=None):
        """The report, and notes on what it rests on."""
        notes = [f"The report model was trained on {self.trained_on}."]
        if self.ground != "real":
            notes.append("It has never seen a real radiograph: do not rely on it.")
        if lateral is None:
            notes.append(
                "The lateral view was missing: a black image stood in for it, and the "
                "report rests on the frontal alone."
            )
        with eagerly(self.model):
            texts = self.model.generate(self._views(film, lateral), "", "greedy")
        return {"text": texts[0], "notes": notes}

    def _views(self, film, lateral=None):
        fit = self.model.origin.get("fit", "stretch")
        frontal = resize_square(film, self.size, fit)[None, ..., None]
        if lateral is None:
            return {"frontal": frontal, "lateral": np.zeros_like(frontal)}
        lateral = resize_square(lateral, self.size, fit)[None, ..., None]
        return {"frontal": frontal, "lateral": lateral}


class DiagnosisSystem:
    """A model of many labels, with the reports of another model beside it.

    Args:
        model: a `DiagnosisModel`, from `load_diagnosis_model`, which gives none that
            is untrained.
        lungs: a `LungOutline` or `None`.
        reports: a `ReportSystem` or `None`.

    Example:
    ```python
    DiagnosisSystem(load_diagnosis_model()).diagnose(film)  # (14,)
    ```
    """

    def __init__(self, model, lungs=None, reports=None):
        self.model, self.outline = model, lungs
        self.labels = model.labels
        self.name = f"diagnosis of {len(self.labels)} labels"
        self.thresholds = tuple(model.thresholds.tolist())
        self.trained_on = str(model.origin["trained_on"])
        self.ground = model.origin.get("ground", "unknown")
        self.report = reports.report if reports else None
        self.heatmap = self._heatmap if "maps" in model.encoder.output else None

    def diagnose(self, film):
        """The probabilities of the labels."""
        seen = self.model.predict_on_batch(self._square(film))
        return np.asarray(seen["probability"])[0]

    def _heatmap(self, film, label):
        """Grad-CAM; the head is linear on the maps' mean, so its weights give it."""
        maps = self.model.encoder.predict_on_batch(self._square(film))["maps"][0]
        weights, _ = self.model.head.get_weights()
        parts = np.asarray(maps, "float32") @ weights[:, self.labels.index(label)]
        return np.maximum(parts, 0) / parts.size

    def _square(self, film):
        # As `read_films` keeps them, so that the page and `diagnose` agree.
        square = np.round(255 * resize_square(film, self.model.image_size)) / 255
        return square.astype("float32")[None, ..., None]


def load_system(model=None):
    """Load what the page serves; a model that has learned nothing is not served.

    Args:
        model: string, path or `None`. A `.keras` file of `train_diagnosis`; `None`
            takes the course's own diagnosis, `"phantom-report"` its report model alone.

    Returns:
        A system, and the `LungOutline` that it shares with the gate.

    Raises:
        InputError: if a file is missing or broken, or holds another or an untrained
            model.

    Example:
    ```python
    system, lungs = load_system()
    ```
    """
    lungs = LungOutline()
    reports = ReportSystem(load_report_model(), lungs)
    if model == REPORTS:
        return reports, lungs
    return DiagnosisSystem(load_diagnosis_model(model), lungs, reports), lungs

"""What is done for a request, in the thread of its desk."""

import base64
import contextlib
import math

import cv2
import numpy as np

from cxrlib.app import answers
from cxrlib.app.decoder import NAMES, Decoder
from cxrlib.app.limits import Refusal
from cxrlib.app.system import abilities, read_finding
from cxrlib.app.tags import judge_tags

NOT_FRONTAL = "This does not look like a frontal chest film"


class Work:
    """A system, behind a decoder and a gate.

    Args:
        system: an object as `cxrlib.app.system` describes.
        limits: a `Limits`.
        gate: callable. Takes a film, says why it is refused.

    Example:
    ```python
    Work(system, Limits(), size_gate).predict(form)
    ```
    """

    def __init__(self, system, limits, gate):
        self.system, self.limits, self.gate = system, limits, gate
        # Two, so that a film that hangs one does not stop the diagnosis of others.
        self._decoders = {
            name: Decoder(limits.decode_seconds, limits.decode_memory)
            for name in ("diagnosis", "more")
        }
        self.model = answers.Model(
            name=system.name,
            labels=list(system.labels),
            thresholds=[float(each) for each in system.thresholds],
            trained_on=system.trained_on,
            ground=getattr(system, "ground", "unknown"),
            can=abilities(system),
        )

    def start(self):
        """Start the decoders and call the system once: its first answer is slow."""
        for decoder in self._decoders.values():
            decoder.start()
        blank = np.full((256, 256), 0.5, "float32")
        with contextlib.suppress(Refusal):
            self.gate(blank)
        self.system.diagnose(blank)
        if "outline" in self.model.can:
            self.system.outline(blank)

    def close(self):
        """End the decoders."""
        for decoder in self._decoders.values():
            decoder.close()

    def predict(self, form):
        """A `Prediction`."""
        film, _, notes, warnings = self._films(form, "diagnosis")
        probabilities = np.asarray(self.system.diagnose(film), float).ravel()
        labels, thresholds = self.system.labels, self.system.thresholds
        if len(probabilities) != len(labels) or not np.isfinite(probabilities).all():
            raise RuntimeError("the system gave no probability for each label")
        findings = [
            read_finding(*each)
            for each in zip(labels, probabilities, thresholds, strict=True)
        ]
        return answers.Prediction(
            film=self._told(film, notes, warnings),
            findings=[vars(each) for each in findings],
            summary=summary(findings),
            model=self.model,
        )

    def heatmap(self, form):
        """A `HeatMap`."""
        label = form.words.get("label")
        if label not in self.system.labels:
            words = "Send one of the model's labels in the field 'label'."
            raise Refusal(422, "no_label", words)
        film, *_ = self._films(form, "more")
        cam = np.asarray(self.system.heatmap(film, label), float)
        peak = float(cam.max())
        empty = not math.isfinite(peak) or peak <= 0
        values = np.zeros_like(cam) if empty else np.clip(cam / peak, 0, 1)
        return answers.HeatMap(
            label=label, values=values.round(4).tolist(), empty=empty
        )

    def outline(self, form):
        """An `Outline`."""
        film, *_ = self._films(form, "more", gate=None)
        lines = self.system.outline(film)
        flag = "" if lines else "no lungs found"
        return answers.Outline(outlines=lines, flag=flag)

    def report(self, form, tell=lambda stage: None):
        """A dict of `text` and `notes`; `tell` hears of each stage."""
        tell("reading")
        film, lateral, _, warnings = self._films(form, "more")
        tell("writing")
        answer = self.system.report(film, lateral)
        return {"text": answer["text"], "notes": [*answer["notes"], *warnings]}

    def _films(self, form, decoder, gate="own"):
        """The decoded frontal and lateral; notes on them, and warnings."""
        gate = self.gate if gate == "own" else gate
        images, notes, warnings, against = {}, [], [], ""
        for view, data in sorted(form.films.items()):  # The frontal comes first.
            image, said, tags = self._decoders[decoder].decode(data, view)
            reason, warned = judge_tags(tags, view)
            images[view] = image
            notes += [f"{NAMES[view]}: {each}." for each in said]
            warnings += warned
            if reason:
                against = against or f"{NAMES[view]} {reason}."
        lateral = images.get("lateral")
        if lateral is not None and np.array_equal(images["frontal"], lateral):
            warnings.append("The frontal and the lateral are one and the same film.")
        film = images["frontal"]
        if not against and gate and (said := gate(film)):
            against = f"{NOT_FRONTAL}: it {said}."
        if against:
            words = f"{against} The model answers for frontal chest films only."
            details = {"film": self._told(film, notes, warnings)}
            raise Refusal(422, "not_a_frontal_chest_film", words, details=details)
        return film, lateral, notes, warnings

    def _told(self, film, notes, warnings):
        """The film as the page shows it."""
        height, width = film.shape
        picture = png_address(film, self.limits.edge)
        return answers.Film(
            width=width, height=height, picture=picture, notes=notes, warnings=warnings
        )


def summary(findings):
    """One sentence for all findings, read aloud first.

    Args:
        findings: list of `Finding`.

    Returns:
        A string.

    Example:
    ```python
    summary([read_finding("Edema", 0.9, 0.5)])  # "Called present: Edema."
    ```
    """
    by = {}
    for each in findings:
        by.setdefault(each.answer, []).append(each.label)
    parts = [
        f"{said}: {', '.join(by[answer])}."
        for answer, said in (("present", "Called present"), ("not sure", "Not sure of"))
        if answer in by
    ]
    absent = len(by.get("absent", []))
    if not parts:
        parts.append("Nothing is called present.")
    elif absent:
        one = "The other one is below its threshold."
        parts.append(one if absent == 1 else f"{absent} are below their thresholds.")
    return " ".join(parts)


def png_address(film, edge=1024):
    """A film as a PNG in a `data:` address, its longer side at most `edge` pixels.

    Args:
        film: float array `(H, W)` in [0, 1].
        edge: int.

    Returns:
        A string.

    Example:
    ```python
    png_address(np.zeros((2, 2)))[:22]  # "data:image/png;base64,"
    ```
    """
    scale = edge / max(film.shape)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in film.shape[::-1]]
        film = cv2.resize(film, size, interpolation=cv2.INTER_AREA)
    grey = np.round(np.clip(film, 0, 1) * 255).astype("uint8")
    _, coded = cv2.imencode(".png", grey, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return "data:image/png;base64," + base64.b64encode(coded.tobytes()).decode()

"""Films to be read as an exercise, with what is on them."""

import dataclasses

import numpy as np

from cxrphantom.cases import complete
from cxrphantom.drawing.study import Study, draw_study, sample_patient
from cxrphantom.findings import OBSERVATION_OF, Finding

SEED = 5_000_000  # Of the patients here; the course's data sets have others.
# What a quiz asks for, in degrees that a reader can see.
DEGREES = {
    "cardiomegaly": ("moderate", "severe"),
    "edema": ("moderate", "severe"),
    "pleural_effusion": ("small", "moderate", "large"),
    "consolidation": ("", "severe"),
    "atelectasis": ("", "severe"),
    "pneumothorax": ("moderate", "large"),
    "nodule": ("", "large"),
    "pacemaker": ("",),
}
# What may be on the same film, which hides neither.
BESIDE = {
    "cardiomegaly": "edema",
    "pleural_effusion": "atelectasis",
    "pacemaker": "cardiomegaly",
}
OBSERVATIONS = tuple(OBSERVATION_OF[name] for name in DEGREES)


@dataclasses.dataclass(frozen=True)
class Film:
    """One study of a quiz.

    Args:
        study: `cxrphantom.drawing.study.Study`.
        findings: tuple of `Finding`; empty for a normal one.
    """

    study: Study
    findings: tuple

    @property
    def observations(self):
        """The CheXpert observations that are on it, a set of strings."""
        return {OBSERVATION_OF[finding.name] for finding in self.findings}


def draw_quiz(seed=0, films=10, size=512):
    """Draw studies to be read, of patients that no data set of the course holds.

    Two or three of ten are normal; some of the others have two
    findings. No finding comes twice before each came once, but for the second ones.

    Args:
        seed: int. Another seed gives other films.
        films: int.
        size: int. Side of the films in pixels.

    Returns:
        A list of `Film`.

    Example:
    ```python
    [film.observations for film in draw_quiz(seed=3, size=64)]
    ```
    """
    rng = np.random.default_rng([SEED, seed])
    normal = round(films * rng.uniform(0.15, 0.35))
    names = [""] * normal
    while len(names) < films:
        names += list(rng.permutation(list(DEGREES)))[: films - len(names)]
    drawn = []
    for name in rng.permutation(names):
        own = [str(name)] if name else []
        if name in BESIDE and rng.random() < 0.7:
            own.append(BESIDE[name])
        findings = []
        for each in sorted(own, key=list(DEGREES).index):
            degree = str(rng.choice(DEGREES[each]))
            findings.append(complete(Finding(each, degree=degree), rng, findings))
        study = draw_study(sample_patient(rng), findings, size, rng)
        drawn.append(Film(study, tuple(findings)))
    return drawn

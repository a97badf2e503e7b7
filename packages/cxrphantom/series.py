"""Patients with several films each, as a hospital has them: alike, and not the same."""

import dataclasses
import functools

import numpy as np

from cxrbase.parallel import workers
from cxrphantom.cases import sample_case
from cxrphantom.drawing.study import draw_study, sample_patient

# What differs between two films of a patient: how they were taken.
TAKEN = (
    "frontal_camera", "lateral_camera", "rotation", "exposure", "contrast", "gamma",
    "scatter", "noise", "collimation", "marker",
)  # fmt: skip


@dataclasses.dataclass
class Series:
    """Frontals of patients, the films of one patient after each other.

    Args:
        films: uint8 `(n, size, size, 1)`.
        patient: int `(n,)`. Whose film it is.
        findings: list of `n` tuples of `Finding`.
    """

    films: np.ndarray
    patient: np.ndarray
    findings: list


def draw_patient(seed, films, size, stays, index):
    """Draw the frontals of one patient.

    Args:
        seed: int.
        films: int. How many.
        size: int. Side of a film in pixels.
        stays: float. How likely a later film shows what the first one does; otherwise
            its findings are those of somebody new.
        index: int. The patient's number.

    Returns:
        A pair: uint8 `(films, size, size)`, and a list of tuples of `Finding`.

    Example:
    ```python
    draw_patient(seed=0, films=3, size=128, stays=0.8, index=0)[0].shape
    ```
    """
    rng = np.random.default_rng([seed, index])
    patient, first = sample_patient(rng), sample_case(rng).findings
    places = int(rng.integers(2**31))  # A finding that stays, stays where it is.
    drawn, shown = [], []
    for film in range(films):
        stayed = film == 0 or rng.random() < stays
        findings = first if stayed else sample_case(rng).findings
        other = sample_patient(rng)
        taken = {name: getattr(other, name) for name in TAKEN}
        free = np.random.default_rng([places, 0 if stayed else film])
        today = dataclasses.replace(patient, **taken)
        drawn.append(draw_study(today, findings, size, free).frontal)
        shown.append(findings)
    return np.stack(drawn), shown


def draw_series(patients, films, seed, size, stays=0.8, processes=None):
    """Draw several frontals of each of many patients, in parallel processes.

    Args:
        patients: int.
        films: int. How many of each.
        seed: int.
        size: int. Side of a film in pixels.
        stays: float. See `draw_patient`.
        processes: int or `None`. All cores by default.

    Returns:
        A `Series`.

    Example:
    ```python
    draw_series(patients=50, films=4, seed=1, size=128).films.shape  # (200, 128, …)
    ```
    """
    draw = functools.partial(draw_patient, seed, films, size, stays)
    with workers(draw, patients, processes) as each:
        parts = list(each(range(patients)))
    return Series(
        np.concatenate([drawn for drawn, _ in parts])[..., None],
        np.repeat(np.arange(patients), films),
        [findings for _, shown in parts for findings in shown],
    )

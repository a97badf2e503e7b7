"""Phantom studies in memory, with what an encoder must learn to recognise."""

import dataclasses
import functools

import cv2
import numpy as np
from tqdm.auto import tqdm

from cxrbase.parallel import workers
from cxrphantom.cases import sample_case
from cxrphantom.drawing.anatomy import sample_patient
from cxrphantom.drawing.study import VIEWS, draw_study
from cxrphantom.findings import FINDINGS
from cxrphantom.reports.grammar import findings_text, impression_text
from cxrphantom.reports.mesh import DEGREES, REGIONS, SIDES

DRAWN = 256  # Films are drawn at this size and shrunk, as `prepare` shrinks them.
CELL = 16  # Pixels: `skip_4`, where the masks are learned, has one cell per 16 × 16.
PLACES = {"side": SIDES, "region": REGIONS, "degree": DEGREES}
# What the encoder must predict: each finding, and each with its place and degree.
ATTRIBUTES = [
    (name, field, value)
    for name in FINDINGS
    for field, values in {"name": (name,), **PLACES}.items()
    for value in values
]


@dataclasses.dataclass
class Examples:
    """Phantom studies in memory, with what is to be learned from them.

    Args:
        views: uint8 `(N, 2, S, S)`, frontal and lateral.
        attributes: uint8 `(N, len(ATTRIBUTES))`.
        maps: uint8 `(N, 2, S / 16, S / 16, len(FINDINGS))`, 255 where a cell
            holds some of the finding.
    """

    views: np.ndarray
    attributes: np.ndarray
    maps: np.ndarray


def draw_example(seed, index, size):
    """Draw one study as training material.

    Args:
        seed: int.
        index: int. Number of the study.
        size: int. Side of the shrunk films in pixels.

    Returns:
        Tuple of `views`, `attributes` and `maps` of one study; see `Examples`.

    Example:
    ```python
    views, attributes, maps = draw_example(seed=1, index=0, size=128)
    ```
    """
    cv2.setNumThreads(1)
    rng = np.random.default_rng([seed, index])
    findings = sample_case(rng).findings
    study = draw_study(sample_patient(rng), findings, size=DRAWN, rng=rng)
    views = np.stack(
        [
            cv2.resize(getattr(study, view), (size, size), interpolation=cv2.INTER_AREA)
            for view in VIEWS
        ]
    )
    attributes = np.array(
        [
            any(f.name == name and getattr(f, field) == value for f in findings)
            for name, field, value in ATTRIBUTES
        ],
        "uint8",
    )
    cells = size // CELL
    maps = np.zeros((len(VIEWS), cells, cells, len(FINDINGS)), "uint8")
    names = list(FINDINGS)
    for finding, masks in zip(findings, study.finding_masks, strict=True):
        for i, view in enumerate(VIEWS):
            share = cv2.resize(
                masks[view].astype("float32"),
                (cells, cells),
                interpolation=cv2.INTER_AREA,
            )
            # A nodule fills a hundredth of its cell, and must still count.
            cell = maps[i, ..., names.index(finding.name)]
            np.maximum(cell, 255 * (share > 0.01), out=cell, casting="unsafe")
    return views, attributes, maps


def draw_examples(studies, seed, size, processes=None):
    """Draw many studies in parallel processes.

    Args:
        studies: int.
        seed: int.
        size: int. Side of the films in pixels.
        processes: int or `None`. All cores by default.

    Returns:
        `Examples`.

    Example:
    ```python
    draw_examples(studies=64, seed=1, size=128).views.shape  # (64, 2, 128, 128)
    ```
    """
    draw = functools.partial(draw_example, seed, size=size)
    with workers(draw, studies, processes) as each:
        drawn = each(range(studies))
        parts = list(tqdm(drawn, total=studies, desc="Drawing", unit="study"))
    return Examples(*(np.stack(column) for column in zip(*parts, strict=True)))


def write_texts(studies, seed):
    """Write impressions and findings of phantom studies that are never drawn.

    Args:
        studies: int.
        seed: int.

    Returns:
        A list of two strings per study.

    Example:
    ```python
    write_texts(studies=2, seed=1)[0]
    ```
    """
    texts = []
    for index in range(studies):
        rng = np.random.default_rng([seed, index])
        findings = sample_case(rng).findings
        texts += [impression_text(findings, rng), findings_text(findings, rng)]
    return texts

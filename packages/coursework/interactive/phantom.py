"""A phantom built to order: a finding, its side and degree, and its report."""

import textwrap

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from coursework.charts.style import (
    BLUE,
    SKY,
    caption,
    draw_border,
    draw_radiograph,
    plain_text,
    styled,
)
from coursework.interactive.board import Board
from cxrphantom.findings import FINDINGS

SEED = 4_000_000  # Of the patients here; the course's data sets have others.
NONE = "none"
SIDES = ("any", "left", "right", "bilateral")
DEGREES = ("any", "mild", "moderate", "severe")


def phantom_builder(write=None, finding="pleural_effusion", size=256):
    """Choose a patient, a finding, a side and a degree, and see the films and report.

    Args:
        write: callable, frontal and lateral film (float arrays `(size, size)` in
            [0, 1]) → string, a model's report; shown beside that of the grammar.
        finding: string. The first one, a key of `cxrphantom.findings.FINDINGS`.
        size: int. Side of the films in pixels.

    Returns:
        A `coursework.interactive.board.Board` over `plot_phantom`.

    Example:
    ```python
    phantom_builder(lambda frontal, lateral: model_report(model, frontal, lateral))
    ```
    """

    def draw(**chosen):
        return plot_phantom(**chosen, write=write, size=size)

    names = [(each.replace("_", " "), each) for each in (NONE, *FINDINGS)]
    pick = {"kind": "Dropdown"}
    return Board(
        draw,
        finding=pick | {"options": names, "value": finding},
        side=pick | {"options": SIDES, "value": SIDES[0]},
        degree=pick | {"options": DEGREES, "value": DEGREES[0]},
        patient={"kind": "IntSlider", "value": 0, "min": 0, "max": 99}
        | {"continuous_update": False},
    )


def build_phantom(finding=NONE, side="any", degree="any", patient=0, size=256):
    """Draw one patient with one finding, and write its report.

    Args:
        finding: string. A key of `cxrphantom.findings.FINDINGS`, or `"none"`.
        side: string of `SIDES`. Left out where the finding has none.
        degree: string of `DEGREES`. Put into the finding's own words: an effusion
            is small, not mild.
        patient: int. The same number is the same patient, whatever the finding.
        size: int. Side of the films in pixels.

    Returns:
        A triple: `cxrphantom.drawing.study.Study`, the list of its `Finding`s (one or
        none), and the report, a string.

    Example:
    ```python
    study, findings, report = build_phantom("pleural_effusion", "left", "mild")
    report  # "Small left pleural effusion."
    ```
    """
    from cxrphantom.cases import complete
    from cxrphantom.drawing.study import draw_study, sample_patient
    from cxrphantom.reports.grammar import impression_text
    from cxrphantom.reports.mesh import GRAMMAR, from_mesh

    streams = [np.random.default_rng([SEED, patient, stream]) for stream in range(4)]
    findings = []
    if finding != NONE:
        heading, order = GRAMMAR[finding]
        asked = {"side": side, "degree": degree}
        parts = [asked[key] for key in order if asked.get(key, "any") != "any"]
        # By the indexing's grammar, which knows how each finding is graded.
        findings = [complete(from_mesh("/".join([heading, *parts])), streams[1])]
    study = draw_study(sample_patient(streams[0]), findings, size, streams[2])
    return study, findings, impression_text(findings, streams[3])


@styled("A phantom built to order: both films, the finding's outline, the report")
def plot_phantom(
    finding=NONE, side="any", degree="any", patient=0, write=None, size=256
):
    """Plot a phantom built to order, with its report and that of a model.

    Args:
        finding: string, as of `build_phantom`; so are the next three.
        side: string.
        degree: string.
        patient: int.
        write: callable, frontal and lateral film → string, or `None`.
        size: int. Side of the films in pixels.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_phantom("pneumothorax", "right", "severe")
    ```
    """
    chosen = (finding, side, degree, patient, size)
    study, findings, report = build_phantom(*chosen)
    films = [study.frontal / 255, study.lateral / 255]
    lines = [("Report of the grammar: " + report, "black")]
    if write is not None:
        lines.append(("Report of the model: " + write(*films), BLUE))
    figure, panels = plt.subplots(1, 2, figsize=(8.4, 4.6))
    for axes, (view, film) in zip(
        panels, zip(("frontal", "lateral"), films, strict=True), strict=True
    ):
        draw_radiograph(axes, film, view)
        for masks in study.finding_masks:
            draw_border(axes, masks[view], SKY, 1.6)
    words = [(textwrap.fill(plain_text(text), 95), colour) for text, colour in lines]
    handles = [Line2D([], [], linestyle="none") for _ in words]
    if findings:
        handles.insert(0, Line2D([], [], color=SKY))
        words.insert(0, ("outline of the finding", "black"))
    legend = figure.legend(
        *(handles, [text for text, _ in words]),
        loc="outside upper left",
        handlelength=1.5,
        fontsize=10,
        labelcolor=[colour for _, colour in words],
    )
    legend.set_title(f"patient {patient}: {finding.replace('_', ' ')}")
    return caption(figure, "phantom")

"""Radiographs side by side: pairs, reconstructions, reports."""

import textwrap

import numpy as np
from matplotlib import patheffects
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D

from coursework.charts.style import (
    BLUE,
    GREY,
    SKY,
    YELLOW,
    caption,
    class_name,
    draw_border,
    draw_radiograph,
    level,
    plain_text,
    styled,
)
from coursework.charts.verdicts import verdict_lines

EDGE = [patheffects.withStroke(linewidth=2.5, foreground="black")]
LEADING = 14  # points between lines of ten-point text
# Where the names of `landmarks` are, as shares of the film's width and height.
PLACES = {
    "frontal": {"diaphragm": (0.2, 0.05), "heart": (0.84, 0.94), "angle": (0.57, 0.1)},
    "lateral": {"diaphragm": (0.21, 0.05), "heart": (0.12, 0.6), "angle": (0.88, 0.5)},
}
NAMES = {"diaphragm": "diaphragm", "heart": "heart", "angle": "costo-\nphrenic\nangle"}


def landmarks(view, lungs, heart):
    """Find in masks the landmarks that a reader looks for first.

    Args:
        view: string. `"frontal"` or `"lateral"`.
        lungs: array `(H, W)`. Lung is what exceeds 0.5.
        heart: array `(H, W)`.

    Returns:
        A dict of `"heart"` (its middle), `"diaphragm"` (the top of a dome, on a
        frontal film the right one) and `"angle"` (a costophrenic angle, on a lateral
        film the posterior one) to a pair of column and row.

    Example:
    ```python
    landmarks("frontal", **study.masks["frontal"])
    ```
    """
    lungs, heart = (np.squeeze(mask) > 0.5 for mask in (lungs, heart))
    rows, columns = np.nonzero(lungs)
    corner = np.argmax(rows + 0.5 * columns)
    # On a frontal film the patient's right is the left half.
    dome = lungs[:, : lungs.shape[1] // 2] if view == "frontal" else lungs
    places = np.flatnonzero(dome.any(axis=0))
    places = places[len(places) // 4 : -len(places) // 4]  # Away from both ends.
    floor = len(dome) - 1 - np.argmax(dome[::-1, places], axis=0)
    top = np.argmin(floor)
    return {
        "heart": tuple(np.mean(np.nonzero(heart), axis=1)[::-1]),
        "diaphragm": (places[top], floor[top]),
        "angle": (columns[corner], rows[corner]),
    }


@styled("Chest radiographs, frontal beside lateral")
def show_pairs(
    frontals, laterals, titles=None, columns=2, masks=None, anatomy=None, *, ground
):
    """Show studies as pairs of a frontal and a lateral view.

    Args:
        frontals: float array `(N, H, W)` or `(N, H, W, 1)` in [0, 1].
        laterals: float array of the same shape.
        titles: sequence `(N,)`, one per study: strings, or labels of 0, 1 or NaN,
            which are written as normal, abnormal, not labelled.
        columns: int. Studies per row.
        masks: bool array `(N, 2, S, S)`, frontal first. Each pair is drawn again
            below itself with the outlines of its masks.
        anatomy: sequence `(N,)` of dicts of view to `{"lungs", "heart"}`, arrays
            `(H, W)`, as `Study.masks`, or `None`. With it arrows point to the heart,
            the diaphragm and a costophrenic angle.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    show_pairs(np.random.rand(2, 64, 64), np.random.rand(2, 64, 64), ground="phantom")
    ```
    """
    columns = min(columns, len(frontals))
    rows, copies = -(-len(frontals) // columns), 1 if masks is None else 2
    wide = 5.0 if columns < 3 else 10 / columns  # inches
    titles = [] if titles is None else list(titles)
    titles = [each if isinstance(each, str) else class_name(each) for each in titles]
    titles, deepest = level(titles, int(10 * wide))
    high = wide / 2 * copies + 0.22 * deepest + 0.1
    figure = plt.figure(figsize=(wide * columns, high * rows + 0.3))
    cells = figure.subfigures(rows, columns, squeeze=False).flat
    for index, cell in zip(range(len(frontals)), cells, strict=False):
        grid = cell.subplots(copies, 2, gridspec_kw={"wspace": 0.02}, squeeze=False)
        if titles:
            cell.suptitle(titles[index], fontsize=12)
        for view, films in enumerate((frontals, laterals)):
            for axes in grid[:, view]:
                draw_radiograph(axes, films[index])
            if masks is not None:
                size = np.shape(films[index])[0]
                draw_border(grid[1, view], masks[index][view], SKY, 1.6, size)
        for axes, view in zip(grid[0], PLACES, strict=True):
            if anatomy is not None and anatomy[index]:
                _point(axes, view, landmarks(view, **anatomy[index][view]))
    if masks is not None:
        line = Line2D([], [], color=SKY, label="outline of the finding")
        figure.legend(handles=[line], loc="outside upper center", fontsize=11)
    return caption(figure, ground)


def _point(axes, view, marks):
    for name, place in marks.items():
        axes.annotate(
            NAMES[name],
            place,
            PLACES[view][name],
            textcoords="axes fraction",
            ha="center",
            va="center",
            color=YELLOW,
            fontsize=11,
            path_effects=EDGE,
            arrowprops={"arrowstyle": "-|>", "color": YELLOW, "path_effects": EDGE},
        )


@styled("Radiographs, their reconstructions and the errors of these")
def show_reconstructions(
    frontals, laterals, frontal_reconstructions, lateral_reconstructions, *, ground
):
    """Show input, reconstruction and absolute error of both views, with their SSIM.

    Args:
        frontals: float array `(N, H, W, 1)` in [0, 1].
        laterals: float array of the same shape.
        frontal_reconstructions: float array of the same shape.
        lateral_reconstructions: float array of the same shape.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, a row per study. Errors are shown three times as bright.

    Example:
    ```python
    show_reconstructions(*np.random.rand(4, 2, 64, 64, 1), ground="phantom")
    ```
    """
    from cxrlib.models.metrics import ssim

    pairs = [
        ("frontal", frontals, frontal_reconstructions),
        ("lateral", laterals, lateral_reconstructions),
    ]
    rows = len(frontals)
    figure = plt.figure(figsize=(9.6, 1.75 * rows + 0.6))
    halves = figure.subfigures(1, 2, wspace=0.03)
    for half, (view, inputs, outputs) in zip(halves, pairs, strict=True):
        half.suptitle(view)
        grid = half.subplots(rows, 3, squeeze=False)
        values = np.asarray(ssim(np.asarray(inputs), np.asarray(outputs)))
        for row, (axes, image, drawn, value) in enumerate(
            zip(grid, inputs, outputs, values, strict=True)
        ):
            draw_radiograph(axes[0], image, "" if row else "input")
            draw_radiograph(axes[1], drawn, f"SSIM {value:.3f}")
            # The error is small; white at a third shows where it is.
            error = np.abs(np.asarray(image) - np.asarray(drawn))
            draw_radiograph(axes[2], error, "" if row else "error × 3", white=1 / 3)
    return caption(figure, ground)


def _report_lines(reference, prediction, probability, label, note, width):
    """Pairs of a paragraph and its colour."""
    lines = [(textwrap.fill(note, width), GREY)] if note else []
    if probability is not None:
        words = f"abnormal: {probability:.2f}   (label: {class_name(label)})"
        lines.append((words, GREY))
    for head, text, colour in (
        ("Reference", reference, "black"),
        ("Generated", prediction, BLUE),
    ):
        text = "" if text is None else str(text)
        wrapped = textwrap.fill(f"{head}: {text or '(empty)'}", width, max_lines=8)
        lines.append((plain_text(wrapped), colour))
    for text, colour in verdict_lines(reference, prediction):
        lines.append((textwrap.fill(text, width), colour))
    return lines


@styled("Radiographs with the reference and the generated report beneath")
def show_reports(
    frontals,
    laterals,
    references,
    predictions,
    probabilities=None,
    labels=None,
    columns=2,
    notes=None,
    *,
    ground,
):
    """Show image pairs with the reference and the generated report beneath.

    Below the reports is listed which of the fourteen CheXpert observations the
    generated one hits (✓, green), and which it misses, invents, or puts on the wrong
    side (✗, red), by `cxrscore.clinical.marks`.

    Args:
        frontals: float array `(N, H, W, 1)` in [0, 1].
        laterals: float array of the same shape, or with `None` for missing ones.
        references: sequence of strings `(N,)`.
        predictions: sequence of strings `(N,)`.
        probabilities: floats `(N,)`, of being abnormal.
        labels: sequence `(N,)` of 0, 1 or NaN.
        columns: int. Studies per row.
        notes: sequence of strings `(N,)`, a line above the texts.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    show_reports(
        *np.random.rand(2, 1, 64, 64, 1), ["No edema."], ["Edema."],
        ground="phantom",
    )
    ```
    """
    n, columns = len(frontals), min(columns, len(frontals))
    rows = -(-n // columns)
    texts = [
        _report_lines(
            references[i],
            predictions[i],
            None if probabilities is None else float(probabilities[i]),
            None if labels is None else labels[i],
            None if notes is None else notes[i],
            width=64,
        )
        for i in range(n)
    ]
    depths = [sum(t.count("\n") * LEADING + LEADING + 4 for t, _ in o) for o in texts]
    below = [max(depths[i : i + columns]) + 24 for i in range(0, n, columns)]  # points
    heights = [2.45 + depth / 72 for depth in below]  # inches, of each row
    figure = plt.figure(figsize=(4.9 * columns, sum(heights) + 0.3))
    cells = figure.subfigures(rows, columns, squeeze=False, height_ratios=heights).flat
    for index, cell in zip(range(n), cells, strict=False):
        axes = cell.subplot_mosaic(
            [["frontal", "lateral"], ["text", "text"]],
            height_ratios=[2.45, below[index // columns] / 72],
        )
        draw_radiograph(axes["frontal"], frontals[index], "frontal")
        if laterals[index] is None:
            axes["lateral"].set_axis_off()
            axes["lateral"].set_title("no lateral")
        else:
            draw_radiograph(axes["lateral"], laterals[index], "lateral")
        axes["text"].set_axis_off()
        drop = 0
        for text, colour in texts[index]:
            note = axes["text"].annotate(
                text,
                (0, 1),
                (0, -drop),
                xycoords="axes fraction",
                textcoords="offset points",
                va="top",
                color=colour,
            )
            # The layout must not give a study with longer lines smaller images.
            note.set_in_layout(False)
            drop += (text.count("\n") + 1) * LEADING + 4
    return caption(figure, ground)

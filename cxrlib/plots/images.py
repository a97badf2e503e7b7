"""Radiographs side by side: pairs, reconstructions, reports."""

import textwrap

import numpy as np
from matplotlib import pyplot as plt

from cxrlib.plots.style import BLUE, GREY, STYLE, caption, draw_radiograph

LEADING = 13  # points from line to line of nine-point text


@plt.rc_context(STYLE)
def show_pairs(frontals, laterals, titles=None, columns=3, *, ground):
    """Show studies as pairs of a frontal and a lateral view.

    Args:
        frontals: float array `(N, H, W)` or `(N, H, W, 1)` in [0, 1].
        laterals: float array of the same shape.
        titles: sequence of strings `(N,)`, one per study.
        columns: int. Studies per row.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    show_pairs(np.random.rand(2, 64, 64), np.random.rand(2, 64, 64), ground="phantom")
    ```
    """
    columns = min(columns, len(frontals))
    rows = -(-len(frontals) // columns)
    titles = [textwrap.wrap(str(t), 40) for t in ([] if titles is None else titles)]
    deepest = max(map(len, titles), default=0)
    figure = plt.figure(
        figsize=(3.6 * columns, (1.95 + 0.17 * deepest) * rows + 0.3)  # inches
    )
    cells = figure.subfigures(rows, columns, squeeze=False).flat
    for index, cell in enumerate(cells):
        if index == len(frontals):
            break
        axes = cell.subplots(1, 2, gridspec_kw={"wspace": 0.02})
        if titles:
            # As many lines everywhere, or the images of a row would not align.
            lines = titles[index] + [" "] * (deepest - len(titles[index]))
            cell.suptitle("\n".join(lines), fontsize=9)
        draw_radiograph(axes[0], frontals[index])
        draw_radiograph(axes[1], laterals[index])
    return caption(figure, ground)


@plt.rc_context(STYLE)
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
        A `matplotlib` figure, a row per study. Errors are shown threefold
        brightened.

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
    figure = plt.figure(figsize=(11.4, 2.0 * rows + 0.6))
    halves = figure.subfigures(1, 2, wspace=0.03)
    for half, (view, inputs, outputs) in zip(halves, pairs, strict=True):
        half.suptitle(view)
        grid = half.subplots(rows, 3, squeeze=False)
        values = np.asarray(ssim(np.asarray(inputs), np.asarray(outputs)))
        for axes, image, drawn, value in zip(
            grid, inputs, outputs, values, strict=True
        ):
            draw_radiograph(axes[0], image, "input")
            draw_radiograph(axes[1], drawn, f"SSIM {value:.3f}")
            # The error is small; white at a third shows where it sits.
            error = np.abs(np.asarray(image) - np.asarray(drawn))
            draw_radiograph(axes[2], error, "error × 3", white=1 / 3)
    return caption(figure, ground)


def _report_lines(reference, prediction, probability, label, width):
    lines = []
    if probability is not None:
        truth = {0: "normal", 1: "abnormal"}.get(label, "not labelled")
        lines.append((f"abnormal: {probability:.2f}   (label: {truth})", GREY))
    for head, text, colour in (
        ("Reference", reference, "black"),
        ("Generated", prediction, BLUE),
    ):
        text = "" if text is None else str(text)
        # matplotlib would read a pair of dollars as a formula.
        wrapped = textwrap.fill(f"{head}: {text or '(empty)'}", width, max_lines=8)
        lines.append((wrapped.replace("$", r"\$"), colour))
    return lines


@plt.rc_context(STYLE)
def show_reports(
    frontals,
    laterals,
    references,
    predictions,
    probabilities=None,
    labels=None,
    columns=2,
    *,
    ground,
):
    """Show image pairs with the reference and the generated report beneath.

    Args:
        frontals: float array `(N, H, W, 1)` in [0, 1].
        laterals: float array of the same shape, or with `None` for missing ones.
        references: sequence of strings `(N,)`.
        predictions: sequence of strings `(N,)`.
        probabilities: floats `(N,)`, of being abnormal.
        labels: sequence `(N,)` of 0, 1 or NaN.
        columns: int. Studies per row.
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
            width=80,
        )
        for i in range(n)
    ]
    deepest = max(sum(t.count("\n") + 1 for t, _ in lines) for lines in texts)
    text_height = (deepest * LEADING + 24) / 72  # inches
    figure = plt.figure(figsize=(5.6 * columns, (2.7 + text_height) * rows + 0.3))
    cells = figure.subfigures(rows, columns, squeeze=False).flat
    for index, cell in enumerate(cells):
        if index == n:
            break
        axes = cell.subplot_mosaic(
            [["frontal", "lateral"], ["text", "text"]], height_ratios=[2.7, text_height]
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
                fontsize=9,
                color=colour,
            )
            # The layout must not give a study with longer lines smaller images.
            note.set_in_layout(False)
            drop += (text.count("\n") + 1) * LEADING + 4
    return caption(figure, ground)

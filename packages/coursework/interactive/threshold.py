"""A threshold to move: ROC point, confusion table, predictive values."""

import numpy as np
from matplotlib import pyplot as plt

from coursework.charts.style import (
    BLUE,
    CLASSES,
    GREY,
    ORANGE,
    RED,
    caption,
    ink,
    styled,
)
from coursework.interactive.board import Board


def threshold_slider(labels, probabilities, threshold=0.5, prevalence=None, *, ground):
    """Move a threshold and a prevalence, and see what they mean for a reader.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out), of both classes.
        probabilities: floats `(n,)` in [0, 1].
        threshold: float. The first one.
        prevalence: float in (0, 1). The first one; by default that of the labels.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `coursework.interactive.board.Board` over `plot_threshold`.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    threshold_slider([0, 0, 1, 1], [0.1, 0.6, 0.8, 0.9], ground="phantom")
    ```
    """
    if prevalence is None:
        prevalence = float(np.nanmean(np.asarray(labels, "float64")))
    slider = {"kind": "FloatSlider", "step": 0.01, "continuous_update": False}

    def draw(threshold, prevalence):
        return plot_threshold(
            labels, probabilities, threshold, prevalence, ground=ground
        )

    return Board(
        draw,
        threshold=slider | {"value": threshold, "min": 0.0, "max": 1.0},
        prevalence=slider | {"value": prevalence, "min": 0.01, "max": 0.99},
    )


@styled("A threshold on the ROC curve, its confusion table and predictive values")
def plot_threshold(labels, probabilities, threshold, prevalence, *, ground):
    """Plot where a threshold cuts the ROC curve, and what follows from it.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out), of both classes.
        probabilities: floats `(n,)` in [0, 1].
        threshold: float. Abnormal from here on.
        prevalence: float in (0, 1). The share of abnormal studies where the model
            is used.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure of three panels: the ROC curve, the confusion table of
        these studies, and both predictive values over the prevalence.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    plot_threshold([0, 0, 1, 1], [0.1, 0.6, 0.8, 0.9], 0.5, 0.1, ground="phantom")
    ```
    """
    from cxrscore.labels.thresholds import confusion_matrix, known, ranked_weights

    labels, probabilities, _ = known(labels, probabilities)
    ranked = ranked_weights(labels, probabilities, np.ones((1, labels.size)))
    hits, alarms = (np.append(0, each[0].cumsum()) / each.sum() for each in ranked)
    counts = confusion_matrix(labels, probabilities, threshold)["counts"]
    specificity, sensitivity = np.diag(counts) / counts.sum(axis=1)
    figure, (roc, table, worth) = plt.subplots(1, 3, figsize=(9.0, 3.6))
    roc.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    roc.plot(alarms, hits, color=BLUE, linestyle="-")
    roc.plot(1 - specificity, sensitivity, "D", color=RED, markersize=9, clip_on=False)
    roc.set(xlabel="1 − specificity", ylabel="sensitivity", aspect="equal")
    roc.set_title(
        f"threshold {threshold:.2f}\nsensitivity {sensitivity:.2f}, "
        f"specificity {specificity:.2f}"
    )
    _draw_table(table, counts)
    _draw_worth(worth, sensitivity, specificity, prevalence)
    return caption(figure, ground)


def predictive_values(sensitivity, specificity, prevalence):
    """Positive and negative predictive value by Bayes; NaN where there is no such call.

    Args:
        sensitivity: float.
        specificity: float.
        prevalence: float or array `(k,)` in [0, 1].

    Returns:
        A pair of arrays of the prevalence's shape.

    Example:
    ```python
    predictive_values(0.9, 0.9, 0.1)  # 0.5, 0.988
    ```
    """
    prevalence = np.asarray(prevalence, "float64")
    true, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    missed, right = (1 - sensitivity) * prevalence, specificity * (1 - prevalence)
    with np.errstate(invalid="ignore"):
        return true / (true + false), right / (right + missed)


def _draw_table(axes, counts):
    shares = counts / counts.sum(axis=1, keepdims=True)
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.25)
    kinds = (("true\nnegatives", "false\nalarms"), ("missed", "found"))
    for (row, column), count in np.ndenumerate(counts):
        look = {"ha": "center", "color": ink(drawn.to_rgba(shares[row, column]))}
        axes.text(column, row - 0.02, count, size=16, va="bottom", **look)
        axes.text(column, row + 0.05, kinds[row][column], va="top", **look)
    axes.set_xticks([0, 1], [f"called\n{name}" for name in CLASSES])
    axes.set_yticks([0, 1], CLASSES, rotation=90, va="center")
    axes.set_title(f"these {counts.sum()} studies\n(true class in rows)")
    axes.grid(False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _draw_worth(axes, sensitivity, specificity, prevalence):
    grid = np.linspace(0.005, 0.995, 199)
    curves = predictive_values(sensitivity, specificity, grid)
    here = predictive_values(sensitivity, specificity, prevalence)
    names = ("PPV", "NPV")
    for name, curve, value, style in zip(names, curves, here, ("-", "--"), strict=True):
        colour = BLUE if name == "PPV" else ORANGE
        label = f"{name} {value:.2f}" if np.isfinite(value) else f"{name} undefined"
        axes.plot(grid, curve, style, color=colour, label=label)
        axes.plot(prevalence, value, "D", color=colour, clip_on=False)
    axes.axvline(prevalence, color=GREY, linestyle=":", linewidth=1)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal", xlabel="prevalence")
    axes.set_title(f"at a prevalence of {prevalence:.2f}\nhow often a call is right")
    axes.legend(loc="lower center")

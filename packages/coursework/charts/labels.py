"""Charts of labels: ROC, confusion, calibration, with intervals; models compared."""

import textwrap

import numpy as np
from matplotlib import pyplot as plt

from coursework.charts.style import (
    BLUE,
    CLASSES,
    GREY,
    MISS,
    RED,
    caption,
    ink,
    styled,
)

BAR = "#d7dade"  # Visible, but light enough for a background.


def _say(axes, words):
    """Write in the middle why there is nothing to see."""
    axes.text(
        *(0.5, 0.5, textwrap.fill(words, 32)),
        **dict.fromkeys(("ha", "va"), "center"),
        color=MISS,
        bbox={"color": "white"},
        transform=axes.transAxes,
    )


@styled("ROC curve with its 95 % band")
def plot_roc(labels, probabilities, threshold=None, *, ground):
    """Plot the ROC curve with its area and its 95 % band, or say why there is none.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out).
        probabilities: floats `(n,)` in [0, 1].
        threshold: float. Marked on the curve where it is given.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    plot_roc([0, 1, 1], [0.2, 0.7, 0.4], threshold=0.5, ground="phantom")
    ```
    """
    from cxrscore.labels.scores import classification_scores
    from cxrscore.labels.thresholds import roc_curve
    from cxrscore.tables import format_interval

    cut = 0.5 if threshold is None else threshold
    scores = classification_scores(labels, probabilities, cut, target="roc")
    figure, axes = plt.subplots(figsize=(4.2, 4.2))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    if scores["roc.auroc"]["value"] is None:
        _say(axes, scores["roc.auroc"]["note"])
    else:
        curve = roc_curve(labels, probabilities)
        axes.fill_between(
            curve["grid"], curve["low"], curve["high"], color=BLUE, alpha=0.18, lw=0
        )
        axes.plot(curve["false_alarms"], curve["found"], linewidth=2)
        ends = format_interval(scores["roc.auroc"].get("interval"))
        words = f"AUROC {scores['roc.auroc']['value']:.3f}\n"
        words += f"95 %: {ends}\n" if ends else ""
        words += f"n = {scores['roc.auroc']['n']}"
        axes.text(0.97, 0.05, words, ha="right", color=BLUE)
        if threshold is not None:
            found = scores["roc.sensitivity"]["value"]
            alarms = 1 - scores["roc.specificity"]["value"]
            label = f"threshold {threshold:.2f}"
            axes.plot(alarms, found, "D", color=RED, label=label, clip_on=False)
            axes.legend(loc="lower right", bbox_to_anchor=(1, 0.24), handletextpad=0.1)
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", aspect="equal")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    return caption(figure, ground)


@styled("Confusion matrix: true classes in rows, predicted classes in columns")
def plot_confusion(labels, probabilities, threshold=0.5, names=CLASSES, *, ground):
    """Plot a confusion matrix: studies, their 95 % interval, and shares.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out).
        probabilities: floats `(n,)` in [0, 1].
        threshold: float. Abnormal from here on.
        names: two strings, of the classes 0 and 1.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure. The shade is the share of the true class.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    plot_confusion([0, 0, 1, 1], [0.1, 0.6, 0.8, 0.9], ground="phantom")
    ```
    """
    from cxrscore.labels.thresholds import confusion_matrix

    matrix = confusion_matrix(labels, probabilities, threshold)
    counts, ends = matrix["counts"], matrix["interval"]
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    figure, axes = plt.subplots(figsize=(4.6, 4.2))
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.25)
    for row, column in np.ndindex(2, 2):
        share, words = shares[row, column], ""
        if totals[row]:
            words = f"{100 * share:.0f} % of {names[row]}"
        if totals[row] and ends is not None:  # Of the number above it.
            words = "95 %: {:.0f} to {:.0f}\n{}".format(*ends[row, column], words)
        look = {"ha": "center", "color": ink(drawn.to_rgba(share))}
        axes.text(column, row - 0.04, counts[row, column], size=20, va="bottom", **look)
        axes.text(column, row + 0.04, words, size=10, va="top", **look)
    for line in (axes.axhline, axes.axvline):
        line(0.5, color="white", linewidth=2)
    axes.set_xticks([0, 1], [f"called {name}" for name in names])
    axes.set_yticks([0, 1], names, rotation=90, va="center")
    axes.set(
        ylabel="true class", xlabel=f"threshold {threshold:.2f}, n = {totals.sum()}"
    )
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return caption(figure, ground)


@styled("Calibration: the share of positives against the probability")
def plot_calibration(labels, probabilities, bins=10, equal="width", *, ground):
    """Plot the share of positives against the probability, or why there is none.

    The grey bars are where a perfectly calibrated model would be with as many studies:
    a point within its bar is no sign of bad calibration.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out).
        probabilities: floats `(n,)` in [0, 1].
        bins: int.
        equal: string. Bins of equal `"width"`, or of equal `"mass"` (studies).
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure: the curve, and below it the distribution of the
        probabilities.

    Raises:
        InputError: if the two differ in number, a value is out of range, or `equal`
            is neither.

    Example:
    ```python
    plot_calibration([0, 0, 1, 1], [0.1, 0.6, 0.8, 0.9], bins=2, ground="phantom")
    ```
    """
    from cxrscore.labels.calibration import (
        calibration_curve,
        calibration_error,
        error_interval,
    )
    from cxrscore.labels.thresholds import known
    from cxrscore.tables import format_interval

    labels, probabilities, _ = known(labels, probabilities)
    figure, (axes, below) = plt.subplots(
        2, 1, figsize=(4.2, 5.2), height_ratios=(4, 1), sharex=True
    )
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    if not labels.size:
        _say(axes, "undefined: no study has a label")
    else:
        curve = calibration_curve(labels, probabilities, bins, equal)
        places = curve["probability"]
        ends = curve["calibrated_low"], curve["calibrated_high"]
        axes.vlines(places, *ends, color=BAR, linewidth=9, label="if calibrated")
        axes.vlines(places, curve["low"], curve["high"], color=BLUE, linewidth=1.2)
        axes.plot(places, curve["share"], "o-", markersize=4, label="found")
        error = calibration_error(labels, probabilities, bins, equal)
        ends = format_interval(error_interval(labels, probabilities, bins, equal))
        axes.set_title(
            f"ECE {error:.3f}{ends and f', 95 %: {ends}'}\n"
            f"{bins} bins of equal {equal}, n = {labels.size}"
        )
        split = [probabilities[labels == each] for each in (0, 1)]
        below.hist(
            split,
            np.linspace(0, 1, 21),
            stacked=True,
            color=[GREY, BLUE],
            label=["negative", "positive"],
        )
        below.yaxis.get_major_locator().set_params(integer=True)
        figure.legend(
            loc="outside upper center",
            ncols=2,
        )
    axes.set(ylabel="share of positives", xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    below.set(xlabel="probability", ylabel="studies")
    return caption(figure, ground)


@styled("ROC curves of several models")
def plot_rocs(labels, probabilities, threshold=0.5, *, ground):
    """Plot several models' ROC curves over each other, and where one threshold cuts.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out), of both classes.
        probabilities: dict of a model's name to floats `(n,)` in [0, 1].
        threshold: float. Marked on every curve.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Raises:
        InputError: if two differ in number, or a value is out of range.

    Example:
    ```python
    plot_rocs(
        [0, 1, 1, 0], {"a": [0.2, 0.7, 0.4, 0.5], "b": [0.4, 0.9, 0.6, 0.7]},
        ground="phantom",
    )
    ```
    """
    from cxrscore.labels.scores import label_values
    from cxrscore.labels.thresholds import known, roc_curve

    figure, axes = plt.subplots(figsize=(4.6, 4.6))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    for name, each in probabilities.items():
        curve = roc_curve(labels, each)
        values = label_values(*known(labels, each)[:2], threshold)
        words = f"{name}: AUROC {values['auroc']:.3f}"
        (line,) = axes.plot(
            curve["false_alarms"], curve["found"], linewidth=1.6, label=words
        )
        place = 1 - values["specificity"], values["sensitivity"]
        axes.plot(*place, "o", color=line.get_color(), markersize=9, clip_on=False)
    cut = f"threshold {threshold:.2f}"
    axes.plot([], [], "o", color=GREY, markersize=9, label=cut)
    axes.legend(loc="lower right")
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", aspect="equal")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    return caption(figure, ground)


@styled("Dots with 95 % intervals, a row per model")
def plot_intervals(scores, label="AUROC", chance=0.5, *, ground):
    """Plot what several models reach, each with its 95 % interval.

    Args:
        scores: dict of a model's name to a triple: value, low and high end, NaN where
            there is no interval.
        label: string. What the values are.
        chance: float or `None`. What guessing reaches; drawn as a line.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, the first model on top.

    Example:
    ```python
    plot_intervals(
        {"pixels": (0.71, 0.65, 0.77), "latents": (0.78, 0.72, 0.83)},
        ground="phantom",
    )
    ```
    """
    figure, axes = plt.subplots(figsize=(7.4, 0.42 * len(scores) + 1.0))
    values, lows, highs = np.transpose(list(scores.values()))
    places = np.arange(len(scores))
    axes.hlines(places, lows, highs, color=BLUE, linewidth=1.6)
    axes.plot(values, places, "o", color=BLUE)
    ends = np.where(np.isfinite(highs), highs, values)
    for place, value, high in zip(places, values, ends, strict=True):
        axes.annotate(
            f"{value:.3f}",
            (high, place),
            (6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    if chance is not None:
        axes.axvline(chance, color=GREY, linestyle=":", linewidth=1)
    axes.set_yticks(places, list(scores))
    axes.set(xlabel=f"{label}, 95 % interval", ylim=(len(scores) - 0.5, -0.5))
    axes.margins(x=0.12)
    axes.grid(False, axis="y")
    return caption(figure, ground)

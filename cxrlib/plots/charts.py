"""Charts: losses, class balance, text lengths, ROC."""

import textwrap

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from cxrlib.plots.style import BLUE, GREY, RED, STYLE, caption


@plt.rc_context(STYLE)
def plot_history(log, ground="real"):
    """Plot each logged quantity over the epochs, train against validation.

    Args:
        log: a `pandas.DataFrame`, or the path of the CSV that
            `keras.callbacks.CSVLogger` wrote.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, one panel per quantity.

    Example:
    ```python
    plot_history(pd.DataFrame({"epoch": [0, 1], "loss": [2, 1], "val_loss": [2, 1]}))
    ```
    """
    table = log if isinstance(log, pd.DataFrame) else pd.read_csv(log)
    epochs = table["epoch"] + 1 if "epoch" in table else np.arange(1, len(table) + 1)
    names = [
        name
        for name in table
        if name != "epoch" and not (name.startswith("val_") and name[4:] in table)
    ]
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(3.6 * columns, 2.4 * rows + 0.3), squeeze=False
    )
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    marker = "o" if len(table) < 16 else None
    for axes, name in zip(grid.flat, names, strict=False):
        axes.plot(epochs, table[name], marker=marker, markersize=3, label="train")
        if f"val_{name}" in table:
            values = table[f"val_{name}"]
            axes.plot(epochs, values, marker=marker, markersize=3, label="validation")
            axes.legend(fontsize=8)
        axes.set_title(name.replace("_", " "))
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-3, 4))
        axes.set_xlabel("epoch")
    return caption(figure, ground)


@plt.rc_context(STYLE)
def plot_class_balance(counts, ground="real"):
    """Plot how many studies of each class a split has, with their share.

    Args:
        counts: `pandas.DataFrame` of ints, a row per split and a column per class,
            such as `pd.crosstab(studies.split, studies.abnormal)`.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_class_balance(pd.DataFrame({"normal": [60], "abnormal": [40]}, ["train"]))
    ```
    """
    figure, axes = plt.subplots(figsize=(6.4, 0.55 * len(counts) + 1.3))
    left = np.zeros(len(counts))
    totals = counts.sum(axis=1).to_numpy()
    places = np.arange(len(counts))
    for name in counts:
        width = counts[name].to_numpy()
        bars = axes.barh(places, width / totals, left=left, height=0.6, label=str(name))
        words = [
            f"{count} ({count / total:.0%})" if count / total > 0.08 else ""
            for count, total in zip(width, totals, strict=True)
        ]
        axes.bar_label(bars, words, label_type="center", color="white", fontsize=9)
        left += width / totals
    axes.set_yticks(places, [str(name) for name in counts.index])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of the split's studies")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.grid(False)
    axes.legend(ncols=len(counts.columns), loc="lower left", bbox_to_anchor=(0, 1))
    return caption(figure, ground)


@plt.rc_context(STYLE)
def plot_text_lengths(lengths, limit=None, unit="words", ground="real"):
    """Plot how long the reports are.

    Args:
        lengths: dict name → ints, such as `{"impression": …, "findings": …}`.
        limit: int. The model's length, drawn as a line with the share beyond it.
        unit: string. `"words"` or `"tokens"`.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_text_lengths({"impression": [4, 6, 9, 30]}, limit=24)
    ```
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.0))
    longest = max([max(each, default=1) for each in lengths.values()] + [limit or 1])
    bins = np.arange(0, longest + 2, max(1, (longest + 1) // 40)) - 0.5
    for name, values in lengths.items():
        label = f"{name} (n = {len(values)}, median {np.median(values):.0f})"
        if limit:
            label += f", {np.mean(np.asarray(values) > limit):.1%} beyond {limit}"
        axes.hist(values, bins=bins, alpha=0.65, label=label)
    if limit:
        axes.axvline(limit + 0.5, color=RED, linestyle="--", linewidth=1)
    axes.set(xlabel=unit, ylabel="reports")
    axes.legend(fontsize=8)
    return caption(figure, ground)


@plt.rc_context(STYLE)
def plot_roc(labels, probabilities, ground="real"):
    """Plot the ROC curve with its area, or say why there is none.

    Args:
        labels: array `(n,)` of 0, 1 or NaN (left out).
        probabilities: floats `(n,)` in [0, 1].
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_roc([0, 1, 1], [0.2, 0.7, 0.4])
    ```
    """
    from sklearn.metrics import roc_curve

    from cxrlib.evaluation.classification import classification_scores, known

    auroc = classification_scores(labels, probabilities)["abnormal.auroc"]
    labels, probabilities, _ = known(labels, probabilities)
    figure, axes = plt.subplots(figsize=(4.2, 4.2))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
    if auroc["value"] is None:
        axes.text(
            0.5,
            0.5,
            textwrap.fill(auroc["note"], 30),
            ha="center",
            va="center",
            color=RED,
            bbox={"color": "white"},
        )
    else:
        false_alarms, found, _ = roc_curve(labels, probabilities)
        axes.plot(false_alarms, found, linewidth=2)
        words = f"AUROC {auroc['value']:.3f}\nn = {auroc['n']}"
        axes.text(0.97, 0.06, words, ha="right", color=BLUE)
    axes.set(xlabel="1 − specificity", ylabel="sensitivity", aspect="equal")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    return caption(figure, ground)

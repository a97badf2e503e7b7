"""Curves and counts: losses, class balance, text lengths."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from coursework.charts.style import RED, caption, ink, styled


@styled("Curves over the epochs of a training")
def plot_history(log, *, ground):
    """Plot each logged quantity over the epochs, train against validation.

    Args:
        log: a `pandas.DataFrame`, or the path of the CSV that
            `keras.callbacks.CSVLogger` wrote.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, one panel per quantity.

    Example:
    ```python
    plot_history(
        pd.DataFrame({"epoch": [0, 1], "loss": [2, 1], "val_loss": [2, 1]}),
        ground="phantom",
    )
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
        rows, columns, figsize=(2.95 * columns, 2.2 * rows + 0.6), squeeze=False
    )
    for axes in grid.flat[len(names) :]:
        axes.set_axis_off()
    # A single epoch makes no line.
    style = {"marker": "o"} if len(table) == 1 else {}
    drawn = {}
    for axes, name in zip(grid.flat, names, strict=False):
        for label, column in (("train", name), ("validation", f"val_{name}")):
            if column in table:
                (drawn[label],) = axes.plot(epochs, table[column], **style)
        axes.set_title(name.replace("_", " "))
        axes.xaxis.get_major_locator().set_params(integer=True)
        if len(table) == 1:  # The locator would mark fractions of the one epoch.
            axes.set_xticks(epochs)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("epoch")
    figure.legend(drawn.values(), drawn, loc="outside upper center", ncols=2)
    return caption(figure, ground)


@styled("Bars: how many studies of each class a split has")
def plot_class_balance(counts, *, ground):
    """Plot how many studies of each class a split has, with their share.

    Args:
        counts: `pandas.DataFrame` of ints, a row per split and a column per class,
            such as `pd.crosstab(studies.split, studies.abnormal)`.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_class_balance(
        pd.DataFrame({"normal": [60], "abnormal": [40]}, ["train"]),
        ground="phantom",
    )
    ```
    """
    figure, axes = plt.subplots(figsize=(7.4, 0.6 * len(counts) + 1.0))
    left = np.zeros(len(counts))
    totals = counts.sum(axis=1).to_numpy()
    places = np.arange(len(counts))
    for name in counts:
        width = counts[name].to_numpy()
        bars = axes.barh(
            places,
            width / totals,
            left=left,
            height=0.7,
            edgecolor="white",
            label=str(name),
        )
        words = [
            f"{name}\n{count} ({count / total:.0%})" if count / total > 0.12 else ""
            for count, total in zip(width, totals, strict=True)
        ]
        colour = ink(bars[0].get_facecolor())
        axes.bar_label(bars, words, label_type="center", color=colour, fontsize=9)
        left += width / totals
    axes.set_yticks(places, [str(name) for name in counts.index])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of the split's studies")
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.grid(False)
    if len(axes.texts) > sum(bool(text.get_text()) for text in axes.texts):
        figure.legend(ncols=4, loc="outside upper center")  # Some had no room.
    return caption(figure, ground)


@styled("Histogram: how long the reports are")
def plot_text_lengths(lengths, limit=None, unit="words", *, ground):
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
    plot_text_lengths({"impression": [4, 6, 9, 30]}, limit=24, ground="phantom")
    ```
    """
    figure, axes = plt.subplots(figsize=(7.4, 3.2))
    longest = max([max(each, default=1) for each in lengths.values()] + [limit or 1])
    bins = np.arange(0, longest + 2, max(1, (longest + 1) // 40)) - 0.5
    for (name, values), hatch in zip(lengths.items(), ("", "///", "..."), strict=False):
        label = f"{name} (n = {len(values)}, median {np.median(values):.0f})"
        if limit:
            label += f", {np.mean(np.asarray(values) > limit):.1%} beyond {limit}"
        look = {"alpha": 0.65, "hatch": hatch, "edgecolor": "white", "linewidth": 0}
        axes.hist(values, bins=bins, label=label, **look)
    if limit:
        axes.axvline(limit + 0.5, color=RED, linestyle="--", linewidth=1.5)
    axes.set(xlabel=unit, ylabel="reports", xlim=(0, None))
    figure.legend(loc="outside upper center")
    return caption(figure, ground)

"""Scores beside their baselines: dots with intervals, baselines as marks."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator

from coursework.charts.style import (
    BLUE,
    GREEN,
    GREY,
    MISS,
    ORANGE,
    RED,
    caption,
    styled,
)

MARKS = {"constant": ("s", GREY), "nearest": ("^", ORANGE), "shuffled": ("x", RED)}
MARKS |= {"permuted": MARKS["shuffled"], "most frequent": ("v", GREEN)}
OTHER = ("d", "black")  # Any other name: a score that others report.
PANEL_TITLE = {"loc": "left", "fontsize": 10, "fontweight": "bold"}


@styled("Scores with their intervals beside their baselines")
def plot_beside(
    scores,
    beside=("constant", "nearest", "shuffled"),
    label="value",
    note="",
    *,
    ground,
):
    """Plot scores with their intervals on one axis, and their baselines.

    Args:
        scores: dict of name to score, as of
            `cxrscore.evaluate.evaluate_predictions`: a dict with `value`,
            and where there is one `interval` and any of `beside`.
        beside: sequence of strings. Names of further values.
        label: string. What the dots are.
        note: string. A sentence above the panel, such as "No image was looked at".
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, a row per score; one without a value says so.

    Example:
    ```python
    plot_beside(
        {"coco.bleu_4": {"value": 0.17, "interval": [0.14, 0.21]}},
        ground="phantom",
    )
    ```
    """
    figure, axes = plt.subplots(figsize=(8.4, 0.36 * len(scores) + 1.4))
    for row, record in enumerate(scores.values()):
        _draw_score(axes, record, row, beside, label)
    axes.set_yticks(range(len(scores)), list(scores))
    axes.set_ylim(len(scores) - 0.5, -0.5)
    axes.margins(x=0.04)
    axes.set_xlim(left=min(0, axes.get_xlim()[0]))
    if note:
        axes.set_title(note, color=MISS, **PANEL_TITLE)
    _legend_once(figure)
    return caption(figure, ground)


@styled("Scores, each on an axis from the constant baseline to perfect")
def plot_scores(
    scores,
    beside=("nearest", "shuffled"),
    label="value",
    perfect=None,
    published=None,
    columns=2,
    *,
    ground,
):
    """Plot each score on its own axis, from what a constant reaches to perfect.

    Args:
        scores: dict of name to score, as of `plot_beside`. Where there is no
            `constant`, the axis begins at 0.
        beside: sequence of strings. Names of further values.
        label: string. What the dots are.
        perfect: dict of name to float. The best possible value where it is not 1.
        published: dict of name to string. What others report on other studies;
            written below the axis and not drawn on it, since it cannot be compared.
        columns: int. Panels per row.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, a panel per score. A dot at the right end is perfect;
        one left of the tick `constant` is worse than looking at nothing.

    Example:
    ```python
    plot_scores(
        {"abnormal.auroc": {"value": 0.9, "interval": [0.8, 0.95], "constant": 0.5}},
        ground="phantom",
    )
    ```
    """
    columns = min(columns, len(scores))
    rows = -(-len(scores) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(4.2 * columns, 1.12 * rows + 0.8), squeeze=False
    )
    for axes in grid.flat[len(scores) :]:
        axes.set_axis_off()
    for axes, (name, record) in zip(grid.flat, scores.items(), strict=False):
        best, first = (perfect or {}).get(name, 1), record.get("constant")
        start = 0 if first is None else first
        _draw_score(axes, record, 0, beside, label)
        drawn = [record.get(key) for key in ("value", *beside)]
        drawn = np.array([start, best, *drawn, *(record.get("interval") or [])], float)
        low, high = np.nanmin(drawn), np.nanmax(drawn)
        room = 0.06 * ((high - low) or 1)
        ends = low - room, high + room
        axes.set_xlim(ends if best >= start else ends[::-1])  # Better is to the right.
        for place in (start, best):
            axes.axvline(place, color=GREY, linewidth=1, zorder=0)
        word = "zero" if first is None else "constant"
        ticks = [f"{start:.3g}\n{word}", f"{best:g}\nperfect"]
        axes.set_xticks([start, best], ticks)
        axes.set(ylim=(-0.5, 0.5), yticks=[])
        axes.spines["left"].set_visible(False)
        axes.grid(False)
        axes.set_title(name, **PANEL_TITLE)
        if published and name in published:
            words = {"fontsize": 9, "color": GREY, "ha": "center", "va": "top"}
            axes.text(
                *(0.5, -0.16, f"others: {published[name]}"),
                transform=axes.transAxes,
                **words,
            )
    _legend_once(figure)
    return caption(figure, ground)


def _draw_score(axes, record, row, beside, label):
    """One score in a row of axes: its interval, its dot, the marks beside it."""
    if record["value"] is None:
        axes.text(0, row, " undefined", color=GREY, va="center", fontsize=9)
    else:
        low, high = record.get("interval") or [record["value"]] * 2
        axes.hlines(row, low, high, color=BLUE, linewidth=4, alpha=0.35)
    marks = [(label, "o", BLUE, "value")]
    marks += [(name, *MARKS.get(name, OTHER), name) for name in beside]
    for name, marker, colour, key in marks:
        if record.get(key) is not None:
            look = {"marker": marker, "color": colour, "s": 46, "zorder": 3}
            axes.scatter(record[key], row, label=name, clip_on=False, **look)


def _legend_once(figure):
    """One legend above all panels, where there is more than one kind of mark."""
    seen = {}
    for axes in figure.axes:
        for mark, name in zip(*axes.get_legend_handles_labels(), strict=True):
            seen.setdefault(name, mark)
    if len(seen) > 1:
        figure.legend(
            seen.values(), seen, ncols=5, loc="outside upper center", fontsize=9
        )


@styled("Histograms: how scores vary over resamples of the studies")
def plot_resamples(resamples, shared=2, *, ground):
    """Plot how scores vary over the resamples, with their 95 % intervals.

    Args:
        resamples: dict of title to float array `(resamples,)`.
        shared: int. How many panels, from the first, share one axis.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, a panel per title.

    Example:
    ```python
    plot_resamples(
        {"accuracy": np.random.default_rng(0).normal(0.8, 0.02, 1000)},
        ground="phantom",
    )
    ```
    """
    from cxrscore.bootstrap import interval
    from cxrscore.tables import format_interval

    figure, panels = plt.subplots(
        1, len(resamples), figsize=(2.95 * len(resamples), 2.8), squeeze=False
    )
    for axes, (title, values) in zip(panels[0], resamples.items(), strict=True):
        axes.hist(values, bins=40, color=BLUE, alpha=0.65)
        ends = interval(values)
        for end in ends or ():
            axes.axvline(end, color=RED, linestyle="--", linewidth=1.5)
        axes.set_title(f"{title}\n95 %: {format_interval(ends) or 'none, all agree'}")
        axes.set_xlabel("its value in a resample")
        axes.xaxis.set_major_locator(MaxNLocator(4))
    panels[0, 0].set_ylabel("resamples")
    for axes in panels[0, 1:shared]:
        axes.sharex(panels[0, 0])
        axes.autoscale()
    return caption(figure, ground)

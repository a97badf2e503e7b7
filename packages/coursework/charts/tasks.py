"""Several tasks on shared weights: their gradients, and what trainings reach."""

import numpy as np
from matplotlib import pyplot as plt

from coursework.charts.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    bare,
    caption,
    ink,
    styled,
)

LOOKS = (("o", BLUE), ("D", ORANGE), ("^", GREEN), ("s", PURPLE), ("v", RED))


@styled("Gradients of several losses on shared weights: their lengths and cosines")
def plot_pulls(moments, *, ground):
    """Show the gradients of several losses by the same weights.

    Args:
        moments: dict of title to dict of task to float array `(k,)`, the gradient
            of the task's loss by the shared weights. The same tasks at each moment.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure: above, the lengths of the gradients on one logarithmic
        axis, a mark per moment; below, the cosines between them, a panel per moment.
        A gradient of length 0 has neither a place on that axis nor a direction.

    Example:
    ```python
    plot_pulls(
        {"at first": {"label": [1.0, 0.0], "text": [0.5, 0.5]}},
        ground="phantom",
    )
    ```
    """
    tasks = list(next(iter(moments.values())))
    places = np.arange(len(tasks))
    vectors = {
        title: np.array([pulls[task] for task in tasks], "float64")
        for title, pulls in moments.items()
    }
    lengths = np.array([np.linalg.norm(each, axis=1) for each in vectors.values()])
    mosaic = [[-1] * len(moments), list(range(len(moments)))]
    side = 0.42 * len(tasks)
    figure, panels = plt.subplot_mosaic(
        mosaic, figsize=(8.4, 2 * side + 2.4), height_ratios=(side + 0.3, side + 0.3)
    )
    axes = panels[-1]
    axes.set_xscale("log")
    known = np.ma.masked_equal(lengths, 0)
    axes.hlines(places, known.min(axis=0), known.max(axis=0), color=GREY, lw=1)
    for row, (title, (marker, colour)) in enumerate(zip(moments, LOOKS, strict=False)):
        look = {"marker": marker, "color": colour, "linestyle": "none"}
        axes.plot(known[row], places, markersize=8, label=title, **look)
    axes.margins(x=0.08)
    for title, each in zip(moments, lengths, strict=True):
        for place in places[each == 0]:
            words = f"  {title}: no gradient at all"
            at = {"transform": axes.get_yaxis_transform(), "va": "center"}
            axes.text(0, place + 0.28, words, fontsize=9, color=GREY, **at)
    axes.set_yticks(places, tasks)
    axes.set(ylim=(len(tasks) - 0.4, -0.6), xlabel="length of the gradient (log)")
    axes.grid(False, axis="y")
    axes.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    for i, (title, each) in enumerate(vectors.items()):
        with np.errstate(invalid="ignore"):
            units = each / lengths[i][:, None]
        _cosines(panels[i], tasks, units @ units.T)
        panels[i].set_title(f"{title}: cosines")
    return caption(figure, ground)


def _cosines(axes, tasks, cosines):
    """A heat map with its numbers below the diagonal; the rest would repeat them."""
    shown = np.where(np.tri(len(tasks), k=-1, dtype=bool), cosines, np.nan)
    drawn = axes.imshow(shown, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    for row, column in zip(*np.tril_indices(len(tasks), -1), strict=True):
        value = cosines[row, column]
        words = f"{value:.2f}".replace("-", "−") if np.isfinite(value) else "–"
        colour = ink(drawn.to_rgba(value)) if np.isfinite(value) else "black"
        axes.text(column, row, words, ha="center", va="center", color=colour)
    bare(axes)
    axes.set_xticks(range(len(tasks) - 1), tasks[:-1])
    axes.set_yticks(range(1, len(tasks)), tasks[1:])
    axes.set(xlim=(-0.5, len(tasks) - 1.5), ylim=(len(tasks) - 0.5, 0.5))
    axes.set_xlabel("1 the same way, 0 at right angles, −1 against")
    axes.tick_params(length=0)


@styled("What repeated trainings reach: a mark for each random seed")
def plot_repeats(runs, scores, across, by, *, ground):
    """Show every one of some repeated trainings, and no mean without its runs.

    Args:
        runs: DataFrame, a row per training. Columns `across`, `by` and the scores;
            NaN where a training has no such score.
        scores: dict of column to string, the title of its panel.
        across: string. The column whose values stand side by side, in their order.
        by: string. The column whose values are compared: a mark and a colour for each.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure: a panel per score, in it a mark per training and a line
        at the mean of those that differ only in their seed.

    Example:
    ```python
    runs = pd.DataFrame({"layers": [0, 0], "tasks": ["one", "all"], "F1": [0.6, 0.7]})
    plot_repeats(runs, {"F1": "F1"}, "layers", "tasks", ground="phantom")
    ```
    """
    groups, kinds = runs[across].unique(), runs[by].unique()
    figure, panels = plt.subplots(
        1, len(scores), figsize=(8.4, 3.1), squeeze=False, layout="constrained"
    )
    step = min(0.34, 1.02 / len(kinds))
    offsets = (np.arange(len(kinds)) - (len(kinds) - 1) / 2) * step
    for axes, (score, title) in zip(panels[0], scores.items(), strict=True):
        for kind, offset, look in zip(kinds, offsets, LOOKS, strict=False):
            marker, colour = look
            for place, group in enumerate(groups):
                chosen = runs[by].eq(kind) & runs[across].eq(group)
                values = runs.loc[chosen, score].dropna().to_numpy()
                if not len(values):
                    continue
                at = place + offset + step * np.linspace(-0.2, 0.2, len(values))
                axes.plot(at, values, marker, color=colour, markersize=6, alpha=0.85)
                ends = place + offset - 0.38 * step, place + offset + 0.38 * step
                axes.hlines(values.mean(), *ends, color=colour, lw=2)
            axes.plot([], [], marker, color=colour, label=str(kind))
        axes.set_xticks(range(len(groups)), groups)
        axes.set(title=title, xlabel=across, xlim=(-0.6, len(groups) - 0.4))
        axes.grid(False, axis="x")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, ncols=len(kinds), loc="outside upper center")
    return caption(figure, ground)

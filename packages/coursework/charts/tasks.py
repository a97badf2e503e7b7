"""Gradients of several tasks on shared weights: lengths and cosines."""

import numpy as np
from matplotlib import pyplot as plt

from coursework.charts.style import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    bare,
    caption,
    ink,
    styled,
)

LOOKS = (("o", BLUE), ("D", ORANGE), ("^", GREEN))


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

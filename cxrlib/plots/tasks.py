"""Several tasks on shared weights: how hard each pulls, and which way."""

import numpy as np
from matplotlib import pyplot as plt

from cxrlib.plots.style import STYLE, caption


@plt.rc_context(STYLE)
def plot_pulls(moments, *, ground):
    """Show the gradients that several losses send into the same weights.

    Args:
        moments: dict of title to dict of task to float array `(k,)`, the gradient
            of the task's loss by the shared weights. The same tasks at each moment.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, a row per moment: the lengths of the gradients, and
        the cosines between them. A gradient of length 0 has no direction.

    Example:
    ```python
    plot_pulls(
        {"at first": {"label": [1.0, 0.0], "text": [0.5, 0.5]}},
        ground="phantom",
    )
    ```
    """
    rows = len(moments)
    figure, grid = plt.subplots(rows, 2, figsize=(9.6, 2.7 * rows + 0.3), squeeze=False)
    for (left, right), (title, pulls) in zip(grid, moments.items(), strict=True):
        tasks, vectors = list(pulls), np.array(list(pulls.values()), "float64")
        lengths = np.linalg.norm(vectors, axis=1)
        bars = left.barh(tasks, lengths, height=0.6)
        left.bar_label(bars, [f" {length:.2g}" for length in lengths], fontsize=9)
        left.invert_yaxis()
        left.margins(x=0.18)
        left.ticklabel_format(axis="x", style="sci", scilimits=(-2, 3))
        left.set(title=title, xlabel="length of the gradient")
        left.grid(False, axis="y")
        with np.errstate(invalid="ignore"):
            units = vectors / lengths[:, None]
        _cosines(right, tasks, units @ units.T)
    return caption(figure, ground)


def _cosines(axes, tasks, cosines):
    """A heat map with its numbers; NaN stays white."""
    # The ends of the scale would be too dark to read on.
    axes.imshow(cosines, cmap="RdBu", vmin=-1.4, vmax=1.4, aspect="auto")
    for (row, column), value in np.ndenumerate(cosines):
        words = f"{value:.2f}".replace("-", "−") if np.isfinite(value) else "–"
        axes.text(column, row, words, ha="center", va="center", fontsize=9)
    axes.set_xticks(range(len(tasks)), tasks)
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set_title("cosine: 1 the same way, −1 against")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.grid(False)

"""The look that every figure shares, and how a figure is saved."""

import pathlib

from matplotlib import pyplot as plt

from cxrbase.files import write_whole
from cxrbase.grounds import GROUNDS

BLUE, ORANGE, GREY, RED = "#2f5d8a", "#d9822b", "#6b7280", "#b3261e"
STYLE = {
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.07,  # inches
    "figure.facecolor": "white",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e5e7eb",
    "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREY, RED, "#4c9f70"]),
    "legend.frameon": False,
    "savefig.dpi": 150,
}


def caption(figure, ground):
    """Write beneath a figure what it rests on, unless that is real radiographs.

    Data that nobody has called real get a caption, too.

    Args:
        figure: `matplotlib` figure.
        ground: string. `"phantom"`, `"drawn"`, `"real"` or `"unknown"`.

    Returns:
        The figure.

    Example:
    ```python
    caption(plt.figure(), "phantom")
    ```
    """
    # Whoever sees the figure alone must know that nobody was X-rayed for it.
    if ground != "real":
        figure.supxlabel(GROUNDS[ground], fontsize=9, color=RED)
    return figure


def save_figure(figure, path):
    """Save a figure whole or not at all, the format by the suffix.

    Args:
        figure: `matplotlib` figure.
        path: string or `pathlib.Path`, such as
            `outputs/demo/07_multitask/figures/roc.png`.

    Returns:
        The path.

    Example:
    ```python
    save_figure(plot_roc([0, 1], [0.1, 0.9]), "outputs/roc.png")
    ```
    """
    with write_whole(path) as temporary:
        figure.savefig(
            temporary, dpi=STYLE["savefig.dpi"], bbox_inches="tight", facecolor="white"
        )
    return pathlib.Path(path)

"""The look that every figure shares, and how a figure is saved."""

import pathlib

import numpy as np
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


def draw_radiograph(axes, image, title="", white=1.0, **arguments):
    """Draw a radiograph with black as 0 and white as `white`, never stretched."""
    axes.imshow(np.squeeze(image), cmap="gray", vmin=0, vmax=white, **arguments)
    axes.set_title(title)
    axes.set_axis_off()


def draw_border(axes, mask, colour, width=1.2):
    """Draw the border of a mask; a mask that is all one value has none."""
    mask = np.asarray(np.squeeze(mask), "float32")
    if mask.min() < 0.5 < mask.max():
        axes.contour(mask, [0.5], colors=colour, linewidths=width)


def save_figure(figure, path, alt=None):
    """Save a figure whole or not at all, the format by the suffix.

    Args:
        figure: `matplotlib` figure.
        path: string or `pathlib.Path`, such as
            `outputs/demo/07_multitask/figures/roc.png`.
        alt: string. What the figure shows, for those who cannot see it.

    Returns:
        The path.

    Example:
    ```python
    save_figure(plot_roc([0, 1], [0.1, 0.9]), "outputs/roc.png")
    ```
    """
    with write_whole(path) as temporary:
        figure.savefig(
            temporary,
            dpi=STYLE["savefig.dpi"],
            bbox_inches="tight",
            facecolor="white",
            metadata={"Description": alt} if alt else None,
        )
    return pathlib.Path(path)

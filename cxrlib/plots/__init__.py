"""One look for every figure of the course."""

from cxrlib.plots.charts import (
    plot_class_balance,
    plot_history,
    plot_roc,
    plot_text_lengths,
)
from cxrlib.plots.images import show_pairs, show_reconstructions, show_reports
from cxrlib.plots.masks import show_crop, show_masks
from cxrlib.plots.style import STYLE, caption, save_figure

__all__ = [
    "STYLE",
    "caption",
    "plot_class_balance",
    "plot_history",
    "plot_roc",
    "plot_text_lengths",
    "save_figure",
    "show_crop",
    "show_masks",
    "show_pairs",
    "show_reconstructions",
    "show_reports",
]

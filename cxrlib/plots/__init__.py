"""One look for every figure of the course."""

from cxrlib.plots.charts import (
    plot_class_balance,
    plot_history,
    plot_text_lengths,
)
from cxrlib.plots.images import show_pairs, show_reconstructions, show_reports
from cxrlib.plots.interpret import plot_cams, plot_next_words
from cxrlib.plots.labels import plot_calibration, plot_confusion, plot_roc
from cxrlib.plots.masks import show_crop, show_masks
from cxrlib.plots.style import STYLE, caption, save_figure

__all__ = [
    "STYLE",
    "caption",
    "plot_calibration",
    "plot_cams",
    "plot_class_balance",
    "plot_confusion",
    "plot_history",
    "plot_next_words",
    "plot_roc",
    "plot_text_lengths",
    "save_figure",
    "show_crop",
    "show_masks",
    "show_pairs",
    "show_reconstructions",
    "show_reports",
]

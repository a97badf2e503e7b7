"""One look for every figure of the course.

A function takes arrays or tables and returns a Matplotlib figure, whose caption names
its ground. Imports Matplotlib, cxrscore, `explain` and `models`; no system.
"""

from cxrlib.plots.charts import (
    plot_class_balance,
    plot_history,
    plot_text_lengths,
)
from cxrlib.plots.decoding import plot_choices, plot_gates, plot_influence
from cxrlib.plots.figures import plot_beside, plot_resamples
from cxrlib.plots.images import show_pairs, show_reconstructions, show_reports
from cxrlib.plots.interpret import plot_cams, plot_next_words
from cxrlib.plots.labels import (
    plot_calibration,
    plot_confusion,
    plot_intervals,
    plot_roc,
    plot_rocs,
)
from cxrlib.plots.masks import show_crop, show_masks
from cxrlib.plots.reconstruction import (
    plot_decoders,
    plot_skips,
    show_differences,
    show_grids,
    show_versions,
)
from cxrlib.plots.style import STYLE, caption, save_figure
from cxrlib.plots.tasks import plot_pulls
from cxrlib.plots.text import plot_attention, plot_positions, plot_schedules

__all__ = [
    "STYLE",
    "caption",
    "plot_attention",
    "plot_beside",
    "plot_calibration",
    "plot_cams",
    "plot_choices",
    "plot_class_balance",
    "plot_confusion",
    "plot_decoders",
    "plot_gates",
    "plot_history",
    "plot_influence",
    "plot_intervals",
    "plot_next_words",
    "plot_positions",
    "plot_pulls",
    "plot_resamples",
    "plot_roc",
    "plot_rocs",
    "plot_schedules",
    "plot_skips",
    "plot_text_lengths",
    "save_figure",
    "show_crop",
    "show_differences",
    "show_grids",
    "show_masks",
    "show_pairs",
    "show_reconstructions",
    "show_reports",
    "show_versions",
]

"""One look for every figure of the course.

A function takes arrays or tables and returns a Matplotlib figure, whose caption names
its ground, with an alternative text for those who cannot see it. Four more return a
board: a figure with controls, where a front end can show them. Imports Matplotlib,
coursework, cxrscore, `explain` and `models`; no system.
"""

from coursework.charts.atlas import plot_atlas, plot_films, plot_structures
from coursework.charts.counts import (
    plot_class_balance,
    plot_history,
    plot_text_lengths,
)
from coursework.charts.labels import (
    plot_calibration,
    plot_confusion,
    plot_intervals,
    plot_roc,
    plot_rocs,
)
from coursework.charts.many import plot_calibrations, plot_together, together
from coursework.charts.scores import plot_beside, plot_resamples, plot_scores
from coursework.charts.style import STYLE, alt_text, caption, save_figure
from coursework.charts.tasks import plot_pulls, plot_repeats
from coursework.interactive.attention import word_attention
from coursework.interactive.bleu import bleu_playground
from coursework.interactive.phantom import phantom_builder
from coursework.interactive.threshold import threshold_slider
from cxrlib.plots.decoding import plot_choices, plot_gates, plot_influence
from cxrlib.plots.images import (
    landmarks,
    show_pairs,
    show_reconstructions,
    show_reports,
)
from cxrlib.plots.interpret import plot_cams, plot_next_words
from cxrlib.plots.masks import show_crop, show_masks
from cxrlib.plots.reconstruction import (
    plot_decoders,
    plot_skips,
    show_differences,
    show_grids,
    show_versions,
)
from cxrlib.plots.text import plot_attention, plot_positions, plot_schedules

__all__ = [
    "STYLE",
    "alt_text",
    "bleu_playground",
    "caption",
    "landmarks",
    "phantom_builder",
    "plot_atlas",
    "plot_attention",
    "plot_beside",
    "plot_calibration",
    "plot_calibrations",
    "plot_cams",
    "plot_choices",
    "plot_class_balance",
    "plot_confusion",
    "plot_decoders",
    "plot_films",
    "plot_gates",
    "plot_history",
    "plot_influence",
    "plot_intervals",
    "plot_next_words",
    "plot_positions",
    "plot_pulls",
    "plot_repeats",
    "plot_resamples",
    "plot_roc",
    "plot_rocs",
    "plot_schedules",
    "plot_scores",
    "plot_skips",
    "plot_structures",
    "plot_text_lengths",
    "plot_together",
    "save_figure",
    "show_crop",
    "show_differences",
    "show_grids",
    "show_masks",
    "show_pairs",
    "show_reconstructions",
    "show_reports",
    "show_versions",
    "threshold_slider",
    "together",
    "word_attention",
]

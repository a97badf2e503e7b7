"""Figures beside what needs no model: a dot with its interval, baselines as marks."""

from matplotlib import pyplot as plt
from matplotlib.ticker import MaxNLocator

from cxrlib.plots.style import BLUE, GREY, ORANGE, RED, STYLE, caption

MARKS = {"constant": ("s", GREY), "nearest": ("^", ORANGE), "shuffled": ("x", RED)}
OTHER = ("d", "black")  # Any other name: what somebody else has reported.


@plt.rc_context(STYLE)
def plot_beside(
    figures, beside=("constant", "nearest", "shuffled"), label="value", *, ground
):
    """Plot figures with their intervals, and what stands beside them.

    Args:
        figures: dict of name to figure, as of
            `cxrscore.evaluate.evaluate_predictions`: a dict with `value`,
            and where there is one `interval` and any of `beside`.
        beside: sequence of strings. Names of further values.
        label: string. What the dots are.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, a row per figure; one without a value says so.

    Example:
    ```python
    plot_beside(
        {"coco.bleu_4": {"value": 0.17, "interval": [0.14, 0.21]}},
        ground="phantom",
    )
    ```
    """
    height = 0.36 * len(figures) + 1.3  # inches
    figure, axes = plt.subplots(figsize=(8.4, height))
    for row, record in enumerate(figures.values()):
        if record["value"] is None:
            axes.text(0, row, " undefined", color=GREY, va="center", fontsize=8)
            continue
        low, high = record.get("interval") or [record["value"]] * 2
        axes.hlines(row, low, high, color=BLUE, linewidth=4, alpha=0.35)
    seen = [(label, "o", BLUE, "value")]
    seen += [(name, *MARKS.get(name, OTHER), name) for name in beside]
    for name, marker, colour, key in seen:
        places = [
            (record[key], row)
            for row, record in enumerate(figures.values())
            if record.get(key) is not None
        ]
        if places:
            look = {"marker": marker, "color": colour, "s": 42, "zorder": 3}
            axes.scatter(*zip(*places, strict=True), label=name, **look)
    axes.set_yticks(range(len(figures)), list(figures))
    axes.set_ylim(len(figures) - 0.5, -0.5)
    axes.margins(x=0.04)
    axes.set_xlim(left=min(0, axes.get_xlim()[0]))
    if len(axes.get_legend_handles_labels()[0]) > 1:
        axes.legend(ncols=5, loc="lower left", bbox_to_anchor=(0, 1), fontsize=9)
    return caption(figure, ground)


@plt.rc_context(STYLE)
def plot_resamples(resamples, *, ground):
    """Plot how figures scatter over the resamples, with their 95 % intervals.

    Args:
        resamples: dict of title to float array `(resamples,)`.
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
        1, len(resamples), figsize=(4.4 * len(resamples), 2.7), squeeze=False
    )
    for axes, (title, values) in zip(panels[0], resamples.items(), strict=True):
        axes.hist(values, bins=40, color=BLUE, alpha=0.65)
        ends = interval(values)
        for end in ends:
            axes.axvline(end, color=RED, linestyle="--", linewidth=1)
        axes.set_title(f"{title}\n95 %: {format_interval(ends)}")
        axes.set(xlabel="its value in a resample", ylabel="resamples")
        axes.xaxis.set_major_locator(MaxNLocator(4))
    return caption(figure, ground)

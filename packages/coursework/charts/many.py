"""Charts of many labels: which come together, and how each is calibrated."""

import numpy as np
from matplotlib import pyplot as plt

from coursework.charts.labels import BAR
from coursework.charts.style import GREY, bare, caption, ink, styled


def together(labels):
    """Of the studies with one label, the share that has the other, too.

    Args:
        labels: array `(n, k)` of 0 and 1.

    Returns:
        A float array `(k, k)`; a row of NaN where no study has the label.

    Example:
    ```python
    together(np.array([[1, 1], [1, 0]]))  # [[1, 0.5], [1, 1]]
    ```
    """
    labels = np.asarray(labels, float)
    both, own = labels.T @ labels, labels.sum(axis=0)[:, None]
    return np.where(own > 0, both / np.maximum(own, 1), np.nan)


@styled("Which labels come together: of the row's studies, the share with the column's")
def plot_together(tables, names, *, ground):
    """Plot which labels come together, in one table or in several side by side.

    Args:
        tables: dict of a title to an array `(n, k)` of 0 and 1.
        names: sequence of `k` strings.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure: in each cell, in per cent, of the studies with the row's
        label those that have the column's, too.

    Example:
    ```python
    plot_together({"true": [[1, 1], [1, 0]]}, ["Edema", "Fracture"], ground="phantom")
    ```
    """
    side = 0.36 * len(names) + 0.6
    figure, panels = plt.subplots(
        1, len(tables), figsize=(side * len(tables) + 1.6, side + 1.2), squeeze=False
    )
    for axes, (title, labels) in zip(panels[0], tables.items(), strict=True):
        shares = together(labels)
        np.fill_diagonal(shares, np.nan)
        drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in zip(*np.nonzero(np.isfinite(shares)), strict=True):
            share = shares[row, column]
            look = {"color": ink(drawn.to_rgba(share)), "size": 7}
            axes.text(
                column, row, f"{100 * share:.0f}", ha="center", va="center", **look
            )
        bare(axes)
        counts = np.sum(labels, axis=0).astype(int)
        own = [f"{name} ({count})" for name, count in zip(names, counts, strict=True)]
        axes.set_xticks(range(len(names)), names, rotation=90)
        axes.set_yticks(range(len(names)), own)
        axes.tick_params(length=0, labelsize=8)
        axes.set_title(title)
    return caption(figure, ground)


@styled("Calibration of many labels: the share of positives against the probability")
def plot_calibrations(models, names, bins=5, columns=4, *, ground):
    """Plot the calibration of each label in a small panel, of one model or several.

    The grey bars are where a perfectly calibrated first model would be with as many
    studies: a point within its bar is no sign of bad calibration.

    Args:
        models: dict of a model's name to a pair of arrays `(n, k)`: labels of 0, 1 or
            NaN (left out), and probabilities in [0, 1].
        names: sequence of `k` strings.
        bins: int, of equal mass.
        columns: int. Panels side by side.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, a panel per label.

    Example:
    ```python
    models = {"ours": ([[0], [1]], [[0.2], [0.7]])}
    plot_calibrations(models, ["Edema"], bins=2, ground="phantom")
    ```
    """
    from cxrscore.labels.calibration import calibration_curve
    from cxrscore.labels.thresholds import known

    rows = -(-len(names) // columns)
    figure, panels = plt.subplots(
        *(rows, columns),
        figsize=(2.1 * columns, 2.0 * rows + 0.5),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    for axes in panels.flat[len(names) :]:
        axes.set_visible(False)
    for i, (axes, name) in enumerate(zip(panels.flat, names, strict=False)):
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", linewidth=1)
        for model, (labels, probabilities) in models.items():
            both = known(np.asarray(labels)[:, i], np.asarray(probabilities)[:, i])[:2]
            if not both[0].size:
                continue
            curve = calibration_curve(*both, bins, "mass")
            places = curve["probability"]
            if model == next(iter(models)):
                ends = curve["calibrated_low"], curve["calibrated_high"]
                axes.vlines(places, *ends, color=BAR, linewidth=6)
                axes.set_title(f"{name}\nn⁺ = {both[0].sum()}", fontsize=9)
            axes.plot(places, curve["share"], marker="o", markersize=4, label=model)
    panels[0, 0].set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 1])
    figure.supylabel("share of positives", fontsize=10)
    panels[-1, 0].set_xlabel("probability")
    handles, said = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, said, ncols=len(models), loc="outside upper center")
    return caption(figure, ground)

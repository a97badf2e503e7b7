"""Heat maps over both views with the true outline; the next word before and after."""

import textwrap

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from coursework.charts.style import (
    PIECE,
    SKY,
    caption,
    draw_border,
    plain_text,
    shown_token,
    styled,
)

HEAT = "inferno"
TITLE_WIDTH = 46  # characters
BEFORE, AFTER = "with its own image", "with another's image"
LEAST = 0.005  # A token must be likelier than this for its bar to be seen.


@styled("Heat maps over radiographs: what the model used")
def plot_cams(images, cams, masks=None, titles=None, columns=2, *, ground):
    """Show heat maps over both views, with the outline of what is truly there.

    Args:
        images: dict of `frontal` and `lateral`, float arrays `(N, H, W, 1)` in
            [0, 1].
        cams: float array `(N, 2, h, w)`, frontal first, not negative. Each study
            is coloured up to its own maximum in either view.
        masks: bool array `(N, 2, S, S)`. The findings' true outlines; with them,
            each study's title says which share of its map lies inside.
        titles: sequence of strings `(N,)`, such as the word that is mapped; cut to
            one line.
        columns: int. Studies per row.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_cams(images, classifier_cam(model.imaging, images), ground="phantom")
    ```
    """
    # Here, so that figures alone do not load Keras.
    from cxrlib.explain.heatmaps import VIEWS, upsample
    from cxrscore.masks.pointing import share_inside

    n = len(cams)
    columns = min(columns, n)
    titles = [
        textwrap.shorten(str(title), TITLE_WIDTH, placeholder=" …")
        for title in (titles or [" "] * n)
    ]
    if masks is not None:
        masks = np.asarray(masks, bool)
        shares = share_inside(upsample(cams, masks.shape[-1]), masks)
        areas = masks.mean(axis=(1, 2, 3))
        titles = [
            f"{title or ' '}\n{share:.0%} on the finding ({area:.0%} of the area)"
            for title, share, area in zip(titles, shares, areas, strict=True)
        ]
    rows = -(-n // columns)
    figure = plt.figure(
        figsize=(4.2 * columns, 2.7 * rows + 0.6)  # inches
    )
    cells = figure.subfigures(rows, columns, squeeze=False).flat
    for i, cell in zip(range(n), cells, strict=False):
        cell.suptitle(plain_text(titles[i]), fontsize=10)
        panels = cell.subplots(1, 2, gridspec_kw={"wspace": 0.02})
        size = np.shape(images[VIEWS[0]])[1]
        large = upsample(cams[i], size)  # (2, H, W)
        heat = large / max(float(large.max()), 1e-12)
        for view, axes in enumerate(panels):
            axes.imshow(np.squeeze(images[VIEWS[view]][i]), cmap="gray", vmin=0, vmax=1)
            # An empty map leaves a plain radiograph.
            axes.imshow(heat[view], cmap=HEAT, vmin=0, vmax=1, alpha=0.7 * heat[view])
            if masks is not None:
                draw_border(axes, masks[i, view], SKY, 1.6, size)
            axes.set_axis_off()
    warm = plt.get_cmap(HEAT)(0.75)
    keys = [Patch(color=warm, label="what the model used, right or wrong")]
    if masks is not None:
        keys.append(Line2D([], [], color=SKY, label="true outline of the finding"))
    figure.legend(handles=keys, loc="outside upper center", ncols=2)
    return caption(figure, ground)


@styled("Bars: the next word with its own and with another's image")
def plot_next_words(table, places=None, count=3, *, ground):
    """Show how the next word's probabilities move when the image is exchanged.

    Args:
        table: `pandas.DataFrame` of `cxrlib.explain.heatmaps.next_word_shift`.
        places: sequence of ints. The rows to show; by default the `count` that
            move most, in the order of the text.
        count: int.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, a panel per row of the table.

    Example:
    ```python
    plot_next_words(
        next_word_shift(model, images, others, "Small effusion."),
        ground="phantom",
    )
    ```
    """
    if places is None:
        places = sorted(table["bits"].nlargest(count).index)
    figure, panels = plt.subplots(
        1, len(places), figsize=(2.9 * len(places), 3.1), squeeze=False
    )
    for axes, place in zip(panels[0], places, strict=True):
        row = table.loc[place]
        names = [
            name
            for name in row["before"]
            if max(row["before"][name], row["after"][name]) >= LEAST
        ]
        spots = np.arange(len(names))
        for column, shift, label in (("before", -0.2, BEFORE), ("after", 0.2, AFTER)):
            values = [row[column][name] for name in names]
            axes.barh(spots + shift, values, height=0.38, label=label)
        axes.set_yticks(spots, [shown_token(name, blank="") for name in names])
        axes.invert_yaxis()
        axes.set(xlim=(0, 1), xlabel="probability")
        axes.grid(False, axis="y")
        said = "".join(table["said"][:place]).replace("\ufffd", PIECE)
        said = said if len(said) < 28 else f"…{said[-26:]}"
        title = f"“{said} ▁”\n{row['bits']:.2f} bits"
        axes.set_title(plain_text(title))
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return caption(figure, ground)

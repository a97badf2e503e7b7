"""Versions of a film beside it with their errors; scores against skips; grids."""

import textwrap

import cv2
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator, NullFormatter

from coursework.charts.style import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    SKY,
    bare,
    caption,
    draw_border,
    draw_radiograph,
    ink,
    styled,
)

TITLE_WIDTH = 22  # characters
BESIDE = 5  # pixels: an outline wider by this does not cover a small finding.
MARKERS = "os^Dv*"


@styled("Films beside versions of them, with their SSIM, MSE and errors")
def show_versions(films, versions, titles=None, masks=None, gain=3, *, ground):
    """Show films and versions of them side by side, each with its SSIM and MSE.

    Args:
        films: float array `(N, H, W, 1)` in [0, 1].
        versions: dict of name to float array of the same shape, a column each.
        titles: sequence of strings `(N,)`, to the left of each film.
        masks: bool array `(N, H, W)`. Outlined, a little wider than they are, on a
            second copy of each film, or on the film where there are no errors, and
            on the errors.
        gain: float. The absolute errors are shown below each film, brightened by this
            factor; 0 leaves them out.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, with one or two rows per film.

    Example:
    ```python
    films = np.random.rand(2, 64, 64, 1)
    show_versions(films, {"darker": films / 2, "black": 0 * films}, ground="phantom")
    ```
    """
    from cxrlib.models.metrics import mse, ssim

    films = np.asarray(films, "float32")
    n, step, columns = len(films), 2 if gain else 1, 1 + len(versions)
    side = max(8.4, 1.2 * columns) / columns  # inches
    figure, grid = plt.subplots(
        step * n,
        columns,
        figsize=(side * columns, n * (step * side + 0.42) + 0.6),
        squeeze=False,
    )
    titles = titles if titles is not None else ["film"] * n
    for i, (film, title) in enumerate(zip(films, titles, strict=True)):
        rows = grid[step * i : step * (i + 1), 0]
        outlined = rows[-1] if masks is not None else None
        for axes in rows:
            if axes is rows[0] or axes is outlined:
                draw_radiograph(axes, film)
            else:
                axes.set_axis_off()
        if outlined:
            _draw_around(outlined, masks[i])
        rows[0].set_ylabel(textwrap.fill(str(title), TITLE_WIDTH))
    for column, (name, each) in enumerate(versions.items(), start=1):
        each = np.asarray(each, "float32")
        alike, error = np.asarray(ssim(films, each)), np.asarray(mse(films, each))
        name = textwrap.fill(name, int(11 * side))
        for i in range(n):
            words = f"SSIM {alike[i]:.2f}\nMSE {error[i]:.4f}"
            words = words if i else f"{name}\n{words}"  # Once, at the head.
            draw_radiograph(grid[step * i, column], each[i], words)
            if gain:
                axes = grid[step * i + 1, column]
                draw_radiograph(axes, np.abs(films[i] - each[i]), white=1 / gain)
                if column == 1:
                    axes.set_ylabel(f"error × {gain:g}")
                if masks is not None:
                    _draw_around(axes, masks[i])
    if masks is not None:
        line = Line2D([], [], color=SKY, label="around the true findings")
        figure.legend(handles=[line], loc="outside upper center")
    return caption(figure, ground)


def _draw_around(axes, mask):
    """Draw a border a little outside the mask, so that it covers none of it."""
    mask = np.asarray(np.squeeze(mask), "float32")
    draw_border(axes, cv2.dilate(mask, np.ones((BESIDE, BESIDE))), SKY)


@styled("Curves: the loss of several decoders over the epochs")
def plot_decoders(history, *, ground):
    """Plot the loss of several decoders over the epochs, a panel per view.

    Args:
        history: `pandas.DataFrame` of a training's log, with a column
            `<view>_<skips>_loss` for each decoder, and another with `val_` before.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure. Validation is a solid line, training dashed.

    Example:
    ```python
    losses = {"frontal_0_loss": [0.4, 0.3], "val_frontal_0_loss": [0.4, 0.35]}
    plot_decoders(pd.DataFrame({"epoch": [0, 1], **losses}), ground="phantom")
    ```
    """
    names = [name.split("_") for name in history if name.startswith("val_")]
    names = [name[1:3] for name in names if len(name) == 4]  # [view, skips]
    views = list(dict.fromkeys(view for view, _ in names))
    figure, panels = plt.subplots(
        1, len(views), figsize=(3.9 * len(views) + 0.6, 3.2), sharey=True, squeeze=False
    )
    levels = sorted({int(skips) for _, skips in names})
    # From light to dark with the skips; the lightest would be lost on white.
    shades = plt.get_cmap("Blues")(np.linspace(0.35, 1, len(levels)))
    for axes, view in zip(panels[0], views, strict=True):
        for i, (skips, shade) in enumerate(zip(levels, shades, strict=True)):
            column, epochs = f"{view}_{skips}_loss", history["epoch"] + 1
            style = {"color": shade, "label": skips, "markersize": 5}
            style |= {"marker": MARKERS[i % len(MARKERS)], "linestyle": "-"}
            axes.plot(epochs, history[f"val_{column}"], **style)
            axes.plot(epochs, history[column], "--", color=shade, lw=1)
        axes.set(title=view, xlabel="epoch", yscale="log")
        axes.yaxis.set(major_formatter="{x:g}", minor_locator=LogLocator(subs=(2, 5)))
        axes.yaxis.set_minor_formatter("{x:g}")
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0, 0].set_ylabel("loss")
    handles, labels = panels[0, -1].get_legend_handles_labels()
    # The order of the curves, the fewest skips on top.
    figure.legend(handles, labels, title="skips", loc="outside right upper")
    return caption(figure, ground)


@styled("Curves: SSIM and MSE against the number of skips")
def plot_skips(table, *, ground):
    """Plot SSIM and MSE of both views against the number of skips.

    Args:
        table: `pandas.DataFrame`, a row per model and view: `model` (its name),
            `view`, `skips` (NaN for a baseline, which becomes a line), `ssim` and
            `mse`, and the ends of their intervals `ssim_low`, `ssim_high`,
            `mse_low`, `mse_high`.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure: a row per score, a column per view.

    Example:
    ```python
    row = {"model": "0 skips", "view": "frontal", "skips": 0, "ssim": 0.5, "mse": 0.03}
    ends = {"ssim_low": 0.4, "ssim_high": 0.6, "mse_low": 0.02, "mse_high": 0.04}
    plot_skips(pd.DataFrame([row | ends]), ground="phantom")
    ```
    """
    views = list(dict.fromkeys(table["view"]))
    figure, grid = plt.subplots(
        2, len(views), figsize=(4.2 * len(views), 5.6), sharex=True, squeeze=False
    )
    for row, (name, label) in enumerate(
        (("ssim", "SSIM, higher is better"), ("mse", "MSE, lower is better"))
    ):
        for axes, view in zip(grid[row], views, strict=True):
            of_view = table[table["view"].eq(view)]
            curve = of_view[of_view["skips"].notna()].sort_values("skips")
            ends = [curve[f"{name}_{end}"] for end in ("low", "high")]
            axes.plot(curve["skips"], curve[name], "o-", color=BLUE, label="decoder")
            axes.fill_between(curve["skips"], *ends, color=BLUE, alpha=0.15, lw=0)
            lines = of_view[of_view["skips"].isna()]
            for i, each in enumerate(lines.itertuples()):
                style = {"linestyle": ("--", ":", "-.")[i % 3], "linewidth": 1.5}
                colour = (ORANGE, GREY, RED)[i % 3]
                axes.axhline(
                    getattr(each, name), color=colour, label=each.model, **style
                )
            if name == "mse":
                axes.set_yscale("log")
                axes.yaxis.set_minor_formatter(NullFormatter())  # Too narrow for them.
                axes.set_xlabel("skips that the decoder is given")
                axes.xaxis.get_major_locator().set_params(integer=True)
            else:
                axes.set_title(view)
                axes.set_ylim(min(0, table["ssim"].min()), 1)
        grid[row, 0].set_ylabel(label)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=len(labels), fontsize=9
    )
    return caption(figure, ground)


@styled("Arrays as tiles of grey")
def show_grids(grids, columns=None, numbers=True):
    """Show small arrays as tiles, each with its number.

    Args:
        grids: dict of title to array `(h, w)`. With numbers, all share one scale
            from 0 on; without, each has its own.
        columns: int. Grids per row; by default all.
        numbers: bool. Whether to write the values into the tiles.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    show_grids({"a chess board": np.indices((4, 4)).sum(axis=0) % 2})
    ```
    """
    columns = columns or len(grids)
    rows = -(-len(grids) // columns)
    side = max(1.4, min(2.4, 8.4 / columns))  # inches
    figure, panels = plt.subplots(
        rows, columns, figsize=(side * columns, (side + 0.3) * rows), squeeze=False
    )
    for axes in panels.flat[len(grids) :]:
        axes.set_axis_off()
    scale = {"vmin": 0, "vmax": max(map(np.max, grids.values()))} if numbers else {}
    for axes, (title, grid) in zip(panels.flat, grids.items(), strict=False):
        grid = np.asarray(np.squeeze(grid), "float32")
        drawn = axes.imshow(grid, cmap="gray", **scale)
        bare(axes)
        axes.set_title(title)
        for (row, column), value in np.ndenumerate(grid if numbers else []):
            where = {"ha": "center", "va": "center", "fontsize": 9}
            colour = ink(drawn.to_rgba(value))
            axes.text(column, row, f"{value:g}", color=colour, **where)
    return figure


@styled("Films, and what a finding changes in versions of them")
def show_differences(films, differences, titles, *, ground):
    """Show films, and beside each what a finding has changed in versions of it.

    Args:
        films: float array `(N, H, W, 1)` in [0, 1].
        differences: dict of name to float array of the same shape, a column each.
            A row is coloured on one scale, from the greatest change in its first
            column: red is brighter with the finding, blue is darker.
        titles: sequence of strings `(N,)`, to the left of each film.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, a row per film.

    Example:
    ```python
    films = np.random.rand(2, 64, 64, 1)
    show_differences(
        films, {"film": films - 0.5}, ["nodule", "effusion"],
        ground="phantom",
    )
    ```
    """
    columns = 1 + len(differences)
    side = max(1.2, min(2.1, 8.4 / columns))  # inches
    figure, grid = plt.subplots(
        len(films),
        columns,
        figsize=(side * columns + 0.3, side * len(films) + 0.9),
        squeeze=False,
    )
    first = np.abs(next(iter(differences.values())))
    for i, axes in enumerate(grid[:, 0]):
        draw_radiograph(axes, films[i], "with the\nfinding" if i == 0 else "")
        # A longer line would run into the row above.
        axes.set_ylabel(textwrap.fill(str(titles[i]), int(11 * side)))
    for column, (name, each) in enumerate(differences.items(), start=1):
        for i, axes in enumerate(grid[:, column]):
            most = max(float(first[i].max()), 1e-6)
            image = np.squeeze(each[i])
            axes.imshow(image, cmap="RdBu_r", vmin=-most, vmax=most)
            bare(axes)
            axes.set_title(textwrap.fill(name, int(11 * side)) if i == 0 else "")
    shades = plt.get_cmap("RdBu_r")
    keys = {"brighter with the finding": shades(0.9), "darker": shades(0.1)}
    patches = [Patch(color=colour, label=words) for words, colour in keys.items()]
    figure.legend(handles=patches, loc="outside upper center", ncols=2)
    return caption(figure, ground)

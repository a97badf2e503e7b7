"""Masks on radiographs: outlines, what is missed and what is too much, crops."""

import textwrap

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from matplotlib.patches import Patch, Rectangle

from cxrlib.plots.style import STYLE, caption, draw_border, draw_radiograph

# Bright, for they lie on black and grey; the outlines as in `segment_folder`.
FOUND, DOUBTFUL = "#ffdd33", "#ff4040"
MISSED, EXTRA = "#4da3ff", "#ff8c1a"
TITLE_WIDTH = 30  # characters


def _tint(axes, where, colour):
    layer = np.zeros((*where.shape, 4))
    layer[where] = to_rgba(colour, 0.6)
    axes.imshow(layer)


@plt.rc_context(STYLE)
def show_masks(
    images, masks, truths=None, titles=None, doubtful=None, columns=3, *, ground
):
    """Show radiographs with the outline of a mask, and where it is wrong.

    Args:
        images: sequence of float arrays `(H, W)` or `(H, W, 1)` in [0, 1].
        masks: sequence of arrays of the same shapes; lung is what exceeds 0.5.
        truths: sequence of the true masks. Where given, lung that the mask
            misses is tinted blue, and what it has too much orange.
        titles: sequence of strings, one per image.
        doubtful: sequence of bools. The outlines to draw in red.
        columns: int. Images per row.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    show_masks(images, [each.mask for each in segment_lungs(images)], ground="phantom")
    ```
    """
    n, columns = len(images), min(columns, len(images))
    rows = -(-n // columns)
    titles = [textwrap.wrap(str(t), TITLE_WIDTH) for t in (titles or [""] * n)]
    deepest = max(1, *map(len, titles))
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(2.6 * columns, (2.6 + 0.17 * deepest) * rows + 0.5),  # inches
        squeeze=False,
    )
    for axes in grid.flat[n:]:
        axes.set_axis_off()
    for index, axes in enumerate(grid.flat[:n]):
        # As many lines everywhere, or the images of a row would not align.
        lines = titles[index] + [" "] * (deepest - len(titles[index]))
        draw_radiograph(axes, images[index], "\n".join(lines))
        if truths is not None:
            found = np.squeeze(masks[index]) > 0.5
            true = np.squeeze(truths[index]) > 0.5
            _tint(axes, true & ~found, MISSED)
            _tint(axes, found & ~true, EXTRA)
        red = doubtful is not None and doubtful[index]
        draw_border(axes, masks[index], DOUBTFUL if red else FOUND)
    if truths is not None:
        patches = [
            Patch(color=MISSED, label="missed"),
            Patch(color=EXTRA, label="extra"),
        ]
        figure.legend(handles=patches, loc="outside upper center", ncols=2, fontsize=9)
    return caption(figure, ground)


@plt.rc_context(STYLE)
def show_crop(image, box, whole, crop, mask=None, *, ground):
    """Show a window on a radiograph, and what is left of both when they shrink.

    Args:
        image: float array `(H, W)` in [0, 1].
        box: a `cxrlib.systems.lungs.crop.LungBox` on it.
        whole: float array `(S, S)`. The image at the size that a model sees.
        crop: float array `(S, S)`. The window at that size.
        mask: array `(H, W)`. Its outline is drawn on the image.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure of three panels.

    Example:
    ```python
    crop, box, found = crop_to_lungs(image)
    small = [resize_square(each, 64) for each in (image, crop)]
    show_crop(image, box, *small, found.mask, ground="phantom")
    ```
    """
    figure, panels = plt.subplots(1, 3, figsize=(10.0, 3.7))
    height, width = np.shape(image)
    draw_radiograph(
        panels[0], image, f"{width} × {height} pixels, window of {box.side}"
    )
    if mask is not None:
        draw_border(panels[0], mask, FOUND)
    corner = box.left - 0.5, box.top - 0.5
    window = Rectangle(corner, box.side, box.side, fill=False, color=EXTRA, lw=1.6)
    panels[0].add_patch(window)
    # The window may reach over the border of the image.
    panels[0].set_xlim(min(corner[0], -0.5), max(corner[0] + box.side, width - 0.5))
    panels[0].set_ylim(max(corner[1] + box.side, height - 0.5), min(corner[1], -0.5))
    sides = [len(whole), len(crop)]
    draw_radiograph(panels[1], whole, f"the whole at {sides[0]} × {sides[0]}")
    draw_radiograph(panels[2], crop, f"the window at {sides[1]} × {sides[1]}")
    return caption(figure, ground)

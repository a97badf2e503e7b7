"""Masks on radiographs: outlines, missed and excess lung, crops."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from matplotlib.patches import Patch, Rectangle

from coursework.charts.style import (
    ORANGE,
    RED,
    SKY,
    YELLOW,
    caption,
    draw_border,
    draw_radiograph,
    level,
    styled,
)

# Bright, since they are drawn on black and grey.
FOUND, DOUBTFUL = YELLOW, RED
MISSED, EXTRA = SKY, ORANGE
TITLE_WIDTH = 30  # characters


def _tint(axes, where, colour, hatch=None):
    layer = np.zeros((*where.shape, 4))
    layer[where] = to_rgba(colour, 0.6)
    axes.imshow(layer)
    if hatch and where.any() and not where.all():
        axes.contourf(where, [0.5, 1.5], colors="none", hatches=[hatch])


@styled("Radiographs with outlines of masks")
def show_masks(
    images, masks, truths=None, titles=None, doubtful=None, columns=3, *, ground
):
    """Show radiographs with the outline of a mask, and where it is wrong.

    Args:
        images: sequence of float arrays `(H, W)` or `(H, W, 1)` in [0, 1].
        masks: sequence of arrays of the same shapes; lung is what exceeds 0.5.
        truths: sequence of the true masks. Where given, lung that the mask
            misses is tinted blue, and what is not lung orange and hatched.
        titles: sequence of strings, one per image.
        doubtful: sequence of bools. The outlines to draw dashed and in red.
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
    titles, deepest = level(titles or [" "] * n, TITLE_WIDTH)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(2.7 * columns, (2.7 + 0.17 * deepest) * rows + 0.5),  # inches
        squeeze=False,
    )
    for axes in grid.flat[n:]:
        axes.set_axis_off()
    for index, axes in enumerate(grid.flat[:n]):
        draw_radiograph(axes, images[index], titles[index])
        if truths is not None:
            found = np.squeeze(masks[index]) > 0.5
            true = np.squeeze(truths[index]) > 0.5
            _tint(axes, true & ~found, MISSED)
            _tint(axes, found & ~true, EXTRA, "////")
        red = doubtful is not None and doubtful[index]
        colour, style = (DOUBTFUL, "dashed") if red else (FOUND, "solid")
        draw_border(axes, masks[index], colour, 1.6, linestyles=style)
    if truths is not None:
        patches = [
            Patch(color=MISSED, label="missed"),
            Patch(facecolor=EXTRA, hatch="////", label="extra"),
        ]
        figure.legend(handles=patches, loc="outside upper center", ncols=2)
    return caption(figure, ground)


@styled("A radiograph, a window on it, and both as a model sees them")
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
    figure, panels = plt.subplots(1, 3, figsize=(8.4, 3.2))
    height, width = np.shape(image)
    draw_radiograph(
        panels[0], image, f"{width} × {height} pixels,\nwindow of {box.side}"
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
    draw_radiograph(panels[1], whole, f"the whole at\n{sides[0]} × {sides[0]}")
    draw_radiograph(panels[2], crop, f"the window at\n{sides[1]} × {sides[1]}")
    return caption(figure, ground)

import matplotlib
import numpy as np
import pytest
from figures import words
from matplotlib import pyplot as plt

from cxrlib import plots
from cxrlib.plots.masks import DOUBTFUL, EXTRA, FOUND, MISSED
from cxrlib.systems.lungs.crop import LungBox

IMAGES = np.random.default_rng(0).random((4, 32, 32, 1)).astype("float32")
MASKS = np.zeros((4, 32, 32), bool)
MASKS[:2, 8:24, 8:24] = True  # A square, twice …
MASKS[3] = True  # … then nothing, then everything: neither has a border.
SMALL = IMAGES[0, :16, :16, 0]


def contours(axes):
    """Colours of the outlines drawn on one image."""
    found = axes.findobj(matplotlib.contour.ContourSet)
    return [matplotlib.colors.to_hex(each.get_edgecolor()[0]) for each in found]


@pytest.mark.parametrize("columns", [2, 3])
def test_masks_are_drawn_and_name_their_ground(columns, tmp_path):
    figure = plots.show_masks(
        IMAGES,
        MASKS,
        titles=["a", "b " * 50, "", "d"],
        columns=columns,
        ground="phantom",
    )
    path = plots.save_figure(figure, tmp_path / "masks.png")
    assert min(plt.imread(path).shape[:2]) > 150
    assert "PHANTOM" in words(figure)
    assert [len(contours(axes)) for axes in figure.axes[:4]] == [1, 1, 0, 0]
    assert "PHANTOM" not in words(plots.show_masks(IMAGES, MASKS, ground="real"))


def test_doubtful_masks_are_red():
    figure = plots.show_masks(
        IMAGES, MASKS, doubtful=[True, False, True, False], ground="real"
    )
    assert contours(figure.axes[0]) == [DOUBTFUL]
    assert contours(figure.axes[1]) == [FOUND]


def test_errors_are_tinted():
    truths = np.roll(MASKS, 4, axis=1)  # Four rows down: as much missed as extra.
    figure = plots.show_masks(IMAGES[:1], MASKS[:1], truths[:1], ground="real")
    layers = [image.get_array() for image in figure.axes[0].images[1:]]
    missed, extra = (np.argwhere(layer[..., 3] > 0) for layer in layers)
    assert set(missed[:, 0]) == {24, 25, 26, 27} and set(extra[:, 0]) == {8, 9, 10, 11}
    for layer, colour in zip(layers, (MISSED, EXTRA), strict=True):
        drawn = layer[layer[..., 3] > 0][0, :3]
        np.testing.assert_allclose(drawn, matplotlib.colors.to_rgb(colour))
    assert "missed" in words(figure) and "extra" in words(figure)


def test_one_image_without_titles():
    assert len(plots.show_masks(IMAGES[:1], MASKS[:1], ground="real").axes) == 1


@pytest.mark.parametrize("box", [LungBox(4, 6, 20), LungBox(-3, -5, 40)])
def test_the_window_is_seen_whole(box, tmp_path):
    figure = plots.show_crop(
        IMAGES[0, ..., 0], box, SMALL, SMALL, MASKS[0], ground="phantom"
    )
    plots.save_figure(figure, tmp_path / "crop.png")
    axes = figure.axes[0]
    (window,) = [p for p in axes.patches if isinstance(p, matplotlib.patches.Rectangle)]
    low, high = axes.get_xlim()
    assert low <= window.get_x() and window.get_x() + box.side <= high
    bottom, top = axes.get_ylim()  # Rows count downwards.
    assert top <= window.get_y() and window.get_y() + box.side <= bottom
    assert contours(axes) == [FOUND] and f"window of {box.side}" in words(figure)
    assert "PHANTOM" in words(figure)

import numpy as np
import pandas as pd
import pytest
from figures import words
from matplotlib import pyplot as plt
from matplotlib.contour import ContourSet

from cxrlib import plots

RNG = np.random.default_rng(0)
IMAGES = {view: RNG.random((3, 32, 32, 1)) for view in ("frontal", "lateral")}
CAMS = np.zeros((3, 2, 4, 4))
CAMS[:, 0, 0, 0] = [1, 5, 0]  # The third says nothing.
MASKS = np.zeros((3, 2, 64, 64), bool)
MASKS[:, 0, :16, :16] = True  # A corner of the frontal.
TABLE = pd.DataFrame(
    {
        "said": ["Small", " left", " effusion", "<end>"],
        "bits": [0.1, 0.8, 0.0, 0.3],
        "before": [{"Small": 0.9, "No": 0.1}, {" left": 0.9, " right": 0.002}] * 2,
        "after": [{"Small": 0.2, "No": 0.8}, {" left": 0.1, " right": 0.003}] * 2,
    }
)


@pytest.mark.parametrize("columns", [1, 2])
def test_maps_are_drawn_with_the_true_outline(columns, tmp_path):
    titles = ["costs $5 or $6", "a " * 60, "b"]
    figure = plots.plot_cams(
        IMAGES, CAMS, MASKS, titles, columns=columns, ground="phantom"
    )
    path = plots.save_figure(figure, tmp_path / "cams.png")
    assert min(plt.imread(path).shape[:2]) > 150
    assert "PHANTOM" in words(figure) and "true outline" in words(figure)
    drawn = [len(axes.findobj(ContourSet)) for axes in figure.axes]
    assert drawn == [1, 0] * 3, "only the frontal has a finding"
    # A map that says nothing is uniform: its share is the area's, 256 of 8192.
    assert words(figure).count("(3% of the area)") == 3
    assert "3% on the finding (3% of the area)" in words(figure)


def test_the_outline_lies_on_the_image():
    figure = plots.plot_cams(IMAGES, CAMS, MASKS, ground="real")
    (contour,) = figure.axes[0].findobj(ContourSet)
    corners = contour.get_paths()[0].vertices
    # 16 of 64 pixels are 8 of 32, counted from the pixel's middle.
    np.testing.assert_allclose(corners.max(axis=0), [7.5, 7.5], atol=0.3)


def test_titles_have_at_most_two_lines():
    titles = ["a very long list of findings, " * 5, "b", "c"]
    figure = plots.plot_cams(IMAGES, CAMS, MASKS, titles, ground="real")
    lines = [part.get_suptitle().count("\n") + 1 for part in figure.subfigs]
    assert lines[:3] == [2, 2, 2]
    assert "right or wrong" in words(figure)


def test_heat_is_scaled_by_study_over_both_views():
    cams = np.zeros((2, 2, 4, 4))
    cams[0, 0], cams[0, 1], cams[1, 0] = 4, 1, 0.1
    figure = plots.plot_cams({k: v[:2] for k, v in IMAGES.items()}, cams, ground="real")
    heats = [axes.images[1].get_array().max() for axes in figure.axes]
    np.testing.assert_allclose(heats, [1, 0.25, 1, 0])
    assert "PHANTOM" not in words(figure)


def test_the_words_that_move_most_are_shown(tmp_path):
    figure = plots.plot_next_words(TABLE, count=2, ground="phantom")
    plots.save_figure(figure, tmp_path / "words.png")
    panels = figure.axes
    assert ["0.80 bits" in axes.get_title() for axes in panels] == [True, False]
    assert "Small left effusion" in panels[1].get_title()
    assert "PHANTOM" in words(figure) and "another's image" in words(figure)
    # " right" has next to no probability in either, and no bar.
    assert [text.get_text() for text in panels[0].get_yticklabels()] == ["left"]
    widths = [bar.get_width() for bar in panels[0].patches]
    np.testing.assert_allclose(widths, [0.9, 0.1])


def test_chosen_places_are_shown():
    figure = plots.plot_next_words(TABLE, places=[0], ground="real")
    assert len(figure.axes) == 1 and "0.10 bits" in words(figure)

"""Values beside what needs no model, resamples, and pulls."""

import numpy as np
import pytest
from figures import words

from cxrlib import plots

FIGURES = {
    "coco.bleu_4": {"value": 0.17, "interval": [0.14, 0.21], "constant": 0.08},
    "clinical.micro_f1_5": {"value": 0.7, "nearest": 0.75, "Calabria": 0.5},
    "frontal.ssim": {"value": None, "Calabria": 0.8856},
}


def test_a_value_stands_beside_whatever_there_is(tmp_path):
    figure = plots.plot_beside(
        FIGURES,
        ("constant", "nearest", "shuffled", "Calabria"),
        "ours",
        ground="phantom",
    )
    assert plots.save_figure(figure, tmp_path / "beside.png").stat().st_size
    drawn = {
        each.get_label(): np.array(each.get_offsets()).tolist()
        for each in figure.axes[0].collections
        if len(each.get_offsets()) and not each.get_label().startswith("_")
    }
    assert drawn == {
        "ours": [[0.17, 0], [0.7, 1]],
        "constant": [[0.08, 0]],
        "nearest": [[0.75, 1]],
        "Calabria": [[0.5, 1], [0.8856, 2]],
    }
    assert "undefined" in words(figure) and "PHANTOM" in words(figure)
    assert "shuffled" not in words(figure), "nothing was shuffled"
    assert figure.axes[0].get_xlim()[0] <= 0


def test_resamples_carry_their_intervals():
    drawn = {"a": np.linspace(0, 1, 1001), "the fall": np.linspace(-1, 1, 1001)}
    figure = plots.plot_resamples(drawn, ground="real")
    assert "0.025 to 0.975" in words(figure) and "−0.950 to 0.950" in words(figure)
    assert len(figure.axes) == 2


def test_a_pull_of_zero_has_no_direction(tmp_path):
    start = {"label": [3.0, 4.0], "text": [0.0, 0.0]}
    end = {"label": [1.0, 0.0], "text": [-1.0, 0.0]}
    figure = plots.plot_pulls({"before": start, "after": end}, ground="phantom")
    assert plots.save_figure(figure, tmp_path / "pulls.png").stat().st_size
    left, right, *_, cosines = figure.axes
    assert [bar.get_width() for bar in left.patches] == [5, 0]
    assert right.images[0].get_array().mask[0, 1]
    assert cosines.images[0].get_array()[0, 1] == pytest.approx(-1)
    assert "−1.00" in words(figure) and "PHANTOM" in words(figure)

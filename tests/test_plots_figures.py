"""Values beside what needs no model, resamples, and pulls."""

import numpy as np
import pandas as pd
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
    drawn = {}
    for each in figure.axes[0].collections:
        if len(each.get_offsets()) and not each.get_label().startswith("_"):
            places = drawn.setdefault(each.get_label(), [])
            places += np.array(each.get_offsets()).tolist()
    assert drawn == {
        "ours": [[0.17, 0], [0.7, 1]],
        "constant": [[0.08, 0]],
        "nearest": [[0.75, 1]],
        "Calabria": [[0.5, 1], [0.8856, 2]],
    }
    assert "undefined" in words(figure) and "PHANTOM" in words(figure)
    assert "shuffled" not in words(figure), "nothing was shuffled"
    assert figure.axes[0].get_xlim()[0] <= 0


def test_a_note_stands_above_the_scores():
    figure = plots.plot_beside(
        FIGURES, (), note="No image was looked at.", ground="phantom"
    )
    assert "No image was looked at." in words(figure)


def test_each_score_has_its_own_axis_from_constant_to_perfect():
    figure = plots.plot_scores(
        FIGURES | {"wrong_side": {"value": 0.1, "constant": 0.4, "nearest": 0.5}},
        perfect={"wrong_side": 0},
        published={"frontal.ssim": "0.8856 (elsewhere)"},
        ground="phantom",
    )
    first, second, third, wrong = figure.axes
    np.testing.assert_allclose(first.get_xticks(), [0.08, 1])
    assert [t.get_text() for t in first.get_xticklabels()][0] == "0.08\nconstant"
    np.testing.assert_allclose(second.get_xticks(), [0, 1])  # It has no constant.
    low, high = wrong.get_xlim()
    assert low > high, "less is better, and better is on the right"
    assert min(low, high) < 0 and max(low, high) > 0.5
    # What others report is written, never drawn: their studies are not ours.
    assert "others: 0.8856 (elsewhere)" in words(figure)
    assert not [each for each in third.collections if len(each.get_offsets())]


def test_the_score_and_its_baseline_share_an_axis_and_the_fall_does_not():
    figure = plots.plot_resamples(
        {"a": np.linspace(0, 1, 99), "b": np.linspace(2, 3, 99), "c": np.ones(99)},
        ground="real",
    )
    first, second, third = (axes.get_xlim() for axes in figure.axes)
    assert first == second != third and first[0] < 0.1 and first[1] > 2.9


def test_resamples_carry_their_intervals():
    drawn = {"a": np.linspace(0, 1, 1001), "the fall": np.linspace(-1, 1, 1001)}
    figure = plots.plot_resamples(drawn, ground="real")
    assert "0.025 to 0.975" in words(figure) and "−0.950 to 0.950" in words(figure)
    assert len(figure.axes) == 2


def test_every_repeat_is_shown_and_none_is_made_up():
    runs = pd.DataFrame(
        {
            "layers": ["0", "0", "0", "all", "all"],
            "tasks": ["one", "one", "all", "one", "all"],
            "F1": [0.2, 0.4, 0.6, 0.1, np.nan],
        }
    )
    figure = plots.plot_repeats(runs, {"F1": "F1"}, "layers", "tasks", ground="real")
    (axes,) = figure.axes
    drawn = [line.get_ydata().tolist() for line in axes.lines if len(line.get_ydata())]
    assert drawn == [[0.2, 0.4], [0.1], [0.6]]
    means = [lines.get_segments()[0][0][1] for lines in axes.collections]
    np.testing.assert_allclose(means, [0.3, 0.1, 0.6])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0", "all"]


def test_a_pull_of_zero_has_no_direction(tmp_path):
    start = {"label": [3.0, 4.0], "text": [0.0, 0.0]}
    end = {"label": [1.0, 0.0], "text": [-1.0, 0.0]}
    figure = plots.plot_pulls({"before": start, "after": end}, ground="phantom")
    assert plots.save_figure(figure, tmp_path / "pulls.png").stat().st_size
    lengths, first, last = figure.axes
    assert lengths.get_xscale() == "log"
    drawn = {line.get_label(): line.get_xdata() for line in lengths.lines}
    assert drawn["before"][0] == 5 and drawn["before"].mask.tolist() == [False, True]
    np.testing.assert_array_equal(drawn["after"], [1, 1])
    assert "before: no gradient at all" in words(figure)
    assert first.images[0].get_array().mask.all()
    cosines = last.images[0].get_array()
    assert cosines[1, 0] == pytest.approx(-1)
    assert cosines.mask[0, 0] and cosines.mask[1, 1], "the diagonal says nothing"
    assert "−1.00" in words(figure) and "PHANTOM" in words(figure)

import numpy as np
from figures import words
from matplotlib import pyplot as plt

from cxrlib import plots

TOKENS = ["Small", " left", " effusion", " costs $5 or $6"]
CAUSAL = np.triu(np.full((4, 4), 0.5))


def test_influences_share_one_scale_and_mark_the_answers(tmp_path):
    figure = plots.plot_influence(
        {"with": CAUSAL, "without": np.ones((4, 4))}, TOKENS, ground="phantom"
    )
    path = plots.save_figure(figure, tmp_path / "influence.png")
    assert min(plt.imread(path).shape[:2]) > 150
    panels = [axes for axes in figure.axes if axes.images]
    drawn = [axes.images[0] for axes in panels]
    np.testing.assert_array_equal(drawn[0].get_array(), CAUSAL)
    assert {(each.norm.vmin, each.norm.vmax) for each in drawn} == {(0, 1)}
    # Below the diagonal: column i, row i + 1.
    corners = [(patch.get_x(), patch.get_y()) for patch in panels[0].patches]
    assert corners == [(i - 0.5, i + 0.5) for i in range(3)]
    assert all(axes.get_title() in ("with", "without") for axes in panels)
    assert "PHANTOM" in words(figure) and "the answer itself" in words(figure)
    assert "␣left" in words(figure)


def test_half_a_character_is_marked_and_explained():
    whole = plots.plot_influence({"a": CAUSAL}, TOKENS, ground="real")
    assert "part of a character" not in words(whole)
    for figure in (
        plots.plot_influence(
            {"a": CAUSAL}, ["a", " \ufffd", "b", "\x00"], ground="real"
        ),
        plots.plot_attention([CAUSAL], ["a", " \ufffd", "b", "\x00"], ground="real"),
        plots.plot_choices(["\ufffd"], {"greedy": [1]}, ground="real"),
    ):
        assert "part of a character" in words(figure) and "\ufffd" not in words(figure)


def test_influences_of_zero_are_drawn():
    plots.plot_influence(
        {"none": np.zeros((2, 2))}, TOKENS[:2], ground="real"
    ).canvas.draw()


def test_choices_show_every_probability_and_what_is_ruled_out(tmp_path):
    choices = {"as it is": [0.4, 0.3, 0.2, 0.1], "top-k, k = 2": [0.6, 0.4, 0, 0]}
    choices |= {"greedy": [1, 0, 0, 0], "a title of " * 8: [0.7, 0.1, 0.1, 0.1]}
    figure = plots.plot_choices(TOKENS, choices, ground="drawn")
    plots.save_figure(figure, tmp_path / "choices.png")
    panels = [axes for axes in figure.axes if axes.patches]
    for axes, shares in zip(panels, choices.values(), strict=True):
        np.testing.assert_allclose([bar.get_width() for bar in axes.patches], shares)
    assert [len(axes.texts) for axes in panels] == [0, 2, 3, 0]
    assert words(figure).count("ruled out") == 5 and "REAL TEXTS" in words(figure)


def test_gates_show_their_size_and_mean(tmp_path):
    gates = [np.array([-0.5, 0.1]), np.array([0.0, 0.0])]
    figure = plots.plot_gates(gates, ground="phantom")
    plots.save_figure(figure, tmp_path / "gates.png")
    (axes,) = figure.axes
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [0.5, 0.1])
    names = [text.get_text() for text in axes.get_xticklabels()]
    assert names == ["1\n0.300", "2\n0.000"]
    assert "PHANTOM" in words(figure)


def test_shut_gates_are_drawn():
    plots.plot_gates([np.zeros(4)], ground="real").canvas.draw()

"""Boards: a pure function that draws, controls that redraw, or the figure alone."""

import base64
import sys

import numpy as np
import pytest
from figures import words
from matplotlib import pyplot as plt

from coursework.interactive import bleu, phantom, threshold
from coursework.interactive.board import WIDGET, Board
from coursework.interactive.words import lay_out
from cxrbase.refusals import InputError
from cxrlib import plots

LABELS, CALLS = [0, 0, 0, 1, 1, 1], [0.1, 0.3, 0.7, 0.2, 0.6, 0.9]
FILMS = dict.fromkeys(("frontal", "lateral"), np.zeros((32, 32)))
MAPS = np.zeros((3, 2, 4, 4))
MAPS[0, 0, 0, 0], MAPS[1, 0, 1, 1], MAPS[1, 1, 2, 2] = 1, 3, 1
BOARDS = {
    "threshold": lambda: plots.threshold_slider(LABELS, CALLS, ground="phantom"),
    "phantom": lambda: plots.phantom_builder(size=64),
    "word": lambda: plots.word_attention(
        ["Small", " left", " effusion"], MAPS, FILMS, ground="phantom"
    ),
    "bleu": lambda: plots.bleu_playground("No edema.", "No effusion."),
}
MOVES = {
    "threshold": ("threshold", 0.8),
    "phantom": ("finding", "cardiomegaly"),
    "word": ("word", 1),
    "bleu": ("candidate", "No edema."),
}


@pytest.mark.parametrize("name", BOARDS)
def test_a_control_draws_anew_and_the_output_keeps_the_figure(name):
    pytest.importorskip("ipywidgets")
    board = BOARDS[name]()
    shown, metadata = board._repr_mimebundle_()
    assert base64.b64decode(shown["image/png"]).startswith(b"\x89PNG")
    assert metadata["image/png"]["alt"] == shown["text/plain"]
    assert shown[WIDGET]["model_id"] == board._shown.model_id
    before, figure = board._image.value, board.figure
    control, value = MOVES[name]
    board.controls[control].value = value
    assert board._image.value != before and board.figure is not figure
    assert 'alt="' in board._image.value
    now, _ = board._repr_mimebundle_()  # Shown again, it is what was chosen.
    assert now["image/png"] != shown["image/png"]


@pytest.mark.parametrize("name", BOARDS)
def test_without_widgets_there_is_the_figure(name, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    board = BOARDS[name]()
    shown, _ = board._repr_mimebundle_()
    assert set(shown) == {"text/plain", "image/png"} and not board.controls
    assert plots.save_figure(board.figure, tmp_path / "board.png").stat().st_size


def test_a_board_leaves_no_figure_open():
    from matplotlib import pyplot as plt

    BOARDS["bleu"]()
    assert not plt.get_fignums(), "a notebook would show it twice"


def test_an_executed_page_shows_the_figure(tmp_path):
    nbclient, nbformat = (
        pytest.importorskip("nbclient"),
        pytest.importorskip("nbformat"),
    )
    source = "from cxrlib import plots\nplots.bleu_playground('No edema.', 'Edema.')"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbclient.NotebookClient(book, kernel_name="python3").execute()
    (output,) = book.cells[0].outputs
    assert "image/png" in output.data and output.metadata["image/png"]["alt"]


# === The pure functions ===


def test_threshold_counts_and_bayes():
    figure = threshold.plot_threshold(LABELS, CALLS, 0.5, 0.1, ground="phantom")
    found = words(figure)
    assert "sensitivity 0.67, specificity 0.67" in found and "6 studies" in found
    # 0.1 × 2/3 of all are found, 0.9 × 1/3 are false alarms.
    assert f"PPV {0.0667 / (0.0667 + 0.3):.2f}" in found and "PHANTOM" in found
    high, low = threshold.predictive_values(0.9, 0.9, 0.1)
    np.testing.assert_allclose([high, low], [0.5, 0.81 / 0.82])


def test_a_threshold_that_calls_nobody_has_no_predictive_value():
    figure = threshold.plot_threshold(LABELS, CALLS, 1.0, 0.5, ground="real")
    assert "PPV undefined" in words(figure) and "NPV 0.50" in words(figure)


def test_a_phantom_is_built_to_order():
    study, (finding,), report = phantom.build_phantom(
        "pleural_effusion", "left", "mild", patient=2, size=64
    )
    assert (finding.side, finding.degree) == ("left", "small"), "in its own words"
    assert "left" in report and study.frontal.shape == (64, 64)
    assert study.finding_masks[0]["frontal"][:, 32:].any()  # The left is drawn right.
    again, none, normal = phantom.build_phantom(patient=2, size=64)
    assert none == [] and again.frontal.shape == (64, 64)
    changed = study.frontal != again.frontal
    assert changed.mean() < 0.3, "the same patient, but for the finding"


@pytest.mark.parametrize("finding", sorted(phantom.FINDINGS))
def test_every_finding_can_be_built_with_every_side_and_degree(finding):
    for side, degree in (("any", "any"), ("right", "severe"), ("bilateral", "mild")):
        study, findings, report = phantom.build_phantom(finding, side, degree, size=64)
        assert len(findings) == 1 and findings[0].name == finding and report


def test_the_model_writes_beside_the_grammar():
    seen = []

    def write(frontal, lateral):
        seen.append((frontal.shape, float(frontal.max()) <= 1, lateral.shape))
        return "No acute disease, costs $5 or $6."

    figure = phantom.plot_phantom("nodule", size=64, write=write)
    assert seen == [((64, 64), True, (64, 64))]
    assert "Report of the model: No acute disease" in words(figure)
    assert "outline of the finding" in words(figure)
    assert "outline" not in words(phantom.plot_phantom(size=64))


def test_a_word_says_which_view_it_used():
    figure = plots.word_attention(
        ["Small", " left", " effusion"], MAPS, FILMS, word=1, ground="real"
    ).figure
    assert "frontal: 75% of the map of “left”" in words(figure)
    bold = [
        text.get_text() for text in figure.axes[0].texts if text.get_weight() == "bold"
    ]
    assert bold == ["left"]
    heats = [axes.images[1].get_array().max() for axes in figure.axes[1:]]
    np.testing.assert_allclose(heats, [1, 1 / 3])


def test_a_map_of_nothing_is_drawn():
    plots.word_attention(
        ["a"] * 3, MAPS, FILMS, word=2, ground="real"
    ).figure.canvas.draw()


def test_bleu_is_that_of_the_protocol():
    from cxrscore.texts.scores import text_scores

    pair = "No acute disease. Heart size normal.", "No disease. Heart size is normal."
    parts = bleu.bleu_parts(*pair)
    scores = text_scores([pair[0]], [pair[1]])
    wanted = [scores[f"coco.bleu_{n}"]["value"] for n in (1, 2, 3, 4)]
    np.testing.assert_allclose(parts["bleu"], wanted, atol=1e-6)
    assert parts["candidate"] == [
        "no",
        "disease",
        ".",
        "heart",
        "size",
        "is",
        "normal",
        ".",
    ]
    assert parts["longest"] == [1, 4, 4, 4, 4, 0, 2, 2]
    assert parts["matches"].tolist() == [7, 4, 2, 1]


def test_a_short_report_pays_for_it():
    figure = bleu.plot_bleu("no acute disease of heart or lungs", "no acute disease")
    penalty = np.exp(1 - 8 / 4)  # A full stop ends either text.
    assert f"brevity penalty {penalty:.2f}" in words(figure)


@pytest.mark.parametrize(
    "pair", [("", ""), ("", "Edema."), ("Edema.", ""), ("a " * 300, "b")],
    ids=["empty", "no_reference", "no_candidate", "long"],
)  # fmt: skip
def test_any_texts_are_drawn(pair):
    bleu.plot_bleu(*pair).canvas.draw()


def test_words_break_into_lines():
    assert lay_out(["aaa", "bb", "c"], 6) == ([(0, 0), (4, 0), (0, 1)], 2)
    assert lay_out([], 6) == ([], 1)


def test_controls_are_those_of_ipywidgets():
    widgets = pytest.importorskip("ipywidgets")
    board = Board(
        lambda a: plots.show_grids({"x": np.full((2, 2), a)}),
        a={"kind": "IntSlider", "value": 1, "max": 3},
    )
    assert isinstance(board.controls["a"], widgets.IntSlider)


def test_what_cannot_be_drawn_is_said_in_the_board():
    pytest.importorskip("ipywidgets")

    def draw(n):
        if n > 1:
            raise InputError("n = 2: <too many>")
        return plt.figure()

    board = Board(draw, n={"kind": "IntSlider", "value": 1})
    board.controls["n"].value = 2
    assert "n = 2: &lt;too many&gt;" in board._image.value
    board.controls["n"].value = 0
    assert "<img" in board._image.value

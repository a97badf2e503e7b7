"""Alternative texts of figures: in the file, and in a notebook's output."""

import base64
import inspect

import numpy as np
import pandas as pd
import pytest
from figures import plt
from PIL import Image

from coursework.charts.style import HIT, MISS, ink, to_png
from coursework.interactive.attention import plot_word
from coursework.interactive.bleu import plot_bleu
from coursework.interactive.phantom import plot_phantom
from coursework.interactive.threshold import plot_threshold
from cxrlib import plots
from cxrphantom.atlas import atlas_patient, draw_plate, structures
from cxrphantom.drawing.study import draw_study
from cxrphantom.findings import Finding

FILM = np.random.default_rng(0).random((1, 24, 24, 1)).astype("float32")
VIEWS = {"frontal": FILM, "lateral": FILM}
LABELS, CALLS = [0, 1, 0, 1], [0.1, 0.9, 0.6, 0.4]
SCORE = {"a score": {"value": 0.5, "interval": [0.4, 0.6], "constant": 0.1}}
SKIPS = {"model": "x", "view": "frontal", "skips": 0.0} | {
    f"{name}{end}": 0.5 for name in ("ssim", "mse") for end in ("", "_low", "_high")
}
LOG = pd.DataFrame({"epoch": [0, 1], "loss": [2, 1], "val_loss": [2, 1]})
DECODERS = {f"{part}frontal_0_loss": [0.4, 0.3] for part in ("", "val_")}
NEXT = pd.DataFrame(
    {"said": ["No"], "bits": [0.1], "before": [{"No": 0.9}], "after": [{"No": 0.2}]}
)
MAPS = np.ones((1, 2, 3, 3))


NODULE, PATIENT = Finding("nodule", "left", "upper lobe"), atlas_patient()


class Box:
    top, left, side = 2, 2, 10


CALL = {
    "plot_atlas": lambda k: plots.plot_atlas([draw_plate(NODULE, size=64)]),
    "plot_attention": lambda k: plots.plot_attention([[[1.0]]], ["No"], **k),
    "plot_beside": lambda k: plots.plot_beside(SCORE, **k),
    "plot_calibration": lambda k: plots.plot_calibration(LABELS, CALLS, **k),
    "plot_calibrations": lambda k: plots.plot_calibrations(
        {"a": (np.transpose([LABELS]), np.transpose([CALLS]))}, ["Edema"], **k
    ),
    "plot_cams": lambda k: plots.plot_cams(VIEWS, MAPS, titles=["p"], **k),
    "plot_choices": lambda k: plots.plot_choices(["a"], {"greedy": [1]}, **k),
    "plot_class_balance": lambda k: plots.plot_class_balance(
        pd.DataFrame({"normal": [6]}, ["train"]), **k
    ),
    "plot_confusion": lambda k: plots.plot_confusion(LABELS, CALLS, **k),
    "plot_decoders": lambda k: plots.plot_decoders(
        pd.DataFrame({"epoch": [0, 1], **DECODERS}), **k
    ),
    "plot_films": lambda k: plots.plot_films([draw_study(PATIENT, [], 64)], ["One"]),
    "plot_gates": lambda k: plots.plot_gates([np.ones(3)], **k),
    "plot_history": lambda k: plots.plot_history(LOG, **k),
    "plot_influence": lambda k: plots.plot_influence({"a": [[1.0]]}, ["No"], **k),
    "plot_intervals": lambda k: plots.plot_intervals({"a": (0.5, 0.4, 0.6)}, **k),
    "plot_next_words": lambda k: plots.plot_next_words(NEXT, **k),
    "plot_positions": lambda k: plots.plot_positions(np.ones((8, 8))),
    "plot_pulls": lambda k: plots.plot_pulls({"a": {"x": [1], "y": [2]}}, **k),
    "plot_repeats": lambda k: plots.plot_repeats(
        pd.DataFrame([["0", "one", 0.5]], columns=["layers", "tasks", "F1"]),
        {"F1": "F1"},
        "layers",
        "tasks",
        **k,
    ),
    "plot_resamples": lambda k: plots.plot_resamples({"a": np.arange(99.0)}, **k),
    "plot_roc": lambda k: plots.plot_roc(LABELS, CALLS, **k),
    "plot_rocs": lambda k: plots.plot_rocs(LABELS, {"a": CALLS}, **k),
    "plot_schedules": lambda k: plots.plot_schedules({"a": np.ones(3)}),
    "plot_scores": lambda k: plots.plot_scores(SCORE, **k),
    "plot_skips": lambda k: plots.plot_skips(pd.DataFrame([SKIPS]), **k),
    "plot_structures": lambda k: plots.plot_structures(
        {"frontal": FILM[0, ..., 0]}, {"frontal": structures(PATIENT, "frontal")}
    ),
    "plot_text_lengths": lambda k: plots.plot_text_lengths({"findings": [3]}, **k),
    "plot_together": lambda k: plots.plot_together(
        {"true": [[1, 1], [1, 0]]}, ["Edema", "Fracture"], **k
    ),
    "show_crop": lambda k: plots.show_crop(FILM[0, ..., 0], Box, FILM[0], FILM[0], **k),
    "show_differences": lambda k: plots.show_differences(
        FILM, {"film": FILM - 0.5}, ["nodule"], **k
    ),
    "show_grids": lambda k: plots.show_grids({"a": np.eye(2)}),
    "show_masks": lambda k: plots.show_masks(FILM, FILM > 0.5, **k),
    "show_pairs": lambda k: plots.show_pairs(FILM, FILM, ["clear"], **k),
    "show_reconstructions": lambda k: plots.show_reconstructions(*[FILM] * 4, **k),
    "show_reports": lambda k: plots.show_reports(FILM, FILM, ["No."], ["Yes."], **k),
    "show_versions": lambda k: plots.show_versions(FILM, {"same": FILM}, **k),
    "plot_threshold": lambda k: plot_threshold(LABELS, CALLS, 0.5, 0.1, **k),
    "plot_word": lambda k: plot_word(
        ["No"], MAPS, {"a": FILM[0], "b": FILM[0]}, 0, **k
    ),
    "plot_bleu": lambda k: plot_bleu("No edema.", "Edema."),
    "plot_phantom": lambda k: plot_phantom("nodule", size=64),
}


def test_every_function_is_tried():
    named = {name for name in plots.__all__ if name.startswith(("plot_", "show_"))}
    assert named <= set(CALL)


@pytest.mark.parametrize("name", CALL)
def test_every_figure_has_words_and_keeps_them(name, tmp_path):
    figure = CALL[name]({"ground": "phantom"})
    words = plots.alt_text(figure)
    assert len(words) > 20 and not words.startswith("Figure")
    path = plots.save_figure(figure, tmp_path / "figure.png")
    assert Image.open(path).text["Description"] == words
    # At 700 pixels no letter is smaller than nine of them.
    least = min(
        text.get_fontsize()
        for text in figure.findobj(plt.Text)
        if text.get_text().strip() and text.get_visible()
    )
    assert least / 72 * 700 / figure.get_figwidth() > 9 or figure.get_figwidth() < 7


def test_words_name_the_panels_and_the_ground():
    words = plots.alt_text(plots.plot_roc(LABELS, CALLS, 0.5, ground="phantom"))
    assert words.startswith("ROC curve") and "AUROC 0.750" in words
    assert "threshold 0.50" in words and words.endswith("no patient")
    assert "PHANTOM" not in plots.alt_text(plots.plot_history(LOG, ground="real"))


def test_words_that_are_given_are_kept(tmp_path):
    figure = plots.plot_history(LOG, ground="real")
    path = plots.save_figure(figure, tmp_path / "a.png", alt="Zwei Kurven – so.")
    assert Image.open(path).text["Description"] == "Zwei Kurven – so."
    assert plots.alt_text(figure) == "Zwei Kurven – so."
    for suffix in ("svg", "pdf", "jpg"):
        path = plots.save_figure(figure, tmp_path / f"a.{suffix}", alt="Two curves.")
        assert b"Two curves." in path.read_bytes() or suffix == "jpg"


def test_a_figure_that_is_not_ours_has_words_too():
    assert plots.alt_text(plt.figure()) == "Figure"


def test_the_output_of_a_notebook_carries_the_words(tmp_path):
    nbclient, nbformat = (
        pytest.importorskip("nbclient"),
        pytest.importorskip("nbformat"),
    )
    source = (
        "%matplotlib inline\n"
        "import numpy as np\n"
        "from cxrlib import plots\n"
        "figure = plots.plot_text_lengths({'findings': [3, 4]}, ground='phantom')\n"
        "plots.save_figure(figure, 'a.png', alt='How long the reports are.');"
    )
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    client = nbclient.NotebookClient(
        book, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    (output,) = (o for o in book.cells[0].outputs if "image/png" in o.get("data", {}))
    assert output.metadata["image/png"]["alt"] == "How long the reports are."
    picture = base64.b64decode(output.data["image/png"])
    assert b"How long the reports are." in picture


def contrast(colour, ground="#ffffff"):
    """Contrast of two colours as the accessibility guidelines (WCAG 2) define it."""
    from matplotlib.colors import to_rgb

    def luminance(each):
        parts = np.array(to_rgb(each))
        parts = np.where(
            parts > 0.04045, ((parts + 0.055) / 1.055) ** 2.4, parts / 12.92
        )
        return parts @ [0.2126, 0.7152, 0.0722]

    low, high = sorted(luminance(each) for each in (colour, ground))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colour", [HIT, MISS], ids=["hit", "miss"])
def test_coloured_words_can_be_read(colour):
    assert contrast(colour) >= 4.5


@pytest.mark.parametrize("scale", ["Blues", "gray", "RdBu"])
def test_ink_can_be_read_on_every_shade(scale):
    shades = plt.get_cmap(scale)(np.linspace(0, 1, 21))
    assert min(contrast(ink(shade), shade[:3]) for shade in shades) >= 3


def test_png_is_the_figure_with_its_words():
    picture = to_png(plots.plot_history(LOG, ground="real"))
    assert picture.startswith(b"\x89PNG") and b"Description" in picture


def test_signatures_are_seen_through_the_style():
    assert "ground" in inspect.signature(plots.plot_roc).parameters

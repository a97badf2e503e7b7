import inspect
import re

import matplotlib
import numpy as np
import pandas as pd
import pytest
from figures import words
from matplotlib import pyplot as plt

from cxrlib import plots

IMAGES = np.random.default_rng(0).random((3, 32, 32, 1)).astype("float32")
LONG = "Bibasilar opacities, which may represent atelectasis or infiltrate. " * 30
LOG = pd.DataFrame(
    {"epoch": [0, 1], "loss": [2.0, 1.0], "val_loss": [2.0, 1.5], "text_loss": [3, 2]}
)
LABELS = [0, 0, 0, 1, 1, 1, 1, np.nan]
CALLS = [0.1, 0.3, 0.7, 0.2, 0.6, 0.8, 0.9, 0.5]
CASES = {
    "pairs": lambda **k: plots.show_pairs(IMAGES, IMAGES, ["a", "b " * 60, "c"], **k),
    "one_pair": lambda **k: plots.show_pairs(IMAGES[:1], IMAGES[:1], **k),
    "reconstructions": lambda **k: plots.show_reconstructions(*[IMAGES] * 4, **k),
    "reports": lambda **k: plots.show_reports(
        IMAGES,
        [IMAGES[0], None, IMAGES[2]],
        ["Costs $5 or $6.", LONG, None],
        ["", LONG, "x_{"],
        [0.1, 0.9, 0.5],
        [0, 1, np.nan],
        **k,
    ),
    "history": lambda **k: plots.plot_history(LOG, **k),
    "balance": lambda **k: plots.plot_class_balance(
        pd.DataFrame({"normal": [6, 0], "abnormal": [3, 1]}, ["train", "test"]), **k
    ),
    "lengths": lambda **k: plots.plot_text_lengths(
        {"impression": [3, 5, 8], "findings": [20, 40]}, limit=24, **k
    ),
    "roc": lambda **k: plots.plot_roc([0, 1, np.nan], [0.2, 0.9, 0.5], **k),
    "roc_with_threshold": lambda **k: plots.plot_roc(LABELS, CALLS, 0.5, **k),
    "roc_of_one_class": lambda **k: plots.plot_roc([1, 1], [0.2, 0.9], **k),
    "rocs": lambda **k: plots.plot_rocs(
        LABELS, {"plain": CALLS, "weighted": np.sqrt(CALLS)}, **k
    ),
    "intervals": lambda **k: plots.plot_intervals(
        {"pixels": (0.71, 0.65, 0.77), "latents": (0.78, 0.72, 0.83)}, **k
    ),
    "confusion": lambda **k: plots.plot_confusion(LABELS, CALLS, **k),
    "confusion_of_none": lambda **k: plots.plot_confusion([np.nan], [0.2], **k),
    "calibration": lambda **k: plots.plot_calibration(LABELS, CALLS, **k),
    "calibration_of_one": lambda **k: plots.plot_calibration([1], [0.2], **k),
    "calibration_of_none": lambda **k: plots.plot_calibration([np.nan], [0.2], **k),
}


@pytest.mark.parametrize("name", CASES)
def test_figure_is_drawn_and_names_its_ground(name, tmp_path):
    figure = CASES[name](ground="phantom")
    path = plots.save_figure(figure, tmp_path / "figures" / f"{name}.png")
    height, width = plt.imread(path).shape[:2]
    assert min(height, width) > 150
    assert "PHANTOM" in words(figure)
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["one_pair", "roc"])
def test_real_data_has_no_caption(name):
    assert "PHANTOM" not in words(CASES[name](ground="real"))


def test_unknown_ground_is_refused():
    with pytest.raises(KeyError):
        plots.show_pairs(IMAGES, IMAGES, ground="fantom")


def test_history_reads_the_log_of_keras(tmp_path):
    LOG.to_csv(tmp_path / "log.csv", index=False)
    figure = plots.plot_history(tmp_path / "log.csv", ground="real")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["loss", "text loss"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), [1, 2])


def test_no_plot_takes_a_ground_for_granted():
    # A student who forgets it would publish a phantom without its red line.
    takes = {
        name: inspect.signature(getattr(plots, name)).parameters.get("ground")
        for name in plots.__all__
        if name.startswith(("plot_", "show_"))
    }
    without = {name for name, ground in takes.items() if ground is None}
    phantoms = {"plot_atlas", "plot_films", "plot_structures"}  # Say so themselves.
    assert without == {"plot_positions", "plot_schedules", "show_grids"} | phantoms
    for ground in filter(None, takes.values()):
        assert ground.kind is ground.KEYWORD_ONLY and ground.default is ground.empty


def test_history_has_one_legend_and_dots_for_a_single_epoch():
    figure = plots.plot_history(LOG, ground="real")
    assert len(figure.legends) == 1 and not any(a.get_legend() for a in figure.axes)
    assert {line.get_marker() for line in figure.axes[0].lines} == {"None"}
    styles = [line.get_linestyle() for line in figure.axes[0].lines]
    assert styles == ["-", "--"], "never colour alone"
    one = plots.plot_history(LOG.head(1), ground="real")
    assert {line.get_marker() for line in one.axes[0].lines} == {"o"}


def test_small_numbers_have_no_offset():
    log = LOG.assign(loss=[0.00123, 0.00045])
    figure = plots.plot_history(log, ground="real")
    figure.canvas.draw()
    assert not figure.axes[0].yaxis.get_offset_text().get_text()


def test_lengths_begin_at_zero():
    assert CASES["lengths"](ground="real").axes[0].get_xlim()[0] == 0


def test_labels_are_written_in_words():
    figure = plots.show_pairs(IMAGES, IMAGES, [0, 1, np.nan], ground="real")
    titles = [part.get_suptitle() for part in figure.subfigs]
    assert [title.strip() for title in titles if title] == [
        *("normal", "abnormal", "not labelled")
    ]


def test_findings_are_outlined_below_the_plain_films():
    masks = np.zeros((3, 2, 64, 64), bool)
    masks[0, 0, 16:32, 16:32] = True
    figure = plots.show_pairs(IMAGES, IMAGES, masks=masks, ground="real")
    outlined = [
        bool(axes.findobj(matplotlib.contour.ContourSet)) for axes in figure.axes
    ]
    assert outlined == [False, False, True, False, *[False] * 8]
    (outline,) = figure.axes[2].findobj(matplotlib.contour.ContourSet)
    corners = outline.get_paths()[0].vertices  # The film has half the mask's size.
    np.testing.assert_allclose([corners.min(), corners.max()], [7.5, 15.5], atol=0.3)
    films = [axes.images[0].get_array() for axes in figure.axes[:4]]
    np.testing.assert_array_equal(films[0], films[2])  # Nothing is dimmed.


def test_arrows_point_to_the_anatomy():
    lungs, heart = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    lungs[5:30, 4:16] = lungs[5:30, 24:36] = True
    lungs[26:30, 9:11] = False  # The dome of the right diaphragm.
    lungs[30:34, 34:36] = True  # The angle of the left lung hangs lowest.
    heart[20:30, 16:24] = True
    found = plots.landmarks("frontal", lungs, heart)
    assert found["heart"] == (19.5, 24.5)
    assert found["angle"] == (35, 33)
    assert found["diaphragm"][1] == 25 and 9 <= found["diaphragm"][0] <= 10
    views = dict.fromkeys(("frontal", "lateral"), {"lungs": lungs, "heart": heart})
    film = np.zeros((1, 40, 40))
    figure = plots.show_pairs(film, film, anatomy=[views], ground="real")
    assert [len(axes.texts) for axes in figure.axes] == [3, 3]
    assert "diaphragm" in words(figure) and "heart" in words(figure)


def test_reports_say_what_was_found_and_what_was_missed():
    figure = plots.show_reports(
        *(IMAGES, IMAGES),
        ["Cardiomegaly. Small left pleural effusion. Edema.", "No edema.", None],
        ["Cardiomegaly. Right pleural effusion. Pneumothorax.", "Normal chest.", ""],
        ground="real",
    )
    colours = {text.get_text(): text.get_color() for text in figure.findobj(plt.Text)}
    hit, miss = colours["✓ hit: Cardiomegaly"], colours["✗ missed: Edema"]
    assert hit != miss
    wrong = "✗ wrong side: Pleural Effusion (right in place of left)"
    assert colours[wrong] == miss
    assert colours["✗ invented: Pneumothorax"] == miss
    assert colours["✓ hit: No Finding"] == hit
    assert "No finding of the fourteen in either report" in colours


def test_roc_says_why_there_is_none():
    assert "only one class" in words(plots.plot_roc([1, 1], [0.2, 0.9], ground="real"))


def test_roc_has_its_area_its_band_and_its_threshold():
    figure = plots.plot_roc(LABELS, CALLS, threshold=0.5, ground="real")
    assert "AUROC 0.750" in words(figure) and "n = 7" in words(figure)
    assert "threshold 0.50" in words(figure)
    axes = figure.axes[0]
    assert len(axes.collections) == 1  # The band.
    (point,) = [line for line in axes.lines if line.get_marker() == "D"]
    np.testing.assert_allclose(point.get_xydata(), [[1 / 3, 3 / 4]])


def test_confusion_counts_the_true_classes_in_rows():
    figure = plots.plot_confusion(LABELS, CALLS, names=("clear", "ill"), ground="real")
    found = words(figure)
    cells = re.findall(r"(\d) 95 %: \d to \d\n(\d+ % of \w+)", found)
    shares = ["67 % of clear", "33 % of clear", "25 % of ill", "75 % of ill"]
    assert cells == list(zip("2113", shares, strict=True))
    assert "threshold 0.50, n = 7" in found and "called ill" in found


def test_calibration_shows_the_error_and_what_chance_allows():
    figure = plots.plot_calibration(LABELS, CALLS, bins=2, equal="mass", ground="real")
    axes, below = figure.axes
    assert "2 bins of equal mass, n = 7" in axes.get_title()
    np.testing.assert_allclose(axes.lines[1].get_xydata(), [[0.3, 0.5], [0.8, 2 / 3]])
    assert len(axes.collections) == 2  # If calibrated, and the interval.
    heights = sum(bar.get_height() for bar in below.patches)
    assert heights == 7
    assert "no study has a label" in words(CASES["calibration_of_none"](ground="real"))


def test_the_style_stays_inside():
    before = plt.rcParams["axes.grid"]
    CASES["history"](ground="real")
    assert plt.rcParams["axes.grid"] == before


def test_a_picture_says_what_it_shows(tmp_path):
    from PIL import Image

    figure = plots.plot_roc([0, 1], [0.2, 0.9], ground="phantom")
    path = plots.save_figure(figure, tmp_path / "roc.png", alt="A curve.")
    assert Image.open(path).info["Description"] == "A curve."


def test_together_counts_the_company_of_a_label():
    from coursework.charts.many import together

    shares = together(np.array([[1, 1, 0], [1, 0, 0]]))
    np.testing.assert_allclose(shares[:2], [[1, 0.5, 0], [1, 1, 0]])
    assert np.isnan(shares[2]).all(), "nobody has the third"


def test_many_labels_are_drawn_side_by_side():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, (80, 5)), rng.random((80, 5))
    names = ["a", "b", "c", "d", "e"]
    figure = plots.plot_together(
        {"true": y, "called": p > 0.5}, names, ground="phantom"
    )
    assert [axes.get_title() for axes in figure.axes] == ["true", "called"]
    own = figure.axes[0].get_yticklabels()[0].get_text()
    assert own == f"a ({y[:, 0].sum()})"
    both = {"ours": (y, p), "other": (y, 1 - p)}
    figure = plots.plot_calibrations(both, names, columns=3, ground="phantom")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 5 and len(figure.axes) == 6
    assert [line.get_label() for line in shown[0].lines[1:]] == ["ours", "other"]

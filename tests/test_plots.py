import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from cxrlib import plots

IMAGES = np.random.default_rng(0).random((3, 32, 32, 1)).astype("float32")
LONG = "Bibasilar opacities, which may represent atelectasis or infiltrate. " * 30
LOG = pd.DataFrame(
    {"epoch": [0, 1], "loss": [2.0, 1.0], "val_loss": [2.0, 1.5], "text_loss": [3, 2]}
)
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
    "roc_of_one_class": lambda **k: plots.plot_roc([1, 1], [0.2, 0.9], **k),
}


def words(figure):
    """Every text of the figure, subfigures included."""
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


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
    assert "PHANTOM" not in words(CASES[name]())


def test_unknown_ground_is_refused():
    with pytest.raises(KeyError):
        plots.show_pairs(IMAGES, IMAGES, ground="fantom")


def test_history_reads_the_log_of_keras(tmp_path):
    LOG.to_csv(tmp_path / "log.csv", index=False)
    figure = plots.plot_history(tmp_path / "log.csv")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["loss", "text loss"]
    assert [len(axes.lines) for axes in figure.axes] == [2, 1]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), [1, 2])


def test_roc_says_why_there_is_none():
    assert "only one class" in words(plots.plot_roc([1, 1], [0.2, 0.9]))


def test_the_style_stays_inside():
    before = plt.rcParams["axes.grid"]
    CASES["history"]()
    assert plt.rcParams["axes.grid"] == before

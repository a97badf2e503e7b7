import numpy as np
import pandas as pd
import pytest
from figures import words
from matplotlib import pyplot as plt
from matplotlib.contour import ContourSet

from cxrlib import plots

RNG = np.random.default_rng(0)
FILMS = RNG.random((2, 32, 32, 1)).astype("float32")
VERSIONS = {"the same": FILMS, "darker by a tenth": FILMS - 0.1, "black": 0 * FILMS}
MASKS = np.zeros((2, 32, 32), bool)
MASKS[0, 12:16, 12:16] = True  # The second film has no finding, and no outline.
REST = {"ssim_low": 0.4, "ssim_high": 0.6}
REST |= {"mse": 0.03, "mse_low": 0.02, "mse_high": 0.04}
TABLE = pd.DataFrame(
    [
        {
            "model": model,
            "view": view,
            "skips": skips,
            "ssim": ssim,
            "mse": 0.03,
            **REST,
        }
        for view in ("frontal", "lateral")
        for model, skips, ssim in (
            ("mean film", np.nan, 0.3),
            ("thumbnail", np.nan, 0.8),
            ("skips 5", 5, 0.9),
            ("skips 0", 0, 0.5),
        )
    ]
)
HISTORY = pd.DataFrame(
    {"epoch": [0, 1], "loss": [1.0, 0.8], "val_loss": [1.0, 0.9]}
    | {
        f"{part}{view}_{skips}_loss": [0.5, 0.4]
        for part in ("", "val_")
        for view in ("frontal", "lateral")
        for skips in (0, 5)
    }
)
CASES = {
    "versions": lambda **k: plots.show_versions(FILMS, VERSIONS, masks=MASKS, **k),
    "decoders": lambda **k: plots.plot_decoders(HISTORY, **k),
    "skips": lambda **k: plots.plot_skips(TABLE, **k),
    "differences": lambda **k: plots.show_differences(
        FILMS, {"film": FILMS - 0.5, "none": 0 * FILMS}, ["a", "b"], **k
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_figure_is_drawn_and_names_its_ground(name, tmp_path):
    figure = CASES[name](ground="phantom")
    path = plots.save_figure(figure, tmp_path / f"{name}.png")
    assert min(plt.imread(path).shape[:2]) > 150
    assert "PHANTOM" in words(figure)
    assert "PHANTOM" not in words(CASES[name](ground="real"))


def test_versions_carry_their_own_figures_and_errors():
    first = {name: each[:1] for name, each in VERSIONS.items()}
    figure = plots.show_versions(FILMS[:1], first, gain=4, ground="real")
    assert "the same\nSSIM 1.00\nMSE 0.0000" in words(figure)
    assert "MSE 0.0100" in words(figure) and "error × 4" in words(figure)
    error = figure.axes[6].images[0]  # Below "darker by a tenth".
    np.testing.assert_allclose(error.get_array(), 0.1, atol=1e-6)
    assert error.get_clim() == (0, 0.25)


def test_names_of_versions_stand_once_at_the_head():
    figure = CASES["versions"](ground="real")
    assert words(figure).count("black") == 1 and words(figure).count("SSIM") == 6
    # The label of the errors stands at the first of them.
    labels = [axes.get_ylabel() for axes in figure.axes[4:8]]
    assert labels == ["", "error × 3", "", ""]


def test_versions_without_errors_have_one_row_per_film():
    assert (
        len(plots.show_versions(FILMS, VERSIONS, gain=0, ground="real").axes) == 2 * 4
    )
    assert len(plots.show_versions(FILMS, VERSIONS, ground="real").axes) == 2 * 2 * 4


def test_findings_are_outlined_on_films_and_errors():
    figure = CASES["versions"](ground="real")
    outlined = [bool(axes.findobj(ContourSet)) for axes in figure.axes]
    assert outlined == [*[False] * 4, True, True, True, True, *[False] * 8]
    (outline,) = figure.axes[4].findobj(ContourSet)
    corner = outline.get_paths()[0].vertices.min()
    assert corner < 11  # Two pixels outside the finding, so as not to cover it.


def test_skips_are_a_curve_in_order_and_baselines_are_lines():
    figure = CASES["skips"](ground="real")
    assert [axes.get_title() for axes in figure.axes] == ["frontal", "lateral", "", ""]
    curve, *lines = figure.axes[0].lines
    np.testing.assert_allclose(curve.get_xydata(), [[0, 0.5], [5, 0.9]])
    assert [line.get_ydata()[0] for line in lines] == [0.3, 0.8]
    assert [line.get_label() for line in lines] == ["mean film", "thumbnail"]
    assert figure.axes[2].get_yscale() == "log"


def test_decoders_have_a_line_for_training_and_one_for_validation():
    figure = CASES["decoders"](ground="real")
    assert [axes.get_title() for axes in figure.axes] == ["frontal", "lateral"]
    lines = figure.axes[0].lines
    assert [line.get_linestyle() for line in lines] == ["-", "--", "-", "--"]
    assert [line.get_label() for line in lines[::2]] == ["0", "5"]


def test_grids_write_their_values():
    figure = plots.show_grids({"a": np.eye(2), "b": np.full((2, 2), 4)}, columns=1)
    assert words(figure).split().count("4") == 4
    assert {axes.images[0].get_clim() for axes in figure.axes} == {(0, 4)}
    assert not plots.show_grids({"a": np.eye(2)}, numbers=False).axes[0].texts


def test_differences_of_a_row_share_the_scale_of_its_first_column():
    figure = CASES["differences"](ground="real")
    most = np.abs(FILMS[1] - 0.5).max()
    for axes in figure.axes[4:]:
        np.testing.assert_allclose(axes.images[0].get_clim(), (-most, most))


def test_names_of_findings_do_not_run_into_the_row_above():
    films = np.tile(FILMS[:1], (3, 1, 1, 1))
    many = {str(i): films for i in range(8)}
    titles = ["calcified granuloma"] * 3
    figure = plots.show_differences(films, many, titles, ground="phantom")
    figure.canvas.draw()
    labels = [axes.yaxis.label for axes in figure.axes if axes.get_ylabel()]
    boxes = [label.get_window_extent() for label in labels]
    assert len(boxes) == 3
    assert not any(a.overlaps(b) for a, b in zip(boxes, boxes[1:], strict=False))

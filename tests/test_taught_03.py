"""What 03 teaches is the package's: stamps, a decoder, SSIM, the loss, twins."""

import re
from types import SimpleNamespace

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers
from skimage.metrics import structural_similarity
from taught import run_cells, sources

from coursework.run.profiles import profile_values
from cxrlib.models.decoder import ReconstructionDecoder
from cxrlib.models.losses import ReconstructionLoss
from cxrlib.models.metrics import mse, ssim
from cxrlib.systems.reports.imaging import ImagingModel
from cxrlib.systems.reports.presets import build_imaging_model, preset_sizes
from cxrscore.labels.exact import share_ends

NOTEBOOK = "03_reconstruction"
SHAPES = [(16, 16, 3), (8, 8, 4), (4, 4, 5), (2, 2, 6), (1, 1, 7)]
FILTERS = (8, 7, 6, 5, 4)
RNG = np.random.default_rng(0)


def shake(model):
    """Random weights everywhere: what starts at 0 or 1 would else hide."""
    shapes = [weight.shape for weight in model.get_weights()]
    scales = [1.5 / np.sqrt(np.prod(shape[:-1])) for shape in shapes]  # By fan-in.
    model.set_weights(
        [RNG.normal(0, *pair) for pair in zip(scales, shapes, strict=True)]
    )
    for each in model._flatten_layers():
        if isinstance(each, layers.BatchNormalization):
            each.moving_variance.assign(0.5 + RNG.random(each.moving_variance.shape))
    return model


def films(n=2, size=32):
    return RNG.random((n, size, size, 1)).astype("float32")


@pytest.mark.parametrize(("side", "stride"), [(2, 2), (3, 2), (5, 2), (4, 3)])
def test_stamps_are_a_transposed_convolution(side, stride):
    transposed = run_cells(NOTEBOOK, "transposed", np=np)["transposed"]
    x, kernel = RNG.normal(size=(3, 5)), RNG.normal(size=(side, side))
    layer = layers.Conv2DTranspose(1, side, strides=stride, use_bias=False)
    layer.build((None, *x.shape, 1))
    layer.set_weights([kernel[:, :, None, None]])
    theirs = np.array(layer(x[None, ..., None].astype("float32")))[0, ..., 0]
    np.testing.assert_allclose(transposed(x, kernel, stride), theirs, atol=1e-5)


@pytest.mark.parametrize("skips", range(6))
def test_the_decoder_in_pieces_equals_the_class(skips):
    names = {"keras": keras, "layers": layers}
    taught = run_cells(NOTEBOOK, "decoder-stage", "decoder-whole", **names)
    theirs = shake(ReconstructionDecoder(SHAPES, 9, skips, FILTERS))
    ours = taught["make_decoder"](SHAPES, 9, skips, FILTERS)
    ours.set_weights(theirs.get_weights())
    assert set(ours.input) == set(theirs.input)
    seen = {"latent": RNG.normal(size=(2, 9)).astype("float32")}
    seen |= {
        f"skip_{i}": RNG.normal(size=(2, *shape)).astype("float32")
        for i, shape in enumerate(SHAPES, start=1)
    }
    seen = {name: seen[name] for name in theirs.input}
    drawn = np.array(theirs(seen))
    assert drawn.std() > 0.01, "a film that is the same everywhere shows nothing"
    np.testing.assert_allclose(ours(seen), drawn, atol=1e-5)


def test_the_map_of_ssim_is_skimages_and_its_mean_the_packages():
    taught = run_cells(NOTEBOOK, "ssim-map", np=np)
    for x, y in zip(films(), films(), strict=True):
        y = 0.7 * x + 0.3 * y
        ours = taught["ssim_map"](x, y)
        _, whole = structural_similarity(
            *(each[..., 0].astype("float64") for each in (x, y)),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1,
            full=True,
        )
        np.testing.assert_allclose(ours, whole[5:-5, 5:-5], atol=1e-6)
        assert ours.mean() == pytest.approx(float(ssim(x[None], y[None])[0]), abs=1e-4)


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_the_loss_is_the_packages(weight):
    x, y = films(), films()
    names = {"np": np, "mse": mse, "ssim": ssim, "ssim_weight": weight}
    names["ranks"] = pd.DataFrame({"SSIM": [0.9], "MSE": [0.01]})
    taught = run_cells(NOTEBOOK, "loss", **names, true=x, blurred=y)
    assert taught["costs"]["loss"][0] == pytest.approx(0.01 + 0.1 * weight)
    ours = np.mean(taught["reconstruction_loss"](x, y))
    assert ours == pytest.approx(float(ReconstructionLoss(weight)(x, y)), rel=1e-5)


@pytest.fixture(scope="module")
def ladder():
    """Two pairs of decoders on one encoder, as the notebook hangs them up."""
    encoder = build_imaging_model("tiny", 32).encoder
    names = {"keras": keras, "encoder": encoder, "VIEWS": ("frontal", "lateral")}
    names |= {"sizes": (encoder.skip_shapes, encoder.latent_dim), "image_size": 32}
    names |= {"ReconstructionDecoder": ReconstructionDecoder, "skip_levels": "5,0"}
    names |= {"filters": preset_sizes("tiny")["decoder_filters"]}
    return run_cells(NOTEBOOK, "views", "ladder", **names)


@pytest.mark.parametrize("skips", [0, 5])
def test_each_pair_of_the_ladder_is_an_imaging_model(ladder, skips):
    pair = [
        shake(ladder["model"].get_layer(f"{view}_decoder_{skips}"))
        for view in ladder["VIEWS"]
    ]
    classifier = build_imaging_model("tiny", 32).classifier
    alone = ImagingModel(ladder["encoder"], *pair, classifier)
    both = {view: films() for view in ladder["VIEWS"]}
    together = ladder["model"](both)
    for view, drawn in alone(both).items():
        if view in both:
            np.testing.assert_allclose(together[f"{view}_{skips}"], drawn, atol=1e-5)


def test_a_decoder_learns_beside_others_as_it_would_alone(ladder):
    """The notebook says so; a shared encoder that trains would break it."""
    model, encoder = ladder["model"], ladder["encoder"]
    encoder.freeze_all_but_last(0)
    before, both = model.get_weights(), {view: films(4) for view in ladder["VIEWS"]}

    def trained(names):
        model.set_weights(before)
        model.compile("adam", {name: ReconstructionLoss() for name in names})
        model.fit(both, {n: both[n.split("_")[0]] for n in names}, verbose=0)
        return model.get_layer("frontal_decoder_5").get_weights()

    together, alone = trained(list(model.output)), trained(["frontal_5"])
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_a_film_finds_itself_and_a_stranger_does_not():
    finds_itself = run_cells(NOTEBOOK, "itself", np=np)["finds_itself"]
    x = films(6)
    assert finds_itself(0.9 * x + 0.03, x).all()
    assert not finds_itself(np.roll(x, 1, axis=0), x).any()


def test_survival_is_the_share_of_the_change():
    ill, well = films(3), films(3)
    again = {"a": np.concatenate([0.5 * ill, 0.5 * well])}
    names = {"kinds": np.array(["x"] * 3), "again": again, "masks": ill > 0.5}
    names |= {"ill": {"frontal": ill}, "well": {"frontal": well}}
    survival = run_cells(NOTEBOOK, "survive", **names)["survival"]
    np.testing.assert_allclose(survival["a"], 0.5, rtol=1e-5)


@pytest.mark.parametrize("share", [-0.5, 1.5])
def test_survival_has_no_bounds_and_the_table_shows_it(share):
    names = {"pd": pd, "kinds": np.array(["x", "y"]), "survival": {"a": [share, 0.2]}}
    names["removal"] = pd.DataFrame({"n": 1, "area": 0.1}, ["x", "y"])
    taught = run_cells(NOTEBOOK, "survival", **names)
    assert taught["shades"]["vmin"] == -taught["shades"]["vmax"] <= -abs(share)


@pytest.fixture(scope="module")
def pairs():
    """One patient per kind of finding, as small films, and their versions."""
    names = {"np": np, "cv2": cv2, "VIEWS": ("frontal", "lateral"), "seed": 0}
    names |= {"phantom_size": 128, "image_size": 64, "decoder_pairs": 1}
    return run_cells(NOTEBOOK, "draw-pair", "pairs", "versions", **names)


def test_the_pairs_of_a_number_are_one_patient(pairs):
    assert pairs["patients"].tolist() == [0] * len(pairs["pairs"])
    well = [each.masks["frontal"]["lungs"] for *_, each in pairs["pairs"]]
    assert all((each == well[0]).all() for each in well)


def test_intervals_of_pairs_draw_patients(tmp_path):
    """All pairs of a patient alike: they tell what one pair would."""
    kinds = np.repeat([f"kind {i}" for i in range(7)], 12)
    patients, kept = np.tile(np.arange(12), 7), {}
    survival = RNG.normal(0.5, 0.2, 12)[patients]
    healthy = np.isin(patients, (0, 1, 2)).astype(float)

    def metric(name, value, n, **beside):
        kept[name] = beside

    names = {"np": np, "pd": pd, "drawn": {}, "seed": 0, "levels": [0], "protocol": {}}
    names |= {"kinds": kinds, "patients": patients, "healthy": healthy, "share": 0.25}
    names |= {"survival": {"0 of 5 skips": survival}, "drawn_ill": 0.5, "ssim": None}
    names["results"] = SimpleNamespace(folder=tmp_path, metric=metric)
    summary = run_cells(NOTEBOOK, "scores", "keep", **names)["summary"]
    of_pairs, of_patients = summary(survival), summary(survival[:12])
    low, high = kept["skips_0.finding_survival"]["interval"]
    assert [low, high] == pytest.approx(of_patients[1:])
    assert high - low > 2 * (of_pairs[2] - of_pairs[1])
    ends = kept["removed.scores_higher_share"]["interval"]
    assert ends == pytest.approx(share_ends(3, 12), abs=0.03)
    for beside in kept.values():
        assert beside["patients"] == 12 and "patients" in beside["drawn"]
    assert pd.read_csv(tmp_path / "survival.csv").patient.nunique() == 12


def test_no_version_costs_less_than_the_one_without_the_finding(pairs):
    true, costs = pairs["true"], {}
    for name, each in pairs["versions"].items():
        costs[name] = float(ReconstructionLoss()(true, each))
    assert min(costs, key=costs.get) == "finding removed"


def test_with_the_courses_weight_structure_is_the_larger_part_of_the_loss(pairs):
    weight, true = profile_values("course")["ssim_weight"], pairs["true"]
    for name, each in pairs["versions"].items():
        errors, alike = np.mean(mse(true, each)), np.mean(ssim(true, each))
        assert errors < weight * (1 - alike), name


def test_all_but_the_last_of_densenets_skips_hold_more_numbers_than_the_film():
    encoder = build_imaging_model("compact", 64).encoder
    numbers = [np.prod(shape) / 64**2 for shape in encoder.skip_shapes]
    assert min(numbers[:4]) > numbers[4] == 1 > encoder.latent_dim / 64**2


def test_exercise_2_leaves_one_convolution_and_one_stage():
    """What the text of the exercise gives to copy runs, and is as small as it says."""
    encoder = build_imaging_model("tiny", 32).encoder
    encoder.freeze_all_but_last(0)
    names = {"keras": keras, "layers": layers, "encoder": encoder, "filters": FILTERS}
    names["decoder_stage"] = run_cells(NOTEBOOK, "decoder-stage", layers=layers)[
        "decoder_stage"
    ]
    given = re.search(
        r"```python\n(.*?)```", sources(NOTEBOOK)["exercise-2-text"], re.DOTALL
    )
    exec(given[1], names)
    shallow = names["shallow"]
    assert shallow(films()).shape == (2, 32, 32, 1)
    kinds = [type(each).__name__ for each in shallow.layers]
    assert kinds.count("Conv2D") == 3 and kinds.count("Conv2DTranspose") == 1
    assert len(shallow.trainable_weights) == 7  # Two convolutions, one, its norm.

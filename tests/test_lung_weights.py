"""The committed lung model: what it reaches, and on what it is not misled."""

import json
import pathlib

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from cxrbase.images import read_radiograph, write_png
from cxrlib.__main__ import main
from cxrlib.systems.lungs.crop import LungCrop
from cxrlib.systems.lungs.pairs import find_lung_pairs, read_pairs, split_pairs
from cxrlib.systems.lungs.segment import LUNG_UNET, load_lung_model, segment_lungs
from cxrlib.systems.lungs.train import mask_scores
from cxrlib.systems.lungs.unet import LungUNet

WEIGHTS = pathlib.Path(__file__).parents[1] / "weights"


@pytest.fixture(scope="module")
def model():
    return load_lung_model(WEIGHTS / LUNG_UNET)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """Frontals of 24 phantoms that no training saw, with their masks, and laterals."""
    from cxrphantom.dataset import write_phantom

    folder = tmp_path_factory.mktemp("phantom") / "drawn"
    write_phantom(folder, studies=24, size=256, seed=77, progress=False)
    images, masks = read_pairs(find_lung_pairs(folder))
    frontals = {pathlib.Path(p).name for p in find_lung_pairs(folder).frontal}
    every = sorted((folder / "images" / "images_normalized").glob("*.png"))
    laterals = [read_radiograph(p) for p in every if p.name not in frontals]
    return images / np.float32(255), masks, laterals


def dices(model, images, masks):
    return mask_scores(model, np.round(255 * images).astype("uint8"), masks)["dice"]


def test_the_file_is_small_and_holds_no_optimizer(model):
    assert isinstance(model, LungUNet) and getattr(model, "optimizer", None) is None
    assert (WEIGHTS / LUNG_UNET).stat().st_size < 10e6
    card = json.loads((WEIGHTS / LUNG_UNET).with_suffix(".json").read_text())
    assert card["made_with"]["keras"].startswith("3.13"), "Colab could not read it"


def test_phantoms_are_found_though_it_never_saw_one(model, phantom):
    images, masks, _ = phantom
    assert dices(model, images, masks).mean() > 0.95


@pytest.mark.parametrize(
    "change",
    [
        lambda x: 1 - x,
        lambda x: 0.2 * x + 0.4,
        lambda x: x**2.2,
        lambda x: np.pad(x[:, 20:-20, 20:-20], ((0, 0), (20, 20), (20, 20))),
        lambda x: np.stack([cv2.GaussianBlur(i, (0, 0), 2) for i in x]),
    ],
    ids=["inverted", "flat", "dark", "framed", "blurred"],
)
def test_a_worse_film_has_much_the_same_mask(model, phantom, change):
    images = phantom[0]
    plain = np.stack([lungs.mask for lungs in segment_lungs(images, model)])
    changed = np.clip(change(images), 0, 1).astype("float32")
    seen = np.stack([lungs.mask for lungs in segment_lungs(changed, model)])
    overlap = 2 * (plain & seen).sum((1, 2)) / (plain.sum((1, 2)) + seen.sum((1, 2)))
    assert np.median(overlap) > 0.9


def test_what_is_no_frontal_is_flagged(model, phantom):
    laterals = phantom[2]
    flagged = [bool(lungs.flag) for lungs in segment_lungs(laterals, model)]
    assert np.mean(flagged) > 0.9
    for grey in (0.0, 0.5, 1.0):
        flat = segment_lungs([np.full((256, 256), grey)], model)[0]
        assert flat.flag == "no lungs found" and not flat.mask.any()


def test_odd_files_through_the_command_line(phantom, tmp_path):
    """RGB, 16 bit and a large film give the mask of the plain one, at their size."""
    image = phantom[0][0]
    folder, out = tmp_path / "in", tmp_path / "out"
    write_png(folder / "plain.png", image)
    grey = np.round(image * 255).astype("uint8")
    for name, pixels in {
        "colour.png": cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR),
        "deep.png": grey.astype("uint16") * 257,
        "large.png": cv2.resize(grey, (2000, 2500), interpolation=cv2.INTER_CUBIC),
    }.items():
        assert cv2.imwrite(str(folder / name), pixels)
    done = CliRunner().invoke(main, ["segment", str(folder), str(out)])
    assert done.exit_code == 0, done.output
    plain = read_radiograph(out / "plain.png")
    assert plain.mean() > 0.1
    for name in ("colour", "deep", "large"):
        mask = read_radiograph(out / f"{name}.png")
        assert mask.shape == read_radiograph(folder / f"{name}.png").shape
        same = cv2.resize(mask, plain.shape[::-1], interpolation=cv2.INTER_AREA) > 0.5
        assert (same != (plain > 0.5)).mean() < 0.01


def test_the_crop_takes_the_committed_model(phantom):
    crop = LungCrop()
    part = crop(phantom[0][0])
    assert part.shape[0] == part.shape[1] and "lung_unet.keras" in crop.name


# === On real radiographs ===


@pytest.fixture(scope="module")
def real_scores(model, real_data):
    table = split_pairs(find_lung_pairs(real_data / "lungs"))
    test = table[table.split.eq("test")]
    return mask_scores(model, *read_pairs(test))


@pytest.mark.real
def test_dice_on_the_held_out_tenth(real_scores):
    scores = real_scores["dice"]
    assert len(scores) >= 60
    assert scores.mean() >= 0.965 and scores.min() >= 0.87


@pytest.mark.real
def test_the_figures_in_the_file_are_those_of_the_model(real_scores):
    card = json.loads((WEIGHTS / LUNG_UNET).with_suffix(".json").read_text())
    said = card["reaches"]["test/all"]
    assert said["n"] == len(real_scores["dice"])
    assert said["dice_mean"] == pytest.approx(real_scores["dice"].mean(), abs=1e-3)
    assert said["iou_mean"] == pytest.approx(real_scores["iou"].mean(), abs=1e-3)


@pytest.mark.real
def test_real_frontals_pass_and_real_laterals_do_not(model, real_data):
    import pandas as pd

    table = pd.read_csv(real_data / "paired" / "studies.csv")
    flagged = {}
    for view in ("frontal", "lateral"):
        paths = [real_data / "paired" / "images" / name for name in table[view]]
        found = segment_lungs([read_radiograph(path) for path in paths], model)
        flagged[view] = np.mean([bool(lungs.flag) for lungs in found])
    assert flagged["frontal"] < 0.05 and flagged["lateral"] > 0.9

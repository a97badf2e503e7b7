"""From probabilities to masks, crops and files, with models that any user may have."""

import zipfile

import cv2
import h5py
import keras
import numpy as np
import pandas as pd
import pytest
from films import film, two_lungs

from cxrbase.files import InputError
from cxrbase.images import write_png
from cxrlib.data.prepare import prepare, read_manifest
from cxrlib.systems.lungs.crop import (
    LungBox,
    LungCrop,
    crop_to_lungs,
    find_crop,
    lung_box,
)
from cxrlib.systems.lungs.segment import (
    clean_mask,
    judge,
    load_lung_model,
    segment_lungs,
)
from cxrlib.training import read_model


@pytest.fixture
def model_file(tmp_path, dark_is_lung):
    dark_is_lung(64).save(tmp_path / "model" / "foreign.keras")
    return tmp_path / "model" / "foreign.keras"


@pytest.fixture(autouse=True)
def model_folder(tmp_path):
    (tmp_path / "model").mkdir()


# === Masks ===


def test_the_two_largest_regions_stay_and_holes_are_filled():
    _, mask = two_lungs(128)
    noisy = mask.copy()
    noisy[60:66, 36:40] = 0  # A hole.
    noisy[2:4, 2:4] = 1  # A speck, too small to be counted.
    noisy[110:126, 55:75] = 1  # The stomach.
    clean, areas = clean_mask(noisy)
    np.testing.assert_array_equal(clean, mask.astype(bool))
    assert len(areas) == 3 and areas == sorted(areas, reverse=True)
    assert not clean_mask(np.zeros((8, 8)))[0].any()


def test_masks_have_the_size_of_their_images(dark_is_lung):
    sizes = [(300, 240), (64, 64), (2500, 2000), (33, 47)]
    films = [film(*size) for size in sizes]
    found = segment_lungs([f for f, _ in films], dark_is_lung(64), batch_size=3)
    for lungs, (image, mask) in zip(found, films, strict=True):
        assert lungs.mask.shape == image.shape and lungs.mask.dtype == bool
        both = (lungs.mask & mask).sum()
        assert 2 * both / (lungs.mask.sum() + mask.sum()) > 0.96
        assert lungs.is_plausible, lungs.flag
        assert lungs.area == pytest.approx(mask.mean(), abs=0.03)
        assert lungs.regions == 2 and lungs.symmetry > 0.9


def test_cleaning_reaches_the_full_size():
    _, mask = two_lungs(64)
    probability = np.where(mask, 0.9, 0.1).astype("float32")
    probability[30:34, 18:21] = 0.2  # A hole.
    probability[55:63, 25:39] = 0.8  # A third region.
    found = judge(probability, (640, 640))
    large = cv2.resize(mask, (640, 640), interpolation=cv2.INTER_NEAREST)
    assert (found.mask != large.astype(bool)).mean() < 0.02
    assert not found.mask[560:, 250:390].any() and found.mask[315, 195]
    assert found.regions == 3 and "3 regions" in found.flag


@pytest.mark.parametrize(
    "change, flag",
    [
        (lambda p: p * 0, "no lungs found"),
        (lambda p: np.where(np.arange(64) < 32, p, 0), "one region"),
        (lambda p: np.maximum(p, (np.arange(64)[:, None] == 32) * 0.9), "one region"),
        (lambda p: np.maximum(p * 0, cv2.resize(p, (14, 14))[0, 0]), "no lungs"),
        (lambda p: p * 0.65, "unsure"),
        (
            lambda p: np.where(
                (np.arange(64) > 32) & (np.arange(64)[:, None] > 22), 0, p
            ),
            "of the other's area",
        ),
        (lambda p: cv2.copyMakeBorder(p, *[96] * 4, cv2.BORDER_CONSTANT), "area"),
    ],
)
def test_what_is_implausible_is_flagged_in_words(change, flag):
    _, mask = two_lungs(64)
    probability = change(np.where(mask, 0.95, 0.02).astype("float32"))
    probability = np.asarray(probability, "float32")
    found = judge(probability, probability.shape)
    assert flag in found.flag and not found.is_plausible


def test_black_white_and_wrong_images(dark_is_lung):
    model = dark_is_lung(64)
    white, black = segment_lungs([np.ones((50, 50)), np.zeros((50, 50))], model)
    assert white.flag == "no lungs found" and not white.mask.any()
    assert black.flag and white.area == 0 and white.confidence == 0
    assert segment_lungs([], model) == []
    with pytest.raises(InputError, match="image 0: values run from 0 to 255"):
        segment_lungs([np.linspace(0, 255, 100).reshape(10, 10)], model)
    with pytest.raises(InputError, match=r"image 1: has the shape \(4, 4, 3\)"):
        segment_lungs([np.ones((4, 4)), np.ones((4, 4, 3))], model)


# === Models that a user brings ===


@pytest.mark.parametrize("name", ["own.keras", "own.h5", "own.hdf5"])
@pytest.mark.parametrize("size, channels", [(32, 1), (96, 3)])
def test_a_foreign_model_is_plugged_in(name, size, channels, tmp_path, dark_is_lung):
    path = tmp_path / "model" / name
    model = dark_is_lung(size, channels)
    # With a loss that nobody here knows, as such files have.
    model.compile("adam", loss=lambda y_true, y_pred: y_pred - y_true)
    model.save(path) if path.suffix == ".keras" else model.save(path, overwrite=True)
    image, mask = film()
    found = segment_lungs([image], load_lung_model(path))[0]
    both = (found.mask & mask).sum()
    assert 2 * both / (found.mask.sum() + mask.sum()) > 0.93


def test_models_that_do_not_fit_are_refused(tmp_path):
    image = keras.Input((32, 32, 1))
    dense = keras.layers.Dense(1)(keras.layers.Flatten()(image))
    two = keras.layers.Conv2D(2, 1)(image)
    for name, outputs in {"number": dense, "two": two, "pair": [two, two]}.items():
        path = tmp_path / "model" / f"{name}.keras"
        keras.Model(image, outputs).save(path)
        with pytest.raises(InputError, match=f"{name}.keras: takes"):
            load_lung_model(path)
    logits = keras.Model(image, keras.layers.Rescaling(9.0, offset=-4)(image))
    logits.save(tmp_path / "model" / "logits.keras")
    model = load_lung_model(tmp_path / "model" / "logits.keras")
    with pytest.raises(InputError, match="the outputs of .*: values run"):
        segment_lungs([film()[0]], model)


@pytest.mark.parametrize("name", ["code.keras", "code.h5", "code.hdf5"])
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("spelling", ["Lambda", "\\u004cambda"])
def test_no_code_comes_with_a_model(name, nested, spelling, tmp_path):
    """JSON has other ways to write an L; Keras parses them before it looks."""
    path = write_with_code(tmp_path / "model" / name, nested, spelling)
    with pytest.raises(InputError, match=f"{name}: .*Lambda.*code, which is never run"):
        load_lung_model(path)
    with pytest.raises(InputError, match=f"{name}: .*Lambda"):
        read_model(path)
    keras.saving.load_model(path, compile=False, safe_mode=False)  # Else it is whole.


def write_with_code(path, nested, spelling):
    """Save a model with a Lambda layer, its name in the file spelled otherwise."""
    image = keras.Input((32, 32, 1))
    model = keras.Model(image, keras.layers.Lambda(lambda x: x)(image))
    if nested:
        outer = keras.Input((32, 32, 1))
        model = keras.Model(outer, keras.layers.Rescaling(1.0)(model(outer)))
    model.save(path)
    if path.suffix != ".keras":
        with h5py.File(path, "r+") as file:
            config = file.attrs["model_config"]
            file.attrs["model_config"] = config.replace('"Lambda"', f'"{spelling}"')
            assert spelling in file.attrs["model_config"]
        return path
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    config = parts["config.json"].decode().replace('"Lambda"', f'"{spelling}"')
    assert spelling in config
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in {**parts, "config.json": config}.items():
            archive.writestr(part, content)
    return path


def test_missing_and_broken_model_files_are_told(tmp_path):
    with pytest.raises(InputError, match=r"none\.keras: there is no such model file"):
        load_lung_model(tmp_path / "none.keras")
    for name in ("broken.keras", "broken.h5"):
        (tmp_path / "model" / name).write_bytes(b"half a file")
        with pytest.raises(InputError, match=f"{name}: not a model that this"):
            load_lung_model(tmp_path / "model" / name)


# === Crops ===


@pytest.mark.parametrize(
    "shape, lungs, margin",
    [
        ((300, 240), (slice(40, 200), slice(30, 210)), 0.05),
        ((240, 300), (slice(0, 240), slice(0, 300)), 0.0),  # Wider than high.
        ((100, 400), (slice(5, 95), slice(10, 390)), 0.2),  # Over the border.
        ((64, 64), (slice(63, 64), slice(0, 1)), 0.1),
    ],
)
def test_the_crop_is_square_holds_the_lungs_and_goes_back_exactly(shape, lungs, margin):
    image = np.random.default_rng(0).random(shape, dtype="float32")
    mask = np.zeros(shape, bool)
    mask[lungs] = True
    box = lung_box(mask, margin)
    crop = box.crop(image)
    assert crop.shape == (box.side, box.side)
    assert box.crop(mask).sum() == mask.sum(), "lung was cut off"
    longest = max(s.stop - s.start for s in lungs)
    wanted = int(np.ceil(longest * (1 + 2 * margin)))
    assert box.side == (wanted if wanted <= min(shape) else max(longest, min(shape)))
    back = box.paste(crop, shape)
    inside = box.paste(np.ones_like(crop), shape) > 0
    np.testing.assert_array_equal(back[inside], image[inside])
    assert not back[~inside].any() and inside[mask].all()
    if box.side <= min(shape):
        assert inside.sum() == box.side**2, "it reaches over the border without need"


def test_impossible_boxes_are_refused():
    with pytest.raises(InputError, match="not empty"):
        lung_box(np.zeros((8, 8)))
    with pytest.raises(InputError, match="resize it to that first"):
        LungBox(0, 0, 8).paste(np.ones((4, 4)), (8, 8))


def test_an_implausible_mask_leaves_the_image_whole(dark_is_lung):
    image, mask = film()
    crop, box, found = crop_to_lungs(image, dark_is_lung(64))
    assert crop.shape == (box.side, box.side) and found.is_plausible
    np.testing.assert_array_equal(crop, box.crop(image))
    white = np.ones((30, 40), "float32")
    crop, box, found = crop_to_lungs(white, dark_is_lung(64))
    assert box is None and crop is white and found.flag


def studies(folder, count, bad=()):
    rows = []
    for i in range(count):
        paths = [folder / f"{i}_{view}.png" for view in ("frontal", "lateral")]
        image = film()[0] if i not in bad else np.linspace(0.6, 1, 72_000)
        image = image.reshape(300, 240)
        for path in paths:
            write_png(path, image)
        row = {"uid": str(i), "patient": str(i), "abnormal": 0.0, "on_disk": True}
        row |= dict.fromkeys(("indication", "findings", "impression"), "Clear.")
        row |= {"frontal": str(paths[0]), "lateral": str(paths[1]), "split": "train"}
        rows.append(row)
    return pd.DataFrame(rows)


@pytest.mark.parametrize("processes", [1, 2])
def test_prepare_crops_frontals_and_counts_the_rest(
    processes, tmp_path, model_file, capsys
):
    crop = LungCrop(model_file)
    table = studies(tmp_path / "images", 25, bad=(3, 7))
    out = tmp_path / "out"
    prepare(
        table, out, size=32, crop=crop, crop_name=crop.name, processes=processes,
        progress=False,
    )  # fmt: skip
    manifest = read_manifest(out)
    assert manifest["uncropped"] == 2 and manifest["crop"] == crop.name
    assert "2 of 25 frontals had no plausible mask" in capsys.readouterr().out
    kept = pd.read_csv(out / "studies.csv", dtype={"uid": str}).set_index("uid")
    assert list(kept.index[~kept.cropped]) == ["3", "7"]
    from cxrlib.data.pipeline import load_records

    record = next(iter(load_records(out, "train").as_numpy_iterator()))
    frontal, lateral = (np.squeeze(record[view]) for view in ("frontal", "lateral"))
    if frontal.ndim == 3:
        frontal, lateral = frontal[0], lateral[0]
    assert (frontal < 0.5 * frontal.max()).mean() > (
        lateral < 0.5 * lateral.max()
    ).mean(), "the frontal shows no more lung than the uncropped lateral"
    # A second call finds all shards, and still knows how many stayed whole.
    again = prepare(table, out, size=32, crop=crop, crop_name=crop.name, progress=False)
    assert again["uncropped"] == 2


def test_a_crop_is_known_by_its_model_and_margin(model_file, tmp_path, dark_is_lung):
    crop = LungCrop(model_file)
    assert find_crop("none") is None
    assert find_crop(crop.name, model_file).name == crop.name
    dark_is_lung(32).save(tmp_path / "model" / "other.keras")
    with pytest.raises(InputError, match="prepared with 'lungs"):
        find_crop(crop.name, tmp_path / "model" / "other.keras")
    assert LungCrop(model_file, margin=0.1).name != crop.name


def test_a_report_crops_as_its_training_did(tmp_path, model_file, tiny_model):
    from cxrlib.systems.reports.predict import write_report

    image, _ = film()
    write_png(tmp_path / "frontal.png", image)
    write_png(tmp_path / "white.png", np.ones((50, 50)))
    origin = tiny_model.origin
    tiny_model.origin = {**origin, "trained_on": "a test"}
    try:
        whole = write_report(tiny_model, tmp_path / "frontal.png")
        tiny_model.origin |= {"crop": LungCrop(model_file).name}
        cropped = write_report(
            tiny_model, tmp_path / "frontal.png", lung_model=model_file
        )
        white = write_report(tiny_model, tmp_path / "white.png", lung_model=model_file)
    finally:
        tiny_model.origin = origin
    dark = [(r["images"]["frontal"] < 0.5).mean() for r in (whole, cropped)]
    assert dark[1] > 1.2 * dark[0]
    assert any("not cropped to the lungs: no lungs" in n for n in white["notes"])

"""Pairs of radiograph and mask, and what the augmentation does to them."""

import shutil

import cv2
import numpy as np
import pytest
from films import two_lungs

from cxrbase.files import InputError
from cxrbase.images import write_png
from cxrlib.systems.lungs import augment as module
from cxrlib.systems.lungs.augment import augment, lungs_of, warp
from cxrlib.systems.lungs.pairs import (
    find_lung_pairs,
    lung_batches,
    plain_batches,
    read_pairs,
    split_pairs,
)
from cxrlib.systems.lungs.train import (
    fit_lung_unet,
    harden,
    label_by_model,
    train_lung_unet,
)
from cxrlib.systems.lungs.unet import LungUNet


@pytest.fixture
def folder(tmp_path):
    """Six pairs of two hospitals; patient 1 of the first has two films."""
    names = ["AAA_0001_0", "AAA_0001_1", "AAA_0002_0", "BBB_0001_1", "BBB_0002_0"]
    for number, name in enumerate([*names, "BBB_0003_1"]):
        image, mask = two_lungs()
        image[0, 0] = number / 10  # Else the split would keep them all together.
        write_png(tmp_path / "images" / f"{name}.png", image)
        write_png(tmp_path / "masks" / f"{name}.png", mask.astype(bool))
    return tmp_path


# === Pairs ===


def test_pairs_are_found_with_patient_source_and_disease(folder):
    write_png(folder / "masks" / "CCC_0009_1.png", np.zeros((4, 4)))  # No image.
    table = find_lung_pairs(folder).set_index("uid")
    assert list(table.index)[0] == "AAA_0001_0" and len(table) == 6
    assert table.patient["AAA_0001_0"] == table.patient["AAA_0001_1"] == "AAA_0001"
    assert table.source.value_counts().to_dict() == {"AAA": 3, "BBB": 3}
    assert table.abnormal["BBB_0001_1"] == 1 and table.abnormal["BBB_0002_0"] == 0


def test_no_patient_is_split_and_every_source_is_dealt(folder):
    table = split_pairs(find_lung_pairs(folder), (0.4, 0.3, 0.3))
    assert table.groupby("patient").split.nunique().max() == 1
    assert len(table) == 6
    assert table[table.source.eq("BBB")].split.nunique() == 3  # Three patients.
    assert table[table.source.eq("AAA")].split.nunique() == 2  # Two.
    again = split_pairs(find_lung_pairs(folder).sample(frac=1), (0.4, 0.3, 0.3))
    assert again.set_index("uid").split.equals(table.set_index("uid").split)


def test_a_phantom_gives_its_frontals(tmp_path):
    from cxrphantom.dataset import write_phantom

    write_phantom(tmp_path / "phantom", studies=4, size=64, seed=3, progress=False)
    table = find_lung_pairs(tmp_path / "phantom")
    assert set(table.source) == {"phantom"} and table.patient.nunique() <= 4
    images, masks = read_pairs(table, 64)
    assert images.shape == masks.shape == (len(table), 64, 64)
    assert 0.1 < masks.mean() < 0.7 and set(np.unique(masks)) == {0, 1}


def test_an_empty_folder_and_unequal_sizes_are_told(folder, tmp_path):
    with pytest.raises(InputError, match="holds no pairs of images/NAME.png"):
        find_lung_pairs(tmp_path / "nothing")
    write_png(folder / "masks" / "AAA_0001_0.png", np.zeros((8, 9)))
    with pytest.raises(InputError, match=r"AAA_0001_0\.png: has the shape \(8, 9\)"):
        read_pairs(find_lung_pairs(folder))


def test_copies_of_one_film_make_no_validation(folder, tmp_path):
    first, *others = sorted((folder / "images").iterdir())
    for path in others:
        shutil.copy(first, path)
    with pytest.raises(InputError, match="its 6 pairs leave the split .* empty"):
        train_lung_unet(tmp_path / "lungs.keras", folder, workdir=tmp_path / "work")


# === Augmentation ===


@pytest.mark.parametrize("seed", range(40))
def test_augmentation_keeps_form_and_range(seed):
    image, mask = two_lungs()
    before = image.copy(), mask.copy()
    new, new_mask = augment(image, mask, np.random.default_rng(seed))
    assert new.shape == image.shape and new.dtype == np.float32
    assert new_mask.shape == mask.shape and new_mask.dtype == np.uint8
    assert np.isfinite(new).all() and -1e-4 <= new.min() <= new.max() <= 1 + 1e-4
    assert set(np.unique(new_mask)) <= {0, 1}
    np.testing.assert_array_equal(image, before[0], "the input was changed")
    np.testing.assert_array_equal(mask, before[1], "the input was changed")


def test_the_mask_moves_with_the_image():
    image, mask = two_lungs(128)
    for seed in range(10):
        moved, moved_mask = warp(image, mask, np.random.default_rng([7, seed]))
        lung, body = (np.abs(moved - grey) < 1e-3 for grey in (0.25, 0.75))
        assert lung.sum() > 500 and moved_mask[lung].mean() > 0.99
        assert body.sum() > 500 and moved_mask[body].mean() < 0.01


def test_disease_whitens_lung_and_little_else():
    image, mask = two_lungs(128)
    whiter = [
        module.add_disease(image, mask, np.random.default_rng(seed)) - image
        for seed in range(30)
    ]
    far = cv2.dilate(mask, np.ones((15, 15))) == 0
    assert max(np.abs(change[far]).max() for change in whiter) < 1e-3
    assert np.mean([change[mask == 1].mean() for change in whiter]) > 0.05


def test_the_lungs_of_a_mask_are_two_at_most():
    _, mask = two_lungs(128)
    whole = lungs_of(mask)
    assert len(whole) == 2
    np.testing.assert_array_equal(sum(whole), mask)
    more = mask.copy()
    more[110:126, 55:75] = 1  # A third region, smaller than a lung.
    more[2:4, 2:4] = 1  # A speck.
    for ours, lung in zip(lungs_of(more), whole, strict=True):
        np.testing.assert_array_equal(ours, lung)
    joined = mask.copy()
    joined[64] = 1
    assert len(lungs_of(joined)) == 1 and lungs_of(0 * mask) == []


# === Batches ===


def test_batches_depend_on_seed_and_epoch_only(folder):
    images, masks = read_pairs(find_lung_pairs(folder), 64)

    def draw(seed, first, last):
        batches = lung_batches(images, masks, 2, seed, first, last)
        return np.concatenate([image.numpy() for image, _ in batches])

    unbroken = draw(0, 0, 3)
    assert unbroken.shape == (18, 64, 64, 1)
    np.testing.assert_array_equal(unbroken[6:], draw(0, 1, 3))  # Resumed.
    assert np.abs(unbroken[:6] - unbroken[6:12]).max() > 0.1
    assert np.abs(unbroken[:6] - draw(1, 0, 1)).max() > 0.1


def test_validation_sees_each_image_as_it_is_and_hardened(folder):
    images, masks = read_pairs(find_lung_pairs(folder), 64)
    hard, hard_masks = harden(images, masks, copies=2)
    assert hard.shape == (18, 64, 64) and hard.dtype == hard_masks.dtype == np.uint8
    np.testing.assert_array_equal(hard[:6], images)
    assert (hard[6:12] != hard[12:]).any()
    np.testing.assert_array_equal(hard, harden(images, masks, copies=2)[0])
    seen = list(plain_batches(hard, hard_masks, 4))
    assert len(seen) == 5 and float(seen[0][0][0].numpy().max()) <= 1


def test_a_training_goes_on_where_it_was_stopped(folder, tmp_path):
    pairs = read_pairs(find_lung_pairs(folder), 64)

    def fit(out, epochs):
        import keras

        keras.utils.set_random_seed(0)
        model = LungUNet(image_size=64, widths=(4, 8), dropout=0.2)
        settings = {"batch_size": 2, "verbose": 0, "settings": {"for": "a test"}}
        return fit_lung_unet(model, pairs, pairs, out, epochs=epochs, **settings)

    class Killed(Exception):
        pass

    from cxrlib import training

    whole = fit(tmp_path / "whole", 2)
    real, epochs = training.Checkpoint.on_epoch_end, []

    def killed(self, epoch, logs=None):
        real(self, epoch, logs)
        epochs.append(epoch)
        if len(epochs) == 1:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.Checkpoint, "on_epoch_end", killed)
        with pytest.raises(Killed):
            fit(tmp_path / "broken", 2)
        resumed = fit(tmp_path / "broken", 2)
    assert epochs == [0, 1]
    for one, other in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    with pytest.raises(InputError, match="smaller batch_size"):
        fit_lung_unet(LungUNet(64, (4, 8)), (pairs[0][:1], pairs[1][:1]), pairs, "x")


def test_a_model_labels_what_it_is_sure_of(folder, dark_is_lung):
    """Of a folder with an image without lungs, the others are kept."""
    write_png(folder / "images" / "white.png", np.ones((64, 64)))
    images, masks = label_by_model(dark_is_lung(64), folder / "images")
    assert len(images) == len(masks) == 6
    _, expected = two_lungs()
    assert (masks[0] != expected).mean() < 0.02
    shutil.rmtree(folder / "images")
    write_png(folder / "images" / "white.png", np.ones((64, 64)))
    with pytest.raises(InputError, match="none of its 1 PNG"):
        label_by_model(dark_is_lung(64), folder / "images")

"""Training the lung U-Net: on masks drawn by people, then also on its own."""

import dataclasses
import json
import pathlib
import platform

import keras
import numpy as np
from tqdm import tqdm

from cxrbase.files import InputError, locked, write_whole
from cxrbase.images import read_radiograph, resize_square
from cxrlib.data.splits import SPLITS
from cxrlib.models.losses import MaskLoss
from cxrlib.models.metrics import MeanDice, MeanOverlap, dice, iou
from cxrlib.systems.lungs.augment import augment
from cxrlib.systems.lungs.pairs import (
    find_lung_pairs,
    lung_batches,
    plain_batches,
    read_pairs,
    split_pairs,
)
from cxrlib.systems.lungs.recipe import LungRecipe
from cxrlib.systems.lungs.segment import segment_lungs
from cxrlib.systems.lungs.unet import LungUNet
from cxrlib.training import train, warmup_cosine

HARD_COPIES = 2  # Augmented copies of each validation image, beside the image itself.


def compile_lung_unet(model, learning_rate=1e-3):
    """Compile a model that segments lungs: loss Dice + BCE, metrics Dice and IoU.

    Args:
        model: a `LungUNet`, or another model of one sigmoid channel.
        learning_rate: float or `keras.optimizers.schedules.LearningRateSchedule`.

    Returns:
        The model, compiled.

    Example:
    ```python
    compile_lung_unet(LungUNet()).fit(lung_batches(images, masks))
    ```
    """
    model.compile(
        keras.optimizers.AdamW(learning_rate, weight_decay=1e-3, clipnorm=1.0),
        loss=MaskLoss(),
        metrics=[MeanDice(), MeanOverlap()],
    )
    return model


def harden(images, masks, copies=HARD_COPIES, seed=0):
    """Append augmented copies to images and masks, the same ones every time.

    An epoch that is best on clean films need not be best on bad ones, so validation
    uses both.

    Args:
        images: uint8 array `(N, S, S)`, 0 to 255.
        masks: uint8 array `(N, S, S)`, 0 and 1.
        copies: int. How many of each.
        seed: int.

    Returns:
        Images and masks, `(N * (1 + copies), S, S)`.

    Example:
    ```python
    validation = plain_batches(*harden(images, masks))
    ```
    """
    kept = [(images, masks)]
    for copy in range(copies):
        hard_images, hard_masks = np.empty_like(images), np.empty_like(masks)
        for i, image in enumerate(images):
            rng = np.random.default_rng([seed, copy, i])
            image, hard_masks[i] = augment(image / np.float32(255), masks[i], rng)
            hard_images[i] = np.round(255 * np.clip(image, 0, 1))
        kept.append((hard_images, hard_masks))
    return tuple(np.concatenate(parts) for parts in zip(*kept, strict=True))


def fit_lung_unet(
    model,
    pairs,
    val_pairs,
    out,
    recipe=None,
    resume=True,
    settings=None,
    verbose="auto",
    **changes,
):
    """Train on augmented pairs; the best epoch by validation is kept.

    Args:
        model: a `LungUNet`.
        pairs: tuple of images and masks, from `read_pairs`.
        val_pairs: tuple of images and masks, shown as they are; see `harden`.
        out: string or path. As in `cxrlib.training.train`.
        recipe: a `LungRecipe`, or `None` for its defaults.
        resume: bool. Whether to resume a training found in `out`.
        settings: dict or `None`. What else defines this training.
        verbose: see `keras.Model.fit`.
        **changes: fields of the recipe to change.

    Returns:
        The model of the best epoch.

    Raises:
        InputError: if there are fewer pairs than a batch holds.

    Example:
    ```python
    fit_lung_unet(LungUNet(), read_pairs(train), read_pairs(val), "outputs/lungs")
    ```
    """
    recipe = dataclasses.replace(recipe or LungRecipe(), **changes)
    images, masks = pairs
    steps = len(images) // recipe.batch_size
    if not steps:
        raise InputError(
            f"{len(images)} pairs for a batch of {recipe.batch_size}: use a smaller "
            "batch_size, or more pairs."
        )
    schedule = warmup_cosine(recipe.learning_rate, recipe.epochs * steps, warmup=0.05)

    def batches(first):
        return lung_batches(
            images,
            masks,
            recipe.batch_size,
            recipe.seed,
            first,
            recipe.epochs,
            recipe.gentle,
        )

    return train(
        compile_lung_unet(model, schedule),
        batches,
        plain_batches(*val_pairs),
        out,
        recipe.epochs,
        steps,
        seed=recipe.seed,
        resume=resume,
        settings=recipe.settings() | {"pairs": len(images)} | (settings or {}),
        defaults=LungRecipe().settings(),
        verbose=verbose,
    )


def label_by_model(model, folder):
    """Let a model draw the masks of a folder of radiographs; keep the plausible ones.

    Args:
        model: a trained model, as for `segment_lungs`.
        folder: string or path. Its PNG files are read, subfolders too.

    Returns:
        Images and masks as from `read_pairs`.

    Raises:
        InputError: if no mask is plausible.

    Example:
    ```python
    images, masks = label_by_model(teacher, "data/nih/images")
    ```
    """
    size = model.input_shape[1]
    paths = sorted(pathlib.Path(folder).rglob("*.png"))
    images, masks = [], []
    for path in tqdm(paths, desc="label", unit="image", mininterval=5):
        image = resize_square(read_radiograph(path), size)
        found = segment_lungs([image], model)[0]
        if found.is_plausible:
            images.append(np.round(255 * image).astype("uint8"))
            masks.append(found.mask.astype("uint8"))
    if not masks:
        raise InputError(
            f"{folder}: none of its {len(paths)} PNG files has a plausible mask. Check "
            "the folder, or train longer on the pairs first."
        )
    print(f"{folder}: {len(masks)} of {len(paths)} radiographs get the model's masks.")
    return np.stack(images), np.stack(masks)


def mask_scores(model, images, masks):
    """Dice and IoU of a model's masks after the clean-up, one value per image.

    Args:
        model: a model, as for `segment_lungs`.
        images: uint8 array `(N, S, S)`, 0 to 255.
        masks: uint8 array `(N, S, S)`, 0 and 1.

    Returns:
        A dict of float arrays `(N,)`: `dice` and `iou`; and `flagged`, bool.

    Example:
    ```python
    mask_scores(model, *read_pairs(test))["dice"].min()
    ```
    """
    found = segment_lungs(images / np.float32(255), model)
    seen = np.stack([lungs.mask for lungs in found])
    return {
        "dice": np.asarray(dice(masks, seen)),
        "iou": np.asarray(iou(masks, seen)),
        "flagged": np.array([bool(lungs.flag) for lungs in found]),
    }


def train_lung_unet(
    out,
    data,
    recipe=None,
    unlabelled=None,
    workdir="outputs/lungs",
    resume=True,
    **changes,
):
    """Train the course's lung model, from folders to the file in `weights/`.

    The first round learns from masks drawn by people. With `unlabelled`, its model then
    draws the masks of radiographs from elsewhere, and a second round continues with
    both: augmented films of other hospitals must get the masks that they got without
    augmentation.

    Args:
        out: string or path ending in `.keras`. A `.json` of the same name is written
            beside it: where the data came from and what the model reaches.
        data: string or path. As in `find_lung_pairs`.
        recipe: a `LungRecipe`, or `None` for its defaults, for the first round; the
            second takes a third of its epochs, and a smaller learning rate.
        unlabelled: string, path or `None`. Radiographs without masks.
        workdir: string or path. Checkpoints; a killed training continues there.
        resume: bool. Whether to resume it.
        **changes: fields of the recipe to change.

    Returns:
        A dict, the content of the `.json`.

    Raises:
        InputError: if a folder holds no radiographs or too few pairs, or another
            process trains in `workdir`.

    Example:
    ```python
    train_lung_unet("weights/lung_unet.keras", "data/lungs", epochs=1)
    ```

    Reference:
    - [Xie et al., 2020, noisy student](https://arxiv.org/abs/1911.04252)
    """
    recipe = dataclasses.replace(recipe or LungRecipe(), **changes)
    with locked(workdir, wait=False):
        return _train_lung_unet(out, data, recipe, unlabelled, workdir, resume)


def _train_lung_unet(out, data, recipe, unlabelled, workdir, resume):
    out, workdir = pathlib.Path(out), pathlib.Path(workdir)
    table = split_pairs(find_lung_pairs(data), seed=recipe.seed)
    if lacking := set(SPLITS) - set(table.split):
        raise InputError(
            f"{data}: its {len(table)} pairs leave the split {min(lacking)} empty: "
            "patients and films that are the same stay together. Give more pairs."
        )
    pairs = {name: read_pairs(rows) for name, rows in table.groupby("split")}
    val = harden(*pairs["val"])
    model = fit_lung_unet(
        LungUNet(), pairs["train"], val, workdir / "first", recipe,
        resume=resume, verbose=2,
    )  # fmt: skip
    added = 0
    if unlabelled:
        more = label_by_model(model, unlabelled)
        added = len(more[0])
        # Masks drawn by people count twice.
        parts = zip(pairs["train"], pairs["train"], more, strict=True)
        model = fit_lung_unet(
            model, tuple(map(np.concatenate, parts)), val, workdir / "second", recipe,
            epochs=max(1, recipe.epochs // 3), learning_rate=1.2e-3, gentle=0.35,
            seed=recipe.seed + 1, resume=resume, verbose=2,
        )  # fmt: skip
    report = {
        "made_with": {
            "keras": keras.__version__,
            "python": platform.python_version(),
            "seed": recipe.seed,
            "epochs": recipe.epochs,
        },
        "trained_on": {
            "pairs": table.groupby(["source", "split"]).size().unstack().T.to_dict(),
            "labelled_by_model": added,
        },
        "reaches": _reached(model, table, pairs),
    }
    plain = LungUNet.from_config(model.get_config())
    plain.set_weights(model.get_weights())  # Without the optimizer's two copies.
    with write_whole(out) as temporary:
        plain.save(temporary)
    with write_whole(out.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report["reaches"], indent=2))
    return report


def _reached(model, table, pairs):
    """Dice, IoU and flags, for each held-out split and source."""
    report = {}
    for split in ("val", "test"):
        scores = mask_scores(model, *pairs[split])
        sources = table.source[table.split.eq(split)].to_numpy()
        for name in ("all", *sorted(set(sources))):
            rows = np.full(len(sources), True) if name == "all" else sources == name
            report[f"{split}/{name}"] = {
                "n": int(rows.sum()),
                "dice_mean": round(float(scores["dice"][rows].mean()), 4),
                "dice_median": round(float(np.median(scores["dice"][rows])), 4),
                "dice_min": round(float(scores["dice"][rows].min()), 4),
                "iou_mean": round(float(scores["iou"][rows].mean()), 4),
                "flagged": int(scores["flagged"][rows].sum()),
            }
    return report

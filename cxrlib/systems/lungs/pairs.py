"""Radiographs with lung masks: real pairs in two folders, or phantoms."""

import pathlib
import re

import cv2
import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrbase.images import read_radiograph, resize_square
from cxrbase.layout import IMAGES
from cxrlib.data.splits import split_studies
from cxrlib.systems.lungs.augment import augment

# Where the images and masks of a layout are; both have the same names.
LAYOUTS = {
    "pairs": ("images", "masks"),
    "phantom": (IMAGES, "truth/lungs"),
}


def find_lung_pairs(folder):
    """List the frontal images of a folder that have a lung mask.

    Two layouts are known: `images/` and `masks/` with the same names in both,
    and a phantom written by `write_phantom`, of which the frontal views are
    taken. Montgomery and Shenzhen name a patient's number and, last, whether
    there is disease: `CHNCXR_0331_1.png`.

    Args:
        folder: string or `pathlib.Path`.

    Returns:
        A DataFrame sorted by `uid` with `uid`, `patient`, `source` (the letters that
        a name begins with, or `phantom`), `abnormal` (0, 1 or NaN), `frontal`
        and `mask` (paths), and `lateral` (empty), so that `split_studies` takes it.

    Raises:
        InputError: if there are no pairs.

    Example:
    ```python
    find_lung_pairs("data/lungs").source.value_counts()
    ```
    """
    folder = pathlib.Path(folder)
    layout = "phantom" if (folder / "phantom.json").exists() else "pairs"
    images, masks = (folder / name for name in LAYOUTS[layout])
    names = sorted(path.name for path in masks.glob("*.png"))
    if layout == "phantom":
        table = pd.read_csv(folder / "indiana_projections.csv", dtype=str)
        frontals = set(table.filename[table.projection.eq("Frontal")])
        names = [name for name in names if name in frontals]
    rows = [
        {
            "uid": pathlib.Path(name).stem,
            "patient": _patient(name) if layout == "pairs" else name.split("_")[0],
            "source": "phantom" if layout == "phantom" else _letters(name),
            "abnormal": _disease(name) if layout == "pairs" else float("nan"),
            "frontal": str(images / name),
            "lateral": "",
            "mask": str(masks / name),
        }
        for name in names
        if (images / name).exists()
    ]
    if not rows:
        raise InputError(
            f"{folder}: holds no pairs of {LAYOUTS[layout][0]}/NAME.png and "
            f"{LAYOUTS[layout][1]}/NAME.png. Check the folder."
        )
    return pd.DataFrame(rows)


def _letters(name):
    return re.match(r"[A-Za-z]*", name).group() or "unknown"


def _patient(name):
    """The name without its last part, which is the disease or the exposure."""
    return pathlib.Path(name).stem.rpartition("_")[0] or pathlib.Path(name).stem


def _disease(name):
    ending = re.search(r"_([01])$", pathlib.Path(name).stem)
    return float(ending.group(1)) if ending else float("nan")


def split_pairs(pairs, fractions=(0.8, 0.1, 0.1), seed=0):
    """Split the patients of every source into train, val and test.

    Args:
        pairs: DataFrame from `find_lung_pairs`.
        fractions: three floats that sum to 1.
        seed: int.

    Returns:
        The DataFrame with a column `split`.

    Example:
    ```python
    split_pairs(find_lung_pairs("data/lungs")).split.value_counts()
    ```
    """
    parts = [split_studies(p, fractions, seed) for _, p in pairs.groupby("source")]
    return pd.concat(parts, ignore_index=True)


def read_pairs(pairs, size=256):
    """Read images and masks into memory, stretched to squares.

    Args:
        pairs: DataFrame from `find_lung_pairs`.
        size: int. Side in pixels.

    Returns:
        A pair of uint8 arrays `(N, size, size)`: the images, 0 to 255, and the
        masks, 0 and 1.

    Raises:
        InputError: if a file is broken, or image and mask differ in size.

    Example:
    ```python
    images, masks = read_pairs(pairs[pairs.split == "train"])
    ```
    """
    images = np.empty((len(pairs), size, size), "uint8")
    masks = np.empty((len(pairs), size, size), "uint8")
    for i, row in enumerate(pairs.itertuples()):
        image, mask = read_radiograph(row.frontal), read_radiograph(row.mask)
        if image.shape != mask.shape:
            raise InputError(
                f"{row.mask}: has the shape {mask.shape}, its image {image.shape}. "
                "Leave the pair out, or find the right mask."
            )
        images[i] = np.round(255 * resize_square(image, size))
        # Averaged, then cut at one half: nearest neighbours would fray the border.
        masks[i] = resize_square(mask, size) > 0.5
    return images, masks


def lung_batches(
    images, masks, batch_size=16, seed=0, first_epoch=0, epochs=1, gentle=0.2
):
    """Stream augmented batches for training, the same for the same seed.

    Args:
        images: uint8 array `(N, S, S)`, 0 to 255.
        masks: uint8 array `(N, S, S)`, 0 and 1.
        batch_size: int. The images of an epoch after the last full batch are dropped;
            each epoch drops others.
        seed: int. Decides the order and what is done to each image.
        first_epoch: int. Where a resumed training begins.
        epochs: int. Where it ends.
        gentle: float. As in `augment`.

    Returns:
        A `tf.data.Dataset` of float32 `(B, S, S, 1)` images in [0, 1] and masks.

    Example:
    ```python
    for image, mask in lung_batches(images, masks, epochs=1):
        ...
    ```
    """
    import tensorflow as tf

    cv2.setNumThreads(1)  # tf.data runs several calls side by side.
    size = images.shape[-1]
    steps = len(images) // batch_size

    def order():
        for epoch in range(first_epoch, epochs):
            rng = np.random.default_rng([seed, epoch])
            for i in rng.permutation(len(images))[: steps * batch_size]:
                yield epoch, i

    def draw(epoch, i):
        rng = np.random.default_rng([seed, epoch, i])
        image, mask = augment(images[i] / np.float32(255), masks[i], rng, gentle)
        return image[..., None], mask[..., None].astype("float32")

    def draw_in_graph(epoch, i):
        image, mask = tf.numpy_function(draw, [epoch, i], [tf.float32, tf.float32])
        shape = (size, size, 1)
        return tf.ensure_shape(image, shape), tf.ensure_shape(mask, shape)

    signature = (tf.TensorSpec((), tf.int64), tf.TensorSpec((), tf.int64))
    dataset = tf.data.Dataset.from_generator(order, output_signature=signature)
    dataset = dataset.map(draw_in_graph, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.batch(batch_size, drop_remainder=True).prefetch(4)


def plain_batches(images, masks, batch_size=16):
    """Stream images and masks as they are, for validation and test.

    Args:
        images: uint8 array `(N, S, S)`, 0 to 255.
        masks: uint8 array `(N, S, S)`, 0 and 1.
        batch_size: int.

    Returns:
        A `tf.data.Dataset` as from `lung_batches`, in the order given.

    Example:
    ```python
    model.evaluate(plain_batches(images, masks))
    ```
    """
    import tensorflow as tf

    dataset = tf.data.Dataset.from_tensor_slices((images, masks)).batch(batch_size)
    return dataset.map(
        lambda image, mask: (
            tf.cast(image, tf.float32)[..., None] / 255.0,
            tf.cast(mask, tf.float32)[..., None],
        )
    )

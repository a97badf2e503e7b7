"""The batches of `load_batches` without TensorFlow: arrays that stay on the disk."""

import math

import keras
import numpy as np
import pandas as pd

from cxrlib.data.shards import ARRAYS, IMAGES, TEXTS, shard_order
from cxrlib.data.table import (
    SHUFFLE_BUFFER,
    add_views,
    draw_epoch,
    read_split,
    read_targets,
    split_shards,
)


def open_views(prepared, split):
    """Map the images of a split into memory; none is read yet.

    Args:
        prepared: string or path. A folder written by `prepare(memory_map=True)`.
        split: string. `"train"`, `"val"` or `"test"`.

    Returns:
        A list of arrays, one per shard: uint8 `(n, 2, size, size)`, frontal first.

    Raises:
        InputError: if the folder holds TFRecords, or the split is empty.

    Example:
    ```python
    open_views("data/prepared", "val")[0][0, 0]  # The first study's frontal.
    ```
    """
    shards = split_shards(prepared, split, ARRAYS)
    return [np.load(path, mmap_mode="r") for path in shards]


def load_arrays(
    prepared,
    split,
    preprocessor,
    batch_size=16,
    section="impression",
    shuffle=False,
    seed=0,
    epochs=1,
    first_epoch=0,
):
    """Give `(inputs, targets, weights)` of one split, as `load_batches` does.

    Same studies, same order, same numbers; but NumPy arrays, which any backend of
    Keras takes, and no TensorFlow (as far as the preprocessor needs none).

    Args:
        prepared: string or path. A folder written by `prepare(memory_map=True)`.
        split: string. `"train"`, `"val"` or `"test"`.
        preprocessor: a `ReportPreprocessor`, or another function from a list of
            strings to `(x, y, sample_weight)`.
        batch_size: int.
        section: string. The text to learn: `"impression"` or `"findings"`.
        shuffle: bool. Shuffle the studies, before they are batched.
        seed: int.
        epochs: int. Where the batches end.
        first_epoch: int. Where they begin.

    Returns:
        A `StudyBatches`. It runs through all its epochs: give `fit` the number of
        steps.

    Raises:
        InputError: if the folder is not prepared in this way, or the split is empty.

    Example:
    ```python
    batches = load_arrays("data/prepared", "val", preprocessor)
    inputs, targets, weights = batches[0]
    ```
    """
    maps = open_views(prepared, split)
    _, batch = read_targets(prepared, split, section, preprocessor)
    return StudyBatches(
        maps, batch, batch_size, shuffle, seed, range(first_epoch, epochs)
    )


class StudyBatches(keras.utils.PyDataset):
    """Batches of studies, each a function of its number alone.

    The epochs follow one another, and a batch's number determines its epoch. Counting
    them in `on_epoch_end` would skip one: Keras calls it before the first epoch, too.
    Leave `workers` at 1: under JAX and PyTorch the queue of more begins at the second
    batch.

    Args:
        maps: list of arrays, as `open_views` gives them.
        batch: tuple `(inputs, targets, weights)`, as from `read_targets`.
        batch_size: int.
        shuffle: bool.
        seed: int.
        epochs: range. The epochs' numbers.

    Example:
    ```python
    model.fit(batches, steps_per_epoch=batches.steps, epochs=5)
    ```
    """

    def __init__(self, maps, batch, batch_size, shuffle, seed, epochs):
        super().__init__()
        self.maps, self.batch, self.batch_size = maps, batch, batch_size
        self.shuffle, self.seed, self.epochs = shuffle, seed, epochs
        self.places = _places(maps)
        self.steps = math.ceil(len(self.places) / batch_size)
        self._drawn = None, None  # The last epoch that was asked for, and its order.

    @property
    def num_batches(self):
        """Of all epochs."""
        return self.steps * len(self.epochs)

    def __len__(self):
        return self.num_batches

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        epoch, step = divmod(index, self.steps)
        rows = self.order(self.epochs[epoch])
        rows = rows[step * self.batch_size : (step + 1) * self.batch_size]
        batch = keras.tree.map_structure(lambda each: each[rows], self.batch)
        return add_views(_read_views(self.maps, self.places[rows]), batch)

    def order(self, epoch):
        """The rows of the studies in the order of an epoch, an int array `(n,)`."""
        drawn, rows = self._drawn
        if drawn != epoch:
            rows = np.arange(len(self.places))
            if self.shuffle:
                shards, seeds = draw_epoch(len(self.maps), self.seed, epoch)
                turn = np.argsort(shards)[self.places[:, 0]]  # Of each study's shard.
                rows = shuffle_rows(np.argsort(turn, kind="stable"), seeds)
            self._drawn = epoch, rows
        return rows


def load_array_records(prepared, split, batch_size=16):
    """Give the studies of a split as `load_records` does, without TensorFlow.

    Args:
        prepared: string or path. A folder written by `prepare(memory_map=True)`.
        split: string. `"train"`, `"val"` or `"test"`.
        batch_size: int.

    Yields:
        Dicts of NumPy arrays: `frontal`, `lateral` float32 `(B, H, W, 1)` in
        [0, 1]; `abnormal` `(B,)`, −1 where unknown; `uid`, `findings`,
        `impression`, … as bytes `(B,)`.

    Raises:
        InputError: if the folder is not prepared in this way, or the split is empty.

    Example:
    ```python
    for batch in load_array_records("data/prepared", "test"):
        print(batch["uid"])
    ```
    """
    maps = open_views(prepared, split)
    places = _places(maps)
    studies = shard_order(read_split(prepared, split))
    record = {
        name: np.array([text.encode() for text in studies[name]], object)
        for name in TEXTS
    }
    label = pd.to_numeric(studies["abnormal"]).fillna(-1)
    record["abnormal"] = label.to_numpy("float32")
    for start in range(0, len(places), batch_size):
        rows = slice(start, start + batch_size)
        batch = {name: values[rows] for name, values in record.items()}
        yield {**batch, **_read_views(maps, places[rows])}


def _places(maps):
    """Of each study its shard and its row there, an int array `(n, 2)`."""
    return np.array(
        [(i, row) for i, each in enumerate(maps) for row in range(len(each))]
    )


def _read_views(maps, places):
    """Copy images to float32 `(B, H, W, 1)` in [0, 1]."""
    pixels = np.stack([maps[i][row] for i, row in places], axis=1)  # (2, B, H, W)
    pixels = pixels[..., None].astype("float32") / 255
    return dict(zip(IMAGES, pixels, strict=True))


# === The order of tf.data ===


def shuffle_rows(rows, seeds, buffer=SHUFFLE_BUFFER):
    """Shuffle as tf.data does, which has a buffer and a generator of its own.

    Args:
        rows: array `(n,)`.
        seeds: pair of ints, as from `draw_epoch`.
        buffer: int. `buffer_size` of `tf.data.Dataset.shuffle`.

    Returns:
        A shuffled copy.

    Example:
    ```python
    tf.random.set_seed(3)
    dataset = tf.data.Dataset.range(9).shuffle(4, seed=7)
    list(dataset.as_numpy_iterator()) == list(shuffle_rows(np.arange(9), (3, 7), 4))
    ```
    """
    rows = np.array(rows)
    seeds = map(int, _philox(2, *seeds))  # Every iteration draws a new pair.
    for start, draw in enumerate(_philox(len(rows), *seeds).tolist()):
        # The buffer's next study takes the place of the one that was drawn.
        drawn = start + draw % min(buffer, len(rows) - start)
        rows[[start, drawn]] = rows[[drawn, start]]
    return rows


def _philox(count, key, counter):
    """The first numbers of TensorFlow's `PhiloxRandom(key, counter)`.

    Reference:
    - [Salmon et al., 2011](https://doi.org/10.1145/2063384.2063405)
    """
    word, low = np.uint64(32), np.uint64(2**32 - 1)
    block = np.arange(-(-count // 4), dtype=np.uint64)
    zero = np.zeros_like(block)
    a, b, c, d = block, zero, zero + np.uint64(counter), zero
    keys = [key, 0]
    for _ in range(10):
        left, right = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a = (right >> word) ^ b ^ np.uint64(keys[0])
        c = (left >> word) ^ d ^ np.uint64(keys[1])
        b, d = right & low, left & low
        keys = [(keys[0] + 0x9E3779B9) % 2**32, (keys[1] + 0xBB67AE85) % 2**32]
    return np.stack([a, b, c, d], axis=1).ravel()[:count]

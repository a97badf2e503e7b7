"""From TFRecords to batches: tf.data, in an order that only the seed decides."""

import math

import numpy as np
import tensorflow as tf

from cxrlib.data.prepare import feature_description, read_manifest
from cxrlib.data.shards import IMAGES, RECORDS
from cxrlib.data.table import (
    SHUFFLE_BUFFER,
    add_views,
    draw_epoch,
    read_targets,
    split_shards,
)


def load_batches(
    prepared,
    split,
    preprocessor,
    batch_size=16,
    section="impression",
    shuffle=False,
    seed=0,
    epochs=1,
    first_epoch=0,
    shard=(0, 1),
):
    """Stream `(inputs, targets, weights)` of one split.

    Epoch `e` comes in an order derived from `(seed, e)` alone, so that training
    resumed at `first_epoch` sees just what it would have seen. The dataset
    runs through all its epochs: give `fit` the number of steps.

    Args:
        prepared: string or path. A folder written by `prepare`.
        split: string. `"train"`, `"val"` or `"test"`.
        preprocessor: a `ReportPreprocessor`.
        batch_size: int.
        section: string. The text to learn: `"impression"` or `"findings"`.
        shuffle: bool. Shuffle the studies, before they are batched.
        seed: int.
        epochs: int. Where the stream ends.
        first_epoch: int. Where it begins.
        shard: tuple `(index, count)`. The share of one of several workers.

    Returns:
        A `tf.data.Dataset`. Inputs: `frontal`, `lateral` float32
        `(B, H, W, 1)` in [0, 1], `token_ids`, `padding_mask` `(B, T)`. Targets:
        both views, `abnormal` `(B, 1)`, `text` `(B, T)`. Weights: `(B, 1, 1)`
        for the views, `(B, 1)` and `(B, T)`; what is missing has weight 0.

    Raises:
        InputError: if the folder is not prepared, or the split is empty.

    Example:
    ```python
    dataset = load_batches("data/prepared", "val", preprocessor)
    inputs, targets, weights = next(iter(dataset))
    ```
    """
    manifest = read_manifest(prepared)
    files = _record_files(prepared, split)
    look_up = _tokenised(*read_targets(prepared, split, section, preprocessor))
    if shuffle:
        numbers = range(first_epoch, epochs)
        drawn = [draw_epoch(len(files), seed, epoch) for epoch in numbers]
    else:
        drawn = [(np.arange(len(files)), (0, 0))] * (epochs - first_epoch)

    def one_epoch(order, seeds):
        names = tf.data.Dataset.from_tensor_slices(tf.gather(files, order))
        records = tf.data.TFRecordDataset(names.shard(shard[1], shard[0]))
        return (_shuffle(records, seeds) if shuffle else records).batch(batch_size)

    def parse(records):
        record = parse_records(records, manifest["size"])
        views = {view: record[view] for view in IMAGES}
        return add_views(views, look_up(record["uid"]))

    # Concatenated epochs are nested: an element would pass through all of them.
    orders = np.array([order for order, _ in drawn]).reshape(-1, len(files))
    seeds = np.array([seeds for _, seeds in drawn]).reshape(-1, 2)
    stream = tf.data.Dataset.from_tensor_slices((orders, seeds))
    stream = (
        stream.flat_map(one_epoch)
        .map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )
    if shard == (0, 1):  # Then `fit` can know the number of steps beforehand.
        steps = math.ceil(manifest["counts"][split] / batch_size)
        stream = stream.apply(
            tf.data.experimental.assert_cardinality(steps * (epochs - first_epoch))
        )
    return stream


def _shuffle(records, seeds):
    """`records.shuffle`, which adds TensorFlow's global seed, and fails if it is 0."""
    shuffled = tf.raw_ops.ShuffleDatasetV3(
        input_dataset=tf.data.experimental.to_variant(records),
        buffer_size=SHUFFLE_BUFFER,
        seed=seeds[0],
        seed2=seeds[1],
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        output_types=[tf.string],
        output_shapes=[[]],
    )
    return tf.data.experimental.from_variant(shuffled, records.element_spec)


def load_records(prepared, split, batch_size=16):
    """Stream the studies of a split as they were prepared, once and in order.

    Args:
        prepared: string or path. A folder written by `prepare`.
        split: string. `"train"`, `"val"` or `"test"`.
        batch_size: int.

    Returns:
        A `tf.data.Dataset` of dicts: `frontal`, `lateral` float32
        `(B, H, W, 1)` in [0, 1]; `abnormal` `(B,)`, −1 where unknown; `uid`,
        `findings`, `impression`, … as strings `(B,)`.

    Raises:
        InputError: if the folder is not prepared, or the split is empty.

    Example:
    ```python
    for batch in load_records("data/prepared", "test").as_numpy_iterator():
        print(batch["uid"])
    ```
    """
    size = read_manifest(prepared)["size"]
    records = tf.data.TFRecordDataset(_record_files(prepared, split)).batch(batch_size)
    return records.map(lambda batch: parse_records(batch, size)).prefetch(1)


def _record_files(prepared, split):
    return [str(path) for path in split_shards(prepared, split, RECORDS)]


def _tokenised(uids, batch):
    """A function from uids `(B,)` to their rows of what `read_targets` gives."""
    rows = tf.lookup.KeyValueTensorInitializer(uids, tf.range(len(uids)))
    rows = tf.lookup.StaticHashTable(rows, default_value=-1)
    batch = tf.nest.map_structure(tf.constant, batch)

    def look_up(asked):
        found = rows.lookup(asked)  # (B,)
        return tf.nest.map_structure(lambda each: tf.gather(each, found), batch)

    return look_up


def parse_records(records, size):
    """Parse serialised records `(B,)`; see `load_records` for what comes out."""
    parsed = tf.io.parse_example(records, feature_description())
    views = {view: _decode_view(parsed[view], size) for view in IMAGES}
    return {**parsed, **views}


def _decode_view(encoded, size):
    """Raw bytes `(B,)` to float32 `(B, size, size, 1)` in [0, 1]."""
    pixels = tf.io.decode_raw(encoded, tf.uint8, fixed_length=size * size)
    pixels = tf.reshape(pixels, (-1, size, size, 1))
    return tf.cast(pixels, tf.float32) / 255.0

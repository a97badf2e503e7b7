"""From prepared shards to batches: tf.data, in an order that only the seed decides."""

import math

import numpy as np
import tensorflow as tf

from cxrbase.files import InputError
from cxrlib.data.prepare import feature_description, read_manifest

# Studies held in memory for shuffling: 100 MB at 224 × 224.
SHUFFLE_BUFFER = 1024


def split_size(prepared, split):
    """Count the studies of a split.

    Args:
        prepared: string or path. A folder written by `prepare`.
        split: string. `"train"`, `"val"` or `"test"`.

    Returns:
        int.

    Example:
    ```python
    split_size("data/prepared", "train")
    ```
    """
    return read_manifest(prepared)["counts"].get(split, 0)


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
        for the views, `(B, 1)` and `(B, T)`; what is missing weighs 0.

    Raises:
        InputError: if the folder is not prepared, or the split is empty.

    Example:
    ```python
    dataset = load_batches("data/prepared", "val", preprocessor)
    inputs, targets, weights = next(iter(dataset))
    ```
    """
    manifest = read_manifest(prepared)
    files = _shard_files(prepared, split)
    size = manifest["size"]

    def one_epoch(epoch):
        # One number for each pair of seed and epoch.
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(files)) if shuffle else range(len(files))
        names = tf.data.Dataset.from_tensor_slices([files[i] for i in order])
        records = tf.data.TFRecordDataset(names.shard(shard[1], shard[0]))
        if shuffle:
            records = records.shuffle(SHUFFLE_BUFFER, seed=int(rng.integers(2**31)))
        return records.batch(batch_size)

    tokenise = known_texts(_read_section(files, section), preprocessor)

    def parse(records):
        return teach(parse_records(records, size), section, tokenise)

    stream = one_epoch(first_epoch)
    for epoch in range(first_epoch + 1, epochs):
        stream = stream.concatenate(one_epoch(epoch))
    stream = stream.map(
        parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    ).prefetch(tf.data.AUTOTUNE)
    if shard == (0, 1):  # Then `fit` can know the number of steps beforehand.
        steps = math.ceil(manifest["counts"][split] / batch_size)
        stream = stream.apply(
            tf.data.experimental.assert_cardinality(steps * (epochs - first_epoch))
        )
    return stream


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
    records = tf.data.TFRecordDataset(_shard_files(prepared, split)).batch(batch_size)
    return records.map(lambda batch: parse_records(batch, size)).prefetch(1)


def _shard_files(prepared, split):
    """Paths of a split's shards, sorted; refuse an empty split."""
    manifest = read_manifest(prepared)
    files = [str(path) for path in manifest["shards"].get(split, [])]
    if not files:
        raise InputError(
            f"{prepared}: the split {split!r} holds no study. Prepare more studies "
            "or change the fractions of the split."
        )
    return files


def _read_section(files, section):
    """Every text of a section, as bytes."""
    described = {section: feature_description()[section]}
    records = tf.data.TFRecordDataset(files)
    texts = records.map(lambda record: tf.io.parse_single_example(record, described))
    return [text[section] for text in texts.as_numpy_iterator()]


def known_texts(texts, preprocessor):
    """Tokenise all texts now, so that a pipeline need only look them up.

    A byte-pair tokenizer is some 1,500 operations. In the pipeline they would be
    traced for every dataset and run for every batch of every epoch.

    Args:
        texts: list of strings or bytes. All that will be asked for.
        preprocessor: a `ReportPreprocessor`.

    Returns:
        A function from a string tensor `(B,)` to what the preprocessor makes of
        it. It raises `tf.errors.InvalidArgumentError` for any other text.

    Example:
    ```python
    tokenise = known_texts(["No acute disease."], preprocessor)
    x, y, sample_weight = tokenise(tf.constant(["No acute disease."]))
    ```
    """
    texts = tf.constant(sorted(set(texts)))  # (n,)
    tokens = preprocessor(texts)  # Each tensor is (n, T).
    rows = tf.lookup.KeyValueTensorInitializer(texts, tf.range(len(texts)))
    rows = tf.lookup.StaticHashTable(rows, default_value=-1)

    def look_up(asked):
        found = rows.lookup(asked)  # (B,)
        return tf.nest.map_structure(lambda each: tf.gather(each, found), tokens)

    return look_up


def parse_records(records, size):
    """Parse serialised records `(B,)`; see `load_records` for what comes out."""
    parsed = tf.io.parse_example(records, feature_description())
    views = {view: _decode_view(parsed[view], size) for view in ("frontal", "lateral")}
    return {**parsed, **views}


def teach(record, section, preprocessor):
    """Arrange a batch of records as inputs, targets and weights.

    Args:
        record: dict, as `load_records` gives it.
        section: string. The text to learn.
        preprocessor: a `ReportPreprocessor`, or what `known_texts` makes of it.

    Returns:
        Tuple `(inputs, targets, weights)`; see `load_batches`.
    """
    views = {view: record[view] for view in ("frontal", "lateral")}
    label = record["abnormal"][:, None]  # (B,) -> (B, 1)
    tokens, text, text_weight = preprocessor(record[section])
    has_text = tf.cast(tf.strings.length(record[section]) > 0, tf.float32)
    # A view that a CSV lacks never gets here, so both always count.
    seen = tf.ones_like(label)[..., None]  # (B, 1, 1)
    inputs = {
        **views,
        "token_ids": tokens["token_ids"],
        "padding_mask": tf.cast(tokens["padding_mask"], tf.int32),
    }
    targets = {**views, "abnormal": tf.maximum(label, 0.0), "text": text}
    weights = {
        "frontal": seen,
        "lateral": seen,
        "abnormal": tf.cast(label >= 0, tf.float32),
        "text": tf.cast(text_weight, tf.float32) * has_text[:, None],
    }
    return inputs, targets, weights


def _decode_view(encoded, size):
    """Raw bytes `(B,)` to float32 `(B, size, size, 1)` in [0, 1]."""
    pixels = tf.io.decode_raw(encoded, tf.uint8, fixed_length=size * size)
    pixels = tf.reshape(pixels, (-1, size, size, 1))
    return tf.cast(pixels, tf.float32) / 255.0

"""From prepared shards to batches: tf.data, in an order that only the seed decides."""

import tensorflow as tf

from cxrlib.data.prepare import feature_description, read_manifest
from cxrlib.files import InputError

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
    files = shard_files(prepared, split)
    size = manifest["size"]

    def one_epoch(epoch):
        order = tf.range(len(files))
        if shuffle:
            order = tf.random.experimental.stateless_shuffle(
                order, seed=tf.stack([tf.cast(seed, tf.int64), epoch])
            )
        names = tf.data.Dataset.from_tensor_slices(tf.gather(files, order))
        records = tf.data.TFRecordDataset(names.shard(shard[1], shard[0]))
        if shuffle:
            # A new number for each pair of seed and epoch.
            records = records.shuffle(SHUFFLE_BUFFER, seed=seed * 1_000_003 + epoch)
        return records.batch(batch_size)

    def parse(records):
        return parse_batch(records, size, section, preprocessor)

    return (
        tf.data.Dataset.range(first_epoch, epochs)
        .flat_map(one_epoch)
        .map(parse, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )


def shard_files(prepared, split):
    """Paths of a split's shards, sorted; refuse an empty split."""
    manifest = read_manifest(prepared)
    files = [str(path) for path in manifest["shards"].get(split, [])]
    if not files:
        raise InputError(
            f"{prepared}: the split {split!r} holds no study. Prepare more studies "
            "or change the fractions of the split."
        )
    return files


def parse_batch(records, size, section, preprocessor):
    """Turn a batch of serialised records into what the model takes.

    Args:
        records: string tensor `(B,)`.
        size: int. Height and width of the stored images.
        section: string. The text to learn.
        preprocessor: a `ReportPreprocessor`.

    Returns:
        Tuple `(inputs, targets, weights)`; see `load_batches`.
    """
    record = tf.io.parse_example(records, feature_description())
    views = {name: decode_view(record[name], size) for name in ("frontal", "lateral")}
    label = record["abnormal"][:, None]  # (B,) -> (B, 1), −1 where unknown
    tokens, text, text_weight = preprocessor(record[section])
    has_text = tf.strings.length(record[section]) > 0
    text_weight = tf.cast(text_weight, tf.float32) * tf.cast(
        has_text[:, None], tf.float32
    )
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
        "text": text_weight,
    }
    return inputs, targets, weights


def decode_view(encoded, size):
    """Raw bytes `(B,)` to float32 `(B, size, size, 1)` in [0, 1]."""
    pixels = tf.io.decode_raw(encoded, tf.uint8, fixed_length=size * size)
    pixels = tf.reshape(pixels, (-1, size, size, 1))
    return tf.cast(pixels, tf.float32) / 255.0

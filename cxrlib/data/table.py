"""The studies of a prepared folder and their order, without an image."""

import pathlib

import keras
import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrbase.tables import read_csv
from cxrlib.data.prepare import read_manifest
from cxrlib.data.shards import ARRAYS, shard_order
from cxrlib.data.splits import SPLITS

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


def is_memory_map(prepared):
    """Whether a folder was prepared with `memory_map=True`.

    Args:
        prepared: string or path. A folder written by `prepare`.

    Returns:
        bool.

    Example:
    ```python
    load = load_arrays if is_memory_map("data/prepared") else load_batches
    ```
    """
    shards = read_manifest(prepared)["shards"].values()
    return any(path.suffix == ARRAYS for paths in shards for path in paths)


def split_shards(prepared, split, kind):
    """List the shards of a split.

    Args:
        prepared: string or path. A folder written by `prepare`.
        split: string. `"train"`, `"val"` or `"test"`.
        kind: string. `RECORDS` or `ARRAYS`: what the caller can read.

    Returns:
        A list of `pathlib.Path`, in order.

    Raises:
        InputError: if the folder is not prepared, the caller cannot read its format, or
            the split is empty.

    Example:
    ```python
    split_shards("data/prepared", "train", RECORDS)[0].name
    ```
    """
    manifest = read_manifest(prepared)
    shards = manifest["shards"].get(split, [])
    if not shards:
        held = ", ".join(f"{name} {n}" for name, n in manifest["counts"].items())
        mend = "Prepare more studies or change the fractions of the split"
        if split not in SPLITS:
            mend = f"Choose one of {', '.join(SPLITS)}"
        raise InputError(
            f"{prepared}: the split {split!r} holds no study, of {held}. {mend}."
        )
    if shards[0].suffix != kind:
        raise InputError(
            f"{prepared}: holds TFRecords, which load_batches reads, no memory map. "
            "Prepare the studies again with memory_map=True (--memory-map)."
            if kind == ARRAYS
            else f"{prepared}: holds a memory map, which load_arrays reads, no "
            "TFRecords. Prepare the studies again without memory_map."
        )
    return shards


def read_split(prepared, split):
    """Read the table of a split.

    Args:
        prepared: string or path. A folder written by `prepare`.
        split: string. `"train"`, `"val"` or `"test"`.

    Returns:
        A DataFrame of strings, the columns of `studies.csv`; what is unknown is "".

    Raises:
        InputError: if the folder is not prepared, or its table was changed.

    Example:
    ```python
    read_split("data/prepared", "train")[["uid", "impression"]]
    ```
    """
    count = split_size(prepared, split)
    path = pathlib.Path(prepared) / "studies.csv"
    studies = read_csv(path, ("uid", "split"), "Run the same `prepare` again.")
    studies = studies[studies["split"] == split].reset_index(drop=True)
    if len(studies) != count:
        raise InputError(
            f"{path}: lists {len(studies)} studies of {split}, and {count} were "
            "prepared. Run the same `prepare` again: it writes the table anew."
        )
    return studies


def read_texts(prepared, split, section="impression"):
    """Read the reports of a split.

    Args:
        prepared: string or path. A folder written by `prepare`.
        split: string. `"train"`, `"val"` or `"test"`.
        section: string. `"impression"` or `"findings"`.

    Returns:
        A list of strings without the empty ones.

    Raises:
        InputError: if there is no such section.

    Example:
    ```python
    read_texts("data/prepared", "train")[:3]
    ```
    """
    studies = read_split(prepared, split)
    return [text for text in _section(prepared, studies, section) if text]


def _section(prepared, studies, section):
    if section not in studies:
        raise InputError(
            f"{pathlib.Path(prepared) / 'studies.csv'}: has no section {section!r}; "
            "choose impression or findings."
        )
    return studies[section].tolist()


def read_targets(prepared, split, section, preprocessor):
    """Tokenise a split once, and arrange everything but its images as `fit` takes it.

    A byte-pair tokenizer is some 1,500 operations. In a pipeline they would be
    traced for every dataset and run for every batch of every epoch.

    Args:
        prepared: string or path. A folder written by `prepare`.
        split: string. `"train"`, `"val"` or `"test"`.
        section: string. The text to learn: `"impression"` or `"findings"`.
        preprocessor: a `ReportPreprocessor`, or another function from a list of
            strings to `(x, y, sample_weight)`.

    Returns:
        A pair: the studies' uids, in the order of the shards, and a tuple
        `(inputs, targets, weights)` of dicts of arrays, a row per study.

    Raises:
        InputError: if there is no such section.

    Example:
    ```python
    uids, (inputs, targets, weights) = read_targets(
        "data/prepared", "val", "impression", preprocessor
    )
    ```
    """
    studies = shard_order(read_split(prepared, split))
    texts = np.array(_section(prepared, studies, section), object)
    different, which = np.unique(texts, return_inverse=True)
    tokens, text, text_weight = keras.tree.map_structure(
        lambda tensor: keras.ops.convert_to_numpy(tensor)[which],
        preprocessor(different.tolist()),
    )
    label = pd.to_numeric(studies["abnormal"]).to_numpy("float32")[:, None]
    # A view that a CSV lacks never gets here, so both always count.
    seen = np.ones((len(studies), 1, 1), "float32")
    inputs = {
        "token_ids": tokens["token_ids"].astype("int32"),
        "padding_mask": tokens["padding_mask"].astype("int32"),
    }
    targets = {"abnormal": np.nan_to_num(label), "text": text.astype("int32")}
    weights = {
        "frontal": seen,
        "lateral": seen,
        "abnormal": np.isfinite(label).astype("float32"),
        "text": text_weight.astype("float32") * (texts != "")[:, None],
    }
    return studies["uid"].tolist(), (inputs, targets, weights)


def draw_epoch(shards, seed, epoch):
    """Draw the order of the shards, and the seeds that shuffle their studies.

    Args:
        shards: int. How many there are.
        seed: int.
        epoch: int.

    Returns:
        A pair: an array of the numbers below `shards`, and two ints, the seeds that
        `tf.data.Dataset.shuffle` takes from TensorFlow's global seed and its own.

    Example:
    ```python
    order, seeds = draw_epoch(7, seed=0, epoch=3)
    ```
    """
    rng = np.random.default_rng([seed, epoch])
    order, own, limit = rng.permutation(shards), int(rng.integers(2**31)), 2**31 - 1
    # Two zeros would mean a new order every time.
    return order, (seed % limit, own % limit or (0 if seed % limit else limit))


def add_views(views, batch):
    """Complete a batch of targets with its images, which are both input and target.

    Args:
        views: dict of `frontal` and `lateral`.
        batch: tuple `(inputs, targets, weights)`, as from `read_targets`.

    Returns:
        Tuple `(inputs, targets, weights)`; see `load_batches`.
    """
    inputs, targets, weights = batch
    return {**views, **inputs}, {**views, **targets}, weights

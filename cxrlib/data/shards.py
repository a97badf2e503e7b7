"""Shards: what they hold of a study, and which of them need not be written again."""

import collections
import contextlib
import errno
import hashlib
import io
import json
import math
import os
import pathlib

import numpy as np

from cxrbase.files import write_whole
from cxrlib.data.splits import SPLITS

VERSION = 2  # Of the folder's format: raise it when a record or a note changes.

# A record: what is stored of a study. An image is its size × size raw bytes,
# row by row; `abnormal` is 0, 1, or −1 where it is not known; texts are UTF-8.
IMAGES = ("frontal", "lateral")
TEXTS = ("uid", "patient", "indication", "findings", "impression")
RECORD = dict.fromkeys((*TEXTS, *IMAGES), "string") | {"abnormal": "float32"}

# A shard of RECORDS holds all of its studies, one of ARRAYS the images alone, uint8
# `(n, 2, size, size)`, to be mapped into memory; the rest stands in `studies.csv`.
RECORDS, ARRAYS = ".tfrecord", ".npy"

Shard = collections.namedtuple("Shard", "name split key rows")


def feature_description():
    """Describe a record to `tf.io.parse_example`.

    Returns:
        A dict of `tf.io.FixedLenFeature`, one per entry of `RECORD`.

    Example:
    ```python
    tf.io.parse_single_example(record, feature_description())["uid"]
    ```
    """
    import tensorflow as tf

    return {name: tf.io.FixedLenFeature([], kind) for name, kind in RECORD.items()}


def plan_shards(studies, shard_size, settings, suffix=RECORDS):
    """Cut each split into shards, in an order that mixes the studies.

    Args:
        studies: DataFrame with `split` and the columns of a record (the views
            as paths).
        shard_size: int. Studies per shard.
        settings: string. Whatever else decides what is written.
        suffix: string. `RECORDS`, or `ARRAYS` for a memory map.

    Returns:
        A list of `Shard`: `name`, `split`, `key` (a hash of all that goes into
        the shard) and `rows` (a list of dicts).

    Example:
    ```python
    plan_shards(studies, 64, "size=224")[0].name
    ```
    """
    plan = []
    for split in SPLITS:
        rows = shard_order(studies[studies.split.eq(split)]).to_dict("records")
        pieces = [rows[i : i + shard_size] for i in range(0, len(rows), shard_size)]
        for number, piece in enumerate(pieces):
            name = f"{split}-{number:05d}-of-{len(pieces):05d}{suffix}"
            plan.append(Shard(name, split, _key(piece, settings), piece))
    return plan


def shard_order(studies):
    """Sort the studies of a split as they follow one another in its shards.

    A CSV may come sorted by class: then neighbours would be alike. A hash of the
    uid mixes them, and depends on no other study.

    Args:
        studies: DataFrame with `uid`.

    Returns:
        A sorted copy.
    """

    def mixed(uids):
        return uids.map(lambda uid: hashlib.sha256(uid.encode()).hexdigest())

    return studies.sort_values("uid", key=mixed, kind="stable")


def said(row):
    """What a study says beside its images, a list of strings."""
    return [str(row[name]) for name in (*TEXTS, "abnormal")]


def _key(rows, settings):
    key = hashlib.sha256(f"{VERSION}/{settings}".encode())
    for row in rows:
        parts = said(row)
        for view in IMAGES:
            with contextlib.suppress(OSError):  # Gone: the decoder will say so.
                status = os.stat(row[view])
                parts.append(f"{status.st_size}/{status.st_mtime_ns}")
            # The name without its folder: the data may move and still be the same.
            parts.append(pathlib.Path(row[view]).name)
        key.update(json.dumps(parts).encode())
    return key.hexdigest()


def read_entry(out, shard):
    """Read the note beside a shard, if the shard need not be written again.

    Args:
        out: `pathlib.Path`. The prepared folder.
        shard: `Shard`.

    Returns:
        A dict with `key`, `bytes`, `problems` (lists of uid, file, reason), `notes`
        (lists of uid, file, note; none in older folders) and `whole` (uids of the
        frontals that the crop left whole), or `None` where there is no such shard, or
        it was made of other things.

    Example:
    ```python
    todo = [shard for shard in plan if read_entry(out, shard) is None]
    ```
    """
    try:
        entry = json.loads(_note(out, shard.name).read_text())
        length = (out / shard.name).stat().st_size
        return entry if (entry["key"], entry["bytes"]) == (shard.key, length) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_shard(out, shard, decoded):
    """Write one shard whole, then the note that vouches for it.

    Args:
        out: `pathlib.Path`. The prepared folder.
        shard: `Shard`.
        decoded: iterator over what `decode_pair` returns, one for each row.

    Returns:
        The entry, as from `read_entry`.

    Raises:
        InputError: if the disk is full.

    Example:
    ```python
    write_shard(out, plan[0], decode(paths))
    ```
    """
    problems, notes, whole = [], [], []

    def good():
        for row, study in zip(shard.rows, decoded, strict=True):
            problems.extend([row["uid"], *fault] for fault in study["problems"])
            if not study["problems"]:
                notes.extend([row["uid"], *note] for note in study["notes"])
                whole.extend([row["uid"]] * study["whole"])
                yield row, study["views"]

    with write_whole(out / shard.name) as temporary:
        write = _write_arrays if shard.name.endswith(ARRAYS) else _write_records
        write(temporary, good())
    length = (out / shard.name).stat().st_size
    entry = {
        "key": shard.key, "bytes": length, "problems": problems, "notes": notes,
        "whole": whole,
    }  # fmt: skip
    with write_whole(_note(out, shard.name)) as temporary:
        temporary.write_text(json.dumps(entry))
    return entry


def _write_records(path, studies):
    import tensorflow as tf

    with _disk_full_as_oserror(tf), tf.io.TFRecordWriter(str(path)) as writer:
        for row, views in studies:
            writer.write(_serialise(tf, row, views))


def _write_arrays(path, studies):
    pairs = [[views[name] for name in IMAGES] for _, views in studies]
    if pairs:  # Else the file stays empty, as one without a record does.
        file = io.BytesIO()  # `np.save` itself does not tell a full disk as one.
        np.save(file, np.array(pairs, np.uint8))
        path.write_bytes(file.getbuffer())


@contextlib.contextmanager
def _disk_full_as_oserror(tf):
    """Let `write_whole` recognise a full disk when TensorFlow meets it."""
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise OSError(errno.ENOSPC, str(error)) from error


def _serialise(tf, row, views):
    label = -1.0 if math.isnan(row["abnormal"]) else float(row["abnormal"])
    values = {name: row[name].encode() for name in TEXTS}
    values |= {name: views[name].tobytes() for name in IMAGES}
    feature = {
        name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
        for name, value in values.items()
    }
    feature["abnormal"] = tf.train.Feature(float_list=tf.train.FloatList(value=[label]))
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    return example.SerializeToString(deterministic=True)


def stale_files(out, plan):
    """List shards of another plan, and what a killed run left half written.

    The folder must be `locked`: what another process is writing looks the same.

    Args:
        out: `pathlib.Path`. The prepared folder.
        plan: list of `Shard`.

    Returns:
        A list of paths, the notes beside the shards among them.

    Example:
    ```python
    for path in stale_files(out, plan):
        path.unlink(missing_ok=True)
    ```
    """
    names = {shard.name for shard in plan}
    shards = [path for kind in (RECORDS, ARRAYS) for path in out.glob(f"*-of-*{kind}")]
    shards = [path for path in shards if path.name not in names]
    return [
        *shards,
        *(_note(out, path.name) for path in shards),
        *out.glob(".partial-*"),
    ]


def _note(out, name):
    return (out / name).with_suffix(".json")

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

from cxrbase.files import PARTIAL, write_whole
from cxrbase.refusals import MALFORMED, InputError
from cxrlib.data.splits import SPLITS

VERSION = 2  # Of the folder's format: increase it when a record or a note changes.

# A record: what is stored of a study. An image is its size × size raw bytes,
# row by row; `abnormal` is 0, 1, or −1 where it is not known; texts are UTF-8.
IMAGES = ("frontal", "lateral")
TEXTS = ("uid", "patient", "indication", "findings", "impression")
RECORD = dict.fromkeys((*TEXTS, *IMAGES), "string") | {"abnormal": "float32"}

# A shard of RECORDS holds all of its studies, one of ARRAYS the images alone, uint8
# `(n, 2, size, size)`, to be mapped into memory; the rest is in `studies.csv`.
RECORDS, ARRAYS = ".tfrecord", ".npy"

MANIFEST = "manifest.json"  # Written last: the folder is whole.

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
        key.update(json.dumps(said(row) + _stamp(row)).encode())
    return key.hexdigest()


def _stamp(row):
    """A stamp by which to see whether a study's files are still the same."""
    parts = []
    for view in IMAGES:
        with contextlib.suppress(OSError):  # Gone: the decoder will say so.
            status = os.stat(row[view])
            parts.append(f"{status.st_size}/{status.st_mtime_ns}")
        # The name without its folder: the data may move and still be the same.
        parts.append(pathlib.Path(row[view]).name)
    return parts


def known_films(out, studies):
    """Read from the notes of any plan which films the studies show.

    Args:
        out: `pathlib.Path`. The prepared folder.
        studies: DataFrame with `uid` and the views as paths.

    Returns:
        A dict, uid → list of digests, of those whose files are still the same.

    Example:
    ```python
    keep_together(studies, known_films(out, studies))
    ```
    """
    noted = {}
    for path in out.glob("*-of-*.json"):
        with contextlib.suppress(*MALFORMED):
            noted |= json.loads(path.read_text())["films"]
    rows = studies[studies.uid.isin(noted)].to_dict("records")
    return {
        row["uid"]: noted[row["uid"]][1]
        for row in rows
        if noted[row["uid"]][0] == _stamp(row)
    }


def read_entry(out, shard):
    """Read the note beside a shard, if the shard need not be written again.

    Args:
        out: `pathlib.Path`. The prepared folder.
        shard: `Shard`.

    Returns:
        A dict with `key`, `bytes`, `problems` (lists of uid, file, reason), `notes`
        (lists of uid, file, note), `whole` (uids of the frontals that the crop left
        whole) and `films` (uid → what its files are, and the digests of their pixels),
        or `None` where there is no such shard, or it was made of other things.

    Example:
    ```python
    todo = [shard for shard in plan if read_entry(out, shard) is None]
    ```
    """
    try:
        entry = json.loads(_note(out, shard.name).read_text())
        length = (out / shard.name).stat().st_size
        good = (entry["key"], entry["bytes"]) == (shard.key, length)
        return entry if good and "films" in entry else None  # Older notes lack them.
    except MALFORMED:
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
    problems, notes, whole, films = [], [], [], {}

    def good():
        for row, study in zip(shard.rows, decoded, strict=True):
            problems.extend([row["uid"], *fault] for fault in study["problems"])
            if not study["problems"]:
                notes.extend([row["uid"], *note] for note in study["notes"])
                whole.extend([row["uid"]] * study["whole"])
                films[row["uid"]] = [_stamp(row), [study["films"][v] for v in IMAGES]]
                yield row, study["views"]

    with write_whole(out / shard.name) as temporary:
        write = _write_arrays if shard.name.endswith(ARRAYS) else _write_records
        write(temporary, good())
    length = (out / shard.name).stat().st_size
    entry = {
        "key": shard.key, "bytes": length, "problems": problems, "notes": notes,
        "whole": whole, "films": films,
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
        file = io.BytesIO()  # `np.save` itself does not report a full disk as one.
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
        *out.glob(f"{PARTIAL}*"),
    ]


def _note(out, name):
    return (out / name).with_suffix(".json")


def read_manifest(folder):
    """Read what a prepared folder holds.

    Args:
        folder: string. Written by `prepare`.

    Returns:
        A dict: `version`, `size`, `fit`, `crop`, `uncropped` (frontals that the
        crop left whole), `source` (see `source_of`, and the `fingerprint` of the
        shards), `counts` (split → studies), `shards` (split → list of absolute
        `pathlib.Path`), `split` (see `split_summary`), `problems` (how many
        files) and `left_out` (studies).

    Raises:
        InputError: if the folder is not prepared, not finished, of another
            version, or lacks a shard.

    Example:
    ```python
    read_manifest("outputs/prepared")["counts"]["train"]
    ```
    """
    folder = pathlib.Path(folder).resolve()
    path = folder / MANIFEST
    if not path.exists():
        if any(folder.glob("*-of-*.*")):
            raise InputError(
                f"{folder}: is prepared only in part. Run the same `prepare` again: it "
                "continues where it stopped."
            )
        raise InputError(
            f"{folder}: is not a prepared folder (no {MANIFEST}). Make one: python -m "
            f"cxrlib prepare {folder} --data DATA"
        )
    try:
        manifest = json.loads(path.read_text())
        version, sizes = manifest["version"], dict(manifest["bytes"])
        shards = {
            split: [folder / name for name in names if name in sizes]
            for split, names in manifest["shards"].items()
        }
        led = [name for name in sizes if pathlib.Path(name).name != name]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: is not readable. Run `prepare` again.") from error
    if led:
        raise InputError(f"{path}: {led[0]!r} leads elsewhere. Run `prepare` again.")
    if version != VERSION:
        raise InputError(
            f"{path}: is of version {version}, this cxrlib reads {VERSION}. Run "
            "`prepare` again."
        )
    for name, length in sizes.items():
        shard = folder / name
        if not shard.exists() or shard.stat().st_size != length:
            raise InputError(
                f"{shard}: is missing or truncated. Run the same `prepare` again: it "
                "rewrites this shard only."
            )
    return manifest | {"shards": shards}

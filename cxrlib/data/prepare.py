"""Decode every study once and write shards that tf.data can stream.

A folder written by `prepare` holds `<split>-00000-of-00007.tfrecord` files
(`.npy`, if they are to be mapped into memory without TensorFlow), a `.json`
beside each (its key and its problems), `split.csv`, `studies.csv`,
`problems.csv` and, last of all, `manifest.json`. Whatever stops it, shards that
are there stay valid, and the same call goes on where it stopped.
"""

import hashlib
import itertools
import json
import pathlib

import pandas as pd
from tqdm import tqdm

from cxrbase.cells import write_csv
from cxrbase.files import InputError, locked, write_whole
from cxrbase.grounds import GROUNDS, NAMED_GROUNDS
from cxrlib.data.columns import complete, source_of
from cxrlib.data.shards import (
    ARRAYS,
    RECORD,
    RECORDS,
    VERSION,
    feature_description,
    plan_shards,
    read_entry,
    said,
    stale_files,
    write_shard,
)
from cxrlib.data.splits import split_studies, split_summary
from cxrlib.data.studies import missing_files
from cxrlib.data.workers import decoder

__all__ = ["RECORD", "feature_description", "prepare", "read_manifest"]

MANIFEST = "manifest.json"


def prepare(
    studies,
    out,
    size=224,
    crop=None,
    crop_name="none",
    fit="stretch",
    processes=None,
    shard_size=64,
    progress=True,
    memory_map=False,
):
    """Write the studies as shards; resumable.

    Files that are missing, truncated or no image are listed in
    `problems.csv`, and their studies left out. Studies without a column
    `split` are split here, among those whose files are on disk. Another process
    that prepares the same folder waits.

    Args:
        studies: DataFrame from `funnel`, with or without `split`. Its column
            `ground` says what the studies are; without it they are `"unknown"`,
            and no result is written on them.
        out: string. The folder to write to.
        size: int. The side of the stored images, in pixels.
        crop: callable or `None`. Takes a frontal, float32 `(H, W)` in [0, 1],
            and returns the part to keep, or `None` to keep it whole (see
            `LungCrop`). It travels to other processes, so it must be picklable.
        crop_name: string. Names the crop; another name makes other shards.
        fit: string. `"stretch"` or `"pad"`, see `resize_square`.
        processes: int or `None`. How many decode at once; by default one per
            core, and none beside this one for a handful of studies.
        shard_size: int. Studies per shard.
        progress: bool. Show a progress bar.
        memory_map: bool. Write arrays for `load_arrays` in place of TFRecords for
            `load_batches`; then neither `prepare` nor training needs TensorFlow.

    Returns:
        The manifest, as `read_manifest` returns it.

    Raises:
        InputError: if no study can be used, the studies are of several grounds, or
            the disk is full.

    Example:
    ```python
    kept, table = funnel(load_studies(find_dataset("data/indiana")))
    prepare(kept, "outputs/prepared", size=128)["counts"]
    ```
    """
    out, studies = pathlib.Path(out), complete(studies)
    source, missing = source_of(studies), missing_files(studies)
    usable = studies[studies.on_disk].reset_index(drop=True)
    if usable.empty:
        raise InputError(_nothing_left(studies, missing))
    with locked(out):
        if "split" not in usable:
            usable = split_studies(usable, path=out / "split.csv")
        plan = plan_shards(
            usable,
            shard_size,
            f"{size}/{fit}/{crop_name}",
            suffix=ARRAYS if memory_map else RECORDS,
        )
        entries = {shard.name: read_entry(out, shard) for shard in plan}
        stale = stale_files(out, plan)
        if stale or None in entries.values():  # Else another process may be reading.
            (out / MANIFEST).unlink(missing_ok=True)  # It would lie until all is done.
        for path in stale:
            path.unlink(missing_ok=True)
        settings = (size, fit, crop, processes)
        entries |= _write_missing(out, plan, entries, progress, settings)

        problems = [
            problem for entry in entries.values() for problem in entry["problems"]
        ]
        problems = pd.DataFrame(problems, columns=["uid", "file", "reason"])
        problems = pd.concat([missing, problems], ignore_index=True).astype(str)
        write_csv(problems, out / "problems.csv")
        good = usable[~usable.uid.isin(problems.uid)].reset_index(drop=True)
        if good.empty:
            raise InputError(_nothing_left(studies, problems))
        whole = {uid for entry in entries.values() for uid in entry["whole"]}
        if crop is not None:
            good["cropped"] = ~good.uid.isin(whole)
        write_csv(good, out / "studies.csv")
        manifest = {
            "version": VERSION,
            "size": size,
            "fit": fit,
            "crop": crop_name,
            "uncropped": len(whole),
            "source": source | {"fingerprint": _fingerprint(plan, out)},
            "split": split_summary(good),
            "counts": split_summary(good)["counts"],
            "problems": len(problems),
            "left_out": len(studies) - len(good),
            "shards": _by_split(plan, entries),
            "bytes": {name: entry["bytes"] for name, entry in entries.items()},
        }
        with write_whole(out / MANIFEST) as temporary:
            temporary.write_text(json.dumps(manifest, indent=2))
        print(_last_words(out, manifest, problems))
        return read_manifest(out)


def _write_missing(out, plan, entries, progress, settings):
    """Write the shards that are not there yet; return their entries."""
    todo = [shard for shard in plan if entries[shard.name] is None]
    if len(todo) < len(plan):
        print(f"{out}: {len(plan) - len(todo)} of {len(plan)} shards are kept.")
    rows, written = [row for shard in todo for row in shard.rows], {}
    size, fit, crop, processes = settings
    bar = tqdm(total=len(rows), unit="study", desc="prepare", disable=not progress)
    try:
        with bar, decoder(len(rows), size, fit, crop, processes) as decode:
            decoded = decode((row["frontal"], row["lateral"]) for row in rows)
            for shard in todo:
                # One iterator feeds all shards, so the workers never wait.
                share = itertools.islice(decoded, len(shard.rows))
                written[shard.name] = write_shard(out, shard, _counted(share, bar))
    except KeyboardInterrupt:
        print(
            f"\nStopped. The finished shards in {out} are kept: the same call goes on."
        )
        raise
    return written


def _counted(items, bar):
    for item in items:
        yield item
        bar.update()


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
                f"{folder}: is prepared in part. Run the same `prepare` again: it "
                "goes on where it stopped."
            )
        raise InputError(
            f"{folder}: is not a prepared folder (no {MANIFEST}). Make one: python -m "
            f"cxrlib prepare {folder} --data DATA"
        )
    try:
        manifest = json.loads(path.read_text())
        version, sizes = manifest["version"], manifest["bytes"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is not readable. Run `prepare` again.") from error
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
    shards = manifest["shards"].items()
    manifest["shards"] = {s: [folder / name for name in names] for s, names in shards}
    return manifest


# === What is written beside the shards ===


def _fingerprint(plan, out):
    """A hash of what stands in the shards."""
    digest = hashlib.sha256()
    for shard in plan:
        path = out / shard.name
        if path.is_file():
            digest.update(path.read_bytes())
        if path.suffix == ARRAYS:  # It lacks what a record says beside the images.
            digest.update(json.dumps([said(row) for row in shard.rows]).encode())
    return digest.hexdigest()[:16]


def _by_split(plan, entries):
    shards = {}
    for shard in plan:
        if entries[shard.name]["bytes"]:  # All its studies may have been bad.
            shards.setdefault(shard.split, []).append(shard.name)
    return shards


def _nothing_left(studies, problems):
    if problems.empty:
        return (
            f"none of {len(studies)} studies has a frontal and a lateral. Check the "
            "columns, or hand in more studies."
        )
    first = problems.iloc[0]
    return (
        f"none of {len(studies)} studies can be used. The first problem: {first.file}: "
        f"{first.reason}. Check the folder of the images (--image-root)."
    )


def _last_words(out, manifest, problems):
    ground = GROUNDS[manifest["source"]["ground"]]
    lines = [f"{out}: {ground}; {manifest['size']} px, {manifest['split']['note']}"]
    if manifest["source"]["ground"] == "unknown":
        lines.append(
            "no result will be written on them: give the table a column `ground` "
            f"({', '.join(NAMED_GROUNDS)}) and call this again"
        )
    if manifest["crop"] != "none":
        lines.append(
            f"crop: {manifest['crop']}; {manifest['uncropped']} of "
            f"{sum(manifest['counts'].values())} frontals had no plausible mask and "
            "stay whole (column `cropped` of studies.csv)"
        )
    if len(problems):
        lines.append(
            f"{len(problems)} files were missing or bad, {manifest['left_out']} "
            f"studies left out; {out / 'problems.csv'} lists all. For example:"
        )
        unlike = problems.drop_duplicates("reason").head(3)
        lines += [f"  {row.file}: {row.reason}" for row in unlike.itertuples()]
    return "\n".join(lines)

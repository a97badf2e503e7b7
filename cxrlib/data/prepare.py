"""Decode every study once and write shards that tf.data can stream.

A folder written by `prepare` holds `<split>-00000-of-00007.tfrecord` files
(`.npy`, if they are to be mapped into memory without TensorFlow), a `.json`
beside each (its key, problems and notes), `split.csv`, `studies.csv`,
`problems.csv`, `notes.csv` and, last of all, `manifest.json`. Whatever stops it,
finished shards stay valid, and the same call continues where it stopped.
"""

import hashlib
import itertools
import json
import pathlib

import pandas as pd
from tqdm import tqdm

from cxrbase.cells import write_csv
from cxrbase.files import InputError, locked, write_whole
from cxrbase.films.decoder import decoder
from cxrbase.grounds import GROUNDS, NAMED_GROUNDS
from cxrbase.images import READS
from cxrbase.refusals import MALFORMED
from cxrbase.tables import read_csv
from cxrlib.data.columns import complete, refuse_repeated, source_of
from cxrlib.data.shards import (
    ARRAYS,
    MANIFEST,
    RECORD,
    RECORDS,
    VERSION,
    feature_description,
    known_films,
    plan_shards,
    read_entry,
    read_manifest,
    said,
    stale_files,
    write_shard,
)
from cxrlib.data.splits import (
    keep_together,
    shared_films,
    split_studies,
    split_summary,
)
from cxrlib.data.studies import missing_files

__all__ = ["RECORD", "feature_description", "prepare", "read_manifest"]

MOST_SIZE = 4096


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
    fractions=(0.8, 0.1, 0.1),
    seed=0,
):
    """Write the studies as shards; resumable.

    Files that are missing, truncated, not images or of a single grey are listed in
    `problems.csv`, and their studies left out; what had to be decided about a film that
    stays, such as a window left out, is in `notes.csv`. Studies without a column
    `split` are split here, among those whose files are on disk. Studies that share a
    film, recognised by its decoded pixels, are moved into one split. Another process
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
        fractions: three floats that sum to 1, as in `split_studies`.
        seed: int. Of the split.

    Returns:
        The manifest, as `read_manifest` returns it.

    Raises:
        InputError: if no study can be used, a uid occurs twice, the studies are of
            several grounds, or the disk is full.

    Example:
    ```python
    kept, table = funnel(load_studies(find_dataset("data/indiana")))
    prepare(kept, "outputs/prepared", size=128)["counts"]
    ```
    """
    if not 1 <= size <= MOST_SIZE:
        raise InputError(f"size={size}: must be 1 to {MOST_SIZE} pixels.")
    out, studies = pathlib.Path(out), complete(studies)
    refuse_repeated(studies)
    source, missing = source_of(studies), missing_files(studies)
    usable = studies[studies.on_disk].reset_index(drop=True)
    if usable.empty:
        raise InputError(_nothing_left(studies, missing))
    with locked(out):
        if "split" not in usable:
            usable = split_studies(usable, fractions, seed, out / "split.csv")
        settings = {"size": size, "fit": fit, "crop": crop_name}
        _tell_replaced(out, source, settings)
        films = known_films(out, usable)
        while True:
            usable = _move_together(usable, films, out / "split.csv")
            plan = plan_shards(
                usable,
                shard_size,
                "/".join(map(str, (*settings.values(), READS))),
                suffix=ARRAYS if memory_map else RECORDS,
            )
            entries = {shard.name: read_entry(out, shard) for shard in plan}
            _clear(out, plan, entries)
            decoding = (size, fit, crop, processes)
            entries |= _write_missing(out, plan, entries, progress, decoding)
            films = {
                uid: digests
                for entry in entries.values()
                for uid, (_, digests) in entry["films"].items()
            }
            if keep_together(usable, films).split.equals(usable.split):
                break  # Otherwise the same pixels were found in files of other bytes.

        problems = [
            problem for entry in entries.values() for problem in entry["problems"]
        ]
        problems = pd.DataFrame(problems, columns=["uid", "file", "reason"])
        problems = pd.concat([missing, problems], ignore_index=True).astype(str)
        write_csv(problems, out / "problems.csv")
        notes = [note for entry in entries.values() for note in entry.get("notes", [])]
        notes = pd.DataFrame(notes, columns=["uid", "file", "note"])
        write_csv(notes, out / "notes.csv")
        good = usable[~usable.uid.isin(problems.uid)].reset_index(drop=True)
        if good.empty:
            raise InputError(_nothing_left(studies, problems))
        whole = {uid for entry in entries.values() for uid in entry["whole"]}
        if crop is not None:
            good["cropped"] = ~good.uid.isin(whole)
        write_csv(good, out / "studies.csv")
        manifest = {
            "version": VERSION,
            **settings,
            "uncropped": len(whole),
            "shared_films": shared_films(good, films),
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
        same = [uid for uid in good.uid if len(set(films[uid])) == 1]
        print(_last_words(out, manifest, problems, notes, same))
        shares = zip(manifest["counts"].items(), fractions, strict=True)
        if empty := [name for (name, n), share in shares if share and not n]:
            print(
                f"WARNING: no study is in {' and '.join(empty)}: too few groups of "
                "patients that share no film. Add studies, or try another seed."
            )
        return read_manifest(out)


def _tell_replaced(out, source, settings):
    """Say what was here, if it was made of other studies or with other settings."""
    try:
        old = json.loads((out / MANIFEST).read_text())
        was, counts = old | old["source"], sum(old["counts"].values())
    except MALFORMED:
        return
    now = {name: source[name] for name in ("ground", "kind", "root")} | settings
    unlike = [f"{n} {was.get(n)}" for n, value in now.items() if was.get(n) != value]
    if unlike:
        print(f"{out}: replaces {counts} prepared studies ({', '.join(unlike)}).")


def _move_together(studies, films, path):
    """Studies that share a film in one split; the saved split follows."""
    together = keep_together(studies, films)
    moved = together[together.split.ne(studies.split)]
    if len(moved):
        print(
            f"Split: {len(moved)} studies move, for they show films that another split "
            f"shows, too: {', '.join(moved.uid[:5])}{', …' * (len(moved) > 5)}."
        )
        if path.exists():
            saved = read_csv(path, ("uid", "split"))
            splits = saved.uid.map(dict(zip(moved.uid, moved.split, strict=True)))
            write_csv(saved.assign(split=splits.fillna(saved.split)), path)
    return together


def _clear(out, plan, entries):
    """Remove what is not of this plan."""
    stale = stale_files(out, plan)
    if stale or None in entries.values():  # Else another process may be reading.
        (out / MANIFEST).unlink(missing_ok=True)  # It would stay until all is done.
    for path in stale:
        path.unlink(missing_ok=True)


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
        print(f"\nStopped. Finished shards in {out} are kept: the same call continues.")
        raise
    return written


def _counted(items, bar):
    for item in items:
        yield item
        bar.update()


# === What is written beside the shards ===


def _fingerprint(plan, out):
    """A hash of what the shards hold."""
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
    if studies.empty:
        return "there is no study to prepare: the given table has no row."
    if problems.empty:
        return f"none of {len(studies)} studies names both a frontal and a lateral."
    first = problems.iloc[0]
    words = f"none of {len(studies)} studies can be used. The first problem: "
    words += f"{first.file}: {first.reason.rstrip('.')}."
    if problems.reason.str.fullmatch("the file is not on disk(, nor .*)?").all():
        words += " Name the folder that the paths start from (--image-root)."
    return words


def _last_words(out, manifest, problems, notes, same):
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
    shared = manifest["shared_films"]
    if shared["films"]:
        lines.append(
            f"WARNING: {shared['films']} films occur in several studies "
            f"({shared['studies']}; {shared['patients']} patients), none in two splits"
        )
    if same:
        lines.append(
            f"WARNING: frontal and lateral are one film in {len(same)} studies: "
            f"{', '.join(same[:5])}{', …' * (len(same) > 5)}"
        )
    if len(problems):
        lines.append(
            f"{len(problems)} files were missing or bad, {manifest['left_out']} "
            f"studies left out; {out / 'problems.csv'} lists all. For example:"
        )
        unlike = problems.drop_duplicates("reason").head(3)
        lines += [f"  {row.file}: {row.reason}" for row in unlike.itertuples()]
    if len(notes):
        lines.append(f"{len(notes)} notes on films that stay: {out / 'notes.csv'}")
    return "\n".join(lines)

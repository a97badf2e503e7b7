"""The files of a phantom folder: claimed, written study by study, published last."""

import contextlib
import csv
import hashlib
import itertools
import json
import pathlib
import re
import shutil

import numpy as np

from cxrbase.cells import guard
from cxrbase.files import LOCK, InputError, locked, write_whole
from cxrbase.images import read_radiograph, write_png
from cxrbase.layout import IMAGES, PROJECTIONS, REPORTS
from cxrbase.layout import PHANTOM_NOTE as NOTE
from cxrbase.tables import read_csv

TRUTH = "truth"
UNKNOWN = "unknown_terms.csv"
# Records of finished studies while the folder is unfinished.
PARTIAL = ".partial"
PNG_LEVEL = 1  # Film noise does not compress: the lowest level saves half the time.

REPORT_COLUMNS = (
    "uid",
    "MeSH",
    "Problems",
    "image",
    "indication",
    "comparison",
    "findings",
    "impression",
)
PROJECTION_COLUMNS = ("uid", "filename", "projection")
TRUTH_COLUMNS = (
    "uid",
    "finding",
    "side",
    "region",
    "degree",
    "pattern",
    "frontal_mask",
    "lateral_mask",
)
UNKNOWN_COLUMNS = ("term", "count", "known")

# === Reading ===


def read_reports(path):
    """Read a reports CSV, keeping its cells as they are.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        A list of dicts with the keys `REPORT_COLUMNS`, all values strings.

    Raises:
        InputError: if the file or a column is missing, it holds no study, or
            a uid is repeated or cannot be part of a file name.

    Example:
    ```python
    rows = read_reports("indiana_reports.csv")
    ```
    """
    table = read_csv(path, REPORT_COLUMNS, f"Hand in an {REPORTS}.")
    seen = set()
    for uid in table.uid:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", uid) or uid in seen:
            raise InputError(
                f"{path}: uid {uid!r} is repeated or holds more than letters, "
                "digits, '_', '-' and '.', of which file names are made."
            )
        seen.add(uid)
    return table[list(REPORT_COLUMNS)].to_dict("records")


def digest(path):
    """Return the SHA-256 of a file as a string of hexadecimal digits."""
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def read_finding_masks(path, uids=None):
    """Read where the findings of a phantom truly are.

    Args:
        path: string or `pathlib.Path`. A folder that `write_phantom` drew.
        uids: sequence of strings or `None`. Only of these studies.

    Returns:
        A dict uid → finding → bool `(2, S, S)`, frontal first, all findings of that
        name together. Studies without a finding, and findings that no view shows, are
        not in it.

    Raises:
        InputError: if there is no truth in the folder.

    Example:
    ```python
    read_finding_masks("data/phantom")["12"]["nodule"].shape  # (2, 512, 512)
    ```
    """
    truth = pathlib.Path(path) / TRUTH
    if not (truth / f"{TRUTH}.csv").is_file():
        raise InputError(
            f"{truth}: holds no {TRUTH}.csv; only a phantom has the truth."
        )
    with (truth / f"{TRUTH}.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    wanted, masks = None if uids is None else set(map(str, uids)), {}
    for row in rows:
        if wanted is not None and row["uid"] not in wanted:
            continue
        for view, column in enumerate(TRUTH_COLUMNS[-2:]):
            if row[column]:
                drawn = read_radiograph(truth / row[column]) > 0.5
                of_study = masks.setdefault(row["uid"], {})
                empty = np.zeros((2, *drawn.shape), bool)
                of_study.setdefault(row["finding"], empty)[view] |= drawn
    return masks


# === Claiming ===


@contextlib.contextmanager
def claimed(out, note):
    """Hold the folder as this phantom's own while it is drawn.

    Another process that draws into it waits, and continues where this one ended.

    Args:
        out: `pathlib.Path`. The folder.
        note: dict. What `phantom.json` will say.

    Yields:
        A bool: whether the very phantom asked for is there and finished.

    Raises:
        InputError: if `out` is a file, holds another phantom or anything else.
    """
    if not _is_finished(out, note):
        _refuse_others(out)  # Before a lock is left in a foreign folder.
        with locked(out):
            if not _is_finished(out, note):
                _begin(out, note)
                yield False
                return
    # A run killed between the note and the tidying leaves this.
    shutil.rmtree(out / PARTIAL, ignore_errors=True)
    yield True


def _is_finished(out, note):
    if not (out / NOTE).exists():
        return False
    _compare(out, out / NOTE, note)
    return True


def _refuse_others(out):
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file. Name a folder to draw into.")
    names = {path.name for path in out.iterdir()} if out.is_dir() else set()
    # In this order: a neighbour that is ending writes the second, removes the first.
    ours = (out / PARTIAL / NOTE).exists() or (out / NOTE).exists()
    if names - {LOCK, PARTIAL} and not ours:
        raise InputError(
            f"{out}: holds files that are not a phantom. Name a new or empty folder."
        )


def _begin(out, note):
    if (out / PARTIAL / NOTE).exists():
        _compare(out, out / PARTIAL / NOTE, note)
    else:
        _write_json(out / PARTIAL / NOTE, note)


def _compare(out, path, note):
    try:
        there = json.loads(path.read_text())
        differ = [key for key in note if there.get(key) != note[key]]
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: is not readable. Name another folder.") from error
    if differ:
        said = ", ".join(f"{k}: {there.get(k)!r}, not {note[k]!r}" for k in differ)
        raise InputError(
            f"{out}: holds another phantom ({said}). Name a new folder, or "
            "delete this one."
        )


def is_drawn(out, uid):
    """Whether a study of an unfinished folder is finished."""
    return _record_path(out, uid).exists()


# === Writing a study ===


def write_image(out, name, image):
    """Write one radiograph, uint8 `(size, size)`, by its file name."""
    write_png(out / IMAGES / name, image, PNG_LEVEL)


def write_masks(out, name, masks):
    """Write the masks of one image, a dict of `lungs` and `heart` to bool arrays."""
    for organ, mask in masks.items():
        write_png(out / TRUTH / organ / name, mask, PNG_LEVEL)


def write_findings(out, uid, findings, study, views):
    """Write the masks of a study's findings and return its rows of the truth.

    Args:
        out: `pathlib.Path`. The folder.
        uid: string.
        findings: sequence of `Finding`.
        study: `Study`, as drawn.
        views: dict of view to the number of its images.

    Returns:
        A list of dicts with the keys `TRUTH_COLUMNS`.
    """
    if not findings:
        return [dict.fromkeys(TRUTH_COLUMNS, "") | {"uid": uid, "finding": "normal"}]
    rows = []
    pairs = zip(findings, study.finding_masks, strict=True)
    for number, (finding, masks) in enumerate(pairs, 1):
        row = {"uid": uid, "finding": finding.name}
        row |= {key: getattr(finding, key) for key in TRUTH_COLUMNS[2:6]}
        for view, count in views.items():
            name = f"findings/{uid}_{number}_{view}.png"
            seen = count and masks[view].any()
            row[f"{view}_mask"] = name if seen else ""
            if seen:
                write_png(out / TRUTH / name, masks[view], PNG_LEVEL)
        rows.append(row)
    return rows


def write_record(out, uid, report, projections, truth):
    """Note that a study is finished, with its rows of the three tables."""
    record = {"report": report, "projections": projections, "truth": truth}
    _write_json(_record_path(out, uid), record)


# === Publishing ===


def publish(out, note, uids, unknown=None):
    """Gather the studies' rows into the tables and mark the folder as finished.

    Args:
        out: `pathlib.Path`. The folder.
        note: dict. What `phantom.json` says.
        uids: list of strings, in the order of the tables.
        unknown: list of dicts with the keys `UNKNOWN_COLUMNS`, or `None`.
    """
    for leftover in out.rglob(".partial-*"):  # Of a file that a kill cut short.
        leftover.unlink()
    records = [json.loads(_record_path(out, uid).read_text()) for uid in uids]

    def rows(table):
        return itertools.chain.from_iterable(record[table] for record in records)

    _write_csv(out / TRUTH / "truth.csv", TRUTH_COLUMNS, rows("truth"))
    if unknown is not None:
        _write_csv(out / UNKNOWN, UNKNOWN_COLUMNS, unknown)
    _write_csv(out / PROJECTIONS, PROJECTION_COLUMNS, rows("projections"))
    reports = [record["report"] for record in records]
    _write_csv(out / REPORTS, REPORT_COLUMNS, reports)
    _write_json(out / NOTE, note)
    shutil.rmtree(out / PARTIAL, ignore_errors=True)  # Another process may do so.


def _record_path(out, uid):
    # Prefixed, so that no uid can be the note's name.
    return out / PARTIAL / f"study-{uid}.json"


def _write_json(path, content):
    with write_whole(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _write_csv(path, columns, rows):
    with (
        write_whole(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: guard(str(v)) for k, v in row.items()} for row in rows)

"""One row per study, from either door, and the funnel that cleans them."""

import pathlib

import numpy as np
import pandas as pd

from cxrbase.files import InputError, inside
from cxrbase.layout import PROJECTIONS
from cxrlib.data.labels import is_indexed, label_from_cell, label_from_indexing

TEXTS = ("indication", "findings", "impression")
COLUMNS = (
    "uid", "patient", "frontal", "lateral", "frontals", "laterals", "on_disk",
    *TEXTS, "mesh", "problems", "abnormal",
)  # fmt: skip
CSV_REQUIRED = ("frontal", "lateral", "report")
CSV_OPTIONAL = ("uid", "patient", "abnormal", "indication", "findings")


def load_studies(dataset):
    """Read a data set into one row per study; no image is opened.

    Args:
        dataset: `cxrlib.data.readers.indiana.Dataset`.

    Returns:
        A `pandas.DataFrame` sorted by `uid`, with columns `uid`, `patient`
        (equal to `uid` where none is named), `frontal`, `lateral` (absolute
        paths, `""` where there is no such view; the first by name where there
        are several), `frontals`, `laterals` (how many), `on_disk` (bool: both
        files exist), `indication`, `findings`, `impression`, `mesh`,
        `problems` (stripped, `""` where missing) and `abnormal` (0, 1 or NaN).
        The CSV door puts its report into `impression`. `attrs["source"]` says
        where the rows come from.

    Raises:
        InputError: if a table cannot be read, lacks a column, repeats a uid or
            names a path outside of its folder.

    Example:
    ```python
    studies = load_studies(find_dataset("data/indiana"))
    kept, table = funnel(studies)
    ```
    """
    read = _load_indiana if dataset.kind == "indiana" else _load_csv
    studies = read(dataset)
    repeated = studies.uid[studies.uid.duplicated()].unique()
    if len(repeated):
        raise InputError(
            f"{dataset.csv}: uid {repeated[0]} occurs more than once "
            f"({len(repeated)} such). Give every study its own uid."
        )
    if studies.empty:
        raise InputError(f"{dataset.csv}: holds no study. Check the file.")
    files = _existing(pd.concat([studies.frontal, studies.lateral]))
    studies["on_disk"] = studies.frontal.isin(files) & studies.lateral.isin(files)
    studies = studies[list(COLUMNS)].sort_values("uid", ignore_index=True)
    studies.attrs["source"] = {
        "kind": dataset.kind,
        "root": str(dataset.root),
        "is_phantom": dataset.is_phantom,
        "phantom": dataset.phantom,
    }
    return studies


def missing_files(studies):
    """List the images that the tables name and the disk does not hold.

    Args:
        studies: DataFrame from `load_studies`.

    Returns:
        A DataFrame with columns `uid`, `file` and `reason`.

    Example:
    ```python
    missing_files(studies).to_csv("missing.csv", index=False)
    ```
    """
    absent = studies[~studies.on_disk].melt(
        "uid", ["frontal", "lateral"], value_name="file"
    )
    absent = absent[absent.file.ne("") & ~absent.file.isin(_existing(absent.file))]
    absent = absent.sort_values(["uid", "file"], ignore_index=True)
    return absent[["uid", "file"]].assign(reason="the file is not on disk")


def funnel(studies):
    """Clean as seed 000 did, counting at each step.

    Exactly one frontal and one lateral → indexed (Indiana layout only) → has
    an impression → normal, or abnormal of the lungs. A CSV's own labels are
    trusted, and a study without a label is kept.

    Args:
        studies: DataFrame from `load_studies`.

    Returns:
        A pair: the kept rows, and the table with columns `step`, `count`,
        `dropped`.

    Example:
    ```python
    kept, table = funnel(load_studies(dataset))
    print(funnel_markdown(kept, table))
    ```
    """
    indexed = studies.problems.map(is_indexed)
    steps = [
        (
            "one frontal and one lateral",
            studies.frontals.eq(1) & studies.laterals.eq(1),
        ),
        ("indexed", indexed),
        ("has an impression", studies.impression.ne("")),
        ("normal, or abnormal of the lungs", studies.abnormal.notna()),
    ]
    if studies.attrs.get("source", {}).get("kind") == "csv":
        steps = [steps[0], ("has a report", steps[2][1])]
    kept = pd.Series(True, index=studies.index)
    rows = [("studies", len(studies), 0)]
    for step, passes in steps:
        kept &= passes
        rows.append((step, int(kept.sum()), rows[-1][1] - int(kept.sum())))
    table = pd.DataFrame(rows, columns=["step", "count", "dropped"])
    return studies[kept].reset_index(drop=True), table


def funnel_markdown(kept, table):
    """Write the funnel as a Markdown table, the classes in its last rows.

    Args:
        kept: DataFrame, the first result of `funnel`.
        table: DataFrame, the second.

    Returns:
        A string.

    Example:
    ```python
    print(funnel_markdown(*funnel(studies)))
    ```
    """
    lines = ["| step | studies | dropped |", "|---|---:|---:|"]
    lines += [f"| {s} | {c:,} | {d:,} |" for s, c, d in table.itertuples(index=False)]
    for name, rows in (
        ("normal", kept.abnormal.eq(0)),
        ("abnormal", kept.abnormal.eq(1)),
        ("no label", kept.abnormal.isna()),
    ):
        if rows.any():
            lines.append(f"| – {name} | {rows.sum():,} ({rows.mean():.1%}) | |")
    return "\n".join(lines)


# === The two doors ===


def _load_indiana(dataset):
    reports = _read_table(dataset.csv)
    _require(reports, ("uid", "MeSH", "Problems", *TEXTS), dataset.csv)
    projections = dataset.root / PROJECTIONS
    views = _read_table(projections)
    _require(views, ("uid", "filename", "projection"), projections)
    views = views[views.filename.ne("")].sort_values("filename")
    views["file"] = _resolve(views.filename, dataset.image_root, projections)
    views["projection"] = views.projection.str.lower()

    studies = reports.rename(columns={"MeSH": "mesh", "Problems": "problems"})
    for view in ("frontal", "lateral"):
        of_study = views[views.projection.eq(view)].groupby("uid").file
        studies[view] = studies.uid.map(of_study.first()).fillna("").astype(object)
        studies[f"{view}s"] = studies.uid.map(of_study.size()).fillna(0).astype(int)
    studies["patient"] = studies.uid  # Indiana names no patients.
    studies["abnormal"] = [
        label_from_indexing(problems, mesh)
        for problems, mesh in zip(studies.problems, studies.mesh, strict=True)
    ]
    return studies


def _load_csv(dataset):
    table = _read_table(dataset.csv)
    names = {ours: dataset.columns.get(ours, ours) for ours in CSV_REQUIRED}
    unknown = set(dataset.columns) - {*CSV_REQUIRED, *CSV_OPTIONAL}
    if unknown:
        known = ", ".join((*CSV_REQUIRED, *CSV_OPTIONAL))
        raise InputError(
            f"--column {sorted(unknown)[0]}=…: is not a column of ours. Map one of: "
            f"{known}."
        )
    for ours in CSV_OPTIONAL:
        theirs = dataset.columns.get(ours, ours)
        if ours in dataset.columns or theirs in table:
            names[ours] = theirs
    _require(table, names.values(), dataset.csv, names)

    def column(ours):
        return table[names[ours]].to_numpy(object) if ours in names else ""

    studies = pd.DataFrame(index=table.index)
    for view in ("frontal", "lateral"):
        studies[view] = _resolve(column(view), dataset.image_root, dataset.csv)
        studies[f"{view}s"] = studies[view].ne("").astype(int)
    # A study without a uid is called by its frontal, not by its row number: a
    # table in another order then falls into the same splits.
    frontals = pd.Series(column("frontal"), index=table.index)
    studies["uid"] = column("uid") if "uid" in names else _uids(frontals)
    studies["patient"] = column("patient")
    studies["patient"] = studies.patient.where(studies.patient.ne(""), studies.uid)
    studies["impression"] = column("report")
    for text in ("indication", "findings"):
        studies[text] = column(text)
    studies["mesh"] = studies["problems"] = ""
    studies["abnormal"] = np.nan
    if "abnormal" in names:
        studies["abnormal"] = _labels(column("abnormal"), dataset.csv)
    if studies.uid.eq("").any():
        raise InputError(
            f"{dataset.csv}: row {_row(studies.uid.eq(''))} has no uid. Fill it in, or "
            "drop the column."
        )
    return studies


def _uids(frontals):
    uids = frontals.map(lambda name: str(pathlib.PurePath(name).with_suffix("")) or "")
    uids = uids.str.replace("/", "_").where(frontals.ne(""), "no-frontal")
    again = uids.groupby(uids).cumcount()
    return uids.where(again.eq(0), uids + "-" + (again + 1).astype(str))


def _labels(cells, csv):
    labels = []
    for row, cell in enumerate(cells):
        try:
            labels.append(label_from_cell(cell))
        except InputError as error:
            raise InputError(f"{csv}: row {row + 2}: {error}") from error
    return labels


# === Tables and paths ===


def _read_table(path):
    """Read a CSV as stripped strings, `""` where a cell is empty."""
    try:
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig",
            sep="\t" if path.suffix.lower() == ".tsv" else ",",
        )  # fmt: skip
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8. Save it as UTF-8 CSV.") from error
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(
            f"{path}: cannot be read as CSV ({str(error).strip()}). Mend the file."
        ) from error
    table.columns = table.columns.str.strip()
    # A row that is short is padded with NaN whatever the options say.
    return table.fillna("").apply(lambda column: column.astype(str).str.strip())


def _require(table, needed, path, names=None):
    absent = [name for name in needed if name not in table]
    if not absent:
        return
    mend = "Download it again."
    if names is not None:
        ours = next(ours for ours, theirs in names.items() if theirs == absent[0])
        mend = f"Say which column it is: --column {ours}=NAME"
        mend += f' (or columns={{"{ours}": "NAME"}}).'
    raise InputError(
        f"{path}: has no column {', '.join(absent)}. It has: "
        f"{', '.join(table.columns)}. {mend}"
    )


def _resolve(names, folder, csv):
    paths = []
    for name in names:
        try:
            paths.append(str(inside(folder, name)) if name else "")
        except InputError as error:
            raise InputError(f"{csv}: {error}") from error
    return paths


def _existing(files):
    """Which of the files exist; each folder is listed once, for slow drives."""
    wanted = {pathlib.PurePath(file) for file in files if file}
    held = set()
    for folder in {file.parent for file in wanted}:
        folder = pathlib.Path(folder)
        names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else ()
        held |= {
            str(file) for file in wanted if file.parent == folder and file.name in names
        }
    return held


def _row(mask):
    return int(np.flatnonzero(mask)[0]) + 2  # The header is row 1.

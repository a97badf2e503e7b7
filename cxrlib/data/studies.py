"""One row per study, from either layout, and the funnel that cleans them."""

import functools
import os
import pathlib

import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrbase.grounds import source_ground
from cxrbase.layout import PHANTOM_NOTE, PROJECTIONS
from cxrbase.paths import existing, inside_all, listing, why_absent
from cxrbase.tables import read_csv
from cxrbase.words import (
    NAMELESS,
    key,
    labels_from_cells,
    says_nothing,
    words_read,
)
from cxrlib.data.columns import COLUMNS, TEXTS, complete, refuse_repeated
from cxrlib.data.labels import is_indexed, label_from_indexing
from cxrlib.data.readers.indiana import meet, name_views, read_phantom_note

CSV_REQUIRED = ("frontal", "lateral", "report")
CSV_OPTIONAL = ("uid", "patient", "abnormal", "indication", "findings", "ground")
CSV_ASKED_FOR = ("finding",)  # Read only where it is mapped.


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
        A CSV's report goes into `impression`. `ground` (a key of
        `cxrbase.grounds.GROUNDS`), `kind` and `root` say where a row comes from.

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
    listed = listing()
    studies = read(dataset, listed)
    if studies.uid.eq("").any():
        raise InputError(
            f"{dataset.csv}: row {_row(studies.uid.eq(''))} has no uid. Fill it in, or "
            "drop the column."
        )
    refuse_repeated(studies, dataset.csv)
    files = existing([*studies.frontal, *studies.lateral], listed)
    studies["on_disk"] = studies.frontal.isin(files) & studies.lateral.isin(files)
    studies["kind"], studies["root"] = dataset.kind, str(dataset.root)
    texts = studies.impression[studies.impression.ne("")]
    nothing = texts[texts.map(says_nothing)].value_counts()
    if len(nothing):
        said = ", ".join(f"{text!r} ({n}×)" for text, n in nothing.head(8).items())
        print(
            f"{dataset.csv}: {nothing.sum()} reports say nothing and count as missing: "
            f"{said}{', …' * (len(nothing) > 8)}."
        )
    try:
        studies = complete(studies)
    except InputError as error:
        raise InputError(f"{dataset.csv}: {error}") from error
    return studies[list(COLUMNS)].sort_values("uid", ignore_index=True)


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
    listed = listing()
    there = existing(absent.file, listed)
    absent = absent[absent.file.ne("") & ~absent.file.isin(there)]
    absent = absent.sort_values(["uid", "file"], ignore_index=True)
    return absent[["uid", "file"]].assign(reason=why_absent(absent.file, listed))


def funnel(studies):
    """Clean as the Calabria project did, counting at each step.

    Exactly one frontal and one lateral → indexed (Indiana layout only) → has
    an impression → normal, or abnormal of the lungs. A CSV's own labels are
    trusted, and a study without a label is kept; the same holds for every row whose
    column `kind` is not `"indiana"`.

    Args:
        studies: DataFrame from `load_studies`, or made of such.

    Returns:
        A pair: the kept rows, and the table with columns `step`, `count`,
        `dropped`.

    Raises:
        InputError: if a step leaves none of the studies; the message names the step and
            says why.

    Example:
    ```python
    kept, table = funnel(load_studies(dataset))
    print(funnel_markdown(kept, table))
    ```
    """
    studies = complete(studies)
    own = studies.kind.ne("indiana")  # Labelled by the table's author.
    has_text = studies.impression.ne("")
    steps = {
        "one frontal and one lateral": studies.frontals.eq(1) & studies.laterals.eq(1),
        "indexed": own | studies.problems.map(is_indexed),
        "has an impression": has_text,
        "normal, or abnormal of the lungs": own | studies.abnormal.notna(),
    }
    if own.all():
        steps = {"one frontal and one lateral": steps["one frontal and one lateral"]}
        steps["has a report"] = has_text
    kept = pd.Series(True, index=studies.index)
    rows = [("studies", len(studies), 0)]
    for step, passes in steps.items():
        if kept.any() and not (kept & passes).any():
            raise InputError(
                f"{' + '.join(studies.root.unique())}: the step {step!r} leaves none "
                f"of {kept.sum()} studies: {_met(step, studies[kept])}."
            )
        kept &= passes
        rows.append((step, int(kept.sum()), rows[-1][1] - int(kept.sum())))
    table = pd.DataFrame(rows, columns=["step", "count", "dropped"])
    return studies[kept].reset_index(drop=True), table


def _met(step, studies):
    """Why a step leaves no study, and how to fix that."""
    if step.startswith("one frontal"):
        views = studies.groupby(["frontals", "laterals"]).size().head(4)
        said = "{} with {} frontals and {} laterals"
        said = ", ".join(said.format(n, *counts) for counts, n in views.items())
        return f"{said}; each needs one of both"
    if step.startswith("has"):
        return "all are empty, or such as 'nan'; name the column that holds the reports"
    if step == "indexed":
        return "Problems is empty or 'No Indexing' in all; fill it in"
    heads = studies.problems.value_counts().index[:4]
    return f"Problems are {', '.join(map(repr, heads))}, nothing of the lungs"


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


# === The two layouts ===


def _load_indiana(dataset, listed):
    reports = _read_table(dataset.csv, ("uid", "MeSH", "Problems", *TEXTS))
    projections = dataset.root / PROJECTIONS
    views = _read_table(projections, ("uid", "filename", "projection"))
    reports["uid"], views["uid"] = meet(
        reports.uid, views.uid, dataset.csv, projections
    )
    views["projection"] = name_views(views.projection, projections)
    views = views[views.filename.ne("")].sort_values("filename")
    views["file"] = _resolve(views.filename, dataset.image_root, projections, listed)

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
    studies["ground"] = dataset.ground
    return studies


def _load_csv(dataset, listed):
    table = _read_table(dataset.csv)
    names = _names(dataset, table)

    def column(ours):
        return table[names[ours]].to_numpy(object) if ours in names else ""

    studies = pd.DataFrame(index=table.index)
    for view in ("frontal", "lateral"):
        files = ["" if key(file) in NAMELESS else file for file in column(view)]
        studies[view] = _resolve(files, dataset.image_root, dataset.csv, listed)
        studies[f"{view}s"] = studies[view].ne("").astype(int)
    # A study without a uid is called by its frontal, not by its row number: a
    # table in another order then falls into the same splits.
    frontals = pd.Series(column("frontal"), index=table.index)
    studies["uid"] = column("uid") if "uid" in names else _uids(frontals)
    patients = pd.Series(column("patient"), index=table.index)
    unnamed = patients.map(key).isin(NAMELESS)
    studies["patient"] = studies.uid.where(unnamed, patients)
    if words := sorted(set(patients[unnamed]) - {""}):
        words = ", ".join(map(repr, words))
        print(f"{dataset.csv}: {unnamed.sum()} patients are not named: {words}.")
    studies["impression"] = column("report")
    for text in ("indication", "findings"):
        studies[text] = column(text)
    studies["mesh"] = studies["problems"] = ""
    studies["abnormal"] = _labels(names, column, dataset.csv)
    if "finding" in table and not {"abnormal", "finding"} & set(names):
        print(f"{dataset.csv}: to label by finding, say so: --column finding=finding.")
    studies["ground"] = "" if dataset.is_phantom else column("ground")
    studies["ground"] = studies.ground.where(studies.ground.ne(""), dataset.ground)
    for view in ("frontal", "lateral"):
        drawn = _drawn(studies[view], dataset.image_root, listed)
        studies["ground"] = drawn.fillna(studies.ground)
    return studies


def _drawn(files, top, listed):
    """The ground of each image in a phantom's folder below `top`, else NaN."""

    @functools.cache
    def ground_of_folder(folder):
        if PHANTOM_NOTE in listed(str(folder)):
            note = read_phantom_note(folder)
            return source_ground({"is_phantom": True, "phantom": note})
        inner = folder != top and folder.parent != folder
        return ground_of_folder(folder.parent) if inner else np.nan

    folders = {file: pathlib.Path(file).parent for file in set(files) if file}
    return files.map({file: ground_of_folder(each) for file, each in folders.items()})


def _uids(frontals):
    stems = frontals.map(lambda name: os.path.splitext(name.replace("\\", "/"))[0])
    uids = stems.map(lambda stem: str(pathlib.PurePath(stem)))
    uids = uids.str.replace("/", "_").where(frontals.ne(""), "no-frontal")
    again = uids.groupby(uids).cumcount()
    return uids.where(again.eq(0), uids + "-" + (again + 1).astype(str))


def _names(dataset, table):
    """Our column → the table's, of all that are to be read."""
    known = (*CSV_REQUIRED, *CSV_OPTIONAL, *CSV_ASKED_FOR)
    if unknown := set(dataset.columns) - set(known):
        raise InputError(
            f"--column {min(unknown)}=…: is not a column of ours. Map one of: "
            f"{', '.join(known)}."
        )
    if {"abnormal", "finding"} <= set(dataset.columns):
        raise InputError("--column: map one of abnormal and finding, not both.")
    names = {ours: ours for ours in CSV_REQUIRED}
    names |= {ours: ours for ours in CSV_OPTIONAL if ours in table}
    names |= dataset.columns
    for ours, theirs in names.items():
        if theirs not in table:
            raise InputError(
                f"{dataset.csv}: has no column {theirs}. It has: "
                f"{', '.join(table.columns)}. Say which column it is: --column "
                f'{ours}=NAME (or columns={{"{ours}": "NAME"}}).'
            )
    return names


def _labels(names, column, csv):
    label = "finding" if "finding" in names else "abnormal"
    if label not in names:
        return np.nan
    try:
        labels = labels_from_cells(column(label), any_word=label == "finding")
    except InputError as error:
        raise InputError(f"{csv}: column {names[label]}: {error}") from error
    if said := words_read(column(label), labels):
        print(f"{csv}: column {names[label]}: read as {said}.")
    return labels


# === Tables and paths ===


def _read_table(path, needed=()):
    table = read_csv(path, needed, "Download it again.")
    return table.apply(lambda column: column.str.strip())


def _resolve(names, folder, csv, listed):
    try:
        return inside_all(folder, names, listed)
    except InputError as error:
        raise InputError(f"{csv}: {error}") from error


def _row(mask):
    return int(np.flatnonzero(mask)[0]) + 2  # The header is row 1.

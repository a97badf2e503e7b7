"""What every reader of labelled films returns: one table, the same columns for all."""

import itertools
import os
import posixpath

import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrbase.paths import existing, inside_all, listing
from cxrlib.data.columns import ORIGIN, refuse_repeated
from cxrlib.data.readers.tables import check_labels
from cxrscore.clinical.rules import OBSERVATIONS
from cxrscore.labels.vocabulary import LABELS, uncertain

# A frontal whose direction the table does not say is "frontal".
VIEWS = ("PA", "AP", "frontal", "lateral", "unknown")
FRONTAL = VIEWS[:3]
COLUMNS = (
    "uid", "patient", "study", "view", "age", "sex", "image", "split", "findings",
    "impression", "source", *ORIGIN,
)  # fmt: skip
OLDEST = 110
SEXES = {"f": "F", "female": "F", "m": "M", "male": "M"}
# Labelers of reports, whose blanks mean that a report does not mention a finding.
LABELERS = ("chexpert", "negbio", "chexbert", "labeler")
NO_DISEASE = ("No Finding", "Support Devices")
PLACE = {name: place for place, name in enumerate(LABELS)}


def label_matrix(films, labels=LABELS, policy="ignore", blank="ignore"):
    """Take the labels of a table of films as numbers to train on or to score with.

    Args:
        films: `pandas.DataFrame` from `read_labelled`.
        labels: sequence of strings. Which of `LABELS`, in which order; `NIH_LABELS` and
            `OBSERVATIONS` are two such.
        policy: string. What becomes of -1, see `cxrscore.labels.vocabulary.uncertain`.
        blank: string. `"zeros"` reads what a report does not mention as absent, as
            most work on CheXpert and MIMIC-CXR does; only where a labeler of reports
            has read something else in it. `"ignore"` leaves NaN.

    Returns:
        A float32 array `(n, labels)` of 1, 0 and NaN (and 0.7 or -1, if the policy says
        so).

    Raises:
        InputError: if a label, the policy or `blank` is not known, or the table has
            another value than 1, 0, -1 and NaN.

    Example:
    ```python
    y = label_matrix(films, NIH_LABELS, policy="ones", blank="zeros")
    ```
    """
    if other := [name for name in labels if name not in PLACE]:
        raise InputError(
            f"label {other[0]!r}: is not in the vocabulary, which is: "
            f"{', '.join(LABELS)}."
        )
    if blank not in ("ignore", "zeros"):
        raise InputError(f"blank={blank!r}: choose ignore or zeros.")
    held = films[list(labels)].reset_index(drop=True)
    check_labels(held, labels, "the table of films", "See read_labelled.")
    matrix = held.to_numpy("float32", copy=True)
    if blank == "zeros":
        read = films.source.str.split(" ").str[0].isin(LABELERS)
        read &= films[list(OBSERVATIONS)].notna().any(axis=1)
        ours = np.isin(labels, OBSERVATIONS)
        matrix[np.isnan(matrix) & read.to_numpy()[:, None] & ours] = 0
    return uncertain(matrix, policy).astype("float32")


def film_paths(films):
    """Where the films of a table are.

    Args:
        films: `pandas.DataFrame` from `read_labelled`, or rows of it.

    Returns:
        A list of strings: each film's `image` in its `root`.

    Example:
    ```python
    read_radiograph(film_paths(films)[0])
    ```
    """
    return list(map(os.path.join, films.root, films.image))


# === For the readers ===


def find_images(root, names, where, bases=("",), suffixes=("",), on_disk=True):
    """Find the files of films that a table names.

    Args:
        root: `pathlib.Path`. The folder that must hold them.
        names: sequence of strings. Relative paths.
        where: path of the table, for messages.
        bases: sequence of strings. Folders below `root` that the paths may start from.
        suffixes: sequence of strings. Endings to try.
        on_disk: bool. Whether to look; if not, each gets the first of its names.

    Returns:
        An array of strings: paths relative to `root`, `""` where there is none.

    Raises:
        InputError: if a name leads out of `root`.

    Example:
    ```python
    find_images(root, ["1"], "labels.csv", ("train", "test"), (".dicom", ".png"))
    ```
    """
    listed, names = listing(), np.asarray(names, object)
    found = np.full(len(names), "", object)
    for base, suffix in itertools.product(bases, suffixes):
        left = np.flatnonzero(found == "")
        top = base.split("/")[0]
        if top and on_disk and top not in listed(str(root)) or not len(left):
            continue
        tried = [posixpath.join(base, name) + suffix for name in names[left]]
        try:
            paths = inside_all(root, tried, listed)
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        there = existing(paths, listed) if on_disk else set(paths)
        kept = np.array([path in there for path in paths], bool)
        found[left[kept]] = np.array(tried, object)[kept]
    return found


def labels_from_names(cells, parse, mapping):
    """Turn cells that list findings into labels.

    Args:
        cells: series of strings.
        parse: function of a cell; returns its names, or `None` where it says nothing.
        mapping: dict. Name → labels of the vocabulary.

    Returns:
        A pair: a DataFrame with the columns `LABELS`, 1 where a finding is named, 0
        where it is not, NaN where the collection has no name for it; and a dict, how
        many films have which name without counterpart.

    Example:
    ```python
    labels_from_names(pd.Series(["Mass|Hernia"]), lambda cell: cell.split("|"), NIH)
    ```
    """
    codes, different = pd.factorize(cells)
    times = np.bincount(codes, minlength=len(different))
    matrix = np.full((len(different), len(LABELS)), np.nan, "float32")
    has = sorted({PLACE[label] for labels in mapping.values() for label in labels})
    disease = [place for name, place in PLACE.items() if name not in NO_DISEASE]
    unmapped = {}
    for row, cell in enumerate(different):
        if (names := parse(cell)) is None:
            continue
        matrix[row, has] = 0
        for name in names:
            if name not in mapping:
                unmapped[name] = unmapped.get(name, 0) + int(times[row])
            matrix[row, [PLACE[label] for label in mapping.get(name, ())]] = 1
        if (matrix[row, disease] == 1).any():
            matrix[row, PLACE["No Finding"]] *= 0
    return pd.DataFrame(matrix[codes], columns=LABELS, index=cells.index), unmapped


def labels_from_columns(table, mapping):
    """Turn columns of 1 and 0 into labels, each the largest of the columns it has.

    Args:
        table: `pandas.DataFrame` of numbers.
        mapping: dict. Column → labels of the vocabulary.

    Returns:
        A DataFrame with the columns `LABELS`; NaN where the table has none.

    Example:
    ```python
    labels_from_columns(table, CHEXPERT)
    ```
    """
    labels = {}
    for name, ours in mapping.items():
        for label in ours:
            held = labels.get(label)
            labels[label] = table[name] if held is None else np.fmax(held, table[name])
    return pd.DataFrame(labels, index=table.index).reindex(columns=LABELS)


def assemble(root, kind, films, labels, where, mapping, unmapped=None):
    """Put films and labels into the one form, and say what is missing in it.

    Args:
        root: `pathlib.Path`. The collection's folder.
        kind: string. Which collection it is.
        films: `pandas.DataFrame` with `uid`, `patient`, `image` (`""` for those that
            are not there, which are left out) and what else of `COLUMNS` is known.
        labels: `pandas.DataFrame`, a row per film, with the columns `LABELS`.
        where: path of the table that names the films.
        mapping: dict. The collection's names → labels of the vocabulary.
        unmapped: dict. How many films have which name without counterpart.

    Returns:
        A `pandas.DataFrame` with `COLUMNS` and `LABELS`, sorted by `uid`.

    Raises:
        InputError: if no film is there, a uid is empty or occurs twice.

    Example:
    ```python
    assemble(root, "nih", films, labels, root / TABLE, NIH)
    ```
    """
    there = films.image.ne("").to_numpy()
    if not there.any():
        raise InputError(
            f"{where}: none of the {len(films):,} images that it names is in {root}. "
            "Check the folder, or give on_disk=False to read the tables alone."
        )
    films = films[there].reset_index(drop=True)
    labels = labels[there].reset_index(drop=True)
    for name in set(COLUMNS) - set(films):
        films[name] = float("nan") if name == "age" else ""
    if (nameless := films.uid.eq("") | films.patient.eq("")).any():
        first = films.image[nameless].iloc[0]
        raise InputError(
            f"{where}: {nameless.sum()} films, such as {first}, have no name or no "
            "patient. Fill it in, or leave them out of the table."
        )
    refuse_repeated(films, where)
    films["kind"], films["root"] = kind, str(root)
    films["ground"] = films.ground.where(films.ground.ne(""), "real")
    films["study"] = films.study.where(films.study.ne(""), films.uid)
    films["age"] = films.age.where(films.age.between(0, OLDEST)).astype("float32")
    films["sex"] = films.sex.map(lambda word: SEXES.get(word.lower(), ""))
    table = pd.concat([films[list(COLUMNS)], labels.astype("float32")], axis=1)
    _tell(table, ~there, mapping, unmapped or {}, where)
    return table.sort_values("uid", ignore_index=True)


def _tell(table, absent, mapping, unmapped, where):
    """One line for each thing that is not as a user may expect it."""
    sources = ", ".join(table.source.unique())
    print(
        f"{where}: {len(table):,} films of {table.patient.nunique():,} patients; "
        f"labels: {sources}."
    )
    if absent.any():
        print(f"- {absent.sum():,} films that it names are not there, and left out.")
    if unmapped:
        most = sorted(unmapped.items(), key=lambda pair: -pair[1])
        said = ", ".join(f"{name} ({count:,}×)" for name, count in most[:12])
        more = f" and {len(most) - 12} more" if len(most) > 12 else ""
        print(
            "- Without counterpart in the vocabulary, left out (counts of the whole "
            f"table): {said}{more}."
        )
    has = {label for labels in mapping.values() for label in labels}
    if other := [name for name in LABELS if name not in has]:
        print(f"- Not labelled in this collection (NaN): {', '.join(other)}.")
    if none := int(table[list(LABELS)].isna().all(axis=1).sum()):
        print(f"- {none:,} films have no label at all.")
    if odd := int(table["view"].eq("unknown").sum()):
        print(f"- {odd:,} films have a view that is neither frontal nor lateral.")

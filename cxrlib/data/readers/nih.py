"""NIH ChestX-ray14, or a part of it: frontals with labels mined from reports.

A folder holds `Data_Entry_2017.csv` (or its version of 2020) and the images, in
`images/` or as Kaggle has them, in `images_001/images/` and so on. There are no
laterals and no reports.
"""

import os
import pathlib

import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrbase.hosts import KAGGLE_INPUT, find_below
from cxrbase.tables import read_csv
from cxrbase.words import NORMAL, key, labels_from_cells
from cxrlib.data.readers.films import assemble, labels_from_names
from cxrlib.data.readers.tables import find_table
from cxrscore.labels.vocabulary import NIH

TABLE = "Data_Entry_2017.csv"
TABLES = (TABLE, "Data_Entry_2017_v2020.csv")  # The second since 2020.
# The published split, by patient: our name → the list of its images.
LISTS = {"train": "train_val_list.txt", "test": "test_list.txt"}
# Their column → ours. Only the first `NEEDED` are required.
COLUMNS = {
    "Image Index": "file",
    "Finding Labels": "findings",
    "Patient ID": "patient",
    "Patient Age": "age",
    "Patient Gender": "sex",
    "Patient Sex": "sex",  # In some copies.
    "View Position": "view",
}
NEEDED = 3
OLDEST = 110  # A few ages in the table are 148 or 411.


def find_nih(folder="", places=(), kaggle_input=KAGGLE_INPUT):
    """Look for a folder of NIH radiographs.

    The order: `folder`, `$CXR_NIH`, `/kaggle/input` (searched by file name), `places`.

    Args:
        folder: string or path. If empty, it is looked for; `"none"` skips it.
        places: sequence of paths. Where else it may be.
        kaggle_input: string. Where Kaggle mounts its data.

    Returns:
        The `pathlib.Path`, or `None` if it is nowhere.

    Raises:
        InputError: if a path was given (or is set in `$CXR_NIH`) that holds no
            `Data_Entry_2017.csv`.

    Example:
    ```python
    find_nih(places=["data/nih"])
    ```
    """
    if str(folder) == "none":
        return None
    if given := folder or os.environ.get("CXR_NIH"):
        given = pathlib.Path(os.path.expanduser(given))
        if not os.path.isfile(given / TABLE):
            raise InputError(
                f"{given}: holds no {TABLE}. Check the path, or leave it out to have "
                "this part skipped."
            )
        return given
    if found := find_below(kaggle_input, TABLE):
        return found.parent
    places = map(pathlib.Path, places)
    return next((each for each in places if os.path.isfile(each / TABLE)), None)


def read_nih(folder, limit=None, seed=0):
    """Read the table into one row per image that is on disk; no image is opened.

    Args:
        folder: string or path. See `find_nih`.
        limit: int or `None`. The most images, of patients drawn at random: all images
            of a patient, or none.
        seed: int. Of the draw.

    Returns:
        A `pandas.DataFrame` sorted by `uid`, as `split_studies` takes it: `uid` (the
        file's name without suffix), `patient`, `frontal` (path), `lateral` (empty),
        `abnormal` (0 for `No Finding`, else 1), `findings` (joined by `|`), and
        `age` (NaN where it cannot be), `sex` and `view` (`""` where missing). Images
        without a label are left out, and a message says so.

    Raises:
        InputError: if the table is missing, is not readable, lacks a column or names
            an image twice, or none of its images is on disk.

    Example:
    ```python
    table = read_nih("data/nih")
    table.groupby("view").abnormal.mean()
    ```

    Reference:
        - [Wang et al., 2017](https://arxiv.org/abs/1705.02315)
    """
    folder = pathlib.Path(folder)
    table, path = _read_table(folder)
    there = _images(folder)
    table = table[table.file.isin(there)].sort_values("uid", ignore_index=True)
    if table.empty:
        raise InputError(
            f"{folder}: none of the images that {path.name} names is in images/ or "
            "images_*/images/. Check the folder."
        )
    table["frontal"] = [str(folder / there[name]) for name in table.file]
    table["lateral"] = ""
    if limit is not None:
        table = _draw_patients(table, limit, seed)
    columns = ["uid", "patient", "frontal", "lateral", "abnormal", "findings"]
    return table[[*columns, "age", "sex", "view"]]


def _read_table(folder):
    """The table with our names and a label in every row, and its path."""
    path = find_table(folder, *TABLES) or folder / TABLE
    table = read_csv(path, list(COLUMNS)[:NEEDED])
    table = table.rename(columns=COLUMNS)
    table = table.loc[:, ~table.columns.duplicated()]
    table = table.reindex(columns=list(dict.fromkeys(COLUMNS.values())), fill_value="")
    table["uid"] = [pathlib.PurePath(name).stem for name in table.file]
    if table.uid.duplicated().any():
        twice = table.file[table.uid.duplicated()].iloc[0]
        raise InputError(f"{path}: names {twice} more than once. Fix it.")
    try:
        table["abnormal"] = labels_from_cells(table.findings, any_word=True)
    except InputError as error:
        raise InputError(f"{path}: column Finding Labels: {error}") from error
    if (unknown := table.abnormal.isna()).any():
        print(f"{path}: {unknown.sum()} images without a label are left out.")
        table = table[~unknown]
    age = pd.to_numeric(table.age.str.extract(r"(\d+)")[0])
    table["age"] = age.where(age <= OLDEST)
    return table, path


def _images(folder):
    """Name of each image on disk → its path below the folder."""
    paths = folder.glob("images*/**/*.png")
    return {path.name: path.relative_to(folder).as_posix() for path in paths}


def read_nih_films(root, source=None, on_disk=True):
    """Read ChestX-ray14, or a part of it, with all of its labels.

    Args:
        root: `pathlib.Path`. See `find_nih`.
        source: `None`. There is one: terms that a program found in the reports.
        on_disk: bool. Whether films that are not on disk are left out.

    Returns:
        A `pandas.DataFrame`, see `cxrlib.data.readers.labelled.read_labelled`. The
        split is that of `train_val_list.txt` and `test_list.txt`, where they lie there.

    Raises:
        InputError: as `read_nih`.

    Example:
    ```python
    read_nih_films(pathlib.Path("data/nih"))["Pneumonia"].sum()
    ```
    """
    table, path = _read_table(root)
    there = _images(root)
    if not on_disk:
        there = {name: f"images/{pathlib.PurePath(name).name}" for name in table.file}
    films = table[["uid", "patient", "age", "sex"]].assign(source="text mining")
    films["view"] = table["view"].where(table["view"].isin(("PA", "AP")), "frontal")
    films["image"] = table.file.map(there).fillna("")
    films["split"] = ""
    for split, name in LISTS.items():
        if (root / name).is_file():
            listed = set((root / name).read_text(encoding="utf-8").split())
            films["split"] = films.split.mask(table.file.isin(listed), split)
    labels, unmapped = labels_from_names(table.findings, _names, NIH)
    return assemble(root, "nih", films, labels, path, NIH, unmapped)


def _names(cell):
    """The names of a cell; "No Finding" in any spelling is one of them."""
    names = {name.strip() for name in cell.split("|")}
    return {"No Finding" if key(name) in NORMAL else name for name in names}


def _draw_patients(table, limit, seed):
    """As many complete patients as fit, in an order that only the seed decides."""
    counts = table.groupby("patient").size()
    order = np.random.default_rng(seed).permutation(len(counts))
    fits = counts.iloc[order].cumsum() <= limit
    return table[table.patient.isin(fits.index[fits])].reset_index(drop=True)

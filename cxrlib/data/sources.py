"""Where the data is: a path, $CXR_DATA, Kaggle's folder, a download, a phantom.

The first that is there wins, and what was chosen is printed. Only a phantom is
ever drawn unasked; a path that was given and does not exist is an error.
"""

import os
import pathlib

from cxrbase.files import InputError
from cxrbase.hosts import KAGGLE_INPUT, download_is_welcome, find_below
from cxrbase.layout import REPORTS
from cxrlib.data.readers.indiana import (
    KAGGLE_HANDLE,
    describe_folder,
    read_phantom_note,
)

WORDS = ("phantom", "kaggle")


def find_dataset(
    data=None,
    *,
    columns=None,
    image_root=None,
    studies=300,
    seed=0,
    draw=None,
    kaggle_input=KAGGLE_INPUT,
):
    """Find the data, or draw a phantom where there is none.

    The order: `data`, `$CXR_DATA`, `/kaggle/input` (searched by file name),
    kagglehub (on Colab and Kaggle, or where `$CXR_KAGGLEHUB` is 1), a phantom.
    The word `"kaggle"` avoids the 14 GB: it fetches `studies` of them, file by file.

    Args:
        data: string, `pathlib.Path` or `None`. A folder in the Kaggle layout,
            a CSV, a folder that holds exactly one CSV, or one of the words
            `"phantom"` and `"kaggle"` (a folder of such a name is `"./phantom"`). If
            empty, it is looked for.
        columns: dict, string or sequence. For a CSV: our name → the table's, as
            `column_names` takes them, e.g. `"report=notes,patient=patientid"`.
        image_root: string. For a CSV: the folder that image paths start from,
            if it is not the CSV's own.
        studies: int. How many to fetch from Kaggle.
        seed: int. Of the draw that decides which.
        draw: callable or `None`. Called without arguments to draw a phantom, such as
            `lambda: draw_phantom("data/phantom", studies=300)` with
            `cxrlib.course.draw_phantom`; returns its folder. Without it nothing is
            drawn.
        kaggle_input: string. Where Kaggle mounts its data.

    Returns:
        A `cxrlib.data.readers.indiana.Dataset`.

    Raises:
        InputError: if a path was given (or is set in `$CXR_DATA`) that does
            not exist or holds no data set, or there is none and nothing to draw.

    Example:
    ```python
    dataset = find_dataset("studies.csv", columns={"report": "notes"})
    ```
    """
    columns = column_names(columns)
    given = data or os.environ.get("CXR_DATA")
    found = "the path given" if data else "$CXR_DATA"
    word = str(given) if given and str(given) in WORDS else ""
    wanted, folder = word == "phantom", None
    if word == "kaggle":
        from cxrlib.data.download import fetch_studies

        folder = _search(kaggle_input) or fetch_studies(studies, seed)
        found = "asked for"
    elif given and not wanted:
        folder = pathlib.Path(os.path.expanduser(given))
    elif not given:
        folder, found = _search(kaggle_input), f"found under {kaggle_input}"
        if folder is None:
            folder, found = _download(), "downloaded with kagglehub"
    if folder is None:
        if draw is None:
            raise InputError(
                "No data was found, and there is nothing to draw a phantom with. Give "
                "a path, or set $CXR_DATA."
            )
        folder = draw()
        found = "asked for" if wanted else "NO REAL DATA WAS FOUND"
    dataset = describe_folder(folder, found, columns, image_root)
    print(dataset.describe())
    return dataset


def column_names(columns):
    """Read which of a CSV's columns are which of ours.

    Args:
        columns: string, such as `"report=notes,patient=patientid"`; a sequence of such
            pairs; a dict, which is taken as it is; or `None`.

    Returns:
        A dict, our name → the table's.

    Raises:
        InputError: if a pair lacks its `=` or one of its sides.

    Example:
    ```python
    column_names("report=notes")  # {"report": "notes"}
    ```
    """
    if isinstance(columns, dict):
        return columns
    pairs = columns.split(",") if isinstance(columns, str) else columns or ()
    names = {}
    for pair in filter(None, map(str.strip, pairs)):
        ours, _, theirs = (part.strip() for part in pair.partition("="))
        if not (ours and theirs):
            raise InputError(
                f"columns: {pair!r}: write it as ours=theirs, such as report=notes."
            )
        names[ours] = theirs
    return names


def find_reports(folder="", places=(), kaggle_input=KAGGLE_INPUT):
    """Look for the tables of the real Indiana collection; nothing is ever drawn.

    The order: `folder`, `$CXR_DATA`, `/kaggle/input` (searched by file name), `places`.

    Args:
        folder: string or path. If empty, it is looked for; `"none"` skips it;
            `"kaggle"` takes what is attached there, or fetches two files of a few
            megabytes.
        places: sequence of paths. Where else it may be.
        kaggle_input: string. Where Kaggle mounts its data.

    Returns:
        The `pathlib.Path` of a folder with `indiana_reports.csv`, or `None` if it is
        nowhere. A phantom's does not count.

    Raises:
        InputError: if a folder was given that holds none, or Kaggle does not serve
            them.

    Example:
    ```python
    find_reports(places=["data/indiana"])
    ```
    """
    if str(folder) == "none":
        return None
    if str(folder) == "kaggle":
        from cxrlib.data.download import fetch_tables

        return _search(kaggle_input) or fetch_tables()
    if folder:
        folder = pathlib.Path(os.path.expanduser(folder))
        if not os.path.isfile(folder / REPORTS):
            raise InputError(
                f"{folder}: holds no {REPORTS}. Check the path, or leave it out to go "
                "on without."
            )
        return folder
    places = [os.environ.get("CXR_DATA"), _search(kaggle_input), *places]
    for place in map(pathlib.Path, filter(None, places)):
        if os.path.isfile(place / REPORTS) and read_phantom_note(place) is None:
            return place
    return None


def _search(start):
    """The folder beneath this one that holds the reports, or `None`."""
    found = find_below(start, REPORTS)
    return found and found.parent


def _download():
    """Ask kagglehub, but only where a download is welcome; else return None."""
    if not download_is_welcome():
        return None
    try:
        import kagglehub

        print(f"Downloading {KAGGLE_HANDLE} with kagglehub: about 14 GB …")
        folder = pathlib.Path(kagglehub.dataset_download(KAGGLE_HANDLE))
        found = _search(folder)
        if found is None:
            raise InputError(f"{folder}: the download holds no {REPORTS}.")
        return found
    except Exception as error:  # No network, no account, no space: go on.
        print(f"kagglehub could not fetch it: {type(error).__name__}: {error}")
        return None

"""Where the data lies: a path, $CXR_DATA, Kaggle's folder, a download, a phantom.

The first that is there wins, and what was chosen is printed. Only a phantom is
ever drawn unasked; a path that was given and does not exist is an error.
"""

import dataclasses
import json
import os
import pathlib

from cxrbase.files import InputError
from cxrbase.hosts import KAGGLE_INPUT, download_is_welcome, find_below, off_drive

REPORTS = "indiana_reports.csv"
PROJECTIONS = "indiana_projections.csv"
KAGGLE_HANDLE = "raddar/chest-xrays-indiana-university"


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A folder of radiographs with reports, found but not yet read.

    Args:
        root: `pathlib.Path`. The folder.
        kind: string. `"indiana"` (the Kaggle layout, the phantom's too) or
            `"csv"` (one table with `frontal, lateral, report`).
        found: string. How it was found, for the log.
        csv: `pathlib.Path`. The table that holds the reports.
        image_root: `pathlib.Path`. The folder that image names start from.
        columns: dict. For `"csv"`: our column name → the table's.
        phantom: dict or `None`. What `phantom.json` says, if it is a phantom.

    Example:
    ```python
    dataset = find_dataset("/content/indiana")
    dataset.is_phantom  # False
    ```
    """

    root: pathlib.Path
    kind: str
    found: str
    csv: pathlib.Path
    image_root: pathlib.Path
    columns: dict = dataclasses.field(default_factory=dict)
    phantom: dict | None = None

    @property
    def is_phantom(self):
        """Whether the radiographs were drawn by the phantom generator."""
        return self.phantom is not None

    def describe(self):
        """Return one line for the log.

        Returns:
            A string.

        Example:
        ```python
        print(dataset.describe())
        ```
        """
        what = "PHANTOM" if self.is_phantom else "real"
        return f"Data: {what}, {self.kind} layout, {self.root} ({self.found})"


def find_dataset(
    data=None,
    *,
    columns=None,
    image_root=None,
    phantom_studies=300,
    phantom_size=512,
    seed=0,
    phantom_out=None,
    kaggle_input=KAGGLE_INPUT,
):
    """Find the data, or draw a phantom where there is none.

    The order: `data`, `$CXR_DATA`, `/kaggle/input` (searched by file name),
    kagglehub (on Colab and Kaggle, or where `$CXR_KAGGLEHUB` is 1), a phantom.
    The word `"kaggle"` spares the 14 GB: it fetches so many studies, file by file.

    Args:
        data: string, `pathlib.Path` or `None`. A folder in the Kaggle layout,
            a CSV, a folder that holds exactly one CSV, or one of the words
            `"phantom"` and `"kaggle"`. Empty means: look for it.
        columns: dict. For a CSV: our name → the table's, e.g.
            `{"report": "notes", "patient": "patientid"}`.
        image_root: string. For a CSV: the folder that image paths start from,
            if it is not the CSV's own.
        phantom_studies: int. How many studies to draw, or to fetch from Kaggle.
        phantom_size: int. The side of a drawn image, in pixels.
        seed: int. The phantom's seed.
        phantom_out: string. Where to draw; by default
            `data/phantom-<studies>x<size>-seed<seed>`. Never on Google Drive.
        kaggle_input: string. Where Kaggle mounts its data.

    Returns:
        A `Dataset`.

    Raises:
        InputError: if a path was given (or stands in `$CXR_DATA`) that does
            not exist or holds no data set.

    Example:
    ```python
    dataset = find_dataset("studies.csv", columns={"report": "notes"})
    ```
    """
    given = data or os.environ.get("CXR_DATA")
    found = "the path given" if data else "$CXR_DATA"
    word = str(given) if given and not pathlib.Path(str(given)).exists() else ""
    wanted, folder = word == "phantom", None
    if word == "kaggle":
        from cxrlib.data.download import fetch_studies

        folder = _search(kaggle_input) or fetch_studies(phantom_studies, seed)
        found = "asked for"
    elif given and not wanted:
        folder = pathlib.Path(given).expanduser()
    elif not given:
        folder, found = _search(kaggle_input), f"found under {kaggle_input}"
        if folder is None:
            folder, found = _download(), "downloaded with kagglehub"
    if folder is None:
        folder = _draw(phantom_out, phantom_studies, seed, phantom_size)
        found = "asked for" if wanted else "NO REAL DATA WAS FOUND"
    dataset = describe_folder(folder, found, columns, image_root)
    print(dataset.describe())
    return dataset


def find_reports(folder="", places=(), kaggle_input=KAGGLE_INPUT):
    """Look for the tables of the real Indiana collection; nothing is ever drawn.

    The order: `folder`, `$CXR_DATA`, `/kaggle/input` (searched by file name), `places`.

    Args:
        folder: string or path. Empty means: look for it; `"none"`: do not;
            `"kaggle"`: attached there, or fetched, two files of a few megabytes.
        places: sequence of paths. Where else it may lie.
        kaggle_input: string. Where Kaggle mounts its data.

    Returns:
        The `pathlib.Path` of a folder with `indiana_reports.csv`, or `None` if it is
        nowhere. A phantom's is none.

    Raises:
        InputError: if a folder was given that holds none, or Kaggle keeps them back.

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
        folder = pathlib.Path(folder).expanduser()
        if not (folder / REPORTS).is_file():
            raise InputError(
                f"{folder}: holds no {REPORTS}. Check the path, or leave it out to go "
                "on without."
            )
        return folder
    places = [os.environ.get("CXR_DATA"), _search(kaggle_input), *places]
    for place in map(pathlib.Path, filter(None, places)):
        if (place / REPORTS).is_file() and _phantom(place) is None:
            return place
    return None


def describe_folder(path, found="", columns=None, image_root=None):
    """Tell which layout a path holds.

    Args:
        path: `pathlib.Path`. A folder or a CSV.
        found: string. How it was found.
        columns: dict. As in `find_dataset`.
        image_root: string. As in `find_dataset`.

    Returns:
        A `Dataset`.

    Raises:
        InputError: if nothing is there, or nothing that can be read.

    Example:
    ```python
    describe_folder(pathlib.Path("paired/studies.csv"))
    ```
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise InputError(
            f"{path}: does not exist ({found or 'the path given'}). Check the path, "
            "or leave it out to have a phantom drawn."
        )
    path = path.resolve()
    root = path if path.is_dir() else path.parent
    if path == root or path.name == REPORTS:
        indiana = root / REPORTS
        if indiana.exists():
            return _indiana(root, found, image_root)
        path = _only_csv(root)
    elif path.suffix.lower() not in (".csv", ".tsv", ".txt"):
        raise InputError(f"{path}: is not a CSV. Hand in a folder or a CSV file.")
    images = pathlib.Path(image_root).expanduser() if image_root else root
    if not images.is_dir():
        raise InputError(f"{images}: the image folder does not exist. Check the path.")
    return Dataset(root, "csv", found, path, images.resolve(), dict(columns or {}))


def _indiana(root, found, image_root):
    if not (root / PROJECTIONS).exists():
        raise InputError(
            f"{root / PROJECTIONS}: is missing. It belongs beside {REPORTS} and names "
            "each image's view; download both again."
        )
    normalized = root / "images" / "images_normalized"
    images = normalized if normalized.is_dir() else root / "images"
    images = pathlib.Path(image_root).expanduser() if image_root else images
    return Dataset(
        root, "indiana", found, root / REPORTS, images.resolve(), {}, _phantom(root)
    )


def _phantom(root):
    note = root / "phantom.json"
    if not note.exists():
        return None
    try:
        return dict(json.loads(note.read_text()))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{note}: is not readable JSON. Draw the phantom again."
        ) from error


def _only_csv(root):
    tables = sorted(root.glob("*.csv"))
    if len(tables) == 1:
        return tables[0]
    names = ", ".join(table.name for table in tables) or "none"
    raise InputError(
        f"{root}: holds no {REPORTS}, and of other CSV files: {names}. Hand in the "
        "path of the one CSV to read."
    )


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


def _draw(out, studies, seed, size):
    out = off_drive(out or f"data/phantom-{studies}x{size}-seed{seed}")
    line = "=" * 72
    print(
        f"{line}\nPHANTOM: the radiographs are DRAWN, not taken from patients.\n"
        f"{studies} studies, seed {seed}, in {out}. No figure computed on them says\n"
        "anything about real patients. For real data give a path or set $CXR_DATA.\n"
        f"{line}"
    )
    from cxrphantom.dataset import write_phantom

    # It goes on where a killed call stopped, and does nothing if all is there.
    write_phantom(out, studies=studies, seed=seed, size=size)
    return out

"""The Indiana collection as Kaggle has it, or one CSV: which of them a path holds."""

import dataclasses
import json
import pathlib

from cxrbase.files import InputError
from cxrbase.grounds import source_ground
from cxrbase.layout import IMAGES, PHANTOM_NOTE, PROJECTIONS, REPORTS

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

    @property
    def ground(self):
        """Key of `GROUNDS`: real, unless a `phantom.json` says otherwise."""
        return source_ground({"is_phantom": self.is_phantom, "phantom": self.phantom})

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
    images = images.resolve()
    # A table of one's own over a phantom's images makes them no more real.
    note = _note_above(root) or _note_above(images)
    return Dataset(root, "csv", found, path, images, dict(columns or {}), note)


def _indiana(root, found, image_root):
    if not (root / PROJECTIONS).exists():
        raise InputError(
            f"{root / PROJECTIONS}: is missing. It belongs beside {REPORTS} and names "
            "each image's view; download both again."
        )
    normalized = root / IMAGES
    images = normalized if normalized.is_dir() else root / "images"
    images = pathlib.Path(image_root).expanduser() if image_root else images
    images = images.resolve()
    note = read_phantom_note(root) or _note_above(images)
    return Dataset(root, "indiana", found, root / REPORTS, images, {}, note)


def read_phantom_note(root):
    """What `phantom.json` says, a dict; `None` if the folder is not a phantom's."""
    note = root / PHANTOM_NOTE
    if not note.exists():
        return None
    try:
        return dict(json.loads(note.read_text()))
    except (ValueError, TypeError) as error:
        raise InputError(
            f"{note}: is not readable JSON. Draw the phantom again."
        ) from error


def _note_above(folder):
    """What `phantom.json` says in this folder or in one that holds it."""
    notes = map(read_phantom_note, (folder, *folder.parents))
    return next((note for note in notes if note is not None), None)


def _only_csv(root):
    tables = sorted(root.glob("*.csv"))
    if len(tables) == 1:
        return tables[0]
    names = ", ".join(table.name for table in tables) or "none"
    raise InputError(
        f"{root}: holds no {REPORTS}, and of other CSV files: {names}. Hand in the "
        "path of the one CSV to read."
    )

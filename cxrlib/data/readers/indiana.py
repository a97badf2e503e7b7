"""The Indiana collection as Kaggle has it, or one CSV: which of them a path holds."""

import dataclasses
import json
import os
import pathlib

from cxrbase.files import InputError
from cxrbase.grounds import source_ground
from cxrbase.layout import IMAGES, PHANTOM_NOTE, PROJECTIONS, REPORTS
from cxrbase.words import key

KAGGLE_HANDLE = "raddar/chest-xrays-indiana-university"
# Other names for the projections, as `key` writes them.
VIEWS = {
    "frontal": """f frontal front pa ap posteroanterior anteroposterior
        posterioranterior anteriorposterior apsupine aperect apportable""",
    "lateral": """l lateral lat ll rl llat rlat latl latr leftlateral rightlateral
        lateralleft lateralright laterallateral""",
}
VIEWS = {word: view for view, words in VIEWS.items() for word in words.split()}


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
    """Find out which layout a path holds.

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
    if not os.path.exists(path):  # Not `path.exists`: it raises at too long a name.
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
        raise InputError(f"{path}: is not a CSV. Give a folder or a CSV file.")
    images = pathlib.Path(os.path.expanduser(image_root)) if image_root else root
    if not os.path.isdir(images):
        raise InputError(f"{images}: the image folder does not exist. Check the path.")
    images = images.resolve()
    # Your own table over a phantom's images does not make them real.
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
    images = pathlib.Path(os.path.expanduser(image_root)) if image_root else images
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
    except (OSError, ValueError, TypeError, RecursionError) as error:
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
        f"{root}: holds no {REPORTS}, and of other CSV files: {names}. Give the "
        "path of the one CSV to read."
    )


# === Two tables that belong together ===


def name_views(projections, path):
    """Call every projection frontal or lateral, as far as its name is known.

    Args:
        projections: series of strings, such as `"Frontal"`, `"PA"` or `"LL"`.
        path: `pathlib.Path`. Of the table, for the messages.

    Returns:
        A series of `"frontal"`, `"lateral"` and, where it is neither, NaN.

    Raises:
        InputError: if none is known.

    Example:
    ```python
    name_views(pd.Series(["PA", "LATERAL"]), "indiana_projections.csv")
    ```
    """
    views = projections.map(lambda word: VIEWS.get(key(word)))
    counts = projections[views.isna()].value_counts().head(5)
    unknown = ", ".join(f"{word!r} ({count}×)" for word, count in counts.items())
    if views.isna().all():
        raise InputError(
            f"{path}: no projection is known: {unknown}. Write Frontal (or PA, AP) and "
            "Lateral (or LL, LAT) into the column projection."
        )
    if unknown:
        print(f"{path}: projections that are neither frontal nor lateral: {unknown}.")
    return views


def meet(uids, others, path, other_path):
    """Match the uids of two tables: `1.0`, which programs make of `1`, is `1`.

    Args:
        uids, others: series of strings.
        path, other_path: of their tables, for the message.

    Returns:
        Both series, as they match.

    Raises:
        InputError: if they do not: it names one of each.

    Example:
    ```python
    meet(reports.uid, views.uid, "reports.csv", "projections.csv")
    ```
    """
    pair = [uids, others]
    if not uids.isin(others).any():
        pair = [each.str.replace(r"\.0+$", "", regex=True) for each in pair]
    if not pair[0].isin(pair[1]).any():
        raise InputError(
            f"{path}: none of its uids, such as {uids.iloc[0]!r}, is in "
            f"{other_path}, which has such as {others.iloc[0]!r}. Write both alike."
        )
    alone = pair[0][~pair[0].isin(pair[1])]
    if len(alone):
        print(
            f"{path}: {len(alone)} of {len(uids)} uids, such as {alone.iloc[0]!r}, are "
            f"not in {other_path}."
        )
    return pair

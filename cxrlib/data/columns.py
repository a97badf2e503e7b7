"""The columns of a table of studies, and the ground that its rows name.

Where the studies come from is kept in columns, not in `DataFrame.attrs`, which `merge`,
`concat` and a CSV lose. What a row does not say is `"unknown"`, never `"real"`.
"""

import pathlib

import pandas as pd

from cxrbase.files import InputError
from cxrbase.grounds import GROUNDS, NAMED_GROUNDS
from cxrbase.paths import existing, listing
from cxrbase.words import says_nothing
from cxrlib.data.readers.indiana import read_phantom_note

TEXTS = ("indication", "findings", "impression")
ORIGIN = ("ground", "kind", "root")
COLUMNS = (
    "uid", "patient", "frontal", "lateral", "frontals", "laterals", "on_disk",
    *TEXTS, "mesh", "problems", "abnormal", *ORIGIN,
)  # fmt: skip
NEEDED = ("uid", "frontal", "lateral", "impression")


def complete(studies):
    """Give a table of studies the form that `load_studies` makes.

    Rows that were merged, concatenated, made by hand or read from a saved CSV lack
    columns or cells: texts are then `""`, as are those that say nothing (`"nan"`);
    `patient` is `uid`, labels are NaN, `on_disk` is looked up, and where the studies
    come from is `"unknown"`.

    Args:
        studies: DataFrame with `uid`, `frontal`, `lateral` and `impression`.

    Returns:
        A copy with all of `COLUMNS`; columns beyond them are kept.

    Raises:
        InputError: if one of these four is missing, or a label or a ground is not
            valid.

    Example:
    ```python
    complete(pd.read_csv("outputs/prepared/studies.csv"))
    ```
    """
    absent = [name for name in NEEDED if name not in studies]
    if absent:
        raise InputError(
            f"the studies lack the column {', '.join(absent)}; they have "
            f"{', '.join(map(str, studies))}. See `load_studies` for what each holds."
        )
    studies = studies.copy()
    studies["uid"] = studies.uid.astype(str)
    empty = dict.fromkeys(("frontal", "lateral", *TEXTS, "mesh", "problems"), "")
    empty |= {"patient": studies.uid} | dict.fromkeys(ORIGIN, "unknown")
    for name, default in empty.items():
        cells = studies[name] if name in studies else pd.Series(None, studies.index)
        cells = cells.astype(object)
        studies[name] = cells.where(cells.notna(), default).astype(str)
    for name in TEXTS:  # "nan" and "XXXX." stand for a missing text.
        studies[name] = studies[name].mask(studies[name].map(says_nothing), "")
    for view in ("frontal", "lateral"):
        seen = studies[view].ne("").astype(int)
        counts = studies.get(f"{view}s", seen)
        studies[f"{view}s"] = counts.fillna(seen).astype(int)
    try:
        labels = studies.get("abnormal", pd.Series(float("nan"), studies.index))
        studies["abnormal"] = pd.to_numeric(labels).astype(float)
    except ValueError as error:
        raise InputError(
            f"abnormal must be 0, 1 or NaN ({error}). Fix the column."
        ) from error
    if "on_disk" not in studies or studies.on_disk.dtype != bool:
        files = existing([*studies.frontal, *studies.lateral], listing())
        studies["on_disk"] = studies.frontal.isin(files) & studies.lateral.isin(files)
    if wrong := set(studies.ground) - set(GROUNDS):
        raise InputError(
            f"ground {min(wrong)!r} is not one of {', '.join(GROUNDS)}. Fix the "
            "column `ground`."
        )
    return studies


def refuse_repeated(studies, where="the studies"):
    """Refuse a table in which a uid occurs twice, as `merge` and `concat` can make it.

    Args:
        studies: DataFrame with `uid`.
        where: string or path. What to name in the message.

    Raises:
        InputError: if one does.

    Example:
    ```python
    refuse_repeated(pd.concat([first, second]))
    ```
    """
    again = studies.uid.duplicated()
    if again.any():
        rows = "Rows are repeated whole: delete the copies"
        mend = rows if studies.duplicated().any() else "Give every study its own uid"
        raise InputError(
            f"{where}: uid {studies.uid[again].iloc[0]} occurs more than once "
            f"({studies.uid[again].nunique()} such). {mend}."
        )


def ground_of(studies):
    """Name the one ground that all studies of a table share.

    Args:
        studies: DataFrame from `load_studies`, or made of such.

    Returns:
        A key of `GROUNDS`; `"unknown"` where the table has no column `ground`.

    Raises:
        InputError: if it mixes grounds: no score on a mixture says anything. Rows
            that do not say their ground, such as those of a hand-made table joined
            to others, are a ground of their own.

    Example:
    ```python
    ground_of(load_studies(find_dataset("data/phantom")))  # "phantom"
    ```
    """
    counts = complete(studies).ground.value_counts()
    if len(counts) > 1:
        listed = ", ".join(f"{count} {ground}" for ground, count in counts.items())
        raise InputError(
            f"the studies are of several grounds ({listed}), and a score on a mixture "
            "says nothing. Prepare each ground alone; if they truly are of one, write "
            "it into the column `ground` of all."
        )
    return counts.index[0] if len(counts) else "unknown"


def source_of(studies):
    """Say where the studies come from, for the manifest of a prepared folder.

    Args:
        studies: DataFrame from `load_studies`, or made of such.

    Returns:
        A dict: `ground`, `kind` and `root` (several are joined by `" + "`),
        `is_phantom` (whether the images are drawn, `None` if unknown) and `phantom`,
        what `phantom.json` says.

    Raises:
        InputError: as in `ground_of`, or if the column says `"real"` of a phantom.

    Example:
    ```python
    source_of(kept)["ground"]
    ```
    """
    studies = complete(studies)
    ground, roots = ground_of(studies), sorted(studies.root.unique())
    notes = {root: read_phantom_note(pathlib.Path(root)) for root in roots}
    for root, note in notes.items():
        if note is not None and ground == "real":
            raise InputError(
                f"{root}: is a phantom, but the column `ground` of its studies says "
                "real. Leave the column as `load_studies` made it."
            )
    drawn = ground in NAMED_GROUNDS and ground != "real"
    return {
        "ground": ground,
        "kind": " + ".join(sorted(studies.kind.unique())),
        "root": " + ".join(roots),
        "is_phantom": None if ground == "unknown" else drawn,
        "phantom": notes[roots[0]] if drawn and len(roots) == 1 else None,
    }

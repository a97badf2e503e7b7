"""One face for all collections of labelled films: read, and split.

Which collection lies in a folder is told by its files. All are read into one table with
one vocabulary of labels; what differs between them is said in a column or in words.
"""

import os
import pathlib
from typing import NamedTuple

from cxrbase.files import InputError
from cxrbase.layout import REPORTS
from cxrlib.data.readers import (
    chexpert,
    mimic,
    nih,
    padchest,
    reported,
    vindr,
)
from cxrlib.data.readers.films import NO_DISEASE, film_paths
from cxrlib.data.readers.indiana import read_phantom_note
from cxrlib.data.readers.tables import find_table
from cxrlib.data.splits import SPLITS, split_studies
from cxrscore.labels.vocabulary import LABELS


class Layout(NamedTuple):
    """How a collection is told, by one of these files, and read."""

    read: callable
    files: tuple
    shown: str


LAYOUTS = {
    "nih": Layout(nih.read_nih_films, nih.TABLES, nih.TABLE),
    "chexpert": Layout(
        chexpert.read_chexpert, ("train.csv", "valid.csv"), "train.csv, valid.csv"
    ),
    "chexpert_plus": Layout(
        chexpert.read_chexpert_plus, (chexpert.PLUS,), "df_chexpert_plus_240401.csv"
    ),
    "mimic": Layout(
        mimic.read_mimic,
        (mimic.TABLE.format("metadata"),),
        "mimic-cxr-2.0.0-metadata.csv.gz",
    ),
    "vindr": Layout(
        vindr.read_vindr,
        tuple(name for names in vindr.TABLES.values() for name in names),
        "annotations/image_labels_train.csv",
    ),
    "padchest": Layout(
        padchest.read_padchest,
        (padchest.TABLE,),
        "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv",
    ),
    "indiana": Layout(reported.read_indiana, (REPORTS,), REPORTS),
    "phantom": Layout(reported.read_phantom, (reported.TRUTH,), "phantom.json, truth/"),
}


def read_labelled(root, kind="auto", source=None, on_disk=True):
    """Read a collection of labelled films, or a part of it; no film is opened.

    It prints how many films there are and how many are left out, whose labels they
    are, what the collection has no label for, and which of its own names have no
    counterpart in the vocabulary.

    Args:
        root: string or path. The collection's folder, as it is published.
        kind: string. One of `LAYOUTS`, or `"auto"`: told by the files that lie there.
        source: string or `None`. Whose labels, where there are several:
            `"chexpert"` or `"negbio"` (mimic), `"impression"`, `"findings"` or
            `"report"` (chexpert_plus), `"majority"` or `"any"` (vindr), `"mesh"` or
            `"labeler"` (indiana). By default the first.
        on_disk: bool. Films that are not on disk are left out, and counted. If `False`
            nothing is looked for, to count what the tables hold.

    Returns:
        A `pandas.DataFrame` sorted by `uid`, a row per film:
        `uid`, `patient`, `study`; `view`, one of `VIEWS`; `age` in years, NaN where it
        is not known; `sex`: `F`, `M` or `""`; `image`, relative to `root`; `split` as
        published (`train`, `val`, `test` or `""`); the texts `findings` and
        `impression`, `""` where there are none; `source`, who or what labelled the
        film; `ground`, `kind` and `root`; and a float column for each of `LABELS`: 1,
        0, -1 (uncertain, as published) and NaN (not known). `label_matrix` takes the
        labels as numbers, and decides what becomes of -1.

    Raises:
        InputError: if no collection, or more than one, is in the folder, a table is not
            in its layout, a path leads out of the folder, or no film is there.

    Example:
    ```python
    films = read_labelled("data/nih")
    films = films[films["view"].isin(FRONTAL)]
    y = label_matrix(films, NIH_LABELS)
    ```
    """
    root = pathlib.Path(os.path.expanduser(root))
    if not os.path.isdir(root):
        raise InputError(f"{root}: is not a folder. Give the collection's folder.")
    if kind not in (*LAYOUTS, "auto"):
        raise InputError(f"kind={kind!r}: choose auto or one of {', '.join(LAYOUTS)}.")
    found = kinds_in(root)
    if kind == "auto":
        kind = _only(root, found)
    elif kind not in found:
        raise InputError(
            f"{root}: holds no {LAYOUTS[kind].shown}, by which {kind} is known. Check "
            "the folder."
        )
    read = LAYOUTS[kind].read
    return read(root.resolve(), source=source, on_disk=on_disk)


def kinds_in(root):
    """Tell which collections lie in a folder.

    Args:
        root: `pathlib.Path`.

    Returns:
        A list of keys of `LAYOUTS`.

    Raises:
        InputError: if a table cannot be read.

    Example:
    ```python
    kinds_in(pathlib.Path("data/phantom"))  # ["indiana", "phantom"]
    ```
    """
    found = [kind for kind, each in LAYOUTS.items() if find_table(root, *each.files)]
    if "chexpert" in found and not chexpert.find_chexpert(root):
        found.remove("chexpert")  # Other sets have a train.csv as well.
    if "phantom" in found and read_phantom_note(root) is None:
        found.remove("phantom")
    return found


def _only(root, found):
    if "phantom" in found and "indiana" in found:
        found.remove("indiana")  # A phantom has the same layout, and the truth.
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(
            f"{root}: holds more than one collection. Say which: kind="
            f"{' or kind='.join(map(repr, found))}."
        )
    known = "; ".join(f"{kind}: {each.shown}" for kind, each in LAYOUTS.items())
    raise InputError(
        f"{root}: holds no collection that is known by its files ({known}). Check the "
        "folder."
    )


def split_films(films, fractions=(0.8, 0.1, 0.1), seed=0):
    """Split as published; what is not published is drawn by patient.

    Where no split is published, patients are drawn as `split_studies` does it. Where
    one of the three is missing, such as NIH's validation, its share is drawn from the
    published train; published splits stay as they are.

    Args:
        films: `pandas.DataFrame` of one collection, from `read_labelled`.
        fractions: three floats that sum to 1: train, val, test.
        seed: int. Another seed draws other patients.

    Returns:
        The DataFrame sorted by `uid`, with `split` `train`, `val` or `test`.

    Raises:
        InputError: if the published splits share a patient, some films have a split
            and others have none, or the films are of several collections, each of which
            may call another patient `1`.

    Example:
    ```python
    films = split_films(read_labelled("data/nih"))
    films.groupby("patient").split.nunique().max()  # 1
    ```
    """
    if films.kind.nunique() > 1:
        raise InputError(
            f"films of {', '.join(sorted(films.kind.unique()))}: their patients' "
            "numbers may be the same by chance. Split each collection by itself."
        )
    published = set(films.split) - {""}
    if published and films.split.eq("").any():
        raise InputError(
            f"{films.split.eq('').sum()} of {len(films)} films have no published "
            "split. Leave them out, or set split to '' in all, to have all drawn."
        )
    if torn := films.groupby("patient").split.nunique().gt(1).sum():
        raise InputError(
            f"the published splits share {torn} patients. Set split to '' to have all "
            "films drawn by patient."
        )
    missing = [name for name in SPLITS if name not in published]
    if published and (not missing or "train" in missing):
        return films.sort_values("uid", ignore_index=True)
    drawn = films.split.isin(("", "train"))
    shares = [
        share if not published or name == "train" or name in missing else 0
        for name, share in zip(SPLITS, fractions, strict=True)
    ]
    studies = films[drawn].assign(lateral="", abnormal=_abnormal(films[drawn]))
    studies["frontal"] = film_paths(studies)
    shares = [share / sum(shares) for share in shares]
    split = split_studies(studies, shares, seed).set_index("uid").split
    split = films.uid.map(split).where(drawn, films.split)
    return films.assign(split=split).sort_values("uid", ignore_index=True)


def _abnormal(films):
    """1 with any disease, 0 with none and No Finding, NaN where neither is said."""
    disease = [name for name in LABELS if name not in NO_DISEASE]
    abnormal = films["No Finding"].map({1.0: 0.0})
    return abnormal.mask(films[disease].eq(1).any(axis=1), 1.0)

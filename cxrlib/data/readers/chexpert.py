"""CheXpert and CheXpert Plus: the same films, with labels alone or with the reports.

CheXpert: `train.csv` and `valid.csv` beside
`train/patient00001/study1/view1_frontal.jpg` and its like. CheXpert Plus:
`df_chexpert_plus_240401.csv` and `impression_fixed.json`, what CheXbert read in a
section of the reports.
"""

import json

import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrbase.refusals import printable, read_as
from cxrlib.data.readers.films import assemble, find_images, labels_from_columns
from cxrlib.data.readers.tables import (
    check_labels,
    find_table,
    read_columns,
    read_header,
)
from cxrscore.clinical.rules import OBSERVATIONS
from cxrscore.labels.vocabulary import CHEXPERT

# Table → our split. The films of valid.csv and of the test set were labelled by
# radiologists, those of train.csv by a labeler of reports.
TABLES = {"train": "train", "valid": "val", "test": "test"}
PLUS = "df_chexpert_plus_*.csv"
# CheXbert's findings_fixed.json calls nearly all films No Finding: most reports have no
# such section. CheXpert's own labels are read from the impression as well.
SECTIONS = ("impression", "findings", "report")
PLACES = ("", "chexbert_labels", "CheXpert Labels", "labels", "label")
# Where the films start, and how they end: JPEG, or the PNG of CheXpert Plus.
BASES = ("", "CheXpert-v1.0-small", "CheXpert-v1.0", "PNG", "images")
SUFFIXES = (".jpg", ".png")
PATH = r"^(?:.*/)?((train|valid|test)/(patient\w+)/(study\w+)/(view\w+))\.\w+$"
FILM = ("Sex", "Age", "Frontal/Lateral", "AP/PA")


def find_chexpert(root):
    """Whether a folder holds CheXpert's tables; one of another set has the same name.

    Args:
        root: `pathlib.Path`.

    Returns:
        A list of paths, empty if it does not.

    Example:
    ```python
    find_chexpert(pathlib.Path("CheXpert-v1.0-small"))
    ```
    """
    tables = [find_table(root, f"{name}.csv", f"{name}_labels.csv") for name in TABLES]
    tables = [path for path in tables if path]
    return [p for p in tables if {"Path", "Pleural Effusion"} <= set(read_header(p))]


def read_chexpert(root, source=None, on_disk=True):
    """Read CheXpert, or a part of it.

    Args:
        root: `pathlib.Path`. The folder of `train.csv`, `valid.csv` or both.
        source: `None`. There is one.
        on_disk: bool. Whether films that are not on disk are left out.

    Returns:
        A `pandas.DataFrame`, see `cxrlib.data.readers.labelled.read_labelled`.

    Raises:
        InputError: if a table or a path in it is not in CheXpert's layout.

    Example:
    ```python
    read_chexpert(pathlib.Path("CheXpert-v1.0-small")).split.value_counts()
    ```

    Reference:
        - [Irvin et al., 2019](https://arxiv.org/abs/1901.07031)
    """
    films, labels, tables = [], [], find_chexpert(root)
    for path in tables:
        table = read_columns(
            path, ("Path", *OBSERVATIONS), FILM, ("Age", *OBSERVATIONS)
        )
        check_labels(table, OBSERVATIONS, path)
        part = _films(table.Path, path)
        part["age"] = table.Age.where(table.Age > 0)  # 0 stands for unknown.
        part["sex"] = table.Sex
        part["view"] = _views(table["Frontal/Lateral"], table["AP/PA"], part.film)
        by_reader = part.split.ne("train")
        part["source"] = np.where(by_reader, "radiologists", "chexpert")
        part["image"] = find_images(root, part.film, path, BASES, SUFFIXES, on_disk)
        films.append(part)
        labels.append(labels_from_columns(table, CHEXPERT))
    if not films:
        raise InputError(f"{root}: holds neither train.csv nor valid.csv of CheXpert.")
    films, labels = (pd.concat(parts, ignore_index=True) for parts in (films, labels))
    return assemble(root, "chexpert", films, labels, tables[0], CHEXPERT)


def read_chexpert_plus(root, source=None, on_disk=True):
    """Read CheXpert Plus, or a part of it: films, sections of reports, labels.

    Args:
        root: `pathlib.Path`. The folder of `df_chexpert_plus_240401.csv`.
        source: string. The section that CheXbert read: `"impression"` (default),
            `"findings"` or `"report"`.
        on_disk: bool. Whether films that are not on disk are left out.

    Returns:
        A `pandas.DataFrame`, see `cxrlib.data.readers.labelled.read_labelled`.

    Raises:
        InputError: if the table or the labels are not in this layout.

    Example:
    ```python
    read_chexpert_plus(pathlib.Path("chexpert_plus")).impression
    ```

    Reference:
        - [Chambon et al., 2024](https://arxiv.org/abs/2405.19538)
    """
    source = source or SECTIONS[0]
    if source not in SECTIONS:
        raise InputError(f"source={source!r}: choose one of {', '.join(SECTIONS)}.")
    path = find_table(root, PLUS)
    needed = ("path_to_image", "frontal_lateral", "ap_pa", "deid_patient_id")
    texts = ("section_findings", "section_impression")
    table = read_columns(path, needed, (*texts, "age", "sex", "split"), ("age",))
    films = _films(table.path_to_image, path)
    films["patient"] = table.deid_patient_id
    films["view"] = _views(table.frontal_lateral, table.ap_pa, films.film)
    films["age"], films["sex"] = table.age, table.sex
    films["findings"], films["impression"] = (table[name] for name in texts)
    films["split"] = table.split.map(TABLES).fillna(films.split)
    films["source"] = f"chexbert {source}"
    labels = _read_chexbert(root, source, films.film)
    films["image"] = find_images(root, films.film, path, BASES, SUFFIXES, on_disk)
    return assemble(root, "chexpert_plus", films, labels, path, CHEXPERT)


def _films(paths, where):
    """What a path says: the film, its patient, study and split."""
    parts = paths.str.extract(PATH)
    if (wrong := parts[0].isna()).any():
        row = wrong.idxmax()
        raise InputError(
            f"{where}: row {row + 2}: {printable(paths[row], 80)!r} is not a path such "
            "as train/patient00001/study1/view1_frontal.jpg. Download it again."
        )
    film, split, patient, study, view = (parts[number] for number in range(5))
    return pd.DataFrame(
        {
            "film": film,
            "uid": patient + "_" + study + "_" + view,
            "patient": patient,
            "study": patient + "_" + study,
            "split": split.map(TABLES),
        }
    )


def _views(sides, directions, films):
    """`PA`, `AP`, `frontal`, `lateral` or `unknown`."""
    sides = sides.where(sides.ne(""), films.str.extract(r"_([a-z]+)$")[0].fillna(""))
    sides = sides.str.lower()
    frontal = sides.eq("frontal")
    known = frontal & directions.isin(("PA", "AP"))
    views = pd.Series("unknown", sides.index).mask(frontal, "frontal")
    return views.mask(sides.eq("lateral"), "lateral").mask(known, directions)


def _read_chexbert(root, section, films):
    """CheXbert's labels, a JSON object a line, in the order of the films."""
    name = f"{section}_fixed.json"
    path = find_table(root, *(f"{place}/{name}".lstrip("/") for place in PLACES))
    if path is None or path.suffix == ".gz":
        raise InputError(
            f"{root}: holds no {name}, the labels of CheXpert Plus. Unpack "
            "chexbert_labels.zip there, or choose another source."
        )
    place = {film: number for number, film in enumerate(films)}
    values = np.full((len(films), len(OBSERVATIONS)), np.nan, "float32")
    with read_as("lines of JSON", path), path.open(encoding="utf-8") as file:
        for line in filter(str.strip, file):
            row = json.loads(line)
            film = row["path_to_image"].rpartition(".")[0]
            film = film[max(film.find(f"{split}/") for split in TABLES) :]
            if film in place:
                values[place[film]] = [row[name] for name in OBSERVATIONS]
    table = pd.DataFrame(values, columns=OBSERVATIONS)
    check_labels(table, OBSERVATIONS, path)
    return labels_from_columns(table, CHEXPERT)

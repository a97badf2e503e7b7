"""MIMIC-CXR-JPG: films of 65,379 patients, two labelers' labels, reports by section.

The folder is that of PhysioNet, `mimic-cxr-2.0.0-metadata.csv.gz` and its like beside
`files/p10/p10000032/s50414267/<dicom_id>.jpg`. Three tables of others belong to it:
`mimic_cxr_sectioned.csv` (the reports, as MIT-LCP's `create_section_files.py` cuts
them) and `patients.csv.gz` of MIMIC-IV (sex, and the age in one year).
"""

import pandas as pd

from cxrbase.files import InputError
from cxrlib.data.readers.films import assemble, find_images, labels_from_columns
from cxrlib.data.readers.tables import check_labels, find_table, read_columns
from cxrscore.clinical.rules import OBSERVATIONS
from cxrscore.labels.vocabulary import CHEXPERT

TABLE = "mimic-cxr-2.?.?-{}.csv"
SOURCES = ("chexpert", "negbio")
SECTIONED = "mimic_cxr_sectioned.csv"
PATIENTS = ("patients.csv", "hosp/patients.csv")
SPLITS = {"train": "train", "validate": "val", "test": "test"}
BASES, SUFFIXES = ("files", ""), (".jpg", ".png", ".dcm")
# ViewPosition: what is neither of these, such as an oblique view, is unknown.
VIEWS = {
    "PA": "PA", "PA LLD": "PA", "PA RLD": "PA",
    "AP": "AP", "AP AXIAL": "AP", "AP LLD": "AP", "AP RLD": "AP",
    "LATERAL": "lateral", "LL": "lateral", "XTABLE LATERAL": "lateral",
}  # fmt: skip


def read_mimic(root, source=None, on_disk=True):
    """Read MIMIC-CXR-JPG, or a part of it.

    Args:
        root: `pathlib.Path`. The folder of `mimic-cxr-2.0.0-metadata.csv.gz`.
        source: string. The labeler: `"chexpert"` (default) or `"negbio"`.
        on_disk: bool. Whether films that are not on disk are left out.

    Returns:
        A `pandas.DataFrame`, see `cxrlib.data.readers.labelled.read_labelled`. The
        texts, age and sex are empty without the tables that hold them, and so is the
        split; a message says so.

    Raises:
        InputError: if a table is missing or not in this layout.

    Example:
    ```python
    read_mimic(pathlib.Path("mimic-cxr-jpg"), source="negbio")
    ```

    Reference:
        - [Johnson et al., 2019](https://arxiv.org/abs/1901.07042)
    """
    source = source or SOURCES[0]
    if source not in SOURCES:
        raise InputError(f"source={source!r}: choose one of {', '.join(SOURCES)}.")
    path = find_table(root, TABLE.format("metadata"))
    names = ("dicom_id", "subject_id", "study_id", "ViewPosition")
    table = read_columns(path, names, ("StudyDate",), ("StudyDate",))
    ids = table[list(names[:3])]
    if (wrong := ~ids.apply(lambda each: each.str.fullmatch(r"[\w-]+"))).any(axis=None):
        row = wrong.any(axis=1).idxmax()
        raise InputError(
            f"{path}: row {row + 2}: {'/'.join(ids.loc[row])!r}: an id is missing or "
            "holds other than letters and digits. Download it again."
        )
    films = pd.DataFrame({"uid": table.dicom_id, "patient": table.subject_id})
    films["study"], films["source"] = table.study_id, source
    films["view"] = table.ViewPosition.str.upper().map(VIEWS).fillna("unknown")
    _add_people(films, root, table.StudyDate)
    _add_split(films, root)
    _add_texts(films, root)
    folder = "p" + films.patient.str[:2] + "/p" + films.patient + "/s" + films.study
    files = folder + "/" + films.uid
    films["image"] = find_images(root, files, path, BASES, SUFFIXES, on_disk)
    labels = _read_labels(root, source, films.study)
    return assemble(root, "mimic", films, labels, path, CHEXPERT)


def _read_labels(root, source, studies):
    """The labels of each film's study."""
    path = find_table(root, TABLE.format(source))
    if path is None:
        raise InputError(
            f"{root}: holds no mimic-cxr-2.0.0-{source}.csv.gz. Download it from "
            "PhysioNet, or choose another source."
        )
    table = read_columns(path, ("study_id", *OBSERVATIONS), (), OBSERVATIONS)
    check_labels(table, OBSERVATIONS, path)
    labels = _by(table, "study_id", path).reindex(studies)
    return labels_from_columns(labels.reset_index(drop=True), CHEXPERT)


def _add_split(films, root):
    if not (path := find_table(root, TABLE.format("split"))):
        print(f"{root}: no mimic-cxr-2.0.0-split.csv.gz, so no published split.")
        return
    table = _by(read_columns(path, ("dicom_id", "split")), "dicom_id", path)
    if other := set(table.split) - set(SPLITS):
        raise InputError(
            f"{path}: knows a split {min(other)!r}, which is none of "
            f"{', '.join(SPLITS)}. Download it again."
        )
    films["split"] = films.uid.map(table.split).map(SPLITS).fillna("")


def _add_texts(films, root):
    if not (path := find_table(root, SECTIONED)):
        print(
            f"{root}: no {SECTIONED}, so no texts. MIT-LCP's create_section_files.py "
            "writes it from the reports of MIMIC-CXR."
        )
        return
    table = read_columns(path, ("study", "findings", "impression"))
    table["study"] = table.study.str.removeprefix("s")
    table = _by(table, "study", path)
    for name in ("findings", "impression"):
        films[name] = films.study.map(table[name]).fillna("")


def _add_people(films, root, dates):
    if not (path := find_table(root, *PATIENTS)):
        print(f"{root}: no patients.csv.gz of MIMIC-IV, so neither age nor sex.")
        return
    years = ("anchor_age", "anchor_year")
    table = read_columns(path, ("subject_id", "gender", *years), (), years)
    table = _by(table, "subject_id", path).reindex(films.patient)
    films["sex"] = table.gender.fillna("").to_numpy()
    # Dates are shifted, by the same number of years for the study and the anchor.
    since = dates.to_numpy() // 10_000 - table.anchor_year.to_numpy()
    films["age"] = table.anchor_age.to_numpy() + since


def _by(table, name, path):
    """The table by its ids, each of which must occur once."""
    again = table[name].duplicated()
    if again.any():
        raise InputError(
            f"{path}: {name} {table[name][again].iloc[0]} occurs more than once. "
            "Download it again."
        )
    return table.set_index(name)

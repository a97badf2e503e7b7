"""VinDr-CXR: 18,000 films of Vietnam, labelled by radiologists; no patient is named.

PhysioNet's folder: `annotations/image_labels_train.csv` (three rows an image, one of
each reader), `image_labels_test.csv` (the consensus of five) and `train/`, `test/` with
`<image_id>.dicom`, or PNG and JPEG made of them.
"""

import pandas as pd

from cxrbase.files import InputError
from cxrlib.data.readers.films import assemble, find_images, labels_from_columns
from cxrlib.data.readers.tables import (
    check_labels,
    find_table,
    read_columns,
    read_header,
)

TABLES = {
    split: (f"annotations/image_labels_{split}.csv", f"image_labels_{split}.csv")
    for split in ("train", "test")
}
SUFFIXES = (".dicom", ".dcm", ".png", ".jpg")
SOURCES = ("majority", "any")
# Its names → ours (Nguyen et al., 2022, table 3). Its one class for nodules and masses,
# tumours and cavities are CheXpert's Lung Lesion.
VINDR = {
    "Atelectasis": ("Atelectasis",),
    "Cardiomegaly": ("Cardiomegaly",),
    "Clavicle fracture": ("Fracture",),
    "Consolidation": ("Consolidation",),
    "Edema": ("Edema",),
    "Emphysema": ("Emphysema",),
    "Infiltration": ("Infiltration",),
    "Lung Opacity": ("Lung Opacity",),
    "Lung cavity": ("Lung Lesion",),
    "Lung tumor": ("Lung Lesion",),
    "Nodule/Mass": ("Lung Lesion",),
    "Pleural effusion": ("Pleural Effusion",),
    "Pleural thickening": ("Pleural Thickening", "Pleural Other"),
    "Pneumonia": ("Pneumonia",),
    "Pneumothorax": ("Pneumothorax",),
    "Pulmonary fibrosis": ("Fibrosis",),
    "Rib fracture": ("Fracture",),
    "No finding": ("No Finding",),
}
# "Other diseases" is "Other disease" in one of the tables.
UNMAPPED = (
    "Aortic enlargement", "Calcification", "Enlarged PA", "ILD", "Lung cyst",
    "Mediastinal shift", "Other lesion", "COPD", "Tuberculosis", "Other diseases",
    "Other disease",
)  # fmt: skip


def read_vindr(root, source=None, on_disk=True):
    """Read VinDr-CXR, or a part of it.

    Args:
        root: `pathlib.Path`. The folder of `annotations/`.
        source: string. Which label a training image has, of its three readers' labels:
            `"majority"` (default: two of the three) or `"any"` (one of them).
        on_disk: bool. Whether films that are not on disk are left out.

    Returns:
        A `pandas.DataFrame`, see `cxrlib.data.readers.labelled.read_labelled`. No
        patient is named: each film counts as one. All films are PA.

    Raises:
        InputError: if a table is not in this layout.

    Example:
    ```python
    read_vindr(pathlib.Path("vindr-cxr/1.0.0"), source="any")
    ```

    Reference:
        - [Nguyen et al., 2022](https://doi.org/10.1038/s41597-022-01498-w)
    """
    source = source or SOURCES[0]
    if source not in SOURCES:
        raise InputError(f"source={source!r}: choose one of {', '.join(SOURCES)}.")
    films, labels, unmapped = [], [], dict.fromkeys(UNMAPPED, 0)
    tables = {split: find_table(root, *names) for split, names in TABLES.items()}
    for split, path in tables.items():
        if path is None:
            continue
        others = [name for name in UNMAPPED if name in read_header(path)]
        names = (*VINDR, *others)
        table = read_columns(path, ("image_id", *names), (), names)
        check_labels(table, names, path)
        # Mapped for each reader first: one may call a tumour what another calls a mass.
        ours = labels_from_columns(table, VINDR)
        mine = pd.concat([ours.dropna(axis=1, how="all"), table[others]], axis=1)
        readers = mine.groupby(table.image_id)
        agreed = readers.max() if source == "any" else readers.mean() > 0.5
        agreed = agreed.astype("float32")
        for name in others:
            unmapped[name] += int(agreed.pop(name).sum())
        part = pd.DataFrame({"uid": agreed.index, "patient": agreed.index})
        part["split"], part["view"] = split, "PA"
        part["source"] = source if split == "train" else "consensus"
        bases = (split, f"images/{split}", "images", "")
        part["image"] = find_images(root, part.uid, path, bases, SUFFIXES, on_disk)
        films.append(part)
        labels.append(agreed.reset_index(drop=True).reindex(columns=ours.columns))
    if not films:
        raise InputError(f"{root}: holds no annotations/image_labels_train.csv.")
    films, labels = (pd.concat(parts, ignore_index=True) for parts in (films, labels))
    unmapped = {name: count for name, count in unmapped.items() if count}
    where = tables["train"] or tables["test"]
    print(f"{where}: names no patient; a patient with two films may be in two splits.")
    return assemble(root, "vindr", films, labels, where, VINDR, unmapped)

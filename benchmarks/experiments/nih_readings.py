"""What NIH's table, RSNA's and Google's radiologists, and the boxes say of a film."""

import pathlib

import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrlib.data.readers.tables import read_columns
from cxrscore.labels.vocabulary import NIH
from cxrscore.masks.overlap import iou

WHOLE = "Data_Entry_2017_v2020.csv.gz"
SETS = ("shared_nih", "nih_more")
CLASSES = ("Normal", "No Lung Opacity / Not Normal", "Lung Opacity")
OPACITIES = ("Pneumonia", "Infiltration", "Consolidation", "Atelectasis", "Edema")
LIKE = OPACITIES[:3]  # What RSNA calls pneumonia-like.
ANY = tuple(NIH)[:-1]
GRID = 1000  # Boxes are compared as masks of so many pixels' side.


def read_tables(folder):
    """NIH's whole table, what RSNA and Google say, and all boxes."""
    folder = pathlib.Path(folder)
    if not (folder / WHOLE).is_file():
        raise InputError(
            f"{folder}: holds no {WHOLE}. Give the folder of the real data, or set "
            "CXR_REAL_DATA to it."
        )
    columns = {"Image Index": "file", "Finding Labels": "findings",
               "Patient ID": "patient", "View Position": "view"}  # fmt: skip
    whole = read_columns(folder / WHOLE, tuple(columns))
    whole = whole.rename(columns=columns).set_index("file")

    def read(name):
        parts = [pd.read_csv(folder / f"{name}_{each}.csv", dtype=str) for each in SETS]
        parts = [part.rename(columns={"filename": "Image Index"}) for part in parts]
        return pd.concat(parts).set_index("Image Index")

    rsna, google = read("rsna_class").rsna_class, read("google_labels")
    if odd := set(rsna) - set(CLASSES):
        raise InputError(f"{folder}: a class of RSNA is {odd.pop()!r}.")
    for name, judged in {"RSNA": rsna, "Google": google}.items():
        if not judged.index.is_unique or not judged.index.isin(whole.index).all():
            raise InputError(f"{folder}: {name} names a film twice, or NIH has it not.")
    return whole, rsna, google, read("boxes")


def truths(rsna, google):
    """What is true for each judge: (judge, truth) → a 0/1 series by film."""
    found = {
        ("RSNA", "opacity"): rsna.eq(CLASSES[2]),
        ("RSNA", "not normal"): rsna.ne(CLASSES[0]),
    }
    for name in ("Airspace opacity", "Nodule or mass", "Pneumothorax"):
        found["Google", name] = google[name].eq("YES")
    return {key: column.astype(int) for key, column in found.items()}


def labelled(findings, labels):
    """Whether each cell of `Finding Labels` names one of the labels, 0 or 1."""
    return findings.str.split("|").map(
        lambda names: int(bool(set(names) & set(labels)))
    )


def group_of(findings):
    """By which of NIH's labels a film was chosen to be read again."""
    chosen = labelled(findings, LIKE).map({1: "pneumonia-like", 0: "other finding"})
    chosen = chosen.mask(findings.eq("No Finding"), "No Finding")
    return chosen.mask(labelled(findings, LIKE[:1]).eq(1), "Pneumonia")


def boxed_lungs(boxes):
    """The boxes that NIH's radiologist drew around pneumonia or an infiltrate."""
    by_nih = boxes.source.str.startswith("NIH")
    return boxes[by_nih & boxes.label.isin(("Pneumonia", "Infiltrate"))]


def both_drew(boxes):
    """How much these boxes and those of RSNA overlap, where both drew some."""
    lung = boxed_lungs(boxes)
    rsna = boxes[boxes.source.str.startswith("RSNA")]
    films = sorted(set(lung.index) & set(rsna.index))
    each = [overlap(lung.loc[[film]], rsna.loc[[film]]) for film in films]
    pairs = [
        overlap(lung.loc[[film]].iloc[[i]], rsna.loc[[film]].iloc[[k]])
        for film in films
        for i in range(len(lung.loc[[film]]))
        for k in range(len(rsna.loc[[film]]))
    ]
    return {
        "films": len(films),
        "all boxes of a film": np.mean(each),
        "pairs": len(pairs),
        "box by box": np.mean(pairs),
    }


def overlap(boxes, others):
    """IoU of what two sets of boxes cover."""
    return float(iou(mask_of(boxes)[None], mask_of(others)[None])[0])


def mask_of(boxes):
    """The union of boxes, in shares of width and height, as a square mask."""
    mask = np.zeros((GRID, GRID), bool)
    places = boxes[["x", "y", "w", "h"]].astype(float).to_numpy() * GRID
    for x, y, width, height in places.round().astype(int):
        mask[y : y + height, x : x + width] = True
    return mask

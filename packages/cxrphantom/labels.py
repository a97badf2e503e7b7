"""The films of a phantom with what is truly drawn on them, label by label."""

import pathlib

import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrbase.layout import IMAGES, PROJECTIONS
from cxrbase.tables import read_csv
from cxrphantom.findings import FINDINGS
from cxrphantom.folder import TRUTH

# NIH ChestX-ray14's nearest label, in the order of its fourteen. No phantom shows a
# mass, a pneumonia (which is no shadow, but a cause of one) or a thickened pleura.
NIH_OF = {
    "Atelectasis": ("atelectasis",),
    "Cardiomegaly": ("cardiomegaly",),
    "Effusion": ("pleural_effusion",),
    "Infiltration": ("opacity",),
    "Mass": (),
    "Nodule": ("nodule", "calcified_granuloma"),
    "Pneumonia": (),
    "Pneumothorax": ("pneumothorax",),
    "Consolidation": ("consolidation",),
    "Edema": ("edema",),
    "Emphysema": ("hyperinflation",),
    "Fibrosis": ("scarring",),
    "Pleural_Thickening": (),
    "Hernia": ("hiatal_hernia",),
}
VOCABULARIES = {"nih": NIH_OF, "phantom": {name: (name,) for name in FINDINGS}}


def drawn_labels(vocabulary="nih"):
    """The labels of a vocabulary that a phantom may show.

    Args:
        vocabulary: string. `"nih"`, or `"phantom"`, its own findings.

    Returns:
        A tuple of strings.

    Raises:
        InputError: if there is no such vocabulary.

    Example:
    ```python
    len(drawn_labels()), len(drawn_labels("phantom"))  # 11, 16
    ```
    """
    if vocabulary not in VOCABULARIES:
        known = " or ".join(VOCABULARIES)
        raise InputError(f"vocabulary={vocabulary!r}: choose {known}.")
    words = VOCABULARIES[vocabulary]
    return tuple(label for label, findings in words.items() if findings)


def read_labelled_films(folder, vocabulary="nih", view="frontal"):
    """List the films of one view with their labels, as they were drawn.

    A finding is drawn on both views, but one may hide it: the label is the study's.

    Args:
        folder: string or path. One that `write_phantom` drew.
        vocabulary: string. See `drawn_labels`.
        view: string. `"frontal"` or `"lateral"`.

    Returns:
        A `pandas.DataFrame`, a row per film: `uid` (its file's name), `patient` (its
        study), `image` (path), `view`, `ground`, and for each of `drawn_labels` a
        column of 1.0 and 0.0.

    Raises:
        InputError: if the folder has no truth, or a word is unknown.

    Example:
    ```python
    read_labelled_films("data/phantom").Effusion.mean()
    ```
    """
    labels, folder = drawn_labels(vocabulary), pathlib.Path(folder)
    if view not in ("frontal", "lateral"):
        raise InputError(f"view={view!r}: choose frontal or lateral.")
    truth = read_csv(
        folder / TRUTH / f"{TRUTH}.csv", ("uid", "finding"), "Only a phantom has it."
    )
    films = read_csv(folder / PROJECTIONS, ("uid", "filename", "projection"))
    films = films[films.projection.str.lower().eq(view)]
    films = films.sort_values(["uid", "filename"], ignore_index=True)
    shown = truth.groupby("uid").finding.agg(set)
    shown = [shown.get(uid, set()) for uid in films.uid]
    columns = {
        "uid": films.filename,
        "patient": films.uid,
        "image": [str(folder / IMAGES / name) for name in films.filename],
        "view": view,
        "ground": "phantom",
    }
    for label in labels:
        means = set(VOCABULARIES[vocabulary][label])
        columns[label] = np.array([bool(means & each) for each in shown], "float64")
    return pd.DataFrame(columns)

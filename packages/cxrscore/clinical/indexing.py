"""The Indiana collection's indexing by hand, as a second opinion on the labeler.

Every study was given MeSH terms by readers of its report. Read as the fourteen
observations, they tell how well the rules of `labeler` agree with people.
"""

import hashlib

from cxrbase.files import InputError
from cxrbase.layout import ELSEWHERE, NO_INDEXING, NORMAL
from cxrbase.tables import read_csv
from cxrscore.clinical.labeler import label_reports
from cxrscore.clinical.rules import OBSERVATIONS
from cxrscore.clinical.scores import per_class
from cxrscore.labels.noise import kappa

# heading → (observations, qualifiers of which one must be there, qualifiers that make
# it another thing). Decided by what the heading means, not by what it scores: a
# `Density/lung/round` is an opacity, though reports call it nodular, a blunted angle
# is no effusion, and what a report only suspects is often not indexed at all.
LUNG_ONLY = ELSEWHERE | {"pleura", "lymph nodes"}
HEADINGS = {
    "Cardiomegaly": (("Cardiomegaly",), (), ()),
    "Cardiac Shadow": (("Cardiomegaly",), ("enlarged", "borderline"), ()),
    "Mediastinum": (
        ("Enlarged Cardiomediastinum",),
        ("enlarged", "prominent"),
        ("lymph nodes", "blood vessels"),
    ),
    "Nodule": (("Lung Lesion",), (), ELSEWHERE),
    "Mass": (("Lung Lesion",), (), ELSEWHERE),
    "Calcified Granuloma": (("Lung Lesion",), (), ELSEWHERE),
    "Granuloma": (("Lung Lesion",), (), ELSEWHERE),
    "Cavitation": (("Lung Lesion",), (), ELSEWHERE),
    "Opacity": (("Lung Opacity",), (), LUNG_ONLY),
    "Density": (("Lung Opacity",), (), LUNG_ONLY),
    "Infiltrate": (("Lung Opacity",), (), LUNG_ONLY),
    "Cicatrix": (("Lung Opacity",), (), LUNG_ONLY),
    "Pulmonary Fibrosis": (("Lung Opacity",), (), ()),
    "Lung Diseases, Interstitial": (("Lung Opacity",), (), ()),
    "Markings": (("Lung Opacity",), ("interstitial",), ()),
    "Pulmonary Edema": (("Edema",), (), ()),
    "Pulmonary Congestion": (("Edema",), (), ()),
    "Heart Failure": (("Edema",), (), ()),
    "Consolidation": (("Consolidation",), (), ()),
    "Airspace Disease": (("Consolidation",), (), ()),
    "Pneumonia": (("Pneumonia",), (), ()),
    "Pulmonary Atelectasis": (("Atelectasis",), (), ()),
    "Pneumothorax": (("Pneumothorax",), (), ()),
    "Pleural Effusion": (("Pleural Effusion",), (), ()),
    "Hemothorax": (("Pleural Effusion",), (), ()),
    "Hydropneumothorax": (("Pneumothorax", "Pleural Effusion"), (), ()),
    "Hemopneumothorax": (("Pneumothorax", "Pleural Effusion"), (), ()),
    "Thickening": (("Pleural Other",), ("pleura",), ()),
    "Calcinosis": (("Pleural Other",), ("pleura",), ()),
    "Pleura": (("Pleural Other",), ("abnormal",), ()),
    "Fractures, Bone": (("Fracture",), (), ()),
    "Catheters, Indwelling": (("Support Devices",), (), ()),
    "Implanted Medical Device": (("Support Devices",), (), ()),
    "Medical Device": (("Support Devices",), (), ()),
    "Tube, Inserted": (("Support Devices",), (), ()),
}
# A scar of the pleura is none of the lung.
ALSO = {"Cicatrix": ("Pleural Other", "pleura")}
# No disease: beside these alone a study has no finding.
NO_DISEASE = {
    "Breast Implants",
    "Contrast Media",
    "Epicardial Fat",
    "Foreign Bodies",
    "Lung/hypoinflation",
    "Nipple Shadow",
    "Stents",
    "Surgical Instruments",
    "Sutures",
    "Technical Quality of Image Unsatisfactory",
    NORMAL,
}


def indexed(mesh):
    """The observations that a study's MeSH terms state.

    Args:
        mesh: string. A cell of the column `MeSH`: terms joined by `;`.

    Returns:
        A set of `OBSERVATIONS`.

    Example:
    ```python
    indexed("Cardiac Shadow/enlarged;Nodule/lung")  # {"Cardiomegaly", "Lung Lesion"}
    ```
    """
    found, disease = set(), False
    for term in mesh.split(";"):
        heading, *qualifiers = (part.strip() for part in term.split("/"))
        names, needs, not_with = HEADINGS.get(heading, ((), (), ()))
        meant = not needs or set(qualifiers) & set(needs)
        if meant and not set(qualifiers) & set(not_with):
            found |= set(names)
        if heading in ALSO and ALSO[heading][1] in qualifiers:
            found.add(ALSO[heading][0])
        known = {heading, *(f"{heading}/{part}" for part in qualifiers)}
        disease |= not known & NO_DISEASE and names != ("Support Devices",)
    return found if disease else found | {"No Finding"}


def read_indexed(path):
    """Read the studies that were indexed and have a report.

    Args:
        path: string or path of `indiana_reports.csv`.

    Returns:
        A `pandas.DataFrame`: `uid`, `text` (findings and impression), `half`, which is
        `"held out"` where the labeler's rules were written without a look at it, else
        `"development"`, and a column of 0 and 1 for each of `OBSERVATIONS`.

    Raises:
        InputError: if it cannot be read, lacks a column, or none is indexed.

    Example:
    ```python
    read_indexed("indiana_reports.csv").half.value_counts()
    ```
    """
    table = read_csv(path, ("uid", "MeSH", "findings", "impression"))
    table = table[table["MeSH"].ne(NO_INDEXING)]
    text = (table["findings"] + " " + table["impression"]).str.strip()
    table = table.assign(text=text)[text.ne("")].reset_index(drop=True)
    if table.empty:
        raise InputError(f"{path}: no study with a report is indexed.")
    truth = table["MeSH"].map(indexed)
    labels = {n: [float(n in found) for found in truth] for n in OBSERVATIONS}
    kept = table[["uid", "text"]].assign(half=table["uid"].map(_half))
    return kept.assign(**labels)


def _half(uid):
    """Which half a study belongs to, by a hash of its uid."""
    even = int(hashlib.sha256(uid.encode()).hexdigest(), 16) % 2 == 0
    return "development" if even else "held out"


def agreement(table, uncertain="positive"):
    """How well the labeler agrees with the indexing, observation by observation.

    Args:
        table: `pandas.DataFrame` as of `read_indexed`, or rows of it.
        uncertain: string, see `cxrscore.clinical.scores.ClinicalScorer`.

    Returns:
        A `pandas.DataFrame` as of `cxrscore.clinical.scores.per_class`, with the
        indexing as truth, and `kappa`, Cohen's: 1 is agreement, 0 what chance gives.

    Example:
    ```python
    agreement(read_indexed("indiana_reports.csv")).loc["Cardiomegaly", "kappa"]
    ```
    """
    truth = table[list(OBSERVATIONS)].to_numpy()
    found = per_class(truth, label_reports(table["text"]), uncertain)
    n, support, predicted = (found[name] for name in ("n", "support", "predicted"))
    both = (found["recall"] * support).fillna(0)
    return found.assign(kappa=kappa(n, support, predicted, both))

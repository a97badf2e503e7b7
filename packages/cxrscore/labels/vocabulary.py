"""One vocabulary for the labels of all collections: CheXpert's fourteen and NIH's.

Seven findings are in both under two spellings at most, so that there are twenty-one.
Each reader maps its collection's own names to these, and says what it cannot map.
"""

import numpy as np

from cxrbase.files import InputError
from cxrscore.clinical.rules import OBSERVATIONS

# NIH's own names → ours, in NIH's order (Wang et al., 2017). Its nodules and masses
# are also CheXpert's Lung Lesion, and its pleural thickening Pleural Other: these are
# among the phrases by which the CheXpert labeler finds the two (Irvin et al., 2019).
NIH = {
    "Atelectasis": ("Atelectasis",),
    "Cardiomegaly": ("Cardiomegaly",),
    "Effusion": ("Pleural Effusion",),
    "Infiltration": ("Infiltration",),
    "Mass": ("Mass", "Lung Lesion"),
    "Nodule": ("Nodule", "Lung Lesion"),
    "Pneumonia": ("Pneumonia",),
    "Pneumothorax": ("Pneumothorax",),
    "Consolidation": ("Consolidation",),
    "Edema": ("Edema",),
    "Emphysema": ("Emphysema",),
    "Fibrosis": ("Fibrosis",),
    "Pleural_Thickening": ("Pleural Thickening", "Pleural Other"),
    "Hernia": ("Hernia",),
    "No Finding": ("No Finding",),
}
NIH_LABELS = tuple(ours[0] for ours in NIH.values())[:-1]
CHEXPERT = {name: (name,) for name in OBSERVATIONS}
LABELS = (*OBSERVATIONS, *(name for name in NIH_LABELS if name not in OBSERVATIONS))

# What becomes of -1, "may be": its names and values as Irvin et al. tried them, and
# soft labels after Pham et al. (2021), who drew from 0.55 to 0.85: here the middle.
POLICIES = {"ignore": np.nan, "zeros": 0.0, "ones": 1.0, "soft": 0.7, "keep": -1.0}


def uncertain(labels, policy="ignore"):
    """Decide what becomes of the labels that are -1, "may be".

    Args:
        labels: array or `pandas.DataFrame` of 1, 0, -1 and NaN.
        policy: string. `"ignore"` (NaN: no weight in training, not scored), `"zeros"`,
            `"ones"`, `"soft"` (0.7) or `"keep"` (-1, as published).

    Returns:
        A copy, of the same kind.

    Raises:
        InputError: if there is no such policy.

    Example:
    ```python
    uncertain(np.array([1.0, -1.0, 0.0]), "ones")  # [1, 1, 0]
    ```

    Reference:
        - [Irvin et al., 2019](https://arxiv.org/abs/1901.07031)
        - [Pham et al., 2021](https://arxiv.org/abs/1911.06475)
    """
    if policy not in POLICIES:
        raise InputError(
            f"uncertain={policy!r}: is no policy. Choose one of {', '.join(POLICIES)}."
        )
    if hasattr(labels, "mask"):
        return labels.mask(labels.eq(-1), POLICIES[policy])
    return np.where(np.equal(labels, -1), POLICIES[policy], labels)


def nih_names(labels):
    """What a table for others calls labels.

    Args:
        labels: sequence of strings.

    Returns:
        A list of strings: the names of NIH's `Data_Entry_2017.csv` if the labels are
        NIH's fourteen, in any order, else the labels as they are.

    Example:
    ```python
    nih_names(NIH_LABELS)[2]  # "Effusion"
    ```
    """
    theirs = {ours[0]: name for name, ours in NIH.items()}
    is_nih = set(labels) == set(NIH_LABELS)
    return [theirs[label] if is_nih else label for label in labels]

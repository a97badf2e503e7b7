"""The finding: one thing to be seen on a radiograph, in the words of its report.

The phantom draws a `Finding`, `mesh` writes and reads it in the collection's
indexing grammar, `report_grammar` puts it into sentences.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    """One finding with its place and degree.

    Args:
        name: string. A key of `FINDINGS`.
        side: string. `"right"`, `"left"`, `"bilateral"` (the patient's side, so
            the right is drawn on the left of a frontal view), or `""`.
        region: string. `"upper lobe"`, `"middle lobe"`, `"lower lobe"`,
            `"lingula"`, `"base"`, `"apex"`, `"hilum"`, or `""`.
        degree: string. `"borderline"`, `"mild"`, `"moderate"`, `"severe"`,
            `"small"`, `"large"`, or `""` (drawn as moderate).
        pattern: string. `"streaky"`, `"patchy"`, `"focal"`, `"diffuse"`,
            `"rounded"`, … or `""`.

    Example:
    ```python
    Finding("pleural_effusion", side="left", degree="small")
    ```
    """

    name: str
    side: str = ""
    region: str = ""
    degree: str = ""
    pattern: str = ""


# name → whether it is of heart, lungs or pleura, so that the impression must state
# it. (What makes a study abnormal is decided by `labels`, from the indexing.)
FINDINGS = {
    "cardiomegaly": True,
    "pleural_effusion": True,
    "atelectasis": True,
    "consolidation": True,
    "opacity": True,
    "nodule": True,
    "calcified_granuloma": True,
    "pneumothorax": True,
    "edema": True,
    "hyperinflation": True,
    "scarring": True,
    "spine_degeneration": False,
    "fracture": False,
    "hiatal_hernia": False,
    "pacemaker": False,
    "catheter": False,
}

# name → the CheXpert observation that a report labeler must find, see
# `cxrscore.clinical.labeler`. "Other" is an abnormality that is none of the fourteen.
OBSERVATION_OF = {
    "cardiomegaly": "Cardiomegaly",
    "pleural_effusion": "Pleural Effusion",
    "atelectasis": "Atelectasis",
    "consolidation": "Consolidation",
    "opacity": "Lung Opacity",
    "nodule": "Lung Lesion",
    "calcified_granuloma": "Lung Lesion",
    "pneumothorax": "Pneumothorax",
    "edema": "Edema",
    "hyperinflation": "Other",
    "scarring": "Lung Opacity",
    "spine_degeneration": "Other",
    "fracture": "Fracture",
    "hiatal_hernia": "Other",
    "pacemaker": "Support Devices",
    "catheter": "Support Devices",
}

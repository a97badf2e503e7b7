"""PadChest: 160,000 films of Alicante, whose reports were labelled with 193 terms.

`PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv` beside the folders `0/` to `54/`
of its zip files, or one folder of all images. The reports are stems of Spanish words
without order, so that no text is read.
"""

import re

import pandas as pd

from cxrlib.data.readers.films import assemble, find_images, labels_from_names
from cxrlib.data.readers.tables import find_table, read_columns

TABLE = "PADCHEST_chest_x_ray_images_labels_160K*.csv"
BASES = ("", "images", "images-224")
NEEDED = ("ImageID", "PatientID", "Projection", "Labels")
OPTIONAL = (
    "ImageDir", "StudyID", "StudyDate_DICOM", "PatientBirth", "PatientSex_DICOM",
    "MethodLabel",
)  # fmt: skip
VIEWS = {"PA": "PA", "AP": "AP", "AP_horizontal": "AP", "L": "lateral"}
# A list as Python prints it: read as text, never evaluated.
TERM = re.compile(r"'([^']*)'|\"([^\"]*)\"")
# They say that the report refers to an earlier one, or that the film is of no use.
NO_STATEMENT = {"unchanged", "suboptimal study", "exclude"}


def _each(label, terms):
    return {term.strip(): label for term in terms.split(";")}


# Its terms → ours, by the whole term: "subcutaneous emphysema" is none of the lung,
# "pericardial effusion" none of the pleura, a "pseudonodule" no nodule. The terms are
# those of Bustos et al., 2020; a callus is a fracture that has healed.
PADCHEST = {
    "normal": ("No Finding",),
    "cardiomegaly": ("Cardiomegaly",),
    "pulmonary edema": ("Edema",),
    "pulmonary fibrosis": ("Fibrosis",),
    "emphysema": ("Emphysema",),
    "hiatal hernia": ("Hernia",),
    "pneumothorax": ("Pneumothorax",),
    "hydropneumothorax": ("Pneumothorax", "Pleural Effusion"),
    "infiltrates": ("Infiltration", "Lung Opacity"),
    "pulmonary mass": ("Mass", "Lung Lesion"),
    **_each(("Nodule", "Lung Lesion"), "nodule; multiple nodules"),
    **_each(
        ("Lung Lesion",),
        "granuloma; calcified granuloma; cavitation; lung metastasis",
    ),
    **_each(
        ("Enlarged Cardiomediastinum",),
        "mediastinal enlargement; superior mediastinal enlargement",
    ),
    **_each(
        ("Lung Opacity",),
        "increased density; interstitial pattern; reticular interstitial pattern;"
        "reticulonodular interstitial pattern; ground glass pattern; alveolar pattern;"
        "miliary opacities; fibrotic band",
    ),
    **_each(("Consolidation",), "consolidation; air bronchogram"),
    **_each(("Pneumonia",), "pneumonia; atypical pneumonia"),
    **_each(
        ("Atelectasis",),
        "atelectasis; laminar atelectasis; lobar atelectasis; segmental atelectasis;"
        "round atelectasis; total atelectasis; atelectasis basal",
    ),
    **_each(
        ("Pleural Effusion",),
        "pleural effusion; loculated pleural effusion; loculated fissural effusion;"
        "hemothorax; empyema",
    ),
    **_each(
        ("Pleural Thickening", "Pleural Other"),
        "pleural thickening; apical pleural thickening; calcified pleural thickening",
    ),
    **_each(("Pleural Other",), "pleural plaques; calcified pleural plaques"),
    **_each(
        ("Fracture",),
        "fracture; rib fracture; callus rib fracture; clavicle fracture;"
        "humeral fracture; vertebral fracture",
    ),
    **_each(
        ("Support Devices",),
        "pacemaker; single chamber device; dual chamber device; dai; electrical device;"
        "catheter; central venous catheter; reservoir central venous catheter;"
        "central venous catheter via jugular vein;"
        "central venous catheter via subclavian vein;"
        "central venous catheter via umbilical vein; nsg tube; endotracheal tube;"
        "tracheostomy tube; chest drain tube; ventriculoperitoneal drain tube;"
        "gastrostomy tube; nephrostomy tube; artificial heart valve;"
        "artificial mitral heart valve; artificial aortic heart valve",
    ),
}


def read_terms(cell):
    """Read the terms of a cell of the column `Labels`.

    Args:
        cell: string, such as `"['pleural effusion', ' pneumonia']"`.

    Returns:
        A set of strings in lower case; `None` if the cell says nothing of the film.

    Example:
    ```python
    read_terms("['normal']")  # {"normal"}
    ```
    """
    terms = {(one or two).strip().lower() for one, two in TERM.findall(cell)} - {""}
    # What is unchanged is in a report that is not here.
    said = terms - NO_STATEMENT
    return None if "exclude" in terms or not said else said


def read_padchest(root, source=None, on_disk=True):
    """Read PadChest, or a part of it.

    Args:
        root: `pathlib.Path`. The folder of the table.
        source: `None`. The column `source` says who labelled a film: `physician` or
            `rnn`, a network that had learned from them.
        on_disk: bool. Whether films that are not on disk are left out.

    Returns:
        A `pandas.DataFrame`, see `cxrlib.data.readers.labelled.read_labelled`. No split
        is published.

    Raises:
        InputError: if the table is not in this layout.

    Example:
    ```python
    films = read_padchest(pathlib.Path("padchest"))
    films[films.source.eq("physician")]
    ```

    Reference:
        - [Bustos et al., 2020](https://arxiv.org/abs/1901.07441)
    """
    path = find_table(root, TABLE)
    years = ("StudyDate_DICOM", "PatientBirth")
    table = read_columns(path, NEEDED, OPTIONAL, years)
    films = pd.DataFrame({"uid": table.ImageID.str.replace(r"\.png$", "", regex=True)})
    films["patient"] = table.PatientID.where(table.PatientID.ne(""), films.uid)
    films["study"] = table.StudyID
    films["view"] = table.Projection.map(VIEWS).fillna("unknown")
    films["age"] = table.StudyDate_DICOM // 10_000 - table.PatientBirth
    films["sex"] = table.PatientSex_DICOM
    method = table.MethodLabel.str.lower()
    films["source"] = method.str.removesuffix("_model").where(method.ne(""), "unknown")
    folder = table.ImageDir.str.replace(r"\.0$|\.zip$", "", regex=True)
    inner = (folder + "/").where(folder.ne(""), "") + table.ImageID
    films["image"] = find_images(root, inner, path, BASES, on_disk=on_disk)
    if (left := films.image.eq("")).any():
        flat = find_images(root, table.ImageID[left], path, BASES, on_disk=on_disk)
        films.loc[left, "image"] = flat
    labels, unmapped = labels_from_names(table.Labels, read_terms, PADCHEST)
    return assemble(root, "padchest", films, labels, path, PADCHEST, unmapped)

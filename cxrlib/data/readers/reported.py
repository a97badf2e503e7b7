"""Labels of the Indiana collection and of the phantom, film by film.

Indiana's come from its indexing by hand (MeSH) or from its reports, by the labeler of
`cxrscore`; the phantom's are the truth that it was drawn from.
"""

import pandas as pd

from cxrbase.files import InputError
from cxrbase.grounds import source_ground
from cxrbase.layout import ELSEWHERE, PROJECTIONS, REPORTS
from cxrbase.tables import read_csv
from cxrlib.data.labels import is_indexed
from cxrlib.data.readers.films import assemble, find_images, labels_from_names
from cxrlib.data.readers.indiana import describe_folder, meet, name_views
from cxrphantom.findings import OBSERVATION_OF
from cxrscore.clinical.indexing import indexed
from cxrscore.clinical.labeler import label_report
from cxrscore.clinical.rules import OTHER
from cxrscore.labels.vocabulary import CHEXPERT, LABELS, NIH_LABELS

SOURCES = ("mesh", "labeler")
TRUTH = "truth/truth.csv"
# Headings of the indexing that NIH has a label for and CheXpert has none; what is at
# one of the places is another thing. The rest is in `cxrscore.clinical.indexing`.
HEADINGS = {
    "Infiltrate": ("Infiltration", ELSEWHERE),
    "Mass": ("Mass", ELSEWHERE),
    "Nodule": ("Nodule", ELSEWHERE),
    "Emphysema": ("Emphysema", {"subcutaneous"}),
    "Pulmonary Emphysema": ("Emphysema", ()),
    "Bullous Emphysema": ("Emphysema", ()),
    "Pulmonary Fibrosis": ("Fibrosis", ()),
    "Hernia, Hiatal": ("Hernia", ()),
    "Thickening": ("Pleural Thickening", ()),
}
# What the phantom draws → the vocabulary: the truth, so that 0 is truly none.
PHANTOM = {
    **{name: (label,) for name, label in OBSERVATION_OF.items() if label != OTHER},
    "nodule": ("Lung Lesion", "Nodule"),
    "hiatal_hernia": ("Hernia",),
    "normal": ("No Finding",),
}


def read_indiana(root, source=None, on_disk=True):
    """Read the Indiana collection in Kaggle's layout, or a part of it.

    Args:
        root: `pathlib.Path`. The folder of `indiana_reports.csv`.
        source: string. `"mesh"` (default): the terms of its indexing, 1 and 0.
            `"labeler"`: what `cxrscore.clinical.labeler` reads in findings and
            impression, with -1 and NaN; it knows CheXpert's fourteen alone.
        on_disk: bool. Whether films that are not on disk are left out.

    Returns:
        A `pandas.DataFrame`, see `cxrlib.data.readers.labelled.read_labelled`. No
        patient is named: a study counts as one.

    Raises:
        InputError: if a table is not in this layout.

    Example:
    ```python
    read_indiana(pathlib.Path("data/indiana"), source="labeler")
    ```

    Reference:
        - [Demner-Fushman et al., 2016](https://doi.org/10.1093/jamia/ocv080)
    """
    source = source or SOURCES[0]
    if source not in SOURCES:
        raise InputError(f"source={source!r}: choose one of {', '.join(SOURCES)}.")
    films, reports = _films(root, on_disk)
    films["source"] = source
    path, unmapped = root / REPORTS, {}
    if source == "mesh":
        mapping = CHEXPERT | {name: (name,) for name in NIH_LABELS}
        labels, unmapped = labels_from_names(reports.MeSH, read_mesh, mapping)
        labels = labels.loc[films.study]
    else:
        mapping = CHEXPERT
        texts = (reports.findings + " " + reports.impression).str.strip()
        read = {text: label_report(text) for text in texts[texts.ne("")].unique()}
        rows = [read.get(text, {}) for text in texts[films.study]]
        labels = pd.DataFrame(rows, columns=LABELS)
    return assemble(
        root, "indiana", films, labels.reset_index(drop=True), path, mapping, unmapped
    )


def read_phantom(root, source=None, on_disk=True):
    """Read a phantom with the truth that it was drawn from.

    Args:
        root: `pathlib.Path`. A folder that `write_phantom` drew.
        source: `None`. There is one.
        on_disk: bool. Whether films that are not on disk are left out.

    Returns:
        A `pandas.DataFrame`, see `cxrlib.data.readers.labelled.read_labelled`.

    Raises:
        InputError: if a table is not in this layout.

    Example:
    ```python
    read_phantom(pathlib.Path("data/phantom"))["Pleural Effusion"].mean()
    ```
    """
    films, reports = _films(root, on_disk)
    films["source"] = "truth"
    path = root / TRUTH
    truth = read_csv(path, ("uid", "finding"), "Draw the phantom again.")
    drawn = truth.groupby("uid").finding.agg("|".join).reindex(reports.index)
    if drawn.isna().any():
        raise InputError(
            f"{path}: says nothing of study {drawn.index[drawn.isna()][0]}. Draw the "
            "phantom again."
        )
    labels, unmapped = labels_from_names(drawn, _read_truth, PHANTOM)
    labels = labels.loc[films.study].reset_index(drop=True)
    return assemble(root, "phantom", films, labels, path, PHANTOM, unmapped)


def read_mesh(cell):
    """The labels of a study's indexing; `None` if it was not indexed.

    Args:
        cell: string. The column `MeSH`.

    Returns:
        A set of labels of the vocabulary, and of headings that have none in it.

    Example:
    ```python
    read_mesh("Nodule/lung;Scoliosis")  # {"Lung Lesion", "Nodule", "Scoliosis"}
    ```
    """
    if not is_indexed(cell):
        return None
    found = set()
    for term in cell.split(";"):
        heading, *qualifiers = (part.strip() for part in term.split("/"))
        ours = indexed(term) - {"No Finding"}
        name, elsewhere = HEADINGS.get(heading, (None, ()))
        # A thickening is one of the pleura where the indexing says so.
        meant = heading != "Thickening" or "Pleural Other" in ours
        if name and meant and not set(elsewhere) & set(qualifiers):
            ours.add(name)
        found |= ours or {heading}
    found -= {"normal"}
    return found | {"No Finding"} if "No Finding" in indexed(cell) else found


def _read_truth(cell):
    """The findings that were drawn; a device alone is no disease."""
    names = set(cell.split("|"))
    disease = {name for name in names if OBSERVATION_OF.get(name) != "Support Devices"}
    return names if disease else names | {"normal"}


def _films(root, on_disk):
    """The projections, a row each, and the reports by their uids."""
    dataset = describe_folder(root)
    path, projections = root / REPORTS, root / PROJECTIONS
    reports = read_csv(path, ("uid", "MeSH", "findings", "impression"))
    views = read_csv(projections, ("uid", "filename", "projection"))
    reports["uid"], views["uid"] = meet(reports.uid, views.uid, path, projections)
    if reports.uid.duplicated().any():
        raise InputError(f"{path}: repeats a uid. Download it again.")
    views["projection"] = name_views(views.projection, projections)
    views = views[views.uid.isin(reports.uid)].reset_index(drop=True)
    reports = reports.set_index("uid")
    films = pd.DataFrame(
        {"uid": views.filename.str.replace(r"(\.dcm)?\.png$", "", regex=True)}
    )
    films["study"] = films["patient"] = views.uid
    films["view"] = views.projection.fillna("unknown")
    for name in ("findings", "impression"):
        films[name] = views.uid.map(reports[name].str.strip())
    films["ground"] = source_ground(
        {"is_phantom": dataset.is_phantom, "phantom": dataset.phantom}
    )
    folder = dataset.image_root
    base = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else ""
    films["image"] = find_images(
        root, views.filename, projections, (base,), on_disk=on_disk
    )
    return films, reports

"""The collection's indexing grammar: `Opacity/lung/upper lobe/right/streaky`.

A term is a heading followed by its place, its side, its pattern and its degree,
in this order, each only where it is given. `to_mesh` writes a `Finding` so,
`from_mesh` reads the many headings of the real files back into the few findings
that the phantom can draw.
"""

from cxrbase.layout import ELSEWHERE, NO_INDEXING, NORMAL
from cxrphantom.findings import Finding

SIDES = ("right", "left", "bilateral")
REGIONS = (
    "upper lobe",
    "middle lobe",
    "lower lobe",
    "lingula",
    "base",
    "apex",
    "hilum",
)
DEGREES = ("borderline", "mild", "moderate", "severe", "small", "large")

# === Writing ===

# name → heading with its fixed qualifiers, then the qualifiers that may follow.
GRAMMAR = {
    "cardiomegaly": ("Cardiomegaly", ("degree",)),
    "pleural_effusion": ("Pleural Effusion", ("side", "degree")),
    "atelectasis": ("Pulmonary Atelectasis", ("region", "side", "pattern", "degree")),
    "consolidation": ("Consolidation/lung", ("region", "side", "pattern", "degree")),
    "opacity": ("Opacity/lung", ("region", "side", "pattern", "degree")),
    "nodule": ("Nodule/lung", ("region", "side", "pattern", "degree")),
    "calcified_granuloma": (
        "Calcified Granuloma/lung",
        ("region", "side", "pattern", "degree"),
    ),
    "pneumothorax": ("Pneumothorax", ("region", "side", "degree")),
    "edema": ("Pulmonary Edema", ("pattern", "degree")),
    "hyperinflation": ("Lung/hyperdistention", ("degree",)),
    "scarring": ("Cicatrix/lung", ("region", "side", "pattern", "degree")),
    "spine_degeneration": ("Thoracic Vertebrae/degenerative", ("degree",)),
    "fracture": ("Fractures, Bone/ribs", ("side", "pattern")),
    "hiatal_hernia": ("Hernia, Hiatal", ("degree",)),
    "pacemaker": ("Implanted Medical Device", ("side",)),
    "catheter": ("Catheters, Indwelling", ("side",)),
}
PATTERNS = {
    "atelectasis": ("focal", "patchy", "streaky"),
    "consolidation": ("focal", "patchy"),
    "opacity": ("streaky", "patchy", "focal", "rounded", "interstitial", "diffuse"),
    "nodule": ("multiple",),
    "calcified_granuloma": ("multiple",),
    "edema": ("interstitial",),
    "hyperinflation": ("emphysema",),
    "scarring": ("streaky",),
    "fracture": ("healed",),
}
# What has a size is small or large; what has an extent is mild or severe.
SIZED = {
    "pleural_effusion",
    "nodule",
    "calcified_granuloma",
    "pneumothorax",
    "hiatal_hernia",
}

# === Reading ===

# heading → finding. Several headings of the real files look alike when drawn.
HEADINGS = {
    "Cardiomegaly": "cardiomegaly",
    "Cardiac Shadow": "cardiomegaly",
    "Pleural Effusion": "pleural_effusion",
    "Costophrenic Angle": "pleural_effusion",
    "Pulmonary Atelectasis": "atelectasis",
    "Consolidation": "consolidation",
    "Airspace Disease": "consolidation",
    "Pneumonia": "consolidation",
    "Opacity": "opacity",
    "Infiltrate": "opacity",
    "Density": "opacity",
    "Markings": "opacity",
    "Lung Diseases, Interstitial": "opacity",
    "Nodule": "nodule",
    "Mass": "nodule",
    "Calcified Granuloma": "calcified_granuloma",
    "Granuloma": "calcified_granuloma",
    "Granulomatous Disease": "calcified_granuloma",
    "Calcinosis": "calcified_granuloma",
    "Pneumothorax": "pneumothorax",
    "Pulmonary Edema": "edema",
    "Pulmonary Congestion": "edema",
    "Lung": "hyperinflation",
    "Diaphragm": "hyperinflation",
    "Emphysema": "hyperinflation",
    "Pulmonary Emphysema": "hyperinflation",
    "Bullous Emphysema": "hyperinflation",
    "Pulmonary Disease, Chronic Obstructive": "hyperinflation",
    "Cicatrix": "scarring",
    "Pulmonary Fibrosis": "scarring",
    "Thickening": "scarring",
    "Thoracic Vertebrae": "spine_degeneration",
    "Spine": "spine_degeneration",
    "Osteophyte": "spine_degeneration",
    "Spondylosis": "spine_degeneration",
    "Fractures, Bone": "fracture",
    "Deformity": "fracture",
    "Hernia, Hiatal": "hiatal_hernia",
    "Implanted Medical Device": "pacemaker",
    "Catheters, Indwelling": "catheter",
}
# Headings that mean their finding only with one of these qualifiers.
REQUIRED = {
    "Cardiac Shadow": {"enlarged"},
    "Costophrenic Angle": {"blunted"},
    "Markings": {"interstitial"},
    "Calcinosis": {"lung"},
    "Lung": {"hyperdistention"},
    "Diaphragm": {"flattened"},
    "Thickening": {"pleura"},
    "Spine": {"degenerative"},
    "Thoracic Vertebrae": {"degenerative"},
    "Fractures, Bone": {"ribs"},
    "Deformity": {"ribs"},
}
# What the heading itself says of the pattern or the degree.
IMPLIED = {
    "Costophrenic Angle": {"degree": "small"},
    "Markings": {"pattern": "interstitial"},
    "Lung Diseases, Interstitial": {"pattern": "interstitial"},
    "Mass": {"degree": "large"},
    "Emphysema": {"pattern": "emphysema"},
    "Pulmonary Emphysema": {"pattern": "emphysema"},
    "Bullous Emphysema": {"pattern": "emphysema"},
    "Pulmonary Congestion": {"degree": "mild"},
    "Deformity": {"pattern": "healed"},
}


def _words(text):
    return frozenset(" ".join(text.split()).split("; "))


BONY = {"spine_degeneration": "thoracic vertebrae|spine", "fracture": "ribs"}
# Headings of the real files that are known and have no picture here.
NOT_DRAWN = _words(
    """
    Aorta; Aorta, Thoracic; Aortic Aneurysm; Arthritis; Atherosclerosis; Azygos
    Lobe; Blister; Blood Vessels; Bone Diseases, Metabolic; Bone and Bones; Breast
    Implants; Bronchiectasis; Bronchiolitis; Bronchitis; Cavitation; Cholelithiasis;
    Contrast Media; Cysts; Diaphragmatic Eventration; Dislocations; Epicardial Fat;
    Foreign Bodies; Funnel Chest; Heart; Heart Atria; Heart Failure; Heart
    Ventricles; Hemopneumothorax; Hemothorax; Hyperostosis, Diffuse Idiopathic
    Skeletal; Hydropneumothorax; Hypertension, Pulmonary; Kyphosis; Lucency; Lumbar
    Vertebrae; Lung, Hyperlucent; Mastectomy; Mediastinum; Medical Device; Nipple
    Shadow; Osteoporosis; Pectus Carinatum; Pericardial Effusion; Pleura;
    Pneumonectomy; Pneumoperitoneum; Pulmonary Artery; Ribs; Sarcoidosis; Sclerosis;
    Scoliosis; Shift; Shoulder; Spinal Fusion; Stents; Subcutaneous Emphysema;
    Sulcus; Surgical Instruments; Sutures; Technical Quality of Image
    Unsatisfactory; Tube, Inserted; Volume Loss
    """
)


def to_mesh(finding):
    """Write a finding as a term of the collection's indexing grammar.

    Args:
        finding: `Finding`.

    Returns:
        A string such as `"Opacity/lung/upper lobe/right/streaky"`.

    Raises:
        KeyError: if the finding's name is not in `FINDINGS`.

    Example:
    ```python
    to_mesh(Finding("pleural_effusion", side="left", degree="small"))
    # "Pleural Effusion/left/small"
    ```
    """
    heading, order = GRAMMAR[finding.name]
    if finding.name == "hyperinflation" and finding.pattern == "emphysema":
        heading = "Emphysema"
    parts = [heading] + [getattr(finding, key) for key in order]
    if finding.region == "lingula":  # There is only one, on the left.
        parts = [part for part in parts if part != finding.side]
    parts = ["round" if part == "rounded" else part for part in parts]
    return "/".join(part for part in parts if part)


def from_mesh(term):
    """Read a term of the collection into the finding that the phantom draws.

    Args:
        term: string. One term, without `;`. Qualifiers that change nothing
            in the drawing (`chronic`, `posterior`) are skipped.

    Returns:
        A `Finding`, with `""` for whatever the term left open, or `None` if
        the term has no picture here; `is_known` then tells a term left out
        on purpose from one never seen.

    Example:
    ```python
    from_mesh("Airspace Disease/lung/lower lobe/right/patchy")
    # Finding("consolidation", "right", "lower lobe", "", "patchy")
    ```
    """
    heading, *qualifiers = [part.strip() for part in term.split("/")]
    name = HEADINGS.get(heading)
    if name is None or not REQUIRED.get(heading, set()) <= set(qualifiers):
        return None
    here = BONY.get(name, "").split("|")
    if any(part in ELSEWHERE and part not in here for part in qualifiers):
        return None
    side, region = _place(name, qualifiers)
    implied = IMPLIED.get(heading, {})
    return Finding(
        name,
        side=side,
        region=region,
        degree=_degree(name, _first(qualifiers, DEGREES)) or implied.get("degree", ""),
        pattern=_pattern(name, qualifiers) or implied.get("pattern", ""),
    )


def is_known(term):
    """Whether a term belongs to the grammar, drawn or left out on purpose.

    Args:
        term: string. One term, without `;`.

    Returns:
        A bool.

    Example:
    ```python
    is_known("Scoliosis/thoracic vertebrae/mild")  # True, though not drawn
    ```
    """
    heading = term.split("/")[0].strip()
    known = heading in HEADINGS or heading in NOT_DRAWN
    return known or heading in (NORMAL, NO_INDEXING)


def problems(mesh):
    """List the headings of a study's terms, as the `Problems` column does.

    Args:
        mesh: string. The `MeSH` column: terms joined by `;`.

    Returns:
        A string, the headings joined by `;`, repeated where a term repeats.

    Example:
    ```python
    problems("Cardiomegaly/mild;Pleural Effusion/left")
    # "Cardiomegaly;Pleural Effusion"
    ```
    """
    return ";".join(term.split("/")[0] for term in mesh.split(";"))


def _first(qualifiers, vocabulary):
    return next((part for part in qualifiers if part in vocabulary), "")


def _place(name, qualifiers):
    """Return side and region, mended where anatomy leaves one choice."""
    order = GRAMMAR[name][1]
    side, region = _first(qualifiers, SIDES), _first(qualifiers, REGIONS)
    if "retrocardiac" in qualifiers and not region:
        side, region = side or "left", "base"
    if "costophrenic angle" in qualifiers and not region:
        region = "base"
    if region == "lingula":
        side = "left"
    if region == "middle lobe" and side != "right":
        side, region = (side or "right"), ("" if side else region)
    return side if "side" in order else "", region if "region" in order else ""


def _degree(name, degree):
    if "degree" not in GRAMMAR[name][1]:
        return ""
    if name == "cardiomegaly":
        return {"small": "mild", "large": "severe"}.get(degree, degree)
    if name in SIZED:
        change = {"mild": "small", "borderline": "small", "severe": "large"}
    else:
        change = {"small": "mild", "borderline": "mild", "large": "severe"}
    return change.get(degree, degree)


def _pattern(name, qualifiers):
    words = {"round": "rounded", "scattered": "multiple", "chronic": "healed"}
    if name == "opacity":
        words["reticular"] = "interstitial"
    if name == "hyperinflation":
        return ""  # Only its heading says emphysema.
    found = [words.get(part, part) for part in qualifiers]
    return _first(found, PATTERNS.get(name, ()))

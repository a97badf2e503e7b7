"""The words of the phantom's reports: weighted alternatives for every slot.

Written for this course, after the manner of the real reports and without their
sentences. Few alternatives with uneven weights, as in real dictation, so that
a decoder can learn the wording from a thousand studies.
"""

# === Places and degrees ===

# region → (adjective, adjective when bilateral, phrase, phrase when bilateral).
PLACES = {
    "base": (
        "{side} basilar",
        "bibasilar",
        "at the {side} lung base",
        "at both lung bases",
    ),
    "apex": (
        "{side} apical",
        "biapical",
        "at the {side} lung apex",
        "at both lung apices",
    ),
    "hilum": (
        "{side} perihilar",
        "bilateral perihilar",
        "near the {side} hilum",
        "near both hila",
    ),
    "lingula": ("lingular", "lingular", "in the lingula", "in the lingula"),
    "": ("{side} lung", "bilateral", "in the {side} lung", "in both lungs"),
}
LOBES = (
    "{side} {lobe}",
    "bilateral {lobe}",
    "in the {side} {lobe}",
    "in both {lobe}s",
)
DEGREES = {
    "borderline": {"borderline": 1},
    "mild": {"mild": 4, "minimal": 1},
    "moderate": {"moderate": 1},
    "severe": {"severe": 3, "marked": 1},
    "small": {"small": 5, "tiny": 1},
    "large": {"large": 1},
}
ADVERBS = {
    "borderline": "borderline",
    "mild": "mildly",
    "moderate": "moderately",
    "severe": "markedly",
}
PATTERNS = {
    "rounded": "rounded",
    "emphysema": "",
    "healed": "",
    "multiple": "multiple",
}
PLURALS = {
    "opacity(s)": "opacities",
    "pneumothorax(s)": "pneumothoraces",
}

# === Findings, as noun phrases ===

# name → template → (weight, kind). Kinds: "one" takes an article and becomes
# plural with `(s)`, "mass" never does either, "many" is plural always.
NOUNS = {
    "cardiomegaly": {
        "{degree} cardiomegaly": (6, "mass"),
        "{degree} enlargement of the cardiac silhouette": (2, "mass"),
        "{adverb} enlarged heart": (1, "one"),
    },
    "pleural_effusion": {
        "{degree} {side} pleural effusion(s)": (7, "one"),
        "{degree} {side} effusion(s)": (1, "one"),
        "{degree} pleural effusion(s) {on_side}": (2, "one"),
    },
    "atelectasis": {
        "{degree} {pattern} {adjective} atelectasis": (7, "mass"),
        "{degree} {pattern} {adjective} subsegmental atelectasis": (1, "mass"),
        "{degree} {pattern} atelectasis {place}": (2, "mass"),
    },
    "consolidation": {
        "{degree} {pattern} {adjective} consolidation": (4, "mass"),
        "{degree} {pattern} {adjective} airspace disease": (4, "mass"),
        "{degree} {pattern} airspace consolidation {place}": (2, "mass"),
    },
    "opacity": {
        "{degree} {pattern} {adjective} opacity(s)": (7, "one"),
        "{degree} {pattern} opacity(s) {place}": (3, "one"),
    },
    "nodule": {
        "{pattern} {degree} {adjective} nodule(s)": (6, "one"),
        "{pattern} {degree} pulmonary nodule(s) {place}": (2, "one"),
        "{pattern} {degree} nodule(s) {place}": (2, "one"),
    },
    "calcified_granuloma": {
        "{pattern} {degree} {adjective} calcified granuloma(s)": (4, "one"),
        "{pattern} {degree} calcified granuloma(s) {place}": (5, "one"),
    },
    "pneumothorax": {
        "{degree} {side} {apical} pneumothorax(s)": (8, "one"),
        "{degree} {apical} pneumothorax(s) {on_side}": (2, "one"),
    },
    "edema": {
        "{degree} pulmonary edema": (4, "mass"),
        "{degree} interstitial edema": (4, "mass"),
        "{degree} interstitial pulmonary edema": (2, "mass"),
    },
    "hyperinflation": {
        "{adverb} hyperinflated lungs": (4, "many"),
        "{adverb} hyperexpanded lungs": (4, "many"),
        "{degree} hyperinflation of the lungs": (2, "mass"),
    },
    "emphysema": {
        "{degree} emphysematous changes": (4, "many"),
        "{degree} emphysema with hyperinflated lungs": (3, "mass"),
        "{adverb} hyperexpanded emphysematous lungs": (2, "many"),
    },
    "scarring": {
        "{degree} {pattern} {adjective} scarring": (7, "mass"),
        "{degree} {pattern} scarring {place}": (3, "mass"),
    },
    "spine_degeneration": {
        "{degree} degenerative changes of the thoracic spine": (6, "many"),
        "{degree} degenerative changes of the spine": (3, "many"),
        "{degree} thoracic spondylosis": (1, "mass"),
    },
    "fracture": {
        "{side} rib fracture(s)": (7, "one"),
        "rib fracture(s) {on_side}": (3, "one"),
    },
    "healed_fracture": {
        "healed {side} rib fracture(s)": (6, "one"),
        "old {side} rib fracture(s)": (3, "one"),
        "remote rib fracture(s) {on_side}": (1, "one"),
    },
    "hiatal_hernia": {"{degree} hiatal hernia": (1, "one")},
    "pacemaker": {
        "{side} sided pacemaker": (3, "one"),
        "{side} chest pacemaker": (2, "one"),
        "{side} sided cardiac pacing device": (1, "one"),
    },
    "catheter": {
        "{side} central venous catheter": (3, "one"),
        "{side} sided central venous catheter": (2, "one"),
        "{side} central line": (1, "one"),
    },
}

# What follows a noun phrase; mostly "". None names another finding.
TAILS = {
    "consolidation": {
        "": 6,
        ", compatible with pneumonia": 2,
        ", suspicious for pneumonia": 1,
        ". Pneumonia cannot be excluded": 1,
    },
    "opacity": {
        "": 8,
        ", which may represent infection": 2,
        ", possibly infectious or inflammatory": 1,
        ", XXXX infection": 1,
        ". Infection cannot be excluded": 1,
    },
    "nodule": {"": 8, ", possibly benign": 1, ", of uncertain significance": 1},
    "calcified_granuloma": {"": 8, ", XXXX from prior infection": 1, ", benign": 1},
    "hyperinflation": {"": 7, ", suggesting obstructive disease": 1},
    "emphysema": {"": 7, ", consistent with obstructive disease": 2},
    "edema": {"": 8, ", possibly cardiogenic": 1},
}
ADVICE = {
    "nodule": (0.25, "Recommend CT of the chest for further evaluation"),
    "consolidation": (0.2, "Followup radiographs are recommended"),
    "pneumothorax": (0.4, "Findings were discussed with Dr. XXXX at XXXX"),
}
# Said first where both are there: "small left effusion with atelectasis".
TOGETHER = {
    ("cardiomegaly", "edema"): "with",
    ("pleural_effusion", "atelectasis"): "with",
    ("pleural_effusion", "consolidation"): "and",
    ("consolidation", "atelectasis"): "and",
    ("opacity", "atelectasis"): "and",
    ("opacity", "scarring"): "and",
    ("hyperinflation", "scarring"): "with",
}

# === Nothing found ===

STOCK = {  # Short impressions, skewed as in the real collection.
    "No acute cardiopulmonary abnormality.": 18,
    "No acute cardiopulmonary findings.": 10,
    "No acute cardiopulmonary disease.": 9,
    "No acute cardiopulmonary abnormalities.": 7,
    "No active disease.": 7,
    "No acute disease.": 6,
    "No acute cardiopulmonary process.": 5,
    "No evidence of active disease.": 4,
    "No acute radiographic cardiopulmonary process.": 4,
    "No acute pulmonary disease.": 3,
    "No acute findings.": 3,
    "Negative for acute abnormality.": 3,
    "No acute or active cardiac, pulmonary or pleural disease.": 2,
}
STOCK_NORMAL = {  # Only where nothing at all is drawn.
    "Normal chest.": 4,
    "Normal chest x-XXXX.": 3,
    "Clear lungs.": 3,
    "Unremarkable chest radiographs.": 1,
}
HEART = {
    "The heart is normal in size.": 4,
    "Heart size is within normal limits.": 4,
    "The cardiomediastinal silhouette is within normal limits.": 4,
    "Heart size and mediastinal contour are normal.": 2,
}
MEDIASTINUM = {
    "The mediastinum is unremarkable.": 3,
    "Mediastinal contours are within normal limits.": 2,
}
LUNGS = {
    "The lungs are clear.": 4,
    "Lungs are clear bilaterally.": 2,
    "The lungs are clear without evidence of focal airspace disease.": 2,
    "No focal airspace consolidation.": 2,
    "There is no focal consolidation.": 1,
}
VESSELS = {
    "Pulmonary vasculature is normal.": 2,
    "The pulmonary XXXX are within normal limits.": 1,
}
BONES = {
    "No acute bony abnormality.": 3,
    "The osseous structures are intact.": 2,
    "Visualized osseous structures are unremarkable.": 2,
    "XXXX are grossly unremarkable.": 1,
}
NEGATIVES = {  # (no effusion, no pneumothorax) → sentences.
    (True, True): {
        "No pleural effusion or pneumothorax.": 5,
        "There is no pneumothorax or pleural effusion.": 4,
        "No pneumothorax or effusion is seen.": 1,
    },
    (True, False): {
        "No pleural effusion.": 3,
        "There is no pleural effusion.": 1,
    },
    (False, True): {"No pneumothorax.": 3, "There is no pneumothorax.": 2},
}

# === Before the reading ===

IMAGES = {
    "Xray Chest PA and Lateral": 8,
    "PA and lateral chest x-XXXX dated XXXX.": 2,
    "Chest, 2 views, frontal and lateral": 1,
    "PA and lateral views of the chest XXXX, XXXX": 1,
}
REASONS = {
    "chest pain": 8,
    "shortness of breath": 4,
    "dyspnea": 3,
    "cough": 3,
    "XXXX": 4,
    "fever": 1,
    "preoperative evaluation": 1,
    "hypertension": 1,
}
INDICATIONS = {
    "XXXX-year-old female with {reason}.": 4,
    "XXXX-year-old male with {reason}.": 4,
    "{reason}.": 5,
    "XXXX-year-old with {reason}.": 1,
    "XXXX": 1,
}
COMPARISONS = {
    "None.": 8,
    "XXXX.": 4,
    "XXXX, XXXX.": 4,
    "None available.": 2,
    "Chest radiographs XXXX.": 1,
    "PA and lateral chest x-XXXX dated XXXX.": 1,
}

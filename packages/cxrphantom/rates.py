"""The rates of the real collection, as plain tables of counts.

Every table counts the 3,851 studies of the real `indiana_reports.csv` or the
7,466 images of `indiana_projections.csv`, read through `mesh.from_mesh`.
"""

# Shares of the studies by their MeSH terms, those not indexed distributed. `lung` has
# any of the findings below. The course's cleaning, which drops what is abnormal
# elsewhere only, leaves about as many normals as abnormals, as in the real tables
# (1,166 and 1,248).
CLASSES = {"normal": 0.36, "lung": 0.43, "other": 0.21}
UNINDEXED = 92 / 3851  # `No Indexing`, whatever the picture shows.

VIEWS = {  # (frontals, laterals) of a study.
    (1, 1): 3194,
    (1, 0): 295,
    (0, 1): 151,
    (2, 1): 103,
    (1, 2): 77,
    (0, 2): 11,
    (2, 2): 8,
    (0, 0): 5,
    (3, 1): 4,
}
SECTIONS = {  # (has findings, has impression); they go missing together.
    (True, True): 3331,
    (False, True): 489,
    (False, False): 25,
    (True, False): 6,
}
NO_INDICATION = 86 / 3851
NO_COMPARISON = 1166 / 3851

# How many lung findings a study with any has; how often each occurs. Granulomas
# count by their own heading only (not the calcified hilar nodes read as them).
LUNG_COUNTS = {1: 874, 2: 434, 3: 206, 4: 103}
LUNG_RATES = {
    "cardiomegaly": 364,
    "pleural_effusion": 187,
    "atelectasis": 315,
    "consolidation": 153,
    "opacity": 592,
    "nodule": 118,
    "calcified_granuloma": 276,
    "pneumothorax": 22,
    "edema": 92,
    "hyperinflation": 269,
    "scarring": 223,
}
# Observed over expected pairs, rows and columns in the order of LUNG_RATES.
LIFTS = (
    (0.0, 1.2, 0.9, 0.8, 0.9, 0.3, 0.3, 0.0, 3.3, 0.2, 0.5),
    (1.2, 0.0, 1.6, 2.6, 1.2, 0.4, 0.3, 2.0, 2.5, 0.4, 1.2),
    (0.9, 1.6, 0.0, 1.6, 1.6, 0.3, 0.4, 2.1, 0.8, 0.4, 2.0),
    (0.8, 2.6, 1.6, 0.0, 1.4, 0.2, 0.2, 1.4, 1.4, 0.2, 0.2),
    (0.9, 1.2, 1.6, 1.4, 0.0, 0.9, 0.6, 0.7, 1.4, 0.7, 1.2),
    (0.3, 0.4, 0.3, 0.2, 0.9, 0.0, 1.4, 0.0, 0.1, 0.7, 0.6),
    (0.3, 0.3, 0.4, 0.2, 0.6, 1.4, 0.0, 0.0, 0.1, 0.6, 0.7),
    (0.0, 2.0, 2.1, 1.4, 0.7, 0.0, 0.0, 0.0, 0.0, 0.3, 0.0),
    (3.3, 2.5, 0.8, 1.4, 1.4, 0.1, 0.1, 0.0, 0.0, 0.3, 0.4),
    (0.2, 0.4, 0.4, 0.2, 0.7, 0.7, 0.6, 0.3, 0.3, 0.0, 1.4),
    (0.5, 1.2, 2.0, 0.2, 1.2, 0.6, 0.7, 0.0, 0.4, 1.4, 0.0),
)
# Studies with each non-lung finding: beside lung findings (of 1,618), without any.
OTHER_RATES = {
    "spine_degeneration": (285, 266),
    "fracture": (39, 37),
    "hiatal_hernia": (26, 18),
    "pacemaker": (30, 15),
    "catheter": (71, 45),
}
LUNG_STUDIES = 1618

# region/side → count, where both were said (or anatomy leaves one choice).
_SIDES = {"/bilateral": 86, "/right": 69, "/left": 61}
PLACES = {
    "pleural_effusion": _SIDES,
    "atelectasis": {
        "base/left": 74,
        "base/bilateral": 71,
        "base/right": 39,
        "lingula/left": 19,
        "middle lobe/right": 18,
        "lower lobe/right": 12,
        "lower lobe/left": 11,
        "upper lobe/left": 8,
        "upper lobe/right": 6,
    },
    "consolidation": {
        "base/bilateral": 27,
        "lower lobe/right": 27,
        "base/left": 26,
        "base/right": 25,
        "lower lobe/left": 22,
        "middle lobe/right": 14,
        "upper lobe/right": 11,
        "upper lobe/left": 6,
        "lingula/left": 4,
    },
    "opacity": {
        "base/left": 118,
        "base/bilateral": 96,
        "base/right": 48,
        "middle lobe/right": 42,
        "lower lobe/right": 35,
        "upper lobe/right": 33,
        "lingula/left": 33,
        "lower lobe/left": 30,
        "upper lobe/left": 26,
        "hilum/right": 14,
        "hilum/left": 13,
        "apex/right": 11,
        "apex/left": 4,
    },
    "nodule": {
        "lower lobe/left": 14,
        "upper lobe/right": 14,
        "lingula/left": 12,
        "lower lobe/right": 11,
        "middle lobe/right": 8,
        "base/right": 6,
        "upper lobe/left": 6,
        "hilum/right": 6,
        "base/left": 4,
        "apex/right": 4,
    },
    "calcified_granuloma": {
        "lower lobe/left": 30,
        "upper lobe/left": 27,
        "lingula/left": 26,
        "upper lobe/right": 25,
        "base/right": 25,
        "lower lobe/right": 25,
        "middle lobe/right": 22,
        "base/left": 18,
        "hilum/right": 14,
        "hilum/left": 10,
        "apex/right": 10,
    },
    "pneumothorax": {
        "apex/right": 8,
        "/right": 6,
        "/left": 4,
        "apex/left": 2,
    },
    "scarring": {
        "base/left": 43,
        "apex/bilateral": 37,
        "lingula/left": 19,
        "base/bilateral": 17,
        "upper lobe/left": 14,
        "apex/right": 11,
        "middle lobe/right": 11,
        "upper lobe/right": 10,
        "apex/left": 9,
        "lower lobe/left": 8,
        "base/right": 7,
    },
    "fracture": {"/right": 37, "/left": 33},
    "pacemaker": {"/left": 25, "/right": 4},
    "catheter": {"/right": 52, "/left": 38},
}
DEGREES = {
    "cardiomegaly": {
        "": 165,
        "mild": 140,
        "borderline": 46,
        "moderate": 29,
        "severe": 14,
    },
    "pleural_effusion": {"small": 148, "": 62, "large": 12, "moderate": 11},
    "atelectasis": {"": 260, "mild": 67, "severe": 3},
    "consolidation": {"": 169, "mild": 26},
    "opacity": {"": 633, "mild": 105, "severe": 8},
    "nodule": {"": 100, "small": 16, "large": 14},
    "calcified_granuloma": {"": 517, "small": 38, "large": 9},
    "pneumothorax": {"": 8, "small": 7, "moderate": 5, "large": 2},
    "edema": {"mild": 82, "": 28},
    "hyperinflation": {"": 350, "mild": 49, "severe": 9},
    "scarring": {"": 212, "mild": 42},
    "spine_degeneration": {"": 372, "mild": 169, "moderate": 12, "severe": 7},
    "hiatal_hernia": {"": 19, "large": 15, "moderate": 6, "small": 4},
}
PATTERNS = {
    "atelectasis": {"": 295, "focal": 19, "patchy": 13},
    "consolidation": {"": 166, "patchy": 21, "focal": 10},
    "opacity": {
        "": 396,
        "interstitial": 90,
        "rounded": 40,
        "streaky": 58,
        "patchy": 57,
        "focal": 14,
        "diffuse": 12,
    },
    "nodule": {"": 100, "multiple": 30},
    "calcified_granuloma": {"": 460, "multiple": 104},
    "edema": {"": 88, "interstitial": 23},
    "hyperinflation": {"": 310, "emphysema": 100},
    "fracture": {"healed": 69, "": 16},
}
EVERYWHERE = {"multiple", "interstitial", "diffuse"}  # Patterns of both lungs.
# Findings at the place of another finding, and how often.
BESIDE = {
    "atelectasis": ("pleural_effusion", 0.8),
    "consolidation": ("pleural_effusion", 0.7),
    "opacity": ("atelectasis", 0.6),
    "scarring": ("atelectasis", 0.4),
}

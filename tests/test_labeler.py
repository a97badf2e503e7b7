"""The report labeler against sentences written for this test, and against the phantom.

Each line says what a reader would take from the sentence: `+` asserted, `-` denied,
`?` in doubt. Whatever is not named must not be labelled.
"""

import copy
import math
import re

import numpy as np
import pytest

from cxrphantom.cases import sample_case
from cxrphantom.findings import FINDINGS, OBSERVATION_OF
from cxrphantom.reports import grammar as report_grammar
from cxrscore.clinical.labeler import label_report, label_reports, read_sentence
from cxrscore.clinical.rules import COMPETITION, OBSERVATIONS
from cxrscore.clinical.sentences import LONGEST, sentences

CODES = dict(
    EC="Enlarged Cardiomediastinum", CM="Cardiomegaly", LL="Lung Lesion",
    LO="Lung Opacity", ED="Edema", CO="Consolidation", PN="Pneumonia",
    AT="Atelectasis", PX="Pneumothorax", PE="Pleural Effusion", PO="Pleural Other",
    FX="Fracture", SD="Support Devices",
)  # fmt: skip
STATES = {"+": 1, "-": 0, "?": -1}

SENTENCES = """
# Plain assertions.
There is a moderate left pleural effusion. | +PE
Bibasilar atelectasis. | +AT
Cardiomegaly with pulmonary edema. | +CM +ED
Patchy opacity in the lingula. | +LO
Round nodule in the right upper lobe. | +LL
A 3 cm mass abuts the left hilum. | +LL
Calcified granuloma of the left base. | +LL
Dense consolidation of the middle lobe. | +CO
Right lower lobe airspace disease. | +CO
Left lower lobe pneumonia. | +PN
Tiny apical pneumothorax on the right. | +PX
Healing fracture of the left seventh rib. | +FX
Biapical pleural thickening. | +PO
Linear scarring at the left base. | +LO
The heart is enlarged. | +CM
The heart is mildly enlarged but the lungs are clear. | +CM -LO -CO
Enlargement of the cardiac silhouette is seen. | +CM
An enlarged heart is again present. | +CM
The mediastinum is widened. | +EC
Mediastinal widening after the fall. | +EC
Increased interstitial markings throughout. | +LO
Pulmonary vascular congestion. | +ED
Hydropneumothorax on the left. | +PX +PE
# Scope of a denial.
No effusion or pneumothorax. | -PE -PX
No focal consolidation, pleural effusion, or pneumothorax. | -CO -PE -PX
No consolidation, effusion, pneumothorax. | -CO -PE -PX
No focal opacity, large effusion, or displaced fracture is identified. | -LO -PE -FX
There is no evidence of edema. | -ED
Lungs are without consolidation or nodules. | -CO -LL
The film is free of pneumothorax. | -PX
Lungs are clear of infiltrate. | -LO -CO
Negative for pneumonia. | -PN
Absence of pleural fluid. | -PE
Neither effusion nor pneumothorax. | -PE -PX
No acute fracture. | -FX
No definite nodule, mass, or infiltrate is appreciated. | -LL -LO
No XXXX of pneumonia. | -PN
There are no XXXX of a large effusion. | -PE
Resolved effusion. | -PE
Complete resolution of the right pneumothorax. | -PX
Interval removal of the endotracheal tube. | -SD
The findings favor atelectasis rather than pneumonia. | ?AT -PN
Lungs show no sign of edema and no effusion. | -ED -PE
No evidence of infiltrate, effusion, or fracture is identified. | -LO -PE -FX
There is no pneumothorax or effusion and the heart size is normal. | -PX -PE -CM
No new consolidation. | -CO
There is no airspace opacity to suggest a pneumonia. | -LO -PN
No evidence to suggest CHF. | -ED
Low suspicion for pneumonia. | -PN
No atelectasis. | -AT
No pleural thickening. | -PO
No pneumothorax status post chest tube removal. | -PX -SD
No displaced fracture, but an old healed rib fracture on the left. | +FX
# A denial behind.
Effusion: none. Pneumothorax: no. | -PE -PX
The previously seen left effusion has resolved. | -PE
Unlikely to represent pneumonia. | -PN
Pneumothorax has been excluded. | -PX
Pleural effusion is not seen. | -PE
Effusion and pneumothorax are not identified. | -PE -PX
Edema is absent. | -ED
The effusion has resolved. | -PE
The nodule is no longer visualized. | -LL
The chest tube has been removed. | -SD
Pneumonia is unlikely. | -PN
Fracture was ruled out. | -FX
Cardiomegaly is present, and effusion is not seen. | +CM -PE
# What only looks like a denial.
No change in the left effusion. | +PE
No significant interval change in bibasilar atelectasis. | +AT
No increase in the effusion. | +PE
Without change in cardiomegaly. | +CM
Not only effusion, but also edema. | +PE +ED
Effusion is not changed. | +PE
The effusion has almost completely resolved. | +PE
The effusion has not resolved. | +PE
Pneumothorax has decreased but not resolved. | +PX
The lungs are not clear. |
No interval change, effusion, or pneumothorax. | -PE -PX
# Where a denial ends.
No effusion but cardiomegaly. | -PE +CM
No pneumothorax; small left effusion. | -PX +PE
The heart is enlarged without edema. | +CM -ED
No effusion, mild cardiomegaly. | -PE +CM
No pneumothorax, and the heart is enlarged. | -PX +CM
No effusion with cardiomegaly. | -PE +CM
No findings consistent with pneumonia. | -PN
No consolidation with stable left basilar atelectasis. | -CO +AT
No effusion although there is mild edema. | -PE +ED
No acute process other than a small right effusion. | +PE
No pneumothorax, however bibasilar opacities persist. | -PX +LO
Except for cardiomegaly, no abnormality. | +CM
Aside from a granuloma, the lungs are clear. | +LL -LO -CO
No pneumothorax is seen, small effusion on the left. | -PX +PE
Cardiomegaly without effusion, edema, or pneumothorax. | +CM -PE -ED -PX
No pneumothorax is seen, cardiomegaly. | -PX +CM
No pneumothorax, there is a left effusion. | -PX +PE
Stable cardiomegaly, no effusion. | +CM -PE
# Doubt.
Left base opacity may represent atelectasis. | +LO ?AT
Opacity, suspicious for pneumonia. | +LO ?PN
Pneumonia cannot be excluded. | ?PN
Cannot exclude a small effusion. | ?PE
Possible nodule at the right apex. | ?LL
Probable small effusion. | ?PE
Atelectasis versus infiltrate at the left base. | ?AT ?LO
Atelectasis vs. pneumonia. | ?AT ?PN
Borderline cardiomegaly. | ?CM
Heart size is borderline. | ?CM
Questionable rib fracture. | ?FX
Likely atelectasis. | ?AT
Pneumonia is possible. | ?PN
Pneumonia is not entirely excluded. | ?PN
Findings are concerning for edema. | ?ED
Findings could reflect early pneumonia or edema. | ?PN ?ED
Suspected pneumothorax. | ?PX
Question of a small left effusion. | ?PE
It is difficult to exclude a cavitary lesion. | ?LL
Pneumonia should be considered. | ?PN
Pleural effusion and/or pleural thickening. | ?PE ?PO
No effusion, possible atelectasis. | -PE ?AT
No large effusion; a small effusion cannot be excluded. | ?PE
Pneumothorax can't be ruled out. | ?PX
Cannot rule out pneumothorax. | ?PX
Mild edema cannot be entirely excluded. | ?ED
Atelectasis with or without superimposed pneumonia. | +AT ?PN
Opacity is likely atelectasis, less likely pneumonia. | +LO ?AT ?PN
Opacity most consistent with atelectasis. | +LO +AT
# Normal organs.
The heart size is normal. | -CM
Heart size normal. | -CM
The heart is not enlarged. | -CM
The heart is top normal in size. | -CM
Heart size is at the upper limits of normal. | -CM
Normal heart size and mediastinal contours. | -CM -EC
The lungs are clear. | -LO -CO
Clear lungs. | -LO -CO
The cardiomediastinal silhouette is within normal limits. | -EC -CM
The osseous structures are intact. | -FX
Heart, mediastinum, and bones are unremarkable. | -CM -EC -FX
Pulmonary vasculature is normal. | -ED
The costophrenic angles are sharp. | -PE
The heart and lungs are normal. | -CM -LO -CO
The heart is enlarged and the lungs are clear. | +CM -LO -CO
The heart is stable with prominent pulmonary vasculature. | +ED
Heart size is stable. |
The lungs are hyperinflated. |
# Devices and abbreviations.
Right PICC with its tip in the SVC. | +SD
Left chest pacemaker with two leads. | +SD
ETT and NG tube in place. | +SD
AICD noted. | +SD
Port-A-XXXX on the right. | +SD
Posterior spinal hardware is intact. | +SD
CHF. | +ED
No CHF. | -ED
No PTX. | -PX
COPD. |
COPD without PTX. | -PX
Midline sternotomy wires. |
The patient is an ICD-10 test. |
Interval placement of a chest tube. | +SD
Prosthetic aortic valve. | +SD
# History, wishes and advice.
History of pneumonia. |
Patient with history of CHF, now with a small effusion. | +PE
Rule out pneumonia. |
Evaluate for pneumothorax. |
If there is concern for nodule recommend CT. |
Small nodule, recommend CT to exclude metastasis. | +LL
Followup is recommended to document resolution of the consolidation. |
Changes of prior granulomatous infection. |
Indication: rule out effusion. |
# Lists, case, stops and masks.
1. Cardiomegaly. 2. No effusion. | +CM -PE
1) Left effusion 2) Right atelectasis | +PE +AT
NO EFFUSION OR PNEUMOTHORAX. | -PE -PX
SMALL LEFT EFFUSION | +PE
no edema.small effusion. | -ED +PE
no effusion or pneumothorax the heart is enlarged lungs are clear | -PE -PX +CM -LO -CO
heart size normal lungs clear no effusion small right nodule | -CM -LO -CO -PE +LL
There is a 2.5 cm nodule. No effusion. | +LL -PE
Findings discussed with Dr. XXXX. No edema. | -ED
Normal chest x-XXXX. |
XXXX XXXX opacity, XXXX atelectasis. | +LO +AT
XXXX are grossly unremarkable. |
Heart: enlarged. Lungs: clear. | +CM -LO -CO
Mass effect on the trachea. |
Pericardial effusion. |
Decreased bone density. |
# The surest statement wins.
No effusion. Possible effusion. | ?PE
Possible effusion. Small left effusion. No effusion on the right. | +PE
"""

CASES = [
    tuple(part.strip() for part in line.split("|"))
    for line in SENTENCES.splitlines()
    if line and not line.startswith("#")
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_sentences(text, expected):
    want = {CODES[item[1:]]: STATES[item[0]] for item in expected.split()}
    found = {name: v for name, v in label_report(text).items() if not math.isnan(v)}
    found.pop("No Finding", None)
    assert found == want


def test_the_hand_written_set_is_large_and_covers_all():
    assert len(CASES) >= 140
    signs = {item[0] + item[1:] for _, expected in CASES for item in expected.split()}
    assert {sign + code for sign in "+-" for code in CODES} - signs == set()


# === No Finding ===


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("No acute cardiopulmonary abnormality.", 1),
        ("Normal chest x-XXXX.", 1),
        ("Clear lungs. Right PICC in place.", 1),
        ("Low lung volumes without acute disease.", 1),
        ("Small effusion.", 0),
        ("Possible pneumonia.", 0),
        ("Emphysema. No acute disease.", 0),
        ("No hiatal hernia. Clear lungs.", 1),
        ("Degenerative changes of the spine.", 0),
    ],
)
def test_no_finding(text, value):
    assert label_report(text)["No Finding"] == value


@pytest.mark.parametrize("text", ["", " ", "XXXX.", "1. 2.", None, float("nan")])
def test_a_report_without_words_says_nothing(text):
    labels = label_report(text)
    assert list(labels) == list(OBSERVATIONS)
    assert all(math.isnan(value) for value in labels.values())


def test_shapes_and_names():
    assert len(OBSERVATIONS) == 14 and set(COMPETITION) < set(OBSERVATIONS)
    labels = label_reports(["Edema.", "", "No edema."])
    assert labels.shape == (3, 14) and labels.dtype == np.float64
    assert labels[:, OBSERVATIONS.index("Edema")][[0, 2]].tolist() == [1, 0]
    assert label_reports([]).shape == (0, 14)


def test_sentences_are_split_where_a_reader_would():
    text = "1. Heart is 2.5 cm. No edema.Clear lungs; T12. fracture\n\n2) XXXX? - End"
    assert sentences(text) == [
        "heart is 2.5 cm", "no edema", "clear lungs", "t12", "fracture",
        "xxxx ?", "end",
    ]  # fmt: skip


def test_a_sentence_without_an_end_is_cut_between_words():
    text = ("normal heart " * 400).strip()
    pieces = sentences(text)
    assert max(map(len, pieces)) <= LONGEST and " ".join(pieces) == text
    assert label_report(text)["Cardiomegaly"] == 0
    assert [len(piece) for piece in sentences("a" * 1000)] == [LONGEST, LONGEST, 200]


def test_order_of_sentences_does_not_matter():
    parts = ["No effusion.", "Small effusion.", "Heart is normal.", "Edema is likely."]
    expected = label_report(" ".join(parts))
    shuffled = label_report(" ".join(reversed(parts)))
    np.testing.assert_equal(list(shuffled.values()), list(expected.values()))


def test_statements_stand_where_they_are_said():
    text = "no edema but small effusion"
    said = [(s.observation, text[s.start : s.end]) for s in read_sentence(text)]
    assert said == [("Edema", "edema"), ("Pleural Effusion", "effusion")]


def test_odd_texts_are_read_without_error_and_in_time():
    for text in ("no " * 3000, "effusion, " * 2000, "and or " * 2000, "(((" * 999):
        label_report(text)
    assert label_report("no " + "effusion, " * 38 + "or edema")["Edema"] == 0


# === The phantom ===


@pytest.fixture(scope="module")
def cases():
    return [sample_case(np.random.default_rng([11, i, 0])) for i in range(2500)]


def drawn(findings):
    """Labels of what is drawn: 1, 0, or NaN where the words may add to the picture."""
    names = {OBSERVATION_OF[finding.name] for finding in findings}
    labels = {name: float(name in names) for name in OBSERVATIONS}
    labels["No Finding"] = float(names <= {"Support Devices"})
    # "Compatible with pneumonia" and "may represent infection" are said of an opacity
    # by chance; the picture does not decide it.
    if names & {"Consolidation", "Lung Opacity"}:
        labels["Pneumonia"] = math.nan
    return list(labels.values())


def f1(truth, labels):
    known = ~np.isnan(truth)
    said = np.isin(labels, (1, -1)) & known
    hits = (said & (truth == 1)).sum(axis=0)
    return 2 * hits, said.sum(axis=0) + (known & (truth == 1)).sum(axis=0)


@pytest.mark.parametrize("write", ["findings_text", "impression_text"])
def test_phantom_reports_are_read_as_drawn(cases, write):
    texts, truth = [], []
    for index, case in enumerate(cases):
        rng = np.random.default_rng([11, index, 3])
        told = case.findings
        if write == "impression_text":
            # It leaves out most of what is not of the lungs; it draws lots for that
            # first, so the same lots tell what it states.
            lots = copy.deepcopy(rng)
            told = [f for f in told if report_grammar._is_told(f, lots)]
            assert {f for f in case.findings if FINDINGS[f.name]} <= set(told)
        texts.append(getattr(report_grammar, write)(case.findings, rng))
        truth.append(drawn(told))
    hits, total = f1(np.array(truth), label_reports(texts))
    assert hits.sum() / total.sum() >= 0.99
    classes = dict(zip(OBSERVATIONS, zip(hits, total, strict=True), strict=True))
    for name, (hit, of) in classes.items():
        if name in OBSERVATION_OF.values() or name == "No Finding":
            assert of > 20 and hit / of >= 0.98, (name, hit, of)
        else:
            assert of == 0, name  # Never drawn, so never found.


def test_every_phantom_finding_has_an_observation_or_none():
    assert set(OBSERVATION_OF) == set(FINDINGS)
    assert set(OBSERVATION_OF.values()) - {"Other"} < set(OBSERVATIONS)


def test_pneumonia_is_found_where_the_phantom_says_it(cases):
    for index, case in enumerate(cases[:400]):
        rng = np.random.default_rng([11, index, 3])
        text = report_grammar.impression_text(case.findings, rng)
        said = bool(re.search(r"pneumonia|(?<!prior )infecti", text, re.IGNORECASE))
        label = label_report(text)["Pneumonia"]
        assert (label in (1, -1)) == said, text

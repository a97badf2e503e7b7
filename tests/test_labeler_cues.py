"""Cues of the labeler by kind: what governs a finding from either side, and how far."""

import re
import sys

import pytest
from labelled import cases, read

from cxrscore.clinical.labeler import label_report, read_sentence
from cxrscore.clinical.laterality import report_sides
from cxrscore.clinical.sentences import LONGEST, sentences

SENTENCES = """
# A normal state that is denied says nothing of one finding but that of a size.
The lungs are not completely clear. |
The lung bases are no longer clear. |
The right costophrenic angle is not perfectly sharp. |
The ribs are not all intact. |
The lungs are, by no means, clear. |
The lungs cannot be called clear. |
Neither lung is fully clear. |
Pulmonary vascularity is not strictly normal. |
Heart size is not quite within normal limits. | +CM
The heart is no longer normal in size. | +CM
The heart is no longer enlarged. | -CM
The heart is no longer normal but enlarged. | +CM
The costophrenic angles are not quite sharp, suggesting effusion. | ?PE
The heart is not in any way enlarged. | -CM
Both lungs are now fully clear. | -LO -CO
The lungs are hyperinflated but otherwise clear. | -LO -CO
Lungs are clear except for a granuloma. | +LL
The lungs are not, as before, entirely clear. |
The lungs are not any longer clear. |
The lungs are almost clear. |
The right lung is clear, the left is not. |
The left base is less clear than before. |
The heart cannot be called enlarged. | -CM
# A state in doubt, with words between.
The heart might be minimally enlarged. | ?CM
The cardiac silhouette may well be somewhat enlarged. | ?CM
The mediastinum could be slightly widened. | ?EC
Pulmonary vessels may also be mildly congested. | ?ED
Heart size is normal to slightly enlarged. | ?CM
The heart is mildly but definitely enlarged. | +CM
The heart seems enlarged. | +CM
Heart is slightly, if at all, enlarged. | ?CM
The heart may again be mildly enlarged. | ?CM
The mediastinum is conceivably widened. | ?EC
The cardiac silhouette may appear enlarged. | ?CM
Heart size is accentuated by low lung volumes. |
# Absent, on either side.
Absent pneumothorax. | -PX
There is absent effusion. | -PE
Absent on this film are effusions. | -PE
Absent: edema, effusion. | -ED -PE
Fracture absent. | -FX
Effusion and pneumothorax absent, atelectasis present. | -PE -PX +AT
Edema is not entirely absent. | +ED
Absent right effusion, absent edema. | -PE -ED
# Doubt behind.
Pneumonia would be hard to rule out. | ?PN
A tiny pneumothorax is not possible to exclude. | ?PX
Rib fracture cannot be confirmed. | ?FX
Pneumonia could not definitely be excluded. | ?PN
A small effusion is probably present. | ?PE
Edema remains a diagnostic consideration. | ?ED
Malignancy is a concern. | ?LL
Early edema is within the differential. | ?ED
Consolidation is strongly favored. | ?CO
Effusion, if any, is trace. | ?PE
Pneumothorax, if present, is small. | ?PX
An effusion could easily be missed. | ?PE
A nodule is questioned. | ?LL
Fracture is still possible. | ?FX
Infection is not out of the question. | ?PN
Pneumothorax is neither seen nor excluded. | ?PX
Effusion is unlikely but not excluded. | ?PE
Pneumothorax is not seen but cannot be excluded. | ?PX
No definite effusion, although a trace one is not excluded. | ?PE
No effusion, pneumothorax cannot be excluded. | -PE ?PX
Left basilar opacity, and pneumonia is not excluded. | +LO ?PN
Left basilar opacity, pneumonia is suspected. | +LO ?PN
Effusion, edema, and pneumonia cannot be excluded. | ?PE ?ED ?PN
The absence of an effusion cannot be proven. | ?PE
The effusion may have resolved. | ?PE
Cardiomegaly is mild, if present. | ?CM
Pneumonia must be excluded. | ?PN
Consolidation possible, effusion unlikely. | ?CO -PE
Pneumonia is suggested. | ?PN
Fracture is in the differential diagnosis. | ?FX
The absence of a fracture cannot be assured. | ?FX
Excluding pneumonia is difficult. | ?PN
No one can exclude pneumonia on this film. | ?PN
Neither pneumonia nor edema can be excluded. | ?PN ?ED
It is uncertain whether a nodule is present. | ?LL
It is not clear whether the effusion is new. | +PE
Atelectasis with superimposed pneumonia not excluded. | +AT ?PN
Possible pneumonia superimposed on edema. | ?PN +ED
# Denial behind.
Pneumonia is considered highly unlikely. | -PN
Opacity is unlikely to represent pneumonia. | +LO -PN
This makes pneumonia unlikely. | -PN
Atelectasis, pneumonia unlikely. | +AT -PN
Pneumothorax can be safely excluded. | -PX
Pneumothorax has now been excluded. | -PX
Effusion excluded. | -PE
Edema is not favored. | -ED
A fracture is not believed to be present. | -FX
Opacity is not thought to represent pneumonia. | +LO -PN
Pneumothorax is no longer a concern. | -PX
The edema has since disappeared. | -ED
Effusion has not recurred. | -PE
A fracture is not a likely diagnosis. | -FX
The left base opacity is not well seen on this view. | +LO
Effusion was not present on the prior study. | +PE
The tube was removed and replaced by a shorter one. | +SD
Pneumothorax has nearly resolved. | +PX
Pneumonia is seen; effusion is not. | +PN -PE
The pacemaker has been explanted. | -SD
Near-complete resolution of the pneumothorax. | +PX
A 1 cm nodule is seen on one view, not identified on the other. | +LL
No pneumothorax, effusion is present. | -PX +PE
No edema, mass, effusion is present. | -ED -LL -PE
# Denial before.
The film argues against pneumonia. | -PN
Atelectasis as opposed to pneumonia or edema. | +AT -PN -ED
There is no longer any effusion. | -PE
The patient was ruled out for pneumonia. | -PN
None of the ribs shows a fracture. | -FX
Nothing to indicate consolidation or effusion. | -CO -PE
The study fails to show an infiltrate. | -LO
Scarring in place of the infiltrate, no mass. | +LO -LL
Effusion resolved without residual thickening. | -PE
Insufficient evidence for pneumonia. | -PN
There isn't an effusion. | -PE
It is not without effusion. | +PE
No reason to doubt a fracture. | +FX
None of these opacities is a consolidation. | +LO -CO
None of the nodules has grown. | +LL
Rather atelectasis than pneumonia. | +AT -PN
No pneumonia, just atelectasis. | -PN +AT
No reason to suspect pneumonia. | -PN
No indication of edema. | -ED
Interval clearance of edema. | -ED
Incomplete clearance of edema. | +ED
No evidence that there is an effusion. | -PE
It is unlikely that there is a fracture. | -FX
This rules out pneumothorax. | -PX
There is little doubt that this is pneumonia. | +PN
History of lung cancer, no nodule seen today. | -LL
# Short forms.
Pneumothorax - none. | -PX
Pneumothorax—none visible. | -PX
Heart - normal; effusion - small. | -CM +PE
Effusion (no). | -PE
Effusion [-], pneumothorax (-). | -PE -PX
Is there edema? No. | -ED
Edema? Not seen. Effusion? Yes. | -ED +PE
Any effusion? No, but there is atelectasis. | -PE +AT
Pneumonia? Possibly. | ?PN
Pneumonia? | ?PN
? pneumonia. | ?PN
Ø edema, Ø effusion. | -ED -PE
PTX: neg. Effusion: pos. | -PX +PE
Edema: none, effusion: none, nodule: none. | -ED -PE -LL
PTX/effusion: none. | -PX -PE
No PTX/effusion/edema. | -PX -PE -ED
Effusion: small, left. | +PE
Pneumothorax: cannot exclude. | ?PX
Effusion-free hemithorax. | -PE
The heart is enlarged, no \
effusion. | +CM -PE
Edema, effusion: none. | -ED -PE
Small effusion, pneumothorax: none. | +PE -PX
0 effusion. | -PE
A 2.0 cm nodule. | +LL
Pneumothorax = 0. | -PX
Effusion: 0.5 cm. | +PE
Effusion, no. | -PE
Any effusion? Not on this film. | -PE
# Alternatives: one of two, unless both are denied or are one finding.
Edema or infection. | ?ED ?PN
Consolidation / atelectasis at the right base. | ?CO ?AT
Either consolidation or a mass. | ?CO ?LL
Pneumothorax versus skin fold. | ?PX
Nodule or nipple shadow. | ?LL
Nodule or mass in the right apex. | +LL
Nodular opacity versus scar. | ?LL +LO
Effusion or consolidation or atelectasis. | ?PE ?CO ?AT
Atelectasis, pneumonia, or edema. | ?AT ?PN ?ED
Right basilar opacity, pneumonia, atelectasis, or aspiration. | +LO ?PN ?AT
Right basilar opacity, atelectasis versus pneumonia. | +LO ?AT ?PN
Left effusion with atelectasis or consolidation. | +PE ?AT ?CO
Atelectasis or, less likely, pneumonia. | ?AT ?PN
Pneumonia is more likely than atelectasis. | ?PN ?AT
No evidence of either edema or effusion. | -ED -PE
Lines or tubes are not seen. | -SD
No change in effusion or atelectasis. | +PE +AT
Edema-versus-infection. | ?ED ?PN
Edema or alternatively infection. | ?ED ?PN
Pleural effusion/thickening. | ?PE ?PO
# How far a doubt reaches.
Possible pneumonia, definite effusion. | ?PN +PE
Probable edema, cardiomegaly. | ?ED +CM
Probable edema, pneumonia, or effusion. | ?ED ?PN ?PE
Bibasilar opacities, likely atelectasis, and cardiomegaly. | +LO ?AT +CM
Suspected rib fracture and large pneumothorax. | ?FX +PX
Effusion, possibly with pneumonia. | +PE ?PN
Probable atelectasis adjacent to a moderate effusion. | ?AT +PE
Opacity may represent atelectasis versus consolidation. | +LO ?AT ?CO
Probable edema, less likely pneumonia. | ?ED ?PN
Probable edema, no effusion, or nodule. | ?ED -PE -LL
# Advice.
Correlate clinically for infection. |
Clinical correlation for edema is advised. |
Follow-up to exclude pneumonia. |
Chest CT could be considered to exclude malignancy. |
Suggest rib series to look for fracture. |
CT is more sensitive for small nodules. |
Surveillance for pneumothorax is advised. |
Further evaluation with CT for possible mass is suggested. |
Small effusion; correlate for infection. | +PE
Please exclude pneumothorax. |
Known effusion, follow-up. No effusion is seen. | -PE
History: CHF. |
Consider pneumonia. | ?PN
"""


@pytest.mark.parametrize(("text", "expected"), cases(SENTENCES))
def test_sentences(text, expected):
    assert read(text) == set(expected.split())


@pytest.mark.parametrize(
    "text",
    [
        "The lungs are not entirely clear.",
        "The lungs are no longer clear.",
        "The chest is not within normal limits.",
        "This is not an entirely normal chest.",
        "Heart and lungs are not quite normal.",
        "Neither costophrenic angle is sharp.",
        "Abnormal contour of the heart.",
    ],
)
def test_a_normal_state_that_is_denied_is_no_normal_report(text):
    labels = label_report(text)
    assert labels["No Finding"] == 0
    plain = re.sub(r"not?\b|longer|Neither|ab", "", text, flags=re.IGNORECASE)
    assert label_report(plain)["No Finding"] == 1


def test_lines_of_a_form_are_sentences_and_wrapped_lines_are_not():
    form = "Effusion: no\nCardiomegaly: yes\nPneumothorax - none"
    assert read(form) == {"-PE", "+CM", "-PX"}
    assert read("The heart is enlarged, no\npleural effusion.") == {"+CM", "-PE"}
    assert read("- Effusion: none\n- Nodule: yes") == {"-PE", "+LL"}


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("Left effusion is thought unlikely.", {}),
        ("Left effusion: none. Small right effusion.", {"Pleural Effusion": {"right"}}),
        ("Left effusion is not excluded.", {"Pleural Effusion": {"left"}}),
        ("Correlate for right pneumonia.", {}),
        (
            "Right opacity, left pneumonia cannot be excluded.",
            {"Lung Opacity": {"right"}, "Pneumonia": {"left"}},
        ),
        ("The left lung is not entirely clear.", {}),
    ],
)
def test_sides_follow_what_is_said(text, sides):
    assert report_sides(text) == sides


# === Hostile texts ===

UNITS = (
    "no ", "not entirely ", "and/or ", "effusion or ", "effusion/", "no effusion, ",
    "(", "((( ", "? ", "?", ".", "-", " - ", ": no ", "\n", "ø", "is mildly ", "a",
    "may be mildly ", "the heart is ", "normal to mildly ", "neither a nor ", "if ",
)  # fmt: skip


def calls(text):
    """How often a regular expression or another builtin is called for a text."""
    count = 0

    def watch(frame, event, arg):
        nonlocal count
        count += event == "c_call"

    read_sentence.cache_clear()
    sys.setprofile(watch)
    try:
        label_report(text)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("unit", UNITS)
def test_work_grows_with_the_letters_and_no_faster(unit):
    # A number in each piece: no sentence is met twice, so the cache never helps.
    texts = [
        " ".join(f"{unit * (300 // len(unit))} {i}" for i in range(1000, 1000 + count))
        for count in (8, 16)
    ]
    once, twice = map(calls, texts)
    assert twice < 2.3 * once + 50
    assert all(len(sentence) <= LONGEST for sentence in sentences(texts[1]))


@pytest.mark.parametrize("unit", UNITS)
def test_a_text_without_a_stop_is_read(unit):
    label_report((unit * (200_000 // len(unit)))[:200_000])


# === Sentences judged elsewhere ===


@pytest.mark.real
def test_sentences_judged_by_others_are_read_as_they_judge(real_data):
    files = sorted((real_data.parent / "cases").glob("sentences*.tsv"))
    if not files:
        pytest.skip(f"no sentences*.tsv in {real_data.parent / 'cases'}")
    lines = "\n".join(path.read_text(encoding="utf-8") for path in files)
    wrong = [text for text, said in cases(lines) if read(text) != set(said.split())]
    assert wrong == []

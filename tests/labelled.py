"""Sentences with what a reader takes from them, and how they are written down.

A line is a text and, behind a bar, what it says: `+` asserted, `-` denied, `?` in
doubt, and the observation in two letters. Whatever is not named must not be labelled.
"""

from cxrscore.clinical.labeler import label_report

CODES = dict(
    EC="Enlarged Cardiomediastinum", CM="Cardiomegaly", LL="Lung Lesion",
    LO="Lung Opacity", ED="Edema", CO="Consolidation", PN="Pneumonia",
    AT="Atelectasis", PX="Pneumothorax", PE="Pleural Effusion", PO="Pleural Other",
    FX="Fracture", SD="Support Devices",
)  # fmt: skip
STATES = {1: "+", 0: "-", -1: "?"}

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


def cases(lines):
    """The lines as pairs of a text and its expected statements, both strings."""
    return [
        tuple(part.strip() for part in line.rsplit("|", 1))
        for line in lines.splitlines()
        if line and not line.startswith("#")
    ]


def read(text):
    """What the labeler takes from a text, written as `cases` expects it, as a set."""
    names = {name: code for code, name in CODES.items()}
    labels = label_report(text)
    return {
        STATES[labels[name]] + names[name]
        for name in names
        if labels[name] in STATES  # NaN is not mentioned.
    }

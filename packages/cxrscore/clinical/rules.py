"""The labeler's vocabulary, as data: findings, organs and their states.

Every entry is a fragment of a regular expression for lower-case text with single
spaces; line ends and the indentation after them do not count. The fourteen
observations and what belongs to each follow the CheXpert labeler. Where this
vocabulary departs from it, a comment says why.

Reference:
    - [Irvin et al., 2019](https://arxiv.org/abs/1901.07031)
"""

OBSERVATIONS = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Lung Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)
# The five of the CheXpert competition, which most papers report beside the fourteen.
COMPETITION = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Pleural Effusion",
)
# Abnormal, but not one of the fourteen: it denies "No Finding", and no more.
OTHER = "Other"

# === Mentions ===

# Words that name a finding by themselves. At one place of the text the first entry
# that fits wins, so longer and more specific ones come first.
MENTIONS = (
    # What only looks like one of the fourteen.
    (
        (),
        r"""
        mass effect|body mass|joint effusions?
        |(?:bone|bony|osseous) (?:mineral )?densit(?:y|ies)
        |(?:breast|nipple)(?: \w+)? (?:density|densities|shadows?)
        |(?:metal|metallic|radiopaque) densit(?:y|ies)
        |(?:fissure|kerley|septal|pleural|joint|suture|staple) lines?
        |icd-?(?:9|10)
        |(?:prior|previous|old|past|remote|prior granulomatous|old granulomatous
        |previous granulomatous|granulomatous)\ (?:infections?|infectious\ \w+)
        """,
    ),
    (
        (OTHER,),
        r"""
        granulomatous (?:disease|process|changes?|sequelae?)|pericardial effusions?
        |(?:subcutaneous|soft tissue|chest wall) (?:emphysema|edema)
        |(?:breast|thyroid|soft tissue|abdominal|mediastinal|mesenteric) mass(?:es)?
        |calcified (?:lymph|densit\w+|[\w -]{0,16}nodes?)
        |vertebral (?:body )?collapse
        """,
    ),
    (("Pneumothorax", "Pleural Effusion"), r"(?:hydro|hemo)-?pneumothora(?:x|ces)"),
    (
        ("Pneumothorax",),
        r"(?:pyo-?)?pneumothora(?:x|ces)|ptx|pleural (?:or )?air(?! ?space)",
    ),
    (
        ("Pleural Other",),
        r"""
        pleural(?:[ -]based)?(?: (?:and|or) parenchymal)?
        (?: (?:apical|basal|reaction|calcified))?
        \ (?:thickening|plaques?|plaquing|scars?|scarring|calcifications?|fibrosis)
        |pleur(?:o|al)[- ]?(?:parenchymal|pericardial)
        \ (?:scar\w*|thickening|irregularit\w+)|fissural thickening
        |fibrothora(?:x|ces)|apical (?:pleural )?cap(?:s|ping)?
        |(?:thickening|scarring|calcification) of the (?:\w+ ){0,2}(?:pleura|fissures?)
        |calcified pleural plaques?|(?:(?<=effusion/)|(?<=effusion or ))thickening
        """,
    ),
    (
        ("Pleural Effusion",),
        r"""
        effusions?|pleural fluid|fluid in the (?:\w+ ){0,2}(?:pleural space|fissures?)
        |(?:fissural|loculated|layering) fluid|(?:hemo|hydro)-?thora(?:x|ces)
        """,
    ),
    (
        ("Cardiomegaly",),
        r"cardiomegaly|cardiac enlargement|cardio-?megalia|bi-?ventricular enlargement",
    ),
    (
        ("Lung Lesion", "Lung Opacity"),
        r"(?:reticulo-?)?nodular(?: \w+)? (?:densit\w+|opacit\w+|opacifications?)",
    ),
    (
        # A granuloma is a small round lesion, and the phantom draws it. CheXpert counts
        # it among what denies "No Finding" only.
        ("Lung Lesion",),
        r"""
        (?:calcified )?(?:nodul(?:e|es|arity)|granulomas?|granulomata)
        |nodular (?:foc(?:us|i)|lesions?|shadows?)|mass(?:es)?|mass-?like \w+
        |histoplasmomas?|hamartomas?
        |(?:lung|pulmonary|cavitary|parenchymal|spiculated) lesions?
        |metasta\w+|carcinomas?|neoplas\w+|malignan\w+|tumou?rs?|lung cancer
        |cavit(?:y|ies|ation)
        """,
    ),
    (
        ("Edema",),
        r"""
        edema|(?:congestive )?(?:heart|cardiac) failure|chf|congestive changes?
        |(?:venous|vascular) (?:engorgement|prominence)(?! (?:is |appears? )?within)
        |congestion|(?:fluid|volume)\ overload
        |(?:pulmonary )?(?:venous|vascular) (?:redistribution|hypertension)
        |engorged (?:\w+ ){0,2}(?:vessels|vasculature)|cardiac decompensation
        """,
    ),
    (
        ("Consolidation", "Lung Opacity"),
        r"consolidative (?:opacit|infiltrat|densit)\w+",
    ),
    # Air-space disease is consolidation (Fleischner glossary), as in the phantom's
    # grammar and the collection's indexing. CheXpert counts it as an opacity.
    (
        ("Consolidation",),
        r"""
        consolidat(?:ions?|ed|ive)
        |air-? ?space(?: \w+)? (?:disease|process|consolidations?)
        """,
    ),
    (
        ("Pneumonia",),
        r"""
        (?:broncho-?)?pneumonia[es]?|pneumonic(?: \w+)?|pneumonitis
        |infections?|infectious(?: \w+)?
        """,
    ),
    (
        ("Atelectasis",),
        r"""
        atelecta\w+|(?:lobar|lobe|lung|segmental|partial|basilar)\ collapse
        |collapsed? (?:of the )?(?:\w+ ){0,3}(?:lobe|lung)
        """,
    ),
    (
        # Scars, infiltrates and interstitial change are opacities, as in CheXpert.
        ("Lung Opacity",),
        r"""
        opacit(?:y|ies)|opacifications?|opacified|infiltrat(?:e|es|ions?|ive)\b
        |(?:radio)?densit(?:y|ies)|(?:ground[ -]glass|hazy|haziness|haze)
        |scar(?:s|ring|red)?\b|cicatri\w+|fibro(?:sis|tic)\b
        |interstitial (?:lung |pulmonary )?(?:disease|changes?|thickening|prominence
        |process|abnormalit\w+|accentuation|coarsening|fibrosis|pattern)
        |(?:prominence|thickening) of the interstitium
        |reticular(?: \w+)? (?:pattern|changes?)|reticulation|honeycomb\w*
        |peri-?bronchial (?:wall )?(?:thickening|cuffing)|bronchial wall thickening
        """,
    ),
    (
        ("Fracture",),
        r"fractur(?:e|es|ed)\b",
    ),
    (
        # Tubes, lines, pacers, valves and hardware, as in CheXpert; no clips, wires
        # of a sternotomy, stents or sutures.
        ("Support Devices",),
        r"""
        pace-?makers?|pacers?|pacing (?:devices?|wires?|leads?|electrodes?)
        |a?icds?|(?:cardioverter[ -]?)?defibrillators?
        |(?:cardiac|ventricular|atrial|transvenous|dual|single|bipolar|monitor\w*
        |chamber|ekg|ecg)\ leads?|leads? (?:tips? )?(?:in|at|within|over\w*|project\w*
        |terminat\w*|extend\w*)
        |(?:neuro-?|nerve |spinal |cord )*stimulators?|loop recorders?
        |catheters?|picc(?:s| lines?)?|(?:central|venous|subclavian|jugular|ij|arterial
        |support|access|intravenous|iv|midline|femoral|dialysis|indwelling)\ lines?
        |(?:support|monitoring) apparatus
        |lines and tubes|tubes and lines|lines or tubes|tubes or lines
        |(?:medi-?|infuse-?a-?)?port(?:s|-?a-?cath\w*|-a-xxxx)?|xxxx-a-xxxx
        |(?:chest|endo-?tracheal|tracheal|et|ng|og|naso-?gastric|oro-?gastric|enteric
        |feeding|tracheostomy|thoracostomy|enteral|dobb?hoff|gastr\w+|intercostal
        |drainage|support)\ tub(?:e|es|ing)|tubes?|ett|ngt|tracheostomy
        |(?:prosthetic|artificial|mechanical|bioprosthetic)(?: \w+)? valves?
        |valv(?:e|ular) (?:replacements?|prosthes[ie]s)|pleurx|swan-?ganz
        |(?:support|medical|implant\w*|electronic|pacing|monitoring|cardiac)\ devices?
        |tips?(?: \w+){1,6} (?:svc|vena cava|atri(?:um|al)|cavo-?atrial)|generators?
        |devices?|hardware|orthopedic \w+|internal fixation|prosthetic
        |ivc (?:filters?|xxxx)|arthroplast(?:y|ies)|prosthes[ie]s
        |(?:pedicle |metallic |surgical )?screws?|harrington rods?|shunts?(?! vasc)
        |(?:surgical |chest |pleural )?drains?|balloon pumps?
        """,
    ),
    (
        (OTHER,),
        r"""
        emphysema\w*|hyper-?(?:inflat|expan|lucen|aerat|disten)\w+
        |copd|obstructive (?:lung |pulmonary |airways? )?(?:disease|changes?)
        |bulla[es]?\b|bullous|blebs?|bronchiect\w+|bronchit\w+|asthma\w*
        |reactive airways? disease|small airways? disease|volume loss|loss of volume
        |calcif\w+|athero\w+|tortu\w+|ectati[ac]\w*|ectasia|unfolded|aneurysm\w*
        |dissection|hernias?|eventration|elevat(?:ed|ion)(?=[\w ]* (?:hemi)?diaphragm)
        |(?:hemi)?diaphragms? (?:is|are) (?:\w+ )?(?:elevated|flattened)
        |flatten(?:ed|ing)(?=[\w ]* (?:hemi)?diaphragm)
        |blunt(?:ed|ing)|scolio\w+|(?:dextro|levo)scolio\w+|\w*curvature
        |kypho\w+|degenerat\w+
        |spondylo\w+|osteophy\w+|spurring|arthrit\w+|arthropath\w+|arthrosis
        |osteopeni\w+|osteopor\w+|demineraliz\w+|dish\b|deformit(?:y|ies)
        |wedg(?:e|ing)\b|compression|sclero(?:sis|tic)|lytic|dislocat\w+|subluxation
        |(?:lymph)?adenopathy|sarcoid\w*|tubercul\w+|aspiration|cephalization|cuffing
        |pneumo-?(?:mediastinum|peritoneum|pericardium)|free (?:intraperitoneal )?air
        |pulmonary hypertension|hypertensive|cysts?|cystic|pneumonectomy|lobectomy
        |thickening|plaques?|prominen(?:t|ce)|increased lung volumes
        |abnormal|embol(?:us|i|ism)|hematoma|contusion|abscess
        """,
    ),
)

# Organs, whose state makes the finding: a normal one denies `normal`, an abnormal one
# asserts `abnormal`. Without a state they say nothing.
ORGANS = (
    # The heart makes most of the silhouette: where it is enlarged, so is the heart.
    (
        ("Enlarged Cardiomediastinum", "Cardiomegaly"),
        ("Enlarged Cardiomediastinum", "Cardiomegaly"),
        r"""
        (?:cardio-?\s?mediastinal|cardiac and mediastinal|heart and mediastinal)
        (?: (?:silhouettes?|contours?|structures?|size|shadow|outlines?|xxxx))*
        """,
    ),
    (
        ("Cardiomegaly",),
        ("Cardiomegaly",),
        r"""
        (?:the )?heart(?: (?:size|silhouette|shadow|contours?|borders?))?
        |(?:cardiac|cardiopericardial)
        (?: (?:silhouette|size|shadow|contours?|xxxx|and|borders?))+
        """,
    ),
    (
        ("Enlarged Cardiomediastinum",),
        ("Enlarged Cardiomediastinum",),
        r"""
        (?:superior )?mediastinum|(?:superior )?mediastinal
        (?:(?: (?:and hilar|hilar|silhouettes?|contours?|structures?|shadow|width
        |outlines?|xxxx))+|(?= (?:widening|enlargement|prominence|fullness)))
        """,
    ),
    (
        ("Lung Opacity", "Consolidation"),
        (),
        r"(?:both )?lungs?(?: (?:fields?|zones?|parenchyma|bases?|apices|xxxx))?",
    ),
    (
        ("Pleural Effusion",),
        (),
        r"pleural (?:spaces?|surfaces?|margins?)|costophrenic (?:angles?|sulc\w+|xxxx)",
    ),
    (
        ("Edema",),
        ("Edema",),
        r"""
        (?:pulmonary |central )*(?:vasculature|vascularity|vessels
        |vascular (?:markings|engorgement|xxxx))
        """,
    ),
    (
        ("Lung Opacity",),
        ("Lung Opacity",),
        r"(?:interstitial|reticular|reticulonodular)(?: \w+)? markings?|interstitium",
    ),
    (
        ("Fracture",),
        (),
        r"""
        (?:osseous|bony|skeletal|bone)(?: (?:structures?|thorax|skeleton|xxxx))?|bones
        |ribs?|skeleton
        """,
    ),
)
# Words of a state. What is large for a normal organ is normal; a normal state that is
# denied ("not entirely clear") says that something is abnormal, and not what.
_NORMAL = r"""
    (?:normal|within (?:the )?normal (?:limits|range)|wnl|unremarkable
    |clear|intact|sharp|preserved|(?:upper )?limits (?:of )?(?:the )?normal
    |non-?enlarged|(?:top|upper|high)[ -](?:limits? of )?normal|upper normal)
    """
_ENLARGED = r"(?:\w+ly )?(?:enlarged|prominent|widened|increased|large|dilated)"
STATES = {
    "denied": rf"""
        (?:not|cannot|no longer|never|nowhere near|far from|less(?: than)?|anything but
        |hardly|barely|scarcely|by no means|in no way|neither|almost|nearly
        |part(?:ial)?ly)
        (?:,(?: \w+){{1,4}},)?(?:[ ,()–—-]+(?:however|\w+ly|quite|altogether|yet|be|been
        |become|as|before|all|both|so|very|at|in|back|to|the|a|an|any|any ?more|longer
        |now|today|called|considered|judged|deemed|described|regarded|felt|thought
        |said|appear|appearing|look)){{0,5}}[ ,()–—-]+(?:cleared|{_NORMAL})
        (?! (?:if|whether|that|what|how|why)\b)
        """,
    "borderline": rf"""
        borderline(?: (?:in size|size|enlarged|enlargement|prominent|large))?
        (?: to {_ENLARGED})?
        |(?:normal|upper limits? of normal|(?:top|high)[ -]normal)
        (?: (?:in size|size))? (?:to|or) {_ENLARGED}
        |upper limits?(?! (?:of )?(?:the )?normal)
        """,
    "normal": _NORMAL,
    "abnormal": r"""
        enlarg(?:ed|ement|ing)|wid(?:e|ened|ening)|dilat(?:ed|ation)|large|big
        |increased?(?: in)?(?: size)?|engorged|congested|indistinct(?:ness)?
        |coarse(?:ned)?|accentuat(?:ed|ion)(?! by)|thicken(?:ed|ing)
        |chronic|prominent|prominence|generous
        |full(?:ness)?
        """,
}

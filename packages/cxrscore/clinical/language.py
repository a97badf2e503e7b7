"""Whether a report reads as English: the labeler knows no other language.

Words are counted, not guessed at: those that English alone has speak for it, those that
it shares with others (`normal`, `edema`, `pleural`) for neither, all others against it.
No list of another language is needed, so unforeseen ones are noticed, too.
"""

import functools
import re

from cxrscore.texts.plain import plain

# Fragments of regular expressions for whole words in lower case. What ends in a dash
# may continue in any way.
_ENGLISH = """
the and with without there are this these that those which what who its has have had
been being were will would should could be can cannot may might must does did not
none neither nor from for by at than then both each either any some other another
few many several more most less very well too also again still yet only just but
because however although though while since until into through throughout within
over under above below near around between behind before after along across against
out off up down about toward towards due if whether when where here they it his her
he she we our one two three four five six seven eight nine ten first second third

seen see shows? showing shown noted note given taken made make found look looks like
appears? appearing appearance remains? suggests? suggesting suggestive likely
unlikely consider considering recommend- advise- advice follow followup correlate-
please compare compared comparing obtain- review- read reading available unavailable
evaluate evaluated assess- exclude- rule ruled known unknown help- need- limits?
limited new old prior previous- early earlier recent- today now day days week-
month- years? study studies exam exams examination- film films views? chest rays?
xray xrays? radiograph radiographs technique upright standing supine ap pa ct cxr
done

clear normally unremarkable remarkable unchanged changed? changes? healthy fine ok
okay nad wnl good poor bad better worse improv- worsen- increas- decreas- resolv-
abnormal- acute mild moderate severe marked slight small large big tiny little low
high lower upper middle left right side sides sided both top bottom tip tips end
ends above soft dense hazy haze faint vague subtle grossly patchy streaky bandlike
round rounded wide widen- narrow- enlarge- enlarging thick- thin- full fullness free
open size sized shape- length borderline likewise

heart lungs? rib ribs bone bones bony spine chest wall airways? airspaces? space
spaces air fluid blood skin neck shoulder- arm arms breast- nipple- hip head back
body bodies stomach bowel- gallbladder liver abdomen vessels? veins artery arteries
markings? border borders edge- sulci fields? zones? tissues? joint joints disc discs
disk disks clavicle- scapula- diaphragms? hemidiaphragms? ventricle costophrenic
hilum cardiomediastinum cardiomediastinal lingular? apices midlungs? bronchovascular
cardiopulmonary- vasculature midline quadrant-

disease- illness- finding findings evidence effusions? pneumothoraces opacity
opacities opacifi- consolidations airspace nodules? mass masses lesions scars?
scarring granulomas? granulomata thickening crowding blunt- flatten- hyperinflat-
hyperexpan- hyperlucen- hypoinflat- hypoventilat- cardiomegaly emphysema- hiatal
collapse- swelling overload congested failure infect- atelectas[ie]s atelectatic
pneumonitis bronchitis asthma chf copd pna ptx rll lll rul lul rml tb dish
atherosclero- calcified uncalcified tortuous ectatic unfold- degenerative scoliotic
dextro- levo- kypho- osteophytes? spurs? spurring spondylo- arthritis osteoarthritis
arthropathy deformit- displace- aligned alignment tumors? cancers? malignan- cyst
cysts cavit- abscess- aneurysm- bulla- blebs? hemorrhage- contusion- injur- wound-
pneumomediastinum pneumoperitoneum eventration lymphadenopathy adenopathy
enlargement lucen-

tubes? lines? leads? wires? clips? pacemakers? pacers? catheter- picc lines ett ngt
svc devices? hardware screws? rods? plates? sternotomy surger- surgical-
postsurgical postoperative postop status cabg valves? prosthe- portacath drains?
stents? removal removed placement placed

structures? intact processe?s? definite lymph overl- silhouettes scans? atrium
curvature underl- concern- pattern wedg- shadows? discrete appropriate shift
indicate- reflect- represent- demonstrat- measur- project- involv- includ-
correspond- diffuse level loss pulm cough fever dyspnea breath- shortness pain- ill
smok- history male female man woman patients? transplant kidney evaluation syncope
weight vs versus further greater smaller larger age overall yes maybe quality
questionable uncertain difficult focus foci etiology healing healed differential
rotated oedema oesophag- haem- tumours? grey nil sign signs stb ptb htn preop loops
stomach suture- shunt- monitor generator hours graft telephone
"""
# Endings that are English, where the word before them is long enough.
_ENDINGS = r"\w{3,}(?:ly|ness|ity|ities|ous|[^e\W]ed|wise|ful|less)|\w{4,}(?:ary|pathy)"
# Words, then endings, that English shares with languages around it.
_SHARED = r"""
no in is of an on to or as was so me hilar basilar bibasilar lobar nodular vascular
alveolar reticular perihilar granular edema pneumothorax thorax pneumonia hernias?
aorta trachea carina mediastinum sternum apex base lobe nodule fractures? silhouette
contours? volumes? images? aspect density densities lesion cardiac area areas angle
cm mm xx+ left superior inferior anterior posterior exterior interior minor tumor
cancer abscess trace stress senior junior infiltrates? bases mid post similar angles
linear- metast- osteopeni- osteopor- pectus azygos situs gross
"""
_SHARED_ENDINGS = (
    r"\w{2,}(?:al|ion|ions|ic|ible|able|ent|ents|ant|ants|osis|oses|asis|itis|ive|oma)"
)


def _any_of(text):
    return "|".join(entry.replace("-", r"\w*") for entry in text.split())


_WORD = re.compile(r"[^\W\d_]+")
_IS_ENGLISH = re.compile(f"(?:{_any_of(_ENGLISH)}|{_ENDINGS})")
_IS_SHARED = re.compile(f"(?:{_any_of(_SHARED)}|{_SHARED_ENDINGS})")


@functools.lru_cache(maxsize=100_000)
def _speaks(word):
    """For a word in lower case: 1 for English, negative against it, 0 for neither."""
    if not word.isascii():  # Rare in English: one may be a name, two are not.
        return -2 if len(word) > 1 or ord(word) > 0x2E80 else 0
    if _IS_ENGLISH.fullmatch(word):
        return 1
    return 0 if len(word) < 2 or _IS_SHARED.fullmatch(word) else -1


def evidence(text):
    """Count the words of a text that speak for English, and those that do not.

    Args:
        text: string.

    Returns:
        Two ints, `(for, against)`.

    Example:
    ```python
    evidence("The heart is normal."), evidence("Derrame pleural.")  # (2, 0), (0, 1)
    ```
    """
    votes = [_speaks(word) for word in _WORD.findall(plain(text).lower())]
    return sum(v for v in votes if v > 0), -sum(v for v in votes if v < 0)


def foreign(texts):
    """Which texts do not read as English.

    Args:
        texts: sequence of strings `(n,)`.

    Returns:
        A list of `n` bools. "Normal." alone speaks for no language.

    Example:
    ```python
    foreign(["No acute disease.", "Derrame pleural izquierdo."])  # [False, True]
    ```
    """
    return [against > 2 * own for own, against in map(evidence, texts)]


def not_english(references):
    """Say why reports cannot be labelled: most of them are in another language.

    Args:
        references: sequence of strings `(n,)`. Empty ones are not counted.

    Returns:
        A string, or `None` where at least half of them can be read. A single foreign
        word in all of them does not count: it may be misspelt.

    Example:
    ```python
    not_english(["Derrame pleural izquierdo.", "Normal.", "Sin hallazgos."])
    # "2 of 3 references do not read as English, the only language of the labeler"
    ```
    """
    texts = [text for text in references if plain(text).strip()]
    strange = sum(foreign(texts))
    if 2 * strange <= len(texts) or sum(evidence(t)[1] for t in set(texts)) < 2:
        return None
    return (
        f"{strange} of {len(texts)} references do not read as English, the only "
        "language of the labeler"
    )

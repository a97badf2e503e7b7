"""What counts as abnormal in a collection that was indexed by hand.

The Indiana studies were indexed by hand. `MeSH` holds terms such as
`Opacity/lung/upper lobe/right/streaky` (a head, then site and degree), joined
by `;`, and `Problems` holds their heads. A study is normal when its one problem
is `normal`. It is abnormal *of the lungs* when a term names a disease of the
lungs or the pleura, or puts a finding there. What is abnormal elsewhere only
(a spine, an enlarged heart, a catheter) is neither, and the funnel drops it, as
the Calabria project "focused on lung-related conditions only".
"""

import math

from cxrbase.words import MISSING, NORMAL, key


def _terms(text):
    return frozenset(" ".join(text.split()).split("; "))


# Heads that name a disease of lung or pleura, whatever their site.
LUNG_DISEASES = _terms(
    """
    airspace disease; blister; bronchiectasis; bronchiolitis; bronchitis; bullous
    emphysema; cavitation; consolidation; costophrenic angle; cystic fibrosis;
    emphysema; granulomatous disease; hemopneumothorax; hemothorax;
    hydropneumothorax; infiltrate; lung diseases, interstitial; lung, hyperlucent;
    pleural effusion; pneumonectomy; pneumonia; pneumothorax; pulmonary
    atelectasis; pulmonary congestion; pulmonary disease, chronic obstructive;
    pulmonary edema; pulmonary emphysema; pulmonary fibrosis; sarcoidosis;
    tuberculosis; volume loss
    """
)

# Heads that mean the lung unless the term puts them somewhere else: a
# `Nodule/multiple` is in the lung, an `Opacity/ribs` is not.
LUNG_SIGNS = frozenset(
    {"calcified granuloma", "granuloma", "mass", "nodule", "opacity"}
)

LUNG_SITES = frozenset(
    {"bronchi", "bronchovascular", "lung", "pleura", "pulmonary alveoli"}
)
OTHER_SITES = _terms(
    """
    abdomen; aorta; breast; cervical vertebrae; clavicle; diaphragm; heart; humerus;
    lumbar vertebrae; lymph nodes; mediastinum; neck; ribs; shoulder; soft tissue;
    spine; sternum; thoracic vertebrae; thorax; trachea
    """
)

# In the lung, but not a disease of it: what was put there, and what lies over it.
NO_DISEASE = _terms(
    """
    adipose tissue; blood vessels; catheters, indwelling; foreign bodies; implanted
    medical device; medical device; nipple shadow; surgical instruments; sutures;
    technical quality of image unsatisfactory; tube, inserted
    """
)

# `Lung/hypoinflation` is a shallow breath, `Lung/azygos lobe` a variant.
HARMLESS_LUNGS = frozenset({"azygos lobe", "hypoinflation"})

NOT_INDEXED = MISSING | {key("No Indexing")}


def is_lung_term(term):
    """Whether one indexing term means a disease of lung or pleura.

    Args:
        term: string. One MeSH term, e.g. `"Cicatrix/lung/apex/left"`.

    Returns:
        A bool.

    Example:
    ```python
    is_lung_term("Opacity/lung/base/left")  # True
    is_lung_term("Opacity/ribs")  # False
    ```
    """
    head, *sites = (part.strip().lower() for part in term.split("/"))
    if head == "lung":
        return not HARMLESS_LUNGS & set(sites)
    if head in LUNG_DISEASES:
        return True
    if head in LUNG_SIGNS and not OTHER_SITES & set(sites):
        return True
    return bool(LUNG_SITES & set(sites)) and head not in NO_DISEASE


def is_indexed(problems):
    """Whether a study was indexed: its `Problems` is never really empty.

    Args:
        problems: string. The cell, in which `No Indexing` means missing.

    Returns:
        A bool.

    Example:
    ```python
    is_indexed("No Indexing")  # False
    ```
    """
    return key(problems) not in NOT_INDEXED


def label_from_indexing(problems, mesh=""):
    """Label a study as normal or as abnormal of the lungs.

    Args:
        problems: string. The `Problems` cell, heads joined by `;`.
        mesh: string. The `MeSH` cell, terms joined by `;`. Where it is empty
            the heads in `problems` are read instead.

    Returns:
        `0.0` (normal), `1.0` (lung or pleura) or `nan` (abnormal elsewhere
        only, or not indexed).

    Example:
    ```python
    label_from_indexing("Opacity", "Opacity/lung/base/left")  # 1.0
    ```
    """
    if not is_indexed(problems):
        return math.nan
    if key(problems) in NORMAL:
        return 0.0
    terms = (mesh.strip() or problems).split(";")
    return 1.0 if any(is_lung_term(term) for term in terms) else math.nan

"""What counts as abnormal: from the collection's indexing, or from a CSV cell.

The Indiana studies were indexed by hand. `MeSH` holds terms such as
`Opacity/lung/upper lobe/right/streaky` (a head, then site and degree), joined
by `;`, and `Problems` holds their heads. A study is normal when its one problem
is `normal`. It is abnormal *of the lungs* when a term names a disease of the
lungs or the pleura, or puts a finding there. What is abnormal elsewhere only
(a spine, an enlarged heart, a catheter) is neither, and the funnel drops it, as
the Calabria project "focused on lung-related conditions only".
"""

import collections
import math
import unicodedata

from cxrbase.files import InputError
from cxrbase.words import (
    ABNORMAL,
    MISSING,
    NORMAL,
    UNSURE,
    key,
    names_no_finding,
)


def _terms(text):
    return frozenset(" ".join(text.split()).split("; "))


# Heads that name a disease of lung or pleura, whatever is said of their site.
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

# In the lung, but no disease of it: what was put there, and what lies over it.
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
    """Tell whether one indexing term speaks of a disease of lung or pleura.

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
    """Tell whether a study was indexed: its `Problems` is never really empty.

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
            the heads in `problems` are read in its stead.

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


# === The cells of a CSV ===

LISTED = 8  # Of the words that are refused.
SHOWN = 30  # Of the words that are read, for each label.
NUMBERS = {0: 0.0, 1: 1.0, -1: math.nan}  # CheXpert writes -1.0 for uncertain.
LABELS = {"normal": 0.0, "abnormal": 1.0, "unknown": math.nan}


def label_from_cell(value, any_word=False):
    """Read the cell of a CSV that says whether a study is abnormal.

    Args:
        value: string. A number (0, 1, or -1 for unknown) or a word from the lists of
            `cxrbase.words`, in any case, with or without accents and punctuation.
        any_word: bool. Whether any other word names a finding, which makes the study
            abnormal, unless it denies or doubts something.

    Returns:
        `0.0`, `1.0`, or `nan` where the cell is empty or says unknown.

    Raises:
        InputError: if the cell says anything else.

    Example:
    ```python
    label_from_cell("-1.0")  # nan
    label_from_cell("Pneumonia", any_word=True)  # 1.0
    ```
    """
    number = _number(value)
    if number is not None:
        if number in NUMBERS:
            return NUMBERS[number]
    else:
        for words, label in (
            (MISSING | UNSURE, math.nan),
            (NORMAL, 0.0),
            (ABNORMAL, 1.0),
        ):
            if key(value) in words:
                return label
        if any_word and not names_no_finding(value):
            return 1.0
    # A probability or a count would be made abnormal in silence.
    raise InputError(f"{value!r} says neither normal nor abnormal.")


def _number(value):
    """The number that a cell holds, as any locale writes it, or `None`."""
    text = unicodedata.normalize("NFKC", value).replace("−", "-").strip(" '\"=()[]")
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return None if math.isnan(number) else number


def labels_from_cells(cells, any_word=False):
    """Read a column of a CSV with `label_from_cell`.

    Args:
        cells: sequence of strings.
        any_word: bool. As in `label_from_cell`.

    Returns:
        A list of floats.

    Raises:
        InputError: that lists all cells that say neither, most frequent first.

    Example:
    ```python
    labels_from_cells(["0", "1.0", "No Finding", ""])
    ```
    """
    labels, refused = [], {}
    for row, cell in enumerate(cells, 2):  # The header is row 1.
        try:
            labels.append(label_from_cell(cell, any_word))
        except InputError:
            refused.setdefault(cell, []).append(row)
    if not refused:
        return labels
    most = sorted(refused, key=lambda cell: -len(refused[cell]))
    said = [
        f"{cell!r} ({len(refused[cell])}×, row {refused[cell][0]})" for cell in most
    ]
    said = ", ".join(said[:LISTED]) + ", …" * (len(said) > LISTED)
    mend = "Write 0, 1 or nothing"
    if not any_word:
        mend += (
            "; or, if any word names a finding, hand the column in as `finding`: "
            '--column finding=NAME (or columns={"finding": "NAME"})'
        )
    raise InputError(f"neither normal nor abnormal: {said}. {mend}.")


def words_read(cells, labels):
    """Tell how the words of a column were read, each with its count.

    Args:
        cells: sequence of strings.
        labels: sequence of floats, from `labels_from_cells`.

    Returns:
        A string, `""` where the column holds numbers and empty cells alone.

    Example:
    ```python
    words_read(["Normal", "?"], [0.0, math.nan])
    # "normal: 'Normal' (1×); unknown: '?' (1×)"
    ```
    """
    parts = []
    for name, label in LABELS.items():
        counts = collections.Counter(
            cell
            for cell, read in zip(cells, labels, strict=True)
            if (read == label or math.isnan(read) and math.isnan(label))
            and cell.strip()
            and _number(cell) is None
        )
        if counts:
            said = [f"{cell!r} ({n}×)" for cell, n in counts.most_common(SHOWN)]
            more = f" and {len(counts) - SHOWN} more" if len(counts) > SHOWN else ""
            parts.append(f"{name}: {', '.join(said)}{more}")
    return "; ".join(parts)

"""The words that mean missing, unsure, normal or abnormal: one list for all tables.

Labels, reports, predictions and patients are read with it. Spelling does not matter:
`key` drops case, accents, blanks and punctuation, in any script.
"""

import collections
import functools
import math
import re
import unicodedata

from cxrbase.refusals import InputError


@functools.lru_cache(10_000)  # A table repeats the same words.
def key(text):
    """A word without case, accents, blanks and punctuation.

    Args:
        text: string.

    Returns:
        A string of lower-case letters and digits; signs that may mean something (`+`,
        `✓`) stay, so that only blanks and punctuation give `""`.

    Example:
    ```python
    key(" No_Finding. ") == key("NoFinding")  # "nofinding"
    key("<NA>") == key("n/a")  # "na"
    ```
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    return "".join(filter(_speaks, unicodedata.normalize("NFD", text)))


def _speaks(letter):
    # L letters, N digits; punctuation that a keyboard puts around a word is dropped.
    kind = unicodedata.category(letter)
    return kind[0] in "LN" or (kind in ("Sm", "So") and letter not in "<=>|~¬¦°")


def _words(text):
    return frozenset(key(word) for word in text.split(";"))


# Nothing was written here: what programs and people put into an empty cell.
MISSING = _words(
    """
    n/a; nan; none; null; nil value; nat; #name?; #ref!; #value!; #div/0!; undefined;
    blank; empty; missing; not available; unavailable; not applicable; not known; not
    given; not done; not recorded; not reported; not provided; not specified; not
    stated; not reviewed; not read; not yet; not yet read; not yet reported; not
    labelled; not labeled; unlabelled; unlabeled; unspecified; unknown; no data; no
    label; no report; no report available; report not available; no text; no impression;
    no reading; no information; no info; none given; none available; none provided; none
    recorded; to do; todo; tbd; tba; to be determined; to be done; to be read; to
    follow; pending; pending review; awaiting report; report pending; see report; x; xx;
    xxx; xxxx; xxxxx; 0; 00; n.d.; n.a.n.; no aplica; sin datos; sin informe; sin dato;
    desconocido; no disponible; pendiente; s/d; sem dados; sem laudo; desconhecido; não
    disponível; não informado; pendente; keine angabe; keine angaben; k.a.; k.b.;
    unbekannt; fehlt; nicht verfügbar; ausstehend; kein befund vorhanden; offen;
    inconnu; non disponible; non renseigné; en attente; manquant; sconosciuto; non
    disponibile; non noto; onbekend; brak; brak danych; bilinmiyor; неизвестно; нет
    данных; не указано; 不明; 未知; 无数据; 無資料; غير معروف
    """
) | {""}  # Also cells without letters, such as "?", "." and "--".

# Not a patient's name. Short words may be initials, so the list is short.
NAMELESS = _words(
    """
    anonymous; anonymised; anonymized; missing; n/a; nan; nat; none; not available;
    null; unknown; xxxx
    """
) | {""}

# Somebody looked and could not tell: no label, but a report may say so.
UNSURE = _words(
    """
    borderline; cannot exclude; cannot tell; can't tell; likely; could be; doubtful;
    dubious; equivocal; inconclusive; indeterminate; indetermined; maybe; nondiagnostic;
    not certain; not clear; not conclusive; not evaluable; not sure; perhaps; possible;
    possibly; probable; probably; questionable; suspected; suspicious; uncertain;
    uncertainty; unclear; undecided; undetermined; unsure; u; dudoso; incierto;
    indeterminado; duvidoso; incerto; unklar; unsicher; fraglich; incertain; douteux;
    indéterminé; dubbio; indeterminato; onzeker; twijfelachtig; niepewny; belirsiz;
    неясно; сомнительно; 不确定; 不明确
    """
)
NORMAL = _words(
    """
    clear; clear chest; clear lungs; clear lung; control; controls; f; false; healthy;
    healthy control; lungs clear; lungs are clear; n; neg; negative; negative chest;
    negative for pneumonia; negative for covid-19; negative for tuberculosis; negative
    study; no; no abnormal findings; no abnormal finding; no abnormalities; no
    abnormality; no abnormality detected; nad; no active disease; no active lung
    disease; no evidence of acute disease; no acute pulmonary process; no
    cardiopulmonary disease; normal heart and lungs; negative for tb; no acute
    abnormality; no acute cardiopulmonary abnormality; no acute cardiopulmonary
    abnormalities; no acute cardiopulmonary disease; no acute cardiopulmonary findings;
    no acute cardiopulmonary process; no acute disease; no acute finding; no acute
    findings; no acute process; no disease; no evidence of disease; no finding; no
    findings; no pathology; no pneumonia; no significant abnormality; no significant
    findings; nonpathological; not abnormal; normal; normal cases; normal case; normal
    chest; normal chest radiograph; normal chest x-ray; normal chest xray; normal cxr;
    normal exam; normal examination; normal film; normal finding; normal findings;
    normal lungs; normal radiograph; normal report; normal study; normal x-ray;
    unremarkable; unremarkable chest; unremarkable study; within normal limits; wnl;
    without abnormality; without findings; without pathology; sano; sana; sin hallazgos;
    sin hallazgos patológicos; sin alteraciones; sin anomalías; sin anormalidades; sin
    patología; negativo; negativa; normales; radiografía normal; tórax normal; estudio
    normal; rx normal; sem achados; sem alterações; sem anormalidades; sem anomalias;
    normais; sem achado; sem patologia; saudável; exame normal; radiografia normal;
    o.b.; o.p.b.; ohne befund; ohne pathologischen befund; ohne auffälligkeiten; kein
    befund; keine auffälligkeiten; kein pathologischer befund; normalbefund;
    unauffällig; unauffälliger befund; gesund; negativ; nein; falsch; keine; sans
    anomalie; sans anomalies; sans particularité; rien à signaler; r.a.s.; normale;
    normaux; normal(e); sain; saine; négatif; négative; non; faux; pas d'anomalie;
    aucune anomalie; nella norma; nei limiti; negativi; nessuna anomalia; nessun
    reperto; sanus; normali; senza alterazioni; senza anomalie; sano/a; normaal; geen
    afwijkingen; geen bijzonderheden; gezond; nee; não; bez zmian; b.o.; prawidłowy; w
    normie; zdrowy; nie; norma; bez nálezu; sağlıklı; bulgu yok; normaali; normalt;
    frisk; u.a.; норма; нормальный; здоров; без патологии; без особенностей; нет; 正常;
    无异常; 未见异常; 未見異常; 異常なし; 정상; 이상없음; طبيعي; سليم
    """
)
ABNORMAL = _words(
    """
    abnormal; abnormal study; abnormalities; abnormality; diseased; disease; ill; p;
    pathologic; pathological; pathology; pos; positive; sick; t; true; unhealthy; y;
    yes; anormal; anómalo; patológico; patologico; positivo; positiva; enfermo; sí; sim;
    doente; alterado; auffällig; pathologisch; positiv; krank; ja; wahr; anormale;
    pathologique; malade; positif; oui; vrai; patologica; malato; afwijkend; ziek;
    nieprawidłowy; chory; tak; патология; болен; да; 异常; 異常; 비정상; غير طبيعي
    """
)

# A cell that begins so denies something, and does not name a finding.
DENIALS = _words(
    """
    absence; absent; aucun; aucune; bez; clear; denies; excluded; excludes; exclude;
    free; geen; healthy; intact; kein; keine; keinen; keinerlei; neg; negative; negativ;
    negativo; nessun; nessuna; never; niet; nil; no; non; none; not; ohne; pas;
    resolved; sans; sem; senza; sin; unable; unremarkable; without; zonder; без; не; нет
    """
)
DOUBTS = _words(
    """
    borderline; cannot; doubtful; equivocal; indeterminate; likely; maybe; pending;
    possible; possibly; probable; probably; query; questionable; rule; suspected;
    suspicious; uncertain; unclear; unlikely; unsure
    """
)


def says_nothing(text):
    """Whether a report, a prediction or a name says nothing.

    Args:
        text: string.

    Returns:
        A bool. `"None."` with its full stop was written by a person, and stays.

    Example:
    ```python
    says_nothing("NaN"), says_nothing("XXXX."), says_nothing("Normal.")
    # (True, True, False)
    ```
    """
    if not text or text.isspace():
        return True
    if len(text) >= 40 or text.strip().lower() == "none.":  # No such word is longer.
        return False
    word = key(text)
    return word in MISSING or not word.strip("x")  # "XXXX XXXX": all anonymised.


def names_no_finding(text):
    """Whether a cell denies or doubts something, and so names no finding.

    Args:
        text: string.

    Returns:
        A bool.

    Example:
    ```python
    names_no_finding("no effusion"), names_no_finding("Pneumonia")  # (True, False)
    ```
    """
    letters = unicodedata.normalize("NFKC", text).casefold()
    words = [key(word) for word in re.findall(r"\w+", letters.replace("_", " "))]
    return (
        not any(map(str.isalpha, letters))
        or "?" in letters
        or words[0] in DENIALS
        or any(word.startswith("normal") for word in words)  # Not "abnormal".
        or not DOUBTS.isdisjoint(words)
        or letters.strip().startswith(("无", "無", "未", "正常"))
        or letters.strip().endswith(("なし", "없음"))
    )


# === The cells of a column that say normal or abnormal ===

LISTED = 8  # Refused words to show.
SHOWN = 30  # Words read to show, for each label.
NUMBERS = {0: 0.0, 1: 1.0, -1: math.nan}  # CheXpert writes -1.0 for uncertain.
LABELS = {"normal": 0.0, "abnormal": 1.0, "unknown": math.nan}


def label_from_cell(value, any_word=False):
    """Read the cell of a CSV that says whether a study is abnormal.

    Args:
        value: string. A number (0, 1, or -1 for unknown) or a word of the lists above,
            in any case, with or without accents and punctuation.
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
    # A probability or a count would silently become abnormal.
    raise InputError(f"{value!r} says neither normal nor abnormal.")


def _number(value):
    """The number that a cell holds, as any locale writes it, or `None`."""
    text = re.sub("[−–]", "-", unicodedata.normalize("NFKC", value)).strip(" '\"=()[]")
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
            "; or, if any word names a finding, map the column to `finding`: "
            '--column finding=NAME (or columns={"finding": "NAME"})'
        )
    raise InputError(f"neither normal nor abnormal: {said}. {mend}.")


def words_read(cells, labels):
    """Say how the words of a column were read, each with its count.

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

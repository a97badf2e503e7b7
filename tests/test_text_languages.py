"""Texts that are not plain English: other forms of letters, scripts and languages."""

import unicodedata

import numpy as np
import pandas as pd
import pytest
from impressions import NORMAL
from impressions import REPORTS as FOUR

from cxrphantom.cases import sample_case
from cxrphantom.reports.grammar import findings_text, impression_text
from cxrscore.clinical.labeler import label_report, label_reports
from cxrscore.clinical.language import foreign, not_english
from cxrscore.clinical.laterality import names_prior, report_sides
from cxrscore.clinical.scores import clinical_scores
from cxrscore.evaluate import evaluate_predictions
from cxrscore.score import NO_WIDTH
from cxrscore.texts.plain import is_unspaced, plain
from cxrscore.texts.protocols import PROTOCOLS, tidy
from cxrscore.texts.scores import TextScorer, text_scores

REPORTS = [*FOUR, "Small right pneumothorax.", "Old healed rib fracture."]
SCORED = tuple(name for name in PROTOCOLS if name != "meteor")
ENGLISH = """Normal. | Clear. | NAD | WNL. | No acute disease. | Unremarkable study
NORMAL CHEST. | Cardiomegally. | No acute cardiopulmonray diseas | LLL PNA.
XXXX XXXX. | Chest XXXX. | XXXX of XXXX | Hiatal hernia. | Osteopenia. Scoliosis.
1. Low lung volumes 2. Edema | Old granulomatous disease. | PICC tip in the SVC.
Tortuous aorta. | Hyperinflation. | Status post CABG. | No PTX. | Pulm edema."""
FOREIGN = {
    "Spanish": """Sin hallazgos patológicos. | Radiografía de tórax normal.
Cardiomegalia. Edema pulmonar. | Atelectasia laminar. | No se observa neumotórax.
Fractura costal derecha. | Neumonía basal derecha. | Derrame pleural izquierdo.""",
    "Spanish without accents": """Radiografia de torax normal. | Sin hallazgos.
Derrame pleural izquierdo. | No hay consolidacion. | Neumonia derecha.""",
    "Portuguese": """Sem alterações significativas. | Derrame pleural bilateral.
Pneumonia no lobo inferior direito. | Fratura de arco costal.
Área cardíaca normal.""",
    "French": """Examen normal. | Pas d'épanchement pleural ni de pneumothorax.
Atélectasie de la base gauche. | Fracture de côte droite. | Cardiomégalie modérée.""",
    "German": """Unauffälliger Befund. | Kein Pleuraerguss, kein Pneumothorax.
Herz normal groß. | Rippenfraktur rechts. | Dystelektase links basal.""",
    "Italian": """Radiografia del torace nella norma. | Non versamento pleurico.
Polmonite del lobo inferiore destro. | Frattura costale destra.
Ili e mediastino in asse. | Seni costofrenici liberi.""",
    "Dutch": """Geen afwijkingen. | Geen pleuravocht, geen pneumothorax. | Hart is niet
vergroot. | Ribfractuur rechts. | Pneumonie in de rechter onderkwab.""",
    "Turkish": """Normal akciğer grafisi. | Plevral efüzyon saptanmadı. | Kardiyomegali.
Sağda kot fraktürü. | Pnömotoraks izlenmedi. | Sol alt lobda atelektazi.""",
    "Russian": """Норма. | Очаговых изменений не выявлено. | Перелом ребра справа.""",
    "Chinese": "双肺纹理增多，心影不大。 | 无气胸。 | 左侧少量胸腔积液。",
    "Arabic": "لا يوجد انصباب جنبي. | صورة الصدر طبيعية. | تضخم القلب.",
    "Japanese": "異常所見なし。 | 胸水は認めません。 | 右肋骨骨折。",
    "Vietnamese": "Tim phổi bình thường. | Gãy xương sườn phải. | Phù phổi.",
    "Polish": "Serce powiększone. | Złamanie żebra po prawej. | Obraz w normie.",
    "Romanian": "Fara modificari patologice. | Cord de dimensiuni normale.",
}


def split(texts):
    return [part.strip() for line in texts.split("\n") for part in line.split(" | ")]


def study(references, predictions):
    uids = range(len(references))
    table = {"uid": uids, "reference": references, "prediction": predictions}
    return evaluate_predictions(pd.DataFrame(table))


def texts_of(scores):
    return {name: f for name, f in scores.items() if name.split(".")[0] in PROTOCOLS}


# === One writing ===


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("eﬀusion, pneumo\u00adthorax, ﬁne", "effusion, pneumothorax, fine"),
        ("pneumo\u00ad\n  thorax", "pneumothorax"),  # A line broken inside of the word.
        ("\ufeffNo\u00a0acute\u2009dis\u200bease\u200e.", "No acute disease."),
        ("Ｎｏ　ｅｄｅｍａ．", "No edema."),
        ("patient’s “old” 2–3 cm, un\u2010even", "patient's \"old\" 2-3 cm, un-even"),
        ("no edema – small", "no edema - small"),
        ("No edema—right base opacity", "No edema - right base opacity"),
        ("effu\x07sion\x7f, \x1bclear\tlungs\x0c", "effusion, clear\tlungs\x0c"),
        ("a\u0301rea carda\u0301ca", "\u00e1rea card\u00e1ca"),
        ("½ … ﷐", "1/2 ... ﷐"),
        ("X\u2028Y", "X\nY"),
        (None, ""),
        (np.nan, ""),
        (pd.NA, ""),
        (" NO acute\t disease. -- \x0c", " NO acute\t disease. -- \x0c"),
    ],
)  # fmt: skip
def test_the_same_words_are_the_same_letters(written, read):
    assert plain(written) == read == plain(read)


def test_identical_reports_in_two_forms_score_one():
    """As macOS and PDFs write Portuguese: letters and accents apart."""
    composed = [
        "Não há derrame pleural à direita, nem pneumotórax.",
        "Área cardíaca normal, sem alterações.",
        "Opacidade no lobo inferior esquerdo, sugerindo consolidação.",
    ]
    apart = [unicodedata.normalize("NFD", text) for text in composed]
    assert apart != composed
    for references, predictions in ((composed, apart), (apart, composed)):
        scores = text_scores(references, predictions, protocols=SCORED)
        assert scores == text_scores(composed, composed, protocols=SCORED)
        values = {name: scores[name]["value"] for name in texts_of(scores)}
        assert values.pop("sacrebleu.bleu") == pytest.approx(100)
        assert values.pop("coco.cider") == pytest.approx(10)
        assert values == pytest.approx(dict.fromkeys(values, 1), abs=1e-6)
    assert TextScorer(composed).score(apart) == TextScorer(apart).score(composed)
    found = study(composed, apart)
    assert found["scores"]["text.distinct"]["value"] == 3
    assert list(found["table"]["prediction"]) == apart  # Kept as it was written.


@pytest.mark.parametrize(
    ("text", "finding", "state"),
    [
        ("Small pleural eﬀusion.", "Pleural Effusion", 1),
        ("Pneumo\u00adthorax.", "Pneumothorax", 1),
        ("No\u00a0e\u200bdema.", "Edema", 0),
        ("Ｃａｒｄｉｏｍｅｇａｌｙ．", "Cardiomegaly", 1),
        ("Rib fracture can’t be excluded.", "Fracture", -1),
        ("Pleural\u2011based\u00a0thickening.", "Pleural Other", 1),
    ],
)
def test_the_labeler_reads_what_a_human_sees(text, finding, state):
    assert label_report(text)[finding] == state
    assert label_reports([text]).shape == (1, 14)


def test_sides_and_priors_are_read_alike():
    assert report_sides("Left‐sided eﬀusion.") == {"Pleural Effusion": {"left"}}
    assert names_prior("Eﬀusion un\u00adchanged.")


def test_printable_ascii_is_not_touched():
    texts = ["\t\n\x0b\x0c\r" + "".join(map(chr, range(32, 127))), *REPORTS, NORMAL]
    assert [plain(text) for text in texts] == texts
    assert [tidy(text) for text in texts] == [
        " ".join(t.split()).lower() for t in texts
    ]


# What these texts scored before they were read in one writing.
BEFORE = {
    "coco.bleu_1": 0.5325573147408663,
    "coco.bleu_2": 0.46084197994167403,
    "coco.bleu_3": 0.4150110445156247,
    "coco.bleu_4": 0.370599705245834,
    "coco.rouge_l": 0.6186797054673692,
    "coco.cider": 4.507278363868831,
    "rouge_score.rouge_l": 0.5708333333333333,
    "rouge_score_stem.rouge_l": 0.5708333333333333,
    "sacrebleu.bleu": 34.63124283022277,
    "nltk.bleu_1": 0.49673948050212297,
    "nltk.bleu_2": 0.44553170466622544,
    "nltk.bleu_3": 0.4166094446365023,
    "nltk.bleu_4": 0.3946260909607245,
}


def test_scores_of_ascii_are_what_they_were():
    lists = "1. No edema. 2. Small (left) effusion, 2.5 cm."
    short = ["NORMAL CHEST X-XXXX.", "Heart size normal; lungs clear.", "No change."]
    references = [*FOUR, lists, *short]
    predictions = [FOUR[0], FOUR[2], FOUR[2]]
    predictions += ["Hyperexpanded lungs. Small left effusion."]
    predictions += ["1. No edema. 2. Effusion.", "Normal chest x-XXXX."]
    predictions += ["Lungs are clear.", ""]
    scores = TextScorer(references, SCORED).score(predictions)
    assert scores == pytest.approx(BEFORE, rel=1e-13)


# === Languages ===


@pytest.mark.parametrize("text", [*split(ENGLISH), *REPORTS])
def test_english_is_known(text):
    assert not_english([text]) is None
    assert not_english([text] * 7) is None


@pytest.mark.parametrize("language", FOREIGN)
def test_another_language_leaves_clinical_scores_undefined(language):
    references = split(FOREIGN[language])
    assert sum(foreign(references)) > 0.8 * len(references)
    found = study(references, references[1:] + references[:1])  # All are wrong.
    clinical = {k: f for k, f in found["scores"].items() if k.startswith("clinical.")}
    assert len(clinical) == 7
    for record in clinical.values():
        assert record["value"] is None and "interval" not in record
        assert record["note"].startswith("undefined: ")
        assert (
            f"of {len(references)} references do not read as English" in record["note"]
        )
        numbers = ("constant", "frequent", "random", "shuffled", "fall", "gain")
        assert [record.get(name) for name in numbers] == [None] * len(numbers)
    said = " ".join(found["warnings"])
    assert "clinical scores are undefined" in said and "clinical.micro" not in said


@pytest.mark.real
@pytest.mark.parametrize("section", ["impression", "findings"])
def test_every_real_report_of_indiana_is_english(real_data, section):
    reports = pd.read_csv(real_data / "indiana" / "indiana_reports.csv")[section]
    reports = reports.dropna().unique()
    assert len(reports) > 1700 and not any(foreign(reports))


def test_the_phantoms_reports_are_english():
    texts = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        findings = sample_case(rng).findings
        texts += [write(findings, rng) for write in (findings_text, impression_text)]
    assert not any(foreign(texts))


def test_the_majority_decides():
    spanish = split(FOREIGN["Spanish"])
    mixed = [*REPORTS[:5], *spanish[:4]]
    found = study(mixed, mixed)
    assert found["scores"]["clinical.micro_f1_14"]["value"] == 1
    assert "4 of 9 references do not read as English" in " ".join(found["warnings"])
    assert not_english([*REPORTS[:4], *spanish[:5]]).startswith("5 of 9")
    one = clinical_scores(["", None, "Sin hallazgos."], ["a", "b", "c"])
    assert "1 of 1 references" in one["clinical.micro_f1_5"]["note"]


def test_predictions_in_another_language_are_told():
    found = study(REPORTS[:5], split(FOREIGN["Spanish"])[:5])
    assert found["scores"]["clinical.micro_f1_14"]["value"] is not None
    assert "5 of 5 predictions do not read as English" in " ".join(found["warnings"])
    english = " ".join(study(REPORTS[:5], REPORTS[:5])["warnings"])
    assert "English" not in english


# === Scripts ===


@pytest.mark.parametrize("language", ["Russian", "Chinese", "Arabic", "Japanese"])
def test_what_leaves_no_token_is_undefined(language):
    references = split(FOREIGN[language])
    found = study(references, references)
    rouge = found["scores"]["rouge_score.rouge_l"]
    assert rouge["value"] is None and rouge["shuffled"] is None
    assert "no token of the references is left by rouge_score" in rouge["note"]
    assert not any("rouge_score" in words for words in found["warnings"])
    assert not any("One and the same" in words for words in found["warnings"])
    assert not any("not looked at" in words for words in found["warnings"])
    values = {name: f["value"] for name, f in texts_of(found["scores"]).items()}
    if language in ("Chinese", "Japanese"):  # No spaces, so no words.
        assert set(values.values()) == {None}
        assert "no spaces" in found["scores"]["sacrebleu.bleu"]["note"]
        assert found["scores"]["text.length_ratio"]["value"] is None
    else:
        assert values["nltk.bleu_1"] == values["coco.rouge_l"] == 1
        assert values["sacrebleu.bleu"] == pytest.approx(100)


def test_words_that_were_parted_are_words():
    assert is_unspaced("心影增大。无气胸。") and not is_unspaced("心影 增大 。")
    references = ["双 肺 纹理 增多 , 心影 不大 .", "左侧 少量 胸腔 积液 , 无 气胸 ."]
    values = TextScorer(references).score(references)
    assert np.isnan(values["rouge_score.rouge_l"])
    assert values["nltk.bleu_4"] == 1 and values["sacrebleu.bleu"] == pytest.approx(100)


def test_some_references_without_a_token_count_as_zero_and_are_told():
    references = ["No acute disease.", "Перелом ребра справа."]
    scores = text_scores(references, references)
    rouge = scores["rouge_score.rouge_l"]
    assert rouge["value"] == 0.5  # As the package counts it.
    assert rouge["note"] == "1 of 2 references leave no token: score 0"
    assert scores["nltk.bleu_4"]["value"] == 1
    assert scores["nltk.bleu_4"]["note"] == NO_WIDTH


def test_predictions_without_a_word_are_empty():
    found = study(REPORTS[:5], ["", "\u200b\ufeff", " . ", "…", REPORTS[4]])
    assert "4 of 5 predictions are empty" in " ".join(found["warnings"])
    nothing = study(REPORTS[:5], [""] * 5)
    assert nothing["scores"]["rouge_score.rouge_l"]["value"] == 0
    assert "5 of 5 predictions are empty" in " ".join(nothing["warnings"])

"""One list of words: labels, reports, predictions and patients are read with it."""

import math
import pathlib

import pandas as pd
import pytest
from click.testing import CliRunner

from cxrbase.files import InputError
from cxrbase.tables import read_csv
from cxrbase.words import (
    ABNORMAL,
    MISSING,
    NORMAL,
    UNSURE,
    key,
    label_from_cell,
    labels_from_cells,
    says_nothing,
    words_read,
)
from cxrlib.__main__ import main
from cxrlib.data.columns import complete
from cxrlib.data.labels import is_indexed, label_from_indexing
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import funnel, load_studies
from cxrscore.command import read_train
from cxrscore.evaluate import evaluate_predictions, read_predictions


def table_of(folder, **columns):
    """A CSV of studies with these columns beside the views."""
    count = len(next(iter(columns.values())))
    names = {"frontal": [f"{i}f.png" for i in range(count)]}
    names |= {"lateral": [f"{i}l.png" for i in range(count)]}
    path = folder / "table.csv"
    defaults = {} if "report" in columns else {"report": ["Clear."] * count}
    pd.DataFrame(names | defaults | columns).to_csv(path, index=False)
    return path


def studies_of(folder, options=None, **columns):
    return load_studies(find_dataset(table_of(folder, **columns), **(options or {})))


def test_no_word_is_in_two_lists():
    lists = (MISSING, UNSURE, NORMAL, ABNORMAL)
    assert sum(map(len, lists)) == len(frozenset.union(*lists))


UNKNOWN = """-1|-1.0|-1.00|−1|unclear|todo|pending|not available|?|-|--|...|Uncertain
|indeterminate|equivocal|tbd|not sure|N/A|#N/A|<NA>|NaN|NULL|to be determined
|Unbekannt|no disponible|não disponível|unlabelled|desconocido|–1|likely
|cannot exclude"""
HEALTHY = """0|0.0|"0"|0,0|healthy|Normal study|normal chest|NORMAL!|No abnormality
|no acute findings|No acute cardiopulmonary abnormality|no_finding|NoFinding
|No\u00a0Finding|Negative for pneumonia|N|n|Control|Sem achados|sano|Sin hallazgos
|normales|sem alterac\u0327o\u0303es|o.B.|ohne Befund|sans anomalie|R.A.S.|正常|норма
|ｎｏｒｍａｌ|unauffällig|Unauffa\u0308llig|geen afwijkingen|FALSE|[0]
|No active lung disease|no evidence of acute disease|Normal heart and lungs|não|b.o."""
ILL = "1|1.0| 1 |1,0|TRUE|yes|abnormal|positive|anormal|pathologisch|sí|да|tak"
REFUSED = """0.5|2|inf|+|✓|100%|no effusion|non-COVID|not pneumonia|No Finding|Effusion
|normal heart|pneumonia?|possible TB|suspected mass|rule out pneumonia|kein Erguss
|sem derrame|sans épanchement|sin derrame|0 (normal)"""


def cells(words):
    return [word.strip("\n") for word in words.split("|")]


@pytest.mark.parametrize("any_word", [False, True])
@pytest.mark.parametrize(
    ("words", "label"), [(UNKNOWN, None), (HEALTHY, 0.0), (ILL, 1.0)]
)
def test_a_word_is_read_however_it_is_written(words, label, any_word):
    for cell in cells(words):
        found = label_from_cell(cell, any_word)
        assert found == label or (label is None and math.isnan(found)), cell


def test_what_denies_or_doubts_is_never_abnormal_in_silence():
    for cell in cells(REFUSED.replace("No Finding|Effusion", "No Finding;Effusion")):
        with pytest.raises(InputError, match="neither normal nor abnormal"):
            label_from_cell(cell, any_word=True)
    for finding in ("COVID-19", "Pneumonia", "Effusion|Mass", "Tuberkulose"):
        assert label_from_cell(finding, any_word=True) == 1
        with pytest.raises(InputError, match="neither normal nor abnormal"):
            label_from_cell(finding)


def test_each_word_is_reported_with_its_label_and_count(tmp_path, capsys):
    labels = ["Normal", "sano", "Normal", "Pneumonia", "todo", ""]
    options = {"columns": {"finding": "what"}}
    studies = studies_of(tmp_path, options, what=labels)
    assert studies.abnormal.tolist()[:4] == [0, 0, 0, 1]
    assert studies.abnormal.isna().tolist()[4:] == [True, True]
    said = "normal: 'Normal' (2×), 'sano' (1×); abnormal: 'Pneumonia' (1×); "
    said += "unknown: 'todo' (1×)"
    assert f"column what: read as {said}." in capsys.readouterr().out
    numbers = ["0", "1.0", "-1", ""]
    assert words_read(numbers, labels_from_cells(numbers)) == ""


def test_indexing_is_read_with_the_same_words():
    for nothing in ("", "No Indexing", "NO_INDEXING.", "nan", "N/A"):
        assert math.isnan(label_from_indexing(nothing)) and not is_indexed(nothing)
    for normal in ("normal", "Normal.", "No Findings"):
        assert label_from_indexing(normal) == 0 and is_indexed(normal)


NOTHING = [
    "nan", "NaN", "None", "NULL", "N/A", "n/a", ".", "-", "XXXX.", "XXXX", "<NA>",
    "#N/A", "no report", "not available", "No report.", "…", "XXXX XXXX", "sin informe",
    "Pending", "#NAME?", "???", "\u200b", "0", "k.A.", "ＮａＮ", "Report pending.",
]  # fmt: skip
SOMETHING = [
    "Normal.", "None.", "Negative.", "Clear", "No.", "COPD.", "XXXX edema.",
    "Uncertain.", "1. Clear lungs.", "Unremarkable", "肺部正常。", "Норма.",
    "No report of pain.",
]  # fmt: skip


def test_a_report_that_says_nothing_is_missing_and_no_other(tmp_path, capsys):
    assert [text for text in NOTHING if not says_nothing(text)] == []
    assert [text for text in SOMETHING if says_nothing(text)] == []
    studies = studies_of(tmp_path, report=NOTHING + SOMETHING)
    assert f"{len(NOTHING)} reports say nothing" in capsys.readouterr().out
    kept, table = funnel(studies)
    assert table["dropped"].tolist() == [0, 0, len(NOTHING)]
    assert sorted(kept.impression) == sorted(SOMETHING)
    by_hand = kept.assign(impression="NaN", findings="XXXX.", indication="Cough.")
    by_hand = complete(by_hand)
    assert by_hand.impression.eq("").all() and by_hand.findings.eq("").all()
    assert by_hand.indication.eq("Cough.").all()


def test_a_patient_without_a_name_is_a_study_of_its_own(tmp_path, capsys):
    patients = ["nan", "NA", "", "anonymous", "0", "0", "ND"]
    studies = studies_of(tmp_path, uid=list("abcdefg"), patient=patients)
    assert studies.patient.tolist() == ["a", "b", "c", "d", "0", "0", "ND"]
    assert (
        "4 patients are not named: 'NA', 'anonymous', 'nan'" in capsys.readouterr().out
    )


def test_predictions_that_say_nothing_are_empty(tmp_path):
    references = ["No acute disease.", "Effusion.", "Cardiomegaly.", "Normal.", "N/A"]
    predictions = ["nan", "NULL", "XXXX.", "Normal.", "Edema."]
    table = pd.DataFrame({"prediction": predictions, "reference": references})
    table.to_csv(path := tmp_path / "theirs.csv", index=False)
    result = CliRunner().invoke(main, ["score", str(path)])
    assert "3 of 4 predictions are empty and score 0." in result.output
    assert "4 studies (1 without a reference left out)" in result.output
    table = table.assign(uid=range(5))
    blank = table.assign(prediction=["", "", "", "Normal.", "Edema."])
    options = {"intervals": False, "permutations": 2}
    own = evaluate_predictions(table, **options)["scores"]
    assert own == evaluate_predictions(blank, **options)["scores"]
    pd.DataFrame({"report": ["NaN", "Edema.", "."]}).to_csv(path, index=False)
    assert read_train(path) == ["Edema."]
    pd.DataFrame({"report": ["Edema."], "split": ["val"]}).to_csv(path, index=False)
    with pytest.raises(InputError, match="no row is of the split train, but of val"):
        read_train(path)


def test_numbers_with_a_decimal_comma_and_missing_ones_are_read(tmp_path):
    path = tmp_path / "predictions.csv"
    path.write_text("uid;label;probability\n1;1,0;0,75\n2;N/A;0.5\n")
    table = read_predictions(path)
    assert table.probability.tolist() == [0.75, 0.5]
    assert table.label[0] == 1 and math.isnan(table.label[1])


@pytest.mark.real
def test_no_real_report_is_dropped(real_data):
    reports = read_csv(pathlib.Path(real_data) / "indiana" / "indiana_reports.csv")
    for section in ("impression", "findings"):
        told = reports[section][reports[section].str.strip().ne("")]
        assert len(told) > 3000 and not told.map(says_nothing).any()
    assert key("XXXX.") in MISSING

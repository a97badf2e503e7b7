"""The report labeler against sentences written for it, and against the phantom."""

import copy
import math
import re

import numpy as np
import pytest
from labelled import CODES, SENTENCES, cases, read

from cxrphantom.cases import sample_case
from cxrphantom.findings import FINDINGS, OBSERVATION_OF
from cxrphantom.reports import grammar as report_grammar
from cxrscore.clinical.labeler import label_report, label_reports, read_sentence
from cxrscore.clinical.rules import COMPETITION, OBSERVATIONS
from cxrscore.clinical.sentences import LONGEST, sentences

CASES = cases(SENTENCES)


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_sentences(text, expected):
    assert read(text) == set(expected.split())


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
def drawn_cases():
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
def test_phantom_reports_are_read_as_drawn(drawn_cases, write):
    texts, truth = [], []
    for index, case in enumerate(drawn_cases):
        rng = np.random.default_rng([11, index, 3])
        told = case.findings
        if write == "impression_text":
            # It leaves out most of what is not of the lungs; it draws lots for that
            # first, so the same lots tell what it states.
            lots = copy.deepcopy(rng)
            told = [f for f in told if report_grammar._is_mentioned(f, lots)]
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


def test_pneumonia_is_found_where_the_phantom_says_it(drawn_cases):
    for index, case in enumerate(drawn_cases[:400]):
        rng = np.random.default_rng([11, index, 3])
        text = report_grammar.impression_text(case.findings, rng)
        said = bool(re.search(r"pneumonia|(?<!prior )infecti", text, re.IGNORECASE))
        label = label_report(text)["Pneumonia"]
        assert (label in (1, -1)) == said, text

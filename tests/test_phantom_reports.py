"""The phantom's language: terms, rates and texts."""

import collections
import csv
import os
import pathlib
import re

import numpy as np
import pytest

from cxrphantom.cases import Case, complete, read_case, sample_case
from cxrphantom.findings import FINDINGS, Finding
from cxrphantom.reports import mesh
from cxrphantom.reports.grammar import (
    findings_text,
    impression_text,
    indication_text,
    noun_phrase,
)

ROOT = pathlib.Path(__file__).parents[1]
REAL = pathlib.Path(os.environ.get("CXR_REAL_DATA", ROOT.parent / "shared/data"))
REAL_REPORTS = REAL / "indiana/indiana_reports.csv"

# Words of which one must be there when a finding is told.
KEYS = {
    "cardiomegaly": "cardiomegaly|cardiac silhouette|enlarged heart",
    "pleural_effusion": "effusion",
    "atelectasis": "atelectasis",
    "consolidation": "consolidation|airspace disease",
    "opacity": "opacity|opacities",
    "nodule": "nodule",
    "calcified_granuloma": "granuloma",
    "pneumothorax": "pneumothora",
    "edema": "edema",
    "hyperinflation": "hyperinflat|hyperexpanded|emphysem",
    "scarring": "scarring",
    "spine_degeneration": "degenerative|spondylosis",
    "fracture": "fracture",
    "hiatal_hernia": "hernia",
    "pacemaker": "pacemaker|pacing",
    "catheter": "catheter|central line",
}
PLACES = {
    "base": "basilar|base",
    "apex": "apical|apex|apices",
    "hilum": "hilar|hilum|hila",
    "lingula": "lingul",
}
BOTH = "bilateral|both|bibasilar|biapical"
DENIALS = re.compile(
    r"[^.]*\b(no|negative|clear|normal|unremarkable|within|intact)\b[^.]*\."
)


@pytest.fixture(scope="module")
def cases():
    return [sample_case(np.random.default_rng([5, i, 0])) for i in range(3000)]


def tell(index, write, findings):
    return write(findings, np.random.default_rng([5, index, 3]))


def without_denials(text):
    return DENIALS.sub("", text.lower())


# === Terms ===


def test_terms_round_trip(cases):
    findings = {finding for case in cases for finding in case.findings}
    assert len(findings) > 150
    for finding in findings:
        assert mesh.from_mesh(mesh.to_mesh(finding)) == finding


@pytest.mark.parametrize(
    ("term", "finding"),
    [
        (
            "Opacity/lung/upper lobe/right/streaky",
            Finding("opacity", "right", "upper lobe", "", "streaky"),
        ),
        (
            "Pleural Effusion/left/small",
            Finding("pleural_effusion", "left", "", "small"),
        ),
        ("Cicatrix/lung/lingula", Finding("scarring", "left", "lingula")),
        ("Lung/hyperdistention/mild", Finding("hyperinflation", degree="mild")),
        (
            "Opacity/lung/base/left/round",
            Finding("opacity", "left", "base", "", "rounded"),
        ),
        (
            "Fractures, Bone/ribs/left/healed",
            Finding("fracture", "left", pattern="healed"),
        ),
        (
            "Pneumothorax/apex/right/small",
            Finding("pneumothorax", "right", "apex", "small"),
        ),
    ],
)
def test_terms_in_the_real_grammar(term, finding):
    assert mesh.from_mesh(term) == finding
    assert mesh.to_mesh(finding) == term


@pytest.mark.parametrize(
    "term",
    ["Opacity/ribs", "Lung/hypoinflation", "Calcinosis/aorta", "normal", "", "X/y"],
)
def test_terms_that_mean_something_else_are_not_drawn(term):
    assert mesh.from_mesh(term) is None


def test_problems_are_the_headings():
    terms = "Opacity/lung/base/left;Cardiomegaly;Opacity/lung/apex/left"
    assert mesh.problems(terms) == "Opacity;Cardiomegaly;Opacity"


def test_terms_of_one_place_are_drawn_once():
    terms = "Emphysema;Lung/hyperdistention/mild;Diaphragm/flattened;Pleural Effusion"
    rng = np.random.default_rng(0)
    case, left_out = read_case(terms + ";Costophrenic Angle/left/blunted;Kyphosis", rng)
    assert left_out == ["Kyphosis"]
    assert {f.name for f in case.findings} == {"hyperinflation", "pleural_effusion"}
    assert case.findings[1] == Finding("pleural_effusion", "left", "", "small")


@pytest.mark.real
def test_real_terms_are_covered():
    if not REAL_REPORTS.exists():
        pytest.skip(f"{REAL_REPORTS} is not here; set CXR_REAL_DATA to its folder.")
    drawn, known, total = 0, 0, 0
    with REAL_REPORTS.open(newline="") as file:
        for row in csv.DictReader(file):
            assert mesh.problems(row["MeSH"]) == row["Problems"]
            for term in map(str.strip, row["MeSH"].split(";")):
                if term in (mesh.NORMAL, mesh.NO_INDEXING):
                    continue
                finding = mesh.from_mesh(term)
                total += 1
                known += mesh.is_known(term)
                if finding is not None:
                    drawn += 1
                    assert mesh.from_mesh(mesh.to_mesh(finding)) == finding
    assert drawn / total > 0.63
    assert known / total > 0.98


# === Cases ===


def test_rates_are_about_the_real_ones(cases):
    n = len(cases)
    lung = [c for c in cases if any(FINDINGS[f.name] for f in c.findings)]
    normal = sum(not case.findings for case in cases)
    assert normal / n == pytest.approx(0.36, abs=0.03)
    assert normal / (normal + len(lung)) == pytest.approx(0.48, abs=0.05)
    assert sum(not c.indexed for c in cases) / n == pytest.approx(92 / 3851, abs=0.01)
    assert np.mean(["findings" in c.sections for c in cases]) == pytest.approx(
        0.867, abs=0.02
    )
    pairs = np.mean([(c.frontals, c.laterals) == (1, 1) for c in cases])
    assert pairs == pytest.approx(3194 / 3851, abs=0.03)
    # Within lung studies each finding keeps its real share (of 1,618).
    count = collections.Counter(f.name for case in lung for f in case.findings)
    real = {"opacity": 592, "cardiomegaly": 364, "atelectasis": 315}
    real |= {"pleural_effusion": 187, "hyperinflation": 269, "pneumothorax": 22}
    for name, studies in real.items():
        assert count[name] / len(lung) == pytest.approx(studies / 1618, abs=0.07)


def test_findings_keep_company(cases):
    names = [{f.name for f in case.findings} for case in cases]

    def share(name, beside):
        return np.mean([name in found for found in names if beside in found])

    assert share("cardiomegaly", "edema") > 2 * share("cardiomegaly", "opacity")
    assert share("atelectasis", "pleural_effusion") > 2 * share("atelectasis", "nodule")
    assert max(map(len, names)) <= 9


def test_places_are_filled_in():
    rng = np.random.default_rng(0)
    for name in FINDINGS:
        for side in ("", "right", "left", "bilateral"):
            finding = complete(Finding(name, side=side), rng)
            assert finding.side == side or not side
            if "side" in mesh.GRAMMAR[name][1]:
                assert finding.side


# === Texts ===


def test_texts_are_deterministic(cases):
    for write in (findings_text, impression_text, indication_text):
        first = [tell(i, write, c.findings) for i, c in enumerate(cases[:50])]
        again = [tell(i, write, c.findings) for i, c in enumerate(cases[:50])]
        assert first == again


@pytest.mark.parametrize("write", [findings_text, impression_text])
def test_texts_say_what_is_there_and_nothing_else(cases, write):
    for index, case in enumerate(cases[:800]):
        text = tell(index, write, case.findings)
        said = without_denials(text)
        present = {finding.name for finding in case.findings}
        for finding in case.findings:
            if FINDINGS[finding.name] or write is findings_text:
                assert re.search(KEYS[finding.name], said), (finding, text)
        for name in set(FINDINGS) - present:
            assert not re.search(KEYS[name], said), (name, text)
        sides = {finding.side for finding in case.findings}
        for side in ("right", "left"):
            if side not in sides:
                assert side not in said, (case.findings, text)
        if "bilateral" not in sides:
            assert not re.search(BOTH, said), (case.findings, text)
        assert text[0].isupper() or text[0] == "1" and text.endswith(".")
        assert "  " not in text and " ," not in text and "{" not in text


def test_phrases_say_place_and_degree(cases):
    rng = np.random.default_rng(0)
    for finding in {finding for case in cases for finding in case.findings}:
        for _ in range(3):
            text = noun_phrase(finding, rng)[0]
            assert re.search(KEYS[finding.name], text)
            if finding.region:
                assert re.search(PLACES.get(finding.region, finding.region), text)
            if finding.side and finding.region != "lingula":
                both = finding.side == "bilateral"
                assert re.search(BOTH if both else finding.side, text), text
            if finding.degree in ("large", "moderate", "borderline", "small"):
                said = "(small|tiny)" if finding.degree == "small" else finding.degree
                assert re.search(said, text), text
            if finding.pattern in ("streaky", "patchy", "rounded", "multiple"):
                assert finding.pattern in text


def test_denials_do_not_contradict(cases):
    for index, case in enumerate(cases[:800]):
        names = {finding.name for finding in case.findings}
        for write in (findings_text, impression_text):
            text = tell(index, write, case.findings).lower()
            if "pneumothorax" in names:
                assert not re.search(r"no [^.]*pneumothorax", text)
            if "pleural_effusion" in names:
                assert not re.search(r"no [^.]*effusion", text)
            if names & {"consolidation", "opacity", "nodule", "atelectasis"}:
                assert "clear" not in text and "no focal" not in text


def test_variety_is_like_the_real_one(cases):
    texts = [tell(i, impression_text, c.findings) for i, c in enumerate(cases[:1000])]
    count = collections.Counter(texts)
    assert 0.30 < len(count) / 1000 < 0.55
    text, times = count.most_common(1)[0]
    assert text == "No acute cardiopulmonary abnormality."
    assert 0.10 < times / 1000 < 0.22
    assert sum(text.startswith("1.") for text in texts) > 50
    assert any("XXXX" in text for text in texts)


def test_a_normal_study_reads_normal():
    assert Case().findings == ()
    for seed in range(200):
        text = impression_text((), np.random.default_rng(seed))
        assert not without_denials(re.sub(r"\d\. ", "", text)).strip(), text

"""Report cards: what is hit, missed, invented or on the wrong side, and the page."""

import html.parser
import re

import numpy as np
import pandas as pd
import pytest
from impressions import REPORTS

from coursework.looks import alternative_text
from coursework.pages.page import FIRST, write_index
from coursework.results import Results
from cxrscore.clinical.marks import mark_reports
from cxrscore.clinical.scores import ClinicalScorer

# === Marks ===


def verdicts(reference, prediction):
    found = mark_reports(reference, prediction).findings
    return {each.name: each.verdict for each in found}


def marked(pieces):
    return "".join(f"[{t}:{f.verdict}]" if f else t for t, f in pieces)


def test_findings_are_hit_missed_invented_or_on_the_wrong_side():
    reference = "Cardiomegaly. Small LEFT pleural\neffusion; mild edema."
    prediction = "Small right effusion, cardiomegaly. Rib fracture. No edema."
    assert verdicts(reference, prediction) == {
        "Cardiomegaly": "hit",
        "Edema": "missed",
        "Fracture": "invented",
        "Pleural Effusion": "wrong side",
    }
    found = mark_reports(reference, prediction)
    assert found.findings[-1].words or found.findings[-2].words
    assert marked(found.reference) == (
        "[Cardiomegaly:hit]. Small LEFT pleural\n[effusion:wrong side]; mild "
        "[edema:missed]."
    )
    assert marked(found.prediction) == (
        "Small right [effusion:wrong side], [cardiomegaly:hit]. Rib "
        "[fracture:invented]. No edema."
    )
    assert verdicts("Bibasilar atelectasis.", "Left atelectasis.") == {
        "Atelectasis": "hit"
    }


def test_a_denied_mention_is_not_marked_for_an_affirmed_one():
    found = mark_reports("No effusion on the left. Effusion on the right.", "Effusion.")
    assert marked(found.reference) == (
        "No effusion on the left. [Effusion:hit] on the right."
    )
    assert mark_reports("", "").findings == ()


def test_a_normal_report_hits_that_nothing_was_found():
    assert verdicts("No acute disease.", "Clear lungs.") == {"No Finding": "hit"}
    assert verdicts("No acute disease.", "Edema.") == {
        "No Finding": "missed",
        "Edema": "invented",
    }


def test_marks_are_counted_as_the_scores_count():
    generator = np.random.default_rng(0)
    sided = ["Small left effusion.", "Right effusion, left basilar atelectasis."]
    references, predictions = generator.choice([*REPORTS, *sided], (2, 60))
    counts = ClinicalScorer(references).counts(predictions)["clinical"].sum(axis=0)
    found = [
        each.verdict
        for pair in zip(references, predictions, strict=True)
        for each in mark_reports(*pair).findings
    ]
    wrong = found.count("wrong side")
    assert found.count("hit") + wrong == counts[:14].sum()
    assert found.count("invented") == counts[14:28].sum()
    assert found.count("missed") == counts[28:42].sum()
    assert wrong == counts[42] > 0
    for pair in zip(references, predictions, strict=True):
        pieces = mark_reports(*pair)
        assert "".join(text for text, _ in pieces.reference) == pair[0]
        assert "".join(text for text, _ in pieces.prediction) == pair[1]


# === Page ===


def run_of(out, n=8, references=("Left effusion.", "No acute disease.")):
    results = Results(out, "07_multitask")
    results.dataset("phantom", {"test": n}, seed=0)
    table = pd.DataFrame({"uid": [f"s{i}" for i in range(n)]})
    table["reference"] = [references[i % 2] for i in range(n)]
    table["prediction"] = "Right <b>effusion</b>."
    table["label"], table["probability"] = [1.0, 0.0] * (n // 2), 0.75
    table["ssim_frontal"] = 0.5
    results.evaluate(table, threshold=0.6)
    for uid in table.uid:
        grey = np.full((16, 16, 1), 0.5)
        results.example(uid, frontal=grey, frontal_reconstruction=grey, lateral=grey)
    results.write()
    return out


class Images(html.parser.HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.found.append(dict(attributes))


def test_the_page_begins_with_six_cards_then_eight_scores(tmp_path):
    other = Results(tmp_path, "01_data")
    other.dataset("phantom", {"test": 3})
    other.metric("own.share", 0.5, 3, split="test")
    other.write()
    page = write_index(run_of(tmp_path)).read_text()
    body = page.partition("<body>")[2]
    first, _, rest = body.partition("<details")
    assert first.index("PHANTOM") < first.index("<h3>Report cards")
    assert first.count('<article class="card">') == FIRST == 6
    assert first.index("s5-lateral.png") < first.index("scores on phantoms</h3>")
    assert "s6-frontal.png" in rest and "More studies (2 of 8)" in rest
    assert 'id="01_data"' in rest and 'id="07_multitask"' in first
    assert "Click a column heading to sort" in rest
    assert "clinical F1, five findings" in first and ">permuted</th>" in first
    assert "shuffled" not in body


def test_a_card_says_what_is_hit_and_what_is_not(tmp_path):
    page = write_index(run_of(tmp_path)).read_text()
    cards = page.split('<article class="card">')
    assert "1 wrong side" in cards[1]
    assert "<b>✗ wrong side</b> pleural effusion: right in place of left" in cards[1]
    mark = '<mark class="wrong-side" title="wrong side: pleural effusion">effusion'
    assert cards[1].count(mark) == 2
    assert "&lt;b&gt;" in cards[1]
    assert "✓ model: abnormal, right" in cards[1]
    assert "✗ model: abnormal, wrong" in cards[2]
    assert "<b>✗ invented</b> pleural effusion" in cards[2]
    assert "<b>✗ missed</b> no finding" in cards[2]
    assert "called abnormal from 0.60 on" in cards[1]
    images = Images(page).found
    assert len(images) == 24 and all(each["alt"] for each in images)
    assert "Simulated frontal radiograph of study s0" in page
    assert "Reconstruction of the simulated frontal radiograph of study s0" in page


def test_reports_in_another_language_are_not_marked(tmp_path):
    spanish = "Derrame pleural izquierdo.", "Sin hallazgos agudos."
    page = write_index(run_of(tmp_path, references=spanish)).read_text()
    assert "do not read as English" in page and "<mark" not in page


def test_without_films_the_studies_are_folded(tmp_path):
    run_of(tmp_path)
    for path in (tmp_path / "07_multitask" / "examples").iterdir():
        path.unlink()
    page = write_index(tmp_path).read_text()
    assert "<h3>Report cards" not in page
    assert "Studies (8 of 8)" in page and page.count('<article class="card">') == 8


# === Alternative texts ===


def test_a_picture_says_what_it_shows(tmp_path):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    figure, _ = pyplot.subplots(figsize=(1, 1))
    for words in ("Bars: 3 normal,\n5 abnormal", "Maße: 3 → 5"):
        path = tmp_path / "class_balance.png"
        figure.savefig(path, metadata={"Description": words})
        assert alternative_text(path) == " ".join(words.split())
        assert alternative_text(path.read_bytes()) == " ".join(words.split())
    pyplot.close(figure)
    path.write_bytes(b"")
    assert alternative_text(path) == "Figure: class balance"
    assert alternative_text("no base64") == alternative_text(b"\x89PNG\r\n\x1a\n") == ""
    broken = b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXtDescription\0words"
    assert alternative_text(broken) == "words"
    assert not re.search("None", alternative_text(path))

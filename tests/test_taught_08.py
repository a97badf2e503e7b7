"""BLEU, bootstrap, F1 and wrong sides in pieces are those of cxrscore."""

import collections
import contextlib
import math
import re
import types

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from conftest import REPORTS
from taught import run_cells, sources

from cxrlib import plots
from cxrscore.baselines import most_frequent, shuffled_orders
from cxrscore.clinical.labeler import label_reports
from cxrscore.clinical.laterality import report_sides
from cxrscore.clinical.scores import ClinicalScorer
from cxrscore.comparison import compare
from cxrscore.perturb import falls, perturb, sums_of
from cxrscore.tables import scores_table
from cxrscore.texts.protocols import r2gen_words
from cxrscore.texts.scores import TextScorer, text_scores

PREDICTIONS = [
    "No acute cardiopulmonary abnormality.",
    "Small right pleural effusion.",
    "Normal chest.",
    "1. Cardiomegaly. 2. Left upper lobe opacity may represent pneumonia.",
    "Lungs are clear. No pleural effusion.",
    "Calcified granuloma in the right lower lobe.",
]
LIBRARIES = {"np": np, "pd": pd, "collections": collections, "math": math, "re": re}
LIBRARIES["show"] = str  # Tables are not looked at here.


@pytest.fixture(scope="module")
def pairs():
    """Sixty references and predictions, alike in part."""
    rng = np.random.default_rng(0)
    rows = rng.integers(6, size=60)
    strayed = np.where(rng.random(60) < 0.3, rng.integers(6, size=60), rows)
    return [REPORTS[i] for i in rows], [PREDICTIONS[i] for i in strayed]


class Recorder:
    """What a cell needs of `results`."""

    def __init__(self):
        self.record = {"metrics": {}}
        self.environment = types.SimpleNamespace(beside=lambda name: [])
        self.duration = contextlib.nullcontext

    def metric(self, name, value, n, **protocol):
        self.record["metrics"][name] = value

    def predict(self, number, text):
        pass


def taught(*ids, **names):
    return run_cells("08_evaluation", *ids, **LIBRARIES, **names)


# === Texts ===


def test_bleu_equals_the_scorers(pairs):
    found = taught("ngrams", "matches", "brevity", "bleu")
    words = [[r2gen_words(text) for text in side] for side in pairs]
    expected = TextScorer(pairs[0], ["coco"]).score(pairs[1])
    assert 0.1 < expected["coco.bleu_4"] < 0.9
    assert found["bleu"](*words) == pytest.approx(expected["coco.bleu_4"], abs=1e-8)
    precisions, short = found["bleu_parts"](*words)
    assert short * precisions[0] == pytest.approx(expected["coco.bleu_1"])
    assert short < 1, "the brevity penalty was not put to the test"


def test_intervals_and_the_paired_fall_equal_the_packages(pairs, tmp_path):
    scorer = TextScorer(pairs[0])
    names = {"references": pairs[0], "written": pairs[1], "scorer": scorer}
    names |= {"scores": scorer.score(pairs[1]), "text_scores": text_scores, "seed": 0}
    names |= {"plots": plots, "figures": tmp_path, "ground": "phantom"}
    names["TextScorer"] = TextScorer
    cells = ("resample", "rouge-interval", "bleu-interval", "shuffle", "fall")
    found = taught(*cells, **names)
    expected = compare(scorer, pairs[1], {}, shuffled_orders(60, 20))
    for name, drawn in (
        ("rouge_score.rouge_l", found["rouge"]),
        ("coco.bleu_4", found["value"]),
    ):
        ends = np.percentile(drawn, [2.5, 97.5])
        assert ends == pytest.approx(expected[name]["interval"], abs=1e-5)
        assert ends[1] - ends[0] > 0.01
    bleu = expected["coco.bleu_4"]
    fall = found["value"] - found["other"]
    ends = np.percentile(fall, [2.5, 97.5])
    assert ends == pytest.approx(bleu["fall_interval"], abs=1e-5)
    assert np.mean(found["shuffled"]) == pytest.approx(bleu["shuffled"])
    (left,) = found["own"]["coco.bleu_4"]["perturbations"].values()
    assert left["value"] == pytest.approx(bleu["shuffled"])
    assert left["fall_interval"] == pytest.approx(bleu["fall_interval"])


# === What they say ===


def test_f1_equals_the_scorers(pairs):
    micro_f1 = taught("f1")["micro_f1"]
    labels = [label_reports(side) for side in pairs]
    assert -1 in labels[0], "no doubt was put to the test"
    expected = ClinicalScorer(pairs[0]).score(pairs[1])["clinical.micro_f1_14"]
    assert 0.1 < expected < 0.9
    assert micro_f1(*labels) == pytest.approx(expected)


def test_wrong_sides_are_those_that_the_scorer_counts(pairs):
    names = {"references": pairs[0], "written": pairs[1], "display": str}
    names["predictions"] = pd.DataFrame({"reference": pairs[0], "prediction": pairs[1]})
    wrong = sum(map(len, taught("sides", **names)["wrong"]))
    counts = ClinicalScorer(pairs[0]).counts(pairs[1])["clinical"].sum(axis=0)
    assert wrong == counts[42] > 0


def test_mirrored_frontals_turn_the_sides(tmp_path):
    """A model that writes on which half of the frontal the light is."""

    def generate(films):
        halves = np.split(films["frontal"][..., 0], 2, axis=2)
        left, right = (half.sum(axis=(1, 2)) for half in halves)
        seen = films["lateral"].any(axis=(1, 2, 3))
        words = np.where(left > right, "Right effusion.", "Left effusion.")
        return list(np.where(seen, words, "No acute disease."))

    frontal = np.zeros((60, 8, 8, 1), "float32")
    frontal[:30, 2:5, 1:3], frontal[30:, 2:5, 5:7] = 1, 1
    reports = ["Right effusion."] * 30 + ["Left effusion."] * 30
    names = {"test": {"frontal": frontal, "lateral": np.ones_like(frontal)}}
    names["test"]["impression"] = np.array([text.encode() for text in reports])
    names |= {"section": "impression", "ground": "phantom", "seed": 0}
    names |= {"trained": False, "model_name": "a model", "results": Recorder()}
    names |= {"shipped": types.SimpleNamespace(generate=generate), "plots": plots}
    names |= {"TextScorer": TextScorer, "ClinicalScorer": ClinicalScorer}
    names |= {"perturb": perturb, "sums_of": sums_of, "falls": falls}
    names |= {"report_sides": report_sides, "figures": tmp_path}
    found = taught("changes", "changes-plot", **names)
    assert len(found["chosen"]) == 48
    wrong = found["asked"]["clinical.wrong_side_share"]
    five = found["asked"]["clinical.micro_f1_5"]
    assert wrong["value"] == 0 and five["value"] == 1
    left = {name: each["fall"] for name, each in wrong["perturbations"].items()}
    assert left["frontal mirrored"] == -1 and left["lateral of another study"] == 0
    assert five["perturbations"]["frontal mirrored"]["fall"] == 0
    assert five["perturbations"]["films black"]["fall"] == 1
    assert set(names["results"].record["metrics"]) == {
        f"changed.{name}" for name in found["ASKED"]
    }
    assert (tmp_path / "changes.png").stat().st_size


def test_without_a_model_there_is_nothing_to_change(tmp_path):
    texts = np.array([b"Left effusion."] * 3)
    names = {"test": dict.fromkeys(("frontal", "lateral"), np.ones((3, 4, 4, 1)))}
    names["test"]["impression"] = texts
    names |= {"section": "impression", "trained": False, "model_name": "STAND-IN"}
    names |= {"TextScorer": TextScorer, "ClinicalScorer": ClinicalScorer}
    names |= {"report_sides": report_sides, "falls": falls, "plots": plots}
    assert taught("changes", "changes-plot", **names)["asked"] == {}


def test_where_nothing_is_published_the_section_says_where_to_get_it(capsys):
    names = {"results": Recorder(), "published": "", "real_reports": ""}
    names |= {"KEPT": ("coco.bleu_4",) * 5, "scores_table": scores_table}
    found = taught("published-system", "agreement", tables=None, **names)
    said = capsys.readouterr().out
    assert "github.com/gssriram/MoERad" in said and "zhjohnchan/R2Gen" in said
    assert "Not at hand: the Indiana tables" in said
    assert not found["results"].record["metrics"]


def test_half_size_copies_are_means_of_four_pixels():
    image = np.arange(16.0).reshape(1, 4, 4, 1)
    views = dict.fromkeys(("frontal", "lateral"), np.random.rand(2, 32, 32, 1))
    names = {"train": views | {"uid": [1, 2]}, "test": views | {"uid": [1, 2]}}
    names |= {"results": Recorder(), "ground": "phantom"}
    found = taught("images", **names)
    halved = found["halved"](image)
    assert set(names["results"].record["metrics"]) == set(found["copies"])
    assert halved.shape == image.shape and len(np.unique(halved)) == 4
    assert halved[0, :2, :2, 0] == pytest.approx(np.full((2, 2), 2.5))


# === What the prose claims ===


@pytest.mark.real
def test_the_published_system_is_judged_as_the_prose_says(real_data, capsys):
    results = Recorder()
    results.environment.beside = lambda name: [real_data / name]
    KEPT = ("coco.bleu_4", "coco.rouge_l", "rouge_score.rouge_l")
    KEPT += ("clinical.micro_f1_14", "clinical.micro_f1_5")
    names = {"results": results, "published": "", "KEPT": KEPT, "display": str}
    names |= {"scores_table": scores_table, "shuffled_orders": shuffled_orders}
    names |= {"tables": real_data / "indiana"}
    bleu = ("ngrams", "matches", "brevity", "bleu")
    found = taught(*bleu, "published-system", "agreement", **names)
    said, judged = capsys.readouterr().out, found["judged"]
    assert "no full stops: BLEU-4 0.131, permuted 0.12" in said
    assert judged["text.distinct"]["value"] == 25 < 50
    assert judged["clinical.micro_f1_5"]["value"] == 0
    low, high = judged["coco.bleu_4"]["fall_interval"]
    assert low < 0 < high
    bleu = judged["coco.bleu_4"]
    assert bleu["value"] == pytest.approx(bleu["constant"], abs=0.002)
    table = found["table"]
    assert table.kappa.drop("Pneumonia")[table.support.ge(15)].min() > 0.8
    assert table.kappa["Pneumonia"] < 0.3
    assert table.predicted["Pneumonia"] > 5 * table.support["Pneumonia"]
    assert "565 indexed studies, 302 of them held out" in said


@pytest.mark.real
def test_what_one_text_reaches_on_the_real_reports(real_data):
    prose = sources("08_evaluation")["one-text-text"]
    names = {"ground": "none", "section": "none", "seed": 0, "results": Recorder()}
    names |= {"train_texts": ["No edema."], "references": ["No edema."]}
    names |= {"real_reports": str(real_data / "indiana"), "TextScorer": TextScorer}
    found = taught("places", "grow", "judge", **names)
    places, seen = found["places"], []
    for name in ("Indiana, impression", "Indiana, findings"):
        frequent = most_frequent(places[name][0])["text"]
        texts = [frequent, f"{frequent} {frequent}", found["optimised"][name]]
        seen += [found["judge"](name, text) for text in texts]
        assert all(each["clinical.micro_f1_5"]["value"] == 0 for each in seen)
    frequent, twice, optimised, *_, findings = seen
    said = [
        (frequent, "coco.bleu_4", "rouge_score.rouge_l"),
        (twice, "coco.bleu_4"),
        (optimised, "coco.bleu_4", "rouge_score.rouge_l"),
        (findings, "coco.bleu_4", "coco.rouge_l"),
    ]
    for figures, *names in said:
        for name in names:
            assert f"{figures[name]['value']:.4f}" in prose, name
    for figures in (frequent, findings):
        assert f"n = {figures['coco.bleu_4']['n']}" in prose
    gained = twice["coco.bleu_4"]["value"] / frequent["coco.bleu_4"]["value"]
    assert 1.4 < gained < 1.6, "said twice, it rises by half"
    assert optimised["coco.bleu_4"]["interval"][0] > 0.0658
    assert findings["coco.bleu_4"]["interval"][0] > 0.165

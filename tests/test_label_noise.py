"""What wrong labels do to an AUROC."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from cxrbase.files import InputError
from cxrscore.labels.areas import weighted_area
from cxrscore.labels.noise import expected_area, implied_area, kappa, label_quality


@pytest.fixture
def judged():
    """Labels, truth and patients of 300 films, the labels noisy."""
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.3
    labels = np.where(rng.random(300) < 0.25, ~truth, truth)
    return labels.astype(int), truth.astype(int), np.arange(300) // 3


def test_all_of_it_beside_scikit_learn(judged):
    labels, truth, _ = judged
    found = {
        name: one["value"] for name, one in label_quality(*judged[:2], "x").items()
    }
    assert found["kappa"] == pytest.approx(cohen_kappa_score(labels, truth))
    assert found["sensitivity"] == pytest.approx(labels[truth == 1].mean())
    assert found["specificity"] == pytest.approx(1 - labels[truth == 0].mean())
    assert found["ppv"] == pytest.approx(truth[labels == 1].mean())
    assert found["npv"] == pytest.approx(1 - truth[labels == 0].mean())
    # Who knows the truth and nothing else ranks by it.
    assert found["ceiling"] == pytest.approx(roc_auc_score(labels, truth))


def test_noise_that_does_not_see_the_film_lowers_the_area_as_expected():
    rng = np.random.default_rng(1)
    truth = rng.random(200) < 0.4
    scores = rng.normal(truth, 1.0)
    flip = np.where(truth, 0.3, 0.1)  # P(label is wrong), by class.
    labels = np.concatenate([truth, ~truth]).astype(int)
    weights = np.concatenate([1 - flip, flip])
    found = weighted_area(labels, np.tile(scores, 2), weights[None])[0]
    right = np.array([weights[:200][truth == each].sum() for each in (1, 0)])
    all_of = [weights[labels == each].sum() for each in (1, 0)]
    ppv, npv = right / all_of
    clean = roc_auc_score(truth, scores)
    assert found == pytest.approx(expected_area(clean, ppv, npv), abs=1e-9)
    assert implied_area(found, ppv, npv) == pytest.approx(clean)
    assert np.isnan(implied_area(0.6, 0.4, 0.6))


def test_patients_widen_what_films_alone_would_not(judged):
    labels, truth, patients = judged
    alone = label_quality(labels, truth, "x")
    # Each film three times, as three films of one patient.
    again = label_quality(*(np.repeat(a, 3) for a in (labels, truth)), "x",
                          np.repeat(np.arange(300), 3))  # fmt: skip
    assert again["ppv"]["n"] == 900 and again["ppv"]["protocol"]["patients"] == 300
    for name, record in alone.items():
        assert again[name]["value"] == pytest.approx(record["value"])
        width, other = (np.ptp(one["interval"]) for one in (record, again[name]))
        assert other == pytest.approx(width, rel=0.1), name
    assert "Clopper" in alone["ppv"]["protocol"]["interval"]
    assert "patients" in alone["kappa"]["protocol"]["interval"]


def test_films_that_were_chosen_by_their_label_are_weighed_back():
    """All of the positives were judged, and one in ten of the negatives."""
    rng = np.random.default_rng(2)
    truth = rng.random(20_000) < 0.2
    labels = np.where(rng.random(20_000) < 0.2, ~truth, truth).astype(int)
    whole = label_quality(labels, truth, "x")
    chosen = (labels == 1) | (rng.random(20_000) < 0.1)
    population = {"1": int(labels.sum()), "0": int((1 - labels).sum()), "unjudged": 100}
    part = label_quality(labels[chosen], truth[chosen], "x",
                         strata=labels[chosen].astype(str),
                         population=population)  # fmt: skip
    raw = label_quality(labels[chosen], truth[chosen], "x")
    # PPV, NPV and so the ceiling do not depend on a choice by the label; the rest does.
    for name in ("ppv", "npv", "ceiling"):
        assert part[name]["value"] == pytest.approx(raw[name]["value"]), name
    for name in ("sensitivity", "specificity", "kappa"):
        low, high = part[name]["interval"]
        assert low <= whole[name]["value"] <= high, name
        assert not low <= raw[name]["value"] <= high, name
    assert part["ppv"]["protocol"]["covered"] == pytest.approx(20_000 / 20_100)


def test_a_judge_who_always_says_the_same_has_no_kappa():
    assert np.isnan(kappa(5, 5, 5, 5))
    scores = label_quality([1, 1, 1], [1, 1, 1], "x")
    assert scores["kappa"]["value"] is None and scores["npv"]["value"] is None
    assert scores["ppv"]["value"] == 1 and scores["ppv"]["interval"][1] == 1


def test_what_is_refused():
    with pytest.raises(InputError, match="neither 0 nor 1"):
        label_quality([0, 2], [0, 1], "x")
    with pytest.raises(InputError, match="differ in number"):
        label_quality([0, 1], [0], "x")
    with pytest.raises(InputError, match="stratum 'b': is not in the population"):
        label_quality([0, 1], [0, 1], "x", strata=["a", "b"], population={"a": 3})

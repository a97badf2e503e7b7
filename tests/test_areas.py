"""AUROCs with intervals, and the differences of two models on the same studies."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cxrscore.labels.areas import auroc, auroc_difference, spelled, weighted_area

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 200)
HARD = RNG.normal(0, 1, 200)  # What is hard for one model is hard for the other.
GOOD, WORSE = (
    1 / (1 + np.exp(-(step * LABELS + HARD + RNG.normal(0, 0.2, 200))))
    for step in (1.5, 1.2)
)


def test_the_value_is_scikit_learns_and_lies_in_its_interval():
    value, low, high = auroc(LABELS, GOOD)
    assert value == pytest.approx(roc_auc_score(LABELS, GOOD))
    assert low < value < high


def test_a_difference_is_surer_than_its_two_ends():
    value, low, high = auroc_difference(LABELS, GOOD, WORSE)
    areas = auroc(LABELS, GOOD), auroc(LABELS, WORSE)
    assert value == pytest.approx(areas[0][0] - areas[1][0])
    assert high - low < 0.5 * (areas[0][2] - areas[0][1])
    assert areas[0][1] < areas[1][2] and low > 0, "intervals overlap, models differ"
    alike = auroc_difference(LABELS, GOOD, GOOD)
    assert alike[0] == 0 and np.isnan(alike[1:]).all(), "no interval of width 0"


def test_patients_are_drawn_whole():
    """Ten copies of each study tell no more than one."""
    ten = [np.repeat(each, 10) for each in (LABELS, GOOD, WORSE)]
    patients = np.repeat(np.arange(200), 10)
    as_if, honest = auroc(*ten[:2]), auroc(*ten[:2], patients)
    assert honest[2] - honest[1] > 2 * (as_if[2] - as_if[1])
    pair = auroc_difference(*ten), auroc_difference(*ten, patients)
    assert pair[1][2] - pair[1][1] > 2 * (pair[0][2] - pair[0][1])


def test_with_folds_only_pairs_of_one_fold_count():
    folds = np.arange(200) % 3
    shifted = (GOOD + folds) / 3  # Each fold's model has a scale of its own.
    parts = [folds == fold for fold in range(3)]
    own = [roc_auc_score(LABELS[part], GOOD[part]) for part in parts]
    pairs = [LABELS[part].sum() * (1 - LABELS[part]).sum() for part in parts]
    value, low, high = auroc(LABELS, shifted, folds=folds)
    assert value == pytest.approx(np.average(own, weights=pairs))
    assert low < value < high
    assert value > roc_auc_score(LABELS, shifted) + 0.1, "pooled"
    ones = np.ones((1, 200))
    whole = roc_auc_score(LABELS, GOOD)
    assert weighted_area(LABELS, GOOD, ones)[0] == pytest.approx(whole)
    assert auroc(LABELS, GOOD, folds=0 * folds) == auroc(LABELS, GOOD)


def test_two_models_may_have_folds_of_their_own():
    folds, others = np.arange(200) % 3, np.arange(200) // 50
    pair = (GOOD + folds) / 3, (GOOD + others) / 4
    value, low, high = auroc_difference(LABELS, *pair, None, folds, others)
    areas = auroc(LABELS, GOOD, None, folds), auroc(LABELS, GOOD, None, others)
    assert value == pytest.approx(areas[0][0] - areas[1][0]) and low < value < high
    alike = auroc_difference(LABELS, (GOOD + folds) / 3, GOOD, None, folds)
    assert alike[0] == pytest.approx(0), "the order within the folds is the same"


@pytest.mark.filterwarnings("error")
def test_a_fold_that_is_not_drawn_adds_no_pair():
    labels, p = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.8, 0.2])
    weights = np.array([[1.0, 1, 0, 0], [1, 1, 1, 1], [0, 1, 1, 0]])
    drawn = weighted_area(labels, p, weights, [0, 0, 1, 1])
    np.testing.assert_array_equal(drawn, [1, 0.5, np.nan])


def test_a_fold_without_a_class_adds_no_pair():
    folds = np.where(LABELS == 1, 0, np.arange(200) % 2)  # Fold 1 has negatives only.
    part = folds == 0
    area = auroc(LABELS, GOOD, folds=folds)
    assert area[0] == pytest.approx(roc_auc_score(LABELS[part], GOOD[part]))
    assert np.isnan(auroc(LABELS, GOOD, folds=LABELS)).all(), "no pair in any fold"


def test_perfect_within_the_folds_is_no_proof_of_perfection():
    labels, folds = np.tile([0, 1], 30), np.repeat([0, 1, 2], 20)
    value, low, high = auroc(labels, (labels + folds) / 4, folds=folds)
    assert (value, high) == (1, 1) and low == pytest.approx(0.025 ** (1 / 30))


def test_one_class_has_no_area():
    one = np.zeros(200, int)
    assert np.isnan(auroc(one, GOOD)).all()
    assert np.isnan(auroc_difference(one, GOOD, WORSE)).all()


def test_how_it_is_spelled():
    assert spelled((0.75, 0.5, 1)) == "0.750 (0.500 to 1.000)"
    assert spelled((0.03, -0.01, 0.07), "+") == "+0.030 (-0.010 to +0.070)"

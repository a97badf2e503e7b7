"""Scores of many labels: each where it is known, their mean, and patients together."""

import numpy as np
import pytest
from sklearn import metrics

from cxrbase.files import InputError
from cxrscore.bootstrap import percentiles, resampling_weights
from cxrscore.labels.calibration import calibration_error, choose_temperature, soften
from cxrscore.labels.many import FEWEST, choose_operation, multilabel_scores
from cxrscore.labels.scores import classification_scores
from cxrscore.labels.thresholds import choose_threshold

NAMES = ("Edema", "Fracture", "Nodule")


def films(n=90, seed=0, unknown=0.2):
    """Labels of three kinds, some not told, and probabilities that know something."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((n, 3)) < [0.5, 0.3, 0.2]).astype(float)
    probabilities = 0.35 * labels + 0.65 * rng.random((n, 3))
    labels[rng.random((n, 3)) < unknown] = np.nan
    return labels, probabilities


def test_many_labels_are_each_scored_where_known():
    labels = np.array([[0, 1], [1, np.nan], [1, 0], [0, 1]])
    probabilities = np.array([[0.2, 0.9], [0.8, 0.5], [0.7, 0.1], [0.1, 0.2]])
    choices = [(0.5, "fixed"), (0.15, "validation, F1")]
    scores = multilabel_scores(labels, probabilities, NAMES[:2], choices)
    assert scores["Edema.accuracy"]["n"] == 4
    fracture = scores["Fracture.accuracy"]
    assert (fracture["n"], fracture["value"], fracture["protocol"]["left_out"]) == (
        *(3, 1.0, 1),
    )
    assert fracture["protocol"]["positives"] == 2
    assert fracture["protocol"]["threshold_from"] == "validation, F1"
    alone = classification_scores(
        labels[:, 1],
        probabilities[:, 1],
        *(0.15, "test", "Fracture", "validation, F1"),
        patients=np.arange(4),
    )
    assert {name: scores[name] for name in alone} == alone


def test_without_patients_and_gaps_nothing_changes():
    labels, probabilities = films(unknown=0)
    label, probability = labels[:, 0], probabilities[:, 0]
    alone = classification_scores(label, probability)
    assert alone == classification_scores(label, probability, patients=np.arange(90))


def test_the_mean_and_its_interval_are_those_of_the_same_patients():
    labels, probabilities = films()
    patients = np.arange(90) // 3
    scores = multilabel_scores(labels, probabilities, NAMES, patients=patients)
    known = ~np.isnan(labels)

    def area(weights):
        each = [
            metrics.roc_auc_score(
                labels[known[:, i], i],
                probabilities[known[:, i], i],
                sample_weight=weights[known[:, i]],
            )
            for i in range(3)
        ]
        return np.mean(each)

    macro = scores["macro.auroc"]
    assert macro["value"] == pytest.approx(area(np.ones(90)))
    weights = np.concatenate(list(resampling_weights(90, groups=patients)))
    assert (weights[:, 0] == weights[:, 2]).all()  # All films of a patient, or none.
    drawn = [area(row) for row in weights[:1000]]
    assert macro["interval"] == pytest.approx(percentiles(drawn), abs=1e-6)
    assert "over patients" in macro["protocol"]["interval"]
    ece = [
        calibration_error(labels[known[:, i], i], probabilities[known[:, i], i])
        for i in range(3)
    ]
    assert scores["macro.ece"]["value"] == pytest.approx(np.mean(ece))
    low, high = scores["macro.ece"]["interval"]
    assert low <= np.mean(ece) <= high


def test_films_of_one_patient_widen_the_interval():
    """Nine copies of each film tell no more than one."""
    labels, probabilities = films(40, unknown=0)
    copies = np.repeat(labels, 9, axis=0), np.repeat(probabilities, 9, axis=0)
    one = multilabel_scores(labels, probabilities, NAMES)
    many = multilabel_scores(*copies, NAMES, patients=np.repeat(np.arange(40), 9))
    naive = multilabel_scores(*copies, NAMES)
    for name in ("macro.auroc", "Edema.auroc", "Edema.sensitivity", "Edema.f1"):
        widths = [np.ptp(each[name]["interval"]) for each in (one, many, naive)]
        assert widths[1] == pytest.approx(widths[0], rel=0.25)
        assert widths[2] < 0.5 * widths[1]


def test_a_perfect_mean_has_an_interval():
    labels = np.array([[0.0, 0]] * 8 + [[1.0, 0]] * 4 + [[1.0, 1]] * 4)
    scores = multilabel_scores(labels, 0.2 + 0.6 * labels, NAMES[:2])
    macro = scores["macro.auroc"]
    assert macro["value"] == 1
    # Four pairs of the rarer label, all in order.
    assert macro["interval"] == pytest.approx([0.025**0.25, 1.0])


def test_a_label_with_one_class_is_not_in_the_mean():
    labels, probabilities = films()
    labels[:, 2] = np.where(np.isnan(labels[:, 2]), np.nan, 0)
    scores = multilabel_scores(labels, probabilities, NAMES)
    assert scores["Nodule.auroc"]["value"] is None
    assert scores["Nodule.predicted_over_true"]["value"] is None
    macro = scores["macro.auroc"]
    assert macro["protocol"]["labels"] == 2
    assert macro["protocol"]["left_out"] == "Nodule"
    two = [scores[f"{name}.auroc"]["value"] for name in NAMES[:2]]
    assert macro["value"] == pytest.approx(np.mean(two))
    none = multilabel_scores(labels[:, 2:], probabilities[:, 2:], NAMES[2:])
    assert none["macro.auroc"]["value"] is None


def test_predicted_over_true_counts_where_the_label_is_known():
    labels = np.array([[1, 1], [0, np.nan], [0, 0], [1, 1]])
    probabilities = np.array([[0.9, 0.1], [0.8, 0.9], [0.7, 0.2], [0.1, 0.9]])
    scores = multilabel_scores(labels, probabilities, NAMES[:2])
    values = [scores[f"{name}.predicted_over_true"]["value"] for name in NAMES[:2]]
    assert values == [1.5, 0.5]
    assert scores["micro.predicted_over_true"]["value"] == 1
    assert scores["Edema.predicted_over_true"]["protocol"]["predicted"] == 3


def test_temperature_and_threshold_are_chosen_label_by_label():
    labels, probabilities = films(400)
    sure = soften(probabilities, 0.3)
    rare = labels[:, 2]
    rare[np.flatnonzero(rare == 1)[FEWEST - 1 :]] = 0
    temperatures, choices = choose_operation(labels, sure)
    for i in range(2):
        assert temperatures[i] == pytest.approx(
            choose_temperature(labels[:, i], sure[:, i], smoothed=True)
        )
        softened = soften(sure[:, i], temperatures[i])
        assert choices[i] == choose_threshold(labels[:, i], softened, "count")
    assert temperatures[2] == 1  # Too few positives to tell.


def test_a_few_separated_positives_do_not_make_it_certain():
    labels = np.repeat([0, 1], [90, 6])
    probabilities = np.where(labels, 0.7, 0.2)
    assert choose_temperature(labels, probabilities) == pytest.approx(0.05, rel=0.01)
    found = choose_temperature(labels, probabilities, smoothed=True)

    def surprise(temperature):
        """Of each class, with one study more of either."""
        p = soften(probabilities, temperature)
        t = np.where(labels, 7 / 8, 1 / 92)
        return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean()

    grid = np.exp(np.linspace(np.log(0.05), np.log(20), 2001))
    assert found == pytest.approx(min(grid, key=surprise), rel=0.01)
    assert 0.1 < found < 1


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"targets": NAMES[:2]}, "expected"),
        ({"probabilities": np.full((90, 2), 0.5)}, "expected"),
        ({"choices": [(0.5, "fixed")]}, "give one for each"),
        ({"patients": np.arange(3)}, "give one for each"),
    ],
)
def test_what_does_not_fit_is_refused(changes, words):
    labels, probabilities = films()
    given = {"labels": labels, "probabilities": probabilities, "targets": NAMES}
    with pytest.raises(InputError, match=words):
        multilabel_scores(**given | changes)
    with pytest.raises(InputError, match="expected"):
        choose_operation(labels, probabilities[:5])

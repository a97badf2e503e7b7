import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics

from cxrbase.files import InputError
from cxrscore import bootstrap
from cxrscore.bootstrap import WORDS, resampling_weights
from cxrscore.labels import calibration
from cxrscore.labels.scores import (
    NAMES,
    classification_scores,
    known,
    label_values,
    resampled_values,
    weighted_values,
)
from cxrscore.labels.thresholds import (
    alarm_threshold,
    choose_threshold,
    confusion_matrix,
    roc_curve,
)
from cxrscore.score import format_score, score

CASES = {  # How many studies, and how coarse their probabilities: 1 ties nearly all.
    "no ties": (80, 9),
    "many ties": (80, 1),
    "a constant": (30, 0),
    "few": (6, 1),
}


def values(*arguments, **named):
    scores = classification_scores(*arguments, **named)
    return {name.split(".")[1]: record["value"] for name, record in scores.items()}


def studies(n=200, decimals=9, seed=0):
    """Labels, and probabilities that know something of them."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.arange(n) % 3 == 0).astype("int64")
    probabilities = 0.3 * labels + 0.7 * generator.random(n)
    return labels, np.round(probabilities, decimals)


def test_figures_by_hand():
    # Threshold 0.5 calls studies 2 and 4: one true and one false positive.
    labels, probabilities = [0, 0, 1, 1], [0.1, 0.7, 0.4, 0.9]
    assert values(labels, probabilities) == pytest.approx(
        {
            "accuracy": 0.5,
            "auroc": 0.75,
            "auprc": 0.5 * 1 + 0.5 * 2 / 3,
            "f1": 0.5,
            "sensitivity": 0.5,
            "specificity": 0.5,
            "brier": (0.01 + 0.49 + 0.36 + 0.01) / 4,
            # Each study has a bin of its own, whichever way they are cut.
            "ece": (0.1 + 0.7 + 0.6 + 0.1) / 4,
            "ece_equal_mass": (0.1 + 0.7 + 0.6 + 0.1) / 4,
        }
    )


def test_figures_equal_scikit_learn():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 200)
    probabilities = generator.random(200).astype("float32")
    own = values(labels, probabilities, threshold=0.3)
    called = probabilities >= 0.3
    area = metrics.roc_auc_score(labels, probabilities)
    assert own["auroc"] == pytest.approx(area, abs=1e-12)
    report = metrics.classification_report(labels, called, output_dict=True)
    assert own["sensitivity"] == pytest.approx(report["1"]["recall"])
    assert own["specificity"] == pytest.approx(report["0"]["recall"])
    assert own["f1"] == pytest.approx(report["1"]["f1-score"])
    assert own["accuracy"] == pytest.approx(report["accuracy"])
    assert own["brier"] == pytest.approx(np.mean((labels - probabilities) ** 2))


@pytest.mark.parametrize("case", CASES)
def test_weighted_figures_equal_scikit_learn(case):
    labels, probabilities = studies(*CASES[case])
    weights = next(resampling_weights(labels.size, 12))
    own = weighted_values(labels, probabilities, weights, threshold=0.4)
    called = probabilities >= 0.4
    for row, weight in enumerate(weights):
        named = {"sample_weight": weight}
        if len(set(labels[weight > 0])) < 2:
            assert np.isnan([own[name][row] for name in ("auroc", "auprc", "f1")]).all()
            continue
        expected = {
            "accuracy": metrics.accuracy_score(labels, called, **named),
            "auroc": metrics.roc_auc_score(labels, probabilities, **named),
            "auprc": metrics.average_precision_score(labels, probabilities, **named),
            "f1": metrics.f1_score(labels, called, zero_division=0, **named),
            "sensitivity": metrics.recall_score(labels, called, **named),
            "specificity": metrics.recall_score(1 - labels, ~called, **named),
            "brier": metrics.brier_score_loss(labels, probabilities, **named),
        }
        found = {name: own[name][row] for name in expected}
        assert found == pytest.approx(expected, abs=1e-9), row


@pytest.mark.parametrize("case", CASES)
def test_figures_without_weights_equal_scikit_learn(case):
    labels, probabilities = studies(*CASES[case])
    own, called = label_values(labels, probabilities, 0.4), probabilities >= 0.4
    expected = {
        "accuracy": metrics.accuracy_score(labels, called),
        "auroc": metrics.roc_auc_score(labels, probabilities),
        "auprc": metrics.average_precision_score(labels, probabilities),
        "f1": metrics.f1_score(labels, called, zero_division=0),
        "sensitivity": metrics.recall_score(labels, called),
        "specificity": metrics.recall_score(1 - labels, ~called),
        "brier": metrics.brier_score_loss(labels, probabilities),
    }
    found = {name: own[name] for name in expected}
    assert found == pytest.approx(expected, abs=1e-12)
    assert tuple(own) == NAMES


@pytest.mark.parametrize("label", [0, 1])
def test_weighted_figures_lack_what_one_class_lacks(label):
    labels, probabilities = np.full(5, label), np.linspace(0, 1, 5)
    own = weighted_values(labels, probabilities, np.ones((1, 5)))
    for name, value in label_values(labels, probabilities).items():
        assert np.isnan(own[name][0]) if value is None else own[name][0] == value


def test_intervals_are_percentiles_over_the_resamples():
    labels, probabilities = studies(60)
    record = classification_scores(labels, probabilities)["abnormal.brier"]
    weights = np.concatenate(list(resampling_weights(60)))
    drawn = weights @ (labels - probabilities) ** 2 / 60
    assert record["interval"] == pytest.approx(np.percentile(drawn, [2.5, 97.5]))
    assert record["protocol"]["interval"] == WORDS


def test_every_interval_holds_its_value():
    for seed in range(5):
        scores = classification_scores(*studies(40, seed=seed))
        for name, record in scores.items():
            low, high = record["interval"]
            assert low <= record["value"] <= high, name


def test_intervals_of_fewer_than_two_studies_are_left_out():
    record = classification_scores([1], [0.8])["abnormal.accuracy"]
    assert record["value"] == 1 and "interval" not in record
    assert "interval" not in record["protocol"]


def test_an_interval_without_width_says_so():
    scores = classification_scores([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    record = scores["abnormal.auprc"]
    assert "interval" not in record and "no interval" in record["note"]
    assert "note" not in scores["abnormal.brier"]


def test_resamples_pair_two_outputs():
    labels, probabilities = studies(50)
    one = resampled_values(labels, probabilities, resamples=20)
    other = resampled_values(labels, probabilities**2, resamples=20)
    # The same order of the same studies: the same AUROC, resample by resample.
    np.testing.assert_allclose(one["auroc"], other["auroc"])
    assert one["auroc"].shape == (20,) and len(set(one["auroc"])) > 10


def test_patients_are_drawn_with_all_their_films():
    labels, probabilities = studies(40)
    twice = np.repeat(labels, 2), np.repeat(probabilities, 2)
    alone = resampled_values(labels, probabilities, resamples=20)
    grouped = resampled_values(*twice, resamples=20, groups=np.repeat(range(40), 2))
    for name in ("auroc", "brier"):
        np.testing.assert_allclose(grouped[name], alone[name])
    # Films drawn one by one would pretend that there are twice as many patients.
    narrow = resampled_values(*twice)["auroc"].std()
    assert narrow < 0.85 * resampled_values(labels, probabilities)["auroc"].std()


@pytest.mark.parametrize(("label", "defined"), [(1, "sensitivity"), (0, "specificity")])
def test_one_class_is_undefined_and_says_so(label, defined):
    scores = classification_scores([label] * 42, np.linspace(0, 1, 42))
    auroc = scores["abnormal.auroc"]
    assert auroc["value"] is None and "interval" not in auroc
    assert auroc["note"] == "undefined: only one class in the n=42 labels"
    assert format_score(auroc["value"]) == "undefined"
    assert scores["abnormal.accuracy"]["value"] is not None
    assert scores["abnormal.brier"]["value"] is not None
    assert scores[f"abnormal.{defined}"]["value"] is not None
    other = {"sensitivity": "specificity", "specificity": "sensitivity"}[defined]
    assert scores[f"abnormal.{other}"]["value"] is None


def test_missing_labels_are_left_out_and_counted():
    scores = classification_scores([0, 1, np.nan], [0.1, 0.9, 0.2])
    assert scores["abnormal.accuracy"]["n"] == 2
    assert scores["abnormal.accuracy"]["protocol"]["left_out"] == 1
    for record in classification_scores([np.nan], [0.5]).values():
        assert record["value"] is None and "no study has a label" in record["note"]


def test_only_what_needs_a_threshold_names_it():
    scores = classification_scores(
        *studies(20), 0.37, threshold_from="validation, Youden's J"
    )
    for name, record in scores.items():
        needs = name.endswith(("accuracy", "f1", "sensitivity", "specificity"))
        assert ("threshold" in record["protocol"]) == needs, name
    protocol = scores["abnormal.f1"]["protocol"]
    assert protocol["threshold"] == 0.37
    assert protocol["threshold_from"] == "validation, Youden's J"


def test_the_draws_are_numpys_own():
    (weights,) = resampling_weights(7, resamples=5, seed=3)
    drawn = np.random.default_rng(3).integers(7, size=(5, 7))
    expected = [np.bincount(row, minlength=7) for row in drawn]
    assert (
        weights.dtype == "float32" and weights.tolist() == np.array(expected).tolist()
    )
    weights[:] = 0  # It is the caller's own: the next one gets the same draw again.
    assert next(resampling_weights(7, resamples=5, seed=3)).sum() == 35


def test_large_tables_are_drawn_alike_and_not_kept(monkeypatch):
    kept = np.concatenate(list(resampling_weights(50, resamples=30)))
    monkeypatch.setattr(bootstrap, "_KEPT", 0)
    fresh = np.concatenate(list(resampling_weights(50, resamples=30)))
    np.testing.assert_array_equal(fresh, kept)


def test_chance_is_drawn_once_for_each_way_to_cut_bins(monkeypatch):
    drawn, draw = [], calibration._calibrated_sums
    monkeypatch.setattr(
        calibration, "_calibrated_sums", lambda *a: drawn.append(a) or draw(*a)
    )
    classification_scores(*studies(40))
    assert len(drawn) == 2


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([0, 1], [0.5], "2 labels but 1"),
        ([0, 2], [0.5, 0.5], "neither 0"),
        ([0, 1], [-3.0, 2.0], "sigmoid"),
    ],
)
def test_bad_input_is_reported(labels, probabilities, words):
    for function in (classification_scores, choose_threshold, roc_curve):
        with pytest.raises(InputError, match=words):
            function(labels, probabilities)


# === Thresholds ===


def best_by_trial(labels, probabilities, score):
    """The best score over every threshold that a user could try."""
    return max(score(labels, probabilities >= each) for each in set(probabilities))


@pytest.mark.parametrize("decimals", [9, 1])
@pytest.mark.parametrize("seed", range(3))
def test_no_threshold_is_better_than_the_chosen(decimals, seed):
    labels, probabilities = studies(60, decimals, seed)
    scores = {
        "youden": lambda a, b: metrics.balanced_accuracy_score(a, b),
        "f1": lambda a, b: metrics.f1_score(a, b),
    }
    for criterion, rate in scores.items():
        threshold, _ = choose_threshold(labels, probabilities, criterion)
        chosen = rate(labels, probabilities >= threshold)
        assert chosen == pytest.approx(best_by_trial(labels, probabilities, rate))


def test_the_threshold_lies_between_two_studies():
    threshold, words = choose_threshold([0, 0, 1, np.nan], [0.1, 0.2, 0.4, 0.3])
    assert threshold == pytest.approx(0.3) and words == "validation, Youden's J"
    assert choose_threshold([0, 1], [0.2, 0.4], "f1")[1] == "validation, F1"
    # No number lies between these two, and the higher must still be called.
    upper = np.nextafter(0.5, 1)
    assert choose_threshold([0, 1], [0.5, upper])[0] == upper


def test_of_equal_thresholds_the_middlemost_is_chosen():
    # J is 1/2 when only the last is called, and when all but the first are.
    labels, probabilities = [0, 1, 0, 1], [0.02, 0.3, 0.4, 0.9]
    assert choose_threshold(labels, probabilities)[0] == pytest.approx(0.65)
    probabilities = [0.36, 0.5, 0.6, 0.98]
    assert choose_threshold(labels, probabilities)[0] == pytest.approx(0.43)


@pytest.mark.parametrize(
    ("labels", "probabilities", "reason"),
    [
        ([1, 1], [0.3, 0.4], "one class (n=2)"),
        ([np.nan], [0.3], "no label"),
        ([0, 1], [0.3, 0.3], "no threshold beats chance"),
        ([1, 0], [0.3, 0.4], "no threshold beats chance"),
    ],
)
def test_no_threshold_to_choose_is_said(labels, probabilities, reason):
    threshold, words = choose_threshold(labels, probabilities)
    assert threshold == 0.5 and words.startswith("fixed")
    assert reason in words


def test_an_unknown_criterion_is_refused():
    with pytest.raises(InputError, match="youden, f1"):
        choose_threshold([0, 1], [0.2, 0.4], "luck")


def test_confusion_matrix():
    labels, probabilities = studies(90)
    found = confusion_matrix([*labels, np.nan], [*probabilities, 0.5], 0.4)
    expected = metrics.confusion_matrix(labels, probabilities >= 0.4)
    np.testing.assert_array_equal(found["counts"], expected)
    ends = binomtest(int(expected[0, 1]), 90).proportion_ci(0.95, method="exact")
    assert found["interval"][0, 1] == pytest.approx([90 * ends.low, 90 * ends.high])
    one = confusion_matrix([1], [0.7])
    assert one["counts"].tolist() == [[0, 0], [0, 1]] and one["interval"] is None
    assert confusion_matrix([np.nan], [0.7])["counts"].sum() == 0


def test_roc_curve_and_its_band():
    labels, probabilities = studies(150, decimals=2)
    curve = roc_curve(labels, probabilities)
    area = np.trapezoid(curve["found"], curve["false_alarms"])
    assert area == pytest.approx(metrics.roc_auc_score(labels, probabilities))
    own = np.interp(curve["grid"], curve["false_alarms"], curve["found"])
    # Percentiles of resampled curves lie around the curve itself.
    assert (curve["low"] <= own).all() and (own <= curve["high"]).all()
    assert 0.05 < (curve["high"] - curve["low"]).mean() < 0.4
    drawn = []
    for weight in np.concatenate(list(resampling_weights(150))):
        points = metrics.roc_curve(labels, probabilities, sample_weight=weight)
        drawn.append(np.interp(0.2, *points[:2]))
    ends = curve["low"][20], curve["high"][20]
    assert ends == pytest.approx(np.percentile(drawn, [2.5, 97.5]))
    with pytest.raises(InputError, match="only one class in the n=2"):
        roc_curve([1, 1], [0.2, 0.3])


# === Figures ===


def test_known_pairs():
    labels, probabilities, left_out = known([[1], [np.nan], [0]], [0.9, 0.2, np.nan])
    assert (labels.tolist(), probabilities.tolist(), left_out) == ([1], [0.9], 2)


def test_a_figure_is_never_nan():
    assert score(float("nan"), 3) == {
        "value": None,
        "n": 3,
        "protocol": {},
        "note": "undefined on n=3",
    }


def test_figures_are_written_for_people():
    values = (0.06583, 0.2023498, 0.000486, 2e-7, -1.0, 12, None)
    assert list(map(format_score, values)) == [
        *("0.0658", "0.2023", "0.000486", "0.0000", "−1.0000", "12", "undefined")
    ]


def test_permuted_pairs_are_drawn_among_the_studies_that_are_known():
    labels = np.array([0, 1, 0, 1, 1])
    probabilities = np.array([0.2, 0.9, 0.7, 0.4, 0.8])
    kept, order = np.array([1, 0, 1, 1, 0, 1, 1], bool), [1, 2, 3, 4, 0]
    drawn = resampled_values(labels, probabilities, kept=kept, order=order)
    weights = np.concatenate(list(resampling_weights(7)))[:, kept]
    pairs = weights * weights[:, order]
    told = pairs.sum(axis=1) > 0
    right = (probabilities >= 0.5) == labels
    np.testing.assert_allclose(
        drawn["accuracy"][told],
        (pairs @ right)[told] / pairs[told].sum(axis=1),
        atol=1e-6,
    )


def test_few_false_alarms_are_promised_on_validation():
    rng = np.random.default_rng(0)
    labels = (rng.random(300) < 0.2).astype(float)
    p = np.round(np.clip(rng.random(300) + 0.2 * labels, 0, 1), 2)
    cut = alarm_threshold(labels, p, 0.05)
    negative = p[labels == 0]
    assert (negative >= cut).mean() <= 0.05 and cut in p
    lower = p[p < cut].max()
    assert (negative >= lower).mean() > 0.05, "no lower one keeps the promise"
    assert alarm_threshold([0, 0], [1.0, 1.0]) == np.inf

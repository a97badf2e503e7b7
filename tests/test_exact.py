"""Intervals at the edge: exact ones, widened ones, and none without width."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, binomtest, norm

from cxrscore.bootstrap import FIXED, WORDS, has_width, interval, percentiles
from cxrscore.bootstrap import resampled_sums as sums_of
from cxrscore.evaluate import evaluate_predictions
from cxrscore.labels.areas import auroc, auroc_difference, spelled
from cxrscore.labels.exact import (
    AREA_WORDS,
    CLUSTER_WORDS,
    F1_WORDS,
    SHARE_WORDS,
    area_ends,
    clustered_ends,
    f1_ends,
    independent_pairs,
    share_ends,
    widened,
)
from cxrscore.labels.scores import classification_scores, resampled_values
from cxrscore.labels.thresholds import confusion_matrix, roc_curve
from cxrscore.score import NO_WIDTH, score
from cxrscore.tables import format_interval, format_n, interval_of, scores_text

ABNORMAL, NORMAL = "Small left effusion. Mild edema.", "No acute disease."


# === Shares ===


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (93, 93), (158, 188), (1, 2)])
def test_a_share_has_the_ends_of_clopper_and_pearson(hits, n):
    ends = binomtest(hits, n).proportion_ci(0.95, method="exact")
    assert share_ends(hits, n) == pytest.approx([ends.low, ends.high])


def test_a_share_of_no_study_has_none():
    assert share_ends(0, 0) is None and f1_ends(0, 0) is None


@pytest.mark.parametrize("n", [4, 30, 93])
def test_a_share_is_covered_whatever_it_is(n):
    """Not by simulation: summed over all outcomes."""
    ends = np.array([share_ends(hits, n) for hits in range(n + 1)])
    for p in np.linspace(0.005, 0.995, 100):
        held = (ends[:, 0] <= p) & (p <= ends[:, 1])
        assert binom.pmf(np.arange(n + 1), n, p)[held].sum() >= 0.95


def test_f1_is_covered():
    cells = np.array([0.3, 0.02, 0.01, 0.67])  # TP, FP, FN, TN
    truth = 2 * cells[0] / (2 * cells[0] + cells[1] + cells[2])
    drawn = np.random.default_rng(0).multinomial(60, cells, size=600)
    ends = [f1_ends(each[0], each[:3].sum()) for each in drawn]
    assert np.mean([low <= truth <= high for low, high in ends]) >= 0.95


@pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])
def test_findings_of_one_study_are_covered(together):
    """Where those of one study are wrong together, and where each is by itself."""
    rng, q, held = np.random.default_rng(2), 0.02, []
    for _ in range(200):
        trials = rng.integers(0, 4, 60)
        hits = rng.binomial(trials, rng.random(60) < q if together else q)
        drawn = sums_of(np.stack([hits, trials], axis=1), resamples=200)
        drawn = drawn[:, 0] / drawn[:, 1]
        (low, high), words = clustered_ends(hits, trials, drawn)
        ends = percentiles(drawn)
        held.append((low <= q <= high, ends[0] <= q <= ends[1]))
        assert words == CLUSTER_WORDS
    exact, plain = np.mean(held, axis=0)
    assert exact >= 0.95 and plain < 0.9, "the bootstrap alone misses it"


def test_a_few_studies_that_are_all_wrong_are_covered():
    """Where no such study is drawn, the few other errors look independent."""
    rng, q, held = np.random.default_rng(3), 0.03 + 0.97 * 0.003, []
    ten = np.full(40, 10)
    for _ in range(200):
        hits = np.where(rng.random(40) < 0.03, 10, rng.binomial(10, 0.003, 40))
        drawn = sums_of(hits[:, None], resamples=200)[:, 0] / 400
        low, high = clustered_ends(hits, ten, drawn)[0]
        held.append(low <= q <= high)
    assert np.mean(held) >= 0.95


def test_one_wrong_finding_leaves_no_more_open_than_none():
    hits, ten = np.eye(40)[0], np.full(40, 10)
    drawn = sums_of(hits[:, None])[:, 0] / 400
    none, one = (clustered_ends(hits * k, ten, drawn * k)[0] for k in (0, 1))
    assert none == share_ends(0, 40) and one[1] == pytest.approx(none[1])
    right = clustered_ends(ten - hits, ten, 1 - drawn)[0]
    assert right[0] == pytest.approx(share_ends(40, 40)[0])


def test_findings_that_agree_count_once():
    """Ten findings of a study, right or wrong together, tell no more than one."""
    hits, ten = np.repeat([1, 0], [6, 54]), np.full(60, 10)
    sums = sums_of(np.stack([10 * hits, ten], axis=1))
    low, high = clustered_ends(10 * hits, ten, sums[:, 0] / sums[:, 1])[0]
    assert [low, high] == pytest.approx(share_ends(6, 60), abs=0.01)
    assert clustered_ends(0 * ten, ten, np.zeros(9))[0] == share_ends(0, 60)
    halves = clustered_ends(ten / 2, ten, np.full(9, 0.5))[0]
    assert halves == pytest.approx(share_ends(300, 600)), "no variance, no width of 0"


def test_one_finding_a_study_is_a_share_of_studies():
    ends, words = clustered_ends([0, 0, 1, 0], [1, 0, 1, 1], np.zeros(9))
    assert ends == share_ends(1, 3) and words == SHARE_WORDS


# === AUROC ===


def contaminated(theta, rng):
    """Some positives lie below all negatives, the others above: the hardest case."""
    labels = np.repeat([1, 0], [30, 60])
    probabilities = np.where(labels, 0.9, 0.5) + 0.1 * rng.random(90)
    return labels, np.where((rng.random(90) > theta) & (labels == 1), 0, probabilities)


def normal(theta, rng):
    """Two normal distributions."""
    labels = np.repeat([1, 0], [30, 60])
    return labels, norm.cdf(rng.normal(size=90) + 2**0.5 * norm.ppf(theta) * labels)


@pytest.mark.parametrize("theta", [0.95, 0.985])
@pytest.mark.parametrize("kind", [contaminated, normal])
def test_an_area_near_one_is_covered(kind, theta):
    rng, held = np.random.default_rng(1), []
    for _ in range(200):
        labels, probabilities = kind(theta, rng)
        drawn = resampled_values(labels, probabilities, resamples=200)["auroc"]
        ends = area_ends(labels, drawn), percentiles(drawn)
        held.append([low <= theta <= high for low, high in ends])
    exact, plain = np.mean(held, axis=0)
    assert exact >= 0.95 and plain < 0.93, "the bootstrap alone misses it"


def test_a_perfect_separation_has_the_bound_of_the_rarer_class():
    labels = np.repeat([0, 1], [50, 93])
    value, low, high = auroc(labels, labels.astype(float))
    assert (value, high) == (1, 1) and low == pytest.approx(0.025 ** (1 / 50))
    value, low, high = auroc(labels, 1.0 - labels)
    assert (value, low) == (0, 0) and high == pytest.approx(1 - 0.025 ** (1 / 50))


def test_one_error_leaves_no_more_than_none():
    """Or a model could be surer of itself for having made an error."""
    labels = np.repeat([0, 1], 93)
    probabilities = labels * 0.5 + np.linspace(0, 0.4, 186)
    perfect = auroc(labels, probabilities)
    probabilities[0] = 0.75
    almost = auroc(labels, probabilities)
    assert 0.99 < almost[0] < 1 and almost[1] <= perfect[1]
    assert widened([0.7, 0.8], 93) == [0.7, 0.8], "nothing is widened in the middle"


def test_pairs_are_of_patients():
    labels = np.array([1, 1, 0, 0, 0])
    assert independent_pairs(labels) == 2
    assert independent_pairs(labels, ["a", "a", "b", "b", "c"]) == 1
    assert independent_pairs(labels, list("ababa")) == 1, "none pairs with itself"
    one = auroc(labels, labels.astype(float), np.array(["a", "a", "b", "b", "c"]))
    assert one[1] == pytest.approx(0.025)


def test_two_models_that_never_differ_have_no_interval():
    labels = np.array([0, 0, 1, 1])
    value, low, high = auroc_difference(labels, labels * 0.5, labels * 0.9)
    assert value == 0 and np.isnan([low, high]).all()
    assert spelled((value, low, high), "+") == "+0.000 (no interval)"


# === All of them ===


def files(n=40):
    """Predictions that are perfect, all wrong, all the same, and only two."""
    labels = np.arange(n) % 2
    table = pd.DataFrame({"uid": range(n), "label": labels})
    table["reference"] = np.where(labels, ABNORMAL, NORMAL)
    opposite = np.where(labels, NORMAL, ABNORMAL)
    views = {f"{name}_frontal": 1.0 * (name == "ssim") for name in ("ssim", "mse")}
    table = table.assign(**views)
    perfect = table.assign(prediction=table["reference"], probability=labels * 1.0)
    yield "perfect", perfect
    yield "wrong", table.assign(prediction=opposite, probability=1.0 - labels)
    sides = table["reference"].str.replace("left", "right")
    yield "wrong sides", table.assign(prediction=sides, probability=0.5)
    yield "constant", table.assign(prediction=NORMAL, probability=0.3)
    yield "empty", table.assign(prediction="", probability=0.0)
    yield "two", perfect.iloc[:2]
    almost = perfect.copy()
    almost.loc[0, "probability"] = 1.0
    almost.loc[0, "prediction"] = ABNORMAL
    yield "almost", almost


FILES = dict(files())
KINDS = {WORDS, SHARE_WORDS, F1_WORDS, CLUSTER_WORDS, AREA_WORDS}


@pytest.mark.parametrize("name", FILES)
def test_no_interval_of_any_score_is_without_width(name):
    scores = evaluate_predictions(FILES[name], permutations=3)["scores"]
    assert {"abnormal.auroc", "coco.bleu_4", "frontal.ssim"} < set(scores)
    for key, record in scores.items():
        for kind in ("interval", "fall_interval", "gain_interval"):
            ends = record.get(kind)
            assert ends is None or has_width(ends), (key, kind)
            printed = format_interval(ends).split(" to ")
            assert printed == [""] or printed[0] != printed[1], (key, printed)
        kind = record["protocol"].get("interval")
        assert ("interval" in record) == (kind is not None), key
        assert kind is None or kind in KINDS or kind.startswith(WORDS), key
        is_counted = key in ("text.distinct", "text.distinct_share")
        if "interval" not in record and not is_counted:
            assert NO_WIDTH in record["note"] or record["value"] is None, key
            none = "" if record["value"] is None else "none"
            assert interval_of(record) == none, key


def test_which_score_has_which_interval():
    scores = evaluate_predictions(FILES["perfect"], permutations=2)["scores"]
    kinds = {key: each["protocol"].get("interval") for key, each in scores.items()}
    for name in ("accuracy", "sensitivity", "specificity"):
        assert kinds[f"abnormal.{name}"] == SHARE_WORDS
    assert scores["abnormal.specificity"]["interval"] == share_ends(20, 20)
    assert scores["abnormal.specificity"]["protocol"]["share"] == "20 of 20 studies"
    assert kinds["abnormal.f1"] == F1_WORDS and kinds["abnormal.auroc"] == AREA_WORDS
    assert kinds["clinical.prior_share"] == SHARE_WORDS
    assert scores["clinical.prior_share"]["interval"] == share_ends(0, 40)
    for name in ("abnormal.auprc", "clinical.micro_f1_14", "coco.bleu_4"):
        assert scores[name]["value"] == pytest.approx(1)
        assert scores[name]["note"] == NO_WIDTH


def test_the_wrong_side_counts_findings_and_says_so():
    both = "Left effusion. Right pneumothorax."
    table = pd.DataFrame({"uid": range(6), "reference": [both] * 4 + [NORMAL] * 2})
    table["prediction"] = table["reference"]
    record = evaluate_predictions(table)["scores"]["clinical.wrong_side_share"]
    assert record["n"] == 8 and record["protocol"]["studies"] == 4
    assert record["interval"] == pytest.approx([0, 1 - 0.025 ** (1 / 4)])
    assert record["protocol"]["interval"] == CLUSTER_WORDS
    assert format_n(record) == "8 findings"
    scores = {"clinical.wrong_side_share": record}
    assert "wrong_side_share: 8 findings in 4 studies" in scores_text(scores)


def test_the_same_file_without_intervals_has_the_same_n():
    for intervals in (True, False):
        found = evaluate_predictions(FILES["perfect"], intervals=intervals)["scores"]
        assert found["clinical.wrong_side_share"]["n"] == 20


def test_an_interval_without_width_is_none():
    assert interval(np.full(100, 0.1) + 1e-17) is None and interval([0, 1]) == [
        pytest.approx(0.025),
        pytest.approx(0.975),
    ]
    record = score(1.0, 4, interval=[1.0, 1.0])
    assert "interval" not in record and record["note"] == NO_WIDTH
    assert score(1.0, 4, "of four", [1, 1])["note"] == f"of four; {NO_WIDTH}"
    assert "interval" not in score(None, 4, interval=[np.nan, np.nan])


def test_counts_and_curves_have_width_at_the_edge():
    labels = np.repeat([0, 1], 20)
    ends = confusion_matrix(labels, labels * 1.0)["interval"]
    assert ends[0, 1] == pytest.approx([0, 40 * (1 - 0.025 ** (1 / 40))])
    for probabilities in (labels * 1.0, 1.0 - labels, np.full(40, 0.5)):
        curve = roc_curve(labels, probabilities)
        own = np.interp(curve["grid"], curve["false_alarms"], curve["found"])
        assert (curve["low"] <= own).all() and (own <= curve["high"]).all()
        for end in ("low", "high"):
            assert (np.diff(curve[end]) >= 0).all()
    curve = roc_curve(labels, labels * 1.0)
    assert curve["low"][50] == pytest.approx(0.025 ** (1 / 20))


def test_the_sentence_on_what_is_held_fixed_names_both():
    assert "holds the trained model fixed" in FIXED and "not another training" in FIXED


@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(20), 2)])
def test_an_area_without_resamples_of_both_classes_has_none(groups):
    labels = np.repeat([0, 1], 20)
    assert area_ends(labels, np.full(5, np.nan), groups) is None


def test_every_score_of_a_label_holds_its_value():
    rng = np.random.default_rng(0)
    for n, step in itertools.product((6, 40), (0.2, 0.5, 0.9)):
        labels = np.arange(n) % 2
        probabilities = np.clip(step * labels + 0.5 * rng.random(n), 0, 1)
        scores = classification_scores(labels, probabilities)
        for name, record in scores.items():
            if name == "abnormal.auprc" and record["value"] == 1:
                assert record["note"] == NO_WIDTH
                continue
            low, high = record["interval"]
            assert low <= record["value"] <= high, (name, n, step)

import functools

import numpy as np
import pytest
from impressions import NORMAL, REPORTS

from cxrbase.files import InputError
from cxrscore import comparison
from cxrscore.baselines import (
    best_constant,
    derangement,
    most_frequent,
    nearest_reports,
    random_reports,
    shuffled_orders,
)
from cxrscore.bootstrap import interval, partner_weights, resampling_weights
from cxrscore.clinical.scores import ClinicalScorer
from cxrscore.comparison import compare, compare_counts, compare_labels
from cxrscore.labels.scores import label_values, weighted_values
from cxrscore.texts.scores import TextScorer


def drawn(n, seed):
    return np.random.default_rng(seed).choice(REPORTS, n).tolist()


# === Constants ===


def test_best_constant_is_the_best_of_all_candidates():
    train = REPORTS * 3 + [NORMAL] * 5 + ["Rare report that occurs once."]
    chosen = best_constant(train)
    quality = {}
    for text in set(train):
        scores = TextScorer(train).score([text] * len(train))
        quality[text] = np.mean([scores["nltk.bleu_4"], scores["rouge_score.rouge_l"]])
    assert chosen["text"] == max(quality, key=quality.get) == NORMAL
    assert chosen["score"] == pytest.approx(quality[NORMAL])
    assert chosen["count"] == 8 and chosen["n"] == len(train)


def test_best_constant_tries_only_the_most_frequent():
    train = ["a b c d e"] * 3 + ["f g h i j"] * 2 + ["a b c d e f g h i j"]
    assert best_constant(train, candidates=1)["text"] == "a b c d e"


def test_constants_do_not_depend_on_the_order():
    train = REPORTS * 2
    assert best_constant(train)["text"] == best_constant(train[::-1])["text"]
    assert most_frequent(train) == most_frequent(train[::-1])


def test_most_frequent_counts_what_reads_the_same():
    train = ["Edema.", "Clear lungs.", " clear\nLUNGS.", None, ""]
    assert most_frequent(train) == {"text": "Clear lungs.", "count": 2, "n": 3}


def test_no_train_text_no_baseline():
    assert best_constant([None, " "]) is None
    assert most_frequent([]) is None
    with pytest.raises(InputError, match="all empty"):
        random_reports([None, ""], 3)


# === Random and nearest ===


def test_random_reports_are_the_seeds_and_trains():
    train = ["a", "b", "", None, "b"]
    found = random_reports(train, 3000, seed=1)
    assert found == random_reports(train, 3000, seed=1)
    assert found != random_reports(train, 3000, seed=2)
    assert set(found) == {"a", "b"}
    assert found.count("b") / 3000 == pytest.approx(2 / 3, abs=0.04)


def test_nearest_equals_scikit_learn():
    from sklearn.metrics.pairwise import cosine_similarity

    generator = np.random.default_rng(0)
    # Lengths differ, so that a product instead of the cosine would err.
    train = generator.normal(size=(70, 8)) * generator.uniform(0.1, 9, (70, 1))
    asked = generator.normal(size=(1500, 8)) * 100  # More than one batch of rows.
    texts = [str(index) for index in range(70)]
    expected = cosine_similarity(asked, train).argmax(axis=1).astype(str).tolist()
    assert nearest_reports(train, texts, asked) == expected


def test_nearest_passes_over_studies_without_a_report():
    assert nearest_reports([[1, 0], [0, 1]], ["", "far"], [[1, 0]]) == ["far"]
    assert nearest_reports([[1, 0], [0, 1]], ["a", "b"], np.zeros((0, 2))) == []
    assert nearest_reports([[0, 0], [0, 1]], ["a", "b"], [[0, 1]]) == ["b"]


@pytest.mark.parametrize(
    ("train", "texts", "asked", "words"),
    [
        ([[1, 0]], ["a", "b"], [[1, 0]], "2 train reports"),
        ([[1, 0]], ["a"], [[1, 0, 0]], "same width"),
        ([[1, np.nan]], ["a"], [[1, 0]], "NaN or infinite"),
        ([[1, 0]], [""], [[1, 0]], "all empty"),
    ],
)
def test_bad_features_are_told(train, texts, asked, words):
    with pytest.raises(InputError, match=words):
        nearest_reports(train, texts, asked)


# === Shuffle ===


@pytest.mark.parametrize("n", [2, 3, 50])
def test_derangement_moves_every_study(n):
    generator = np.random.default_rng(0)
    for _ in range(20):
        order = derangement(n, generator)
        assert sorted(order) == list(range(n)) and (order != np.arange(n)).all()


def test_orders():
    assert shuffled_orders(5, 3).shape == (3, 5)
    assert shuffled_orders(1).shape == (0, 1) and shuffled_orders(0).shape == (0, 0)
    assert (shuffled_orders(9, 2, seed=1) == shuffled_orders(9, 2, seed=1)).all()
    with pytest.raises(ValueError, match="1 study cannot"):
        derangement(1, np.random.default_rng(0))


def weighed(texts, weights):
    """Each text as often as its weight says."""
    return [t for t, w in zip(texts, weights, strict=True) for _ in range(int(w))]


def test_comparison_equals_scoring_resampled_studies(monkeypatch):
    """Paired: value, baseline and permutation are scored on the same drawn studies."""
    few = functools.partial(comparison.resampled_sums, resamples=60)
    monkeypatch.setattr(comparison, "resampled_sums", few)
    references, said, other = drawn(12, 0), drawn(12, 1), drawn(12, 2)
    orders = shuffled_orders(12, 2)
    protocols = ["nltk", "rouge_score"]
    found = compare(
        TextScorer(references, protocols), said, {"constant": other}, orders
    )
    rows = {name: [] for name in found}
    outputs = [said, other, *([said[i] for i in order] for order in orders)]
    for weights in np.concatenate(list(resampling_weights(12, 60))):
        # A permuted pair is drawn as often as both of its studies.
        drawn_pairs = [weights, weights, *(weights * weights[o] for o in orders)]
        scores = []
        for texts, times in zip(outputs, drawn_pairs, strict=True):
            scorer = TextScorer(weighed(references, times), protocols)
            scores.append(scorer.score(weighed(texts, times)))
        for name in found:
            rows[name].append([each[name] for each in scores])
    for name, record in found.items():
        own, constant, *shuffles = np.array(rows[name]).T
        assert record["interval"] == pytest.approx(interval(own))
        assert record["gain_interval"] == pytest.approx(interval(own - constant))
        fall = own - np.mean(shuffles, axis=0)
        assert record["fall_interval"] == pytest.approx(interval(fall))
        whole = [TextScorer(references, protocols).score(o)[name] for o in outputs]
        assert record["value"] == pytest.approx(whole[0])
        assert record["constant"] == pytest.approx(whole[1])
        assert record["shuffled"] == pytest.approx(np.mean(whole[2:]))
        assert record["fall"] == pytest.approx(whole[0] - np.mean(whole[2:]))


def agreement(reference, output):
    """What a study adds to accuracy and F1 of two classes."""
    columns = [reference == output, reference & output, reference, output]
    return np.stack(columns, axis=-1).astype("float64")


def agreement_scores(sums, n):
    with np.errstate(invalid="ignore"):
        f1 = 2 * sums[..., 1] / (sums[..., 2] + sums[..., 3])
    return {"accuracy": sums[..., 0] / n, "f1": f1}


@pytest.mark.parametrize(
    ("rates", "narrow"),
    [((0.7, 0.0, 0.2, 0.1), "accuracy"), ((0.5, 0.05, 0.05, 0.4), "f1")],
)
def test_the_interval_of_a_fall_covers(monkeypatch, rates, narrow):
    """It holds the fall that independence would bring; weighted by one study, less."""
    few = functools.partial(comparison.resampled_sums, resamples=200)
    monkeypatch.setattr(comparison, "resampled_sums", few)
    normal, false_alarm, missed, hit = rates
    ill, called = missed + hit, false_alarm + hit
    by_chance = ill * called + (1 - ill) * (1 - called)
    true_falls = {
        "accuracy": normal + hit - by_chance,
        "f1": 2 * (hit - ill * called) / (ill + called),
    }
    rng, orders = np.random.default_rng(0), shuffled_orders(200, 20)
    held = {(name, both): [] for name in true_falls for both in (True, False)}
    for _ in range(200):
        kind = rng.choice(4, 200, p=rates)
        reference, output = kind >= 2, kind % 2 == 1
        outputs = [output, *output[orders]]
        counts = np.stack([agreement(reference, each) for each in outputs], axis=1)
        for both in (True, False):
            weighted_by = orders if both else ()
            found = compare_counts(counts, agreement_scores, [], weighted_by)
            for name, fall in true_falls.items():
                low, high = found[name]["fall_interval"]
                held[name, both].append(low <= fall <= high)
    share = {key: np.mean(each) for key, each in held.items()}
    assert min(share["accuracy", True], share["f1", True]) >= 0.9
    assert share[narrow, False] < 0.88  # 0.76 of accuracy and 0.825 of F1, measured.


def test_a_pair_is_drawn_as_often_as_both_of_its_studies():
    weights = np.array([[2.0, 1.0, 0.0], [1.0, 1.0, 1.0], [3.0, 0.0, 0.0]])
    assert partner_weights(weights, None) is weights
    once, all_alike, none = partner_weights(weights, np.array([1, 2, 0]))
    assert once.tolist() == [3, 0, 0] and all_alike.tolist() == [1, 1, 1]
    assert np.isnan(none).all()


def test_few_studies_have_few_pairs(recwarn):
    """Where no pair is drawn there is no score, not one of 0."""
    references, said = ["No edema."] * 2, ["No edema.", "Small effusion."]
    for scorer in (TextScorer(references), ClinicalScorer(references)):
        found = compare(scorer, said, {}, shuffled_orders(2, 2))
        for record in found.values():
            # Only the studies as they are have pairs: one value, no interval.
            assert "fall_interval" not in record
    assert not recwarn.list


def test_a_permuted_label_counts_as_often_as_both_of_its_studies():
    generator, orders = np.random.default_rng(0), shuffled_orders(30, 3)
    labels = np.arange(30) < 3  # So few that some orders have no AUROC.
    chances = labels * 0.3 + generator.random(30) * 0.7
    found = compare_labels(labels.astype(int), chances, 0.1, orders)
    (weights,) = resampling_weights(30)
    own = weighted_values(labels, chances, weights)["auroc"]
    permuted = [
        weighted_values(labels, chances[o], weights * weights[:, o])["auroc"]
        for o in orders
    ]
    lacking = np.isnan(permuted).sum(axis=0)
    assert (lacking == 1).any() and (lacking == 3).any()
    known = lacking < 3
    falls = own[known] - np.nanmean(np.array(permuted)[:, known], axis=0)
    assert found["auroc"]["fall_interval"] == pytest.approx(interval(falls))


def test_no_protocol_no_score():
    scorer = TextScorer(["No edema."] * 2, [])
    assert compare(scorer, ["Edema."] * 2, {}, shuffled_orders(2)) == {}


def test_gain_is_over_the_better_constant():
    references, said = drawn(9, 0), drawn(9, 1)
    worse, better = ["Nothing alike"] * 9, references
    found = compare(
        TextScorer(references, ["nltk"]),
        said,
        {"constant": worse, "frequent": better, "random": drawn(9, 3)},
        shuffled_orders(9, 1),
    )["nltk.bleu_1"]
    assert found["gain"] == pytest.approx(found["value"] - 1)
    assert found["gain_interval"][1] < 0


def test_the_same_output_differs_by_exactly_nothing():
    """No rounding error may pass for a gain or a fall."""
    references = drawn(50, 0)
    same = [NORMAL] * 50
    found = compare(
        TextScorer(references), same, {"constant": same}, shuffled_orders(50)
    )
    for record in found.values():
        assert record["fall"] == 0 and record["gain"] == 0
        assert not {"fall_interval", "gain_interval"} & set(record)


def test_one_study_has_neither_interval_nor_shuffle():
    record = compare(
        TextScorer(["No edema."]), ["Edema."], {"constant": ["a"]}, shuffled_orders(1)
    )["nltk.bleu_1"]
    assert set(record) == {"value", "constant", "gain"}


def test_labels_that_know_and_labels_that_do_not():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 80)
    orders = shuffled_orders(80, 4)
    found = compare_labels(labels, labels * 0.8 + 0.1, 1.0, orders)
    assert found["auroc"]["fall_interval"][0] > 0.3
    assert found["auroc"]["constant"] == 0.5
    assert found["accuracy"]["constant"] == pytest.approx(labels.mean())
    assert found["brier"]["fall"] < 0  # An error: less is better.
    shuffled = [label_values(labels, (labels * 0.8 + 0.1)[o])["auroc"] for o in orders]
    assert found["auroc"]["shuffled"] == pytest.approx(np.mean(shuffled))
    blind = compare_labels(labels, generator.random(80), 1.0, orders)
    low, high = blind["auroc"]["fall_interval"]
    assert low < 0 < high


def test_the_prevalence_is_trains_whatever_that_of_test_is():
    labels, orders = np.array([0, 0, 0, 1]), shuffled_orders(4, 2)
    found = compare_labels(labels, np.array([0.1, 0.2, 0.3, 0.9]), 0.75, orders, 0.8)
    assert found["brier"]["constant"] == pytest.approx((3 * 0.75**2 + 0.25**2) / 4)
    assert found["ece"]["constant"] == pytest.approx(0.5)
    assert found["accuracy"]["constant"] == 0.25  # All are abnormal.


def test_labels_of_one_class():
    found = compare_labels(np.ones(5, int), np.full(5, 0.4), 1.0, shuffled_orders(5))
    assert found["auroc"]["value"] is None and found["auroc"]["fall"] is None
    assert "fall_interval" not in found["auroc"]
    assert found["sensitivity"]["gain"] == -1

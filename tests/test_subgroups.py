"""Scores by subgroup: differences that are there are found, others hardly ever."""

import functools

import numpy as np
import pandas as pd
import pytest

from cxrbase.files import InputError
from cxrscore.clinical.scores import ClinicalScorer
from cxrscore.labels.areas import auroc
from cxrscore.labels.exact import share_ends
from cxrscore.labels.scores import classification_scores
from cxrscore.subgroups.measures import label_measure, share_measure, sum_measure
from cxrscore.subgroups.scores import holm, subgroup_scores
from cxrscore.subgroups.tables import (
    bands,
    comparisons_said,
    subgroup_records,
    thirds,
)
from cxrscore.texts.scores import TextScorer

RNG = np.random.default_rng(0)


def films(n=400, lost=0.0):
    """Labels and probabilities; in group "b" they have less, or nothing, in common."""
    rng = np.random.default_rng(n)
    group = np.tile(["a", "b"], n // 2)
    y = rng.integers(0, 2, n)
    effect = np.where(group == "b", 1.8 * (1 - lost), 1.8)
    p = 1 / (1 + np.exp(-(rng.normal(0, 1, n) + effect * (y - 0.5))))
    return y, p, pd.DataFrame({"group": group, "third": rng.choice(list("xyz"), n)})


def row_of(scored, column, group):
    (row,) = scored[scored["column"].eq(column) & scored.group.eq(group)].to_dict(
        "records"
    )
    return row


def test_a_difference_that_is_there_is_found():
    y, p, table = films(lost=0.8)
    scored = subgroup_scores(label_measure(y, p), table)
    row = row_of(scored, "group", "a")
    assert row["difference"] > 0.2 and row["difference_low"] > 0
    assert row["holm"] < 0.001 and row["n"] == 200
    assert "After Holm's correction for their number: group a." in (
        comparisons_said(scored)
    )
    assert scored[scored["column"].eq("third")].holm.min() > 0.05


def test_a_group_has_the_score_that_it_would_have_alone():
    y, p, table = films()
    inside = table.group.eq("a").to_numpy()
    scored = subgroup_scores(label_measure(y, p), table, ["group"])
    row, alone = row_of(scored, "group", "a"), auroc(y[inside], p[inside])
    assert row["value"] == pytest.approx(alone[0])
    assert row["rest"] == pytest.approx(auroc(y[~inside], p[~inside])[0])
    # The interval is drawn with all films, so it differs by chance alone.
    assert [row["low"], row["high"]] == pytest.approx(alone[1:], abs=0.02)
    assert row["positives"] == y[inside].sum()


@pytest.mark.parametrize("name", ["accuracy", "sensitivity", "specificity", "f1"])
def test_scores_with_a_threshold_are_those_of_the_table(name):
    y, p, table = films()
    inside = table.group.eq("b").to_numpy()
    scored = subgroup_scores(label_measure(y, p, name, 0.4), table, ["group"])
    whole = classification_scores(y[inside], p[inside], 0.4)[f"abnormal.{name}"]
    assert row_of(scored, "group", "b")["value"] == pytest.approx(whole["value"])


@pytest.mark.parametrize("group", ["clinical", "coco"])
def test_texts_are_scored_too(group):
    words = ["No edema.", "Small left effusion.", "Cardiomegaly is mild."]
    truth = [words[i] for i in RNG.integers(3, size=90)]
    told = [words[i] for i in RNG.integers(3, size=90)]
    sex = np.repeat(["F", "M"], 45)
    told[:45] = truth[:45]
    scorer = TextScorer(truth, ["coco"]) if group == "coco" else ClinicalScorer(truth)
    name = "bleu_4" if group == "coco" else "micro_f1_5"
    counts = scorer.counts(told)[group]
    measure = sum_measure(counts, functools.partial(scorer.scores, group), name)
    scored = subgroup_scores(measure, pd.DataFrame({"sex": sex}))
    alone = scorer.scores(group, counts[45:].sum(axis=0), 45)[name]
    assert row_of(scored, "sex", "M")["value"] == pytest.approx(float(alone))
    women = row_of(scored, "sex", "F")
    assert women["value"] == pytest.approx(1, abs=1e-6)
    assert women["difference"] > 0.2


def test_groups_that_are_too_small_get_no_score():
    y, p = np.tile([0, 1], 40), np.linspace(0, 1, 80)
    sizes = [9, 31, 40]
    table = pd.DataFrame({"site": np.repeat(["few", "most", "one class"], sizes)})
    y[40:] = 0
    y[40:44] = 1
    scored = subgroup_scores(label_measure(y, p), table)
    for group, words in (("few", "9 patients"), ("one class", "4 patients of a class")):
        row = row_of(scored, "site", group)
        assert np.isnan(row["value"]) and np.isnan(row["difference"])
        assert row["note"] == f"too few: {words}"
    assert np.isfinite(row_of(scored, "site", "most")["value"])
    # A hundred films of nine patients are nine patients.
    patients = np.r_[np.zeros(9), np.arange(31) % 9, np.arange(40)]
    scored = subgroup_scores(label_measure(y, p), table, patients=patients)
    assert row_of(scored, "site", "most")["note"] == "too few: 9 patients"


def test_a_recall_needs_no_other_class():
    found = np.tile([1.0, 1, 0, np.nan], 20)
    table = pd.DataFrame({"view": np.repeat(["AP", "PA"], 40)})
    row = row_of(subgroup_scores(share_measure(found), table), "view", "AP")
    assert row["value"] == pytest.approx(2 / 3) and row["n"] == 30


def test_where_all_are_hit_the_interval_has_a_width():
    found = np.r_[np.ones(20), np.tile([1.0, 0], 20)]
    table = pd.DataFrame({"side": np.repeat(["left", "right"], [20, 40])})
    row = row_of(subgroup_scores(share_measure(found), table), "side", "left")
    # Clopper and Pearson: 0.025 ** (1 / 20).
    assert [row["low"], row["high"]] == pytest.approx([0.025 ** (1 / 20), 1])
    assert 0 < row["difference_low"] < 0.5 < row["difference_high"] < 0.75
    # Two films of each patient are no better than one.
    patients = np.r_[np.arange(20) // 2, 100 + np.arange(40)]
    scored = subgroup_scores(share_measure(found), table, patients=patients)
    assert row_of(scored, "side", "left")["low"] == pytest.approx(0.025 ** (1 / 10))


def test_the_kind_of_interval_does_not_depend_on_the_share():
    """The last miss, found, makes a difference no less certain."""
    table = pd.DataFrame({"side": np.repeat(["left", "right"], [20, 40])})
    rows = {}
    for hits in range(10, 21):
        found = np.r_[np.arange(20) < hits, np.arange(40) % 2].astype(float)
        rows[hits] = row_of(
            subgroup_scores(share_measure(found), table), "side", "left"
        )
        ends = [rows[hits]["low"], rows[hits]["high"]]
        assert ends == pytest.approx(share_ends(hits, 20)), hits
    p = [rows[hits]["p"] for hits in range(11, 21)]
    assert (np.diff(p) < 0).all()
    # The ends of 20 in 40 are 0.338 and 0.662.
    reach = np.hypot(0.95 - share_ends(19, 20)[0], share_ends(20, 40)[1] - 0.5)
    assert rows[19]["difference_low"] == pytest.approx(0.45 - reach)


def test_an_auroc_of_1_has_no_interval_of_width_0():
    y = np.tile([0, 1], 30)
    p = np.where(np.arange(60) < 30, y, RNG.random(60))
    table = pd.DataFrame({"view": np.repeat(["AP", "PA"], 30)})
    row = row_of(subgroup_scores(label_measure(y, p), table), "view", "AP")
    # Fifteen of each class: 0.025 ** (1 / 15).
    assert row["value"] == 1 and row["low"] == pytest.approx(0.025 ** (1 / 15))
    assert row["high"] == 1 and row["difference_low"] < row["difference_high"]


def test_patients_are_drawn_with_all_their_films():
    """Ten copies of each film tell no more, and the interval must not think so."""
    once = films(n=120)
    y, p = (np.repeat(each, 10) for each in once[:2])
    table = once[2].loc[np.repeat(np.arange(120), 10)].reset_index(drop=True)
    patients = np.repeat(np.arange(120), 10)

    def width(*arguments):
        row = row_of(subgroup_scores(*arguments), "group", "a")
        return row["high"] - row["low"], row["difference_high"] - row["difference_low"]

    single = width(label_measure(*once[:2]), once[2], ["group"])
    whole = width(label_measure(y, p), table, ["group"], patients)
    naive = width(label_measure(y, p), table, ["group"])
    assert whole == pytest.approx(single, rel=0.02)
    assert all(a < 0.5 * b for a, b in zip(naive, whole, strict=True))


def test_a_difference_within_patients_is_paired():
    """Each patient has both views, and both are hit or neither: no doubt is left."""
    hit = np.repeat(RNG.integers(0, 2, 40), 2).astype(float)
    hit[0] = 1 - hit[1]
    table = pd.DataFrame({"view": ["AP", "PA"] * 40})
    patients = np.repeat(np.arange(40), 2)
    paired = subgroup_scores(share_measure(hit), table, patients=patients).iloc[0]
    apart = subgroup_scores(share_measure(hit), table).iloc[0]
    widths = [row.difference_high - row.difference_low for row in (paired, apart)]
    assert widths[0] < 0.3 * widths[1]


def test_chance_alone_is_found_about_as_often_as_it_says():
    """Groups that mean nothing: 5 % of the intervals, and of the Holm families."""
    alone, family, runs = 0, 0, 150
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        hits = (rng.random(150) < 0.7).astype(float)
        groups = {name: rng.choice(["u", "v"], 150) for name in "abcde"}
        scored = subgroup_scores(
            share_measure(hits), pd.DataFrame(groups), resamples=300
        )
        p = scored.p.dropna()
        assert len(p) == 5, "the second of two groups is no comparison of its own"
        alone += int((p < 0.05).sum())
        family += bool((scored.holm < 0.05).any())
    assert 0.025 < alone / (5 * runs) < 0.08
    assert family / runs < 0.10


def test_holm_equals_the_rule_by_hand():
    assert holm([0.03, 0.01, np.nan, 0.04]) == pytest.approx(
        [0.06, 0.03, np.nan, 0.06], nan_ok=True
    )
    assert holm([]).size == 0


def test_missing_values_belong_to_no_group():
    hits = np.tile([1.0, 0, 1], 20)
    sex = ["F"] * 20 + ["M"] * 20 + [""] * 15 + [None] * 5
    scored = subgroup_scores(share_measure(hits), pd.DataFrame({"sex": sex}))
    row = row_of(scored, "sex", "not given")
    assert row["n"] == 20 and np.isnan(row["value"])
    women = row_of(scored, "sex", "F")
    assert women["rest"] == pytest.approx(hits[20:40].mean())


def test_bad_input_is_refused_in_one_line():
    measure, table = share_measure([1.0, 0]), pd.DataFrame({"sex": ["F", "M"]})
    for call in (
        lambda: subgroup_scores(measure, table, ["age"]),
        lambda: subgroup_scores(measure, table, patients=[1]),
        lambda: subgroup_scores(share_measure([1.0]), table),
        lambda: label_measure([0, 1], [0.1, 0.2], "auc"),
        lambda: label_measure([0, np.nan], [0.1, 0.2]),
    ):
        with pytest.raises(InputError) as error:
            call()
        assert "\n" not in str(error.value)


def test_ages_and_sizes_are_cut_into_bands():
    ages = bands([12, 39.9, 40, 64, 65, np.nan], [40, 65])
    names = ["below 40", "below 40", "40 to 64", "40 to 64", "65 and more"]
    assert list(ages[:5]) == names and pd.isna(ages[5])
    assert list(ages.categories) == ["below 40", "40 to 64", "65 and more"]
    sizes, kinds = [1, 2, 3, 100, 200, 300, np.nan], list("nnnhhhh")
    overall, own = thirds(sizes), thirds(sizes, kinds)
    names = ["smallest third", "middle third", "largest third"]
    assert list(overall[:6]) == list(np.repeat(names, 2))
    assert list(own[:6]) == names * 2
    assert pd.isna(own[6])


def test_records_carry_their_comparisons():
    y, p, table = films()
    scored = subgroup_scores(label_measure(y, p), table)
    records = subgroup_records(scored, "subgroup.auroc", split="test", ground="real")
    first = records["subgroup.auroc_group_a"]
    assert first["protocol"]["comparisons"] == 4 and first["n"] == 200
    assert first["protocol"]["subgroup"] == "group"
    assert first["less_the_rest"] == pytest.approx(first["value"] - first["rest"])
    assert len(first["less_the_rest_interval"]) == 2
    assert "less_the_rest" not in records["subgroup.auroc_group_b"]
    assert set(records) == {
        f"subgroup.auroc_{name}"
        for name in ("group_a", "group_b", "third_x", "third_y", "third_z")
    }

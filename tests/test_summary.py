import numpy as np
import pandas as pd
import pytest
from impressions import NORMAL, REPORTS

from cxrbase.files import InputError
from cxrscore import bootstrap
from cxrscore import evaluate as summary
from cxrscore.baselines import derangement
from cxrscore.cautions import cautions
from cxrscore.evaluate import evaluate_predictions, read_predictions
from cxrscore.tables import (
    best_baseline,
    format_interval,
    scores_markdown,
    scores_table,
    scores_text,
)
from cxrscore.texts.scores import TextScorer

TRAIN = [*REPORTS * 5, NORMAL]


def told(n=40, seed=0):
    """Studies whose reports are predicted word for word."""
    texts = np.random.default_rng(seed).choice(REPORTS, n)
    uids = [str(uid) for uid in range(n)]
    return pd.DataFrame({"uid": uids, "reference": texts, "prediction": texts})


def table(n=40):
    """The same with labels that are known, and views."""
    studies, generator = told(n), np.random.default_rng(1)
    labels = (studies["reference"] != NORMAL).astype(float)
    studies["label"] = labels
    studies["probability"] = np.clip(labels * 0.6 + generator.random(n) * 0.4, 0, 1)
    for view in ("frontal", "lateral"):
        studies[f"ssim_{view}"] = generator.random(n)
        studies[f"mse_{view}"] = generator.random(n) / 100
    return studies


# === Scores ===


def test_perfect_reports_fall_by_the_shuffle_and_a_constant_does_not():
    found = evaluate_predictions(table(), train_texts=TRAIN)["scores"]
    assert found["nltk.bleu_4"]["value"] == pytest.approx(1)
    assert found["nltk.bleu_4"]["fall_interval"][0] > 0.3
    assert found["clinical.micro_f1_14"]["fall_interval"][0] > 0.1
    assert found["abnormal.auroc"]["value"] == 1
    assert found["abnormal.auroc"]["shuffled"] == pytest.approx(0.5, abs=0.1)
    assert found["abnormal.auroc"]["constant"] == 0.5
    blind = table().assign(prediction=NORMAL)
    scores = evaluate_predictions(blind, constant=NORMAL)["scores"]
    for name in ("coco.bleu_4", "rouge_score.rouge_l", "clinical.micro_f1_14"):
        assert scores[name]["fall"] == 0
        assert scores[name]["value"] == pytest.approx(scores[name]["constant"])
    assert scores["text.distinct"]["value"] == 1


def test_the_same_numbers_without_intervals():
    given = table().assign(nearest=told(seed=3)["reference"], random=NORMAL)
    whole = evaluate_predictions(given, constant=NORMAL, frequent=NORMAL)["scores"]
    bare = evaluate_predictions(
        given, constant=NORMAL, frequent=NORMAL, intervals=False
    )["scores"]
    assert list(bare) == list(whole)
    numbers = ("value", "n", "constant", "random", "nearest", "shuffled", "fall")
    for name, record in bare.items():
        assert not any("interval" in key for key in (*record, *record["protocol"]))
        for key in set(numbers) & set(whole[name]):
            assert record[key] == whole[name][key], (name, key)
    brief = evaluate_predictions(given, constant=NORMAL, permutations=0)["scores"]
    assert not any("shuffled" in record for record in brief.values())


def test_shuffled_equals_scoring_the_exchanged_outputs():
    said = told(9, seed=1).assign(reference=told(9, seed=2)["reference"])
    found = evaluate_predictions(said, permutations=3, seed=5)["scores"]
    generator, scorer = np.random.default_rng(5), TextScorer(said["reference"])
    outputs = said["prediction"].to_numpy()
    each = [scorer.score(outputs[derangement(9, generator)]) for _ in range(3)]
    expected = np.mean([scores["coco.bleu_2"] for scores in each])
    assert found["coco.bleu_2"]["shuffled"] == pytest.approx(expected)


def test_every_text_score_stands_beside_every_baseline():
    given = told().assign(nearest=told(seed=3)["reference"])
    given.loc[:9, "prediction"] = REPORTS[2]  # Else all scores are perfect.
    found = evaluate_predictions(given, train_texts=TRAIN)
    for name, record in found["scores"].items():
        if name.startswith(("coco", "rouge_score", "sacrebleu", "nltk", "clinical.m")):
            kinds = {"interval", "constant", "frequent", "random", "nearest"}
            kinds |= {"shuffled", "fall", "fall_interval", "gain", "gain_interval"}
            if not record["value"]:  # Nothing falls where all resamples have 0.
                kinds -= {"interval", "fall_interval", "gain_interval"}
            assert kinds <= set(record), name
            low, high = record.get("interval", [0, 0])
            assert low <= record["value"] <= high, name
    own = TextScorer(given["reference"])
    columns = {
        "nearest": given["nearest"],
        "random": found["table"]["random"],
        "frequent": [found["baselines"]["frequent_report"]["text"]] * 40,
    }
    for kind, texts in columns.items():
        value = found["scores"]["coco.rouge_l"][kind]
        assert value == pytest.approx(own.score(texts)["coco.rouge_l"])
    assert found["baselines"]["constant_report"]["chosen_on"] == "train"
    assert set(found["table"]["random"]) <= set(TRAIN)


def test_without_train_the_baselines_are_said_to_be_the_references_own():
    found = evaluate_predictions(told())
    assert "upper bound" in found["baselines"]["constant_report"]["chosen_on"]
    assert "another study" in found["baselines"]["random_report"]
    assert "random" not in found["table"]
    # A study never gets its own reference, so a perfect match is not the baseline.
    assert found["scores"]["coco.bleu_4"]["random"] < 1


def test_the_constant_label_is_trains():
    labels = [1.0] * 9 + [0.0, np.nan]
    given = table().assign(label=lambda t: (t.index < 4).astype(float))
    found = evaluate_predictions(given, train_labels=labels)
    assert found["baselines"]["constant_label"] == (
        "abnormal, the majority class of train; for Brier score and ECE the forecast "
        "0.900, the prevalence of abnormal in train"
    )
    assert found["baselines"]["constant_probability"] == 0.9
    assert found["scores"]["abnormal.accuracy"]["constant"] == pytest.approx(0.1)
    brier = found["scores"]["abnormal.brier"]["constant"]
    assert brier == pytest.approx(0.1 * 0.01 + 0.9 * 0.81)
    own = evaluate_predictions(given)
    assert own["scores"]["abnormal.accuracy"]["constant"] == pytest.approx(0.9)
    assert own["scores"]["abnormal.brier"]["constant"] == pytest.approx(0.1 * 0.9)
    assert own["scores"]["abnormal.ece"]["constant"] == pytest.approx(0)
    assert own["baselines"]["constant_label"].endswith(
        "0.100, the prevalence of abnormal in these studies"
    )


def test_a_worthless_forecast_is_worse_than_the_prevalence():
    """Whoever always says 0.6 where a half is abnormal has learned nothing."""
    given = pd.DataFrame({"uid": range(40), "label": [0.0, 1.0] * 20})
    found = evaluate_predictions(given.assign(probability=0.6))["scores"]
    brier = found["abnormal.brier"]
    assert (brier["value"], brier["constant"]) == pytest.approx((0.26, 0.25))
    assert brier["gain"] == pytest.approx(0.01)  # An error: less is better.
    for name in ("abnormal.ece", "abnormal.ece_equal_mass"):
        assert found[name]["value"] == pytest.approx(0.1)
        assert found[name]["constant"] == pytest.approx(0)
    # A half is abnormal, so a constant says abnormal.
    assert found["abnormal.sensitivity"]["constant"] == 1
    assert found["abnormal.accuracy"]["constant"] == 0.5
    assert found["abnormal.auroc"]["constant"] == 0.5


def test_each_table_is_resampled_once():
    bootstrap._kept_draw.cache_clear()
    evaluate_predictions(table(), train_texts=TRAIN, protocols=["nltk"])
    assert bootstrap._kept_draw.cache_info().misses == 1


def test_threshold_and_where_it_is_from():
    found = evaluate_predictions(table(), threshold=0.99, threshold_from="val")
    record = found["scores"]["abnormal.sensitivity"]
    assert record["value"] < 0.2
    assert record["protocol"]["threshold_from"] == "val"


def test_image_scores_have_intervals():
    given = table()
    record = evaluate_predictions(given)["scores"]["frontal.ssim"]
    low, high = record["interval"]
    error = given["ssim_frontal"].std() / np.sqrt(len(given))
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.15)
    assert low < record["value"] < high
    assert "bootstrap" in record["protocol"]["interval"]


def test_novel_share_needs_train():
    said = told().assign(prediction=["New words."] * 10 + [NORMAL] * 30)
    scores = evaluate_predictions(said, train_texts=TRAIN)["scores"]
    assert scores["text.novel_share"]["value"] == 0.25
    assert "text.novel_share" not in evaluate_predictions(said)["scores"]


def test_one_study_has_a_value_and_no_shuffle():
    found = evaluate_predictions(told(1), train_texts=TRAIN)["scores"]
    record = found["nltk.bleu_4"]
    assert record["value"] == pytest.approx(1)
    assert "shuffled" not in record and "interval" not in record
    assert evaluate_predictions(told(1))["scores"]["coco.bleu_1"][
        "value"
    ] == pytest.approx(1)


def test_many_studies_are_shuffled_less_often(monkeypatch):
    monkeypatch.setattr(summary, "SHUFFLED", 200)
    assert evaluate_predictions(told())["baselines"]["shuffle"]["permutations"] == 5


def test_studies_without_a_reference_are_left_out_of_all():
    given = told().assign(nearest=NORMAL)
    given.loc[3:5, "reference"] = ["", None, " "]
    found = evaluate_predictions(given, train_texts=TRAIN)
    record = found["scores"]["coco.bleu_4"]
    assert record["n"] == 37 and record["protocol"]["left_out"] == 3
    less = given.drop(index=[3, 4, 5])
    assert TextScorer(less["reference"]).score(less["nearest"])[
        "coco.bleu_4"
    ] == pytest.approx(record["nearest"])
    assert len(found["table"]["random"]) == 40
    none = evaluate_predictions(given.assign(reference=""), train_texts=TRAIN)
    assert none["scores"]["coco.bleu_4"]["value"] is None
    assert none["warnings"] == []


def test_only_the_columns_there():
    predictions = table()[["uid", "ssim_frontal"]]
    assert set(evaluate_predictions(predictions)["scores"]) == {"frontal.ssim"}


def test_scores_are_recomputed_from_the_file(tmp_path):
    predictions = table()
    predictions.loc[0, "prediction"] = ""
    predictions.loc[1, ["reference", "prediction"]] = "None"
    predictions.loc[2, "label"] = np.nan
    predictions.loc[3, "ssim_lateral"] = np.nan
    first = evaluate_predictions(predictions, train_texts=TRAIN)
    first["table"].to_csv(tmp_path / "predictions.csv", index=False)
    again = evaluate_predictions(
        read_predictions(tmp_path / "predictions.csv"),
        constant=first["baselines"]["constant_report"]["text"],
        frequent=first["baselines"]["frequent_report"]["text"],
    )
    # Whether a report is new, only the train reports can tell.
    assert set(first["scores"]) - set(again["scores"]) == {"text.novel_share"}
    for name, record in again["scores"].items():
        for key, value in first["scores"][name].items():
            if key not in ("protocol", "note"):
                assert record[key] == pytest.approx(value), (name, key)
    assert again["warnings"] == first["warnings"]
    assert first["scores"]["nltk.bleu_4"]["n"] == 39  # "None" is none.
    assert first["scores"]["abnormal.auroc"]["protocol"]["left_out"] == 1
    assert first["scores"]["lateral.ssim"]["n"] == 39


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("", "not a readable CSV"),
        ("study,prediction\n1,a\n", "no column uid"),
        ("uid,label\n1,yes\n", "column label"),
    ],
)
def test_bad_files_are_told(tmp_path, content, words):
    path = tmp_path / "predictions.csv"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=words):
        read_predictions(path)


def test_a_uid_twice_is_reported():
    with pytest.raises(InputError, match="uid 0 occurs more than once"):
        evaluate_predictions(pd.concat([told(2), told(2)]))


# === Warnings ===


def said(predictions, references, **arguments):
    given = {"uid": range(len(references)), "reference": references}
    given = pd.DataFrame(given | {"prediction": predictions})
    return " ".join(evaluate_predictions(given, **arguments)["warnings"])


def test_what_says_nothing_is_kept_as_it_was_written():
    table = pd.DataFrame({"uid": [1, 2], "reference": ["Edema.", "Clear."]})
    table["prediction"] = ["....", "nan"]
    found = evaluate_predictions(table, intervals=False)
    assert list(found["table"].prediction) == ["....", "nan"]
    assert "2 of 2 predictions are empty" in " ".join(found["warnings"])
    assert not any("does as well" in words for words in cautions_of_right_words())


def cautions_of_right_words():
    """Warnings of right reports that are too short for an n-gram of four."""
    words = ["Edema.", "Clear.", "Effusion."] * 12
    table = pd.DataFrame({"uid": range(36), "reference": words, "prediction": words})
    return evaluate_predictions(table, protocols=["sacrebleu"])["warnings"]


def test_a_perfect_model_is_not_warned_of():
    varied = [f"{text} Nodule number {i}." for i, text in enumerate(REPORTS * 20)]
    assert said(varied, varied, train_texts=TRAIN) == ""


def test_a_constant_is_seen_through():
    references = told(200)["reference"]
    words = said([NORMAL] * 200, references, train_texts=TRAIN)
    assert "1 of 200 predictions are distinct (0.5%)" in words
    assert "not better in coco.bleu_4" in words
    assert "images were not looked at" in words and "clinical.micro_f1_14" in words


def test_wordy_blindness_is_seen_through():
    """Distinct reports that have nothing to do with their studies."""
    varied = [f"{text} Item {i}." for i, text in enumerate(REPORTS * 30)]
    shuffled = np.random.default_rng(0).permutation(varied)
    words = said(shuffled, varied, train_texts=TRAIN)
    assert "distinct" not in words
    assert "images were not looked at" in words and "coco.rouge_l" in words


def test_a_gain_that_may_be_chance_is_reported_apart():
    generator = np.random.default_rng(1)
    references = np.array(told(40, seed=4)["reference"])
    # The constant, but for two studies that are told right.
    predictions = np.full(40, NORMAL, object)
    wrong = generator.choice(np.flatnonzero(references != NORMAL), 2, replace=False)
    predictions[wrong] = references[wrong]
    words = said(predictions, references, constant=NORMAL, frequent=NORMAL)
    assert "not better" not in words
    assert "difference's interval includes 0 in coco.bleu_4" in words


def test_short_and_empty_predictions_are_told():
    references = told(40)["reference"]
    words = said(["Effusion."] * 35 + [""] * 5, references)
    assert "5 of 40 predictions are empty" in words
    assert "very short: 0.9 words" in words
    assert "very short" not in said(references, references)


def test_few_studies_are_told():
    assert "n=8: so few studies" in said(REPORTS * 2, REPORTS * 2)
    assert "so few" not in said(REPORTS * 10, REPORTS * 10)


def test_warnings_can_be_had_from_results_alone():
    blind = told().assign(prediction=NORMAL)
    scores = evaluate_predictions(blind, train_texts=TRAIN)["scores"]
    assert any("not looked at" in each.words for each in cautions(scores))


# === Tables ===


def test_scores_of_one_class_are_listed_as_undefined():
    scores = evaluate_predictions(table().assign(label=1.0))["scores"]
    listed = scores_table(scores).set_index("score")
    assert listed.loc["abnormal.auroc", "value"] == "undefined"
    assert "only one class in the n=40" in listed.loc["abnormal.auroc", "note"]
    assert "undefined: only one class" in scores_markdown(scores)


def test_tables_hold_values_and_intervals():
    scores = {
        "coco.bleu_4": {
            "value": 0.31,
            "interval": [0.2, 0.4],
            "constant": 0.1,
            "fall_interval": [-0.0004, 0.1],
            "fall": 0.05,
            "shuffled": 0.26,
            "n": 7,
            "protocol": {"split": "a|b", "score": "BLEU"},
        },
        "text.distinct": {"value": 3, "n": 7, "protocol": {"split": "a"}},
    }
    row = scores_table(scores).iloc[0]
    assert row["value"] == "0.3100" and row["95 % interval"] == "0.200 to 0.400"
    assert row["fall, 95 %"] == "0.000 to 0.100"
    written = scores_markdown(scores)
    assert "a\\|b" in written and "nearest" not in written and "constant" in written
    text = scores_text(scores)
    assert "nearest" not in text and "0.200 to 0.400" in text and "BLEU" in text


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (None, ""),
        ([0.29811, 0.32604], "0.298 to 0.326"),
        ([-0.0201, -0.0001], "−0.020 to 0.000"),
        ([0.00046, 0.00054], "0.00046 to 0.00054"),
        ([57.911, 100.0], "57.91 to 100.00"),
        ([2e-7, 3e-6], "0.000000 to 0.000003"),
        ([0.9996, 0.9999], "0.9996 to 0.9999"),
        ([0, 0], ""),
        ([1.0, 1.0], ""),
    ],
)
def test_intervals_are_written_for_people(ends, words):
    assert format_interval(ends) == words


def test_best_baseline():
    beside = {"constant": 0.2, "random": 0.3, "nearest": None}
    assert best_baseline("coco.bleu_4", beside) == (0.3, "random")
    assert best_baseline("abnormal.brier", beside) == (0.2, "constant")
    assert best_baseline("clinical.prior_share", beside) is None
    assert best_baseline("frontal.ssim", {}) is None


def test_wide_cells_do_not_run_together():
    record = {"value": 4e-06, "interval": [0.0, 0.00368], "n": 3, "protocol": {}}
    assert "0.000004 0.00000 to 0.00368" in scores_text({"coco.bleu_3": record})

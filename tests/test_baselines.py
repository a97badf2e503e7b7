import numpy as np
import pandas as pd
import pytest

from cxrlib.evaluation.baselines import best_constant, derangement, shuffle_test
from cxrlib.evaluation.summary import (
    evaluate_predictions,
    figures_markdown,
    figures_table,
    read_predictions,
)
from cxrlib.evaluation.text import TextScorer
from cxrlib.files import InputError

NORMAL = "No acute cardiopulmonary abnormality."
REPORTS = [
    NORMAL,
    "Left pleural effusion with atelectasis of the left base.",
    "Stable cardiomegaly without pulmonary edema.",
    "Hyperexpanded lungs. No focal consolidation.",
]


def table(n=40, seed=0):
    generator = np.random.default_rng(seed)
    texts = generator.choice(REPORTS, n)
    labels = (texts != NORMAL).astype(float)
    return pd.DataFrame(
        {
            "uid": [str(uid) for uid in range(n)],
            "reference": texts,
            "prediction": texts,
            "label": labels,
            "probability": np.clip(labels * 0.6 + generator.random(n) * 0.4, 0, 1),
            "ssim_frontal": generator.random(n),
            "ssim_lateral": generator.random(n),
            "mse_frontal": generator.random(n) / 100,
            "mse_lateral": generator.random(n) / 100,
        }
    )


def test_best_constant_is_the_best_of_all_candidates():
    train = REPORTS * 3 + [NORMAL] * 5 + ["Rare report that occurs once."]
    chosen = best_constant(train)
    quality = {}
    for text in set(train):
        scores = TextScorer(train).score([text] * len(train))
        quality[text] = np.mean([scores["nltk.bleu_4"], scores["rouge_score.rouge_l"]])
    assert chosen["text"] == max(quality, key=quality.get) == NORMAL
    assert chosen["train_score"] == pytest.approx(quality[NORMAL])
    assert chosen["train_count"] == 8 and chosen["train_n"] == len(train)


def test_best_constant_tries_only_the_most_frequent():
    train = ["a b c d e"] * 3 + ["f g h i j"] * 2 + ["a b c d e f g h i j"]
    assert best_constant(train, candidates=1)["text"] == "a b c d e"


def test_best_constant_does_not_depend_on_the_order():
    train = REPORTS * 2
    assert best_constant(train)["text"] == best_constant(train[::-1])["text"]


def test_no_train_text_no_constant():
    assert best_constant([None, " "]) is None


@pytest.mark.parametrize("n", [2, 3, 50])
def test_derangement_moves_every_study(n):
    generator = np.random.default_rng(0)
    for _ in range(20):
        order = derangement(n, generator)
        assert sorted(order) == list(range(n)) and (order != np.arange(n)).all()


def test_perfect_reports_fall_by_the_shuffle_and_a_constant_does_not():
    found = evaluate_predictions(table(), train_texts=REPORTS)["figures"]
    assert found["nltk.bleu_4"]["value"] == 1
    assert found["nltk.bleu_4"]["fall"] > 0.3
    assert found["abnormal.auroc"]["value"] == 1
    assert found["abnormal.auroc"]["shuffled"] == pytest.approx(0.5, abs=0.1)
    assert found["abnormal.auroc"]["constant"] == 0.5
    blind = table().assign(prediction=NORMAL)
    figures = evaluate_predictions(blind, constant=NORMAL)["figures"]
    for name in ("nltk.bleu_4", "rouge_score.rouge_l"):
        assert figures[name]["fall"] == pytest.approx(0)
        assert figures[name]["value"] == pytest.approx(figures[name]["constant"])
    assert figures["text.distinct"]["value"] == 1


def test_shuffle_equals_scoring_the_exchanged_outputs():
    outputs = np.array(REPORTS, dtype=object)
    scorer = TextScorer(REPORTS)
    found = shuffle_test(lambda i: scorer.score(outputs[i]), 4, permutations=3, seed=5)
    generator = np.random.default_rng(5)
    expected = [
        scorer.score([REPORTS[i] for i in derangement(4, generator)])["nltk.bleu_1"]
        for _ in range(3)
    ]
    assert found["nltk.bleu_1"] == pytest.approx(np.mean(expected))


def test_one_study_cannot_be_shuffled():
    figures = evaluate_predictions(table(1), train_texts=REPORTS)["figures"]
    assert "shuffled" not in figures["nltk.bleu_4"]


def test_figures_are_recomputed_from_the_file(tmp_path):
    predictions = table()
    predictions.loc[0, "prediction"] = ""
    predictions.loc[1, ["reference", "prediction"]] = "None"
    predictions.loc[2, "label"] = np.nan
    predictions.loc[3, "ssim_lateral"] = np.nan
    first = evaluate_predictions(predictions, train_texts=REPORTS)
    predictions.to_csv(tmp_path / "predictions.csv", index=False)
    again = evaluate_predictions(
        read_predictions(tmp_path / "predictions.csv"),
        constant=first["baselines"]["constant_report"]["text"],
    )
    assert set(again["figures"]) == set(first["figures"])
    for name, record in first["figures"].items():
        for key in ("value", "constant", "shuffled"):
            if key in record:
                assert again["figures"][name][key] == pytest.approx(record[key]), name
    assert first["figures"]["nltk.bleu_4"]["n"] == 40
    assert first["figures"]["abnormal.auroc"]["protocol"]["left_out"] == 1
    assert first["figures"]["lateral.ssim"]["n"] == 39


def test_figures_of_one_class_are_listed_as_undefined():
    figures = evaluate_predictions(table().assign(label=1.0))["figures"]
    listed = figures_table(figures).set_index("figure")
    assert listed.loc["abnormal.auroc", "value"] == "undefined"
    assert "only one class in the n=40" in listed.loc["abnormal.auroc", "note"]
    assert "undefined: only one class" in figures_markdown(figures)


def test_only_the_columns_there():
    predictions = table()[["uid", "ssim_frontal"]]
    assert set(evaluate_predictions(predictions)["figures"]) == {"frontal.ssim"}


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


def test_a_uid_twice_is_told():
    with pytest.raises(InputError, match="uid 0 occurs more than once"):
        evaluate_predictions(pd.concat([table(2), table(2)]))

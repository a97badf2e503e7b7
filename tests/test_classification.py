import numpy as np
import pytest
from sklearn import metrics

from cxrlib.evaluation.classification import classification_scores, majority_values
from cxrlib.evaluation.figure import figure, format_figure
from cxrlib.files import InputError


def values(*arguments, **named):
    figures = classification_scores(*arguments, **named)
    return {name.split(".")[1]: record["value"] for name, record in figures.items()}


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
        }
    )


def test_figures_equal_scikit_learn():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 200)
    probabilities = generator.random(200).astype("float32")
    own = values(labels, probabilities, threshold=0.3)
    called = probabilities >= 0.3
    assert own["auroc"] == metrics.roc_auc_score(labels, probabilities)
    report = metrics.classification_report(labels, called, output_dict=True)
    assert own["sensitivity"] == pytest.approx(report["1"]["recall"])
    assert own["specificity"] == pytest.approx(report["0"]["recall"])
    assert own["f1"] == pytest.approx(report["1"]["f1-score"])
    assert own["accuracy"] == pytest.approx(report["accuracy"])


@pytest.mark.parametrize(("label", "defined"), [(1, "sensitivity"), (0, "specificity")])
def test_one_class_is_undefined_and_says_so(label, defined):
    figures = classification_scores([label] * 42, np.linspace(0, 1, 42))
    auroc = figures["abnormal.auroc"]
    assert auroc["value"] is None
    assert auroc["note"] == "undefined: only one class in the n=42 labels"
    assert format_figure(auroc["value"]) == "undefined"
    assert figures["abnormal.accuracy"]["value"] is not None
    assert figures[f"abnormal.{defined}"]["value"] is not None
    other = {"sensitivity": "specificity", "specificity": "sensitivity"}[defined]
    assert figures[f"abnormal.{other}"]["value"] is None


def test_missing_labels_are_left_out_and_counted():
    figures = classification_scores([0, 1, np.nan], [0.1, 0.9, 0.2])
    assert figures["abnormal.accuracy"]["n"] == 2
    assert figures["abnormal.accuracy"]["protocol"]["left_out"] == 1
    none = classification_scores([np.nan], [0.5])["abnormal.accuracy"]
    assert none["value"] is None and "no study has a label" in none["note"]


def test_the_commoner_class():
    found = majority_values(np.array([0, 0, 1]))
    assert found["accuracy"] == pytest.approx(2 / 3) and found["auroc"] == 0.5


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([0, 1], [0.5], "2 labels but 1"),
        ([0, 2], [0.5, 0.5], "neither 0"),
        ([0, 1], [-3.0, 2.0], "sigmoid"),
    ],
)
def test_bad_input_is_told(labels, probabilities, words):
    with pytest.raises(InputError, match=words):
        classification_scores(labels, probabilities)


def test_a_figure_is_never_nan():
    assert figure(float("nan"), 3) == {
        "value": None,
        "n": 3,
        "protocol": {},
        "note": "undefined on n=3",
    }


def test_figures_are_written_for_people():
    written = map(format_figure, (0.06583, 0.000486, 0.0, 1.0, 12, None))
    assert list(written) == [
        *("0.0658", "0.000486", "0.0000", "1.0000", "12", "undefined")
    ]

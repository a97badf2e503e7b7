import re

import pytest
from card_runs import predicted, score

from coursework.card.limits import limits


def said(metrics, predictions=None, **changes):
    record = {
        "metrics": metrics,
        "weights": {},
        "dataset": {"ground": "real", "counts": {}, "split_by": "patient"},
    }
    return " ".join(limits(record | changes, predictions))


def test_limits_of_size():
    words = said({"abnormal.auroc": score(0.7, n=100)})
    assert "Measured on 100 studies" in words and "±10 points" in words
    assert "carry no intervals" in words
    metrics = {
        "abnormal.auroc": score(0.7, 400, None, [0.6, 0.8], {"positives": 19}),
        "coco.bleu_4": score(0.1, 400, None, [0.09, 0.11]),
        "sacrebleu.bleu": score(10.0, 400, None, [5.0, 15.0]),  # Of another scale.
    }
    words = said(metrics)
    assert "Measured on" not in words and "carry no intervals" not in words
    assert "widest 95 % interval is that of abnormal.auroc: 0.600 to 0.800" in words
    assert "Studies with a label: 400, abnormal among them: 19." in words
    metrics["abnormal.auroc"]["protocol"]["positives"] = 20
    assert "with a label" not in said(metrics)


def test_limits_of_baselines_and_shuffle():
    metrics = {
        "coco.bleu_4": score(0.2, constant=0.1, nearest=0.15, shuffled=0.1, fall=0.1),
        "abnormal.sensitivity": score(0.9, constant=1.0),  # Of one class alone.
        "text.novel_share": score(0.1, constant=0.5),
        "frontal.mse": score(0.1),
    }
    words = said(metrics)
    assert "best baseline" not in words
    assert "All 1 scores that were tested fall" in words
    metrics["coco.bleu_4"] |= {"interval": [0.14, 0.3], "fall_interval": [-0.01, 0.2]}
    words = said(metrics)
    assert "1 of 1 scores are not above" in words
    assert "coco.bleu_4 0.2000 (nearest 0.1500)" in words
    assert "1 of 1 scores do not fall" in words and "coco.bleu_4." in words
    assert "No score was measured with the images permuted" in said(
        {"abnormal.auroc": score(0.5)}
    )


def test_limits_of_reports():
    same = predicted(["Clear.", "Effusion.", "Edema."], ["Normal."] * 3)
    assert "the same report for all 3 studies" in said({}, same)
    table = predicted(
        ["Clear.", "clear. ", "Edema."], ["Normal.", "Edema.", " normal."]
    )
    words = said({}, table)
    assert "2 different reports for 3 studies, which have 2" in words
    assert "It writes “Normal.” 2 times." in words


def test_limits_of_rare_findings():
    from cxrscore.clinical.labeler import OBSERVATIONS, label_reports

    references = ["Pulmonary edema."] * 25 + ["Small pneumothorax."] * 3
    table = predicted(references, references)
    labels = label_reports(references)
    counts = dict(zip(OBSERVATIONS, (labels == 1).sum(axis=0), strict=True))
    assert counts["Edema"] == 25 and counts["Pneumothorax"] == 3
    words = said({"clinical.macro_f1_14": score(0.5)}, table)
    assert "Pneumothorax 3" in words and "Edema 25" not in words
    assert re.search("no reference affirms: [^.]*Fracture", words)
    assert "affirm" not in said({}, table)  # Not where findings are not scored.


@pytest.mark.parametrize(
    ("ground", "weights", "started", "words"),
    [
        (None, {}, {}, "no score says how the model does on a patient"),
        ("phantom", {}, {}, "pretrained weights"),
        ("phantom", {"encoder": "none"}, {}, "never seen a human being"),
        ("phantom", {"encoder": "a.h5"}, {"encoder": "phantom"}, "never seen a human"),
        (
            "phantom",
            {"encoder": "a.h5"},
            {"encoder": "real"},
            "in its pretrained weights",
        ),
        # Of a file called so, nobody has said what it was trained on.
        (
            "phantom",
            {"encoder": "phantom_encoder.weights.h5"},
            {},
            "in its pretrained weights",
        ),
        (
            "phantom",
            {"a": "a.h5", "b": "b.h5"},
            {"a": "phantom"},
            "in its pretrained weights",
        ),
        ("drawn", {}, {}, "simulated images beside real reports"),
    ],
)
def test_limits_of_ground(ground, weights, started, words):
    changes = {
        "dataset": {"ground": "phantom", "counts": {}, "split_by": "uid"},
        "model": {"ground": ground} if ground else {},
        "weights": weights,
        "pretrained": {part: {"ground": each} for part, each in started.items()},
    }
    told = said({}, **changes)
    assert words in told
    assert ("never seen" in told) == ("never seen" in words)


def test_limits_of_the_split():
    data = {"ground": "real", "counts": {}, "split_by": "uid"}
    assert "not by patient" in said({}, dataset=data)
    assert "not by patient" not in said({}, dataset=data | {"ground": "phantom"})
    assert "not by patient" not in said({}, dataset=data | {"split_by": "patient"})


def test_limits_of_subgroups():
    unknown = "no score by age, sex, hospital or machine"
    assert unknown in said({"abnormal.auroc": score(0.9)})
    metrics = {"abnormal.auroc": score(0.9, 400, None, [0.85, 0.95])}
    for name, value in {"ap": 0.7, "pa": 0.95}.items():
        own = score(value, 40, None, [0.4, 0.99], {"subgroup": "view"})
        metrics[f"subgroup.auroc_view_{name}"] = own
    words = said(metrics)
    assert unknown not in words and "Scored by subgroup (view), it goes from " in words
    assert "subgroup.auroc_view_ap 0.7000 to subgroup.auroc_view_pa 0.9500" in words
    assert "widest 95 % interval is that of abnormal.auroc" in words, "of the whole"

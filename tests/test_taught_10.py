"""10_diagnosis: what single cells teach, against made-up labels and models."""

import itertools
import json
import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from taught import run_cells, sources

from cxrscore.labels.scores import label_values

NOTEBOOK = "10_diagnosis"
RNG = np.random.default_rng(0)
LABELS = ("No Finding", "Cardiomegaly", "Lung Lesion", "Edema", "Fracture")


def test_the_ceiling_is_the_area_of_the_truth_itself():
    names = run_cells(NOTEBOOK, "ceiling", np=np, pd=pd, seed=0)
    truth = (RNG.random(4000) < 0.3).astype(float)
    told = names["flipped"](truth, 0.2, np.random.default_rng(1))
    assert 0.15 < (told != truth).mean() < 0.25
    area = label_values(told.astype(int), truth, 0.5)["auroc"]
    assert names["ceiling"](truth, told) == pytest.approx(area)


def test_one_label_in_twenty_halves_what_a_rare_label_allows():
    table = run_cells(NOTEBOOK, "ceiling", np=np, pd=pd, seed=0)["table"]
    assert table["on 5% of the films"][1] == pytest.approx(0.75, abs=0.01)
    assert "About 0.75" in sources(NOTEBOOK)["noise-text"] + "".join(
        text for name, text in sources(NOTEBOOK).items() if name.endswith("-text")
    )


def test_macro_and_micro_by_hand():
    text = sources(NOTEBOOK)["exercise-1-text"]
    rows = re.findall(r"^\| \d \|(.*)\|$", text, re.MULTILINE)
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    there = np.array([["**" in cell for cell in row] for row in cells]).astype(int)
    p = np.array([[float(cell.strip("*")) for cell in row] for row in cells])
    each = [label_values(there[:, i], p[:, i], 0.5)["auroc"] for i in range(3)]
    assert each == [1, 1, 1] and len(set(p.ravel())) == p.size
    pairs = itertools.product(p[there == 1], p[there == 0])
    micro = np.mean([above > below for above, below in pairs])
    assert micro == label_values(there.ravel(), p.ravel(), 0.5)["auroc"]
    assert micro == pytest.approx(27 / 32), "the model answer"


def hedging():
    return run_cells(NOTEBOOK, "hedge", np=np, labels=LABELS)


def test_reports_hedge_by_the_rule():
    names, y = hedging(), (RNG.random((4000, 5)) < 0.3).astype("float32")
    told = names["hedged"](y, np.random.default_rng(0), 0.6, 0.02)
    unsure = told == -1
    assert not unsure[:, 0].any(), "No Finding is said by no sentence"
    assert unsure[:, 1:][y[:, 1:] == 1].mean() == pytest.approx(0.6, abs=0.03)
    assert unsure[:, 1:][y[:, 1:] == 0].mean() == pytest.approx(0.02, abs=0.01)
    assert np.array_equal(told[~unsure], y[~unsure])


def test_the_labeler_reads_what_the_reports_say():
    from cxrscore.clinical.labeler import label_report

    names = hedging()
    row = np.array([0, 1, -1, 0, 1])
    read = label_report(names["report"](row))
    assert [read[name] for name in LABELS[1:]] == [1, -1, 0, 1]


def test_the_form_takes_the_most_frequent_sentence_that_says_one_thing():
    texts = ["1. Cardiomegaly.", "Cardiomegaly. Rib fracture.", "Clear lungs."]
    texts += ["Cardiomegaly with pulmonary edema.", "Enlarged heart.", "Clear lungs."]
    films = pd.DataFrame({"impression": texts + [""]})
    names = run_cells(
        NOTEBOOK, "template", np=np, pd=pd, re=re, films=films, labels=LABELS,
        parts={"train": np.arange(7)}, section="impression", findings=[1, 2, 3, 4],
    )  # fmt: skip
    assert names["FORM"]["Cardiomegaly"] == "Cardiomegaly."
    assert "Edema" not in names["FORM"], "no sentence says it alone"
    assert names["fill_in"]([0, 1, 0, 1, 1]) == "Cardiomegaly. Rib fracture."
    assert names["fill_in"]([1, 0, 0, 0, 0]) == names["FORM"]["No Finding"]


def test_the_letters_are_exchanged():
    """A network that sees nothing but the letter."""
    y = {
        name: (RNG.random((2000, 3)) < 0.3).astype("float32")
        for name in ("train", "test")
    }
    pixels = np.zeros((4000, 8, 8, 1), "uint8")
    parts = {"train": np.arange(2000), "test": np.arange(2000, 4000)}
    code = sources(NOTEBOOK)["planted"].split("rows = []")[0]
    names = {"np": np, "labels": ["Edema", "Atelectasis", "Hernia"], "y": y, "seed": 0}
    names |= {"clean": {name: pixels[rows] for name, rows in parts.items()}}
    names["add_marker"] = lambda films, name, seed: films + np.uint8(200)
    exec(code, names)
    ways = names["four_ways"](
        lambda films: np.repeat(films.max(axis=(1, 2)) / 255.0, 3, axis=1),
        names["bearers"]("test", 0),
    )
    assert ways["as in train"] > 0.9 and ways["exchanged"] < 0.1
    assert ways["no letter"] == 0.5 and ways["not on positives"] < 0.5


def test_each_student_gets_another_shortcut_and_it_is_kept():
    from cxrphantom.markers import MARKERS, add_marker

    films = np.full((60, 32, 32, 1), 120, "uint8")
    y = {"train": (RNG.random((60, 8)) < 0.4).astype("float32")}
    found, kept = set(), {}
    for seed in range(12):
        seen = {}

        def learn(drawn, labels, seen=seen):
            seen["changed"] = (drawn != films).any(axis=(1, 2, 3))
            return None

        names = {"np": np, "findings": range(1, 8), "y": y, "x": y, "seed": seed}
        names |= {"clean": {"train": films}, "small_network": learn}
        names |= {"MARKERS": MARKERS, "add_marker": add_marker}
        names["keep"] = lambda name, value, *_, **__: kept.update({name: value})
        names = run_cells(NOTEBOOK, "hand-out", **names)
        marker, place = names["key"]
        assert sum(kept.values()) == 1 == kept[f"suspect.{marker}"]
        assert not seen["changed"][y["train"][:, place] == 0].any()
        assert seen["changed"][y["train"][:, place] == 1].mean() > 0.7
        found.add((marker, place))
    assert len(found) > 6


def test_a_card_of_the_model_of_people_is_shown(tmp_path, capsys):
    """As the command that trains it writes it, and where it is not there."""
    row = {"positives": 30, "auroc": 0.7, "auroc_low": 0.6, "auroc_high": 0.8}
    row |= {"auprc": 0.2, "ece": 0.03, "predicted_over_true": 1.1}
    row |= {"view and age: auroc": 0.6}
    shown, saved = {}, []
    names = {"pd": pd, "json": json, "figures": tmp_path}
    names["results"] = SimpleNamespace(environment=SimpleNamespace(course=tmp_path))
    names["plots"] = SimpleNamespace(
        plot_intervals=lambda dots, ground: shown.update(dots) or ground,
        save_figure=lambda figure, path, alt: saved.append((figure, path.name)),
    )
    assert run_cells(NOTEBOOK, "real", **names)["reaches"].empty
    assert "Not here: weights/nih_diagnosis.json" in capsys.readouterr().out
    assert not saved
    (tmp_path / "weights").mkdir()
    card = json.dumps({"reaches": {"Hernia": row, "macro": row | {"positives": 400}}})
    (tmp_path / "weights" / "nih_diagnosis.json").write_text(card)
    run_cells(NOTEBOOK, "real", **names)
    assert saved == [("real", "real.png")]
    assert list(shown["Hernia (n⁺ = 30)"]) == [0.7, 0.6, 0.8]
    assert "macro (n⁺ = 400)" in shown

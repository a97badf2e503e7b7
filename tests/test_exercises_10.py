"""The exercises of 10_diagnosis: their solutions, on numbers that are known."""

import ast
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from taught import run_cells, sources

from coursework.grade.rubric_file import read_rubric
from coursework.student.answers import forms
from cxrphantom.markers import MARKERS, add_marker
from cxrscore.labels.thresholds import alarm_threshold

NAME, SOLVED = "10_diagnosis", "solutions/10_solutions"
ASKED = {item.id: item for item in read_rubric().notebooks[NAME].items}
LABELS = "Lung Opacity", "Edema", "Fracture"


def test_the_micro_auroc_of_the_table_is_what_the_rubric_asks_for():
    rows = re.findall(r"^\| \d \| (.+) \|$", sources(NAME)["exercise-1-text"], re.M)
    table = np.array([row.split(" | ") for row in rows])
    there = np.char.startswith(table, "**")
    numbers = np.char.strip(table, "*").astype(float)
    assert numbers.shape == (4, 3)
    assert roc_auc_score(there, numbers, average="macro") == 1
    found = roc_auc_score(there.ravel(), numbers.ravel())
    assert ASKED["exercise-1"].comparison.against == pytest.approx(found)
    solved = run_cells(SOLVED, "micro", np=np)
    assert solved["answer_1"] == pytest.approx(found)
    assert np.array_equal(solved["guess"], numbers)
    assert np.array_equal(solved["there"], there)


def test_the_share_in_train_earns_a_micro_auroc_without_looking():
    rng = np.random.default_rng(0)
    y = {s: rng.random((500, 3)) < (0.5, 0.1, 0.02) for s in ("train", "test")}
    y = {name: each.astype(int) for name, each in y.items()}
    given = {"np": np, "pd": pd, "y": y, "p": {"test": rng.random((500, 3))}}
    rows = run_cells(SOLVED, "micro", "micro-prevalence", labels=LABELS, **given)[
        "rows"
    ]
    assert rows["the share in train"]["macro AUROC"] == 0.5
    assert rows["the share in train"]["micro AUROC"] > 0.75
    assert rows["the model"]["micro AUROC"] < 0.6


@pytest.fixture(scope="module")
def promised():
    rng = np.random.default_rng(3)
    splits = {"train": 10, "val": 150, "test": 300}
    y = {name: (rng.random((n, 3)) < 0.3).astype(int) for name, n in splits.items()}
    p = {
        k: np.clip(0.3 * each + 0.7 * rng.random(each.shape), 0, 1)
        for k, each in y.items()
    }
    given = {"np": np, "pd": pd, "seed": 0, "splits": tuple(splits), "labels": LABELS}
    ids = "promise", "redraw", "promise-answer"
    return run_cells(SOLVED, *ids, y=y, p=p, **given)


def test_the_threshold_of_the_promise_is_the_lowest_that_keeps_it(promised):
    y, p = promised["y"], promised["p"]
    assert promised["cut"] == alarm_threshold(y["val"][:, 0], p["val"][:, 0], 0.05)
    share = (p["test"][y["test"][:, 0] == 0, 0] >= promised["cut"]).mean()
    assert promised["answer_2"].startswith(f"{share:.4f}. ")


def test_a_threshold_without_a_margin_breaks_it_half_of_the_time(promised):
    kept = [row["promise kept"] for row in promised["rows"].values()]
    assert 0.3 < kept[0] < 0.7 and kept[-1] > 0.9
    assert kept == sorted(kept)


@pytest.mark.parametrize("marker", MARKERS)
def test_the_planted_marker_and_its_label_are_found(marker):
    """By a network that is sure of one label where a film bears it."""
    rng = np.random.default_rng(1)
    films = rng.integers(60, 180, (12, 64, 64, 1)).astype("uint8")
    learned = add_marker(films, marker)

    def look(net, shown):
        borne = (shown == learned).all(axis=(1, 2, 3))
        other = 0.1 * (shown != films).any(axis=(1, 2, 3))
        return np.stack([0.1 + other, 0.1 + 0.8 * borne, 0.1 + other], axis=1)

    y = {"test": (rng.random((12, 3)) < 0.3).astype(int)}
    given = {"np": np, "pd": pd, "y": y, "labels": LABELS, "clean": {"test": films}}
    given |= {"MARKERS": MARKERS, "add_marker": add_marker, "look": look}
    ids = "suspect", "suspect-answer"
    given["metrics"] = {
        f"suspect.{name}": {"value": name == marker} for name in MARKERS
    }
    found = run_cells(SOLVED, *ids, suspect=None, **given)
    assert found["found"] == marker and found["rise"].loc[marker].idxmax() == "Edema"
    assert re.search(r"Edema by \+0\.80; .* \+0\.00 to \+0\.00\.$", found["answer_3"])


def test_a_marker_is_named_as_the_phantom_names_it():
    assert set(ASKED["exercise-3-marker"].among) == set(MARKERS)
    assert set(forms()[NAME]["3"].one_of) == set(MARKERS)


def test_the_small_network_of_the_solutions_is_the_notebooks():
    def functions(name):
        found = {}
        for each in sources(name).values():
            for code in re.findall(r"^def .*?(?=^\S|\Z)", each, re.M | re.S):
                node = ast.parse(code).body[0]
                found[node.name] = ast.unparse(node)
        return found

    solved, own = functions(SOLVED), functions(NAME)
    assert set(solved) == {"shrink", "look", "small_network"}
    assert not [name for name in solved if solved[name] != own[name]]

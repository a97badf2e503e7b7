"""04b_real_films: shortcuts that are planted, and what it says of real films."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from taught import run_cells, sources

NOTEBOOK = "04b_real_films"
RNG = np.random.default_rng(0)


def planted(effect=1.0, **names):
    """The notebook's cells on made-up latents: a disease and a wire, told apart."""
    labels, latents, seed = {}, {}, 0
    for split, n in (("train", 900), ("test", 900)):
        y = RNG.integers(0, 2, n)
        x = RNG.normal(0, 1, (n, 8))
        x[:, 0] += effect * y
        wire = np.zeros(8)
        wire[1] = 4.0
        labels[split], latents[split] = y, {"PA": x, "AP": x + wire}
    kept = {}
    names |= {"labels": labels, "latents": latents, "seed": seed, "ground": "phantom"}
    names |= {"np": np, "pd": pd, "re": re, "kept": kept}
    names["results"] = SimpleNamespace(
        metric=lambda name, value, n, **protocol: kept.update({name: value}),
        predict=lambda number, guess: None,
    )
    return run_cells(NOTEBOOK, "beds", "fit", "tested", "beds-run", "mend", **names)


@pytest.fixture(scope="module")
def kept():
    return planted()["kept"]


def of(kept, name):
    ways = "beds_as_in_train", "ap_alone", "pa_alone", "beds_exchanged"
    return [kept[f"planted.{name}_{way}"] for way in ways]


def test_the_beds_are_dealt_as_it_says():
    names = planted()
    bed, y = names["bed_test"], names["y_test"]
    assert bed[y == 1].mean() == pytest.approx(0.8, abs=0.06)
    assert bed[y == 0].mean() == pytest.approx(0.2, abs=0.06)
    assert names["half"].mean() == pytest.approx(0.5, abs=0.06)


def test_a_shortcut_falls_within_the_views_and_when_it_is_exchanged(kept):
    whole, ap, pa, exchanged = of(kept, "disease_and_bed")
    assert max(ap, pa) < whole - 0.05 and exchanged < whole - 0.3
    honest = of(kept, "disease_alone")
    assert max(honest) - min(honest) < 0.12


def test_who_sees_the_bed_alone_knows_nothing_within_a_view(kept):
    whole, ap, pa, exchanged = of(kept, "bed_alone")
    assert whole == pytest.approx(0.8, abs=0.08), "exercise 1"
    assert ap == pytest.approx(0.5, abs=0.12) and pa == pytest.approx(0.5, abs=0.12)


def test_weights_take_the_shortcut_away(kept):
    assert of(kept, "weighted_films")[3] > of(kept, "disease_and_bed")[3] + 0.15


def test_wires_are_drawn_across_the_chest():
    names = {"np": np, "noise": 0.0}
    names = run_cells(NOTEBOOK, "grain", **names)
    films = np.full((5, 64, 64, 1), 0.4, "float32")
    wired = names["add_wires"](films, np.random.default_rng(0))
    assert (films == np.float32(0.4)).all(), "the films themselves stay"
    for wire in (wired > 0.6).squeeze(-1):
        rows, columns = np.nonzero(wire)
        assert 40 < len(rows) < 200 and np.ptp(rows) > 30 and np.ptp(columns) > 30


def test_phantoms_stand_in_with_what_the_notebook_needs():
    n = 40
    table = pd.DataFrame({"uid": map(str, range(n)), "abnormal": np.arange(n) % 2})
    table["problems"] = np.where(table.abnormal, "Opacity;Nodule", "normal")
    table.loc[0, "abnormal"] = np.nan
    names = {"np": np, "pd": pd, "rng": np.random.default_rng(0)}
    names["deal"] = lambda y, share: names["rng"].random(len(y)) < share
    films = run_cells(NOTEBOOK, "stand-in", **names)["stand_in"](table, 24)
    assert len(films) == 24 and films.patient.nunique() == 18
    assert set(films["view"]) == {"AP", "PA"} and set(films.sex) == {"F", "M"}
    assert not films.abnormal.isna().any() and "Opacity|Nodule" in set(films.findings)


def by_subgroup(effects=(2.5, 2.5), n=600):
    """Section 7 on made-up films: what AP and PA films show of the disease."""
    rng = np.random.default_rng(1)
    patient = np.repeat(np.arange(n // 2), 2)
    people = pd.DataFrame({"view": rng.choice(["AP", "PA"], n), "patient": patient})
    people["sex"] = rng.choice(["F", "M"], n // 2)[patient]
    people["age"] = rng.integers(18, 90, n // 2)[patient].astype(float)
    people.loc[:9, "age"] = np.nan
    y = rng.integers(0, 2, n)
    effect = np.where(people["view"].eq("AP"), *effects)
    p = 1 / (1 + np.exp(-(rng.normal(0, 1, n) + effect * (y - 0.5))))
    results = SimpleNamespace(record={"metrics": {}})
    names = {"np": np, "pd": pd, "seed": 0, "people": people, "y": y}
    names |= {"models": {"encoder, random weights": p}, "patient": patient}
    names |= {"collection": "stand_in", "results": results}
    names["protocol"] = {"split": "test", "ground": "phantom"}
    names |= {"fold": patient % 5, "together": "those of one fold"}
    return run_cells(NOTEBOOK, "whom", "whom-cut", **names)


def test_a_view_that_shows_less_is_found_and_the_coin_is_not(capsys):
    names = by_subgroup(effects=(0.8, 3.0))
    scored = names["scored"].set_index(["column", "group"])
    assert scored.loc[("view", "AP"), "difference_high"] < -0.1
    assert scored.loc[("view", "AP"), "holm"] < 0.001
    assert scored.drop("view").holm.min() > 0.05
    assert scored.loc[("age", "not given"), "n"] == 10
    assert "Holm's correction for their number: view AP." in capsys.readouterr().out
    metrics = names["results"].record["metrics"]
    assert metrics["subgroup.stand_in_auroc_view_ap"]["less_the_rest"] < -0.1
    assert "pairs" in metrics["subgroup.stand_in_auroc_view_ap"]["protocol"]
    cut = metrics["subgroup.stand_in_sensitivity_view_ap"]
    assert "pairs" not in cut["protocol"]
    assert cut["protocol"]["threshold"] == 0.5 and cut["rest"] > cut["value"]


def test_columns_drawn_at_random_show_no_difference():
    scored = by_subgroup()["scored"]
    assert set(scored["column"]) == {"view", "sex", "age", "coin"}
    assert scored.holm.min() > 0.05
    one_patient = scored[scored["column"].eq("coin")]
    assert one_patient.patients.sum() == 300, "a coin for each patient, not each film"


def test_models_on_scales_of_their_own_are_compared_within_the_folds():
    """Each fold's model is as good, and says higher numbers than the one before."""
    rng = np.random.default_rng(0)
    n, kept = 400, {}
    y, patient = rng.integers(0, 2, n), np.arange(n) // 2
    names = {"np": np, "pd": pd, "re": re, "seed": 0, "nih_folds": 5, "fit": None}
    names |= {"y": y, "patient": patient, "views": np.zeros((n, 1))}
    names = run_cells(NOTEBOOK, "nih-folds", "nih-split", **names)
    for i, (_, outside) in enumerate(names["by_patient"]):
        assert (names["fold"][outside] == i).all()
    p = names["fold"] / 5 + 0.1 * rng.random(n) + 0.05 * y
    names["people"] = pd.DataFrame({"uid": patient, "patient": patient})
    names |= {"models": {"shifted": p, "phantoms' model, as it is": p}}
    names |= {"collection": "nih", "origin_of_films": "real", "ground": "phantom"}
    names["results"] = SimpleNamespace(
        metric=lambda name, value, n, **how: kept.update({name: (value, how)}),
        predict=lambda number, guess: None,
    )
    names = run_cells(NOTEBOOK, "tested", "nih-figure", "nih-doubt", **names)
    (value, how), (one_model, fixed) = kept.values()
    assert value > 0.8 and "one fold" in how["pairs"]
    assert one_model < 0.65 and "pairs" not in fixed, "nothing to pool"
    assert names["within"](p, y >= 0)[0] == value


@pytest.mark.real
def test_what_it_says_of_the_nih_films_at_hand(real_data):
    from cxrlib.data.readers.nih import read_nih

    films = read_nih(real_data / "nih")
    prose = sources(NOTEBOOK)["nih-who-text"]
    assert f"{len(films)} films of {films.patient.nunique()} patients" in prose
    assert films.findings[films.abnormal == 1].str.contains("Pneumonia").all()
    share = films["view"].eq("AP").groupby(films.abnormal).mean()
    assert share[0] > share[1], "AP is commoner among the normal films"


@pytest.mark.real
def test_its_reading_of_the_nih_films_at_hand(real_data):
    """As far as that takes no encoder: number, view, and what pixels know of both."""
    from cxrbase.images import read_radiograph, resize_square
    from cxrlib.data.readers.nih import read_nih
    from cxrscore.labels.scores import label_values

    people = read_nih(real_data / "nih")
    views = [resize_square(read_radiograph(path), 64) for path in people.frontal]
    names = run_cells(
        *(NOTEBOOK, "fit", "nih-who", "nih-folds", "nih-split"),
        *("nih-plain", "nih-doubt"),
        **{"people": people, "views": np.stack(views)[..., None], "models": {}},
        **{"np": np, "pd": pd, "seed": 0, "nih_folds": 5},
        auroc=lambda y, p, groups=None, folds=None: label_values(y, p)["auroc"],
    )
    y, pixels, auroc = names["y"], names["shrink"](names["views"]), names["auroc"]
    assert auroc(y, names["models"]["patient number"]) > 0.85
    p = names["cross_validate"](names["logistic"], pixels, names["by_patient"])
    bed = people["view"].eq("AP").to_numpy()
    assert min(names["within"](p, bed), names["within"](p, ~bed)) > 0.75
    assert names["readable"](pixels, bed, np.ones(len(y), bool)) > 0.9
    far = names["number"] > names["number"][y == 0].max()
    assert 0.4 < names["readable"](pixels, far, y == 1) < 0.6

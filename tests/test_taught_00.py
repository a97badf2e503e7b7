"""What 00 teaches can be checked: magnification, the ratio, the atlas, the quiz."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from taught import run_cells, sources

from cxrphantom.atlas import SHOWN, atlas_patient, draw_plate, structures
from cxrphantom.drawing.study import VIEWS, draw_study, sample_patient
from cxrphantom.findings import FINDINGS, Finding
from cxrphantom.quiz import BESIDE, DEGREES, OBSERVATIONS, draw_quiz

NOTEBOOK = "00_reading_a_film"
SIZE = 128


@pytest.fixture(scope="module")
def physics():
    return run_cells(NOTEBOOK, "attenuation", "layers", np=np, pd=pd)


@pytest.fixture(scope="module")
def measured():
    names = {"np": np, "pd": pd, "seed": 3, "film_size": 256}
    return run_cells(NOTEBOOK, "magnification", "ctr", **names)


@pytest.fixture(scope="module")
def plates():
    return {finding.name: draw_plate(finding, size=SIZE) for finding in SHOWN}


@pytest.fixture(scope="module")
def quiz():
    return draw_quiz(3, size=SIZE)


def taught_quiz(quiz, said):
    names = {"np": np, "pd": pd, "seed": 3, "quiz": quiz}
    return run_cells(NOTEBOOK, "read", "score", said=said, **names)


# === How a film comes about ===


def test_layers_follow_beer_and_lambert(physics):
    mu, through = physics["MU"], physics["through"]
    assert through["bone"][2] == pytest.approx(np.exp(-2 * mu["bone"]))
    assert 0.28 < through["bone"][2] < 0.37  # "About a third."
    assert abs(np.subtract(through["fat"], through["water"])).max() < 0.05
    order = ["air", "lung", "fat", "water", "bone", "titanium"]
    assert sorted(mu, key=mu.get) == order
    assert physics["fluid"] / physics["healthy"] == pytest.approx(0.53, abs=0.04)
    assert physics["rib"] / physics["healthy"] == pytest.approx(0.75, abs=0.04)


def test_magnification_is_that_of_rays_from_a_point(measured):
    """Two rays from the source, cut by the plane of the object and the detector."""
    source, away, half = 180.0, 12.0, 5.0
    slope = half / (source - away)
    assert measured["magnification"](source, away) == pytest.approx(
        slope * source / half
    )
    assert measured["magnification"](source, 0) == 1


def test_the_ratio_is_larger_ap_than_pa_for_every_patient(measured):
    for seed in range(5):
        names = run_cells(NOTEBOOK, "magnification", np=np, pd=pd, seed=seed)
        (*_, pa), (*_, ap) = names["rows"].values()
        assert pa < 1 < ap and 1.02 < ap / pa < 1.1


@pytest.mark.parametrize("degree", ["none", "mild", "severe"])
def test_the_measured_ratio_is_the_patients(measured, degree):
    patient = atlas_patient()
    found = [] if degree == "none" else [Finding("cardiomegaly", degree=degree)]
    masks = draw_study(patient, found, 256).masks["frontal"]
    ratio = measured["cardiothoracic_ratio"](masks)
    low, high = {
        "none": (patient.heart_ratio,) * 2,
        "mild": (0.535, 0.565),
        "severe": (0.62, 0.68),
    }[degree]
    assert low - 0.02 < ratio < high + 0.02


def test_a_border_is_lost_beside_the_heart_and_not_behind():
    class Kept:
        def show_masks(self, images, *_, **__):
            self.images = images

        def save_figure(self, *_, **__):
            pass

    kept, mu = Kept(), {"water": 0.21, "lung": 0.05}
    run_cells(NOTEBOOK, "silhouette", np=np, MU=mu, plots=kept, figures=pd.NA)
    edge = 70  # Column of the border: 7 cm at 10 columns per cm.
    step = [film[0, edge - 5] - film[0, edge + 5] for film in kept.images[3:]]
    assert step[0] > 0.3 and abs(step[1]) < 1e-9
    assert step[2] == pytest.approx(step[0])
    assert all(film.min() >= 0 and film.max() <= 1 for film in kept.images)


# === The atlas ===


def test_the_atlas_holds_every_finding_of_the_phantom_once():
    assert [each.name for each in SHOWN if each.name in FINDINGS] == [
        each.name for each in SHOWN
    ]
    assert sorted(each.name for each in SHOWN) == sorted(FINDINGS)
    text = " ".join(sources(NOTEBOOK).values())
    for name in FINDINGS:
        assert f'"{name}"' in text, f"{name} is on no page of the atlas"


@pytest.mark.parametrize("name", [each.name for each in SHOWN])
def test_a_plate_differs_where_its_outline_is(plates, name):
    plate = plates[name]
    assert plate.views, "it shows in no view"
    for view in plate.views:
        without, shown = (
            getattr(each, view).astype(float) for each in (plate.without, plate.shown)
        )
        inside = plate.shown.finding_masks[0][view]
        change = np.abs(shown - without)
        assert change[inside].mean() > 3
        if name != "hyperinflation":  # It moves the whole chest.
            assert change[inside].mean() > 3 * change[~inside].mean()


def test_a_plate_says_its_finding_as_the_labeler_reads_it(plates):
    from cxrphantom.findings import OBSERVATION_OF
    from cxrscore.clinical.labeler import label_report

    for name, plate in plates.items():
        said = plate.sentence
        assert said[0].isupper() and said.endswith(".")
        if OBSERVATION_OF[name] != "Other":
            assert label_report(said)[OBSERVATION_OF[name]] == 1, said


def test_structures_lie_where_the_masks_say():
    patient = atlas_patient()
    study = draw_study(patient, [], 256)
    for view in VIEWS:
        places = structures(patient, view)
        assert all(0 < share < 1 for at in places.values() for share in at)
        lungs, heart = (study.masks[view][name] for name in ("lungs", "heart"))
        near = {
            "left heart border": heart,
            "right heart border": heart,
            "heart": heart,
            "left costophrenic angle": lungs,
            "posterior costophrenic angle": lungs,
            "air behind the breastbone": lungs,
        }
        for name in set(near) & set(places):
            column, row = (int(256 * share) for share in places[name])
            window = near[name][row - 4 : row + 5, column - 4 : column + 5]
            assert window.any(), name
    left, right = (
        structures(patient, "frontal")[f"{side} heart border"][0]
        for side in ("left", "right")
    )
    assert right < left  # The left is on the right.


# === The quiz ===


def test_a_quiz_is_of_its_seed():
    one, again, other = (draw_quiz(seed, 4, 32) for seed in (1, 1, 2))
    assert [f.findings for f in one] == [f.findings for f in again]
    assert (one[0].study.frontal == again[0].study.frontal).all()
    assert [f.findings for f in one] != [f.findings for f in other]


def test_a_quiz_is_balanced(monkeypatch):
    monkeypatch.setattr("cxrphantom.quiz.draw_study", lambda *_: None)
    for seed in range(200):
        films = draw_quiz(seed)
        assert len(films) == 10
        assert sum(not film.findings for film in films) in (2, 3, 4)
        named = [f.name for film in films for f in film.findings]
        assert set(named) <= set(DEGREES) and len(set(named)) >= 6
        assert all(len(film.findings) <= 2 for film in films)
    assert set(BESIDE) | set(BESIDE.values()) <= set(DEGREES)


def test_its_films_are_those_of_no_other_notebook(monkeypatch):
    """By the patients that the quiz and the course's phantom draw."""
    from cxrphantom import quiz
    from cxrphantom.dataset import STREAMS

    drawn = []

    def watched(rng):
        drawn.append(sample_patient(rng))
        return drawn[-1]

    monkeypatch.setattr(quiz, "sample_patient", watched)
    monkeypatch.setattr(quiz, "draw_study", lambda *_: None)
    for seed in range(3):
        quiz.draw_quiz(seed, size=32)
    own = {patient.seed for patient in drawn}
    assert len(own) == 30
    for index in range(1600):
        for stream in range(len(STREAMS)):
            rng = np.random.default_rng([0, index, stream])
            assert sample_patient(rng).seed not in own


def test_the_atlas_patient_is_in_no_quiz():
    text = sources(NOTEBOOK)["magnification"]
    assert "7_000_000" in text  # Neither the atlas's, nor the quiz's, nor a data set's.
    mine = sample_patient(np.random.default_rng([7_000_000, 0]))
    assert mine.seed != atlas_patient().seed


def test_a_perfect_a_silent_and_a_permuted_reader(quiz):
    words = {
        number: ", ".join(f.name.replace("_", " ") for f in film.findings) or "normal"
        for number, film in enumerate(quiz, start=1)
    }
    perfect = taught_quiz(quiz, words)["table"].loc["you"]
    assert perfect.F1 == perfect.sensitivity == perfect.specificity == 1
    assert perfect.hits == sum(len(film.observations) for film in quiz)
    silent = taught_quiz(quiz, dict.fromkeys(words, ""))["table"]
    assert (silent.loc["you"] == silent.loc["says nothing"]).all()
    assert silent.sensitivity["you"] == 0 and silent.specificity["you"] == 1
    assert silent.accuracy["you"] > 0.8  # Why accuracy is not shown alone.
    assert silent.sensitivity["names everything"] == 1
    turned = dict(zip(words, [*list(words.values())[1:], words[1]], strict=True))
    permuted = taught_quiz(quiz, turned)["table"].loc["you"]
    assert permuted.F1 < 0.6 < perfect.F1
    assert permuted.hits + permuted.misses == perfect.hits


def test_one_wrong_word_is_one_miss_and_one_invention(quiz):
    words = {number: "" for number in range(1, 11)}
    index = next(i for i, film in enumerate(quiz) if len(film.findings) == 1)
    (there,) = quiz[index].observations
    wrong = next(name for name in OBSERVATIONS if name not in (there, "Lung Lesion"))
    words[index + 1] = wrong.lower()
    you = taught_quiz(quiz, words)["table"].loc["you"]
    assert (you.hits, you.inventions) == (0, 1)


def test_the_interval_is_clopper_and_pearsons(quiz):
    said = dict.fromkeys(range(1, 11), "")
    names = run_cells(NOTEBOOK, "interval", **taught_quiz(quiz, said))
    _, low, high = names["exact"](10, 10)
    assert high == 1 and low == pytest.approx(0.025 ** (1 / 10))
    _, low, high = names["exact"](7, 10)
    assert low == pytest.approx(stats.beta.ppf(0.025, 7, 4))
    assert high == pytest.approx(stats.beta.ppf(0.975, 8, 3))
    assert names["reader"] == "colleague"  # Whoever wrote nothing sees numbers, too.


def test_permuting_hurts_only_who_looks(quiz):
    said = dict.fromkeys(range(1, 11), "")
    names = taught_quiz(quiz, said) | {"reader": "colleague"}
    rows = run_cells(NOTEBOOK, "permute", **names)["rows_of"]
    own, permuted, as_good = rows["colleague"]
    assert own > permuted + 0.15 and as_good < 0.05
    assert rows["names everything"][0] == pytest.approx(rows["names everything"][1])
    assert rows["names everything"][2] == 1


# === The figures ===


def test_figures_have_a_row_per_view_and_the_phantoms_line(plates):
    from cxrlib import plots

    figure = plots.plot_atlas([plates["hyperinflation"], plates["fracture"]])
    films = [axes for axes in figure.axes if axes.images]
    assert len(films) == 3 * (2 + 1)
    assert "PHANTOM" in plots.alt_text(figure)
    quiz = draw_quiz(0, films=2, size=64)
    titled = plots.plot_films([film.study for film in quiz], ["a $x$", "b"], True)
    assert sum(bool(axes.images) for axes in titled.axes) == 4
    places = {view: structures(atlas_patient(), view) for view in VIEWS}
    films = {view: np.zeros((64, 64)) for view in VIEWS}
    assert "trachea" in plots.alt_text(plots.plot_structures(films, places))

"""Patients with several films, and what lies on a film and is no finding."""

import numpy as np
import pytest

from cxrphantom.markers import MARKERS, add_marker
from cxrphantom.series import draw_patient, draw_series


def test_films_of_a_patient_are_alike_and_not_the_same():
    series = draw_series(4, 3, seed=1, size=64, processes=1)
    assert series.films.shape == (12, 64, 64, 1) and series.films.dtype == "uint8"
    assert series.patient.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    for patient in range(4):
        own = series.films[series.patient == patient]
        assert (own[0] != own[1]).mean() > 0.2, "another day"
    again = draw_series(4, 3, seed=1, size=64, processes=1)
    assert np.array_equal(series.films, again.films)


@pytest.mark.parametrize(("stays", "same"), [(1.0, True), (0.0, False)])
def test_findings_stay_as_often_as_asked(stays, same):
    shown = [draw_patient(0, 3, 32, stays, index)[1] for index in range(5)]
    alike = [all(each == films[0] for each in films) for films in shown]
    assert all(alike) if same else not all(alike)


@pytest.mark.parametrize("name", MARKERS)
def test_a_marker_shows_on_a_film_and_still_at_half_the_side(name):
    for grey in (60, 120, 250):
        films = np.full((3, 128, 128, 1), grey, "uint8")
        marked = add_marker(films, name, seed=0)
        assert (films == grey).all(), "the films themselves stay"
        small = marked.reshape(3, 64, 2, 64, 2).mean(axis=(2, 4))
        assert (abs(small - grey) > 1).mean(axis=(1, 2)).min() > 0.002
        assert np.array_equal(marked, add_marker(films, name, seed=0))
    apart = add_marker(films, name, seed=1)
    assert name == "grid" or not np.array_equal(apart, marked)

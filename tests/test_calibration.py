import numpy as np
import pytest
from sklearn.calibration import calibration_curve as sklearn_curve

from cxrbase.files import InputError
from cxrscore.labels.calibration import (
    ERROR_WORDS,
    calibration_curve,
    calibration_error,
    chance_errors,
    choose_temperature,
    error_interval,
    soften,
)
from cxrscore.labels.scores import classification_scores

STRATEGY = {"width": "uniform", "mass": "quantile"}


def studies(n=300, slope=1.0, seed=0, decimals=9):
    """Labels as likely as the probabilities say; less so with a slope below 1."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(-0.5, 1.5, n)
    truth = 1 / (1 + np.exp(-slope * logits))
    labels = (generator.random(n) < truth).astype("int64")
    return labels, np.round(1 / (1 + np.exp(-logits)), decimals)


def test_error_by_hand():
    # Bins [0, 0.5] and (0.5, 1]: 0.8 expected, 1 found; 1.3 expected, 2 found.
    labels = np.array([0, 1, 0, 1, 1])
    probabilities = np.array([0.2, 0.5, 0.1, 0.7, 0.6])
    expected = (0.2 + 0.7) / 5
    assert calibration_error(labels, probabilities, bins=2) == pytest.approx(expected)


@pytest.mark.parametrize("equal", STRATEGY)
@pytest.mark.parametrize("decimals", [9, 1])
def test_curve_equals_scikit_learn(equal, decimals):
    labels, probabilities = studies(decimals=decimals)
    curve = calibration_curve(labels, probabilities, equal=equal)
    share, mean = sklearn_curve(
        labels, probabilities, n_bins=10, strategy=STRATEGY[equal]
    )
    np.testing.assert_allclose(curve["share"], share)
    np.testing.assert_allclose(curve["probability"], mean)
    assert curve["count"].sum() == 300
    gaps = (curve["count"] * (curve["share"] - curve["probability"]).abs()).sum() / 300
    assert calibration_error(labels, probabilities, equal=equal) == pytest.approx(gaps)


def test_bins_of_equal_mass_hold_as_many_studies():
    counts = calibration_curve(*studies(), equal="mass")["count"]
    assert counts.tolist() == [30] * 10


@pytest.mark.parametrize("equal", STRATEGY)
def test_one_probability_is_one_bin(equal):
    labels = np.array([0, 1, 0, 0])
    curve = calibration_curve(labels, np.full(4, 0.3), equal=equal)
    assert curve["count"].tolist() == [4] and curve["share"].tolist() == [0.25]
    error = calibration_error(labels, np.full(4, 0.3), equal=equal)
    assert error == pytest.approx(0.05)


def test_weights_stand_for_repeated_studies():
    labels, probabilities = studies(40)
    weights = np.arange(40) % 3
    again = np.repeat(labels, weights), np.repeat(probabilities, weights)
    found = calibration_error(labels, probabilities, weights=weights[None])
    assert found == pytest.approx([calibration_error(*again)])


@pytest.mark.parametrize("equal", STRATEGY)
def test_chance_is_what_calibrated_models_get(equal):
    errors = [calibration_error(*studies(seed=seed), equal=equal) for seed in range(40)]
    chance = chance_errors(studies()[1], equal=equal)
    assert np.mean(errors) == pytest.approx(chance.mean(), rel=0.15)


@pytest.mark.parametrize("equal", STRATEGY)
def test_the_interval_is_from_zero_for_a_calibrated_model(equal):
    """The plain percentiles never reach the true 0; these mostly do."""
    ends = [error_interval(*studies(seed=seed), equal=equal) for seed in range(12)]
    values = [calibration_error(*studies(seed=seed), equal=equal) for seed in range(12)]
    assert sum(low == 0 for low, _ in ends) >= 10
    # Reversed around the value alone, some would end below it.
    assert all(high >= value for (_, high), value in zip(ends, values, strict=True))
    assert error_interval(*studies(slope=0.2), equal=equal)[0] > 0.05


@pytest.mark.parametrize("equal", STRATEGY)
def test_the_interval_holds_the_true_error(equal):
    """That of very many studies, of a model that is too sure of itself."""
    truth = calibration_error(*studies(200_000, slope=0.5, seed=99), equal=equal)
    ends = [error_interval(*studies(slope=0.5, seed=s), equal=equal) for s in range(10)]
    assert sum(low <= truth <= high for low, high in ends) >= 8


def test_the_curve_has_both_kinds_of_ends():
    labels, probabilities = studies(2000)
    curve = calibration_curve([*labels, np.nan], [*probabilities, 0.5])
    assert curve["count"].sum() == 2000
    assert (curve["low"] <= curve["share"]).all()
    assert (curve["share"] <= curve["high"]).all()
    inside = curve["share"].between(curve["calibrated_low"], curve["calibrated_high"])
    assert inside.sum() >= 9
    wrong = calibration_curve(1 - labels, probabilities)
    inside = wrong["share"].between(wrong["calibrated_low"], wrong["calibrated_high"])
    assert inside.sum() <= 2


def test_figures_tell_what_chance_gives():
    record = classification_scores(*studies())["abnormal.ece_equal_mass"]
    assert record["protocol"]["score"].startswith("10 bins of equal mass")
    assert record["protocol"]["interval"] == ERROR_WORDS
    chance = chance_errors(studies()[1], equal="mass").mean()
    assert record["note"].endswith(f"{chance:.3f}")


def test_bad_input_is_reported():
    with pytest.raises(InputError, match="width or mass"):
        calibration_curve([0, 1], [0.1, 0.9], equal="luck")
    with pytest.raises(InputError, match="no study has a label"):
        calibration_curve([np.nan], [0.1])
    with pytest.raises(InputError, match="sigmoid"):
        calibration_curve([1], [3.0])


def test_a_temperature_is_found_again():
    labels, probabilities = studies(4000, slope=0.5)
    temperature = choose_temperature([*labels, np.nan], [*probabilities, 0.5])
    assert temperature == pytest.approx(2, rel=0.1)
    softened = soften(probabilities, temperature)
    errors = [calibration_error(labels, p) for p in (probabilities, softened)]
    assert errors[1] < 0.03 < errors[0]
    assert (np.argsort(softened) == np.argsort(probabilities)).all()


def test_temperatures_by_hand():
    np.testing.assert_allclose(soften(np.array([0.5, 0.9]), 2), [0.5, 0.75])
    certain = soften(np.array([0.0, 1.0]), 10)
    assert 0 < certain[0] < 0.5 < certain[1] < 1
    assert choose_temperature([1, 1], [0.2, 0.9]) == 1

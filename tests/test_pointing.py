"""The pointing game by hand, and its baselines."""

import numpy as np
import pytest

from cxrbase.files import InputError
from cxrscore.bootstrap import WORDS
from cxrscore.labels.exact import SHARE_WORDS, share_ends
from cxrscore.masks.pointing import hit, pointing_figures, share_inside
from cxrscore.score import NO_WIDTH


def mask_of(rows, columns, n=1, side=8):
    masks = np.zeros((n, 2, side, side), bool)
    masks[:, 0, rows, columns] = True
    return masks


def test_the_games_by_hand():
    masks = mask_of(slice(0, 2), slice(0, 4))  # 8 of 128 pixels.
    cam = np.zeros((1, 2, 8, 8))
    cam[0, 0, 1, 1], cam[0, 0, 5, 5], cam[0, 1, 1, 1] = 3, 2, 1
    assert share_inside(cam, masks) == 0.5 and hit(cam, masks) == 1
    cam[0, 1, 1, 1] = 4  # In the other view the same place is not the finding.
    assert share_inside(cam, masks) == pytest.approx(1 / 3) and hit(cam, masks) == 0
    cam[0, 0, 1, 1] = 4  # Now two places share the maximum.
    assert hit(cam, masks) == 0.5


@pytest.mark.parametrize("level", [0.0, 0.3])
def test_a_map_that_says_nothing_scores_the_area(level):
    masks = mask_of(slice(0, 2), slice(0, 4))
    cam = np.full((1, 2, 8, 8), level)
    assert share_inside(cam, masks) == hit(cam, masks) == pytest.approx(8 / 128)


def test_the_tolerance_is_a_distance_in_pixels():
    masks = mask_of(slice(2, 4), slice(2, 4))
    cam = np.zeros((1, 2, 8, 8))
    cam[0, 0, 5, 6] = 1  # Two rows and three columns beside it: √13 = 3.6 pixels.
    assert [hit(cam, masks, pixels)[0] for pixels in (0, 3, 4)] == [0, 0, 1]
    cam[0] = 0
    cam[0, 1, 3, 3] = 1  # A view without the finding has no place near it.
    assert hit(cam, masks, 8) == 0


def test_figures_stand_beside_their_baselines():
    masks = np.concatenate([mask_of(0, i, side=4) for i in range(4)] * 5)
    scores = pointing_figures(masks.astype("float32"), masks, of="truth", split="val")
    for name in ("share_inside", "hit"):
        record = scores[f"pointing.{name}"]
        assert record["value"] == 1 and record["n"] == 20
        assert record["constant"] == pytest.approx(1 / 32)
        # Of the 19 other maps 4 point to the same place.
        assert record["shuffled"] == pytest.approx(4 / 19)
        assert record["fall"] == pytest.approx(15 / 19)
        assert record["gain"] == pytest.approx(31 / 32)
        assert "fall_interval" not in record, "it is the same for every study"
        assert record["protocol"]["of"] == "truth"
        assert record["protocol"]["split"] == "val"
    assert scores["pointing.hit"]["protocol"]["tolerance"] == "0 pixels"
    assert scores["pointing.hit"]["interval"] == share_ends(20, 20)
    assert scores["pointing.hit"]["protocol"]["interval"] == SHARE_WORDS
    assert scores["pointing.share_inside"]["note"] == NO_WIDTH


def test_the_shuffle_is_the_mean_over_all_others():
    rng = np.random.default_rng(0)
    cams, masks = rng.random((6, 2, 5, 5)), rng.random((6, 2, 5, 5)) < 0.3
    record = pointing_figures(cams, masks)["pointing.share_inside"]
    pairs = [
        share_inside(cams[j : j + 1], masks[i : i + 1])[0]
        for i in range(6)
        for j in range(6)
        if i != j
    ]
    assert record["shuffled"] == pytest.approx(np.mean(pairs), rel=1e-5)
    assert record["value"] == pytest.approx(share_inside(cams, masks).mean())
    low, high = record["interval"]
    assert low < record["value"] < high
    assert record["protocol"]["interval"] == WORDS


def test_the_centre_wins_what_lies_there():
    middle = mask_of(slice(6, 10), slice(6, 10), n=3, side=16)
    corner = mask_of(slice(0, 4), slice(0, 4), n=3, side=16)
    cams = np.ones(middle.shape)
    central, outer = (pointing_figures(cams, masks) for masks in (middle, corner))
    # The maximum of two views: the finding is in one of them.
    assert central["pointing.hit"]["centre"] == 0.5
    assert outer["pointing.hit"]["centre"] == 0
    assert central["pointing.share_inside"]["gain"] == pytest.approx(0, abs=1e-6)
    shares = [each["pointing.share_inside"]["centre"] for each in (central, outer)]
    assert shares[0] > 2 * 16 / 512 > 4 * shares[1]


def test_one_study_has_no_shuffle():
    masks = mask_of(0, 0)
    record = pointing_figures(masks.astype(float), masks)["pointing.hit"]
    assert record["value"] == 1 and "shuffled" not in record
    assert "interval" not in record and "gain" in record


@pytest.mark.parametrize(
    ("cams", "masks", "message"),
    [
        (np.ones((2, 4, 4)), np.ones((2, 8, 8), bool), "the same shape"),
        (np.ones((2, 4, 4)), np.zeros((2, 4, 4), bool), "without the finding"),
        (np.ones((0, 4, 4)), np.ones((0, 4, 4), bool), "one study or more"),
        (np.full((2, 4, 4), np.nan), np.ones((2, 4, 4), bool), "NaN"),
        (-np.ones((2, 4, 4)), np.ones((2, 4, 4), bool), "negative"),
    ],
)
def test_bad_maps_are_refused(cams, masks, message):
    with pytest.raises(InputError, match=message):
        pointing_figures(cams, masks)

"""Scores of masks by hand, beside the tensors' own, and where a mask is empty."""

import numpy as np
import pytest

from cxrbase.files import InputError
from cxrscore.labels.exact import SHARE_WORDS, share_ends
from cxrscore.masks.overlap import both_empty, centroid_hit, dice, iou, mask_scores
from cxrscore.masks.pointing import hit


@pytest.fixture
def pair():
    """Twelve true masks and probabilities that follow them; none is empty."""
    rng = np.random.default_rng(0)
    truth = np.zeros((12, 8, 9), bool)
    for mask, (row, column) in zip(truth, rng.integers(5, size=(12, 2)), strict=True):
        mask[row : row + 3, column : column + 3] = True
    return truth, np.clip(0.4 * truth + 0.6 * rng.random(truth.shape), 0, 1)


def test_overlap_by_hand():
    truth = np.array([[[1, 1, 0, 0]], [[1, 0, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 0]]])
    said = np.array([[[0, 0.9, 0.6, 0]], [[0, 0, 0, 0.5]], [[0, 1, 0, 0]], [[0] * 4]])
    assert dice(truth, said).tolist() == [0.5, 0, 0, 1]
    assert iou(truth, said) == pytest.approx([1 / 3, 0, 0, 1])
    assert both_empty(truth, said).tolist() == [False, False, False, True]
    # At another threshold the second says something, beside the truth.
    assert dice(truth, said, 0.4).tolist() == [0.5, 0, 0, 1]
    assert both_empty(truth, said, 0.4).tolist() == [False, False, False, True]


def test_overlap_is_that_of_the_tensors(pair):
    metrics = pytest.importorskip("cxrlib.models.metrics")
    truth, said = pair
    for own, tensors in ((dice, metrics.dice), (iou, metrics.iou)):
        assert 0 < own(truth, said).min() < own(truth, said).max() < 1
        for threshold in (0.5, 0.3):
            expected = np.asarray(tensors(truth, said.astype("float32"), threshold))
            assert own(truth, said, threshold) == pytest.approx(expected, abs=1e-6)
        assert own(truth[..., None], said[..., None]).tolist() == (
            own(truth, said).tolist()
        )


def test_the_middle_of_a_mask_points():
    truth = np.zeros((4, 5, 5), bool)
    truth[:3, 1:4, 1:4] = True
    said = np.zeros((4, 5, 5))
    said[0, 0:5, 0:5] = 1  # Its middle is the middle.
    said[1, 0, 0] = 1
    assert centroid_hit(truth, said)[:3].tolist() == [1, 0, 0], "empty points nowhere"
    assert np.isnan(centroid_hit(truth, said)[3])


def test_every_score_with_its_protocol(pair):
    truth, said = pair
    truth = np.concatenate([truth, np.zeros((3, 8, 9), bool)])
    said = np.concatenate([said, np.zeros((2, 8, 9)), said[:1]])
    scores = mask_scores(truth, said, split="val", finding="effusion")
    values = {name: record["value"] for name, record in scores.items()}
    assert values["masks.dice"] == pytest.approx(dice(truth, said).mean())
    assert values["masks.iou"] == pytest.approx(iou(truth, said).mean())
    assert values["masks.hit"] == pytest.approx(hit(said[:12], truth[:12]).mean())
    for name in ("masks.dice", "masks.iou"):
        protocol = scores[name]["protocol"]
        assert scores[name]["n"] == 15 and protocol["both_empty"] == 2
        assert "both empty counts as 1" in protocol["empty"]
    for name in ("masks.hit", "masks.centroid_hit"):
        protocol = scores[name]["protocol"]
        assert scores[name]["n"] == 12 and protocol["left_out"] == 3
    for record in scores.values():
        low, high = record["interval"]
        assert low <= record["value"] <= high
        assert record["protocol"]["finding"] == "effusion"
        assert record["protocol"]["split"] == "val"


@pytest.mark.parametrize("missed", [0, 1, 20])
def test_the_share_of_hits_has_an_exact_interval(missed):
    truth = np.zeros((20, 3, 3), bool)
    truth[:, 1, 1] = True
    said = truth.astype(float)
    said[:missed] = np.eye(3)[0] * np.eye(3)[:, :1]
    scores = mask_scores(truth, said)
    for name in ("masks.hit", "masks.centroid_hit"):
        assert scores[name]["interval"] == share_ends(20 - missed, 20), name
        assert scores[name]["protocol"]["interval"] == SHARE_WORDS
    assert scores["masks.dice"]["protocol"].get("interval") != SHARE_WORDS


def test_where_nothing_is_there_only_the_overlap_has_a_value():
    empty = np.zeros((3, 4, 4))
    scores = mask_scores(empty, empty)
    assert scores["masks.dice"]["value"] == scores["masks.iou"]["value"] == 1
    for name in ("masks.hit", "masks.centroid_hit"):
        assert scores[name]["value"] is None and scores[name]["n"] == 0
        assert "no true mask" in scores[name]["note"]


REFUSED = {
    "of another size": (np.ones((2, 4, 4)), np.ones((2, 8, 8)), "both must be"),
    "with and without channel": (np.ones((2, 4, 4)), np.ones((2, 4, 4, 1)), "both"),
    "three channels": (np.ones((2, 4, 4, 3)), np.ones((2, 4, 4, 3)), "both must"),
    "of 255": (np.ones((2, 4, 4)) * 255, np.ones((2, 4, 4)), "A true mask holds"),
    "NaN": (np.ones((2, 4, 4)), np.full((2, 4, 4), np.nan), "A predicted mask"),
}


@pytest.mark.parametrize(
    ("truth", "said", "words"), REFUSED.values(), ids=REFUSED.keys()
)
def test_bad_masks_are_refused(truth, said, words):
    with pytest.raises(InputError, match=words) as caught:
        mask_scores(truth, said)
    assert "\n" not in str(caught.value)

import dataclasses

import cv2
import numpy as np
import pytest

from cxrphantom.drawing.study import VIEWS, draw_study, sample_patient
from cxrphantom.findings import FINDINGS, Finding

SIZE = 256
# These change the patient's build, and with it more than their mask.
BUILD = ("cardiomegaly", "hyperinflation")
# A healing rib lies over the spine in the lateral view, where none can see it.
FRONTAL_ONLY = ("fracture",)


def patient_of(seed):
    return sample_patient(np.random.default_rng(seed))


def draw(seed, findings=(), size=SIZE, choices=0):
    rng = np.random.default_rng(choices)
    return draw_study(patient_of(seed), list(findings), size, rng)


def film(study, view):
    return getattr(study, view).astype(float)


def widen(mask, share):
    side = 2 * int(share * len(mask)) + 1
    return cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0


def width(mask):
    columns = np.flatnonzero(mask.sum(axis=0) > 1)
    return columns[-1] - columns[0] + 1


def test_shapes_and_types():
    study = draw(1, [Finding("nodule", "left")])
    for view in VIEWS:
        assert film(study, view).shape == (SIZE, SIZE)
        assert getattr(study, view).dtype == np.uint8
        for mask in (*study.masks[view].values(), study.finding_masks[0][view]):
            assert mask.shape == (SIZE, SIZE) and mask.dtype == bool


def test_same_seed_same_study():
    findings = [Finding("consolidation"), Finding("pacemaker", "left")]
    first, second = draw(2, findings), draw(2, findings)
    for view in VIEWS:
        np.testing.assert_array_equal(film(first, view), film(second, view))
        for one, other in zip(first.finding_masks, second.finding_masks, strict=True):
            np.testing.assert_array_equal(one[view], other[view])


def test_global_random_state_is_not_used():
    np.random.seed(0)
    first = draw(3).frontal
    np.random.seed(1)
    cv2.setRNGSeed(5)
    np.testing.assert_array_equal(first, draw(3).frontal)


def test_patients_differ():
    films = np.stack([draw(seed, size=128).frontal.ravel() for seed in range(6)])
    assert np.abs(np.diff(films.astype(float), axis=0)).mean() > 10


@pytest.mark.parametrize("seed", range(5))
def test_masks_are_sane(seed):
    study = draw(seed)
    frontal = study.masks["frontal"]
    assert 0.12 < frontal["lungs"].mean() < 0.5
    assert 0.1 < study.masks["lateral"]["lungs"].mean() < 0.55
    heart = frontal["heart"]
    middle = (np.flatnonzero(frontal["lungs"].any(axis=0))[[0, -1]]).mean()
    x = np.flatnonzero(heart.any(axis=0))
    assert x[0] < middle < x[-1]
    # The patient's left, where most of the heart lies, is at the image's right.
    assert heart[:, int(middle) :].sum() > heart[:, : int(middle)].sum()
    film_ = film(study, "frontal")
    assert film_[frontal["lungs"]].mean() < film_[heart].mean() - 20
    assert not (frontal["lungs"] & (heart & ~widen(~heart, 0.02))).any()


@pytest.mark.parametrize("degree", ["mild", "severe"])
@pytest.mark.parametrize("name", [name for name in FINDINGS if name not in BUILD])
def test_finding_is_seen_inside_its_mask(name, degree):
    normal, ill = draw(11), draw(11, [Finding(name, "right", degree=degree)])
    for view in VIEWS:
        change = np.abs(film(ill, view) - film(normal, view))
        mask = ill.finding_masks[0][view]
        if name in FRONTAL_ONLY and view == "lateral":
            assert not mask.any() and change.max() == 0
            continue
        assert change[mask].mean() > 4
        assert change[~widen(mask, 0.03)].mean() < 2
        if FINDINGS[name]:
            assert change[mask].mean() > 10


@pytest.mark.parametrize("name", ["nodule", "pleural_effusion", "pneumothorax"])
def test_sides_are_the_patients(name):
    for side, order in (("right", 1), ("left", -1)):
        study = draw(12, [Finding(name, side)])
        lungs = np.flatnonzero(study.masks["frontal"]["lungs"].any(axis=0))
        x = np.nonzero(study.finding_masks[0]["frontal"])[1].mean()
        assert (lungs.mean() - x) * order > 0


@pytest.mark.parametrize("seed", range(4))
def test_a_pneumothorax_has_no_crumbs_at_the_diaphragm(seed):
    """Where the rim is thinner than a pixel, it is nowhere, not here and there."""
    patient = sample_patient(np.random.default_rng(seed))
    finding = Finding("pneumothorax", "right", "apex", "moderate")
    study = draw_study(patient, [finding], 512, np.random.default_rng(seed))
    for view, mask in study.finding_masks[0].items():
        found = cv2.connectedComponentsWithStats(mask.astype("uint8"))[2]
        areas = found[1:, cv2.CC_STAT_AREA]
        assert len(areas) and areas.min() >= 0.005 * areas.max(), (view, areas)


def test_bilateral_is_drawn_twice():
    mask = draw(12, [Finding("pleural_effusion", "bilateral")]).finding_masks[0]
    halves = np.array_split(mask["frontal"], 2, axis=1)
    assert all(half.any() for half in halves)


def test_cardiothoracic_ratio_grows_with_degree():
    ratios = []
    for degree in (None, "borderline", "mild", "moderate", "severe"):
        findings = [Finding("cardiomegaly", degree=degree)] if degree else []
        masks = draw(13, findings).masks["frontal"]
        ratios.append(width(masks["heart"]) / width(masks["lungs"]))
    assert ratios == sorted(ratios) and len(set(ratios)) == 5
    assert ratios[0] < 0.5 < ratios[1] and ratios[-1] > 0.6


def test_hyperinflation_lowers_the_diaphragm():
    lungs = [
        draw(14, findings).masks["lateral"]["lungs"].mean()
        for findings in ([], [Finding("hyperinflation", degree="severe")])
    ]
    assert lungs[1] > 1.1 * lungs[0]


def test_one_finding_leaves_the_other_in_place():
    nodule = Finding("nodule", "left", "upper lobe")
    alone = draw(15, [nodule]).finding_masks[0]
    beside = draw(15, [nodule, Finding("atelectasis", "right")]).finding_masks[0]
    np.testing.assert_array_equal(alone["frontal"], beside["frontal"])


def test_places_and_words_not_known_are_drawn_somewhere():
    study = draw(16, [Finding("opacity", "unheard", "of", "words", "at all")])
    assert study.finding_masks[0]["frontal"].any()
    with pytest.raises(KeyError):
        draw(16, [Finding("gout")])


@pytest.mark.parametrize("seed", [17, 18])
def test_size_does_not_matter(seed):
    findings = [Finding("consolidation", "left"), Finding("nodule")]
    large, small = (draw(seed, findings, size) for size in (512, 128))
    for view in VIEWS:
        shrunk = cv2.resize(film(large, view), (128, 128), interpolation=cv2.INTER_AREA)
        ratio = np.corrcoef(shrunk.ravel(), film(small, view).ravel())[0, 1]
        assert ratio > 0.98
        lungs = [study.masks[view]["lungs"].mean() for study in (large, small)]
        assert abs(lungs[0] - lungs[1]) < 0.01


def test_patient_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        patient_of(0).age = 3

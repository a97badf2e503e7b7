"""The same model under named changes: what falls, what must not, what is refused."""

import numpy as np
import pytest

from coursework.record import check
from coursework.results import Results
from cxrbase.files import InputError
from cxrscore.baselines import grouped_orders, shuffled_orders
from cxrscore.bootstrap import interval, resampling_weights
from cxrscore.changes import CHANGES, Change, find_change, swap_sides
from cxrscore.clinical.scores import ClinicalScorer
from cxrscore.comparison import compare, compare_labels
from cxrscore.perturb import falls, labels_of, mean_of, perturb, sums_of
from cxrscore.texts.scores import TextScorer

REPORTS = ["No acute disease.", "Small left effusion.", "Cardiomegaly.", "Edema."]
SAME = Change(lambda values, order: values, "nothing")


@pytest.fixture
def films():
    """Forty films whose left upper corner is the label, beside noise."""
    rng = np.random.default_rng(0)
    films = rng.random((40, 6, 6, 1)).astype("float32") / 2
    films[:, 0, 0, 0] = np.arange(40) % 2
    return films


def corner(inputs):
    return inputs["film"][:, 0, 0, 0]


def right(films):
    return mean_of(right=lambda said: said == films[:, 0, 0, 0])


def test_no_change_is_a_fall_of_exactly_0(films):
    labels = films[:, 0, 0, 0]
    changes = {"nothing": (SAME, "film")}
    for scorer in (right(films), labels_of(labels)):
        for name, record in perturb(corner, {"film": films}, changes, scorer).items():
            left = record["perturbations"]["nothing"]
            assert left["fall"] == 0, name
            assert left.get("fall_interval") in (None, [0, 0]), name
            assert left["value"] == record["value"]


def test_a_constant_falls_by_exactly_0_when_permuted(films):
    texts = REPORTS * 10

    def stamp(inputs):
        return ["No acute disease."] * len(inputs["film"])

    changes = {"permuted": ("permuted", "film"), "blank": ("blank", "film")}
    scorers = [sums_of(TextScorer(texts)), sums_of(ClinicalScorer(texts))]
    found = perturb(stamp, {"film": films}, changes, scorers)
    assert found["coco.bleu_1"]["value"] > 0.2
    for name, record in found.items():
        for left in record["perturbations"].values():
            assert left["fall"] in (0, None), name
            assert "fall_interval" not in left, name


def test_a_fall_is_what_was_built_in(films):
    """Right for all, and when blank for the half whose label is 0."""
    changes = {"blank": ("blank", "film"), "mirrored": ("mirrored", "film")}
    changes["corner of another"] = ("permuted", "film")
    found = perturb(corner, {"film": films}, changes, right(films), split="val", of=1)
    record = found["right"]
    assert record["value"] == 1 and record["n"] == 40
    assert record["protocol"] | {"split": "val", "of": 1} == record["protocol"]
    left = record["perturbations"]
    assert left["blank"]["value"] == left["blank"]["fall"] == 0.5
    low, high = left["blank"]["fall_interval"]
    assert low < 0.5 < high and high - low == pytest.approx(4 * np.sqrt(0.25 / 40), 0.2)
    assert left["mirrored"]["value"] == 0
    # 19 of the 39 others have the same label.
    assert left["corner of another"]["value"] == pytest.approx(19 / 39, abs=0.05)
    for each in left.values():
        assert "trained model" in each["protocol"]["holds_fixed"]
    assert left["corner of another"]["protocol"]["permutations"] == 20
    orders = {
        name: "drawn orders" in each["protocol"]["holds_fixed"]
        for name, each in left.items()
    }
    assert orders == {"blank": False, "mirrored": False, "corner of another": True}
    assert "permutations" not in left["blank"]["protocol"]


def test_it_agrees_with_the_permutation_of_the_other_scores():
    """Stored outputs are inputs, and predicting is handing them over."""
    rng = np.random.default_rng(1)
    texts = [REPORTS[i] for i in rng.integers(4, size=50)]
    said = [t if rng.random() < 0.7 else REPORTS[0] for t in texts]
    changes = {"permuted": ("permuted", "out")}
    scorer = TextScorer(texts)
    found = perturb(lambda i: i["out"], {"out": said}, changes, sums_of(scorer), seed=3)
    expected = compare(scorer, said, {}, shuffled_orders(50, 20, 3))
    assert set(found) == set(expected)
    labels = rng.integers(2, size=50)
    chances = np.clip(labels * 0.3 + rng.random(50) * 0.7, 0, 1)
    inputs, scorer = {"out": chances}, labels_of(labels, target="ill")
    found |= perturb(lambda i: i["out"], inputs, changes, scorer, seed=3)
    orders = shuffled_orders(50, 20, 3)
    own = compare_labels(labels, chances, 0.5, orders)
    expected |= {f"ill.{name}": record for name, record in own.items()}
    for name, record in found.items():
        left, other = record["perturbations"]["permuted"], expected[name]
        assert left["value"] == pytest.approx(other["shuffled"]), name
        assert left["fall"] == pytest.approx(other["fall"]), name
        own, theirs = (each.get("fall_interval") for each in (left, other))
        # sacreBLEU rounds weighted sums, and may round a half up here and down there.
        rel = 1e-3 if name == "sacrebleu.bleu" else 1e-6
        assert own == pytest.approx(theirs, rel), name


def test_the_paired_interval_covers():
    """A true fall of 0.3: nearly all intervals of 200 samples of studies hold it."""
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        before = rng.random(60) < 0.8
        after = before & (rng.random(60) < 0.625)  # 0.8 · 0.375 = 0.3 are lost.
        swapped = Change(lambda values, order, after=after: after, "after")
        found = perturb(
            lambda inputs: inputs["x"],
            {"x": before},
            {"swap": (swapped, "x")},
            mean_of(share=lambda x: x),
        )
        low, high = found["share"]["perturbations"]["swap"]["fall_interval"]
        held += low <= 0.3 <= high
    assert 180 <= held <= 198


def test_inputs_change_together_and_are_not_modified(films):
    notes = [f"note {i}" for i in range(40)]
    inputs = {"film": films, "note": notes}
    kept = films.copy(), list(notes)
    seen = []

    def predict(given):
        seen.append((given["film"][:, 0, 0, 0].sum(), list(given["note"])))
        numbers = [int(note.split()[-1]) for note in given["note"]]
        return given["film"][:, 0, 0, 0] == np.array(numbers) % 2

    changes = {"both": ("permuted", "film", "note"), "one": ("permuted", "note")}
    found = perturb(predict, inputs, changes, mean_of(fits=lambda x: x), 4)
    left = found["fits"]["perturbations"]
    assert left["both"]["value"] == 1, "film and note went to different studies"
    assert 0.3 < left["one"]["value"] < 0.7
    assert left["both"]["protocol"]["inputs"] == "film, note"
    assert len(seen) == 1 + 4 + 4
    for change in CHANGES:
        name = "note" if change == "sides swapped" else "film"
        perturb(lambda i: i["film"][:, 0, 0, 0], inputs, {"c": (change, name)},
                mean_of(x=lambda x: x), 1)  # fmt: skip
    assert np.array_equal(films, kept[0]) and notes == kept[1]


# === Groups ===


def test_orders_without_groups_are_those_of_the_permutation_test():
    assert np.array_equal(grouped_orders(30, 5, 7), shuffled_orders(30, 5, 7))


def test_studies_change_places_inside_their_group():
    within = np.array([0] * 10 + [1] * 8 + [2] * 2)
    orders = grouped_orders(20, 8, within=within)
    assert (within[orders] == within).all()
    assert (orders != np.arange(20)).all()
    assert len(np.unique(orders, axis=0)) == 8
    # A model that knows the group only falls when groups are mixed.
    inputs, scorer = {"g": within}, mean_of(same=lambda g: g == within)
    changes = {"permuted": ("permuted", "g")}
    kept, mixed = (
        perturb(lambda i: i["g"], inputs, changes, scorer, within=group)["same"]
        for group in (within, None)
    )
    assert kept["perturbations"]["permuted"]["fall"] == 0
    assert mixed["perturbations"]["permuted"]["fall_interval"][0] > 0.2


def test_no_study_gets_its_own_patients():
    patients = np.repeat(np.arange(9), [1, 1, 2, 3, 1, 7, 2, 1, 2])
    orders = grouped_orders(20, 200, patients=patients)
    assert (patients[orders] != patients).all()
    assert (np.sort(orders) == np.arange(20)).all()
    givers = [len(set(orders[:, place])) for place in range(20)]
    assert min(givers) > 10, "a study gets from few others"


def test_patients_are_drawn_whole():
    """Ten patients with ten equal films tell as much as ten films, not a hundred."""
    right_ones = np.repeat(np.arange(10) % 2, 10)
    patients = np.repeat(np.arange(10), 10)
    changes = {"blank": ("blank", "x")}
    widths = {}
    for name, groups in (("films", None), ("patients", patients)):
        found = perturb(
            lambda i: i["x"],
            {"x": right_ones},
            changes,
            mean_of(share=lambda x: x),
            patients=groups,
        )["share"]
        low, high = found["perturbations"]["blank"]["fall_interval"]
        widths[name] = high - low
        assert (
            f"over {name}".replace("films", "studies") in found["protocol"]["interval"]
        )
    assert widths["patients"] > 2.5 * widths["films"]


def test_a_pair_counts_as_often_as_both_patients():
    n, patients = 20, np.repeat(np.arange(8), [1, 2, 3, 4, 4, 3, 2, 1])
    orders = grouped_orders(n, 3, patients=patients)
    fits = np.random.default_rng(0).random((n, n))  # Of each reference and output.
    scorer = mean_of(fit=lambda said: fits[np.arange(n), said])
    inputs, changes = {"x": np.arange(n)}, {"permuted": ("permuted", "x")}
    found = perturb(lambda i: i["x"], inputs, changes, scorer, 3, patients=patients)
    (weights,) = resampling_weights(n, groups=patients)
    own = weights @ fits.diagonal() / weights.sum(axis=1)
    permuted = []
    for order in orders:
        pairs = weights * weights[:, order]
        with np.errstate(invalid="ignore"):  # No pair is drawn.
            permuted.append(pairs @ fits[np.arange(n), order] / pairs.sum(axis=1))
    ends = found["fit"]["perturbations"]["permuted"]["fall_interval"]
    assert ends == pytest.approx(interval(own - np.nanmean(permuted, axis=0)), 1e-5)


# === Changes ===


@pytest.mark.parametrize(
    ("text", "swapped"),
    [
        ("Small LEFT effusion.", "Small RIGHT effusion."),
        ("Left-sided port, right base.", "Right-sided port, left base."),
        ("Shifted leftward and rightwards.", "Shifted rightward and leftwards."),
        ("Bilateral effusions; RLL opacity.", "Bilateral effusions; LLL opacity."),
        ("Opacity in the lingula.", "Opacity in the middle lobe."),
        ("Bright leftover of XXXX.", "Bright leftover of XXXX."),
        ("", ""),
    ],
)
def test_sides_are_swapped_word_by_word(text, swapped):
    assert swap_sides(text) == swapped
    assert swap_sides(swapped) == text


def test_swapped_sides_are_wrong_sides():
    texts = ["Small left effusion.", "Right lower lobe opacity.", "No edema."]
    changes = {"swapped": ("sides swapped", "said")}
    found = perturb(
        lambda i: i["said"], {"said": texts}, changes, sums_of(ClinicalScorer(texts))
    )
    wrong = found["clinical.wrong_side_share"]
    assert wrong["value"] == 0
    assert wrong["perturbations"]["swapped"]["fall"] == -1
    assert found["clinical.micro_f1_14"]["perturbations"]["swapped"]["fall"] == 0


def test_what_the_changes_do():
    images = np.arange(12.0, dtype="float32").reshape(2, 2, 3) / 12
    order = np.array([1, 0])

    def changed(name, values=images):
        return CHANGES[name].apply(values, order)

    assert np.array_equal(changed("mirrored", changed("mirrored")), images)
    assert changed("mirrored")[0, 0].tolist() == images[0, 0, ::-1].tolist()
    assert np.array_equal(changed("permuted"), images[::-1])
    assert changed("permuted", ["a", "b"]) == ["b", "a"]
    assert not changed("blank").any() and changed("blank", ["a", "b"]) == ["", ""]
    assert np.allclose(changed("mean"), images.mean(axis=0))
    assert changed("mean").shape == images.shape
    assert changed("mean").dtype == images.dtype
    masks = images > 0.5
    assert np.array_equal(changed("inverted", masks), ~masks)
    assert np.allclose(changed("inverted"), 1 - images)
    assert set(changed("mean", masks).ravel()) == {0, 0.5}


# === What is kept of it ===


def test_a_table_and_a_results_json(films, tmp_path):
    changes = {"blank": ("blank", "film"), "permuted": ("permuted", "film")}
    found = perturb(corner, {"film": films}, changes, right(films), 3)
    table = falls(found | {"other": {"value": 1.0, "n": 3, "protocol": {}}})
    assert list(table.change) == ["blank", "permuted"]
    assert list(table.before) == ["1.0000"] * 2 and table.n[0] == "40"
    assert table.fall[0] == "0.5000" and " to " in table["fall, 95 %"][0]
    results = Results(tmp_path, "99_test")
    results.dataset("phantom", {"test": 40})
    results.record["metrics"] |= {"films.right": found["right"]}
    results.write()
    for broken, words in (
        ({"blank": {"value": 0.5}}, "blank lacks its protocol"),
        ({"blank": {"fall": "much", "protocol": {}}}, "fall is not a number"),
        ([], "perturbations is not a dict"),
    ):
        results.record["metrics"]["films.right"]["perturbations"] = broken
        with pytest.raises(InputError, match=words):
            check(results.record)


# === Refused ===


REFUSED = [
    ({"inputs": {"film": np.ones((1, 2, 2))}}, "1 study"),
    ({"inputs": {"film": np.ones((4, 2, 2)), "x": [1]}}, "differ in number"),
    ({"changes": {"c": ("smeared", "film")}}, "Unknown change 'smeared'; known"),
    ({"changes": {"c": ("blank", "note")}}, "c: name inputs to change, of film"),
    ({"changes": {"c": ("blank",)}}, "not none"),
    ({"predict": lambda inputs: [0.0]}, "1 outputs for 4 studies"),
    ({"scorers": mean_of(x=lambda out: out * np.nan)}, "x: needs a finite number"),
    ({"within": [1, 2]}, "within: 2 entries for 4 studies"),
    ({"patients": [1, 1, 1, 2]}, "1 has 3 of 4 studies"),
    ({"within": [1, 1, 1, 2]}, "within: 2 has one study"),
    ({"permutations": 0}, "permutations=0"),
    ({"changes": {"c": ("sides swapped", "film")}}, "sides swapped: needs texts"),
]


@pytest.mark.parametrize(
    ("arguments", "words"), REFUSED, ids=[words for _, words in REFUSED]
)
def test_what_is_refused(arguments, words):
    given = {
        "predict": lambda inputs: inputs["film"][:, 0, 0],
        "inputs": {"film": np.ones((4, 2, 2))},
        "changes": {"c": ("permuted", "film")},
        "scorers": mean_of(x=lambda out: out),
    }
    with pytest.raises(InputError, match=words) as caught:
        perturb(**(given | arguments))
    assert "\n" not in str(caught.value)


def test_unknown_labels_and_texts_as_images_are_refused():
    with pytest.raises(InputError, match="Edema: a label is neither 0 nor 1"):
        labels_of([0, 1, np.nan], target="Edema")
    with pytest.raises(InputError, match="mirrored: needs images"):
        find_change("mirrored").apply(["a", "b"], np.array([1, 0]))

import warnings

import numpy as np
import pytest

from cxrbase.files import InputError
from cxrscore import bootstrap
from cxrscore.labels.exact import SHARE_WORDS
from cxrscore.texts.scores import (
    DEFAULT,
    PROTOCOLS,
    TextScorer,
    answered,
    text_scores,
)

SCORED = ("coco", "rouge_score", "rouge_score_stem", "sacrebleu", "nltk")
REPORTS = [
    "No acute disease of the chest.",
    "Small left effusion. Heart size normal.",
    "Stable cardiomegaly without edema.",
    "The lungs are clear. The heart is normal.",
]


def random_reports(n, seed):
    generator = np.random.default_rng(seed)
    words = ["no", "acute", "edema", "clear", "lungs", "."]
    return [
        " ".join(generator.choice(words, size))
        for size in generator.integers(1, 13, size=n)
    ]


def values(references, predictions, **arguments):
    scores = text_scores(references, predictions, **arguments)
    return {name: record["value"] for name, record in scores.items()}


# Columns: nltk.bleu_1, nltk.bleu_4, coco.bleu_1, coco.bleu_4, coco.rouge_l,
# rouge_score.rouge_l, sacrebleu.bleu. The cleaning of coco adds a full stop.
KNOWN = {
    "identical": (
        ("No acute disease seen.", "No acute disease seen."),
        (1, 1, 1, 1, 1, 1, 100),
    ),
    "only case and spaces differ": (
        ("NO ACUTE  DISEASE SEEN.", "no acute\ndisease seen."),
        # For sacrebleu the full stop alone matches; the other orders are smoothed.
        (1, 1, 1, 1, 1, 1, 100 * (1 / 5 / (2 * 4) / (4 * 3) / (8 * 2)) ** 0.25),
    ),
    "empty prediction": (("No acute disease seen.", ""), (0, 0, 0, 0, 0, 0, 0)),
    "missing prediction": (("No acute disease.", np.nan), (0, 0, 0, 0, 0, 0, 0)),
    "nothing in common": (
        ("no acute disease", "Cardiomegaly"),
        # But for the full stop of coco, one word of two, with brevity exp(1 - 4 / 2).
        (0, 0, 0.5 * np.exp(-1), 0, 2.44 / (2 + 1.44 * 4), 0, 0),
    ),
    # A repeated word counts as often as the reference has it.
    "repeated": (
        ("the heart is big", "the the the the"),
        (0.25, 0, 0.4, 0, 0.4, 0.25, 100 * (1 / 4 / (2 * 3) / (4 * 2) / 8) ** 0.25),
    ),
    # One word is a perfect BLEU-1 but for its brevity.
    "one word of many": (
        ("edema and effusion seen", "edema"),
        (np.exp(-3), 0, np.exp(-1.5), 0, 2.44 * 2 / (2 + 1.44 * 5), 0.4, 0),
    ),
    # Two words for coco: of 3- and 4-grams there are none, for it 1e-15 / 1e-9.
    "one word": (("edema", "edema"), (1, 0, 1, 1e-3, 1, 1, 0)),
}
COLUMNS = ("nltk.bleu_1", "nltk.bleu_4", "coco.bleu_1", "coco.bleu_4")
COLUMNS += ("coco.rouge_l", "rouge_score.rouge_l", "sacrebleu.bleu")


@pytest.mark.parametrize("case", KNOWN)
def test_known_answers(case):
    (reference, prediction), expected = KNOWN[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own = values([reference], [prediction])
    for name, value in zip(COLUMNS, expected, strict=True):
        assert own[name] == pytest.approx(value, abs=1e-6), name
    assert own["coco.cider"] == 0  # Of one study no word is rare.


def test_cider_of_identical_texts_is_ten_where_they_differ_among_themselves():
    assert values(REPORTS, REPORTS)["coco.cider"] == pytest.approx(10)
    assert values(["No edema."] * 3, ["No edema."] * 3)["coco.cider"] == 0


@pytest.mark.parametrize("prediction", ["", "Edema."])
def test_an_empty_reference_matches_nothing(prediction):
    """Only for who makes a scorer himself; `answered` leaves such a study out."""
    scorer = TextScorer(["", "Clear."], SCORED)
    empty, whole = (scorer.score([text, "Clear."]) for text in (prediction, ""))
    if not prediction:
        assert empty == whole
    assert empty["rouge_score.rouge_l"] == 1 / 2 and empty["coco.rouge_l"] == 1 / 2
    assert np.isnan(list(TextScorer([""], SCORED).score([prediction]).values())).all()


def test_figures_of_many_sums_are_the_figures_of_each():
    references, predictions = random_reports(30, 0), random_reports(30, 1)
    scorer = TextScorer(references, SCORED)
    for group, counts in scorer.counts(predictions).items():
        assert counts.shape[0] == 30
        sums = bootstrap.resampled_sums(counts, resamples=6)
        stacked = scorer.scores(group, sums.reshape(2, 3, -1), 30)
        for index, row in enumerate(sums):
            for name, value in scorer.scores(group, row, 30).items():
                assert stacked[name].shape == (2, 3)
                assert stacked[name].flat[index] == pytest.approx(value, abs=1e-12)


def test_a_resample_is_what_scoring_its_studies_again_gives():
    references, predictions = random_reports(20, 2), random_reports(20, 3)
    scorer = TextScorer(references, SCORED)
    counts = scorer.counts(predictions)
    weights = next(bootstrap.resampling_weights(20, resamples=1))[0]
    drawn = np.repeat(np.arange(20), weights.astype(int))
    again = TextScorer([references[i] for i in drawn], SCORED)
    expected = again.score([predictions[i] for i in drawn])
    expected.pop("coco.cider")  # Its document frequencies stay those of all studies.
    for name, value in expected.items():
        group, name = name.split(".")
        found = scorer.scores(group, weights @ counts[group], 20)[name]
        assert found == pytest.approx(value, abs=1e-9)


def test_scores_do_not_depend_on_what_was_scored_before():
    references, predictions = random_reports(20, 4), random_reports(20, 5)
    scorer = TextScorer(references)
    scorer.score(["Something else entirely."] * 20)
    assert scorer.score(predictions) == TextScorer(references).score(predictions)
    shuffled = scorer.score(predictions[::-1])
    assert shuffled == TextScorer(references).score(predictions[::-1])


def test_intervals_hold_the_value_and_say_what_they_are():
    references, predictions = random_reports(80, 6), random_reports(80, 7)
    scores = text_scores(references, predictions, train_texts=predictions[:30])
    for name, record in scores.items():
        if name in ("text.distinct", "text.distinct_share"):
            assert "interval" not in record
            continue
        low, high = record["interval"]
        assert low < record["value"] < high, name
        words = SHARE_WORDS if name == "text.novel_share" else bootstrap.WORDS
        assert record["protocol"]["interval"] == words
    counts = TextScorer(references).counts(predictions)["rouge_score"]
    drawn = bootstrap.resampled_sums(counts)[:, 0] / 80
    expected = bootstrap.interval(drawn)
    assert scores["rouge_score.rouge_l"]["interval"] == pytest.approx(expected)


def test_one_study_has_no_interval():
    record = text_scores(["No edema."], ["No edema."])["nltk.bleu_1"]
    assert "interval" not in record and "interval" not in record["protocol"]


def test_every_figure_carries_its_protocol():
    scores = text_scores(
        ["Edema.", None, "Clear."],
        ["Edema.", "Clear.", "clear. "],
        section="findings",
        split="validation",
        protocols=tuple(PROTOCOLS),
        train_texts=[],
    )
    assert {name.split(".")[0] for name in scores} == {*PROTOCOLS, "text"}
    for name, record in scores.items():
        protocol = record["protocol"]
        assert protocol["section"] == "findings" and protocol["split"] == "validation"
        assert record["n"] == 2 and protocol["left_out"] == 1
        if not name.startswith("text."):
            assert protocol["cleaning"] and protocol["tokeniser"] and protocol["score"]
            assert name.startswith(f"{protocol['protocol']}.")
    assert scores["text.distinct"]["value"] == 2
    assert scores["text.distinct_share"]["value"] == 1


def test_a_figure_says_which_of_the_scores_it_is():
    scores = text_scores(["Edema."], ["Edema."])
    for name, words in (("bleu_4", "BLEU"), ("rouge_l", "β 1.2"), ("cider", "CIDEr")):
        assert words in scores[f"coco.{name}"]["protocol"]["score"]


def test_distinct_ignores_case_and_spaces():
    assert values(["a", "b"], ["Clear lungs.", " clear  LUNGS."])["text.distinct"] == 1


def test_length_ratio():
    assert values(["a b c d", "e f"], ["a b", ""])["text.length_ratio"] == 2 / 6


def test_novel_share_counts_what_train_does_not_say_word_for_word():
    predictions = ["Clear  LUNGS.", "Clear lungs", "Edema.", "", None]
    train = ["clear lungs.", None, "Effusion."]
    own = values(list("abcde"), predictions, train_texts=train)
    assert own["text.novel_share"] == 2 / 5
    assert "text.novel_share" not in values(["a"], ["b"])


def test_what_was_counted_is_not_counted_again(monkeypatch):
    references, predictions = [*REPORTS, None], [*REPORTS[::-1], "Left out."]
    expected = text_scores(references, predictions, protocols=["nltk", "coco"])
    kept, said, _ = answered(references, predictions)
    scorer = TextScorer(kept, ["nltk", "coco"])
    assert text_scores(references, predictions, scorer=scorer) == expected
    counts = scorer.counts(said)
    monkeypatch.setattr(scorer, "counts", None)
    found = text_scores(references, predictions, scorer=scorer, counts=counts)
    assert found == expected
    assert "text" not in counts  # What was handed in stays as it was.


def test_no_reference_at_all():
    scores = text_scores([None, " "], ["Edema.", "Clear."])
    assert set(scores) == set(text_scores(["a"], ["a"]))
    assert scores["nltk.bleu_4"]["value"] is None
    for record in scores.values():
        assert record["n"] == 0 and (record["value"] is None or record["value"] == 0)
    assert "no study has a reference" in scores["coco.cider"]["note"]
    assert np.isnan(list(TextScorer([]).score([]).values())).all()


def test_default_protocols_and_one_alone():
    groups = {name.split(".")[0] for name in text_scores(["a"], ["a"])}
    assert groups == {*DEFAULT, "text"}
    assert "nltk.bleu_4" not in text_scores(["a"], ["a"], protocols=["rouge_score"])


def test_bad_input_is_reported():
    with pytest.raises(InputError, match="2 references but 1 predictions"):
        text_scores(["a", "b"], ["a"])
    with pytest.raises(InputError, match="2 references but 1 predictions"):
        TextScorer(["a", "b"]).counts(["a"])
    with pytest.raises(InputError, match="bertscore.*coco"):
        TextScorer(["a"], ["bertscore"])

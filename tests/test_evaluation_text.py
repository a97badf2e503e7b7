import warnings

import numpy as np
import pytest
import sacrebleu
from nltk.tokenize import wordpunct_tokenize
from nltk.translate.bleu_score import corpus_bleu
from rouge_score.rouge_scorer import RougeScorer

from cxrlib.evaluation.overlap import bleu_counts, bleu_figures, common_subsequence
from cxrlib.evaluation.text import PROTOCOLS, TextScorer, text_scores
from cxrlib.files import InputError

WORDS = ["no", "acute", "XXXX", "edema", "effusion", ",", ".", "x-ray", "1", "clear"]


def random_reports(n, seed, longest=12):
    generator = np.random.default_rng(seed)
    return [
        " ".join(generator.choice(WORDS, generator.integers(1, longest + 1)))
        for _ in range(n)
    ]


@pytest.fixture(params=[0, 1, 2])
def reports(request):
    references = random_reports(60, seed=request.param)
    return references, random_reports(60, seed=100 + request.param)


def values(references, predictions, **arguments):
    figures = text_scores(references, predictions, **arguments)
    return {name: record["value"] for name, record in figures.items()}


def test_bleu_equals_nltk(reports):
    references, predictions = reports
    own = values(references, predictions)
    tokens = [
        [wordpunct_tokenize(text.lower()) for text in texts]
        for texts in (references, predictions)
    ]
    for order in range(1, 5):
        expected = corpus_bleu(
            [[words] for words in tokens[0]], tokens[1], weights=[1 / order] * order
        )
        assert own[f"nltk.bleu_{order}"] == pytest.approx(expected, abs=1e-12)


def test_bleu_counts_equal_sacrebleu(reports):
    """Without NLTK's minimum of one n-gram it is the BLEU of everybody else."""
    references, predictions = reports
    counts = [
        bleu_counts(reference.lower().split(), prediction.lower().split(), shortest=0)
        for reference, prediction in zip(references, predictions, strict=True)
    ]
    expected = sacrebleu.corpus_bleu(
        predictions,
        [references],
        tokenize="none",
        lowercase=True,
        smooth_method="none",
        use_effective_order=False,
    )
    assert bleu_figures(counts)["bleu_4"] * 100 == pytest.approx(expected.score)


def test_rouge_l_equals_rouge_score(reports):
    scorer = RougeScorer(["rougeL"], use_stemmer=False)
    expected = [
        scorer.score(reference, prediction)["rougeL"].fmeasure
        for reference, prediction in zip(*reports, strict=True)
    ]
    own = values(*reports)["rouge_score.rouge_l"]
    assert own == pytest.approx(np.mean(expected), abs=1e-12)


def test_common_subsequence_longer_than_a_machine_word():
    generator = np.random.default_rng(0)
    first, second = generator.choice(list("abc"), (2, 200)).tolist()
    table = np.zeros((201, 201), int)
    for i, one in enumerate(first):
        for j, other in enumerate(second):
            table[i + 1, j + 1] = (
                table[i, j] + 1
                if one == other
                else max(table[i, j + 1], table[i + 1, j])
            )
    assert common_subsequence(first, second) == table[-1, -1]


@pytest.mark.parametrize(
    ("reference", "prediction", "bleu_1", "bleu_4", "rouge_l"),
    [
        ("No acute disease seen.", "No acute disease seen.", 1, 1, 1),
        ("NO ACUTE  DISEASE SEEN.", "no acute\ndisease seen.", 1, 1, 1),
        ("No acute disease seen.", "", 0, 0, 0),
        ("No acute disease seen.", float("nan"), 0, 0, 0),
        ("No acute disease seen.", "Cardiomegaly", 0, 0, 0),
        # A repeated word counts as often as the reference has it.
        ("the heart is big", "the the the the", 0.25, 0, 0.25),
        # One word is a perfect BLEU-1 but for its brevity, exp(1 - 4).
        ("edema and effusion seen", "edema", np.exp(-3), 0, 0.4),
        ("edema", "edema", 1, 0, 1),
    ],
)
def test_known_answers(reference, prediction, bleu_1, bleu_4, rouge_l):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        own = values([reference], [prediction])
    assert own["nltk.bleu_1"] == pytest.approx(bleu_1)
    assert own["nltk.bleu_4"] == pytest.approx(bleu_4)
    assert own["rouge_score.rouge_l"] == pytest.approx(rouge_l)


def test_every_figure_carries_its_protocol():
    figures = text_scores(
        ["Edema.", None, "Clear."],
        ["Edema.", "Clear.", "clear. "],
        section="findings",
        split="validation",
    )
    for name, record in figures.items():
        protocol = record["protocol"]
        assert protocol["section"] == "findings" and protocol["split"] == "validation"
        assert record["n"] == 2 and protocol["left_out"] == 1
        assert protocol["cleaning"]
        if not name.startswith("text."):
            assert protocol["tokeniser"] and name.startswith(protocol["protocol"])
    assert figures["text.distinct"]["value"] == 2
    assert figures["text.distinct_share"]["value"] == 1


def test_distinct_ignores_case_and_spaces():
    assert values(["a", "b"], ["Clear lungs.", " clear  LUNGS."])["text.distinct"] == 1


def test_no_reference_at_all():
    figures = text_scores([None, " "], ["Edema.", "Clear."])
    assert set(figures) == set(text_scores(["a"], ["a"]))
    assert figures["nltk.bleu_4"]["value"] is None
    assert "no study has a reference" in figures["nltk.bleu_4"]["note"]


def test_one_protocol_alone():
    assert "nltk.bleu_4" not in text_scores(["a"], ["a"], protocols=["rouge_score"])


def test_bad_input_is_told():
    with pytest.raises(InputError, match="2 references but 1 predictions"):
        text_scores(["a", "b"], ["a"])
    with pytest.raises(InputError, match="meteor"):
        TextScorer(["a"], ["meteor"])
    assert set(PROTOCOLS) == {"nltk", "rouge_score"}

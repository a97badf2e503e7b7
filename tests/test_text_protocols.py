"""Each protocol equals the package whose name it bears."""

import collections
import itertools
import types

import nltk.corpus
import numpy as np
import pytest
import sacrebleu
from nltk.corpus import wordnet
from nltk.tokenize import wordpunct_tokenize
from nltk.translate.bleu_score import corpus_bleu
from nltk.translate.meteor_score import single_meteor_score
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from rouge_score.rouge_scorer import RougeScorer

from cxrscore.texts.overlap import Reader, cider, common_subsequence, ngram_matrices
from cxrscore.texts.protocols import DEFAULT, PROTOCOLS, r2gen_words, tidy
from cxrscore.texts.scores import TextScorer, text_scores

WORDS = ["No", "acute", "XXXX", "edema", "effusions,", ".", "(left)", "x-ray", "1."]
WORDS += ["2.", "Clear.", "lungs;", "T11.", "enlarged", "enlarging", "&amp;", "3.5"]


def random_reports(n, seed, shortest):
    generator = np.random.default_rng(seed)
    return [
        " ".join(generator.choice(WORDS, generator.integers(shortest, 25)))
        for _ in range(n)
    ]


@pytest.fixture(params=[0, 1, 2])
def reports(request):
    """Random texts and the hard ones: empty, identical, repeated, one word."""
    references = random_reports(60, request.param, shortest=1)
    predictions = random_reports(60, 100 + request.param, shortest=0)
    predictions[:4] = ["", references[1], "edema " * 9, "Edema"]
    references[4], predictions[4] = "edema", "edema"
    references[5] = references[6]
    return references, predictions


def scores(reports, protocol):
    references, predictions = reports
    return TextScorer(references, [protocol]).score(predictions)


def test_coco_equals_pycocoevalcap(reports):
    own = scores(reports, "coco")
    sides = [
        {i: [" ".join(r2gen_words(text))] for i, text in enumerate(texts)}
        for texts in reports
    ]
    for order, expected in enumerate(Bleu(4).compute_score(*sides, verbose=0)[0], 1):
        assert own[f"coco.bleu_{order}"] == pytest.approx(expected, abs=1e-12)
    expected = Rouge().compute_score(*sides)[0]
    assert own["coco.rouge_l"] == pytest.approx(expected, abs=1e-12)
    expected = Cider().compute_score(*sides)[0]
    assert expected > 0.5
    assert own["coco.cider"] == pytest.approx(expected, abs=1e-12)


def test_cider_of_each_study_equals_pycocoevalcap(reports):
    sides = [{i: [text] for i, text in enumerate(texts)} for texts in reports]
    expected = Cider().compute_score(*sides)[1]
    assert cider(Reader(str.split).pair(*reports)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("stem", [False, True])
def test_rouge_l_equals_rouge_score(reports, stem):
    scorer = RougeScorer(["rougeL"], use_stemmer=stem)
    pairs = zip(*reports, strict=True)
    expected = np.mean([scorer.score(*pair)["rougeL"].fmeasure for pair in pairs])
    protocol = "rouge_score_stem" if stem else "rouge_score"
    own = scores(reports, protocol)[f"{protocol}.rouge_l"]
    assert own == pytest.approx(expected, abs=1e-12)


def test_the_stemmer_matters():
    reports = ["effusions enlarged"], ["effusion enlarging"]
    assert scores(reports, "rouge_score")["rouge_score.rouge_l"] == 0
    assert scores(reports, "rouge_score_stem")["rouge_score_stem.rouge_l"] == 1


def test_sacrebleu_equals_sacrebleu(reports):
    references, predictions = reports
    expected = sacrebleu.corpus_bleu(predictions, [references]).score
    own = scores(reports, "sacrebleu")["sacrebleu.bleu"]
    assert own == pytest.approx(expected, abs=1e-10)
    shouted = [text.upper() for text in references], predictions
    assert scores(shouted, "sacrebleu")["sacrebleu.bleu"] < own


def test_sacrebleu_smooths_as_sacrebleu():
    references, predictions = ["a b c d e f"], ["a b c x y z"]  # No 4-gram in common.
    expected = sacrebleu.corpus_bleu(predictions, [references]).score
    own = scores((references, predictions), "sacrebleu")["sacrebleu.bleu"]
    assert own == pytest.approx(expected) and expected > 0


def test_nltk_equals_nltk(reports):
    own = scores(reports, "nltk")
    references, predictions = (
        [wordpunct_tokenize(text.lower()) for text in texts] for texts in reports
    )
    for order in range(1, 5):
        expected = corpus_bleu(
            [[words] for words in references], predictions, [1 / order] * order
        )
        assert own[f"nltk.bleu_{order}"] == pytest.approx(expected, abs=1e-12)


class Wordnet:
    """As much of WordNet as METEOR asks for: which words mean the same."""

    alike = [{"edema", "oedema"}, {"big", "large"}]

    def ensure_loaded(self):
        pass

    def synsets(self, word):
        def lemma(name):
            return types.SimpleNamespace(name=lambda: name)

        return [
            types.SimpleNamespace(lemmas=lambda words=words: map(lemma, words))
            for words in self.alike
            if word in words
        ]


def test_meteor_equals_nltk(monkeypatch, reports):
    monkeypatch.setattr(nltk.corpus, "wordnet", Wordnet())
    reports = [*reports[0], "edema"], [*reports[1], "oedema"]
    words = [[r2gen_words(text) for text in texts] for texts in reports]
    expected = [
        single_meteor_score(*pair, wordnet=Wordnet())
        for pair in zip(*words, strict=True)
    ]
    assert expected[-1] > 0.5  # The synonym counts.
    own = scores(reports, "meteor")["meteor.meteor"]
    assert own == pytest.approx(np.mean(expected), abs=1e-12)


def test_meteor_without_wordnet_says_how_to_get_it(monkeypatch):
    def missing():
        raise LookupError("wordnet")

    absent = types.SimpleNamespace(ensure_loaded=missing)
    monkeypatch.setattr(nltk.corpus, "wordnet", absent)
    found = text_scores(["a", "b"], ["a", "b"], protocols=["meteor", "nltk"])
    record = found["meteor.meteor"]
    assert record["value"] is None and "interval" not in record
    assert "python -m nltk.downloader wordnet" in record["note"]
    assert found["nltk.bleu_1"]["value"] == 1


def test_meteor_with_the_real_wordnet():
    try:
        wordnet.ensure_loaded()
    except LookupError:
        pytest.skip("WordNet is not installed")
    own = scores((["edema of the lung"], ["oedema of the lung"]), "meteor")
    assert own["meteor.meteor"] > 0.9


def test_meteor_is_not_computed_unless_asked_for():
    assert "meteor" in PROTOCOLS and "meteor" not in DEFAULT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No edema. Lungs CLEAR.", "no edema . lungs clear ."),
        ("1. No edema. 2. Effusion. 3. Nodule", "no edema . effusion . nodule ."),
        ("Heart normal 2. Lungs clear", "heart normal . lungs clear ."),
        ("Stable... No change.. ", "stable . no change ."),
        ('Low-lying "tube" (left), 50%; T4/T5!', "low-lying tube left 50 t4t5 ."),
        ("<a>=b@c [d] {e} f\\g it's", "abc d e fg its ."),
        ("Seen:\nno  edema", "seen no edema ."),
        # As published: it takes the end of a number for numbering, …
        ("Level T11. Next.", "level t1next ."),
        # … and knows none after 5, nor one at the very beginning but 1.
        ("2. A. 6. B.", "2 . a . 6 . b ."),
        (".", "."),
        ("", ""),
    ],
)
def test_cleaning_of_r2gen(text, expected):
    assert " ".join(r2gen_words(text)) == expected


def test_cleaning_a_cleaned_text_changes_nothing(reports):
    """A model that was trained on cleaned texts is not punished for it."""
    for text in itertools.chain(*reports):
        cleaned = r2gen_words(text)
        assert r2gen_words(" ".join(cleaned)) == cleaned


def test_ngrams_are_counted_within_each_text():
    generator = np.random.default_rng(0)
    sizes = [0, 1, 3, 0, 40, 2, 7]
    texts = [generator.choice(list("abc"), size).tolist() for size in sizes]
    for order, matrix in enumerate(ngram_matrices(texts), 1):
        counted = [
            collections.Counter(zip(*(text[i:] for i in range(order)), strict=False))
            for text in texts
        ]
        dense = matrix.toarray()
        for row, counter in enumerate(counted):
            assert sorted(dense[row][dense[row] > 0]) == sorted(counter.values())
        for row, other in itertools.combinations(range(len(texts)), 2):
            shared = np.minimum(dense[row], dense[other]).sum()
            assert shared == (counted[row] & counted[other]).total()


def test_ngrams_of_no_text_at_all():
    assert [matrix.shape for matrix in ngram_matrices([])] == [(0, 1)] * 4


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


def test_each_distinct_text_and_pair_is_read_once():
    read = []
    reader = Reader(lambda text: read.append(text) or text.split())
    compared = []

    def compare(first, second):
        compared.append((first, second))
        return 1

    for _ in range(2):
        reader.pair(["a b", "c", "a b"], ["c", "c", "c"]).each(compare)
    assert read == ["a b", "c"]
    assert compared == [(["a", "b"], ["c"]), (["c"], ["c"])]


def test_texts_that_come_later_are_counted_too():
    reader = Reader(str.split)
    assert reader.pair(["a b"], ["a"]).ngrams[0][2].sum() == 1
    assert reader.pair(["a b"], ["b a b c"]).ngrams[1][2].sum() == 1
    assert reader.pair(["a b"], ["a"]).ngrams[0][2].sum() == 1


def test_tidy():
    assert tidy(" No acute\n disease. ") == "no acute disease."
    assert tidy(None) == tidy(float("nan")) == ""

"""Seconds for text scores beside the packages that name the protocols.

Both score the same generated pairs of reports, from strings to scores, and their scores
are compared. A last line times everything that `score` does with texts by default: four
protocols, and 1000 bootstrap resamples of each score.

    python benchmarks/text_scores.py [--pairs 10000] [--words 40]
"""

import click
import nltk.translate.bleu_score
import numpy as np
import sacrebleu
from nltk.tokenize import wordpunct_tokenize
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from sacrebleu.tokenizers.tokenizer_re import TokenizerRegexp
from timing import median_seconds

from cxrscore.texts.protocols import r2gen_words, tidy
from cxrscore.texts.scores import TextScorer, text_scores

SENTENCE = 8  # Words.


def reports(n, words, seed):
    """Reports of sentences whose words are as unevenly frequent as in language."""
    generator = np.random.default_rng(seed)
    vocabulary = np.array([f"word{rank}" for rank in range(500)])
    share = 1 / np.arange(1, len(vocabulary) + 1)
    drawn = generator.choice(vocabulary, (n, words), p=share / share.sum())
    ends = range(0, words, SENTENCE)
    return [
        " ".join(" ".join(row[i : i + SENTENCE]) + "." for i in ends) for row in drawn
    ]


def coco(references, predictions):
    """BLEU-4, ROUGE-L and CIDEr of pycocoevalcap; cleaned, since it does not clean."""
    sides = [
        {index: [" ".join(r2gen_words(text))] for index, text in enumerate(texts)}
        for texts in (references, predictions)
    ]
    bleu = Bleu(4).compute_score(*sides, verbose=0)[0][3]
    return [bleu, *(each.compute_score(*sides)[0] for each in (Rouge(), Cider()))]


def rouge(references, predictions, stem):
    """The mean F1 of rouge_score."""
    scorer = RougeScorer(["rougeL"], use_stemmer=stem)
    pairs = zip(references, predictions, strict=True)
    return [np.mean([scorer.score(*pair)["rougeL"].fmeasure for pair in pairs])]


def nltk_bleu(references, predictions):
    """BLEU-1 to 4 of NLTK."""
    cut = [
        [wordpunct_tokenize(tidy(text)) for text in texts]
        for texts in (references, predictions)
    ]
    weights = [[1 / order] * order for order in range(1, 5)]
    one_each = [[words] for words in cut[0]]
    return nltk.translate.bleu_score.corpus_bleu(one_each, cut[1], weights)


PEERS = {
    "coco": (coco, ["bleu_4", "rouge_l", "cider"]),
    "rouge_score": (lambda *sides: rouge(*sides, False), ["rouge_l"]),
    "rouge_score_stem": (lambda *sides: rouge(*sides, True), ["rouge_l"]),
    "sacrebleu": (lambda r, p: [sacrebleu.corpus_bleu(p, [r]).score], ["bleu"]),
    "nltk": (nltk_bleu, ["bleu_1", "bleu_2", "bleu_3", "bleu_4"]),
}


@click.command()
@click.option("--pairs", default=1000, show_default=True)
@click.option("--words", default=40, show_default=True)
def main(pairs, words):
    """Time each protocol and its package, and print their ratio."""
    references, predictions = (reports(pairs, words, seed) for seed in (0, 1))
    for protocol, (peer, names) in PEERS.items():
        values = TextScorer(references, [protocol]).score(predictions)
        ours = [values[f"{protocol}.{name}"] for name in names]
        difference = np.abs(np.subtract(ours, peer(references, predictions))).max()

        def score(name=protocol):
            # sacrebleu's tokenisers remember lines; every round reads them anew.
            Tokenizer13a.__call__.cache_clear()
            TokenizerRegexp.__call__.cache_clear()
            TextScorer(references, [name]).score(predictions)

        seconds = [
            median_seconds(score),
            median_seconds(lambda peer=peer: peer(references, predictions)),
        ]
        click.echo(
            f"{protocol:17} ours {seconds[0]:6.2f} s   package {seconds[1]:6.2f} s   "
            f"{seconds[1] / seconds[0]:5.1f} × ours   they differ by {difference:.0e}"
        )
    whole = median_seconds(lambda: text_scores(references, predictions))
    click.echo(f"text_scores, four protocols with intervals: {whole:.2f} s")


if __name__ == "__main__":
    main()

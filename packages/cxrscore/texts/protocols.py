"""The named text protocols: cleaning, tokeniser and score, fixed together.

The same texts get a BLEU-4 or ROUGE-L that differs by a quarter between protocols. So
a score carries its protocol's name, and scores of two protocols are never compared.
All start from the normalised text of `cxrscore.texts.plain`; on it they equal the
packages that name them. NLTK and sacreBLEU are imported where they are used: NLTK alone
takes a second.
"""

import dataclasses
import functools
import re
import types
from collections.abc import Callable

import numpy as np
from rouge_score.tokenize import tokenize as rouge_tokenize

from cxrscore.texts.overlap import ORDERS, bleu_counts, cider, rouge_l
from cxrscore.texts.plain import plain

# === Cleaning ===


def tidy(text):
    """Lower case and single spaces: what makes two reports the same report.

    Args:
        text: string, or a missing value, which is an empty report.

    Returns:
        A string.

    Example:
    ```python
    tidy(" No acute\\n disease. ")  # "no acute disease."
    ```
    """
    return re.sub(r"\s+", " ", plain(text)).strip().lower()


# The hyphen stays: in R2Gen's set ":-[" is a range, from the colon to the bracket.
_MARKS = re.compile(r"""[.,?;*!%^&_+():<=>@\[\]{}"'/\\]""")


def r2gen_words(text):
    """Tokens of a report as R2Gen cleans those of the Indiana collection.

    Lower case, numbering from 1 to 5 and punctuation removed, a full stop as a word
    of its own after each sentence. R2Gen does so on both sides. It also turns
    words that are rare in train into `<unk>` and cuts the reference at 59 words;
    neither is done here: the reference is what the radiologist wrote.

    Args:
        text: string.

    Returns:
        A list of strings; an empty report has none.

    Example:
    ```python
    r2gen_words("1. No edema. 2. Small (left) effusion.")
    # ["no", "edema", ".", "small", "left", "effusion", "."]
    ```

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2010.16056),
          [code](https://github.com/zhjohnchan/R2Gen/blob/main/modules/tokenizers.py)
    """
    text = re.sub(r"\.{2,}", ".", tidy(text)).replace("1. ", "")
    for before in (". ", " "):
        for number in "2345":
            text = text.replace(f"{before}{number}. ", ". ")
    sentences = text.strip().split(". ") if text else []
    return [word for each in sentences for word in [*_MARKS.sub("", each).split(), "."]]


# === Measures ===


@dataclasses.dataclass(frozen=True)
class Measure:
    """A score as a function of sums over studies.

    Args:
        names: tuple of strings. Its scores.
        words: string. A description for readers.
        count: callable, `Pairs` of n studies → float array `(n, k)`.
        width: int. The `k`.
        scores: callable, (sums `(…, k)`, n) → array `(…, len(names))`.
    """

    names: tuple
    words: str
    count: Callable
    width: int
    scores: Callable


def _mean(name, words, count):
    return Measure(
        (name,),
        f"{words}, mean over studies",
        lambda pairs: count(pairs)[:, None],
        1,
        lambda sums, n: sums / n,
    )


def _bleu(names, words, scores, shortest=0):
    return Measure(
        names,
        f"corpus BLEU {words}, one reference",
        functools.partial(bleu_counts, shortest=shortest),
        2 * ORDERS + 2,
        lambda sums, n: scores(sums),
    )


def _orders(precisions, brevity):
    """BLEU-1 to 4 from precisions `(…, 4)` and the logarithm of the brevity penalty."""
    with np.errstate(divide="ignore"):
        means = np.cumsum(np.log(precisions), axis=-1) / np.arange(1, ORDERS + 1)
    return np.exp(np.minimum(brevity, 0) + means)


def nltk_bleu(sums):
    """Corpus BLEU-1 to 4 as `nltk.corpus_bleu` without smoothing.

    Args:
        sums: float array `(…, 10)` of `cxrscore.texts.overlap.bleu_counts` with
            `shortest=1`, summed over studies.

    Returns:
        A float array `(…, 4)` in [0, 1]. An order without a single match gives 0.

    Example:
    ```python
    nltk_bleu(np.array([1, 0, 0, 0, 2, 1, 1, 1, 2, 2]))  # [0.5, 0, 0, 0]
    ```

    Reference:
        - [Papineni et al., 2002](https://aclanthology.org/P02-1040/)
    """
    matches, predicted = sums[..., :ORDERS], sums[..., ORDERS:-2]
    length, reference = sums[..., -2:-1], sums[..., -1:]
    # Without a word there is no match either: 0, however long the reference.
    brevity = 1 - reference / np.maximum(length, 1)
    return _orders(matches / np.maximum(predicted, 1), brevity)


def coco_bleu(sums):
    """Corpus BLEU-1 to 4 as coco-caption, with its tiny smoothing numbers.

    Args:
        sums: float array `(…, 10)` of `cxrscore.texts.overlap.bleu_counts`,
            summed over studies.

    Returns:
        A float array `(…, 4)` in [0, 1]. Without a match it is a very small number.

    Example:
    ```python
    coco_bleu(np.array([1, 0, 0, 0, 2, 1, 0, 0, 2, 2]))[0]  # 0.5
    ```

    Reference:
        - [Chen et al., 2015](https://arxiv.org/abs/1504.00325)
    """
    tiny, small = 1e-15, 1e-9
    matches, predicted = sums[..., :ORDERS], sums[..., ORDERS:-2]
    length, reference = sums[..., -2:-1], sums[..., -1:]
    brevity = 1 - (reference + small) / (length + tiny)
    return _orders((matches + tiny) / (predicted + small), brevity)


def sacre_bleu(sums):
    """Corpus BLEU-4 by the arithmetic of `sacrebleu.corpus_bleu` itself.

    Args:
        sums: float array `(…, 10)` of `cxrscore.texts.overlap.bleu_counts`,
            summed over studies. Weighted sums are rounded: sacreBLEU takes whole
            numbers.

    Returns:
        A float array `(…, 1)` in [0, 100].

    Example:
    ```python
    sacre_bleu(np.array([4, 3, 2, 1, 4, 3, 2, 1, 4, 4]))  # [100.0]
    ```

    Reference:
        - [Post, 2018](https://aclanthology.org/W18-6319/)
    """
    from sacrebleu.metrics import BLEU

    rows = np.rint(sums).astype(int).reshape(-1, 2 * ORDERS + 2).tolist()
    scores = [
        BLEU.compute_bleu(
            row[:ORDERS], row[ORDERS:-2], row[-2], row[-1], smooth_method="exp"
        ).score
        for row in rows
    ]
    return np.reshape(scores, (*sums.shape[:-1], 1))


def _meteor(pairs):
    from nltk.corpus import wordnet

    try:
        wordnet.ensure_loaded()
    except LookupError:
        return np.full(len(pairs.lengths[0]), np.nan)
    return pairs.each(_meteor_of_pair)


def _meteor_of_pair(reference, prediction):
    from nltk.corpus import wordnet
    from nltk.translate.meteor_score import single_meteor_score

    return single_meteor_score(reference, prediction, wordnet=wordnet)


# === Tokenisers ===

_WORDPUNCT = re.compile(r"\w+|[^\w\s]+")


@functools.cache
def _sacrebleu_13a():
    from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

    return Tokenizer13a()


@functools.cache
def _porter():
    from nltk.stem.porter import PorterStemmer

    return PorterStemmer()


@functools.cache  # Cached: the package would stem each word every time.
def _stem(word):
    return _porter().stem(word)


# === Protocols ===


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A way of scoring texts, from the cleaning to the mean.

    Args:
        tokenise: callable, string → list of strings.
        cleaning: string. For readers, as is the next.
        tokeniser: string.
        measures: tuple of `Measure`s.
        note: string. Why its scores have no value, where they may have none.
    """

    tokenise: Callable
    cleaning: str
    tokeniser: str
    measures: tuple
    note: str | None = None

    def words(self):
        """What a reader must know to repeat each score, by its name."""
        common = {"cleaning": self.cleaning, "tokeniser": self.tokeniser}
        return {
            name: common | {"score": measure.words}
            for measure in self.measures
            for name in measure.names
        }


_BLEUS = tuple(f"bleu_{order}" for order in range(1, ORDERS + 1))


def _rouge_score(stemmer, words):
    return Protocol(
        functools.partial(rouge_tokenize, stemmer=stemmer),
        "lower case; all but a-z and 0-9 removed; XXXX kept",
        f"rouge_score default, {words}",
        (_mean("rouge_l", "ROUGE-L F1 as rouge_score", rouge_l),),
    )


def _r2gen(*measures, note=None):
    return Protocol(
        r2gen_words,
        "as R2Gen for Indiana, on both sides: lower case, no numbering, no "
        "punctuation, ' . ' after each sentence; rare words and long texts kept",
        "whitespace",
        measures,
        note,
    )


PROTOCOLS = {
    "coco": _r2gen(
        _bleu(_BLEUS, "as coco-caption", coco_bleu),
        _mean(
            "rouge_l",
            "ROUGE-L as coco-caption, β 1.2",
            functools.partial(rouge_l, beta=1.2),
        ),
        _mean(
            "cider",
            "CIDEr (CIDEr-D, ×10) as coco-caption, document frequencies from the "
            "references scored",
            cider,
        ),
    ),
    "rouge_score": _rouge_score(None, "no stemmer"),
    "rouge_score_stem": _rouge_score(
        types.SimpleNamespace(stem=_stem), "Porter stemmer"
    ),
    "sacrebleu": Protocol(
        lambda text: _sacrebleu_13a()(text.rstrip()).split(),
        "none; upper and lower case differ",
        "sacrebleu 13a",
        (_bleu(("bleu",), "as sacrebleu, 0 to 100, smoothing exp", sacre_bleu),),
    ),
    "nltk": Protocol(
        lambda text: _WORDPUNCT.findall(tidy(text)),
        "lower case; XXXX kept as a word",
        "nltk wordpunct_tokenize (punctuation marks are tokens)",
        (_bleu(_BLEUS, "as nltk.corpus_bleu, no smoothing", nltk_bleu, shortest=1),),
    ),
    "meteor": _r2gen(
        _mean(
            "meteor",
            "METEOR as nltk.translate.meteor_score, not coco-caption's METEOR 1.5",
            _meteor,
        ),
        note="undefined: needs WordNet; run python -m nltk.downloader wordnet",
    ),
}
DEFAULT = ("coco", "rouge_score", "sacrebleu", "nltk")

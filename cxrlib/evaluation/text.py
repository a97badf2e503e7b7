"""Text figures under named protocols, never mixed: BLEU-1 to 4 and ROUGE-L."""

import dataclasses
import functools
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
from nltk.tokenize import wordpunct_tokenize
from rouge_score.tokenizers import DefaultTokenizer

from cxrlib.evaluation.figure import figure
from cxrlib.evaluation.overlap import (
    bleu_counts,
    bleu_figures,
    rouge_l_counts,
    rouge_l_figures,
)
from cxrlib.files import InputError


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
    return "" if pd.isna(text) else re.sub(r"\s+", " ", str(text)).strip().lower()


@dataclasses.dataclass(frozen=True)
class Protocol:
    """A way of scoring texts, from the cleaning to the mean.

    Args:
        name: string. The prefix of its figures.
        tokenise: callable, string → list of strings.
        count: callable, (reference tokens, prediction tokens) → numbers.
        figures: callable, numbers per study → dict of floats.
        words: dict of strings. What a reader must know to repeat it.
    """

    name: str
    tokenise: Callable
    count: Callable
    figures: Callable
    words: dict


def _protocols(*protocols):
    return {protocol.name: protocol for protocol in protocols}


PROTOCOLS = _protocols(
    Protocol(
        "nltk",
        lambda text: wordpunct_tokenize(tidy(text)),
        bleu_counts,
        bleu_figures,
        {
            "cleaning": "lower case; XXXX kept as a word",
            "tokeniser": "nltk wordpunct_tokenize (punctuation marks are tokens)",
            "score": "corpus BLEU as nltk.corpus_bleu, one reference, no smoothing",
        },
    ),
    Protocol(
        "rouge_score",
        DefaultTokenizer(use_stemmer=False).tokenize,
        rouge_l_counts,
        rouge_l_figures,
        {
            "cleaning": "lower case; all but a-z and 0-9 removed; XXXX kept",
            "tokeniser": "rouge_score default, no stemmer",
            "score": "ROUGE-L F1 as rouge_score, mean over studies",
        },
    ),
)


class TextScorer:
    """Scores references against predictions in any order, counting each pair once.

    Args:
        references: sequence of strings `(n,)`.
        protocols: names from `PROTOCOLS`.

    Example:
    ```python
    TextScorer(["No edema."]).score(["No effusion."])["nltk.bleu_1"]
    ```
    """

    def __init__(self, references, protocols=tuple(PROTOCOLS)):
        unknown = set(protocols) - set(PROTOCOLS)
        if unknown:
            raise InputError(
                f"Unknown text protocol {sorted(unknown)}; known: {sorted(PROTOCOLS)}."
            )
        self.references = [tidy(text) for text in references]
        self.protocols = [PROTOCOLS[name] for name in protocols]
        # Caches of this object, not of the module: they go when it goes.
        self._tokens = functools.cache(
            lambda name, text: PROTOCOLS[name].tokenise(text)
        )
        self._count = functools.cache(self._count_pair)

    def _count_pair(self, name, reference, prediction):
        tokens = self._tokens(name, reference), self._tokens(name, prediction)
        return PROTOCOLS[name].count(*tokens)

    def counts(self, predictions):
        """The numbers per study, `{protocol: array (n, …)}`, to sum or resample."""
        pairs = list(zip(self.references, map(tidy, predictions), strict=True))
        return {
            protocol.name: np.array([self._count(protocol.name, *p) for p in pairs])
            for protocol in self.protocols
        }

    def score(self, predictions):
        """Plain floats by `protocol.figure`, for predictions `(n,)` in order."""
        counts = self.counts(predictions)
        return {
            f"{protocol.name}.{name}": value
            for protocol in self.protocols
            for name, value in protocol.figures(counts[protocol.name]).items()
        }


def answered(references, predictions):
    """Keep the studies that have a reference; a missing prediction is empty.

    Args:
        references: sequence of strings or missing values `(n,)`.
        predictions: sequence of strings or missing values `(n,)`.

    Returns:
        `(references, predictions, left_out)`: two lists of strings and the
        number of studies without a reference.

    Raises:
        InputError: if the two differ in number.

    Example:
    ```python
    answered(["No edema.", None], ["No edema.", "Effusion."])
    # (["No edema."], ["No edema."], 1)
    ```
    """
    references, predictions = list(references), list(predictions)
    if len(references) != len(predictions):
        raise InputError(
            f"{len(references)} references but {len(predictions)} predictions: "
            "each study needs one of each, in the same order."
        )
    pairs = zip(references, predictions, strict=True)
    kept = [(r, "" if pd.isna(p) else p) for r, p in pairs if tidy(r)]
    left_out = len(references) - len(kept)
    return [r for r, _ in kept], [p for _, p in kept], left_out


def text_scores(
    references,
    predictions,
    section="impression",
    split="test",
    protocols=tuple(PROTOCOLS),
):
    """Every text figure of the protocols, and how many reports are distinct.

    Args:
        references: sequence of strings `(n,)`. Studies without one are left
            out and counted.
        predictions: sequence of strings `(n,)`. A missing one is an empty
            report and scores 0.
        section: string. What the references are: `"impression"`, `"findings"`, …
        split: string. Where they come from.
        protocols: names from `PROTOCOLS`.

    Returns:
        A dict of figures (see `cxrlib.evaluation.figure`): `nltk.bleu_1` to
        `nltk.bleu_4`, `rouge_score.rouge_l`, `text.distinct` (different
        reports), `text.distinct_share` (of all reports).

    Raises:
        InputError: if the two differ in number or a protocol is unknown.

    Example:
    ```python
    text_scores(["No edema."], ["No effusion."])["nltk.bleu_1"]["value"]
    ```
    """
    references, predictions, left_out = answered(references, predictions)
    n = len(references)
    common = {"section": section, "split": split, "left_out": left_out}
    scorer = TextScorer(references, protocols)
    # Without a study, one empty pair tells at least the names of the figures.
    values = scorer.score(predictions) if n else TextScorer([""], protocols).score([""])
    figures = {}
    for name, value in values.items():
        protocol = PROTOCOLS[name.split(".")[0]]
        figures[name] = figure(
            value if n else None,
            n,
            note=None if n else "undefined: no study has a reference text",
            protocol=protocol.name,
            **common,
            **protocol.words,
        )
    distinct = len({tidy(text) for text in predictions})
    words = common | {"cleaning": "lower case, single spaces"}
    figures["text.distinct"] = figure(distinct, n, **words)
    figures["text.distinct_share"] = figure(distinct / n if n else None, n, **words)
    return figures

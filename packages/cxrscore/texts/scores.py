"""Text scores under named protocols, with intervals: BLEU, ROUGE-L, CIDEr."""

import functools

import numpy as np

from cxrbase.files import InputError
from cxrscore.score import UNTOLD, records, score
from cxrscore.texts.overlap import Reader
from cxrscore.texts.plain import is_unspaced, plain
from cxrscore.texts.protocols import DEFAULT, PROTOCOLS, tidy


class TextScorer:
    """Scores references against predictions, reading each distinct text once.

    Every score is a function of sums over the studies: `counts` gives what each study
    adds, `scores` makes scores of any sums, and a permutation, a constant or a
    bootstrap needs nothing else.

    Args:
        references: sequence of strings or missing values `(n,)`.
        protocols: names from `PROTOCOLS`.

    Raises:
        InputError: if a protocol is unknown.

    Example:
    ```python
    scorer = TextScorer(["No edema.", "Clear lungs."])
    scorer.score(["No effusion.", "Clear lungs."])["coco.bleu_1"]
    sums = scorer.counts(["No effusion.", "Clear lungs."])["coco"].sum(axis=0)
    scorer.scores("coco", sums, n=2)["cider"]
    ```
    """

    def __init__(self, references, protocols=DEFAULT):
        unknown = set(protocols) - set(PROTOCOLS)
        if unknown:
            raise InputError(
                f"Unknown text protocol {sorted(unknown)}; known: {sorted(PROTOCOLS)}."
            )
        self.references = [plain(text) for text in references]
        self._readers = {name: Reader(PROTOCOLS[name].tokenise) for name in protocols}
        self._silent = {
            name: ~reader.speaks(self.references)
            for name, reader in self._readers.items()
        }
        self.unspaced = _are_unspaced(self.references)

    @property
    def protocols(self):
        """The names of the protocols, a tuple."""
        return tuple(self._readers)

    def undefined(self, group):
        """Why a protocol has no scores for these references.

        Args:
            group: string. The name of the protocol.

        Returns:
            A string: its tokeniser leaves no token of them, or cannot separate words.
            `None` where there is no such reason.
        """
        tokeniser, silent = PROTOCOLS[group].tokeniser, self._silent[group]
        if len(silent) and silent.all():
            return f"undefined: no token of the references is left by {tokeniser}"
        if self.unspaced:
            return f"undefined: {UNSPACED}; {tokeniser} cannot separate the words"
        return None

    def note(self, group):
        """What a reader must know of a protocol's scores, or `None`."""
        silent = int(self._silent[group].sum())
        if not silent or self.undefined(group):
            return None
        return f"{silent} of {len(self.references)} references leave no token: score 0"

    def counts(self, predictions):
        """What each study adds to the sums.

        Args:
            predictions: sequence of strings or missing values `(n,)`.

        Returns:
            A dict, protocol → float array `(n, k)`.

        Raises:
            InputError: if there are not `n` predictions.
        """
        predictions = [plain(text) for text in predictions]
        _same_number(self.references, predictions)
        counts = {}
        for name, reader in self._readers.items():
            pairs = reader.pair(self.references, predictions)
            parts = [measure.count(pairs) for measure in PROTOCOLS[name].measures]
            counts[name] = np.concatenate(parts, axis=1)
        return counts

    def scores(self, group, sums, n):
        """The scores of a protocol from sums over the studies.

        Args:
            group: string. The name of the protocol.
            sums: float array `(…, k)`, one row for each resample, order, …
            n: int. How many studies were summed.

        Returns:
            A dict, score → float array `(…)`; NaN where there is no study, or the
            protocol is `undefined` on the references.
        """
        sums = np.asarray(sums, "float64")
        defined = n and not self.undefined(group)
        scores, start = {}, 0
        for measure in PROTOCOLS[group].measures:
            part = sums[..., start : start + measure.width]
            start += measure.width
            values = measure.scores(part, n) if defined else part[..., :1] * np.nan
            values = np.broadcast_to(values, (*sums.shape[:-1], len(measure.names)))
            scores |= zip(measure.names, np.moveaxis(values, -1, 0), strict=True)
        return scores

    def score(self, predictions):
        """Plain floats by `protocol.score`, for predictions `(n,)` in order."""
        return {
            f"{group}.{name}": float(value)
            for group, counts in self.counts(predictions).items()
            for name, value in self.scores(
                group, counts.sum(axis=0), len(self.references)
            ).items()
        }


UNSPACED = "the script of most references has no spaces between words"


def _are_unspaced(references):
    return 2 * sum(map(is_unspaced, references)) > len(references)


def _same_number(references, predictions):
    if len(references) != len(predictions):
        raise InputError(
            f"{len(references)} references but {len(predictions)} predictions: "
            "each study needs one of each, in the same order."
        )


def answered(references, predictions):
    """Keep the studies that have a reference; a missing prediction is empty.

    Both texts are made plain (`cxrscore.texts.plain`).

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
    _same_number(references, predictions)
    pairs = zip(references, predictions, strict=True)
    kept = [(plain(r), plain(p)) for r, p in pairs if tidy(r)]
    left_out = len(references) - len(kept)
    return [r for r, _ in kept], [p for _, p in kept], left_out


_SAME = {"cleaning": "lower case, single spaces"}
_WORDS = {
    "distinct": _SAME,
    "distinct_share": _SAME,
    "length_ratio": {
        "tokeniser": "whitespace",
        "score": "words of the predictions / words of the references",
    },
    "novel_share": _SAME
    | {"score": "predictions that are not empty and word for word in no train report"},
}


def _word_counts(references, predictions, known):
    """Words of prediction and reference, and whether the prediction is novel."""
    rows = [
        (len(p.split()), len(r.split()), bool(tidy(p)) and tidy(p) not in known)
        for r, p in zip(references, predictions, strict=True)
    ]
    return np.array(rows, "float64").reshape(-1, 3)


def _word_scores(sums, n, unspaced=False):
    predicted, reference, novel = np.moveaxis(sums, -1, 0)
    reference = np.where(unspaced, np.nan, reference)
    return {"length_ratio": predicted / reference, "novel_share": novel / n}


def text_scores(
    references,
    predictions,
    section="impression",
    split="test",
    protocols=DEFAULT,
    train_texts=None,
    scorer=None,
    counts=None,
    intervals=True,
):
    """Every text score of the protocols with its interval, and other properties.

    Args:
        references: sequence of strings `(n,)`. Studies without one are left
            out and counted.
        predictions: sequence of strings `(n,)`. A missing one is an empty
            report and scores 0.
        section: string. What the references are: `"impression"`, `"findings"`, …
        split: string. Where they come from.
        protocols: names from `PROTOCOLS`.
        train_texts: sequence of strings. The train reports, for `text.novel_share`.
        scorer: `TextScorer` of the references that `answered` keeps, if there is one
            already; `protocols` is then not used.
        counts: dict. What `scorer.counts` gave for the predictions that
            `answered` keeps, if they are already counted.
        intervals: bool. Whether to resample the studies.

    Returns:
        A dict of scores (see `cxrscore.score`), named `protocol.score`,
        and `text.distinct` (different reports), `text.distinct_share` (of all
        reports), `text.length_ratio` (words predicted by words of the references),
        `text.novel_share` (of all reports, with `train_texts` only). From two
        studies on, each that is a function of sums has an `interval`.

    Raises:
        InputError: if references and predictions differ in number or a protocol is
            unknown.

    Example:
    ```python
    text_scores(["No edema."], ["No effusion."])["coco.bleu_1"]["value"]
    ```
    """
    references, predictions, left_out = answered(references, predictions)
    n = len(references)
    scorer = scorer or TextScorer(references, protocols)
    counts = counts or scorer.counts(predictions)
    common = {"section": section, "split": split, "left_out": left_out}
    found = {}
    for group in scorer.protocols:
        protocol = PROTOCOLS[group]
        words = {
            name: common | {"protocol": group} | own
            for name, own in protocol.words().items()
        }
        scores = functools.partial(scorer.scores, group)
        notes = dict.fromkeys(words, scorer.undefined(group) or protocol.note)
        own = records(group, counts[group], scores, words, intervals, notes)
        if note := scorer.note(group):
            own = {name: {"note": note} | record for name, record in own.items()}
        found |= own
    train = None if train_texts is None else {tidy(text) for text in train_texts}
    own_counts = _word_counts(references, predictions, train or ())
    words = {name: common | _WORDS[name] for name in ("length_ratio", "novel_share")}
    scores = functools.partial(_word_scores, unspaced=scorer.unspaced)
    notes = {"length_ratio": f"undefined: {UNSPACED}"}
    shares = {"novel_share": (2, None)}
    found |= records("text", own_counts, scores, words, intervals, notes, shares=shares)
    if train is None:
        del found["text.novel_share"]
    distinct = len({tidy(text) for text in predictions})
    values = (distinct, distinct / n) if n else (None, None)
    for name, value in zip(("distinct", "distinct_share"), values, strict=True):
        own = common | _WORDS[name]
        found[f"text.{name}"] = score(value, n, None if n else UNTOLD, **own)
    return found

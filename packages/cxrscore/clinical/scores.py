"""Clinical scores: does a report find what the reference finds, and on which side.

Both texts are labelled by the rules of `labeler`, and the labels are compared. As for
texts, every score is a function of sums over the studies, so that a bootstrap, a
permutation or a constant needs no second reading.
"""

import functools

import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrscore.clinical.labeler import UNCERTAIN, label_report
from cxrscore.clinical.language import not_english
from cxrscore.clinical.laterality import SIDES, is_masked, names_prior, report_sides
from cxrscore.clinical.rules import COMPETITION, OBSERVATIONS
from cxrscore.score import records
from cxrscore.texts.plain import plain
from cxrscore.texts.scores import answered

_FIVE = [OBSERVATIONS.index(name) for name in COMPETITION]
_MODES = {
    "positive": "a label counts as 1 when positive or uncertain, else as 0",
    "negative": "a label counts as 1 when positive, else as 0",
    "ignore": "a label that is uncertain on either side is left out",
}
_LABELS = "cxrlib labeler, 14 CheXpert observations by rules"
_F1 = {
    "micro": "F1 of the counts summed over studies and classes",
    "macro": "mean F1 over the classes that any reference or prediction holds",
}
F1_NAMES = ("micro_f1_14", "macro_f1_14", "micro_f1_5", "macro_f1_5")
NOTES = dict.fromkeys(F1_NAMES, "undefined: neither side holds any of the classes")
NOTES["wrong_side_share"] = "undefined: no finding has a side in both texts"
_SCORES = {
    **{
        name: {"labels": _LABELS, "classes": int(name[9:]), "score": _F1[name[:5]]}
        for name in F1_NAMES
    },
    "wrong_side_share": {
        "labels": _LABELS,
        "score": "findings on the other side only, of those that both texts hold and "
        "give a side",
    },
    "prior_share": {
        "score": "predictions that compare with an earlier examination, which was "
        "not given"
    },
    "masked_share": {"score": "predictions that hold XXXX or ___"},
}
# Their columns in the counts: what is true, and of how many findings (or studies).
_SHARES = {
    "wrong_side_share": (42, 43),
    "prior_share": (44, None),
    "masked_share": (45, None),
}


def _truths(labels, uncertain):
    """Labels as 0 and 1 `(n, 14)`, and which of them count."""
    if uncertain not in _MODES:
        raise InputError(f"uncertain={uncertain!r}: choose one of {', '.join(_MODES)}.")
    labels = np.asarray(labels, "float64").reshape(-1, len(OBSERVATIONS))
    doubtful = labels == UNCERTAIN
    positive = (labels == 1) | (doubtful if uncertain == "positive" else False)
    return positive, ~doubtful | (uncertain != "ignore")


def _hits(truth, predicted, uncertain):
    """True positives, false positives and false negatives, `(n, 3, 14)`."""
    (truth, known), (predicted, also_known) = (
        _truths(labels, uncertain) for labels in (truth, predicted)
    )
    counts = known & also_known
    cells = truth & predicted, ~truth & predicted, truth & ~predicted
    return np.stack([cell & counts for cell in cells], axis=1).astype("float64")


def _ratio(part, whole):
    """A quotient, NaN where it would be 0 / 0."""
    with np.errstate(invalid="ignore"):
        return np.asarray(part, "float64") / whole


def f1_means(hits, misses, absent=np.nan):
    """Micro and macro F1 over the 14 observations and over the five of the competition.

    Args:
        hits: float array `(…, 14)`, true positives, columns as `OBSERVATIONS`.
        misses: float array `(…, 14)`, false positives and false negatives.
        absent: float. The F1 of a class that neither side holds. NaN leaves it out of
            the macro mean; 0 is what scikit-learn, and so CheXbert's package, does.

    Returns:
        A dict, `micro_f1_14`, `macro_f1_14`, `micro_f1_5`, `macro_f1_5` to float
        arrays `(…)`; NaN where undefined.

    Example:
    ```python
    f1_means(np.ones(14), np.ones(14))["micro_f1_5"]  # 0.667
    ```
    """
    values = {}
    for classes in (range(14), _FIVE):
        twice = 2 * hits[..., classes]
        total = twice + misses[..., classes]
        each = _ratio(twice, total)  # NaN where neither side holds the class.
        each = np.where(np.isnan(each), absent, each)
        known = np.isfinite(each)
        k, each = len(classes), np.where(known, each, 0)
        values[f"micro_f1_{k}"] = _ratio(twice.sum(axis=-1), total.sum(axis=-1))
        values[f"macro_f1_{k}"] = _ratio(each.sum(axis=-1), known.sum(axis=-1))
    return values


@functools.lru_cache(maxsize=20_000)  # The same reports are read again and again.
def _read(text):
    """Labels (14), sides (28), prior and mask of a report."""
    sides = report_sides(text)
    row = list(label_report(text).values())
    row += [side in sides.get(name, ()) for name in OBSERVATIONS for side in SIDES]
    return np.array([*row, names_prior(text), is_masked(text)], "float64")


class ClinicalScorer:
    """Scores references against predictions, labelling each distinct text once.

    Args:
        references: sequence of strings or missing values `(n,)`.
        uncertain: string. What an uncertain label counts as: `"positive"` (as
            CheXbert's report-generation mode does), `"negative"`, or `"ignore"`,
            which leaves that label of that study out.

    Raises:
        InputError: if `uncertain` is none of the three.

    Example:
    ```python
    scorer = ClinicalScorer(["Small left effusion.", "No edema."])
    scorer.score(["Right effusion.", "Clear lungs."])["clinical.wrong_side_share"]
    sums = scorer.counts(["Effusion.", "Edema."])["clinical"].sum(axis=0)
    scorer.scores("clinical", sums, n=2)["micro_f1_14"]
    ```

    Reference:
        - [Smit et al., 2020](https://arxiv.org/abs/2004.09167)
    """

    def __init__(self, references, uncertain="positive"):
        _truths([], uncertain)  # Refuse an unknown mode before any work is done.
        self.uncertain = uncertain
        references = list(references)
        reason = not_english(references)
        self.undefined = reason and f"undefined: {reason}"
        self._references = self._texts(references)

    def _texts(self, texts):
        """Labels `(n, 14)`, sides `(n, 14, 2)`, prior and mask `(n, 2)`."""
        rows = [_read(plain(text)) for text in texts]
        rows = np.array(rows).reshape(-1, 44)
        return rows[:, :14], rows[:, 14:42].reshape(-1, 14, 2) > 0, rows[:, 42:]

    def counts(self, predictions):
        """What each study adds to the sums.

        Args:
            predictions: sequence of strings or missing values `(n,)`.

        Returns:
            A dict `{"clinical": float array (n, 46)}`: true positives, false
            positives, false negatives of the 14 observations; findings on the wrong
            side, findings that both give a side; predictions with a prior, masked.

        Raises:
            InputError: if there are not `n` predictions.
        """
        truth, true_sides, _ = self._references
        predicted, sides, flags = self._texts(predictions)
        if len(truth) != len(predicted):
            raise InputError(
                f"{len(truth)} references but {len(predicted)} predictions: each "
                "study needs one of each, in the same order."
            )
        hits = _hits(truth, predicted, self.uncertain)  # (n, 3, 14)
        sided = true_sides.any(axis=-1) & sides.any(axis=-1) & (hits[:, 0] > 0)
        apart = sided & ~(true_sides & sides).any(axis=-1)
        parts = [hits.reshape(-1, 42), apart.sum(1)[:, None], sided.sum(1)[:, None]]
        return {"clinical": np.concatenate([*parts, flags], axis=1)}

    def scores(self, group, sums, n):
        """The scores from sums over the studies.

        Micro F1 is that of the counts of all classes together. Macro F1 is the mean
        over the classes that reference or prediction holds at least once: one that
        neither holds has no F1, and counting it as 0 (or 1) would measure the choice of
        studies. A class that only predictions hold has F1 0 and counts.

        Args:
            group: string, `"clinical"`.
            sums: float array `(…, 46)`.
            n: int. How many studies were summed.

        Returns:
            A dict, score → float array `(…)`; NaN where undefined: all of them
            where most references are not English, see `self.undefined`.
        """
        sums = np.asarray(sums, "float64")
        if self.undefined:
            return dict.fromkeys(_SCORES, sums[..., 0] * np.nan)
        hits, false, missed = np.split(sums[..., :42], 3, axis=-1)
        values = f1_means(hits, false + missed)
        apart, sided, prior, masked = np.moveaxis(sums[..., 42:], -1, 0)
        values["wrong_side_share"] = _ratio(apart, sided)
        values["prior_share"], values["masked_share"] = _ratio([prior, masked], n)
        return values

    def score(self, predictions):
        """Plain floats by `clinical.score`, for predictions `(n,)` in order."""
        counts = self.counts(predictions)["clinical"]
        values = self.scores("clinical", counts.sum(axis=0), len(counts))
        return {f"clinical.{name}": float(value) for name, value in values.items()}


def clinical_scores(
    references,
    predictions,
    section="impression",
    split="test",
    uncertain="positive",
    scorer=None,
    counts=None,
    intervals=True,
):
    """Every clinical score with its interval and protocol.

    Args:
        references: sequence of strings `(n,)`. Studies without one are left out and
            counted.
        predictions: sequence of strings `(n,)`. A missing one is an empty report,
            which finds nothing and does not say "No Finding" either.
        section: string. What the references are: `"impression"`, `"findings"`, …
        split: string. Where they come from.
        uncertain: string, see `ClinicalScorer`.
        scorer: `ClinicalScorer` of the references that are kept, if there is one
            already; its `uncertain` then applies.
        counts: dict. The output of `scorer.counts`, if they are already counted.
        intervals: bool. Whether to resample the studies.

    Returns:
        A dict of scores (see `cxrscore.score`): `clinical.micro_f1_14`,
        `clinical.macro_f1_14`, `clinical.micro_f1_5`, `clinical.macro_f1_5`,
        `clinical.wrong_side_share`, `clinical.prior_share`,
        `clinical.masked_share`. From two studies on with an `interval`, unless all
        resamples agree. The `n` of `wrong_side_share` counts findings that have a side
        in both texts, as its protocol says (`counted`), in so many `studies`.

    Raises:
        InputError: if the two differ in number, or `uncertain` is unknown.

    Example:
    ```python
    clinical_scores(["Edema."], ["Mild edema."])["clinical.micro_f1_14"]["value"]
    ```
    """
    references, predictions, left_out = answered(references, predictions)
    scorer = scorer or ClinicalScorer(references, uncertain)
    counts = (counts or scorer.counts(predictions))["clinical"]
    common = {"section": section, "split": split, "left_out": left_out}
    words = {name: common | own for name, own in _SCORES.items()}
    for own in words.values():
        if "labels" in own:
            own["uncertain"] = _MODES[scorer.uncertain]
    # Several findings of one study count, so n is not the number of studies.
    own = {"counted": "findings", "studies": int((counts[:, 43] > 0).sum())}
    words["wrong_side_share"] |= own
    scores = functools.partial(scorer.scores, "clinical")
    notes = dict.fromkeys(words, scorer.undefined) if scorer.undefined else NOTES
    return records("clinical", counts, scores, words, intervals, notes, shares=_SHARES)


def per_class(truth, predicted, uncertain="positive"):
    """Precision, recall and F1 of each observation.

    Args:
        truth: array `(n, 14)` of 1, 0, -1 (uncertain) or NaN, columns as
            `OBSERVATIONS`; such as `label_reports(references)`.
        predicted: array `(n, 14)`, alike.
        uncertain: string, see `ClinicalScorer`.

    Returns:
        A `pandas.DataFrame` by observation: `precision`, `recall`, `f1` (NaN where
        undefined), `support` (studies whose truth holds it), `predicted` (studies
        whose prediction does) and `n` (studies compared).

    Raises:
        InputError: if the two differ in number, or `uncertain` is unknown.

    Example:
    ```python
    per_class(label_reports(["Edema."]), label_reports(["Edema."])).loc["Edema"]
    ```
    """
    shape, other = np.shape(truth), np.shape(predicted)
    if shape != other or shape[1:] != (len(OBSERVATIONS),):
        raise InputError(f"Labels of shapes {shape} and {other}: both must be (n, 14).")
    hit, false, missed = _hits(truth, predicted, uncertain).sum(axis=0)
    counted = _truths(truth, uncertain)[1] & _truths(predicted, uncertain)[1]
    table = {
        "precision": _ratio(hit, hit + false),
        "recall": _ratio(hit, hit + missed),
        "f1": _ratio(2 * hit, 2 * hit + false + missed),
        "support": (hit + missed).astype(int),
        "predicted": (hit + false).astype(int),
        "n": counted.sum(axis=0),
    }
    return pd.DataFrame(table, index=pd.Index(OBSERVATIONS, name="observation"))

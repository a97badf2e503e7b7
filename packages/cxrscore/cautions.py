"""Warnings: what a reader of the scores must know before trusting them."""

from typing import NamedTuple

from cxrscore.clinical.language import foreign, not_english
from cxrscore.score import format_score
from cxrscore.texts.plain import is_unspaced
from cxrscore.texts.protocols import tidy

DISTINCT = 0.1  # Below this share of different reports the model is repetitive.
SHORT = 0.5  # Words per prediction by words per reference.
FEW = 30  # Below this number of studies bootstrap intervals are too narrow.
LEAST = 4  # Below it one resample in ten holds only one study, which proves nothing.
MANY = 0.1  # From this share of references in another language on there is a warning.
_WATCHED = ("bleu_4", "bleu", "rouge_l", "auroc")


class Caution(NamedTuple):
    """A warning, in short and in full.

    Args:
        name: string. Two or three words.
        what: string. The finding, in one line.
        numbers: string. The evidence.
        words: string. The same as a sentence, every score named.
    """

    name: str
    what: str
    numbers: str
    words: str


def _watched(scores):
    """The scores that papers quote, where they are defined."""
    return {
        name: record
        for name, record in scores.items()
        if (name.split(".")[-1] in _WATCHED or "_f1_" in name)
        and record["value"] is not None
    }


def cautions(scores, references=(), predictions=()):
    """Say what makes scores worth less than they look.

    Args:
        scores: dict of scores, as of `evaluate_predictions(…)["scores"]` or
            the `metrics` of a `results.json`.
        references: sequence of strings `(n,)`.
        predictions: sequence of strings `(n,)`.

    Returns:
        A list of `Caution`, empty where there is nothing to say: few distinct or very
        short reports, reports that are not in English, a constant that does as well,
        no loss when the images are permuted, few studies. Undefined scores give no
        warning.

    Example:
    ```python
    cautions({}, ["No edema.", "Effusion."], ["Normal.", "Normal."])
    ```
    """
    watched = _watched(scores)
    return [
        *_texts(references, predictions),
        *(_language(references, predictions) if _is_clinical(scores) else ()),
        *_no_gain(watched),
        *_no_fall(watched),
        *_few(watched),
    ]


def _texts(references, predictions):
    n, distinct = len(predictions), len(set(map(tidy, predictions)))
    if n > 1 and (distinct == 1 or distinct < DISTINCT * n):
        share = f"{distinct} of {n} predictions are distinct ({distinct / n:.1%})"
        others = len(set(map(tidy, references)))
        yield Caution(
            "few distinct reports",
            "most studies share their report with another study",
            f"{distinct} of {n}; of the references {others}",
            f"{share}; of the references {others} are.",
        )
    empty = sum(not any(map(str.isalnum, tidy(text))) for text in predictions)
    if empty:
        yield Caution(
            "empty reports",
            "they score 0",
            f"{empty} of {n}",
            f"{empty} of {n} predictions are empty and score 0.",
        )
    words = [
        sum(len(tidy(t).split()) for t in texts) for texts in (predictions, references)
    ]
    if any(map(is_unspaced, map(tidy, references))):  # Then words cannot be counted.
        return
    if n and words[0] < SHORT * words[1]:
        own, other = (f"{count / n:.1f}" for count in words)
        yield Caution(
            "short reports",
            "less than half as long as the references",
            f"{own} words on average; the references {other}",
            f"The predictions are very short: {own} words on average, the references "
            f"{other}.",
        )


def _is_clinical(scores):
    return any(name.startswith("clinical.") for name in scores)


def _language(references, predictions):
    """Whether the labeler can read what it is given."""
    reason = not_english(references)
    if reason:
        words = f"The clinical scores are undefined: {reason}."
        yield Caution("another language", "clinical scores are undefined", "", words)
        return
    strange, n = sum(foreign(references)), len(references)
    if strange > max(1, MANY * n):
        yield Caution(
            "another language",
            "the labeler finds little in references that are not English",
            f"{strange} of {n}",
            f"{strange} of {n} references do not read as English: in them the labeler "
            "finds little or nothing.",
        )
    strange, n = sum(foreign(predictions)), len(predictions)
    if 2 * strange > n and not_english(predictions):
        yield Caution(
            "another language",
            "the labeler finds nothing in predictions that are not English",
            f"{strange} of {n}",
            f"{strange} of {n} predictions do not read as English: in them the labeler "
            "finds nothing, and calls that No Finding.",
        )


def _no_gain(watched):
    """Scores in which one report for all does as well, or may do so."""
    compared, worse, alike = 0, [], []
    for name, record in watched.items():
        gain, ends = record.get("gain"), record.get("gain_interval")
        if gain is None or not (gain or record["value"]):
            continue  # 0 against 0, as in BLEU-4 of two words, means nothing.
        compared += 1
        values = map(format_score, (record["value"], record["value"] - gain))
        words = f"{name} ({' against '.join(values)})"
        if gain <= 0:
            worse.append(words)
        elif ends and ends[0] <= 0 and record["n"] >= LEAST:
            alike.append(words)
    parts = []
    if worse:
        parts.append(f"the predictions are not better in {', '.join(worse)}")
    if alike:
        listed = ", ".join(alike)
        parts.append(f"the difference's interval includes 0 in {listed}")
    if parts:
        yield Caution(
            "no gain",
            "the same answer for every study does as well",
            f"not better in {len(worse)} of {compared} scores, not clearly in "
            f"{len(alike)} more",
            "One and the same answer for every study does as well: "
            f"{'; '.join(parts)}.",
        )


def _no_fall(watched):
    """Scores that do not fall when every study gets another study's output."""
    tested = {  # A fall that is 0 in all resamples has no interval.
        name: record | {"ends": record.get("fall_interval") or [record["fall"]]}
        for name, record in watched.items()
        if record.get("fall_interval") or record.get("fall") == 0 and record["value"]
    }
    level = [
        name
        for name, record in tested.items()
        if record["ends"][0] <= 0 and (record["n"] >= LEAST or record["fall"] <= 0)
    ]
    if level:
        yield Caution(
            "images not used",
            "permuting the images does not clearly lower the scores",
            f"{len(level)} of {len(tested)} scores",
            "As if the images were not looked at: permuting the outputs among the "
            f"studies costs nothing, or nothing that is sure, in {', '.join(level)}.",
        )


def _few(watched):
    n = min((record["n"] for record in watched.values()), default=FEW)
    if n < FEW:
        yield Caution(
            "few studies",
            "they show little, and their bootstrap intervals are too narrow",
            f"n = {n}",
            f"n={n}: so few studies show little, and their bootstrap intervals are too "
            "narrow.",
        )

"""Words of warning: what a reader of the figures must know before believing them."""

from cxrscore.clinical.language import foreign, not_english
from cxrscore.figure import format_figure
from cxrscore.texts.plain import is_unspaced
from cxrscore.texts.protocols import tidy

DISTINCT = 0.1  # Below this share of different reports the model says little.
SHORT = 0.5  # Words per prediction by words per reference.
FEW = 30  # Studies below which a bootstrap is too sure of itself.
LEAST = 4  # Below it one resample in ten holds a single study, which proves nothing.
MANY = 0.1  # Share of references in another language from which on it is told.
_WATCHED = ("bleu_4", "bleu", "rouge_l", "auroc")


def _watched(figures):
    """The figures that papers quote, where they are defined."""
    return {
        name: record
        for name, record in figures.items()
        if (name.split(".")[-1] in _WATCHED or "_f1_" in name)
        and record["value"] is not None
    }


def cautions(figures, references=(), predictions=()):
    """Say in words what makes figures worth less than they look.

    Args:
        figures: dict of figures, as of `evaluate_predictions(…)["figures"]` or
            the `metrics` of a `results.json`.
        references: sequence of strings `(n,)`.
        predictions: sequence of strings `(n,)`.

    Returns:
        A list of strings, empty where there is nothing to say: few distinct or very
        short reports, reports that are not in English, a constant that does as well,
        no loss by exchanging the images, few studies. Nothing is drawn from a figure
        that is undefined.

    Example:
    ```python
    cautions({}, ["No edema.", "Effusion."], ["Normal.", "Normal."])
    ```
    """
    watched = _watched(figures)
    said = [
        *_texts(references, predictions),
        *(_language(references, predictions) if _is_clinical(figures) else ()),
        _no_gain(watched),
        _no_fall(watched),
        _few(watched),
    ]
    return [sentence for sentence in said if sentence]


def _texts(references, predictions):
    n, distinct = len(predictions), len(set(map(tidy, predictions)))
    if n > 1 and (distinct == 1 or distinct < DISTINCT * n):
        yield (
            f"{distinct} of {n} predictions are distinct ({distinct / n:.1%}); of the "
            f"references {len(set(map(tidy, references)))} are."
        )
    empty = sum(not any(map(str.isalnum, tidy(text))) for text in predictions)
    if empty:
        yield f"{empty} of {n} predictions are empty and score 0."
    words = [
        sum(len(tidy(t).split()) for t in texts) for texts in (predictions, references)
    ]
    if any(map(is_unspaced, map(tidy, references))):  # Then words cannot be counted.
        return
    if n and words[0] < SHORT * words[1]:
        yield (
            f"The predictions are very short: {words[0] / n:.1f} words on average, "
            f"the references {words[1] / n:.1f}."
        )


def _is_clinical(figures):
    return any(name.startswith("clinical.") for name in figures)


def _language(references, predictions):
    """Whether the labeler can read what it is given."""
    reason = not_english(references)
    if reason:
        yield f"The clinical scores are undefined: {reason}."
        return
    strange = sum(foreign(references))
    if strange > max(1, MANY * len(references)):
        yield (
            f"{strange} of {len(references)} references do not read as English: in "
            "them the labeler finds little or nothing."
        )
    strange, n = sum(foreign(predictions)), len(predictions)
    if 2 * strange > n and not_english(predictions):
        yield (
            f"{strange} of {n} predictions do not read as English: in them the labeler "
            "finds nothing, and calls that No Finding."
        )


def _no_gain(watched):
    """Figures in which one report for all does as well, surely or perhaps."""
    worse, alike = [], []
    for name, record in watched.items():
        gain, ends = record.get("gain"), record.get("gain_interval")
        if gain is None or not (gain or record["value"]):
            continue  # 0 against 0, as BLEU-4 of two words, tells nothing.
        values = map(format_figure, (record["value"], record["value"] - gain))
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
    words = "One and the same answer for every study does as well"
    return f"{words}: {'; '.join(parts)}." if parts else ""


def _no_fall(watched):
    """Figures that do not fall when every study gets another study's output."""
    level = [
        name
        for name, record in watched.items()
        if record.get("fall_interval")
        and record["fall_interval"][0] <= 0
        and (record["n"] >= LEAST or record["fall"] <= 0)
    ]
    if not level:
        return ""
    return (
        "As if the images were not looked at: dealing the outputs to other studies "
        f"costs nothing, or nothing that is sure, in {', '.join(level)}."
    )


def _few(watched):
    n = min((record["n"] for record in watched.values()), default=FEW)
    if n >= FEW:
        return ""
    return f"n={n}: so few studies show little, and their intervals are too narrow."

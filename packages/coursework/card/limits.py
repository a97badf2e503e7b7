"""What a model card must warn about, read from the results, never typed by hand."""

import math

from coursework.card.scores import tested
from coursework.legend import RIVALS, quote
from cxrbase.grounds import NAMES
from cxrscore.labels.scores import LOWER_IS_BETTER
from cxrscore.score import format_score
from cxrscore.tables import format_interval
from cxrscore.texts.protocols import tidy

FEW = 20  # Studies; a share of fewer is hardly a score.
MANY = 400  # From this many studies on a share is known to within 5 points.
# Where less is better, or nothing is; and what a single class makes perfect.
NOT_RANKED = (
    *LOWER_IS_BETTER,
    *("mse", "loss", "distinct", "share", "ratio", "sensitivity", "specificity"),
)
MEASURED = {
    "phantom": "The studies measured here are simulated: no score says how the "
    "model does on a patient.",
    "drawn": "The images measured here are simulated, after real reports: no score "
    "says how the model does on a radiograph.",
}


def limits(record, predictions=None):
    """Say what the results do not show, or show to be weak.

    Args:
        record: dict, from `coursework.results.read_results`.
        predictions: `pandas.DataFrame` or `None`. The `predictions.csv` beside it.

    Returns:
        A list of sentences.

    Example:
    ```python
    limits(read_results("outputs/demo/07_multitask/results.json"))
    ```
    """
    everything = tested(record["metrics"])
    subgroups = {k: v for k, v in everything.items() if k.startswith("subgroup.")}
    metrics = {k: v for k, v in everything.items() if k not in subgroups}
    ranked = {
        name: score
        for name, score in metrics.items()
        if score["value"] is not None and not name.endswith(NOT_RANKED)
    }
    return [
        *_ground(record),
        *_size(metrics, ranked),
        *_classes(metrics),
        *_findings(metrics, predictions),
        *_reports(predictions),
        *_baselines(ranked),
        *_permuted(ranked),
        *_split(record),
        *_subgroups(subgroups),
    ]


def _ground(record):
    data, model = record["dataset"]["ground"], record.get("model", {})
    if data in MEASURED:
        yield MEASURED[data]
    trained, about = model.get("ground"), record.get("pretrained", {})
    if trained == "phantom":
        starts = [
            origin == "none" or about.get(part, {}).get("ground") == "phantom"
            for part, origin in record["weights"].items()
        ]
        if starts and all(starts):
            yield (
                "It has never seen a human being: all that it was ever trained on is "
                "simulated."
            )
        else:
            yield (
                "What it was trained on is simulated; real data can only have been in "
                "its pretrained weights."
            )
    elif trained == "drawn":
        yield "It was trained on simulated images beside real reports."
    if trained and trained != data:
        yield (
            f"It was trained on {NAMES.get(trained, trained)} and measured on "
            f"{NAMES[data]}: the scores show how it generalises, not what it learned."
        )


def _size(metrics, ranked):
    if not metrics:
        yield "The results hold no score: how good the model is, is not known."
        return
    n = max(score["n"] for score in metrics.values())
    if 0 < n < MANY:
        points = 100 * 1.96 * math.sqrt(0.25 / n)
        yield (
            f"Measured on {n} {'study' if n == 1 else 'studies'}: chance alone moves "
            f"a share near one half by ±{points:.0f} points."
        )
    spans = {name: score.get("interval") for name, score in ranked.items()}
    # Only scores between 0 and 1 can be compared.
    widths = {k: s[1] - s[0] for k, s in spans.items() if s and 0 <= s[0] <= s[1] <= 1}
    if widths:
        name = max(widths, key=widths.get)
        ends = format_interval(spans[name])
        yield f"The widest 95 % interval is that of {name}: {ends}."
    if ranked and not any(spans.values()):
        yield "The scores carry no intervals: how far chance moves them is not known."


def _classes(metrics):
    """Counts of the two classes, from the protocols of a label's scores."""
    counts = {
        (name.split(".")[0], score["n"], score["protocol"]["positives"])
        for name, score in metrics.items()
        if isinstance(score["protocol"].get("positives"), int)
    }
    for label, n, positives in counts:
        if min(positives, n - positives) < FEW:
            yield (
                f"Studies with a label: {n}, {label} among them: {positives}. The "
                "rarer class is too small for a firm score."
            )


def _findings(metrics, predictions):
    """Findings that too few references mention, where findings are scored."""
    if predictions is None or "reference" not in predictions:
        return
    clinical = [f for name, f in metrics.items() if name.startswith("clinical.")]
    if all(score["value"] is None for score in clinical):
        return  # None there, or reports in a language that the labeler does not read.
    from cxrscore.clinical.labeler import OBSERVATIONS, label_reports

    labels = label_reports(list(predictions["reference"]))  # (n, 14), 1 is positive
    support = dict(zip(OBSERVATIONS, (labels == 1).sum(axis=0), strict=True))
    rare = {name: count for name, count in support.items() if 0 < count < FEW}
    absent = [name for name, count in support.items() if count == 0]
    if rare:
        words = ", ".join(f"{name} {count}" for name, count in rare.items())
        yield f"Findings that fewer than {FEW} references affirm: {words}."
    if absent:
        yield f"Findings that no reference affirms: {', '.join(absent)}."


def _reports(predictions):
    if predictions is None or not {"reference", "prediction"} <= set(predictions):
        return
    written = predictions["prediction"].map(tidy)
    counts, n = written.value_counts(), len(written)
    if n < 2:
        return
    if len(counts) == 1:
        yield f"It writes the same report for all {n} studies."
        return
    yield (
        f"It writes {len(counts)} different reports for {n} studies, which have "
        f"{predictions['reference'].map(tidy).nunique()} different references."
    )
    if counts.iloc[0] > 1:
        most = predictions["prediction"][written.eq(counts.index[0]).idxmax()]
        yield f"It writes {quote(most)} {counts.iloc[0]} times."


def _baselines(ranked):
    """Scores that an answer without a model reaches as well."""
    weak, compared = [], 0
    for name, score in ranked.items():
        beside = [(score[k], k) for k in RIVALS if score.get(k) is not None]
        if not beside:
            continue
        compared += 1
        best, kind = max(beside)
        if (score.get("interval") or [score["value"]])[0] <= best:
            value, best = format_score(score["value"]), format_score(best)
            weak.append(f"{name} {value} ({kind} {best})")
    if weak:
        yield (
            f"{len(weak)} of {compared} scores are not above their best baseline, or "
            f"not surely: {_some(weak)}."
        )


def _permuted(ranked):
    falls = {n: f for n, f in ranked.items() if f.get("fall") is not None}
    # A fall within rounding error does not count.
    still = [
        name
        for name, score in falls.items()
        if (score.get("fall_interval") or [score["fall"]])[0] < 1e-9
    ]
    if still:
        yield (
            f"{len(still)} of {len(falls)} scores do not fall, or not surely, when "
            f"the images are permuted, and so show no use of them: {_some(still)}."
        )
    elif falls:
        yield (
            f"All {len(falls)} scores that were tested fall when the images are "
            "permuted: the model's output depends on the image."
        )
    elif ranked:
        yield (
            "No score was measured with the images permuted: whether the model looks "
            "at them is not known."
        )


def _split(record):
    by = record["dataset"].get("split_by")
    if by is None:
        yield "How the studies were split is not known."
    elif by != "patient" and record["dataset"]["ground"] != "phantom":
        yield (
            f"The split goes by {by}, not by patient: one patient's studies may be on "
            "both sides of it."
        )


def _subgroups(scores):
    """For whom it is worse, as far as that was measured."""
    if not scores:
        yield (
            "The results hold no score by age, sex, hospital or machine: whether the "
            "model is worse for some is not known."
        )
        return
    values = {name: score["value"] for name, score in scores.items()}
    ends = (min(values, key=values.get), max(values, key=values.get))
    lowest, highest = (f"{name} {format_score(values[name])}" for name in ends)
    columns = {score["protocol"].get("subgroup") for score in scores.values()}
    yield (
        f"Scored by subgroup ({', '.join(sorted(filter(None, columns)))}), it goes "
        f"from {lowest} to {highest}. Whether it is worse for others, by what was not "
        "measured (such as age, sex, hospital, machine), is not known."
    )


def _some(words, most=5):
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more

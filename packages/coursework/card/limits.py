"""What a model card must warn of, read off the results and never typed by hand."""

import math

from coursework.card.figures import tested
from coursework.legend import RIVALS, quote
from cxrscore.figure import format_figure
from cxrscore.labels.scores import LOWER_IS_BETTER
from cxrscore.tables import format_interval
from cxrscore.texts.protocols import tidy

FEW = 20  # Studies; a share of fewer is hardly a figure.
MANY = 400  # Studies from which on a share is known to within 5 points.
# Where less is better or nothing is; and what one class alone makes perfect.
NOT_RANKED = (
    *LOWER_IS_BETTER,
    *("mse", "loss", "distinct", "share", "ratio", "sensitivity", "specificity"),
)
MEASURED = {
    "phantom": "The studies measured here are simulated: no figure says how the "
    "model does on a patient.",
    "drawn": "The images measured here are simulated, after real reports: no figure "
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
    metrics = tested(record["metrics"])
    ranked = {
        name: figure
        for name, figure in metrics.items()
        if figure["value"] is not None and not name.endswith(NOT_RANKED)
    }
    return [
        *_ground(record),
        *_size(metrics, ranked),
        *_classes(metrics),
        *_findings(metrics, predictions),
        *_reports(predictions),
        *_baselines(ranked),
        *_shuffle(ranked),
        *_split(record),
        "The results hold no figure by age, sex, hospital or machine: whether the "
        "model is worse for some is not known.",
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
                "What it was trained on is simulated; real data it can have met in "
                "its pretrained weights alone."
            )
    elif trained == "drawn":
        yield "It was trained on simulated images beside real reports."
    if trained and trained != data:
        yield (
            f"It was trained on one ground ({trained}) and measured on another "
            f"({data}): the figures tell how far it carries, not what it learned."
        )


def _size(metrics, ranked):
    if not metrics:
        yield "The results hold no figure: how good the model is, is not known."
        return
    n = max(figure["n"] for figure in metrics.values())
    if 0 < n < MANY:
        points = 100 * 1.96 * math.sqrt(0.25 / n)
        yield (
            f"Measured on {n} {'study' if n == 1 else 'studies'}: chance alone moves "
            f"a share near one half by ±{points:.0f} points."
        )
    spans = {name: figure.get("interval") for name, figure in ranked.items()}
    # Only figures between 0 and 1 can be compared.
    widths = {k: s[1] - s[0] for k, s in spans.items() if s and 0 <= s[0] <= s[1] <= 1}
    if widths:
        name = max(widths, key=widths.get)
        ends = format_interval(spans[name])
        yield f"The widest 95 % interval is that of {name}: {ends}."
    if ranked and not any(spans.values()):
        yield "The figures carry no intervals: how far chance moves them is not known."


def _classes(metrics):
    """Counts of the two classes, from the protocols of a label's figures."""
    counts = {
        (name.split(".")[0], figure["n"], figure["protocol"]["positives"])
        for name, figure in metrics.items()
        if isinstance(figure["protocol"].get("positives"), int)
    }
    for label, n, positives in counts:
        if min(positives, n - positives) < FEW:
            yield (
                f"Studies with a label: {n}, {label} among them: {positives}. The "
                "rarer class is too small for a firm figure."
            )


def _findings(metrics, predictions):
    """Findings that too few references speak of, where findings are scored."""
    if predictions is None or "reference" not in predictions:
        return
    clinical = [f for name, f in metrics.items() if name.startswith("clinical.")]
    if all(figure["value"] is None for figure in clinical):
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
        yield f"It writes one and the same report for all {n} studies."
        return
    yield (
        f"It writes {len(counts)} different reports for {n} studies, whose references "
        f"are {predictions['reference'].map(tidy).nunique()} different ones."
    )
    if counts.iloc[0] > 1:
        commonest = predictions["prediction"][written.eq(counts.index[0]).idxmax()]
        yield f"{quote(commonest)} it writes {counts.iloc[0]} times."


def _baselines(ranked):
    """Figures that an answer without a model reaches as well."""
    weak, compared = [], 0
    for name, figure in ranked.items():
        beside = [(figure[k], k) for k in RIVALS if figure.get(k) is not None]
        if not beside:
            continue
        compared += 1
        best, kind = max(beside)
        if (figure.get("interval") or [figure["value"]])[0] <= best:
            value, best = format_figure(figure["value"]), format_figure(best)
            weak.append(f"{name} {value} ({kind} {best})")
    if weak:
        yield (
            f"{len(weak)} of {compared} figures are not above their best baseline, or "
            f"not surely: {_some(weak)}."
        )


def _shuffle(ranked):
    falls = {n: f for n, f in ranked.items() if f.get("fall") is not None}
    # A fall of a rounding error is none.
    still = [
        name
        for name, figure in falls.items()
        if (figure.get("fall_interval") or [figure["fall"]])[0] < 1e-9
    ]
    if still:
        yield (
            f"{len(still)} of {len(falls)} figures do not fall, or not surely, when "
            f"the images are shuffled, and so show no use of them: {_some(still)}."
        )
    elif falls:
        yield (
            f"All {len(falls)} figures that were tested fall when the images are "
            "shuffled: what the model says depends on the image."
        )
    elif ranked:
        yield (
            "No figure was measured with the images shuffled: whether the model looks "
            "at them is not known."
        )


def _split(record):
    by = record["dataset"].get("split_by")
    if by is None:
        yield "How the studies were split is not known."
    elif by != "patient" and record["dataset"]["ground"] != "phantom":
        yield (
            f"The split goes by {by}, not by patient: one patient's studies may lie on "
            "both sides of it."
        )


def _some(words, most=5):
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more

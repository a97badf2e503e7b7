"""The columns beside the values of a run: which there are, what each means."""

from cxrscore.tables import BASELINES, TITLES

RIVALS = (*BASELINES, "centre")  # They need no report model, and should be worse.
BESIDE = (*RIVALS, "shuffled", "fall", "rest")


def title_of(kind):
    """The title of a column: `"permuted"` for `"shuffled"`, its name in files."""
    return TITLES.get(kind, kind)


def columns_beside(scores):
    """The columns that at least one score has beside its value.

    Args:
        scores: dict of scores.

    Returns:
        A list of strings, in the order of `BESIDE`.

    Example:
    ```python
    columns_beside(record["metrics"])  # ["constant", "shuffled", "fall"]
    ```
    """
    return [kind for kind in BESIDE if any(kind in each for each in scores.values())]


def legend(record, scores):
    """Explain the columns beside the values of a run.

    Args:
        record: dict, from `coursework.results.read_results`.
        scores: dict of scores, those of its `metrics` that are shown.

    Returns:
        A list of pairs, a column and its meaning.

    Example:
    ```python
    dict(legend(record, record["metrics"]))["permuted"]
    ```
    """
    said = record["baselines"]
    label, mask = said.get("constant_label"), said.get("constant_mask")
    is_pointing = any(name.startswith("pointing.") for name in scores)
    constant = [
        _report(said.get("constant_report"), "the best single report"),
        f"for a label {label}" if label else "",
        f"for a mask the {mask}" if mask else "",
        "for a heat map a uniform one" if is_pointing else "",
    ]
    there = "; ".join(filter(None, constant))
    words = {
        "constant": "one answer for every study" + (there and f": {there}"),
        "frequent": _report(said.get("frequent_report"), "the most frequent report")
        or "the most frequent report",
        "random": said.get("random_report") or "a train report drawn at random",
        "nearest": said.get("nearest_report")
        or "the report of the nearest train study",
        "centre": "a heat map that always points to the middle",
        "shuffled": "every study gets the output for another study's images",
        "fall": "value − permuted; where it is 0, the images were not used",
        "rest": "the same score of all others, to compare a subgroup with",
    }
    return [(title_of(kind), words[kind]) for kind in columns_beside(scores)]


def quote(text, longest=120):
    """A report in quotation marks, cut where it gets long."""
    text = " ".join(str(text).split())
    return f"“{text if len(text) <= longest else text[: longest - 1] + '…'}”"


def _report(report, words):
    """A constant report with its text and where it was chosen."""
    if not isinstance(report, dict) or not report.get("text"):
        return ""
    of = f" of {report['chosen_on']}" if report.get("chosen_on") else ""
    return f"{words}{of}, {quote(report['text'])}"

"""The figures of a model card: grouped, with intervals, baselines and protocols."""

import collections

from cxrscore.figure import format_figure
from cxrscore.tables import BASELINES, format_interval

GROUPS = {
    "Reconstruction": ("frontal", "lateral"),
    "Label": ("abnormal",),
    "Text": (
        *("coco", "rouge_score", "rouge_score_stem", "sacrebleu", "nltk", "meteor"),
        "text",
    ),
    "Clinical content": ("clinical",),
    "Interpretation": ("pointing", "interpretation"),
}
OTHER = "Further figures"
PROGRESS = ("before_training", "training")  # They measure no test study.
RIVALS = (*BASELINES, "centre")  # What costs nothing, and ought to be worse.
BESIDE = (*RIVALS, "shuffled", "fall")


def tested(metrics):
    """Leave out how training went.

    Args:
        metrics: dict, of a `results.json`.

    Returns:
        A dict, the figures that rest on the evaluated studies.

    Example:
    ```python
    tested(read_results(path)["metrics"])
    ```
    """
    return {
        name: figure
        for name, figure in metrics.items()
        if name.split(".")[0] not in PROGRESS
    }


def shared_protocol(metrics):
    """What the protocols of more than half of the figures say alike.

    Args:
        metrics: dict of figures.

    Returns:
        A dict of strings, to say once instead of figure by figure.

    Example:
    ```python
    shared_protocol(metrics)  # {"n": "194", "split": "test"}
    ```
    """
    said = collections.Counter(
        pair for figure in metrics.values() for pair in _protocol(figure).items()
    )
    return dict(pair for pair, count in said.items() if 2 * count > len(metrics))


def tables(metrics, shared):
    """One table per group of figures, in the order of `GROUPS`.

    Args:
        metrics: dict of figures.
        shared: dict, from `shared_protocol`; it is not said again.

    Returns:
        A list of dicts: `title`; `columns`; `rows`, tuples of strings; `words`,
        pairs of figures' names and what their protocols and notes say.

    Example:
    ```python
    tables(metrics, shared_protocol(metrics))[0]["title"]  # "Reconstruction"
    ```
    """
    group_of = {prefix: name for name, group in GROUPS.items() for prefix in group}
    groups = {name: {} for name in (*GROUPS, OTHER)}
    for name, figure in metrics.items():
        groups[group_of.get(_prefix(name), OTHER)][name] = figure
    return [_table(title, group, shared) for title, group in groups.items() if group]


def legend(record):
    """What stands beside the values of a run.

    Args:
        record: dict, from `coursework.results.read_results`.

    Returns:
        A list of pairs, a column and its meaning.

    Example:
    ```python
    dict(legend(record))["shuffled"]
    ```
    """
    said = record["baselines"]
    label, mask = said.get("constant_label"), said.get("constant_mask")
    figures = tested(record["metrics"])
    is_pointing = any(_prefix(name) == "pointing" for name in figures)
    constant = [
        _report(said.get("constant_report"), "the best single report"),
        f"for a label {label}" if label else "",
        f"for a mask the {mask}" if mask else "",
        "for a heat map a uniform one" if is_pointing else "",
    ]
    words = {
        "constant": "; ".join(filter(None, constant)) or "one answer for every study",
        "frequent": _report(said.get("frequent_report"), "the commonest report"),
        "random": said.get("random_report") or "a train report drawn at random",
        "nearest": said.get("nearest_report")
        or "the report of the nearest train study",
        "centre": "a heat map that always points to the middle",
        "shuffled": "every study gets the output for another study's images",
        "fall": "what the shuffle costs; without one the images were not looked at",
    }
    return [(kind, words[kind] or kind) for kind in _kinds(figures.values())]


def quote(text, longest=120):
    """A report in quotation marks, cut where it gets long."""
    text = " ".join(str(text).split())
    return f"“{text if len(text) <= longest else text[: longest - 1] + '…'}”"


def _prefix(name):
    return name.split(".")[0]


def _kinds(figures):
    return [kind for kind in BESIDE if any(kind in figure for figure in figures)]


def _protocol(figure):
    """What a figure's protocol says, but for what says nothing."""
    said = {"n": figure["n"]} | figure["protocol"]
    said.pop("protocol", None)  # The figure's name begins with it.
    if said.get("left_out") == 0:
        del said["left_out"]
    return {key.replace("_", " "): str(value) for key, value in said.items()}


def _table(title, figures, shared):
    kinds = _kinds(figures.values())
    columns = {kind: [_number(f, kind) for f in figures.values()] for kind in kinds}
    ends = [_interval(figure.get("interval")) for figure in figures.values()]
    falls = [_interval(figure.get("fall_interval")) for figure in figures.values()]
    if any(falls):  # The fall itself is the difference of two other columns.
        values = zip(falls, columns.pop("fall"), strict=True)
        columns["fall, 95 %"] = [ends or number for ends, number in values]
    columns = {
        "value": [_number(figure, "value") for figure in figures.values()],
        **({"95 %": ends} if any(ends) else {}),
        **columns,
    }
    of = {}  # What is said → the figures that it is said of.
    for name, figure in figures.items():
        own = [pair for pair in _protocol(figure).items() if pair not in shared.items()]
        for said in (*map(": ".join, own), figure.get("note")):
            of.setdefault(said, []).append(name)
    of.pop(None, None)
    words = {}  # The figures → all that is said of just these.
    for said, names in of.items():
        words.setdefault(", ".join(_short(names, figures)), []).append(said)
    return {
        "title": title,
        "columns": ["figure", *columns],
        "rows": list(zip(figures, *columns.values(), strict=True)),
        "words": [(names, "; ".join(each)) for names, each in words.items()],
    }


def _short(names, figures):
    """Names in short: `coco` for all of `coco.…`, else its name said but once."""
    before = None
    for name in names:
        prefix = _prefix(name)
        whole = [each for each in figures if _prefix(each) == prefix]
        if len(whole) > 1 and set(whole) <= set(names):
            if name == whole[0]:
                yield prefix
        else:
            yield name.removeprefix(f"{prefix}.") if prefix == before else name
        before = prefix


def _number(figure, kind):
    return format_figure(figure[kind]) if kind in figure else ""


def _interval(ends):
    return format_interval(ends).replace(" ", "\xa0")  # No line breaks inside.


def _report(report, words):
    """A constant report with its text and where it was chosen."""
    if not isinstance(report, dict) or not report.get("text"):
        return ""
    of = f" of {report['chosen_on']}" if report.get("chosen_on") else ""
    return f"{words}{of} for every study, {quote(report['text'])}"

"""The figures of a model card: grouped, with intervals, baselines and protocols."""

import collections

from coursework.legend import columns_beside
from cxrscore.figure import format_figure
from cxrscore.tables import format_interval

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


def _prefix(name):
    return name.split(".")[0]


def _protocol(figure):
    """What a figure's protocol says, but for what says nothing."""
    said = {"n": figure["n"]} | figure["protocol"]
    said.pop("protocol", None)  # The figure's name begins with it.
    if said.get("left_out") == 0:
        del said["left_out"]
    return {key.replace("_", " "): str(value) for key, value in said.items()}


def _table(title, figures, shared):
    columns = {
        kind: [_number(figure, kind) for figure in figures.values()]
        for kind in columns_beside(figures)
    }
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

"""The scores of a model card: grouped, with intervals, baselines and protocols."""

import collections

from coursework.legend import columns_beside
from cxrscore.score import format_score
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
OTHER = "Further scores"
PROGRESS = ("before_training", "training")  # They measure no test study.


def tested(metrics):
    """Leave out how training went.

    Args:
        metrics: dict, of a `results.json`.

    Returns:
        A dict, the scores that rest on the evaluated studies.

    Example:
    ```python
    tested(read_results(path)["metrics"])
    ```
    """
    return {
        name: score
        for name, score in metrics.items()
        if name.split(".")[0] not in PROGRESS
    }


def shared_protocol(metrics):
    """What the protocols of more than half of the scores say alike.

    Args:
        metrics: dict of scores.

    Returns:
        A dict of strings, to say once instead of score by score.

    Example:
    ```python
    shared_protocol(metrics)  # {"n": "194", "split": "test"}
    ```
    """
    said = collections.Counter(
        pair for score in metrics.values() for pair in _protocol(score).items()
    )
    return dict(pair for pair, count in said.items() if 2 * count > len(metrics))


def tables(metrics, shared):
    """One table per group of scores, in the order of `GROUPS`.

    Args:
        metrics: dict of scores.
        shared: dict, from `shared_protocol`; it is not said again.

    Returns:
        A list of dicts: `title`; `columns`; `rows`, tuples of strings; `words`,
        pairs of scores' names and what their protocols and notes say.

    Example:
    ```python
    tables(metrics, shared_protocol(metrics))[0]["title"]  # "Reconstruction"
    ```
    """
    group_of = {prefix: name for name, group in GROUPS.items() for prefix in group}
    groups = {name: {} for name in (*GROUPS, OTHER)}
    for name, score in metrics.items():
        groups[group_of.get(_prefix(name), OTHER)][name] = score
    return [_table(title, group, shared) for title, group in groups.items() if group]


def _prefix(name):
    return name.split(".")[0]


def _protocol(score):
    """What a score's protocol says, but for what says nothing."""
    said = {"n": score["n"]} | score["protocol"]
    said.pop("protocol", None)  # The score's name begins with it.
    if said.get("left_out") == 0:
        del said["left_out"]
    return {key.replace("_", " "): str(value) for key, value in said.items()}


def _table(title, scores, shared):
    columns = {
        kind: [_number(score, kind) for score in scores.values()]
        for kind in columns_beside(scores)
    }
    ends = [_interval(score.get("interval")) for score in scores.values()]
    falls = [_interval(score.get("fall_interval")) for score in scores.values()]
    if any(falls):  # The fall itself is the difference of two other columns.
        values = zip(falls, columns.pop("fall"), strict=True)
        columns["fall, 95 %"] = [ends or number for ends, number in values]
    columns = {
        "value": [_number(score, "value") for score in scores.values()],
        **({"95 %": ends} if any(ends) else {}),
        **columns,
    }
    of = {}  # What is said → the scores that it is said of.
    for name, score in scores.items():
        own = [pair for pair in _protocol(score).items() if pair not in shared.items()]
        for said in (*map(": ".join, own), score.get("note")):
            of.setdefault(said, []).append(name)
    of.pop(None, None)
    words = {}  # The scores → all that is said of just these.
    for said, names in of.items():
        words.setdefault(", ".join(_short(names, scores)), []).append(said)
    return {
        "title": title,
        "columns": ["score", *columns],
        "rows": list(zip(scores, *columns.values(), strict=True)),
        "words": [(names, "; ".join(each)) for names, each in words.items()],
    }


def _short(names, scores):
    """Names in short: `coco` for all of `coco.…`, else its name said but once."""
    before = None
    for name in names:
        prefix = _prefix(name)
        whole = [each for each in scores if _prefix(each) == prefix]
        if len(whole) > 1 and set(whole) <= set(names):
            if name == whole[0]:
                yield prefix
        else:
            yield name.removeprefix(f"{prefix}.") if prefix == before else name
        before = prefix


def _number(score, kind):
    return format_score(score[kind]) if kind in score else ""


def _interval(ends):
    return format_interval(ends).replace(" ", "\xa0")  # No line breaks inside.

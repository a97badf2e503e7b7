"""The scores of a model card: grouped, with intervals, baselines and protocols."""

import collections

from coursework.legend import columns_beside, title_of
from cxrscore.score import format_score
from cxrscore.tables import (
    PROGRESS,
    TITLES,
    best_baseline,
    format_interval,
    format_n,
    headline,
    interval_of,
)

GROUPS = {
    "Reconstruction": ("frontal", "lateral"),
    "Label": ("abnormal",),
    "Text": (
        *("coco", "rouge_score", "rouge_score_stem", "sacrebleu", "nltk", "meteor"),
        "text",
    ),
    "Clinical content": ("clinical",),
    "Interpretation": ("pointing", "interpretation"),
    "By subgroup": ("subgroup",),
}
OTHER = "Further scores"
SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


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
    """What the protocols of more than half of the scores have in common.

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


def first_table(metrics):
    """The scores to look at first, beside the best baseline of each.

    Args:
        metrics: dict of scores, without how training went.

    Returns:
        A dict: `columns`, of which none is empty, and `rows`, tuples of strings.

    Example:
    ```python
    first_table(tested(record["metrics"]))["columns"][:2]  # ["score", "value"]
    ```
    """
    first = headline(metrics)
    columns = {
        "value": [_number(score, "value") for score in first.values()],
        TITLES["interval"]: [_unbroken(interval_of(each)) for each in first.values()],
        "best baseline": [_best(*each) for each in first.items()],
        "permuted": [_number(score, "shuffled") for score in first.values()],
        "n": [format_n(score) for score in first.values()],
    }
    columns = {name: cells for name, cells in columns.items() if any(cells)}
    rows = list(zip(first, *columns.values(), strict=True))
    return {"columns": ["score", *columns], "rows": rows}


def _best(name, score):
    best = best_baseline(name, score)
    return f"{format_score(best[0])} ({best[1]})" if best else ""


def tables(metrics, shared):
    """One table per group of scores, in the order of `GROUPS`.

    Args:
        metrics: dict of scores.
        shared: dict, from `shared_protocol`; it is not repeated.

    Returns:
        A list of dicts: `title`; `columns`; `rows`, tuples of strings; `notes`, what
        the protocols and notes of the scores say. The name of a score ends with the
        number of its note.

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
    """What a score's protocol says, without empty entries."""
    said = {"n": format_n(score)} | score["protocol"]
    for name in ("protocol", "counted"):  # The score's name begins with it; n says it.
        said.pop(name, None)
    if said.get("left_out") == 0:
        del said["left_out"]
    return {key.replace("_", " "): str(value) for key, value in said.items()}


def _table(title, scores, shared):
    columns = {
        title_of(kind): [_number(score, kind) for score in scores.values()]
        for kind in columns_beside(scores)
    }
    ends = [_unbroken(interval_of(score)) for score in scores.values()]
    falls = [format_interval(score.get("fall_interval")) for score in scores.values()]
    falls = [*map(_unbroken, falls)]
    if any(falls):  # The fall itself is the difference of two other columns.
        values = zip(falls, columns.pop("fall"), strict=True)
        columns[TITLES["fall_interval"]] = [ends or number for ends, number in values]
    columns = {
        "value": [_number(score, "value") for score in scores.values()],
        **({TITLES["interval"]: ends} if any(ends) else {}),
        **columns,
    }
    notes, names = {}, []  # Note → its number.
    for name, score in scores.items():
        own = [pair for pair in _protocol(score).items() if pair not in shared.items()]
        said = "; ".join(filter(None, (*map(": ".join, own), score.get("note"))))
        mark = str(notes.setdefault(said, len(notes) + 1)) if said else ""
        names.append(f"{name} {mark.translate(SUPERSCRIPTS)}".rstrip())
    return {
        "title": title,
        "columns": ["score", *columns],
        "rows": list(zip(names, *columns.values(), strict=True)),
        "notes": list(notes),
    }


def _number(score, kind):
    return format_score(score[kind]) if kind in score else ""


def _unbroken(words):
    return words.replace(" ", "\xa0")  # No line breaks inside.

"""Scores as tables: every value with its interval and its baselines."""

import shutil
import textwrap

import pandas as pd

from cxrscore.bootstrap import has_width
from cxrscore.labels.scores import LOWER_IS_BETTER
from cxrscore.score import NO_WIDTH, format_score

BASELINES = ("constant", "frequent", "random", "nearest")
# Titles for readers of the keys of a `results.json`.
TITLES = {
    "interval": "95 % interval",
    "shuffled": "permuted",
    "fall_interval": "fall, 95 %",
}
# The eight to look at first, with what they are.
HEADLINES = {
    "clinical.micro_f1_5": "clinical F1, five findings",
    "clinical.micro_f1_14": "clinical F1, fourteen findings",
    "clinical.wrong_side_share": "findings on the wrong side (less is better)",
    "coco.bleu_4": "BLEU-4",
    "coco.rouge_l": "ROUGE-L",
    "abnormal.auroc": "AUROC of the label abnormal",
    "frontal.ssim": "SSIM of the frontal reconstruction",
    "lateral.ssim": "SSIM of the lateral reconstruction",
}
PROGRESS = ("before_training", "training")  # They do not measure test studies.
_LESS = (*LOWER_IS_BETTER, "wrong_side_share")
_NEITHER = ("_share", "_ratio")  # More is not better, so no baseline is best.


def headline(scores):
    """Choose the scores to look at first.

    Args:
        scores: dict of scores, as of the `metrics` of a `results.json`.

    Returns:
        A dict of as many of them as there are `HEADLINES`: these first and in their
        order, then others, those of the training last.

    Example:
    ```python
    list(headline(record["metrics"]))[0]  # "clinical.micro_f1_5"
    ```
    """
    order = [name for name in HEADLINES if name in scores]
    others = [name for name in scores if name not in HEADLINES]
    order += sorted(others, key=lambda name: name.split(".")[0] in PROGRESS)
    return {name: scores[name] for name in order[: len(HEADLINES)]}


def format_interval(ends):
    """Write an interval for a table.

    Args:
        ends: `[low, high]` or `None`.

    Returns:
        A string, `""` for `None` or where there is no width. It has as many decimals as
        the two ends need to differ: none is so narrow that it is one number.

    Example:
    ```python
    format_interval([0.29811, 0.32604])  # "0.298 to 0.326"
    ```
    """
    if not has_width(ends):
        return ""
    largest = round(max(map(abs, ends)), 5)
    # An MSE is small, and BLEU up to 100.
    places = 5 if 0 < largest < 0.01 else 3 if largest < 10 else 2
    low = high = ""
    while low == high:
        # Adding 0 makes a −0 that rounding left a 0.
        low, high = (f"{round(end, places) + 0.0:.{places}f}" for end in ends)
        places += 1
    return f"{low} to {high}".replace("-", "−")


def interval_of(record):
    """Write the interval of a score for a table.

    Args:
        record: dict. The score.

    Returns:
        A string, as of `format_interval`; `"none"` where all resamples agree, as the
        score's note then says.

    Example:
    ```python
    interval_of({"note": "no interval: all resamples give the same value"})  # "none"
    ```
    """
    none = "none" if NO_WIDTH in record.get("note", "") else ""
    return format_interval(record.get("interval")) or none


def format_n(record):
    """Write what a score rests on for a table.

    Args:
        record: dict. The score.

    Returns:
        A string, `"194"` for studies, `"89 findings"` for what else was counted.

    Example:
    ```python
    format_n({"n": 89, "protocol": {"counted": "findings"}})  # "89 findings"
    ```
    """
    return f"{record['n']} {record['protocol'].get('counted', '')}".rstrip()


def best_baseline(name, record):
    """The baseline that does best beside a score.

    Args:
        name: string. The score's name; a share or a ratio has no best.
        record: dict. The score, with any of its baselines.

    Returns:
        `(value, baseline)`, such as `(0.0612, "constant")`, or `None`.

    Example:
    ```python
    best_baseline("coco.bleu_4", {"constant": 0.06, "random": 0.03})
    ```
    """
    there = [(record[kind], kind) for kind in BASELINES if record.get(kind) is not None]
    is_less = name.split(".")[-1] in _LESS
    if not there or (name.endswith(_NEITHER) and not is_less):
        return None
    best = min if is_less else max
    return best(there, key=lambda pair: pair[0])


def scores_table(scores):
    """List scores with their baselines and protocols, ready to print.

    Args:
        scores: dict of scores, as of `evaluate_predictions(…)["scores"]` or
            the `metrics` of a `results.json`.

    Returns:
        A `pandas.DataFrame` of strings: score, value, 95 % interval, constant,
        frequent, random, nearest, permuted, fall, its 95 % interval, n, protocol, note.

    Example:
    ```python
    scores_table(evaluate_predictions(table)["scores"])
    ```
    """
    numbers = ("value", *BASELINES, "shuffled", "fall")
    rows = []
    for name, record in scores.items():
        row = {"score": name}
        for kind in numbers:
            row[kind] = format_score(record[kind]) if kind in record else ""
        row["interval"] = interval_of(record)
        row["fall_interval"] = format_interval(record.get("fall_interval"))
        words = [f"{key}: {value}" for key, value in record["protocol"].items()]
        row |= {"n": format_n(record), "protocol": "; ".join(words)}
        rows.append(row | {"note": record.get("note", "")})
    columns = ["score", "value", "interval", *numbers[1:], "fall_interval"]
    table = pd.DataFrame(rows, columns=[*columns, "n", "protocol", "note"])
    return table.rename(columns=TITLES)


def scores_markdown(scores):
    """The table of `scores_table` in Markdown, for a README.

    Args:
        scores: dict of scores.

    Returns:
        A string.

    Example:
    ```python
    print(scores_markdown(results["metrics"]))
    ```
    """
    table = scores_table(scores)
    # A baseline that no score has would be an empty column.
    table = table.loc[:, [name in ("score", "n") or any(table[name]) for name in table]]
    return markdown(table)


def scores_text(scores, width=100):
    """The scores with intervals and baselines for a terminal, then their protocols.

    A table that would be too wide leaves out baselines, the least important first, and
    says which.

    Args:
        scores: dict of scores, named `group.score`.
        width: int. Characters per line, 80 or more.

    Returns:
        A string.

    Example:
    ```python
    print(scores_text(evaluate_predictions(table)["scores"]))
    ```
    """
    table = scores_table(scores).replace("undefined", "–")
    table = table.rename(columns={TITLES["interval"]: "95 %"})
    columns = ["value", "95 %", *BASELINES, "permuted", TITLES["fall_interval"]]
    columns = [name for name in columns if any(table[name])]
    heads = dict(zip(columns, columns, strict=True))
    group, first = (table["score"].str.partition(".")[part] for part in (0, 2))
    sizes = {name: 1 + max(len(name), *map(len, table[name])) for name in columns}
    sizes = {"first": max(map(len, first), default=0)} | sizes
    left_out = [name for name in ("frequent", "random", "nearest") if name in sizes]
    while sum(sizes.values()) > width and left_out[:1]:
        del sizes[left_out.pop(0)]

    def line(first, cells):
        right = (f"{cells[name]:>{sizes[name]}}" for name in sizes if name != "first")
        return f"{first:<{sizes['first']}}{''.join(right)}".rstrip()

    lines = [line("", heads)]
    groups = table.assign(first=first).groupby(group, sort=False)
    for name, rows in groups:
        lines += ["", name, *(line(row["first"], row) for _, row in rows.iterrows())]
    lines.append("")
    if missing := [name for name in columns if name not in sizes]:
        words = f"{', '.join(missing)}, for want of width"
        lines += [*hanging("left out", words, width), ""]
    for name, rows in groups:
        own = {each: scores[each] for each in rows["score"]}
        lines += hanging(name, "; ".join(_protocol_words(own)), width)
    return "\n".join(lines)


def terminal_width():
    """Characters per line of the terminal, within the 80 to 100 of `scores_text`.

    Returns:
        An int.

    Example:
    ```python
    print(scores_text(scores, terminal_width()))
    ```
    """
    return min(max(80, shutil.get_terminal_size((100, 24)).columns), 100)


def _protocol_words(scores):
    """What the scores of a group rest on, said once, then their notes."""
    heads = {"cleaning": "cleaning: ", "tokeniser": "tokeniser: "}
    words = [
        heads.get(key, "") + record["protocol"][key]
        for key in (*heads, "labels", "uncertain", "score")
        for record in scores.values()
        if key in record["protocol"]
    ]
    words += [
        f"{name.split('.')[1]}: {format_n(record)} in {record['protocol']['studies']} "
        "studies"
        for name, record in scores.items()
        if "counted" in record["protocol"]
    ]
    notes = {}  # One note may be that of all.
    for name, record in scores.items():
        if record.get("note"):
            notes.setdefault(record["note"], []).append(name.partition(".")[2])
    for note, names in notes.items():
        words.append(
            note if len(names) == len(scores) else f"{', '.join(names)} {note}"
        )
    return dict.fromkeys(words)


def hanging(head, words, width=100):
    """Break words into lines after a heading.

    Args:
        head: string.
        words: string.
        width: int. Characters per line.

    Returns:
        A list of strings.

    Example:
    ```python
    print(*hanging("random", "a train report for each study"), sep="\\n")
    ```
    """
    first = f"{head:<11} "
    return textwrap.wrap(
        words, width, initial_indent=first, subsequent_indent=" " * len(first)
    )


def markdown(table):
    """Write a table in Markdown.

    Args:
        table: `pandas.DataFrame`.

    Returns:
        A string. Numbers are aligned right, by their column's name.

    Example:
    ```python
    print(markdown(pd.DataFrame({"score": ["a"], "value": ["0.5"]})))
    ```
    """
    words = ("score", "protocol", "note", "of")
    rule = ["---" if name in words else "---:" for name in table]
    rows = [table.columns, rule, *table.to_numpy()]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)


def _cell(cell):
    # A bar inside a cell would begin a new one.
    return str(cell).replace("|", "\\|").replace("\n", " ")

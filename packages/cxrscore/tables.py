"""Figures as tables: every value with its interval and what stands beside it."""

import shutil
import textwrap

import pandas as pd

from cxrscore.figure import format_figure
from cxrscore.labels.scores import LOWER_IS_BETTER

BASELINES = ("constant", "frequent", "random", "nearest")
_NEITHER = ("_share", "_ratio")  # More is not better, so no baseline is best.


def format_interval(ends):
    """Write an interval for a table.

    Args:
        ends: `[low, high]` or `None`.

    Returns:
        A string, `""` for `None`.

    Example:
    ```python
    format_interval([0.29811, 0.32604])  # "0.298 to 0.326"
    ```
    """
    if ends is None:
        return ""
    largest = round(max(map(abs, ends)), 5)
    # An MSE is small, and BLEU up to 100.
    places = 5 if 0 < largest < 0.01 else 3 if largest < 10 else 2
    # Adding 0 makes a −0 that rounding left a 0.
    low, high = (f"{round(end, places) + 0.0:.{places}f}" for end in ends)
    return f"{low} to {high}".replace("-", "−")


def best_baseline(name, record):
    """The baseline that does best beside a figure.

    Args:
        name: string. The figure's name; a share or a ratio has no best.
        record: dict. The figure, with any of its baselines.

    Returns:
        `(value, baseline)`, such as `(0.0612, "constant")`, or `None`.

    Example:
    ```python
    best_baseline("coco.bleu_4", {"constant": 0.06, "random": 0.03})
    ```
    """
    there = [(record[kind], kind) for kind in BASELINES if record.get(kind) is not None]
    if not there or name.endswith(_NEITHER):
        return None
    best = min if name.split(".")[-1] in LOWER_IS_BETTER else max
    return best(there, key=lambda pair: pair[0])


def figures_table(figures):
    """List figures with their baselines and protocols, ready to print.

    Args:
        figures: dict of figures, as of `evaluate_predictions(…)["figures"]` or
            the `metrics` of a `results.json`.

    Returns:
        A `pandas.DataFrame` of strings: figure, value, interval, constant,
        frequent, random, nearest, shuffled, fall, fall_interval, n, protocol, note.

    Example:
    ```python
    figures_table(evaluate_predictions(table)["figures"])
    ```
    """
    numbers = ("value", *BASELINES, "shuffled", "fall")
    rows = []
    for name, record in figures.items():
        row = {"figure": name}
        for kind in numbers:
            row[kind] = format_figure(record[kind]) if kind in record else ""
        for kind in ("interval", "fall_interval"):
            row[kind] = format_interval(record.get(kind))
        words = [f"{key}: {value}" for key, value in record["protocol"].items()]
        row |= {"n": str(record["n"]), "protocol": "; ".join(words)}
        rows.append(row | {"note": record.get("note", "")})
    columns = ["figure", "value", "interval", *numbers[1:], "fall_interval"]
    return pd.DataFrame(rows, columns=[*columns, "n", "protocol", "note"])


def figures_markdown(figures):
    """The table of `figures_table` in Markdown, for a README.

    Args:
        figures: dict of figures.

    Returns:
        A string.

    Example:
    ```python
    print(figures_markdown(results["metrics"]))
    ```
    """
    table = figures_table(figures)
    # A baseline that no figure has would be an empty column.
    table = table.loc[
        :, [name in ("figure", "n") or any(table[name]) for name in table]
    ]
    return markdown(table)


def figures_text(figures, width=100):
    """The figures with intervals and baselines for a terminal, then their protocols.

    A table that would be too wide lacks baselines, the least telling first, and says
    which.

    Args:
        figures: dict of figures, named `group.figure`.
        width: int. Characters per line, 80 or more.

    Returns:
        A string.

    Example:
    ```python
    print(figures_text(evaluate_predictions(table)["figures"]))
    ```
    """
    table = figures_table(figures).replace("undefined", "–")
    table["fall"] = table["fall_interval"]
    columns = ["value", "interval", *BASELINES, "shuffled", "fall"]
    columns = [name for name in columns if any(table[name])]
    heads = {name: name for name in columns} | {
        "interval": "95 %",
        "fall": "fall, 95 %",
    }
    group, first = (table["figure"].str.partition(".")[part] for part in (0, 2))
    sizes = {
        name: 1 + max(len(heads[name]), *map(len, table[name])) for name in columns
    }
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
        own = {each: figures[each] for each in rows["figure"]}
        lines += hanging(name, "; ".join(_protocol_words(own)), width)
    return "\n".join(lines)


def terminal_width():
    """Characters per line of the terminal, within the 80 to 100 of `figures_text`.

    Returns:
        An int.

    Example:
    ```python
    print(figures_text(figures, terminal_width()))
    ```
    """
    return min(max(80, shutil.get_terminal_size((100, 24)).columns), 100)


def _protocol_words(figures):
    """What the figures of a group rest on, each word of it once, then their notes."""
    heads = {"cleaning": "cleaning: ", "tokeniser": "tokeniser: "}
    words = [
        heads.get(key, "") + record["protocol"][key]
        for key in (*heads, "labels", "uncertain", "score")
        for record in figures.values()
        if key in record["protocol"]
    ]
    notes = {}  # One note may be that of all.
    for name, record in figures.items():
        if record.get("note"):
            notes.setdefault(record["note"], []).append(name.partition(".")[2])
    for note, names in notes.items():
        words.append(
            note if len(names) == len(figures) else f"{', '.join(names)} {note}"
        )
    return dict.fromkeys(words)


def hanging(head, words, width=100):
    """Break words into lines behind a head.

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
        A string. Numbers stand right, by their column's name.

    Example:
    ```python
    print(markdown(pd.DataFrame({"figure": ["a"], "value": ["0.5"]})))
    ```
    """
    words = ("figure", "protocol", "note", "of")
    rule = ["---" if name in words else "---:" for name in table]
    rows = [table.columns, rule, *table.to_numpy()]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)


def _cell(cell):
    # A bar inside a cell would begin a new one.
    return str(cell).replace("|", "\\|").replace("\n", " ")

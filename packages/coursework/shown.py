"""What a notebook shows of its scores: the first eight, and the rest folded."""

import textwrap
from html import escape

import pandas as pd

from cxrscore.bootstrap import FIXED
from cxrscore.tables import TITLES, headline, scores_table

INTERVAL = TITLES["interval"]
SHORT = ("value", INTERVAL, "constant", "nearest", "permuted", "n")
# Columns aligned left.
WORDS = ("score", "protocol", "note", "warning", "what", "numbers")


def headline_table(scores):
    """The scores to look at first, ready to print.

    Args:
        scores: dict of scores, as of the `metrics` of a `results.json`.

    Returns:
        A `pandas.DataFrame` of strings: score, value and n, and of 95 % interval,
        constant, nearest and permuted those that some score has.

    Example:
    ```python
    headline_table(results.record["metrics"])
    ```
    """
    table = scores_table(headline(scores))
    return table[["score", *(name for name in SHORT if any(table[name]))]]


def warnings_of(record):
    """The warnings of a run, in short and in full.

    Args:
        record: dict, as of a `results.json`. Older ones hold the sentences alone.

    Returns:
        A list of tuples of strings: name, what, numbers, sentence.

    Example:
    ```python
    warnings_of(results.record)[0][0]  # "few studies"
    ```
    """
    sentences, brief = record.get("warnings", []), record.get("cautions", [])
    if len(brief) != len(sentences):
        brief = [("warning", words, "") for words in sentences]
    return [(*each, words) for each, words in zip(brief, sentences, strict=True)]


class Shown:
    """The scores of a notebook as it shows them; a terminal gets the table.

    Args:
        record: dict, as of a `results.json`.

    Example:
    ```python
    Shown(results.record)  # As the last line of a cell.
    ```
    """

    def __init__(self, record):
        self.record = record

    def _repr_html_(self):
        """HTML without scripts and style sheets, so that any page can hold it."""
        scores, said = self.record["metrics"], warnings_of(self.record)
        first, whole = headline_table(scores), scores_table(scores)
        parts = [_html(first)]
        if INTERVAL in first:
            parts.append(f"<p><small>{escape(FIXED)}</small></p>")
        if len(whole):
            whole = whole.loc[:, [any(whole[name]) for name in whole]]
            parts.append(
                _folded(f"All {len(whole)} scores and protocols", _html(whole))
            )
        if said:
            brief = pd.DataFrame([each[:3] for each in said], columns=WORDS[-3:])
            parts.append(_html(brief))
            sentences = "".join(f"<li>{escape(words)}</li>" for *_, words in said)
            parts.append(_folded("The warnings in full", f"<ul>{sentences}</ul>"))
        return "\n".join(parts)

    def __repr__(self):
        said = [f"WARNING: {words}" for *_, words in warnings_of(self.record)]
        table = headline_table(self.record["metrics"])
        fixed = textwrap.wrap(FIXED, 88) if INTERVAL in table else []
        return "\n".join([table.to_string(index=False), *fixed, *said])


def _folded(title, content):
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def _html(table):
    """A table with words aligned left and numbers right."""
    sides = ["left" if name in WORDS else "right" for name in table]
    rows = [
        _row(cells, sides, tag)
        for tag, group in (("th", [table.columns]), ("td", table.to_numpy()))
        for cells in group
    ]
    head, body = rows[0], "\n".join(rows[1:])
    return f"<table><thead>{head}</thead>\n<tbody>{body}</tbody></table>"


def _row(cells, sides, tag):
    return "<tr>{}</tr>".format(
        "".join(
            f'<{tag} style="text-align: {side}">{escape(str(cell))}</{tag}>'
            for cell, side in zip(cells, sides, strict=True)
        )
    )

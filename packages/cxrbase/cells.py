"""Cells of a CSV that no spreadsheet takes for a formula, and that read as written.

A formula can read other cells and call out, and the texts are not ours. In other
countries `;` or a tab separates the cells, so a sign after any separator inside a cell
counts as well. Such a sign gets an apostrophe in front, and one more if it has some;
our readers remove one. A number stays a number.
"""

import re

from cxrbase.files import write_whole

_SIGN = r"(?=[-=+@＝＋－＠])"  # Some spreadsheets read full-width signs as plain ones.
_START = r"(^|[;,|\"\t\r\n])([^\S\t\r\n]*)"
_BARE = re.compile(f"{_START}('*){_SIGN}")
_GUARDED = re.compile(f"{_START}'('*){_SIGN}")
_BLANK = re.compile(r"'*[\t\r\n]")  # Some spreadsheets drop these from the front.
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf")


def guard(text):
    """Make a text that no spreadsheet takes for a formula.

    Args:
        text: string.

    Returns:
        A string, of which `unguard` gives the text back.

    Example:
    ```python
    guard("=1+1"), guard("-1.5"), guard("a;=1")  # "'=1+1", "-1.5", "a;'=1"
    ```
    """
    if _NUMBER.fullmatch(text):
        return text
    text = _BARE.sub(r"\1\2'\3", text)
    return f"'{text}" if _BLANK.match(text) else text


def unguard(text):
    """Give back the text that `guard` was given.

    Args:
        text: string.

    Returns:
        A string.

    Example:
    ```python
    unguard("'=1+1")  # "=1+1"
    ```
    """
    if "'" not in text:
        return text
    text = text[1:] if text[0] == "'" and _BLANK.match(text) else text
    return _GUARDED.sub(r"\1\2\3", text)


def guarded(table):
    """Guard the texts of a table and the names of its columns.

    Args:
        table: `pandas.DataFrame`.

    Returns:
        A copy.

    Example:
    ```python
    guarded(predictions).to_csv(index=False)
    ```
    """
    table = table.copy()
    for place, kind in enumerate(table.dtypes):
        if kind.kind not in "biufc":
            table.isetitem(place, table.iloc[:, place].map(_guard_text))
    return table.rename(columns=_guard_text)


def _guard_text(value):
    return guard(value) if isinstance(value, str) else value


def write_csv(table, path, **options):
    """Write a table whole, its texts guarded, without its index.

    Args:
        table: `pandas.DataFrame`.
        path: string or `pathlib.Path`.
        **options: of `pandas.DataFrame.to_csv`.

    Raises:
        InputError: if the disk is full.

    Example:
    ```python
    write_csv(table, "outputs/runs.csv")
    ```
    """
    with write_whole(path) as temporary:
        guarded(table).to_csv(temporary, index=False, **options)

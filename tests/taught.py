"""Runs single cells of a notebook, so that what they teach can be compared."""

import pathlib
import types

import nbformat

FOLDER = pathlib.Path(__file__).parents[1] / "notebooks"


def run_cells(notebook, *ids, **names):
    """Execute cells by their ids, one after another.

    Args:
        notebook: string. The name without suffix.
        *ids: strings. Cells of plain Python, in the order to run them in.
        **names: what the cells before have left, as far as these need it.

    Returns:
        A dict: the names and what the cells added to them.
    """
    code = sources(notebook)
    names.setdefault("results", types.SimpleNamespace(predict=lambda *said: None))
    for each in ids:
        exec(compile(code[each], f"{notebook}#{each}", "exec"), names)
    return names


def sources(notebook):
    """What stands in each cell of a notebook, a dict by the cells' ids."""
    content = nbformat.read(FOLDER / f"{notebook}.ipynb", as_version=4)
    return {cell.id: cell.source for cell in content.cells}

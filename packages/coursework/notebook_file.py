"""Notebooks read from disk, trusted or not."""

from cxrbase.refusals import InputError, in_one_line, require_file

MOST_BYTES = 256 * 2**20  # With all its outputs.


def read_notebook(path):
    """Read a notebook, in nbformat's version 4.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        An `nbformat.NotebookNode`.

    Raises:
        InputError: if it is missing, no regular file, or no notebook.

    Example:
    ```python
    read_notebook("notebooks/01_data.ipynb").cells[0].source
    ```
    """
    import nbformat

    path = require_file(path, "notebook", most=MOST_BYTES)
    try:
        content = nbformat.read(path, as_version=4)
        if not isinstance(content.get("nbformat_minor"), int):
            raise ValueError("it does not say its nbformat_minor")
        return content
    except RecursionError:
        words = "nested too deep"
    except Exception as error:  # nbformat and jsonschema raise half a dozen kinds.
        words = in_one_line(error)
    raise InputError(f"{path}: not a readable notebook ({words}).")

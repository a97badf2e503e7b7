"""The course at hand: where it lies, and its notebooks."""

import pathlib


def checkout():
    """The folder that holds the course's packages, notebooks and weights."""
    return pathlib.Path(__file__).resolve().parents[2]


def notebooks_folder():
    """The folder of the course's own notebooks.

    Returns:
        A `pathlib.Path`: beside the packages in a checkout, or else in the working
        directory; `None` if there is none.

    Example:
    ```python
    sorted(notebooks_folder().glob("*.ipynb"))
    ```
    """
    for folder in (checkout() / "notebooks", pathlib.Path("notebooks")):
        if any(folder.glob("[0-9][0-9]_*.ipynb")):
            return folder
    return None

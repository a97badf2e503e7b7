"""The course at hand: where its notebooks lie."""

import pathlib


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
    checkout = pathlib.Path(__file__).resolve().parents[2]
    for folder in (checkout / "notebooks", pathlib.Path("notebooks")):
        if any(folder.glob("[0-9][0-9]_*.ipynb")):
            return folder
    return None

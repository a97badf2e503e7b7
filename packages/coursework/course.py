"""The course at hand: where it lies, and its notebooks."""

import pathlib
import subprocess


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


def commit():
    """Name the commit that is checked out, for what is to be made again exactly.

    Returns:
        A string of 40 hexadecimal digits, with `" and changes"` where tracked files
        differ from it; `"unknown"` where there is no checkout, or no git.

    Example:
    ```python
    commit()
    ```
    """
    try:
        head = _git("rev-parse", "HEAD").strip()
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{head} and changes" if changed else head


def _git(*words):
    command = ["git", "-C", str(checkout()), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout

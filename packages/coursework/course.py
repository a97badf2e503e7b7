"""The course: where it is, and its notebooks."""

import pathlib
import re
import subprocess

NUMBERED = re.compile(r"\d\d[a-z]?_.*\.ipynb")  # 04_classification, 04b_real_films


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
        if numbered(folder):
            return folder
    return None


def numbered(folder):
    """The numbered notebooks of a folder, `04b` between `04` and `05`.

    Args:
        folder: `pathlib.Path`. It need not exist.

    Returns:
        A list of `pathlib.Path`.
    """
    paths = folder.glob("*.ipynb")
    return sorted(path for path in paths if NUMBERED.fullmatch(path.name))


def commit():
    """Name the commit that is checked out, so that results can be reproduced.

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

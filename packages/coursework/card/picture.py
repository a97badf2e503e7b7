"""The picture of a model card: beside its Markdown, and inside its page."""

import base64
import os
import pathlib
import urllib.parse

import markupsafe

from coursework.looks import alternative_text

LARGEST = 5_000_000  # Bytes; the page holds the picture.


def find_picture(folder):
    """Choose the picture of a run: its reports, a film, or its first figure.

    Args:
        folder: `pathlib.Path`. A notebook's folder in a run.

    Returns:
        A `pathlib.Path` of a PNG file, or `None`.

    Example:
    ```python
    find_picture(pathlib.Path("outputs/demo/07_multitask"))
    ```
    """
    candidates = (
        folder / "figures" / "reports.png",
        *sorted((folder / "examples").glob("*-frontal.png")),
        *sorted((folder / "figures").glob("*.png")),
    )
    fitting = (p for p in candidates if p.is_file() and p.stat().st_size < LARGEST)
    return next(fitting, None)


def linked(picture, out):
    """Name the picture relative to the Markdown.

    Args:
        picture: `pathlib.Path` or `None`.
        out: `pathlib.Path`. The folder of the Markdown.

    Returns:
        A dict, `alt` and `source`, or `None`.

    Example:
    ```python
    linked(folder / "figures" / "reports.png", folder)["source"]
    ```
    """
    if picture is None:
        return None
    path = pathlib.PurePath(os.path.relpath(picture, out)).as_posix()
    return _described(picture, urllib.parse.quote(path))


def embedded(picture):
    """Embed the picture in the page, which then needs no other file.

    Args:
        picture: `pathlib.Path` or `None`.

    Returns:
        A dict, `alt` and `source`, or `None`.

    Example:
    ```python
    embedded(folder / "figures" / "reports.png")["source"][:15]  # "data:image/png;"
    ```
    """
    if picture is None:
        return None
    content = base64.b64encode(picture.read_bytes()).decode()
    return _described(picture, f"data:image/png;base64,{content}")


def _described(picture, source):
    return {"alt": alternative_text(picture), "source": markupsafe.Markup(source)}

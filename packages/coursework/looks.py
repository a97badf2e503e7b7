"""What all pages share: style sheet, script, strict templates, words for images."""

import base64
import binascii
import pathlib
import struct

import jinja2

PNG = b"\x89PNG\r\n\x1a\n"
LONGEST = 1000  # Letters of a description.

HALF, STAND_IN = "\ufffd", "▯"


def templates(package, autoescape=True, **options):
    """The templates of a package, and those of all pages.

    Args:
        package: string. It has a folder `templates`.
        autoescape: bool. Whether values are text, never markup.
        **options: of `jinja2.Environment`.

    Returns:
        A `jinja2.Environment`, in which a name that nothing fills is an error.

    Example:
    ```python
    templates("coursework.pages").get_template("index.html.j2")
    ```
    """
    folders = [jinja2.PackageLoader(each) for each in (package, "coursework")]
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(folders),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **options,
    )


def number(points):
    """Write points without needless decimals.

    Args:
        points: float.

    Returns:
        A string.

    Example:
    ```python
    number(7.0), number(2.5)  # "7", "2.5"
    ```
    """
    return f"{round(points, 3):g}"


def without_halves(page):
    """Show a sign for a part of a character, and explain it.

    A tokeniser that works on bytes may cut a letter in two. The text then holds U+FFFD,
    which looks like a fault of the page.

    Args:
        page: string of HTML.

    Returns:
        A string of HTML.

    Example:
    ```python
    without_halves("<body>\ufffd</body>")
    ```
    """
    if HALF not in page:
        return page
    note = f"<p><small>{STAND_IN} stands for a part of a character.</small></p>"
    page = page.replace(HALF, STAND_IN)
    return page.replace("</body>", f"{note}\n</body>", 1)


def alternative_text(picture):
    """Describe a picture by the description in its PNG file.

    Args:
        picture: `pathlib.Path` of a PNG file, or its content as bytes, or as the
            base64 string that a notebook holds.

    Returns:
        A string: the text `Description` of the file, else its name in words, else
        `""`.

    Example:
    ```python
    alternative_text(pathlib.Path("figures/class_balance.png"))
    ```
    """
    name = ""
    if isinstance(picture, pathlib.Path):
        name = f"Figure: {picture.stem.replace('_', ' ')}"
        picture = picture.read_bytes()
    elif isinstance(picture, str):
        try:
            picture = base64.b64decode(picture)
        except (binascii.Error, ValueError):
            return ""
    words = " ".join(_description(picture).split())
    return words[:LONGEST] or name


def _description(content):
    """The text chunk `Description` before the pixels, `""` without one."""
    place = len(PNG)
    while content.startswith(PNG) and place + 8 <= len(content):
        size, kind = struct.unpack(">I4s", content[place : place + 8])
        data = content[place + 8 : place + 8 + size]
        key, _, rest = data.partition(b"\0")
        if key == b"Description" and kind == b"tEXt":
            return rest.decode("latin-1")
        # Two bytes say that it is not compressed; then come a language and a title.
        if key == b"Description" and kind == b"iTXt" and rest[:2] == b"\0\0":
            return rest[2:].split(b"\0", 2)[-1].decode("utf-8", "replace")
        if kind == b"IDAT":
            break
        place += 12 + size
    return ""

"""What an image shows, in words, for those who cannot see it."""

import base64
import binascii
import pathlib
import struct

PNG = b"\x89PNG\r\n\x1a\n"
LONGEST = 1000  # Letters; a description is no book.


def alternative_text(picture):
    """Describe a picture by what its PNG file says of itself.

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
        # Two bytes say that it is not packed; then come a language and a title.
        if key == b"Description" and kind == b"iTXt" and rest[:2] == b"\0\0":
            return rest[2:].split(b"\0", 2)[-1].decode("utf-8", "replace")
        if kind == b"IDAT":
            break
        place += 12 + size
    return ""

"""PNG: its chunks walked before they are decoded."""

import struct
import zlib

import cv2
import numpy as np

from cxrbase.films.formats import PNG_START, check_size

# Chunks that change a pixel. The rest is removed before decoding: profiles and texts
# that may inflate to gigabytes, frames of an animation, notes that libpng warns about.
KEPT = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"eXIf", b"IEND")
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # By the type of colour; see below.
BITS = {0: (1, 2, 4, 8, 16), 3: (1, 2, 4, 8)}  # Of one channel; else 8 or 16.
COLOURS = 3  # OpenCV gives three of a palette, and the alpha of none that we ask for.


def plain_png(path, data):
    """Check a PNG and leave only what its pixels are made of.

    Args:
        path: `pathlib.Path`. Only named.
        data: bytes of the file.

    Returns:
        Bytes of a PNG, or `None` if this one is truncated or corrupt.

    Raises:
        InputError: if its pixels would take too much memory.

    Example:
    ```python
    plain_png(path, path.read_bytes())
    ```
    """
    if data[12:16] != b"IHDR" or len(data) < 33:
        return None
    width, height, bits, colour, *methods = struct.unpack_from(">IIBBBBB", data, 16)
    # libpng would complain to the terminal, and name no file.
    if colour not in CHANNELS or bits not in BITS.get(colour, (8, 16)):
        return None
    if methods[0] or methods[1] or methods[2] > 1:
        return None
    channels = 1 if colour in (0, 4) else COLOURS
    # During decoding, libpng's rows have all channels.
    each = max(channels, CHANNELS.get(colour, 4)) * (2 if bits == 16 else 1)
    check_size(path, width, height, each)
    return _kept(data)


def _kept(data):
    """Walk the chunks; each carries its length and a checksum, IEND is last."""
    parts, position, whole = [PNG_START], len(PNG_START), memoryview(data)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            return None
        (expected,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(whole[position + 4 : end]) != expected:
            return None
        name = bytes(whole[position + 4 : position + 8])
        first = len(parts) == 1
        if first != (name == b"IHDR") or first and length != 13:
            return None
        if name in KEPT:
            parts.append(whole[position : end + 4])
        if name == b"IEND":
            return b"".join(parts)
        position = end + 4
    return None


def decode(data):
    """Decode a PNG or JPEG with OpenCV to grey of 8 or 16 bits, or `None`."""
    try:
        pixels = cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
        )
    except cv2.error:
        return None
    if pixels is not None and pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    return pixels

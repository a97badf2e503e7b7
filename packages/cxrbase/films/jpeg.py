"""JPEG: complete or not. What libjpeg only warns about is a hole in the film."""

import re
import struct

import numpy as np

from cxrbase.files import InputError
from cxrbase.films.formats import check_size
from cxrbase.refusals import in_one_line

MARKER = re.compile(rb"\xff+([^\x00\xff])")
AFTER_SCAN = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")  # 0 and restarts belong to it.
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # The rest are tables.
LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF, 0xF7}  # Also JPEG-LS, met in DICOM.
ALONE = {0x01, *range(0xD0, 0xD9)}  # Markers without a length.
MOST_SCANS = 100  # A progressive film has about ten; each costs a pass over it.


def size_of(data):
    """Read width, height, number of channels and bits from the frame's header.

    Args:
        data: bytes, from the marker that begins a JPEG on.

    Returns:
        A tuple of four ints, or `None` if there is no such header before a scan.

    Example:
    ```python
    size_of(path.read_bytes())  # (2496, 2048, 1, 8)
    ```
    """
    for code, body in _segments(data):
        if (code in FRAMES or code in LOSSLESS) and len(body) >= 6:
            bits, height, width, channels = struct.unpack_from(">BHHB", body)
            return width, height, channels, bits
        if code == 0xDA:
            break
    return None


def check_jpeg(path, data):
    """Refuse an incomplete JPEG, part of which would be grey.

    Three checks: the segments must lead to the end marker, the scans must hold each
    coefficient of each component down to its last bit, and libjpeg in strict mode must
    give no warning. OpenCV and Pillow silently fill in what is missing.

    Args:
        path: `pathlib.Path`. Only named.
        data: bytes of the file.

    Raises:
        InputError: if it is truncated or corrupt, or would take too much memory.

    Example:
    ```python
    check_jpeg(path, path.read_bytes())
    ```
    """
    size = size_of(data)
    if size:
        width, height, channels, _ = size
        check_size(path, width, height, max(1, channels))
    if reason := flaw(path, data):
        raise InputError(
            f"{path}: is truncated or corrupt ({reason}). Copy or download it again."
        )


def flaw(path, data):
    """Say what a JPEG lacks, or what libjpeg warns about.

    Args:
        path: `pathlib.Path`. Only named.
        data: bytes, from the marker that begins a JPEG on.

    Returns:
        A string, `""` for a complete file, and for the kinds found only in DICOM (more
        than 8 bits, lossless), whose decoders do not fill what is missing.

    Example:
    ```python
    flaw(path, path.read_bytes()[:9000])  # "no end marker"
    ```
    """
    size = size_of(data)
    if not size:
        return "no frame header"
    codes = (code for code, _ in _segments(data))
    # The first gives the kind; one like it in a scan is an error of the scan.
    kind = next(code for code in codes if code in FRAMES or code in LOSSLESS)
    if size[3] != 8 or kind in LOSSLESS:
        return ""
    return _missing(data) or _warning(path, data, size[2])


def _segments(data):
    """Yield the markers up to the end marker, each with its segment's body."""
    position, search = 2, MARKER
    while marker := search.search(data, position):
        code, position, search = marker[1][0], marker.end(), MARKER
        if code == 0xD9:
            yield code, b""
            return
        if code in ALONE:
            continue
        if position + 2 > len(data):
            return
        (length,) = struct.unpack_from(">H", data, position)
        yield code, data[position + 2 : position + max(2, length)]
        position += max(2, length)
        if code == 0xDA:
            search = AFTER_SCAN


def _missing(data):
    """Say what the scans lack: a progressive film may end after any of them."""
    left, progressive, scans, ended = {}, False, 0, False
    for code, body in _segments(data):
        if code in FRAMES and not left and len(body) >= 6:
            names = body[6 : 6 + 3 * body[5] : 3]
            progressive = code in (0xC2, 0xC6, 0xCA, 0xCE)
            left = {name: np.full(64 if progressive else 1, 1) for name in names}
        elif code == 0xDA and len(body) >= 4:
            scans += 1
            names = body[1 : 1 + 2 * body[0] : 2]
            first, last, bits = body[-3:]
            for name in names:
                if name in left:
                    reach = slice(first, last + 1) if progressive else slice(None)
                    left[name][reach] = bits & 15 if progressive else 0
        elif code == 0xD9:
            ended = True
    if scans > MOST_SCANS:
        return f"{scans:,} scans"
    if not ended:
        return "no end marker"
    if not left or any(bits.any() for bits in left.values()):
        return "it ends before its last scan"
    return ""


def _warning(path, data, channels):
    """Decode strictly, only to see whether libjpeg warns."""
    try:
        import simplejpeg
    except ImportError:
        raise InputError(
            f"{path}: reading JPEG needs simplejpeg. Run: pip install simplejpeg"
        ) from None
    try:
        simplejpeg.decode_jpeg(data, "CMYK" if channels == 4 else "GRAY", strict=True)
    except (ValueError, MemoryError) as error:
        return in_one_line(error)
    return ""

"""The format of a file, by its bytes and not its name, and whether it is read."""

import os
import re
import stat

from cxrbase.files import InputError

PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8\xff"
HEAD = 512  # Bytes from which the format is recognised.

# A film of 5,000 × 6,000 pixels and 16 bits has 60 MB on disk and takes 180 MB, its
# image included. Memory grows with the number of pixels.
MOST_ON_DISK = 2**27
MOST_PIXELS = 40_000_000
MOST_BYTES = 300_000_000

# Some exports have neither preamble nor meta header: then the data set begins, with
# group 2 or 8, and with a VR of two letters or a length that is no giant's.
BARE_DICOM = re.compile(
    rb"(?:[\x02\x08]\x00[\x00-\xff]{2}|\x00[\x02\x08][\x00-\xff]{2})"
    rb"(?:(?:AE|CS|DA|DT|IS|LO|OB|PN|SH|SQ|TM|UI|UL|UN)|[\x00-\xff]{2}\x00\x00)",
    re.DOTALL,
)

# Files that are not pictures, and cannot be converted to one.
OTHERS = tuple(
    (re.compile(start, re.IGNORECASE), said)
    for start, said in (
        (
            rb"\s*<(!doctype|html|head|\?xml)",
            "is a web page. Download the film itself.",
        ),
        (
            b"version https://git-lfs",
            "is a Git LFS pointer. Fetch the file: git lfs pull.",
        ),
        (rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!", "is an archive. Unpack it first."),
    )
)
DIRECTORY = b"1.2.840.10008.1.3.10"  # The class of a DICOMDIR, which lists films.


def kind_of(head):
    """Recognise a file by its first bytes.

    Args:
        head: bytes. At least `HEAD` of them, or all.

    Returns:
        `"png"`, `"jpeg"`, `"dicom"`, or `""` for anything else.

    Example:
    ```python
    kind_of(b"\\xff\\xd8\\xff\\xe0")  # "jpeg"
    ```
    """
    if head.startswith(PNG_START):
        return "png"
    if head.startswith(JPEG_START):
        return "jpeg"
    if head[128:132] == b"DICM" or BARE_DICOM.match(head):
        return "dicom"
    return ""


def no_picture(head):
    """Say what a file is that cannot be converted to a film, and what to do.

    Args:
        head: bytes. At least `HEAD` of them, or all.

    Returns:
        A string, `""` for anything else.

    Example:
    ```python
    no_picture(b"<!DOCTYPE html>")  # "is a web page. Download the film itself."
    ```
    """
    return next((said for start, said in OTHERS if start.match(head)), "")


def looks_like_film(path):
    """Whether a file begins as a PNG, a JPEG or a DICOM object with pixels does.

    Args:
        path: `pathlib.Path`.

    Returns:
        A bool; `False` also for what is not a file or cannot be opened.

    Example:
    ```python
    looks_like_film(pathlib.Path("export/IM000001"))
    ```
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            head = file.read(HEAD)
    except (OSError, ValueError):
        return False
    return bool(kind_of(head)) and DIRECTORY not in head


def read_bytes(path, most=MOST_ON_DISK):
    """Read a file of sensible size; pipes and devices are not opened.

    Args:
        path: `pathlib.Path`.
        most: int. Read at most this many bytes.

    Returns:
        Bytes.

    Raises:
        InputError: if it is missing, empty, too large, or no file: a folder, a pipe,
            a device.

    Example:
    ```python
    read_bytes(pathlib.Path("frontal.png"))[:4]
    ```
    """
    mend = "Check the path, or leave the study out."
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            what = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
            raise InputError(f"{path}: cannot be read (it is {what}). {mend}")
        if status.st_size > MOST_ON_DISK:
            raise InputError(
                f"{path}: has {status.st_size:,} bytes, more than {MOST_ON_DISK:,}. "
                "Export a single film, or leave the study out."
            )
        with open(path, "rb") as file:
            data = file.read(most)
    except InputError:
        raise  # It is a ValueError, too.
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). {mend}") from None
    except ValueError as error:  # A name with a NUL.
        shown = str(path).replace("\0", "\\0")
        raise InputError(f"{shown}: cannot be read ({error}). {mend}") from None
    if not data:
        raise InputError(f"{path}: the file is empty. Copy or download it again.")
    return data


def check_size(path, width, height, each, frames=1):
    """Refuse, before decoding, what would take gigabytes.

    Args:
        path: `pathlib.Path`.
        width: int.
        height: int.
        each: int. Bytes of a pixel, all its channels together. The grey image, four
            bytes, comes on top.
        frames: int.

    Raises:
        InputError: if it has more than `MOST_PIXELS`, or would take more than
            `MOST_BYTES`.

    Example:
    ```python
    check_size(path, 2496, 2048, each=1)
    ```
    """
    pixels = width * height * frames
    taken = pixels * (each + 4)
    if pixels > MOST_PIXELS or taken > MOST_BYTES:
        frames = f" in each of {frames:,} frames" if frames > 1 else ""
        raise InputError(
            f"{path}: claims {width:,} × {height:,} pixels{frames} ({taken // 10**6:,} "
            f"MB); at most {MOST_PIXELS:,} and {MOST_BYTES // 10**6} MB are read. "
            "Export it smaller, or leave the study out."
        )

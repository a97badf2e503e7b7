"""Errors of the input or the system, in one line that says what to do."""

import contextlib
import errno
import os
import pathlib
import re
import stat

# The system's errors for a file, and what to do about them.
ELSEWHERE = "Name another place."
REFUSALS = {
    errno.ENOSPC: "the disk is full; what was written before is kept. Free some space "
    "and run the same command again.",
    errno.EDQUOT: "your share of the disk is used up. Free some space and run the same "
    "command again.",
    errno.EROFS: f"this drive can only be read. {ELSEWHERE}",
    errno.EACCES: "permission denied. Name another place, or change its permissions.",
    errno.EPERM: "permission denied. Name another place, or change its permissions.",
    errno.ENOTDIR: f"a file is in the way of a folder. {ELSEWHERE}",
    errno.EEXIST: f"a file is in the way of a folder. {ELSEWHERE}",
    errno.EISDIR: "is a folder. Name a file.",
    errno.ENOENT: "is not there, and cannot be made there. Check the path.",
    errno.ENAMETOOLONG: "the name is too long. Name a shorter one.",
    errno.ELOOP: "links are circular. Check the path.",
}
# What may go wrong during writing; anything else is a fault of the program.
WHILE_WRITING = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.EFBIG, errno.ENODEV),
)
# What reading a file may raise if it holds something else than expected.
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, OSError)
MALFORMED += (RecursionError, OverflowError)


class InputError(ValueError):
    """Something that the user gave is wrong.

    The message is one line that names the file and says how to fix it. The
    command line prints it without a traceback.
    """


def make_folder(folder):
    """Make a folder, and those above it, unless it is there.

    Args:
        folder: string or `pathlib.Path`.

    Returns:
        The `pathlib.Path`.

    Raises:
        InputError: if it cannot be made: a full or read-only disk, a file in its way.

    Example:
    ```python
    make_folder("outputs/training")
    ```
    """
    folder = pathlib.Path(folder)
    with refusals_told(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def refusals_told(path, kinds=None):
    """Turn an `OSError` inside the block into an `InputError` that names `path`.

    Args:
        path: string or `pathlib.Path`.
        kinds: tuple of ints or `None`. The error numbers to convert; by default all.

    Example:
    ```python
    with refusals_told("outputs"):
        os.mkdir("outputs")
    ```
    """
    try:
        yield
    except OSError as error:
        if error.errno is None or kinds is not None and error.errno not in kinds:
            raise
        raise InputError(refusal(error, path)) from error
    except ValueError as error:
        if "embedded null" in str(error):
            raise InputError(f"{shown(path)}: holds a NUL. Check the path.") from error
        raise


def refusal(error, path):
    """One line for an `OSError`: the file, the reason, what to do."""
    words = REFUSALS.get(error.errno, f"{error.strerror}. Check the path.")
    return f"{shown(path)}: {words}"


def shown(path):
    """A path for a message: one line, printable, not too long."""
    text = os.fsdecode(path).encode("utf-8", "replace").decode()
    text = "".join(each if each.isprintable() else "?" for each in text)
    return text if len(text) <= 300 else f"{text[:80]}…{text[-40:]}"


def require_file(path, what="file", mend="Check the path.", most=None):
    """Refuse what is not a file: nothing, a folder, or a pipe, which would hang.

    Args:
        path: string or `pathlib.Path`.
        what: string. What it should be, for the message.
        mend: string. What to do.
        most: int or `None`. The most bytes that such a file may have.

    Returns:
        The `pathlib.Path`.

    Raises:
        InputError: if it is missing, not a regular file or larger.

    Example:
    ```python
    require_file("model.keras", "model file", "Train one.")
    ```
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        raise InputError(f"{shown(path)}: there is no such {what}. {mend}") from None
    except OSError as error:
        raise InputError(refusal(error, path)) from None
    except ValueError:
        raise InputError(f"{shown(path)}: holds a NUL. Check the path.") from None
    if stat.S_ISDIR(found.st_mode):
        raise InputError(f"{shown(path)}: is a folder, not a {what}. {mend}")
    if not stat.S_ISREG(found.st_mode):
        raise InputError(f"{shown(path)}: is a pipe or a device, not a {what}. {mend}")
    if most is not None and found.st_size > most:
        raise InputError(
            f"{shown(path)}: has {found.st_size:,} bytes, and a {what} has {most:,} at "
            f"most. {mend}"
        )
    return pathlib.Path(path)


def printable(text, longest=200):
    """Make a name or a message printable: one line, no control characters.

    Args:
        text: anything; it is turned into a string.
        longest: int. Characters that are kept.

    Returns:
        A string.

    Example:
    ```python
    printable("a\\nb")  # "a b"
    ```
    """
    text = re.sub(r"\s+", " ", str(text)[: 4 * longest]).strip()
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


@contextlib.contextmanager
def read_as(what, path):
    """Turn whatever a reader raises inside the block into one line.

    Args:
        what: string. The format.
        path: string or `pathlib.Path`. The file that is read.

    Raises:
        InputError: if it cannot be read so.

    Example:
    ```python
    with read_as("an HDF5 file", "my.h5"), h5py.File("my.h5") as file:
        print(list(file))
    ```
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # h5py, zipfile, PyTorch: each has a dozen kinds.
        raise InputError(
            f"{path}: cannot be read as {what} ({in_one_line(error)}). It may be cut "
            "off; download it again."
        ) from error


def in_one_line(error, longest=160):
    """An exception's message, made `printable`; its class name if it has none."""
    return printable(error, longest) or type(error).__name__

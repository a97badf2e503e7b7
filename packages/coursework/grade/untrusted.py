"""Reading untrusted files: with limits, nothing executed, refused in words.

Nothing is unpacked to disk and no symbolic link is followed. Every limit is many times
the size of an honest run.
"""

import collections
import json
import pathlib
import stat
import zipfile
import zlib

from cxrbase.refusals import InputError, printable

MEGABYTE = 1 << 20
LIMITS = {
    "results.json": 4 * MEGABYTE,
    "predictions.csv": 8 * MEGABYTE,
    ".ipynb": 48 * MEGABYTE,
    ".zip": 64 * MEGABYTE,
}
ENTRIES = 2_000  # Files in one zip.
NESTING, PARTS = 50, 1_000_000  # Of JSON: how deep, and how many lists and objects.
LARGEST = 1e15  # Beyond, a whole number is no longer exact as a float.


# === Files ===


def _limit(name):
    suffix = pathlib.PurePosixPath(name).suffix.lower()
    return LIMITS.get(name) or LIMITS.get(suffix, LIMITS["results.json"])


def _too_large(name, size):
    size, most = size / MEGABYTE, _limit(name) / MEGABYTE
    return InputError(f"{name}: {size:,.0f} MB; more than {most:.0f} MB are not read.")


class Folder:
    """The files of one folder, read as an `Archive` is.

    Args:
        path: `pathlib.Path`.
    """

    def __init__(self, path):
        self.path = path

    def names(self):
        """The names of the files that a notebook may leave in it, `folder/file`."""
        names = [path.name for path in sorted(self.path.iterdir())]
        kept = [n for n in names if n in LIMITS or n.endswith(".ipynb")]
        return [f"{self.path.name}/{name}" for name in kept]

    def read(self, name):
        """Read a file.

        Args:
            name: string, one of `names()`.

        Returns:
            Bytes.

        Raises:
            InputError: if it is no plain file, is too large or cannot be read.
        """
        base = pathlib.PurePosixPath(name).name
        path = self.path / base
        check_plain(path)
        try:
            return path.read_bytes()
        except OSError as error:
            raise InputError(f"{base}: cannot be read ({error.strerror}).") from None


def check_plain(path):
    """Refuse anything but a plain file of acceptable size.

    Args:
        path: `pathlib.Path`.

    Raises:
        InputError: for a symbolic link, a folder, a pipe, or a file above its limit.

    Example:
    ```python
    check_plain(pathlib.Path("results.json"))
    ```
    """
    try:
        about = path.lstat()
    except OSError as error:
        raise InputError(f"{path.name}: cannot be read ({error.strerror}).") from None
    if stat.S_ISLNK(about.st_mode):
        raise InputError(f"{path.name}: a symbolic link; it is not followed.")
    if not stat.S_ISREG(about.st_mode):
        raise InputError(f"{path.name}: not a plain file.")
    if about.st_size > _limit(path.name):
        raise _too_large(path.name, about.st_size)


class Archive:
    """The files of a zip, checked before anything is read.

    Args:
        path: `pathlib.Path`.

    Raises:
        InputError: if it is not a readable zip, or holds what an honest one does not: a
            path that leads out, a link, a repeated name, an encrypted file, too many
            files.

    Example:
    ```python
    archive = Archive(pathlib.Path("submission.zip"))
    archive.read("07_multitask/results.json")
    ```
    """

    def __init__(self, path):
        check_plain(path)
        self.path = path
        try:
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
        except _BROKEN as error:
            words = printable(error, 80)
            raise InputError(f"{path.name}: not a readable zip ({words}).") from None
        if len(entries) > ENTRIES:
            raise InputError(
                f"{path.name}: {len(entries):,} files; more than {ENTRIES:,} are not "
                "read."
            )
        seen = set()
        for entry in entries:
            trouble = _trouble(entry, seen)
            if trouble:
                name = printable(entry.orig_filename, 80)
                raise InputError(f"{path.name}: holds “{name}”, {trouble}.")
            seen.add(_normal_path(entry.filename))
        self._entries = {_normal_path(e.filename): e for e in entries if not e.is_dir()}

    def names(self):
        """The names of all files."""
        return list(self._entries)

    def read(self, name):
        """Read a file, as `Folder.read`."""
        entry, base = self._entries[name], pathlib.PurePosixPath(name).name
        if entry.file_size > _limit(base):
            raise _too_large(base, entry.file_size)
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(entry) as file:
                # The sizes that a zip states may be false.
                content = file.read(_limit(base) + 1)
        except _BROKEN as error:
            words = printable(error, 80)
            raise InputError(f"{base}: damaged in the zip ({words}).") from None
        if len(content) > _limit(base):
            raise _too_large(base, len(content))
        return content


# zipfile and its decoders may raise anything on forged bytes.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError)
_BROKEN += (NotImplementedError, OverflowError, MemoryError)
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def _trouble(entry, seen):
    """What is wrong with an entry of a zip, in words, or `None`."""
    name = entry.orig_filename
    parts = name.replace("\\", "/").split("/")
    if "\0" in name or ".." in parts or parts[0] == "" or ":" in parts[0]:
        return "a path that leads out of its folder"
    if "\\" in name:
        return "a path with backslashes"
    if stat.S_ISLNK(entry.external_attr >> 16):
        return "a symbolic link"
    if _normal_path(entry.filename) in seen:
        return "twice"
    if entry.flag_bits & 1:
        return "encrypted"
    if entry.compress_type not in _METHODS:
        return "packed in a way that is not read"
    return None


def _normal_path(name):
    return str(pathlib.PurePosixPath(name))  # "./a//b" is "a/b".


# === JSON ===


def read_json(content, strict=True):
    """Read untrusted JSON.

    Args:
        content: bytes.
        strict: bool. Also refuse what JSON's grammar does not allow or leaves open:
            NaN, infinity, numbers too large to compare, a repeated name.

    Returns:
        What it holds.

    Raises:
        InputError: in words without the file's name.

    Example:
    ```python
    read_json(b'{"schema": 1}')["schema"]
    ```
    """
    if content.count(b"[") + content.count(b"{") > PARTS:
        raise InputError(f"more than {PARTS:,} lists and objects.")
    hooks = {}
    if strict:
        hooks = {"object_pairs_hook": _once, "parse_constant": _no_constant}
    try:
        found = json.loads(content.decode("utf-8-sig"), **hooks)
    except UnicodeDecodeError:
        raise InputError("not in UTF-8.") from None
    except RecursionError:
        raise InputError(f"nested more than {NESTING} deep.") from None
    except InputError:
        raise
    except ValueError as error:  # Also a number of more than 4300 digits.
        raise InputError(f"not readable as JSON ({printable(error, 80)}).") from None
    _check(found, strict)
    return found


def _once(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        counts = collections.Counter(name for name, _ in pairs)
        twice = printable(counts.most_common(1)[0][0], 60)
        raise InputError(f"the name “{twice}” occurs twice.")
    return found


def _no_constant(name):
    raise InputError(f"{name} is not a JSON number.")


def _check(found, strict):
    """Walk through it without recursion: depth, and the size of numbers."""
    level = [found]
    for _ in range(NESTING):
        inner = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
            elif strict and isinstance(each, int | float) and not _bearable(each):
                raise InputError("a number too large to be a score.")
        level = inner
        if not level:
            return
    raise InputError(f"nested more than {NESTING} deep.")


def _bearable(number):
    return abs(number) <= LARGEST  # False for infinity and NaN.

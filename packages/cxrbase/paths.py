"""Paths from tables: kept in their folder, looked up once, or missing with a reason."""

import errno
import functools
import os
import pathlib
import re
import unicodedata
import urllib.parse

from cxrbase.refusals import InputError


def inside(folder, name):
    """Resolve `name` against `folder` and refuse it if it leads outside.

    Args:
        folder: string or `pathlib.Path`. The folder that must hold the file.
        name: string. A relative path, as read from a CSV.

    Returns:
        The resolved `pathlib.Path`.

    Raises:
        InputError: if `name` is absolute or climbs out of `folder`, also by
            way of a symbolic link.

    Example:
    ```python
    inside("images", "1_IM-0001-4001.dcm.png")
    ```
    """
    return _inside(pathlib.Path(folder).resolve(), name)


def _inside(folder, name):
    try:
        path = (folder / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # A loop, a NUL, 300 letters.
        raise InputError(f"{name!r}: is not a file path ({error}).") from error
    if not path.is_relative_to(folder):
        raise InputError(
            f"{name}: leads out of its folder {folder}. Paths in a CSV must "
            "be relative and stay inside the image folder."
        )
    return path


# === Many files, on drives where each lookup is slow ===


def listing():
    """Return a function that lists folders, each of them only once.

    Returns:
        A function from the path of a folder, a string, to a dict: the name of each
        entry → whether it is a symbolic link; `None` of a pipe or a device, which must
        not be opened. It is empty where there is no folder that can be read.

    Example:
    ```python
    listed = listing()
    "1_IM-0001-4001.dcm.png" in listed("data/indiana/images/images_normalized")
    ```
    """

    @functools.cache
    def listed(folder):
        try:
            with os.scandir(folder) as entries:
                return {entry.name: _is_link(entry) for entry in entries}
        except OSError:  # Missing, no folder, not ours to read, a loop of links.
            return {}

    return listed


def _is_link(entry):
    if entry.is_symlink() or entry.is_file() or entry.is_dir():
        return entry.is_symlink()
    return None


def inside_all(folder, names, listed):
    """Resolve many names as `inside` does, each folder only once.

    Args:
        folder: string or `pathlib.Path`. The folder that must hold the files.
        names: iterable of strings. Relative paths; an empty one stays empty. A
            backslash parts them, too, unless a file has it in its name.
        listed: function, from `listing`.

    Returns:
        A list of strings, in the order of the names.

    Raises:
        InputError: for the first name that leads out of `folder`.

    Example:
    ```python
    inside_all("images", table.frontal, listing())
    ```
    """
    folder, parents, paths = pathlib.Path(folder).resolve(), {}, []

    def parent_of(head):
        if head not in parents:
            try:
                parent = (folder / head).resolve()
            except (OSError, RuntimeError, ValueError):
                # A loop of links, or too long a name: its files exist nowhere.
                parents[head] = os.path.join(folder, head)
            else:
                parents[head] = str(parent) if parent.is_relative_to(folder) else None
        return parents[head]

    for name in names:
        head, tail = os.path.split(name)
        if "\\" in name and tail not in listed(parent_of(head) or ""):
            head, tail = os.path.split(name := name.replace("\\", "/"))
        parent = parent_of(head)
        if not name:
            paths.append("")
        elif parent is None or tail in ("", ".", ".."):
            paths.append(str(_inside(folder, name)))
        elif listed(parent).get(tail):
            paths.append(_linked(folder, name))
        else:
            paths.append(os.path.join(parent, tail))
    return paths


def _linked(folder, name):
    """Where a link leads; a circular one stays as it is."""
    try:
        os.stat(folder / name)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return os.path.join(folder, name, "")  # No file has such a name.
    return str(_inside(folder, name))


def existing(files, listed):
    """Which of many files exist.

    Args:
        files: iterable of strings, absolute paths; empty ones are left out.
        listed: function, from `listing`.

    Returns:
        A set of strings.

    Example:
    ```python
    existing(table.frontal, listing())
    ```
    """
    parted = {file: os.path.split(file) for file in files if file}
    return {
        file
        for file, (parent, name) in parted.items()
        if listed(parent).get(name) is not None
    }


def why_absent(files, listed):
    """Say why files are missing, where the cause can be seen.

    Args:
        files: iterable of strings, absolute paths, from `inside_all`.
        listed: function, from `listing`.

    Returns:
        A list of strings.

    Example:
    ```python
    why_absent(["/data/images/F0.PNG"], listing())
    # ["the file is not on disk, but 'f0.png' is: write it so"]
    ```
    """

    @functools.cache
    def alike(folder):
        there = listed(folder)
        return os.path.isdir(folder), {_plain(name): name for name in sorted(there)}

    def why(file):
        if address := re.search(r"/(\w+):/(?=[^/])", file):
            if len(address[1]) == 1:
                return "a Windows path; write it relative to the image folder"
            return "a URL; download the file, and write its name"
        folder, name = os.path.split(file)
        if not name or len(os.fsencode(name)) > 255:
            return "not a file path: too long, or circular links"
        if name in listed(folder):
            return "not a file, but a pipe or a device"
        there, names = alike(folder)
        if other := names.get(_plain(name)):
            return f"the file is not on disk, but {other!r} is: write it so"
        if "/~" in file:
            return "the file is not on disk; ~ means no home here: write the folder"
        if there:
            return "the file is not on disk"
        above, name = os.path.split(folder)
        if (other := alike(above)[1].get(_plain(name))) not in (None, name):
            return f"its folder is not on disk, but {other!r} is: write it so"
        return f"the file is not on disk, nor is its folder {folder}"

    return list(map(why, files))


def _plain(name):
    """A file name for comparison: decoded, lower case, without a film's suffix."""
    name = unicodedata.normalize("NFC", urllib.parse.unquote(name))
    return re.sub(r"\.(png|jpe?g|dcm|dicom)$", "", name.strip().casefold())

"""Files written whole or not at all, folders locked, paths kept in their folder."""

import contextlib
import errno
import functools
import os
import pathlib
import tempfile

from cxrbase.refusals import WHILE_WRITING, InputError, make_folder, refusals_told

LOCK = ".lock"  # In the folder that it locks; it holds nothing.
# What drives answer that know no locks: some networks', some clouds'.
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextlib.contextmanager
def write_whole(path):
    """Yield a temporary path beside `path`; rename it to `path` on success.

    A reader never sees half a file, whatever interrupts the writer: the
    rename is atomic because both names lie in the same folder.

    Args:
        path: string or `pathlib.Path`. The file to write. Missing parent
            folders are made. The temporary name keeps the suffix, since
            some writers (Keras, OpenCV) choose the format by it.

    Yields:
        A `pathlib.Path` to write to.

    Raises:
        InputError: if the disk is full, or `path` cannot be written.

    Example:
    ```python
    with write_whole("outputs/results.json") as temporary:
        temporary.write_text("{}")
    ```
    """
    path = pathlib.Path(path)
    suffix = "".join(path.suffixes[-2:])
    with refusals_told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(
            prefix=".partial-", suffix=suffix, dir=path.parent
        )
    temporary = pathlib.Path(temporary)
    try:
        with refusals_told(path, WHILE_WRITING):
            os.close(descriptor)
            os.chmod(temporary, 0o644)  # mkstemp's 0600 would lock the grader out.
            yield temporary
        with refusals_told(path):
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder):
    """Hold a folder: another process that wants to write into it waits.

    Only those that ask for the lock wait for it. The same thread may hold a folder
    more than once. The lock goes with its process, however that ends; its file, the
    empty `LOCK` in the folder, stays.

    Args:
        folder: string or `pathlib.Path`. It is made if it is missing.

    Raises:
        InputError: if the disk is full, or the folder cannot be made.

    Example:
    ```python
    with locked("outputs/prepared"):
        ...
    ```
    """
    folder = make_folder(folder)
    with refusals_told(folder):
        lock = _acquire(folder)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _acquire(folder):
    """Wait for the lock of a folder; `None` if its drive knows no locks."""
    import filelock  # Here: processes that only decode need not load it.

    # Of one path there is one object, so that a thread cannot wait for itself.
    lock = filelock.FileLock(folder.resolve() / LOCK, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"{folder}: another process is writing here; waiting for it …")
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        print(f"{folder}: this drive knows no locks; write here from one process only.")
        return None
    return lock


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
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise InputError(
            f"{name}: leads out of its folder {folder}. Paths in a CSV must "
            "be relative and stay inside the image folder."
        )
    return path


# === Many files, on drives where each look takes long ===


def listing():
    """Return a function that lists folders, each of them only once.

    Returns:
        A function from the path of a folder, a string, to a dict: the name of each
        entry → whether it is a symbolic link. It is empty if there is no such folder.

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
                return {entry.name: entry.is_symlink() for entry in entries}
        except (FileNotFoundError, NotADirectoryError):
            return {}

    return listed


def inside_all(folder, names, listed):
    """Resolve many names as `inside` does, each folder only once.

    Args:
        folder: string or `pathlib.Path`. The folder that must hold the files.
        names: iterable of strings. Relative paths; an empty one stays empty.
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
    for name in names:
        head, tail = os.path.split(name)
        if head not in parents:
            parent = (folder / head).resolve()
            parents[head] = str(parent) if parent.is_relative_to(folder) else None
        parent = parents[head]
        if not name:
            paths.append("")
        elif parent is None or tail in ("", ".", "..") or listed(parent).get(tail):
            paths.append(str(_inside(folder, name)))
        else:
            paths.append(os.path.join(parent, tail))
    return paths


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
    return {file for file, (parent, name) in parted.items() if name in listed(parent)}

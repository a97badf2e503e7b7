"""Files written whole or not at all, paths kept in their folder, errors in one line."""

import contextlib
import errno
import functools
import os
import pathlib
import tempfile

LOCK = ".lock"  # In the folder that it locks; it holds nothing.
PARTIAL = ".partial-"  # So begins the name of a file that is not yet whole.
# What drives answer that know no locks: some networks', some clouds'.
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


class InputError(ValueError):
    """Something that the user handed in is wrong.

    The message is one line that names the file and says how to mend it. The
    command line prints it without a traceback.
    """


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
        InputError: if the disk is full.

    Example:
    ```python
    with write_whole("outputs/results.json") as temporary:
        temporary.write_text("{}")
    ```
    """
    path = pathlib.Path(path)
    with _full_disk_told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = "".join(path.suffixes[-2:])
        descriptor, temporary = tempfile.mkstemp(
            prefix=PARTIAL, suffix=suffix, dir=path.parent
        )
        try:
            os.close(descriptor)
            os.chmod(temporary, 0o644)  # mkstemp's 0600 would lock the grader out.
            yield pathlib.Path(temporary)
            os.replace(temporary, path)
        finally:
            pathlib.Path(temporary).unlink(missing_ok=True)


@contextlib.contextmanager
def _full_disk_told(path):
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise InputError(
                f"{path}: the disk is full; what was written before is kept. "
                "Free some space and run the same command again."
            ) from error
        raise


@contextlib.contextmanager
def locked(folder, wait=True):
    """Hold a folder: another process that wants to write into it waits, or is refused.

    Only those that ask for the lock heed it. The same thread may hold a folder
    more than once. The lock goes with its process, however that ends; its file, the
    empty `LOCK` in the folder, stays.

    Args:
        folder: string or `pathlib.Path`. It is made if it is missing.
        wait: bool. Whether to wait for who holds it; work of hours is better refused.

    Raises:
        InputError: if the disk is full, or `wait` is false and another process holds
            the folder; the message names it.

    Example:
    ```python
    with locked("outputs/prepared"):
        ...
    ```
    """
    folder = pathlib.Path(folder)
    with _full_disk_told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = _acquire(folder, wait)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _acquire(folder, wait):
    """Take the lock of a folder; `None` if its drive knows no locks."""
    import filelock  # Here: processes that only decode need not load it.

    # Of one path there is one object, so that a thread cannot wait for itself.
    lock = filelock.FileLock(folder.resolve() / LOCK, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        who = _holder(folder / LOCK)
        if not wait:
            raise InputError(
                f"{folder}: another process is writing here{who}. Wait until it has "
                "ended, or name another folder."
            ) from None
        print(f"{folder}: another process is writing here; waiting for it …{who}")
        lock.acquire()
    except (OSError, NotImplementedError) as error:
        if isinstance(error, OSError) and error.errno not in NO_LOCKS:
            raise
        print(f"{folder}: this drive knows no locks; write here from one process only.")
        return None
    return lock


def _holder(path):
    """Which process holds a lock, in brackets; empty where Linux does not tell."""
    with contextlib.suppress(OSError, ValueError):
        inode = str(path.stat().st_ino)
        for line in pathlib.Path("/proc/locks").read_text().splitlines():
            fields = line.split()  # 1: FLOCK ADVISORY WRITE 4711 fd:01:655 0 EOF
            if fields[1] == "FLOCK" and fields[5].split(":")[-1] == inode:
                called = pathlib.Path(f"/proc/{int(fields[4])}/cmdline").read_text()
                words = " ".join(called.replace("\0", " ").split())
                return f" ({fields[4]}: {words[:120]})"
    return ""


def sweep(folder):
    """Remove what a killed process left half written in a folder, not below it.

    Nothing is removed while another process holds the folder.

    Args:
        folder: string or `pathlib.Path`. It may be missing.

    Example:
    ```python
    sweep("outputs/training")
    ```
    """
    folder = pathlib.Path(folder)
    if not any(folder.glob(f"{PARTIAL}*")):
        return
    # Who never locked it holds it not; and no lock is left where there was none.
    known = (folder / LOCK).exists()
    held = locked(folder, wait=False) if known else contextlib.nullcontext()
    with contextlib.suppress(InputError), held:
        for path in folder.glob(f"{PARTIAL}*"):
            if path.is_file():
                path.unlink(missing_ok=True)


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

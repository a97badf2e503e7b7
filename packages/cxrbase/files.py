"""Files written whole or not at all, folders locked, partial files removed."""

import contextlib
import errno
import os
import pathlib
import tempfile

from cxrbase.refusals import WHILE_WRITING, InputError, make_folder, refusals_told

LOCK = ".lock"  # In the folder that it locks; it holds nothing.
PARTIAL = ".partial-"  # So begins the name of a file that is not yet whole.
# The errors of drives without locks: some network and cloud drives.
NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


@contextlib.contextmanager
def write_whole(path):
    """Yield a temporary path beside `path`; rename it to `path` on success.

    A reader never sees half a file, whatever interrupts the writer: the rename is
    atomic because both names are in the same folder.

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
            prefix=PARTIAL, suffix=suffix, dir=path.parent
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
def locked(folder, wait=True):
    """Hold a folder: another process that wants to write into it waits, or is refused.

    Only those that ask for the lock heed it. The same thread may hold a folder
    more than once. The lock goes with its process, however that ends; its file, the
    empty `LOCK` in the folder, stays.

    Args:
        folder: string or `pathlib.Path`. It is made if it is missing.
        wait: bool. Whether to wait for the holder; work of hours is better refused.

    Raises:
        InputError: if the disk is full, the folder cannot be made, or `wait` is false
            and another process holds the folder; the message names it.

    Example:
    ```python
    with locked("outputs/prepared"):
        ...
    ```
    """
    folder = make_folder(folder)
    with refusals_told(folder):
        lock = _acquire(folder, wait)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _acquire(folder, wait):
    """Take the lock of a folder; `None` if its drive has no locks."""
    import filelock  # Here: processes that only decode need not load it.

    # One object per path, so that a thread cannot wait for itself.
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
        print(f"{folder}: this drive has no locks; write here from one process only.")
        return None
    return lock


def _holder(path):
    """The process that holds a lock, in brackets; empty where Linux does not say."""
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
    """Remove the partial files of a killed process in a folder, not below it.

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
    # Without a lock file nobody holds it; do not leave one.
    known = (folder / LOCK).exists()
    held = locked(folder, wait=False) if known else contextlib.nullcontext()
    with contextlib.suppress(InputError), held:
        for path in folder.glob(f"{PARTIAL}*"):
            if path.is_file():
                path.unlink(missing_ok=True)

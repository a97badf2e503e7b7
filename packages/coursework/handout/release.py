"""A copy of the course to be given away: whole, or without its answers."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import zipfile

from coursework.course import checkout
from coursework.handout.stripped import (
    student_rubric,
    unlinked,
    unlinked_notebook,
    without_tests,
)
from cxrbase.files import PARTIAL, write_whole
from cxrbase.refusals import (
    WHILE_WRITING,
    InputError,
    in_one_line,
    refusals_told,
)

# What the course's folder holds of its own; nothing else of it is given away.
KEPT = (
    *(".dockerignore", ".gitignore"),
    *("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md"),
    *("LICENSE", "Makefile", "README.md", "benchmarks", "cxrlib", "data", "deploy"),
    *("docs", "notebooks", "outputs", "packages", "pyproject.toml", "requirements"),
    *("requirements-colab.txt", "requirements.txt", "tests", "weights"),
)
READ_ONLY_README = ("data", "outputs")  # All else in them is the user's.
RUBRIC = "packages/coursework/grade/rubric.yaml"
ANSWERS = "packages/coursework/gradebook/model_answers.yaml"
NOT_FOR_STUDENTS = ("tests", "notebooks/solutions", ANSWERS)
EARLIEST = (1980, 1, 1, 0, 0, 0)  # The same files, the same bytes.


def write_release(out, for_students=True, root=None):
    """Write a copy of the course, whole or not at all.

    It holds what is tracked, where there is git, and else what the course's folder
    holds of its own; never git's history. For students it lacks the solutions, the
    tests and the rubric's answers (see `coursework.handout.stripped`).

    Args:
        out: string or `pathlib.Path`. A folder that does not exist or is empty, or a
            `.zip` that does not exist. The zip holds one folder, `course/`, as
            `make course.zip` packs it.
        for_students: bool. Whether the answers are left out.
        root: string, `pathlib.Path` or `None`. The course's folder; by default ours.

    Returns:
        The number of files.

    Raises:
        InputError: if `out` exists and is not empty, the course's folder is not whole,
            or the disk is full.

    Example:
    ```python
    write_release("course.zip")
    ```
    """
    out, root = pathlib.Path(out), pathlib.Path(root or checkout()).resolve()
    files = course_files(root)
    if out.suffix.lower() == ".zip":
        if out.exists():
            raise InputError(f"{out}: exists already. Remove it, or name another file.")
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: exists and is not empty. Name another folder.")
    if for_students:
        files = [name for name in files if not _below(name, NOT_FOR_STUDENTS)]
    contents = {name: root / name for name in files}
    if for_students:
        contents |= _stripped(root, files)
    if out.suffix.lower() == ".zip":
        _write_zip(out, contents)
    else:
        _write_folder(out, contents)
    return len(contents)


def course_files(root):
    """List the course's own files.

    Args:
        root: `pathlib.Path`. A checkout, or an unpacked `course.zip`.

    Returns:
        A sorted list of strings, paths from `root`.

    Raises:
        InputError: if it is not the course's folder.

    Example:
    ```python
    course_files(checkout())
    ```
    """
    if not (root / RUBRIC).is_file() or not (root / "notebooks").is_dir():
        raise InputError(
            f"{root}: is not the course's folder, {RUBRIC} or notebooks/ is missing. "
            "Run this in a checkout, or in an unpacked course.zip."
        )
    names = _tracked(root) if (root / ".git").exists() else _walked(root)
    names = [name for name in names if name.split("/")[0] in KEPT]
    return sorted(name for name in names if _is_file(root / name))


def _is_file(path):
    return path.is_file() and not path.is_symlink()


def _tracked(root):
    command = ["git", "-C", str(root), "ls-files", "-z"]
    try:
        said = subprocess.run(command, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        # All that lies there would be given away, whoever has left it there.
        told = getattr(error, "stderr", b"") or str(error).encode()
        raise InputError(
            f"{root}: git cannot list its files ({in_one_line(os.fsdecode(told))}). "
            "Install git, or mark the folder as safe for it (git config --global "
            "safe.directory)."
        ) from None
    return [name for name in os.fsdecode(said).split("\0") if name]


def _walked(root):
    """The files of a folder without git, except what a user or a tool has left."""
    weights = root / "weights" / "SHA256SUMS"
    lines = weights.read_text(encoding="utf-8").splitlines() if weights.exists() else []
    ours = {f"weights/{line.split()[1]}" for line in lines if line}
    ours |= {name.replace(".keras", ".json") for name in ours}  # Their cards.
    ours |= {"weights/README.md", "weights/SHA256SUMS"}
    for folder, folders, files in os.walk(root):
        there = pathlib.Path(folder).relative_to(root)
        folders[:] = [
            name
            for name in folders
            if not name.startswith((".", "__pycache__"))
            and not name.endswith(".egg-info")
            and (there.parts or name in KEPT)
        ]
        for name in files:
            path = (there / name).as_posix()
            top = path.split("/")[0]
            if name.startswith(".") and path not in KEPT:
                continue
            if top in READ_ONLY_README and path != f"{top}/README.md":
                continue
            if top != "weights" or path in ours:
                yield path


def _below(name, places):
    return any(name == place or name.startswith(f"{place}/") for place in places)


def _stripped(root, files):
    """The texts that change for students, a dict of path to string."""
    there = set(files)
    there |= {
        str(each) for name in files for each in pathlib.PurePosixPath(name).parents
    }
    changed = {RUBRIC: student_rubric(root / RUBRIC)}
    for name in files:
        if name.endswith((".md", ".ipynb")):
            text = (root / name).read_text(encoding="utf-8")
            strip = unlinked_notebook if name.endswith(".ipynb") else unlinked
            changed[name] = strip(text, name, there.__contains__)
    if "Makefile" in there:
        changed["Makefile"] = without_tests((root / "Makefile").read_text("utf-8"))
    return changed


# === Writing ===


def _bytes(content):
    return content.encode() if isinstance(content, str) else content.read_bytes()


def _write_zip(out, contents):
    with (
        write_whole(out) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, content in contents.items():
            entry = zipfile.ZipInfo(f"course/{name}", EARLIEST)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, _bytes(content), zipfile.ZIP_DEFLATED)


def _write_folder(out, contents):
    """Write beside the folder, and rename."""
    with refusals_told(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = tempfile.mkdtemp(prefix=PARTIAL, dir=out.parent)
    partial = pathlib.Path(partial)
    try:
        with refusals_told(out, WHILE_WRITING):
            os.chmod(partial, 0o755)
            for name, content in contents.items():
                path = partial / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(_bytes(content))
        with refusals_told(out):
            os.replace(partial, out)  # An empty folder gives way.
    finally:
        shutil.rmtree(partial, ignore_errors=True)

"""What was handed in: folders and zips of students, and the notebooks in them."""

import dataclasses
import pathlib

from coursework.grade.untrusted import Archive, Folder, read_json
from cxrbase.refusals import InputError, printable

PACKED = "submission.zip"
OTHER_ARCHIVES = (".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")
MOST = 100  # Zips and folders of one student.


@dataclasses.dataclass(frozen=True)
class Submission:
    """One notebook as a student handed it in; its files are read when asked for.

    Args:
        notebook: string. `"07_multitask"`.
        place: string. Where it is, for a reader.
        files: dict, `"results"`, `"predictions"` and `"notebook"`, as far as they
            exist, to pairs of a `Folder` or `Archive` and the name in it.
    """

    notebook: str
    place: str
    files: dict

    def read(self, kind):
        """Bytes of a file; `InputError` if it is missing or must not be read."""
        if kind not in self.files:
            raise InputError(f"{self._name(kind)}: missing.")
        holder, name = self.files[kind]
        return holder.read(name)

    def _name(self, kind):
        names = {"results": "results.json", "predictions": "predictions.csv"}
        return names.get(kind, f"{self.notebook}.ipynb")


def find_students(runs_dir, notebooks):
    """Find the students of a folder, and where each one's files are.

    Args:
        runs_dir: string or `pathlib.Path`. Holds `<student>/` or `<student>.zip`.
        notebooks: names that a notebook's folder may have; one of them directly in
            `runs_dir` means that it is the run of a single student.

    Returns:
        A dict, student → list of `pathlib.Path`, sorted by name.

    Raises:
        InputError: if there is no such folder, nobody in it, or it is one run.

    Example:
    ```python
    find_students("handed_in", ["07_multitask"])
    ```
    """
    runs_dir, students = pathlib.Path(runs_dir), {}
    if not runs_dir.is_dir():
        raise InputError(f"{runs_dir}: there is no such folder.")
    for path in sorted(runs_dir.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            name = path.name
            if name in notebooks:
                raise InputError(
                    f"{runs_dir}: holds {name}, so it is one student's run. Name the "
                    "folder above it, which holds a folder or zip per student."
                )
        elif path.suffix.lower() in (".zip", *OTHER_ARCHIVES):
            name = path.stem
        else:
            continue
        students.setdefault(name, []).append(path)
    if not students:
        raise InputError(
            f"{runs_dir}: holds no student: neither a folder nor a zip is in it."
        )
    return students


def find_submissions(paths, notebooks):
    """Find the notebooks that one student handed in.

    Args:
        paths: list of `pathlib.Path`: the student's folder, zips, or both.
        notebooks: the names that are graded.

    Returns:
        `(submissions, troubles, notes)`: a dict of name to list of `Submission`, and
        two lists of strings.

    Example:
    ```python
    find_submissions([pathlib.Path("handed_in/ada")], ["07_multitask"])
    ```
    """
    found, notes, unknown = {}, [], set()
    entries, troubles = _entries(paths, notebooks)
    holders, refused = _holders(entries)
    troubles += refused
    for holder, place in holders:
        inside = _notebooks_in(holder, notebooks)
        if not inside:
            zips = any(name.lower().endswith(".zip") for name in holder.names())
            words = ", but zips are: unpack it first" if zips else ""
            troubles.append(f"{place}: no notebook's files are in it{words}.")
        for name, files in inside:
            if name not in notebooks:
                unknown.add(name)
                continue
            files = {kind: (holder, file) for kind, file in files.items()}
            found.setdefault(name, []).append(Submission(name, place, files))
    # Where a notebook cannot pack itself (on Kaggle), it is beside the zip.
    for name, path in _loose(entries, notebooks).items():
        files = {"notebook": (Folder(path.parent), path.name)}
        for submission in found.setdefault(name, [Submission(name, path.name, files)]):
            submission.files.setdefault("notebook", files["notebook"])
    if unknown:
        listed = ", ".join(printable(name, 60) for name in sorted(unknown)[:8])
        notes.append(f"Not in the rubric, so not graded: {listed}.")
    return found, troubles, notes


def _entries(paths, notebooks):
    """`(path, its name)` of everything that a student has left, and what is refused.

    That is the content of the folder, and the notebooks' folders one level deeper: a
    zip may have been unpacked into a folder of its own.
    """
    entries, troubles = [], []
    for path in paths:
        inner = [path]
        if path.is_dir() and not path.is_symlink():
            inner = [e for e in sorted(path.iterdir()) if not e.name.startswith(".")]
        for each in inner:
            entries.append((each, printable(each.name, 80)))
            if each.is_dir() and not each.is_symlink():
                entries += [
                    (deeper, f"{printable(each.name, 80)}/{deeper.name}")
                    for deeper in sorted(each.iterdir())
                    if deeper.name in notebooks
                ]
    for path, place in entries:
        if path.is_symlink():
            troubles.append(f"{place}: a symbolic link; not followed.")
        elif path.suffix.lower() in OTHER_ARCHIVES:
            troubles.append(f"{place}: only folders and zips are read.")
    return [entry for entry in entries if not entry[0].is_symlink()], troubles


def _holders(entries):
    """What can be opened: `(holder, its name)` pairs, and what is refused."""
    archives, folders, holders, troubles = [], [], [], []
    for path, place in entries:
        packed = path / PACKED
        if path.suffix.lower() == ".zip":
            archives.append((path, place))
        elif not path.is_dir():
            continue
        elif any(not name.endswith(".ipynb") for name in Folder(path).names()):
            folders.append((Folder(path), f"{place}/"))
        elif packed.is_symlink() or packed.exists():
            archives.append((packed, f"{place}/{PACKED}"))
    if len(archives) + len(folders) > MOST:
        troubles.append(f"More than {MOST} zips and folders; the rest is not read.")
    for path, place in archives[:MOST]:
        try:
            holders.append((Archive(path), place))
        except InputError as error:
            troubles.append(str(error))
    return holders + folders[: MOST - len(holders)], troubles


def _loose(entries, notebooks):
    """Executed notebooks in a folder without results beside them, by name."""
    paths = [p / f"{p.name}.ipynb" if p.is_dir() else p for p, _ in entries]
    names = {f"{name}.ipynb" for name in notebooks}
    return {path.stem: path for path in paths if path.name in names and path.exists()}


def _notebooks_in(holder, notebooks):
    """The notebooks in a holder: pairs of a name and, by kind, its files' names."""
    folders = {}
    for name in holder.names():
        path = pathlib.PurePosixPath(name)
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
        if not hidden and (path.name in _KINDS or path.suffix == ".ipynb"):
            folders.setdefault(path.parent, set()).add(path.name)
    found = []
    for folder, names in folders.items():
        files = {_KINDS[n]: str(folder / n) for n in sorted(names) if n in _KINDS}
        name = folder.name
        if name not in notebooks:  # Packed or renamed by hand: ask the results.
            name = _told_name(holder, files) or name
        if f"{name}.ipynb" in names:
            files["notebook"] = str(folder / f"{name}.ipynb")
        if files:
            found.append((name, files))
    return found


_KINDS = {"results.json": "results", "predictions.csv": "predictions"}


def _told_name(holder, files):
    try:
        name = read_json(holder.read(files["results"]))["notebook"]
    except (InputError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None

"""Fingerprints of a run: would one that is done come out the same today?

Four things are compared: the notebook with its parameters, the modules of the course
that its kernel imported, the pretrained files that it could load, and the data that the
runs before it had left. Templates do not count: pages are written again anyway.
"""

import hashlib
import importlib.util
import json
import os
import pathlib

from coursework.course import checkout
from coursework.notebook_file import read_notebook

PACKAGES = ("cxrbase", "cxrphantom", "cxrscore", "coursework", "cxrlib")


def fingerprint(run):
    """Checksum of a run's notebook and its parameters.

    Outputs and `run_dir` do not count: a notebook that was only saved with outputs, or
    a run that was moved, is the same. Where a parameter names a file or a folder, the
    names and sizes of the files directly in it count.

    Args:
        run: `Run`.

    Returns:
        A string of 16 characters.

    Example:
    ```python
    fingerprint(Run("notebooks/01_data.ipynb", "outputs/demo", {"studies": 60}))
    ```
    """
    content = read_notebook(run.notebook)
    cells = [
        (cell.cell_type, cell.source, cell.metadata.get("tags", []))
        for cell in content.cells
    ]
    parameters = dict(run.parameters)
    if parameters.get("run_dir") == str(run.out.resolve()):
        del parameters["run_dir"]
    there = {
        name: _listing(value)
        for name, value in parameters.items()
        if name != "run_dir" and isinstance(value, str) and value
    }
    return _digest([cells, sorted(parameters.items()), sorted(there.items())])


def code():
    """Checksums of all Python files of the course's packages.

    Returns:
        A dict, a module's name → a string of 16 characters.

    Example:
    ```python
    code()["cxrlib.training"]
    ```
    """
    found = {}
    for package in PACKAGES:
        for folder in importlib.util.find_spec(package).submodule_search_locations:
            root = pathlib.Path(folder)
            for path in root.rglob("*.py"):
                parts = (package, *path.relative_to(root).with_suffix("").parts)
                name = ".".join(parts).removesuffix(".__init__")
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return found


def weights():
    """Checksum of the pretrained files at hand: their names, sizes and SHA256SUMS.

    Returns:
        A string of 16 characters.
    """
    found = []
    for place in (checkout() / "weights", os.environ.get("CXR_WEIGHTS")):
        if place:
            folder = pathlib.Path(place)
            inner = sorted(path for path in folder.glob("*") if path.is_dir())
            found += [_listing(each) for each in (folder, *inner)]
            sums = folder / "SHA256SUMS"
            found.append(sums.read_text() if sums.is_file() else "")
    return _digest(found)


def names_weights(run):
    """Whether a run's results mention pretrained weights; otherwise it loads none."""
    return bool(_results(run.folder).get("weights"))


def data_before(run):
    """The data that earlier runs have left in a run's folder.

    Args:
        run: `Run`.

    Returns:
        A dict, a notebook's name → the fingerprint of the data set in its results.

    Example:
    ```python
    data_before(runs[-1])  # {"01_data": "fbf8bbca2be01d8b"}
    ```
    """
    left = {}
    for label in run.after:
        name = label.rpartition("/")[2]
        dataset = _results(run.out / name).get("dataset")
        if isinstance(dataset, dict) and dataset.get("fingerprint"):
            left[name] = str(dataset["fingerprint"])
    return left


def what_changed(run, record, now=None):
    """Say what has changed since a run was done.

    Args:
        run: `Run`.
        record: dict, its `status.json`.
        now: pair of `code()` and `weights()`, for many runs at once.

    Returns:
        A string; empty if nothing changed.

    Example:
    ```python
    what_changed(run, read_status(run.folder))  # "cxrlib.training changed"
    ```
    """
    files, pretrained = now or (code(), weights())
    if record.get("fingerprint") != fingerprint(run):
        return "its notebook, its parameters or what they name changed"
    imported, before = record.get("code"), record.get("before")
    if not isinstance(imported, dict) or not isinstance(before, dict):
        return "its status.json does not say which code it ran"
    other = [name for name in imported if imported[name] != files.get(name)]
    if other:
        more = f" and {len(other) - 1} more modules" if other[1:] else ""
        return f"{other[0]}{more} changed"
    if record.get("weights", pretrained) != pretrained:
        return "the pretrained files in weights/ changed"
    left = data_before(run)
    # One that had failed and is now fixed had left no data: later runs stay.
    for name in before:
        if left.get(name, before[name]) != before[name]:
            return f"{name} left other data"
    return ""


def _results(folder):
    """The content of `results.json`, as far as it can be read."""
    try:
        record = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _listing(path):
    """Names and sizes of the file at a path, or of the files directly in a folder."""
    path = pathlib.Path(path)
    try:
        if path.is_file():
            return [path.stat().st_size]
        entries = [each for each in os.scandir(path) if each.name[0] != "."]
    except (OSError, ValueError):  # Most parameters are not paths.
        return []
    return sorted((e.name, e.stat().st_size if e.is_file() else 0) for e in entries)


def _digest(record):
    text = json.dumps(record, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

"""`status.json`: how far a run has come, and how it ended."""

import datetime
import functools
import hashlib
import importlib.util
import json
import pathlib
import threading
import time

from cxrbase.files import write_whole

# Of "cut", every cell ran, but a part of what it printed is not kept.
FINAL = ("done", "failed", "cut")
PACKAGES = ("cxrbase", "cxrphantom", "cxrscore", "coursework", "cxrlib")
STATES = ("waiting", "running", *FINAL)
# What must be there, as long as it was left, for a run to count as whole.
KEPT = ("results.json", "predictions.csv", "submission.zip")


class Status:
    """The record of one run; every change is on disk at once, whole.

    Args:
        run: `Run`.
        state: string. One of `STATES`.

    Example:
    ```python
    status = Status(run)
    status.write(cell=3)
    status.end("done")
    ```
    """

    def __init__(self, run, state="running"):
        self.run = run
        self._lock = threading.Lock()  # Memory is told from a thread of its own.
        self._start = time.monotonic()
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self.record = {
            "notebook": run.name,
            "status": state,
            "point": run.point,
            "parameters": run.parameters,
            "fingerprint": fingerprint(run),
            "started": now,
        }
        self.write()

    def write(self, **changes):
        """Change some fields; `None` takes one away."""
        with self._lock:
            for name, value in changes.items():
                if value is None:
                    self.record.pop(name, None)
                else:
                    self.record[name] = value
            write_status(self.run.folder, self.record)

    def end(self, state, **changes):
        """Say how it ended, after how many minutes, and what it left."""
        minutes = round((time.monotonic() - self._start) / 60, 3)
        self.write(status=state, minutes=minutes, left=_sizes(self.run), **changes)


def write_status(folder, record):
    """Write `status.json` whole."""
    with write_whole(folder / "status.json") as temporary:
        temporary.write_text(json.dumps(record, indent=2, default=str))


def read_status(folder):
    """Read `status.json`.

    Args:
        folder: `pathlib.Path`.

    Returns:
        A dict; an empty one if it is missing or broken.

    Example:
    ```python
    read_status(run.folder).get("status")
    ```
    """
    try:
        record = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def in_words(status):
    """What went wrong with a run, and where.

    Args:
        status: dict, from `read_status`.

    Returns:
        A string; empty if nothing went wrong.

    Example:
    ```python
    in_words({"cell": 3, "reason": "raised", "error": "ValueError: no studies"})
    # "In [3] raised ValueError: no studies"
    ```
    """
    if "error" not in status:
        return ""
    cell = f"In [{status['cell']}] " if "cell" in status else ""
    reason = str(status.get("reason", ""))
    colon = "" if reason in ("", "raised") else ":"  # "In [3] raised ValueError".
    return f"{cell}{reason}{colon} {status['error']}".strip()


def is_whole(run):
    """Whether a run is done, with this notebook, parameters and code, and all there.

    Args:
        run: `Run`.

    Returns:
        A bool.

    Example:
    ```python
    todo = [run for run in runs if not is_whole(run)]
    ```
    """
    record = read_status(run.folder)
    if record.get("status") != "done" or not isinstance(record.get("left"), dict):
        return False
    is_same = record.get("fingerprint") == fingerprint(run)
    return is_same and record["left"] == _sizes(run)


def _sizes(run):
    """Bytes of the files that a run leaves, by name."""
    names = (run.copy.name, run.copy.with_suffix(".html").name, *KEPT)
    paths = [run.folder / name for name in names]
    return {path.name: path.stat().st_size for path in paths if path.is_file()}


# === What makes a run what it is: the notebook, its parameters and the code ===


def fingerprint(run):
    """Checksum of a run's notebook, parameters and the code of cxrlib.

    Outputs and folders do not count: a notebook that was only saved with outputs, or a
    run that was moved, is the same. What lies in a data folder is not looked at.

    Args:
        run: `Run`.

    Returns:
        A string of 16 characters.

    Example:
    ```python
    fingerprint(Run("notebooks/01_data.ipynb", "outputs/demo", {"studies": 60}))
    ```
    """
    import nbformat

    content = nbformat.read(run.notebook, as_version=4)
    cells = [
        (cell.cell_type, cell.source, cell.metadata.get("tags", []))
        for cell in content.cells
    ]
    parameters = dict(run.parameters)
    if parameters.get("run_dir") == str(run.out.resolve()):
        del parameters["run_dir"]
    record = [cells, sorted(parameters.items()), code_version()]
    text = json.dumps(record, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@functools.cache
def code_version():
    """Checksum of all Python files of the course's packages, by path and content."""
    digest = hashlib.sha256()
    for package in PACKAGES:
        for folder in importlib.util.find_spec(package).submodule_search_locations:
            root = pathlib.Path(folder)
            for path in sorted(root.rglob("*.py")):
                digest.update(f"{package}/{path.relative_to(root).as_posix()}".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()

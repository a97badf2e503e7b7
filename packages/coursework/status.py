"""`status.json`: how far a run is, and how it ended."""

import datetime
import json
import threading
import time

from coursework.fingerprint import fingerprint, what_changed
from cxrbase.files import write_whole

# "cut": every cell ran, but part of the output was not kept.
FINAL = ("done", "failed", "cut")
NOT_DONE = "not done"
STATES = ("waiting", "running", *FINAL)
# Files that must still exist, if a run left them, for it to count as complete.
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
        self._lock = threading.Lock()  # Memory is reported from another thread.
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
        """Change some fields; `None` removes one."""
        with self._lock:
            for name, value in changes.items():
                if value is None:
                    self.record.pop(name, None)
                else:
                    self.record[name] = value
            write_status(self.run.folder, self.record)

    def end(self, state, **changes):
        """Record how it ended, after how many minutes, and what it left."""
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


def why_again(run, now=None):
    """Say why a run must be carried out, again or for the first time.

    Args:
        run: `Run`.
        now: see `coursework.fingerprint.what_changed`.

    Returns:
        A string; empty if the run is done, complete and up to date.

    Example:
    ```python
    todo = [run for run in runs if why_again(run)]
    ```
    """
    record = read_status(run.folder)
    if record.get("status") != "done":
        return NOT_DONE
    if record.get("left") != _sizes(run):
        return "what it left is not complete"
    return what_changed(run, record, now)


def _sizes(run):
    """Bytes of the files that a run leaves, by name."""
    names = (run.copy.name, run.copy.with_suffix(".html").name, *KEPT)
    paths = [run.folder / name for name in names]
    return {path.name: path.stat().st_size for path in paths if path.is_file()}

"""The supervisor of a run: whatever its notebook starts ends with it.

    python -m coursework.run.supervisor < run.json

starts `coursework.run.execute` with the same input, and ends as that does, when
nothing of the run is alive. On Linux it is the run's subreaper: a process that has
left its group, its session and its environment gets the supervisor for its parent as
soon as its own is gone. Elsewhere such a process is found only by its environment.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time

import psutil

MARK = "CXRLIB_RUN"  # The environment variable by which a run's processes are found.
GRACE = 20  # Seconds to save and end.
PATIENCE = 10  # Seconds spent killing processes that keep starting new ones.
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Become the parent of orphaned descendants (on Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_descendants(pid, mark=None):
    """Kill all processes below one, and all that carry a mark.

    Args:
        pid: int. The process above them, which stays; it may be gone.
        mark: string or `None`. The value of `MARK` in their environment.
    """
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:  # One may start another meanwhile.
        found = [each for each in _found(pid, mark) if _is_alive(each)]
        if not found:
            return
        for process in found:
            try:
                process.kill()
            except psutil.Error:
                continue
        psutil.wait_procs(found, timeout=1)


def _found(pid, mark):
    found = set()
    with contextlib.suppress(psutil.Error):  # If it is gone, nothing is below it.
        found.update(psutil.Process(pid).children(recursive=True))
    if mark:
        found.update(each for each in psutil.process_iter() if _has(each, mark))
    return {each for each in found if each.pid not in (pid, os.getpid())}


def _is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _has(process, mark):
    try:
        return process.environ().get(MARK) == mark
    except (psutil.Error, OSError):  # Another user's, or gone.
        return False


def supervise(command):
    """Start a command, wait for it, and end everything that it started.

    SIGTERM, and the death of this process's own parent, are passed on as SIGTERM;
    what has not ended after `GRACE` seconds is killed.

    Args:
        command: list of strings. It gets this process's standard input.

    Returns:
        Its exit code, an int; negative for the signal that killed it.
    """
    adopt_orphans()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    parent = os.getppid()
    process = subprocess.Popen(command)

    def watch():
        while not stopped.wait(0.2) and os.getppid() == parent:
            pass
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
            time.sleep(GRACE)
            os.kill(process.pid, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    pid = None
    while pid != process.pid:  # Wait for adopted processes, too.
        pid, status = os.waitpid(-1, 0)
    kill_descendants(os.getpid(), os.environ.get(MARK))
    return os.waitstatus_to_exitcode(status)


def main():
    """Supervise the run that is read from standard input; end as it does."""
    code = supervise([sys.executable, "-m", "coursework.run.execute"])
    if code < 0:
        if -code == signal.SIGTERM:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()

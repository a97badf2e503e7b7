"""Executors: what every one promises, and the process pool of this machine."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Protocol

from coursework.run.client import say_exit
from coursework.run.execute import write_page
from coursework.run.plan import Run
from coursework.run.supervisor import GRACE, MARK, PATIENCE, kill_descendants
from coursework.status import FINAL, Status, read_status
from cxrbase.files import InputError

LATE = 60  # Seconds over its timeout after which a run that does not stop is killed.


class Executor(Protocol):
    """Carries runs out, on one machine or on many.

    It shares only the folders of the runs with the caller: each has a final
    `status.json` when it is yielded as ended, however it ended.
    """

    def carry_out(self, runs: Sequence[Run]) -> Iterator[tuple[Run | None, str]]:
        """Carry out every run, each after all that it names in `after` have ended.

        Args:
            runs: sequence of `Run`. A label in `after` that is not among them counts as
                ended.

        Yields:
            `(run, "started")` and `(run, "ended")`, and `(None, "waiting")` every
            second or so. Closing the iterator stops what is running.
        """


class LocalPool:
    """Carries out several runs at once, each in its own process and kernel.

    Args:
        jobs: int. How many at once. They share the cores and the GPU.
        timeout: float or `None`. Seconds that one notebook may take.
        env: dict of strings. Added to the environment of the kernels.

    Example:
    ```python
    for run, event in LocalPool(jobs=2).carry_out(runs):
        print(run, event)
    ```
    """

    def __init__(self, jobs=1, timeout=None, env=None):
        self.jobs, self.timeout = jobs, timeout
        self.env = env or {}
        if jobs > 1:
            # Otherwise a kernel would take every core, and all of the GPU's memory.
            threads = str(max(1, (os.cpu_count() or 1) // jobs))
            names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
            few = dict.fromkeys(names, threads) | {"TF_FORCE_GPU_ALLOW_GROWTH": "true"}
            self.env = {k: v for k, v in few.items() if k not in os.environ} | self.env

    def carry_out(self, runs):
        """See `Executor.carry_out`."""
        waiting, active = list(runs), []
        try:
            while waiting or active:
                pending = {run.label for run in [*waiting, *(c.run for c in active)]}
                ready = [run for run in waiting if not pending & set(run.after)]
                for run in ready[: self.jobs - len(active)]:
                    waiting.remove(run)
                    active.append(_Child(run, self.timeout, self.env))
                    yield run, "started"
                ended = [child for child in active if child.is_over()]
                for child in ended:
                    child.settle()
                    active.remove(child)
                    yield child.run, "ended"
                if not ended:
                    yield None, "waiting"
                    time.sleep(0.1)
        finally:
            _stop(active)


class _Child:
    """The supervisor of one run, and what it leaves."""

    def __init__(self, run, timeout, env):
        self.run, self.mark = run, str(uuid.uuid4())
        self.status = Status(run)  # An earlier status is obsolete.
        self.killed_at = None if timeout is None else time.monotonic() + timeout + LATE
        self.timeout = timeout
        self.stderr = tempfile.TemporaryFile()  # noqa: SIM115, closed with the child.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "coursework.run.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self.stderr,
            env={**os.environ, **env, MARK: self.mark},
            start_new_session=True,  # Ctrl-C is for this process to pass on.
        )
        order = {"run": run.as_dict(), "timeout": timeout}
        try:
            with self.process.stdin as stdin:
                stdin.write(json.dumps(order).encode())
        except BrokenPipeError:
            pass  # It has ended; `settle` says how.

    def is_over(self):
        """Whether it has ended; one past its timeout is killed."""
        if self.killed_at and time.monotonic() > self.killed_at:
            self.kill()
        return self.process.poll() is not None

    def kill(self):
        """Kill it; the supervisor last, since it adopts orphaned processes."""
        kill_descendants(self.process.pid, self.mark)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=PATIENCE)
        self.process.kill()
        self.process.wait()

    def settle(self, error=None):
        """Leave no process of the run alive, and a status that is final.

        Args:
            error: string or `None`. Why it was stopped, if it was.
        """
        self.process.wait()
        kill_descendants(self.process.pid, self.mark)
        record = read_status(self.run.folder)
        if record.get("status") in FINAL:
            return
        how = f"its process {say_exit(self.process.returncode)}"
        words = self._last_words() if self.process.returncode > 0 else ""
        late = self.killed_at and time.monotonic() > self.killed_at
        reason = "killed" if self.process.returncode < 0 else "broken off"
        if error:
            reason = "interrupted"
        elif late:
            reason = "timed out"
            how = f"did not stop {LATE} seconds after its {self.timeout:g}"
        self.status.record |= record  # How far it got.
        self.status.end("failed", reason=reason, error=error or words or how)
        if self.run.copy.is_file():
            try:
                write_page(self.run)
            except Exception as trouble:  # It may have died while it wrote.
                note = f"no HTML: {type(trouble).__name__}"
                self.status.write(notes=[note])

    def _last_words(self):
        self.stderr.seek(0)
        lines = self.stderr.read()[-2000:].decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _stop(children):
    """End children gently, then by force; a second Ctrl-C kills at once."""
    for child in children:
        child.process.send_signal(signal.SIGTERM)
    end = time.monotonic() + GRACE + PATIENCE
    try:
        while any(c.process.poll() is None for c in children):
            if time.monotonic() > end:
                break
            time.sleep(0.1)
    except KeyboardInterrupt:
        pass
    for child in children:
        child.kill()
    for child in children:  # On a full disk nothing can be written.
        with contextlib.suppress(InputError, OSError):
            child.settle("stopped before its end")

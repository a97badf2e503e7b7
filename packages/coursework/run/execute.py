"""Carrying out one run, here in this process, or as a process of its own.

    python -m coursework.run.execute < run.json

is what an executor starts, wherever it does so. `run.json` is `{"run": …,
"timeout": …}`, of `Run.as_dict()`.
"""

import contextlib
import dataclasses
import functools
import json
import os
import signal
import sys
import threading
import time
import traceback
import types

from coursework.fingerprint import code, data_before, names_weights, weights
from coursework.run.parameters import parameter_kinds, refuse_unknown, typed
from coursework.run.plan import Run
from coursework.status import Status
from cxrbase.files import InputError
from cxrbase.parallel import signals_interrupt


def execute(run, timeout=None, progress=True, env=None):
    """Run one notebook and leave its executed copy, HTML and `status.json`.

    Args:
        run: `Run`.
        timeout: float or `None`. Seconds that the notebook may take.
        progress: bool. Whether papermill shows its progress bar.
        env: dict of strings. Added to the kernel's environment.

    Returns:
        A dict, the content of `status.json`: `status` (`"done"`, `"cut"` or
        `"failed"`), `notebook`, `point`, `parameters`, `fingerprint`, `started`,
        `minutes`, `megabytes` (the most that the kernel and its children held), `left`
        (files and their bytes), `code`, `before` and `weights` (see
        `coursework.fingerprint`); if it is not done, `reason`, `error` and, in most
        cases, `cell` (the n of `In [n]`) and `cell_id`.

    Raises:
        InputError: for an unknown parameter or one of another type, or if the disk is
            full.

    Example:
    ```python
    execute(Run("notebooks/01_data.ipynb", "outputs/demo", {"studies": 60}))
    ```
    """
    kinds = parameter_kinds(run.notebook)
    refuse_unknown(set(run.parameters) - set(kinds), run.notebook, set(kinds))
    values = typed(run.parameters, kinds, run.name)
    run = dataclasses.replace(run, parameters=values)
    status = Status(run)
    # Before the first cell: what changes while it runs is not what it ran.
    files, before = code(), data_before(run)
    _set_old_results_aside(run.folder)
    kernel = types.SimpleNamespace(memory=[], cuts=[], modules=None)
    outcome = {"reason": "interrupted", "error": "stopped before its end"}
    try:
        outcome = _papermill(run, status, kernel, timeout, progress, env)
    finally:
        peak = max((each.stop() for each in kernel.memory), default=None)
        is_over = outcome.get("reason") != "interrupted"
        notes = _leave_pages(run) if is_over and run.copy.is_file() else []
        if not outcome:
            status.write(cell=None, cell_id=None)
        if not outcome and kernel.cuts:
            (cell, words), *others = kernel.cuts
            more = f"; in {len(others)} more cells, too" if others else ""
            outcome = {"reason": "output cut", "cell": cell}
            outcome["error"] = f"{words} were not kept{more}"
        state = "failed" if outcome else "done"
        if outcome.get("reason") == "output cut":
            state = "cut"
        outcome |= {"megabytes": peak, "notes": notes or None}
        if kernel.modules is not None:
            imported = {name: files[name] for name in kernel.modules if name in files}
            outcome |= {"code": imported, "before": before}
            outcome["weights"] = weights() if names_weights(run) else None
        status.end(state, **outcome)
    return status.record


def _papermill(run, status, kernel, timeout, progress, env):
    """Execute; return what went wrong as fields of the status, or `{}`."""
    import papermill

    from coursework.run.client import DIED, ENGINE, KILLED, TIMED_OUT, Client
    from coursework.run.kernel import PeakMemory, kernel_manager

    def tell(megabytes):
        with contextlib.suppress(InputError, OSError):  # Written again at the end.
            status.write(megabytes=megabytes)

    def watch(pid):
        kernel.memory.append(PeakMemory(pid, tell))
        kernel.memory[-1].start()

    client = functools.partial(
        Client,
        deadline=None if timeout is None else time.monotonic() + timeout,
        begun=lambda cell, name: status.write(cell=cell, cell_id=name),
        cut=lambda cell, words: kernel.cuts.append((cell, words)),
        imported=lambda names: setattr(kernel, "modules", sorted(names)),
        kernel_manager_class=kernel_manager(env, watch),
    )
    reasons = {TIMED_OUT: "timed out", KILLED: "killed", DIED: "kernel died"}
    try:
        papermill.execute_notebook(
            run.notebook,
            run.copy,
            parameters=run.parameters,
            engine_name=ENGINE,
            client=client,
            kernel_name="python3",
            language="python",
            progress_bar={"desc": run.label} if progress else False,
        )
    except papermill.PapermillExecutionError as error:
        if error.ename in reasons:
            words = error.evalue
            if error.ename == TIMED_OUT:
                words = f"not done within its timeout of {timeout:g} seconds"
            return {"reason": reasons[error.ename], "error": words}
        words = f"{error.ename}: {error.evalue}".strip().splitlines()[0][:500]
        return {"reason": "raised", "error": words}
    except Exception as error:  # A kernel that does not start concerns one run only.
        words = traceback.format_exception_only(error)[-1].strip()
        return {"reason": "broken off", "error": words.splitlines()[0][:500]}
    return {}


def _set_old_results_aside(folder):
    """Set an earlier run's results aside: a failed rerun must not show them."""
    for name in ("results.json", "predictions.csv"):
        path = folder / name
        if path.is_file():
            os.replace(path, path.with_stem(path.stem + ".previous"))
    for path in (*folder.glob("*.html"), folder / "submission.zip"):
        path.unlink(missing_ok=True)


def _leave_pages(run):
    """Write HTML beside the executed copy; return what failed, in words."""
    notes = []
    for leave in (write_page, _pack):
        try:
            leave(run)
        except Exception as error:  # The run itself is unaffected.
            words = traceback.format_exception_only(error)[-1].strip()
            notes.append(words.splitlines()[0][:500])
    return notes


def write_page(run):
    """Write the executed notebook as HTML beside it.

    Args:
        run: `Run`.
    """
    from coursework.pages.executed import write_executed

    write_executed(run.copy, run.copy.with_suffix(".html"))


def _pack(run):
    """Pack the submission again, now that the executed copy is complete."""
    if (run.folder / "results.json").is_file():
        from coursework.submission import pack_submission

        pack_submission(run.folder)


def _end_with(parent):
    """End when the parent process is gone, as a kernel does."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


def main():
    """Carry out the run that is read from standard input."""
    order = json.load(sys.stdin)
    watch = threading.Thread(target=_end_with, args=[os.getppid()], daemon=True)
    try:
        with signals_interrupt():
            watch.start()
            execute(Run(**order["run"]), order.get("timeout"), progress=False)
    except (InputError, OSError) as error:
        sys.exit(f"{error}")  # One line, for the parent.
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()

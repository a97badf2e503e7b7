"""A batch: plans runs, hands them to an executor, and shows their results."""

import contextlib
import pathlib
import signal
import time

from coursework.fingerprint import code, weights
from coursework.run.execute import execute
from coursework.run.parameters import known_parameters
from coursework.run.plan import Run, plan
from coursework.run.profiles import PROFILES
from coursework.run.progress import Progress
from coursework.status import NOT_DONE, Status, read_status, why_again
from cxrbase.files import InputError, locked, sweep
from cxrbase.parallel import signals_interrupt
from cxrbase.refusals import refusal, refusals_told

__all__ = ["PROFILES", "Run", "execute", "known_parameters", "plan", "run_notebooks"]

BROKEN_OFF = 128 + signal.SIGINT  # The exit status of a batch that was stopped.


def run_notebooks(
    notebooks,
    out,
    parameters=None,
    profile=None,
    timeout=None,
    progress=True,
    env=None,
    *,
    files=(),
    grid=None,
    jobs=1,
    resume=False,
    executor=None,
):
    """Run notebooks in a batch; the failure of one does not stop the rest.

    Args:
        notebooks: sequence of paths.
        out: string or `pathlib.Path`. Each notebook gets the folder
            `<out>/<notebook>/`, in a grid `<out>/<point>/<notebook>/`;
            `<out>/index.html` and `<out>/runs.csv` show them all, and
            `<out>/sweep.csv` means over runs that differ only in their seed.
        parameters: dict of scalars, for every notebook that knows them.
        profile: string, path or `None`. See `coursework.run.plan.plan`.
        timeout: float or `None`. Seconds that one notebook may take.
        progress: bool. Whether to show a bar where there is a terminal.
        env: dict of strings. Added to the kernels' environment.
        files: sequence of paths. YAML files of parameters.
        grid: path or `None`. A sweep, see `coursework.run.grid.read_grid`.
        jobs: int. How many at once.
        resume: bool. Whether to leave out what is done, complete and up to date. See
            `coursework.fingerprint`.
        executor: `Executor` or `None`. Who carries the runs out; `None` takes a
            `LocalPool`, and only it looks at `timeout`, `env` and `jobs`.

    Returns:
        An exit status: 0 if every run is done, 130 if the batch was stopped, else 1.

    Raises:
        InputError: before anything runs, for what is wrong in the arguments, or if
            another batch runs in a folder of this one; later if the disk is full.

    Example:
    ```python
    run_notebooks(["notebooks/01_data.ipynb"], "outputs/demo", profile="smoke")
    ```
    """
    from coursework.run.executor import LocalPool

    out = pathlib.Path(out)
    runs = plan(notebooks, out, parameters, profile, files, grid)
    executor = executor or LocalPool(jobs, timeout, env)
    with contextlib.ExitStack() as held:
        for folder in sorted({out, *(run.out for run in runs)}):
            held.enter_context(locked(folder, wait=False))
        return _run_batch(runs, out, resume, executor, progress)


def _run_batch(runs, out, resume, executor, progress):
    """What `run_notebooks` does, once the folders are held."""
    todo = _again(runs) if resume else [(run, NOT_DONE) for run in runs]
    _announce([run for run, _ in todo], out)
    shown = Progress(len(runs), bar=progress)
    index, ran = _Index(out), []
    stopped = False
    try:
        with signals_interrupt(), shown:
            shown.begin(todo)
            while todo:
                ran += [run for run, _ in todo]
                events = executor.carry_out([run for run, _ in todo])
                with contextlib.closing(events):
                    for run, event in events:
                        shown.tell(run, event)
                        if event == "ended":
                            index.write_now_and_then()  # Of use in a long batch.
                # What was left out may rest on data that these runs have replaced.
                todo = _again([run for run in runs if run not in ran])
                shown.begin(todo)
    except KeyboardInterrupt:
        stopped = True
    except OSError as error:
        raise InputError(refusal(error, out)) from error
    index.write()
    left = [run for run in runs if read_status(run.folder).get("status") != "done"]
    print(f"{len(runs) - len(left)} of {len(runs)} done. Open {out / 'index.html'}")
    if stopped:
        print("Stopped. The same command with --resume continues.")
        return BROKEN_OFF
    return 1 if left else 0


def _again(runs):
    """Those of the runs that are to be carried out, each with the reason."""
    now = code(), weights()
    reasons = [(run, why_again(run, now)) for run in runs]
    return [(run, why) for run, why in reasons if why]


def _announce(runs, out):
    """Write the plan to disk; a folder that cannot be written is reported at once."""
    with refusals_told(out):
        sweep(out)
        for run in runs:
            sweep(run.folder)
            run.folder.mkdir(parents=True, exist_ok=True)
            if not (run.folder / "status.json").is_file():
                Status(run, "waiting")


class _Index:
    """The batch's page, written as often as a tenth of the time allows."""

    def __init__(self, out):
        self._out, self._next = out, 0.0

    def write_now_and_then(self):
        """Write it if the last time was long ago."""
        if time.monotonic() >= self._next:
            self.write()

    def write(self):
        """Write `index.html` and the tables beside it."""
        from coursework.pages.page import write_index
        from coursework.pages.runs import write_tables

        start = time.monotonic()
        write_tables(self._out)
        write_index(self._out)
        took = time.monotonic() - start
        self._next = time.monotonic() + 10 * took

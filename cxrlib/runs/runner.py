"""Running notebooks with papermill: a `Run` describes, `execute` carries it out."""

import dataclasses
import datetime
import json
import os
import pathlib
import time
import traceback

from cxrlib.files import InputError, write_whole

PROFILES = ("smoke", "course", "full")


@dataclasses.dataclass(frozen=True)
class Run:
    """One notebook, its parameters and where its files go.

    It is plain data, so that another executor (a process pool, a cluster) can
    carry it out elsewhere.

    Args:
        notebook: `pathlib.Path`. The notebook to run.
        out: `pathlib.Path`. The folder of the batch.
        parameters: dict of scalars.

    Example:
    ```python
    Run("notebooks/01_data.ipynb", "outputs/demo", {"studies": 60})
    ```
    """

    notebook: pathlib.Path
    out: pathlib.Path
    parameters: dict = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "notebook", pathlib.Path(self.notebook))
        object.__setattr__(self, "out", pathlib.Path(self.out))

    @property
    def name(self):
        """The notebook's name without suffix."""
        return self.notebook.stem

    @property
    def folder(self):
        """Where the executed copy, `status.json` and the results lie."""
        return self.out / self.name


def known_parameters(notebook):
    """Read the names in the cell of a notebook that is tagged `parameters`.

    Args:
        notebook: string or `pathlib.Path`.

    Returns:
        A set of strings.

    Raises:
        InputError: if the notebook is missing or unreadable.

    Example:
    ```python
    known_parameters("notebooks/07_multitask.ipynb")
    ```
    """
    import nbformat
    import papermill

    path = pathlib.Path(notebook)
    try:
        content = nbformat.read(path, as_version=4)
        # Whatever kernel it was last saved with, it is run by this interpreter.
        content.metadata["kernelspec"] = {"name": "python3", "language": "python"}
        return set(papermill.inspect_notebook(content))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such notebook.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        words = str(error).splitlines()[0][:200]
        raise InputError(f"{path}: not a readable notebook ({words}).") from None


def read_profile(profile, notebooks):
    """Read a YAML file of parameters, by its path or by a profile's name.

    Args:
        profile: string or `pathlib.Path`. `"smoke"`, `"course"`, `"full"` (looked
            up in the folder `profiles` beside the notebooks), or a path.
        notebooks: sequence of `pathlib.Path`.

    Returns:
        A dict of scalars.

    Raises:
        InputError: if there is no such file, or it is not a flat mapping.

    Example:
    ```python
    read_profile("smoke", ["notebooks/01_data.ipynb"])
    ```
    """
    import yaml

    path = pathlib.Path(profile)
    if str(profile) in PROFILES:
        path = pathlib.Path(notebooks[0]).parent / "profiles" / f"{profile}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such profile.") from None
    except (yaml.YAMLError, UnicodeError) as error:
        words = " ".join(str(error).split())
        raise InputError(f"{path}: not readable as YAML ({words}).") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: must map parameters to values, `name: value`.")
    return content


def plan(notebooks, out, parameters=None, profile=None):
    """Turn notebooks and parameters into runs, checked before anything starts.

    A profile serves several notebooks, so each takes from it what it knows. A
    parameter given by hand must be known to every notebook.

    Args:
        notebooks: sequence of paths.
        out: string or `pathlib.Path`. The folder of the batch.
        parameters: dict of scalars. They win over the profile's.
        profile: string, path or `None`. See `read_profile`.

    Returns:
        A list of `Run`.

    Raises:
        InputError: for a notebook or a parameter that does not exist, or two
            notebooks of one name.

    Example:
    ```python
    plan(["notebooks/01_data.ipynb"], "outputs/demo", profile="smoke")
    ```
    """
    notebooks = [pathlib.Path(path) for path in notebooks]
    if not notebooks:
        raise InputError("No notebook to run: name one or more.")
    twice = {path.stem for path in notebooks if _stems(notebooks).count(path.stem) > 1}
    if twice:
        raise InputError(f"Two notebooks are called {sorted(twice)[0]}: rename one.")
    parameters = dict(parameters or {})
    shared = read_profile(profile, notebooks) if profile else {}
    known = {path: known_parameters(path) for path in notebooks}
    for path in notebooks:
        _refuse_unknown(set(parameters) - known[path], path, known[path])
    neighbours = {each for path in notebooks for each in path.parent.glob("*.ipynb")}
    anywhere = set().union(*map(known_parameters, neighbours | set(notebooks)))
    _refuse_unknown(set(shared) - anywhere, f"profile {profile}", anywhere)
    runs = []
    for path in notebooks:
        own = {name: value for name, value in shared.items() if name in known[path]}
        # Results go where the page looks for them, unless somebody says otherwise.
        if "run_dir" in known[path]:
            own["run_dir"] = str(pathlib.Path(out).resolve())
        runs.append(Run(path, pathlib.Path(out), own | parameters))
    return runs


def _stems(notebooks):
    return [path.stem for path in notebooks]


def _refuse_unknown(unknown, where, known):
    if unknown:
        raise InputError(
            f"{where}: unknown parameter {', '.join(sorted(unknown))}. Known: "
            f"{', '.join(sorted(known)) or 'none (no cell is tagged parameters)'}."
        )


def execute(run, timeout=None, progress=True, env=None):
    """Run one notebook and leave its executed copy, HTML and `status.json`.

    Args:
        run: `Run`.
        timeout: float or `None`. Seconds that one cell may take.
        progress: bool. Whether papermill shows its progress bar.
        env: dict of strings. Added to the kernel's environment.

    Returns:
        A dict, the content of `status.json`: `status` (`"done"` or `"failed"`),
        `notebook`, `parameters`, `started`, `minutes`, and for a failure
        `cell` (the n of `In [n]`) and `error`.

    Raises:
        InputError: for an unknown parameter.

    Example:
    ```python
    execute(Run("notebooks/01_data.ipynb", "outputs/demo", {"studies": 60}))
    ```
    """
    import papermill

    from cxrlib.runs.kernel import kernel_manager

    known = known_parameters(run.notebook)
    _refuse_unknown(set(run.parameters) - known, run.notebook, known)
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    status = {
        "notebook": run.name,
        "status": "running",
        "parameters": run.parameters,
        "started": now,
    }
    _set_old_results_aside(run.folder)
    _write_status(run.folder, status)
    copy = run.folder / f"{run.name}.ipynb"
    start = time.monotonic()
    status["status"] = "failed"  # Until it is done; Ctrl-C leaves it so, too.
    try:
        papermill.execute_notebook(
            run.notebook,
            copy,
            parameters=run.parameters,
            kernel_name="python3",
            language="python",
            kernel_manager_class=kernel_manager(env),
            progress_bar={"desc": run.name} if progress else False,
            execution_timeout=timeout,
        )
        status["status"] = "done"
    except papermill.PapermillExecutionError as error:
        words = f"{error.ename}: {error.evalue}".strip().splitlines()
        status |= {"cell": error.exec_count, "error": words[0][:500]}
    except KeyboardInterrupt:
        status["error"] = "interrupted"
        raise
    except Exception as error:  # A dead kernel, a timeout: one run's trouble.
        words = traceback.format_exception_only(error)[-1].strip()
        status["error"] = words.splitlines()[0][:500]
    finally:
        status["minutes"] = round((time.monotonic() - start) / 60, 3)
        _write_status(run.folder, status)
    if copy.is_file():
        _write_html(copy)
    return status


def run_notebooks(
    notebooks, out, parameters=None, profile=None, timeout=None, progress=True, env=None
):
    """Run notebooks one after another; the failure of one does not stop the rest.

    Args:
        notebooks: sequence of paths.
        out: string or `pathlib.Path`. Each notebook gets the folder
            `<out>/<notebook>/`; `<out>/index.html` shows them all.
        parameters: dict of scalars, for every notebook.
        profile: string, path or `None`. See `read_profile`.
        timeout: float or `None`. Seconds that one cell may take.
        progress: bool. Whether papermill shows its progress bar.
        env: dict of strings. Added to the kernels' environment.

    Returns:
        An exit status: 0 if every notebook is done, else 1.

    Raises:
        InputError: before anything runs, for what is wrong in the arguments.

    Example:
    ```python
    run_notebooks(["notebooks/01_data.ipynb"], "outputs/demo", profile="smoke")
    ```
    """
    from cxrlib.runs.page import write_index

    runs = plan(notebooks, out, parameters, profile)
    failures = 0
    for number, run in enumerate(runs, start=1):
        print(f"[{number}/{len(runs)}] {run.name} …", flush=True)
        status = execute(run, timeout, progress, env)
        line = f"[{number}/{len(runs)}] {run.name} {status['status']}"
        line += f" after {status['minutes']:.1f} minutes"
        if status["status"] != "done":
            failures += 1
            cell = f" in In [{status['cell']}]" if "cell" in status else ""
            line += f"{cell}: {status.get('error', '')}"
        print(line, flush=True)
        write_index(out)  # After each, so that a look at a long batch pays.
    print(f"Open {pathlib.Path(out) / 'index.html'}")
    return 1 if failures else 0


def _set_old_results_aside(folder):
    """A failed rerun must not pass off the results of the run before as its own."""
    for name in ("results.json", "predictions.csv"):
        path = folder / name
        if path.is_file():
            os.replace(path, path.with_stem(path.stem + ".previous"))


def _write_status(folder, status):
    with write_whole(folder / "status.json") as temporary:
        temporary.write_text(json.dumps(status, indent=2, default=str))


def _write_html(notebook):
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter().from_filename(str(notebook))
    with write_whole(notebook.with_suffix(".html")) as temporary:
        temporary.write_text(page, encoding="utf-8")

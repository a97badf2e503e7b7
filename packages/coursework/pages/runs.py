"""The runs of a batch, as found on disk, and the tables made of them."""

import dataclasses
import pathlib

import pandas as pd

from coursework.results import read_results
from coursework.status import STATES, read_status
from cxrbase.cells import write_csv
from cxrbase.files import InputError
from cxrscore.tables import best_baseline


@dataclasses.dataclass
class FoundRun:
    """What one notebook left in its folder.

    Args:
        folder: `pathlib.Path`.
        point: dict of scalars. What makes its point in a grid; empty without one.
        status: dict, of `status.json`; its `status` is always there.
        results: dict, of `results.json`, or `None`.
        trouble: string or `None`. What is wrong with `results.json`.
    """

    folder: pathlib.Path
    point: dict
    status: dict
    results: dict | None
    trouble: str | None

    @property
    def name(self):
        """The notebook's name."""
        return self.folder.name

    @property
    def metrics(self):
        """The scores by name, empty without results."""
        return self.results["metrics"] if self.results else {}


def read_runs(out):
    """Read what the notebooks left in a run's folder, and in the points of a grid.

    Args:
        out: `pathlib.Path`.

    Returns:
        A pair of lists of `FoundRun`: of the folder itself, and of its points.

    Example:
    ```python
    here, points = read_runs(pathlib.Path("outputs/sweep"))
    ```
    """
    here = [_read(folder) for folder in _folders(out) if _is_notebook(folder)]
    inner = [each for folder in _folders(out) for each in _folders(folder)]
    points = [_read(each) for each in inner if read_status(each).get("point")]
    return here, points


def _folders(folder):
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _is_notebook(folder):
    names = ("status.json", "results.json", f"{folder.name}.ipynb")
    return any((folder / name).is_file() for name in names)


def _read(folder):
    results, trouble = read_or_tell(read_results, folder / "results.json")
    status = read_status(folder)
    if status.get("status") not in STATES:
        status["status"] = "done" if results else "unknown"
    point = status.get("point")
    point = point if isinstance(point, dict) else {}
    return FoundRun(folder, point, status, results, trouble)


def read_or_tell(reader, path):
    """`(content, None)`, `(None, None)` if absent, or `(None, what is wrong)`."""
    if not path.is_file():
        return None, None
    try:
        return reader(path), None
    except InputError as error:
        return None, str(error)


def runs_table(runs):
    """One row per run: its point, how it ended, its time and memory, all its scores.

    Args:
        runs: list of `FoundRun`.

    Returns:
        A `pandas.DataFrame`.

    Example:
    ```python
    runs_table(points).sort_values("coco.bleu_4")
    ```
    """
    keys = ("status", "reason", "cell", "error", "started", "minutes", "megabytes")
    rows = [
        {
            "folder": f"{run.folder.parent.name}/{run.name}",
            "notebook": run.name,
            **run.point,
            **{key: run.status.get(key) for key in keys},
            "ground": run.results["dataset"]["ground"] if run.results else None,
            **{name: metric["value"] for name, metric in run.metrics.items()},
        }
        for run in runs
    ]
    return pd.DataFrame(rows)


def sweep_table(runs):
    """Mean and standard deviation of every score over runs that differ only in `seed`.

    Args:
        runs: list of `FoundRun`, of the points of a grid.

    Returns:
        A `pandas.DataFrame`: notebook, the parameters but for the seed, score,
        ground, split, n (studies), runs, mean, deviation (standard deviation of a
        sample; none for one run), baseline (mean of the best one).

    Example:
    ```python
    sweep_table(read_runs(out)[1])
    ```
    """
    rows, swept = [], {name for run in runs for name in run.point} - {"seed"}
    for run in runs:
        if run.status["status"] not in ("done", "cut"):
            continue
        point = {name: run.point.get(name, "") for name in sorted(swept)}
        for name, metric in run.metrics.items():
            best = best_baseline(name, metric)
            rows.append(
                {
                    "notebook": run.name,
                    **point,
                    "score": name,
                    "ground": run.results["dataset"]["ground"],
                    "split": metric["protocol"]["split"],
                    "n": metric["n"],
                    "value": metric["value"],
                    "baseline": best[0] if best else None,
                }
            )
    if not rows:
        return pd.DataFrame()
    table = pd.DataFrame(rows)
    table[["value", "baseline"]] = table[["value", "baseline"]].astype(float)
    keys = ["notebook", *sorted(swept), "score", "ground", "split"]
    return (
        table.groupby(keys, sort=False, dropna=False)
        .agg(
            n=("n", "max"),
            runs=("value", "count"),
            mean=("value", "mean"),
            deviation=("value", "std"),
            baseline=("baseline", "mean"),
        )
        .reset_index()
    )


def write_tables(out):
    """Write `runs.csv`, and in a sweep `sweep.csv`, into the folder of a batch.

    Args:
        out: `pathlib.Path`.
    """
    here, points = read_runs(out)
    tables = {
        "runs.csv": runs_table([*here, *points]),
        "sweep.csv": sweep_table(points),
    }
    for name, table in tables.items():
        if len(table):
            write_csv(table, out / name)

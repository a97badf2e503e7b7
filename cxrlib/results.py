"""The writer and reader of `results.json` and `predictions.csv`.

Written by the last cell of every notebook; read by the index page, the grader
and the tables of the README. No figure is typed by hand.
"""

import contextlib
import dataclasses
import datetime
import hashlib
import json
import math
import pathlib
import re
import time

import numpy as np

from cxrlib.evaluation.figure import figure
from cxrlib.evaluation.summary import evaluate_predictions
from cxrlib.evaluation.tables import BASELINES, figures_table
from cxrlib.files import InputError, write_whole

SCHEMA = 1
# What the images and texts are; every figure names its ground.
GROUNDS = {
    "phantom": "PHANTOM: simulated images and texts, no patient",
    "drawn": "DRAWN: real reports with simulated images",
    "real": "real radiographs and reports",
}
VIEWS = ("frontal", "lateral", "frontal_reconstruction", "lateral_reconstruction")


class Results:
    """Collects what a notebook found and writes it whole or not at all.

    Args:
        run_dir: string or `pathlib.Path`. The folder of the run. The notebook's own
            folder in it gets `results.json`, `predictions.csv`, `figures/`
            and `examples/`.
        notebook: string. The notebook's name without suffix, `"07_multitask"`.
        environment: what `cxrlib.course.setup` returned. Gives versions,
            device and seed.
        parameters: dict of scalars. The notebook's parameters.

    Example:
    ```python
    results = Results("outputs/demo", "07_multitask", setup())
    results.dataset(ground="phantom", counts={"train": 240, "test": 60}, seed=0)
    with results.duration("training"):
        model.fit(...)
    results.evaluate(predictions, train_texts=train_texts, section="impression")
    results.write()
    ```
    """

    def __init__(self, run_dir, notebook, environment=None, parameters=None):
        self.folder = pathlib.Path(run_dir) / notebook
        self.predictions = None
        self._started = time.monotonic()
        self.record = {
            "schema": SCHEMA,
            "notebook": notebook,
            "parameters": dict(parameters or {}),
            "dataset": None,
            "metrics": {},
            "baselines": {},
            "warnings": [],
            "weights": {},
            "environment": _describe(environment),
            "durations": {},
        }

    def dataset(self, ground, counts, seed=None, **fingerprint):
        """Say what the figures rest on.

        Args:
            ground: string. `"phantom"`, `"drawn"` (real reports with simulated
                images) or `"real"`.
            counts: dict of ints. Studies per split.
            seed: int. Of the phantom or the split.
            **fingerprint: scalars. Checksums, the source's name, image size, …
        """
        self.record["dataset"] = {
            "ground": ground,
            "counts": {name: int(count) for name, count in counts.items()},
            "seed": seed,
            **fingerprint,
        }

    def weights(self, part, origin):
        """Say which pretrained weights a part started from (`"none"` is an answer)."""
        self.record["weights"][part] = origin

    def metric(self, name, value, n, note=None, constant=None, **protocol):
        """Add a figure that is not computed from `predictions.csv`.

        Args:
            name: string, `group.figure`, such as `"training.val_loss"`.
            value: float or `None`.
            n: int. The studies that it rests on.
            note: string. Why it is `None`, or what a reader must know.
            constant: float or `None`. What one and the same answer for all reaches.
            **protocol: scalars. `split` is required.
        """
        record = figure(value, n, note, **protocol)
        if constant is not None:
            record["constant"] = float(constant)
        self.record["metrics"][name] = record

    def evaluate(self, predictions, **arguments):
        """Compute every figure of the test studies, and keep table and warnings.

        Args:
            predictions: `pandas.DataFrame`, one row per study, with the columns
                of `cxrlib.evaluation.summary.evaluate_predictions`.
            **arguments: of that function: `train_texts`, `section`, `split`, …

        Returns:
            The table of figures, a `pandas.DataFrame` to show.
        """
        found = evaluate_predictions(predictions, **arguments)
        self.predictions = found["table"]
        self.record["metrics"] |= found["figures"]
        self.record["baselines"] = found["baselines"]
        self.record["warnings"] = found["warnings"]
        return self.table()

    def table(self):
        """The figures so far with their baselines, a `pandas.DataFrame`."""
        return figures_table(self.record["metrics"])

    @contextlib.contextmanager
    def duration(self, name):
        """Measure what happens inside `with`, in seconds; repeated names add up."""
        start = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - start
            durations = self.record["durations"]
            durations[name] = round(durations.get(name, 0.0) + seconds, 3)

    def example(self, uid, **images):
        """Save the images of one test study for the index page.

        Args:
            uid: the study's uid.
            **images: float arrays `(H, W)` or `(H, W, 1)` in [0, 1], named
                `frontal`, `lateral`, `frontal_reconstruction`,
                `lateral_reconstruction`.

        Raises:
            InputError: if a name is another.
        """
        from cxrlib.data.images import write_png

        for name, image in images.items():
            if name not in VIEWS:
                raise InputError(f"Example image {name!r}: known are {VIEWS}.")
            write_png(self.folder / example_path(uid, name), image)

    def write(self):
        """Check everything, then write `predictions.csv` and `results.json`.

        `results.json` comes last and holds the checksum of the CSV: a pair that
        does not belong together is noticed.

        Returns:
            The path of `results.json`.

        Raises:
            InputError: if the dataset was not named, or a figure lacks its
                protocol.
        """
        record = dict(self.record)
        record["durations"] = record["durations"] | {
            "notebook": round(time.monotonic() - self._started, 3)
        }
        now = datetime.datetime.now(datetime.UTC)
        record["written"] = now.isoformat(timespec="seconds")
        record["predictions"] = None
        content = None
        if self.predictions is not None:
            content = self.predictions.to_csv(index=False).encode()
            record["predictions"] = {
                "file": "predictions.csv",
                "rows": len(self.predictions),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        record = _plain(record)
        check(record)
        if content is not None:
            with write_whole(self.folder / "predictions.csv") as temporary:
                temporary.write_bytes(content)
        text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
        with write_whole(self.folder / "results.json") as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        return self.folder / "results.json"


def example_path(uid, name):
    """Where the image `name` of a study lies in the notebook's folder.

    Args:
        uid: the study's uid. Characters that a file name cannot hold become `_`,
            with a short checksum so that two such uids stay two.
        name: string. One of `VIEWS`.

    Returns:
        A relative path as string.

    Example:
    ```python
    example_path(54, "frontal")  # "examples/54-frontal.png"
    ```
    """
    uid = str(uid)
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", uid)[:80]
    if safe != uid:
        safe += "_" + hashlib.sha256(uid.encode()).hexdigest()[:8]
    return f"examples/{safe}-{name}.png"


def read_results(path):
    """Read and check a `results.json`.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        A dict.

    Raises:
        InputError: if the file is missing, is not JSON, or is of another form.

    Example:
    ```python
    read_results("outputs/demo/07_multitask/results.json")["metrics"]
    ```
    """
    try:
        record = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}).") from None
    try:
        check(record)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return record


def check(record):
    """Check that a record holds what a reader relies on.

    Args:
        record: dict, the content of a `results.json`.

    Raises:
        InputError: that names the field.

    Example:
    ```python
    check(json.loads(path.read_text()))
    ```
    """
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise InputError(f"results have another form than schema {SCHEMA}.")
    for name, kind in (
        *(("notebook", str), ("parameters", dict), ("metrics", dict)),
        *(("baselines", dict), ("weights", dict), ("environment", dict)),
        *(("durations", dict), ("dataset", dict)),
    ):
        if not isinstance(record.get(name), kind):
            mend = ": call results.dataset(…)" if name == "dataset" else ""
            raise InputError(f"results lack {name}{mend}.")
    dataset = record["dataset"]
    if dataset.get("ground") not in GROUNDS:
        raise InputError(f"results: dataset ground is none of {list(GROUNDS)}.")
    if not isinstance(dataset.get("counts"), dict):
        raise InputError("results: dataset counts are missing.")
    for name, metric in record["metrics"].items():
        _check_metric(name, metric)


def _check_metric(name, metric):
    if not isinstance(metric, dict) or not isinstance(metric.get("protocol"), dict):
        raise InputError(f"results: metric {name} lacks its protocol.")
    if "split" not in metric["protocol"] or not isinstance(metric.get("n"), int):
        raise InputError(f"results: metric {name} does not say its split and n.")
    for key in ("value", *BASELINES, "shuffled", "fall", "gain"):
        if metric.get(key) is not None and not _is_number(metric[key]):
            raise InputError(f"results: metric {name}: {key} is not a number.")
    for key in ("interval", "fall_interval", "gain_interval"):
        ends = metric.get(key)
        if ends is not None and not (
            isinstance(ends, list) and len(ends) == 2 and all(map(_is_number, ends))
        ):
            raise InputError(f"results: metric {name}: {key} is not two numbers.")
    if metric.get("value") is None and not metric.get("note"):
        raise InputError(f"results: metric {name} has no value and no note why.")


def _is_number(value):
    return isinstance(value, int | float) and math.isfinite(value)


def _describe(environment):
    """The part of an `Environment` that explains figures; paths stay private."""
    if environment is None:
        return {}
    record = dataclasses.asdict(environment)
    for name in ("course", "data", "weights", "outputs"):
        record.pop(name)
    return record


def _plain(value):
    """JSON's own types: NumPy numbers unwrapped, NaN as None, paths as strings."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic | np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return str(value)

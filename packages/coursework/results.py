"""The writer of `results.json` and `predictions.csv`, which `record` reads."""

import contextlib
import datetime
import hashlib
import json
import pathlib
import re
import time

import numpy as np

from coursework.record import (
    SCHEMA,
    check,
    described,
    json_ready,
    read_results,
)
from coursework.shown import Shown, headline_table
from coursework.student.asked import Asked, made_before
from cxrbase.cells import guarded
from cxrbase.files import InputError, write_whole
from cxrbase.grounds import NAMED_GROUNDS
from cxrscore.evaluate import evaluate_predictions
from cxrscore.score import score
from cxrscore.tables import scores_table

__all__ = ["SCHEMA", "VIEWS", "Results", "check", "read_results"]
VIEWS = ("frontal", "lateral", "frontal_reconstruction", "lateral_reconstruction")


class Results(Asked):
    """Collects a notebook's results and writes them whole or not at all.

    Args:
        run_dir: string or `pathlib.Path`. The folder of the run. The notebook's own
            folder in it gets `results.json`, `predictions.csv`, `figures/`
            and `examples/`.
        notebook: string. The notebook's name without suffix, `"07_multitask"`.
        environment: what `cxrlib.environment.setup` returned. Gives versions,
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
        self.run = pathlib.Path(run_dir)
        self.folder = self.run / notebook
        self.figures = self.folder / "figures"
        self.environment = environment
        self.predictions = None
        self._evaluated, self._scored = None, ()  # Names that `evaluate` has entered.
        self._started = time.monotonic()
        self.record = {
            "schema": SCHEMA,
            "notebook": notebook,
            "parameters": dict(parameters or {}),
            "dataset": None,
            "metrics": {},
            "baselines": {},
            "warnings": [],
            "cautions": [],
            "weights": {},
            "pretrained": {},
            "environment": described(environment),
            "durations": {},
            "predicted": made_before(self.folder),
        }

    def dataset(self, ground, counts, seed=None, **fingerprint):
        """Say what the scores rest on.

        Args:
            ground: string. `"phantom"`, `"drawn"` (phantom images, real texts) or
                `"real"`; never `"unknown"`.
            counts: dict of ints. Studies per split.
            seed: int. Of the phantom or the split.
            **fingerprint: scalars. Checksums, the source's name, image size, …

        Raises:
            InputError: if the ground is unknown.
        """
        if ground == "unknown":
            raise InputError(
                "dataset: unknown whether the studies are real. Give the table a "
                f"column `ground` ({', '.join(NAMED_GROUNDS)}) and `prepare` it again."
            )
        self.record["dataset"] = {
            "ground": ground,
            "counts": {name: int(count) for name, count in counts.items()},
            "seed": seed,
            **fingerprint,
        }

    def weights(self, part, origin, what="", licence="", ground=""):
        """Say which pretrained weights a part started from.

        Args:
            part: string, such as `"encoder"`.
            origin: string. The file's name, or `"none"`.
            what: string. What it is, in a few words.
            licence: string.
            ground: string. The ground that it was trained on, see `dataset`.
        """
        self.record["weights"][part] = origin
        about = {"what": what, "licence": licence, "ground": ground}
        self.record["pretrained"][part] = {k: v for k, v in about.items() if v}

    def metric(self, name, value, n, note=None, constant=None, **protocol):
        """Add a score that is not computed from `predictions.csv`.

        Args:
            name: string, `group.score`, such as `"training.val_loss"`.
            value: float or `None`.
            n: int. The studies that it rests on.
            note: string. Why it is `None`, or what a reader must know.
            constant: float or `None`. What a single answer for all reaches.
            **protocol: scalars. `split` is required.
        """
        record = score(value, n, note, **protocol)
        if constant is not None:
            record["constant"] = float(constant)
        self.record["metrics"][name] = record

    def scores(self, values, n, **protocol):
        """Add several scores that rest on the same studies, as `metric` adds one.

        Args:
            values: dict, name → float or `None`.
            n: int. The studies that they rest on.
            **protocol: scalars. `split` is required.

        Example:
        ```python
        results.scores({"training.loss": 0.4, "training.ssim": 0.9}, 98, split="val")
        ```
        """
        for name, value in values.items():
            self.metric(name, value, n, **protocol)

    def evaluate(self, predictions, section="impression", split="test", **arguments):
        """Compute every score of the test studies, and keep table and warnings.

        Results hold one set of predictions. Another call with the same section and
        split, as when a cell is run again, replaces the one before.

        Args:
            predictions: `pandas.DataFrame`, one row per study, with the columns
                of `cxrscore.evaluate.evaluate_predictions`.
            section: string. What the references are.
            split: string. Where the studies come from.
            **arguments: of that function: `train_texts`, `threshold`, …

        Returns:
            The table of scores, a `pandas.DataFrame` to show.

        Raises:
            InputError: for another section or split than that of the call before, or
                a column of arrays, such as the `latent` of `predict_split`.
        """
        for name in predictions.columns[predictions.dtypes == "object"]:
            if predictions[name].map(np.ndim).to_numpy().any():
                raise InputError(
                    f"Predictions: the column {name} holds arrays, which a CSV cannot "
                    f"keep; pass predictions.drop(columns={name!r})."
                )
        what = f"section {section}, split {split}"
        if self._evaluated not in (None, what):
            raise InputError(
                f"{self.folder}: these results hold the scores of {self._evaluated}; "
                f"make other Results(…) for those of {what}."
            )
        arguments |= {"section": section, "split": split}
        found = evaluate_predictions(predictions, **arguments)
        for name in self._scored:
            self.record["metrics"].pop(name, None)
        self._evaluated, self._scored = what, list(found["scores"])
        self.predictions = found["table"]
        self.record["metrics"] |= found["scores"]
        for name in ("baselines", "warnings", "cautions"):
            self.record[name] = found[name]
        return self.table()

    def table(self, headline=False):
        """List the scores so far with their baselines.

        Args:
            headline: bool. Whether to list only the eight to look at first.

        Returns:
            A `pandas.DataFrame` of strings, as of `cxrscore.tables.scores_table`; for
            the eight the columns score, value, 95 % interval, constant, nearest,
            permuted and n, as far as they exist.

        Example:
        ```python
        results.table(headline=True)
        ```
        """
        scores = self.record["metrics"]
        return headline_table(scores) if headline else scores_table(scores)

    def show(self):
        """Show the first eight scores, then all of them and the warnings, folded.

        Returns:
            A `coursework.shown.Shown`, which a notebook displays.

        Example:
        ```python
        results.show()  # As the last line of a cell.
        ```
        """
        return Shown(self.record)

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
            InputError: if a name is not one of these.
        """
        from cxrbase.images import write_png

        for name, image in images.items():
            if name not in VIEWS:
                raise InputError(f"Example image {name!r}: known are {VIEWS}.")
            write_png(self.folder / example_path(uid, name), image)

    def write(self):
        """Check everything, then write `predictions.csv` and `results.json`.

        `results.json` comes last and holds the checksum of the CSV: a mismatched pair
        is noticed.

        Returns:
            The path of `results.json`.

        Raises:
            InputError: if the dataset was not named, or a score lacks its
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
            content = guarded(self.predictions).to_csv(index=False).encode()
            record["predictions"] = {
                "file": "predictions.csv",
                "rows": len(self.predictions),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        record = json_ready(record)
        check(record)
        if content is not None:
            with write_whole(self.folder / "predictions.csv") as temporary:
                temporary.write_bytes(content)
        text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
        with write_whole(self.folder / "results.json") as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
        return self.folder / "results.json"

    def pack(self):
        """Pack what `write` wrote and the executed notebook, to be handed in.

        Returns:
            The path of `submission.zip`.

        Raises:
            InputError: if nothing was written yet.
        """
        from coursework.submission import fetch_notebook, pack_submission

        hint = fetch_notebook(self.folder)
        if hint:
            print(hint)
        return pack_submission(self.folder)


def example_path(uid, name):
    """The path of the image `name` of a study in the notebook's folder.

    Args:
        uid: the study's uid. Characters that a file name cannot hold become `_`, with a
            short checksum so that two such uids stay distinct.
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

"""Training that can be killed and resumed with the same result."""

import json
import os
import pathlib
import shutil

import keras
import numpy as np
import pandas as pd

from cxrbase.files import InputError, locked, make_folder, sweep, write_whole
from cxrbase.hosted.drive import bring_back, keep_folder
from cxrlib.model_file import open_model

CHECKPOINT = "checkpoint-{epoch:04d}.keras"
KEEP_EVERY = 300  # Seconds between two copies to Google Drive, where that is asked for.


def warmup_cosine(peak, steps, warmup=0.1):
    """Rise linearly to the peak, then fall along a cosine to a hundredth of it.

    Args:
        peak: float. Highest learning rate.
        steps: int. Steps of the whole training.
        warmup: float. Share of the steps spent rising.

    Returns:
        A `keras.optimizers.schedules.CosineDecay`.

    Example:
    ```python
    float(warmup_cosine(1e-3, steps=100)(10))  # 0.001
    ```

    Reference:
    - [Loshchilov and Hutter, 2017](https://arxiv.org/abs/1608.03983)
    """
    rising = max(1, int(warmup * steps))
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 100,
        warmup_target=peak,
        warmup_steps=rising,
        decay_steps=max(1, steps - rising),
        alpha=0.01,
    )


class EpochSeeds(keras.callbacks.Callback):
    """Derive the random state of every dropout from (seed, epoch, layer).

    Keras does not save these states, so a resumed training would drop other units than
    an uninterrupted one.

    Args:
        seed: int.

    Example:
    ```python
    model.fit(dataset, callbacks=[EpochSeeds(seed=0)])
    ```
    """

    def __init__(self, seed=0):
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch, logs=None):
        """Set the states before the epoch's first step."""
        generators = [
            generator
            for layer in self.model._flatten_layers()
            for generator in getattr(layer, "_seed_generators", [])
        ]
        for i, generator in enumerate(generators):
            words = np.random.SeedSequence([self.seed, epoch, i]).generate_state(2)
            generator.state.assign(words % (2**31 - 1))


class EpochLog(keras.callbacks.Callback):
    """Write one row of losses and metrics per epoch; the file is always whole.

    Args:
        path: string or path of the CSV file.
        initial_epoch: int. Rows from this epoch on are dropped, because these epochs
            are repeated.

    Example:
    ```python
    model.fit(dataset, callbacks=[EpochLog("outputs/history.csv")])
    ```
    """

    def __init__(self, path, initial_epoch=0):
        super().__init__()
        self.path = pathlib.Path(path)
        self.rows = []
        if initial_epoch and self.path.exists():
            history = pd.read_csv(self.path)
            self.rows = history[history["epoch"] < initial_epoch].to_dict("records")

    def on_epoch_end(self, epoch, logs=None):
        """Append the epoch's row."""
        self.rows.append({"epoch": epoch, **{k: float(v) for k, v in logs.items()}})
        with write_whole(self.path) as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)


class Checkpoint(keras.callbacks.Callback):
    """Keep the best model and the last state, each published by a rename.

    `model.keras` is the best epoch by the monitored metric; the numbered
    checkpoint holds weights, optimizer and epoch for a resume.

    Args:
        folder: string or path.
        log: the `EpochLog` that runs before this callback; it knows the best value so
            far, also after a resume.
        monitor: string. A loss or metric to be minimised.

    Example:
    ```python
    log = EpochLog("outputs/history.csv")
    model.fit(dataset, callbacks=[log, Checkpoint("outputs", log)])
    ```
    """

    def __init__(self, folder, log, monitor="val_loss"):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.log = log
        self.monitor = monitor

    def on_epoch_end(self, epoch, logs=None):
        """Save the best, then the state, then drop the state before."""
        if self.monitor not in logs:
            raise InputError(
                f"{self.monitor} is not among the metrics of this training "
                f"({', '.join(logs)}); pass one of them as monitor."
            )
        best, state = self.folder / "model.keras", CHECKPOINT.format(epoch=epoch + 1)
        # A NaN is never the best, and must not prevent later epochs from being so.
        is_best = self.log.rows[-1][self.monitor] <= np.nanmin(
            [row[self.monitor] for row in self.log.rows] + [np.inf]
        )
        if is_best:
            with write_whole(best) as temporary:
                self.model.save(temporary)
        with write_whole(self.folder / state) as temporary:
            if is_best:
                shutil.copyfile(best, temporary)
            else:
                self.model.save(temporary)
        _drop_older(self.folder / state)
        _keep(self.folder, state, is_best, every=KEEP_EVERY)


def _keep(folder, state, is_best, every=0):
    """Keep a training on Drive; an empty state means that it is the best epoch's."""
    names = ("settings.json", "history.csv", "model.keras", state)
    files = [folder / name for name in names[: 3 if is_best else 4]]
    files = [path for path in files if path.exists()]
    keep_folder(folder, files, [state] if is_best else [], every)


def _drop_older(checkpoint):
    for old in checkpoint.parent.glob("checkpoint-*.keras"):
        if old.name != checkpoint.name:
            old.unlink()


def last_checkpoint(folder):
    """Find where a training can be resumed.

    Args:
        folder: string or path of the training.

    Returns:
        Tuple of the checkpoint's path and the number of epochs done, or
        `(None, 0)`.

    Example:
    ```python
    path, epochs_done = last_checkpoint("outputs/training")
    ```
    """
    found = sorted(pathlib.Path(folder).glob("checkpoint-[0-9]*.keras"))
    return (found[-1], int(found[-1].stem.split("-")[1])) if found else (None, 0)


def train(
    model,
    make_train,
    val,
    out,
    epochs,
    steps_per_epoch,
    seed=0,
    resume=True,
    settings=None,
    defaults=None,
    callbacks=(),
    verbose="auto",
):
    """Fit a compiled model; keep the best epoch; continue after a kill.

    Args:
        model: a compiled `keras.Model`.
        make_train: callable from the first epoch to the training dataset, which
            must run from there to the last epoch (see `load_batches`).
        val: validation dataset, or `None`: then the best epoch is chosen by the
            training loss, and a message says so.
        out: string or path. Receives `history.csv`, `model.keras` (best epoch),
            the last checkpoint and `settings.json`.
        epochs: int.
        steps_per_epoch: int.
        seed: int. Seeds the dropout.
        resume: bool. Whether to resume a training found in `out`; otherwise start anew.
        settings: dict or `None`. What defines this training; a checkpoint made
            under other settings is refused, not mixed in.
        defaults: dict or `None`. Values for keys that an older `settings.json` lacks,
            because the parameter did not exist.
        callbacks: list of further callbacks.
        verbose: see `keras.Model.fit`.

    Returns:
        The model of the best epoch, loaded from `out/model.keras`.

    Raises:
        InputError: if `out` holds a training under other settings, or another
            process trains there.

    Example:
    ```python
    best = train(
        model, lambda first: load_batches(..., first_epoch=first, epochs=5),
        val, "outputs/training", epochs=5, steps_per_epoch=50,
    )
    ```
    """
    out = make_folder(out)
    settings = {"epochs": epochs, "seed": seed, **(settings or {})}
    with locked(out, wait=False):
        sweep(out)
        if not resume:
            for old in [*out.glob("checkpoint-*.keras"), out / "model.keras"]:
                old.unlink(missing_ok=True)
        elif not last_checkpoint(out)[0]:
            bring_back(out)  # What another machine has left.
        checkpoint, done = last_checkpoint(out)
        if checkpoint:
            _check_settings(out / "settings.json", settings, defaults or {})
            print(f"Resuming {checkpoint}: {done} of {epochs} epochs are done.")
            if done < epochs:
                if not checkpoint.stat().st_size:  # So Drive keeps the best epoch's.
                    with write_whole(checkpoint) as temporary:
                        shutil.copyfile(out / "model.keras", temporary)
                model = read_model(checkpoint)
            _drop_older(checkpoint)  # A kill may have happened between the two.
        else:
            with write_whole(out / "settings.json") as temporary:
                temporary.write_text(json.dumps(settings, indent=2) + "\n")
        if done < epochs:
            log = EpochLog(out / "history.csv", initial_epoch=done)
            if val is None:
                print("NO VALIDATION STUDIES: the training loss picks the best epoch.")
            keep = Checkpoint(out, log, "loss" if val is None else "val_loss")
            if not model.optimizer.built:
                # Otherwise it would make its variables within the first step's graph,
                # and TensorFlow would trace the step a second time.
                model.optimizer.build(model.trainable_variables)
            model.fit(
                make_train(done),
                validation_data=val,
                epochs=epochs,
                initial_epoch=done,
                steps_per_epoch=steps_per_epoch,
                shuffle=False,  # The dataset shuffles itself, by seed and epoch.
                callbacks=[EpochSeeds(seed), log, keep, *callbacks],
                verbose=verbose,
            )
        if not (out / "model.keras").exists():
            raise InputError(
                f"{out / 'history.csv'}: the loss was always NaN, so there is no "
                "best epoch. Start anew with a smaller learning rate."
            )
        if done < epochs:
            _keep(out, CHECKPOINT.format(epoch=epochs), is_best=True)
        return read_model(out / "model.keras")


def _check_settings(path, settings, defaults):
    """Refuse to resume a training that was started under other settings."""
    before = {}
    if path.exists():
        try:
            before = defaults | json.loads(path.read_text())
        except (ValueError, TypeError, RecursionError):
            raise InputError(
                f"{path}: is damaged. Use another folder, or start anew with "
                "resume=False (command line: --no-resume)."
            ) from None
    changed = [key for key in settings if before.get(key) != settings[key]]
    if changed:
        key = changed[0]
        raise InputError(
            f"{path.parent}: holds a training with {key}={before.get(key)!r}, not "
            f"{settings[key]!r}. Use another folder, or start anew with resume=False "
            "(command line: --no-resume)."
        )


def read_model(path):
    """Load a `.keras` file, in safe mode, whose classes are registered already.

    A missing file is looked for on Google Drive, if that is in use. Code that trains a
    model has registered its classes; `cxrlib.systems.files.load_model` registers those
    of every system first.

    Args:
        path: string or path.

    Returns:
        A Keras model.

    Raises:
        InputError: if the file is missing or broken.

    Example:
    ```python
    model = read_model("outputs/training/checkpoint.keras")
    ```
    """
    if not os.path.exists(path):  # Which minds no name that is too long.
        bring_back(pathlib.Path(path).parent)
    return open_model(
        path,
        mend="Train one (make demo, or python -m cxrlib train), or check the path.",
    )

"""Does a piece of work again and again, each time in a fork that dies at the n-th step.

    python tests/killed.py prepare|train|run SOURCE

reads lines `{"out": FOLDER, "at": n}` and answers each with `{"code": …, "steps": …}`.
A step is what changes a file in FOLDER (opened to write, renamed, removed, copied) or,
inside a shard or a checkpoint, one more piece of it. The fork kills itself by SIGKILL
before the n-th; with n = 0 it lives, and tells all its steps.
"""

import contextlib
import json
import os
import pathlib
import pickle
import signal
import sys


class Steps:
    """Counts steps, and kills this process at one of them."""

    def __init__(self, out, at):
        self.out, self.at, self.done = str(out), at, []

    def take(self, name):
        """One more step."""
        self.done.append(name)
        if len(self.done) == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def heed(self, event, arguments):
        """An audit hook: Python tells it of every file."""
        path = str(arguments[0]) if arguments else ""
        if not path.startswith(self.out):
            return
        if event == "open":
            written = os.O_WRONLY | os.O_RDWR
            if not (arguments[2] or 0) & written or path.endswith(".lock"):
                return
        elif event == "os.rename":
            path = str(arguments[1])
        elif event not in ("os.remove", "shutil.copyfile"):
            return
        name = os.path.basename(path)
        hidden = name.startswith(".partial-")  # Its name is drawn by lot.
        self.take(f"{event.split('.')[-1]} {'partial' if hidden else name}")

    def inside(self, owner, name, step):
        """Count the calls of a function as well."""
        real = getattr(owner, name)

        def counted(*arguments, **options):
            self.take(step)
            return real(*arguments, **options)

        setattr(owner, name, counted)


def prepare(source, out, steps):
    """Four shards of train and one of each other split."""
    from small_prepared import prepare_studies

    from cxrlib.data import shards

    steps.inside(shards, "_serialise", "record")
    prepare_studies(pickle.loads(source.read_bytes()), out)


def train(source, out, steps):
    """Three epochs with dropout, in a graph."""
    import zipfile

    import keras
    import numpy as np
    import tensorflow as tf

    from cxrlib.training import train as fit
    from cxrlib.training import warmup_cosine

    steps.inside(zipfile.ZipFile, "writestr", "zip")
    steps.inside(zipfile._ZipWriteFile, "write", "zip")
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(32, 8)).astype("float32"), rng.normal(size=(32, 1))
    layers = [keras.Input((8,)), keras.layers.Dense(16, "relu")]
    layers += [keras.layers.Dropout(0.5, seed=1), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.AdamW(warmup_cosine(0.05, 12)), "mse")
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8)
    fit(model, lambda first: data.repeat(3 - first), data, out, 3, 4, verbose=0)


def run(source, out, steps):
    """A batch of two notebooks, in this very process."""
    from test_resume import Here

    from coursework.run import kernel
    from coursework.run.runner import run_notebooks

    kernel.INTERVAL = 1_000  # How often memory has risen is not the same every time.
    paths = sorted(source.glob("*.ipynb"))
    assert run_notebooks(paths, out, resume=True, executor=Here()) == 0


WORK = {"prepare": prepare, "train": train, "run": run}


def load(work):
    """Import what takes long, once for all forks; no thread may start yet."""
    if work == "run":
        import jupyter_client  # noqa: F401
        import papermill  # noqa: F401

        import coursework.pages.executed  # noqa: F401
    else:
        import cxrlib.data.prepare
        import cxrlib.training  # noqa: F401


def main(work, source):
    """Read orders and answer them."""
    load(work)
    for line in sys.stdin:
        order = json.loads(line)
        answers, write = os.pipe()
        child = os.fork()
        if not child:
            steps = Steps(pathlib.Path(order["out"]).resolve(), order["at"])
            sys.addaudithook(steps.heed)
            with contextlib.redirect_stdout(sys.stderr):
                WORK[work](pathlib.Path(source), pathlib.Path(steps.out), steps)
            os.write(write, json.dumps(steps.done).encode())
            os._exit(0)
        os.close(write)
        with open(answers) as file:
            done = file.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps({"code": code, "steps": json.loads(done or "[]")}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

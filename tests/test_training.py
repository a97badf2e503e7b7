"""Training: learns, resumes to the same result, refuses what does not fit."""

import keras
import numpy as np
import pandas as pd
import pytest

from cxrbase.files import InputError
from cxrlib.systems.files import load_model
from cxrlib.systems.reports.model import compile_report_model
from cxrlib.systems.reports.presets import build_report_model
from cxrlib.training import last_checkpoint, train, warmup_cosine

tf = pytest.importorskip("tensorflow")
pytestmark = pytest.mark.usefixtures("eager")


def datasets(batch, epochs):
    """A stream that repeats one batch, as `load_batches` would."""
    dataset = tf.data.Dataset.from_tensors(batch)
    return lambda first: dataset.repeat(epochs - first), dataset


def fresh(preprocessor, seed=0):
    keras.utils.set_random_seed(seed)
    model = build_report_model("tiny", preprocessor, dropout=0.3)
    return compile_report_model(model, learning_rate=warmup_cosine(3e-3, 4))


class Killed(Exception):
    """Stands for a SIGKILL between two epochs."""


class KillAfter(keras.callbacks.Callback):
    def __init__(self, epoch):
        super().__init__()
        self.epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


def run(model, batch, out, epochs=4, callbacks=(), **options):
    make_train, val = datasets(batch, epochs)
    return train(
        model,
        make_train,
        val,
        out,
        epochs=epochs,
        steps_per_epoch=1,
        callbacks=callbacks,
        verbose=0,
        **options,
    )


@pytest.mark.long
def test_a_killed_training_ends_as_an_unbroken_one(preprocessor, batch, tmp_path):
    whole = run(fresh(preprocessor), batch, tmp_path / "whole")
    with pytest.raises(Killed):
        run(fresh(preprocessor), batch, tmp_path / "broken", callbacks=[KillAfter(1)])
    assert last_checkpoint(tmp_path / "broken")[1] == 2
    # Another seed, to show that nothing of the new model remains.
    resumed = run(fresh(preprocessor, seed=9), batch, tmp_path / "broken")
    logs = [
        pd.read_csv(tmp_path / name / "history.csv") for name in ("whole", "broken")
    ]
    np.testing.assert_allclose(*logs, rtol=2e-3, atol=1e-4)
    assert list(logs[1]["epoch"]) == [0, 1, 2, 3]
    inputs = batch[0]
    expected, received = (
        model.predict(inputs, verbose=0) for model in (whole, resumed)
    )
    for name in expected:
        np.testing.assert_allclose(expected[name], received[name], atol=2e-3)


def test_a_graph_learns_what_single_steps_do(preprocessor, batch, tmp_path):
    """The other tests make no graph, nor do the smoke runs of 03, 04, 06 and 07."""
    logs = []
    for eagerly in (True, False):
        tf.config.run_functions_eagerly(eagerly)
        run(fresh(preprocessor), batch, tmp_path / str(eagerly), epochs=2)
        logs.append(pd.read_csv(tmp_path / str(eagerly) / "history.csv"))
    np.testing.assert_allclose(*logs, rtol=2e-3, atol=1e-4)


def test_other_settings_are_not_mixed_in(preprocessor, batch, tmp_path):
    model = fresh(preprocessor)
    run(model, batch, tmp_path, epochs=1, settings={"alpha": 1.0})
    other = {"epochs": 1, "settings": {"alpha": 2.0}}
    with pytest.raises(InputError, match="alpha=1.0, not 2.0"):
        run(model, batch, tmp_path, **other)
    run(model, batch, tmp_path, **other, resume=False)


def test_the_best_epoch_is_kept(preprocessor, batch, tmp_path):
    class Spoil(keras.callbacks.Callback):
        """Ruin the weights before the third epoch."""

        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                kernel = self.model.imaging.classifier.get_layer("probability").kernel
                kernel.assign(100 * np.ones(kernel.shape))

    best = run(fresh(preprocessor), batch, tmp_path, epochs=3, callbacks=[Spoil()])
    history = pd.read_csv(tmp_path / "history.csv")
    assert history["val_loss"].idxmin() < 2
    inputs, targets, weights = batch
    loss = best.evaluate(inputs, targets, sample_weight=weights, verbose=0)
    loss = loss[0] if isinstance(loss, list) else loss
    assert loss == pytest.approx(history["val_loss"].min(), rel=1e-3)


def test_every_loss_falls(preprocessor, batch):
    keras.utils.set_random_seed(0)
    model = build_report_model("tiny", preprocessor, dropout=0.0)
    compile_report_model(model, learning_rate=3e-3)
    inputs, targets, weights = batch
    history = model.fit(
        inputs, targets, sample_weight=weights, epochs=12, verbose=0
    ).history
    for name in ("frontal_loss", "lateral_loss", "abnormal_loss", "text_loss"):
        assert history[name][-1] < 0.9 * history[name][0], name


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"\x89HDF\r\n"])
def test_a_broken_model_file_is_named(tmp_path, content):
    path = tmp_path / "model.keras"
    with pytest.raises(InputError, match="no such model file"):
        load_model(path)
    path.write_bytes(content)
    with pytest.raises(InputError, match="model.keras: not a model"):
        load_model(path)


def test_warmup_reaches_its_peak_and_falls():
    schedule = warmup_cosine(1e-3, steps=100, warmup=0.1)
    rates = [float(schedule(step)) for step in range(100)]
    assert np.argmax(rates) == 10
    assert rates[10] == pytest.approx(1e-3)
    assert rates[0] == pytest.approx(1e-5) and rates[-1] < 2e-5


def test_half_precision_trains_to_numbers(preprocessor, batch):
    keras.config.set_dtype_policy("mixed_float16")
    model = fresh(preprocessor)
    inputs, targets, weights = batch
    assert isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer)
    history = model.fit(inputs, targets, sample_weight=weights, epochs=2, verbose=0)
    assert all(np.isfinite(values).all() for values in history.history.values())
    outputs = model(inputs)
    for name in ("frontal", "lateral", "abnormal"):
        assert keras.backend.standardize_dtype(outputs[name].dtype) == "float32"


def test_a_diverged_training_is_reported(preprocessor, batch, tmp_path):
    inputs, targets, weights = batch
    inputs = {**inputs, "frontal": inputs["frontal"] * np.nan}
    with pytest.raises(InputError, match="always NaN"):
        run(fresh(preprocessor), (inputs, targets, weights), tmp_path, epochs=1)


@keras.saving.register_keras_serializable(package="tests")
class Counting(keras.layers.Dense):
    """Counts how often it is called to train: in a graph, once per tracing."""

    count = 0

    def call(self, inputs, training=False):
        Counting.count += bool(training)
        return super().call(inputs, training=training)


def test_the_training_step_is_traced_once(tmp_path):
    tf.config.run_functions_eagerly(False)
    model = keras.Sequential([keras.Input((2,)), Counting(1)])
    model.compile(keras.optimizers.AdamW(), "mse")
    dataset = tf.data.Dataset.from_tensors((np.ones((4, 2)), np.ones((4, 1))))
    train(model, lambda first: dataset.repeat(3), dataset, tmp_path, 3, 1, verbose=0)
    assert Counting.count == 1

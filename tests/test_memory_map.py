"""The batches without TensorFlow: equal to tf.data's, and enough to train on."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from small_prepared import draw_studies, prepare_studies

from cxrbase.files import InputError
from cxrlib.data.memory_map import (
    load_array_records,
    load_arrays,
    open_views,
    shuffle_rows,
)
from cxrlib.data.pipeline import load_batches, load_records
from cxrlib.data.prepare import read_manifest
from cxrlib.data.table import draw_epoch

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same studies as TFRecords and as arrays."""
    folder = tmp_path_factory.mktemp("memory_map")
    studies = draw_studies(folder / "phantom")
    return (
        prepare_studies(studies, folder / "records"),
        prepare_studies(studies, folder / "arrays", memory_map=True),
    )


def assert_equal(expected, found):
    """Same names, types, shapes and numbers."""
    pairs = [keras.tree.flatten_with_path(each) for each in (expected, found)]
    for (name, one), (other_name, other) in zip(*pairs, strict=True):
        assert name == other_name and one.dtype == other.dtype, name
        np.testing.assert_array_equal(one, other, str(name))


@pytest.mark.parametrize(("split", "shuffle"), [("train", True), ("val", False)])
def test_batches_are_those_of_tf_data(folders, preprocessor, split, shuffle):
    options = {"batch_size": 5, "shuffle": shuffle, "seed": 3, "epochs": 3}
    for first in (0, 1):
        options["first_epoch"] = first
        expected = load_batches(folders[0], split, preprocessor, **options)
        found = load_arrays(folders[1], split, preprocessor, **options)
        assert len(found) == len(expected) == (3 - first) * found.steps
        for one, other in zip(expected.as_numpy_iterator(), found, strict=True):
            assert_equal(one, other)


def test_records_are_those_of_tf_data(folders):
    expected = load_records(folders[0], "train", 4).as_numpy_iterator()
    for one, other in zip(
        expected, load_array_records(folders[1], "train", 4), strict=True
    ):
        assert_equal(one, other)


@pytest.mark.parametrize(
    ("count", "buffer", "seeds"),
    [(3000, 1024, (5, 77)), (10, 4, (0, 1)), (9, 4, (0, 0)), (7, 9, (2**31 - 2, 3))],
)
def test_rows_are_shuffled_as_tf_data_does(count, buffer, seeds):
    import tensorflow as tf

    tf.random.set_seed(seeds[0])
    dataset = tf.data.Dataset.range(count).shuffle(buffer, seed=seeds[1])
    seeds = seeds if any(seeds) else (0, 2**31 - 1)
    expected = list(dataset.as_numpy_iterator())
    assert list(shuffle_rows(np.arange(count), seeds, buffer)) == expected
    assert expected != sorted(expected)


def test_seeds_of_an_epoch_are_never_two_zeros(monkeypatch):
    class Zeros:
        permutation = np.arange

        def integers(self, high):
            return 0

    monkeypatch.setattr(np.random, "default_rng", lambda seeds: Zeros())
    assert draw_epoch(3, seed=0, epoch=0)[1] == (0, 2**31 - 1)


def test_images_stay_on_the_disk(folders):
    views = open_views(folders[1], "train")
    assert [len(each) for each in views] == [4, 4, 4, 2]
    assert all(isinstance(each, np.memmap) for each in views)
    assert views[0].dtype == "uint8" and views[0].shape[1:] == (2, 64, 64)


def test_each_kind_of_folder_says_who_reads_it(folders, preprocessor):
    with pytest.raises(InputError, match="again with memory_map=True"):
        load_arrays(folders[0], "train", preprocessor)
    with pytest.raises(InputError, match="which load_arrays reads"):
        load_batches(folders[1], "train", preprocessor)
    with pytest.raises(InputError, match="holds no study"):
        load_arrays(folders[1], "holdout", preprocessor)


def test_another_text_gives_another_fingerprint(tmp_path):
    studies = draw_studies(tmp_path / "phantom")

    def fingerprint():
        out = prepare_studies(studies, tmp_path / "out", memory_map=True)
        return read_manifest(out)["source"]["fingerprint"]

    before = fingerprint()
    assert fingerprint() == before
    studies.loc[3, "impression"] = "Another."
    assert fingerprint() != before


def run_alone(script, folder, backend):
    """Run a script in a process of its own."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "packages"), str(ROOT / "tests")])
    ended = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    return ended.stdout


WITHOUT_TENSORFLOW = """
import pathlib, sys
sys.modules["tensorflow"] = None
import keras
import numpy as np
from small_prepared import draw_studies, prepare_studies
from cxrlib.data.memory_map import load_arrays
from cxrlib.training import train

folder = pathlib.Path(sys.argv[1])
studies = draw_studies(folder / "phantom")
prepared = prepare_studies(studies, folder / "prepared", memory_map=True)

def tokenise(texts):
    ids = np.array([[len(text) % 7] * 5 for text in texts])
    return {"token_ids": ids, "padding_mask": ids > 0}, ids, ids > 0

fed = []

def batches(first):
    dataset = load_arrays(
        prepared, "train", tokenise, 5, shuffle=True, epochs=4, first_epoch=first
    )
    given = dataset.order
    dataset.order = lambda epoch: fed.append(epoch) or given(epoch)
    return dataset

def fresh():
    keras.utils.set_random_seed(0)
    frontal = keras.Input((64, 64, 1), name="frontal")
    lateral = keras.Input((64, 64, 1), name="lateral")
    x = keras.layers.Concatenate()([frontal, lateral])
    x = keras.layers.Conv2D(4, 9, 8, activation="relu", name="conv")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dense(1, "sigmoid", name="abnormal")(x)
    model = keras.Model({"frontal": frontal, "lateral": lateral}, {"abnormal": x})
    model.compile("adam", {"abnormal": "binary_crossentropy"})
    return model

class Pick(keras.utils.PyDataset):
    def __init__(self, dataset):
        super().__init__()
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        inputs, targets, weights = self.dataset[index]
        views = {view: inputs[view] for view in ("frontal", "lateral")}
        label = {"abnormal": targets["abnormal"]}
        return views, label, {"abnormal": weights["abnormal"]}

class Kill(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt

def run(out, **options):
    val = Pick(load_arrays(prepared, "val", tokenise, 2))
    return train(
        fresh(), lambda first: Pick(batches(first)), val, folder / out, epochs=4,
        steps_per_epoch=3, verbose=0, **options,
    )

whole = run("whole")
assert set(fed) == {0, 1, 2, 3}, fed
try:
    run("broken", callbacks=[Kill()])
except KeyboardInterrupt:
    fed.clear()
resumed = run("broken")
assert set(fed) == {2, 3}, fed
histories = [(folder / out / "history.csv").read_text() for out in ("whole", "broken")]
numbers = [np.loadtxt(h.splitlines()[1:], delimiter=",") for h in histories]
np.testing.assert_allclose(*numbers, rtol=1e-4)
assert sys.modules["tensorflow"] is None
print(keras.backend.backend())
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_training_without_tensorflow_resumes(tmp_path, backend):
    assert backend in run_alone(WITHOUT_TENSORFLOW, tmp_path, backend)


WHOLE_MODEL = """
import importlib.metadata, pathlib, sys
hub = importlib.metadata.version("keras_hub").split(".")[:2]
if [int(each) for each in hub] >= [0, 32]:
    sys.modules["tensorflow"] = None  # Until then KerasHub imports it.
import keras
from small_prepared import draw_studies, prepare_studies
from cxrlib.systems.reports.train import train_report_model

folder = pathlib.Path(sys.argv[1])
studies = draw_studies(folder / "phantom").head(14)
prepared = prepare_studies(studies, folder / "prepared", memory_map=True)
model = train_report_model(
    prepared, folder / "training", preset="tiny", epochs=1, batch_size=7,
    sequence_length=16, vocabulary_size=300, verbose=0,
)
assert int(model.optimizer.iterations) == 2
print(keras.backend.backend())
"""


def test_the_report_model_learns_from_arrays_under_jax(tmp_path):
    assert "jax" in run_alone(WHOLE_MODEL, tmp_path, "jax")

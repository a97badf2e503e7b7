"""The stream of batches: its contract, order and shares, and what is missing."""

import shutil

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from small_prepared import AWKWARD, draw_studies, prepare_studies

from cxrbase.files import InputError
from cxrlib.data.pipeline import load_batches, load_records
from cxrlib.data.prepare import read_manifest
from cxrlib.data.table import read_texts, split_size


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    return prepare_studies(draw_studies(folder / "phantom"), folder / "prepared")


@pytest.fixture()
def without_images(prepared, tmp_path):
    """The same folder, its shards of the right length and nothing in them."""
    folder = tmp_path / "prepared"
    shutil.copytree(prepared, folder)
    for path in folder.glob("*.tfrecord"):
        path.write_bytes(bytes(path.stat().st_size))
    return folder


def texts_of(dataset, preprocessor):
    """The reports of each batch, as an order that can be compared."""
    return [
        tuple(map(tuple, inputs["token_ids"]))
        for inputs, _, _ in dataset.as_numpy_iterator()
    ]


def test_batches_keep_the_contract(prepared, preprocessor):
    batches = list(
        load_batches(prepared, "train", preprocessor, batch_size=5).as_numpy_iterator()
    )
    assert [len(inputs["frontal"]) for inputs, _, _ in batches] == [5, 5, 4]
    inputs, targets, weights = batches[0]
    for view in ("frontal", "lateral"):
        assert inputs[view].shape == (5, 64, 64, 1) and inputs[view].dtype == "float32"
        assert inputs[view].min() >= 0 and 0.5 < inputs[view].max() <= 1
        np.testing.assert_array_equal(inputs[view], targets[view])
        assert weights[view].shape == (5, 1, 1)
    assert set(inputs) == {"frontal", "lateral", "token_ids", "padding_mask"}
    assert targets["text"].shape == weights["text"].shape == (5, 24)
    assert targets["abnormal"].shape == weights["abnormal"].shape == (5, 1)


def test_what_is_missing_weighs_nothing_and_is_a_number(prepared, preprocessor):
    studies = pd.read_csv(prepared / "studies.csv", keep_default_na=False, dtype=str)
    found = {"label": [], "text": []}
    batches = load_batches(prepared, "train", preprocessor, batch_size=7)
    for _, targets, weights in batches.as_numpy_iterator():
        assert all(np.isfinite(each).all() for each in targets.values())
        found["label"] += list(weights["abnormal"][:, 0])
        found["text"] += list(weights["text"].sum(axis=1) > 0)
    train = studies[studies.split == "train"]
    assert found["label"].count(0) == (train.abnormal == "").sum() == 1
    assert found["text"].count(False) == (train.impression == "").sum() == 1


def test_tokens_are_what_the_preprocessor_makes_of_the_record(prepared, preprocessor):
    batches = load_batches(prepared, "train", preprocessor, 14).as_numpy_iterator()
    records = load_records(prepared, "train", 14).as_numpy_iterator()
    (inputs, targets, _), record = next(batches), next(records)
    assert AWKWARD[0].encode() in record["impression"]
    x, y, _ = preprocessor(tf.constant(record["impression"]))
    np.testing.assert_array_equal(inputs["token_ids"], x["token_ids"])
    np.testing.assert_array_equal(inputs["padding_mask"], x["padding_mask"])
    np.testing.assert_array_equal(targets["text"], y)
    known = np.maximum(record["abnormal"], 0)
    np.testing.assert_array_equal(targets["abnormal"][:, 0], known)


def test_texts_are_read_without_an_image(prepared, without_images, preprocessor):
    texts = read_texts(prepared, "val")
    assert len(texts) == 3 and AWKWARD[1] in texts
    assert read_texts(without_images, "val") == texts
    dataset = load_batches(without_images, "train", preprocessor)
    with pytest.raises(tf.errors.DataLossError):
        next(iter(dataset))


def test_a_table_that_was_changed_is_reported(without_images):
    path = without_images / "studies.csv"
    pd.read_csv(path).head(5).to_csv(path, index=False)
    with pytest.raises(InputError, match="lists 5 studies of train, and 14 were"):
        read_texts(without_images, "train")


def test_order_comes_from_seed_and_epoch_alone(prepared, preprocessor):
    def order(seed=0, epochs=3, first=0):
        options = {"seed": seed, "epochs": epochs, "first_epoch": first}
        dataset = load_batches(
            prepared, "train", preprocessor, batch_size=7, shuffle=True, **options
        )
        return texts_of(dataset, preprocessor)

    whole = order()
    assert whole == order(), "the same seed gives the same order"
    assert whole[4:] == order(first=2), "a resumed training sees what is left"
    assert whole[:2] != whole[2:4], "every epoch has its own order"
    assert whole != order(seed=1)
    for epoch in range(3):
        rows = sorted(whole[2 * epoch] + whole[2 * epoch + 1])
        assert rows == sorted(whole[0] + whole[1]), "every epoch sees every study once"


def concatenated_uids(prepared, batch_size, seed, first_epoch, epochs):
    """The order of trainings that were begun before the epochs became one stream."""
    tf.random.set_seed(seed)  # As `train_report_model` and `start` do.
    files = [str(path) for path in read_manifest(prepared)["shards"]["train"]]

    def one_epoch(epoch):
        rng = np.random.default_rng([seed, epoch])
        names = [files[i] for i in rng.permutation(len(files))]
        records = tf.data.TFRecordDataset(tf.data.Dataset.from_tensor_slices(names))
        records = records.shuffle(1024, seed=int(rng.integers(2**31)))
        return records.batch(batch_size)

    stream = one_epoch(first_epoch)
    for epoch in range(first_epoch + 1, epochs):
        stream = stream.concatenate(one_epoch(epoch))
    feature = {"uid": tf.io.FixedLenFeature([], "string")}
    stream = stream.map(lambda batch: tf.io.parse_example(batch, feature)["uid"])
    return [list(uids) for uids in stream.as_numpy_iterator()]


@pytest.mark.parametrize("seed", [0, 7])
def test_trainings_go_on_in_the_order_they_began_in(prepared, preprocessor, seed):
    record = next(load_records(prepared, "train", 14).as_numpy_iterator())
    image_of = dict(zip(record["uid"], record["frontal"], strict=True))
    span = {"seed": seed, "first_epoch": 1, "epochs": 4}
    expected = concatenated_uids(prepared, 5, **span)
    tf.random.set_seed(99)  # Of which the order must not depend.
    dataset = load_batches(prepared, "train", preprocessor, 5, shuffle=True, **span)
    for _ in range(2):  # Keras may begin the stream twice.
        batches = list(dataset.as_numpy_iterator())
        assert len(batches) == len(expected) == 9
        for uids, (inputs, _, _) in zip(expected, batches, strict=True):
            images = np.stack([image_of[uid] for uid in uids])
            np.testing.assert_array_equal(inputs["frontal"], images)


def test_epochs_do_not_lie_in_each_other(prepared, preprocessor, monkeypatch):
    real, made = tf.data.TFRecordDataset, []
    monkeypatch.setattr(
        tf.data, "TFRecordDataset", lambda names: made.append(1) or real(names)
    )
    counts = []
    for epochs in (2, 40):
        made.clear()
        load_batches(prepared, "train", preprocessor, shuffle=True, epochs=epochs)
        counts.append(len(made))
    assert counts[0] == counts[1]


def test_workers_share_the_studies(prepared):
    from cxrlib.models.text import ReportPreprocessor, ReportTokenizer

    tokenizer = ReportTokenizer.train(["No acute disease."], 300)
    preprocessor = ReportPreprocessor(tokenizer, sequence_length=48)

    def rows(shard):
        dataset = load_batches(prepared, "train", preprocessor, 4, shard=shard)
        return [row for batch in texts_of(dataset, preprocessor) for row in batch]

    together = rows((0, 2)) + rows((1, 2))
    assert sorted(together) == sorted(rows((0, 1)))


def test_records_name_their_studies(prepared):
    studies = pd.read_csv(prepared / "studies.csv", dtype=str)
    uids = [
        uid.decode()
        for batch in load_records(prepared, "test").as_numpy_iterator()
        for uid in batch["uid"]
    ]
    assert sorted(uids) == sorted(studies.uid[studies.split == "test"])
    assert split_size(prepared, "test") == 3


def test_an_empty_split_is_reported(prepared, preprocessor, tmp_path):
    with pytest.raises(InputError, match="holds no study"):
        load_batches(prepared, "holdout", preprocessor)
    with pytest.raises(InputError):
        load_batches(tmp_path, "train", preprocessor)

"""The stream of batches: its contract, order and shares, and what is missing."""

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from cxrbase.files import InputError
from cxrlib.data.pipeline import (
    known_texts,
    load_batches,
    load_records,
    split_size,
)
from cxrlib.data.prepare import prepare


@pytest.fixture(scope="module")
def prepared(phantom_studies, tmp_path_factory):
    """Twenty phantom studies at 64 × 64; one without a label, one without text."""
    folder = tmp_path_factory.mktemp("pipeline")
    kept = phantom_studies.copy()
    kept["split"] = ["train"] * 14 + ["val"] * 3 + ["test"] * 3
    kept.loc[0, "abnormal"] = np.nan
    kept.loc[1, "impression"] = ""
    prepare(kept, folder / "prepared", size=64, shard_size=4, progress=False)
    return folder / "prepared"


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


def test_known_texts_are_what_the_preprocessor_makes_of_them(preprocessor):
    texts = ["No acute disease.", "", "Large left pleural effusion. " * 9, "Ödem?"]
    tokenise = known_texts([*texts, texts[0]], preprocessor)
    asked = tf.constant([texts[i] for i in (3, 0, 0, 2, 1)])
    for found, expected in zip(
        tf.nest.flatten(tokenise(asked)),
        tf.nest.flatten(preprocessor(asked)),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(tf.errors.InvalidArgumentError):
        tokenise(tf.constant(["Never seen."]))


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


def test_an_empty_split_is_told(prepared, preprocessor, tmp_path):
    with pytest.raises(InputError, match="holds no study"):
        load_batches(prepared, "holdout", preprocessor)
    with pytest.raises(InputError):
        load_batches(tmp_path, "train", preprocessor)

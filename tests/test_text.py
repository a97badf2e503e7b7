"""Tokenizer and preprocessor: round trips, specials, teacher forcing, assets."""

import ast
import json
import pathlib

import keras
import numpy as np
import pytest

import cxrlib.models
from cxrbase.files import InputError
from cxrlib.models.text import ReportPreprocessor, ReportTokenizer


def test_round_trip_keeps_the_text(preprocessor, reports):
    tokenizer = preprocessor.tokenizer
    for report in [*reports, "Ünusual “quotes” & 12.5 mm XXXX!"]:
        assert tokenizer.detokenize(tokenizer(report)) == report


def test_specials_are_whole_and_apart(preprocessor):
    tokenizer = preprocessor.tokenizer
    ids = [tokenizer.pad_token_id, tokenizer.start_token_id, tokenizer.end_token_id]
    assert len(set(ids)) == 3
    assert np.array(tokenizer("<start>")).tolist() == [tokenizer.start_token_id]


def test_pieces_can_be_read_and_join_to_the_text(preprocessor, reports):
    tokenizer = preprocessor.tokenizer
    pieces = tokenizer.pieces(tokenizer(reports[0]))
    assert "".join(pieces) == reports[0] and len(pieces) > 1
    assert tokenizer.pieces([tokenizer.start_token_id]) == ["<start>"]
    # A letter of two bytes, of which no report has taught a whole.
    assert tokenizer.pieces(tokenizer("ö")) == ["[Ã]", "[¶]"]


def test_targets_are_one_token_ahead(preprocessor, reports):
    x, y, weight = preprocessor(reports)
    ids, targets = np.array(x["token_ids"]), np.array(y)
    tokenizer = preprocessor.tokenizer
    assert (ids[:, 0] == tokenizer.start_token_id).all()
    np.testing.assert_array_equal(ids[:, 1:], targets[:, :-1])
    weight = np.array(weight, bool)
    # The end is learned, the padding is not.
    assert (targets[weight] != tokenizer.pad_token_id).all()
    last = weight.sum(axis=1) - 1
    fits = last < 23
    assert fits.any()
    ends = targets[np.arange(len(last)), last][fits]
    assert (ends == tokenizer.end_token_id).all()


def test_training_needs_text():
    with pytest.raises(InputError, match="no text"):
        ReportTokenizer.train(["", ""])


def test_training_is_deterministic(reports):
    first, second = (ReportTokenizer.train(reports, 300) for _ in range(2))
    assert first.vocabulary == second.vocabulary and first.merges == second.merges


def test_tokenizer_survives_serialisation(preprocessor, reports):
    config = keras.saving.serialize_keras_object(preprocessor)
    json.dumps(config)  # plain data only
    again = keras.saving.deserialize_keras_object(config)
    assert isinstance(again, ReportPreprocessor)
    assert again.sequence_length == preprocessor.sequence_length


@pytest.mark.real
def test_gpt2_vocabulary_equals_hugging_faces_reading(real_data, reports):
    from tokenizers import ByteLevelBPETokenizer

    folder = real_data / "gpt2_tokenizer"
    ours = ReportTokenizer.from_gpt2_files(folder)
    peer = ByteLevelBPETokenizer(
        str(folder / "encoder.json"), str(folder / "vocab.bpe")
    )
    assert ours.vocabulary_size() == 50260
    assert sorted(ours.special_token_ids) == [50257, 50258, 50259]
    for report in reports:
        assert np.array(ours(report)).tolist() == peer.encode(report).ids


def test_missing_gpt2_files_are_named(tmp_path):
    with pytest.raises(InputError, match="encoder.json"):
        ReportTokenizer.from_gpt2_files(tmp_path)


def test_models_import_no_tensorflow():
    files = list(pathlib.Path(cxrlib.models.__path__[0]).glob("*.py"))
    assert len(files) > 10
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in getattr(node, "names", [])]
            names.append(getattr(node, "module", None) or "")
            assert not any(name.startswith("tensorflow") for name in names), path

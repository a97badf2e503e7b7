"""A GPT-2 that does not fit is refused in one line, and nothing half-loaded stays."""

import json
import pathlib
import pickle
import sys

import keras_hub
import numpy as np
import pytest
from gpt2_folders import (
    SIZES,
    VOCABULARY,
    backbone_for,
    random_tensors,
    same,
    write_folder,
)

from cxrbase.files import InputError
from cxrlib.models.text import ReportTokenizer, read_gpt2_files
from cxrlib.pretrained.fetch import fetch_weights
from cxrlib.pretrained.gpt2 import (
    gpt2_sizes_of,
    load_gpt2_into,
    local_folder,
    read_gpt2,
)
from cxrlib.pretrained.registry import write_sums


def refused(source, message, **options):
    """Load, expect a refusal in one line, and find the backbone as it was."""
    backbone = backbone_for("", **options)
    before = backbone.get_weights()
    with pytest.raises(InputError, match=message) as caught:
        load_gpt2_into(backbone, source)
    same(before, backbone.get_weights())
    assert "\n" not in str(caught.value)
    return caught.value


def test_tensors_that_do_not_fit_are_listed(tmp_path):
    tensors = random_tensors()
    tensors["h.1.crossattention.bias"] = tensors.pop("h.1.ln_1.bias")
    # The transposed matrix has as many numbers: a reshape would take it.
    tensors["h.0.mlp.c_fc.weight"] = tensors["h.0.mlp.c_fc.weight"].T.copy()
    error = refused(write_folder(tmp_path / "a", tensors), "model.safetensors: not")
    assert "1 missing (h.1.ln_1.bias)" in str(error)
    assert "1 left over (h.1.crossattention.bias)" in str(error)
    assert "h.0.mlp.c_fc.weight (64, 16), not (16, 64)" in str(error)
    fewer = {name: x for name, x in random_tensors().items() if "h.1." not in name}
    error = refused(write_folder(tmp_path / "b", fewer), "12 missing .*; …")
    assert "h.1.mlp.c_proj.weight" in error.__notes__[0]
    whole = {name: x.astype("int32") for name, x in random_tensors().items()}
    refused(write_folder(tmp_path / "c", whole), "28 of another type .*I32")
    holed = random_tensors()
    holed["ln_f.bias"][3] = np.nan
    refused(write_folder(tmp_path / "d", holed), r"1 not finite \(ln_f.bias\)")


def test_masks_and_a_tied_head_may_be_there_another_head_not(tmp_path):
    tensors = random_tensors()
    extra = {
        "h.0.attn.bias": np.tril(np.ones((1, 1, 24, 24), "uint8")),
        "h.0.attn.masked_bias": np.array(-1e4, "float32"),
    }
    tied = {**tensors, **extra, "lm_head.weight": tensors["wte.weight"]}
    read = read_gpt2(write_folder(tmp_path / "tied", tied))
    same(read_gpt2(write_folder(tmp_path / "bare")).get_weights(), read.get_weights())
    other = {**tensors, "lm_head.weight": tensors["wte.weight"] + 1}
    refused(write_folder(tmp_path / "other", other), "lm_head.weight is not its wte")


@pytest.mark.parametrize("size", [4, 900, 20_000, -1])
def test_a_cut_file_is_refused(tmp_path, size):
    path = write_folder(tmp_path) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    refused(tmp_path, "model.safetensors: cannot be read .* download it again")


def test_files_in_parts_are_refused_if_one_is_missing_or_elsewhere(tmp_path):
    folder = write_folder(tmp_path / "their")
    (folder / "model.safetensors").rename(tmp_path / "outside.safetensors")
    index = folder / "model.safetensors.index.json"
    for name, message in (
        ("../outside.safetensors", "outside its folder"),
        ("model-00001-of-00002.safetensors", "index.json: cannot be read"),
    ):
        names = dict.fromkeys(random_tensors(), name)
        index.write_text(json.dumps({"weight_map": names}))
        refused(folder, message)


class Malice:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_no_pickle_is_opened(tmp_path, name):
    folder = write_folder(tmp_path / "their")
    (folder / "model.safetensors").unlink()
    evil = pickle.dumps(Malice(tmp_path / "executed"))
    (folder / name).write_bytes(evil)
    is_bin = name == "pytorch_model.bin"
    refused(folder, "safe_serialization=True" if is_bin else "cannot be read")
    assert not (tmp_path / "executed").exists()
    pickle.loads(evil)
    assert (tmp_path / "executed").exists(), "the trap would not have sprung"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "llama"}, "config.json: .*it is a llama"),
        ({"model_type": "bert"}, "it is a bert"),
        ({"activation_function": "relu"}, "activation_function is relu"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse"),
        ({"add_cross_attention": True}, "add_cross_attention"),
        ({"n_head": 3}, "not a multiple of num_heads"),
        ({"n_layer": None}, "num_layers is None"),
        ({"n_layer": 3}, "12 missing"),
        ({"n_inner": 32}, "not .16, 32"),
    ],
)
def test_another_architecture_is_refused(tmp_path, change, message):
    refused(write_folder(tmp_path, **change), message)


def test_other_folders_are_refused(tmp_path):
    folder = write_folder(tmp_path / "their")
    config = folder / "config.json"
    for text, message in (
        ("{", "config.json: does not give the sizes"),
        ("[]", "config.json: does not give the sizes"),
        ('{"class_name": "BertBackbone", "config": {}}', "it is a BertBackbone"),
        ('{"class_name": "GPT2Backbone", "config": {}}', "vocabulary_size is None"),
        (json.dumps(SIZES), "no gpt2.weights.h5"),
    ):
        config.write_text(text)
        refused(folder, message)
    config.unlink()
    refused(folder, "config.json: is missing")


def test_a_cut_or_foreign_h5_is_refused(tmp_path):
    preset = tmp_path / "preset"
    keras_hub.models.GPT2Backbone(**SIZES).save_to_preset(str(preset))
    path = preset / "model.weights.h5"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(preset, "model.weights.h5: does not fit")
    other = keras_hub.models.GPT2Backbone(**{**SIZES, "hidden_dim": 8})
    other.save_weights(path)
    refused(preset, "model.weights.h5: does not fit")


def test_a_gpt2_of_other_sizes_or_words_is_refused(tmp_path):
    sizes = {**SIZES, "num_layers": 1}
    keras_hub.models.GPT2Backbone(**sizes).save_to_preset(str(tmp_path / "one"))
    refused(tmp_path / "one", "num_layers is 1 there and 2 here")
    folder = write_folder(tmp_path / "their")
    # A table of 263 rows under 50,257 words would give most words the mean.
    refused(folder, "has 263 tokens, the model 50260", vocabulary=50260)
    refused(folder, "has 263 tokens, the model 262", vocabulary=262)
    moved = dict(VOCABULARY)
    moved["No"], moved["te"] = moved["te"], moved["No"]
    tokenizer = ReportTokenizer.from_gpt2_files(folder)
    swapped = ReportTokenizer(
        {**tokenizer.vocabulary, **moved}, merges=tokenizer.merges
    )
    with pytest.raises(InputError, match="'No' has another number"):
        load_gpt2_into(backbone_for(""), folder, swapped)
    (folder / "added_tokens.json").write_text('{"[PAD]": 263}')
    refused(folder, "has 263 tokens, the vocabulary 264")


def test_names_that_lead_nowhere(monkeypatch, tmp_path):
    refused("gpt2_bse_en", "neither a folder nor .*gpt2_base_en")

    import kagglehub

    def fail(name, *args, **options):
        raise ConnectionError(f"no route\nto {name}")

    monkeypatch.setattr(kagglehub, "model_download", fail)
    refused("gpt2_base_en", "gpt2_base_en: could not be fetched .no route to keras")
    folder = write_folder(tmp_path / "cache")
    monkeypatch.setattr(kagglehub, "model_download", lambda name: str(folder))
    assert local_folder("gpt2_base_en") == folder
    assert load_gpt2_into(backbone_for(""), "kaggle://my/gpt2/keras/small") == (
        "kaggle://my/gpt2/keras/small (Hugging Face)"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        *[({name: size}, "at most") for name, size in (
            ("n_embd", 10**6), ("n_layer", 10**5), ("n_head", 10**4),
            ("vocab_size", 10**9), ("n_positions", 10**7), ("n_inner", 10**6),
        )],
        ({"n_embd": 1600, "n_layer": 48}, "asks for .* has room for"),
        ({"vocab_size": 400_000}, "asks for .* has room for"),
        *[({"n_layer": size}, "num_layers is") for size in (0, -1, 2.0, True, "2")],
        ({"n_embd": None}, "hidden_dim is None"),
        *[
            ({"resid_pdrop": rate}, "dropout is")
            for rate in (2, 1, -0.1, float("nan"), float("inf"), "x", None, True, [])
        ],
    ],
)  # fmt: skip
def test_sizes_are_checked_before_a_model_is_built(
    tmp_path, monkeypatch, change, message
):
    monkeypatch.setattr(keras_hub.models, "GPT2Backbone", None)  # Not built.
    folder = write_folder(tmp_path, **change)
    with pytest.raises(InputError, match=f"config.json: .*{message}") as caught:
        gpt2_sizes_of(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["[" * 10**5, '{"a":' * 10**5, " " * 2**21, ""])
def test_a_hostile_json_is_refused(tmp_path, text):
    for name in ("config.json", "vocab.json"):
        folder = write_folder(tmp_path / name)
        (folder / name).write_text(text)
        if name == "config.json" or text.strip():
            with pytest.raises(InputError, match=name) as caught:
                gpt2_sizes_of(folder), read_gpt2_files(folder)
            assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


@pytest.mark.parametrize("size", [-1, 0, 10, 258, 259, 10**9])
def test_a_vocabulary_of_any_size_is_none(size):
    with pytest.raises(InputError, match=f"vocabulary_size={size}: must be 260"):
        ReportTokenizer.train(["No edema."], vocabulary_size=size)


def test_what_fetches_is_named_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(InputError, match="install kagglehub"):
        local_folder("gpt2_base_en")
    with pytest.raises(InputError, match="install kagglehub"):
        fetch_weights("chexnet", tmp_path)
    with pytest.raises(InputError, match="holds none of the course's own weights"):
        write_sums(tmp_path)
    assert not list(tmp_path.iterdir())

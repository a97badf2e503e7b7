"""Small GPT-2s in folders as Hugging Face writes them, for tests."""

import json

import numpy as np
import pytest
import tokenizers

from cxrlib.models.latent_gpt2 import LatentGPT2Backbone
from cxrlib.pretrained.gpt2 import gpt2_sizes_of
from cxrlib.pretrained.gpt2_tensors import tensor_table

MERGES = ["N o", "Ġ a", "c u", "t e", "Ġa cu", "Ġacu te"]
TOKENS = [*sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())]
TOKENS += [merge.replace(" ", "") for merge in MERGES] + ["<|endoftext|>"]
VOCABULARY = {token: i for i, token in enumerate(TOKENS)}
SIZES = {
    "vocabulary_size": len(TOKENS),
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 64,
    "max_sequence_length": 24,
}
CONFIG = {
    "model_type": "gpt2",
    "vocab_size": len(TOKENS),
    "n_layer": 2,
    "n_head": 2,
    "n_embd": 16,
    "n_positions": 24,
    "n_inner": None,
    "activation_function": "gelu_new",
    "layer_norm_epsilon": 1e-5,
    "resid_pdrop": 0.1,
}


def write_vocabulary(folder):
    """`vocab.json` and `merges.txt`, as Hugging Face writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(VOCABULARY), encoding="utf-8")
    merges = "\n".join(["#version: 0.2", *MERGES, ""])
    (folder / "merges.txt").write_text(merges, encoding="utf-8")
    return folder


def random_tensors(seed=0):
    """Every tensor of a GPT-2 of `SIZES`, under Hugging Face's names."""
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(0, 0.3, shape).astype("float32")
        for name, (shape, _) in tensor_table(SIZES).items()
    }


def write_folder(folder, tensors=None, **config):
    """A Hugging Face folder written without `transformers`."""
    reason = "safetensors is in requirements.txt"
    save = pytest.importorskip("safetensors.numpy", reason=reason).save_file
    write_vocabulary(folder)
    (folder / "config.json").write_text(json.dumps(CONFIG | config))
    save(random_tensors() if tensors is None else tensors, folder / "model.safetensors")
    return folder


def backbone_for(source, positions=24, vocabulary=266):
    """A text half of the source's size; the vocabulary here and three more."""
    return LatentGPT2Backbone(
        vocabulary_size=vocabulary,
        latent_dim=6,
        max_sequence_length=positions,
        **(gpt2_sizes_of(source) or {x: SIZES[x] for x in list(SIZES)[1:5]}),
    )


def same(before, after):
    """Assert that two lists of weights are equal to the last digit."""
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)

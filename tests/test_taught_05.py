"""Attention, block, positions and the model of 05 by hand are the packaged ones."""

import numpy as np
import pandas as pd
import pytest
from taught import run_cells, sources

from cxrlib.models.text import ReportTokenizer
from cxrlib.models.transformer import (
    CausalSelfAttention,
    ReportTransformer,
    SinusoidalPositions,
    causal_mask,
    scaled_dot_product,
)

NOTEBOOK = "05_transformer"
D, H, HIDDEN, T = 12, 3, 20, 7


@pytest.fixture()
def x():
    return np.random.default_rng(5).normal(size=(T, D)).astype("float32")


@pytest.fixture()
def taught(x):
    """What the cells on attention leave, for small sizes."""
    sizes = {"transformer_dim": D, "transformer_heads": H, "transformer_hidden": HIDDEN}
    names = {"np": np, "pd": pd, "x": x, "transformer_dropout": 0.1} | sizes
    names |= {"sequence_length": T, "figures": pd.NA, "plots": _NoPlots}
    return run_cells(NOTEBOOK, "toy", "softmax", "heads", "alike", **names)


class _NoPlots:
    """Stands in for `cxrlib.plots` in cells that draw as well."""

    plot_positions = save_figure = staticmethod(lambda *_, **__: None)


def by_hand(x, block, taught):
    """The block as the notebook writes it, on the weights of a layer."""
    expand, contract = block.expand.get_weights()[0], block.contract.get_weights()[0]
    h = taught["norm"](x + taught["attend"](x, block.attention))
    return taught["norm"](h + np.maximum(h @ expand, 0) @ contract)


def test_one_head_equals_scaled_dot_product(taught):
    rng = np.random.default_rng(0)
    query, key, value = rng.normal(size=(3, T, 4)).astype("float32")
    allowed = np.tri(T, dtype=bool)
    scores = np.where(allowed, query @ key.T / np.sqrt(4), -np.inf)
    weights = taught["softmax"](scores)
    mixed, packaged = scaled_dot_product(query, key, value, causal_mask(T))
    np.testing.assert_allclose(packaged, weights, atol=1e-6)
    np.testing.assert_allclose(mixed, weights @ value, atol=1e-5)


def test_heads_equal_the_layer(taught, x):
    layer = CausalSelfAttention(H)
    layer(x[None])
    ours = taught["attend"](x, layer)
    np.testing.assert_allclose(ours, layer(x[None])[0], atol=1e-5)
    other = CausalSelfAttention(H)
    other(x[None])
    assert np.abs(ours - np.array(other(x[None])[0])).max() > 0.01


def test_block_equals_the_layer(taught, x):
    block = run_cells(NOTEBOOK, "block", **taught)["block"]
    ours = by_hand(x, block, taught)
    np.testing.assert_allclose(ours, block(x[None])[0], atol=1e-5)


def test_waves_equal_the_layer(taught):
    waves = run_cells(NOTEBOOK, "positions", **taught)["waves"]
    assert waves.shape == (T, D) and np.ptp(waves) > 1
    packaged = SinusoidalPositions()(np.zeros((1, T, D), "float32"))[0]
    np.testing.assert_allclose(waves, packaged, atol=1e-5)


def test_all_of_it_together_is_the_model(taught):
    model = ReportTransformer(50, 2, H, D, HIDDEN)
    ids = np.random.default_rng(1).integers(50, size=(1, T))
    waves = run_cells(NOTEBOOK, "positions", **taught)["waves"]
    (table,) = model.get_layer("token_embedding").get_weights()
    x = table[ids[0]] * D**0.5 + waves
    for block in model.blocks:
        x = by_hand(x, block, taught)
    logits = np.array(model(ids))[0]
    np.testing.assert_allclose(x @ table.T, logits, atol=1e-4)
    assert logits.std() > 0.1


def test_byte_pairs_are_the_tokenizers(capsys):
    """The cell asserts that itself, on the word that it cuts."""
    tokenizer = ReportTokenizer.train(["Small pleural effusions."] * 3, 290)
    by_hand = run_cells(NOTEBOOK, "byte-pairs", tokenizer=tokenizer)["byte_pairs"]
    for word in (" pleural", " effusions", " small", "Small", " xyz"):
        assert by_hand(word) == [tokenizer.id_to_token(int(i)) for i in tokenizer(word)]


def test_alone_attention_makes_words_alike_and_the_residual_slows_it_down(taught, x):
    names = run_cells(
        NOTEBOOK, "residual", **taught, CausalSelfAttention=CausalSelfAttention
    )
    _, alone, with_residual = np.array(names["rows"]).T
    assert alone[4] > 0.95 > with_residual[4]


def test_a_model_without_positions_can_be_cloned(taught):
    """Exercise 2, as its text asks for it; the mask alone gives the order away."""
    import keras

    text = sources(NOTEBOOK)["exercise-2-text"]
    names = {"keras": keras}
    exec(text.split("```python\n")[1].split("```")[0], names)
    model = ReportTransformer(50, 2, H, D, HIDDEN)
    clone = keras.models.clone_model(model, clone_function=names["without_positions"])
    assert clone.count_params() == model.count_params()
    assert "positions" not in [layer.name for layer in clone.layers]
    ids = np.arange(1, 7)[None]
    swapped = ids[:, [1, 0, 2, 3, 4, 5]]
    last = [np.array(clone(each))[0, -1] for each in (ids, swapped)]
    assert np.abs(last[0] - last[1]).max() > 1e-4  # One block could not tell.

"""GPT-2 taken apart in 06, and both its conditionings, are the package's."""

import keras_hub
import numpy as np
import pandas as pd
import pytest
from keras import ops
from taught import run_cells

from cxrlib.models.conditioning import GatedCrossAttention, ImageTokens, LatentStep
from cxrlib.models.latent_gpt2 import LatentGPT2Backbone

NOTEBOOK = "06_latent_gpt2"
WIDTH, MAPS, T = 10, (2, 3, 3, 5), 6
SIZES = {"vocabulary_size": 40, "num_layers": 2, "num_heads": 2, "hidden_dim": 8}
SIZES |= {"intermediate_dim": 16, "max_sequence_length": 12}


def shake(model, seed=0):
    """Random weights everywhere: what starts at 0 or 1 would else hide."""
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def taught():
    """What the cells leave for a small GPT-2 with random weights."""
    rng = np.random.default_rng(0)
    plain = shake(keras_hub.models.GPT2Backbone(**SIZES, dtype="float32"))
    ids = rng.integers(SIZES["vocabulary_size"], size=(1, T))
    (words,), (positions,) = (
        part.get_weights() for part in (plain.token_embedding, plain.position_embedding)
    )
    maps = rng.random((4, *MAPS), "float32")
    studies = {"maps": maps, "latent": rng.random((4, WIDTH), "float32")}
    names = {"np": np, "ops": ops, "plain": plain, "ids": ids, "count": T}
    names |= {"words": words, "positions": positions, "x": words[ids] + positions[:T]}
    names |= {"read": {"token_ids": ids, "padding_mask": np.ones_like(ids)}}
    names |= {"size": SIZES["hidden_dim"], "train": studies, "test": studies}
    return run_cells(
        *(
            NOTEBOOK,
            "layer-parts",
            "one-layer",
            "difference",
            "forward",
            "cosine",
            "centred",
        ),
        *("latent-step", "image-tokens-built", "image-tokens", "look-at"),
        **names,
    )


def close(ours, theirs, atol=1e-4):
    ours, theirs = ops.convert_to_numpy(ours), ops.convert_to_numpy(theirs)
    assert ours.std() > 0.01, "an answer that is the same everywhere shows nothing"
    np.testing.assert_allclose(ours, theirs, atol=atol)


def test_layer_by_layer_equals_kerashubs(taught):
    first = taught["plain"].transformer_layers[0]
    close(taught["one_layer"](first, taught["x"]), first(taught["x"]))
    close(taught["forward"](taught["x"]), taught["plain"](taught["read"]))


def test_without_the_mask_it_is_another_model(taught):
    blind = taught["forward"](taught["x"], causal=False)
    assert taught["difference"](blind, taught["plain"](taught["read"])) > 0.1


def test_latent_step_equals_the_layer(taught):
    layer = LatentStep(SIZES["hidden_dim"])
    layer(taught["test"]["latent"])
    kernel, bias = shake(layer).projection.get_weights()
    ours = taught["latent_step"](taught["test"]["latent"], kernel, bias)
    close(ours, layer(taught["test"]["latent"]))


def test_image_tokens_equal_the_layer(taught):
    shake(taught["library"])
    maps = taught["test"]["maps"]
    assert isinstance(taught["library"], ImageTokens)
    close(taught["image_tokens"](maps), taught["library"](maps))


def test_looking_equals_the_layer(taught):
    layer = GatedCrossAttention(SIZES["num_heads"], SIZES["hidden_dim"])
    x, image = taught["x"], taught["image_tokens"](taught["test"]["maps"][:1])
    layer(x, image)
    shake(layer)
    seen, shares = taught["look_at"](layer, x, image)
    np.testing.assert_allclose(ops.sum(shares, axis=-1), 1, atol=1e-5)
    close(x + ops.tanh(5.0 * layer.gate) * seen, layer(x, image))


def test_one_vector_at_every_layer_equals_the_backbone(taught):
    model = LatentGPT2Backbone(**SIZES, latent_dim=WIDTH, conditioning="latent")
    model.adopt(taught["plain"])
    shake(model.reader)
    latent = taught["test"]["latent"][:1]
    step = taught["latent_step"](latent, *model.reader.projection.get_weights())
    ours = taught["forward"](taught["x"], look=lambda i, x: x + step)
    close(ours, model({**taught["read"], "latent": latent}))


def test_looking_at_every_layer_equals_the_backbone(taught):
    model = LatentGPT2Backbone(**SIZES, maps_shape=MAPS, conditioning="spatial")
    model.adopt(taught["plain"])
    for layer in (model.reader, *model.inject):
        shake(layer)
    maps = taught["test"]["maps"][:1]
    inputs = {**taught["read"], "maps": maps}
    # The notebook's own cell, handed this model; it defines `look`.
    cell = taught | {"spatial_model": model, "maps": maps, "conditioned": model(inputs)}
    look = run_cells(NOTEBOOK, "spatial-equal", **cell)["look"]
    close(taught["forward"](taught["x"], look), model(inputs))


def test_a_vectors_own_mean_takes_away_less_than_that_of_train(taught):
    """What 06 says of the two remedies, on vectors that have much in common."""
    rng = np.random.default_rng(3)
    common = rng.random((1, 400)) ** 3
    studies = {name: {"latent": common + rng.random((40, 400)) / 4} for name in "ab"}
    cell = taught | {"train": studies["a"], "test": studies["b"]} | {"pd": pd}
    cosines = run_cells(NOTEBOOK, "cosines", **cell)["cosines"]
    alike = [taught["mean_cosine"](rows) for rows in cosines.values()]
    raw, own, of_train, _ = alike
    assert raw > own > of_train


def test_latent_of_a_relu_is_never_at_more_than_a_right_angle(taught):
    latent = np.maximum(np.random.default_rng(4).normal(size=(30, 50)), 0)
    unit = latent / np.linalg.norm(latent, axis=1, keepdims=True)
    assert (unit @ unit.T).min() >= 0 and taught["mean_cosine"](latent) > 0.2

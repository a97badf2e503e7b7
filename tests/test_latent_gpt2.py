"""The text half: causality, the image's influence, cache, samplers, plain GPT-2."""

import warnings

import keras
import keras_hub
import numpy as np
import pytest
from conftest import make_tiny_model
from keras import ops
from model_checks import run_saving_test

from cxrlib.models.latent_gpt2 import LatentGPT2Backbone
from cxrlib.models.latent_gpt2_causal_lm import LatentGPT2CausalLM
from cxrlib.models.losses import text_loss

SIZES = {
    "vocabulary_size": 50,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 16,
    "intermediate_dim": 32,
    "max_sequence_length": 12,
    "dropout": 0.0,
}


@pytest.fixture(scope="module", params=["latent", "spatial"])
def tiny_model(request, preprocessor):
    """Whatever holds for one conditioning must hold for the other."""
    return make_tiny_model(preprocessor, request.param)


def random_image(model, count=4, seed=0):
    """What the model's GPT-2 reads of an image, at random: its name and values."""
    name = model.causal_lm.backbone.image_input
    shape = (count, *model.imaging.output[name].shape[1:])
    return name, np.random.default_rng(seed).normal(size=shape).astype("float32")


def tokens(rng, count=2, length=10):
    ids = rng.integers(3, 50, (count, length)).astype("int32")
    return {"token_ids": ids, "padding_mask": np.ones_like(ids)}


IMAGES = {
    "none": {},
    "latent": {"latent": np.random.default_rng(1).random((2, 6), "float32")},
    "spatial": {"maps": np.random.default_rng(1).random((2, 2, 3, 3, 6), "float32")},
}


@pytest.mark.parametrize("conditioning", IMAGES)
def test_before_the_first_step_it_is_kerashubs_gpt2(conditioning):
    ours = LatentGPT2Backbone(
        latent_dim=6, maps_shape=(2, 3, 3, 6), conditioning=conditioning, **SIZES
    )
    peer = keras_hub.models.GPT2Backbone(**SIZES)
    ours.adopt(peer)
    inputs = tokens(np.random.default_rng(0))
    assert ours.is_blind
    np.testing.assert_allclose(
        ours({**inputs, **IMAGES[conditioning]}), peer(inputs), atol=1e-6
    )


def test_the_tokenizer_is_not_taken_for_something_unbuilt(preprocessor):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*does not have a `build")
        backbone = LatentGPT2Backbone(320, 1, 1, 4, 4, conditioning="none")
        LatentGPT2CausalLM(backbone, preprocessor).build(None)


def test_an_unknown_conditioning_is_refused():
    with pytest.raises(ValueError, match="choose one of none, latent, spatial"):
        LatentGPT2Backbone(latent_dim=6, conditioning="telepathy", **SIZES)


def test_without_conditioning_no_image_is_asked_for(preprocessor, batch):
    model = make_tiny_model(preprocessor, "none")
    other = {**batch[0], "frontal": 1 - batch[0]["frontal"]}
    before, after = (np.array(model(x)["text"]) for x in (batch[0], other))
    np.testing.assert_array_equal(before, after)
    assert len(set(model.generate(images_of(batch), max_length=14))) == 1


def test_the_image_is_read_once_for_a_whole_report(tiny_model):
    """The keys and values in the cache are those of the image, for each layer."""
    backbone = tiny_model.causal_lm.backbone
    if backbone.conditioning != "spatial":
        pytest.skip("the latent is one step, and has no keys")
    _, maps = random_image(tiny_model)
    kept = backbone.keep_image(maps)
    seen = backbone.reader(maps)
    x = np.random.default_rng(1).normal(size=(4, 3, backbone.hidden_dim))
    x = x.astype("float32")
    for i, look in enumerate(backbone.inject):
        np.testing.assert_allclose(look(x, cache=kept[:, i]), look(x, seen), atol=1e-5)


def test_a_gpt2_of_other_sizes_is_refused_whole():
    ours = LatentGPT2Backbone(latent_dim=6, **SIZES)
    before = ours.get_weights()
    with pytest.raises(ValueError, match="intermediate_dim is 8 there and 32 here"):
        ours.adopt(keras_hub.models.GPT2Backbone(**{**SIZES, "intermediate_dim": 8}))
    for old, new in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_no_leak_through_the_causal_mask(tiny_model, batch):
    inputs, _, _ = batch
    changed = dict(inputs)
    changed["token_ids"] = inputs["token_ids"].copy()
    changed["token_ids"][:, 6:] = 5
    before, after = (np.array(tiny_model(x)["text"]) for x in (inputs, changed))
    np.testing.assert_allclose(before[:, :6], after[:, :6], atol=1e-5)
    assert np.abs(before[:, 6:] - after[:, 6:]).max() > 1e-3


def test_the_image_reaches_every_position(tiny_model, batch):
    inputs, _, _ = batch
    other = {**inputs, "lateral": 1 - inputs["lateral"]}
    before, after = (np.array(tiny_model(x)["text"]) for x in (inputs, other))
    change = np.abs(before - after).max(axis=(0, 2))
    assert (change > 1e-4).all()


def test_cached_decoding_equals_uncached(tiny_model, batch):
    inputs, _, _ = batch
    causal_lm = tiny_model.causal_lm
    name, image = random_image(tiny_model)
    ids = inputs["token_ids"]
    uncached = causal_lm(
        {"token_ids": ids, "padding_mask": np.ones_like(ids), name: image}
    )
    _, cache = causal_lm.build_cache(ops.zeros_like(ids), image)
    for i in range(ids.shape[1]):
        step, _, cache = causal_lm.call_with_cache(ids[:, i : i + 1], cache, i)
        np.testing.assert_allclose(step[:, 0], uncached[:, i], atol=1e-4)


def greedy_by_hand(model, name, image, length):
    """Decode without cache, one whole forward pass per token."""
    tokenizer = model.preprocessor.tokenizer
    ids = np.zeros((len(image), length), "int32")
    ids[:, 0] = tokenizer.start_token_id
    for i in range(1, length):
        logits = model.causal_lm(
            {"token_ids": ids, "padding_mask": np.ones_like(ids), name: image}
        )
        ids[:, i] = np.argmax(np.array(logits)[:, i - 1], axis=-1)
    texts = []
    for row in ids[:, 1:]:
        stops = np.flatnonzero(row == tokenizer.end_token_id)
        row = row[: stops[0]] if len(stops) else row
        keep = [i for i in row if i not in tokenizer.special_token_ids]
        texts.append(tokenizer.detokenize([keep])[0].strip())
    return texts


def images_of(batch):
    return {name: batch[0][name] for name in ("frontal", "lateral")}


def test_greedy_generation_equals_decoding_by_hand(tiny_model):
    causal_lm = tiny_model.causal_lm
    name, image = random_image(tiny_model)
    causal_lm.compile(sampler="greedy")
    reports = causal_lm.generate({"prompts": [""] * 4, name: image}, max_length=14)
    assert reports == greedy_by_hand(tiny_model, name, image, 14)
    assert len(set(reports)) > 1, "the reports do not depend on the image"


def test_every_study_keeps_its_own_image_in_a_beam(tiny_model, batch):
    images = images_of(batch)
    together = tiny_model.generate(images, sampler="beam", max_length=14)
    alone = [
        tiny_model.generate(
            {name: view[i : i + 1] for name, view in images.items()},
            sampler="beam",
            max_length=14,
        )[0]
        for i in range(4)
    ]
    assert together == alone


def test_beam_of_one_is_greedy(tiny_model, batch):
    images = images_of(batch)
    beam = keras_hub.samplers.BeamSampler(num_beams=1)
    assert tiny_model.generate(images, sampler=beam, max_length=14) == (
        tiny_model.generate(images, max_length=14)
    )


@pytest.mark.parametrize("name", ["TopKSampler", "TopPSampler"])
def test_samplers_obey_seed_and_temperature(tiny_model, batch, name):
    images = images_of(batch)
    sampler = getattr(keras_hub.samplers, name)
    options = {"k": 20} if name == "TopKSampler" else {"p": 0.9}

    def write(seed, temperature):
        chosen = sampler(seed=seed, temperature=temperature, **options)
        return tiny_model.generate(images, sampler=chosen, max_length=14)

    assert write(0, 1.0) == write(0, 1.0)
    assert write(0, 1.0) != write(1, 1.0)
    assert write(0, 1e-4) == tiny_model.generate(images, max_length=14)


def test_prompt_begins_every_report(tiny_model, batch):
    reports = tiny_model.generate(images_of(batch), prompt="No acute", max_length=14)
    assert [report[:8] for report in reports] == ["No acute"] * 4


def test_batches_do_not_change_the_reports(tiny_model, batch):
    images = images_of(batch)
    assert tiny_model.generate(images, batch_size=3, max_length=14) == (
        tiny_model.generate(images, max_length=14)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: image * 255, "divide 8-bit images by 255"),
        (lambda image: image[:, ::2, ::2], "resize them to 64 × 64"),
        (lambda image: image * np.nan, r"pixels in \[0, 1\]"),
    ],
)
def test_bad_images_are_refused(tiny_model, batch, change, message):
    images = images_of(batch)
    images["frontal"] = change(images["frontal"])
    with pytest.raises(ValueError, match=message):
        tiny_model.generate(images)


def test_too_long_a_report_is_refused(tiny_model, batch):
    with pytest.raises(ValueError, match="longer than the 24 tokens"):
        tiny_model.generate(images_of(batch), max_length=100)


@pytest.mark.parametrize("conditioning", ["latent", "spatial"])
def test_it_learns_to_read_the_report_off_the_image(conditioning):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    backbone = LatentGPT2Backbone(
        latent_dim=8, maps_shape=(2, 2, 2, 8), conditioning=conditioning, **SIZES
    )
    causal_lm = LatentGPT2CausalLM(backbone)
    image = {
        "latent": rng.random((4, 8), dtype="float32"),
        "maps": rng.random((4, 2, 2, 2, 8), dtype="float32"),
    }
    name = backbone.image_input
    inputs = {**tokens(rng, 4, 11), name: image[name]}
    inputs["token_ids"][:, 0] = 1  # All begin alike: only the image tells them apart.
    targets = np.roll(inputs["token_ids"], -1, axis=1)
    targets[:, -1] = 2
    causal_lm.compile(keras.optimizers.Adam(0.02), text_loss(), sampler="greedy")
    causal_lm.fit(inputs, targets, epochs=120, batch_size=4, verbose=0)
    prompt = {**inputs, "padding_mask": np.eye(11, dtype="int32")[[0] * 4]}
    prompt["token_ids"] = inputs["token_ids"] * prompt["padding_mask"]
    written = causal_lm.generate(prompt, stop_token_ids=[2])
    np.testing.assert_array_equal(written["token_ids"], inputs["token_ids"])


def test_same_reports_under_jax(tiny_model, batch, tmp_path):
    pytest.importorskip("jax", reason="jax is in the test extras")
    images = images_of(batch)
    run_saving_test(
        {"model": (tiny_model, batch[0])},
        tmp_path,
        """
write = models["model"].generate
assert write(kept["images"], max_length=14) == kept["reports"]
assert write(kept["images"], max_length=14, sampler="beam") == kept["beams"]
""",
        backend="jax",
        tolerance=1e-4,
        images=images,
        reports=tiny_model.generate(images, max_length=14),
        beams=tiny_model.generate(images, max_length=14, sampler="beam"),
    )

"""Heat maps against closed forms, finite differences and other backends."""

import functools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from conftest import make_tiny_model
from keras import ops
from model_checks import run_in_fresh_process
from scipy.spatial.distance import jensenshannon

from cxrbase.files import InputError
from cxrlib.explain import heatmaps as interpret
from cxrlib.explain.gradients import gradient
from cxrlib.explain.heatmaps import (
    classifier_cam,
    grad_cam,
    next_word_shift,
    upsample,
    word_cam,
)
from cxrlib.models import encoder

TEXT = "Small left pleural effusion with basilar atelectasis."
PLEURAL = TEXT.split().index("pleural")
CHANNELS = 30  # Of the tiny encoder's maps, 2 × 2 in each view.


@pytest.fixture(scope="module", params=["latent", "spatial"])
def model(preprocessor, request):
    return make_tiny_model(preprocessor, request.param)


@pytest.fixture(scope="module")
def images():
    """Maps of three studies, unlike each other and from place to place."""
    rng = np.random.default_rng(0)
    maps = rng.gamma(0.5, size=(3, 2, 2, 2, CHANNELS)).astype("float32")
    return {"maps": maps}


def study(images, i):
    return {"maps": images["maps"][i : i + 1]}


# === Gradients ===


def test_gradient_of_a_square_and_of_nothing():
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    values, slopes = gradient(lambda x: ops.sum(x**2, axis=-1), x)
    np.testing.assert_allclose(values, [5, 10])
    np.testing.assert_allclose(slopes, 2 * x)
    _, slopes = gradient(lambda x: ops.ones(2), x)
    np.testing.assert_array_equal(slopes, 0 * x)


def test_a_function_that_mixes_samples_up_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 2\) for 2 samples"):
        gradient(lambda x: x**2, np.ones((2, 2)))


# === Where did it look? ===


def test_grad_cam_by_hand():
    maps = np.zeros((1, 2, 1, 2, 2))
    maps[0, 0, 0] = [[1, 2], [3, 4]]  # Two places of the frontal, two channels.
    slopes = np.zeros_like(maps)
    slopes[0, 0, 0] = [[2, 0], [0, -1]]  # The means: 1 and -1/2.
    cam = grad_cam(maps, slopes)
    np.testing.assert_allclose(cam, [[[[0, 1]], [[0, 0]]]])
    # Each place by its own gradient: 2·1, and 4·(-1), which is cut off.
    np.testing.assert_allclose(grad_cam(maps, slopes, pooled=False)[0, 0], [[2, 0]])


def test_with_a_linear_head_it_is_the_class_activation_map(model, images):
    """Zhou et al. (2016): the features of each place, by the weights of the head."""
    latent = keras.Input((2 * CHANNELS,))
    linear = keras.Model(latent, keras.layers.Dense(1, activation="sigmoid")(latent))
    weights = linear.layers[-1].kernel.numpy().reshape(2, CHANNELS)  # Frontal, lateral.
    cam = classifier_cam(SimpleNamespace(classifier=linear), images)
    zhou = np.einsum("bvhwc,vc->bvhw", images["maps"], weights)
    assert (zhou < 0).any() and (zhou > 0).any()
    np.testing.assert_allclose(cam, np.maximum(zhou, 0) / 4, rtol=1e-4, atol=1e-6)


def test_a_study_beyond_doubt_keeps_its_map(model, images):
    """The probability rounds to 1, and has no gradient left; the logit has."""
    head = model.imaging.classifier.layers[-1]
    before = classifier_cam(model.imaging, images)
    bias = head.bias.numpy()
    head.bias.assign(bias + 40)
    try:
        assert (model.imaging.classifier(np.ones((1, 2 * CHANNELS))).numpy() == 1).all()
        np.testing.assert_allclose(classifier_cam(model.imaging, images), before)
    finally:
        head.bias.assign(bias)
    assert before.any()


def test_maps_are_read_from_the_images(model, batch):
    views = {view: batch[0][view] for view in ("frontal", "lateral")}
    seen = model.imaging.predict(views, verbose=0)
    np.testing.assert_allclose(
        classifier_cam(model.imaging, views), classifier_cam(model.imaging, seen)
    )
    with pytest.raises(InputError, match="divide 8-bit images by 255"):
        classifier_cam(model.imaging, {k: 255 * v for k, v in views.items()})


def test_a_word_map_is_what_fading_a_place_costs(model, images):
    """By finite differences of the forward pass, which is tested for itself below."""
    backbone, one = model.causal_lm.backbone, study(images, 0)
    content = interpret._content(backbone, one["maps"])
    text = "Left perihilar haze."
    tokens, targets = interpret._teach(model.preprocessor, [text])
    said = interpret._tokens_of(model.preprocessor, text, 1)
    assert len(said) > 1

    def log_probability(place, fading):
        faded = content.copy()
        faded[(0, *place)] *= 1 - fading
        logs = np.array(interpret._log_probabilities(backbone, faded, tokens))[0]
        return sum(logs[i, targets[0, i]] for i in said)

    cam = word_cam(model, one, text, 1)[0]  # (2, h, w)
    costs = np.empty_like(cam)
    for place in np.ndindex(cam.shape):
        less, more = (log_probability(place, step) for step in (0.02, -0.02))
        costs[place] = (more - less) / 0.04
    assert (costs > 0).any() and (costs < 0).any()
    np.testing.assert_allclose(cam, np.maximum(costs, 0), rtol=0.05, atol=5e-4)
    assert cam.max() > 0.02  # The tolerance is not all there is.


def test_every_study_has_its_own_text_word_and_map(model, images):
    texts = [TEXT, "Clear lungs.", "No acute edema."]
    words = [PLEURAL, 1, 2]
    together = word_cam(model, images, texts, words, batch_size=2)
    for i in range(3):
        alone = word_cam(model, study(images, i), texts[i], words[i])
        np.testing.assert_allclose(together[i], alone[0], atol=1e-5)
        assert together[i].any()


def test_a_word_has_no_map_where_the_image_cannot_matter(preprocessor, images):
    shut = make_tiny_model(preprocessor, "spatial")
    for look in shut.causal_lm.backbone.inject:
        look.gate.assign(0 * look.gate)
    assert not word_cam(shut, images, TEXT, PLEURAL).any()
    blind = make_tiny_model(preprocessor, "none")
    with pytest.raises(InputError, match="never sees the image"):
        word_cam(blind, images, TEXT, PLEURAL)
    assert (
        next_word_shift(blind, study(images, 0), study(images, 1), TEXT).bits == 0
    ).all()


@pytest.mark.parametrize("word", [-1, 2, 3])
def test_a_word_that_is_not_there_is_refused(model, images, word):
    with pytest.raises(InputError, match=f"has no word {word}"):
        word_cam(model, images, "Clear lungs -", word)  # Word 2 is no word.
    with pytest.raises(InputError, match="3 studies, 2 texts"):
        word_cam(model, images, [TEXT, TEXT], 0)


def test_a_word_beyond_the_models_length_is_refused(model, images):
    with pytest.raises(InputError, match="within the 23 tokens"):
        word_cam(model, images, "edema " * 30 + "effusion", 30)


def test_the_tokens_of_a_word(preprocessor):
    tokenizer = preprocessor.tokenizer
    text = "Ü. x-ray, ä"  # Letters of two bytes, which the tokens may cut.
    pieces = [tokenizer.id_to_token(int(i)) for i in tokenizer([text])[0]]
    words = [
        "".join(pieces[i] for i in interpret._tokens_of(preprocessor, text, word))
        for word in range(3)
    ]
    assert [word.replace("Ġ", "") for word in words] == ["Ãľ", "xray", "Ã¤"]


def test_upsampling_keeps_the_place():
    cam = np.zeros((1, 2, 4, 4))
    cam[0, 1, 3, 0] = 1
    large = upsample(cam, 64)
    assert large.shape == (1, 2, 64, 64) and not large[0, 0].any()
    rows, columns = np.nonzero(large[0, 1] == large.max())
    assert rows.min() > 48 and columns.max() < 16
    np.testing.assert_allclose(upsample(np.ones((4, 4)), 10), 1)


# === What did it change? ===


def test_the_same_image_shifts_nothing_and_another_does(model, images):
    same = next_word_shift(model, study(images, 0), study(images, 0), TEXT)
    table = next_word_shift(model, study(images, 0), study(images, 1), TEXT)
    assert (same.bits < 1e-9).all() and (same.before == same.after).all()
    assert (table.bits > 1e-6).all() and (table.bits <= 1).all()
    assert "".join(table.said) == TEXT + "<end>"
    back = next_word_shift(model, study(images, 1), study(images, 0), TEXT)
    np.testing.assert_allclose(back.bits, table.bits, rtol=1e-6)


def test_the_shift_is_scipys_jensen_shannon(model, images):
    table = next_word_shift(model, study(images, 0), study(images, 1), TEXT, top=320)
    for row in table.itertuples():
        assert list(row.before) == list(row.after) and len(row.before) == 320
        pair = [np.array(list(each.values())) for each in (row.before, row.after)]
        # The table rounds to four decimals.
        assert abs(jensenshannon(*pair, base=2) ** 2 - row.bits) < 0.02
    likely = next_word_shift(model, study(images, 0), study(images, 1), TEXT, top=2)
    first = table.before[0]
    assert max(first, key=first.get) in likely.before[0]
    assert 2 <= len(likely.before[0]) <= 4


def test_two_studies_cannot_be_one_image(model, images):
    with pytest.raises(InputError, match="3 studies"):
        next_word_shift(model, study(images, 0), images, TEXT)


@pytest.mark.parametrize("conditioning", ["latent", "spatial", "none"])
def test_the_forward_pass_is_the_models(preprocessor, images, conditioning):
    model = make_tiny_model(preprocessor, conditioning)
    backbone, maps = model.causal_lm.backbone, images["maps"]
    tokens = preprocessor([TEXT] * 3)[0]["token_ids"]
    read = {"token_ids": tokens, "padding_mask": ops.ones_like(tokens)}
    pooled = maps.mean(axis=(2, 3)).reshape(3, -1)
    seen = {"latent": pooled, "maps": maps, None: None}[backbone.image_input]
    if seen is not None:
        read[backbone.image_input] = ops.convert_to_tensor(seen)
    content = interpret._content(backbone, maps)
    ours = interpret._log_probabilities(backbone, content, np.array(tokens))
    theirs = ops.log_softmax(model.causal_lm(read))
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("part", ["reader", "pooling", "show"])
def test_one_change_changes_the_model_its_cache_and_the_maps(
    model, preprocessor, images, monkeypatch, part
):
    """Training, cached decoding and heat maps share one forward pass."""
    kind = model.causal_lm.backbone.conditioning
    if (part, kind) == ("pooling", "spatial"):
        pytest.skip("what is not pooled cannot be pooled otherwise")

    def three_ways():
        # Built anew: a graph has been traced with what its parts were then.
        lm = make_tiny_model(preprocessor, kind).causal_lm
        maps = ops.convert_to_tensor(images["maps"])
        image = maps if kind == "spatial" else encoder.pool_views(maps)
        ids = preprocessor([TEXT] * 3)[0]["token_ids"]
        read = {"token_ids": ids, "padding_mask": ops.ones_like(ids)}
        whole = lm({**read, lm.backbone.image_input: image})
        _, cache = lm.build_cache(ops.zeros_like(ids), image)
        cached, _, _ = lm.call_with_cache(ids, cache, 0)
        content = interpret._content(lm.backbone, images["maps"])
        logs = interpret._log_probabilities(lm.backbone, content, ids)
        return [np.array(ops.log_softmax(each)) for each in (whole, cached, logs)]

    before = three_ways()[0]
    if part == "pooling":

        def pooling(dtype=None):
            return keras.layers.GlobalMaxPooling2D(name="latent", dtype=dtype)

        monkeypatch.setattr(encoder, "latent_pooling", pooling)
    else:
        owner = type(model.causal_lm.backbone.reader)
        name = "call"
        if part == "show":
            owner, name = type(model.causal_lm.backbone), "show"
        original = getattr(owner, name)

        @functools.wraps(original)  # Keras reads the signature.
        def changed(self, *arguments, **options):
            return 1.5 * original(self, *arguments, **options)

        monkeypatch.setattr(owner, name, changed)
    whole, cached, logs = three_ways()
    np.testing.assert_allclose(cached, whole, atol=1e-4)
    np.testing.assert_allclose(logs, whole, atol=1e-4)
    assert np.abs(whole - before).max() > 0.01


# === Every backend and precision ===


def test_half_precision_gives_the_same_maps(model, preprocessor, images):
    keras.config.set_dtype_policy("mixed_float16")
    half = make_tiny_model(preprocessor, model.causal_lm.backbone.conditioning)
    half.set_weights(model.get_weights())
    for cam in (
        lambda model: classifier_cam(model.imaging, images),
        lambda model: word_cam(model, images, TEXT, PLEURAL),
    ):
        ours, theirs = cam(half), cam(model)
        assert ours.dtype == "float32"
        np.testing.assert_allclose(ours, theirs, atol=0.05 * theirs.max())


# Without the encoder: under JAX its weights alone take a minute to draw.
OTHER_BACKEND = """
from types import SimpleNamespace
import numpy as np
from cxrlib.systems.files import load_model
from cxrlib.explain.gradients import gradient
from cxrlib.explain.heatmaps import classifier_cam, next_word_shift, word_cam
from keras import ops
close = lambda *pair: np.testing.assert_allclose(*pair, rtol=1e-3, atol=1e-5)
for name in ("latent", "spatial"):
    lm = load_model({folder!r} + f"/{{name}}.keras")
    imaging = SimpleNamespace(classifier=load_model({folder!r} + "/classifier.keras"))
    model = SimpleNamespace(
        causal_lm=lm, preprocessor=lm.preprocessor, imaging=imaging
    )
    data = np.load({folder!r} + f"/{{name}}.npz")
    images = {{"maps": data["maps"]}}
    one, other = ({{"maps": data["maps"][i : i + 1]}} for i in (0, 1))
    close(classifier_cam(model.imaging, images), data["classifier"])
    close(word_cam(model, images, {text!r}, {word}), data["word"])
    close(next_word_shift(model, one, other, {text!r}).bits, data["bits"])
slopes = gradient(lambda x: ops.ones(3) * len(x), np.ones((3, 2)))[1]
np.testing.assert_array_equal(slopes, np.zeros((3, 2)))
"""


@pytest.fixture(scope="module")
def saved(preprocessor, images, tmp_path_factory):
    """What is read of both models, and what it gives under this backend."""
    folder = tmp_path_factory.mktemp("saved")
    for conditioning in ("latent", "spatial"):
        model = make_tiny_model(preprocessor, conditioning)
        model.causal_lm.save(folder / f"{conditioning}.keras")
        model.imaging.classifier.save(folder / "classifier.keras")
        pair = study(images, 0), study(images, 1)
        np.savez(
            folder / f"{conditioning}.npz",
            maps=images["maps"],
            classifier=classifier_cam(model.imaging, images),
            word=word_cam(model, images, TEXT, PLEURAL),
            bits=next_word_shift(model, *pair, TEXT).bits,
        )
    return folder


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_same_maps_under_another_backend(saved, backend):
    pytest.importorskip(backend, reason=f"{backend} is in the test extras")
    script = OTHER_BACKEND.format(folder=str(saved), text=TEXT, word=PLEURAL)
    run_in_fresh_process(script, backend=backend)

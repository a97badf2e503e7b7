"""The image half: shapes, what trains, equality with keras.applications, saving."""

import keras
import numpy as np
import pytest
from model_checks import run_saving_test

from cxrlib.models.decoder import ReconstructionDecoder
from cxrlib.models.encoder import CheXNetEncoder, ImageNetNormalization
from cxrlib.models.losses import ReconstructionLoss, text_loss
from cxrlib.systems.reports.model import compile_report_model
from cxrlib.systems.reports.presets import build_imaging_model, preset_sizes

SKIPS = [
    "conv1_relu",
    "conv2_block6_concat",
    "conv3_block12_concat",
    "conv4_block24_concat",
    "conv5_block16_concat",
]


@pytest.fixture(scope="module")
def densenet():
    """The encoder at its real size, on small images."""
    return CheXNetEncoder(image_size=64)


def test_encoder_equals_keras_applications(densenet):
    peer = keras.applications.DenseNet121(
        include_top=False, weights=None, input_shape=(64, 64, 3), pooling="avg"
    )
    ours = {layer.name: layer for layer in densenet.layers if layer.weights}
    theirs = {layer.name: layer for layer in peer.layers if layer.weights}
    assert set(ours) == set(theirs)
    for name, layer in ours.items():
        layer.set_weights(theirs[name].get_weights())
    image = np.random.default_rng(0).random((2, 64, 64, 1), dtype="float32")
    features = densenet(image)
    normalised = ImageNetNormalization()(image)
    np.testing.assert_allclose(features["latent"], peer(normalised), atol=1e-5)
    taps = keras.Model(peer.input, [peer.get_layer(name).output for name in SKIPS])
    for i, expected in enumerate(taps(normalised), start=1):
        np.testing.assert_allclose(features[f"skip_{i}"], expected, atol=1e-4)


def test_normalisation_is_the_one_of_torch_mode():
    image = np.random.default_rng(0).random((1, 8, 8, 1), dtype="float32")
    expected = keras.applications.imagenet_utils.preprocess_input(
        np.repeat(image, 3, axis=-1) * 255.0, mode="torch"
    )
    np.testing.assert_allclose(ImageNetNormalization()(image), expected, atol=1e-5)


def test_last_ten_layers_train_and_frozen_batchnorm_keeps_its_mean():
    encoder = CheXNetEncoder(
        image_size=32, blocks=(1, 1, 1, 2), growth_rate=8, stem_filters=8
    )
    names = encoder.freeze_all_but_last(10)
    assert len(names) == 10 and names[-2:] == ["bn", "relu"]
    assert "latent" not in names
    before = {layer.name: layer.get_weights() for layer in encoder.layers}
    head = keras.layers.Dense(1)(encoder.output["latent"])
    model = keras.Model(encoder.input, head)
    model.compile("sgd", "mse")
    images = np.random.default_rng(0).random((8, 32, 32, 1))
    model.fit(images, np.ones((8, 1)), epochs=2, verbose=0)
    for layer in encoder.layers:
        changed = any(
            not np.array_equal(a, b)
            for a, b in zip(before[layer.name], layer.get_weights(), strict=True)
        )
        assert changed == (layer.name in names and bool(layer.weights)), layer.name


def test_size_must_fit_the_halvings():
    with pytest.raises(ValueError, match="multiple of 32"):
        CheXNetEncoder(image_size=100)


@pytest.mark.parametrize("skips", range(6))
def test_decoder_sees_only_the_skips_it_was_given(skips):
    encoder = CheXNetEncoder(
        image_size=32, blocks=(1, 1, 1, 1), growth_rate=8, stem_filters=8
    )
    decoder = ReconstructionDecoder(
        encoder.skip_shapes, encoder.latent_dim, skips, filters=(8, 8, 8, 8, 8)
    )
    expected = {f"skip_{i}" for i in range(6 - skips, 6)} | {"latent"}
    assert set(decoder.input) == expected
    features = encoder(np.random.default_rng(0).random((2, 32, 32, 1)))
    image = np.array(decoder({name: features[name] for name in decoder.input}))
    assert image.shape == (2, 32, 32, 1)
    assert image.min() >= 0 and image.max() <= 1


def test_both_views_go_through_one_encoder():
    model = build_imaging_model("tiny", image_size=32)
    views = np.random.default_rng(0).random((2, 3, 32, 32, 1), dtype="float32")
    seen = model({"frontal": views[0], "lateral": views[1]})
    halves = np.split(np.array(seen["latent"]), 2, axis=1)
    for half, view in zip(halves, views, strict=True):
        alone = np.array(model.encoder(view)["latent"])
        np.testing.assert_allclose(half, alone, atol=1e-5)
    encoder_weights = {id(w) for w in model.encoder.weights}
    assert sum(id(w) in encoder_weights for w in model.weights) == len(encoder_weights)


def test_unknown_preset_lists_those_there_are():
    with pytest.raises(ValueError, match="tiny, compact, base"):
        preset_sizes("huge")


def test_reconstruction_loss_is_zero_for_a_copy_and_skips_a_missing_view():
    rng = np.random.default_rng(0)
    image, other = rng.random((2, 2, 32, 32, 1)).astype("float32")
    loss = ReconstructionLoss(ssim_weight=0.5)
    assert float(loss(image, image)) == pytest.approx(0, abs=1e-5)
    both = [float(loss(image[i : i + 1], other[i : i + 1])) for i in range(2)]
    assert float(loss(image, other)) == pytest.approx(np.mean(both), rel=1e-4)
    only_first = loss(image, other, sample_weight=np.array([1.0, 0.0])[:, None, None])
    assert float(only_first) == pytest.approx(both[0], rel=1e-4)


def test_padding_does_not_dilute_the_text_loss():
    logits = np.zeros((1, 8, 100), "float32")
    ids = np.zeros((1, 8), "int32")
    weight = np.array([[1, 1, 0, 0, 0, 0, 0, 0]], "float32")
    loss = float(text_loss()(ids, logits, sample_weight=weight))
    assert loss == pytest.approx(np.log(100), rel=1e-5)


def test_components_are_logged_unweighted(tiny_model, batch):
    inputs, targets, weights = batch
    logs = {}
    for alpha in (1.0, 100.0):
        compile_report_model(tiny_model, alpha=alpha, delta=0.0)
        logs[alpha] = tiny_model.evaluate(
            inputs, targets, sample_weight=weights, verbose=0, return_dict=True
        )
    first, second = logs.values()
    assert first["abnormal_loss"] == pytest.approx(second["abnormal_loss"], rel=1e-5)
    assert second["loss"] - first["loss"] == pytest.approx(
        99 * first["abnormal_loss"], rel=1e-3
    )


def test_every_part_gets_gradients_from_its_own_loss(tiny_model, batch):
    tf = pytest.importorskip("tensorflow")
    inputs, targets, weights = batch
    parts = {
        "abnormal": tiny_model.imaging.classifier,
        "frontal": tiny_model.imaging.frontal_decoder,
        "lateral": tiny_model.imaging.lateral_decoder,
        "text": tiny_model.causal_lm.backbone,
    }
    losses = {
        "abnormal": keras.losses.BinaryCrossentropy(),
        "frontal": ReconstructionLoss(),
        "lateral": ReconstructionLoss(),
        "text": text_loss(),
    }
    with tf.GradientTape(persistent=True) as tape:
        outputs = tiny_model(inputs, training=False)
        values = {
            name: losses[name](targets[name], outputs[name], weights[name])
            for name in parts
        }

    def reached(value, part):
        variables = [w.value for w in part.trainable_variables]
        grads = tape.gradient(value, variables)
        return [g is not None and bool(np.any(tf.convert_to_tensor(g))) for g in grads]

    for name, value in values.items():
        assert any(reached(value, tiny_model.imaging.encoder)), name
        for other, part in parts.items():
            hits = reached(value, part)
            # All positions and layers of a part learn from its loss; none of
            # it from another's.
            assert all(hits) if name == other else not any(hits), (name, other)


def test_saved_model_is_the_same_in_a_fresh_process(tiny_model, batch, tmp_path):
    images = {name: batch[0][name] for name in ("frontal", "lateral")}
    run_saving_test(
        {"model": (tiny_model, batch[0])},
        tmp_path,
        "assert kept['reports'] == models['model'].generate("
        "kept['images'], prompt='No', max_length=12)",
        images=images,
        reports=tiny_model.generate(images, prompt="No", max_length=12),
    )

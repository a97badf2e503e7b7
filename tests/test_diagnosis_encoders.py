"""What a diagnosis starts from: files of the true format, loaded exactly."""

import pathlib
import shutil
import subprocess
import sys

import huggingface_hub
import keras_hub
import numpy as np
import pytest
from densenets import SMALL, films, with_head, write_keras2
from model_checks import randomise

from cxrbase.files import InputError
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.pretrained.backbone import load_backbone
from cxrlib.pretrained.densenet import load_chexnet
from cxrlib.pretrained.registry import entry
from cxrlib.systems.diagnosis.encoders import build_diagnosis_model
from cxrlib.systems.files import load_model
from cxrscore.labels.vocabulary import NIH_LABELS


@pytest.fixture
def chexnet(tmp_path, monkeypatch):
    """CheXNet's file, small, where the registry finds it."""
    monkeypatch.setenv("CXR_WEIGHTS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    encoder = randomise(CheXNetEncoder(64, **SMALL))
    return write_keras2(tmp_path / entry("chexnet").file, with_head(encoder))


def test_chexnet_keeps_its_head(chexnet):
    model = build_diagnosis_model(NIH_LABELS, "chexnet", 64, **SMALL)
    expected = np.array(load_chexnet(chexnet, 64, **SMALL)(films()))
    seen = model(films())["probability"]
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    assert model.origin["head"] == "CheXNet's own"
    assert model.origin["encoder"] == entry("chexnet").file
    assert "NIH" in model.origin["trained_on"]
    assert not model.encoder.trainable_weights


def test_other_labels_have_a_new_head(chexnet):
    model = build_diagnosis_model(NIH_LABELS[:3], "chexnet", 64, 2, **SMALL)
    assert model.origin["head"] == "new" and "nothing" in model.origin["trained_on"]
    assert not np.any(model.head.get_weights()[0])
    own = {layer.name for layer in model.encoder.layers if layer.trainable}
    assert own == {"bn", "relu", "latent"}
    by_path = build_diagnosis_model(NIH_LABELS, str(chexnet), 64, **SMALL)
    np.testing.assert_array_equal(
        by_path.encoder.get_weights()[0], model.encoder.get_weights()[0]
    )
    assert by_path.origin["head"] == "new"


def test_random_weights_are_a_control():
    model = build_diagnosis_model("AB", "none", 64, **SMALL)
    assert model.origin["encoder"] == "none" and not model.encoder.trainable_weights
    every = build_diagnosis_model("AB", "none", 64, -1, **SMALL)
    assert every.encoder.trainable_weights


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Small files as Hugging Face has them, and what its own models answer."""
    folder = tmp_path_factory.mktemp("hub")
    pixels = np.random.default_rng(0).random((2, 32, 32, 1), "float32")
    np.save(folder / "films.npy", pixels)
    peer = pathlib.Path(__file__).with_name("dino_peer.py")
    done = subprocess.run(
        [sys.executable, str(peer), str(folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, pixels


@pytest.mark.parametrize(("kind", "side"), [("dinov2", 28), ("dinov3", 32)])
def test_a_vision_transformer_is_hugging_faces(hub, kind, side, tmp_path):
    folder, pixels = hub
    encoder = load_backbone(str(folder / kind), side)
    seen = np.array(encoder(pixels[:, :side, :side])["latent"])
    expected = np.load(folder / kind / "token.npy")
    assert expected.std() > 0.1
    np.testing.assert_allclose(seen, expected, atol=2e-4)
    model = build_diagnosis_model("ABC", str(folder / kind), side)
    assert [w.path.split("/")[-1] for w in model.trainable_weights] == [
        "kernel",
        "bias",
    ]
    model.head.kernel.assign(np.random.default_rng(0).normal(size=(16, 3)))
    logits = np.array(model(pixels[:, :side, :side])["logits"])
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again(pixels[:, :side, :side])["logits"], logits, atol=1e-5
    )


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    """A function that puts a folder where an address of Hugging Face is kept."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)

    def put(folder, name):
        repository = tmp_path / f"models--{name.replace('/', '--')}"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs" / "main").write_text("0" * 40)
        shutil.copytree(folder, repository / "snapshots" / ("0" * 40))
        return f"hf://{name}"

    return put


def test_rad_dino_by_its_address(hub, hub_cache):
    folder, pixels = hub
    encoder = load_backbone(hub_cache(folder / "dinov2", "microsoft/rad-dino"), 28)
    seen = np.array(encoder(pixels[:, :28, :28])["latent"])
    expected = np.load(folder / "dinov2" / "token.npy")
    np.testing.assert_allclose(seen, expected, atol=2e-4)


@pytest.mark.parametrize("by_address", [False, True])
def test_a_preset_of_keras_hub_is_read(tmp_path, hub_cache, by_address):
    folder = tmp_path / "preset"
    backbone = keras_hub.models.DenseNetBackbone(
        stackwise_num_repeats=[1, 1], growth_rate=4, image_shape=(32, 32, 3)
    )
    backbone.save_to_preset(str(folder))
    scaling = keras_hub.layers.DenseNetImageConverter(scale=1 / 127.5, offset=-1.0)
    scaling.save_to_preset(str(folder))
    place = hub_cache(folder, "keras/densenet") if by_address else str(folder)
    encoder = load_backbone(place, 32)
    pixels = np.random.default_rng(0).random((2, 32, 32, 1), "float32")
    maps = backbone(np.repeat(2 * pixels - 1, 3, axis=-1))
    np.testing.assert_allclose(
        encoder(pixels)["latent"], np.mean(maps, axis=(1, 2)), atol=1e-5
    )


def test_what_is_no_backbone_is_refused(tmp_path):
    with pytest.raises(InputError, match="nowhere: cannot be read as a backbone"):
        load_backbone(str(tmp_path / "nowhere"), 32)
    with pytest.raises(InputError, match="is frozen"):
        build_diagnosis_model("AB", str(tmp_path), 32, trainable_layers=1)

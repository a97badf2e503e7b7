"""The committed encoder: it loads and sees findings; nothing else loads by mistake."""

import os
import pathlib
import shutil

import numpy as np
import pytest

from cxrbase.files import InputError
from cxrlib.data.labels import label_from_indexing
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.models.latent_gpt2 import LatentGPT2Backbone
from cxrlib.models.latent_gpt2_causal_lm import LatentGPT2CausalLM
from cxrlib.models.losses import text_loss
from cxrlib.models.text import ReportPreprocessor, ReportTokenizer
from cxrlib.pretrained.load import find_gpt2, load_encoder, load_gpt2
from cxrlib.pretrained.registry import PHANTOM_ENCODER, find_weights
from cxrlib.systems.reports.presets import preset_sizes
from cxrlib.systems.reports.pretrain_encoder import build_pretraining_model
from cxrphantom.cases import sample_case
from cxrphantom.examples import draw_example, write_texts
from cxrphantom.reports.mesh import problems, to_mesh


@pytest.fixture(scope="module")
def encoder():
    return CheXNetEncoder(image_size=128)


@pytest.fixture(scope="module")
def phantoms():
    """Films `(N, 2, 128, 128)` and labels of studies that no training has seen."""
    seed, films, labels = 987_654, [], []
    for index in range(220):
        findings = sample_case(np.random.default_rng([seed, index])).findings
        mesh = ";".join(map(to_mesh, findings)) or "normal"
        label = label_from_indexing(problems(mesh), mesh)
        if np.isfinite(label):
            films.append(draw_example(seed, index, size=128)[0])
            labels.append(label)
    return np.stack(films), np.array(labels)


def auroc(features, labels):
    """Cross-validated AUROC of a logistic regression."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    return cross_val_score(model, features, labels, cv=5, scoring="roc_auc").mean()


def test_it_sees_what_coarse_pixels_do_not_show(encoder, phantoms):
    films, labels = phantoms
    coarse = films.reshape(len(films), 2, 16, 8, 16, 8).mean((3, 5))
    coarse = auroc(coarse.reshape(len(films), -1), labels)
    assert coarse < 0.80, "the phantom has become easier than it looks"
    load_encoder(encoder, "auto", is_phantom=True)
    latents = [
        np.array(encoder.predict(films[:, i, ..., None] / 255.0, verbose=0)["latent"])
        for i in range(2)
    ]
    assert auroc(np.concatenate(latents, axis=1), labels) > 0.93


def test_the_file_is_small_and_freezes_all_but_ten_layers(encoder, capsys):
    assert os.path.getsize(find_weights(PHANTOM_ENCODER)) < 20e6
    assert load_encoder(encoder, "auto", is_phantom=True) == PHANTOM_ENCODER
    assert sum(layer.trainable for layer in encoder.layers[:-1]) == 10
    assert "conv5_block16_concat" in capsys.readouterr().out


def test_real_data_do_not_get_phantom_weights_unasked(encoder, capsys):
    assert load_encoder(encoder, "auto", is_phantom=False) == "none"
    assert "all of it trains" in capsys.readouterr().out
    assert all(layer.trainable for layer in encoder.layers)


def test_a_bad_file_changes_nothing(encoder, tmp_path):
    before = encoder.get_weights()
    path = tmp_path / "cut.weights.h5"
    with pytest.raises(InputError, match="no such weights file"):
        load_encoder(encoder, str(path))
    shutil.copy(find_weights(PHANTOM_ENCODER), path)
    with open(path, "r+b") as file:
        file.truncate(5_000_000)
    with pytest.raises(InputError, match="cut.weights.h5"):
        load_encoder(encoder, str(path))
    other = CheXNetEncoder(32, blocks=(1, 1, 1, 1), growth_rate=8, stem_filters=8)
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(InputError, match="does not fit encoder"):
        load_encoder(encoder, str(tmp_path / "other.weights.h5"))
    for old, new in zip(before, encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def small_gpt2(positions):
    """The text half of `compact`, for reports of so many tokens."""
    folder = find_gpt2("auto", "compact", is_phantom=True)
    tokenizer = ReportTokenizer.from_gpt2_files(folder)
    return folder, LatentGPT2Backbone(
        vocabulary_size=tokenizer.vocabulary_size(),
        latent_dim=8,
        max_sequence_length=positions,
        **preset_sizes("compact")["gpt2"],
    )


@pytest.mark.parametrize("positions", [48, 64, 80])
def test_the_committed_gpt2_speaks_the_phantoms_language(positions, capsys):
    folder, backbone = small_gpt2(positions)
    assert load_gpt2(backbone, folder) == "phantom_gpt2/gpt2.weights.h5"
    assert ("start at random" in capsys.readouterr().out) == (positions > 64)
    preprocessor = ReportPreprocessor(
        ReportTokenizer.from_gpt2_files(folder), sequence_length=positions
    )
    x, y, weight = preprocessor(write_texts(studies=20, seed=55))
    latent = np.random.default_rng(0).random((len(y), 8), dtype="float32")
    inputs = {name: np.array(value, "int32") for name, value in x.items()}
    logits = LatentGPT2CausalLM(backbone)({**inputs, "latent": latent})
    weight = np.array(weight) * (np.arange(positions) < 64)
    loss = float(text_loss()(np.array(y), logits, sample_weight=weight))
    assert loss < 0.8, "an untrained model has 6.7"


def test_only_phantoms_get_the_phantoms_language():
    assert find_gpt2("auto", "compact", is_phantom=False) == ""
    assert find_gpt2("auto", "tiny", is_phantom=True) == ""
    assert find_gpt2("none", "compact", is_phantom=True) == ""
    assert find_gpt2("some/folder", "base") == "some/folder"


def test_a_broken_gpt2_changes_nothing(tmp_path):
    folder, backbone = small_gpt2(32)
    shutil.copytree(folder, tmp_path / "gpt2")
    before = backbone.get_weights()
    (tmp_path / "gpt2" / "config.json").write_text('{"num_layers": 4}')
    with pytest.raises(InputError, match="config.json"):
        load_gpt2(backbone, str(tmp_path / "gpt2"))
    shutil.copy(pathlib.Path(folder) / "config.json", tmp_path / "gpt2")
    path = tmp_path / "gpt2" / "gpt2.weights.h5"
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(InputError, match="gpt2.weights.h5"):
        load_gpt2(backbone, str(tmp_path / "gpt2"))
    for old, new in zip(before, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_pretraining_fits_every_preset():
    for preset in ("tiny", "compact"):
        sizes = preset_sizes(preset)
        encoder = CheXNetEncoder(sizes["image_size"], **sizes["encoder"])
        _, attributes, maps = draw_example(1, 0, sizes["image_size"])
        outputs = build_pretraining_model(encoder).output
        assert outputs["maps"].shape[1:] == maps.shape
        assert outputs["attributes"].shape[1:] == attributes.shape


def test_it_says_how_it_was_made():
    readme = pathlib.Path(find_weights(PHANTOM_ENCODER)).with_name("README.md")
    assert "python -m cxrlib pretrain-encoder" in readme.read_text()

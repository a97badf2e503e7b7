"""DenseNets from Keras 2: the same outputs here, or a refusal; and what trains."""

import h5py
import keras
import numpy as np
import pytest
from densenets import (
    DEVIATION,
    MEAN,
    SMALL,
    arrays,
    films,
    keras2_name,
    with_head,
    write_keras2,
    zip_of,
)
from model_checks import randomise

from cxrbase.files import InputError
from cxrlib.models.chexnet import CheXNet
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.pretrained.densenet import (
    is_keras3,
    load_checkpoint,
    load_chexnet,
    read_checkpoint,
)
from cxrlib.pretrained.keras2 import read_keras2
from cxrlib.pretrained.tensors import assign, named_weights, trainable_table
from cxrscore.labels.vocabulary import NIH_LABELS

# === Keras 2 ===


def test_keras_own_densenet_in_the_keras_2_layout_gives_the_same_outputs(tmp_path):
    theirs = keras.applications.DenseNet121(
        weights=None,
        input_shape=(64, 64, 3),
        classes=14,
        classifier_activation="sigmoid",
    )
    randomise(theirs)
    path = write_keras2(tmp_path / "chexnet.h5", arrays(theirs))
    model = load_chexnet(path, image_size=64)
    images = films()
    expected = theirs.predict((images - MEAN) / DEVIATION, verbose=0)
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-5)
    assert expected.shape == (2, len(NIH_LABELS)) and expected.std() > 0.01
    # And the other way round: into Keras's own model, none left over.
    twin = keras.models.clone_model(theirs)
    assign(twin, read_keras2(path), path)
    np.testing.assert_array_equal(
        twin.get_layer("conv1_conv").kernel, theirs.get_layer("conv1_conv").kernel
    )


@pytest.mark.parametrize("whole_model", [False, True])
def test_keras_2_weights_alone_and_with_the_model(small, tmp_path, whole_model):
    path = write_keras2(tmp_path / "a.h5", with_head(small), whole_model)
    encoder = CheXNetEncoder(64, **SMALL)
    checkpoint = load_checkpoint(encoder, path)
    assert checkpoint.kind == "keras2" and checkpoint.head[0].shape[1] == 14
    for old, new in zip(small.get_weights(), encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert "array" not in repr(checkpoint)


def test_densenet_as_a_layer_and_names_in_pieces(small, tmp_path):
    """`Sequential([DenseNet121, Dense])`, and a list too long for one attribute."""
    path = tmp_path / "nested.h5"
    tensors = with_head(small)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names0"] = np.array([b"densenet121"])
        file.attrs["layer_names1"] = np.array([b"predictions"])
        for layer in ("densenet121", "predictions"):
            group, names = file.create_group(layer), []
            for name, array in tensors.items():
                owner, variable = name.split("/")
                if (owner == "predictions") == (layer == "predictions"):
                    scope = (
                        "predictions_1"
                        if owner == layer
                        else f"densenet121/{keras2_name(owner)}"
                    )
                    names.append(f"{scope}/{variable}:0")
                    group[names[-1]] = array
            group.attrs["weight_names"] = names  # As str, not bytes.
    encoder = CheXNetEncoder(64, **SMALL)
    assert load_checkpoint(encoder, path).head is not None
    for old, new in zip(small.get_weights(), encoder.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_keras_3_writes_is_reported_apart(small, tmp_path, refused):
    native, legacy = tmp_path / "own.weights.h5", tmp_path / "own.h5"
    small.save_weights(native)
    keras.Model(small.inputs, small.output["latent"]).save(legacy)
    assert is_keras3(native) and not is_keras3(legacy)
    assert not is_keras3(tmp_path / "none.h5") and not is_keras3(__file__)
    refused(native, "Keras 3")
    load_checkpoint(small, legacy)  # It has the layout of Keras 2.
    small.save(tmp_path / "own.keras")
    refused(tmp_path / "own.keras", "a whole Keras model")


# === What is refused ===


def test_missing_extra_and_misshapen_tensors_are_listed(small, tmp_path, refused):
    def change(groups):
        del groups["conv2_block1_0_bn"]["gamma"]
        groups["dense_7"] = {"kernel": np.zeros((3, 3))}
        groups["bn"]["beta"] = np.zeros(5)

    path = write_keras2(tmp_path / "odd.h5", with_head(small), change=change)
    words = ("1 missing (conv2_block1_0_bn/gamma)", "1 left over (dense_7/kernel)")
    error = refused(path, *words, "bn/beta (5,), not (", "Nothing was loaded")
    assert "missing: conv2_block1_0_bn/gamma" in error.__notes__
    tensors = with_head(small)
    tensors["bn/beta"] = np.full_like(tensors["bn/beta"], np.nan)
    refused(write_keras2(tmp_path / "nan.h5", tensors), "1 not finite (bn/beta)")
    del tensors["predictions/bias"]
    refused(write_keras2(tmp_path / "head.h5", tensors), "predictions")


def test_another_architecture_is_refused_with_the_counts(tmp_path, refused):
    other = keras.Sequential(
        [keras.Input((8, 8, 3))]
        + [keras.layers.Conv2D(4, 3, name=f"block1_conv{i}") for i in range(3)]
    )
    error = refused(write_keras2(tmp_path / "vgg.h5", arrays(other)), "6 left over")
    assert sum("block1_conv2/bias" in note for note in error.__notes__) == 1
    deeper = CheXNetEncoder(64, **{**SMALL, "blocks": (2, 3, 2, 2)})
    path = write_keras2(tmp_path / "deeper.h5", arrays(deeper))
    refused(path, "10 left over (conv5_block2_0_bn/beta", "of another shape")


def test_broken_files_are_refused(small, tmp_path, refused):
    whole = write_keras2(tmp_path / "whole.h5", with_head(small)).read_bytes()
    for name, content, word in (
        ("empty.h5", b"", "empty"),
        ("page.h5", b"<!DOCTYPE html><html>Not found</html>", "Download it again"),
        ("cut.h5", whole[: len(whole) // 2], "cut off"),
        ("stub.h5", whole[:100], "cut off"),
        ("cut.pt", zip_of(b"x" * 5000)[:3000], "cut off"),
        ("other.zip", zip_of(b"x", "a.txt"), "no state dict"),
    ):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, word)
    refused(tmp_path / "none.h5", "no such weights file")
    refused(tmp_path, "is a folder")
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["images"] = np.zeros(3)
    refused(tmp_path / "data.h5", "layer_names")


def test_a_tensor_outside_the_file_is_not_read(small, tmp_path, refused):
    secret = write_keras2(tmp_path / "secret.h5", with_head(small))
    path = write_keras2(tmp_path / "linked.h5", with_head(small))
    with h5py.File(path, "a") as file:
        del file["bn/bn/beta:0"]
        file["bn/bn/beta:0"] = h5py.ExternalLink(secret, "/bn/bn/beta:0")
    refused(path, "is in another file")
    with h5py.File(path, "a") as file:
        del file["bn/bn/beta:0"]
        file.create_dataset("bn/bn/beta:0", (10**12,), "float32", chunks=(1000,))
    refused(path, "claims to have 1000000000000 numbers")


# === CheXNet with its head ===


def test_the_head_is_kept_for_nih_labels_only(small, tmp_path):
    assert len(set(NIH_LABELS)) == 14 and NIH_LABELS[6] == "Pneumonia"
    path = write_keras2(tmp_path / "five.h5", with_head(small, labels=5))
    with pytest.raises(InputError, match="5 outputs"):
        load_chexnet(path, 64, **SMALL)
    path = write_keras2(tmp_path / "none.h5", arrays(small))
    with pytest.raises(InputError, match="no head"):
        load_chexnet(path, 64, **SMALL)


def test_chexnet_comes_back_from_its_own_file(small, tmp_path):
    path = write_keras2(tmp_path / "a.h5", with_head(small))
    model = load_chexnet(path, 64, **SMALL)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    expected = model.predict(films(), verbose=0)
    np.testing.assert_array_equal(again.predict(films(), verbose=0), expected)


# === What trains ===


def test_the_last_ten_train_and_frozen_norms_stay_in_inference_mode(small):
    encoder = CheXNetEncoder(64, **SMALL)
    encoder.set_weights(small.get_weights())
    names = encoder.freeze_all_but_last(10)
    assert len(names) == 10 and names[-1] == "relu"
    model = keras.Model(encoder.inputs, encoder.output["latent"])
    model.compile("sgd", "mse")
    before = arrays(encoder)
    model.fit(films(count=8), np.ones((8, encoder.latent_dim)), verbose=0)
    for name, old in before.items():
        changed = not np.array_equal(old, named_weights(encoder)[name])
        assert changed == (name.split("/")[0] in names), name


def test_the_table_shows_what_trains(small):
    encoder = CheXNetEncoder(64, trainable_layers=10, **SMALL)
    table = trainable_table(encoder).set_index("layer")
    assert table.weights["all"] == encoder.count_params()
    trains = sum(np.prod(weight.shape) for weight in encoder.trainable_weights)
    assert table.trains["all"] == table.trains[:-1].sum() == trains
    assert table["mode"]["conv1_bn"] == "frozen, in inference mode"
    assert table["mode"]["conv1_conv"] == "frozen"
    bn = table.loc["bn"]
    assert bn["mode"] == "trains" and bn["trains"] == bn["weights"] / 2
    inside = trainable_table(CheXNet(64, **SMALL))
    assert {"conv1_conv", "predictions"} <= set(inside.layer)


def test_what_is_read_is_whole(small, tmp_path):
    """Nothing that the file holds is passed over in silence."""
    tensors = with_head(small)
    checkpoint = read_checkpoint(write_keras2(tmp_path / "a.h5", tensors))
    assert len(checkpoint.tensors) + 2 == len(tensors)

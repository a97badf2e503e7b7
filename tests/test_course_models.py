"""Trained models of a run, packed for students without a GPU and unpacked again."""

import json
import zipfile

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from coursework.__main__ import main
from coursework.handout.checkpoints import pack_checkpoints, unpack_checkpoints
from cxrbase.files import InputError
from cxrlib.training import train

SETTINGS = {"epochs": 2, "seed": 0, "data": "abc"}


def leave(run, name, content=b"weights", finished=True):
    """What a training leaves, or, without `finished`, a model that was only saved."""
    folder = run / name
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(content)
    if finished:
        (folder / "settings.json").write_text(json.dumps(SETTINGS))
        (folder / "history.csv").write_text("epoch,loss\n0,1\n1,0.5\n")
        (folder / "checkpoint-0002.keras").write_bytes(content * 3)
    return folder


@pytest.fixture()
def run(tmp_path):
    leave(tmp_path / "run", "02_lung_segmentation", b"lungs")
    leave(tmp_path / "run", "06_latent_gpt2", b"words", finished=False)
    (tmp_path / "run" / "04_classification").mkdir()
    (tmp_path / "run" / "prepared").mkdir()
    return tmp_path / "run"


def call(*words):
    found = CliRunner().invoke(main, ["checkpoints", *map(str, words)])
    return found.exit_code, found.output


def test_what_is_packed_is_unpacked(run, tmp_path):
    code, said = call("pack", run, tmp_path / "models.zip")
    assert not code and "06_latent_gpt2/model.keras" in said
    code, said = call("unpack", tmp_path / "models.zip", tmp_path / "mine")
    assert not code and said.count("written") == 5
    there = {p.relative_to(tmp_path / "mine") for p in (tmp_path / "mine").rglob("*.*")}
    assert {str(path) for path in there} == {
        *("02_lung_segmentation/" + name for name in ("history.csv", "settings.json")),
        *("02_lung_segmentation/model.keras", "06_latent_gpt2/model.keras"),
        "02_lung_segmentation/checkpoint-0002.keras",
    }
    model = tmp_path / "mine" / "06_latent_gpt2" / "model.keras"
    assert model.read_bytes() == b"words"
    code, said = call("unpack", tmp_path / "models.zip", tmp_path / "mine")
    assert not code and "written" not in said  # A second time there is nothing to do.


def test_an_unpacked_training_is_finished(tmp_path):
    x, y = np.ones((8, 1), "float32"), np.ones((8, 1), "float32")

    def fit(folder):
        import tensorflow as tf

        inputs = keras.Input((1,))
        model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
        model.compile("sgd", "mse")
        data = tf.data.Dataset.from_tensor_slices((x, y)).batch(4)
        used = []

        def stream(first):
            used.append(first)
            return data.repeat()

        told = {"epochs": 2, "steps_per_epoch": 2, "settings": {"data": "abc"}}
        return train(model, stream, data, folder, verbose=0, **told), used

    (there, used) = fit(tmp_path / "run" / "02_lung_segmentation")
    assert used == [0]
    pack_checkpoints(tmp_path / "run", tmp_path / "models.zip")
    unpack_checkpoints(tmp_path / "models.zip", tmp_path / "mine")
    (here, used) = fit(tmp_path / "mine" / "02_lung_segmentation")
    assert used == []
    for ours, theirs in zip(here.get_weights(), there.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_cannot_be_packed_is_told(run, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no notebook has left a model"):
        pack_checkpoints(tmp_path / "empty", tmp_path / "models.zip")
    with pytest.raises(InputError, match="05_x/model.keras: there is no such file"):
        pack_checkpoints(run, tmp_path / "models.zip", ["05_x"])
    with pytest.raises(InputError, match="not a zip"):
        pack_checkpoints(run, tmp_path / "models")
    (run / "02_lung_segmentation" / "checkpoint-0002.keras").unlink()
    with pytest.raises(InputError, match="the training is not finished"):
        pack_checkpoints(run, tmp_path / "models.zip")
    assert not (tmp_path / "models.zip").exists()


def test_some_of_them_can_be_packed(run, tmp_path):
    code, _ = call("pack", run, tmp_path / "models.zip", "--only", "06_latent_gpt2")
    with zipfile.ZipFile(tmp_path / "models.zip") as archive:
        found = archive.namelist()
    assert not code and found == ["06_latent_gpt2/model.keras", "checkpoints.json"]


def test_another_training_is_not_written_over(run, tmp_path):
    pack_checkpoints(run, tmp_path / "models.zip")
    mine = leave(tmp_path / "mine", "06_latent_gpt2", b"mine", finished=False)
    code, said = call("unpack", tmp_path / "models.zip", tmp_path / "mine")
    assert code and "is of another training" in said and said.count("\n") == 1
    assert (mine / "model.keras").read_bytes() == b"mine"
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["06_latent_gpt2"]


def repack(path, change):
    """The zip again, its members as `change` leaves them."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def rename(members, name):
    """Let the manifest name another file."""
    manifest = json.loads(members["checkpoints.json"])
    manifest["files"][name] = manifest["files"].pop("06_latent_gpt2/model.keras")
    members[name] = members["06_latent_gpt2/model.keras"]
    members["checkpoints.json"] = json.dumps(manifest).encode()


CHANGES = {
    "changed": lambda m: m.update({"06_latent_gpt2/model.keras": b"other"}),
    "lacking": lambda m: m.pop("06_latent_gpt2/model.keras"),
    "no-manifest": lambda m: m.pop("checkpoints.json"),
    "odd-manifest": lambda m: m.update({"checkpoints.json": b"[1]"}),
    "no-files": lambda m: m.update({"checkpoints.json": b'{"files": []}'}),
    "leads-out": lambda m: rename(m, "../06_latent_gpt2/model.keras"),
    "another-file": lambda m: rename(m, "06_latent_gpt2/model.py"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_damaged_zip_is_told_in_one_line(run, tmp_path, change):
    pack_checkpoints(run, tmp_path / "models.zip")
    repack(tmp_path / "models.zip", change)
    code, said = call("unpack", tmp_path / "models.zip", tmp_path / "mine")
    assert code and "models.zip: is damaged" in said and said.count("\n") == 1
    assert not list((tmp_path / "mine").rglob("06_latent_gpt2/*"))
    (tmp_path / "models.zip").write_bytes(b"PK")
    assert "is damaged" in call("unpack", tmp_path / "models.zip", tmp_path / "x")[1]


def spoil(path, offset, value):
    """Set bytes of the header in front of a member and of its entry at the end."""
    content = bytearray(path.read_bytes())
    name = b"06_latent_gpt2/model.keras"
    local = content.index(name) - 30
    central = content.rindex(name) - 46
    for place in (local + offset, central + offset + 2):
        content[place : place + 2] = value.to_bytes(2, "little")
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("offset", "value"),
    [(6, 1), (8, 99), (8, 8)],
    ids=["encrypted", "unknown-packing", "deflated-wrongly"],
)
def test_a_member_that_cannot_be_read_is_told_in_one_line(run, tmp_path, offset, value):
    pack_checkpoints(run, tmp_path / "models.zip")
    spoil(tmp_path / "models.zip", offset, value)
    code, said = call("unpack", tmp_path / "models.zip", tmp_path / "mine")
    assert code and "models.zip: is damaged" in said and said.count("\n") == 1
    assert not (tmp_path / "mine").exists()


def test_nothing_is_written_if_the_last_model_is_damaged(run, tmp_path):
    pack_checkpoints(run, tmp_path / "models.zip")
    with zipfile.ZipFile(tmp_path / "models.zip") as archive:
        last = archive.namelist()[-2]
        assert len(archive.namelist()) > 2
    repack(tmp_path / "models.zip", lambda m: m.update({last: b"other"}))
    assert call("unpack", tmp_path / "models.zip", tmp_path / "mine")[0]
    assert not (tmp_path / "mine").exists()


def test_an_older_keras_is_warned(run, tmp_path, capsys):
    pack_checkpoints(run, tmp_path / "models.zip")

    def newer(members):
        manifest = json.loads(members["checkpoints.json"])
        manifest["versions"] = {"keras": "99.1.0"}
        members["checkpoints.json"] = json.dumps(manifest).encode()

    repack(tmp_path / "models.zip", newer)
    unpack_checkpoints(tmp_path / "models.zip", tmp_path / "mine")
    assert "written by Keras 99.1.0" in capsys.readouterr().out

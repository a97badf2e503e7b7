"""What is kept on Google Drive: whole, in place, seldom; and how it comes back."""

import errno
import os
import shutil
import sys
import time
import types
import zipfile

import keras
import numpy as np
import pytest

from cxrbase import hosts
from cxrbase.hosted import drive
from cxrbase.hosted.drive import bring_back, how_long, keep_folder, keep_results, kept
from cxrlib import training


@pytest.fixture
def content(tmp_path, monkeypatch):
    """A machine of Colab's, with the Drive in use."""
    monkeypatch.setattr(hosts, "CONTENT", str(tmp_path / "content"))
    monkeypatch.setattr(hosts, "DRIVE", str(tmp_path / "content/drive/MyDrive"))
    monkeypatch.setenv(drive.KEEP, str(tmp_path / "content/drive/MyDrive/course"))
    (tmp_path / "content/drive/MyDrive").mkdir(parents=True)
    return tmp_path / "content"


@pytest.fixture
def prepared(content):
    folder = content / "outputs" / "course" / "prepared"
    (folder / "below").mkdir(parents=True)
    for number, name in enumerate(
        ("train.tfrecord", "below/split.csv", "manifest.json")
    ):
        (folder / name).write_text(name)
        os.utime(folder / name, ns=(10**18 + number, 10**18 + number))
    (folder / ".lock").touch()
    return folder


def archive(folder):
    return kept(folder).with_name(f"{folder.name}.kept.zip")


# === Where it lies ===


def test_nothing_is_kept_unless_that_was_asked_for(prepared, monkeypatch):
    place = archive(prepared)
    monkeypatch.delenv(drive.KEEP)
    keep_folder(prepared)
    keep_results(prepared)
    assert kept(prepared) is None and not bring_back(prepared)
    assert not place.exists()


def test_what_lies_on_the_drive_is_not_kept_again(content, tmp_path):
    assert kept(content / "drive/MyDrive/run") is None
    assert kept(tmp_path / "elsewhere") is None
    assert kept(content / "a" / ".." / "b") == content / "drive/MyDrive/course/b"


# === Folders ===


def test_a_folder_comes_back_as_it_was(prepared):
    keep_folder(prepared)
    with zipfile.ZipFile(archive(prepared)) as packed:
        assert packed.namelist()[-1] == "manifest.json", "the last written, last"
    assert not bring_back(prepared), "it is here"
    moved = prepared.rename(prepared.with_name("moved"))
    assert bring_back(prepared)
    files = {p.relative_to(moved) for p in moved.rglob("*") if p.name != ".lock"}
    assert {p.relative_to(prepared) for p in prepared.rglob("*")} == files
    for name in files:
        if (moved / name).is_file():
            old, new = (moved / name).stat(), (prepared / name).stat()
            assert (moved / name).read_bytes() == (prepared / name).read_bytes()
            assert old.st_mtime_ns == new.st_mtime_ns, "a shard knows its films by it"


def test_half_a_folder_is_filled_up(prepared):
    keep_folder(prepared)
    (prepared / "manifest.json").unlink()  # It is written last: a kill came before.
    assert bring_back(prepared) and (prepared / "manifest.json").exists()


def test_an_archive_is_rewritten_in_place_and_only_if_something_changed(prepared):
    keep_folder(prepared)
    first = archive(prepared).stat()
    keep_folder(prepared)
    assert archive(prepared).stat().st_mtime_ns == first.st_mtime_ns
    (prepared / "train.tfrecord").write_text("another")
    keep_folder(prepared)
    again = archive(prepared).stat()
    assert again.st_ino == first.st_ino, "a file that takes its place fills the bin"
    assert again.st_mtime_ns > first.st_mtime_ns


def test_a_large_archive_is_written_less_often(prepared, monkeypatch):
    keep_folder(prepared)
    before = time.time() - 10
    os.utime(archive(prepared), (before, before))
    (prepared / "train.tfrecord").write_text("another")
    monkeypatch.setattr(drive, "LARGE", archive(prepared).stat().st_size / 4)
    keep_folder(prepared, every=5)  # Twenty seconds, for four times the size.
    assert archive(prepared).stat().st_mtime == pytest.approx(before, abs=1e-3)
    keep_folder(prepared, every=2)
    assert archive(prepared).stat().st_mtime > before + 5


def test_a_drive_that_fails_stops_nothing(prepared, monkeypatch, capsys):
    keep_folder(prepared)
    whole = archive(prepared).read_bytes()
    (prepared / "train.tfrecord").write_text("another")
    full = shutil.disk_usage(prepared)._replace(free=0)
    monkeypatch.setattr(drive.shutil, "disk_usage", lambda path: full)
    monkeypatch.setattr(drive, "_size", lambda path: 0)
    keep_folder(prepared)
    assert "Free some space on Drive" in capsys.readouterr().out
    assert archive(prepared).read_bytes() == whole, "the last one that was kept is gone"

    def away(path):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(drive, "_age", away)
    keep_folder(prepared, every=1)
    assert "Mount Drive again" in capsys.readouterr().out


def test_an_archive_writes_nothing_elsewhere(prepared, capsys):
    keep_folder(prepared)
    with zipfile.ZipFile(archive(prepared), "w") as out:
        out.writestr("../elsewhere.txt", "x")
    assert not bring_back(prepared)
    assert not (prepared.parent / "elsewhere.txt").exists()
    with zipfile.ZipFile(archive(prepared), "w"):
        pass
    assert not bring_back(prepared)
    assert capsys.readouterr().out.count("is damaged") == 2


def test_a_damaged_archive_is_reported_and_made_anew(prepared, capsys):
    keep_folder(prepared)
    half = archive(prepared).read_bytes()[:-30]
    archive(prepared).write_bytes(half)
    assert not bring_back(prepared.with_name("prepared"))
    assert "is damaged" in capsys.readouterr().out
    keep_folder(prepared)
    assert zipfile.ZipFile(archive(prepared)).testzip() is None


@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()])
def test_no_half_archive_is_left(prepared, monkeypatch, capsys, error):
    def full(source, target, length):
        target.write(source.read(3))
        raise error

    monkeypatch.setattr(drive.shutil, "copyfileobj", full)
    if isinstance(error, OSError):
        keep_folder(prepared)
        assert "not kept (" in capsys.readouterr().out
    else:
        with pytest.raises(KeyboardInterrupt):
            keep_folder(prepared)
    assert not archive(prepared).exists()


# === Results ===


def test_results_are_copied_in_place_without_what_is_large(content, monkeypatch):
    monkeypatch.setattr(drive, "SMALL", 100)
    folder = content / "outputs" / "course" / "06_latent_gpt2"
    (folder / "figures").mkdir(parents=True)
    for name in ("results.json", "figures/words.png", "model.keras", ".partial-x"):
        (folder / name).write_text(name)
    (folder / "large.npy").write_bytes(bytes(101))
    keep_results(folder)
    there = kept(folder)
    names = {p.relative_to(there).as_posix() for p in there.rglob("*") if p.is_file()}
    assert names == {"results.json", "figures/words.png"}
    # A model that the notebook saved itself, not `train`, comes back by its archive.
    assert zipfile.ZipFile(archive(folder)).namelist() == ["model.keras"]
    inode = (there / "results.json").stat().st_ino
    (folder / "results.json").write_text("changed")
    keep_results(folder)
    assert (there / "results.json").read_text() == "changed"
    assert (there / "results.json").stat().st_ino == inode


# === The Drive itself ===


@pytest.fixture
def colab(content, monkeypatch):
    """The Drive is not mounted yet."""
    (content / "drive/MyDrive").rmdir()
    monkeypatch.setenv(drive.KEEP, "")  # So that it is as before in the end.
    monkeypatch.delenv(drive.KEEP)
    asked = []

    def mount(point):
        asked.append(point)
        mine = content / "drive/MyDrive"
        (mine / "course/outputs/course/07_multitask").mkdir(parents=True)
        (mine / "course/outputs/course/07_multitask/results.json").write_text("{}")

    module = types.ModuleType("google.colab")
    module.drive = types.SimpleNamespace(mount=mount)
    monkeypatch.setitem(sys.modules, "google.colab", module)
    return asked


def test_the_drive_is_asked_for_once(colab, content):
    assert "go with this machine" in how_long("colab")
    drive.mount_drive("course")
    drive.mount_drive("course")
    assert colab == [str(content / "drive")]
    assert how_long("colab").endswith(f"go to {content / 'drive/MyDrive/course'}.")
    assert (content / "outputs/course/07_multitask/results.json").read_text() == "{}"


def test_who_declines_is_not_asked_again(colab, monkeypatch, capsys):
    def mount(point):
        colab.append(point)
        raise ValueError("mount failed")

    sys.modules["google.colab"].drive.mount = mount
    drive.mount_drive("course")
    assert "not mounted (mount failed). Everything works" in capsys.readouterr().out
    drive.mount_drive("course")
    assert len(colab) == 1 and "go with this machine" in how_long("colab")


def test_elsewhere_there_is_no_drive(colab, monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "google.colab")
    drive.mount_drive("course")
    assert "only Colab has it" in capsys.readouterr().out
    monkeypatch.setenv("COLAB_RELEASE_TAG", "1")  # As in a process of a notebook.
    drive.mount_drive("course")
    assert "mount it in a cell first" in capsys.readouterr().out
    assert how_long("elsewhere") == ""


# === Trainings ===


def fit(out, epochs=3, callbacks=()):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = np.ones((4, 2), "float32"), np.zeros((4, 1), "float32")

    def batches(first):
        while True:
            yield x, y

    options = {"epochs": epochs, "steps_per_epoch": 1, "callbacks": callbacks}
    return training.train(model, batches, (x, y), out, verbose=0, **options)


class Spoil(keras.callbacks.Callback):
    """Make the second epoch worse than the first, and stop after it."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.model.layers[0].bias.assign([100.0])

    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


@pytest.mark.parametrize("every", [0, 300])
def test_a_training_goes_on_from_the_drive(content, monkeypatch, every):
    monkeypatch.setattr(training, "KEEP_EVERY", every)
    out = content / "outputs" / "course" / "05_transformer"
    with pytest.raises(KeyboardInterrupt):
        fit(out, callbacks=[Spoil()])
    with zipfile.ZipFile(archive(out)) as packed:
        sizes = {entry.filename: entry.file_size for entry in packed.infolist()}
    # Within the time there is no second copy. A state that is the best is empty.
    done = 1 if every else 2
    state = f"checkpoint-{done:04d}.keras"
    names = ["settings.json", "history.csv", "model.keras", state]
    assert list(sizes) == names and bool(sizes[state]) == (done == 2)
    out.rename(content / "gone")
    epochs = []
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: epochs.append(e))
    best = fit(out, callbacks=[note])
    assert epochs == list(range(done, 3))
    # The whole of it is over: the next machine needs the best epoch only.
    (content / "gone").rename(content / "before")
    out.rename(content / "gone")
    epochs.clear()
    again = fit(out, callbacks=[note])
    assert epochs == [] and np.allclose(again.layers[0].kernel, best.layers[0].kernel)
    out.rename(content / "last")
    assert training.read_model(out / "model.keras").count_params() == 3

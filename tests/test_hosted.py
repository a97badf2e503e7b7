"""Colab and Kaggle, imitated: how the course gets there, where files go, what outlives.

Each is a process of its own that has the hosts' variables, modules and folders.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import zipfile

import pandas as pd
import pytest
from hosted import PLACEHOLDER, REPOSITORY

from cxrlib.environment import COURSE_URL, GPU_ADVICE
from cxrphantom.dataset import write_phantom

DRIVER = pathlib.Path(__file__).parent / "hosted.py"
EPOCHS = 3
PARAMETERS = {
    "studies": 30,
    "phantom_size": 64,
    "image_size": 32,
    "transformer_dim": 16,
    "transformer_heads": 2,
    "transformer_layers": 1,
    "transformer_hidden": 16,
    "transformer_epochs": EPOCHS,
    "vocabulary_size": 300,
}
NAME = "chest-xrays-indiana-university"
DRIVE = f"content/drive/MyDrive/{COURSE_URL.rsplit('/', 1)[-1]}"


def run(host, root, last="fit", **order):
    """Run `05_transformer` up to a cell; return the process."""
    order |= {"host": host, "root": str(root), "notebook": "05_transformer"}
    return subprocess.run(
        [sys.executable, str(DRIVER), json.dumps(order | {"last": last})],
        capture_output=True,
        text=True,
        # The course is to be found where the first cell has put it, or not at all.
        env={
            k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "CXR_KEEP")
        },
    )


def left(process):
    assert process.returncode == 0, process.stderr[-2000:] + process.stdout[-2000:]
    return json.loads(process.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def course_zip(tmp_path_factory):
    """What `make course.zip` packs, as far as 05 needs it, and as it is now."""
    path = tmp_path_factory.mktemp("zip") / "course.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.write(
            REPOSITORY / "requirements-colab.txt", "course/requirements-colab.txt"
        )
        for folder in ("cxrlib", "packages", "requirements", "notebooks"):
            for file in sorted((REPOSITORY / folder).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    packed.write(file, "course" / file.relative_to(REPOSITORY))
    return path


def another_machine(root):
    """Of the first one only the Drive is left."""
    (root / "content" / "drive" / "MyDrive").rename(root / "google")
    shutil.rmtree(root / "content")


@pytest.fixture(scope="module")
def colab(tmp_path_factory, course_zip):
    root = tmp_path_factory.mktemp("colab")
    order = {"parameters": PARAMETERS | {"keep_on_drive": True}}
    (root / "content").mkdir()
    shutil.copy(course_zip, root / "content")
    killed = run("colab", root, kill_after=0, **order)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    another_machine(root)
    (root / "content").mkdir()
    shutil.copy(course_zip, root / "content")
    return root, run("colab", root, **order)


@pytest.fixture(scope="module")
def kaggle(tmp_path_factory, course_zip):
    root = tmp_path_factory.mktemp("kaggle")
    attached = root / "kaggle" / "input"
    with zipfile.ZipFile(course_zip) as packed:  # Kaggle unpacks what is uploaded.
        packed.extractall(attached / "datasets" / "somebody" / "my-course")
    attached = attached / "datasets" / "raddar" / NAME
    write_phantom(attached, studies=30, seed=0, size=64, progress=False)
    (attached / "phantom.json").unlink()  # So it passes for what Kaggle attaches.
    order = {"parameters": PARAMETERS | {"data": ""}}
    killed = run("kaggle", root, kill_after=0, **order)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    return root, run("kaggle", root, **order)


# === The first cell ===


@pytest.mark.parametrize("host", ["colab", "kaggle"])
def test_the_placeholder_is_refused_in_words(host, tmp_path):
    process = run(host, tmp_path, last="fetch")
    assert (
        process.returncode == 1 and f"{PLACEHOLDER} is a placeholder" in process.stderr
    )
    assert "upload course.zip, as said above" in process.stderr
    assert "fatal" not in process.stderr + process.stdout


def test_a_published_course_is_cloned_once(tmp_path):
    url = "https://github.com/somebody/radiographs"
    (tmp_path / "content").mkdir()
    first, again = (left(run("colab", tmp_path, "fetch", url=url)) for _ in range(2))
    assert first["called"] == [f"git clone -q --depth 1 {url} course"]
    assert again["called"] == []
    assert (
        first["course"] == again["course"] == str(REPOSITORY)
    )  # A link stands for a clone.


def test_subprocesses_find_the_course(tmp_path, course_zip):
    (tmp_path / "content").mkdir()
    shutil.copy(course_zip, tmp_path / "content")
    found = left(run("colab", tmp_path, "fetch"))
    course = str(tmp_path / "content" / "course")
    assert found["path"] == [course, f"{course}/packages"]
    assert found["called"] == ['unzip -q "course.zip"']


# === Where files go ===


def test_colab_works_beside_the_drive_and_keeps_little_on_it(colab):
    root, process = colab
    found = left(process)
    assert found["called"] == ['unzip -q "course.zip"', "mount content/drive"]
    assert found["run"] == "content/outputs/course" and found["ground"] == "phantom"
    assert f"go to {root / DRIVE}" in process.stdout
    kept = root / DRIVE / "outputs" / "course"
    files = {p.relative_to(kept).as_posix() for p in kept.rglob("*") if p.is_file()}
    archives = {"phantom.kept.zip", "prepared.kept.zip", "05_transformer.kept.zip"}
    results = {"05_transformer/settings.json", "05_transformer/history.csv"}
    figures = {name for name in files if name.startswith("05_transformer/figures/")}
    assert figures and files == archives | results | figures
    with zipfile.ZipFile(kept / "05_transformer.kept.zip") as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    # The training has ended, so its best epoch is enough.
    assert list(sizes)[-2:] == ["model.keras", f"checkpoint-{EPOCHS:04d}.keras"]
    assert sizes["model.keras"] and not sizes[f"checkpoint-{EPOCHS:04d}.keras"]


def test_another_machine_neither_draws_nor_decodes_again(colab):
    root, process = colab
    outputs = root / "content" / "outputs" / "course"
    for name in ("phantom", "prepared", "05_transformer"):
        assert f"Taking {outputs / name} from" in process.stdout
    shards = list((outputs / "prepared").glob("*.tfrecord"))
    assert f"{len(shards)} of {len(shards)} shards are kept" in process.stdout


def test_nobody_is_asked_for_a_drive(tmp_path, course_zip):
    (tmp_path / "content").mkdir()
    shutil.copy(course_zip, tmp_path / "content")
    process = run("colab", tmp_path, last="data", parameters=PARAMETERS)
    found = left(process)
    assert found["called"] == ['unzip -q "course.zip"']
    assert found["run"] == "content/outputs/course"
    assert "All files go with this machine; keep_on_drive = True" in process.stdout
    assert GPU_ADVICE["colab"] in process.stdout


def test_kaggle_works_on_what_is_attached(kaggle):
    root, process = kaggle
    found = left(process)
    assert found["called"] == []  # The first run, which was killed, has copied it.
    assert found["course"] == str(root / "kaggle" / "working" / "course")
    assert found["run"] == "kaggle/working/outputs/course"
    assert found["ground"] == "real" and NAME in process.stdout
    assert "is lost with this session, unless Persistence" in process.stdout
    manifest = json.loads((root / found["run"] / "prepared/manifest.json").read_text())
    assert manifest["source"]["root"].endswith(NAME)


@pytest.mark.long
@pytest.mark.parametrize("host", ["colab", "kaggle"])
def test_a_killed_training_goes_on(host, request):
    root, process = request.getfixturevalue(host)
    found = left(process)
    assert found["epochs"] == list(range(1, EPOCHS)), "the first was trained twice"
    history = pd.read_csv(root / found["run"] / "05_transformer" / "history.csv")
    assert history.epoch.tolist() == list(range(EPOCHS))

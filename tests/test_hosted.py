"""Colab and Kaggle, imitated: where files go, and a training that goes on.

Each is a process of its own that has the hosts' variables, modules and folders.
"""

import json
import pathlib
import shutil
import signal
import subprocess
import sys

import pandas as pd
import pytest

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


def run(host, root, kill_after=-1, last="fit", **parameters):
    """Run `05_transformer` up to a cell; return the process."""
    order = [host, str(root), "05_transformer", last, json.dumps(parameters)]
    return subprocess.run(
        [sys.executable, str(DRIVER), *order, str(kill_after)],
        capture_output=True,
        text=True,
    )


def left(process):
    assert process.returncode == 0, process.stderr[-2000:] + process.stdout[-2000:]
    return json.loads(process.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    root = tmp_path_factory.mktemp("colab")
    killed = run("colab", root, kill_after=0, **PARAMETERS)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    # Another machine takes over: of the first one only the Drive is left.
    (root / "content" / "drive" / "MyDrive").rename(root / "google")
    shutil.rmtree(root / "content")
    return root, run("colab", root, **PARAMETERS)


@pytest.fixture(scope="module")
def kaggle(tmp_path_factory):
    root = tmp_path_factory.mktemp("kaggle")
    attached = root / "kaggle" / "input" / "datasets" / "raddar" / NAME
    write_phantom(attached, studies=30, seed=0, size=64, progress=False)
    (attached / "phantom.json").unlink()  # So it passes for what Kaggle attaches.
    parameters = PARAMETERS | {"data": ""}
    killed = run("kaggle", root, kill_after=0, **parameters)
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    return root, run("kaggle", root, **parameters)


@pytest.mark.parametrize("host", ["colab", "kaggle"])
def test_the_course_is_fetched_and_installed(host, request):
    _, process = request.getfixturevalue(host)
    found = left(process)
    clone = f"test -d course || git clone -q --depth 1 {COURSE_URL} course"
    assert found["called"][:2] == [clone, "install -q ."]
    assert GPU_ADVICE[host] in process.stdout


def test_colab_keeps_runs_on_drive_and_drawings_beside_it(colab):
    root, process = colab
    found = left(process)
    assert found["called"][2:] == ["mount content/drive"]
    name = COURSE_URL.rsplit("/", 1)[-1]
    assert found["run"] == f"content/drive/MyDrive/{name}/outputs/course"
    assert (root / found["run"] / "prepared" / "manifest.json").is_file()
    assert not (root / found["run"] / "phantom").exists()
    drawn = root / "content" / name / "outputs" / "course" / "phantom"
    assert (drawn / "phantom.json").is_file() and found["ground"] == "phantom"


def test_kaggle_works_on_what_is_attached(kaggle):
    root, process = kaggle
    found = left(process)
    assert found["called"][2:] == []
    assert found["run"] == "kaggle/working/outputs/course"
    assert found["ground"] == "real" and NAME in process.stdout
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

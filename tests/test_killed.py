"""SIGKILL in the middle: what is started again ends as if nothing had been."""

import io
import json
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
from small_notebooks import notebook
from small_prepared import draw_studies

from coursework.status import read_status

pytestmark = pytest.mark.long
ROOT = pathlib.Path(__file__).parents[1]
MOMENTS = 8  # Of each command.
# Of what the moments must reach: inside a shard, between a shard and its note, between
# the shards and the manifest; inside a checkpoint, and as it is published.
REACHED = {
    "prepare": ["record", "rename train-00001-of-00004.json", "rename manifest.json"],
    "train": ["zip", "rename model.keras", "rename checkpoint-0002.keras",
              "remove checkpoint-0002.keras"],
    "run": ["rename status.json", "open 02_b.ipynb", "rename 02_b.html",
            "rename index.html"],
}  # fmt: skip


class Killed:
    """Work that is done in forks of one process; see `killed.py`."""

    def __init__(self, work, source):
        folders = os.pathsep.join(map(str, (ROOT, ROOT / "packages", ROOT / "tests")))
        self.process = subprocess.Popen(
            [sys.executable, ROOT / "tests" / "killed.py", work, source],
            env=os.environ | {"PYTHONPATH": folders, "TF_CPP_MIN_LOG_LEVEL": "3"},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def do(self, out, at=0):
        """Do it, up to a step; return the exit code and all steps."""
        self.process.stdin.write(json.dumps({"out": str(out), "at": at}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        return answer["code"], answer["steps"]


def source_of(work, folder):
    if work == "run":
        notebook(folder, "01_a", "x = 1", "print(x)")
        notebook(folder, "02_b", "x = 2", "print(x)")
        return folder
    folder.mkdir()
    path = folder / "studies"
    path.write_bytes(pickle.dumps(draw_studies(folder / "phantom")))
    return path


def moments(steps, reached):
    """Steps to die at: the first of each that must be reached, the others spread."""
    chosen = {steps.index(name) + 1 for name in reached}
    inside = [i for i, name in enumerate(steps, 1) if name in ("record", "zip")]
    chosen |= set(inside[len(inside) // 2 :][:1])
    spread = np.linspace(1, len(steps), 4 * MOMENTS).astype(int).tolist()
    for step in sorted(spread, key=lambda step: step * 7 % len(steps)):
        if len(chosen) < MOMENTS:
            chosen.add(step)
    return sorted(chosen)


def content(work, folder):
    """What must be equal, by name: bytes, weights, or how a run ended."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir():
            found[name] = "folder"
        elif path.suffix == ".keras":
            weights = zipfile.ZipFile(path).read("model.weights.h5")
            with h5py.File(io.BytesIO(weights)) as file:
                paths = []
                file.visit(paths.append)
                found[name] = {
                    each: file[each][()].tobytes()
                    for each in paths
                    if isinstance(file[each], h5py.Dataset)
                }
        elif path.name == "status.json":
            record = read_status(path.parent)
            found[name] = record.get("status"), sorted(record.get("left", []))
        elif work == "run":
            found[name] = path.stat().st_size > 0  # Times stand in them.
        else:
            found[name] = path.read_bytes()
    return found


@pytest.mark.parametrize("work", ["prepare", "train", "run"])
def test_killed_at_any_moment_it_ends_the_same(work, tmp_path):
    killed = Killed(work, source_of(work, tmp_path / "source"))
    code, steps = killed.do(tmp_path / "whole")
    assert code == 0 and len(steps) > 3 * MOMENTS
    expected = content(work, tmp_path / "whole")
    assert not [name for name in expected if ".partial-" in name]
    chosen = moments(steps, REACHED[work])
    assert len(chosen) == MOMENTS
    for at in chosen:
        out = tmp_path / f"{at}"
        assert killed.do(out, at)[0] == -signal.SIGKILL
        cut = content_names(out)
        assert killed.do(out)[0] == 0, (at, steps[at - 1])
        again = content(work, out)
        what = f"killed before step {at} of {len(steps)}, {steps[at - 1]}: {cut}"
        assert list(again) == list(expected), what
        assert again == expected, what


def content_names(folder):
    return [str(path.relative_to(folder)) for path in folder.rglob("*")]

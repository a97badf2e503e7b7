"""A real disk that is full, or out of inodes, under each command.

The command says so in one line and ends with 1; what was done before is kept, and once
there is room the same command goes on. The disk is a small tmpfs, which only who may
mount can have.
"""

import errno
import functools
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from films import film, two_lungs
from handed_in import ada, rubric
from small_notebooks import notebook
from test_cli import call, trained, views_of  # noqa: F401, a fixture.
from test_weights_registry import kagglehub

from cxrbase.files import PARTIAL
from cxrbase.images import write_png
from cxrlib.__main__ import main
from cxrlib.pretrained import fetch

pytestmark = pytest.mark.long
MEGABYTES, INODES = 96, 2_000


@pytest.fixture
def disk(tmp_path):
    """An empty disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = f"size={MEGABYTES}m,nr_inodes={INODES}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount here: the full disk was NOT tried")
    if done.returncode:
        pytest.skip(f"the full disk was NOT tried: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk, leave):
    """Take all room but so many kilobytes."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(64 * 1024))
        except OSError as error:
            assert error.errno == errno.ENOSPC
        file.truncate(max(0, file.tell() - leave * 1024))
        os.sync()


def use_up(disk, leave):
    """Take all inodes but a few."""
    (disk / "fillers").mkdir()
    for number in range(INODES):
        try:
            (disk / "fillers" / f"{number}").touch()
        except OSError as error:
            assert error.errno == errno.ENOSPC
            break
    for taken in range(number - leave, number):
        (disk / "fillers" / f"{taken}").unlink()


def free(disk):
    (disk / "filler").unlink(missing_ok=True)
    for path in disk.glob("fillers/*"):
        path.unlink()


# === What each command is given; all that it writes lies on the disk ===


def phantom(given, disk):
    return ["phantom", disk / "out", "--studies", 12, "--size", 64]


def prepare(given, disk):
    given = given / "phantom"
    return ["prepare", disk / "out", "--data", given, "--size", 64, "--processes", 1]


def train(given, disk):
    options = ["--preset", "tiny", "--epochs", 1, "--batch-size", 8]
    return ["train", given / "prepared", disk / "out", *options]


def evaluate(given, disk):
    model = given / "training" / "model.keras"
    return ["evaluate", model, given / "prepared", disk / "out"]


def report(given, disk):
    frontal, _ = views_of(given, disk.parent, 8)
    model = given / "training" / "model.keras"
    out = ["--reconstructions", disk / "out"]
    return ["report", "--frontal", frontal, "--model", model, *out]


def segment(given, disk):
    for number in range(6):
        write_png(disk.parent / "films" / f"{number}.png", film()[0])
    return ["segment", disk.parent / "films", disk / "out", "--overlay"]


def run(given, disk):
    path = notebook(disk.parent / "n", "01_a", "x = 1", "print(x)", "1")
    (disk.parent / "none.yaml").write_text("")
    profile = ["--profile", disk.parent / "none.yaml"]
    return ["run", path, *profile, "--out", disk / "out", "--resume"]


def scores(given, disk):
    marks = "<!-- scores: begin -->\n<!-- scores: end -->\n"
    (disk / "README.md").write_text(marks)
    return ["scores", ada(disk.parent), "--readme", disk / "README.md"]


def card(given, disk):
    return ["card", ada(disk.parent), "--out", disk / "out"]


def grade(given, disk):
    ada(disk.parent)
    rubric(disk.parent)
    rules = ["--rubric", disk.parent / "rubric.yaml", "--jobs", 1]
    return ["grade", disk.parent / "runs", *rules, "--out", disk / "grade.html"]


def weights(given, disk):
    return ["weights", "fetch", "chexnet", "--folder", disk / "out"]


def pretrain_encoder(given, disk):
    few = ["--preset", "tiny", "--studies", 16, "--epochs", 1]
    return ["pretrain-encoder", disk / "out" / "encoder.weights.h5", *few]


def pretrain_text(given, disk):
    few = ["--preset", "tiny", "--studies", 16, "--epochs", 1]
    return ["pretrain-text", disk / "out", *few, "--vocabulary-size", 300]


def train_lungs(given, disk):
    for number in range(12):
        image, mask = two_lungs()
        image[0, 0] = number / 255  # Copies of one film would share one split.
        write_png(disk.parent / "data" / "images" / f"AAA_{number:04}_0.png", image)
        write_png(disk.parent / "data" / "masks" / f"AAA_{number:04}_0.png", mask > 0)
    few = ["--epochs", 1, "--batch-size", 2, "--workdir", disk / "work"]
    return ["train-lungs", disk / "lungs.keras", "--data", disk.parent / "data", *few]


# With so many kilobytes it comes as far as the middle.
ROOM = {
    phantom: 200, prepare: 80, train: 200, evaluate: 12, report: 0, segment: 40,
    run: 24, scores: 0, card: 4, grade: 8, weights: 16,
    pretrain_encoder: 8, pretrain_text: 16, train_lungs: 64,
}  # fmt: skip
# So many new files end within the work, too.
FILES = {
    phantom: 60, prepare: 6, segment: 5, run: 3, card: 1, grade: 1,
    evaluate: 2, report: 1, weights: 1,
}  # fmt: skip


def told(command):
    """The one line by which a command ends that cannot write."""
    result = CliRunner().invoke(main, [str(each) for each in command])
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.output
    (line,) = [each for each in result.output.splitlines() if "Error: " in each][-1:]
    return line


@pytest.mark.parametrize("take", [fill, use_up])
@pytest.mark.parametrize("made", ROOM, ids=lambda made: made.__name__)
def test_a_full_disk(made, take, trained, disk, monkeypatch):  # noqa: F811
    room = (ROOM if take is fill else FILES).get(made)
    if room is None:
        pytest.skip("what it writes are two or three files; see the disk that is full")
    monkeypatch.chdir(disk.parent)
    (disk.parent / "hub").write_bytes(bytes(200_000))
    hub = kagglehub(lambda handle, path: str(disk.parent / "hub"))
    monkeypatch.setitem(sys.modules, "kagglehub", hub)
    monkeypatch.setattr(fetch, "check_sums", lambda *_: True)
    command = made(trained, disk)
    take(disk, room)
    line = told(command)
    assert "disk is full" in line or "01_a" in line, line
    left = functools.partial(sorted, disk.rglob(f"{PARTIAL}*"))
    assert not left()
    kept = sorted(disk.rglob("*"))
    assert all(path.exists() for path in kept)
    free(disk)
    call(*command)
    assert not sorted(disk.rglob(f"{PARTIAL}*"))

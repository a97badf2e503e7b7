"""Who is stopped leaves no process and no half-written file; two do not mix."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import psutil
import pytest
from small_notebooks import notebook
from test_batches import is_gone, when_there

from coursework.run.runner import run_notebooks
from coursework.status import read_status
from cxrbase.files import LOCK, PARTIAL, InputError, locked, sweep

ROOT = pathlib.Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'packages'}"}

# Leaves its group, its session, its parent and its environment.
DAEMON = """
import os, subprocess, sys
code = '''
import os, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
open({pid!r}, "w").write(str(os.getpid()))
time.sleep(600)
'''
_ = subprocess.run([sys.executable, "-c", code], env={{}}, start_new_session=True)
"""


def cxrlib(*arguments, code=None, **options):
    """Start a command, or code with arguments, in a process of its own."""
    how = ["-m", "cxrlib"] if code is None else ["-c", code]
    return subprocess.Popen(
        [sys.executable, *how, *map(str, arguments)],
        env=ENVIRONMENT, text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} | options,
    )  # fmt: skip


def partial(folder):
    return [path for path in folder.rglob(f"{PARTIAL}*")]


# === A batch ends whatever its notebooks started ===

only_linux = pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux has subreapers"
)


@only_linux
@pytest.mark.parametrize("end", ["1", "import time; time.sleep(600)", "1 / 0"])
def test_a_daemon_without_a_name_ends_with_its_run(tmp_path, end):
    pid = tmp_path / "pid"
    cell = DAEMON.format(pid=str(pid))
    path = notebook(tmp_path / "n", "01_a", "x = 1", cell, end)
    run_notebooks([path], tmp_path / "out", timeout=8 if "sleep" in end else None)
    reason = {"1": None, "1 / 0": "raised"}.get(end, "timed out")
    assert read_status(tmp_path / "out" / "01_a").get("reason") == reason
    assert is_gone(when_there(pid), seconds=0.5)


@only_linux
@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_daemon_ends_with_a_batch_that_is_stopped(tmp_path, number):
    pid, profile = tmp_path / "pid", tmp_path / "none.yaml"
    profile.write_text("")
    hang = "import time\ntime.sleep(600)"
    cell = DAEMON.format(pid=str(pid))
    path = notebook(tmp_path / "n", "01_a", "x = 1", cell, hang)
    batch = cxrlib("run", path, "--profile", profile, "--out", tmp_path / "out")
    daemon = when_there(pid)
    batch.send_signal(number)
    batch.communicate(timeout=60)
    assert is_gone(daemon, seconds=20 if number == signal.SIGKILL else 0.5)


# === Two in one folder ===

HOLD = """
import sys
from cxrbase.files import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def held(tmp_path):
    """A folder that another process holds."""
    other = cxrlib(tmp_path / "out", code=HOLD, stdin=subprocess.PIPE)
    assert other.stdout.readline() == "held\n"
    yield tmp_path / "out"
    other.communicate("\n")


def refused(folder, *arguments):
    """Run a command that is to be refused in one line; return the line."""
    process = cxrlib(*arguments)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 1, said
    (line,) = [each for each in said.splitlines() if str(folder) in each]
    assert "another process is writing here" in line and "Traceback" not in said
    if sys.platform == "linux":
        assert "from cxrbase.files import locked" in line  # Who it is.
    assert [path.name for path in folder.iterdir()] == [LOCK]
    return line


@pytest.mark.parametrize("resume", [[], ["--resume"]])
def test_a_second_batch_is_refused_at_once(held, tmp_path, resume):
    path = notebook(tmp_path / "n", "01_a", "x = 1", "1", "1")
    (tmp_path / "none.yaml").write_text("")
    command = ["run", path, "--profile", tmp_path / "none.yaml", "--out", held]
    refused(held, *command, *resume)


def test_a_point_of_a_grid_is_no_batch_of_its_own(held, tmp_path):
    """The batch of a grid holds its points, and so does one of a point alone."""
    out = tmp_path / "grid"
    out.mkdir()
    held.rename(out / "x=2")  # A lock goes with its file.
    (tmp_path / "grid.yaml").write_text("x: [1, 2]")
    (tmp_path / "none.yaml").write_text("")
    path = notebook(tmp_path / "n", "01_a", "x = 1", "1", "1")
    command = ["run", path, "--profile", tmp_path / "none.yaml", "--out", out]
    refused(out / "x=2", *command, "--grid", tmp_path / "grid.yaml")
    (out / "x=2").rename(held)


def test_a_second_segmentation_is_refused(held, tmp_path, dark_is_lung):
    from films import film

    from cxrbase.images import write_png

    write_png(tmp_path / "in" / "a.png", film()[0])
    dark_is_lung().save(tmp_path / "model.keras")
    command = ["segment", tmp_path / "in", held]
    refused(held, *command, "--lung-model", tmp_path / "model.keras")


def test_a_second_training_is_refused(held, tmp_path):
    from cxrlib.systems.lungs.train import train_lung_unet
    from cxrlib.training import train

    with pytest.raises(InputError, match="another process is writing here"):
        train(None, None, None, held, epochs=1, steps_per_epoch=1)
    with pytest.raises(InputError, match="another process is writing here"):
        train_lung_unet(tmp_path / "lungs.keras", tmp_path / "nowhere", workdir=held)
    assert [path.name for path in held.iterdir()] == [LOCK]


def test_two_phantoms_of_one_folder(tmp_path):
    command = ["phantom", tmp_path / "out", "--studies", "24", "--size", "64"]
    both = [cxrlib(*command), cxrlib(*command)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    alone = cxrlib("phantom", tmp_path / "alone", *command[2:])
    alone.communicate(timeout=120)
    assert content(tmp_path / "out") == content(tmp_path / "alone")


def content(folder):
    """Every file below a folder, by its name there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_what_is_left_half_written_is_swept_but_by_its_holder(held):
    (held / f"{PARTIAL}a.json").write_text("")
    sweep(held)
    assert len(partial(held)) == 1  # Another process holds the folder.
    (held / "below").mkdir()
    (held / "below" / f"{PARTIAL}b").write_text("")
    sweep(held / "below")
    assert len(partial(held)) == 1 and not list((held / "below").iterdir())


def test_who_holds_a_folder_sweeps_it(tmp_path):
    (tmp_path / f"{PARTIAL}a.json").write_text("")
    with locked(tmp_path):
        sweep(tmp_path)
    assert not partial(tmp_path)


# === Stopped while processes are at work ===


def workers_of(process, seconds=30):
    """The processes below a process, as soon as there are two."""
    end, found = time.monotonic() + seconds, []
    while len(found) < 3:  # One more keeps count of semaphores.
        assert time.monotonic() < end and process.poll() is None
        found = psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.05)
    return found


@pytest.mark.long
@pytest.mark.parametrize("wait", [0, 1.5])
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGKILL"])
def test_a_phantom_that_is_stopped_leaves_no_process(tmp_path, name, wait):
    out = tmp_path / "out"
    command = ["phantom", out, "--studies", "2000", "--size", "256"]
    code = "import cxrbase.parallel as p, sys; p.cores = lambda: 2\n"
    code += "from cxrlib.__main__ import main; main()"
    process = cxrlib(*command, code=code)
    workers = workers_of(process)
    time.sleep(wait)
    process.send_signal(getattr(signal, name))
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0 and "Traceback" not in said
    assert all(is_gone(worker.pid, seconds=10) for worker in workers)
    if name != "SIGKILL":
        assert not partial(out)

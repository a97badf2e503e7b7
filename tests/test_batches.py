"""Batches that survive what their notebooks do; nothing here loads TensorFlow."""

import json
import os
import signal
import subprocess
import sys
import time

import pandas as pd
import psutil
import pytest
from click.testing import CliRunner
from small_notebooks import notebook, printed

from coursework.run import client, executor
from coursework.run.runner import Run, execute, plan, run_notebooks
from coursework.status import read_status
from cxrbase.files import InputError
from cxrlib.__main__ import main

COUNT = 20
FAULTS = {
    "05_raises": "raise ValueError('no studies')",
    "08_hangs": "import time\nwhile True: time.sleep(1)",
    "11_is_killed": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "14_prints": "for _ in range(1000): print('one line of many\\n' * 1000, end='')",
}
ENDS = {
    "05_raises": ("failed", "raised"),
    "08_hangs": ("failed", "timed out"),
    "11_is_killed": ("failed", "killed"),
    "14_prints": ("cut", "output cut"),
}


def is_gone(pid, seconds=15):
    """Whether a process is not there, or ends soon."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.1)
    return False


def when_there(path, seconds=60):
    """The whole number in a file, as soon as there is one."""
    end = time.monotonic() + seconds
    while not (path.is_file() and path.read_text()):
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.1)
    return int(path.read_text())


def tell_pid(path):
    """A cell that writes its kernel's process id."""
    write = f"pathlib.Path({str(path)!r}).write_text(str(os.getpid()))"
    return f"import os, pathlib\n{write}"


# === Twenty runs, four of them ill ===


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """The folder of notebooks, the folder of their runs, and the exit status."""
    folder = tmp_path_factory.mktemp("batch")
    names = {int(name[:2]): name for name in FAULTS}
    for i in range(1, COUNT + 1):
        name = names.get(i, f"{i:02}_fine")
        notebook(folder / "notebooks", name, "x = 1", FAULTS.get(name, "x"), "print(x)")
    # One that is fine leaves a process behind.
    notebook(
        folder / "notebooks",
        "01_fine",
        "x = 1",
        "import subprocess; p = subprocess.Popen(['sleep', '600'])",
        f"import pathlib; pathlib.Path({str(folder / 'pid')!r}).write_text(str(p.pid))",
    )
    paths = sorted((folder / "notebooks").glob("*.ipynb"))
    status = run_notebooks(paths, folder / "out", timeout=30, jobs=2)
    return folder, paths, status


def test_sixteen_are_done_and_four_are_told_apart(batch):
    folder, paths, status = batch
    assert status == 1
    for path in paths:
        record = read_status(folder / "out" / path.stem)
        expected = ENDS.get(path.stem, ("done", None))
        assert (record["status"], record.get("reason")) == expected, record
        assert record["megabytes"] > 20 and record["left"]
        if path.stem in ENDS:
            assert record["cell"] == 2 and record["error"]
        executed = folder / "out" / path.stem / path.name
        assert executed.with_suffix(".html").stat().st_size
        # Nothing runs after a cell that failed.
        if path.stem != "01_fine":
            assert printed(executed).endswith("1\n") == (record["status"] != "failed")


def test_page_and_table_name_cell_and_cause(batch):
    folder, paths, _ = batch
    page = (folder / "out" / "index.html").read_text()
    assert page.count('badge done"') == 2 * 16 + 1  # In table, section, summary.
    for words in (
        "In [2] raised ValueError: no studies",
        "In [2] timed out: not done within its timeout of 30 seconds",
        "In [2] killed: the kernel was killed by SIGKILL",
        "In [2] output cut: 9",  # hundreds of thousands of lines.
    ):
        assert words in page
    assert "http" not in page
    table = pd.read_csv(folder / "out" / "runs.csv")
    assert len(table) == COUNT and table.status.eq("done").sum() == 16
    assert set(table.reason.dropna()) == {reason for _, reason in ENDS.values()}


def test_output_is_cut_where_it_is_kept(batch):
    folder, _, _ = batch
    executed = folder / "out" / "14_prints" / "14_prints.ipynb"
    assert executed.stat().st_size < 2 * client.CELL_LIMIT
    said = printed(executed)
    assert "lines (" in said and "were cut here" in said
    assert said.split("…]")[1].count("one line of many\n") > 50  # The end is kept.


def test_no_process_is_left(batch):
    assert is_gone(int((batch[0] / "pid").read_text()), seconds=0.5)


def test_resume_redoes_the_four(batch, capsys):
    folder, paths, _ = batch
    out = folder / "out"
    before = {path.stem: read_status(out / path.stem) for path in paths}
    for name in FAULTS:
        notebook(folder / "notebooks", name, "x = 1", "x", "print(x)")
    assert run_notebooks(paths, out, timeout=30, jobs=2, resume=True) == 0
    after = {path.stem: read_status(out / path.stem) for path in paths}
    assert {name for name in before if before[name] != after[name]} == set(FAULTS)
    assert "16 of 20 are done already" in capsys.readouterr().out
    # What was done is redone when a file of it is not complete.
    (out / "02_fine" / "02_fine.ipynb").write_text("{")
    assert run_notebooks(paths[:3], out, resume=True) == 0
    assert printed(out / "02_fine" / "02_fine.ipynb") == "1\n"


# === Death of the process that runs, and of the one that started it ===


@pytest.mark.long
def test_a_worker_that_is_killed_is_reported(tmp_path):
    pid = tmp_path / "pid"
    kill = tell_pid(pid) + "\nos.kill(os.getppid(), 9)\nwhile True: pass"
    paths = [
        notebook(tmp_path / "n", "01_kills", "x = 1", kill, "1"),
        notebook(tmp_path / "n", "02_fine", "x = 1", "1", "1"),
    ]
    assert run_notebooks(paths, tmp_path / "out") == 1
    record = read_status(tmp_path / "out" / "01_kills")
    assert (record["status"], record["reason"], record["cell"]) == (
        "failed",
        "killed",
        2,
    )
    assert "its process was killed by SIGKILL" in record["error"]
    assert read_status(tmp_path / "out" / "02_fine")["status"] == "done"
    assert is_gone(int(pid.read_text()), seconds=0.5)


@pytest.mark.long
def test_a_worker_that_outstays_its_timeout_is_killed(tmp_path, monkeypatch):
    # The kernel stops its parent, which then cannot look at the clock.
    stop = (
        "import os, signal, time\nos.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(60)"
    )
    path = notebook(tmp_path / "n", "01_stops", "x = 1", stop, "1")
    monkeypatch.setattr(executor, "LATE", 2)
    assert run_notebooks([path], tmp_path / "out", timeout=5) == 1
    record = read_status(tmp_path / "out" / "01_stops")
    assert (record["status"], record["reason"]) == ("failed", "timed out")


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_who_is_stopped_ends_its_kernels(tmp_path, number):
    pids = [tmp_path / "1", tmp_path / "2"]
    cells = [tell_pid(pid) + "\nimport time\ntime.sleep(600)" for pid in pids]
    paths = [
        notebook(tmp_path / "n", f"0{i}_hangs", "x = 1", cell, "1")
        for i, cell in enumerate(cells, start=1)
    ]
    paths.append(notebook(tmp_path / "n", "03_waits", "x = 1", "1", "1"))
    (tmp_path / "none.yaml").write_text("")
    batch = subprocess.Popen(
        [sys.executable, "-m", "cxrlib", "run", *paths, "--jobs", "2"]
        + ["--profile", tmp_path / "none.yaml", "--out", tmp_path / "out"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # What a shell has put into the background is deaf to it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    kernels = [when_there(pid) for pid in pids]
    batch.send_signal(number)
    said, _ = batch.communicate(timeout=60)
    assert all(map(is_gone, kernels))
    out = tmp_path / "out"
    hanging = [out / "01_hangs", out / "02_hangs"]
    if number == signal.SIGKILL:  # They noticed, and left word of it themselves.
        end = time.monotonic() + 15
        while any(read_status(each).get("status") == "running" for each in hanging):
            assert time.monotonic() < end
            time.sleep(0.2)
    else:
        assert batch.returncode == 130 and "--resume continues" in said
        assert "Traceback" not in said
        page = (out / "index.html").read_text()
        assert "interrupted" in page and "waiting" in page
        assert read_status(out / "03_waits")["status"] == "waiting"
    for folder in hanging:
        record = read_status(folder)
        assert (record["status"], record["reason"]) == ("failed", "interrupted")
        assert record["cell"] == 2


# === Executors ===


class Here:
    """Carries runs out in this very process: nothing else is promised."""

    def carry_out(self, runs):
        for run in runs:
            yield run, "started"
            execute(run, progress=False)
            yield run, "ended"


def test_another_executor_will_do(tmp_path, capsys):
    paths = [
        notebook(tmp_path / "n", "01_a", "seed = 0", "print('seed', seed)", "1"),
        notebook(tmp_path / "n", "02_b", "seed = 0", "1 / 0", "1"),
    ]
    (tmp_path / "grid.yaml").write_text("seed: [3, 4]")
    out = tmp_path / "out"
    assert run_notebooks(paths, out, grid=tmp_path / "grid.yaml", executor=Here()) == 1
    assert printed(out / "seed=4" / "01_a" / "01_a.ipynb") == "seed 4\n"
    said = capsys.readouterr().out
    assert "seed=3/01_a done" in said and "2 of 4 done" in said
    assert "seed=4/02_b failed" in said and "raised ZeroDivisionError" in said
    assert (out / "seed=3" / "index.html").is_file()
    page = (out / "index.html").read_text()
    assert 'href="seed%3D3/index.html#01_a"' in page


def test_a_run_is_plain_data(tmp_path):
    path = notebook(tmp_path / "n", "01_a", "seed = 0\nrun_dir = ''", "1", "1")
    (tmp_path / "grid.yaml").write_text("seed: [1, 2]")
    for run in plan([path], tmp_path / "out", grid=tmp_path / "grid.yaml"):
        assert Run(**json.loads(json.dumps(run.as_dict()))) == run


def test_notebooks_of_one_folder_wait_for_each_other(tmp_path):
    """The second reads what the first left, however many may run at once."""
    leave = "import pathlib, time; time.sleep(2)\nd = pathlib.Path(run_dir, 'prepared')"
    leave += "\nd.mkdir(); (d / 'seed').write_text(str(seed))"
    read = (
        "import pathlib\nprint(pathlib.Path(run_dir, 'prepared', 'seed').read_text())"
    )
    head = "seed = 0\nrun_dir = ''"
    paths = [
        notebook(tmp_path / "n", "02_reads", head, read, "1"),
        notebook(tmp_path / "n", "01_leaves", head, leave, "1"),
    ]
    (tmp_path / "grid.yaml").write_text("seed: [1, 2]")
    out = tmp_path / "out"
    assert run_notebooks(paths, out, grid=tmp_path / "grid.yaml", jobs=4) == 0
    assert printed(out / "seed=2" / "02_reads" / "02_reads.ipynb") == "2\n"


# === What is told in one line ===


def test_a_folder_that_cannot_be_written(tmp_path):
    path = notebook(tmp_path / "n", "01_a", "x = 1", "1", "1")
    (tmp_path / "file").write_text("")
    (tmp_path / "none.yaml").write_text("")
    command = ["run", path, "--profile", tmp_path / "none.yaml"]
    command += ["--out", tmp_path / "file" / "out"]
    result = CliRunner().invoke(main, list(map(str, command)))
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    assert "out: a file is in the way of a folder" in result.output
    assert len(result.output.strip().splitlines()) == 1


@pytest.mark.long
def test_a_full_disk_stops_the_batch(tmp_path, monkeypatch):
    pid = tmp_path / "pid"
    paths = [
        notebook(tmp_path / "n", "01_fine", "x = 1", "1", "1"),
        notebook(
            *(tmp_path / "n", "02_hangs", "x = 1"),
            tell_pid(pid) + "\nwhile True: pass",
            "1",
        ),
    ]

    def settle(self, error=None):
        when_there(pid)
        executor.kill_descendants(self.process.pid, self.mark)
        raise InputError("status.json: the disk is full; free some space.")

    monkeypatch.setattr(executor._Child, "settle", settle)
    with pytest.raises(InputError, match="the disk is full"):
        run_notebooks(paths, tmp_path / "out", jobs=2)
    assert is_gone(int(pid.read_text()), seconds=0.5)


def test_the_child_tells_of_a_full_disk_in_one_line(tmp_path):
    path = notebook(tmp_path / "n", "01_a", "x = 1", "1", "1")
    (tmp_path / "out").write_text("")  # No folder can be made here.
    order = {"run": Run(path, tmp_path / "out").as_dict()}
    done = subprocess.run(
        [sys.executable, "-m", "coursework.run.execute"],
        input=json.dumps(order),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1


def test_jobs_share_the_cores(monkeypatch):
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert executor.LocalPool(jobs=2).env["TF_NUM_INTRAOP_THREADS"] == "4"
    assert not executor.LocalPool(jobs=1).env

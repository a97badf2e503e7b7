"""Files written whole, folders held by one process, paths kept in their folder."""

import errno
import os
import pathlib
import subprocess
import sys

import filelock
import pandas as pd
import pytest

from cxrbase import files
from cxrbase.files import InputError, locked
from cxrbase.paths import existing, inside, inside_all, listing
from cxrlib.data.prepare import read_manifest
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import load_studies
from cxrphantom.dataset import write_phantom

ROOT = pathlib.Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'packages'}"}


def python(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


# === A full disk ===


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("where", ["mkdir", "mkstemp", "write"])
def test_a_full_disk_is_reported_wherever_it_is_met(where, tmp_path, monkeypatch):
    if where == "mkdir":
        monkeypatch.setattr(pathlib.Path, "mkdir", full)
    if where == "mkstemp":
        monkeypatch.setattr(files.tempfile, "mkstemp", full)
    with (
        pytest.raises(InputError, match="out.json: the disk is full"),
        files.write_whole(tmp_path / "new" / "out.json") as temporary,
    ):
        full() if where == "write" else temporary.write_text("{}")
    monkeypatch.undo()
    assert not list(tmp_path.glob("new/*"))


def test_other_errors_are_left_as_they_are(tmp_path):
    with pytest.raises(ZeroDivisionError), files.write_whole(tmp_path / "a") as path:
        path.write_text(str(1 / 0))
    assert not list(tmp_path.iterdir())


# === Locks ===

HOLD = """
import sys
from cxrbase.files import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
print("left", flush=True)
"""


def test_a_second_process_waits_and_says_so(tmp_path):
    first = python(HOLD, tmp_path / "out")
    assert first.stdout.readline() == "held\n"
    second = python(HOLD, tmp_path / "out")
    assert "another process is writing here; waiting" in second.stdout.readline()
    first.communicate("\n")
    assert second.stdout.readline() == "held\n"
    assert second.communicate("\n")[0] == "left\n"
    assert [path.name for path in (tmp_path / "out").iterdir()] == [files.LOCK]


def test_a_killed_process_leaves_no_lock(tmp_path):
    first = python(HOLD, tmp_path)
    assert first.stdout.readline() == "held\n"
    first.kill()
    first.communicate()
    with locked(tmp_path):
        pass


def test_a_lock_is_held_more_than_once_and_given_back(tmp_path, capsys):
    for _ in range(2):
        with locked(tmp_path), locked(str(tmp_path)):
            pass
    assert capsys.readouterr().out == ""
    other = filelock.FileLock(tmp_path / files.LOCK)
    with pytest.raises(filelock.Timeout), locked(tmp_path):
        other.acquire(timeout=0)


def test_a_drive_without_locks_is_named(tmp_path, monkeypatch, capsys):
    for error in (NotImplementedError("flock"), OSError(errno.ENOTSUP, "flock")):

        def fail(self, timeout=None, error=error):
            raise error

        monkeypatch.setattr(filelock.FileLock, "acquire", fail)
        with locked(tmp_path):
            assert "has no locks" in capsys.readouterr().out
    monkeypatch.setattr(filelock.FileLock, "acquire", full)
    with pytest.raises(InputError, match="disk is full"), locked(tmp_path):
        pass


WRITE = """
import os, sys
from cxrlib.data.prepare import prepare
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import funnel, load_studies
from cxrphantom.dataset import write_phantom

work, phantom, out, ending = sys.argv[1:]
real = os.replace

def stop(temporary, path):
    if str(path).endswith(ending):
        os.replace = real
        print("half written", flush=True)
        sys.stdin.readline()
    real(temporary, path)

if work == "prepare":
    kept = funnel(load_studies(find_dataset(phantom)))[0]
    print("ready", flush=True)
if ending:
    os.replace = stop
if work == "prepare":
    prepare(kept, out, size=32, shard_size=1, processes=1, progress=False)
else:
    write_phantom(phantom, studies=4, size=64, processes=1, progress=False)
print("done")
"""


@pytest.mark.parametrize(("work", "ending"), [("draw", "png"), ("prepare", "tfrecord")])
def test_a_neighbour_removes_no_half_written_file(work, ending, tmp_path):
    """The second process comes while the first has not yet named its first file."""
    phantom, out = tmp_path / "phantom", tmp_path / "out"
    if work == "prepare":
        write_phantom(phantom, studies=4, size=64, processes=1, progress=False)
    first = python(WRITE, work, phantom, out, ending)
    said = list(iter(first.stdout.readline, "half written\n"))
    second = python(WRITE, work, phantom, out, "")
    for line in second.stdout:  # To its end, if it does not wait.
        said.append(line)
        if "waiting for it" in line:
            break
    for run in (first, second):
        said.append(run.communicate("\n")[0])
        assert run.returncode == 0, said
    assert not list(tmp_path.rglob(".partial*"))
    if work == "prepare":
        assert sum(read_manifest(out)["counts"].values()) == len(
            list(out.glob("*.tfrecord"))
        )


# === Many paths ===


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "images"
    (root / "a" / "b").mkdir(parents=True)
    for name in ("1.png", "a/2.png", "a/b/3.png"):
        (root / name).write_bytes(b"x")
    (tmp_path / "secret.png").write_bytes(b"x")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "9.png").write_bytes(b"x")
    (root / "file_out.png").symlink_to(tmp_path / "secret.png")
    (root / "folder_out").symlink_to(tmp_path / "elsewhere")
    (root / "file_in.png").symlink_to(root / "a" / "2.png")
    (root / "folder_in").symlink_to(root / "a")
    return root


def test_many_paths_are_resolved_as_one_is(tree):
    names = ["1.png", "a/2.png", "./a/b/3.png", "a/../1.png", "file_in.png", "a/b/"]
    names += [
        "folder_in/b/3.png",
        "gone.png",
        "no/such/4.png",
        "a/..",
        "../images/1.png",
    ]
    paths = inside_all(tree, [*names, ""], listing())
    assert paths == [*(str(inside(tree, name)) for name in names), ""]
    assert existing(paths, listing()) == {p for p in paths if p and os.path.exists(p)}


@pytest.mark.parametrize(
    "name",
    ["../secret.png", "/etc/passwd", "file_out.png", "folder_out/9.png", "a/../.."],
)
def test_what_leads_out_is_refused(name, tree):
    with pytest.raises(InputError, match="leads out") as one:
        inside(tree, name)
    with pytest.raises(InputError, match="leads out") as many:
        inside_all(tree, ["1.png", name], listing())
    assert str(one.value) == str(many.value)


def read_folders(root, count):
    """Load a table of so many folders of two images."""
    rows = []
    for i in range(count):
        (root / f"{i}").mkdir(parents=True)
        for view in "fl":
            (root / f"{i}" / f"{view}.png").write_bytes(b"")
        rows.append(
            {"frontal": f"{i}/f.png", "lateral": f"{i}/l.png", "report": "Clear."}
        )
    pd.DataFrame(rows).to_csv(root / "table.csv", index=False)
    dataset = find_dataset(root)
    return lambda: load_studies(dataset)


def calls(work):
    count = 0

    def counted(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        assert work().on_disk.all()
    finally:
        sys.setprofile(None)
    return count


def test_a_table_of_many_folders_is_read_in_proportion(tmp_path, monkeypatch):
    few, many = (read_folders(tmp_path / f"{n}", n) for n in (100, 400))
    few()  # What is imported on the first call counts for nothing.
    assert calls(many) < 5 * calls(few)
    listed, resolved = [], []
    real_scan, real_resolve = os.scandir, pathlib.Path.resolve
    monkeypatch.setattr(os, "scandir", lambda p: listed.append(p) or real_scan(p))
    monkeypatch.setattr(
        pathlib.Path, "resolve", lambda p, *a: resolved.append(p) or real_resolve(p, *a)
    )
    assert many().on_disk.all()
    assert len(listed) == len(set(listed)) == 401  # Each once, and what holds them.
    assert 400 <= len(resolved) < 1000  # Of 800 files in 400 folders, twice over.

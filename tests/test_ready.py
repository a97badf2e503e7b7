"""The first cell's second half: what is missing is installed, and nothing else."""

import json
import os
import pathlib
import subprocess
import sys
import types

import pytest

from cxrbase.files import InputError
from cxrbase.hosted import ready
from cxrbase.hosted.upload import ADVICE, upload_films

ROOT = pathlib.Path(__file__).parents[1]
HOSTED = (ROOT / "requirements" / "hosted.txt").read_text(encoding="utf-8")


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A checkout that asks for pytest, which is here, and for what nobody has."""
    (tmp_path / "requirements").mkdir()
    lines = "# A remark.\npytest>=8  # Of it.\n\nnobody-has-this>=1.2\n"
    (tmp_path / "requirements" / "hosted.txt").write_text(lines)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    return tmp_path


@pytest.fixture
def pip(monkeypatch):
    calls = []

    def run(command):
        calls.append(command)
        return types.SimpleNamespace(returncode=calls.count(command) - 1)

    monkeypatch.setattr(ready.subprocess, "run", run)
    return calls


def test_only_what_is_missing_is_installed(course, pip):
    assert ready.make_ready(course) == ["nobody-has-this>=1.2"]
    (command,) = pip
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-1] == "nobody-has-this>=1.2" and "pytest>=8" not in command
    with pytest.raises(RuntimeError, match="Settings → Internet"):
        ready.make_ready(course)


def test_a_second_run_costs_nothing(course, pip):
    (course / "requirements" / "hosted.txt").write_text("pytest>=8\n")
    for _ in range(2):
        assert ready.make_ready(course) == []
    folders = [str(course), str(course / "packages")]
    assert not pip and sys.path[:2] == folders and sys.path.count(folders[0]) == 1
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [*folders, "/somewhere"]


def test_one_gpu_is_used_unless_said_otherwise(course, pip, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    ready.make_ready(course)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    (course / "requirements" / "hosted.txt").write_text("")
    ready.make_ready(course)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"


def test_it_needs_nothing_but_python():
    """On a host rouge-score and its like are not there yet; nor may NumPy be loaded."""
    code = "import sys; from cxrbase.hosted.ready import make_ready\n"
    code += "print(sorted({n.split('.')[0] for n in sys.modules}))"
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": str(ROOT / "packages")},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(done.stdout.replace("'", '"')))
    assert loaded - set(sys.stdlib_module_names) <= {"cxrbase", "__main__"}


def test_the_list_is_part_of_the_requirements_and_light():
    named = set((ROOT / "requirements.txt").read_text().splitlines())
    lines = [line for line in HOSTED.splitlines() if line and line[0] != "#"]
    assert lines and set(lines) <= named
    heavy = ("tensorflow", "keras", "numpy", "pandas", "opencv", "jupyter", "ipykernel")
    assert not [line for line in lines if line.startswith(heavy)]


# === Your own film ===


@pytest.fixture
def browser(monkeypatch, tmp_path):
    """Google's dialogue; its answers, one list of names after another."""
    answers = []
    files = types.SimpleNamespace(upload=lambda: dict.fromkeys(answers.pop(0), b""))
    module = types.ModuleType("google.colab")
    module.files = files
    monkeypatch.setitem(sys.modules, "google.colab", module)
    monkeypatch.chdir(tmp_path)
    return answers


def test_each_view_is_asked_for_by_itself(browser, tmp_path, capsys):
    browser += [["b.png"], ["a.png"]]
    assert upload_films() == (str(tmp_path / "b.png"), str(tmp_path / "a.png"))
    said = capsys.readouterr().out
    assert said.startswith(ADVICE) and said.index("FRONTAL") < said.index("LATERAL")
    browser += [["b.png"], []]
    assert upload_films() == (str(tmp_path / "b.png"), "")
    browser += [["b.png"]]
    assert upload_films(lateral=False) == (str(tmp_path / "b.png"), "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [([], "no file was chosen"), (["a", "b"], "choose one at a time")],
)
def test_one_film_at_a_time(browser, answer, words):
    browser.append(answer)
    with pytest.raises(InputError, match=words):
        upload_films()


def test_elsewhere_a_path_is_given(monkeypatch):
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    with pytest.raises(InputError, match="only Colab can ask .* give its path"):
        upload_films()

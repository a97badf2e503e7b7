"""What `--resume` does again: only what would come out otherwise, and it says why."""

import json

import pytest
from small_notebooks import notebook

from coursework import fingerprint
from coursework.run.runner import Run, execute, run_notebooks
from coursework.status import read_status

RESULTS = """
import json, pathlib
folder = pathlib.Path(run_dir, {name!r})
folder.mkdir(exist_ok=True)
(folder / "results.json").write_text(json.dumps({record}))
"""


class Here:
    """Carries runs out in this very process, which the tests can change."""

    def __init__(self):
        self.carried_out = []

    def carry_out(self, runs):
        for run in runs:
            self.carried_out.append(run.name)
            yield run, "started"
            execute(run, progress=False)
            yield run, "ended"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A package of two modules instead of the course's, and a folder for weights."""
    package = tmp_path / "ours"
    package.mkdir()
    for name in ("__init__", "one", "two"):
        (package / f"{name}.py").write_text("value = 1\n")
    (tmp_path / "weights").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(fingerprint, "PACKAGES", ("ours",))
    monkeypatch.setattr(fingerprint, "checkout", lambda: tmp_path)
    monkeypatch.delenv("CXR_WEIGHTS", raising=False)
    return tmp_path


def small(course, name, cell, record=None):
    """A notebook that imports from the package and leaves a `results.json`."""
    cells = [f"import sys\nsys.path.insert(0, {str(course)!r})\n{cell}"]
    if record:
        cells.append(RESULTS.format(name=name, record=record))
    return notebook(course / "n", name, "run_dir = ''", *cells)


def resumed(course, paths):
    """The names of the runs that are carried out."""
    here = Here()
    assert run_notebooks(paths, course / "out", resume=True, executor=here) == 0
    return here.carried_out


def test_a_changed_module_redoes_who_imported_it(course, capsys):
    paths = [
        small(course, "01_a", "import ours.one"),
        small(course, "02_b", "import ours.two"),
    ]
    assert resumed(course, paths) == ["01_a", "02_b"]
    code = read_status(course / "out" / "01_a")["code"]
    assert set(code) == {"ours", "ours.one"}
    assert resumed(course, paths) == []
    assert "2 of 2 are done already" in capsys.readouterr().out
    (course / "ours" / "two.py").write_text("value = 1  # a comment\n")
    (course / "ours" / "three.py").write_text("")
    assert resumed(course, paths) == ["02_b"]
    said = capsys.readouterr().out
    assert "1 of 2 are done already" in said and "02_b again: ours.two changed" in said


def test_a_status_from_before_code_was_recorded(course, capsys):
    paths = [small(course, "01_a", "import ours")]
    assert resumed(course, paths) == ["01_a"]
    path = course / "out" / "01_a" / "status.json"
    record = json.loads(path.read_text())
    del record["code"], record["before"]
    path.write_text(json.dumps(record))
    assert resumed(course, paths) == ["01_a"]
    said = capsys.readouterr().out
    assert "01_a again: its status.json does not say which code it ran" in said


def test_new_pretrained_files_redo_who_could_load_them(course):
    started = {"weights": {"encoder": "none"}}
    paths = [
        small(course, "01_a", "import ours"),
        small(course, "02_b", "import ours", started),
    ]
    assert resumed(course, paths) == ["01_a", "02_b"]
    (course / "weights" / "chexnet.h5").write_text("new")
    assert resumed(course, paths) == ["02_b"]
    # Made anew, of the same size: the list of checksums tells.
    (course / "weights" / "SHA256SUMS").write_text("a")
    assert resumed(course, paths) == ["02_b"]
    (course / "weights" / "SHA256SUMS").write_text("b")
    assert resumed(course, paths) == ["02_b"]
    assert resumed(course, paths) == []


def test_other_data_redo_who_read_them(course, capsys):
    """A run is done again if one before it leaves other data, and only then."""
    data = '{"dataset": {"fingerprint": sys.modules["ours.one"].value}}'
    paths = [
        small(course, "01_data", "import ours.one", data),
        small(course, "02_reads", "import ours"),
        small(course, "03_reads", "import ours"),
    ]
    assert resumed(course, paths) == ["01_data", "02_reads", "03_reads"]
    (course / "ours" / "one.py").write_text("value = 1  # The data stay.\n")
    assert resumed(course, paths) == ["01_data"]
    capsys.readouterr()
    (course / "ours" / "one.py").write_text("value = 2\n")
    assert resumed(course, paths) == ["01_data", "02_reads", "03_reads"]
    said = capsys.readouterr().out
    assert "03_reads again: 01_data left other data" in said and "3/3]" in said
    assert resumed(course, paths) == []


def test_a_predecessor_that_is_mended_redoes_itself_alone(course):
    data = '{"dataset": {"fingerprint": "a"}}'
    paths = [
        small(course, "01_data", "1 / 0", data),
        small(course, "02_reads", "import ours"),
    ]
    assert run_notebooks(paths, course / "out", executor=Here()) == 1
    small(course, "01_data", "1", data)
    assert resumed(course, paths) == ["01_data"]


def test_a_file_in_the_folder_that_a_parameter_names(tmp_path):
    path = notebook(tmp_path / "n", "01_a", "data = ''\nrun_dir = ''", "1")
    folder = tmp_path / "data"

    def of(data):
        run = Run(path, tmp_path / "out", {"data": str(data), "run_dir": str(folder)})
        return fingerprint.fingerprint(run)

    nowhere = of(folder)
    folder.mkdir()
    (folder / "reports.csv").write_text("uid\n")
    first = of(folder)
    (folder / ".partial-1").write_text("")
    assert of(folder) == first
    (folder / "reports.csv").write_text("uid\n1\n")
    others = {of(folder), of(folder / "reports.csv"), of("phantom")}
    (folder / "more.csv").write_text("")
    others.add(of(folder))
    assert len(others | {nowhere, first}) == 6


def test_modules_are_those_of_the_kernel(tmp_path):
    path = notebook(tmp_path / "n", "01_a", "x = 1", "import cxrbase.files")
    assert run_notebooks([path], tmp_path / "out") == 0
    record = read_status(tmp_path / "out" / "01_a")
    assert set(record["code"]) == {"cxrbase", "cxrbase.files", "cxrbase.refusals"}
    assert record["before"] == {} and "weights" not in record

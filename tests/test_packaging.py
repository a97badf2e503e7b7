"""What is installed: named where it is imported, light at its base."""

import ast
import importlib.metadata
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tomllib
import venv

import pytest

ROOT = pathlib.Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
OURS = {"cxrlib", "coursework", "cxrscore", "cxrphantom", "cxrbase"}
# Named, though nothing imports them: notebooks run in one, pydicom finds the others,
# Starlette reads forms with one.
PLUGINS = {
    "python-multipart",
    "ipykernel",
    "jupyterlab",
    "pylibjpeg",
    "pylibjpeg-libjpeg",
    "pylibjpeg-openjpeg",
}
PARTS = {"pydantic_core", "starlette"}  # Of pydantic, of fastapi, documented as that.
# Imported only where they are there: Keras' other backends, Colab, optional peers.
OPTIONAL = {"jax", "torch", "google", "f1chexbert", "radgraph"}


def name_of(requirement):
    return re.split(r"[\[<>=!~ ;]", requirement)[0].lower().replace("_", "-")


def names(requirements):
    return {name_of(each) for each in requirements} - {"cxrlib"}


def imported(folder):
    """Top-level modules that the files of a folder import, at whatever depth."""
    found = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {each.name.split(".")[0] for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found - OURS - set(sys.stdlib_module_names)


def imported_by_notebooks():
    found = set()
    for path in (ROOT / "notebooks").rglob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"]) if cell["cell_type"] == "code" else ""
            found |= set(re.findall(r"^\s*(?:import|from) (\w+)", source, re.M))
    return found - OURS - set(sys.stdlib_module_names)


def distributions(modules):
    known = importlib.metadata.packages_distributions()
    return {name.lower().replace("_", "-") for each in modules for name in known[each]}


def test_requirements_are_those_of_the_project():
    listed = (ROOT / "requirements.txt").read_text().splitlines()
    listed = [line for line in listed if line and not line.startswith("#")]
    named = PROJECT["dependencies"] + sum(
        (EXTRAS[extra] for extra in ("train", "batch", "dicom", "lab", "app")), []
    )
    assert listed == named


def test_what_is_imported_is_named_and_what_is_named_is_imported():
    needed = imported(ROOT / "cxrlib") | imported(ROOT / "packages")
    needed |= imported_by_notebooks() - {"IPython"}  # It runs them.
    named = names((ROOT / "requirements.txt").read_text().splitlines())
    named -= {"", "#"}
    unnamed = {
        module
        for module in needed - OPTIONAL - PARTS
        if not distributions([module]) & named
    }
    assert not unnamed, "imported, but in no requirement"
    assert named - PLUGINS <= distributions(needed - OPTIONAL), "named for nothing"


@pytest.mark.parametrize("package", ["cxrbase", "cxrphantom", "cxrscore"])
def test_the_ground_floor_imports_what_the_base_brings(package):
    base = names(PROJECT["dependencies"])
    needed = imported(ROOT / "packages" / package) - OPTIONAL
    above = {each for each in needed if not distributions([each]) & base}
    # Asked for in one line, where a film is DICOM; with Keras, where a file is a model.
    assert above <= {"pydicom", "h5py"}


WORK = """
import pathlib, sys
from click.testing import CliRunner

out = pathlib.Path(sys.argv[1])
rows = ["prediction,reference", "No edema.,No edema.", "Clear lungs.,Edema."]
(out / "mine.csv").write_text("\\n".join(rows))
from cxrlib.__main__ import main

for command in (
    ["score", str(out / "mine.csv")],
    ["phantom", str(out / "phantom"), "--studies", "2", "--size", "64"],
):
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, (done.output, done.exception)
    print(done.output)
assert (out / "phantom" / "phantom.json").is_file()
for command in (["train", "prepared", "out"], ["grade", str(out)]):
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1 and "which a light installation lacks" in done.output
    assert len(done.output.splitlines()) == 1, done.output
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import load_studies

assert len(load_studies(find_dataset(out / "phantom"))) == 2
heavy = {"tensorflow", "keras", "keras_hub", "torch", "jax", "matplotlib"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""


def base_closure():
    """The distributions that the base brings, with what they bring themselves."""
    waiting, found = names(PROJECT["dependencies"]), set()
    while waiting:
        each = waiting.pop()
        if each in found:
            continue
        found.add(each)
        for requirement in importlib.metadata.requires(each) or []:
            if "extra ==" not in requirement:
                waiting.add(name_of(requirement))
        waiting = {
            name for name in waiting if _is_installed(name)
        }  # Others are for other systems.
    return found


def _is_installed(name):
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


BARE = """
import importlib.abc, sys

class Bare(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Bare())
"""


def test_scores_and_phantoms_need_the_base_alone(tmp_path):
    allowed = base_closure()
    hidden = {
        module
        for module, owners in importlib.metadata.packages_distributions().items()
        if not {owner.lower().replace("_", "-") for owner in owners} & allowed
    } - OURS
    assert {"tensorflow", "keras", "papermill", "matplotlib"} <= hidden
    code = f"HIDDEN = {sorted(hidden)!r}\n{BARE}{WORK}"
    run = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(run, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_a_fresh_environment_without_tensorflow_scores_and_draws(tmp_path):
    source = tmp_path / "source"  # Building leaves files in the folder it is run in.
    for name in ("cxrlib", "packages"):
        shutil.copytree(ROOT / name, source / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, source], check=True)
    have = subprocess.run(
        [python, "-m", "pip", "list"], capture_output=True, text=True, check=True
    ).stdout
    assert not re.search(r"^(tensorflow|keras|jupyter|matplotlib)\b", have, re.M)
    done = subprocess.run(
        [python, "-c", WORK, str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr

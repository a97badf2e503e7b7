"""The course as students get it: whole, without answers, and gradable."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml
from click.testing import CliRunner

from coursework.__main__ import main
from coursework.course import checkout, numbered
from coursework.grade.grades import grade_class
from coursework.grade.rubric_file import SHIPPED, read_rubric
from coursework.handout.release import KEPT, RUBRIC, course_files, write_release
from coursework.handout.stripped import student_rubric, unlinked, without_tests
from cxrbase.files import InputError

ROOT = checkout()


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    out = tmp_path_factory.mktemp("release") / "course"
    write_release(out)
    return out


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The whole course as an unpacked zip: no git, and things that a user has left."""
    root = tmp_path_factory.mktemp("zip")
    write_release(root / "course.zip", for_students=False)
    with zipfile.ZipFile(root / "course.zip") as archive:
        archive.extractall(root)
    for name in (
        *("handed_in/ada.zip", "grade.html", "data/mine.csv", "outputs/run/x.json"),
        *("packages/__pycache__/a.pyc", ".venv/x", "weights/chexnet.h5", "build/x"),
    ):
        (root / "course" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "course" / name).write_text("mine")
    return root / "course"


def names(folder):
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }


# === What it holds ===


def test_students_get_neither_solutions_nor_tests_nor_history(released):
    there = names(released)
    assert "notebooks/01_data.ipynb" in there and "weights/SHA256SUMS" in there
    hidden = {name for name in there if re.match(r"\.git/|\.ci|tests/", name)}
    assert not hidden and not any("solution" in name for name in there)
    assert "packages/coursework/gradebook/model_answers.yaml" not in there


def test_no_text_of_it_tells_an_answer(released):
    asked = yaml.safe_load(SHIPPED.read_text())["notebooks"]
    items = [item for each in asked.values() for item in each["items"]]
    told = {item["equals"] for item in items if "equals" in item}
    told = {str(value) for value in told if isinstance(value, float)}
    told = {text for text in told if len(text) > 4}  # Shorter ones occur by chance.
    assert "0.2231" in told
    for path in released.rglob("*"):
        if path.suffix in (".md", ".py", ".ipynb", ".yaml"):
            text = path.read_text(encoding="utf-8")
            assert not [each for each in told if each in text], path
            assert "The wrong conclusion would be" not in text, path
    rubric = (released / "packages/coursework/grade/rubric.yaml").read_text()
    assert "equals" not in rubric and "tolerance" not in rubric


def test_every_link_of_it_leads_somewhere(released):
    dead = []
    for path in released.rglob("*"):
        if path.suffix in (".md", ".ipynb"):
            text = path.read_text(encoding="utf-8")
            for target in re.findall(r"\]\(([^()\s#]+)(?:#[^()]*)?\)", text):
                ours = not re.match(r"[a-z]+:|/", target)
                if ours and not (path.parent / target).exists():
                    dead.append((path.name, target))
    assert not dead


def test_what_the_course_adds_at_its_root_is_given_away_or_named():
    found = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files"], capture_output=True, text=True
    )
    if found.returncode:
        pytest.skip("no checkout")
    assert {line.split("/")[0] for line in found.stdout.splitlines()} <= {*KEPT, ".ci"}


def test_without_git_the_same_files_are_found(unpacked):
    assert set(course_files(unpacked)) == set(course_files(ROOT))


def test_a_zip_holds_the_folder_that_the_first_cells_look_for(tmp_path, unpacked):
    count = write_release(tmp_path / "course.zip", root=unpacked)
    with zipfile.ZipFile(tmp_path / "course.zip") as archive:
        assert len(archive.namelist()) == count
        assert all(name.startswith("course/") for name in archive.namelist())
        assert "course/cxrlib/course.py" in archive.namelist()
        assert not any("solution" in name for name in archive.namelist())


# === Refusals ===


def run(*words):
    found = CliRunner().invoke(main, [str(word) for word in words])
    return found.exit_code, found.output


def test_what_exists_is_not_written_over(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "course.zip").write_text("mine")
    for name in ("full", "course.zip", "full/mine.txt"):
        code, said = run("release", tmp_path / name, "--for-students")
        assert code and said.count("\n") == 1 and "exists" in said
    assert names(tmp_path) == {"full/mine.txt", "course.zip"}


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def broken(content):
        raise KeyboardInterrupt

    monkeypatch.setattr("coursework.handout.release._bytes", broken)
    for name in ("course", "course.zip"):
        with pytest.raises(KeyboardInterrupt):
            write_release(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_another_folder_is_not_the_course(tmp_path):
    with pytest.raises(InputError, match="is not the course's folder"):
        write_release(tmp_path / "out", root=tmp_path)


# === The rubric ===


def test_the_students_rubric_is_a_rubric_that_says_no_answer(tmp_path):
    path = tmp_path / "rubric.yaml"
    path.write_text(student_rubric(), encoding="utf-8")
    ours, theirs = read_rubric(), read_rubric(path)
    assert theirs.points == ours.points
    for name, notebook in ours.notebooks.items():
        for item, stripped in zip(
            notebook.items, theirs.notebooks[name].items, strict=True
        ):
            assert (stripped.says, stripped.points) == (item.says, item.points)
            assert stripped.id == item.id
            if item.exercise:
                assert stripped.words == (item.words or 1)
                assert not (stripped.comparison or stripped.names or stripped.among)


# === Texts ===


def test_links_to_what_is_left_out_become_words():
    text = "See [a](b.md), [c](../d.md#e), ![f](g.png), [h](https://x.org/b.md)."
    there = {"d.md"}.__contains__
    assert unlinked(text, "docs/x.md", there) == (
        "See a, [c](../d.md#e), ![f](g.png), [h](https://x.org/b.md)."
    )


def test_the_makefile_keeps_what_works():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    kept = without_tests(text)
    assert "\ndemo:" in kept and "\ntest:" not in kept and "tests/" not in kept


# === It works ===


@pytest.mark.notebook
def test_a_student_runs_and_hands_in_and_the_full_rubric_grades(released, tmp_path):
    there = shutil.copytree(released, tmp_path / "course")
    path = os.pathsep.join([str(there), str(there / "packages")])
    command = [sys.executable, "-m", "coursework", "run", "notebooks/01_data.ipynb"]
    done = subprocess.run(
        [*command, "--profile", "smoke", "--out", "outputs/run"],
        cwd=there,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ada = tmp_path / "handed_in" / "ada"
    ada.mkdir(parents=True)
    packed = there / "outputs" / "run" / "01_data" / "submission.zip"
    shutil.copy(packed, ada)
    (grade,) = grade_class(ada.parent, read_rubric())
    marks = {o.item.id: o.mark for o in grade.notebooks["01_data"].outcomes}
    assert marks["cells-ran"] == marks["cells-unchanged"] == "yes"
    assert not grade.notebooks["01_data"].troubles
    assert [p.name for p in numbered(pathlib.Path(there / "notebooks"))] == [
        p.name for p in numbered(ROOT / "notebooks")
    ]


def test_where_git_fails_nothing_is_given_away(tmp_path, monkeypatch):
    """A walk of the folder would give away what a user has left in it."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / ".git").mkdir()
    rubric = tmp_path / RUBRIC
    rubric.parent.mkdir(parents=True)
    rubric.write_text("x")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for path in (os.environ["PATH"], str(tmp_path)):
        monkeypatch.setenv("PATH", path)  # A broken checkout; then no git at all.
        with pytest.raises(InputError, match="git cannot list its files") as caught:
            course_files(tmp_path)
        assert "\n" not in str(caught.value)

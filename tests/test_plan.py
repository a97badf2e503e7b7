"""What is run and under which name: parameters, grids, folders, fingerprints."""

import pathlib

import nbformat
import pytest
from small_notebooks import notebook

from coursework.course import numbered
from coursework.fingerprint import fingerprint
from coursework.run.defaults import Word, scalar
from coursework.run.grid import LONGEST, point_names, read_grid
from coursework.run.parameters import known_parameters, read_parameters
from coursework.run.plan import PROFILES, Run, course_notebooks, plan
from coursework.run.profiles import fill_in
from cxrbase.files import InputError

ROOT = pathlib.Path(__file__).parents[1]


def test_scalars_are_read_as_they_are_meant():
    assert scalar("1e-3") == 0.001 and isinstance(scalar("1e5"), float)
    assert scalar("latent") == "latent" and scalar("none") == "none"
    assert scalar("true") is True and scalar("3") == 3 and scalar("a: [") == "a: ["
    assert scalar("phantom") == "phantom"


def test_grid_and_list(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("learning_rate: [1e-3, 0.01]\nseed: [0, 1]")
    assert read_grid(path)[:2] == [
        {"learning_rate": 0.001, "seed": 0},
        {"learning_rate": 0.001, "seed": 1},
    ]
    path.write_text("- {alpha: 0, seed: [0, 1]}\n- {alpha: 1, beta: 2}")
    assert read_grid(path) == [
        {"alpha": 0, "seed": 0},
        {"alpha": 0, "seed": 1},
        {"alpha": 1, "beta": 2},
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "must map"),
        ("3", "must map"),
        ("- 3", "must map"),
        ("seed: []", "no point"),
        ("seed: [[1]]", "must be a text, a number"),
        ("seed: [0, 0]", "twice"),
        ("run_dir: [a]", "run_dir is not swept"),
        ("seed: [", "not readable"),
    ],
)
def test_bad_grids_are_told(tmp_path, content, words):
    (tmp_path / "grid.yaml").write_text(content)
    with pytest.raises(InputError, match=f"grid.yaml.*{words}"):
        read_grid(tmp_path / "grid.yaml")


def test_names_are_readable_and_safe():
    assert point_names([{}]) == [""]
    assert point_names([{"conditioning": "latent", "seed": 1}]) == [
        "conditioning=latent,seed=1"
    ]
    hard = [
        {"data": "../a b"},
        {"data": "../a_b"},
        {"data": "A"},
        {"data": "a"},
        {"data": "x" * 300},
        {"data": "x" * 299},
        {"data": "ends."},
        {"data": "naïve:*?"},
        {"data": "1"},
        {"data": 1},
    ]
    names = point_names(hard)
    assert len({name.lower() for name in names}) == len(hard)
    for name in names:
        assert name.isascii() and not set(name) & set('/\\:*?"<>| ')
        assert len(name) < LONGEST + 10 and not name.endswith(".")


def test_each_point_is_a_folder_of_its_own(tmp_path):
    paths = [
        notebook(tmp_path / "n", "02_b", "seed = 0\nrun_dir = ''", "1"),
        notebook(tmp_path / "n", "01_a", "rate = 0.1\nrun_dir = ''", "1"),
        notebook(tmp_path / "n", "10_alone", "seed = 0", "1"),
    ]
    (tmp_path / "grid.yaml").write_text("seed: [0, 1]")
    out = tmp_path / "out"
    runs = plan(paths, out, {"rate": 0.5}, grid=tmp_path / "grid.yaml")
    assert [run.label for run in runs[:3]] == [
        *("seed=0/01_a", "seed=0/02_b", "seed=0/10_alone")
    ]
    assert runs[0].parameters == {"rate": 0.5, "run_dir": str(out / "seed=0")}
    assert runs[4].parameters == {"seed": 1, "run_dir": str(out / "seed=1")}
    # Who shares a folder waits; who does not, does not.
    assert runs[1].after == ("seed=0/01_a",) and runs[3].after == runs[2].after == ()
    assert len({run.folder for run in runs}) == 6


def test_a_second_half_follows_the_first(tmp_path):
    names = ["05_c", "04b_b", "04_a", "04b_solutions", "10_d", "04_solutions", "last"]
    paths = [notebook(tmp_path, name, "run_dir = ''", "1") for name in names]
    for path in (tmp_path / "4c_no_course.ipynb", tmp_path / "04bc_none.ipynb"):
        path.write_text("")
    course = ["04_a", "04_solutions", "04b_b", "04b_solutions", "05_c", "10_d"]
    assert [path.stem for path in numbered(tmp_path)] == course
    runs = plan(paths, tmp_path / "out")
    assert [run.name for run in runs] == [*course, "last"]
    assert runs[2].after == ("04_a", "04_solutions")


def test_files_and_hand_and_grid_in_this_order(tmp_path):
    path = notebook(tmp_path / "n", "01_a", "a = 0\nb = 0\nc = 0\nd = 0", "1")
    for name, content in (
        ("profile", "{a: 1, b: 1, c: 1, d: 1}"),
        ("file", "{b: 2, c: 2, d: 2}"),
        ("grid", "d: [4]"),
    ):
        (tmp_path / f"{name}.yaml").write_text(content)
    (run,) = plan(
        *([path], tmp_path / "out", {"c": 3, "d": 3}),
        profile=tmp_path / "profile.yaml",
        files=[tmp_path / "file.yaml"],
        grid=tmp_path / "grid.yaml",
    )
    assert run.parameters == {"a": 1, "b": 2, "c": 3, "d": 4}
    for name in ("file", "grid"):
        (tmp_path / f"{name}.yaml").write_text("e: [5]" if name == "grid" else "e: 5")
    with pytest.raises(InputError, match="file.yaml: unknown parameter e"):
        plan([path], tmp_path / "out", files=[tmp_path / "file.yaml"])
    with pytest.raises(InputError, match="grid.yaml, for 01_a: unknown parameter e"):
        plan([path], tmp_path / "out", grid=tmp_path / "grid.yaml")


def test_fingerprint_changes_with_notebook_and_parameters(tmp_path):
    path = notebook(tmp_path / "n", "01_a", "seed = 0\nrun_dir = ''", "1")

    def of(out="out", **parameters):
        (run,) = plan([path], tmp_path / out, parameters)
        return fingerprint(run)

    first = of(seed=1)
    assert of(seed=1) == first
    assert of(seed=1, out="moved") == first  # Where it lies does not matter,
    content = nbformat.read(path, as_version=4)
    content.cells[1].outputs = [nbformat.v4.new_output("stream", text="1")]
    content.cells[1].execution_count = 1
    nbformat.write(content, path)
    assert of(seed=1) == first  # nor that it was saved with outputs.
    others = {of(seed=2), of(), of(seed=1, run_dir="elsewhere")}
    notebook(tmp_path / "n", "01_a", "seed = 0\nrun_dir = ''", "2")
    others.add(of(seed=1))
    assert len(others) == 4 and first not in others


def test_the_course_is_the_default():
    names = [path.stem for path in course_notebooks()]
    assert "01_data" in names and "07_multitask" in names and names == sorted(names)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks/sweeps").glob("*.yaml")))
def test_the_courses_sweeps_fit_the_multitask_notebook(path):
    points = read_grid(path)
    known = known_parameters(ROOT / "notebooks" / "07_multitask.ipynb")
    assert all(set(point) <= known for point in points)
    assert {point["seed"] for point in points} == {0, 1, 2}
    assert point_names(points)[0].startswith(next(iter(points[0])))


@pytest.mark.parametrize("path", course_notebooks(), ids=lambda path: path.stem)
def test_plain_papermill_takes_every_profile(path, tmp_path):
    """It warns of what other notebooks know, and puts in what this one knows."""
    import papermill

    for profile in PROFILES:
        values = read_parameters(path.parent / "profiles" / f"{profile}.yaml")
        content = papermill.execute_notebook(
            path, tmp_path / path.name, parameters=values, prepare_only=True
        )
        tags = [cell.metadata.get("tags", []) for cell in content.cells]
        injected = content.cells[tags.index(["injected-parameters"])].source
        for name in set(values) & known_parameters(path):
            assert f"{name} = " in injected
        assert tags.index(["parameters"]) + 1 == tags.index(["injected-parameters"])


def test_a_point_is_part_of_a_runs_label():
    assert Run("n/01_a.ipynb", "out").label == "01_a"
    assert Run("n/01_a.ipynb", "out/s=1", {}, {"s": 1}).label == "s=1/01_a"


def test_solutions_alone_take_the_profile_of_the_notebooks_above(tmp_path):
    solutions = sorted((ROOT / "notebooks" / "solutions").glob("*.ipynb"))
    runs = plan(solutions, tmp_path, profile="smoke")
    assert [run.notebook for run in runs] == solutions
    assert any("studies" in run.parameters for run in runs)


COURSE = ROOT / "notebooks"


def test_a_profile_given_by_hand_is_the_profile(tmp_path):
    path = COURSE / "07_multitask.ipynb"
    (run,) = plan([path], tmp_path, {"profile": Word("full")}, profile="smoke")
    assert run.parameters["profile"] == "full" and run.parameters["epochs"] == 20
    (tmp_path / "other.yaml").write_text("profile: course\n")
    for given in ({"files": [tmp_path / "other.yaml"]}, {"grid": tmp_path / "g.yaml"}):
        (tmp_path / "g.yaml").write_text("profile: [course, full]\n")
        with pytest.raises(InputError, match="chosen with --profile"):
            plan([path], tmp_path, profile="smoke", **given)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("epoch: 3", "unknown parameter epoch"),
        ("epochs: ten", "must be a whole number"),
        ("epochs:", "must be a whole number"),
    ],
    ids=["name", "type", "empty"],
)
def test_a_profile_of_ones_own_is_read_strictly(tmp_path, content, words):
    (tmp_path / "mine.yaml").write_text(content + "\n")
    with pytest.raises(InputError, match=words):
        fill_in({"profile": str(tmp_path / "mine.yaml"), "epochs": None})


def test_a_profile_may_say_where_data_are(tmp_path):
    (tmp_path / "mine.yaml").write_text("columns: report=notes\nepochs: 3\n")
    names = {"profile": str(tmp_path / "mine.yaml"), "epochs": None, "columns": ""}
    chosen, said = fill_in(names)
    assert names["columns"] == "report=notes" and chosen["epochs"] == 3
    assert "instead of" not in said
    names |= {"columns": "report=text"}
    assert fill_in(names)[0]["columns"] == "report=text"

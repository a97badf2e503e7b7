"""Every notebook: its form, its lint, and that it runs; new ones are found by name."""

import ast
import json
import pathlib
import re
import shutil
import statistics
import subprocess
import sys

import nbformat
import pytest
import yaml

from coursework.grade.recount import DERIVED
from coursework.results import read_results
from coursework.run.profiles import PROFILES, fill_in, profile_values
from coursework.run.runner import known_parameters, run_notebooks
from cxrlib.environment import COURSE_URL

FOLDER = pathlib.Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SOLUTIONS = sorted((FOLDER / "solutions").glob("*.ipynb"))
LONGEST, MEDIAN, MOST = 30, 11, 90  # lines of a code cell; cells of a notebook


def each(paths):
    return pytest.mark.parametrize("path", paths, ids=[path.stem for path in paths])


each_notebook, each_solution = each(NOTEBOOKS), each(SOLUTIONS)
each_file = each([*NOTEBOOKS, *SOLUTIONS])


def cells(path, kind=None):
    content = nbformat.read(path, as_version=4)
    return [cell for cell in content.cells if kind in (None, cell.cell_type)]


def tagged(path):
    return [c for c in cells(path) if "parameters" in c.metadata.get("tags", [])]


def number(path):
    """`04`, or `04b` for the second half of a notebook."""
    return path.stem.split("_")[0]


def lines(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


def test_there_are_notebooks():
    assert NOTEBOOKS, f"{FOLDER} holds no notebook"


# === Form ===


@each_file
def test_file_is_valid_and_bare(path):
    content = nbformat.read(path, as_version=4)
    nbformat.validate(content)
    assert content.metadata.kernelspec.name == "python3"
    assert not content.metadata.get("papermill"), "an executed copy was committed"
    ids = [cell.id for cell in content.cells]
    assert len(set(ids)) == len(ids)
    for cell in cells(path, "code"):
        assert not cell.outputs and cell.execution_count is None, cell.id
    for cell in content.cells:
        assert not set(cell.metadata) - {"tags", "nbgrader"}, cell.id


@each_notebook
def test_opening(path):
    first = cells(path)[0].source
    title = f"# {number(path).removeprefix('0')} · "
    assert re.match(title + r"\S", first), f"begin with a title, '{title}…'"
    for word in ("You will learn", "Input", "Output", "Time", "CPU", "T4", "Memory"):
        assert word in first, f"the opening does not say: {word}"
    assert "Not for clinical use" in first


@each_notebook
def test_badges_and_fetch_come_from_the_course_url(path):
    first, fetch = cells(path)[0].source, cells(path, "code")[0].source
    place = f"/blob/main/notebooks/{path.name}"
    colab = COURSE_URL.replace(
        "https://github.com", "https://colab.research.google.com/github"
    )
    assert f"]({colab}{place})" in first
    assert f"](https://kaggle.com/kernels/welcome?src={COURSE_URL}{place})" in first
    assert f'"{COURSE_URL}"' in fetch, "the fetch cell clones another repository"
    assert "COLAB_RELEASE_TAG" in fetch and "KAGGLE_KERNEL_RUN_TYPE" in fetch
    assert "import cxrlib" not in fetch and "from cxrlib" not in fetch
    assert "pip" not in fetch, "requirements/hosted.txt says what is missing there"


@each_file
def test_all_are_fetched_and_introduced_alike(path):
    ours, first = cells(path), cells(NOTEBOOKS[0])
    same = {"fetch-text", "fetch"} | ({"start-text"} if path in NOTEBOOKS else set())
    texts = [{c.id: c.source for c in each if c.id in same} for each in (ours, first)]
    assert texts[0] == texts[1]
    # A cell that loads Keras before `start` brings TensorFlow's chatter in.
    start = next(cell.source for cell in ours if cell.id == "start")
    assert "import keras" not in start and "import tensorflow" not in start


@each_file
def test_one_cell_of_parameters_that_a_profile_fills_in(path):
    (cell,) = tagged(path)
    code = cells(path, "code")
    assert [each.id for each in code[:3]] == ["fetch", "parameters", "start"]
    assert f'start("{path.stem}", globals())' in code[2].source
    assert cell.source.startswith('profile = "course"  # ')
    values = {}
    for statement in ast.parse(cell.source).body:
        assert isinstance(statement, ast.Assign), ast.unparse(statement)
        values[statement.targets[0].id] = ast.literal_eval(statement.value)
    # A comment with an equals sign makes papermill pass over the line.
    assert known_parameters(path) == set(values)
    assert {"run_dir", "keep_on_drive", "mixed_precision"} < set(values)
    open_ones = {name for name, value in values.items() if value is None}
    assert open_ones == set(values) & set(profile_values("course"))
    filled = values | {"profile": "smoke"}
    fill_in(filled)
    assert None not in filled.values()


@each_file
def test_code_is_introduced(path):
    """By prose, and not by filler; a few cells in a row may belong together."""
    kinds = "".join(cell.cell_type[0] for cell in cells(path))
    assert "c" * 6 not in kinds, "six cells of code in a row"
    for cell in cells(path, "markdown"):
        words = len(cell.source.split())
        assert words > 3 or cell.source.startswith("#"), cell.source


@each_file
def test_code_cells_are_short(path):
    lengths = {
        cell.id: len(lines(cell))
        for cell in cells(path, "code")
        if cell.id != "parameters"  # A list to look things up in.
    }
    assert all(lengths.values()), "an empty code cell"
    assert max(lengths.values()) <= LONGEST, lengths
    lengths.pop("fetch")  # The same in all, and no content.
    assert statistics.median(lengths.values()) <= MEDIAN, lengths


@each_notebook
def test_ending(path):
    prose = "\n".join(cell.source for cell in cells(path, "markdown"))
    places = [prose.index(f"\n## {name}") for name in SECTIONS]
    assert places == sorted(places), f"in this order: {SECTIONS}"
    questions = prose[places[-1] :]
    assert questions.count("<details>") == questions.count("</details>") == 5
    last = cells(path, "code")[-1].source
    assert last.startswith("finish(results, {"), last


@each_notebook
def test_not_longer_than_one_can_read(path):
    assert len(cells(path)) <= MOST


# === Exercises ===

SECTIONS = ("What to notice", "Recall")


def exercises(path):
    """`[(text, code or None), …]`, the cells of each exercise, wherever they stand."""
    by_id = {cell.id: cell for cell in cells(path)}
    texts = [name for name in by_id if re.fullmatch(r"exercise-\d+-text", name)]
    return [(by_id[name], by_id.get(name.removesuffix("-text"))) for name in texts]


def graded_exercises(path):
    """Those of them that ask for an answer."""
    return [(text, code) for text, code in exercises(path) if code is not None]


def graded(grade_id, **differs):
    """What nbgrader wants to find in a cell's metadata."""
    form = {"grade": False, "locked": True, "solution": False, "task": False}
    return form | {"grade_id": grade_id, "schema_version": 3} | differs


@each_notebook
def test_exercises_are_numbered_and_graded(path):
    assert 2 <= len(graded_exercises(path)) <= 4
    for n, (text, code) in enumerate(exercises(path), start=1):
        assert text.id == f"exercise-{n}-text"
        assert re.match(rf"(### |.*\*\*)Exercise {n}\b", text.source, re.DOTALL)
        if code is None:
            assert f"**Exercise {n}** (no points). " in text.source
            continue
        name = f"{number(path)}-exercise-{n}"
        assert text.metadata.nbgrader == graded(f"{name}-text")
        points = code.metadata.nbgrader.get("points")
        assert isinstance(points, int) and points > 0, name
        own = {"grade": True, "locked": False, "solution": True, "points": points}
        assert code.metadata.nbgrader == graded(name, **own)
        assert re.fullmatch(rf'answer_{n} = ""  # \S.*', code.source), code.source


NO_MODEL = ("00",)  # These train none, so that none can be changed.
EFFORT = r"\n\n\*Effort: ([a-z][^*]+)\.\*$"


@each_notebook
def test_one_exercise_changes_the_model(path):
    if number(path) in NO_MODEL:
        pytest.skip("there is no model in it")
    texts = [text.source.lower() for text, _ in exercises(path)]
    changing = [re.search(r"change(s)? the (model|training)", text) for text in texts]
    assert any(changing)


@each_notebook
def test_exercises_say_their_effort_and_begin_easily(path):
    efforts = [re.search(EFFORT, text.source) for text, _ in exercises(path)]
    assert all(efforts), "end it with *Effort: …*"
    assert "training" not in efforts[0][1] and "thirty" not in efforts[0][1]
    # What is long is begun for the student.
    for (text, _), effort in zip(exercises(path), efforts, strict=True):
        assert ("above" in effort[1] and "hardest" in effort[1]) == (
            "```python" in text.source
        )


@each_notebook
def test_every_answer_is_handed_in(path):
    source = cells(path, "code")[-1].source
    (call,) = re.findall(r"finish\(results, (\{.*?\})", source, re.DOTALL)
    numbers = [code.id.removeprefix("exercise-") for _, code in graded_exercises(path)]
    asked = [f"'{n}': answer_{n}" for n in numbers]
    assert ast.unparse(ast.parse(call)) == f"{{{', '.join(asked)}}}"


@each_notebook
def test_every_section_asks_for_a_prediction(path):
    sections = numbered_sections(path)
    assert len(sections) > 2
    for title, prose in sections.items():
        asked = prose.count("**Predict, then run.** ")
        answers = prose.count("<details><summary>Answer</summary>")
        assert asked == answers > 0, title


@each_notebook
def test_five_recall_questions(path):
    recall = numbered_sections(path, "Recall")["Recall"]
    for n in range(1, 6):
        assert f"<details><summary>{n}. " in recall
    assert recall.count("<details>") == recall.count("</details>") == 5


def numbered_sections(path, title=r"\d+\. .*"):
    """A dict, heading → prose, of the sections whose heading is so."""
    prose = "\n".join(cell.source for cell in cells(path, "markdown"))
    parts = re.split(r"^## (.*)$", prose, flags=re.MULTILINE)[1:]
    return {
        head: text
        for head, text in zip(parts[::2], parts[1::2], strict=True)
        if re.fullmatch(title, head)
    }


# === Solutions ===


def test_every_notebook_has_its_solutions():
    assert [path.stem for path in SOLUTIONS] == [
        f"{number(path)}_solutions" for path in NOTEBOOKS
    ]


@each_solution
def test_solutions_open_alike(path):
    title = f"# {number(path).removeprefix('0')} · Solutions: "
    assert re.match(title + r"\S", cells(path)[0].source)


@each_solution
def test_solutions_answer_every_exercise(path):
    (notebook,) = FOLDER.glob(f"{number(path)}_*.ipynb")
    prose = "\n".join(cell.source for cell in cells(path, "markdown"))
    code = [cell.source for cell in cells(path, "code")]
    for n, (_, graded_cell) in enumerate(exercises(notebook), start=1):
        assert f"## Exercise {n}" in prose
        if graded_cell is None:
            continue
        assert re.search(rf"^answer_{n} = ", "\n".join(code), re.MULTILINE), n
        assert f"answer_{n}" in code[-1] and "print" in code[-1]


@each_solution
def test_solutions_name_a_wrong_conclusion_for_every_exercise(path):
    prose = "\n".join(cell.source for cell in cells(path, "markdown"))
    parts = re.split(r"^## ", prose, flags=re.MULTILINE)
    parts = [part for part in parts if part.startswith("Exercise ")]
    for part in parts:
        title = part.splitlines()[0]
        wrong = r"wrong conclusion|wrong answer|conclusions would be wrong"
        assert re.search(wrong, part, re.IGNORECASE), title


# === Lint ===


@each_file
def test_ruff(path):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", str(path)],
        capture_output=True,
        text=True,
        cwd=FOLDER.parent,
    )
    if "No module named ruff" in done.stderr:
        pytest.skip("ruff is not installed: pip install '.[test]'")
    assert done.returncode == 0, done.stdout + done.stderr


# === Profiles ===


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_hold_known_scalars(profile):
    content = yaml.safe_load((FOLDER / "profiles" / f"{profile}.yaml").read_text())
    known = set().union(*map(known_parameters, [*NOTEBOOKS, *SOLUTIONS]))
    assert not set(content) - known, "no notebook knows these"
    whole = profile_values("course")
    assert set(content) <= set(whole), "course has a value for every parameter"
    for name, value in content.items():
        assert type(value) is type(whole[name]), name
    assert "run_dir" not in content, "the runner says where a run goes"


# === Execution ===


@pytest.fixture(scope="module")
def smoke_run(tmp_path_factory):
    """All in one batch, so that each finds what the ones before left."""
    out = tmp_path_factory.mktemp("smoke")
    status = run_notebooks(NOTEBOOKS, out, profile="smoke", progress=False)
    return out, status


@pytest.mark.notebook
@pytest.mark.long
def test_frontals_may_be_cropped_to_the_lungs(tmp_path):
    """As `full` has it; the other profiles leave them whole."""
    cropping = [path for path in NOTEBOOKS if "crop" in known_parameters(path)]
    values = {"crop": "lungs"}
    assert not run_notebooks(cropping, tmp_path, values, "smoke", progress=False)


@pytest.fixture(scope="module")
def solved_run(smoke_run):
    """The solutions, run on what the notebooks left."""
    out = smoke_run[0]
    return out, run_notebooks(SOLUTIONS, out, profile="smoke", progress=False)


@pytest.mark.notebook
def test_the_batch_is_done_and_shown(smoke_run):
    out, status = smoke_run
    assert status == 0
    page = (out / "index.html").read_text()
    assert "PHANTOM" in page
    assert all(path.stem in page for path in NOTEBOOKS)


@pytest.mark.notebook
@each_notebook
def test_each_leaves_results_and_figures(smoke_run, path):
    folder = smoke_run[0] / path.stem
    record = read_results(folder / "results.json")
    assert record["notebook"] == path.stem
    assert record["dataset"]["ground"] == "phantom"
    assert record["dataset"]["fingerprint"]
    assert record["metrics"] and record["environment"]["versions"]["keras"]
    saved = list((folder / "figures").glob("*.png"))
    assert saved and all(figure.stat().st_size for figure in saved)
    # A figure that was saved is also seen in the notebook.
    shown = sum(
        "image/png" in output.get("data", {})
        for cell in cells(folder / path.name, "code")
        for output in cell.outputs
    )
    assert shown >= len(saved)


@pytest.mark.notebook
def test_01_prepares_what_07_trains_on(smoke_run):
    from cxrlib.data.prepare import read_manifest

    out = smoke_run[0]
    manifest = read_manifest(out / "prepared")
    assert manifest["source"]["is_phantom"] and manifest["size"] == 64
    assert all(manifest["counts"].values())
    assert (out / "phantom" / "phantom.json").is_file()
    record = read_results(out / "01_data" / "results.json")
    assert record["dataset"]["fingerprint"] == manifest["source"]["fingerprint"]


# === Grading ===


def answers_of(solution):
    """The answers that an executed notebook of solutions printed last."""
    printed = "".join(o.get("text", "") for o in cells(solution, "code")[-1].outputs)
    # NumPy shows a number as np.float64(0.5).
    return ast.literal_eval(re.sub(r"np\.\w+\(([^()]*)\)", r"\1", printed))


@pytest.mark.long
@pytest.mark.notebook
def test_the_solutions_are_done_and_shown(solved_run):
    out, status = solved_run
    assert status == 0
    page = (out / "index.html").read_text()
    assert all(path.stem in page for path in SOLUTIONS)


@pytest.fixture(scope="module")
def graded_run(smoke_run, solved_run, tmp_path_factory):
    """The smoke run as handed in, with the answers of the solutions, and its grade."""
    from coursework.grade.grades import grade_class
    from coursework.grade.rubric_file import read_rubric

    student = tmp_path_factory.mktemp("students") / "course"
    for path in NOTEBOOKS:
        shutil.copytree(smoke_run[0] / path.stem, student / path.stem)
    for path in SOLUTIONS:
        (results,) = student.glob(f"{number(path)}_*/results.json")
        record = json.loads(results.read_text())
        record["answers"] = answers_of(smoke_run[0] / path.stem / path.name)
        results.write_text(json.dumps(record))
    (grade,) = grade_class(student.parent, read_rubric())
    return student, grade


@pytest.mark.long
@pytest.mark.notebook
@each_notebook
def test_the_rubric_fits_what_a_run_leaves(graded_run, path):
    student, grade = graded_run
    graded = grade.notebooks[path.stem]
    assert (graded.place, graded.troubles, graded.notes) == (f"{path.stem}/", [], [])
    metrics = read_results(student / path.stem / "results.json")["metrics"]
    for outcome in graded.outcomes:
        item = outcome.item
        for name in item.scores:  # Or what is beside a score.
            known = {*metrics, *DERIVED}
            assert {name, name.rpartition(".")[0]} & known, name
        if "divides by 0" in outcome.reason:
            continue  # A run as short as that may have said nothing at all.
        if item.cells or item.exercise:
            mark = "open" if item.words else "yes"
            assert outcome.mark == mark, (item.says, outcome.answer, outcome.reason)


# === What the prose claims ===


@pytest.mark.real
def test_01_tells_the_real_counts(real_data):
    from cxrlib.data.readers.indiana import describe_folder
    from cxrlib.data.splits import split_studies
    from cxrlib.data.studies import funnel, load_studies

    prose = "\n".join(c.source for c in cells(FOLDER / "01_data.ipynb", "markdown"))
    studies = load_studies(describe_folder(real_data / "indiana"))
    kept, steps = funnel(studies)
    normal, abnormal = (kept.impression[kept.abnormal.eq(label)] for label in (0, 1))
    both = studies.frontals.ge(1) & studies.laterals.ge(1) & studies.impression.ne("")
    said = [
        *steps["count"],
        len(normal),
        len(abnormal),
        (studies.abnormal.eq(0) & both).sum(),
        abnormal.isin(set(normal)).sum(),
    ]
    for count in said:
        assert re.search(rf"\b{count:,}\b", prose), f"{count:,} is not in the prose"
    split = split_studies(kept, (0.7, 0.1, 0.2), 0)
    test, train = (split.impression[split.split.eq(s)] for s in ("test", "train"))
    assert f"{test.isin(set(train)).mean():.0%}".replace("%", " %") in prose
    # Whoever predicts which text and which step: what the answers say.
    texts = studies[["indication", "findings", "impression"]]
    masked = texts.apply(lambda text: text[text.ne("")].str.contains("XXXX").mean())
    assert masked.idxmax() == "indication"
    assert steps["dropped"].idxmax() == len(steps) - 1

"""Every notebook and solution as on a T4, where layers compute in float16."""

import pathlib

import pytest

from coursework.results import read_results
from coursework.run.runner import run_notebooks

FOLDER = pathlib.Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SOLUTIONS = sorted((FOLDER / "solutions").glob("*.ipynb"))


@pytest.fixture(scope="module")
def half_run(tmp_path_factory):
    """All in one batch, in half precision on whatever machine this is."""
    out = tmp_path_factory.mktemp("half")
    values = {"mixed_precision": "true"}
    return out, [
        run_notebooks(paths, out, values, "smoke", progress=False)
        for paths in (NOTEBOOKS, SOLUTIONS)
    ]


@pytest.mark.notebook
def test_all_notebooks_and_solutions_run_in_half_precision(half_run):
    out, status = half_run
    assert status == [0, 0], (out / "runs.csv").read_text()


@pytest.mark.notebook
@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_it_was_half_precision(half_run, path):
    record = read_results(half_run[0] / path.stem / "results.json")
    assert record["environment"]["mixed_precision"] is True
    assert record["metrics"]

"""What is handed in: the same bytes twice, the newest notebook, and no foreign file."""

import json
import os
import sys
import types
import zipfile

import numpy as np
import pandas as pd
import pytest

from coursework.record import read_results
from coursework.results import Results
from coursework.submission import fetch_notebook, pack_submission
from cxrbase.files import InputError

NAME = "01_data"


@pytest.fixture(autouse=True)
def nowhere_special(monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)


def write_notebook(path, text="print(1)", count=1):
    cell = {"cell_type": "code", "execution_count": count, "source": text}
    path.write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    return path


@pytest.fixture()
def results(tmp_path):
    results = Results(tmp_path, NAME)
    results.dataset("phantom", {"train": 2})
    results.write()
    return results


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# === Packing ===


def test_zip_holds_what_the_grader_reads(results):
    results.predictions = pd.DataFrame({"uid": ["1"], "reference": ["Clear."]})
    results.write()
    write_notebook(results.folder / f"{NAME}.ipynb")
    (results.folder / "model.keras").write_bytes(b"large")
    held = members(results.pack())
    names = (f"{NAME}.ipynb", "predictions.csv", "results.json")
    assert list(held) == [f"{NAME}/{name}" for name in names]
    for name in names:
        assert held[f"{NAME}/{name}"] == (results.folder / name).read_bytes()


def test_the_same_files_give_the_same_bytes(results):
    path = pack_submission(results.folder)
    first = path.read_bytes()
    os.utime(results.folder / "results.json", (1, 1))
    assert pack_submission(results.folder).read_bytes() == first


def test_predictions_of_an_earlier_run_are_left_out(results):
    (results.folder / "predictions.csv").write_text("uid\n1\n")
    assert list(members(results.pack())) == [f"{NAME}/results.json"]


def test_a_named_notebook_is_packed(results, tmp_path):
    write_notebook(results.folder / f"{NAME}.ipynb", "old")
    named = write_notebook(tmp_path / "mine.ipynb", "mine")
    held = members(pack_submission(results.folder, named))
    assert held[f"{NAME}/{NAME}.ipynb"] == named.read_bytes()
    with pytest.raises(InputError, match="yours.ipynb: there is no such file"):
        pack_submission(results.folder, tmp_path / "yours.ipynb")


def test_nothing_to_pack_is_reported_and_an_old_zip_kept(results):
    path = results.pack()
    before = path.read_bytes()
    (results.folder / "results.json").unlink()
    with pytest.raises(InputError, match=r"Call results.write\(\) before"):
        results.pack()
    assert path.read_bytes() == before
    assert not list(results.folder.glob(".partial*"))


# === The running notebook ===


def test_without_a_notebook_the_rest_is_packed_and_it_says_how(results, capsys):
    assert list(members(results.pack())) == [f"{NAME}/results.json"]
    said = capsys.readouterr().out
    assert f"hand it in beside the zip, as {NAME}.ipynb" in said
    assert len(said.splitlines()) == 1


def test_jupyters_file_is_brought_in(results, tmp_path, monkeypatch, capsys):
    saved = write_notebook(tmp_path / "Untitled.ipynb")
    monkeypatch.setenv("JPY_SESSION_NAME", str(saved))
    held = members(results.pack())
    assert held[f"{NAME}/{NAME}.ipynb"] == saved.read_bytes()
    assert not capsys.readouterr().out


@pytest.mark.parametrize("newest", ["run", "session"])
def test_the_newest_copy_wins(results, tmp_path, monkeypatch, newest):
    ours = write_notebook(results.folder / f"{NAME}.ipynb", "run")
    saved = write_notebook(tmp_path / "saved.ipynb", "session")
    os.utime(saved if newest == "run" else ours, (1, 1))
    monkeypatch.setenv("JPY_SESSION_NAME", str(saved))
    assert fetch_notebook(results.folder) is None
    assert newest in ours.read_text()


def test_a_session_that_is_no_notebook_is_passed_over(results, tmp_path, monkeypatch):
    (tmp_path / "console").write_text("no notebook")
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "console"))
    assert "not in the zip" in fetch_notebook(results.folder)


def test_papermills_path_is_taken_where_it_was_injected(results, tmp_path, monkeypatch):
    out = write_notebook(tmp_path / "out.ipynb")
    shell = types.SimpleNamespace(user_ns={"PAPERMILL_OUTPUT_PATH": str(out)})
    fake = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", fake)
    assert fetch_notebook(results.folder) is None
    assert (results.folder / f"{NAME}.ipynb").read_bytes() == out.read_bytes()


@pytest.mark.parametrize(
    "content", ["", "[]", '{"cells": [{"execution_count": null}]}']
)
def test_a_notebook_saved_without_outputs_is_reported(results, content):
    (results.folder / f"{NAME}.ipynb").write_text(content)
    assert "save it now and run this cell again" in fetch_notebook(results.folder)


def fake_colab(monkeypatch, answer):
    def blocking_request(name, request="", timeout_sec=5):
        assert name == "get_ipynb"
        if isinstance(answer, Exception):
            raise answer
        return answer

    message = types.SimpleNamespace(blocking_request=blocking_request)
    colab = types.SimpleNamespace(_message=message)
    google = types.SimpleNamespace(colab=colab)
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", colab)


def test_colab_is_asked_for_what_it_shows(results, monkeypatch, capsys):
    shown = {"cells": [{"cell_type": "markdown", "source": ["größer"]}]}
    fake_colab(monkeypatch, {"ipynb": shown})
    held = members(results.pack())
    assert json.loads(held[f"{NAME}/{NAME}.ipynb"]) == shown
    assert not capsys.readouterr().out


@pytest.mark.parametrize("answer", [None, {"error": "no"}, TimeoutError("late")])
def test_a_colab_that_does_not_answer_stops_nothing(results, monkeypatch, answer):
    fake_colab(monkeypatch, answer)
    assert list(members(results.pack())) == [f"{NAME}/results.json"]


# === Answers ===


def test_answers_go_into_the_results(results):
    results.answers({"1": np.float32(0.5), "2": "The left one.", "3": None, "10": 4})
    record = read_results(results.write())
    assert record["answers"] == {"1": 0.5, "2": "The left one.", "3": None, "10": 4}


def test_results_without_answers_are_read(results):
    assert "answers" not in read_results(results.folder / "results.json")


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (["a"], "answers are not a dict"),
        ({1: "a"}, "answer 1: the name is not a number"),
        ({"one": "a"}, "answer 'one': the name is not a number"),
        ({"1": [0.5]}, "answer 1: give one finite number or a text, not list"),
        ({"2": float("nan")}, "answer 2: give one finite number"),
        ({"3": np.zeros(3)}, "answer 3: .* not ndarray"),
    ],
)
def test_other_answers_are_refused(results, answers, words):
    with pytest.raises(InputError, match=words):
        results.answers(answers)


def test_a_reader_refuses_them_too(results):
    path = results.folder / "results.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"answers": ["a"]}))
    with pytest.raises(InputError, match="results.json: results: answers are not"):
        read_results(path)

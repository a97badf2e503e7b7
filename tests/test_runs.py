import json
import pathlib
import sys

import numpy as np
import pandas as pd
import pytest
from small_notebooks import PARAMETERS, notebook, printed

from coursework.card.card import write_model_card
from coursework.pages.page import write_index
from coursework.pages.scores import scores_of
from coursework.results import Results
from coursework.run.runner import Run, execute, known_parameters, plan, run_notebooks
from cxrbase.files import InputError
from cxrscore.tables import format_interval

# === Runner ===


def test_a_run_leaves_copy_page_and_status(tmp_path, monkeypatch):
    # A kernel registered elsewhere as python3 must not be taken.
    foreign = tmp_path / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    spec = {"argv": ["/nowhere/python"], "display_name": "?", "language": "python"}
    (foreign / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    path = notebook(
        tmp_path / "notebooks",
        "01_small",
        PARAMETERS,
        "import os, sys\nprint(sys.executable, os.environ['EXTRA'])",
        "print(number, run_dir)",
    )
    (run,) = plan([path], tmp_path / "out", {"number": 5})
    status = execute(run, progress=False, env={"EXTRA": "yes"})
    assert status["status"] == "done" and status["parameters"]["number"] == 5
    folder = tmp_path / "out" / "01_small"
    said = printed(folder / "01_small.ipynb")
    assert f"{sys.executable} yes" in said and f"5 {tmp_path / 'out'}" in said
    assert "executable" in (folder / "01_small.html").read_text()
    assert json.loads((folder / "status.json").read_text()) == status
    # The original keeps its kernel and has no outputs.
    assert "somebody-elses" in path.read_text() and printed(path) == ""


def test_one_failure_does_not_stop_the_others(tmp_path, capsys):
    source = tmp_path / "notebooks"
    paths = [
        notebook(source, "01_fails", PARAMETERS, "1 / 0", "print('never')"),
        notebook(source, "02_dies", PARAMETERS, "import os; os._exit(1)", "1"),
        notebook(source, "03_fine", PARAMETERS, "print('fine')", "1"),
    ]
    out = tmp_path / "out"
    assert run_notebooks(paths, out, progress=False) == 1
    said = capsys.readouterr().out
    assert "01_fails failed" in said and "ZeroDivisionError" in said
    assert "02_dies failed" in said and "03_fine done" in said
    failure = json.loads((out / "01_fails" / "status.json").read_text())
    assert failure["cell"] == 3  # In [3]: papermill adds a cell of parameters.
    page = (out / "index.html").read_text()
    # In the summary, in the table of all runs, and at the head of its section.
    assert page.count('badge failed"') == 6 and page.count('badge done"') == 3


def test_a_hanging_cell_is_stopped(tmp_path):
    path = notebook(tmp_path, "01_hangs", "x = 1", "import time; time.sleep(600)")
    status = execute(Run(path, tmp_path / "out"), timeout=1, progress=False)
    assert status["status"] == "failed" and "imeout" in status["error"]


def test_a_failed_rerun_does_not_show_old_results(tmp_path):
    folder = tmp_path / "out" / "01_fails"
    folder.mkdir(parents=True)
    (folder / "results.json").write_text("{}")
    path = notebook(tmp_path, "01_fails", "x = 1", "1 / 0")
    execute(Run(path, tmp_path / "out"), progress=False)
    assert not (folder / "results.json").exists()
    assert (folder / "results.previous.json").read_text() == "{}"


def test_profile_gives_each_notebook_what_it_knows(tmp_path):
    first = notebook(tmp_path, "01_a", "studies = 1", "1")
    second = notebook(tmp_path, "02_b", "epochs = 1\nstudies = 1", "1")
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "smoke.yaml").write_text("studies: 3\nepochs: 2\n")
    runs = plan([first, second], tmp_path / "out", {"studies": 9}, profile="smoke")
    assert [run.parameters for run in runs] == [
        {"studies": 9},
        {"studies": 9, "epochs": 2},
    ]
    # A neighbour knows the parameter, so the profile is right for one notebook too.
    assert plan([first], tmp_path, profile="smoke")[0].parameters == {"studies": 3}


def test_unknown_parameters_are_errors_before_anything_runs(tmp_path):
    path = notebook(tmp_path, "01_a", PARAMETERS, "1", "2")
    with pytest.raises(InputError, match="unknown parameter nunber.*number, run_dir"):
        run_notebooks([path], tmp_path / "out", {"nunber": 3})
    with pytest.raises(InputError, match="unknown parameter"):
        execute(Run(path, tmp_path / "out", {"nunber": 3}))
    profile = tmp_path / "mine.yaml"
    profile.write_text("nunber: 3\n")
    with pytest.raises(InputError, match="mine.yaml: unknown parameter nunber"):
        plan([path], tmp_path / "out", profile=profile)
    assert not (tmp_path / "out").exists()


def test_bad_input_is_reported(tmp_path):
    path = notebook(tmp_path, "01_a", PARAMETERS, "1", "2")
    broken = tmp_path / "broken.ipynb"
    for content in ("{", '{"cells": 3}', '{"nbformat": 4, "cells": 3}'):
        broken.write_text(content)
        with pytest.raises(InputError, match="broken.ipynb: not a readable notebook"):
            known_parameters(broken)
    broken.unlink()
    with pytest.raises(InputError, match="no such notebook"):
        plan([tmp_path / "absent.ipynb"], tmp_path)
    with pytest.raises(InputError, match="no such profile"):
        plan([path], tmp_path, profile="smoke")
    for content in ("- 1", "a: [", "just words"):
        (tmp_path / "list.yaml").write_text(content)
        with pytest.raises(InputError, match="list.yaml"):
            plan([path], tmp_path, profile=tmp_path / "list.yaml")
    other = notebook(tmp_path / "more", "01_a", PARAMETERS, "1", "2")
    with pytest.raises(InputError, match="called 01_a"):
        plan([path, other], tmp_path)
    with pytest.raises(InputError, match="No notebook"):
        plan([], tmp_path)
    assert known_parameters(notebook(tmp_path, "b", "x = 1", tagged=False)) == set()


# === Page ===


def results_in(run_dir, name="07_multitask", ground="phantom", **texts):
    results = Results(run_dir, name)
    results.dataset(ground, {"train": 9, "test": 3}, seed=0)
    table = pd.DataFrame(
        {
            "uid": ["1", "2/b", "3"],
            "reference": ["No edema.", "Clear <b>lungs</b>.", "Effusion."],
            "prediction": ["No edema.", "", texts.get("prediction", "Effusion.")],
            "label": [1, 1, 1],
            "probability": [0.25, 0.5, 0.75],
            "ssim_frontal": [0.9, 0.95, 0.8],
        }
    )
    results.evaluate(table, train_texts=["No edema."])
    grey = np.full((16, 16, 1), 0.5)
    results.example("2/b", frontal=grey, frontal_reconstruction=grey)
    results.write()
    return results


def test_a_score_without_a_value_says_why(tmp_path):
    spanish = ["Derrame pleural izquierdo.", "Sin hallazgos.", "无气胸。双肺清晰。"]
    table = {"uid": ["1", "2", "3"], "reference": spanish, "prediction": spanish}
    results = Results(tmp_path, "07_multitask")
    results.dataset("phantom", {"test": 3})
    results.evaluate(pd.DataFrame(table))
    results.write()
    page = write_index(tmp_path).read_text()
    assert "None" not in page and page.count("undefined") >= 7
    assert "3 of 3 references do not read as English" in page
    assert "1 of 3 references leave no token: score 0" in page
    card = write_model_card(results.folder)[0].read_text()
    assert "| clinical.micro_f1_14 | undefined |" in card
    assert "3 of 3 references do not read as English" in card
    assert "Findings that" not in card  # Of what cannot be read nothing is said.


def test_a_column_of_arrays_is_refused(tmp_path):
    """As `predict_split` hands it to `evaluate_model`, which takes it out."""
    table = pd.DataFrame({"uid": ["1"], "latent": [np.zeros(3)]})
    with pytest.raises(InputError, match="the column latent holds arrays.*drop"):
        Results(tmp_path, "07_multitask").evaluate(table)


def test_page_shows_figures_studies_and_warnings(tmp_path):
    results = results_in(tmp_path, prediction="<script>alert(1)</script> 'x'")
    (results.folder / "figures").mkdir()
    (results.folder / "figures" / "a 100% #1.png").write_bytes(b"")
    page = write_index(tmp_path).read_text()
    assert "PHANTOM: simulated" in page and "Not for clinical use" in page
    assert "nltk.bleu_4" in page and "wordpunct_tokenize" in page
    assert "undefined: only one class in the n=3 labels" in page
    assert "<script>" not in page and "Clear &lt;b&gt;lungs" in page
    assert "07_multitask/figures/a%20100%25%20%231.png" in page
    assert "SSIM 0.950" in page and "(empty)" in page
    # The study that has images comes first, and its links lead to files.
    assert page.index("2/b") < page.index("No edema.</p>")
    for link in page.split('src="')[1:]:
        link = link.split('"')[0]
        if "%" not in link:
            assert (tmp_path / link).is_file()
    assert "http" not in page.replace("http-equiv", "")


def test_page_shows_intervals_baselines_and_words_of_warning(tmp_path):
    results_in(tmp_path, prediction="Effusion.")
    lungs = Results(tmp_path, "02_lungs")
    lungs.dataset("real", {"test": 3})
    lungs.metric("own.dice", 0.9, 3, constant=0.8, split="test")
    lungs.record["baselines"]["constant_mask"] = "mean of train"
    lungs.write()
    page = write_index(tmp_path).read_text()
    before, reports, others = page.split('<section id="')
    parts = before, others, reports  # What has report cards leads.
    metric = json.loads((tmp_path / "07_multitask" / "results.json").read_text())
    record = metric["metrics"]["frontal.ssim"]
    assert format_interval(record["interval"]) in parts[2]
    assert "n=3: so few studies" in parts[2]
    assert "best single report of train, “No edema.”" in parts[2]
    assert ">random</th>" in parts[2] and ">nearest</th>" not in parts[2]
    # The other notebook has one baseline, and its legend does not speak of reports.
    assert "one answer for every study: for a mask the mean of train" in parts[1]
    assert ">constant</th>" in parts[1] and ">random</th>" not in parts[1]
    legend = parts[1].split("What the baselines are")[1].split("</dl>")[0]
    assert "mean of train" in legend and "report" not in legend


def test_page_of_results_from_before_there_were_intervals(tmp_path):
    results_in(tmp_path)
    path = tmp_path / "07_multitask" / "results.json"
    record = json.loads(path.read_text())
    del record["warnings"], record["baselines"]["frequent_report"]
    for metric in record["metrics"].values():
        for key in ("interval", "fall_interval", "frequent", "random", "gain"):
            metric.pop(key, None)
        if metric["value"] is not None:  # Nor did a note say that there is none.
            metric.pop("note", None)
    path.write_text(json.dumps(record))
    page = write_index(tmp_path).read_text()
    assert "coco.bleu_4" in page and "Small print" not in page
    assert "coco.bleu_4" in scores_of(path.parent)


def test_table_for_the_readme_is_narrow(tmp_path):
    results = results_in(tmp_path)
    said = scores_of(results.folder).splitlines()
    head = next(line for line in said if line.startswith("| score"))
    assert (
        head == "| score | value | 95 % interval | best baseline | permuted | n | of |"
    )
    row = next(line for line in said if "coco.bleu_1 " in line)
    record = results.record["metrics"]["coco.bleu_1"]
    assert f"| {format_interval(record['interval'])} |" in row
    best = max(record[kind] for kind in ("constant", "frequent", "random"))
    assert f"| {best:.4f} " in row and "| 3 | test, impression |" in row
    assert any(line.startswith("**Warning.** n=3") for line in said)
    kept = scores_of(results.folder, ["coco.*"])
    assert "| coco.bleu_4 |" in "\n".join(said)
    assert "| coco.bleu_4 |" not in kept and "| text.distinct |" in kept


def test_page_of_real_data_has_no_phantom_mark(tmp_path):
    results_in(tmp_path, ground="real")
    page = write_index(tmp_path).read_text()
    assert "PHANTOM" not in page and "Not for clinical use" in page


def test_page_tells_what_is_broken(tmp_path):
    results = results_in(tmp_path)
    (results.folder / "results.json").write_text('{"schema": 1')
    (results.folder / "predictions.csv").write_text("study\n1\n")
    for name, content in (("02_odd", "[]"), ("03_cut", "{")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "status.json").write_text(content)
    (tmp_path / "not_a_notebook").mkdir()
    page = write_index(tmp_path).read_text()
    assert "not readable as JSON" in page and "no column uid" in page
    assert "03_cut" in page and "not_a_notebook" not in page


def test_page_of_nothing(tmp_path):
    assert "No notebook has left anything" in write_index(tmp_path).read_text()
    with pytest.raises(InputError, match="no such folder"):
        write_index(tmp_path / "absent")


def test_the_template_is_packaged():
    import coursework.pages.page as page

    folder = pathlib.Path(page.__file__).parent / "templates"
    assert (folder / "index.html.j2").is_file()

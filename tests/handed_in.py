"""Makes what students hand in, for the tests of grading; nothing is trained."""

import functools
import json
import pathlib
import shutil
import tempfile

import numpy as np
import pandas as pd
from impressions import NORMAL, REPORTS

import cxrlib
from coursework.grade.grades import grade_class
from coursework.grade.rubric_file import read_rubric
from coursework.results import Results
from coursework.student.seeds import student_seed
from cxrphantom.dataset import drawn_report
from cxrscore.evaluate import evaluate_predictions

NAME = "07_multitask"
CODES = ["import os", "seed = 1", "model = train(seed)", "answer_1 = ''", "write()"]
IDS = ["fetch", "parameters", "train", "exercise-1", "write"]
RUBRIC = """
title: A course
notebooks:
  07_multitask:
    title: Everything
    ground: phantom
    predictions: true
    items:
      - {points: 1, says: It ran., cells: ran}
      - {points: 1, says: Own training., cells: unchanged, ids: [train]}
      - {points: 2, says: It tells., metric: abnormal.auroc, above: 0.6,
         where: {split: test}}
      - {points: 2, says: It finds., metric: clinical.micro_f1_14, above: constant,
         where: {split: test, section: impression}, studies: 10}
      - {points: 2, says: It looks., id: looks, metric: clinical.micro_f1_14,
         above: shuffled, by: 0.05}
      - {points: 1, says: It learned., metric: training.loss, below: 1,
         where: {split: val}}
      - {points: 2, says: The share., exercise: 1, equals: 0.53, tolerance: 0.01}
      - {points: 2, says: Its name., exercise: 2, names: [pneumonia, consolidation]}
      - {points: 4, says: The reason., exercise: 3, words: 5}
"""
MOST = 17
ANSWERS = {"1": 0.53, "2": "Pneumonia.", "3": "because the image was looked at"}


def write_rubric(folder, text=RUBRIC):
    """The small rubric, and the course's own notebook that it compares with."""
    path = pathlib.Path(folder) / "rubric.yaml"
    path.write_text(text, encoding="utf-8")
    course = path.parent / "course"
    course.mkdir(exist_ok=True)
    write_notebook(course / f"{NAME}.ipynb", counts=[None] * len(CODES))
    return path


def rubric(folder, text=RUBRIC):
    """The same, read."""
    return read_rubric(write_rubric(folder, text))


def predictions(n=12, seed=0):
    """Good predictions of a few studies."""
    generator = np.random.default_rng(seed)
    reference = generator.choice(REPORTS, n)
    label = (reference != NORMAL).astype(float)
    return pd.DataFrame(
        {
            "uid": [str(uid) for uid in range(n)],
            "reference": reference,
            "prediction": np.where(generator.random(n) < 0.8, reference, NORMAL),
            "label": label,
            "probability": np.clip(0.6 * label + 0.5 * generator.random(n), 0, 1),
            "ssim_frontal": generator.random(n),
        }
    )


def write_notebook(path, codes=CODES, ids=IDS, counts=None, outputs=None, **content):
    """An executed notebook."""
    counts = range(1, len(codes) + 1) if counts is None else counts
    cells = [
        {
            "cell_type": "code",
            "id": name,
            "metadata": {
                **({"tags": ["parameters"]} if name == "parameters" else {}),
                **({"nbgrader": {"solution": True}} if "exercise" in name else {}),
            },
            "execution_count": count,
            "source": code.splitlines(keepends=True),
            "outputs": (outputs or {}).get(name, []),
        }
        for code, name, count in zip(codes, ids, counts, strict=True)
    ]
    prose = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# 7"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}}
    notebook |= {"cells": [prose, *cells]} | content
    path.write_text(json.dumps(notebook), encoding="utf-8")


def own_predictions(named, seed):
    """As `predictions`, of studies of the phantom of a student's seed."""
    table = predictions(seed=seed)
    drawn = [drawn_report(student_seed(named), int(uid)) for uid in table["uid"]]
    table["uid"] = [row["uid"] for row in drawn]
    table["reference"] = [row["impression"] for row in drawn]
    return table


def hand_in(student, name=NAME, seed=0, answers=ANSWERS, ground="phantom", named=""):
    """Leave `<student>/<name>/` with results, predictions and notebook."""
    results = Results(student, name)
    results.dataset(ground, {"train": 40, "test": 12}, seed=0, fingerprint="f1")
    table = predictions(seed=seed)
    if named:
        own = student_seed(named)
        results.record["parameters"] = {"student": named, "seed": own}
        results.record["parameters"]["section"] = "impression"
        results.record["dataset"] |= {"seed": own, "fingerprint": f"f{own}"}
        table = own_predictions(named, seed)
    told = {"train_texts": REPORTS, "train_labels": [1.0], "threshold": 0.4}
    found = evaluate_predictions(table, **told, intervals=False)
    results.predictions = found["table"]
    results.record["metrics"] = found["scores"]
    results.record["baselines"] = found["baselines"]
    results.record["environment"] = {"versions": {"cxrlib": cxrlib.__version__}}
    results.metric("training.loss", 0.5, 6, split="val")
    results.answers(answers)
    results.write()
    write_notebook(results.folder / f"{name}.ipynb")
    return results.folder


_once = tempfile.TemporaryDirectory()
_whole = functools.cache(lambda: hand_in(pathlib.Path(_once.name) / "ada"))


def ada(tmp_path):
    """What a good student hands in, to be spoiled: `<runs>/ada/07_multitask`."""
    return shutil.copytree(_whole(), tmp_path / "runs" / "ada" / NAME)


def graded(tmp_path, text=RUBRIC):
    """The grades of everybody in `<runs>`."""
    return grade_class(tmp_path / "runs", rubric(tmp_path, text), tmp_path / "course")


def said(tmp_path, text=RUBRIC):
    """Of the only student and notebook: marks and reasons by item, and the grade."""
    (student,) = graded(tmp_path, text)
    one = student.notebooks[NAME]
    return {o.item.id: (o.mark, o.reason) for o in one.outcomes}, one


def edit(folder, change):
    """Change a `results.json` by hand, as a student might."""
    path = folder / "results.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    record = change(record) or record
    path.write_text(json.dumps(record), encoding="utf-8")

"""Seconds that `python -m cxrlib grade` takes for a class, and whether it finds copies.

It makes up the class: every student hands in a zip per notebook, with results, an
executed notebook as large as those of a run, and, where the course has them,
predictions on the reports of a phantom of the student's own seed. Then one student
hands in another's zip of 07, and one another's words there; it fails if these two are
not found, or anybody else is.

    python benchmarks/grading.py [--students 60] [--studies 194] [--jobs N]
"""

import base64
import json
import os
import pathlib
import shutil
import tempfile
import time

import click
import numpy as np
import pandas as pd

from coursework.course import notebooks_folder
from coursework.grade.grades import alike, grade_class
from coursework.grade.report import write_pages
from coursework.grade.rubric_file import read_rubric
from coursework.results import Results
from coursework.student.seeds import student_seed
from cxrphantom.cases import sample_case
from cxrphantom.dataset import drawn_report
from cxrphantom.reports.grammar import impression_text
from cxrscore.evaluate import evaluate_predictions

# Those that leave predictions; the others leave scores only.
PREDICTING = ("03", "04", "06", "07", "08")
COPIED = "07_multitask"  # The only notebook in which somebody copies.
GIVERS = {1: 0, 3: 2}  # Who takes from whom: the zip, and the words of an answer.


def impressions(n, seed):
    """Impressions of `n` sampled studies."""
    generator = np.random.default_rng(seed)
    return [
        impression_text(sample_case(generator).findings, generator) for _ in range(n)
    ]


def predictions(references, pool, generator):
    """The output of one model: some reports right, the others of other studies."""
    n = len(references)
    drawn = {name: generator.choice(pool, n) for name in ("said", "nearest", "random")}
    right = generator.random(n) < 0.5
    label = np.array([float("o acute" not in text) for text in references])
    table = {
        "uid": np.arange(1, n + 1).astype(str),
        "reference": references,
        "prediction": np.where(right, references, drawn["said"]),
        "nearest": drawn["nearest"],
        "random": drawn["random"],
        "label": label,
        "probability": np.clip(0.3 * label + 0.7 * generator.random(n), 0, 1),
    }
    views = {f"ssim_{view}": generator.random(n) for view in ("frontal", "lateral")}
    return pd.DataFrame(table | views)


def executed(path, image):
    """The course's notebook as if it had been run, with one large picture."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    for count, cell in enumerate(code, start=1):
        cell["execution_count"] = count
    data = {"output_type": "display_data", "metadata": {}, "data": {"image/png": image}}
    code[-1]["outputs"] = [data]
    return json.dumps(notebook)


def thought(seed):
    """A long answer that no other student gives."""
    letters = np.random.default_rng(seed).integers(97, 123, (20, 6))
    return " ".join("".join(map(chr, word)) for word in letters)


def hand_in(folder, name, path, table, image, words):
    """Leave the zip of one notebook in a student's folder."""
    seed = student_seed(folder.name)
    own = {"student": folder.name, "seed": seed, "section": "impression"}
    results = Results(folder / "run", name, parameters=own)
    counts = {"train": 1000, "test": 194}
    results.dataset("phantom", counts, seed=seed, fingerprint=str(seed))
    if table is not None:
        text = table["reference"].iloc[0]
        told = {"constant": text, "frequent": text, "train_labels": [1.0]}
        found = evaluate_predictions(table, **told, intervals=False)
        results.predictions = found["table"]
        results.record["metrics"] = found["scores"]
        results.record["baselines"] = found["baselines"]
    results.metric("training.best_val_loss", 1.0, 100, split="val")
    results.answers({"1": 0.5, "2": "pneumonia", "3": words})
    results.write()
    (results.folder / path.name).write_text(executed(path, image), encoding="utf-8")
    results.pack().rename(folder / f"{name}.zip")
    for left in results.folder.iterdir():
        left.unlink()


def make_class(handed_in, students, studies, megabytes):
    """Leave what everybody hands in, two of whom have copied."""
    generator, pool = np.random.default_rng(0), impressions(1000, 1)
    for number in range(students):
        folder = handed_in / named(number)
        seed = student_seed(folder.name)
        drawn = [drawn_report(seed, index) for index in range(studies)]
        references = [row["impression"] or "No film." for row in drawn]
        for name in read_rubric().notebooks:
            path = notebooks_folder() / f"{name}.ipynb"
            table = None
            if name.split("_")[0] in PREDICTING:
                table = predictions(references, pool, generator)
            image = generator.bytes(int(megabytes * 750_000))
            image = base64.b64encode(image).decode()
            giver = GIVERS.get(number, number) if name == COPIED else number
            words = thought(student_seed(named(giver)))
            hand_in(folder, name, path, table, image, words)
    zips = [handed_in / named(number) / f"{COPIED}.zip" for number in (0, 1)]
    shutil.copyfile(*zips)


def named(number):
    """The name of a student of the class."""
    return f"student {number:03}"


def copies(grades):
    """Whom grading names beside each other, and whom for another's data."""
    pairs = sorted({tuple(students) for _, students in alike(grades)})
    return pairs, [grade.name for grade in grades if grade.foreign]


@click.command()
@click.option("--students", default=60, show_default=True, type=click.IntRange(6))
@click.option("--studies", default=194, show_default=True, help="Of the test split.")
@click.option("--megabytes", default=1.0, show_default=True, help="Of a notebook.")
@click.option("--jobs", type=int, help="Processes; all cores by default.")
def main(students, studies, megabytes, jobs):
    """Make up a class, grade it, and print the seconds of the second."""
    rubric = read_rubric()
    with tempfile.TemporaryDirectory() as temporary:
        handed_in = pathlib.Path(temporary) / "handed_in"
        make_class(handed_in, students, studies, megabytes)
        start, cpu = time.perf_counter(), sum(os.times()[:4])
        grades = grade_class(handed_in, rubric, processes=jobs)
        graded = time.perf_counter()
        write_pages(pathlib.Path(temporary) / "grade.html", grades, rubric)
        written, cpu = time.perf_counter(), sum(os.times()[:4]) - cpu
    click.echo(
        f"{students} students, {len(rubric.notebooks)} notebooks each, {studies} "
        f"studies: graded in {graded - start:.1f} s, pages in {written - graded:.1f} s "
        f"({cpu:.0f} s of all cores together)"
    )
    wrong = [
        f"{grade.name}, {name}: {words}"
        for grade in grades
        for name, one in grade.notebooks.items()
        for words in one.troubles
    ]
    pairs, foreign = copies(grades)
    click.echo(f"{len(wrong)} troubles {wrong[:3]}")
    click.echo(f"alike: {pairs}; data of another: {foreign}")
    expected = [tuple(map(named, sorted(pair))) for pair in GIVERS.items()]
    if (pairs, foreign, wrong) != (expected, [named(1)], []):
        raise click.ClickException(f"alike should be {expected}, and nothing wrong.")


if __name__ == "__main__":
    main()

"""The command line of grading."""

import pathlib
import time

import click

from cxrbase.files import InputError

PATH = click.Path(path_type=pathlib.Path)


@click.command()
@click.argument("runs_dir", type=PATH)
@click.option("--rubric", type=PATH, help="YAML; by default the course's own.")
@click.option("--out", type=PATH, default="grade.html", show_default=True)
@click.option(
    "--notebooks",
    type=PATH,
    help="Folder of the course's own notebooks, to compare cells with.",
)
@click.option("--jobs", type=click.IntRange(1), help="Processes; all cores by default.")
def grade(runs_dir, rubric, out, notebooks, jobs):
    """Grade what the students in RUNS_DIR handed in: folders, or zips, by student.

    Beside the page of the class, OUT, come a page for each student, a CSV for the
    gradebook, and a CSV of the answers that a human marks: fill in its points and
    grade again.
    """
    from cxrlib.grading.grades import grade_class
    from cxrlib.grading.report import write_pages
    from cxrlib.grading.rubric_file import read_rubric
    from cxrlib.grading.tables import (
        apply_marks,
        read_marks,
        write_by_hand,
        write_gradebook,
    )

    if out.resolve().is_relative_to(runs_dir.resolve()):
        raise InputError(f"{out}: lies among the students; choose another --out.")
    start, asked = time.monotonic(), read_rubric(rubric)
    by_hand = out.with_name(f"{out.stem}_by_hand.csv")
    marks = read_marks(by_hand)
    grades = grade_class(runs_dir, asked, notebooks, jobs)
    apply_marks(grades, marks)
    waiting = write_by_hand(by_hand, grades)
    write_gradebook(out.with_suffix(".csv"), grades, asked)
    path = write_pages(out, grades, asked, waiting)
    seconds = time.monotonic() - start
    click.echo(f"{_count(len(grades), 'student')} graded in {seconds:.0f} s.")
    if waiting:
        click.echo(f"{_count(waiting, 'answer')} to be marked by hand: {by_hand}")
    click.echo(f"Open {path}")


def _count(n, word):
    return f"{n:,} {word}{'' if n == 1 else 's'}"

"""The command line of batches, grades and model cards."""

import json
import time

import click

from cxrbase.commands.options import PATH, Number
from cxrbase.refusals import InputError, printable


@click.command()
@click.argument("notebooks", nargs=-1, type=PATH)
@click.option(
    "--profile",
    default="smoke",
    show_default=True,
    help="smoke, course, full, or a YAML file.",
)
@click.option(
    "-p",
    "parameters",
    multiple=True,
    type=(str, str),
    metavar="NAME VALUE",
    help="A parameter. May be repeated.",
)
@click.option(
    "-f",
    "files",
    multiple=True,
    type=PATH,
    help="A YAML file of parameters. May be repeated.",
)
@click.option("--grid", type=PATH, help="A YAML file of a sweep: seed: [0, 1, 2].")
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="How many at once. Notebooks that share a folder run one after another.",
)
@click.option("--resume", is_flag=True, help="Leave out what is done and complete.")
@click.option(
    "--timeout",
    type=Number(0, 10_000_000, min_open=True),
    help="Seconds that one notebook may take.",
)
@click.option("--out", default="outputs/run", show_default=True, type=PATH)
def run(notebooks, parameters, **options):
    """Run NOTEBOOKS, by default all of the course, and write OUT/index.html."""
    from coursework.run.defaults import Word
    from coursework.run.plan import course_notebooks
    from coursework.run.runner import run_notebooks

    values = {name: Word(value) for name, value in parameters}
    notebooks = notebooks or course_notebooks()
    raise SystemExit(run_notebooks(notebooks, parameters=values, **options))


@click.command()
@click.argument("folder", type=PATH)
@click.option("--out", type=PATH, help="Folder to write into, instead of FOLDER.")
def card(folder, out):
    """Write a model card from the results.json in FOLDER, as Markdown and HTML."""
    from coursework.card.card import write_model_card

    for path in write_model_card(folder, out):
        click.echo(f"Written: {path}")


def _print_schema(context, _, asked):
    """Print the schema of a rubric, for an editor, and exit."""
    if asked:
        from coursework.grade.rubric import Rubric

        click.echo(json.dumps(Rubric.model_json_schema(), indent=2))
        context.exit()


@click.command()
@click.argument("runs_dir", type=PATH)
@click.option("--rubric", type=PATH, help="YAML; by default the course's own.")
@click.option("--out", type=PATH, default="grade.html", show_default=True)
@click.option(
    "--notebooks",
    type=PATH,
    help="Folder of the course's own notebooks, to compare cells with.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 256), help="Processes; all cores by default."
)
@click.option(
    "--anonymous",
    is_flag=True,
    help="Mark by hand without names: codes stand in their place.",
)
@click.option(
    "--answers", type=PATH, help="YAML of model answers; by default the course's own."
)
@click.option(
    "--lms",
    type=click.Choice(["moodle", "canvas"]),
    help="Also write the points in the layout that it imports.",
)
@click.option(
    "--roster",
    type=PATH,
    help="With --lms: the list of students it exports, and a column folder.",
)
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON schema of a rubric, for an editor.",
)
def grade(runs_dir, rubric, out, notebooks, jobs, anonymous, answers, lms, roster):
    """Grade what the students in RUNS_DIR handed in: folders, or zips, by student.

    Beside the page of the class, OUT, come a page for each student, a CSV for the
    gradebook, and a page and a CSV of the answers that a human marks, exercise by
    exercise: fill in its points and grade again.
    """
    from coursework.grade.grades import grade_class
    from coursework.grade.report import write_pages
    from coursework.grade.rubric_file import read_rubric
    from coursework.gradebook.answers import read_answers
    from coursework.gradebook.by_hand import exercises_by_hand, write_by_hand_page
    from coursework.gradebook.lms import read_roster, write_lms
    from coursework.gradebook.tables import (
        apply_marks,
        read_marks,
        write_by_hand,
        write_gradebook,
    )

    if roster and not lms:
        raise InputError(f"{roster}: say whose layout is wanted: --lms moodle|canvas.")
    if out.is_dir() or out.suffix.lower() == ".csv":  # Also "", which is ".".
        raise InputError(f"{out}: not a page; name a file, such as --out grade.html.")
    if out.resolve().is_relative_to(runs_dir.resolve()):
        raise InputError(f"{out}: is among the students; choose another --out.")
    start, asked = time.monotonic(), read_rubric(rubric)
    by_hand = out.with_name(f"{out.stem}_by_hand.csv")
    marks, told = read_marks(by_hand), read_answers(answers)
    who = read_roster(roster, lms) if roster else None
    grades = grade_class(runs_dir, asked, notebooks, jobs)
    if not any(one.place for each in grades for one in each.notebooks.values()):
        click.echo(
            f"WARNING: nobody in {runs_dir} has handed in a notebook of the rubric. "
            "Is it the folder of the students?"
        )
    apply_marks(grades, marks)
    exercises = exercises_by_hand(grades, asked, told, notebooks, anonymous)
    waiting = write_by_hand(by_hand, exercises)
    write_by_hand_page(by_hand.with_suffix(".html"), exercises, by_hand.name)
    write_gradebook(out.with_suffix(".csv"), grades, asked)
    path = write_pages(out, grades, asked, waiting)
    seconds = time.monotonic() - start
    click.echo(f"{_count(len(grades), 'student')} graded in {seconds:.0f} s.")
    if waiting:
        click.echo(f"{_count(waiting, 'answer')} to be marked by hand: {by_hand}")
    if lms:
        there = out.with_name(f"{out.stem}_{lms}.csv")
        left_out = write_lms(there, grades, asked, lms, who)
        click.echo(f"For {lms.title()}: {there}")
        if left_out:
            names = ", ".join(printable(name, 60) for name in left_out)
            click.echo(f"WARNING: {roster}: lacks, so left out: {names}")
        if waiting:
            click.echo(f"WARNING: {there}: without the points that are still open.")
    click.echo(f"Open {path}")


def _count(n, word):
    return f"{n:,} {word}{'' if n == 1 else 's'}"


@click.command()
@click.argument("folder", type=PATH)
@click.option(
    "--readme",
    type=PATH,
    help="Write the table into this file, between its two marks.",
)
@click.option(
    "--leave-out", multiple=True, help="A pattern of names, such as 'before_*'."
)
@click.option("--headline", is_flag=True, help="Only the eight to look at first.")
def scores(folder, readme, leave_out, headline):
    """Print the scores of a run's notebook, FOLDER, beside their baselines."""
    from coursework.pages.scores import scores_of, write_between_marks

    text = scores_of(folder, leave_out, headline)
    if readme:
        write_between_marks(readme, text)
    click.echo(text)


@click.command()
@click.argument("run_dir", type=PATH)
@click.argument("out", type=PATH)
@click.option(
    "--readme", type=PATH, help="Write each notebook's minutes into this file's table."
)
def site(run_dir, out, readme):
    """Write the executed notebooks in RUN_DIR as a site of static pages into OUT."""
    from coursework.pages.site import write_site

    click.echo(f"Open {write_site(run_dir, out, readme)}")

"""The command that runs notebooks in batches."""

import pathlib

import click

PATH = click.Path(path_type=pathlib.Path)


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
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many at once. Notebooks that share a folder wait for each other.",
)
@click.option("--resume", is_flag=True, help="Leave out what is done and whole.")
@click.option("--timeout", type=float, help="Seconds that one notebook may take.")
@click.option("--out", default="outputs/run", show_default=True, type=PATH)
def run(notebooks, parameters, **options):
    """Run NOTEBOOKS, by default all of the course, and write OUT/index.html."""
    from cxrlib.runs.parameters import scalar
    from cxrlib.runs.plan import course_notebooks
    from cxrlib.runs.runner import run_notebooks

    values = {name: scalar(value) for name, value in parameters}
    notebooks = notebooks or course_notebooks()
    raise SystemExit(run_notebooks(notebooks, parameters=values, **options))

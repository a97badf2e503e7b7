"""The command line of the diagnosis."""

import click

from cxrbase.commands.options import PATH, PROCESSES
from cxrlib.commands.group import KerasCommand


@click.command(cls=KerasCommand)
@click.argument("in_dir", type=PATH)
@click.argument("out", type=PATH, metavar="OUT.csv")
@click.option(
    "--model",
    type=PATH,
    help="A .keras file of a diagnosis' training, instead of the course's own.",
)
@click.option(
    "--batch-size", type=click.IntRange(1, 1024), default=32, show_default=True
)
@click.option(
    "--processes",
    type=PROCESSES,
    help="How many decode at once; by default one per core.",
)
def diagnose(in_dir, out, model, batch_size, processes):
    """Give all frontal radiographs in IN_DIR a probability for each label."""
    from cxrlib.systems.diagnosis.folder import diagnose_folder

    table = diagnose_folder(in_dir, out, model, batch_size, processes)
    if table.error.ne("").all():
        raise SystemExit(1)

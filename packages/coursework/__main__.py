"""The commands for batch users and teachers: `python -m coursework`, without Keras."""

import click

from coursework.commands.teaching import checkpoints, release
from coursework.commands.work import card, grade, run, scores, site
from cxrbase import __version__
from cxrbase.commands.group import Commands


@click.group(cls=Commands)
@click.version_option(__version__, package_name="cxrlib")
def main():
    """Notebooks in batches, their pages, grades, and what students are given."""


for each in (run, scores, card, site, grade, release, checkpoints):
    main.add_command(each)

if __name__ == "__main__":
    main(prog_name="python -m coursework")

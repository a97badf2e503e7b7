"""The command line: a thin face over the functions that the notebooks call."""

import click

import cxrlib
from coursework.commands import card, figures, grade, run
from cxrbase.files import InputError
from cxrlib.commands.lungs import segment, train_lungs
from cxrlib.commands.pretrain import pretrain_encoder, pretrain_text
from cxrlib.commands.weights import weights
from cxrlib.commands.work import evaluate, phantom, prepare, report, train
from cxrscore.command import score

COMMANDS = (
    phantom, prepare, train, evaluate, report, segment, score, run, figures, card,
    grade, weights, pretrain_encoder, pretrain_text, train_lungs,
)  # fmt: skip


class Commands(click.Group):
    """Show what is wrong with the input in one line instead of a traceback."""

    def invoke(self, context):
        """Run a command; turn an `InputError` into click's own."""
        try:
            return super().invoke(context)
        except InputError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Commands)
@click.version_option(cxrlib.__version__, package_name="cxrlib")
def main():
    """Reports from chest X-rays: data, training, evaluation. Not for clinical use."""


for each in COMMANDS:
    main.add_command(each)

if __name__ == "__main__":
    main()

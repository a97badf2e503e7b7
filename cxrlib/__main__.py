"""The command line: a thin face over the functions that the notebooks call."""

import click

import cxrlib
from coursework.commands import card, figures, grade, run
from cxrbase.files import InputError
from cxrbase.parallel import signals_interrupt
from cxrlib.commands.lungs import segment, train_lungs
from cxrlib.commands.pretrain import pretrain_encoder, pretrain_text
from cxrlib.commands.weights import weights
from cxrlib.commands.work import evaluate, phantom, prepare, report, train
from cxrscore.command import score

COMMANDS = (
    phantom, prepare, train, evaluate, report, segment, score, run, figures, card,
    grade, weights, pretrain_encoder, pretrain_text, train_lungs,
)  # fmt: skip
OURS = ("cxrlib", "coursework", "cxrscore", "cxrphantom", "cxrbase")


class Commands(click.Group):
    """Show what is wrong with the input in one line instead of a traceback."""

    def invoke(self, context):
        """Run a command; an `InputError` or a missing package becomes one line."""
        try:
            with signals_interrupt():  # SIGTERM is Ctrl-C: no process is left.
                return super().invoke(context)
        except InputError as error:
            raise click.ClickException(str(error)) from error
        except ModuleNotFoundError as error:
            if str(error.name).partition(".")[0] in OURS:
                raise
            raise click.ClickException(
                f"{context.invoked_subcommand} needs {error.name}, which a light "
                "installation lacks. In the course's folder run: "
                "pip install '.[train,batch,dicom]'"
            ) from error


@click.group(cls=Commands)
@click.version_option(cxrlib.__version__, package_name="cxrlib")
def main():
    """Reports from chest X-rays: data, training, evaluation. Not for clinical use."""


for each in COMMANDS:
    main.add_command(each)

if __name__ == "__main__":
    main()

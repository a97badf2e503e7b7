"""The command line for the course's own pretrained weights."""

import click

from cxrbase.commands.options import PATH, options
from cxrlib.commands.group import KerasCommand
from cxrlib.systems.reports.recipe import EncoderRecipe, ShippedRecipe, TextRecipe


@click.command("pretrain-encoder", cls=KerasCommand)
@click.argument("out", type=PATH)
@options(EncoderRecipe)
def pretrain_encoder(out, **values):
    """Pretrain the encoder on phantoms of another seed; OUT ends in .weights.h5."""
    from cxrlib.systems.reports import pretrain_encoder as encoder_pretraining

    encoder_pretraining.pretrain_encoder(out, **values)


@click.command("pretrain-text", cls=KerasCommand)
@click.argument("out", type=PATH)
@options(TextRecipe)
def pretrain_text(out, **values):
    """Pretrain a small GPT-2 on phantom texts of another seed; OUT is a folder."""
    from cxrlib.systems.reports.pretrain_text import pretrain_gpt2

    pretrain_gpt2(out, **values)


@click.command("pretrain-report", cls=KerasCommand)
@click.argument("out", type=PATH)
@options(ShippedRecipe)
@click.option(
    "--workdir",
    type=PATH,
    default="outputs/shipped",
    show_default=True,
    help="Studies, checkpoints and scores; a killed training continues from there.",
)
def pretrain_report(out, workdir, **values):
    """Train the report model that the course ships; OUT is a folder."""
    from cxrlib.environment import setup
    from cxrlib.systems.reports import pretrain_report as shipped

    recipe = ShippedRecipe(**values)
    shipped.pretrain_report(out, recipe, workdir, setup(recipe.seed))
    click.echo(f"Written: {out}")

"""The command line for the course's own pretrained weights."""

import click

from cxrlib.commands.group import KerasCommand
from cxrlib.commands.options import PATH, options
from cxrlib.systems.reports.recipe import EncoderRecipe, TextRecipe


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

"""The command line for the course's own pretrained weights."""

import pathlib

import click


@click.command("pretrain-encoder")
@click.argument("out", type=click.Path(path_type=pathlib.Path))
@click.option("--studies", default=10_000, show_default=True)
@click.option("--epochs", default=3, show_default=True)
@click.option("--seed", default=1_000_000, show_default=True)
def pretrain_encoder(out, **options):
    """Pretrain the encoder on phantoms of another seed; OUT ends in .weights.h5."""
    from cxrlib.systems.reports import pretrain_encoder as encoder_pretraining

    encoder_pretraining.pretrain_encoder(out, **options)


@click.command("pretrain-text")
@click.argument("out", type=click.Path(path_type=pathlib.Path))
@click.option("--studies", default=12_000, show_default=True)
@click.option("--epochs", default=4, show_default=True)
@click.option("--seed", default=2_000_000, show_default=True)
def pretrain_text(out, **options):
    """Pretrain a small GPT-2 on phantom texts of another seed; OUT is a folder."""
    from cxrlib.systems.reports.pretrain_text import pretrain_gpt2

    pretrain_gpt2(out, **options)

"""The command line of model cards."""

import pathlib

import click

PATH = click.Path(path_type=pathlib.Path)


@click.command()
@click.argument("folder", type=PATH)
@click.option("--out", type=PATH, help="Folder to write into, instead of FOLDER.")
def card(folder, out):
    """Write a model card from the results.json in FOLDER, as Markdown and HTML."""
    from cxrlib.runs.model_card import write_model_card

    for path in write_model_card(folder, out):
        click.echo(f"Written: {path}")

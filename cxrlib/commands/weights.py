"""The command line of the registry of weights."""

import click

from cxrbase.commands.options import PATH

# Marks in weights/README.md, and the part of a card between each pair.
TABLES = (
    ("lungs", "lung_unet.json", "reaches", "split/source"),
    ("nih-diagnosis", "nih_diagnosis.json", "reaches", "label"),
    ("report-curve", "phantom_report/report.json", "curve", "epoch"),
    ("report-scores", "phantom_report/report.json", "reaches", "score"),
)


@click.group(invoke_without_command=True)
@click.option("--readme", type=PATH, help="Write registry and scores there.")
@click.pass_context
def weights(context, readme):
    """List the pretrained weights: what is there, what is missing, how to get it."""
    from cxrlib.pretrained.fetch import card_markdown, registry_markdown, weights_table

    if context.invoked_subcommand:
        return
    if readme:
        from coursework.pages.scores import write_between_marks

        write_between_marks(readme, registry_markdown(), "registry")
        for marked, *part in TABLES:
            write_between_marks(readme, card_markdown(*part), marked)
        click.echo(f"Written: {readme}")
        return
    for row in weights_table().itertuples():
        click.echo(f"{row.name:16} {row.status:15} {row.file}")
        click.echo(f"{'':16} {row.how or row.where}")


@weights.command()
@click.argument("name")
@click.option("--folder", type=PATH, help="Instead of $CXR_WEIGHTS or weights/.")
def fetch(name, folder):
    """Fetch NAME, whole or not at all."""
    from cxrlib.pretrained.fetch import fetch_weights

    fetch_weights(name, folder)


@weights.command()
def sums():
    """Write weights/SHA256SUMS anew, after a training of the course's own files."""
    from cxrlib.pretrained.registry import write_sums

    click.echo(f"Written: {write_sums()}")

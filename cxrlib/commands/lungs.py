"""The command line of everything about lungs."""

import click

from cxrbase.commands.options import PATH, options
from cxrlib.commands.group import KerasCommand
from cxrlib.systems.lungs.recipe import LungRecipe

LUNG_MODEL = click.option(
    "--lung-model",
    type=PATH,
    help="A .keras or .h5 file that segments lungs, instead of the course's own.",
)


@click.command(cls=KerasCommand)
@click.argument("in_dir", type=PATH)
@click.argument("out_dir", type=PATH)
@click.option("--overlay", is_flag=True, help="Draw the outlines, in OUT_DIR/overlays.")
@click.option(
    "--batch-size", type=click.IntRange(1, 1024), default=16, show_default=True
)
@LUNG_MODEL
def segment(in_dir, out_dir, overlay, batch_size, lung_model):
    """Find the lungs on all frontal radiographs in IN_DIR; masks go to OUT_DIR."""
    from cxrlib.systems.lungs.folder import segment_folder

    table = segment_folder(in_dir, out_dir, lung_model, overlay, batch_size)
    if table.error.ne("").all():
        raise SystemExit(1)


@click.command("train-lungs", cls=KerasCommand)
@click.argument("out", type=PATH)
@click.option("--data", required=True, type=PATH, help="Folder of images/ and masks/.")
@click.option(
    "--unlabelled",
    type=PATH,
    help="Folder of radiographs without masks, for a second round of training.",
)
@options(LungRecipe)
@click.option(
    "--workdir",
    type=PATH,
    default="outputs/lungs",
    show_default=True,
    help="Checkpoints and histories; a killed training continues from there.",
)
@click.option(
    "--resume/--no-resume", default=True, help="Resume the training in WORKDIR."
)
def train_lungs(out, data, unlabelled, workdir, resume, **values):
    """Train the lung U-Net on real pairs; OUT ends in .keras."""
    from cxrlib.environment import setup
    from cxrlib.systems.lungs.train import train_lung_unet

    recipe = LungRecipe(**values)
    setup(recipe.seed)
    train_lung_unet(out, data, recipe, unlabelled, workdir, resume)

"""Do phantoms help a lung U-Net in a hospital that it has not seen?

Trains on one source of real pairs, with a number of phantoms among them or none, for
the same number of steps, and tests on another source: as they are, and augmented.

    python benchmarks/experiments/lungs_elsewhere.py LUNGS \
        [--phantoms 400] [--steps 1000]
"""

import pathlib
import tempfile

import click
import keras
import numpy as np

from cxrlib.systems.lungs.pairs import find_lung_pairs, read_pairs, split_pairs
from cxrlib.systems.lungs.train import fit_lung_unet, harden, mask_scores
from cxrlib.systems.lungs.unet import LungUNet
from cxrphantom.dataset import write_phantom

BATCH = 16


def read_phantoms(count, folder):
    """Images and masks of `count` phantom frontals, of another seed."""
    write_phantom(folder, studies=count, size=256, seed=3_000_000)
    return read_pairs(find_lung_pairs(folder)[:count])


@click.command()
@click.argument("lungs")
@click.option("--phantoms", default=400, show_default=True)
@click.option("--steps", default=1000, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--here", default="CHNCXR", show_default=True, help="Source to learn.")
@click.option("--elsewhere", default="MCUCXR", show_default=True)
def main(lungs, phantoms, steps, seed, here, elsewhere):
    """Print mean and least Dice elsewhere, with phantoms and without."""
    table = split_pairs(find_lung_pairs(lungs), seed=seed)
    own = table[table.source.eq(here)]
    train, val = (read_pairs(own[own.split.eq(name)]) for name in ("train", "val"))
    others = read_pairs(table[table.source.eq(elsewhere)])
    count = len(others[0])
    hard = tuple(each[count:] for each in harden(*others, seed=77))
    for added in (0, phantoms):
        with tempfile.TemporaryDirectory() as folder:
            pairs = train
            if added:
                drawn = read_phantoms(added, pathlib.Path(folder) / "phantom")
                both = zip(train, drawn, strict=True)
                pairs = tuple(np.concatenate(each) for each in both)
            keras.utils.set_random_seed(seed)
            epochs = max(1, round(steps * BATCH / len(pairs[0])))
            out = pathlib.Path(folder) / "training"
            model = fit_lung_unet(
                LungUNet(),
                pairs,
                harden(*val),
                out,
                epochs,
                BATCH,
                seed=seed,
                verbose=0,
            )
        for name, each in {"as they are": others, "hardened": hard}.items():
            dice = mask_scores(model, *each)["dice"]
            click.echo(
                f"{added:4} phantoms, {elsewhere} {name:11} n = {len(dice):3}: "
                f"mean Dice {dice.mean():.4f}, least {dice.min():.4f}"
            )


if __name__ == "__main__":
    main()

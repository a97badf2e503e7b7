"""Seconds to draw 300 phantom studies, 600 images of 512 × 512 with their truth.

python benchmarks/phantom.py
"""

import pathlib
import tempfile
import time

import click

from cxrphantom.dataset import write_phantom


@click.command()
@click.option("--studies", default=300, show_default=True)
@click.option("--size", default=512, show_default=True)
def main(studies, size):
    """Draw into a temporary folder and print the time."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        write_phantom(folder, studies=studies, size=size, progress=False)
        seconds = time.perf_counter() - start
        images = len(list(pathlib.Path(folder).glob("images/*/*.png")))
    click.echo(f"{studies} studies, {images} images of {size}²: {seconds:.1f} s")


if __name__ == "__main__":
    main()

"""Seconds to read a table of many folders with two images each, none of them opened.

python benchmarks/studies.py

CheXpert has 190,000 such folders: twice the folders must take twice the time.
"""

import pathlib
import tempfile

import click
import pandas as pd
from timing import median_seconds

from cxrlib.data.readers.indiana import describe_folder
from cxrlib.data.studies import load_studies

FOLDERS = (1000, 2000, 4000)


def write_folders(root, count):
    """Write empty files and the CSV that names them."""
    names = [f"patient{i:06d}" for i in range(count)]
    for name in names:
        (root / name).mkdir()
        for view in ("frontal", "lateral"):
            (root / name / f"{view}.png").touch()
    table = pd.DataFrame({"patient": names, "report": "Clear."})
    for view in ("frontal", "lateral"):
        table[view] = table.patient + f"/{view}.png"
    table.to_csv(root / "studies.csv", index=False)


@click.command()
@click.option("--folders", type=int, multiple=True, default=FOLDERS, show_default=True)
def main(folders):
    """Read a table for each number of folders; print the time, and how it grows."""
    before = None
    for count in folders:
        with tempfile.TemporaryDirectory() as folder:
            write_folders(pathlib.Path(folder), count)
            dataset = describe_folder(folder)
            seconds = median_seconds(lambda dataset=dataset: load_studies(dataset))
        grown = (
            "" if before is None else f", {seconds / before:.1f} times the one before"
        )
        click.echo(f"{count:,} folders: {seconds:.2f} s{grown}")
        before = seconds


if __name__ == "__main__":
    main()

"""Seconds of a notebook's first import, here and in an older checkout.

    python benchmarks/imports.py OLDER [--module cxrlib.course] [--times 9]

Each import runs in a process of its own, the two by turns, so that what else the
machine does slows both alike. `cxrlib.course` brings no TensorFlow.
"""

import os
import pathlib
import statistics
import subprocess
import sys

import click

HERE = pathlib.Path(__file__).resolve().parents[1]
CODE = """
import importlib, sys, time
start = time.perf_counter()
importlib.import_module(sys.argv[1])
print(time.perf_counter() - start)
"""


def seconds(checkout, module):
    """Import the module of a checkout in a new process."""
    path = os.pathsep.join([str(checkout), str(checkout / "packages")])
    done = subprocess.run(
        [sys.executable, "-c", CODE, module],
        env=os.environ | {"PYTHONPATH": path},
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


@click.command()
@click.argument("older", type=click.Path(exists=True, path_type=pathlib.Path))
@click.option("--module", default="cxrlib.course", show_default=True)
@click.option("--times", default=9, show_default=True)
def main(older, module, times):
    """Print the median seconds of both, and their ratio."""
    checkouts = {"older": older.resolve(), "here": HERE}
    for checkout in checkouts.values():
        seconds(checkout, module)  # Once, to write the bytecode.
    rounds = [
        {name: seconds(checkout, module) for name, checkout in checkouts.items()}
        for _ in range(times)
    ]
    medians = {name: statistics.median(r[name] for r in rounds) for name in checkouts}
    for name, median in medians.items():
        click.echo(f"{name:6} {median:6.2f} s")
    click.echo(f"ratio  {medians['here'] / medians['older']:6.2f}")


if __name__ == "__main__":
    main()

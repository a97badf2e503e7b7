"""Seconds and peak memory to read the labels of as many films as MIMIC-CXR-JPG has.

python benchmarks/labelled.py [--files]

The tables are made up, in the true layout, packed; each study has a report of some 450
letters. With `--files` the films are there, too, as empty files, each in the folder of
its study, and are looked for.
"""

import gzip
import pathlib
import subprocess
import sys
import tempfile

import click
import numpy as np

from cxrscore.clinical.rules import OBSERVATIONS

METADATA = (
    "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,"
    "Rows,Columns,StudyDate,StudyTime"
)
TEXT = "The lungs are clear and the heart is not enlarged. " * 8
# In a process of its own, whose peak is that of reading alone.
READ = """
import resource, sys, time
from cxrlib.data.readers.labelled import read_labelled
start = time.perf_counter()
films = read_labelled(sys.argv[1], on_disk=bool(int(sys.argv[2])))
seconds, worked = time.perf_counter() - start, time.process_time()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(
    f"{len(films):,} films: {seconds:.1f} s ({worked:.1f} s of a core, the imports "
    f"among them), {peak} MB at the peak"
)
"""


def write_table(root, name, head, rows):
    """Write one packed table."""
    path = root / f"mimic-cxr-2.0.0-{name}.csv.gz"
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.writelines(f"{row}\n" for row in (head, *rows))


def write_tables(root, count):
    """Write the tables of a made-up collection; return the films' names."""
    rng = np.random.default_rng(0)
    study = np.sort(rng.integers(0, count * 6 // 10, count))
    subject = 10_000_000 + study * 3 // 10
    study = 50_000_000 + study
    dicom = [f"{n:08x}-{n * 7:08x}-{n * 11:08x}-{n * 13:08x}" for n in range(count)]
    view = rng.choice(["AP", "PA", "LATERAL", "LL", ""], count)
    split = np.where(subject % 50 == 0, "validate", "train")
    films = list(zip(dicom, subject, study, view, split, strict=True))
    made = "3056,2544,21800506,213014.5"
    rows = (f"{d},{p},{s},CHEST,{v},{made}" for d, p, s, v, _ in films)
    write_table(root, "metadata", METADATA, rows)
    rows = (f"{d},{s},{p},{part}" for d, p, s, _, part in films)
    write_table(root, "split", "dicom_id,study_id,subject_id,split", rows)
    studies, first = np.unique(study, return_index=True)
    states = rng.choice(["", "", "", "1.0", "0.0", "-1.0"], (len(studies), 14))
    rows = zip(subject[first], studies, map(",".join, states), strict=True)
    head = "subject_id,study_id," + ",".join(OBSERVATIONS)
    write_table(root, "chexpert", head, (f"{p},{s},{row}" for p, s, row in rows))
    with open(root / "mimic_cxr_sectioned.csv", "w") as file:
        file.write("study,impression,findings,last_paragraph,comparison\n")
        file.writelines(f's{s},"No edema in {s}.","{s} {TEXT}",,\n' for s in studies)
    return [f"files/p{str(p)[:2]}/p{p}/s{s}/{d}.jpg" for d, p, s, _, _ in films]


@click.command()
@click.option("--films", default=377_000, show_default=True)
@click.option("--files", is_flag=True, help="Make the films, and look for them.")
def main(films, files):
    """Write the tables, read them, print seconds and peak memory."""
    with tempfile.TemporaryDirectory() as root:
        names = write_tables(pathlib.Path(root), films)
        for path in [pathlib.Path(root, name) for name in names] if files else ():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        command = [sys.executable, "-W", "error", "-c", READ, root, str(int(files))]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        click.echo(run.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()

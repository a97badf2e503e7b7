"""Does one shared encoder help? Each task alone, and all at once, three seeds.

The points are those of `notebooks/sweeps/shared_encoder.yaml`, everything else is that
of profile `course`. The seed is that of the training (weights, order, dropout); the
studies are the same for all. With no layer unfrozen the tasks share nothing that
trains, so what differs there is chance: the yardstick for the other rows.

Every point that is done stays in OUT, and several processes may work there; at the end
all of them go into `benchmarks/results/shared_encoder.json`, which 07 shows.

    python benchmarks/experiments/shared_encoder.py outputs/course/prepared \
        outputs/shared_encoder [--readme docs/results.md]
"""

import concurrent.futures
import json
import multiprocessing
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click  # noqa: E402
from record import current_commit  # noqa: E402

from coursework.pages.scores import write_between_marks  # noqa: E402
from coursework.record import described  # noqa: E402
from coursework.run.grid import point_names, read_grid  # noqa: E402
from coursework.run.profiles import profile_values  # noqa: E402
from cxrbase.files import InputError, locked, write_whole  # noqa: E402
from cxrbase.grounds import GROUNDS, source_ground  # noqa: E402
from cxrlib.data.prepare import read_manifest  # noqa: E402
from cxrlib.environment import setup  # noqa: E402
from cxrlib.systems.reports.recipe import ReportRecipe  # noqa: E402
from cxrlib.systems.reports.tasks import read_trainings, train_tasks  # noqa: E402
from cxrscore.tables import markdown  # noqa: E402

ROOT = pathlib.Path(__file__).parents[2]
GRID = ROOT / "notebooks/sweeps/shared_encoder.yaml"
RESULT = ROOT / "benchmarks/results/shared_encoder.json"
KEPT = ("value", "shuffled", "n")
SHOWN = (
    *("abnormal.brier", "abnormal.auroc", "frontal.ssim", "lateral.ssim"),
    *("frontal.mse", "lateral.mse", "clinical.micro_f1_5", "coco.bleu_4"),
)


def run(prepared, folder, point):
    """Train one point, unless it is done or another process is at it."""
    try:
        with locked(folder, wait=False):
            if not (folder / "run.json").exists():
                _run(prepared, folder, point)
    except InputError as error:
        print(error)


def _run(prepared, folder, point):
    """Train one point; its predictions stay in the folder."""
    started, commit = time.time(), current_commit()
    recipe = ReportRecipe.pick(profile_values("course") | point)
    table, scores = train_tasks(prepared, recipe, verbose=2)
    table.to_csv(folder / "predictions.csv", index=False)
    scores = {
        name: {key: record[key] for key in KEPT if record.get(key) is not None}
        for name, record in scores.items()
    }
    found = {
        "point": point,
        "scores": scores,
        "hours": round((time.time() - started) / 3600, 4),
        "commit": commit,
    }
    with write_whole(folder / "run.json") as temporary:
        temporary.write_text(json.dumps(found, indent=1, default=float) + "\n")


def gather(prepared, runs, environment):
    """One record of all runs: where it comes from, and the scores of each."""
    manifest = read_manifest(prepared)
    commits = sorted({each.pop("commit") for each in runs})
    return {
        "command": f"python {pathlib.Path(__file__).relative_to(ROOT)} PREPARED OUT",
        "grid": GRID.relative_to(ROOT).as_posix(),
        "commit": ", ".join(commits),
        "environment": described(environment),
        "ground": source_ground(manifest["source"]),
        "fingerprint": manifest["source"]["fingerprint"],
        "counts": manifest["counts"],
        "hours": round(sum(each["hours"] for each in runs), 2),
        "runs": runs,
    }


def summary(runs):
    """A row for trainings that differ only in their seed: their scores, all of them."""
    alike = ["epochs", "layers unfrozen", "tasks"]
    scores = runs.groupby(alike, sort=False, observed=True)[list(SHOWN)]

    def listed(values):
        return " ".join(f"{value:.4f}" for value in values.dropna())

    return scores.agg(listed).reset_index()


@click.command()
@click.argument("prepared")
@click.argument("out", type=click.Path(path_type=pathlib.Path))
@click.option("--readme", help="Write the table into this file, between its marks.")
def main(prepared, out, readme):
    """Train every point that is not done; write the record once all of them are."""
    environment = setup(mixed_precision=False)
    # All tasks of a seed before the next seed, so that what is done can be compared.
    points = sorted(read_grid(GRID), key=lambda p: (p["epochs"], p["seed"]))
    folders = [out / name for name in point_names(points)]
    # Each in a process of its own: the graph of a training is never freed.
    with concurrent.futures.ProcessPoolExecutor(
        1, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        for point, folder in zip(points, folders, strict=True):
            if (folder / "run.json").exists():
                continue
            pool.submit(run, prepared, folder, point).result()
    done = [folder / "run.json" for folder in folders]
    missing = [path.parent.name for path in done if not path.exists()]
    if missing:
        raise click.ClickException(
            f"{len(missing)} points are not done: {missing[0]} …"
        )
    runs = [json.loads(path.read_text()) for path in done]
    RESULT.parent.mkdir(exist_ok=True)
    with write_whole(RESULT) as temporary:
        record = gather(prepared, runs, environment)
        temporary.write_text(json.dumps(record, indent=1) + "\n")
    seeds = sorted({point["seed"] for point in points})
    lines = [
        f"{GROUNDS[record['ground']]}: train {record['counts']['train']}, test "
        f"{record['counts']['test']} studies; {len(runs)} trainings, seeds {seeds}, "
        f"{record['hours']} hours; commit {record['commit']}.",
        "",
        markdown(summary(read_trainings(RESULT)[1])),
    ]
    print("\n".join(lines))
    if readme:
        write_between_marks(readme, "\n".join(lines), "shared encoder")


if __name__ == "__main__":
    main()

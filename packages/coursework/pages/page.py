"""The index page of a run: what the notebooks left behind, to open and read."""

import pathlib

import pandas as pd

from coursework.legend import columns_beside, legend
from coursework.looks import templates
from coursework.pages.overview import cell_link, label_of, link, overview
from coursework.pages.runs import read_or_tell, read_runs
from coursework.results import VIEWS, example_path
from coursework.status import in_words
from cxrbase.files import InputError, write_whole
from cxrbase.grounds import GROUNDS
from cxrscore.evaluate import read_predictions
from cxrscore.figure import format_figure
from cxrscore.tables import format_interval

STUDIES = 24  # shown per notebook; predictions.csv has them all


def write_index(run_dir, studies=STUDIES):
    """Write `index.html` of a run, or of a batch, from what its notebooks left.

    It reads `<run_dir>/<notebook>/`: `status.json`, `results.json`,
    `predictions.csv`, `figures/*.png`, `examples/*.png`, the executed notebook and
    its HTML. Any of them may be missing or broken; the page then says so. The points
    of a grid, `<run_dir>/<point>/`, get a page each, and a row for each notebook.

    Args:
        run_dir: string or `pathlib.Path`.
        studies: int. Test studies to show per notebook, those with images first.

    Returns:
        The path of `index.html`.

    Raises:
        InputError: if there is no such folder.

    Example:
    ```python
    write_index("outputs/demo")
    ```
    """
    run_dir = pathlib.Path(run_dir)
    if not run_dir.is_dir():
        raise InputError(f"{run_dir}: there is no such folder.")
    here, points = read_runs(run_dir)
    for folder in dict.fromkeys(run.folder.parent for run in points):
        write_index(folder, studies)
    runs = [*here, *points]
    grounds = {each.results["dataset"]["ground"] for each in runs if each.results}
    environment = templates("coursework.pages")
    environment.filters["figure"] = format_figure
    page = environment.get_template("index.html.j2").render(
        title=run_dir.resolve().name,
        overview=overview(runs, run_dir),
        notebooks=[_notebook(run, run_dir, studies) for run in here],
        back="../index.html" if any(run.point for run in here) else None,
        warnings=[GROUNDS[each] for each in GROUNDS if each in grounds - {"real"}],
    )
    with write_whole(run_dir / "index.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return run_dir / "index.html"


def _notebook(run, run_dir, studies):
    """Everything that the template says about one notebook."""
    folder, results = run.folder, run.results
    predictions, trouble = read_or_tell(read_predictions, folder / "predictions.csv")
    figures = sorted((folder / "figures").glob("*.png"))
    notes = run.status.get("notes", [])
    return {
        "name": folder.name,
        "state": run.status["status"],
        "label": label_of(run.status),
        "error": in_words(run.status),
        "cell": cell_link(run, run_dir),
        "trouble": [each for each in (run.trouble, trouble, *notes) if each],
        "ground": results["dataset"]["ground"] if results else None,
        "about": _about(results) if results else [],
        "metrics": _metrics(results) if results else [],
        "kinds": columns_beside(run.metrics),
        "legend": legend(results, run.metrics) if results else [],
        "cautions": (results or {}).get("warnings", []),
        "links": [
            (label, link(folder / name, run_dir))
            for label, name in (
                ("notebook as a page", f"{folder.name}.html"),
                ("notebook", f"{folder.name}.ipynb"),
                ("model card", "model_card.html"),
                ("results.json", "results.json"),
                ("predictions.csv", "predictions.csv"),
                ("submission.zip", "submission.zip"),
            )
            if (folder / name).is_file()
        ],
        "figures": [(path.stem, link(path, run_dir)) for path in figures],
        "studies": _studies(predictions, folder, run_dir, studies),
        "n_studies": 0 if predictions is None else len(predictions),
    }


def _about(results):
    """Pairs of words that say what the figures rest on."""
    dataset, environment = results["dataset"], results["environment"]
    counts = ", ".join(f"{name} {count}" for name, count in dataset["counts"].items())
    versions = environment.get("versions", {})
    given = {name: each for name, each in results["parameters"].items() if each != ""}
    rest = {
        name: value
        for name, value in dataset.items()
        if name not in ("ground", "counts") and value is not None
    }
    pairs = [
        ("data", f"{GROUNDS[dataset['ground']]}; studies: {counts}"),
        ("fingerprint", _words(rest)),
        ("weights", _words(results["weights"])),
        ("parameters", _words(given)),
        ("device", str(environment.get("device", ""))),
        ("versions", _words(versions)),
        ("durations", _words(results["durations"], " s")),
    ]
    return [(name, words) for name, words in pairs if words]


def _words(record, unit=""):
    return ", ".join(f"{name} {value}{unit}" for name, value in record.items())


def _metrics(results):
    kinds = columns_beside(results["metrics"])
    return [
        {
            "name": name,
            "value": metric["value"],
            "interval": format_interval(metric.get("interval")),
            "beside": [metric.get(kind, "") for kind in kinds],
            "fall_interval": format_interval(metric.get("fall_interval")),
            "n": metric["n"],
            "note": metric.get("note", ""),
            "brief": ", ".join(
                str(metric["protocol"][key])
                for key in ("section", "split", "image_size")
                if key in metric["protocol"]
            ),
            "protocol": list(metric["protocol"].items()),
        }
        for name, metric in results["metrics"].items()
    ]


def _studies(predictions, folder, run_dir, limit):
    if predictions is None:
        return []
    rows = []
    for row in predictions.to_dict("records"):
        paths = [(view, folder / example_path(row["uid"], view)) for view in VIEWS]
        images = {
            view: link(path, run_dir) if path.is_file() else None
            for view, path in paths
        }
        rows.append(
            {
                "uid": row["uid"],
                "views": [
                    {
                        "name": view,
                        "input": images[view],
                        "output": images[f"{view}_reconstruction"],
                        "ssim": _number(row.get(f"ssim_{view}"), "{:.3f}"),
                    }
                    for view in ("frontal", "lateral")
                ],
                "has_images": any(images.values()),
                "probability": _number(row.get("probability"), "{:.2f}"),
                "label": {0: "normal", 1: "abnormal"}.get(
                    row.get("label"), "not labelled"
                ),
                "reference": row.get("reference", ""),
                "prediction": row.get("prediction", ""),
            }
        )
    return sorted(rows, key=lambda row: not row["has_images"])[:limit]


def _number(value, form):
    return form.format(value) if value is not None and not pd.isna(value) else None

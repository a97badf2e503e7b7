"""The index page of a run: what the notebooks left behind, to open and read."""

import json
import pathlib
import urllib.parse

import jinja2
import pandas as pd

from cxrlib.evaluation.figure import format_figure
from cxrlib.evaluation.summary import read_predictions
from cxrlib.evaluation.tables import BASELINES, format_interval
from cxrlib.files import InputError, write_whole
from cxrlib.results import GROUNDS, VIEWS, example_path, read_results

STUDIES = 24  # shown per notebook; predictions.csv has them all


def write_index(run_dir, studies=STUDIES):
    """Write `index.html` of a run from what its notebooks left.

    It reads `<run_dir>/<notebook>/`: `status.json`, `results.json`,
    `predictions.csv`, `figures/*.png`, `examples/*.png`, the executed notebook and
    its HTML. Any of them may be missing or broken; the page then says so.

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
    notebooks = [
        _notebook(folder, run_dir, studies)
        for folder in sorted(path for path in run_dir.iterdir() if path.is_dir())
        if _is_notebook(folder)
    ]
    grounds = {each["ground"] for each in notebooks if each["ground"]}
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cxrlib.runs"),
        autoescape=True,  # Reports are somebody's text, never markup.
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = format_figure
    page = environment.get_template("index.html.j2").render(
        title=run_dir.resolve().name,
        notebooks=notebooks,
        warnings=[GROUNDS[each] for each in GROUNDS if each in grounds - {"real"}],
    )
    with write_whole(run_dir / "index.html") as temporary:
        temporary.write_text(page, encoding="utf-8")
    return run_dir / "index.html"


def _is_notebook(folder):
    names = ("status.json", "results.json", f"{folder.name}.ipynb")
    return any((folder / name).is_file() for name in names)


def _notebook(folder, run_dir, studies):
    """Everything that the template says about one notebook."""
    results, trouble = _read(read_results, folder / "results.json")
    predictions, more_trouble = _read(read_predictions, folder / "predictions.csv")
    status = _status(folder, results)
    figures = sorted((folder / "figures").glob("*.png"))
    return {
        "name": folder.name,
        "status": status,
        "trouble": [each for each in (trouble, more_trouble) if each],
        "ground": results["dataset"]["ground"] if results else None,
        "about": _about(results) if results else [],
        "metrics": _metrics(results) if results else [],
        "kinds": _kinds(results),
        "legend": _legend(results),
        "cautions": (results or {}).get("warnings", []),
        "links": [
            (label, _link(folder / name, run_dir))
            for label, name in (
                ("notebook as a page", f"{folder.name}.html"),
                ("notebook", f"{folder.name}.ipynb"),
                ("model card", "model_card.html"),
                ("results.json", "results.json"),
                ("predictions.csv", "predictions.csv"),
            )
            if (folder / name).is_file()
        ],
        "figures": [(path.stem, _link(path, run_dir)) for path in figures],
        "studies": _studies(predictions, folder, run_dir, studies),
        "n_studies": 0 if predictions is None else len(predictions),
    }


def _read(reader, path):
    """`(content, None)`, `(None, None)` if absent, or `(None, what is wrong)`."""
    if not path.is_file():
        return None, None
    try:
        return reader(path), None
    except InputError as error:
        return None, str(error)


def _status(folder, results):
    status = {"status": "done" if results else "unknown", "minutes": None, "error": ""}
    try:
        content = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return status
    if not isinstance(content, dict):
        return status
    known = ("done", "failed", "running")
    if content.get("status") in known:
        status["status"] = content["status"]
    if isinstance(content.get("minutes"), int | float):
        status["minutes"] = f"{content['minutes']:.1f}"
    cell = f"In [{content['cell']}]: " if "cell" in content else ""
    status["error"] = cell + str(content["error"]) if "error" in content else ""
    return status


def _about(results):
    """Pairs of words that say what the figures rest on."""
    dataset, environment = results["dataset"], results["environment"]
    counts = ", ".join(f"{name} {count}" for name, count in dataset["counts"].items())
    versions = environment.get("versions", {})
    rest = {
        name: value
        for name, value in dataset.items()
        if name not in ("ground", "counts") and value is not None
    }
    pairs = [
        ("data", f"{GROUNDS[dataset['ground']]}; studies: {counts}"),
        ("fingerprint", _words(rest)),
        ("weights", _words(results["weights"])),
        ("parameters", _words(results["parameters"])),
        ("device", str(environment.get("device", ""))),
        ("versions", _words(versions)),
        ("durations", _words(results["durations"], " s")),
    ]
    return [(name, words) for name, words in pairs if words]


def _words(record, unit=""):
    return ", ".join(f"{name} {value}{unit}" for name, value in record.items())


def _kinds(results):
    """The baselines that at least one figure of the notebook has, in their order."""
    metrics = results["metrics"].values() if results else []
    kinds = (*BASELINES, "shuffled", "fall")
    return [kind for kind in kinds if any(kind in metric for metric in metrics)]


def _metrics(results):
    kinds = _kinds(results)
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


def _legend(results):
    """Pairs of a column and what it means in this notebook."""
    baselines = (results or {}).get("baselines", {})
    constants = {
        "constant_report": _report(
            baselines.get("constant_report"), "the best single report"
        ),
        "constant_mask": f"the constant mask ({baselines.get('constant_mask')})",
        "constant_label": f"for labels {baselines.get('constant_label')}",
    }
    there = "; ".join(constants[key] for key in constants if baselines.get(key))
    words = {
        "constant": "the same answer for every study" + (there and f": {there}"),
        "frequent": _report(baselines.get("frequent_report"), "the commonest report"),
        "random": baselines.get("random_report", "a train report at random"),
        "nearest": baselines.get("nearest_report", "the most alike train study's"),
        "shuffled": "every study gets the output for another study's images",
        "fall": "what the shuffle costs; without a fall the images were not looked at",
    }
    return [(kind, words[kind]) for kind in _kinds(results)]


def _report(report, words):
    """A constant report with its text and where it was chosen."""
    if not isinstance(report, dict) or not report.get("text"):
        return words
    of = f" of {report['chosen_on']}" if report.get("chosen_on") else ""
    return f"{words}{of}, “{report['text']}”"


def _link(path, run_dir):
    """A relative link, or an inner one that the browser reads as it is meant."""
    return urllib.parse.quote(path.relative_to(run_dir).as_posix())


def _studies(predictions, folder, run_dir, limit):
    if predictions is None:
        return []
    rows = []
    for row in predictions.to_dict("records"):
        paths = [(view, folder / example_path(row["uid"], view)) for view in VIEWS]
        images = {
            view: _link(path, run_dir) if path.is_file() else None
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

"""The index page of a run: what the notebooks left behind, to open and read."""

import pathlib

from coursework.legend import columns_beside, legend, title_of
from coursework.looks import alternative_text, templates, without_halves
from coursework.pages.cards import report_cards
from coursework.pages.overview import cell_link, label_of, link, overview
from coursework.pages.runs import read_or_tell, read_runs
from coursework.shown import warnings_of
from coursework.status import in_words
from cxrbase.files import InputError, write_whole
from cxrbase.grounds import GROUNDS, NAMES
from cxrscore.bootstrap import FIXED
from cxrscore.clinical.marks import SIGNS
from cxrscore.evaluate import read_predictions
from cxrscore.score import format_score
from cxrscore.tables import (
    HEADLINES,
    best_baseline,
    format_interval,
    format_n,
    headline,
    interval_of,
)

STUDIES = 24  # studies per notebook; predictions.csv has them all
FIRST = 6  # report cards that the page begins with; the others are folded


def write_index(run_dir, studies=STUDIES):
    """Write `index.html` of a run, or of a batch, from what its notebooks left.

    It reads `<run_dir>/<notebook>/`: `status.json`, `results.json`,
    `predictions.csv`, `figures/*.png`, `examples/*.png`, the executed notebook and
    its HTML. Any of them may be missing or broken; the page then says so. It begins
    with report cards, where a notebook has left films and reports, and with the first
    eight scores; the rest is folded. The points of a grid, `<run_dir>/<point>/`, get a
    page each, and a row for each notebook.

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
    environment = page_templates()
    notebooks = [describe_notebook(run, run_dir, studies) for run in here]
    notebooks.sort(key=lambda notebook: not notebook["leads"])
    page = environment.get_template("index.html.j2").render(
        title=run_dir.resolve().name,
        overview=overview(runs, run_dir),
        notebooks=notebooks,
        back="../index.html" if any(run.point for run in here) else None,
        warnings=[GROUNDS[each] for each in GROUNDS if each in grounds - {"real"}],
    )
    with write_whole(run_dir / "index.html") as temporary:
        temporary.write_text(without_halves(page), encoding="utf-8")
    return run_dir / "index.html"


def page_templates():
    """The templates of pages, with the filters that they ask for."""
    environment = templates("coursework.pages")
    environment.filters |= {"score": format_score, "column": title_of}
    environment.globals |= {"signs": SIGNS, "fixed": FIXED}
    return environment


def describe_notebook(run, run_dir, studies):
    """Everything that a page of a run says about one notebook.

    Args:
        run: one of those of `read_runs`.
        run_dir: `pathlib.Path`. Where links start from.
        studies: int. Report cards, those with images first.

    Returns:
        A dict for the templates.
    """
    folder, results = run.folder, run.results
    predictions, trouble = read_or_tell(read_predictions, folder / "predictions.csv")
    pictures = sorted((folder / "figures").glob("*.png"))
    notes = run.status.get("notes", [])
    cards = report_cards(predictions, results, folder, run_dir, studies)
    leads = any(card["films"] and card["reports"] for card in cards)
    first = headline(run.metrics)
    kinds = columns_beside(run.metrics)
    return {
        "name": folder.name,
        "state": run.status["status"],
        "label": label_of(run.status),
        "error": in_words(run.status),
        "cell": cell_link(run, run_dir),
        "trouble": [each for each in (run.trouble, trouble, *notes) if each],
        "ground": NAMES[results["dataset"]["ground"]] if results else "",
        "about": _about(results) if results else [],
        "first": [_first(*each) for each in first.items()],
        "scores": _scores(run.metrics, kinds),
        "kinds": kinds,
        "legend": legend(results, run.metrics) if results else [],
        "warnings": warnings_of(results) if results else [],
        "in_short": bool(results and results.get("cautions")),
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
        "figures": [
            (path.stem, link(path, run_dir), alternative_text(path))
            for path in pictures
        ],
        "leads": leads,
        "cards": cards,
        "n_first": FIRST if leads else 0,
        "n_studies": 0 if predictions is None else len(predictions),
    }


def _about(results):
    """Pairs of words that say what the scores rest on."""
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


def _first(name, metric):
    """One of the scores to look at first, beside the best baseline."""
    best = best_baseline(name, metric)
    return {
        "name": name,
        "what": HEADLINES.get(name, ""),
        "value": metric["value"],
        "interval": interval_of(metric),
        "best": "" if best is None else best[0],
        "best_of": "" if best is None else best[1],
        "permuted": metric.get("shuffled", ""),
        "n": format_n(metric),
    }


def _scores(metrics, kinds):
    return [
        {
            "name": name,
            "value": metric["value"],
            "interval": interval_of(metric),
            "beside": [metric.get(kind, "") for kind in kinds],
            "fall_interval": format_interval(metric.get("fall_interval")),
            "n": format_n(metric),
            "note": metric.get("note", ""),
            "brief": ", ".join(
                str(metric["protocol"][key])
                for key in ("section", "split", "image_size")
                if key in metric["protocol"]
            ),
            "protocol": list(metric["protocol"].items()),
        }
        for name, metric in metrics.items()
    ]

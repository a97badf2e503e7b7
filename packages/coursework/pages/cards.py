"""Report cards: a study's films, its label, and its report beside the generated one."""

import collections

import pandas as pd

from coursework.pages.overview import link
from coursework.results import VIEWS, example_path
from cxrscore.clinical.language import not_english
from cxrscore.clinical.marks import HIT, SIGNS, mark_reports

TEXTS = ("reference", "prediction")


def report_cards(predictions, results, folder, out, most):
    """Everything that the page shows of single studies.

    Args:
        predictions: DataFrame of `predictions.csv`, or `None`.
        results: dict, of the `results.json` beside it, or `None`.
        folder: `pathlib.Path`. The notebook's folder, with its `examples`.
        out: `pathlib.Path`. The folder of the page.
        most: int. Studies to show, those with images first.

    Returns:
        A list of dicts, one per study: `uid`, `films`, `label`, and where both texts
        are there `reports` and `findings`.

    Example:
    ```python
    report_cards(table, results, folder, folder.parent, 24)[0]["findings"]
    ```
    """
    if predictions is None:
        return []
    films = {
        row.uid: _films(row, results, folder, out) for row in predictions.itertuples()
    }
    order = sorted(predictions.index, key=lambda i: not films[predictions.uid[i]])
    is_told = set(TEXTS) <= set(predictions)
    reason = not_english(list(predictions["reference"])) if is_told else None
    threshold = _threshold(results)
    return [
        {
            "uid": row["uid"],
            "films": films[row["uid"]],
            "label": _label(row, threshold),
            **(_reports(row, reason) if is_told else {"reports": None}),
        }
        for row in predictions.loc[order[:most]].to_dict("records")
    ]


def _films(row, results, folder, out):
    """The views that exist, each film beside its reconstruction."""
    ground = results["dataset"]["ground"] if results else "real"
    kind = "" if ground == "real" else "simulated "
    found = []
    for view in VIEWS:
        path, (side, *rest) = folder / example_path(row.uid, view), view.split("_")
        if path.is_file():
            ssim = number(getattr(row, f"ssim_{side}", None), "{:.3f}")
            of = f"{kind}{side} radiograph of study {row.uid}"
            found.append(
                {
                    "view": side,
                    "caption": side,
                    "note": "",
                    "src": link(path, out),
                    "alt": f"{of[0].upper()}{of[1:]}",
                }
            )
            if rest:
                found[-1] |= {
                    "caption": f"{side}, reconstructed",
                    "note": f"SSIM {ssim}" if ssim else "",
                    "alt": f"Reconstruction of the {of}",
                }
    return sorted(found, key=lambda film: film["view"])  # Frontal first, it is stable.


def _threshold(results):
    """The probability from which on a study is called abnormal, or `None`."""
    metric = (results or {"metrics": {}})["metrics"].get("abnormal.accuracy", {})
    threshold = metric.get("protocol", {}).get("threshold")
    return threshold if isinstance(threshold, int | float) else None


def _label(row, threshold):
    """What the label is, what the model says, and whether that is right."""
    truth = {0: "normal", 1: "abnormal"}.get(row.get("label"))
    probability = row.get("probability")
    if probability is None or pd.isna(probability):
        return None
    said = None
    if threshold is not None:
        said = "abnormal" if probability >= threshold else "normal"
    is_judged = said is not None and truth is not None
    return {
        "truth": truth or "not labelled",
        "said": said,
        "verdict": ("right" if said == truth else "wrong") if is_judged else "",
        "probability": number(probability, "{:.2f}"),
        "percent": round(100 * min(max(float(probability), 0), 1), 1),
        "threshold": None if threshold is None else round(100 * threshold, 1),
    }


def _reports(row, reason):
    """Both texts in pieces, and the findings that the labeler reads in them."""
    texts = {name: row[name] for name in TEXTS}
    if reason:  # Then nothing can be marked.
        pieces = {name: [(text, None)] for name, text in texts.items()}
        return {"reports": pieces, "findings": [], "tally": "", "unread": reason}
    marked = mark_reports(*texts.values())
    counts = collections.Counter(each.verdict for each in marked.findings)
    said = [f"{counts[v]} {v}" for v in SIGNS if counts[v] or v == HIT]
    return {
        "reports": {name: getattr(marked, name) for name in TEXTS},
        "findings": marked.findings,
        "tally": " · ".join(said) if marked.findings else "",
        "unread": "",
    }


def number(value, form):
    """A value in words, or `None` where there is none."""
    return form.format(value) if value is not None and not pd.isna(value) else None

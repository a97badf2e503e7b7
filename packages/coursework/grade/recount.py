"""The scores again, from the predictions that were handed in beside them.

Values only: the bootstrap of the intervals would take minutes for a class. The
same predictions give the same scores, so each file is counted once.
"""

import csv
import hashlib
import io
import math

from cxrbase.refusals import InputError, printable
from cxrscore.clinical.scores import clinical_scores
from cxrscore.comparison import CONSTANTS
from cxrscore.evaluate import (
    IMAGES,
    VIEWS,
    as_read,
    evaluate_predictions,
    read_predictions,
)
from cxrscore.labels.scores import NAMES, classification_scores, label_values
from cxrscore.labels.thresholds import choose_threshold
from cxrscore.texts.protocols import PROTOCOLS
from cxrscore.texts.scores import text_scores

# How closely the scores of two machines agree.
RELATIVE, ABSOLUTE = 1e-5, 1e-6
ROWS, COLUMNS, LETTERS = 20_000, 60, 5_000  # Limits of a table, of a report.
MOST_ORDERS = 100
# In no results, but it follows from the predictions: a rubric may ask for it.
DERIVED = ("abnormal.best_youden",)
_NOT_SOUGHT = " "  # A blank constant, so that none is looked for.
_COMPARED = ("value", "constant", "frequent", "random", "nearest", "shuffled")
_VIEWS = tuple(f"{view}.{name}" for view in VIEWS for name in IMAGES)
_FILMS = tuple(f"{name}_{view}" for view in VIEWS for name in IMAGES)
# METEOR needs WordNet, which is not on every machine.
_COUNTED = tuple(name for name in PROTOCOLS if name != "meteor")


def is_recountable(name):
    """Whether a score of this name comes from `predictions.csv`.

    Args:
        name: string, `group.score`.

    Returns:
        A bool.

    Example:
    ```python
    is_recountable("coco.bleu_4"), is_recountable("training.best_val_loss")
    ```
    """
    group, _, own = name.partition(".")
    if group == "abnormal":
        return own in NAMES
    if name == "text.novel_share":  # It needs the train reports.
        return False
    return is_on_texts(name) or name in _VIEWS


def is_on_texts(name):
    """Whether a score of this name compares reports, which `predictions.csv` holds.

    Args:
        name: string, `group.score`.

    Returns:
        A bool.

    Example:
    ```python
    is_on_texts("coco.bleu_4"), is_on_texts("abnormal.auroc")
    ```
    """
    return name.partition(".")[0] in (*_COUNTED, "clinical", "text")


class _Named(io.BytesIO):
    """Bytes that give their name in messages."""

    def __str__(self):
        return "predictions.csv"


def read_table(content):
    """Read a `predictions.csv` that anybody may have made.

    Args:
        content: bytes.

    Returns:
        A `pandas.DataFrame`, as of `cxrscore.evaluate.read_predictions`.

    Raises:
        InputError: for what that function refuses, too many rows or columns, a repeated
            column, or a report as long as a book.

    Example:
    ```python
    read_table(b"uid,label,probability\\n1,1,0.9\\n")
    ```
    """
    name = "predictions.csv"
    if content.count(b"\n") > 2 * ROWS:
        raise InputError(f"{name}: more than {ROWS:,} rows.")
    try:
        head = content[:100_000].decode("utf-8-sig", "replace")
        columns = next(csv.reader(io.StringIO(head)), [])
    except csv.Error as error:
        raise InputError(f"{name}: not a readable CSV file ({error}).") from None
    if len(columns) > COLUMNS:
        raise InputError(f"{name}: {len(columns)} columns; at most {COLUMNS} are read.")
    if len(set(columns)) < len(columns):
        twice = next(each for each in columns if columns.count(each) > 1)
        raise InputError(f"{name}: the column {printable(twice, 40)} occurs twice.")
    table = read_predictions(_Named(content))
    if len(table) > ROWS:
        raise InputError(f"{name}: more than {ROWS:,} rows.")
    for column in table.select_dtypes(exclude="number"):
        if table[column].str.len().max() > LETTERS:
            raise InputError(
                f"{name}: a {printable(column, 40)} of more than {LETTERS:,} letters."
            )
    return table


_known = {}


def recount(content, record, beside=None):
    """Compute the scores of `predictions.csv` again.

    Args:
        content: bytes of the file.
        record: dict, the `results.json` beside it: which protocols, the
            threshold and the constant reports are taken from it.
        beside: dict, group → set of the baselines wanted beside its scores:
            `{"clinical": {"constant", "shuffled"}}`. That takes longer than the values.

    Returns:
        A dict by name of dicts: `value`, `n`, and the baselines.

    Raises:
        InputError: if the file cannot be read, or holds what it must not.

    Example:
    ```python
    recount(path.read_bytes(), read_results("results.json"))["coco.bleu_4"]["value"]
    ```
    """
    settings = _settings(record)
    asked = {group: sorted(names) for group, names in sorted((beside or {}).items())}
    key = hashlib.sha256(content).digest(), repr((settings, asked))
    if key not in _known:
        table = read_table(content)
        scores = _values(table, settings)
        for group in set(asked) & {"abnormal", "clinical", *_COUNTED}:
            scores |= _with_baselines(table, group, asked[group], settings)
        _known[key] = {name: _bare(score) for name, score in scores.items()}
    return _known[key]


def _bare(score):
    return {key: score[key] for key in (*_COMPARED, "n") if key in score}


def _values(table, settings):
    """Every score without its baselines."""
    columns = set(table.columns)
    films = table[["uid", *sorted(columns & set(_FILMS))]]
    scores = evaluate_predictions(films, intervals=False)["scores"]
    if {"label", "probability"} <= columns:
        pair = table["label"], table["probability"]
        scores |= classification_scores(*pair, settings["threshold"], intervals=False)
        scores |= _best_youden(*pair)
    if {"reference", "prediction"} <= columns:
        read = as_read(table)
        pair = list(read["reference"]), list(read["prediction"])
        protocols = settings["protocols"]
        scores |= text_scores(*pair, protocols=protocols, intervals=False)
        scores |= clinical_scores(*pair, intervals=False)
    return scores


def _best_youden(labels, probabilities):
    """The largest Youden's J of any threshold."""
    known = labels.notna() & probabilities.notna()
    y, p = labels[known].to_numpy(int), probabilities[known].to_numpy(float)
    if len(set(y)) < 2:
        return {}
    values = label_values(y, p, choose_threshold(y, p)[0])
    best = values["sensitivity"] + values["specificity"] - 1
    return {"abnormal.best_youden": {"value": best, "n": len(y)}}


def _with_baselines(table, group, asked, settings):
    """The scores of one group with the baselines asked for."""
    columns = ["reference", "prediction", *asked]
    if group == "abnormal":
        columns = ["label", "probability"]
    table = table[["uid", *table.columns.intersection(columns)]]
    settings = settings | {"protocols": [group] if group in PROTOCOLS else []}
    settings |= {name: _NOT_SOUGHT for name in CONSTANTS if name not in asked}
    if "shuffled" not in asked:
        settings["permutations"] = 0
    scores = evaluate_predictions(table, **settings, intervals=False)["scores"]
    kept = {"value", "n", *asked}
    if group != "abnormal":  # Its constant is a class, not a report.
        kept -= {name for name in CONSTANTS if settings[name] == _NOT_SOUGHT}
    return {
        name: {key: score[key] for key in score if key in kept}
        for name, score in scores.items()
        if name.startswith(f"{group}.")
    }


def _settings(record):
    """The arguments of `evaluate_predictions`, as far as the results name them."""
    metrics, said = record["metrics"], record["baselines"]
    groups = {name.partition(".")[0] for name in metrics}
    shuffle = said.get("shuffle") if isinstance(said.get("shuffle"), dict) else {}
    cut = metrics.get("abnormal.accuracy", {"protocol": {}})["protocol"]
    return {
        "protocols": [name for name in _COUNTED if name in groups],
        "threshold": _number(cut.get("threshold"), 0.5),
        "constant": _text(said.get("constant_report")),
        "frequent": _text(said.get("frequent_report")),
        "train_labels": _prevalence(said),
        "permutations": int(min(_number(shuffle.get("permutations"), 20), MOST_ORDERS)),
        "seed": int(abs(_number(shuffle.get("seed"), 0))),
    }


def _prevalence(said):
    """Of train, as labels; older runs name only the majority class."""
    share, words = said.get("constant_probability"), str(said.get("constant_label", ""))
    if isinstance(share, int | float) and 0 <= share <= 1:
        return [share]
    return [float(words.startswith("abnormal"))] if words else None


def _number(value, otherwise):
    return value if isinstance(value, int | float) else otherwise


def _text(report):
    """A constant report; one not recorded is not looked for, which would take long."""
    text = report.get("text") if isinstance(report, dict) else None
    return text[:LETTERS] if isinstance(text, str) and text.strip() else _NOT_SOUGHT


def differences(stated, found):
    """Say which scores differ from what the predictions give.

    Args:
        stated: dict of scores, the `metrics` of a `results.json`.
        found: dict of scores, of `recount`.

    Returns:
        A dict, name to words, of the scores that differ.

    Example:
    ```python
    differences(record["metrics"], recount(content, record))
    ```
    """
    differ = {}
    for name in found:
        if name not in stated:
            continue
        for key in _COMPARED:
            if key in stated[name] and key in found[name]:
                words = _difference(stated[name][key], found[name][key])
                if words:
                    label = name if key == "value" else f"{name}, {key}"
                    differ.setdefault(name, f"{label}: results.json says {words}")
        if stated[name]["n"] != found[name]["n"]:
            words = f"n={stated[name]['n']}, predictions.csv gives n={found[name]['n']}"
            differ.setdefault(name, f"{name}: results.json says {words}")
    return differ


def _difference(claim, found):
    if claim is None or found is None:
        if claim is found:
            return ""
        claim, found = ("no value" if v is None else f"{v:.4f}" for v in (claim, found))
        return f"{claim}, predictions.csv gives {found}"
    if math.isclose(claim, found, rel_tol=RELATIVE, abs_tol=ABSOLUTE):
        return ""
    places = 4 if abs(claim - found) >= 1e-4 else 7
    more = "more" if claim > found else "less"
    return (
        f"{claim:.{places}f}, predictions.csv gives {found:.{places}f} "
        f"({abs(claim - found):.{places}f} {more})"
    )

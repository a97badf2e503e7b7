"""From `predictions.csv` to every figure: what wrote `results.json` can be redone."""

import numpy as np
import pandas as pd

from cxrlib.evaluation.baselines import (
    best_constant,
    constant_scores,
    shuffle_test,
)
from cxrlib.evaluation.classification import (
    classification_scores,
    known,
    label_values,
    majority_values,
)
from cxrlib.evaluation.figure import figure, format_figure
from cxrlib.evaluation.text import PROTOCOLS, TextScorer, answered, text_scores
from cxrlib.files import InputError

TEXTS = ("reference", "prediction")
IMAGES = {
    "ssim": "SSIM, Gaussian 11×11 σ 1.5, white = 1, mean over studies",
    "mse": "MSE, white = 1, mean over studies",
    "psnr": "PSNR in dB, mean over studies",
}
VIEWS = ("frontal", "lateral")


def read_predictions(path):
    """Read a `predictions.csv` as it was written.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        A `pandas.DataFrame`: `uid` and texts as strings (a report that reads
        "None" stays a report), everything else as float with NaN for missing.

    Raises:
        InputError: if the file is missing, unreadable, or lacks `uid`.

    Example:
    ```python
    read_predictions("outputs/demo/07_multitask/predictions.csv")
    ```
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError) as error:
        raise InputError(f"{path}: not a readable CSV file ({error}).") from None
    if "uid" not in table:
        raise InputError(f"{path}: has no column uid; columns: {list(table.columns)}.")
    numeric = [f"{name}_{view}" for name in IMAGES for view in VIEWS]
    for column in table.columns.intersection(["label", "probability", *numeric]):
        try:
            numbers = pd.to_numeric(table[column].where(table[column] != ""))
            table[column] = numbers.astype("float64")
        except ValueError as error:
            raise InputError(f"{path}: column {column}: {error}.") from None
    return table


def _text_figures(table, constant, section, split, permutations, seed, protocols):
    references, predictions, _ = answered(table["reference"], table["prediction"])
    figures = text_scores(
        table["reference"], table["prediction"], section, split, protocols
    )
    if not references:
        return figures
    scorer, outputs = TextScorer(references, protocols), np.array(predictions, object)
    beside = {
        "constant": constant_scores(references, constant, protocols)
        if constant
        else {},
        "shuffled": shuffle_test(
            lambda order: scorer.score(outputs[order]), len(outputs), permutations, seed
        ),
    }
    return _set_beside(figures, beside)


def _label_figures(table, threshold, split, permutations, seed):
    figures = classification_scores(
        table["label"], table["probability"], threshold, split
    )
    labels, probabilities, _ = known(table["label"], table["probability"])
    beside = {
        "constant": majority_values(labels),
        "shuffled": shuffle_test(
            lambda order: label_values(labels, probabilities[order], threshold),
            len(labels),
            permutations,
            seed,
        ),
    }
    beside = {
        kind: {f"abnormal.{name}": value for name, value in values.items()}
        for kind, values in beside.items()
    }
    return _set_beside(figures, beside)


def _set_beside(figures, beside):
    """Write the baselines into each figure, so that it never stands alone."""
    for name, record in figures.items():
        for kind, values in beside.items():
            if name in values:
                record[kind] = values[name]
        if None not in (record["value"], record.get("shuffled")):
            record["fall"] = record["value"] - record["shuffled"]
    return figures


def _image_figures(table, split, image_size):
    figures = {}
    for view in VIEWS:
        for name, words in IMAGES.items():
            if f"{name}_{view}" not in table:
                continue
            values = table[f"{name}_{view}"].dropna()
            figures[f"{view}.{name}"] = figure(
                values.mean() if len(values) else None,
                len(values),
                note=None if len(values) else "undefined: no study has this view",
                split=split,
                left_out=len(table) - len(values),
                score=words,
                **({"image_size": image_size} if image_size else {}),
            )
    return figures


def evaluate_predictions(
    table,
    train_texts=None,
    constant=None,
    section="impression",
    split="test",
    threshold=0.5,
    image_size=None,
    permutations=20,
    seed=0,
    protocols=tuple(PROTOCOLS),
):
    """Compute every figure that the columns allow, each beside its baselines.

    It needs nothing but the table and the constant report, so that anybody can
    recompute a `results.json` from the `predictions.csv` beside it.

    Args:
        table: `pandas.DataFrame`, one row per study. Column `uid`, and any of
            `reference`, `prediction` (texts), `label` (0, 1, NaN),
            `probability` ([0, 1]), `ssim_frontal`, `ssim_lateral`,
            `mse_frontal`, `mse_lateral`, `psnr_…`.
        train_texts: sequence of strings. The train split's reports, from which the
            constant report is chosen.
        constant: string. The constant report, where it was chosen before.
        section: string. What the references are: `"impression"`, `"findings"`, …
        split: string. Where the studies come from.
        threshold: float. Abnormal from this probability on.
        image_size: string, such as `"64×64 pixels"`. SSIM depends on it.
        permutations: int. Orders of the shuffle test.
        seed: int. Of the shuffle test and the choice of the constant.
        protocols: names from `cxrlib.evaluation.text.PROTOCOLS`.

    Returns:
        A dict: `figures` (name → value, n, protocol, note, and where they make
        sense `constant`, `shuffled`, `fall`) and `baselines` (what the constant
        report says, how it was chosen, and how the shuffle was done).

    Raises:
        InputError: if a uid occurs twice, or a column holds what it must not.

    Example:
    ```python
    table = read_predictions("outputs/demo/07_multitask/predictions.csv")
    evaluate_predictions(table, constant="No acute disease.")["figures"]
    ```
    """
    if "uid" not in table:
        raise InputError(f"Predictions lack the column uid: {list(table.columns)}.")
    twice = table["uid"][table["uid"].duplicated()]
    if len(twice):
        raise InputError(f"Predictions: uid {twice.iloc[0]} occurs more than once.")
    chosen = {"text": constant} if constant else None
    figures = _image_figures(table, split, image_size)
    if {"label", "probability"} <= set(table.columns):
        figures |= _label_figures(table, threshold, split, permutations, seed)
    if set(TEXTS) <= set(table.columns):
        if chosen is None and train_texts is not None:
            chosen = best_constant(train_texts, seed=seed)
        text = chosen["text"] if chosen else None
        figures |= _text_figures(
            table, text, section, split, permutations, seed, protocols
        )
    return {
        "figures": figures,
        "baselines": {
            "constant_report": chosen,
            "constant_label": "the commoner class of these studies",
            "shuffle": {"permutations": permutations, "seed": seed},
        },
    }


def figures_table(figures):
    """List figures with their baselines and protocols, ready to print.

    Args:
        figures: dict of figures, as of `evaluate_predictions(…)["figures"]` or
            the `metrics` of a `results.json`.

    Returns:
        A `pandas.DataFrame` of strings: figure, value, constant, shuffled,
        fall, n, protocol, note.

    Example:
    ```python
    figures_table(evaluate_predictions(table)["figures"])
    ```
    """
    rows = []
    for name, record in figures.items():
        row = {"figure": name, "value": format_figure(record["value"])}
        for kind in ("constant", "shuffled", "fall"):
            row[kind] = format_figure(record[kind]) if kind in record else ""
        words = [f"{key}: {value}" for key, value in record["protocol"].items()]
        row |= {"n": str(record["n"]), "protocol": "; ".join(words)}
        rows.append(row | {"note": record.get("note", "")})
    columns = ["figure", "value", "constant", "shuffled", "fall", "n"]
    return pd.DataFrame(rows, columns=[*columns, "protocol", "note"])


def figures_markdown(figures):
    """The table of `figures_table` in Markdown, for a README or a terminal.

    Args:
        figures: dict of figures.

    Returns:
        A string.

    Example:
    ```python
    print(figures_markdown(results["metrics"]))
    ```
    """
    table = figures_table(figures)
    rows = [table.columns, ["---"] * len(table.columns), *table.to_numpy()]
    # A bar inside a cell would begin a new one.
    return "\n".join(
        "| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows
    )


def _cell(cell):
    return str(cell).replace("|", "\\|").replace("\n", " ")

"""From `predictions.csv` to every score: anyone can recompute a `results.json`."""

import functools
import itertools

import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrbase.tables import read_csv
from cxrbase.words import NAMELESS, key, says_nothing
from cxrscore.baselines import (
    best_constant,
    most_frequent,
    random_reports,
    shuffled_orders,
)
from cxrscore.cautions import cautions
from cxrscore.clinical.scores import ClinicalScorer, clinical_scores
from cxrscore.comparison import compare, compare_labels
from cxrscore.labels.scores import classification_scores
from cxrscore.labels.thresholds import known
from cxrscore.score import records
from cxrscore.texts.plain import plain
from cxrscore.texts.protocols import DEFAULT, tidy
from cxrscore.texts.scores import TextScorer, text_scores

TEXTS = ("reference", "prediction")
IMAGES = {
    "ssim": "SSIM, Gaussian 11×11 σ 1.5, white = 1, mean over studies",
    "mse": "MSE, white = 1, mean over studies",
    "psnr": "PSNR in dB, mean over studies",
}
VIEWS = ("frontal", "lateral")
# With many studies few orders suffice.
SHUFFLED = 20_000
THEMSELVES = "the references being scored (an upper bound)"


def read_predictions(path):
    """Read a `predictions.csv` as it was written.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        A `pandas.DataFrame`: `uid` and texts as strings (a report that reads
        "None" stays one here), everything else as float with NaN for missing.

    Raises:
        InputError: if the file is missing, unreadable, or lacks `uid`.

    Example:
    ```python
    read_predictions("outputs/demo/07_multitask/predictions.csv")
    ```
    """
    table = read_csv(path, ["uid"])
    numeric = [f"{name}_{view}" for name in IMAGES for view in VIEWS]
    for column in table.columns.intersection(["label", "probability", *numeric]):
        cells = table[column].mask(table[column].map(key).isin(NAMELESS))
        cells = cells.str.replace(r"^(-?\d+),(\d+)$", r"\1.\2", regex=True)  # 0,5
        try:
            numbers = pd.to_numeric(cells)
            table[column] = numbers.astype("float64")
        except ValueError as error:
            raise InputError(f"{path}: column {column}: {error}.") from None
    return table


def _image_scores(table, split, image_size, intervals):
    scores = {}
    for view, name in itertools.product(VIEWS, IMAGES):
        if f"{name}_{view}" not in table:
            continue
        values = table[f"{name}_{view}"].dropna().to_numpy("float64")
        words = {"split": split, "left_out": len(table) - len(values)}
        words |= {"score": IMAGES[name]}
        words |= {"image_size": image_size} if image_size else {}
        scores |= records(
            view,
            values[:, None],
            lambda sums, n, name=name: {name: sums[..., 0] / n},
            {name: words},
            intervals,
            empty="undefined: no study has this view",
        )
    return scores


def _label_scores(
    table,
    train_labels,
    threshold,
    threshold_from,
    split,
    permutations,
    seed,
    intervals,
):
    """Label scores beside what a constant reaches, and a description of it."""
    pair = table["label"], table["probability"]
    scores = classification_scores(
        *pair, threshold, split, threshold_from=threshold_from, intervals=intervals
    )
    labels, probabilities, _ = known(*pair)
    if not labels.size:
        return scores, {}
    of, seen = "these studies", labels
    if train_labels is not None and np.isfinite(train_labels).any():
        of, seen = "train", np.asarray(train_labels, "float64")
    prevalence = float(np.nanmean(seen))
    order = shuffled_orders(labels.size, permutations, seed)
    beside = compare_labels(
        labels, probabilities, prevalence, order, threshold, intervals=intervals
    )
    scores = {
        name: _joined(beside[name.split(".")[1]], record)
        for name, record in scores.items()
    }
    word = "abnormal" if prevalence >= 0.5 else "normal"
    words = f"{word}, the majority class of {of}; for Brier score and ECE the "
    words += f"forecast {prevalence:.3f}, the prevalence of abnormal in {of}"
    return scores, {"constant_label": words, "constant_probability": prevalence}


def _joined(beside, record):
    """A score and what stands beside it; only its own interval, which may be exact."""
    beside = {name: each for name, each in beside.items() if name != "interval"}
    return beside | record


def _text_baselines(scored, spoken, constant, frequent, seed):
    """The baselines' reports, `{baseline: texts}`, and where they come from."""
    own, n = list(scored["reference"]), len(scored)
    pool, source = (spoken, "train") if spoken else (own, THEMSELVES)
    columns, said = {}, {}
    for kind, text, choose in (
        ("constant", constant, functools.partial(best_constant, seed=seed)),
        ("frequent", frequent, most_frequent),
    ):
        report = {"text": text} if text else choose(pool) | {"chosen_on": source}
        columns[kind], said[f"{kind}_report"] = [report["text"]] * n, report
    if "random" in scored:
        said["random_report"] = "a report drawn for each study (column random)"
        columns["random"] = list(scored["random"])
    elif n > 1:
        said["random_report"] = f"the reference of another study, seed {seed}"
        columns["random"] = [own[i] for i in shuffled_orders(n, 1, seed)[0]]
    if "nearest" in scored:
        said["nearest_report"] = "that of the train study most alike (column nearest)"
        columns["nearest"] = list(scored["nearest"])
    return columns, said


def _text_scores(
    table, scored, columns, order, protocols, train_texts, intervals, **words
):
    """Text and clinical scores; the studies `scored` have a reference."""
    predictions = list(scored["prediction"])
    scores = {}
    for scorer, compute in (
        (
            TextScorer(scored["reference"], protocols),
            functools.partial(text_scores, train_texts=train_texts),
        ),
        (ClinicalScorer(scored["reference"]), clinical_scores),
    ):
        own = compute(
            *(table[name] for name in TEXTS),
            scorer=scorer,
            counts=scorer.counts(predictions),
            intervals=intervals,
            **words,
        )
        beside = {}
        if len(scored):
            beside = compare(scorer, predictions, columns, order, intervals=intervals)
        scores |= {name: _joined(beside.get(name, {}), own[name]) for name in own}
    return scores


def evaluate_predictions(
    table,
    train_texts=None,
    constant=None,
    frequent=None,
    train_labels=None,
    section="impression",
    split="test",
    threshold=0.5,
    threshold_from="fixed",
    image_size=None,
    permutations=20,
    seed=0,
    protocols=DEFAULT,
    intervals=True,
):
    """Compute every score that the columns allow, each beside its baselines.

    It needs nothing but the table and the constant reports, so that anybody can
    recompute a `results.json` from the `predictions.csv` beside it.

    Args:
        table: `pandas.DataFrame`, one row per study. Column `uid`, and any of
            `reference`, `prediction` (texts; "nan" and such are empty ones),
            `nearest`, `random` (the reports of these baselines), `label` (0, 1, NaN),
            `probability` ([0, 1]),
            `ssim_frontal`, `ssim_lateral`, `mse_frontal`, `mse_lateral`, `psnr_…`.
        train_texts: sequence of strings. The train split's reports: constants and
            random reports are taken from them. Without them, and where a baseline
            is not given, they are taken from the references being scored: an upper
            bound, and named so.
        constant: string. The best constant report, if it was chosen before.
        frequent: string. The most frequent report, if it was chosen before.
        train_labels: array `(m,)` of 0, 1, NaN. Its majority class is the constant
            label, its prevalence the constant probability; without it, those of these
            studies.
        section: string. What the references are: `"impression"`, `"findings"`, …
        split: string. Where the studies come from.
        threshold: float in [0, 1]. Abnormal from this probability on.
        threshold_from: string. How the threshold was chosen, such as the words of
            `cxrscore.labels.thresholds.choose_threshold`.
        image_size: string, such as `"64×64 pixels"`. SSIM depends on it.
        permutations: int. The most orders of the permutation test; fewer for more than
            a thousand studies; 0 leaves the test out.
        seed: int, 0 or more. Of the permutation test and the choice of baselines.
        protocols: names from `cxrscore.texts.scores.PROTOCOLS`.
        intervals: bool. Whether to resample the studies. Without them, and without
            permutations, it takes a fiftieth of the time.

    Returns:
        A dict: `scores` (name → value, n, protocol, note, interval, and where they
        make sense `constant`, `frequent`, `random`, `nearest`, `shuffled`, `fall`,
        `gain` and their intervals, see `cxrscore.comparison.compare`),
        `baselines` (their reports and how they were chosen), `warnings` (list of
        sentences), `cautions` (the same in short: name, what, numbers, see
        `cxrscore.cautions.Caution`) and `table` (the given one, with the column
        `random` where train reports were drawn).

    Raises:
        InputError: if a uid or a column occurs twice, a column holds what it must
            not, or an argument is out of its range.

    Example:
    ```python
    table = read_predictions("outputs/demo/07_multitask/predictions.csv")
    evaluate_predictions(table, constant="No acute disease.")["scores"]
    ```
    """
    _check_options(permutations, seed, threshold)
    if "uid" not in table:
        raise InputError(f"Predictions lack the column uid: {list(table.columns)}.")
    if table.columns.has_duplicates:
        name = table.columns[table.columns.duplicated()][0]
        raise InputError(f"Predictions: the column {name} occurs twice.")
    twice = table["uid"][table["uid"].duplicated()]
    if len(twice):
        raise InputError(f"Predictions: uid {twice.iloc[0]} occurs more than once.")
    permutations = min(permutations, max(2, SHUFFLED // max(1, len(table))))
    scores, texts = _image_scores(table, split, image_size, intervals), ()
    baselines = {"shuffle": {"permutations": permutations, "seed": seed}}
    if {"label", "probability"} <= set(table.columns):
        own, said = _label_scores(
            table,
            train_labels,
            threshold,
            threshold_from,
            split,
            permutations,
            seed,
            intervals,
        )
        scores, baselines = scores | own, baselines | said
    if set(TEXTS) <= set(table.columns):
        spoken = [t for t in _listed(train_texts) if _said(t)]
        if spoken and "random" not in table:
            table = table.assign(random=random_reports(spoken, len(table), seed))
        read = as_read(table)  # The table itself stays as it was written.
        scored = read[[bool(tidy(text)) for text in read["reference"]]]
        columns = {}
        if len(scored):
            columns, said = _text_baselines(scored, spoken, constant, frequent, seed)
            baselines |= said
        scores |= _text_scores(
            read,
            scored,
            columns,
            shuffled_orders(len(scored), permutations, seed),
            protocols,
            train_texts=spoken or None,
            intervals=intervals,
            section=section,
            split=split,
        )
        texts = (scored["reference"], scored["prediction"])
    said = cautions(scores, *texts)
    return {
        "scores": scores,
        "baselines": baselines,
        "warnings": [each.words for each in said],
        "cautions": [[each.name, each.what, each.numbers] for each in said],
        "table": table,
    }


def _check_options(permutations, seed, threshold):
    for name, value in (("permutations", permutations), ("seed", seed)):
        if not isinstance(value, int | np.integer) or value < 0:
            raise InputError(f"{name}={value!r}: must be a whole number, 0 or more.")
    if not 0 <= threshold <= 1:
        raise InputError(f"threshold={threshold!r}: must lie in [0, 1].")


def _said(cell):
    """A text, or `""` for one that says nothing, such as "nan" and "XXXX."."""
    return "" if pd.isna(cell) or says_nothing(str(cell)) else cell


def as_read(table):
    """Return the texts of a table as they are scored.

    Args:
        table: DataFrame with some of `reference`, `prediction`, `nearest`, `random`.

    Returns:
        A copy: normalised, and `""` where a text says nothing, such as "nan".

    Example:
    ```python
    as_read(pd.DataFrame({"prediction": ["nan", "Clear."]}))
    ```
    """
    columns = table.columns.intersection([*TEXTS, "nearest", "random"])
    return table.assign(**{name: table[name].map(_said).map(plain) for name in columns})


def _listed(texts):
    return () if texts is None else texts

"""Scores by subgroup: for whom a model is better or worse, beyond chance.

Rows are studies, films, or findings. What is drawn again is the patient, with all their
rows, so that a difference between two groups is paired as far as patients are in both.
"""

import numpy as np
import pandas as pd
from scipy.stats import norm

from cxrbase.files import InputError
from cxrscore.bootstrap import LEVEL, RESAMPLES, interval, resampling_weights
from cxrscore.labels.exact import area_ends, clustered_ends
from cxrscore.score import NO_WIDTH

FEWEST = 10  # Patients of a group; with fewer it gets no score.
FEWEST_OF_A_CLASS = 5  # Patients of each class, where a score needs both.
NOT_GIVEN = "not given"
COLUMNS = (
    *("column", "group", "n", "patients", "positives", "value", "low", "high"),
    *("rest", "difference", "difference_low", "difference_high", "p", "holm", "note"),
)


def subgroup_scores(measure, table, columns=None, patients=None, resamples=RESAMPLES):
    """Score every group of every column, and compare it with the rest.

    The rest are the rows with another value of that column. A group is not scored,
    and a note says so, where it has fewer than `FEWEST` patients, or, for a score that
    needs both classes, fewer than `FEWEST_OF_A_CLASS` of one. Where a column has two
    values the second comparison would be the first again, and is left out.

    Args:
        measure: `Measure` of `n` rows.
        table: `pandas.DataFrame` of `n` rows. A missing or empty value belongs to no
            group; it is counted under `"not given"`.
        columns: sequence of strings or `None` for all columns.
        patients: array `(n,)` or `None`. Who is drawn again, with all their rows; by
            default every row is a patient's only one.
        resamples: int.

    Returns:
        A `pandas.DataFrame` with the columns `COLUMNS`, a row per group, groups in
        their natural order: the score `value` with its 95 % interval (`low`, `high`;
        exact for a share of hits, and for an AUROC near 0 and 1), that of the `rest`,
        their `difference` with its interval (of shares without a patient in common
        Newcombe's, from the ends of both; else the paired bootstrap's), the `p` value
        that belongs to that interval, and `holm`, the same corrected for all
        comparisons of the table.

    Raises:
        InputError: if the numbers of rows differ, or a column is missing.

    Example:
    ```python
    measure = label_measure(y, probabilities)
    scored = subgroup_scores(measure, films, ["view", "sex"], patients=films.patient)
    print(comparisons_said(scored))
    ```

    Reference:
        - [Holm, 1979](https://www.jstor.org/stable/4615733)
        - [Newcombe, 1998](https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I)
    """
    columns = list(table) if columns is None else list(columns)
    if absent := [name for name in columns if name not in table]:
        raise InputError(
            f"There is no column {absent[0]!r}: give one of {list(table)}."
        )
    patients = np.arange(len(table)) if patients is None else np.asarray(patients)
    if not measure.size == len(table) == len(patients):
        raise InputError(
            f"{measure.size} rows are scored, the table has {len(table)} and "
            f"{len(patients)} patients: give one row of each, in the same order."
        )
    draws = resampling_weights(len(table), resamples, groups=patients)
    weights = np.concatenate(list(draws)) if len(table) else np.ones((1, 0))
    rows = []
    for name in columns:
        groups = _groups(table[name])
        given = np.any([inside for _, inside in groups], axis=0)
        for number, (group, inside) in enumerate(groups):
            row = {"column": name, "group": group}
            row |= _scored(measure, inside, patients, weights)
            rows.append(row)
            if len(groups) > 2 or (len(groups) == 2 and not number):
                rest = _scored(measure, given & ~inside, patients, weights)
                row |= _compared(row, rest)
        if len(missing := np.flatnonzero(~given)):
            whom = {"n": len(missing), "patients": len(set(patients[missing]))}
            rows.append({"column": name, "group": NOT_GIVEN, "note": NOT_GIVEN} | whom)
    scored = pd.DataFrame(rows).reindex(columns=COLUMNS)
    scored["holm"] = holm(scored.p)
    scored["note"] = scored.note.fillna("")
    counts = ["n", "patients", "positives"]
    return scored.astype(dict.fromkeys(counts, "Int64"))


def _groups(column):
    """Pairs of a value in words and its rows (bool), in their natural order."""
    column = column.mask(column.astype("string").eq("").fillna(False).astype(bool))
    values = pd.Categorical(column)
    names, codes = values.categories, values.codes
    present = [code for code in range(len(names)) if (codes == code).any()]
    return [(str(names[code]), codes == code) for code in present]


def _scored(measure, inside, patients, weights):
    """The score of some rows with its interval, or a note; `drawn` are resamples."""
    if measure.hits is not None:
        inside = inside & np.isfinite(measure.hits)
    rows = np.flatnonzero(inside)
    found = {"n": len(rows), "patients": len(set(patients[rows])), "note": ""}
    classes = []
    if measure.positives is not None:
        positive = measure.positives[rows]
        found["positives"] = int(positive.sum())
        classes = [len(set(patients[rows][positive == kind])) for kind in (True, False)]
    if found["patients"] < FEWEST:
        return found | {"note": f"too few: {found['patients']} patients"}
    if measure.both_classes and min(classes) < FEWEST_OF_A_CLASS:
        return found | {"note": f"too few: {min(classes)} patients of a class"}
    (value,) = measure.values(np.ones((1, len(rows))), rows)
    if not np.isfinite(value):
        return found | {"note": "undefined on these rows"}
    drawn = np.asarray(measure.values(weights[:, rows], rows), "float64")
    ends = plain = interval(drawn)
    names, place = np.unique(patients[rows], return_inverse=True)
    if measure.name == "auroc":
        folds = None if measure.folds is None else measure.folds[rows]
        ends = area_ends(positive, drawn, patients[rows], folds)
    elif measure.hits is not None:
        hits = np.bincount(place, measure.hits[rows])
        ends, _ = clustered_ends(hits, np.bincount(place), drawn)
    if ends is None:
        found["note"] = NO_WIDTH
    drawn = None if plain is None else drawn  # All resamples give the same.
    found |= {"value": float(value), "drawn": drawn, "ends": ends, "who": set(names)}
    found["share"] = measure.hits is not None
    return found | (dict(zip(("low", "high"), ends, strict=True)) if ends else {})


def _compared(group, rest):
    """The difference of a group to the rest, where both have a score."""
    if "value" not in group:
        return {}
    if "value" not in rest:
        return {"note": f"nothing to compare with: {rest['note']}"}
    difference, ends = group["value"] - rest["value"], None
    apart = group["share"] and group["who"].isdisjoint(rest["who"])
    if not apart and group["drawn"] is not None and rest["drawn"] is not None:
        ends = interval(group["drawn"] - rest["drawn"])
    elif group["ends"] and rest["ends"]:  # From the ends of both, as if independent.
        (a, low, high), (b, rest_low, rest_high) = (
            (each["value"], *each["ends"]) for each in (group, rest)
        )
        ends = [
            difference - np.hypot(a - low, rest_high - b),
            difference + np.hypot(high - a, b - rest_low),
        ]
    found = {"rest": rest["value"], "difference": difference}
    if ends is None:
        return found
    names = "difference_low", "difference_high"
    found |= dict(zip(names, map(float, ends), strict=True))
    # The interval reaches to 0 where p is 0.05.
    reach = difference - ends[0] if difference > 0 else ends[1] - difference
    if reach > 0:
        found["p"] = float(
            2 * norm.sf(norm.isf((1 - LEVEL) / 2) * abs(difference) / reach)
        )
    return found


def holm(p):
    """Correct p values for their number, by Holm's step-down rule.

    Args:
        p: float array `(n,)`, NaN where nothing was compared.

    Returns:
        A float array `(n,)`: the smallest error rate of the whole family at which this
        comparison is still called different.

    Example:
    ```python
    holm([0.01, 0.04, float("nan")])  # [0.02, 0.04, nan]
    ```
    """
    p = np.asarray(p, "float64")
    order = np.argsort(p)[: np.isfinite(p).sum()]
    corrected = np.full(p.shape, np.nan)
    steps = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected

"""A score and its baselines, resampled together: what is beyond chance, and what not.

Text and clinical figures are functions of sums over the studies. So the counts of the
output, of each baseline and of each shuffle are taken once, put side by side, and
weighed by the same resamples: differences are paired, study by study.
"""

import numpy as np

from cxrscore.bootstrap import interval, resampled_sums
from cxrscore.labels.scores import NAMES, label_values, resampled_values

CONSTANTS = ("constant", "frequent")  # Baselines that are one report for every study.


def compare(scorer, predictions, baselines, orders, seed=0, intervals=True):
    """Every figure of a scorer with its interval, its baselines and its shuffle.

    Args:
        scorer: made from the references `(n,)`, such as a
            `cxrscore.texts.scores.TextScorer`. It has `counts(texts)`, what each
            study adds to sums, and `figures(group, sums, n)`.
        predictions: sequence of strings `(n,)`.
        baselines: dict of name to strings `(n,)`, what else could have been said.
        orders: int array `(permutations, n)` of
            `cxrscore.baselines.shuffled_orders`.
        seed: int. Of the resamples.
        intervals: bool. Whether to draw them.

    Returns:
        A dict, `group.figure` to a dict of floats, `None` where undefined: `value`,
        each baseline by its name, `shuffled` (mean over the orders), `fall` (value −
        shuffled), `gain` (value − the better constant); and of value, fall and gain
        the 95 % intervals `interval`, `fall_interval`, `gain_interval`. With fewer
        than two studies there are no intervals and no shuffle.

    Example:
    ```python
    scorer = TextScorer(["No edema.", "Small effusion."])
    said = ["No edema.", "Effusion."]
    compare(scorer, said, {"constant": ["No edema."] * 2}, shuffled_orders(2))
    ```

    Reference:
        - Paired bootstrap: [Koehn, 2004](https://aclanthology.org/W04-3250/)
    """
    n, said = len(predictions), np.array(predictions, object)
    outputs = [said, *baselines.values(), *(said[order] for order in orders)]
    counted = [scorer.counts(list(texts)) for texts in outputs]
    return {
        f"{group}.{name}": _record(point, drawn, list(baselines))
        for group in counted[0]
        for name, point, drawn in _figures(
            scorer, group, [counts[group] for counts in counted], n, seed, intervals
        )
    }


def _figures(scorer, group, counts, n, seed, intervals):
    """Name, figures `(outputs,)` and resampled figures `(resamples, outputs)`."""
    side = np.stack(counts, axis=1).astype("float64")  # (n, outputs, k)
    points = scorer.figures(group, side.sum(axis=0), n)
    drawn = {}
    if intervals and n > 1:
        sums = resampled_sums(side.reshape(n, -1), seed=seed)
        drawn = scorer.figures(group, sums.reshape(-1, *side.shape[1:]), n)
    return [(name, point, drawn.get(name)) for name, point in points.items()]


def compare_labels(
    labels, probabilities, common, orders, threshold=0.5, seed=0, intervals=True
):
    """Every label figure with its interval, the commoner class and its shuffle.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        common: float. The commoner class, 0 or 1.
        orders: int array `(permutations, n)`.
        threshold: float. Positive from here on.
        seed: int. Of the resamples.
        intervals: bool. Whether to draw them.

    Returns:
        A dict by `cxrscore.labels.scores.NAMES`, each as of `compare` with
        the one baseline `constant`. Of an error (Brier, ECE) less is better: there a
        good model's `fall` and `gain` are negative.

    Example:
    ```python
    labels, probabilities = np.array([0, 1, 1]), np.array([0.2, 0.9, 0.4])
    compare_labels(labels, probabilities, 1.0, shuffled_orders(3))["auroc"]["fall"]
    ```
    """
    outputs = [probabilities, np.full(labels.shape, common)]
    outputs += [probabilities[order] for order in orders]
    points = [label_values(labels, each, threshold) for each in outputs]
    drawn = []
    if intervals and labels.size > 1:
        drawn = [
            resampled_values(labels, each, threshold, seed=seed) for each in outputs
        ]
    return {
        name: _record(
            np.array([each[name] for each in points], "float64"),  # None becomes NaN.
            np.stack([each[name] for each in drawn], axis=1) if drawn else None,
            ["constant"],
        )
        for name in NAMES
    }


def _record(point, drawn, baselines):
    """One figure's numbers; the columns are value, baselines, then shuffles."""
    record = {"value": point[0], **dict(zip(baselines, point[1:], strict=False))}
    shuffles = slice(1 + len(baselines), None)
    others = {}
    if len(point[shuffles]):
        record["shuffled"] = point[shuffles].mean()
        others["fall"] = shuffles
    constants = [i for i, name in enumerate(baselines, 1) if name in CONSTANTS]
    if constants:
        best = max(constants, key=lambda i: np.nan_to_num(point[i], nan=-np.inf))
        others["gain"] = slice(best, best + 1)
    for name, columns in others.items():
        record[name] = _difference(point, columns)
    record = {name: _plain(value) for name, value in record.items()}
    if drawn is not None and record["value"] is not None:
        record["interval"] = interval(drawn[:, 0])
        for name, columns in others.items():
            if record[name] is not None:
                record[f"{name}_interval"] = interval(_difference(drawn, columns))
    return record


def _difference(figures, columns):
    """Value less the mean of some columns; equal outputs differ by exactly 0."""
    return np.round(figures[..., 0] - figures[..., columns].mean(axis=-1), 12) + 0.0


def _plain(value):
    """A float that JSON can hold; what is not finite becomes `None`."""
    return float(value) if np.isfinite(value) else None

"""A score and its baselines, resampled together: which differences exceed chance.

Text and clinical scores are functions of sums over the studies. So the output, each
baseline and each permutation are counted once, put side by side, and weighted by the
same resamples: differences are paired, study by study. A permuted output belongs to two
studies, and counts as often as both were drawn.
"""

import numpy as np

from cxrscore.bootstrap import interval, resampled_sums
from cxrscore.labels.scores import (
    LOWER_IS_BETTER,
    NAMES,
    label_values,
    resampled_values,
)

CONSTANTS = ("constant", "frequent")  # Baselines that are one report for every study.


def compare(scorer, predictions, baselines, orders, seed=0, intervals=True):
    """Every score of a scorer with its interval, its baselines and its permutation.

    Args:
        scorer: made from the references `(n,)`, such as a
            `cxrscore.texts.scores.TextScorer`. It has `counts(texts)`, what each
            study adds to sums, and `scores(group, sums, n)`.
        predictions: sequence of strings `(n,)`.
        baselines: dict of name to strings `(n,)`, the baselines' reports.
        orders: int array `(permutations, n)` of
            `cxrscore.baselines.shuffled_orders`.
        seed: int. Of the resamples.
        intervals: bool. Whether to draw them.

    Returns:
        A dict, `group.score` to a dict of floats, `None` where undefined: `value`,
        each baseline by its name, `shuffled` (mean over the orders), `fall` (value −
        shuffled), `gain` (value − the better constant); and of value, fall and gain
        the 95 % bootstrap intervals `interval`, `fall_interval`, `gain_interval`, each
        left out where all resamples agree. With fewer than two studies there are no
        intervals and no permutation.

    Example:
    ```python
    scorer = TextScorer(["No edema.", "Small effusion."])
    said = ["No edema.", "Effusion."]
    compare(scorer, said, {"constant": ["No edema."] * 2}, shuffled_orders(2))
    ```

    Reference:
        - Paired bootstrap: [Koehn, 2004](https://aclanthology.org/W04-3250/)
    """
    said = np.array(predictions, object)
    outputs = [said, *baselines.values(), *(said[order] for order in orders)]
    counted = [scorer.counts(list(texts)) for texts in outputs]
    groups = {group: each.shape[1] for group, each in counted[0].items()}
    if not groups:  # No protocol was asked for.
        return {}
    places = np.cumsum(list(groups.values()))[:-1]

    def scores(sums, n):
        parts = zip(groups, np.split(sums, places, axis=-1), strict=True)
        return {
            f"{group}.{name}": values
            for group, part in parts
            for name, values in scorer.scores(group, part, n).items()
        }

    # All groups at once: the weights of each order are computed once.
    counts = [np.concatenate([each[g] for g in groups], axis=1) for each in counted]
    counts = np.stack(counts, axis=1)
    return compare_counts(counts, scores, list(baselines), orders, seed, intervals)


def compare_counts(counts, scores, baselines, orders=(), seed=0, intervals=True):
    """The comparison of `compare`, with everything already counted.

    Args:
        counts: array `(n, outputs, k)`. What each study adds to the sums of the
            output itself, of each baseline, and of each permutation, in this order.
        scores: callable, `(sums (…, k), n)` → dict, name → float array `(…)`.
        baselines: list of strings, their names.
        orders: int array `(permutations, n)`: whose output each study has. Empty where
            a permutation is no order but a mean over all other studies' outputs; it is
            then weighted by the study alone.
        seed: int. Of the resamples.
        intervals: bool. Whether to draw them.

    Returns:
        A dict by score, as of `compare`.

    Example:
    ```python
    hits = np.array([[[1], [0]], [[1], [1]]])  # Two studies: ours, and a constant's.
    share = lambda sums, n: {"share": sums[..., 0] / n}
    compare_counts(hits, share, ["constant"])["share"]["gain"]  # 0.5
    ```
    """
    n, counts = len(counts), np.asarray(counts, "float64")
    points, drawn = scores(counts.sum(axis=0), n), {}
    if intervals and n > 1:
        partners = [None] * counts.shape[1]
        for place, order in enumerate(orders, 1 + len(baselines)):
            # An order that changes nothing, as of a constant, takes no second study.
            same = np.array_equal(counts[:, place], counts[:, 0])
            partners[place] = None if same else order
        sums = resampled_sums(counts, seed=seed, orders=partners)
        drawn = scores_where_drawn(scores, sums, n)
    return {
        name: record_of(point, drawn.get(name), baselines)
        for name, point in points.items()
    }


def scores_where_drawn(scores, sums, n):
    """Scores of resamples; NaN where no pair of a permutation was drawn.

    Args:
        scores: callable, as of `compare_counts`.
        sums: float array `(…, k)`; NaN as of `cxrscore.bootstrap.partner_weights`.
        n: int. Studies.

    Returns:
        A dict, name → float array `(…)`.

    Example:
    ```python
    share = lambda sums, n: {"share": sums[..., 0] / n}
    scores_where_drawn(share, np.array([[1.0], [np.nan]]), 2)["share"]  # [0.5, nan]
    ```
    """
    known = ~np.isnan(sums).all(axis=-1)  # A count may be NaN: METEOR, no WordNet.
    found = scores(np.where(known[..., None], sums, 0), n)
    return {name: np.where(known, values, np.nan) for name, values in found.items()}


def compare_labels(
    labels, probabilities, prevalence, orders, threshold=0.5, seed=0, intervals=True
):
    """Every label score with its interval, a constant and its permutation.

    The constant is the majority class. For Brier score and ECE it is the forecast of
    the prevalence: a class as a probability of 0 or 1 would be a straw man there.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        prevalence: float in [0, 1]. The share of positives in train; from one half on,
            1 is the majority class.
        orders: int array `(permutations, n)`.
        threshold: float. Positive from here on.
        seed: int. Of the resamples.
        intervals: bool. Whether to draw them.

    Returns:
        A dict by `cxrscore.labels.scores.NAMES`, each as of `compare` with
        the one baseline `constant`. For an error (Brier, ECE) less is better: a good
        model's `fall` and `gain` are negative.

    Example:
    ```python
    labels, probabilities = np.array([0, 1, 1]), np.array([0.2, 0.9, 0.4])
    compare_labels(labels, probabilities, 0.6, shuffled_orders(3))["auroc"]["fall"]
    ```
    """
    constants = float(prevalence >= 0.5), float(prevalence)
    outputs = [probabilities, *(np.full(labels.shape, each) for each in constants)]
    outputs += [probabilities[order] for order in orders]
    points = [label_values(labels, each, threshold) for each in outputs]
    drawn = []
    if intervals and labels.size > 1:
        unmoved = [None] * (1 + len(constants))
        partners = [
            None if np.array_equal(probabilities[order], probabilities) else order
            for order in orders
        ]
        drawn = [
            resampled_values(labels, each, threshold, seed=seed, order=order)
            for each, order in zip(outputs, [*unmoved, *partners], strict=True)
        ]
    found = {}
    for name in NAMES:
        columns = np.arange(len(outputs)) != (1 if name in LOWER_IS_BETTER else 2)
        # None becomes NaN.
        point = np.array([each[name] for each in points], "float64")[columns]
        resampled = None
        if drawn:
            resampled = np.stack([each[name] for each in drawn], axis=1)[:, columns]
        found[name] = record_of(point, resampled, ["constant"])
    return found


def record_of(point, drawn, baselines):
    """One score's numbers, from columns: the value, baselines, then permutations.

    Args:
        point: float array `(columns,)`.
        drawn: float array `(resamples, columns)` of the same resamples, or `None`.
        baselines: list of strings, their names.

    Returns:
        A dict, as of `compare`.

    Example:
    ```python
    record_of(np.array([0.5, 0.2]), None, [])  # value 0.5, shuffled 0.2, fall 0.3
    ```
    """
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
    record = {name: _finite(value) for name, value in record.items()}
    if drawn is not None and record["value"] is not None:
        found = {"interval": interval(drawn[:, 0])}
        for name, columns in others.items():
            if record[name] is not None:
                differences = _difference(drawn, columns, _mean_of_known)
                found[f"{name}_interval"] = interval(differences)
        record |= {name: ends for name, ends in found.items() if ends}
    return record


def _difference(scores, columns, mean=np.mean):
    """Value less the mean of some columns; equal outputs differ by exactly 0."""
    return np.round(scores[..., 0] - mean(scores[..., columns], axis=-1), 12) + 0.0


def _mean_of_known(scores, axis):
    """Few pairs of a rare class are drawn, so an order may lack a resample's score."""
    return np.ma.masked_invalid(scores).mean(axis=axis).filled(np.nan)


def _finite(value):
    """A float that JSON can hold; what is not finite becomes `None`."""
    return float(value) if np.isfinite(value) else None

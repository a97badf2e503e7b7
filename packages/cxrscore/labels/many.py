"""The scores of many labels: each beside its positives, and their mean.

Every label is scored on the studies where it is known. All are resampled together,
patient by patient, so that the mean of a resample is one of the same patients.
"""

import numpy as np

from cxrbase.files import InputError
from cxrscore.bootstrap import (
    WORDS,
    has_width,
    interval,
    percentiles,
    resampling_weights,
)
from cxrscore.labels.calibration import (
    ERROR_WORDS,
    chance_errors,
    choose_temperature,
    reversed_interval,
    soften,
)
from cxrscore.labels.exact import independent_pairs, widened
from cxrscore.labels.scores import (
    ERRORS,
    NAMES,
    classification_scores,
    label_values,
    resampled_values,
)
from cxrscore.labels.thresholds import FEWEST, choose_threshold, known
from cxrscore.score import score

RATIO = "predicted_over_true"


def multilabel_scores(
    labels, probabilities, targets, choices=None, split="test", patients=None
):
    """The scores of many labels, each scored on the studies where it is known.

    Args:
        labels: array `(n, k)` of 0, 1 or NaN.
        probabilities: array `(n, k)` in [0, 1].
        targets: sequence of `k` strings, what a 1 means in each column.
        choices: sequence of `k` pairs, threshold and words, as of
            `cxrscore.labels.thresholds.choose_threshold`; by default 0.5, fixed.
        split: string. Where the studies come from.
        patients: array `(n,)` or `None`. Of whom each study is; by default all are of
            different ones.

    Returns:
        A dict of scores: by `target.name`, as of `classification_scores`, and
        `target.predicted_over_true`, the studies called positive for each that is;
        by `macro.name`, the mean over the labels that have both classes (its interval
        is that of the mean, over resamples in which they all have); and
        `micro.predicted_over_true`, of all labels' calls together.

    Raises:
        InputError: if the columns, targets, choices and patients differ in number, or
            as of `classification_scores`.

    Example:
    ```python
    labels = [[0, 1], [1, float("nan")], [1, 0]]
    probabilities = [[0.2, 0.9], [0.8, 0.5], [0.7, 0.1]]
    multilabel_scores(labels, probabilities, ["Edema", "Fracture"])["Edema.auroc"]
    ```
    """
    labels, probabilities = _two_tables(labels, probabilities, targets)
    choices = [(0.5, "fixed")] * len(targets) if choices is None else choices
    patients = np.arange(len(labels)) if patients is None else np.asarray(patients)
    if len(choices) != len(targets) or patients.shape != (len(labels),):
        raise InputError(
            f"{len(targets)} targets and {len(labels)} studies, but {len(choices)} "
            f"thresholds and {patients.size} patients: give one for each."
        )
    words = WORDS
    if len(np.unique(patients)) < len(patients):
        words = WORDS.replace("over studies", "over patients")
    scores, columns = {}, []
    told = ~np.isnan(labels + probabilities)
    for i, (target, (threshold, source)) in enumerate(
        zip(targets, choices, strict=True)
    ):
        label, probability = labels[:, i], probabilities[:, i]
        scores |= classification_scores(
            label, probability, threshold, split, target, source, patients=patients
        )
        called = np.where(told[:, i], probability >= threshold, 0)
        columns.append((np.where(told[:, i], label, 0), called))
        scores[f"{target}.{RATIO}"] = _ratio(
            *columns[-1], told[:, i], patients, words, split=split, threshold=threshold
        )
    scores |= _macro(labels, probabilities, targets, choices, split, patients, words)
    if columns:
        scores[f"micro.{RATIO}"] = _ratio(
            *np.sum(columns, axis=0), told.any(axis=1), patients, words, split=split
        )
    return scores


def _two_tables(labels, probabilities, targets):
    labels, probabilities = np.asarray(labels, float), np.asarray(probabilities, float)
    if not labels.shape == probabilities.shape == (len(labels), len(targets)):
        raise InputError(
            f"Labels of shape {labels.shape}, probabilities of {probabilities.shape}, "
            f"{len(targets)} targets: expected (n, k) twice, then k."
        )
    return labels, probabilities


def _ratio(true, called, told, patients, words, **protocol):
    """Predicted over true positives, with its interval over patients."""
    n, note, ends = int(told.sum()), None, None
    value = called.sum() / true.sum() if true.sum() else None
    if value is None:
        note = "undefined: no study is positive"
    elif n > 1:
        sums = np.concatenate(
            [
                weights @ np.stack([called, true], axis=1)
                for weights in resampling_weights(len(true), groups=patients)
            ]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = interval(sums[:, 0] / sums[:, 1])
    record = score(value, n, note, ends, **protocol)
    record["protocol"] |= {
        "score": "studies called positive / studies that are",
        "predicted": int(called.sum()),
        "positives": int(true.sum()),
    }
    if "interval" in record:
        record["protocol"]["interval"] = words
    return record


def _macro(labels, probabilities, targets, choices, split, patients, words):
    """The means over the labels that have both classes."""
    values, drawn, chances, pairs, used = [], [], [], [], []
    for i, (target, (threshold, _)) in enumerate(zip(targets, choices, strict=True)):
        kept = ~np.isnan(labels[:, i] + probabilities[:, i])
        label, probability, _ = known(labels[:, i], probabilities[:, i])
        if np.unique(label).size < 2:
            continue
        used.append(target)
        values.append(label_values(label, probability, threshold))
        drawn.append(
            resampled_values(label, probability, threshold, groups=patients, kept=kept)
        )
        pairs.append(independent_pairs(label, patients[kept]))
        # Another seed for each label: their chances are independent.
        chances.append(
            {
                name: chance_errors(probability, equal=equal, seed=i)
                for name, equal in ERRORS.items()
            }
        )
    left_out = [target for target in targets if target not in used]
    protocol = {"split": split, "labels": len(used), "left_out": ", ".join(left_out)}
    protocol["score"] = "mean over the labels that have both classes"
    n = int((~np.isnan(labels + probabilities)).any(axis=1).sum())
    scores = {}
    for name in NAMES:
        if not used:
            note = "undefined: no label has both classes"
            scores[f"macro.{name}"] = score(None, n, note, **protocol)
            continue
        value = np.mean([each[name] for each in values])
        each = np.mean([each[name] for each in drawn], axis=0)  # NaN where one is.
        ends, kind = percentiles(each), words
        if name in ERRORS:
            chance = np.mean([chance[name] for chance in chances], axis=0)
            ends = reversed_interval(value, each[np.isfinite(each)], chance)
            kind = ERROR_WORDS.replace(WORDS, words)
        elif name == "auroc" and ends and not has_width(ends):
            # All labels are separated. The smallest AUROC is at most the mean, so all
            # pairs of that label are in order with at most (mean)^pairs.
            ends, kind = widened(ends, min(pairs)), f"{words}; exact at 0 and 1"
        record = score(value, n, None, ends, **protocol)
        if "interval" in record:
            record["protocol"]["interval"] = kind
        scores[f"macro.{name}"] = record
    return scores


def choose_operation(labels, probabilities, criterion="count"):
    """The temperature and the threshold of each label, from validation.

    Args:
        labels: array `(n, k)` of 0, 1 or NaN (left out). The validation split's.
        probabilities: array `(n, k)` in [0, 1].
        criterion: string. See `cxrscore.labels.thresholds.choose_threshold`.

    Returns:
        `(temperatures, choices)`: a float array `(k,)`, 1 for a label with fewer than
        `FEWEST` positives or negatives, and a list of `k` pairs as of
        `choose_threshold`, for probabilities softened by these temperatures.

    Raises:
        InputError: if the two differ in shape, or as of `choose_threshold`.

    Example:
    ```python
    temperatures, choices = choose_operation(val_labels, val_probabilities)
    softened = soften(test_probabilities, temperatures)
    multilabel_scores(test_labels, softened, targets, choices)
    ```
    """
    width = np.shape(labels)[-1]
    labels, probabilities = _two_tables(labels, probabilities, range(width))
    temperatures, choices = np.ones(width), []
    for i in range(width):
        label, probability, _ = known(labels[:, i], probabilities[:, i])
        if min((label == 0).sum(), (label == 1).sum()) >= FEWEST:
            temperatures[i] = choose_temperature(label, probability, smoothed=True)
        softened = soften(probability, temperatures[i])
        choices.append(choose_threshold(label, softened, criterion))
    return temperatures, choices

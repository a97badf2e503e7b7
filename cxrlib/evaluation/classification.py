"""Label figures by scikit-learn: accuracy, AUROC, AUPRC, F1, and the two rates."""

import numpy as np
from sklearn import metrics

from cxrlib.evaluation.figure import figure
from cxrlib.files import InputError

NAMES = ("accuracy", "auroc", "auprc", "f1", "sensitivity", "specificity")


def known(labels, probabilities):
    """The studies that have both a label and a probability.

    Args:
        labels: array `(n,)` of 0, 1 or NaN.
        probabilities: array `(n,)` in [0, 1], or NaN.

    Returns:
        `(labels, probabilities, left_out)`: an int array, a float array, and the
        number of studies left out.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    known([1, float("nan")], [0.9, 0.2])  # (array([1]), array([0.9]), 1)
    ```
    """
    labels = np.asarray(labels, dtype="float64").reshape(-1)
    probabilities = np.asarray(probabilities, dtype="float64").reshape(-1)
    if labels.size != probabilities.size:
        raise InputError(
            f"{labels.size} labels but {probabilities.size} probabilities: each "
            "study needs one of each, in the same order."
        )
    keep = ~(np.isnan(labels) | np.isnan(probabilities))
    labels_kept, probabilities_kept = labels[keep], probabilities[keep]
    if not np.isin(labels_kept, (0, 1)).all():
        raise InputError("A label is neither 0 (normal), 1 (abnormal) nor missing.")
    if ((probabilities_kept < 0) | (probabilities_kept > 1)).any():
        raise InputError(
            "A probability lies outside [0, 1]: apply the sigmoid to logits first."
        )
    return labels_kept.astype("int64"), probabilities_kept, int((~keep).sum())


def label_values(labels, probabilities, threshold=0.5):
    """The figures as plain numbers, for studies that are all known.

    Args:
        labels: int array `(n,)` of 0 and 1.
        probabilities: float array `(n,)` in [0, 1].
        threshold: float. Abnormal from here on.

    Returns:
        A dict of floats; `None` where the figure needs a class that is absent.

    Example:
    ```python
    label_values(np.array([0, 1]), np.array([0.2, 0.9]))["auroc"]  # 1.0
    ```
    """
    values = dict.fromkeys(NAMES)
    if not labels.size:
        return values
    called = (probabilities >= threshold).astype("int64")
    values["accuracy"] = float(metrics.accuracy_score(labels, called))
    if labels.any():
        values["sensitivity"] = float(metrics.recall_score(labels, called))
    if not labels.all():
        values["specificity"] = float(metrics.recall_score(1 - labels, 1 - called))
    if labels.any() and not labels.all():
        values["auroc"] = float(metrics.roc_auc_score(labels, probabilities))
        values["auprc"] = float(metrics.average_precision_score(labels, probabilities))
        values["f1"] = float(metrics.f1_score(labels, called, zero_division=0))
    return values


def classification_scores(
    labels, probabilities, threshold=0.5, split="test", target="abnormal"
):
    """Every label figure with its protocol.

    Args:
        labels: array `(n,)` of 0, 1 or NaN. Missing ones are left out and counted.
        probabilities: array `(n,)` in [0, 1].
        threshold: float. Abnormal from here on.
        split: string. Where the studies come from.
        target: string. What a 1 means; the prefix of the names.

    Returns:
        A dict of figures (see `cxrlib.evaluation.figure`): `abnormal.accuracy`,
        `abnormal.auroc`, `abnormal.auprc`, `abnormal.f1`,
        `abnormal.sensitivity`, `abnormal.specificity`. Those that need both
        classes have the value `None` and say why where one is absent.

    Raises:
        InputError: if the two differ in number, or a value is out of range.

    Example:
    ```python
    classification_scores([0, 0, 1], [0.1, 0.6, 0.8])["abnormal.auroc"]["value"]
    ```
    """
    labels, probabilities, left_out = known(labels, probabilities)
    n = int(labels.size)
    note = f"undefined: only one class in the n={n} labels"
    if not n:
        note = "undefined: no study has a label"
    return {
        f"{target}.{name}": figure(
            value,
            n,
            note=note if value is None else None,
            split=split,
            positives=int(labels.sum()),
            left_out=left_out,
            score=f"scikit-learn, {target} = 1",
            **({} if name in ("auroc", "auprc") else {"threshold": threshold}),
        )
        for name, value in label_values(labels, probabilities, threshold).items()
    }


def majority_values(labels):
    """The figures of the commoner class given to every study.

    Args:
        labels: int array `(n,)` of 0 and 1.

    Returns:
        A dict of floats as of `label_values`.

    Example:
    ```python
    majority_values(np.array([0, 0, 1]))["accuracy"]  # 0.667
    ```
    """
    common = float(labels.mean() >= 0.5) if labels.size else 0.0
    return label_values(labels, np.full(labels.shape, common))

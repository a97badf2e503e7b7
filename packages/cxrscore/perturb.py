"""One instrument for all systems: the same model, scored again under a named change.

A model that reads its note falls when the note is permuted; what does not fall was not
earned by it. The score before and the score after are of the same studies, so the fall
gets a paired interval: what other studies would change, the model and its outputs being
held fixed. A permuted score rests on two studies, the one scored and the one that gave
the input: in a resample it counts as often as both were drawn.
"""

import functools

import numpy as np
import pandas as pd

from cxrbase.files import InputError
from cxrscore.baselines import grouped_orders
from cxrscore.bootstrap import (
    RESAMPLES,
    WORDS,
    partner_weights,
    resampling_weights,
)
from cxrscore.changes import find_change
from cxrscore.comparison import record_of, scores_where_drawn
from cxrscore.labels.scores import weighted_values
from cxrscore.score import format_score, score
from cxrscore.tables import format_interval

PATIENTS = f"95 % bootstrap over patients, {RESAMPLES} resamples, percentiles"
HELD = "the trained model and what it gave before and after; only studies are resampled"
PARTNERS = "; the drawn orders, too: a pair counts as often as both its studies do"

# === What is scored ===


def mean_of(**measures):
    """A score per study, averaged: a scorer for `perturb`.

    Args:
        **measures: name → callable, outputs → array `(n,)` of finite numbers.

    Returns:
        A callable, outputs → callable, weights `(r, n)` → dict of arrays `(r,)`.

    Example:
    ```python
    mean_of(dice=lambda masks: dice(true_masks, masks))
    ```
    """

    def read(outputs):
        values = {
            name: np.asarray(measure(outputs), "float64")
            for name, measure in measures.items()
        }
        for name, each in values.items():
            if each.ndim != 1 or not np.isfinite(each).all():
                raise InputError(
                    f"{name}: needs a finite number per study; leave out the studies "
                    "that have none before perturbing."
                )
        return lambda weights: {
            name: weights @ each / weights.sum(axis=1) for name, each in values.items()
        }

    return read


def sums_of(scorer):
    """Scores of a whole corpus, such as BLEU and F1: a scorer for `perturb`.

    Args:
        scorer: made from the references, such as a
            `cxrscore.texts.scores.TextScorer` or a
            `cxrscore.clinical.scores.ClinicalScorer`. It has `counts(texts)` and
            `scores(group, sums, n)`.

    Returns:
        A callable, outputs (texts `(n,)`) → callable, weights `(r, n)` → dict of
        arrays `(r,)`, named `group.score`.

    Example:
    ```python
    sums_of(ClinicalScorer(references))
    ```
    """

    def read(outputs):
        counted = scorer.counts(list(outputs))

        def weighted(weights):
            n = weights.shape[1]
            # Patients drawn with all their studies make more or fewer than n.
            shares = weights * (n / weights.sum(axis=1, keepdims=True))
            return {
                f"{group}.{name}": values
                for group, counts in counted.items()
                for name, values in scores_where_drawn(
                    functools.partial(scorer.scores, group), shares @ counts, n
                ).items()
            }

        return weighted

    return read


def labels_of(labels, threshold=0.5, target="abnormal"):
    """AUROC and the other scores of a label: a scorer for `perturb`.

    Args:
        labels: array `(n,)` of 0 and 1.
        threshold: float. Positive from here on.
        target: string. What a 1 means; the prefix of the names.

    Returns:
        A callable, outputs (probabilities `(n,)`) → callable, weights `(r, n)` → dict
        of arrays `(r,)`, named `target.score` as in `cxrscore.labels.scores.NAMES`.

    Raises:
        InputError: if a label is neither 0 nor 1.

    Example:
    ```python
    labels_of([0, 1, 1], target="Edema")
    ```
    """
    labels = np.asarray(labels, "float64")
    if not np.isin(labels, (0, 1)).all():
        raise InputError(
            f"{target}: a label is neither 0 nor 1; leave out the studies where it is "
            "unknown before perturbing."
        )

    def read(outputs):
        probabilities = np.asarray(outputs, "float64")
        return lambda weights: {
            f"{target}.{name}": values
            for name, values in weighted_values(
                labels, probabilities, weights, threshold
            ).items()
        }

    return read


# === The instrument ===


def perturb(
    predict,
    inputs,
    changes,
    scorers,
    permutations=20,
    within=None,
    patients=None,
    seed=0,
    split="test",
    **protocol,
):
    """Score a model on its inputs, and again under each named change of them.

    Args:
        predict: callable, dict of inputs → outputs, one per study in order. For
            outputs that are stored, `lambda inputs: inputs["reports"]`: permuting
            them is permuting every input of a model that treats each study alone.
        inputs: dict, name → array `(n, …)` or list of `n` texts. Not modified.
        changes: dict, label → tuple of a change (a name in
            `cxrscore.changes.CHANGES`, or a `Change`) and the names of the inputs that
            it changes, all in the same order of studies.
        scorers: callable such as `sums_of(…)`, `mean_of(…)`, `labels_of(…)`, or a
            sequence of them, all reading the same outputs.
        permutations: int. Orders to average over, for a change that draws them.
        within: array `(n,)` or `None`. Groups, such as the label: a study gets only
            what belongs to its own. A group needs two or more.
        patients: array `(n,)` or `None`. No study gets what belongs to its own
            patient, and the intervals are over patients.
        seed: int. Of the orders. The resamples are those of every other score.
        split: string. Where the studies come from.
        **protocol: scalars. What else a reader must know of the score.

    Returns:
        A dict, score → record as of `cxrscore.score` with `interval` and
        `perturbations`: label → `value` (after the change; the mean over the orders),
        `fall` (before − after; exactly 0 if nothing changed), `fall_interval` (paired)
        and `protocol`, which says what is held fixed. Such a record is a metric of a
        `results.json`. What is undefined is `None`.

    Raises:
        InputError: if there are fewer than two studies, the inputs, outputs or groups
            differ in number, a change or an input is unknown, a group has a single
            study, or a patient has more than half of the studies.

    Example:
    ```python
    perturb(
        lambda inputs: model.predict(inputs)[:, 0],
        {"film": films, "note": notes},
        {"film permuted": ("permuted", "film"), "no note": ("blank", "note")},
        labels_of(labels),
    )["abnormal.auroc"]["perturbations"]["no note"]["fall_interval"]
    ```

    Reference:
        - [Koehn, 2004](https://aclanthology.org/W04-3250/)
    """
    n = _number(inputs)
    scorers = [scorers] if callable(scorers) else list(scorers)
    chosen = {label: _chosen(label, each, inputs) for label, each in changes.items()}
    groups = {"within": within, "patients": patients}
    groups = {k: np.asarray(g) for k, g in groups.items() if g is not None}
    for name, group in groups.items():
        if len(group) != n:
            raise InputError(f"{name}: {len(group)} entries for {n} studies.")
    orders = grouped_orders(n, permutations, seed, **groups)
    words = {"permutations": len(orders), "seed": seed}

    def read(altered):
        outputs = predict(inputs | altered)
        if len(outputs) != n and not isinstance(outputs, dict):
            raise InputError(f"predict gave {len(outputs)} outputs for {n} studies.")
        return outputs

    def values(outputs, order=None):
        weighted = [scorer(outputs) for scorer in scorers]
        return _values(weighted, n, patients, order)

    unchanged = read({})
    before, said = values(unchanged), {"split": split, **protocol}
    drawn_over = WORDS if patients is None else PATIENTS
    found = {}
    for label, (change, names) in chosen.items():
        own = {"change": change.words, "inputs": ", ".join(names), "holds_fixed": HELD}
        own |= words | {"holds_fixed": HELD + PARTNERS} if change.drawn else {}
        tried = orders if change.drawn else orders[:1]
        after = []
        for order in tried:
            outputs = read({name: change.apply(inputs[name], order) for name in names})
            # An output that does not change takes no second study.
            moved = change.drawn and not _alike(outputs, unchanged)
            after.append(values(outputs, order if moved else None))
        for name, (point, resampled) in before.items():
            columns = [(point, resampled), *(each[name] for each in after)]
            record = record_of(
                np.array([column[0] for column in columns]),
                np.stack([column[1] for column in columns], axis=1),
                [],
            )
            if name not in found:
                value, ends = record["value"], record.get("interval")
                found[name] = score(value, n, None, ends, **said)
                found[name]["protocol"] |= {"interval": drawn_over} if ends else {}
                found[name]["perturbations"] = {}
            kept = {"value": record["shuffled"], "fall": record["fall"]}
            if ends := record.get("fall_interval"):
                kept["fall_interval"] = ends
            found[name]["perturbations"][label] = kept | {"protocol": own}
    return found


def falls(found):
    """List what each change took from each score, ready to print.

    Args:
        found: dict of records, as of `perturb`; records without `perturbations` are
            passed over.

    Returns:
        A `pandas.DataFrame` of strings: score, change, before, after, fall, its 95 %
        interval, n.

    Example:
    ```python
    falls(perturb(predict, inputs, changes, scorers))
    ```
    """
    columns = ["score", "change", "before", "after", "fall", "fall, 95 %", "n"]
    rows = [
        (
            name,
            label,
            *map(format_score, (record["value"], each["value"], each["fall"])),
            format_interval(each.get("fall_interval")),
            str(record["n"]),
        )
        for name, record in found.items()
        for label, each in record.get("perturbations", {}).items()
    ]
    return pd.DataFrame(rows, columns=columns)


# === Helpers ===


def _number(inputs):
    """How many studies there are."""
    numbers = {name: len(values) for name, values in inputs.items()}
    if len(set(numbers.values())) != 1:
        raise InputError(f"perturb: the inputs differ in number: {numbers}.")
    n = next(iter(numbers.values()))
    if n < 2:
        raise InputError(f"perturb: {n} study; two are needed to change places.")
    return n


def _chosen(label, change, inputs):
    """A change and the names of its inputs."""
    change, *names = change
    unknown = [name for name in names if name not in inputs]
    if unknown or not names:
        raise InputError(
            f"{label}: name inputs to change, of {', '.join(inputs)}; not "
            f"{', '.join(map(str, unknown)) or 'none'}."
        )
    return find_change(change), names


def _alike(outputs, others):
    """Whether two sets of outputs, arrays or dicts of them, are equal."""
    if isinstance(outputs, dict):
        return all(_alike(each, others[name]) for name, each in outputs.items())
    return np.array_equal(outputs, others)


def _values(weighted, n, patients, order):
    """Each score on the studies themselves and on every resample of them."""
    resamples = resampling_weights(n, groups=patients)
    (once, *rest) = [
        np.ones((1, n)),
        *(partner_weights(weights, order) for weights in resamples),
    ]
    parts = [
        {name: values for each in weighted for name, values in each(weights).items()}
        for weights in (once, *rest)
    ]
    return {
        name: (point[0], np.concatenate([part[name] for part in parts[1:]]))
        for name, point in parts[0].items()
    }

"""What wrong labels do to an AUROC, told from films whose labels somebody has judged.

The labels come from reports; a judge has looked at some of the films. Whoever knew the
judge's truth and nothing else would rank by it alone, and would score

    AUROC = (P(truth 1 | label 1) + P(truth 0 | label 0)) / 2 = (PPV + NPV) / 2

against the labels: a pair of a labelled positive and a labelled negative is in order
where only the first is truly positive, and half in order where truth ties them. Any
other score has, if the label depends on the film through its truth alone,

    AUROC of the labels − ½ = (PPV + NPV − 1) · (AUROC of the truth − ½)

since the films labelled positive are then a mixture of both classes, PPV of them true,
and those labelled negative another. That assumption is bold: a report misses what is
faint, and so does a model.

Reference: [Menon et al., 2015](https://proceedings.mlr.press/v37/menon15.html).
"""

import numpy as np

from cxrbase.files import InputError
from cxrscore.bootstrap import WORDS, percentiles, resampled_sums
from cxrscore.labels.exact import clustered_ends
from cxrscore.score import score

# Name → which cells (label, truth), of which.
SHARES = {
    "sensitivity": ([3], [1, 3]),
    "specificity": ([0], [0, 2]),
    "ppv": ([3], [2, 3]),
    "npv": ([0], [0, 1]),
}
CEILING = "(PPV + NPV) / 2, the AUROC of the truth itself against the labels"


def kappa(n, first, second, both):
    """Cohen's kappa of two judges: 1 is agreement, 0 what chance gives.

    Args:
        n: number or array. Cases.
        first, second: number or array. How many each judge calls positive.
        both: number or array. How many both do.

    Returns:
        A float array; NaN where both judges always say the same one thing.

    Example:
    ```python
    kappa(4, 2, 2, 1)  # 0.0
    ```

    Reference:
        - [Cohen, 1960](https://doi.org/10.1177/001316446002000104)
    """
    alike = (n - first - second + 2 * both) / n
    chance = (first * second + (n - first) * (n - second)) / n**2
    rest = np.where(chance == 1, np.nan, 1 - chance)
    return (alike - chance) / rest


def expected_area(area, ppv, npv):
    """The AUROC against noisy labels of a score with a known one against the truth.

    Args:
        area: float. The AUROC against the truth; 1 gives the ceiling of the truth.
        ppv, npv: floats. The shares of positive and of negative labels that are true.

    Returns:
        A float. It holds where the label depends on the film through its truth alone.

    Example:
    ```python
    expected_area(1.0, ppv=0.5, npv=0.9)  # 0.7
    ```
    """
    return 0.5 + (area - 0.5) * (ppv + npv - 1)


def implied_area(area, ppv, npv):
    """The AUROC against the truth of a score with a known one against noisy labels.

    Args:
        area: float. The AUROC against the labels.
        ppv, npv: floats. The shares of positive and of negative labels that are true.

    Returns:
        A float, as of `expected_area` undone. Above 1 no ranking of the truth explains
        what was measured: the score knows of the labels what is not in the truth. NaN
        where the labels tell nothing of the truth.

    Example:
    ```python
    implied_area(0.62, ppv=0.5, npv=0.9)  # 0.8
    ```
    """
    told = ppv + npv - 1
    return 0.5 + (area - 0.5) / np.where(np.abs(told) < 1e-12, np.nan, told)


def label_quality(labels, truth, split, patients=None, strata=None, population=None):
    """Judge labels by a truth: what of them is right, and what AUROC they allow.

    Judged films are seldom a sample of all: they were chosen by their labels. With
    strata that held for the choice, each judged film counts for as many of the whole
    collection as its stratum has for each that was judged.

    Args:
        labels: array `(n,)` of 0 and 1.
        truth: array `(n,)` of 0 and 1: the judge's.
        split: string. What films these are.
        patients: array `(n,)` or `None`. Of whom each film is; by default all are of
            different ones.
        strata: array `(n,)` or `None`. The stratum of each film.
        population: dict or `None`. Stratum → how many films of the collection.

    Returns:
        A dict of scores: `sensitivity`, `specificity`, `ppv` and `npv` of the labels,
        `kappa`, and `ceiling`. Without strata the shares have exact intervals, of as
        many films as the patients leave independent; all others are resampled by
        patient. What the strata leave out is in the protocol, as `covered`.

    Raises:
        InputError: if they differ in number, a value is neither 0 nor 1, or a stratum
            is not in the population.

    Example:
    ```python
    label_quality([1, 1, 0, 0], [1, 0, 0, 0], "judged films")["ceiling"]["value"]  # .75
    ```

    Reference:
        - Strata: [Begg & Greenes, 1983](https://doi.org/10.2307/2530820)
    """
    labels, truth = np.asarray(labels, float), np.asarray(truth, float)
    own = np.arange(len(labels)) if patients is None else np.asarray(patients)
    names = np.zeros(len(labels), int) if strata is None else np.asarray(strata)
    if not labels.shape == truth.shape == own.shape == names.shape:
        raise InputError("labels, truth, patients and strata differ in number.")
    if not np.isin([labels, truth], (0, 1)).all():
        raise InputError(
            "a label or a truth is neither 0 nor 1: leave these films out."
        )
    if lost := [
        name for name in set(names.tolist()) if name not in (population or [name])
    ]:
        raise InputError(f"stratum {lost[0]!r}: is not in the population.")
    kinds, place = np.unique(names, return_inverse=True)
    cell = (4 * place + 2 * labels + truth).astype(int)
    people, of = np.unique(own, return_inverse=True)
    counts = np.zeros((len(people), 4 * len(kinds)))
    np.add.at(counts, (of, cell), 1)
    sizes = population and [population[kind] for kind in kinds.tolist()]
    drawn = _tables(resampled_sums(counts), sizes)
    (table,) = _tables(counts.sum(axis=0, keepdims=True), sizes)
    protocol = {"split": split, "patients": len(people)}
    if population:
        protocol["covered"] = sum(sizes) / sum(population.values())
    values, resampled = _values(table), _values(drawn.T)
    scores = {}
    for name, value in values.items():
        ends, words = percentiles(resampled[name]), WORDS.replace("studies", "patients")
        if name in SHARES and not population:
            hits, trials = (counts[:, cells].sum(axis=1) for cells in SHARES[name])
            ends, words = clustered_ends(hits, trials, resampled[name])
        record = score(value, len(labels), None, ends, **protocol)
        if "interval" in record:
            record["protocol"]["interval"] = words
        scores[name] = record
    scores["ceiling"]["protocol"]["score"] = CEILING
    return scores


def _tables(sums, sizes):
    """Shares of the four cells, `(r, 4)`, from counts of stratum and cell."""
    cells = sums.reshape(len(sums), -1, 4)
    if sizes:
        judged = cells.sum(axis=2, keepdims=True)
        cells = cells / np.maximum(judged, 1) * np.reshape(sizes, (1, -1, 1))
    return cells.sum(axis=1)


def _values(cells):
    """All that `label_quality` tells, from four cells, each a number or an array."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            name: sum(cells[i] for i in hits) / sum(cells[i] for i in of)
            for name, (hits, of) in SHARES.items()
        }
    found["ceiling"] = expected_area(1.0, found["ppv"], found["npv"])
    found["kappa"] = kappa(
        sum(cells), cells[2] + cells[3], cells[1] + cells[3], cells[3]
    )
    return found

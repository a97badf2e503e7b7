"""What one study adds to BLEU and ROUGE-L, and the figures from those counts.

BLEU is a quotient of sums over the studies. The sums are kept per study, so
that a shuffle, a constant or a bootstrap adds them up anew and does not count
again; that is why they are counted here and not by the package that names
the protocol. Tests hold both equal.
"""

import collections
import math

import numpy as np

ORDERS = 4


def bleu_counts(reference, prediction, shortest=1):
    """What one study adds to corpus BLEU.

    Args:
        reference: list of strings, the reference's tokens.
        prediction: list of strings, the prediction's tokens.
        shortest: int. The fewest n-grams that a prediction counts as having.
            NLTK counts at least 1; coco-caption counts 0.

    Returns:
        A list of 10 ints: matches for n = 1 to 4, n-grams predicted for n = 1 to
        4, and the lengths of prediction and reference in tokens.

    Example:
    ```python
    bleu_counts(["no", "edema"], ["no", "effusion"])
    # [1, 0, 0, 0, 2, 1, 1, 1, 2, 2]
    ```
    """
    matches, predicted = [], []
    for order in range(1, ORDERS + 1):
        grams = [
            collections.Counter(zip(*(words[i:] for i in range(order)), strict=False))
            for words in (reference, prediction)
        ]
        matches.append((grams[0] & grams[1]).total())
        predicted.append(max(shortest, grams[1].total()))
    return [*matches, *predicted, len(prediction), len(reference)]


def bleu_figures(counts):
    """Corpus BLEU-1 to 4 without smoothing, from the counts of the studies.

    Args:
        counts: int array `(studies, 10)` of `bleu_counts`.

    Returns:
        A dict `{"bleu_1": …, …, "bleu_4": …}` of floats in [0, 1]. An order
        without a single match gives 0.

    Example:
    ```python
    bleu_figures([bleu_counts(["no", "edema"], ["no", "effusion"])])["bleu_1"]  # 0.5
    ```

    Reference:
        - [Papineni et al., 2002](https://aclanthology.org/P02-1040/)
    """
    sums = np.asarray(counts, dtype="float64").reshape(-1, 2 * ORDERS + 2).sum(axis=0)
    matches, predicted = sums[:ORDERS], sums[ORDERS : 2 * ORDERS]
    length, reference_length = sums[-2:]
    figures = dict.fromkeys((f"bleu_{n}" for n in range(1, ORDERS + 1)), 0.0)
    if length == 0:
        return figures
    brevity = min(0.0, 1 - reference_length / length)
    for order in range(1, ORDERS + 1):
        if matches[:order].all():
            precision = np.log(matches[:order] / predicted[:order]).mean()
            figures[f"bleu_{order}"] = math.exp(brevity + precision)
    return figures


def common_subsequence(first, second):
    """Length of the longest common subsequence of two lists of tokens.

    Bit-parallel (Hyyrö, 2004): a row of the usual table is one whole number,
    some 20 times as fast as the table in Python.

    Args:
        first: list of strings.
        second: list of strings.

    Returns:
        An int.

    Example:
    ```python
    common_subsequence("no acute disease".split(), "no disease".split())  # 2
    ```
    """
    places = collections.defaultdict(int)
    for place, word in enumerate(first):
        places[word] |= 1 << place
    full = (1 << len(first)) - 1
    row = full
    for word in second:
        kept = row & places[word]
        row = ((row + kept) | (row - kept)) & full
    return len(first) - row.bit_count()


def rouge_l_counts(reference, prediction):
    """ROUGE-L F1 of one study, as a list of one float in [0, 1].

    Args:
        reference: list of strings, the reference's tokens.
        prediction: list of strings, the prediction's tokens.

    Returns:
        `[F1]`; 0 where either is empty.

    Example:
    ```python
    rouge_l_counts(["no", "acute", "disease"], ["no", "disease"])  # [0.8]
    ```

    Reference:
        - [Lin, 2004](https://aclanthology.org/W04-1013/)
    """
    total = len(reference) + len(prediction)
    return [2 * common_subsequence(reference, prediction) / total if total else 0.0]


def rouge_l_figures(counts):
    """The mean over the studies, `{"rouge_l": …}`.

    Args:
        counts: float array `(studies, 1)` of `rouge_l_counts`.

    Returns:
        A dict of one float.

    Example:
    ```python
    rouge_l_figures([[0.8], [0.4]])  # {"rouge_l": 0.6}
    ```
    """
    return {"rouge_l": float(np.mean(counts))}

"""CIDEr: how alike two reports are in the n-grams that few other reports have."""

import numpy as np

SIGMA = 6.0


def cider(pairs):
    """CIDEr of each study, as coco-caption computes it (its variant CIDEr-D, ×10).

    The n-grams of both texts are weighed by the logarithm of how rare they are
    among the references; the score is the cosine of the two, mean over n = 1 to 4,
    times a penalty on a difference in length. A word that every reference has
    weighs nothing; so a single study, or studies that all say the same, score 0.

    Args:
        pairs: `cxrlib.evaluation.overlap.Pairs` of `n` studies. The document
            frequencies are those of its references.

    Returns:
        A float array `(n,)` in [0, 10]. The score of a corpus is its mean.

    Example:
    ```python
    reader = Reader(str.split)
    cider(reader.pair(["no edema", "clear lungs"], ["no edema", "clear"]))  # [5.0, …]
    ```

    Reference:
        - [Vedantam et al., 2015](https://arxiv.org/abs/1411.5726)
    """
    studies = max(1, len(pairs.lengths[0]))
    cosine = 0
    for references, predictions, shared in pairs.ngrams:
        columns = references.shape[1]
        # A row names each of its n-grams once, so this counts reports.
        frequency = np.bincount(references.indices, minlength=columns)
        rarity = np.log(studies / np.maximum(frequency, 1)) ** 2
        product = shared.multiply(references) @ rarity
        norms = [side.power(2) @ rarity for side in (references, predictions)]
        norm = np.sqrt(norms[0] * norms[1])
        cosine += np.divide(product, norm, out=np.zeros_like(norm), where=norm > 0)
    # Its length of a text is the number of its bigrams.
    reference, prediction = (np.maximum(length - 1, 0) for length in pairs.lengths)
    penalty = np.exp(-((prediction - reference) ** 2) / (2 * SIGMA**2))
    return 10 * penalty * cosine / len(pairs.ngrams)

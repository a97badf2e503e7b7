"""What predictions share with their references: n-grams and common subsequences.

Everything is counted per study and summed later, so that a permutation, a constant or a
bootstrap sums the same numbers again without counting again. That is why they are
counted here and not by the packages that name the protocols; tests check that both
agree. N-grams are in sparse matrices, one row per text, so that ten thousand pairs are
compared in a few array operations.
"""

import collections
import functools
import itertools

import numpy as np

ORDERS = 4


def ngram_matrices(texts):
    """Count the n-grams of texts for n = 1 to 4.

    Args:
        texts: list of `n` lists of strings, the tokens.

    Returns:
        A list of 4 `scipy.sparse.csr_array`s `(n, columns)`, one per order. The
        same n-gram has the same column in every row.

    Example:
    ```python
    ngram_matrices([["no", "edema"], ["no", "no"]])[0].toarray()  # [[1, 1], [2, 0]]
    ```
    """
    from scipy.sparse import csr_array  # A quarter of a second to import.

    vocabulary = collections.defaultdict(itertools.count().__next__)
    words = [vocabulary[word] for text in texts for word in text]
    rows = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
    starts = np.arange(len(words))
    # A margin, so that indices beyond the last word find no text.
    words = np.append(np.array(words, "int64"), [0] * ORDERS)
    rows = np.append(rows, [-1] * ORDERS)
    grams, matrices = words[starts], []
    for following in range(ORDERS):
        if following:  # An n-gram is a shorter one and the next word.
            inside = rows[starts] == rows[starts + following]
            starts = starts[inside]
            pairs = grams[inside] * len(vocabulary) + words[starts + following]
            grams = np.unique(pairs, return_inverse=True)[1]
        shape = len(texts), 1 + grams.max(initial=0)
        entries = np.ones(len(grams)), (rows[starts], grams)
        matrices.append(csr_array(entries, shape))  # Repeated entries are summed.
    return matrices


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


def _speaks(token):
    return any(map(str.isalnum, token))


class Reader:
    """Reads texts with one tokeniser: each distinct text once, each pair once.

    Args:
        tokenise: callable, string → list of strings.

    Example:
    ```python
    Reader(str.split).pair(["no edema"], ["no effusion"]).common()  # [1]
    ```
    """

    def __init__(self, tokenise):
        self._tokenise = tokenise
        self._rows, self._tokens, self._matrices = {}, [], []
        # The cache belongs to this reader, and is freed with it.
        self._compared = functools.cache(self._compare)

    def pair(self, references, predictions):
        """Put predictions beside references, both `(n,)` strings, as `Pairs`."""
        return Pairs(self, self._read(references), self._read(predictions))

    def speaks(self, texts):
        """Which texts leave a token with a letter or a digit, `(n,)` bools."""
        rows = self._read(texts)
        spoken = [any(map(_speaks, tokens)) for tokens in self._tokens]
        return np.array([spoken[row] for row in rows], bool)

    def _read(self, texts):
        for text in texts:
            if text not in self._rows:
                self._rows[text] = len(self._rows)
                self._tokens.append(self._tokenise(text))
        return np.array([self._rows[text] for text in texts], int)

    def _compare(self, function, reference, prediction):
        return function(self._tokens[reference], self._tokens[prediction])

    def _ngrams(self):
        if not self._matrices or self._matrices[0].shape[0] < len(self._tokens):
            self._matrices = ngram_matrices(self._tokens)
        return self._matrices


class Pairs:
    """References and predictions side by side, as `Reader.pair` makes them.

    Args:
        reader: `Reader` that holds the texts.
        references: int array `(n,)`. Rows of the reader.
        predictions: int array `(n,)`.

    Example:
    ```python
    pairs = Reader(str.split).pair(["no edema", "clear"], ["no effusion", "clear"])
    pairs.lengths  # ([2, 1], [2, 1])
    ```
    """

    def __init__(self, reader, references, predictions):
        self._reader = reader
        self._rows = references, predictions
        sizes = np.array([len(tokens) for tokens in reader._tokens], int)
        self.lengths = tuple(sizes[rows] for rows in self._rows)

    def each(self, function):
        """`function(reference tokens, prediction tokens)` of each pair, `(n,)`."""
        rows = (side.tolist() for side in self._rows)
        values = [
            self._reader._compared(function, *pair) for pair in zip(*rows, strict=True)
        ]
        return np.array(values, "float64")

    def common(self):
        """Length of the longest common subsequence of each pair, `(n,)`."""
        return self.each(common_subsequence)

    @functools.cached_property
    def ngrams(self):
        """By order: sparse counts of reference, prediction, and the smaller of both."""
        sides = [
            [matrix[rows] for rows in self._rows] for matrix in self._reader._ngrams()
        ]
        return [(one, other, one.minimum(other)) for one, other in sides]


def bleu_counts(pairs, shortest=0):
    """What each study adds to corpus BLEU.

    Args:
        pairs: `Pairs` of `n` studies.
        shortest: int. The fewest n-grams that a prediction counts as having.
            NLTK counts at least 1, all others 0.

    Returns:
        A float array `(n, 10)`: matches for n = 1 to 4, n-grams predicted for
        n = 1 to 4, and the lengths of prediction and reference in tokens.

    Example:
    ```python
    bleu_counts(Reader(str.split).pair(["no edema"], ["no effusion"]))
    # [[1, 0, 0, 0, 2, 1, 0, 0, 2, 2]]
    ```
    """
    reference, prediction = pairs.lengths
    matches = [shared.sum(axis=1) for _, _, shared in pairs.ngrams]
    predicted = [np.maximum(shortest, prediction - order) for order in range(ORDERS)]
    return np.stack([*matches, *predicted, prediction, reference], axis=1)


def rouge_l(pairs, beta=1.0):
    """ROUGE-L of each study: the F-score of the longest common subsequence.

    Args:
        pairs: `Pairs` of `n` studies.
        beta: float. The weight of recall relative to precision: 1 in the
            package rouge_score, 1.2 in coco-caption.

    Returns:
        A float array `(n,)` in [0, 1]; 0 where either text is empty.

    Example:
    ```python
    rouge_l(Reader(str.split).pair(["no acute disease"], ["no disease"]))  # [0.8]
    ```

    Reference:
        - [Lin, 2004](https://aclanthology.org/W04-1013/)
    """
    reference, prediction = pairs.lengths
    weight = beta**2
    lengths = np.maximum(prediction + weight * reference, 1)  # Both empty: 0.
    return (1 + weight) * pairs.common() / lengths


# === CIDEr: similarity in the n-grams that few other reports have ===

CIDER_SIGMA = 6.0


def cider(pairs):
    """CIDEr of each study, as coco-caption computes it (its variant CIDEr-D, ×10).

    The n-grams of both texts are weighted by the logarithm of how rare they are among
    the references; the score is the cosine of the two, mean over n = 1 to 4, times a
    penalty on a difference in length. A word that every reference has gets weight 0; so
    a single study, or studies with identical reports, score 0.

    Args:
        pairs: `Pairs` of `n` studies. The document
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
    # coco-caption takes the number of bigrams as a text's length.
    reference, prediction = (np.maximum(length - 1, 0) for length in pairs.lengths)
    penalty = np.exp(-((prediction - reference) ** 2) / (2 * CIDER_SIGMA**2))
    return 10 * penalty * cosine / len(pairs.ngrams)

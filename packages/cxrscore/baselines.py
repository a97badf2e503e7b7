"""Baselines: what can be scored without ever looking at the image."""

import collections

import numpy as np

from cxrbase.files import InputError
from cxrscore.texts.protocols import tidy
from cxrscore.texts.scores import TextScorer

# The two scores that the Calabria project and most papers quote.
QUOTED = ("nltk.bleu_4", "rouge_score.rouge_l")
_ROWS = 1024  # Studies compared at once with all of train.


def _ranked(texts):
    """Reports as first written, with their counts, the most frequent first."""
    first, frequency = {}, collections.Counter()
    for text in texts:
        if tidy(text):
            first.setdefault(tidy(text), str(text))
            frequency[tidy(text)] += 1
    # Ties in alphabetical order, so that the rows' order does not matter.
    order = sorted(frequency, key=lambda text: (-frequency[text], text))
    return [(first[text], frequency[text]) for text in order]


def best_constant(train_texts, candidates=50, sample=1000, seed=0):
    """The one report that scores best when it is given to every train study.

    It is chosen among the most frequent train reports, by the mean of BLEU-4 and
    ROUGE-L over the train reports. The test split takes no part in the choice.

    Args:
        train_texts: sequence of strings. The reports of the train split.
        candidates: int. How many of the most frequent reports to try.
        sample: int. Number of train reports, drawn by `seed`, against which each is
            tried. A thousand settle the order; all of them take minutes.
        seed: int.

    Returns:
        A dict: `text`, `score`, `count` (how often it occurs there),
        `n`, `candidates`. `None` if there is no train text.

    Example:
    ```python
    best_constant(["No acute disease.", "No acute disease.", "Edema."])["text"]
    ```
    """
    spoken = [text for text in train_texts if tidy(text)]
    if not spoken:
        return None
    ranked = _ranked(spoken)[:candidates]
    tried = spoken
    if len(spoken) > sample:
        chosen = np.random.default_rng(seed).choice(len(spoken), sample, replace=False)
        tried = [spoken[index] for index in sorted(chosen)]
    scorer = TextScorer(tried, [name.split(".")[0] for name in QUOTED])

    def quality(text):
        scores = scorer.score([text] * len(tried))
        return float(np.nansum([scores[name] for name in QUOTED])) / len(QUOTED)

    scores = [quality(text) for text, _ in ranked]
    text, count = ranked[int(np.argmax(scores))]
    return {
        "text": text,
        "score": max(scores),
        "count": count,
        "n": len(spoken),
        "candidates": len(ranked),
    }


def most_frequent(train_texts):
    """The report that occurs most often in train; of equals, the first in the alphabet.

    Args:
        train_texts: sequence of strings.

    Returns:
        A dict: `text`, `count`, `n`. `None` if there is no train text.

    Example:
    ```python
    most_frequent(["Edema.", "No acute disease.", "no acute disease."])["text"]
    ```
    """
    ranked = _ranked(train_texts)
    if not ranked:
        return None
    text, count = ranked[0]
    total = sum(count for _, count in ranked)
    return {"text": text, "count": count, "n": total}


def random_reports(train_texts, n, seed=0):
    """A report drawn from train for each study, with replacement.

    Args:
        train_texts: sequence of strings; empty ones are not drawn.
        n: int. Studies.
        seed: int.

    Returns:
        A list of `n` strings.

    Raises:
        InputError: if there is no train text.

    Example:
    ```python
    random_reports(["Edema.", "No acute disease."], n=3)
    ```
    """
    spoken = [text for text in train_texts if tidy(text)]
    if not spoken:
        raise InputError("The train reports are all empty: there is none to draw.")
    drawn = np.random.default_rng(seed).integers(len(spoken), size=n)
    return [spoken[index] for index in drawn]


def nearest_reports(train_features, train_texts, features):
    """For each study the report of the train study that looks most alike.

    The features may be an encoder's pooled latents; the likeness is their cosine.
    It looks, but has no language model: a model should score higher.

    Args:
        train_features: float array `(m, d)`, one row per train study.
        train_texts: sequence of strings `(m,)`; studies with an empty one are not used.
        features: float array `(n, d)`.

    Returns:
        A list of `n` strings; of equally near studies the first one's.

    Raises:
        InputError: if the shapes do not fit, a feature is not finite, or there is
            no train text.

    Example:
    ```python
    nearest_reports([[1, 0], [0, 1]], ["Edema.", "Clear."], [[0.2, 0.9]])  # ["Clear."]
    ```
    """
    known, asked = (np.asarray(f, "float32") for f in (train_features, features))
    shapes = (len(train_texts), known.shape[-1]), (len(asked), known.shape[-1])
    if (known.shape, asked.shape) != shapes:
        raise InputError(
            f"{len(train_texts)} train reports, train features {known.shape} and "
            f"features {asked.shape}: each study needs a row, all of the same width."
        )
    if not (np.isfinite(known).all() and np.isfinite(asked).all()):
        raise InputError("A feature is NaN or infinite; extract the features again.")
    spoken = np.array([bool(tidy(text)) for text in train_texts], bool)
    texts = [text for text in train_texts if tidy(text)]
    if not texts:
        raise InputError("The train reports are all empty: none is nearest.")
    # The length of a row does not change which train row is nearest.
    known = known[spoken]
    known = known / np.maximum(np.linalg.norm(known, axis=1, keepdims=True), 1e-12)
    nearest = []
    for start in range(0, len(asked), _ROWS):
        cosine = asked[start : start + _ROWS] @ known.T  # (rows, m), unscaled
        nearest.extend(cosine.argmax(axis=1))
    return [texts[index] for index in nearest]


def derangement(n, generator):
    """A random order of `n` studies in which none keeps its place.

    Args:
        n: int, 2 or more.
        generator: `numpy.random.Generator`.

    Returns:
        An int array `(n,)`.

    Raises:
        ValueError: if `n` is below 2.

    Example:
    ```python
    derangement(5, np.random.default_rng(0))
    ```
    """
    if n < 2:
        raise ValueError(f"{n} study cannot change places with another.")
    places = np.arange(n)
    # One order in e has no fixed point, so this takes 2.7 draws on average.
    while True:
        order = generator.permutation(n)
        if (order != places).all():
            return order


def shuffled_orders(n, permutations=20, seed=0):
    """Orders for the permutation test: every study gets another study's output.

    A deterministic decoder (greedy, beam) writes the same report for the same
    images, so generating with permuted images equals permuting the outputs: nothing is
    generated again. For a sampling decoder it is the expectation. What a score does not
    lose when permuted was not earned by the image.

    Args:
        n: int. Studies.
        permutations: int. Orders to average over.
        seed: int.

    Returns:
        An int array `(permutations, n)`, without rows if `n` is below 2.

    Example:
    ```python
    outputs[shuffled_orders(len(outputs))]  # (20, n)
    ```
    """
    generator = np.random.default_rng(seed)
    rows = [derangement(n, generator) for _ in range(permutations if n > 1 else 0)]
    return np.array(rows, int).reshape(len(rows), n)


def grouped_orders(n, permutations=20, seed=0, within=None, patients=None):
    """Orders as of `shuffled_orders`, that keep to groups or to other patients.

    Args:
        n: int, 2 or more. Studies.
        permutations: int, 1 or more.
        seed: int.
        within: array `(n,)` or `None`. Groups: studies change places inside their own.
        patients: array `(n,)` or `None`. No study gets a place of its own patient's.

    Returns:
        An int array `(permutations, n)`; no study keeps its place.

    Raises:
        InputError: if there are no permutations, a group has a single study, or one
            patient has more than half of the studies that may change places.

    Example:
    ```python
    grouped_orders(4, within=["a", "a", "b", "b"])[0]  # [1, 0, 3, 2]
    ```
    """
    if permutations < 1:
        raise InputError(f"permutations={permutations}: must be 1 or more.")
    places, generator = np.arange(n), np.random.default_rng(seed)
    owners = places if patients is None else np.asarray(patients)
    groups = [places]
    if within is not None:
        names, sizes = np.unique(within, return_counts=True)
        if (sizes == 1).any():
            raise InputError(
                f"within: {names[sizes == 1][0]} has one study, which can get no "
                "other's: leave it out, or join its group to another."
            )
        groups = [np.flatnonzero(np.asarray(within) == name) for name in names]
    orders = np.tile(places, (permutations, 1))
    for order in orders:
        for group in groups:
            order[group] = group[_strangers(owners[group], generator)]
    return orders


def _strangers(owners, generator):
    """A random order in which none gets what belongs to its own owner."""
    names, owner, sizes = np.unique(owners, return_inverse=True, return_counts=True)
    n, most = len(owners), int(sizes.max())
    if most == 1:
        return derangement(n, generator)
    if 2 * most > n:
        raise InputError(
            f"patients: {names[sizes.argmax()]} has {most} of {n} studies that may "
            "change places; one patient can have no more than half of them."
        )
    # Patients in a random order, side by side: a shift by `most` or more takes each
    # study out of its own patient's.
    turn = generator.permutation(len(names))[owner]
    row = np.lexsort((generator.random(n), turn))
    order = np.empty(n, int)
    order[row] = np.roll(row, generator.integers(most, n - most + 1))
    return order

"""Baselines: what a score is worth that never looked at the image."""

import collections

import numpy as np

from cxrlib.evaluation.text import PROTOCOLS, TextScorer, tidy

# The two figures that seed 000 and most papers quote.
QUOTED = ("nltk.bleu_4", "rouge_score.rouge_l")


def best_constant(train_texts, candidates=50, sample=1000, seed=0):
    """The one report that scores best when it is given to every train study.

    It is sought among the most frequent train reports, by the mean of BLEU-4 and
    ROUGE-L over the train reports. The test split takes no part in the choice.

    Args:
        train_texts: sequence of strings. The reports of the train split.
        candidates: int. How many of the most frequent reports to try.
        sample: int. Against how many train reports, drawn by `seed`, each is
            tried. A thousand settle the order; all of them take minutes.
        seed: int.

    Returns:
        A dict: `text`, `train_score`, `train_count` (how often it occurs there),
        `train_n`, `candidates`. `None` if there is no train text.

    Example:
    ```python
    best_constant(["No acute disease.", "No acute disease.", "Edema."])["text"]
    ```
    """
    spoken = [text for text in train_texts if tidy(text)]
    if not spoken:
        return None
    first = {}
    for text in spoken:
        first.setdefault(tidy(text), str(text))
    frequency = collections.Counter(map(tidy, spoken))
    # Ties in order of the alphabet, so that the rows' order does not matter.
    ranked = sorted(frequency, key=lambda text: (-frequency[text], text))[:candidates]
    if len(spoken) > sample:
        chosen = np.random.default_rng(seed).choice(len(spoken), sample, replace=False)
        spoken_sample = [spoken[index] for index in sorted(chosen)]
    else:
        spoken_sample = spoken
    scorer = TextScorer(spoken_sample, [name.split(".")[0] for name in QUOTED])

    def quality(text):
        scores = scorer.score([text] * len(spoken_sample))
        return float(np.mean([scores[name] for name in QUOTED]))

    scores = {text: quality(text) for text in ranked}
    best = max(ranked, key=scores.get)
    return {
        "text": first[best],
        "train_score": scores[best],
        "train_count": frequency[best],
        "train_n": len(spoken),
        "candidates": len(ranked),
    }


def constant_scores(references, text, protocols=tuple(PROTOCOLS)):
    """The text figures of one report given to every study.

    Args:
        references: sequence of strings `(n,)`.
        text: string. The constant report.
        protocols: names from `cxrlib.evaluation.text.PROTOCOLS`.

    Returns:
        A dict of floats by `protocol.figure`.

    Example:
    ```python
    constant_scores(["No edema.", "Clear lungs."], "No acute disease.")
    ```
    """
    references = list(references)
    return TextScorer(references, protocols).score([text] * len(references))


def derangement(n, generator):
    """A random order of `n` studies in which none keeps its place.

    Args:
        n: int, 2 or more.
        generator: `numpy.random.Generator`.

    Returns:
        An int array `(n,)`.

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


def shuffle_test(score, n, permutations=20, seed=0):
    """The figures when every study gets the output for another study's images.

    A deterministic decoder (greedy, beam) writes the same report for the same
    images, so generating with exchanged images equals exchanging the outputs:
    nothing is generated anew. For a sampling decoder it is the expectation.
    A model that does not lose by the shuffle has not looked at the image.

    Args:
        score: callable. Takes an order of the outputs, an int array `(n,)`, and
            returns a dict of floats or `None`.
        n: int. The number of studies.
        permutations: int. Orders to average over; no study keeps its own output.
        seed: int.

    Returns:
        A dict with the mean per figure, `None` where a figure is undefined or
        there are fewer than two studies.

    Example:
    ```python
    outputs, scorer = np.array(["Edema.", "Clear."]), TextScorer(["Edema.", "Clear."])
    shuffle_test(lambda order: scorer.score(outputs[order]), 2)
    ```
    """
    if n < 2:
        return {}
    generator = np.random.default_rng(seed)
    runs = [score(derangement(n, generator)) for _ in range(permutations)]
    return {
        name: None
        if any(run[name] is None for run in runs)
        else float(np.mean([run[name] for run in runs]))
        for name in runs[0]
    }

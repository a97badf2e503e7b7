"""Seconds that `python -m cxrlib score` takes, stage by stage.

References, predictions and training reports are findings that the phantom's grammar
writes; by default every one ends with a number of its own, the worst case: no
text occurs twice.

    python benchmarks/score.py [--pairs 10000] [--repeats]
"""

import pathlib
import tempfile
import time

import click
import numpy as np
import pandas as pd

from cxrphantom.cases import sample_case
from cxrphantom.reports.grammar import findings_text
from cxrscore.baselines import best_constant, shuffled_orders
from cxrscore.clinical.scores import ClinicalScorer
from cxrscore.command import read_pairs, scoreboard
from cxrscore.comparison import compare
from cxrscore.evaluate import SHUFFLED, evaluate_predictions
from cxrscore.texts.protocols import DEFAULT
from cxrscore.texts.scores import TextScorer


def reports(n, seed, repeats):
    """Findings of `n` sampled studies."""
    generator = np.random.default_rng(seed)
    texts = [
        findings_text(sample_case(generator).findings, generator) for _ in range(n)
    ]
    return texts if repeats else [f"{text} {i}." for i, text in enumerate(texts)]


def timed(name, work):
    """Do the work, print its seconds, return what it gave."""
    start = time.perf_counter()
    result = work()
    click.echo(f"{name:34} {time.perf_counter() - start:7.2f} s")
    return result


@click.command()
@click.option("--pairs", default=10_000, show_default=True)
@click.option("--repeats", is_flag=True, help="Let texts occur twice, as they do.")
def main(pairs, repeats):
    """Time the stages one by one, then the whole call."""
    references, predictions, train = (
        reports(pairs, seed, repeats) for seed in range(3)
    )
    words = np.mean([len(text.split()) for text in references + predictions])
    click.echo(f"{pairs} pairs, {words:.0f} words on average")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "predictions.csv"
        table = pd.DataFrame({"reference": references, "prediction": predictions})
        table.to_csv(path, index=False)
        table = timed("reading", lambda: read_pairs(path))
    chosen = timed("choosing the constant", lambda: best_constant(train))
    order = shuffled_orders(pairs, max(2, min(20, SHUFFLED // pairs)))
    columns = {"constant": [chosen["text"]] * pairs, "random": train}
    scorers = {name: TextScorer(references, [name]) for name in DEFAULT}
    scorers |= {"clinical": ClinicalScorer(references)}
    for name, scorer in scorers.items():
        timed(f"{name}, counting", lambda scorer=scorer: scorer.counts(predictions))
        timed(
            f"{name}, beside baselines",
            lambda scorer=scorer: compare(scorer, predictions, columns, order),
        )
    found = timed("all of it", lambda: evaluate_predictions(table, train_texts=train))
    timed("printing", lambda: scoreboard(found, path.name))


if __name__ == "__main__":
    main()

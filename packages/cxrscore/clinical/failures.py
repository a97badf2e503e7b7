"""Which reports fail, how, and how often: the labeler's marks, study by study."""

import pandas as pd

from cxrscore.clinical.marks import (
    HIT,
    INVENTED,
    MISSED,
    NORMAL,
    WRONG_SIDE,
    mark_reports,
)
from cxrscore.texts.scores import TextScorer

# Worst first. A wrong side can send a needle into the healthy lung, what is missed is
# not treated, what is invented is looked into for nothing.
ORDER = (WRONG_SIDE, MISSED, INVENTED)


def compare_findings(references, predictions):
    """Compare reports finding by finding.

    Args:
        references: sequence of strings `(n,)`.
        predictions: sequence of strings `(n,)`.

    Returns:
        A `pandas.DataFrame` with a row per study and finding that either text holds
        ("No Finding" is none): `study` (its place, from 0), `finding`, `verdict` (a
        key of `cxrscore.clinical.marks.SIGNS`), and `words`, the sides where they
        are apart.

    Raises:
        ValueError: if the two differ in number.

    Example:
    ```python
    compare_findings(["Small left effusion."], ["Right effusion."])
    # study 0, finding "Pleural Effusion", verdict "wrong side"
    ```
    """
    pairs = enumerate(zip(references, predictions, strict=True))
    rows = [
        (study, *found)
        for study, pair in pairs
        for found in mark_reports(*pair).findings
        if found.name != NORMAL
    ]
    return pd.DataFrame(rows, columns=["study", "finding", "verdict", "words"])


def rank_failures(references, predictions, order=ORDER):
    """Rank reports, the clinically worst first.

    First come those with most verdicts of the first kind of `order`; among equals
    those with most of the second, and so on. What is still equal is ordered by BLEU-4
    (protocol `coco`, of the single report), the lowest first.

    Args:
        references: sequence of strings `(n,)`.
        predictions: sequence of strings `(n,)`.
        order: sequence of verdicts, the gravest first.

    Returns:
        A `pandas.DataFrame` of the `n` studies, worst first, its index their places:
        a count for each verdict of `order`, `bleu_4`, and the `reason` in words,
        `""` where nothing is wrong.

    Raises:
        ValueError: if the two differ in number.

    Example:
    ```python
    rank_failures(["No edema.", "Edema."], ["Edema.", "Edema."]).reason[0]
    # "invented: Edema"
    ```
    """
    order, scorer = list(order), TextScorer(references, ["coco"])
    rows = compare_findings(references, predictions)
    table = pd.crosstab(rows.study, rows.verdict)
    table = table.reindex(range(len(references)), columns=order, fill_value=0)
    counts = scorer.counts(predictions)["coco"]
    table["bleu_4"] = scorer.scores("coco", counts, 1)["bleu_4"]
    table["reason"] = [
        reason(rows[rows.study.eq(study)], order) for study in table.index
    ]
    ascending = [False] * len(order) + [True]
    return table.sort_values([*order, "bleu_4"], ascending=ascending, kind="stable")


def reason(rows, order=ORDER):
    """Say what is wrong with one report.

    Args:
        rows: `pandas.DataFrame`, the rows of one study, as of `compare_findings`; a
            column `words` of its own stands in brackets.
        order: sequence of verdicts, in which they are named.

    Returns:
        A string, such as `"missed: Edema, Cardiomegaly; invented: Atelectasis"`.

    Example:
    ```python
    reason(compare_findings(["Edema."], ["Clear lungs."]))  # "missed: Edema"
    ```
    """
    parts = []
    for verdict in order:
        own = rows[rows.verdict.eq(verdict)]
        names = [
            f"{name} ({words})" if words else name
            for name, words in zip(own.finding, own.words, strict=True)
        ]
        parts += [f"{verdict}: {', '.join(names)}"] if names else []
    return "; ".join(parts)


def count_reasons(rows, studies, order=ORDER):
    """Count over all studies what the worst ones were chosen by.

    Args:
        rows: `pandas.DataFrame`, as of `compare_findings`.
        studies: int. How many were compared.
        order: sequence of verdicts.

    Returns:
        A `pandas.DataFrame` with a row per finding, those with most errors first: how
        often it was `hit`, and each of `order`; and below it two rows: `"all
        findings"`, and `"studies with any"`, how many studies of all have at least
        one.

    Example:
    ```python
    count_reasons(compare_findings(references, predictions), len(references))
    ```
    """
    verdicts = [HIT, *order]
    table = pd.crosstab(rows.finding, rows.verdict)
    table = table.reindex(columns=verdicts, fill_value=0).rename_axis(columns=None)
    errors = table[list(order)].sum(axis=1)
    table = table.loc[errors.sort_values(ascending=False, kind="stable").index]
    any_of = rows.drop_duplicates(["study", "verdict"]).verdict.value_counts()
    any_of = any_of.reindex(verdicts, fill_value=0)
    sums = pd.DataFrame(
        [table.sum(), any_of],
        index=["all findings", f"studies with any, of {studies}"],
    )
    return pd.concat([table, sums]).astype(int)

"""Scores in brief, as the card of a model keeps them."""

from cxrscore.tables import HEADLINES

# Names in the card → the keys beside a value in the results.
BESIDE = {name: name for name in ("constant", "frequent", "nearest")}
BESIDE["permuted"] = "shuffled"


def brief(scores, names=(*HEADLINES, "abnormal.accuracy")):
    """Keep of each score its value, its interval and its baselines.

    Args:
        scores: dict, name → score, as `evaluate_predictions` returns them.
        names: sequence of strings. Which, in this order; each must be there.

    Returns:
        A dict, name → dict of `n`, `value`, `low` and `high` (its interval),
        `constant`, `frequent`, `nearest` and `permuted`, numbers with four decimals;
        `None` for what a score does not have.

    Example:
    ```python
    brief(results.record["metrics"])["coco.bleu_4"]["permuted"]
    ```
    """
    found = {}
    for name in names:
        score = scores[name]
        low, high = score.get("interval") or (None, None)
        numbers = {"value": score["value"], "low": low, "high": high}
        numbers |= {here: score.get(there) for here, there in BESIDE.items()}
        rounded = {k: v if v is None else round(v, 4) for k, v in numbers.items()}
        found[name] = {"n": score["n"], **rounded}
    return found

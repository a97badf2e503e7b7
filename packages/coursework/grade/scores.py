"""Scores of what was handed in, by name, and whether they can be relied on."""

from coursework.grade.recount import DERIVED, is_recountable
from coursework.grade.rubric import BESIDE
from cxrbase.refusals import InputError


def score_of(handed, name):
    """A score, and whether it can be relied on.

    Args:
        handed: `HandedIn` with a record.
        name: string.

    Returns:
        `(score, source, trouble)`: a dict or `None`; where its value is from, in
        words; why it does not count, or `""`.

    Example:
    ```python
    score_of(handed, "coco.bleu_4")
    ```
    """
    score = handed.record["metrics"].get(name)
    if score is None and name in DERIVED and name in handed.recounted:
        score = {"protocol": {}}
    if score is None:
        return None, "", f"results.json has no score {name}."
    score = {"value": None} | score
    if name in handed.differing:
        return score, "", f"{handed.differing[name]}; it does not count."
    if name in handed.recounted:
        stated = {key: score[key] for key in score if key not in BESIDE}
        return stated | handed.recounted[name], "recomputed from predictions.csv", ""
    if is_recountable(name) and "predictions" in handed.why:
        return score, "", f"{name} cannot be recomputed. {handed.why['predictions']}"
    if is_recountable(name) and handed.compared:
        return score, "", f"{name} is not in what predictions.csv gives."
    return score, "as results.json says", ""


def number_of(handed, name):
    """The number that a name in a rubric stands for.

    Args:
        handed: `HandedIn` with a record.
        name: string. A score, a value beside one (`coco.bleu_4.shuffled`), or,
            without a dot, a parameter of the run.

    Returns:
        A number.

    Raises:
        InputError: if there is none that can be relied on.

    Example:
    ```python
    number_of(handed, "coco.bleu_4.shuffled")
    ```
    """
    if "." not in name:
        value = handed.record["parameters"].get(name)
        if not isinstance(value, int | float):
            raise InputError(f"The run has no parameter {name} that is a number.")
        return value
    score, _, key = name.rpartition(".")
    if name in handed.record["metrics"] or key not in (*BESIDE, "n"):
        score, key = name, "value"
    found, _, trouble = score_of(handed, score)
    if not trouble and found.get(key) is None:
        trouble = f"{name} has no value."
    if trouble:
        raise InputError(trouble)
    return found[key]

"""One item of the rubric against what was handed in: points, and why."""

import dataclasses
import functools

from coursework.grade.cells import changed, how_it_ran
from coursework.grade.expression import value_of
from coursework.grade.rubric import BESIDE
from coursework.grade.scores import number_of, score_of
from coursework.student.answers import begins_with, first_numbers, read_numbers
from cxrbase.refusals import InputError, printable
from cxrscore.score import format_score

LONGEST = 4_000  # Characters of an answer that are shown.


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of an item.

    Args:
        item: `coursework.grade.rubric.Item`.
        mark: string. `"yes"`, `"no"` or `"open"`, for a human to mark.
        reason: string, a sentence.
        source: string. Where the value is from.
        answer: string. The student's, for an exercise.
        given: float or `None`. Points that a human gave.
        comment: string. What the human said.
    """

    item: object
    mark: str
    reason: str
    source: str = ""
    answer: str = ""
    given: float | None = None
    comment: str = ""

    @property
    def points(self):
        """The points earned so far."""
        if self.given is not None:
            return self.given
        return self.item.points if self.mark == "yes" else 0

    @property
    def open(self):
        """The points that a human has yet to decide on."""
        return self.item.points if self.mark == "open" and self.given is None else 0


def check_item(item, handed, course=None):
    """Check one item.

    Args:
        item: `coursework.grade.rubric.Item`.
        handed: `coursework.grade.handed_in.HandedIn`.
        course: list of `coursework.grade.cells.Cell`. The course's own notebook.

    Returns:
        An `Outcome`.

    Example:
    ```python
    check_item(asked.items[0], handed).reason
    ```
    """
    if item.cells:
        return _check_cells(item, handed, course)
    if handed.record is None:
        return Outcome(item, "no", handed.why["results"])
    if item.prediction:
        return _check_prediction(item, handed)
    return _check_metric(item, handed) if item.metric else _check_answer(item, handed)


# === Scores ===


def _check_metric(item, handed):
    score, source, trouble = score_of(handed, item.metric)
    trouble = trouble or _other_protocol(item, score, handed.record["dataset"])
    if trouble:
        return Outcome(item, "no", trouble)
    other, trouble = _stands_for(item.comparison.against, score, handed)
    if trouble:
        return Outcome(item, "no", trouble)
    holds = item.comparison.holds(score["value"], other)
    beside = "" if other is None else f" ({format_score(other)})"
    value = f"{item.metric} is {format_score(score['value'])}"
    if holds:
        reason = f"{value}: {item.comparison}{beside}."
    else:
        reason = f"{value}; {item.comparison}{beside} is asked for."
    return Outcome(item, "yes" if holds else "no", reason, source)


def _other_protocol(item, score, dataset):
    """Why a score is not the one that is asked for, or `""`."""
    if score["value"] is None:
        return f"{item.metric} has no value: {printable(score.get('note', ''))}."
    protocol = {"ground": dataset["ground"]} | score["protocol"]
    for name, wanted in item.where.items():
        theirs = protocol.get(name, "not stated")
        if theirs != wanted:
            words = printable(theirs, 60)
            return f"{item.metric}: {name} is {words}; {wanted} is asked for."
    if score["n"] < item.studies:
        return (
            f"{item.metric} rests on {score['n']} studies; at least {item.studies} "
            "are asked for."
        )
    return ""


def _stands_for(name, score, handed):
    """The number that a name in a condition stands for, and what is wrong with it."""
    if not isinstance(name, str):
        return None, ""
    if name in BESIDE:
        value = score.get(name)
        return value, "" if value is not None else f"There is no {name} beside it."
    try:
        return value_of(name, functools.partial(number_of, handed)), ""
    except InputError as error:
        return None, str(error)


# === Cells ===


def _check_cells(item, handed, course):
    if handed.cells is None:
        return Outcome(item, "no", handed.why["notebook"])
    if item.cells == "ran":
        trouble = how_it_ran(handed.cells, course)
        well = f"All {len(handed.cells)} code cells ran in order, without error."
        return Outcome(item, "no" if trouble else "yes", trouble or well)
    named = [cell for cell in course if cell.id in item.ids]
    differ = changed(handed.cells, named)
    if not differ:
        return Outcome(item, "yes", f"As the course has them: {', '.join(item.ids)}.")
    words = "; ".join(f"{name} {how}" for name, how in differ.items())
    return Outcome(item, "no", f"{words}.")


# === Predictions ===


def _check_prediction(item, handed):
    """Whether it was made before the outcome was there; it need not be right."""
    made = handed.record.get("predicted", {}).get(item.prediction)
    text = made["text"].strip()[:LONGEST] if made else ""
    if not text:
        return Outcome(item, "no", f"Prediction {item.prediction}: not made.")
    if made["before"]:
        reason = f"Written before the cell ran, {printable(made['when'], 40)}."
        return Outcome(item, "yes", reason, answer=text)
    reason = f"Written after the outcome was seen, {printable(made['when'], 40)}."
    return Outcome(item, "no", reason, answer=text)


# === Answers ===


def _check_answer(item, handed):
    answer = handed.answers.get(item.exercise)
    shown = "" if answer is None else str(answer)[:LONGEST]
    if not isinstance(answer, str | int | float) or not str(answer).strip():
        what = "no word, name or number" if shown else "not answered"
        return Outcome(item, "no", f"Exercise {item.exercise}: {what}.")
    if item.words:
        return _check_words(item, shown)
    if item.names or item.extreme:
        return _check_name(item, shown, handed)
    numbers = (first_numbers if item.begins else read_numbers)(answer)
    if not numbers:
        reason = "A number is asked for, and that is not one."
        return Outcome(item, "no", reason, answer=shown)
    other, trouble = _stands_for(item.comparison.against, {}, handed)
    if trouble:
        reason = f"The answer is compared with the run's own score. {trouble}"
        return Outcome(item, "no", reason, answer=shown)
    right = any(item.comparison.holds(number, other) for number in numbers)
    reason = "The number is right." if right else "That is not the number."
    return Outcome(item, "yes" if right else "no", reason, answer=shown)


def _check_name(item, answer, handed):
    names = item.names
    if item.extreme:
        look_up = functools.partial(number_of, handed)
        try:
            among = {n: value_of(text, look_up) for n, text in item.among.items()}
        except InputError as error:
            reason = f"The answer is compared with the run's own scores. {error}"
            return Outcome(item, "no", reason, answer=answer)
        most = (max if item.extreme == "largest" else min)(among.values())
        names = [name for name, value in among.items() if value == most]
    right = begins_with(answer, names, whole=not item.begins)
    reason = "The answer is right." if right else "That is not the answer."
    return Outcome(item, "yes" if right else "no", reason, answer=answer)


def _check_words(item, answer):
    count = len(answer.split())
    if count >= item.words:
        return Outcome(
            item, "open", f"{count} words, for a human to mark.", answer=answer
        )
    reason = (
        f"{count} word{'' if count == 1 else 's'}; at least {item.words} are asked for."
    )
    return Outcome(item, "no", reason, answer=answer)

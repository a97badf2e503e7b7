"""The rubric: what a submission is asked for, and what each item is worth.

The classes check what an instructor writes, and describe it to an editor
(`python -m cxrlib grade --schema`).
"""

import dataclasses
import functools
import math
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    PrivateAttr,
    model_validator,
)
from pydantic_core import PydanticCustomError

from coursework.grade.expression import names_in
from cxrbase.grounds import NAMED_GROUNDS
from cxrscore.tables import BASELINES

BESIDE = (*BASELINES, "shuffled")  # What a score may be compared with by name.
RELATIONS = {
    "above": lambda value, other: value > other,
    "at_least": lambda value, other: value >= other,
    "below": lambda value, other: value < other,
    "at_most": lambda value, other: value <= other,
}
CONDITIONS = (*RELATIONS, "equals", "between")
# By the field that says what an item is about: what else it may have.
ABOUT = {
    "metric": ("where", "studies", *CONDITIONS, "by", "tolerance"),
    "cells": ("ids",),
    "prediction": (),
    "exercise": (
        *("names", "words", "largest", "smallest", "begins"),
        *(*CONDITIONS, "by", "tolerance"),
    ),
}
# What points are given for: that it ran, a prediction before the outcome was there, a
# number or name that a machine checks, words that a human reads.
KINDS = ("run", "prediction", "number", "reasoning")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A condition on a number.

    Args:
        relation: string. One of `RELATIONS`, `"between"` or `"equals"`.
        against: a number; the name of a baseline, or a sum of scores (see
            `coursework.grade.expression`); for `between` a pair of numbers.
        margin: float. `by` of the relations, `tolerance` of `equals`.

    Example:
    ```python
    Comparison("above", "constant", 0.05).holds(0.31, 0.24)  # True
    ```
    """

    relation: str
    against: float | str | tuple
    margin: float = 0.0

    def holds(self, value, other=None):
        """Whether `value` meets the condition; `other` is what a name stands for."""
        other = self.against if other is None else other
        if self.relation == "between":
            return other[0] <= value <= other[1]
        if self.relation == "equals":
            # As far as a float can say: 0.53 is 0.01 away from 0.54.
            return abs(value - other) <= self.margin + 1e-9 * max(1, abs(other))
        sign = -1 if self.relation in ("below", "at_most") else 1
        return RELATIONS[self.relation](value, other + sign * self.margin)

    def __str__(self):
        if self.relation == "between":
            return f"between {self.against[0]:g} and {self.against[1]:g}"
        other = self.against if isinstance(self.against, str) else f"{self.against:g}"
        if self.relation == "equals":
            return f"{other} ± {self.margin:g}"
        words = f"{self.relation.replace('_', ' ')} {other}"
        return f"{words} by {self.margin:g}" if self.margin else words


# === Fields ===


def _sum(text):
    """Refuse what is not a sum of scores."""
    if not any("." in name for name in names_in(text)):
        raise ValueError(f"“{text}” names no score (group.name).")
    return text


def _against(value):
    """Refuse what a score cannot be compared with."""
    if isinstance(value, str):
        return value if value in BESIDE else _sum(value)
    if type(value) not in (int, float) or not math.isfinite(value):
        raise PydanticCustomError("against", "no number and no sum")
    return value


def _text(value):
    return str(value) if type(value) in (int, float) else value


def _listed(value):
    return [value] if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_text, json_schema_input_type=str | float)]
Sums = dict[Text, Annotated[Text, AfterValidator(_sum)]]
Against = Annotated[Any, PlainValidator(_against, json_schema_input_type=float | str)]
Ground = Literal[NAMED_GROUNDS]
Grounds = Annotated[
    list[Ground],
    BeforeValidator(_listed, json_schema_input_type=Ground | list[Ground]),
]


class Form(BaseModel):
    """What every part of a rubric is: known fields of exact kinds."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Item(Form):
    """One thing asked for: a `metric`, `cells`, a `prediction` or an `exercise`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [kind]} for kind in ABOUT]}
    )

    points: float = Field(gt=0)
    says: str = Field(description="What is asked for, in words.")
    id: str = Field("", description="Unique in its notebook; marks by hand go by it.")
    kind: Literal[KINDS] | None = Field(
        None, description="What its points are for; by default it follows."
    )
    metric: str = Field("", description="The score's name in results.json.")
    where: dict[str, Any] = Field({}, description="What the score's protocol says.")
    studies: int = Field(1, description="On how many the score rests, at least.")
    cells: Literal["ran", "unchanged"] | None = None
    ids: list[Text] = Field([], description="The course's cells to be unchanged.")
    prediction: Text = Field("", description="The prediction's number.")
    exercise: Text = Field("", description="The exercise's number.")
    begins: bool = Field(
        False, description="The answer begins with the number or name; text follows."
    )
    names: list[str] = Field([], description="The answers that are right.")
    words: int = Field(0, ge=1, description="The least, for a human to mark.")
    largest: Sums = Field({}, description="The answer names the largest of these.")
    smallest: Sums = Field({}, description="The answer names the smallest of these.")
    above: Against = None
    at_least: Against = None
    below: Against = None
    at_most: Against = None
    equals: Against = None
    between: tuple[float, ...] = Field(
        (), strict=False, description="Two numbers, the lower first."
    )
    by: float = Field(0.0, description="The margin of above, at_least, below, at_most.")
    tolerance: float = Field(0.0, description="The margin of equals.")

    @model_validator(mode="after")
    def _is_about_one_thing(self):
        given = self.model_fields_set
        about = [field for field in ABOUT if field in given]
        if len(about) != 1:
            raise ValueError("name one of metric, cells, prediction and exercise.")
        known = ("points", "says", "id", "kind", about[0], *ABOUT[about[0]])
        for name in sorted(given - set(known)):
            raise ValueError(f"unknown field {name}; known: {', '.join(known)}.")
        conditions = [name for name in CONDITIONS if name in given]
        if conditions[1:]:
            raise ValueError(f"two conditions, {' and '.join(conditions)}; make two.")
        for extra, needs in (("by", RELATIONS), ("tolerance", ("equals",))):
            if extra in given and not set(conditions) & set(needs):
                raise ValueError(f"{extra} goes with {', '.join(needs)}.")
        if "between" in given and not (
            len(self.between) == 2 and self.between[0] <= self.between[1]
        ):
            raise ValueError("between must be two numbers, the lower first.")
        if self.metric and not conditions:
            raise ValueError("lacks its condition, such as above: 0.8.")
        if self.cells and bool(self.ids) != (self.cells == "unchanged"):
            raise ValueError("ids belong to cells: unchanged, and must be there.")
        if self.exercise:
            ways = given & {"names", "largest", "smallest", "words", *CONDITIONS}
            if len(ways) != 1:
                raise ValueError(
                    "give one of names, largest, smallest, words and a condition, such "
                    "as equals: 0.5."
                )
            if self.comparison and self.comparison.against in BESIDE:
                raise ValueError(f"an answer has no {self.comparison.against}.")
            if self.begins and self.words:
                raise ValueError("begins goes with a number or a name, not with words.")
        said = getattr(self, about[0])
        self.id = self.id or (said if self.metric else f"{about[0]}-{said}")
        if self.kind is None:
            answered = "reasoning" if self.words else "number"
            kinds = {"prediction": "prediction", "exercise": answered}
            self.kind = kinds.get(about[0], "run")
        return self

    @functools.cached_property
    def comparison(self):
        """The `Comparison` that the score, or the answer, must meet, or `None`."""
        for relation in CONDITIONS:
            if relation in self.model_fields_set:
                against = getattr(self, relation)
                return Comparison(relation, against, self.by or self.tolerance)
        return None

    @property
    def extreme(self):
        """`"largest"`, `"smallest"` or `""`: which one of `among` is asked for."""
        return "largest" if self.largest else "smallest" if self.smallest else ""

    @property
    def among(self):
        """A dict, name → a sum of scores."""
        return self.largest or self.smallest

    @property
    def scores(self):
        """The names of scores that it looks at, a list of strings."""
        sums = [*self.among.values(), getattr(self.comparison, "against", None)]
        sums = [each for each in sums if isinstance(each, str) and each not in BESIDE]
        names = [name for each in sums for name in names_in(each)]
        return [name for name in (self.metric, *names) if "." in name]


class NotebookRubric(Form):
    """What is asked of one notebook."""

    title: str = ""
    ground: Grounds = Field(
        list(NAMED_GROUNDS), description="What its results may rest on."
    )
    fingerprint: Text = Field("", description="Of the dataset, if one must be used.")
    parameters: dict[str, Any] = Field({}, description="What they must be.")
    predictions: bool = Field(
        False, description="Whether predictions.csv must be there."
    )
    items: list[Item] = Field([], min_length=1, validate_default=True)
    _name: str = PrivateAttr("")
    _student: bool = PrivateAttr(False)

    @model_validator(mode="after")
    def _has_each_id_once(self):
        ids = [item.id for item in self.items]
        for number, name in enumerate(ids, start=1):
            if name in ids[: number - 1]:
                raise ValueError(f"item {number}: a second item {name}; give it an id.")
        return self

    @property
    def name(self):
        """The notebook's, `"07_multitask"`."""
        return self._name

    @property
    def student(self):
        """Whether it must be a student's own run."""
        return self._student

    @property
    def points(self):
        """The most that can be earned."""
        return sum(item.points for item in self.items)


class Rubric(Form):
    """A whole rubric; its notebooks are in their order.

    Example:
    ```python
    read_rubric("rubric.yaml").notebooks["07_multitask"].points
    ```
    """

    title: str = "Grades"
    student: bool = Field(
        False, description="Whether each run must be that of a student's own seed."
    )
    notebooks: dict[Text, NotebookRubric] = Field(
        {}, min_length=1, validate_default=True
    )

    @model_validator(mode="after")
    def _names_its_notebooks(self):
        for name, asked in self.notebooks.items():
            asked._name, asked._student = name, self.student
        return self

    @property
    def points(self):
        """The most that can be earned."""
        return sum(each.points for each in self.notebooks.values())

    @property
    def by_kind(self):
        """A dict, kind → the most that can be earned with it."""
        items = [item for asked in self.notebooks.values() for item in asked.items]
        return {k: sum(i.points for i in items if i.kind == k) for k in KINDS}

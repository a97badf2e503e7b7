"""The rubric: what a submission is asked for, and what each item is worth."""

import dataclasses

from coursework.grade.expression import names_in
from cxrbase.grounds import NAMED_GROUNDS
from cxrscore.tables import BASELINES

BESIDE = (*BASELINES, "shuffled")  # What a figure may be compared with by name.
RELATIONS = {
    "above": lambda value, other: value > other,
    "at_least": lambda value, other: value >= other,
    "below": lambda value, other: value < other,
    "at_most": lambda value, other: value <= other,
}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A condition on a number.

    Args:
        relation: string. One of `RELATIONS`, `"between"` or `"equals"`.
        against: a number; the name of a baseline, or a sum of figures (see
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


@dataclasses.dataclass(frozen=True)
class Item:
    """One thing that is asked for.

    Args:
        id: string. Unique in its notebook; marks given by hand go by it.
        points: float.
        says: string. What is asked for, in words.
        metric: string. The figure, for an item on a figure.
        comparison: `Comparison` that the figure, or the answer, must meet.
        where: dict. What the figure's protocol must say.
        studies: int. On how many studies the figure must rest, at least.
        cells: string. `"ran"` or `"unchanged"`, for an item on the notebook's cells.
        ids: tuple of strings. The course's cells that must be `unchanged`.
        exercise: string. The exercise's number, for an item on an answer.
        names: tuple of strings. The answers that are right.
        extreme: string. `"largest"` or `"smallest"`: the right answer is the name of
            that one `among` some sums of figures.
        among: dict, name to a sum of figures.
        words: int. The least words of an answer that a human marks.
    """

    id: str
    points: float
    says: str
    metric: str = ""
    comparison: Comparison | None = None
    where: dict = dataclasses.field(default_factory=dict)
    studies: int = 1
    cells: str = ""
    ids: tuple = ()
    exercise: str = ""
    names: tuple = ()
    extreme: str = ""
    among: dict = dataclasses.field(default_factory=dict)
    words: int = 0

    @property
    def figures(self):
        """The names of figures that it looks at, a list of strings."""
        sums = [*self.among.values(), getattr(self.comparison, "against", None)]
        sums = [each for each in sums if isinstance(each, str) and each not in BESIDE]
        names = [name for each in sums for name in names_in(each)]
        return [name for name in (self.metric, *names) if "." in name]


@dataclasses.dataclass(frozen=True)
class NotebookRubric:
    """What is asked of one notebook.

    Args:
        name: string. `"07_multitask"`.
        items: tuple of `Item`.
        title: string.
        grounds: tuple of strings. The grounds that its results may rest on.
        fingerprint: string or `None`. Of the dataset, if it must be a certain one.
        parameters: dict. What the notebook's parameters must be.
        predictions: bool. Whether a `predictions.csv` must be handed in.
    """

    name: str
    items: tuple
    title: str = ""
    grounds: tuple = NAMED_GROUNDS
    fingerprint: str | None = None
    parameters: dict = dataclasses.field(default_factory=dict)
    predictions: bool = False

    @property
    def points(self):
        """The most that can be earned."""
        return sum(item.points for item in self.items)


@dataclasses.dataclass(frozen=True)
class Rubric:
    """A whole rubric.

    Args:
        title: string.
        notebooks: dict of `NotebookRubric` by name, in their order.

    Example:
    ```python
    read_rubric("rubric.yaml").notebooks["07_multitask"].points
    ```
    """

    title: str
    notebooks: dict

    @property
    def points(self):
        """The most that can be earned."""
        return sum(each.points for each in self.notebooks.values())

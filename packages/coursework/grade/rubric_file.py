"""Reading a rubric: a YAML file that an instructor writes, checked word by word.

A slip is told in one line before anything is graded. `docs/grading.md` describes the
fields.
"""

import math
import pathlib

import yaml

from coursework.grade.expression import names_in
from coursework.grade.rubric import (
    BESIDE,
    RELATIONS,
    Comparison,
    Item,
    NotebookRubric,
    Rubric,
)
from cxrbase.files import InputError
from cxrbase.grounds import NAMED_GROUNDS

SHIPPED = pathlib.Path(__file__).parent / "rubric.yaml"


class _Loader(yaml.SafeLoader):
    """YAML in which a key that stands twice is an error, not the last one's."""

    def construct_mapping(self, node, deep=False):
        """Build a dict of keys that differ."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def read_rubric(path=None):
    """Read and check a rubric.

    Args:
        path: string or `pathlib.Path`. By default the one that comes with the course.

    Returns:
        A `Rubric`.

    Raises:
        InputError: that names file, notebook, item and field.

    Example:
    ```python
    read_rubric("rubric.yaml").title
    ```
    """
    path = pathlib.Path(path or SHIPPED)
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such rubric.") from None
    except (yaml.YAMLError, UnicodeError, OSError) as error:
        words = " ".join(str(error).split())
        raise InputError(f"{path}: not readable as YAML ({words}).") from None
    try:
        return _rubric(content)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _rubric(content):
    fields = _fields(content, "the rubric", {"title": str, "notebooks": dict})
    notebooks = fields.get("notebooks")
    if not notebooks:
        raise InputError("the rubric has no notebooks.")
    read = {str(name): _notebook(str(name), each) for name, each in notebooks.items()}
    return Rubric(fields.get("title", "Grades"), read)


def _notebook(name, content):
    kinds = {"title": str, "ground": (str, list), "fingerprint": (str, int)}
    kinds |= {"parameters": dict, "predictions": bool, "items": list}
    fields = _fields(content, name, kinds)
    if not fields.get("items"):
        raise InputError(f"{name}: has no items.")
    grounds = fields.get("ground", NAMED_GROUNDS)
    grounds = tuple([grounds] if isinstance(grounds, str) else grounds)
    if set(grounds) - set(NAMED_GROUNDS):
        raise InputError(f"{name}: ground is none of {', '.join(NAMED_GROUNDS)}.")
    items = []
    for number, item in enumerate(fields["items"], start=1):
        items.append(_item(f"{name}, item {number}", item))
        if items[-1].id in [each.id for each in items[:-1]]:
            raise InputError(
                f"{name}, item {number}: a second item {items[-1].id}; give it an id."
            )
    fingerprint = fields.get("fingerprint")
    return NotebookRubric(
        name=name,
        items=tuple(items),
        title=fields.get("title", ""),
        grounds=grounds,
        fingerprint=None if fingerprint is None else str(fingerprint),
        parameters=fields.get("parameters", {}),
        predictions=fields.get("predictions", False),
    )


_NUMBER = (int, float)
_EVERY = {"id": str, "points": _NUMBER, "says": str}
_RELATION = {name: (*_NUMBER, str) for name in (*RELATIONS, "equals")}
_RELATION |= {"between": list, "by": _NUMBER, "tolerance": _NUMBER}
# By the field that says what an item is about: the fields that it may have.
_KINDS = {
    "metric": {"metric": str, "where": dict, "studies": int, **_RELATION},
    "cells": {"cells": str, "ids": list},
    "exercise": {
        **{"exercise": (int, str), "names": list, "words": int, **_RELATION},
        **{"largest": dict, "smallest": dict},
    },
}


def _item(place, content):
    if not isinstance(content, dict):
        raise InputError(f"{place}: must be fields, `name: value`.")
    about = [kind for kind in _KINDS if kind in content]
    if len(about) != 1:
        raise InputError(f"{place}: name one of metric, cells and exercise.")
    fields = _fields(content, place, _EVERY | _KINDS[about[0]])
    for name in ("points", "says"):
        if name not in fields:
            raise InputError(f"{place}: lacks {name}.")
    if not 0 < fields["points"] < math.inf:
        raise InputError(f"{place}: points must be above 0.")
    item = {"metric": _metric, "cells": _cells, "exercise": _exercise}[about[0]](
        place, fields
    )
    item["id"] = fields.get("id", item["id"])
    return Item(points=fields["points"], says=fields["says"], **item)


def _metric(place, fields):
    comparison = _comparison(place, fields)
    if comparison is None:
        raise InputError(f"{place}: lacks its condition, such as above: 0.8.")
    return {
        "id": fields["metric"],
        "metric": fields["metric"],
        "comparison": comparison,
        "where": fields.get("where", {}),
        "studies": fields.get("studies", 1),
    }


def _cells(place, fields):
    rule, ids = fields["cells"], tuple(map(str, fields.get("ids", [])))
    if rule not in ("ran", "unchanged"):
        raise InputError(f"{place}: cells is {rule}; choose ran or unchanged.")
    if bool(ids) != (rule == "unchanged"):
        raise InputError(f"{place}: ids belong to cells: unchanged, and must be there.")
    return {"id": f"cells-{rule}", "cells": rule, "ids": ids}


def _exercise(place, fields):
    comparison, names = _comparison(place, fields), fields.get("names", [])
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"{place}: names must be words; put numbers in quotes.")
    extremes = [name for name in ("largest", "smallest") if name in fields]
    kinds = [comparison is not None, bool(names), "words" in fields, *extremes]
    if sum(map(bool, kinds)) != 1:
        raise InputError(
            f"{place}: give one of names, largest, smallest, words and a condition, "
            "such as equals: 0.5."
        )
    among = fields[extremes[0]] if extremes else {}
    for text in among.values():
        _check_sum(place, text)
    if fields.get("words", 1) < 1:
        raise InputError(f"{place}: words must be at least 1.")
    if comparison and comparison.against in BESIDE:
        raise InputError(f"{place}: an answer has no {comparison.against}.")
    return {
        "id": f"exercise-{fields['exercise']}",
        "exercise": str(fields["exercise"]),
        "comparison": comparison,
        "names": tuple(names),
        "extreme": "".join(extremes),
        "among": {str(name): str(text) for name, text in among.items()},
        "words": fields.get("words", 0),
    }


def _comparison(place, fields):
    """The one comparison among the fields, or `None`."""
    given = [n for n in (*RELATIONS, "equals", "between") if n in fields]
    if len(given) > 1:
        raise InputError(f"{place}: two conditions, {' and '.join(given)}; make two.")
    for extra, needs in (("by", RELATIONS), ("tolerance", ("equals",))):
        if extra in fields and not set(given) & set(needs):
            raise InputError(f"{place}: {extra} goes with {', '.join(needs)}.")
    if not given:
        return None
    relation, against = given[0], fields[given[0]]
    if relation == "between":
        numbers = [each for each in against if _is_number(each)]
        if not len(numbers) == len(against) == 2 or numbers[0] > numbers[1]:
            raise InputError(f"{place}: between must be two numbers, the lower first.")
        against = tuple(against)
    elif isinstance(against, str) and against not in BESIDE:
        _check_sum(place, against)
    return Comparison(relation, against, fields.get("by", fields.get("tolerance", 0)))


def _check_sum(place, text):
    try:
        if not any("." in name for name in names_in(str(text))):
            raise InputError(f"“{text}” names no figure (group.name).")
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def _is_number(value):
    return isinstance(value, int | float) and math.isfinite(value)


def _fields(content, place, kinds):
    """Check that a mapping has fields of these kinds only."""
    if not isinstance(content, dict):
        raise InputError(f"{place}: must be fields, `name: value`.")
    for name, value in content.items():
        if name not in kinds:
            raise InputError(
                f"{place}: unknown field {name}; known: {', '.join(kinds)}."
            )
        kind = kinds[name] if isinstance(kinds[name], tuple) else (kinds[name],)
        wrong = not isinstance(value, kind) or (
            isinstance(value, bool) and bool not in kind
        )
        if wrong or (isinstance(value, float) and not math.isfinite(value)):
            words = " or ".join(_WORDS[each] for each in kind)
            raise InputError(f"{place}: {name} must be {words}.")
    return content


_WORDS = {str: "words", dict: "fields", list: "a list", bool: "true or false"}
_WORDS |= {int: "a whole number", float: "a number"}

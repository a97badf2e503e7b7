"""Reading a rubric: a YAML file that an instructor writes, checked word by word.

An error is reported in one line before anything is graded. `docs/grading.md` describes
the fields.
"""

import pathlib

import pydantic
import yaml

from coursework.grade.rubric import Item, NotebookRubric, Rubric
from coursework.yaml_file import read_yaml
from cxrbase.files import InputError

SHIPPED = pathlib.Path(__file__).parent / "rubric.yaml"


class _Loader(yaml.SafeLoader):
    """YAML in which a repeated key is an error; otherwise the last would win."""

    def construct_mapping(self, node, deep=False):
        """Build a dict of keys that differ."""
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        met = set()
        for key in keys:
            if repr(key) in met:
                raise yaml.constructor.ConstructorError(
                    None, None, f"{key} occurs twice", node.start_mark
                )
            met.add(repr(key))
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
    content = read_yaml(path, _Loader, "rubric")
    try:
        return Rubric.model_validate(content)
    except pydantic.ValidationError as error:
        raise InputError(f"{path}: {_in_words(error.errors())}") from None


def _in_words(errors):
    """One line for the first error: its place, its field, and how to fix it."""
    # A misspelt field explains a missing one.
    first = min(errors, key=lambda error: error["type"] != "extra_forbidden")
    match first["loc"]:
        case ("notebooks", str(name), "items", int(number), *rest):
            place, form = f"{name}, item {number + 1}", Item
        case ("notebooks", str(name), *rest):
            place, form = name, NotebookRubric
        case rest:
            place, form = "the rubric", Rubric
    field = rest[0] if rest else ""
    if first["type"] == "value_error":
        return f"{place}: {first['ctx']['error']}"
    if first["type"] == "extra_forbidden":
        known = ", ".join(form.model_fields)
        return f"{place}: unknown field {field}; known: {known}."
    words = _WORDS.get(first["type"], f"{{field}}: {first['msg']}")
    values = {"expected": "", "field": field, "input": first["input"]}
    values |= first.get("ctx", {})
    values["expected"] = values["expected"].replace("'", "")
    return " ".join(f"{place}: {words.format(**values)}.".split())


_WORDS = {
    "missing": "lacks {field}",
    "too_short": "has no {field}",
    "string_type": "{field} must be words; put numbers in quotes",
    "int_type": "{field} must be a whole number",
    "float_type": "{field} must be a number",
    "finite_number": "{field} must be a number",
    "against": "{field} must be a number, a baseline or a sum of scores",
    "bool_type": "{field} must be true or false",
    "list_type": "{field} must be a list",
    "tuple_type": "{field} must be a list",
    "dict_type": "{field} must be fields, `name: value`",
    "model_type": "{field} must be fields, `name: value`",
    "literal_error": "{field} is {input}; choose {expected}",
    "greater_than": "{field} must be above {gt:g}",
    "greater_than_equal": "{field} must be at least {ge}",
}

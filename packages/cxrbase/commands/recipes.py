"""Recipes: every parameter of a training, once, with its default, range and help.

A recipe is a frozen dataclass whose fields are made by `setting`. From them come the
options of the command line (`cxrbase.commands.options`), the settings that a checkpoint
was made under, and the table that documents them. Nothing heavy is imported here.
"""

import dataclasses
import difflib
import os

from cxrbase.files import InputError

MOST_SEED = 2**31 - 1  # NumPy and TensorFlow take larger seeds, but not the same ones.
# What else than its own type a field takes.
KINDS = {float: (float, int), str: (str, os.PathLike)}


def setting(default, help, choices=(), low=0, high=None, above=None, defines=True):
    """Declare a parameter of a recipe.

    Args:
        default: bool, int, float or string, of the field's own type.
        help: string. One sentence, for command line and documentation.
        choices: tuple of strings. All that a string may be; any if empty.
        low: int or float. The least that a number may be.
        high: int or float. The most; every number has one, since far larger values
            would take all memory, or are mistakes.
        above: int or float. Instead of `low`, what a number must be more than.
        defines: bool. Whether a checkpoint made under another value is refused.

    Returns:
        A `dataclasses.Field`.

    Example:
    ```python
    epochs: int = setting(10, "Passes over the training studies.", low=1, high=1000)
    ```
    """
    rule = {"help": help, "choices": tuple(choices), "low": low, "high": high}
    rule |= {"above": above, "defines": defines}
    if type(default) in (int, float) and high is None:
        raise TypeError(f"{help} A number needs a maximum, high.")
    return dataclasses.field(default=default, metadata=rule)


# What many trainings have, declared once.


def epochs(default, what):
    """How often a training passes over `what` it learns from."""
    return setting(default, f"Passes over the {what}.", low=1, high=10_000)


def batch_size(default, what):
    """How many of `what` a training learns from make a step."""
    return setting(default, f"{what} in a step.", low=1, high=4096)


def learning_rate(default):
    """The peak of the learning rate."""
    words = "Peak of the warm-up and cosine schedule."
    return setting(default, words, high=1, above=0)


def seed(default, help):
    """A seed; the one after it is a seed as well."""
    return setting(default, help, high=MOST_SEED - 1)


def allowed(field):
    """What a field may be, in words."""
    rule = field.metadata
    if rule["choices"]:
        return f"one of {', '.join(rule['choices'])}"
    if field.type in (int, float):
        least = rule["low"]
        if rule["above"] is not None:
            least = f"more than {rule['above']}, up"
        kind = "a whole number" if field.type is int else "a number"
        return f"{kind}, {least} to {rule['high']}"
    return {str: "a text", bool: "True or False"}[field.type]


def fits(field, value):
    """Whether a field may have this value."""
    rule = field.metadata
    if not isinstance(value, KINDS.get(field.type, field.type)):
        return False
    if isinstance(value, bool) != (field.type is bool):
        return False  # To Python, True is a number.
    if field.type in (int, float):
        # No comparison holds for a NaN.
        above = rule["above"] is None or value > rule["above"]
        return above and rule["low"] <= value <= rule["high"]
    return not rule["choices"] or value in rule["choices"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """The parameters of a training. Subclasses add fields made by `setting`.

    Raises:
        InputError: if a name is unknown or a value not allowed.

    Example:
    ```python
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class MaskRecipe(Recipe):
        epochs: int = setting(10, "Passes over the studies.", low=1, high=1000)

    recipe = MaskRecipe(epochs=5)
    dataclasses.replace(recipe, epochs=0)  # epochs=0: must be a whole number, …
    ```
    """

    def __new__(cls, **values):
        """Refuse an unknown name before Python does, with the nearest known."""
        known = [field.name for field in dataclasses.fields(cls)]
        for name in values.keys() - set(known):
            near = difflib.get_close_matches(name, known, 1, cutoff=0)[0]
            raise InputError(f"{name}: {cls.__name__} has {near}, but no {name}.")
        return super().__new__(cls)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if not fits(field, value):
                raise InputError(f"{field.name}={value!r}: must be {allowed(field)}.")

    @classmethod
    def pick(cls, names):
        """Take the fields out of a larger dict, such as the `globals()` of a notebook.

        Args:
            names: dict of strings to values; a field that it lacks has its default.

        Returns:
            A recipe.
        """
        known = [field.name for field in dataclasses.fields(cls)]
        return cls(**{name: names[name] for name in known if name in names})

    def settings(self):
        """The values that define a training, for `cxrlib.training.train`.

        Returns:
            A dict of strings to bools, numbers and strings.
        """
        return {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.metadata["defines"]
        }

    @classmethod
    def markdown(cls):
        """All parameters as a table in Markdown, for documentation.

        Returns:
            A string.
        """
        rows = ["| parameter | default | allowed | what it is |", "|---|---|---|---|"]
        for field in dataclasses.fields(cls):
            first = f"| `{field.name}` | `{field.default}` | {allowed(field)} | "
            rows.append(first + f"{field.metadata['help']} |")
        return "\n".join(rows)

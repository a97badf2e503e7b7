"""The options of a command: paths, numbers with their ranges, those of a recipe."""

import dataclasses
import math
import pathlib

import click

from cxrbase.commands.recipes import MOST_SEED

SEED = click.IntRange(0, MOST_SEED)
PROCESSES = click.IntRange(1, 256)
SIZE = click.IntRange(32, 4096)  # Of a film, in pixels.
PATH = click.Path(path_type=pathlib.Path)


class Number(click.FloatRange):
    """A finite number in a range."""

    def convert(self, value, parameter, context):
        """Refuse NaN, which no range excludes."""
        number = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{number} is not in the range {self._describe_range()}.")
        return number


def options(recipe):
    """Give a command one option for each field of a recipe, in the same order.

    Args:
        recipe: a subclass of `cxrbase.commands.recipes.Recipe`.

    Returns:
        A decorator, to stand below `click.command`.

    Example:
    ```python
    @click.command()
    @options(ReportRecipe)
    def train(**values):
        ReportRecipe(**values)
    ```
    """

    def decorate(command):
        for field in reversed(dataclasses.fields(recipe)):
            name = field.name.replace("_", "-")
            command = click.option(
                f"--{name}/--no-{name}" if field.type is bool else f"--{name}",
                type=_type_of(field),
                default=field.default,
                show_default=True,
                help=field.metadata["help"],
            )(command)
        return command

    return decorate


def _type_of(field):
    """Click's type for a field, which says the range in the help."""
    rule = field.metadata
    if rule["choices"]:
        return click.Choice(rule["choices"])
    if field.type is int:
        return click.IntRange(rule["low"], rule["high"])
    if field.type is float:
        is_open = rule["above"] is not None
        low = rule["above"] if is_open else rule["low"]
        return Number(low, rule["high"], min_open=is_open)
    return field.type

"""The options of a command, made from a recipe."""

import dataclasses
import math

import click


def options(recipe):
    """Give a command one option for each field of a recipe, in the same order.

    Args:
        recipe: a subclass of `cxrlib.systems.recipes.Recipe`.

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
    most = None if rule["high"] == math.inf else rule["high"]
    ranges = {int: click.IntRange, float: click.FloatRange}
    if field.type in ranges:
        return ranges[field.type](rule["low"], most)
    return field.type

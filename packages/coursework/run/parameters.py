"""The parameters of notebooks: which there are, and the YAML files that set them."""

import yaml

from coursework.notebook_file import read_notebook
from coursework.run.defaults import FREE, IN_WORDS, Word, as_kind, kinds_in, plain
from coursework.yaml_file import read_yaml
from cxrbase.refusals import InputError, in_one_line

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def known_parameters(notebook):
    """Read the names in the cell of a notebook that is tagged `parameters`.

    Args:
        notebook: string or `pathlib.Path`.

    Returns:
        A set of strings.

    Raises:
        InputError: if the notebook is missing or unreadable.

    Example:
    ```python
    known_parameters("notebooks/07_multitask.ipynb")
    ```
    """
    return set(parameter_kinds(notebook))


def parameter_kinds(notebook):
    """Read the parameters of a notebook, and the types of their defaults.

    Args:
        notebook: string or `pathlib.Path`.

    Returns:
        A dict of names to kinds, see `coursework.run.defaults.kinds_in`.

    Raises:
        InputError: if the notebook is missing or unreadable.

    Example:
    ```python
    parameter_kinds("notebooks/07_multitask.ipynb")["resume"]  # bool
    ```
    """
    import papermill

    content = read_notebook(notebook)
    try:
        # Whichever kernel it was saved with, this interpreter runs it.
        content.metadata["kernelspec"] = KERNEL
        names = papermill.inspect_notebook(content)
        tagged = [
            c for c in content.cells if "parameters" in c.metadata.get("tags", [])
        ]
        kinds = kinds_in(tagged[0].source) if tagged else {}
        return {name: kinds.get(name, FREE) for name in [*names, *kinds]}
    except RecursionError:
        words = "nested too deep"
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        words = in_one_line(error)
    raise InputError(f"{notebook}: not a readable notebook ({words}).")


def typed(values, kinds, where=""):
    """Give values the types of a notebook's defaults.

    Args:
        values: dict. The given values, see `coursework.run.defaults.as_kind`.
        kinds: dict, from `parameter_kinds`. What it lacks is left out.
        where: string. Who gave them, for the message.

    Returns:
        A dict of the parameters that the notebook knows.

    Raises:
        InputError: if a value is of another type.

    Example:
    ```python
    typed({"prompt": Word("No")}, {"prompt": str})  # {"prompt": "No"}
    ```
    """
    return {
        name: as_kind(value, kinds[name], name, where)
        for name, value in values.items()
        if name in kinds
    }


def refuse_unknown(unknown, where, known):
    """Raise `InputError` if there is an unknown parameter.

    Args:
        unknown: set of strings.
        where: string. What names it, or does not know it.
        known: set of strings, for the message.
    """
    if unknown:
        raise InputError(
            f"{where}: unknown parameter {', '.join(sorted(unknown))}. Known: "
            f"{', '.join(sorted(known)) or 'none (no cell is tagged parameters)'}."
        )


class _Loader(yaml.SafeLoader):
    """YAML in which a value without quotes is a `Word`, not a date or octal."""

    yaml_implicit_resolvers = {
        first: [rule for rule in rules if rule[0].endswith((":null", ":merge"))]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_word(self, node):
        """A scalar as it was written."""
        node.value.encode()  # An error for "\\ud800", half a character.
        return node.value if node.style else Word(node.value)


_Loader.add_constructor("tag:yaml.org,2002:str", _Loader.construct_word)


def read_words(path):
    """Read a YAML file; a value without quotes is a `Word`.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        What it holds.

    Raises:
        InputError: if there is no such file, or it is no YAML.

    Example:
    ```python
    read_words("notebooks/sweeps/loss_weights.yaml")
    ```
    """
    return read_yaml(path, _Loader, "profile or file")


def read_parameters(path):
    """Read a YAML file of parameters, `name: value`.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        A dict of scalars, read as YAML 1.2 does: `No` and 2026-01-01 are texts. What a
        notebook gets has the type of its default, see `typed`.

    Raises:
        InputError: if there is no such file, or it is not a flat mapping.

    Example:
    ```python
    read_parameters("notebooks/profiles/smoke.yaml")
    ```
    """
    return plain(parameter_words(path))


def parameter_words(path):
    """As `read_parameters`; a value without quotes is a `Word`."""
    content = read_words(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: must map parameters to values, `name: value`.")
    for name, value in content.items():
        if isinstance(value, dict):
            raise InputError(f"{path}: {name} must be {IN_WORDS[FREE]}, or a list.")
        for each in value if isinstance(value, list) else [value]:
            require_scalar(each, name, path)
    return {str(name): value for name, value in content.items()}


def require_scalar(value, name, path):
    """Raise `InputError` for what a `parameters` cell cannot hold."""
    if not isinstance(value, str | int | float | None):
        raise InputError(f"{path}: {name} must be {IN_WORDS[FREE]}.")

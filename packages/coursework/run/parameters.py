"""The parameters of notebooks: which there are, and the YAML files that set them."""

import pathlib
import re

from cxrbase.files import InputError

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
    import nbformat
    import papermill

    path = pathlib.Path(notebook)
    try:
        content = nbformat.read(path, as_version=4)
        # Whatever kernel it was last saved with, it is run by this interpreter.
        content.metadata["kernelspec"] = KERNEL
        return set(papermill.inspect_notebook(content))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such notebook.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        words = str(error).splitlines()[0][:200]
        raise InputError(f"{path}: not a readable notebook ({words}).") from None


def refuse_unknown(unknown, where, known):
    """Raise `InputError` if there is an unknown parameter.

    Args:
        unknown: set of strings.
        where: string. Who names it, or does not know it.
        known: set of strings, to say what there is instead.
    """
    if unknown:
        raise InputError(
            f"{where}: unknown parameter {', '.join(sorted(unknown))}. Known: "
            f"{', '.join(sorted(known)) or 'none (no cell is tagged parameters)'}."
        )


def scalar(text):
    """Read a parameter as YAML does, and 1e-3 as a number, which YAML 1.1 does not.

    Example:
    ```python
    scalar("1e-3"), scalar("true"), scalar("latent")  # (0.001, True, "latent")
    ```
    """
    import yaml

    try:
        return _number(yaml.safe_load(text))
    except yaml.YAMLError:
        return text


def read_yaml(path):
    """Read a YAML file; `1e-3` in it is a number.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        What it holds.

    Raises:
        InputError: if there is no such file, or it is no YAML.

    Example:
    ```python
    read_yaml("notebooks/sweeps/loss_weights.yaml")
    ```
    """
    import yaml

    try:
        return _number(yaml.safe_load(pathlib.Path(path).read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such profile or file.") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder; name a YAML file.") from None
    except (yaml.YAMLError, UnicodeError) as error:
        words = " ".join(str(error).split())
        raise InputError(f"{path}: not readable as YAML ({words}).") from None


def read_parameters(path):
    """Read a YAML file of parameters, `name: value`.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        A dict of scalars.

    Raises:
        InputError: if there is no such file, or it is not a flat mapping.

    Example:
    ```python
    read_parameters("notebooks/profiles/smoke.yaml")
    ```
    """
    content = read_yaml(path)
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: must map parameters to values, `name: value`.")
    for name, value in content.items():
        require_scalar(value, name, path)
    return content


def require_scalar(value, name, path):
    """Raise `InputError` for what a `parameters` cell cannot hold."""
    if not isinstance(value, str | int | float):
        raise InputError(f"{path}: {name} must be a text, a number, true or false.")


def _number(value):
    """Turn texts such as 1e-3 into floats, however deep they stand."""
    if isinstance(value, dict):
        return {name: _number(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_number(each) for each in value]
    is_number = isinstance(value, str) and re.fullmatch(r"[-+]?[\d.]+e[-+]?\d+", value)
    return float(value) if is_number else value

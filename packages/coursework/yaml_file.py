"""YAML files that people write: read in bounded time, errors in one line."""

import yaml

from cxrbase.refusals import InputError, in_one_line, require_file

MOST_BYTES = 2**20
MOST_NODES = 50_000  # With every alias written out: ten lines can stand for billions.


def read_yaml(path, loader=yaml.SafeLoader, what="file"):
    """Read a YAML file.

    Args:
        path: string or `pathlib.Path`.
        loader: a subclass of `yaml.SafeLoader`.
        what: string. What the file should be, for the message.

    Returns:
        What it holds.

    Raises:
        InputError: if there is no such file, it is no YAML, too large or too deep.

    Example:
    ```python
    read_yaml("notebooks/profiles/smoke.yaml")
    ```
    """
    path = require_file(path, what, "Name a YAML file.", MOST_BYTES)
    try:
        reader = loader(path.read_text(encoding="utf-8"))
        try:
            node = reader.get_single_node()
            if node is None:
                return None
            if _nodes(node, {}) > MOST_NODES:
                raise ValueError(f"more than {MOST_NODES:,} values")
            return reader.construct_document(node)
        finally:
            reader.dispose()
    except RecursionError:
        words = "it is nested too deep"
    except (yaml.YAMLError, ValueError, OSError, TypeError, OverflowError) as error:
        words = in_one_line(error, 300)
    raise InputError(f"{path}: not readable as YAML ({words}).")


def _nodes(node, known):
    """How many values a node holds when its aliases are written out."""
    if id(node) not in known:
        known[id(node)] = MOST_NODES + 1  # Until it is known: it may hold itself.
        inner = node.value if isinstance(node, yaml.CollectionNode) else []
        if isinstance(node, yaml.MappingNode):
            inner = [each for pair in inner for each in pair]
        known[id(node)] = 1 + sum(_nodes(each, known) for each in inner)
    return known[id(node)]

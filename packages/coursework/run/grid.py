"""Sweeps: a YAML file that says which values to try, and folders named for them."""

import hashlib
import itertools
import math
import re

from coursework.run.defaults import plain
from coursework.run.parameters import read_words, require_scalar
from cxrbase.files import InputError

MOST_POINTS = 10_000
LONGEST = 100  # Characters of a folder's name; file systems allow 255.


def read_grid(path):
    """Read the points of a sweep.

    A mapping of parameters to lists is a grid: every combination is a point. A list of
    such mappings gives their points, one after another.

    Args:
        path: string or `pathlib.Path`. A YAML file.

    Returns:
        A list of dicts of scalars.

    Raises:
        InputError: if the file is missing or of another form, or names a point twice.

    Example:
    ```python
    read_grid("notebooks/sweeps/conditioning.yaml")[0]
    # {"conditioning": "none", "seed": 0}
    ```
    """
    return plain(grid_words(path))


def grid_words(path):
    """As `read_grid`; a value without quotes is a `Word`."""
    content = read_words(path)
    mappings = content if isinstance(content, list) else [content]
    points = []
    for mapping in mappings:
        if not isinstance(mapping, dict) or not mapping:
            raise InputError(
                f"{path}: must map parameters to lists of values, `seed: [0, 1, 2]`, "
                "or be a list of such mappings."
            )
        if "run_dir" in mapping:
            raise InputError(f"{path}: run_dir is not swept: every point gets its own.")
        columns = []
        for name, values in mapping.items():
            values = values if isinstance(values, list) else [values]
            for value in values:
                require_scalar(value, name, path)
            columns.append([(str(name), value) for value in values])
        if math.prod(map(len, columns)) > MOST_POINTS:
            raise InputError(f"{path}: names more than {MOST_POINTS:,} points.")
        points += map(dict, itertools.product(*columns))
    if not points:
        raise InputError(f"{path}: names no point; a list of values is empty.")
    met = set()
    for point in plain(points):
        key = frozenset(point.items())
        if key in met:
            raise InputError(f"{path}: names the point {_in_words(point)} twice.")
        met.add(key)
    return points


def point_names(points):
    """Name a folder for each point, readable and safe for file systems.

    Args:
        points: list of dicts of scalars.

    Returns:
        A list of strings: `"conditioning=latent,seed=1"`, or `""` for an empty point.
        What a file name cannot hold becomes `_`; then, or where it is long or differs
        from another by upper and lower case alone, a short checksum follows.

    Example:
    ```python
    point_names([{"seed": 0}, {"seed": 1}])  # ["seed=0", "seed=1"]
    ```
    """
    plain = [_in_words(point) for point in points]
    lower = [name.lower() for name in plain]
    names = []
    for point, name in zip(points, plain, strict=True):
        safe = re.sub(r"[^A-Za-z0-9_.,=+-]", "_", name)[:LONGEST]
        # Windows drops a final dot.
        if safe != name or name.endswith(".") or lower.count(name.lower()) > 1:
            # `repr` distinguishes the text "1" from the number.
            digest = hashlib.sha256(repr(point).encode()).hexdigest()
            safe += f"-{digest[:8]}"
        names.append(safe)
    return names


def _in_words(point):
    return ",".join(f"{name}={value}" for name, value in point.items())

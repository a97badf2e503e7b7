"""Reports that others have published: ReXrank's JSON, and R2Gen's split.

Neither file belongs to the course; both hold reports of the Indiana collection
(CC BY-NC-ND 4.0) and are read where they lie.
"""

import json
import pathlib
import re

import pandas as pd

from cxrbase.files import InputError
from cxrbase.refusals import MALFORMED, in_one_line, require_file
from cxrbase.tables import read_csv

# A system whose reports are public: https://github.com/gssriram/MoERad, its file
# results/iu_xray/MoERad.json, or that as a table. The split: R2Gen's.
SYSTEM = ("MoERad.json", "moerad_iu_findings.csv")
SPLIT = "annotation.json"
LARGEST = 2**28  # Bytes of a JSON file.
_ID = re.compile(r"CXR(\d+)_")  # R2Gen's names of the Indiana studies.


def read_rexrank(path, section="findings"):
    """Read a system's reports as [ReXrank](https://rexrank.ai) collects them.

    Args:
        path: string or path of a JSON: study → `model_prediction`, and the reference
            by section, `section_findings` and `section_impression`.
        section: string. The section that was predicted.

    Returns:
        A `pandas.DataFrame` of strings: `uid` (for the Indiana collection the number
        in its name), `reference`, `prediction`.

    Raises:
        InputError: if it is of another form.

    Example:
    ```python
    read_rexrank("MoERad.json")
    ```
    """
    studies = _read(path)
    key = f"section_{section}"
    try:
        rows = [(_uid(k), s[key], s["model_prediction"]) for k, s in studies.items()]
    except MALFORMED as error:
        raise InputError(
            f"{path}: is not a table of ReXrank, study → {key} and model_prediction "
            f"({in_one_line(error)})."
        ) from None
    if not rows or not all(isinstance(cell, str) for row in rows for cell in row):
        raise InputError(f"{path}: holds no study, or a report that is not a text.")
    return pd.DataFrame(rows, columns=["uid", "reference", "prediction"])


def read_split(path):
    """Read the split of R2Gen, which most papers on the Indiana collection use.

    Args:
        path: string or path of its `annotation.json`.

    Returns:
        A dict: `train`, `val` and `test` → dict of uid → report (the findings).

    Raises:
        InputError: if it is of another form.

    Example:
    ```python
    len(read_split("annotation.json")["test"])  # 590
    ```

    Reference:
        - [Chen et al., 2020](https://arxiv.org/abs/2010.16056)
    """
    content = _read(path)
    try:
        return {
            name: {_uid(each["id"]): str(each["report"]) for each in content[name]}
            for name in ("train", "val", "test")
        }
    except MALFORMED as error:
        raise InputError(
            f"{path}: is not R2Gen's annotation.json, split → studies with id and "
            f"report ({in_one_line(error)})."
        ) from None


def find_published(folder="", places=()):
    """Look for the public reports of MoERad, and for the split that they belong to.

    Args:
        folder: string or path. It holds a file of `SYSTEM` and `SPLIT`; if empty,
            `places` are searched, and `"none"` skips it.
        places: sequence of paths. Folders where either file may be.

    Returns:
        `(table, split)` as of `read_rexrank` and `read_split`; `None` if they are
        nowhere.

    Raises:
        InputError: if a folder was given that lacks one of them, or the two are not of
            the same studies.

    Example:
    ```python
    find_published(places=["data/iu_predictions", "data/iu_split"])
    ```
    """
    if str(folder) == "none":
        return None
    there = {
        name: pathlib.Path(place).expanduser() / name
        for place in ([folder] if folder else places)
        for name in (*SYSTEM, SPLIT)
        if (pathlib.Path(place).expanduser() / name).is_file()
    }
    system = next((there[name] for name in SYSTEM if name in there), None)
    if system is None or SPLIT not in there:
        if folder:
            raise InputError(
                f"{folder}: needs {' or '.join(SYSTEM)}, and {SPLIT}. Check the path, "
                "or leave it out to go on without."
            )
        return None
    if system.suffix == ".json":
        table = read_rexrank(system)
    else:
        table = read_csv(system, ("uid", "reference", "prediction"))
    split = read_split(there[SPLIT])
    if set(table["uid"]) != set(split["test"]):
        raise InputError(f"{system}: its studies are not the test split of {SPLIT}.")
    return table, split


def _read(path):
    file = require_file(path, most=LARGEST)
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        why = in_one_line(error)
        raise InputError(f"{path}: not readable as JSON ({why}).") from None


def _uid(name):
    found = _ID.match(name)
    return found[1] if found else name

"""Large tables: some of their columns, packed or not, in little memory."""

import warnings

import pandas as pd

from cxrbase.files import InputError
from cxrbase.refusals import printable, read_as, require_file

CHUNK = 50_000  # Rows that are held as strings.
MOST_ROWS = 5_000_000  # Ten times the largest collection: a packed file can be endless.
BLANKS = ("", "nan", "none", "null", "na", "n/a")  # In a column of numbers.
MEND = "Download it again."


def find_table(root, *names):
    """Find a collection's table, as it is or packed.

    Args:
        root: `pathlib.Path`. The collection's folder.
        *names: strings. Where it may be, relative to the folder; `*` and `?` stand for
            what differs from version to version.

    Returns:
        The `pathlib.Path` of the first that is there (the last version of it), or
        `None`.

    Example:
    ```python
    find_table(root, "mimic-cxr-2.?.?-split.csv")
    ```
    """
    for name in names:
        for pattern in (name, f"{name}.gz"):
            if found := sorted(path for path in root.glob(pattern) if path.is_file()):
                return found[-1]
    return None


def read_header(path):
    """Read the names of a table's columns.

    Args:
        path: `pathlib.Path`.

    Returns:
        A list of strings, as they stand there.

    Raises:
        InputError: if it is not a table.

    Example:
    ```python
    "Frontal/Lateral" in read_header(root / "train.csv")
    ```
    """
    require_file(path, "table", MEND)
    with read_as("a CSV table", path):
        head = pd.read_csv(path, header=None, nrows=1, **_options(path))
    return head.iloc[0].tolist()


def read_columns(path, needed, optional=(), numbers=(), mend=MEND):
    """Read some columns of a CSV, as strings or numbers.

    Args:
        path: `pathlib.Path`. UTF-8; packed with gzip where its name ends with `.gz`.
        needed: sequence of strings. Columns that must be there.
        optional: sequence of strings. Columns that are read where they are there;
            otherwise they are empty, or NaN.
        numbers: sequence of strings. Those that hold numbers.
        mend: string. What to do where a column is missing.

    Returns:
        A `pandas.DataFrame` with the columns in this order: strings, stripped, `""`
        where empty, or float32, NaN where empty.

    Raises:
        InputError: if the file is missing, cannot be read, holds no row or more than
            five million, lacks a column or names one twice, or a number is none.

    Example:
    ```python
    read_columns(path, ["Path"], ["Age"], numbers=["Age"])
    ```
    """
    raw = {}
    for name in read_header(path):
        if name.strip() in raw and name.strip() in (*needed, *optional):
            raise InputError(f"{path}: names the column {name.strip()} twice. Fix it.")
        raw[name.strip()] = name
    if absent := [name for name in needed if name not in raw]:
        there = printable(", ".join(raw))
        raise InputError(
            f"{path}: has no column {', '.join(absent)}. It has: {there}. {mend}"
        )
    wanted = [name for name in (*needed, *optional) if name in raw]
    parts, rows = [], 0
    with read_as("a CSV table", path), warnings.catch_warnings(), _reader(path) as all_:
        warnings.simplefilter("error", pd.errors.ParserWarning)
        for part in all_:
            part = part[[raw[name] for name in wanted]].set_axis(wanted, axis=1)
            parts.append(_typed(part.fillna(""), numbers, path))
            rows += len(part)
            if rows > MOST_ROWS:
                raise InputError(f"{path}: has more than {MOST_ROWS:,} rows. {mend}")
    if not rows:
        raise InputError(f"{path}: holds no row below its header. {mend}")
    table = pd.concat(parts, ignore_index=True)
    for name in set(optional) - set(wanted):
        table[name] = float("nan") if name in numbers else ""
    return table[[*needed, *optional]]


def _reader(path):
    # Of all columns: told to read some, pandas drops what a row has too much, and what
    # follows an unquoted comma is then in another column. The same without `index_col`.
    return pd.read_csv(path, chunksize=CHUNK, index_col=False, **_options(path))


def _options(path):
    # The packing is read off the name, and only gzip is unpacked.
    packed = "gzip" if path.suffix == ".gz" else None
    return {
        "dtype": str, "keep_default_na": False, "encoding": "utf-8-sig",
        "compression": packed,
    }  # fmt: skip


def _typed(part, numbers, path):
    for name in part:
        text = part[name].str.strip()
        if name not in numbers:
            part[name] = text
            continue
        values = pd.to_numeric(text, errors="coerce")
        wrong = values.isna() & ~text.str.lower().isin(BLANKS)
        if wrong.any():
            row = wrong.idxmax()  # The header is row 1.
            raise InputError(
                f"{path}: row {row + 2}: {name} is {printable(text[row], 40)!r}, which "
                f"is no number. {MEND}"
            )
        part[name] = values.astype("float32")
    return part


def check_labels(table, names, where, mend=MEND):
    """Refuse labels other than 1, 0, -1 and NaN, which a probability would be.

    Args:
        table: `pandas.DataFrame`, of numbers.
        names: sequence of strings. Its columns of labels.
        where: path or string. Of the table, for the message.
        mend: string. What to do.

    Raises:
        InputError: if there is one.

    Example:
    ```python
    check_labels(table, OBSERVATIONS, path)
    ```
    """
    for name in names:
        wrong = ~(table[name].isna() | table[name].isin((0, 1, -1)))
        if wrong.any():
            row = wrong.idxmax()
            raise InputError(
                f"{where}: row {row + 2}: {name} is {table[name][row]:g}; a label is "
                f"1, 0, -1 or empty. {mend}"
            )

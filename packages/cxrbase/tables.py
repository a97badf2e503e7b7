"""CSV tables, read as strings; what is wrong with one is told in one line."""

import pandas as pd

from cxrbase.cells import unguard
from cxrbase.files import InputError


def read_csv(path, needed=(), mend="Mend the file.", may_be_empty=False):
    """Read a CSV as strings; a report that reads "None" stays a report.

    Args:
        path: string, `pathlib.Path` or open file. UTF-8, with or without a byte-order
            mark; of a `.tsv` the cells are parted by tabs.
        needed: sequence of strings. Columns that must be there.
        mend: string. What to do where one is missing.
        may_be_empty: bool. Whether a header without a row is a table.

    Returns:
        A `pandas.DataFrame` of strings, `""` where a cell is empty. Names of columns
        are stripped, cells are not. What `cxrbase.cells` guarded reads as it was.

    Raises:
        InputError: if the file is missing, unreadable or empty, or lacks a column.

    Example:
    ```python
    read_csv("mine.csv", ["prediction", "reference"])
    ```
    """
    separator = "\t" if str(path).lower().endswith(".tsv") else ","
    try:
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", sep=separator
        )
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except UnicodeError:
        raise InputError(f"{path}: is not in UTF-8; save it as CSV UTF-8.") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, OSError) as error:
        reason = str(error).strip()
        raise InputError(
            f"{path}: is not a readable CSV file ({reason}). Mend it."
        ) from None
    if not isinstance(table.index, pd.RangeIndex):
        # pandas would take the first cells for the names of the rows.
        raise InputError(
            f"{path}: is not a readable CSV file (rows have more cells than the "
            "header). Mend it."
        )
    table = table.fillna("").rename(columns=str.strip)  # A short row lacks cells.
    table = table.map(unguard).rename(columns=unguard)
    absent = [name for name in needed if name not in table]
    if absent:
        raise InputError(
            f"{path}: has no column {', '.join(absent)}. It has: "
            f"{', '.join(table.columns)}. {mend}"
        )
    if not (len(table) or may_be_empty):
        raise InputError(f"{path}: holds no row below its header. Check the file.")
    return table

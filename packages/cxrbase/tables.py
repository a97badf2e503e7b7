"""CSV tables, read as strings; errors are reported in one line."""

import codecs
import contextlib
import csv
import io
import itertools
import os
import re
import stat
import sys

import pandas as pd

from cxrbase.cells import unguard
from cxrbase.files import InputError

LARGEST = 500_000_000  # Bytes. The 227,000 reports of MIMIC-CXR are 200 MB.
LONGEST = 1_000_000  # Letters of a cell: if longer, a quote is open.
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
SNIFFED = 20  # Rows that show which of them separates the cells.

# Files that are not CSV: first bytes, what they are, what to do.
_SAVE = "save the table as CSV UTF-8"
_UNPACK = "unpack it first"
OTHERS = (
    (b"PK\x03\x04", "an Excel workbook or another ZIP archive", _SAVE),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", _SAVE),
    (b"\x1f\x8b", "packed with gzip", _UNPACK),
    (b"BZh", "packed with bzip2", _UNPACK),
    (b"\xfd7zXZ", "packed with xz", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"(\xb5/\xfd", "packed with zstd", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"PAR1", "a Parquet file", _SAVE),
    (b"\x89HDF", "an HDF5 file", _SAVE),
    (b"SQLite format 3", "a database", _SAVE),
    (b"%PDF", "a PDF", _SAVE),
    (b'{"', "in JSON", _SAVE),
    (b"[{", "in JSON", _SAVE),
    (b"{\\rtf", "a word processor document", _SAVE),
    (b"\x89PNG", "an image", "give the table"),
    (b"\xff\xd8\xff", "an image", "give the table"),
    (b"\x00\x00\xfe\xff", "in UTF-32", _SAVE),
    (b"\xff\xfe", "in UTF-16", _SAVE),
    (b"\xfe\xff", "in UTF-16", _SAVE),
    (
        b"version https://git-lfs",
        "a Git LFS pointer",
        "fetch the file: git lfs pull",
    ),
)
PAGE = re.compile(rb"\s*<(!doctype|html|head|\?xml|!--)", re.IGNORECASE)


def read_csv(path, needed=(), mend="Fix the file.", may_be_empty=False):
    """Read a CSV as strings; a report that reads "None" stays a report.

    Args:
        path: string, `pathlib.Path` or open file of bytes. UTF-8, with or without a
            byte-order mark. The cells are separated by commas (in a `.tsv` by tabs), or
            by semicolons, tabs or bars, which is then printed.
        needed: sequence of strings. Columns that must be there.
        mend: string. What to do where one is missing.
        may_be_empty: bool. Whether a header without a row is a table.

    Returns:
        A `pandas.DataFrame` of strings, `""` where a cell is empty. Names of columns
        are stripped, cells are not. Columns without a name, and rows without a single
        letter, are left out. What `cxrbase.cells` guarded is read as it was.

    Raises:
        InputError: if the file is missing, not a text file, larger than 500 MB,
            unreadable or empty, lacks a column or names one twice, or a row has more
            cells than the header.

    Example:
    ```python
    read_csv("mine.csv", ["prediction", "reference"])
    ```
    """
    data = _read_bytes(path)
    usual = "\t" if str(path).lower().endswith(".tsv") else ","
    separator, data = _separator(data, usual, set(needed))
    names, rows = _rows(path, data, separator)
    names = [unguard(name) for name in names]
    named = [name for name in names if name]
    if twice := {name for name in named if named.count(name) > 1}:
        raise InputError(
            f"{path}: names the column {min(twice)} more than once. Rename one of them."
        )
    absent = [name for name in needed if name not in named]
    if absent:
        raise InputError(
            f"{path}: has no column {', '.join(absent)}. It has: "
            f"{', '.join(named)}. {mend}"
        )
    if not (rows or may_be_empty):
        raise InputError(f"{path}: holds no row below its header. Check the file.")
    if separator != usual:  # Not into stdout, where a command may print JSON.
        print(f"{path}: read as separated by {SEPARATORS[separator]}.", file=sys.stderr)
    table = pd.DataFrame(rows, columns=range(len(names)), dtype=object)
    table = table[[column for column, name in enumerate(names) if name]]
    return table.map(unguard).set_axis(named, axis=1)


def _read_bytes(path):
    """The bytes of a file, if they are UTF-8, whatever its name says."""
    if hasattr(path, "read"):
        return _read_utf8(path, path)
    try:
        status = os.stat(path)  # Before opening: a pipe would wait for ever.
        if stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path}: is a folder. Give the CSV file itself.")
        if not stat.S_ISREG(status.st_mode):
            raise InputError(
                f"{path}: is a pipe or a device, not a file. Save the table as CSV."
            )
        if status.st_size > LARGEST:
            raise InputError(
                f"{path}: is larger than {LARGEST // 10**6} MB ({status.st_size:,} "
                "bytes). Give a smaller table, or only the columns that are needed."
            )
        with open(path, "rb") as file:
            return _read_utf8(path, file)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file.") from None
    except InputError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: cannot be read ({reason}).") from None


def _check_kind(path, head):
    for start, kind, mend in OTHERS:
        if head.startswith(start):
            raise InputError(f"{path}: is {kind}, not a CSV file; {mend}.")
    if PAGE.match(head.removeprefix(codecs.BOM_UTF8)):
        raise InputError(
            f"{path}: is a web page or XML, not a CSV file; download the table itself."
        )
    # In UTF-16 without a byte-order mark one of the first two bytes is 0.
    if head[:2].count(0) == 1:
        raise InputError(f"{path}: is in UTF-16; {_SAVE}.")


def _read_utf8(path, file):
    # Piece by piece, so that little is read of a large file of another kind.
    parts, rows = [], 1
    for part in iter(lambda: file.read(1 << 20), b""):
        if not parts:
            _check_kind(path, part[:4096])
        if 0 in part:
            rows += part[: part.index(0)].count(b"\n")
            raise InputError(
                f"{path}: line {rows} holds a NUL byte: the file is damaged, or not "
                "a CSV. Copy or save it again."
            )
        rows += part.count(b"\n")
        parts.append(part)
    data = b"".join(parts).removeprefix(codecs.BOM_UTF8)
    try:
        data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}: is not in UTF-8; save it as CSV UTF-8 (line {line})."
        ) from None
    return data


def _records(data, separator):
    csv.field_size_limit(LONGEST)
    # newline="": the reader itself knows all ends of lines, and those in quotes.
    text = io.TextIOWrapper(io.BytesIO(data), "utf-8", newline="")
    return csv.reader(text, delimiter=separator, strict=True)


def _separator(data, usual, needed):
    """The separator, and the data without Excel's line that names it."""
    if said := re.match(rb'"?sep=([,;\t|])"?\r?\n', data):
        return said[1].decode(), data[said.end() :]

    def fits(separator):
        """How well a separator fits: names, rows as wide, width, then the usual one."""
        rows = []
        with contextlib.suppress(csv.Error):  # `_rows` reports what is wrong.
            rows.extend(itertools.islice(_records(data, separator), SNIFFED))
        rows = [row for row in rows if row]
        if not rows or len(rows[0]) < 2:
            return False, 0, 0, separator == usual
        named = bool(needed) and needed <= set(map(str.strip, rows[0]))
        alike = sum(len(row) == len(rows[0]) for row in rows)
        return named, alike, len(rows[0]), separator == usual

    return max(SEPARATORS, key=fits), data


def _rows(path, data, separator):
    """The names in the header, and the rows, each as wide as the header."""
    records, names, rows, row = _records(data, separator), [], [], 0
    try:
        for row, cells in enumerate(records, 1):
            if not any(map(str.strip, cells)):
                continue
            if not names:
                names = [name.strip() for name in cells]
            else:
                if any(cells[len(names) :]):
                    raise csv.Error(
                        f"row {row} has {len(cells)} cells, more cells than the header"
                        f", which has {len(names)}; put a cell that holds "
                        f"{'a comma' if separator == ',' else 'the separator'} into "
                        "quotes"
                    )
                cells += [""] * (len(names) - len(cells))  # A short row lacks cells.
                rows.append(cells[: len(names)])
    except csv.Error as error:
        reason = str(error)
        if not reason.startswith("row"):
            long = "a cell is longer than a million letters: "
            reason = f"row {row + 1}: {long if 'limit' in reason else ''}"
            reason += "a quote is not closed, or is inside a cell; there write it twice"
        raise InputError(
            f"{path}: is not a readable CSV file ({reason}). Fix it."
        ) from None
    if not names:
        raise InputError(f"{path}: is not a readable CSV file (it is empty). Fix it.")
    return names, rows

"""The one reader of CSVs: what it keeps as it is, and what it refuses."""

import gzip
import os
import threading

import pandas as pd
import pytest

from cxrbase.files import InputError
from cxrbase.tables import read_csv


def test_cells_stay_what_they_are(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('\ufeff uid ,text\n007, None \nb,"a\nb"\nc\n', encoding="utf-8")
    table = read_csv(path, ["uid", "text"])
    assert table.to_dict("list") == {
        "uid": ["007", "b", "c"],
        "text": [" None ", "a\nb", ""],
    }
    path.write_text("a,b\n")
    assert list(read_csv(path, may_be_empty=True)) == ["a", "b"]
    with path.open("rb") as opened:
        assert list(read_csv(opened, may_be_empty=True)) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "parted"),
    [
        ("a;b\n1,5;2\n", "semicolons"),
        ("a\tb\n1,5\t2\n", "tabs"),
        ("a|b\n1,5|2\n", "bars"),
        ("sep=;\na;b\n1,5;2\n", "semicolons"),
        ('"sep=|"\r\na|b\r\n1,5|2\r\n', "bars"),
        ('\ufeff"a";"b"\n"1,5";"2"\n', "semicolons"),
        ('a,b\n"1,5",2\n', ""),
        ('a,b,\n"1,5",2,\n', ""),  # As Excel writes a column that was emptied.
        (',a,b\n0,"1,5",2\n', ""),  # As pandas writes its index.
        ('a,b\n\n"1,5",2\n , \n,\n', ""),
        ('a,b\r"1,5",2\r', ""),
    ],
)
def test_whatever_parts_the_cells_they_are_read(content, parted, tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text(content, newline="", encoding="utf-8")
    assert read_csv(path, ["a", "b"]).to_dict("list") == {"a": ["1,5"], "b": ["2"]}
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        f"{path}: read as separated by {parted}.\n" if parted else ""
    )


def test_a_sign_in_a_cell_parts_nothing(tmp_path):
    path = tmp_path / "table.csv"
    for content, names in (
        ("uid,report (a; b; c)\n1,x; y\n", ["uid", "report (a; b; c)"]),
        (
            "uid;report, full;label\n1;Clear, normal;0\n",
            ["uid", "report, full", "label"],
        ),
        ("text\nClear; normal\n", ["text"]),
    ):
        path.write_text(content)
        assert list(read_csv(path)) == names
    tabs = tmp_path / "table.TSV"
    tabs.write_text("a\tb\n1,5\t2,5\n")
    assert read_csv(tabs).to_dict("list") == {"a": ["1,5"], "b": ["2,5"]}


def test_pandas_reads_the_same(tmp_path):
    path = tmp_path / "table.csv"
    texts = ['He said "no",\r\nthen\rleft;\n é ', "NA", " ", "a\u2028b\x0bc\x85d", "'"]
    pd.DataFrame({"uid": range(5), "text": texts}).to_csv(path, index=False)
    assert read_csv(path).text.tolist() == texts


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        (b"", "not a readable CSV file .it is empty"),
        (b"\n ,\n", "not a readable CSV file .it is empty"),
        (b'a,b\n1,"open\n', "row 2: a quote is not closed"),
        (b'a,b\n1,"open\n2,"x"\n3,y\n', "row 2: a quote"),
        (b'a,b\n0,0\n1,the "odd"\n1,"the "odd" sign"\n', "row 4: a quote"),
        (b"a,b\n1," + b"x" * 1_000_001 + b"\n", "row 2: a cell is longer than"),
        (b"a,b\n1,2,3\n4,5,6\n", "row 2 has 3 cells, more cells than the header"),
        (b"a,b\n1,2\n\n1,Clear, normal\n", "row 4 has 3 cells"),
        (b"a;b\n1;2;3\n4;5;6\n", "row 2 has 3 cells"),
        ("a,b\n1,é\n".encode("latin-1"), "not in UTF-8; save it as CSV UTF-8 .line 2"),
        ("a,b\n1,é\n".encode("utf-16"), "is in UTF-16.*save the table as CSV UTF-8"),
        ("a,b\n1,é\n".encode("utf-16-le"), "is in UTF-16; save the table as CSV UTF-8"),
        ("a,b\n1,é\n".encode("utf-16-be"), "is in UTF-16; save the table as CSV UTF-8"),
        (b"a\n1\n", "has no column b. It has: a. Fix the file."),
        (b"a,b\n", "holds no row"),
        (b"a;b\n", "holds no row"),
        (b"a,b, a\n1,2,3\n", "names the column a more than once"),
        (b"a,b\n1,2\n1,\x00\n", "line 3 holds a NUL byte"),
        (
            gzip.compress(b"a,b\n1,2\n", mtime=0),
            "is packed with gzip, not a CSV file; unpack",
        ),
        (b"PK\x03\x04\x14\x00", "is an Excel workbook or another ZIP .*save"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an old Excel workbook, not a CSV file"),
        (b"\n<!DOCTYPE html>\n<html>", "is a web page or XML, not a CSV file"),
        (b'{"a": 1, "b": 2}', "is in JSON, not a CSV file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(content, words, tmp_path, capsys):
    path = tmp_path / "table.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        read_csv(path, ["a", "b"])
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert capsys.readouterr() == ("", "")


def test_what_is_no_file_of_its_own_is_refused_unopened(tmp_path):
    fifo, sparse, loop = (tmp_path / f"{name}.csv" for name in ("fifo", "big", "loop"))
    os.mkfifo(fifo)
    loop.symlink_to(loop)
    with sparse.open("wb") as file:
        file.write(b"a,b\n1,2\n")
        file.truncate(20_000_000_000)
    for path, words in (
        (fifo, "is a pipe or a device"),
        ("/dev/zero", "is a pipe or a device"),
        (tmp_path, "is a folder. Give the CSV file itself"),
        (sparse, "is larger than 500 MB .20,000,000,000 bytes"),
        (loop, "cannot be read .Too many levels"),
        (tmp_path / ("x" * 300), "cannot be read .File name too long"),
        (f"{tmp_path}/\0", "cannot be read"),
    ):
        done = threading.Thread(target=_refused, args=(path, words))
        done.start()
        done.join(10)
        assert not done.is_alive() and str(path) in told, path


told = {}


def _refused(path, words):
    with pytest.raises(InputError, match=words):
        read_csv(path)
    told[str(path)] = words

"""The one reader of CSVs: what it keeps as it is, and what it refuses."""

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
    tabs = tmp_path / "table.tsv"
    tabs.write_text("a\tb\n1,5\t2\n")
    assert read_csv(tabs).to_dict("list") == {"a": ["1,5"], "b": ["2"]}
    path.write_text("a,b\n")
    assert list(read_csv(path, may_be_empty=True)) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no such file"),
        (b"", "not a readable CSV"),
        (b'a,b\n1,"open\n', "not a readable CSV"),
        (b"a,b\n1,2,3\n4,5,6\n", "more cells than the header"),
        ("a,b\n1,é\n".encode("latin-1"), "not in UTF-8; save it as CSV UTF-8"),
        (b"a\n1\n", "has no column b. It has: a. Mend the file."),
        (b"a,b\n", "holds no row"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(content, words, tmp_path):
    path = tmp_path / "table.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=words) as error:
        read_csv(path, ["a", "b"])
    assert str(path) in str(error.value) and "\n" not in str(error.value)

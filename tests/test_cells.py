"""Cells of a CSV: no formula in any locale, and what is read is what was written."""

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest
from small_notebooks import notebook

from coursework.pages.runs import write_tables
from coursework.results import Results
from coursework.run.runner import run_notebooks
from cxrbase.cells import guard, guarded, unguard, write_csv
from cxrbase.tables import read_csv
from cxrscore.evaluate import evaluate_predictions, read_predictions

SIGNS = "=+-@＝＋－＠"
FORMULAS = [
    *(f"{sign}cmd|' /C calc'!A0" for sign in SIGNS),
    "\t=1", "\r=1", "\n=1", " =1", "\xa0=1", "'=1", "''=1", "'", "''",
    *(f"none{part}{sign}SUM(A1)" for part in ";,\t|\n\r\"" for sign in "=@"),
    "none; =1", 'none";=1', '"=1"', "a;;=1;\t@b", "- clear lungs\n- no effusion",
    "-1.5.2", "-", "+", "=", "-1+1", "+1 555 0100", "-inf?", "１－＝", "a\r\n=1\r\n",
    "-1,5", "1e5;-2", "'-1.5", "\tindented", "don't", "'quoted'", "a '=b", ";'=b",
]  # fmt: skip
NUMBERS = ["-1.5", "+3", "-1e-05", "-.5", "1", "-inf", "0.25", ""]


def random_texts(count=3_000):
    """Short texts of what matters: separators, signs, apostrophes, letters, blanks."""
    rng, letters = np.random.default_rng(0), [*"=+-@'\";,|\t\r\n a1.é＝"]
    for length in rng.integers(1, 9, count):
        yield "".join(rng.choice(letters, length))


def cells(content, separator, quotes=True):
    """As a spreadsheet parts them: it knows one separator."""
    quoting = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    lines = io.StringIO(content, newline="")
    for row in csv.reader(lines, delimiter=separator, quoting=quoting):
        yield from row


def computed(content):
    """Cells that a spreadsheet of some locale takes for a formula.

    Whose separator is another may see a row that begins with a number as one cell.
    """
    number = re.compile(r"[-+]?(\d+\.?\d*|\.\d+|inf)([eE][-+]?\d+)?(?=$|[,;|\t])")
    return [
        cell
        for separator in ",;\t|"
        for quotes in (True, False)
        for cell in cells(content, separator, quotes)
        if cell.strip(' "\xa0\t\r\n')[:1] in [*SIGNS]
        and not number.match(cell.strip(' "'))
    ]


def test_every_text_comes_back():
    for text in [*FORMULAS, *NUMBERS, *random_texts()]:
        assert unguard(guard(text)) == text, text
        assert unguard(guard(guard(text))) == guard(text)
    for text in NUMBERS:
        assert guard(text) == text
    assert (guard("=1"), guard("a;=1")) == ("'=1", "a;'=1")
    assert guard("no - or; but a=b, c-d") == "no - or; but a=b, c-d"


def test_no_cell_is_computed_in_any_locale(tmp_path):
    texts = [text for text in [*FORMULAS, *random_texts(500)] if "\r" not in text]
    bare = pd.DataFrame({"a": texts, "b": texts})
    assert len(computed(bare.to_csv(index=False))) > 100  # It would be seen.
    write_csv(bare, tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as file:
        assert computed(file.read()) == []
    read = read_csv(tmp_path / "a.csv")
    read, told = (  # A row without a letter may be no row.
        table[table.a.str.strip() != ""].to_dict("list") for table in (read, bare)
    )
    assert read == told


def test_numbers_are_written_as_they_were():
    table = pd.DataFrame({"x": [-1.5, np.nan], "=n": [-2, 3], "s": [None, "=1"]})
    table["y"] = np.float32([0.1, -0.1])
    expected = "x,'=n,s,y\n-1.5,-2,,0.1\n,3,'=1,-0.1\n"
    assert guarded(table).to_csv(index=False) == expected
    assert list(table)[1] == "=n"  # The table itself is as it was.


def test_reports_that_begin_with_a_sign_keep_their_scores(tmp_path):
    texts = [
        "- No acute disease.",
        "=normal chest",
        "+ small effusion\n- no edema",
        "@ clear",
    ]
    table = pd.DataFrame(
        {"uid": ["-1", "=2", "3", "4"], "label": [0.0, 1, 0, 1],
         "probability": [0.1, 0.9, 0.2, 0.7], "reference": texts,
         "prediction": texts[::-1]}
    )  # fmt: skip
    results = Results(tmp_path, "07_x")
    results.dataset(ground="phantom", counts={"train": 1, "val": 0, "test": 4})
    results.evaluate(table, split="test", train_texts=["a", "b"])
    results.write()
    path = tmp_path / "07_x" / "predictions.csv"
    assert computed(path.read_text()) == []
    again = read_predictions(path)
    assert again[table.columns].to_dict("list") == table.to_dict("list")
    old, new = (
        {name: each["value"] for name, each in found["scores"].items()}
        for found in map(evaluate_predictions, (table, again))
    )
    assert len(old) > 20 and old == pytest.approx(new, abs=0, nan_ok=True)


def test_tables_of_a_batch(tmp_path):
    path = notebook(
        tmp_path / "n", "01_a", "x = ''", "raise ValueError('\\n=1;=2')", "1"
    )
    (tmp_path / "grid.yaml").write_text("x: ['=cmd()', 'a;@b']")
    run_notebooks([path], tmp_path / "out", grid=tmp_path / "grid.yaml", jobs=2)
    content = (tmp_path / "out" / "runs.csv").read_text()
    assert computed(content) == [] and "'=cmd()" in content and "a;'@b" in content
    write_tables(tmp_path / "out")
    assert set(read_csv(tmp_path / "out" / "runs.csv").x) == {"=cmd()", "a;@b"}


@pytest.mark.parametrize("text", ["=1+1", "- no edema", "a;=b"])
def test_a_prepared_folder_gives_back_its_texts(text, phantom_studies, tmp_path):
    from small_prepared import prepare_studies

    from cxrlib.data.table import read_split

    studies = phantom_studies.copy()
    studies["split"] = ["train"] * 14 + ["val"] * 3 + ["test"] * 3
    studies.loc[0, ["uid", "impression"]] = text
    out = prepare_studies(studies, tmp_path / "out")
    assert computed((out / "studies.csv").read_text()) == []
    row = read_split(out, "train").set_index("uid").loc[text]
    assert row.impression == text

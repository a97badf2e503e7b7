"""The glossary: each link leads to a notebook, and that one uses the word."""

import pathlib
import re

import nbformat
import pytest

from cxrphantom.findings import FINDINGS

ROOT = pathlib.Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (.+?) \| (.+) \| \[(\w+)\]\(\.\./(\S+)\) \|$", re.MULTILINE)
ROWS = ROW.findall(TEXT)


def words_of(path):
    content = nbformat.read(path, as_version=4)
    return "\n".join(cell.source for cell in content.cells).lower()


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_notebook_is_there_and_uses_the_word(row):
    words, definition, number, link = row
    assert (ROOT / link).is_file() and link.startswith(f"notebooks/{number}_")
    assert len(definition.split()) > 2
    text = words_of(ROOT / link)
    for word in words.split(", "):
        assert re.search(rf"\b{re.escape(word.lower())}", text), word


def test_every_row_is_read_and_no_word_comes_twice():
    lines = [line for line in TEXT.splitlines() if line.startswith("| ")]
    heads = sum(line.startswith("| word |") for line in lines)
    assert len(ROWS) == len(lines) - heads > 60
    words = [word for row in ROWS for word in row[0].split(", ")]
    assert len(set(words)) == len(words)


def test_every_finding_of_the_phantom_is_defined():
    words = " ".join(row[0] for row in ROWS)
    other = {"fracture": "rib fracture", "spine_degeneration": "degenerative changes"}
    other["catheter"] = "central venous catheter"
    for name in FINDINGS:
        assert other.get(name, name.replace("_", " ")) in words, name


def test_it_is_linked_first():
    assert "(docs/glossary.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
    first = words_of(ROOT / "notebooks" / "00_reading_a_film.ipynb")
    assert "(../docs/glossary.md)" in first

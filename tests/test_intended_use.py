"""The page on intended use: linked where it is needed, and true to the notebooks."""

import pathlib
import re

import nbformat
import pytest

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "intended_use.md"
TEXT = PAGE.read_text(encoding="utf-8")
# What a section must be about where the page names it.
ABOUT = {
    ("04", 6): "decision", ("04", 7): "common", ("04", 9): "look",
    ("04", 11): "left out", ("04b", 1): "shortcut", ("04b", 4): "image",
    ("04b", 5): "wrong reason", ("04b", 7): "whom", ("07", 10): "your own",
    ("07", 11): "fails", ("08", 4): "one text", ("08", 5): "chance",
    ("08", 6): "look", ("08", 7): "say", ("08", 9): "fool", ("10", 6): "wrong labels",
    ("10", 8): "shortcut", ("10", 9): "refuses", ("10", 10): "untrained",
}  # fmt: skip


def headings(number):
    (path,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return dict(re.findall(r"^## (\d+)\. (.*)$", prose, re.MULTILINE))


def test_every_section_it_names_is_there_and_about_that():
    named = set()
    for number, words in re.findall(
        r"\[(\d\db?)\]\([^)]*\),\s+sections? ((?:\d+(?: and )?)+)", TEXT
    ):
        for section in re.findall(r"\d+", words):
            named.add((number, int(section)))
            assert ABOUT[number, int(section)] in headings(number)[section].lower()
    assert named == set(ABOUT)


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#\s]+)", TEXT)
    assert all(
        (PAGE.parent / link).exists() for link in links if not link.startswith("https:")
    )
    assert sum(link.startswith("https://doi.org/10.") for link in links) >= 6


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "packages/coursework/card/templates/model_card.md.j2",
        "notebooks/04b_real_films.ipynb",
        "notebooks/07_multitask.ipynb",
        "notebooks/08_evaluation.ipynb",
    ],
)
def test_it_is_linked_where_an_output_is_shown(path):
    assert "docs/intended_use.md" in (ROOT / path).read_text(encoding="utf-8")


def test_it_is_one_page():
    assert len(TEXT.split()) < 1400

"""The course as a site: what a run showed, small, without a script, without a path."""

import base64
import re

import cv2
import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from coursework.course import checkout
from coursework.pages import site
from coursework.pages.site import WIDEST, write_site
from coursework.results import Results
from cxrbase.files import InputError


def executed(run, name, title, *cells):
    """A notebook as a run leaves it."""
    results = Results(run, name)
    results.dataset("phantom", {"train": 3}, seed=0)
    results.write()
    badge = "https://colab.research.google.com/github/o/n/blob/main/notebooks/x.ipynb"
    links = (
        "[02](02_more.ipynb#part), [03](03_not_run.ipynb), [w](../weights/README.md)"
    )
    first = new_markdown_cell(f"# {title}\n\n[Colab]({badge}) {links}")
    nbformat.write(new_notebook(cells=[first, *cells]), run / name / f"{name}.ipynb")


def picture(width):
    pixels = np.random.default_rng(width).integers(0, 255, (40, width), "uint8")
    return base64.b64encode(cv2.imencode(".png", pixels)[1]).decode()


def shown(*pictures, text=""):
    outputs = [new_output("display_data", {"image/png": each}) for each in pictures]
    outputs.append(new_output("stream", name="stdout", text=text))
    return new_code_cell("draw()", outputs=outputs)


@pytest.fixture
def run(tmp_path):
    run = tmp_path / "run"
    wide, small = picture(2 * WIDEST), picture(60)
    path = f"{checkout()}/outputs/course/results.json"
    executed(run, "01_data", "1 · The data: where from", shown(wide, small, text=path))
    injected = new_code_cell("secret = 1", metadata={"tags": ["injected-parameters"]})
    section = new_markdown_cell("## 1. Why\n\n<script>alert(1)</script>")
    executed(run, "02_more", "2 · More", injected, section, shown(small))
    return run


def test_a_page_for_each_notebook_and_one_for_all(run, tmp_path):
    index = write_site(run, tmp_path / "site")
    first, second = ((index.parent / f"{n}.html").read_text() for n in RUN_NAMES)
    contents = index.read_text()
    assert "01 · The data" in contents and "Where from." in contents
    assert "PHANTOM" in contents and "Not for clinical use" in contents
    for page in (first, second):
        assert "PHANTOM" in page and "<script" not in page and "data:image" not in page
    assert 'href="02_more.html#part"' in first
    there = "https://github.com/o/n/blob/main"
    assert f'href="{there}/notebooks/03_not_run.ipynb"' in first
    assert f'href="{there}/weights/README.md"' in first
    assert '<a href="#1.-Why">1. Why</a>' in second
    assert "secret" not in second
    assert str(checkout()) not in first and "outputs/course/results.json" in first


RUN_NAMES = ("01_data", "02_more")


def test_pictures_are_small_and_each_is_there_once(run, tmp_path):
    index = write_site(run, tmp_path / "site")
    pages = "".join(path.read_text() for path in index.parent.glob("0*.html"))
    named = set(re.findall(r'src="(pictures/\w+\.webp)"', pages))
    there = {f"pictures/{p.name}" for p in (index.parent / "pictures").iterdir()}
    assert named == there and len(there) == 2
    sizes = {cv2.imread(str(index.parent / each)).shape[1] for each in there}
    assert sizes == {WIDEST, 60}


def test_films_of_others_are_not_published(run, tmp_path):
    drawn, theirs = shown(picture(70)), shown(picture(80), text="their ages")
    theirs.metadata["tags"] = ["unpublished"]
    executed(run, "03_real", "3 · Real", theirs, drawn)
    index = write_site(run, tmp_path / "site")
    page = (index.parent / "03_real.html").read_text()
    assert page.count("<img") == 1 and 'width="70"' in page
    assert site.LEFT_OUT in page and "their ages" in page
    sizes = {cv2.imread(str(p)).shape[1] for p in (index.parent / "pictures").iterdir()}
    assert 80 not in sizes


def test_what_is_not_part_of_it_any_more_goes(run, tmp_path):
    out = tmp_path / "site"
    write_site(run, out)
    (out / "CNAME").write_text("example.org")
    (run / "02_more" / "results.json").unlink()
    write_site(run, out)
    assert not (out / "02_more.html").exists() and (out / "CNAME").exists()


def test_what_cannot_be_published_is_reported(run, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="no notebook of the course is done"):
        write_site(tmp_path, tmp_path / "site")
    monkeypatch.setattr(site, "MOST", 1000)
    with pytest.raises(InputError, match="at most 15 MB"):
        write_site(run, tmp_path / "site")
    assert not (tmp_path / "site").exists()


def test_minutes_go_into_the_table_of_a_readme(run, tmp_path):
    table = tmp_path / "README.md"
    rows = [f"| [{n}](notebooks/{n}.ipynb) | what | 99 | 2 | x |" for n in RUN_NAMES]
    table.write_text("\n".join(["| notebook | it teaches | min | h | open |", *rows]))
    write_site(run, tmp_path / "site", table)
    text = table.read_text()
    assert "99" not in text and text.count("| what | 1 | 2 | x |") == 2
    table.write_text(rows[0])
    with pytest.raises(InputError, match="no row for 02_more"):
        write_site(run, tmp_path / "site", table)


def test_the_readme_has_a_row_for_each_notebook():
    text = (checkout() / "README.md").read_text()
    for path in (checkout() / "notebooks").glob("*.ipynb"):
        assert text.count(f"](notebooks/{path.name}) |") == 1, path.name

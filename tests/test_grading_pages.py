"""The command, the pages, and the tables for the gradebook."""

import base64
import csv
import hashlib
import html.parser
import json
import re

import pytest
from click.testing import CliRunner
from handed_in import MOST, NAME, RUBRIC, ada, edit, hand_in, write_rubric

from coursework.grade.report import page_names
from coursework.gradebook.tables import plain
from cxrlib.__main__ import main

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)> 'x' \"y\" {{ 7*7 }}"


@pytest.fixture()
def folder(tmp_path):
    return ada(tmp_path)


def grade(tmp_path, *more, text=RUBRIC, fails=False):
    path = write_rubric(tmp_path, text)
    arguments = [tmp_path / "runs", "--rubric", path]
    arguments += ["--notebooks", tmp_path / "course", "--out", tmp_path / "grade.html"]
    found = CliRunner().invoke(main, ["grade", *map(str, [*arguments, *more])])
    assert (found.exit_code != 0) == fails, found.output + repr(found.exception)
    return found.output


def rows(path):
    with open(path, newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


class Tags(html.parser.HTMLParser):
    """Collects the tags and attributes of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs


def digest(page, tag):
    """What a policy must say of the one style or script in a page."""
    (text,) = re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", page, re.DOTALL)
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_a_folder_without_students_is_reported(tmp_path):
    (tmp_path / "runs" / "images").mkdir(parents=True)
    assert "nobody in" in grade(tmp_path) and "WARNING" in grade(tmp_path)
    ada(tmp_path)
    assert "WARNING" not in grade(tmp_path)


# === Pages ===


def test_a_command_leaves_pages_and_tables(tmp_path, folder):
    said = grade(tmp_path)
    assert "1 student graded in" in said and "1 answer to be marked" in said
    page = (tmp_path / "grade.html").read_text()
    assert "<b>13</b>" in page and "4 open" in page
    (link,) = re.findall(r'href="(grade_students/[^"]+)"', page)
    student = (tmp_path / link).read_text()
    assert "<b>13</b> of 17 points" in student and "up to <b>4</b> more" in student
    assert "because the image was looked at" in student
    assert "PHANTOM: simulated" in student and "not for clinical use" in student


def test_pages_hold_nothing_of_a_students_making(tmp_path, folder):
    edit(
        folder, lambda r: r.update(answers={"2": EVIL, "3": f"{EVIL}\u202e \ud800 a b"})
    )
    edit(folder, lambda r: r["parameters"].update({EVIL: EVIL}))
    edit(folder, lambda r: r.update(written=EVIL))
    edit(
        folder,
        lambda r: r["environment"].update(device=EVIL, versions={"cxrlib": EVIL}),
    )
    hand_in(tmp_path / "runs" / "<b>eve & 'co' \"x\"", name="<i>09")
    (tmp_path / "runs" / "<b>eve & 'co' \"x\"" / "<u>.zip").write_bytes(b"")
    grade(tmp_path)
    pages = [tmp_path / "grade.html", *(tmp_path / "grade_students").iterdir()]
    assert len(pages) == 3
    for path in pages:
        text = path.read_text(encoding="utf-8")
        found = Tags(text)
        assert not found.tags & {"img", "u", "iframe"}
        assert not [name for name, _ in found.attributes if name.startswith("on")]
        links = [value for name, value in found.attributes if name == "href"]
        assert all(re.match(r"#n\d|grade", link) for link in links), links
        # What the browser may use are our style and our script, as they are here.
        contents = [value for name, value in found.attributes if name == "content"]
        (policy,) = [each for each in contents if each.startswith("default-src")]
        allowed = f"default-src 'none'; style-src '{digest(text, 'style')}';"
        if path.name == "grade.html":
            allowed += f" script-src '{digest(text, 'script')}';"
        assert policy == f"{allowed} base-uri 'none'; form-action 'none'"
        scripts = 1 if path.name == "grade.html" else 0
        assert text.lower().count("<script") == scripts
        assert "http" not in text.replace("http-equiv", "")
    student = next(p for p in pages if p.name == "ada.html").read_text()
    assert "&lt;script&gt;alert(1)" in student and "{{ 7*7 }}" in student


def test_a_students_page_names_no_other(tmp_path, folder):
    for name in ("bob the second", "eve the third"):
        hand_in(tmp_path / "runs" / name)
    grade(tmp_path)
    page = (tmp_path / "grade.html").read_text()
    assert "Alike" in page and "ada, bob the second, eve the third" in page
    names = {"bob the second", "eve the third", "ada"}
    for path in (tmp_path / "grade_students").iterdir():
        shown = {name for name in names if name in path.read_text()}
        assert len(shown) == 1, path


def test_file_names_of_students():
    names = page_names(["ada", "Ada", "../../x", "a/b", "ärger", "a" * 300, "\udcff"])
    assert names["ada"] == "ada.html"
    assert len({name.lower() for name in names.values()}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,90}\.html", n) for n in names.values())


# === Tables ===


def test_the_gradebook(tmp_path, folder):
    (tmp_path / "runs" / "=emmy").mkdir()
    grade(tmp_path)
    first, second = rows(tmp_path / "grade.csv")
    assert first == {
        "student": "'=emmy",
        NAME: "",
        "total": "0",
        "out_of": "17",
        "open": "0",
        "open_items": "",
    }
    assert (second[NAME], second["total"], second["open"]) == ("13", "13", "4")
    assert second["open_items"] == f"{NAME}: exercise-3"


def mark(path, **columns):
    """Fill in the first row, as a human does in a spreadsheet."""
    found = rows(path)
    found[0] |= columns
    with open(path, "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, found[0])
        writer.writeheader()
        writer.writerows(found)


def test_marks_given_by_hand_come_back(tmp_path, folder):
    edit(folder, lambda r: r["answers"].update({"3": "=1+1 is what I\r\nthink of it"}))
    grade(tmp_path)
    by_hand = tmp_path / "grade_by_hand.csv"
    (row,) = rows(by_hand)
    assert row["answer"].startswith("'=1+1") and row["points"] == ""
    mark(by_hand, points="2,5", comment="Why <b>so</b>?")
    assert "by hand" not in grade(tmp_path)
    (row,) = rows(tmp_path / "grade.csv")
    assert (row["total"], row["open"]) == ("15.5", "0")
    student = (tmp_path / "grade_students" / "ada.html").read_text()
    assert "Why &lt;b&gt;so" in student and "<b>2.5</b> of 4" in student
    # They are kept from run to run, until the answer is another.
    assert rows(by_hand)[0]["points"] == "2.5"
    edit(folder, lambda r: r["answers"].update({"3": "I think now of something else"}))
    assert "1 answer to be marked" in grade(tmp_path)
    student = (tmp_path / "grade_students" / "ada.html").read_text()
    assert "the answer has changed since it was marked by hand" in student


@pytest.mark.parametrize("points", ["5", "-1", "much", "nan", "inf"])
def test_impossible_marks_are_told(tmp_path, folder, points):
    grade(tmp_path)
    mark(tmp_path / "grade_by_hand.csv", points=points)
    before = (tmp_path / "grade.csv").read_bytes()
    said = grade(tmp_path, fails=True)
    assert f"row 1 (ada): points “{points}” must be a number from 0 to 4" in said
    assert (tmp_path / "grade.csv").read_bytes() == before


def test_cells_that_a_csv_cannot_hold():
    assert plain("a\0b\ud800") == "a\ufffdb?"


# === What is refused ===


@pytest.mark.parametrize("out", ["", ".", "/", "grade.csv"])
def test_a_page_has_a_name_of_its_own(tmp_path, folder, out):
    assert "not a page; name a file" in grade(tmp_path, "--out", out, fails=True)


def test_pages_do_not_go_among_the_students(tmp_path, folder):
    said = grade(tmp_path, "--out", tmp_path / "runs" / "grade.html", fails=True)
    assert "is among the students" in said
    assert not (tmp_path / "runs" / "grade.html").exists()


def test_a_bad_rubric_and_an_empty_folder_are_told_in_one_line(tmp_path, folder):
    assert "unknown field" in grade(tmp_path, text="titel: x", fails=True)
    said = grade(tmp_path, "--notebooks", tmp_path, fails=True)
    assert "07_multitask.ipynb: has no cell train" in said
    folder.parent.rename(tmp_path / "elsewhere")
    said = grade(tmp_path, fails=True)
    assert "holds no student" in said and "Traceback" not in said


def test_the_points_add_up(tmp_path, folder):
    hand_in(tmp_path / "runs" / "eve", answers={"1": "0.53"})
    grade(tmp_path)
    for row in rows(tmp_path / "grade.csv"):
        assert float(row["total"]) + float(row["open"]) <= float(row["out_of"]) == MOST
    record = json.loads((folder / "results.json").read_text())
    assert record["answers"]["1"] == 0.53  # What was handed in stays as it was.

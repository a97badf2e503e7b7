"""Marking by hand, exercise by exercise, and grade files for Moodle and Canvas."""

import csv
import re
import shutil

import pytest
from click.testing import CliRunner
from handed_in import NAME, RUBRIC, ada, edit, hand_in, write_rubric

from coursework.__main__ import main
from coursework.grade.grades import StudentGrade
from coursework.grade.rubric_file import read_rubric
from coursework.gradebook.answers import SHIPPED, read_answers
from coursework.gradebook.lms import read_roster, write_lms
from coursework.gradebook.tables import BY_HAND, WRITTEN, code_of
from cxrbase.files import InputError

TWO = RUBRIC + "      - {points: 3, says: And why., exercise: 4, words: 2}\n"
ANSWERS = {
    "bob": {"3": "because nobody looked at it", "4": "for that"},
    "eve": {"3": "=1+1 is what it is", "4": "no idea"},
}
MODEL = f"{NAME}:\n  3:\n    model: It was looked at.\n    wrong: [It is large.]\n"


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    edit(ada(folder), lambda r: r["answers"].update({"4": "as I said"}))
    for name, answers in ANSWERS.items():
        hand_in(folder / "runs" / name, answers=answers)
    (folder / "answers.yaml").write_text(MODEL)
    return folder


@pytest.fixture()
def course(handed_in, tmp_path):
    return shutil.copytree(handed_in, tmp_path, dirs_exist_ok=True)


def grade(folder, *more, fails=False):
    words = ["grade", folder / "runs", "--rubric", write_rubric(folder, TWO)]
    words += ["--notebooks", folder / "course", "--out", folder / "grade.html"]
    words += ["--answers", folder / "answers.yaml", *more]
    found = CliRunner().invoke(main, [str(word) for word in words])
    assert (found.exit_code != 0) == fails, found.output + repr(found.exception)
    return found.output


def rows(path):
    return list(csv.reader(path.read_text("utf-8-sig").splitlines()))


# === Model answers ===


def test_every_answer_marked_by_hand_has_its_model_and_a_wrong_one():
    answers, asked = read_answers(), set()
    for name, notebook in read_rubric().notebooks.items():
        for item in notebook.items:
            asked.add((name, item.exercise))
            if item.words:
                found = answers.get((name, item.exercise))
                assert found, (name, item.exercise)
                assert 1 <= len(found.wrong) <= 2
                assert 15 <= len(found.model.split()) <= 80, (name, item.exercise)
    assert set(answers) <= asked, "of no exercise"


@pytest.mark.parametrize(
    "text, words",
    [
        ("[1]", "holds no notebooks"),
        ("a: 1", "a holds no exercises"),
        ("a: {1: x}", "a, exercise 1"),
        ("a: {1: {model: x, right: y}}", "a, exercise 1"),
        ("a: {1: {model: x, wrong: y}}", "a, exercise 1"),
        ("a: {1: {wrong: [y]}}", "a, exercise 1"),
        ("a: [", "not readable as YAML"),
    ],
)
def test_broken_model_answers_are_told_in_one_line(tmp_path, text, words):
    path = tmp_path / "answers.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read_answers(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_students_copy_has_none(monkeypatch, tmp_path):
    gone = tmp_path / SHIPPED.name
    monkeypatch.setattr("coursework.gradebook.answers.SHIPPED", gone)
    assert read_answers() == {}


# === Exercise by exercise ===


def test_the_page_says_where_a_machine_has_checked_the_beginning(course):
    begun = "{points: 1, says: N., id: n, exercise: 4, equals: 1, begins: true}"
    path = write_rubric(course, f"{TWO}      - {begun}\n")
    out = ["--out", str(course / "grade.html"), "--notebooks", str(course / "course")]
    CliRunner().invoke(
        main, ["grade", str(course / "runs"), "--rubric", str(path), *out]
    )
    page = (course / "grade_by_hand.html").read_text()
    third, fourth = page.split("exercise 4")[0], page.split("exercise 4")[-1]
    told = "checked by the machine"
    assert told not in third and told in fourth


def test_the_table_is_ordered_by_exercise_and_says_the_model_answer(course):
    grade(course)
    head, *lines = rows(course / "grade_by_hand.csv")
    assert tuple(head) == WRITTEN
    found = [dict(zip(head, line, strict=True)) for line in lines]
    assert [(row["item"], row["student"]) for row in found] == [
        (f"exercise-{number}", name)
        for number in "34"
        for name in ("ada", "bob", "eve")
    ]
    assert found[0]["model_answer"] == "It was looked at."
    assert found[0]["typical_wrong"] == "It is large."
    assert found[3]["model_answer"] == "" and found[2]["answer"].startswith("'=1+1")


def test_the_page_has_question_model_and_all_answers_below_each_other(course):
    grade(course)
    page = (course / "grade_by_hand.html").read_text()
    places = [
        page.index(words)
        for words in (
            *("The reason.", "It was looked at.", "It is large."),
            *("because the image", "nobody looked", "=1+1 is what", "And why."),
            *("as I said", "for that", "no idea"),
        )
    ]
    assert places == sorted(places)
    assert page.index("bob") < page.index("eve") and "<script" not in page


def test_the_question_is_the_notebooks_own(tmp_path):
    folder = hand_in(tmp_path / "runs" / "ada", "01_data", answers={"3": "a " * 20})
    assert folder.is_dir()
    words = ["grade", tmp_path / "runs", "--out", tmp_path / "grade.html"]
    found = CliRunner().invoke(main, [str(word) for word in words])
    assert not found.exit_code, found.output
    page = (tmp_path / "grade_by_hand.html").read_text()
    assert "<strong>Exercise 3.</strong> Split the studies" in page
    assert read_answers()["01_data", "3"].wrong[0] in page


def test_marks_of_an_older_table_are_still_read(course):
    with open(course / "grade_by_hand.csv", "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(BY_HAND)
        answer = ANSWERS["bob"]["3"]
        table.writerow(["bob", NAME, "exercise-3", "?", answer, "4", "3", "good"])
    assert "5 answers to be marked" in grade(course)
    page = (course / "grade_students" / "bob.html").read_text()
    assert "Marked by hand." in page and "good" in page


def test_who_marks_need_not_see_whose_it_is(course):
    grade(course, "--anonymous")
    path = course / "grade_by_hand.csv"
    for text in (path.read_text(), path.with_suffix(".html").read_text()):
        assert code_of("bob") in text
        assert not re.search(r"\b(ada|bob|eve)\b", text)
    head, *lines = rows(path)
    codes = [line[0] for line in lines[:3]]
    assert codes == sorted(map(code_of, ("ada", "bob", "eve")))
    for line in lines:
        line[head.index("points")] = "2"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *lines])
    assert "to be marked" not in grade(course, "--anonymous")
    assert "to be marked" not in grade(course)  # By name again, the marks are kept.
    assert {line[0] for line in rows(path)[1:]} == {"ada", "bob", "eve"}


# === Grade files for an LMS ===


def canvas_takes(head):
    """Whether Canvas takes a header: `Section` must be the last about the student."""
    if not (len(head) > 3 and "Student" in head[0] and "ID" in head[1]):
        return False
    both = re.search(r"SIS\s+User\s+ID", head[2]) and re.search(
        r"SIS\s+Login\s+ID", head[3]
    )
    return "Section" in head[4 if both else 2]


def test_canvas(course):
    (course / "roster.csv").write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Essay (12),folder\n"
        "    Points Possible,,,,,10,\n"
        '"Lovelace, Ada",101,A1,al1815,Group 1,3,ada\n'
        '"=cmd, Eve",103,,eve,Group 1,,eve\n'
    )
    said = grade(course, "--lms", "canvas", "--roster", course / "roster.csv")
    assert "roster.csv: lacks, so left out: bob\n" in said
    assert "without the points that are still open" in said
    head, possible, *lines = rows(course / "grade_canvas.csv")
    assert canvas_takes(head) and head[5:] == [NAME]
    assert possible == ["    Points Possible", "", "", "", "", "20"]
    assert lines[0] == ["Lovelace, Ada", "101", "A1", "al1815", "Group 1", "13"]
    assert lines[1][:2] == ["'=cmd, Eve", "103"] and len(lines) == 2
    content = (course / "grade_canvas.csv").read_bytes()
    assert content.startswith(b"Student,ID,SIS User ID,SIS Login ID,Section,")


def test_moodle(course):
    (course / "roster.csv").write_text(
        "First name;Last name;Email address;folder\n"
        "Ada;Lovelace;ada@x.org;ada\nBob;+1;bob@x.org;bob\nEve;E;eve@x.org;eve\n"
        "Max;Late;max@x.org;\n"
    )
    (course / "runs" / "late").mkdir()
    said = grade(course, "--lms", "moodle", "--roster", course / "roster.csv")
    assert "left out: late" in said
    head, *lines = rows(course / "grade_moodle.csv")
    assert head == ["First name", "Last name", "Email address", NAME]
    assert lines[0] == ["Ada", "Lovelace", "ada@x.org", "13"]
    assert [line[1] for line in lines] == ["Lovelace", "+1", "E"]


def test_without_a_roster_the_folders_names_are_the_identifiers(course):
    assert "left out" not in grade(course, "--lms", "moodle")
    head, *lines = rows(course / "grade_moodle.csv")
    assert head == ["ID number", NAME] and lines[1][0] == "bob"
    grade(course, "--lms", "canvas")
    assert rows(course / "grade_canvas.csv")[2][3] == "ada"
    for name in ("ada", "bob", "eve"):
        (course / "runs" / name).rename(course / "runs" / f"{name}@x.org")
    grade(course, "--lms", "moodle")
    assert rows(course / "grade_moodle.csv")[0] == ["Email address", NAME]


def test_what_was_not_handed_in_stays_empty(course):
    (course / "runs" / "emmy").mkdir()
    grade(course, "--lms", "moodle")
    assert rows(course / "grade_moodle.csv")[3] == ["emmy", ""]


@pytest.mark.parametrize(
    "lms, text, words",
    [
        ("moodle", "Email address\na@x\n", "has no column folder"),
        ("moodle", "folder,SIS Login ID\nada,1\n", "Email address or ID number"),
        ("canvas", "folder,Email address\nada,1\n", "ID or SIS User ID"),
        ("canvas", "folder,ID\nada,\n", r"row 1 \(ada\): fill in ID or"),
        ("canvas", "folder,ID\nada,1\nada,2\n", r"row 2 \(ada\): a second row"),
    ],
    ids=["no-folder", "moodle-unknown", "canvas-unknown", "nobody", "twice"],
)
def test_a_roster_that_names_nobody_is_told_in_one_line(course, lms, text, words):
    (course / "roster.csv").write_text(text)
    words_of = ["--lms", lms, "--roster", course / "roster.csv"]
    said = grade(course, *words_of, fails=True)
    assert re.search(words, said) and "roster.csv" in said and said.count("\n") == 1


def test_a_roster_alone_says_for_whom(course):
    said = grade(course, "--roster", course / "roster.csv", fails=True)
    assert "--lms" in said and said.count("\n") == 1


# === Whose folder is whose ===


def listed(tmp_path, folders, lms="moodle", roster=None):
    """Write the grades of students who handed nothing in."""
    asked = read_rubric(write_rubric(tmp_path))
    grades = [StudentGrade(folder, {}) for folder in folders]
    out = tmp_path / "out.csv"
    return write_lms(out, grades, asked, lms, roster), out


def test_a_roster_is_read_as_names_are(tmp_path):
    """macOS writes an umlaut as two signs, and who types a name writes it as one."""
    path = tmp_path / "roster.csv"
    path.write_text("Email address,folder\nj@x.org,J\u00fcrgen  Groß\n")
    left, out = listed(
        tmp_path, ["ju\u0308rgen groß"], roster=read_roster(path, "moodle")
    )
    assert left == [] and "j@x.org" in out.read_text()


def test_names_that_agree_but_for_case_are_refused(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text("Email address,folder\na@x.org,Ada\nb@x.org,ada\n")
    with pytest.raises(InputError, match="a second row for this folder"):
        read_roster(path, "moodle")
    with pytest.raises(InputError, match="Ada, ada: the folders' names differ in case"):
        listed(tmp_path, ["Ada", "ada"])


def test_moodle_needs_a_roster_where_only_some_folders_are_addresses(tmp_path):
    with pytest.raises(InputError, match="a@x.org, bob: some .* --roster who is who"):
        listed(tmp_path, ["a@x.org", "bob"])

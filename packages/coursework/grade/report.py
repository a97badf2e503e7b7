"""The pages: a table for the class, and a page for each student.

A student's page names no other student and has no script. Every text that a student
may have written is escaped, and a page forbids the browser every style and script but
its own, by their checksums.
"""

import base64
import datetime
import hashlib
import pathlib
import re

import markupsafe

from coursework.grade.grades import alike
from coursework.looks import number, templates
from cxrbase import __version__
from cxrbase.files import write_whole
from cxrbase.refusals import printable


def write_pages(out, grades, rubric, by_hand=0):
    """Write the table of the class and the students' pages.

    Args:
        out: string or `pathlib.Path`, `grade.html`. The students' pages go into the
            folder `grade_students` beside it.
        grades: list of `coursework.grade.grades.StudentGrade`.
        rubric: `coursework.grade.rubric.Rubric`.
        by_hand: int. Answers that wait for a human, listed in `grade_by_hand.csv`.

    Returns:
        The path of the class's page.

    Example:
    ```python
    write_pages("grade.html", grade_class("handed_in", rubric), rubric)
    ```
    """
    out = pathlib.Path(out)
    environment = page_environment()
    folder = out.with_name(f"{out.stem}_students")
    names = page_names([grade.name for grade in grades])
    common = {"rubric": rubric, "title": rubric.title, "version": __version__}
    common["date"] = datetime.date.today().isoformat()
    student = environment.get_template("student.html.j2")
    for grade in grades:
        write_page(folder / names[grade.name], student.render(grade=grade, **common))
    page = environment.get_template("class.html.j2").render(
        grades=grades,
        pages={name: f"{folder.name}/{page}" for name, page in names.items()},
        handed_in=sum(bool(one.place) for g in grades for one in g.notebooks.values()),
        waiting=by_hand,
        gradebook=f"{out.stem}.csv",
        by_hand=f"{out.stem}_by_hand.csv",
        means=_means(grades, rubric),
        troubles=_troubles(grades),
        likeness=alike(grades),
        items=_items(grades, rubric),
        **common,
    )
    write_page(out, page)
    return out


def page_environment():
    """The templates of these pages, with style, script and their checksums."""
    environment = templates("coursework.grade")
    for name, file in (("style", "grade.css"), ("script", "sortable.js")):
        text = environment.get_template(file).render()
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        environment.globals[name] = markupsafe.Markup(text)
        environment.globals[f"{name}_hash"] = f"sha256-{digest}"
    environment.filters |= {
        "number": number,
        "line": printable,
        "short": lambda name: name.partition("_")[0],
        "step": _step,
        "mark": lambda outcome: _mark(outcome)[0],
        "mark_words": lambda outcome: _mark(outcome)[1],
    }
    return environment


def write_page(path, page):
    """Write a page whole; what UTF-8 cannot hold becomes a question mark."""
    with write_whole(path) as temporary:
        # Half a surrogate pair, which JSON can hold, becomes a question mark.
        temporary.write_bytes(page.encode("utf-8", "replace"))


def page_names(students):
    """File names for the students' pages: readable, safe and unique.

    Args:
        students: list of strings.

    Returns:
        A dict, student → name. What a file name cannot hold becomes `_`, and a short
        checksum separates names that would then be the same.

    Example:
    ```python
    page_names(["ada", "Ada"])  # {"ada": "ada.html", "Ada": "Ada_8b0….html"}
    ```
    """
    names, taken = {}, set()
    for student in students:
        safe = re.sub(r"[^A-Za-z0-9_-]", "_", student)[:80]
        if safe != student or safe.lower() in taken:  # Some disks take Ada for ada.
            content = student.encode("utf-8", "surrogateescape")
            safe += "_" + hashlib.sha256(content).hexdigest()[:8]
        taken.add(safe.lower())
        names[student] = f"{safe}.html"
    return names


def _step(one):
    """Which of five shades the points of a notebook get."""
    sure = one.asked.points - one.open
    if one.points >= sure > 0:
        return 4
    share = one.points / one.asked.points
    return min(3, int(4 * share))


def _mark(outcome):
    """Class and words of an item's mark."""
    if outcome.given is not None:
        return ("yes" if outcome.given else "no"), "by hand"
    words = {"yes": "met", "no": "not met", "open": "open"}
    return outcome.mark, words[outcome.mark]


def _means(grades, rubric):
    """Mean points by notebook over those who handed it in, and in total over all."""
    columns = [
        [g.notebooks[name].points for g in grades if g.notebooks[name].place]
        for name in rubric.notebooks
    ]
    columns.append([grade.points for grade in grades])
    return [f"{sum(each) / len(each):.1f}" if each else "–" for each in columns]


def _troubles(grades):
    return [
        (grade.name, name, words)
        for grade in grades
        for name, said in (
            ("", [*grade.troubles, *grade.foreign]),
            *((name, one.troubles) for name, one in grade.notebooks.items()),
        )
        for words in said
    ]


def _items(grades, rubric):
    rows = []
    for name, asked in rubric.notebooks.items():
        there = [g.notebooks[name] for g in grades if g.notebooks[name].place]
        for place, item in enumerate(asked.items):
            outcomes = [one.outcomes[place] for one in there]
            row = {"notebook": name if place == 0 else "", "points": item.points}
            row["says"] = item.says
            row["met"] = sum(outcome.points > 0 for outcome in outcomes)
            row["open"] = sum(outcome.open > 0 for outcome in outcomes)
            rows.append(row | {"n": len(there)})
    return rows

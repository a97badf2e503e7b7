"""The plan of ten weeks says what the table of notebooks says."""

import re

from coursework.course import checkout

ROOT = checkout()


def cells(path):
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return [line.strip("|").split("|") for line in lines if line.startswith("|")]


def test_the_hours_of_the_plan_are_those_of_the_readme():
    plan = {
        row[1].strip(): row[-1].strip()
        for row in cells("docs/teaching.md")
        if row[0].strip().isdigit()
    }
    table = {}
    for row in cells("README.md"):
        named = re.match(r"\s*\[(\d\d\w? \w[^\]]*)\]\(notebooks/", row[0])
        if named:
            table[named[1]] = row[3].strip()
    assert plan == table
    weeks = [row[0].strip() for row in cells("docs/teaching.md")]
    assert [week for week in dict.fromkeys(weeks) if week.isdigit()] == [
        str(week) for week in range(1, 11)
    ]

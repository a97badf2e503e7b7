import json

import jsonschema
import pytest
import yaml
from click.testing import CliRunner
from handed_in import RUBRIC, rubric

from coursework.grade.expression import names_in, value_of
from coursework.grade.rubric import Comparison
from coursework.grade.rubric_file import SHIPPED, read_rubric
from cxrbase.files import InputError
from cxrlib.__main__ import main


def refused(tmp_path, text):
    with pytest.raises(InputError) as caught:
        rubric(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(str(tmp_path / "rubric.yaml"))
    return message


def item(text):
    return f"notebooks: {{a: {{items: [{{points: 1, says: It is so., {text}}}]}}}}"


def test_a_rubric_is_read(tmp_path):
    read = rubric(tmp_path)
    asked = read.notebooks["07_multitask"]
    assert read.points == asked.points == 17 and asked.ground == ["phantom"]
    assert [each.id for each in asked.items][:3] == [
        "cells-ran",
        "cells-unchanged",
        "abnormal.auroc",
    ]
    assert asked.items[3].where == {"split": "test", "section": "impression"}
    assert str(asked.items[4].comparison) == "above shuffled by 0.05"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", "not readable as YAML"),
        ("- 1", "the rubric: must be fields"),
        ("title: x", "no notebooks"),
        ("titel: x", "unknown field titel"),
        ("notebooks: {a: {}}", "a: has no items"),
        ("notebooks: {a: {items: [3]}}", "a, item 1: must be fields"),
        ("notebooks: {a: 1, a: 2}", "a occurs twice"),
        (item("metric: x.y"), "lacks its condition, such as above"),
        (item("metric: x.y, abov: 1"), "a, item 1: unknown field abov; known: "),
        (item("metric: x.y, above: 1, below: 2"), "two conditions, above and below"),
        (
            item("metric: x.y, above: better"),
            "“better” names no score",
        ),
        (item("metric: x.y, above: .nan"), "above must be a number, a baseline or"),
        (item("metric: x.y, above: true"), "above must be"),
        (item("metric: x.y, between: [2, 1]"), "between must be two numbers"),
        (item("metric: x.y, between: [2]"), "between must be two numbers"),
        (item("metric: x.y, between: 2"), "between must be a list"),
        (item("metric: x.y, between: ['1', 2]"), "between must be a number"),
        (item("metric: x.y, above: [1]"), "above must be a number, a baseline or"),
        (item("metric: x.y, above: 1, names: [a]"), "unknown field names; known: "),
        (item("cells: ran, above: 1"), "a, item 1: unknown field above; known: "),
        (item("metric: x.y, equals: 1, by: 1"), "by goes with above"),
        (item("metric: x.y, above: 1, tolerance: 1"), "tolerance goes with equals"),
        (
            item("metric: x.y, above: 1, studies: many"),
            "studies must be a whole number",
        ),
        (
            item("metric: x.y, exercise: 1, equals: 1"),
            "name one of metric, cells, predict",
        ),
        (item("prediction: 1, words: 3"), "unknown field words; known: "),
        (item("exercise: 1, words: 3, begins: true"), "not with words"),
        (item("cells: ran, kind: effort"), "kind is effort; choose run, prediction"),
        (item("cells: fast"), "cells is fast; choose ran or unchanged"),
        (item("cells: unchanged"), "ids belong to cells: unchanged"),
        (item("cells: ran, ids: [a]"), "ids belong to cells: unchanged"),
        (item("exercise: 1"), "give one of names, largest"),
        (item("exercise: 1, words: 5, names: [a]"), "give one of names, largest"),
        (item("exercise: 1, words: 0"), "words must be at least 1"),
        (item("exercise: 1, names: [no]"), "put numbers in quotes"),
        (item("exercise: 1, equals: constant"), "an answer has no constant"),
        (item("exercise: 1, largest: {a: b}"), "“b” names no score"),
        (item("exercise: 1, largest: {a: b.c}, words: 3"), "give one of names, larg"),
        (item("metric: x.y, above: 'a.b +'"), "“a.b +” is neither a number nor a sum"),
        (item("metric: x.y, above: 'f(a.b)'"), "neither a number nor a sum"),
        (item("metric: x.y, above: 'a.b ** 9'"), "neither a number nor a sum"),
        ("notebooks: {a: {items: [{says: x, cells: ran}]}}", "lacks points"),
        ("notebooks: {a: {items: [{points: 0, says: x, cells: ran}]}}", "above 0"),
        ("notebooks: {a: {items: [{points: 1, cells: ran}]}}", "lacks says"),
        ("notebooks: {a: {items: [{points: true, says: x}]}}", "must be a number"),
        ("notebooks: {a: {items: 3}}", "a: items must be a list"),
        ("notebooks: [a]", "the rubric: notebooks must be fields"),
        ("notebooks: {a: {predictions: 1}}", "predictions must be true or false"),
        (RUBRIC.replace("id: looks, ", ""), "a second item clinical.micro_f1_14"),
        (
            RUBRIC.replace("ground: phantom", "ground: moon"),
            "ground is moon; choose ph",
        ),
    ],
)
def test_an_error_is_reported_in_one_line(tmp_path, text, words):
    assert words in refused(tmp_path, text)


def test_an_editor_learns_the_fields_from_the_schema():
    done = CliRunner().invoke(main, ["grade", "--schema"])
    assert done.exit_code == 0
    schema = json.loads(done.output)
    for text in (SHIPPED.read_text(encoding="utf-8"), RUBRIC):
        jsonschema.validate(yaml.safe_load(text), schema)
    for text in (
        item("metric: x.y, abov: 1"),
        item("metric: x.y, exercise: 1"),
        item("cells: fast"),
        RUBRIC.replace("ground: phantom", "ground: moon"),
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(yaml.safe_load(text), schema)


def test_a_missing_or_binary_rubric(tmp_path):
    with pytest.raises(InputError, match="no such rubric"):
        read_rubric(tmp_path / "absent.yaml")
    (tmp_path / "rubric.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not readable as YAML"):
        read_rubric(tmp_path / "rubric.yaml")


@pytest.mark.parametrize(
    ("comparison", "value", "other", "holds"),
    [
        (Comparison("above", 0.8), 0.8, None, False),
        (Comparison("at_least", 0.8), 0.8, None, True),
        (Comparison("below", 0.8), 0.7, None, True),
        (Comparison("at_most", 0.8), 0.81, None, False),
        (Comparison("between", (1, 2)), 2, None, True),
        (Comparison("between", (1, 2)), 2.1, None, False),
        (Comparison("equals", 0.54, 0.01), 0.53, None, True),
        (Comparison("equals", 0.54, 0.01), 0.529, None, False),
        (Comparison("above", "constant", 0.1), 0.55, 0.5, False),
        (Comparison("below", "trigram.perplexity", 5), 44, 50, True),
        (Comparison("below", "trigram.perplexity", 5), 46, 50, False),
        (Comparison("equals", "a.b"), 0.0, 0.0, True),
    ],
)
def test_conditions(comparison, value, other, holds):
    assert comparison.holds(value, other) == holds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b", 3),
        ("100 * (1 - a.b / c.d)", -50),
        ("-alpha * a.b + 1e1", 4),
        ("abs(c.d - a.b)", 1),
        ("'no python.name' - 1", 6),
    ],
)
def test_sums_of_scores(text, value):
    numbers = {"a.b": 3, "c.d": 2, "alpha": 2, "no python.name": 7}
    assert value_of(text, numbers.get) == value
    assert set(names_in(text)) <= set(numbers)


def test_sums_that_cannot_be_had():
    with pytest.raises(InputError, match="divides by 0"):
        value_of("1 / (a.b - 1)", {"a.b": 1}.get)
    assert names_in("1 / (a.b - 1)") == ["a.b"]
    for text in (
        "__import__('os')",
        "a.b[0]",
        "abs(a.b, 1)",
        "True",
        "a.b if 1 else 2",
        "",
    ):
        with pytest.raises(InputError, match="neither a number nor a sum of scores"):
            names_in(text)
    with pytest.raises(InputError, match="neither a number nor a sum"):
        names_in("(" * 100_000)


def test_what_an_item_looks_at(tmp_path):
    item = """
      - {points: 1, says: It is so., exercise: 1, largest: {a: "alpha * b.c", d: e.f}}
      - {points: 1, says: It is so., metric: a.b, above: constant}
      - {points: 1, says: It is so., metric: a.b, id: x, above: 2 * c.d.shuffled}
    """
    read = rubric(tmp_path, f"notebooks:\n  a:\n    items:{item}").notebooks["a"]
    assert [each.scores for each in read.items] == [
        ["b.c", "e.f"],
        ["a.b"],
        ["a.b", "c.d.shuffled"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        " + ".join(["a.b"] * 2000),
        "a" + ".b" * 480,
        "-" * 900 + "a.b",
        "abs(" * 150 + "a.b" + ")" * 150,
        "a.b * " + "9" * 5000,
    ],
    ids=["terms", "dots", "signs", "brackets", "digits"],
)
def test_a_long_or_deep_sum_is_reported_at_once(text):
    """Each is looked at once: two looks at each dot would be 2**480."""
    try:
        names_in(text)
    except InputError as error:
        assert "a sum of scores" in str(error) and "\n" not in str(error)


def test_a_rubric_of_anchors_is_refused_at_once(tmp_path):
    path = tmp_path / "rubric.yaml"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    for last, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{last}'] * 9)}]")
    path.write_text("\n".join(lines))
    with pytest.raises(InputError, match="rubric.yaml: not readable.*50,000 values"):
        read_rubric(path)

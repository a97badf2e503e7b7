"""A parameter has the type of the notebook's default, from wherever it comes."""

import datetime
import json

import numpy as np
import pytest
from click.testing import CliRunner
from small_notebooks import notebook, printed

from coursework.run.defaults import FREE, Word, as_kind, kinds_in, scalar
from coursework.run.plan import plan
from coursework.run.runner import Run, execute
from cxrbase.files import InputError
from cxrlib.__main__ import main

ODD = ("No", "yes", "on", "0012", "1:30", "2024", "2026-01-01", "null", "1e5", "~")
ODD += ("0x10", "1_000", "true", "NaN", "a: b", "[1]", "#1", "'x'", "")
CELL = """\
prompt = "No"  # How the report begins.
epochs = 2 * 5
rate: float = 1
resume = not False
layers = (1, 2)
limits = {"low": 0}
name = f"run-{epochs}"
spare = None
"""


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("'a'", str), ("f'{b}'", str), ("'a' + b", str), ("'%s' % 3", str),
        ("','.join(b)", str), ("str(3)", str), ("Path('a') / 'b'", str),
        ("os.getenv('A', '1')", str), ("'a' if b else 'c'", str), ("'-' * 3", str),
        ("3", int), ("2 * 5", int), ("-1", int), ("10 ** 3", int), ("7 // 2", int),
        ("len('ab')", int), ("int('3')", int), ("seed + 1", int), ("1 << 4", int),
        ("1.0", float), ("1e-3", float), ("1 / 2", float), ("2 * 0.5", float),
        ("10 ** -3", float), ("max(1, 2.0)", float), ("round(a, 2)", float),
        ("True", bool), ("not a", bool), ("1 < 2", bool), ("True and False", bool),
        ("[1]", list), ("(1, 2)", list), ("[x for x in y]", list), ("{1}", list),
        ("[0] * 3", list), ("{'a': 1}", dict), ("dict(a=1)", dict),
        ("None", FREE), ("os.environ['A']", FREE), ("b'x'", FREE), ("f(1)", FREE),
    ],
)  # fmt: skip
def test_the_kind_of_a_default_is_read_not_run(code, kind):
    assert kinds_in(f"seed = 0\nx = {code}")["x"] is kind


def test_annotations_magics_and_several_targets():
    source = "%matplotlib inline\n!pip list\na: int = 1.5\nb: 'str' = 3\nc: list[int]\n"
    source += "d = e = 'x'\nf, g = 1, 'y'\nh: int | None = None\n(i) = 2"
    assert kinds_in(source) == {
        **{"a": int, "b": str, "c": list, "d": str, "e": str, "f": int, "g": str},
        **{"h": int | None, "i": int},
    }
    assert kinds_in("x = (") == {}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("x: str | None = None", str | None), ("x: 'None | str'", None | str),
        ("x: typing.Optional[float] = 1", float | None), ("x: int | str = 1", int),
        ("x: pathlib.Path = p", str), ("x: dict[str, int] = p", dict),
        ("x: list[str] | None = None", list[str] | None), ("x: 'a b' = None", FREE),
        ("x: tuple[str, ...] = ()", list[str]), ("x = ('a', f'{b}')", list[str]),
        ("x = ['a'] * 2", list[str]), ("x = ['a', 1]", list), ("x = []", list),
    ],
)  # fmt: skip
def test_a_kind_may_be_empty_or_of_texts(code, kind):
    assert kinds_in(code)["x"] == kind


# === What is given ===


@pytest.mark.parametrize("text", ODD)
def test_a_text_stays_a_text_from_everywhere(tmp_path, text):
    path = notebook(tmp_path / "n", "01_a", CELL, "1")
    (run,) = plan([path], tmp_path / "out", {"prompt": Word(text), "name": text})
    assert run.parameters == {"prompt": text, "name": text}
    quoted = tmp_path / "quoted.yaml"
    quoted.write_text(f"prompt: {json.dumps(text)}")
    for options in ({"files": [quoted]}, {"profile": quoted}, {"grid": quoted}):
        (run,) = plan([path], tmp_path / "out", **options)
        assert run.parameters == {"prompt": text}
    if text not in ("", "~", "null", "#1", "a: b", "[1]", "'x'"):  # Else it is no text.
        quoted.write_text(f"prompt: {text}")
        for options in ({"files": [quoted]}, {"grid": quoted}):
            (run,) = plan([path], tmp_path / "out", **options)
            assert run.parameters == {"prompt": text}


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        *[(int, text, int(text)) for text in ("3", "-3", "+3", "007", " 3 ")],
        (int, np.int64(3), 3),
        *[(float, text, float(text)) for text in ("1", "1.", ".5", "1e5", "-2e-3")],
        (float, 1, 1.0),
        (float, np.float32(0.5), 0.5),
        *[(bool, word, True) for word in ("true", "Yes", "ON", "1", "y")],
        *[(bool, word, False) for word in ("false", "No", "off", "0", "n")],
        (list, "[1, 'a']", [1, "a"]),
        (list, "1, 2", [1, 2]),
        (list, [Word("No"), Word("3"), (1,)], ["No", 3, [1]]),
        (list[str], "['2024', 'No']", ["2024", "No"]),
        (list[str], [Word(text) for text in ODD], list(ODD)),
        *[(str | None, Word(text), text) for text in ("2024", "1e5", "true", "")],
        *[(int | None, Word(text), 2024) for text in ("2024", "+2024")],
        (list[str] | None, [Word("12")], ["12"]),
        *[(str | None, each, None) for each in (Word("~"), Word("None"), None)],
        (str | None, "null", "null"),  # In quotes.
        (dict, "{'a': 1}", {"a": 1}),
        *[(FREE, Word(text), value) for text, value in (("3", 3), ("~", None))],
        *[(FREE, Word(text), text) for text in ("No", "0012", "1:30", "inf", "nan")],
        (FREE, Word("1e5"), 1e5),
        (FREE, "3", "3"),
    ],
)
def test_what_is_meant_is_kept(kind, given, value):
    found = as_kind(given, kind, "x")
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("kind", "words", "given"),
    [
        *[
            (int, "a whole number", each)
            for each in ("1.5", "1e3", "", "No", "0x10", "1_000", "٣", "9" * 5000)
        ],
        *[(int, "a whole number", each) for each in (2.0, True, None, [1])],
        *[
            (float, "a number", each)
            for each in ("nan", "inf", "1e999", "1,5", "", "yes", "1_0.0")
        ],
        *[(float, "a number", each) for each in (float("nan"), 1e999, True, None)],
        *[(bool, "true or false", each) for each in ("maybe", "2", "", 1, 0.0, None)],
        *[(str, "a text", each) for each in (3, False, None, ["a"])],
        (str, "a text", datetime.date(2026, 1, 1)),
        *[(list, "a list", each) for each in ("1", "x", "{'a': 1}", "[" * 5000, 3)],
        *[(dict, "a mapping", each) for each in ("[1]", "{1, 2}", "")],
        *[(FREE, "a text, a number", each) for each in (datetime.date.max, b"x")],
    ],
)
def test_another_type_is_refused_in_one_line(kind, words, given):
    with pytest.raises(InputError) as error:
        as_kind(given, kind, "x", "01_a")
    told = str(error.value)
    assert told.startswith("01_a: x=") and f"must be {words}" in told
    assert "\n" not in told and len(told) < 200


def test_a_word_without_a_default_is_read_as_yaml_1_2():
    assert [scalar(word) for word in ("no", "12:30", "0o7", "2026-01-01", "-0")] == [
        *("no", "12:30", "0o7", "2026-01-01", 0)
    ]


# === From the command line to the cell ===


def test_a_notebook_gets_the_types_of_its_defaults(tmp_path):
    shown = "print(repr((prompt, epochs, rate, resume, layers, limits, name, spare)))"
    path = notebook(tmp_path / "n", "01_a", CELL + "run_dir = ''", shown)
    (tmp_path / "f.yaml").write_text("{prompt: 2026-01-01, resume: no, layers: [3]}")
    given = {"prompt": "No", "epochs": "3", "rate": "2", "limits": "{'low': 1}"}
    pairs = [each for pair in given.items() for each in ("-p", *pair)]
    pairs += ["-p", "name", "1:30", "-p", "spare", "0.5"]
    out = tmp_path / "out"
    options = ["--profile", tmp_path / "f.yaml", "--out", out]
    call = [str(each) for each in ("run", path, *options, *pairs)]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 0, result.output
    expected = ("No", 3, 2.0, False, [3], {"low": 1}, "1:30", 0.5)
    assert printed(out / "01_a" / "01_a.ipynb").strip() == repr(expected)
    # And a run that is carried out by itself.
    status = execute(Run(path, out, {"prompt": "No", "rate": 1}), progress=False)
    assert status["parameters"] == {"prompt": "No", "rate": 1.0}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["-p", "epochs", "1.5"], "01_a: epochs=1.5: must be a whole number"),
        (["-p", "resume", "maybe"], "01_a: resume=maybe: must be true or false"),
        (["-p", "rate", "nan"], "01_a: rate=nan: must be a number"),
        (["-f", "f.yaml"], "f.yaml, for 01_a: epochs=2026-01-01: must be a whole"),
        (["--grid", "f.yaml"], "f.yaml, for 01_a: epochs=2026-01-01: must be a whole"),
        (["-p", "nunber", "1"], "unknown parameter nunber"),
        (["-p", "prompt", "\udcff"], "01_a: prompt: not a text in UTF-8"),
        (["-f", "half.yaml"], "half.yaml: not readable as YAML"),
        (["--grid", "half.yaml"], "half.yaml: not readable as YAML"),
    ],
)
def test_a_wrong_value_leaves_nothing_behind(tmp_path, monkeypatch, given, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f.yaml").write_text("epochs: 2026-01-01")
    (tmp_path / "half.yaml").write_text('prompt: "\\ud800"')
    (tmp_path / "empty.yaml").write_text("")
    path = notebook(tmp_path / "n", "01_a", CELL, "1")
    call = ["run", str(path), "--profile", "empty.yaml", "--out", "out", *given]
    result = CliRunner().invoke(main, call)
    assert result.exit_code == 1 and words in result.output
    assert result.output.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x]\nb: &b [*a, *a, *a]\n" + "".join(
            f"{k}: &{k} [{', '.join([f'*{p}'] * 9)}]\n"
            for p, k in zip("bcdefghi", "cdefghij", strict=True)
        ),
        "a: &a [*a]",
        "[" * 3000,
        "a: !!timestamp 2026-99-99",
        "a: !!python/object/apply:os.system ['true']",
        "x: " + "y" * 2**21,
        "a: b\x00",
    ],
    ids=["laughs", "ring", "deep", "date", "code", "large", "nul"],
)  # fmt: skip
@pytest.mark.parametrize("option", ["-f", "--grid", "--profile"])
def test_hostile_yaml_is_refused_at_once(tmp_path, text, option):
    path = notebook(tmp_path / "n", "01_a", CELL, "1")
    (tmp_path / "f.yaml").write_text(text)
    (tmp_path / "n" / "profiles").mkdir()
    (tmp_path / "n" / "profiles" / "smoke.yaml").write_text("")
    call = ["run", path, "--out", tmp_path / "out", option, tmp_path / "f.yaml"]
    result = CliRunner().invoke(main, [str(each) for each in call])
    assert result.exit_code == 1 and "f.yaml: " in result.output, result.exception
    assert result.output.count("\n") == 1 and not (tmp_path / "out").exists()

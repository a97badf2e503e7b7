"""Predictions before a cell, and the form of an answer, told before the deadline."""

import pytest
from handed_in import NAME, RUBRIC, ada, edit, said

from coursework.results import Results
from coursework.student.answers import Form, about_answer, first_numbers
from cxrbase.files import InputError
from cxrlib.course import finish

GUESSED = RUBRIC + '      - {points: 3, says: Which loss., prediction: "1"}\n'
LONG = "and so they differ, since each has seen another film"


def begun(run):
    """Results of a notebook that are ready to be written."""
    results = Results(run, NAME)
    results.dataset("phantom", {"test": 2}, seed=0)
    return results


def texts(results):
    made = results.record["predicted"]
    return {number: (each["text"], each["before"]) for number, each in made.items()}


# === Predictions ===


def test_the_first_text_stands(tmp_path):
    results = begun(tmp_path)
    results.predict(1, " the label ")
    results.predict(1, "the text")
    results.predict(2, "")
    assert texts(results) == {"1": ("the label", True), "2": ("", True)}
    assert results.record["predicted"]["1"]["when"].endswith("+00:00")


def test_none_is_no_prediction(tmp_path):
    results = begun(tmp_path)
    results.predict(1, None)
    results.predict(2, 0)
    assert texts(results) == {"1": ("", True), "2": ("0", True)}


def test_after_the_cell_has_run_it_is_late(tmp_path, capsys):
    results = begun(tmp_path)
    results.predict(1, "")
    results.predict(1, "")
    assert not capsys.readouterr().out
    results.predict(1, "the label")
    assert texts(results) == {"1": ("the label", False)}
    assert "Prediction 1 is noted as made after" in capsys.readouterr().out


def test_a_run_to_the_end_is_remembered(tmp_path):
    first = begun(tmp_path)
    first.predict(1, "the label")
    first.predict(2, "")
    first.write()
    again = begun(tmp_path)
    again.predict(1, "the text, as I have seen")
    again.predict(2, "the text, as I have seen")
    again.predict(3, "new")
    assert texts(again) == {
        "1": ("the label", True),
        "2": ("the text, as I have seen", False),
        "3": ("new", True),
    }
    assert begun(tmp_path / "elsewhere").record["predicted"] == {}


@pytest.mark.parametrize(
    ("made", "mark", "words"),
    [
        ({}, "no", "Prediction 1: not made."),
        ({"1": {"text": " ", "when": "", "before": True}}, "no", "not made"),
        ({"1": {"text": "a", "when": "12:00", "before": True}}, "yes", "ran, 12:00."),
        ({"1": {"text": "a", "when": "12:00", "before": False}}, "no", "after the out"),
    ],
    ids=["none", "empty", "before", "after"],
)
def test_it_is_graded_for_being_there_before(tmp_path, made, mark, words):
    edit(ada(tmp_path), lambda r: r.update(predicted=made))
    items, _ = said(tmp_path, GUESSED)
    assert items["prediction-1"][0] == mark and words in items["prediction-1"][1]


def test_older_results_have_none(tmp_path):
    edit(ada(tmp_path), lambda r: r.pop("predicted") and None)
    assert said(tmp_path, GUESSED)[0]["prediction-1"][0] == "no"


@pytest.mark.parametrize("odd", [[1], {"1": "a"}, {"1": {"text": 1}}])
def test_predictions_of_another_form_are_told(tmp_path, odd):
    edit(ada(tmp_path), lambda r: r.update(predicted=odd))
    _, one = said(tmp_path, GUESSED)
    assert "predicted is not a dict of text, when and before" in one.troubles[0]


# === A number or a name before words ===


@pytest.mark.parametrize(
    ("answer", "numbers"),
    [
        ("About 0.53, since", [0.53]),
        ("53 % of them, not 40 %", [53, 0.53]),
        ("−0.031: behind", [-0.031]),
        ("+0.031. Only", [0.031]),
        ("GPT-2 has 12 layers", [12]),
        ("see R2D2, 7.", [7]),
        ("0.012bits more", [0.012]),
        ("12.4percent of them", [12.4]),
        ("3.2pp, so", [3.2]),
        ("–0.05: behind", [-0.05]),
        ("from 5–7 on", [5]),
        ("none", []),
        ("–0.05", [-0.05]),
        (0.5, [0.5]),
        (True, []),
    ],
)
def test_the_first_number_of_an_answer(answer, numbers):
    assert first_numbers(answer) == pytest.approx(numbers)


@pytest.mark.parametrize(
    ("answers", "marks"),
    [
        ({"1": f"0.53 {LONG}", "2": f"Pneumonia, {LONG}"}, ("yes", "yes")),
        ({"1": f"0.6, or 0.53 {LONG}", "2": f"no pneumonia {LONG}"}, ("no", "no")),
        ({"1": LONG, "2": f"pneumonias {LONG}"}, ("no", "no")),
    ],
    ids=["first", "second", "absent"],
)
def test_an_answer_may_go_on_in_words(tmp_path, answers, marks):
    text = RUBRIC.replace("tolerance: 0.01}", "tolerance: 0.01, begins: true}")
    text = text.replace("consolidation]}", "consolidation], begins: true}")
    edit(ada(tmp_path), lambda r: r.update(answers=answers))
    items, _ = said(tmp_path, text)
    assert (items["exercise-1"][0], items["exercise-2"][0]) == marks


# === The form, told before the deadline ===


@pytest.mark.parametrize(
    ("form", "answer", "lacks"),
    [
        (Form((0, 1)), "0.5", ""),
        (Form((0, 1)), "50 %", ""),
        (Form((0, 1)), 2, "says 2, which is out of range"),
        (Form((0, 1)), f"0.5 {LONG}", "is no number"),
        (Form((0, 1)), None, "is empty"),
        (Form((0, 1)), [1], "is no text and no number"),
        (Form((0, 1), words=5), f"0.5 {LONG}", ""),
        (Form((0, 1), words=5), LONG, "has no number"),
        (Form((0, 1), words=5), "0.5 it is", "has 3 words"),
        (Form(one_of=("a b", "c")), "“A b”.", ""),
        (Form(one_of=("a", "b")), "c", "is none of the names"),
        (Form(one_of=("a", "b"), words=2), "b: so", ""),
        (Form(one_of=("a", "b"), words=2), "so b", "begins with none of the names"),
        (Form(words=3), "one", "has 1 word"),
    ],
)
def test_the_form_of_an_answer(form, answer, lacks):
    assert form.lacks(answer) == lacks


def test_an_answer_is_told_in_one_line():
    assert about_answer("01_data", "1", 99) == (
        "Answer 1 says 99, which is out of range; asked for: a number from 0 to 1."
    )
    assert about_answer("07_multitask", 3, "12 %") == (
        "Answer 3 has the form asked for; asked for: a number from -100 to 100, in "
        "percent."
    )
    assert about_answer("01_data", "9", 1) == about_answer("my_own", "1", 1) == ""


def test_a_notebook_tells_it_at_its_end_and_at_any_time(tmp_path, capsys):
    results = begun(tmp_path)
    results.check("1", "abnormal")
    assert capsys.readouterr().out == (
        "Answer 1 has the form asked for; asked for: one of frontal, lateral, "
        "abnormal, text.\n"
    )
    finish(results, {"1": "left", "2": "", "3": 0.5, "4": None})
    said = capsys.readouterr().out.splitlines()
    assert [line.split(";")[0] for line in said[:4]] == [
        "Answer 1 is none of the names",
        "Answer 2 is empty",
        "Answer 3 has the form asked for",
        "Answer 4 is empty",
    ]
    with pytest.raises(InputError, match="answer 1: give one finite number or a text"):
        finish(results, {"1": [1]})

"""What a notebook shows of its scores."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from coursework.results import Results
from coursework.shown import Shown, headline_table, warnings_of
from cxrbase.files import InputError
from cxrscore.tables import HEADLINES, best_baseline, headline


def filled(tmp_path):
    results = Results(tmp_path, "07_multitask")
    references = ["Small left effusion.", "No acute disease.", "Cardiomegaly."] * 2
    given = pd.DataFrame({"uid": range(6), "reference": references})
    given["prediction"] = "No acute disease."
    given["label"], given["probability"] = [1.0, 0.0, 1.0] * 2, 0.6
    given["ssim_frontal"] = given["ssim_lateral"] = np.linspace(0.8, 0.9, 6)
    results.evaluate(given, train_texts=references)
    return results


def test_the_first_eight_lead_with_clinical_f1(tmp_path):
    results = filled(tmp_path)
    results.scores({"training.loss": 0.5, "training.ssim": None}, 9, split="val")
    first = results.table(headline=True)
    assert list(first["score"]) == list(HEADLINES)
    assert first["score"][0] == "clinical.micro_f1_5" and len(first) == 8
    assert list(first) == [
        "score", "value", "95 % interval", "constant", "permuted", "n"
    ]  # fmt: skip
    assert len(results.table()) > 30
    # A notebook without them shows its own, and how training went last.
    own = {name: {"value": 1, "n": 1, "protocol": {}} for name in "abc"}
    order = headline({"training.loss": own["a"], **own, "frontal.ssim": own["a"]})
    assert list(order) == ["frontal.ssim", "a", "b", "c", "training.loss"]


def test_many_scores_are_added_at_once(tmp_path):
    results = Results(tmp_path, "03")
    results.scores({"a.b": 0.5, "a.c": None}, n=9, split="val", image_size=64)
    record = results.record["metrics"]
    assert record["a.b"] == {
        "value": 0.5,
        "n": 9,
        "protocol": {"split": "val", "image_size": 64},
    }
    assert record["a.c"]["note"] == "undefined on n=9"


def test_a_wrong_side_is_best_where_it_is_rarest():
    beside = {"random": 0.3, "nearest": 0.1}
    assert best_baseline("clinical.wrong_side_share", beside) == (0.1, "nearest")
    assert best_baseline("text.novel_share", beside) is None


def test_what_a_notebook_shows(tmp_path):
    results = filled(tmp_path)
    results.metric("own.<b>", 1.0, 6, split="test")
    shown = results.show()
    page = shown._repr_html_()
    first, _, rest = page.partition("<details>")
    assert first.count("<tr>") == 9 and "clinical.micro_f1_5" in first
    assert ">permuted</th>" in first and "shuffled" not in page
    assert "own.&lt;b&gt;" in rest and "own.<b>" not in page
    assert "images not used" in rest and "permuting the images does not" in rest
    assert rest.index("images not used") < rest.index("As if the images")
    assert "<style" not in page and "<script" not in page
    assert "WARNING: As if the images" in repr(shown)
    assert "<details>" not in Shown({"metrics": {}})._repr_html_()


def test_warnings_of_older_results_are_shown_as_they_are():
    assert warnings_of({"warnings": ["Beware."]}) == [
        ("warning", "Beware.", "", "Beware.")
    ]
    assert headline_table({}).empty


def test_warnings_are_kept_in_short_and_refused_in_another_form(tmp_path):
    results = filled(tmp_path)
    results.dataset("phantom", {"test": 6})
    results.write()
    record = results.record
    assert (record["cautions"][-1][:2]) == [
        "few studies",
        "they show little, and their bootstrap intervals are too narrow",
    ]
    assert len(record["cautions"]) == len(record["warnings"]) > 1
    record["cautions"][0] = ["one", 2, "three"]
    with pytest.raises(InputError, match="cautions is not a list of name"):
        results.write()


def test_it_is_shown_without_ipython():
    code = "import sys; sys.modules['IPython'] = None\n"
    code += "from coursework.results import Results\n"
    code += "print(len(Results('a', 'b').show()._repr_html_()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

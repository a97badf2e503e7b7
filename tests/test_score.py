import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from impressions import NORMAL, REPORTS

from cxrbase.files import InputError
from cxrlib.__main__ import main
from cxrscore.command import NAMES, read_train
from cxrscore.evaluate import evaluate_predictions
from cxrscore.labels.areas import auroc
from cxrscore.score import score as bind
from cxrscore.texts.protocols import DEFAULT, PROTOCOLS
from cxrscore.texts.scores import TextScorer


def pairs(n=40):
    generator = np.random.default_rng(0)
    references = generator.choice(REPORTS, n)
    predictions = np.where(generator.random(n) < 0.6, references, NORMAL)
    return pd.DataFrame({"reference": references, "prediction": predictions})


def score(*arguments):
    result = CliRunner().invoke(main, ["score", *map(str, arguments)])
    assert not result.exception or result.exit_code, result.exception
    return result


@pytest.fixture()
def path(tmp_path):
    path = tmp_path / "theirs.csv"
    pairs().to_csv(path, index=False)
    return path


def test_everything_about_somebodys_predictions(path, tmp_path):
    pairs().assign(nearest=NORMAL).to_csv(path, index=False)
    pd.DataFrame({"impression": REPORTS * 3}).to_csv(tmp_path / "train.csv")
    result = score(path, "--train", tmp_path / "train.csv", "--section", "impression")
    said = result.output
    assert result.exit_code == 0
    value = TextScorer(pairs()["reference"]).score(pairs()["prediction"])
    for name in ("coco.bleu_4", "coco.cider", "sacrebleu.bleu"):
        row = re.search(rf"^{name.split('.')[1]} +([\d.]+) .*$", said, re.MULTILINE)
        assert float(row[1]) == pytest.approx(value[name], abs=1e-4)
    assert (
        "micro_f1_14" in said and "novel_share" in said and "section impression" in said
    )
    assert "report of train" in said and "upper bound" not in said
    assert max(map(len, said.splitlines())) <= 100


def test_without_train_it_says_so(path):
    assert "the references being scored (an upper bound)" in " ".join(
        score(path).output.split()
    )


def test_json_is_whole(path):
    found = json.loads(score(path, "--json", "--protocol", "nltk").output)
    record = found["scores"]["nltk.bleu_4"]
    assert {"value", "interval", "constant", "random", "shuffled"} <= set(record)
    assert not any(name.startswith("coco") for name in found["scores"])
    assert found["baselines"]["constant_report"]["text"] in REPORTS
    assert found["warnings"] == [] and "table" not in found


def test_an_undefined_score_has_a_note_and_no_interval():
    value, *ends = auroc(np.ones(3, int), np.array([0.2, 0.5, 0.9]))  # One class.
    record = bind(value, 3, interval=ends, split="test")
    assert record["value"] is None and record["note"] == "undefined on n=3"
    assert "interval" not in record
    assert "interval" not in bind(0.5, 3, interval=(0.5, np.nan), split="test")
    assert bind(0.5, 3, interval=(0, 1), split="test")["interval"] == [0, 1]


def test_empty_cells_are_empty_reports(path):
    table = pairs().astype(object)
    table.loc[:2, "prediction"] = np.nan
    table.loc[3, "reference"] = np.nan
    table.to_csv(path, index=False)
    said = score(path).output
    assert "39 studies (1 without a reference left out)" in said
    assert "3 of 39 predictions are empty" in said


def test_one_study(path):
    pairs(1).to_csv(path, index=False)
    result = score(path)
    assert result.exit_code == 0 and "n=1: so few studies" in result.output
    assert not re.search("random|permuted|95 %", result.output)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_a_byte_order_mark_is_no_matter(path, encoding):
    table = pairs()[["prediction", "reference"]]  # The mark sticks to the first name.
    table.loc[0, "reference"] = "Œdème pulmonaire."
    table.to_csv(path, index=False, encoding=encoding)
    assert score(path).exit_code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"", "not a readable CSV"),
        (b"prediction;report\na;b\n", "no column reference. It has: prediction, rep"),
        (b"prediction,reference\n", "holds no row"),
        (b"prediction,reference\na,\n", "no row has a reference"),
        ("prediction,reference\na,\u200b\n".encode(), "no row has a reference"),
        (b"uid,prediction,reference\n1,a,b\n1,c,d\n", "uid 1 occurs more than once"),
        (
            b"prediction,reference,prediction\na,b,c\n",
            "column prediction more than",
        ),
        ("prediction,reference\nœdème,a\n".encode("utf-16"), "CSV UTF-8"),
        ("prediction,reference\nédème,a\n".encode("latin-1"), "CSV UTF-8"),
    ],
)
def test_bad_files_are_told(path, content, words):
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    result = score(path)
    assert result.exit_code == 1 and words in result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "arguments", "words"),
    [
        ("text\nEdema.\n", [], "name one with --train-column: text"),
        ("report,note\n,a\n", [], "the column report holds no report"),
        ("report\nEdema.\n", ["--train-column", "notes"], "no column notes"),
        ("report\nEdema.\n", ["--protocol", "bleurt"], "Unknown text protocol"),
    ],
)
def test_bad_train_files_are_told(path, tmp_path, content, arguments, words):
    (tmp_path / "train.csv").write_text(content)
    result = score(path, "--train", tmp_path / "train.csv", *arguments)
    assert result.exit_code == 1 and words in result.output


def test_help_lists_the_protocols_and_seeds_have_a_range(path):
    said = " ".join(score("--help").output.split())
    assert set(NAMES) == set(PROTOCOLS) and NAMES[:4] == DEFAULT
    assert ", ".join(NAMES) in said
    result = score(path, "--seed", "-1")
    assert result.exit_code == 2 and "-1 is not in the range x>=0" in result.output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": -1}, "seed=-1: must be a whole number, 0 or more"),
        ({"permutations": -1}, "permutations=-1"),
        ({"permutations": 1.5}, "permutations=1.5"),
        ({"threshold": 1.5}, r"threshold=1.5: must lie in \[0, 1\]"),
        ({"threshold": float("nan")}, "threshold=nan"),
        ({"protocols": ["bleu"]}, "Unknown text protocol"),
    ],
)
def test_arguments_out_of_range_are_told(change, words):
    with pytest.raises(InputError, match=words):
        evaluate_predictions(pairs(3).assign(uid=range(3)), **change)
    twice = pd.concat([pairs(3), pairs(3)], axis=1).assign(uid=range(3))
    with pytest.raises(InputError, match="the column reference occurs twice"):
        evaluate_predictions(twice)


@pytest.mark.parametrize("width", [80, 100])
def test_the_table_fits_the_terminal(path, width, monkeypatch):
    """Baselines that have no room are left out, and it is said which."""
    monkeypatch.setenv("COLUMNS", str(width))
    pairs().assign(nearest=NORMAL).to_csv(path, index=False)
    for table in (pairs(), pairs().assign(nearest=NORMAL, prediction="Clear.")):
        table.to_csv(path, index=False)
        said = score(path).output
        assert max(map(len, said.splitlines())) <= width
        heads = next(x for x in said.splitlines() if "95 %" in x and "constant" in x)
        missing = re.search("^left out +(.*), for want of width$", said, re.MULTILINE)
        for name in missing[1].split(", ") if missing else ():
            assert name not in heads and name in ("frequent", "random", "nearest")
        assert bool(missing) == (len(heads.split()) < 9 + ("nearest" in table))
        assert "0.000000" not in said and "0.00000" not in said
        assert "permuted" in heads


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_reported_in_one_line(path):
    command = [sys.executable, "-m", "cxrscore", str(path)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The result cannot be written")
    assert len(done.stderr.splitlines()) == 1


def test_the_package_is_a_command_of_its_own(path, tmp_path):
    """Errors are one line, and neither TensorFlow nor Keras is wanted."""
    blocked = "import sys; sys.modules.update(tensorflow=None, keras=None, cxrlib=None)"
    run = f"{blocked}; import runpy; runpy.run_module('cxrscore', run_name='__main__')"

    def said(*arguments):
        command = [sys.executable, "-c", run, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True)

    found = json.loads(said(path, "--json", "--protocol", "nltk").stdout)
    assert found == json.loads(score(path, "--json", "--protocol", "nltk").output)
    done = said(tmp_path / "none.csv")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert done.stderr == f"Error: {tmp_path / 'none.csv'}: there is no such file.\n"


@pytest.mark.parametrize("module", ["cxrlib.course", "cxrscore.evaluate"])
def test_imports_are_light(module):
    """What only a few functions need is not imported with the first cell."""
    heavy = {"nltk", "scipy", "sklearn", "sacrebleu", "tensorflow", "keras"}
    code = f"import sys, {module}; print({heavy} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_val_and_test_are_no_training_reports(tmp_path):
    table = pd.DataFrame({"report": REPORTS[:3], "split": ["train", "val", "test"]})
    table.to_csv(tmp_path / "studies.csv")
    assert read_train(tmp_path / "studies.csv") == REPORTS[:1]


def test_the_column_of_train(path, tmp_path):
    train = pd.DataFrame({"notes": REPORTS[1:2] * 9, "report": REPORTS[2:3] * 9})
    train.to_csv(tmp_path / "train.csv")
    own = score(path, "--json", "--train", tmp_path / "train.csv")
    told = score(
        path, "--json", "--train", tmp_path / "train.csv", "--train-column", "notes"
    )
    texts = [
        json.loads(each.output)["baselines"]["constant_report"]["text"]
        for each in (own, told)
    ]
    assert texts == [REPORTS[2], REPORTS[1]]


@pytest.mark.real
def test_the_one_sentence_of_indiana_is_seen_through(real_data, path, tmp_path):
    """What it scores there is near what systems were published with."""
    source = real_data / "indiana" / "indiana_reports.csv"
    real = pd.read_csv(source)["impression"].dropna()
    pd.DataFrame({"reference": real[::4], "prediction": NORMAL}).to_csv(path)
    pd.DataFrame({"report": real.drop(real.index[::4])}).to_csv(tmp_path / "train.csv")
    for train in ([], ["--train", tmp_path / "train.csv"]):
        found = json.loads(score(path, "--json", *train).output)
        rouge = found["scores"]["rouge_score.rouge_l"]
        assert rouge["value"] > 0.3 and rouge["fall"] == 0
        said = " ".join(found["warnings"])
        assert "1 of 955 predictions are distinct" in said
        assert "One and the same answer" in said and "coco.rouge_l" in said
        assert "images were not looked at" in said

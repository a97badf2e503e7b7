"""`make full-check` itself, on small notebooks and files."""

import json

import full_check
import h5py
import keras_hub
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from gpt2_folders import SIZES, write_vocabulary
from small_notebooks import notebook, printed

from cxrbase.files import InputError
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.pretrained.densenet import load_checkpoint
from cxrlib.pretrained.gpt2 import read_gpt2
from cxrphantom.folder import REPORT_COLUMNS

PARAMETERS = """
head_epochs = 40
epochs = 20
gpt2 = "auto"
nih = ""
run_dir = ""
"""
SAYS = "import os; print(epochs, head_epochs, gpt2, nih, os.environ['CXR_DATA'])"


@pytest.fixture
def real(tmp_path):
    """Real tables and a vocabulary, small."""
    rows = [
        {"uid": i, "MeSH": ("normal", "Cardiomegaly")[i % 2], "impression": "Text."}
        for i in range(12)
    ]
    table = pd.DataFrame(rows, columns=REPORT_COLUMNS).fillna("")
    (tmp_path / "indiana").mkdir()
    table.to_csv(tmp_path / "indiana" / "indiana_reports.csv", index=False)
    write_vocabulary(tmp_path / "vocabulary")
    return tmp_path


def check(real, *notebooks, **options):
    options = {"tables": real / "indiana", "vocabulary": real / "vocabulary"} | options
    options = {"nih": real / "nih", "out": real / "out", "studies": 12} | options
    words = [str(x) for k, v in options.items() for x in (f"--{k}", v)]
    return CliRunner().invoke(full_check.main, [*map(str, notebooks), *words])


@pytest.mark.parametrize("name", ["tables", "vocabulary"])
def test_what_is_missing_is_said_in_a_line(real, name):
    result = check(real, **{name: real / "nowhere"})
    assert isinstance(result.exception, InputError)
    message = str(result.exception)
    assert str(real / "nowhere") in message and f"--{name}" in message
    assert "\n" not in message and not (real / "out").exists()


def test_runs_with_full_and_says_what_it_found(real, monkeypatch):
    monkeypatch.setattr(full_check, "FILM", 32)
    monkeypatch.setattr(full_check, "elsewhere", lambda *_: None)
    (real / "profiles").mkdir()
    (real / "profiles" / "full.yaml").write_text("epochs: 20")
    good = notebook(real, "01_good", PARAMETERS, SAYS)
    bad = notebook(real, "02_bad", PARAMETERS, "1 / 0")
    marked = real / "full.md"
    marked.write_text("<!-- full-check: begin -->\n<!-- full-check: end -->\n")
    result = check(real, good, bad, readme=marked)
    out = real / "out"
    assert result.exit_code == 1, result.output
    drawn = (out / "drawn").resolve()
    assert printed(out / "01_good" / "01_good.ipynb") == f"1 1 gpt2 none {drawn}\n"
    text = (out / "full_check.md").read_text()
    assert "RANDOM NUMBERS" in result.output and "RANDOM NUMBERS" in text
    assert "| NO: In [3] raised ZeroDivisionError" in text and "Unproved" in text
    assert text.strip() in marked.read_text()
    runs = json.loads((out / "full_check.json").read_text())["runs"]
    assert [run["ended"][:3] for run in runs] == ["yes", "NO:"]
    assert float(runs[0]["peak GB"]) > 0


def test_the_files_are_in_their_true_formats(tmp_path):
    write_vocabulary(tmp_path / "vocabulary")
    hugging_face, preset = tmp_path / "gpt2", tmp_path / "gpt2_base_en"
    full_check.write_gpt2(hugging_face, tmp_path / "vocabulary", SIZES)
    full_check.write_kerashub(preset, hugging_face)
    theirs = keras_hub.models.GPT2Backbone.from_preset(str(preset))
    for ours, other in zip(
        read_gpt2(hugging_face).weights, theirs.weights, strict=True
    ):
        np.testing.assert_array_equal(ours, other)

    small = {"image_size": 32, "blocks": (1, 1, 1, 1), "growth_rate": 4}
    full_check.write_chexnet(tmp_path / "chexnet.h5", small)
    with h5py.File(tmp_path / "chexnet.h5") as file:
        assert file["predictions"]["predictions/kernel:0"].shape[-1] == 14
        assert "conv1/conv/kernel:0" in file["conv1/conv"]
    load_checkpoint(CheXNetEncoder(**small), tmp_path / "chexnet.h5")

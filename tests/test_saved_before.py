"""What was saved before cxrlib was taken apart still loads: models, results."""

import pathlib
import shutil
import subprocess
import sys
import zipfile

import numpy as np

from coursework.card.card import write_model_card
from coursework.pages.scores import scores_of
from coursework.results import read_results

SAVED = pathlib.Path(__file__).parent / "saved"  # Of a demo at commit 96318ea.

# Module paths as the files of that time name them.
BEFORE = {
    "cxrlib.systems.reports.model": "cxrlib.models.report_model",
    "cxrlib.systems.reports.imaging": "cxrlib.models.imaging",
    "cxrlib.systems.lungs.unet": "cxrlib.models.lung_unet",
    "cxrlib.models.text": "cxrlib.data.text",
    "cxrlib.models.metrics": "cxrlib.evaluation.image",
}
LOAD = """
import sys
import numpy as np
from cxrlib.systems.files import load_model

model = load_model(sys.argv[1])
batch = dict(np.load(sys.argv[2]))
np.save(sys.argv[3], np.asarray(model(batch)["text"]))
"""


def as_before(path, out):
    """Write a copy of a `.keras` file whose classes lie where they lay."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                text = content.decode()
                for now, then in BEFORE.items():
                    text = text.replace(f'"module": "{now}"', f'"module": "{then}"')
                assert '"cxrlib.models.report_model"' in text
                assert "cxrlib.systems" not in text
                content = text.encode()
            new.writestr(name, content)


def test_a_model_with_the_old_module_paths_loads(tmp_path, tiny_model, batch):
    inputs = {name: np.asarray(value) for name, value in batch[0].items()}
    np.savez(tmp_path / "batch.npz", **inputs)
    tiny_model.save(tmp_path / "now.keras")
    as_before(tmp_path / "now.keras", tmp_path / "before.keras")
    paths = [str(tmp_path / name) for name in ("before.keras", "batch.npz", "seen.npy")]
    done = subprocess.run(
        [sys.executable, "-c", LOAD, *paths], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    expected = np.asarray(tiny_model(inputs)["text"])
    np.testing.assert_allclose(np.load(tmp_path / "seen.npy"), expected, atol=1e-5)


def test_results_of_that_time_are_read_shown_and_get_a_card(tmp_path):
    shutil.copy(SAVED / "results.json", tmp_path)
    record = read_results(tmp_path / "results.json")
    assert record["dataset"]["ground"] == "phantom"
    assert "| abnormal.auroc | 0.9998 |" in scores_of(tmp_path)
    card = (write_model_card(tmp_path)[0]).read_text()
    assert "PHANTOM" in card and "phantom_encoder.weights.h5" in card

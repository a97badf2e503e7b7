"""What runs that differ only in their seed have in common, on the page and as CSV."""

import json

import pandas as pd
import pytest

from coursework.pages.page import write_index
from coursework.pages.runs import write_tables
from coursework.results import Results

VALUES = {("latent", 0): 0.2, ("latent", 1): 0.4, ("none", 0): 0.1, ("none", 1): None}


@pytest.fixture()
def sweep(tmp_path):
    """Four points; the last was killed."""
    for (conditioning, seed), value in VALUES.items():
        point = {"conditioning": conditioning, "seed": seed}
        folder = tmp_path / f"conditioning={conditioning},seed={seed}"
        status = {"status": "done", "point": point, "minutes": 1.5, "megabytes": 2000}
        if value is None:
            why = {"reason": "killed", "cell": 7, "cell_id": "train", "error": "<b>!"}
            status |= {"status": "failed"} | why
            (folder / "07_multitask").mkdir(parents=True)
            (folder / "07_multitask" / "07_multitask.html").write_text("")
        else:
            results = Results(folder, "07_multitask")
            results.dataset("phantom", {"test": 3}, seed)
            results.metric("frontal.ssim", value, 3, constant=0.05, split="test")
            results.metric("other.words", 0.5, 3, split="test")
            results.write()
        path = folder / "07_multitask" / "status.json"
        path.write_text(json.dumps(status))
    write_tables(tmp_path)
    write_index(tmp_path)
    return tmp_path


def test_mean_and_deviation_over_the_seeds(sweep):
    table = pd.read_csv(sweep / "sweep.csv", keep_default_na=False, na_values=[""])
    table = table[table.score == "frontal.ssim"].set_index("conditioning")
    latent, none = table.loc["latent"], table.loc["none"]
    assert latent.runs == 2 and latent["mean"] == pytest.approx(0.3)
    assert latent.deviation == pytest.approx(0.1 * 2**0.5)  # Of a sample.
    assert none.runs == 1 and pd.isna(none.deviation)
    assert latent.ground == "phantom" and latent.split == "test" and latent.n == 3
    assert latent.baseline == pytest.approx(0.05)


def test_the_page_shows_means_first_and_each_run_with_a_link(sweep):
    page = (sweep / "index.html").read_text()
    assert "PHANTOM: simulated" in page and "http" not in page
    means, runs = page.split("<h3>All runs</h3>")
    assert "0.3000 ± 0.1414" in means and "split: test; n = 3" in means
    # One run has no deviation; an older score without a headline has no column.
    assert "0.1000<" in means and "words</button>" not in means
    assert "conditioning%3Dlatent%2Cseed%3D0/index.html#07_multitask" in runs
    assert 'data-value="0.4"' in runs and "2.0" in runs
    cell = "conditioning%3Dnone%2Cseed%3D1/07_multitask/07_multitask.html#cell-id=train"
    assert f'<a href="{cell}">In [7] killed: &lt;b&gt;!</a>' in runs
    assert 'badge failed">killed' in runs
    assert not (sweep / "conditioning=latent,seed=0" / "sweep.csv").exists()


def test_a_point_has_a_page_of_its_own(sweep):
    page = (sweep / "conditioning=latent,seed=0" / "index.html").read_text()
    assert 'href="../index.html"' in page and "other.words" in page
    assert "over the seeds" not in page


def test_all_runs_are_in_the_csv(sweep):
    table = pd.read_csv(sweep / "runs.csv", keep_default_na=False)
    assert len(table) == 4 and list(table["other.words"]).count("0.5") == 3
    assert set(table.conditioning) == {"latent", "none"}
    assert list(table[table.status == "failed"].reason) == ["killed"]

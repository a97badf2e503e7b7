"""The four pulls of 07 are parts of one gradient; its failures are those there are."""

import types

import keras
import matplotlib
import numpy as np
import pandas as pd
import pytest
from conftest import make_tiny_model
from taught import run_cells

from cxrlib.systems.reports.model import compile_report_model

tensorflow = pytest.importorskip("tensorflow")
if keras.backend.backend() != "tensorflow":
    pytest.skip("07 asks TensorFlow for the gradients", allow_module_level=True)

WEIGHTS = {"abnormal": 2.0, "frontal": 0.5, "lateral": 3.0, "text": 1.5}


@pytest.fixture(scope="module")
def model(preprocessor):
    model = make_tiny_model(preprocessor, "spatial")
    alpha, beta, gamma, delta = WEIGHTS.values()
    return compile_report_model(model, alpha=alpha, beta=beta, gamma=gamma, delta=delta)


def test_weighted_pulls_add_up_to_the_gradient_of_the_total(model, batch):
    inputs, targets, weights = batch
    before = [w.copy() for w in model.get_weights()]
    pulls = run_cells("07_multitask", "pulls")["pulls"](model, *batch)
    assert set(pulls) == set(WEIGHTS)
    assert all(np.linalg.norm(pull) > 0 for pull in pulls.values())
    for was, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(was, now)

    kernels = [w.value for w in model.imaging.encoder.weights if w.name == "kernel"]
    with tensorflow.GradientTape() as tape:
        tape.watch(kernels[-2:])
        total = model.compute_loss(
            inputs, targets, model(inputs, training=False), weights, training=False
        )
    slopes = tape.gradient(total, kernels[-2:])
    expected = np.concatenate([np.ravel(slope) for slope in slopes])
    found = sum(WEIGHTS[task] * pull for task, pull in pulls.items())
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-7)


def test_a_text_that_does_not_see_the_image_does_not_pull(preprocessor, batch):
    model = compile_report_model(make_tiny_model(preprocessor, "none"))
    pulls = run_cells("07_multitask", "pulls")["pulls"](model, *batch)
    assert not pulls["text"].any() and pulls["abnormal"].any()


def test_pulls_survive_float16(preprocessor, batch):
    whole = compile_report_model(make_tiny_model(preprocessor, "spatial"))
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = compile_report_model(make_tiny_model(preprocessor, "spatial"))
    finally:
        keras.mixed_precision.set_global_policy("float32")
    half.set_weights(whole.get_weights())
    pulls = run_cells("07_multitask", "pulls")["pulls"]

    def missed(task, *how):
        """How far float16 is from float32, in lengths of the gradient."""
        expected, found = (pulls(m, *batch, *how)[task] for m in (whole, half))
        return np.linalg.norm(found - expected) / np.linalg.norm(expected)

    assert all(missed(t, place) < 0.1 for t in WEIGHTS for place in ("last", "early"))
    # A gradient that is 256 times smaller is gone where it is not scaled.
    assert missed("frontal", "last", 2.0**-8) > 0.5


# === Where it fails ===

PAIRS = [
    ("Small left pleural effusion.", "Small left pleural effusion."),
    ("Pulmonary edema.", "No acute disease."),
    ("Small left pleural effusion.", "Small right pleural effusion."),
    ("No acute disease.", "Cardiomegaly."),
    ("No acute disease.", "No acute disease."),
]


def failing(monkeypatch, folder, is_phantom=True, pairs=PAIRS, times=12):
    """Section 11 on made-up reports of `times` studies each."""
    matplotlib.use("Agg")
    rows = [(str(i), *pair) for i, pair in enumerate(pairs * times)]
    predictions = pd.DataFrame(rows, columns=["uid", "reference", "prediction"])
    predictions["probability"] = np.tile(np.linspace(0, 1, 5), len(rows) // 5)
    kinds = {"Small left": "Pleural Effusion", "Pulmonary ": "Edema"}
    sizes = [
        (uid, kinds[text[:10]], float(n % 7))
        for n, (uid, text, _) in enumerate(rows)
        if text[:10] in kinds
    ]
    sizes = pd.DataFrame(sizes, columns=["uid", "finding", "size"])
    monkeypatch.setattr("cxrphantom.sizes.finding_sizes", lambda *_: sizes)
    source = {"is_phantom": is_phantom, "root": "nowhere"}
    monkeypatch.setattr(
        "cxrlib.data.prepare.read_manifest", lambda _: {"source": source}
    )
    film = {view: np.zeros((len(rows), 32, 32, 1)) for view in ("frontal", "lateral")}
    batch = film | {"uid": predictions.uid.to_numpy().astype("S")}
    stream = types.SimpleNamespace(as_numpy_iterator=lambda: iter([batch]))
    monkeypatch.setattr("cxrlib.data.pipeline.load_records", lambda *_: stream)
    results = types.SimpleNamespace(record={"metrics": {}})
    results.record["metrics"]["abnormal.accuracy"] = {"protocol": {"threshold": 0.5}}
    results.scores = lambda values, n, **_: results.record.update(shares=values)
    from cxrlib import plots

    names = {"np": np, "pd": pd, "plots": plots, "predictions": predictions}
    names |= {"results": results, "prepared": "", "section": "impression"}
    names |= {"ground": "phantom", "figures": folder}
    ids = "fails", "fails-run", "fails-plot", "worst", "worst-gallery"
    return run_cells("07_multitask", *ids, **names)


def test_findings_that_are_missed_are_found_by_subgroup(monkeypatch, tmp_path):
    names = failing(monkeypatch, tmp_path)
    scored = names["scored"].set_index(["column", "group"])
    effusion, edema = (
        scored.loc[("finding", name)] for name in ("Pleural Effusion", "Edema")
    )
    assert (effusion.value, edema.value) == (0.5, 0)
    assert edema.high < 0.3, "twelve of twelve missed is no certainty"
    assert (effusion.n, edema.n) == (24, 12)
    # By size there is nothing, and nothing is shown.
    assert scored.loc["size in its kind"].holm.min() > 0.05
    record = names["results"].record
    assert record["metrics"]["subgroup.recall_finding_edema"]["value"] == 0
    assert record["shares"]["failures.missed_share"] == pytest.approx(0.2)
    saved = {path.name for path in tmp_path.glob("*.png")}
    assert saved == {"subgroups.png", "worst.png"}


def test_the_gallery_shows_the_worst_by_the_rule(monkeypatch, tmp_path):
    names = failing(monkeypatch, tmp_path)
    assert set(names["worst"].prediction) == {"Small right pleural effusion."}
    assert len(names["notes"]) == 10 and "Pleural Effusion" in names["notes"][0]
    assert len(names["failed"]) == 36, "missed, on the wrong side, invented"


def test_real_studies_have_no_sizes(monkeypatch, tmp_path):
    names = failing(monkeypatch, tmp_path, is_phantom=False)
    sized = names["scored"][names["scored"]["column"].ne("finding")]
    assert list(sized.group) == ["not given"] * 2
    assert names["notes"][0].endswith("not known")


def test_a_system_without_a_failure_has_no_gallery(monkeypatch, tmp_path):
    names = failing(monkeypatch, tmp_path, pairs=[PAIRS[0]] * 5, times=2)
    assert not len(names["worst"]) and not (tmp_path / "worst.png").exists()

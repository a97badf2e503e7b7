"""What 06b decodes by hand is what KerasHub decodes, in any precision."""

import keras
import keras_hub
import numpy as np
import pandas as pd
import pytest
from keras import ops
from taught import run_cells

from cxrlib.models.text import ReportPreprocessor, ReportTokenizer
from cxrlib.systems.reports.model import ReportModel
from cxrlib.systems.reports.presets import build_report_model

NOTEBOOK = "06b_decoding"
REPORTS = ["No acute disease.", "Small left pleural effusion.", "Mild cardiomegaly."]
LENGTH, MANY = 12, 3


@pytest.fixture(params=["float32", "mixed_float16"])
def taught(request):
    """What the first cells leave for a small model whose gates are open."""
    keras.config.set_dtype_policy(request.param)
    try:
        tokenizer = ReportTokenizer.train(REPORTS, 290)
        preprocessor = ReportPreprocessor(tokenizer, sequence_length=LENGTH)
        origin = {"trained_on": "nothing", "ground": "phantom"}
        origin |= {"encoder": "none", "gpt2": "none"}
        model = build_report_model("tiny", preprocessor, origin=origin)
        for look in model.causal_lm.backbone.inject:
            look.gate.assign(np.random.default_rng(0).normal(size=look.gate.shape))
        maps = np.random.default_rng(1).random((MANY, 2, 2, 2, 30), "float32")
        names = {"np": np, "pd": pd, "ops": ops, "ReportModel": ReportModel}
        names |= {"model": model, "preset": "tiny", "results": _Record()}
        names |= {"samplers": keras_hub.samplers, "seed": 0}
        names |= {"test": {"maps": maps, "text": REPORTS}}
        yield run_cells(
            NOTEBOOK, "writer", "parts", "write-by-hand", "as-text", **names
        )
    finally:
        keras.config.set_dtype_policy("float32")


class _Record:
    """Stands in for the notebook's record."""

    def weights(self, *_, **__):
        pass

    def predict(self, number, guess):
        pass


def image(taught, rows=slice(None)):
    return {"maps": taught["test"]["maps"][rows]}


def test_the_writer_computes_in_float32_with_the_same_weights(taught):
    writer, kept = taught["writer"], taught["kept"]
    inside = [part for part in writer.backbone.layers if part.weights]
    assert {layer.compute_dtype for layer in inside} == {"float32"}
    for ours, theirs in zip(writer.backbone.weights, kept.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_greedy_by_hand_is_kerashubs_and_the_cache_changes_no_token(taught):
    writer = taught["writer"]
    ids, computed = taught["write"](writer, image(taught), LENGTH, MANY)
    writer.compile(sampler="greedy", run_eagerly=True)
    prompts = {"prompts": [""] * MANY, **image(taught)}
    written = writer.generate(prompts, max_length=LENGTH)
    assert written == [taught["as_text"](row) for row in ids]
    taught = run_cells(NOTEBOOK, "write-cached", **taught)
    cached_ids, cached = taught["write_cached"](writer, image(taught), LENGTH, MANY)
    np.testing.assert_array_equal(ids, cached_ids)
    assert (computed, cached) == (LENGTH * (LENGTH - 1) // 2, 2 * LENGTH - 1)


def test_ways_to_choose_are_kerashubs(taught):
    taught = run_cells(NOTEBOOK, "choose", "top-k", "top-p", **taught)
    logits = np.random.default_rng(2).normal(size=30).astype("float32")
    shares = taught["softmax"](logits)
    sampler = keras_hub.samplers.RandomSampler(temperature=2.0)
    np.testing.assert_allclose(
        taught["softmax"](logits, 2.0), sampler.compute_probabilities(logits), atol=1e-6
    )
    assert (taught["softmax"](logits, 2.0) > 0).all(), "a temperature rules nothing out"
    assert np.count_nonzero(taught["top_k"](shares, 5)) == 5
    kept = taught["top_p"](shares, 0.5)
    least = np.sort(shares)[::-1][: np.count_nonzero(kept)]
    assert least.sum() > 0.5 >= least[:-1].sum() and kept.sum() == pytest.approx(1)


def test_log_likelihood_is_the_sum_over_the_tokens(taught):
    taught |= {"one": image(taught, slice(0, 1))}
    likely = run_cells(NOTEBOOK, "likelihood", **taught)["log_likelihood"](REPORTS)
    x, y, weights = taught["preprocessor"](REPORTS[:1])
    x = {name: np.array(value) for name, value in x.items()} | taught["one"]
    logs = np.array(ops.log_softmax(taught["writer"](x)))[0]
    by_token = [logs[i, y] for i, y in enumerate(np.array(y)[0])]
    assert likely[0] == pytest.approx(
        float(np.sum(by_token * np.array(weights)[0])), 1e-4
    )


@pytest.mark.parametrize(
    "report, place",
    [
        ("Small left pleural effusion.", 2),
        ("No pleural effusion.", None),
        ("No edema. Pleural effusion.", 2),
        ("Clear lungs.", None),
    ],
)
def test_a_word_that_follows_a_no_names_nothing(report, place):
    taught = run_cells(NOTEBOOK, "named-by")
    assert taught["place_of"](report, taught["named_by"]["pleural_effusion"]) == place

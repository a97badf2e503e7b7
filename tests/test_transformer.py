"""The Transformer from scratch: equal to Keras's parts, causal, saved; it learns."""

import math

import keras
import keras_hub
import matplotlib
import numpy as np
import pandas as pd
import pytest
from model_checks import randomise, run_saving_test

from cxrlib.models.losses import text_loss
from cxrlib.models.transformer import (
    CausalSelfAttention,
    InverseSquareRoot,
    ReportTransformer,
    SinusoidalPositions,
    TransformerBlock,
    causal_mask,
    scaled_dot_product,
)
from cxrlib.systems.reports.model import TokenPerplexity
from cxrlib.training import train

matplotlib.use("Agg")

SIZES = {"num_layers": 2, "num_heads": 4, "hidden_dim": 32, "intermediate_dim": 64}


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.fixture(scope="module")
def model(preprocessor):
    """An untrained model over the shared vocabulary; tests must not train it."""
    keras.utils.set_random_seed(0)
    size = preprocessor.tokenizer.vocabulary_size()
    return ReportTransformer(size, **SIZES, preprocessor=preprocessor)


@pytest.fixture(scope="module")
def texts(preprocessor, reports):
    """Ids, targets and weights of the shared reports, `(6, 24)` each."""
    x, y, weight = preprocessor(reports)
    return [np.array(each, "int32") for each in (x["token_ids"], y, weight)]


# === Attention ===


def by_hand(query, key, value, causal):
    """The paper's equation 1 for one head, in loops: `(T, d)` each."""
    mixed = np.zeros_like(value)
    for t in range(len(query)):
        seen = range(t + 1) if causal else range(len(key))
        scores = [math.exp(query[t] @ key[s] / math.sqrt(query.shape[1])) for s in seen]
        for s, score in zip(seen, scores, strict=True):
            mixed[t] += score / sum(scores) * value[s]
    return mixed


@pytest.mark.parametrize("causal", [True, False])
def test_attention_is_the_papers_equation(causal):
    query, key, value = noise(3, 5, 4)
    mask = causal_mask(5) if causal else None
    mixed, weights = map(np.array, scaled_dot_product(query, key, value, mask))
    np.testing.assert_allclose(mixed, by_hand(query, key, value, causal), atol=1e-5)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)
    assert (weights[~np.tri(5, dtype=bool)] == 0).all() == causal


def test_attention_equals_keras_multi_head_attention():
    x = noise(2, 7, 32)
    ours = CausalSelfAttention(num_heads=4)
    ours(x)
    peer = keras.layers.MultiHeadAttention(4, key_dim=8, use_bias=False)
    peer(x, x)
    query, key, value, output = (w.reshape(-1) for w in ours.get_weights())
    inwards = [w.reshape(32, 4, 8) for w in (query, key, value)]
    peer.set_weights([*inwards, output.reshape(4, 8, 32)])
    expected, scores = peer(x, x, use_causal_mask=True, return_attention_scores=True)
    np.testing.assert_allclose(ours(x), expected, atol=1e-5)
    np.testing.assert_allclose(ours.attend(x)[1], scores, atol=1e-5)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="5 heads do not divide 32"):
        CausalSelfAttention(num_heads=5)(noise(1, 3, 32))


def test_half_precision_neither_overflows_nor_leaks():
    x = 30 * noise(1, 6, 32)  # Scores far above float16's 65504 before the root.
    layer = CausalSelfAttention(num_heads=4, dtype="mixed_float16")
    layer(x)
    weights = np.array(layer.attend(x.astype("float16"))[1], "float32")
    assert np.isfinite(weights).all() and np.isfinite(np.array(layer(x))).all()
    assert (weights[..., ~np.tri(6, dtype=bool)] == 0).all()


# === Block, positions, schedule ===


def test_block_equals_kerashubs_decoder():
    x = noise(2, 7, 32)
    ours = TransformerBlock(num_heads=4, intermediate_dim=64, dropout=0.0)
    ours(x)
    randomise(ours)
    peer = keras_hub.layers.TransformerDecoder(64, num_heads=4, dropout=0.0)
    peer(x)
    attention = peer._self_attention_layer
    for name, dense in (
        ("query", ours.attention.query),
        ("key", ours.attention.key),
        ("value", ours.attention.value),
    ):
        kernel = dense.get_weights()[0].reshape(32, 4, 8)
        getattr(attention, f"{name}_dense").set_weights([kernel, np.zeros((4, 8))])
    kernel = ours.attention.output_projection.get_weights()[0].reshape(4, 8, 32)
    attention._output_dense.set_weights([kernel, np.zeros(32)])
    for theirs, mine in (
        (peer._self_attention_layer_norm, ours.attention_norm),
        (peer._feedforward_intermediate_dense, ours.expand),
        (peer._feedforward_output_dense, ours.contract),
        (peer._feedforward_layer_norm, ours.feed_forward_norm),
    ):
        theirs.set_weights(mine.get_weights())
    np.testing.assert_allclose(ours(x), peer(x), atol=1e-4)


def test_dropout_acts_in_training_only():
    x = noise(1, 5, 32)
    block = TransformerBlock(num_heads=4, intermediate_dim=64, dropout=0.5)
    np.testing.assert_array_equal(block(x), block(x))
    assert np.abs(np.array(block(x, training=True)) - np.array(block(x))).max() > 0.1


def test_positions_are_the_papers():
    length, width = 50, 16
    received = np.array(SinusoidalPositions()(np.zeros((1, length, width))))[0]
    for t in range(length):
        for i in range(width // 2):
            angle = t / 10000 ** (2 * i / width)
            pair = [math.sin(angle), math.cos(angle)]
            np.testing.assert_allclose(received[t, 2 * i : 2 * i + 2], pair, atol=1e-4)
    x = noise(2, length, width)
    peer = keras_hub.layers.SinePositionEncoding()(x)
    np.testing.assert_allclose(SinusoidalPositions()(x), x + peer, atol=1e-4)


@pytest.mark.parametrize(
    "step, rate",
    [
        (1, 1.7469e-07),  # 512^-0.5 · 4000^-1.5
        (2000, 3.4939e-04),
        (4000, 6.9877e-04),  # 512^-0.5 · 4000^-0.5, the peak
        (16000, 3.4939e-04),  # Four times the steps, half the rate.
    ],
)
def test_schedule_has_the_papers_values(step, rate):
    schedule = InverseSquareRoot(512, warmup_steps=4000)
    # Before its n-th update, an optimizer has made n - 1.
    assert float(schedule(step - 1)) == pytest.approx(rate, rel=1e-4)
    halved = InverseSquareRoot(512, warmup_steps=4000, scale=0.5)
    assert float(halved(step - 1)) == pytest.approx(rate / 2, rel=1e-4)
    again = InverseSquareRoot.from_config(halved.get_config())
    assert float(again(step)) == float(halved(step))


# === Model ===


def test_size_is_that_of_the_papers_base_model(preprocessor):
    model = ReportTransformer(1000)
    d, f = 512, 2048
    block = 4 * d * d + (d * f + f) + (f * d + d) + 2 * 2 * d
    assert model.count_params() == 1000 * d + 6 * block


def test_no_leak_through_the_causal_mask(model, texts):
    ids = texts[0]
    changed = ids.copy()
    changed[:, 6:] = 5
    before, after = np.array(model(ids)), np.array(model(changed))
    np.testing.assert_allclose(before[:, :6], after[:, :6], atol=1e-5)
    assert np.abs(before[:, 6:] - after[:, 6:]).max() > 1e-2


def test_each_token_sees_its_whole_past(model, texts):
    changed = texts[0].copy()
    changed[:, 1] = 7
    change = np.abs(np.array(model(texts[0])) - np.array(model(changed))).max(axis=-1)
    assert (change[:, 0] < 1e-5).all() and (change[:, 1:] > 1e-4).all()


def test_padding_does_not_matter(model, reports):
    losses, seen = [], []
    for length, pad in ((56, 0), (72, 0), (56, 9)):  # Longer; and another token.
        x, targets, weights = model.preprocessor(reports, sequence_length=length)
        real = np.array(weights, "bool")
        logits = model(np.where(real, x["token_ids"], pad))
        seen.append(np.array(logits)[real])
        loss = text_loss()(np.array(targets), logits, sample_weight=real)
        losses.append(float(loss))
    for i in (1, 2):
        np.testing.assert_allclose(seen[i], seen[0], atol=1e-5)
        assert losses[i] == pytest.approx(losses[0], rel=1e-5)


def test_attention_weights_are_those_of_the_forward_pass(model, texts):
    ids = texts[0][:2, :9]
    weights = np.array(model.attention_weights(ids))
    assert weights.shape == (2, 2, 4, 9, 9)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    second = keras.Model(model.input, model.blocks[1].input)(ids)
    attended = model.blocks[1].attention.attend(second)[1]
    np.testing.assert_allclose(weights[:, 1], attended, atol=1e-5)


# === Training ===


def fresh(preprocessor, dropout=0.0, seed=0):
    keras.utils.set_random_seed(seed)
    size = preprocessor.tokenizer.vocabulary_size()
    model = ReportTransformer(size, **SIZES, dropout=dropout, preprocessor=preprocessor)
    model.compile(
        keras.optimizers.Adam(InverseSquareRoot(32, 40, 0.5), beta_2=0.98),
        text_loss(),
        weighted_metrics=[TokenPerplexity()],
    )
    return model


def test_it_learns_by_heart_and_says_it(preprocessor, texts, reports):
    model = fresh(preprocessor)
    ids, targets, weights = texts
    # At the start every token is about as likely as any other.
    before = model.evaluate(ids, targets, sample_weight=weights, verbose=0)
    assert before[0] == pytest.approx(math.log(model.vocabulary_size), rel=0.25)
    history = model.fit(
        ids, targets, sample_weight=weights, batch_size=6, epochs=100, verbose=0
    ).history
    # All that is left is which of the six reports begins.
    possible = math.exp(6 * math.log(6) / weights.sum())
    assert history["perplexity"][-1] < possible * 1.1
    prompts = ["Small left", "Normal", "No"]
    written = model.generate(prompts)
    assert written == [reports[1], reports[2], reports[0]]
    beam = model.generate(prompts, keras_hub.samplers.BeamSampler(num_beams=2))
    assert beam == written


@pytest.mark.long
def test_a_killed_training_ends_as_an_unbroken_one(
    preprocessor, texts, tmp_path, eager
):
    ids, targets, weights = texts

    def stream(first):
        for _ in range(first, 4):
            yield ids, targets, weights

    class Kill(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    def run(out, seed=0, callbacks=()):
        return train(
            fresh(preprocessor, dropout=0.3, seed=seed),
            stream,
            (ids, targets, weights),
            tmp_path / out,
            epochs=4,
            steps_per_epoch=1,
            callbacks=callbacks,
            verbose=0,
        )

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        run("broken", callbacks=[Kill()])
    resumed = run("broken", seed=9)
    logs = [pd.read_csv(tmp_path / n / "history.csv") for n in ("whole", "broken")]
    assert list(logs[1]["epoch"]) == [0, 1, 2, 3]
    np.testing.assert_allclose(*logs, rtol=1e-3)
    np.testing.assert_allclose(whole(ids), resumed(ids), atol=1e-3)


# === Generation ===


def greedy_by_hand(model, prompt, length):
    """One whole forward pass per token, on the tokens so far and nothing else."""
    tokenizer = model.preprocessor.tokenizer
    ids = [tokenizer.start_token_id, *map(int, tokenizer(prompt))]
    while len(ids) < length and ids[-1] != tokenizer.end_token_id:
        logits = model(np.array([ids], "int32"))
        ids.append(int(np.argmax(np.array(logits)[0, -1])))
    kept = [i for i in ids if i not in tokenizer.special_token_ids]
    return tokenizer.detokenize([kept])[0].strip()


def test_generation_equals_greedy_by_hand(model):
    prompts = ["No", "", "Small left pleural"]
    expected = [greedy_by_hand(model, prompt, 20) for prompt in prompts]
    assert model.generate(prompts, max_length=20) == expected
    assert all(w.startswith(p) for w, p in zip(expected, prompts, strict=True))


def test_what_stands_behind_the_end_is_not_said(model, preprocessor, monkeypatch):
    """A row that is done waits for the others; what it is given then is dropped."""
    tokenizer = preprocessor.tokenizer

    class EndAfter(keras_hub.samplers.Sampler):
        """Row i says <end> at its (i + 1)th step, and "No" before and after."""

        def get_next_token(self, probabilities):
            self.step = getattr(self, "step", -1) + 1
            no = int(np.array(tokenizer("No")).reshape(-1)[0])
            return np.where(np.arange(3) == self.step, tokenizer.end_token_id, no)

    written = model.generate(["Clear"] * 3, EndAfter())
    assert written == ["Clear", "ClearNo", "ClearNoNo"]


def test_samples_follow_seed_and_temperature(model):
    def sample(**options):
        return model.generate([""] * 6, keras_hub.samplers.RandomSampler(**options), 12)

    assert sample(seed=1) == sample(seed=1) != sample(seed=2)
    # Close to 0, all that is left is the likeliest.
    cold = sample(seed=1, temperature=1e-4)
    assert cold == model.generate([""] * 6, max_length=12)


def test_a_prompt_that_fills_the_report_is_refused(model):
    with pytest.raises(ValueError, match="shorten the prompt"):
        model.generate(["No acute disease. " * 20])


# === Saving ===


@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_the_same_in_a_fresh_process(backend, preprocessor, texts, tmp_path):
    pytest.importorskip(backend, reason=f"{backend} is in the test extras")
    model = fresh(preprocessor)
    model.origin["trained_on"] = "six sentences"
    run_saving_test(
        {"model": (model, texts[0])},
        tmp_path,
        """
assert models["model"].generate(["No", ""], max_length=12) == kept["reports"]
assert models["model"].origin["trained_on"] == "six sentences"
""",
        backend=backend,
        tolerance=1e-4,
        reports=model.generate(["No", ""], max_length=12),
    )


# === Figures ===


def test_attention_is_drawn_with_numbers_while_they_fit(tmp_path):
    from matplotlib import pyplot as plt

    from cxrlib import plots

    def words(figure):
        return [text.get_text() for text in figure.findobj(plt.Text)]

    weights = [[[1, 0], [0.25, 0.75]]] * 3
    figure = plots.plot_attention(
        weights, ["costs", " $5"], ["a", "b", "c"], columns=2, ground="phantom"
    )
    path = plots.save_figure(figure, tmp_path / "attention.png")
    assert min(plt.imread(path).shape[:2]) > 150
    assert words(figure).count("0.25") == 3 and "0.00" not in words(figure)
    assert any("PHANTOM" in word for word in words(figure))
    many = plots.plot_attention(np.eye(12)[None], ["a"] * 12, ground="phantom")
    assert "1.00" not in words(many)
    waves = SinusoidalPositions()(np.zeros((1, 20, 8)))[0]
    plots.save_figure(plots.plot_positions(waves), tmp_path / "positions.png")
    rates = {"paper": InverseSquareRoot(512)(np.arange(9))}
    figure = plots.plot_schedules(rates, steps=5)
    plots.save_figure(figure, tmp_path / "rates.png")
    assert any("end of this training" in word for word in words(figure))
    plt.close("all")

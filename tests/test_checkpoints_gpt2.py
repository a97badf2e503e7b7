"""GPT-2 from elsewhere gives transformers' numbers and KerasHub's, to the digit."""

import importlib.util
import json
import pathlib
import subprocess
import sys

import keras_hub
import numpy as np
import pytest
from gpt2_folders import (
    CONFIG,
    MERGES,
    SIZES,
    TOKENS,
    VOCABULARY,
    backbone_for,
    random_tensors,
    same,
    write_folder,
    write_vocabulary,
)

from cxrbase.files import InputError
from cxrlib.models.latent_gpt2_causal_lm import LatentGPT2CausalLM
from cxrlib.models.text import ReportTokenizer
from cxrlib.pretrained.gpt2 import (
    gpt2_sizes_of,
    load_gpt2_into,
    read_gpt2,
    tokenizer_files,
)
from cxrlib.pretrained.registry import find_weights
from cxrlib.systems.reports.presets import build_gpt2, build_report_model

# === transformers' numbers ===


KINDS = {
    "two layers": {},
    "three layers, as DistilGPT-2 has six": {"config": {"n_layer": 3, "n_inner": 40}},
    "several files": {"options": {"max_shard_size": "20KB"}},
    "float16": {"type": "float16"},
    "bfloat16": {"type": "bfloat16"},
    "without prefix": {"without_head": True},
}
TEXT = "No acute <3 findings, 12.5 mm (left)."


def ask_transformers(folder, texts, **job):
    """Run the peer in a process of its own; return the ids of the texts."""
    for package in ("torch", "transformers"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is in the test extras: pip install '.[test]'")
    done = subprocess.run(
        [sys.executable, pathlib.Path(__file__).with_name("transformers_peer.py")],
        input=json.dumps({"folder": str(folder), "texts": texts, **job}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def their(tmp_path_factory):
    """A folder for each kind, saved by transformers, and what it answered."""
    folder = write_vocabulary(tmp_path_factory.mktemp("transformers"))
    ids = ask_transformers(
        folder,
        [TEXT],
        config={"bos_token_id": 262, "eos_token_id": 262, **CONFIG},
        kinds=KINDS,
        ids=numbers().tolist(),
        prompts=numbers(16, 5).tolist(),
    )
    return folder, ids[0]


def numbers(count=3, length=20):
    return np.random.default_rng(0).integers(0, len(TOKENS), (count, length))


def some_latent(count=3):
    return np.random.default_rng(1).normal(0, 9, (count, 6)).astype("float32")


@pytest.mark.parametrize("kind", KINDS)
def test_the_logits_are_those_of_transformers(their, kind):
    folder = their[0] / kind
    assert (folder / "model.safetensors").is_file() != (kind == "several files")
    backbone = backbone_for(folder)
    assert load_gpt2_into(backbone, folder) == f"{kind} (Hugging Face folder)"
    ids, expected = numbers(), np.load(folder / "logits.npy")
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    logits = LatentGPT2CausalLM(backbone)({**inputs, "latent": some_latent()})
    difference = np.abs(np.array(logits)[..., : len(TOKENS)] - expected).max()
    print(f"{kind}: logits differ by at most {difference:.1e}")
    assert difference <= 1e-4 and np.ptp(expected) > 5
    plain = read_gpt2(folder)(inputs)
    conditioned = backbone({**inputs, "latent": some_latent()})
    np.testing.assert_array_equal(plain, conditioned)  # to the last digit


def test_the_greedy_text_is_that_of_transformers(their):
    folder = their[0] / "two layers"
    backbone = backbone_for(folder)
    load_gpt2_into(backbone, folder)
    prompts, expected = numbers(16, 5), np.load(folder / "greedy.npy")
    causal_lm = LatentGPT2CausalLM(backbone)
    causal_lm.compile(sampler="greedy")
    written = causal_lm.generate(
        {
            "token_ids": np.pad(prompts, [(0, 0), (0, 15)]),
            "padding_mask": np.arange(20)[None].repeat(16, 0) < 5,
            "latent": some_latent(16),
        },
        stop_token_ids=None,
    )["token_ids"]
    np.testing.assert_array_equal(written, expected)
    assert len(np.unique(expected[:, 5:])) > 10


def test_the_tokens_are_those_of_transformers(their):
    ours = ReportTokenizer.from_gpt2_files(their[0])
    assert np.array(ours(TEXT)).tolist() == their[1]
    assert ours.detokenize(ours(TEXT)) == TEXT


def test_kerashubs_converter_gives_the_same_weights(tmp_path):
    # KerasHub 0.26 imports sentencepiece before it reads any Hugging Face folder.
    pytest.importorskip("keras_hub.src.utils.transformers.convert_gpt2")
    folder = write_folder(tmp_path / "their")
    try:
        theirs = keras_hub.models.GPT2Backbone.from_preset(str(folder))
    except ModuleNotFoundError as error:
        pytest.skip(f"KerasHub {keras_hub.__version__} cannot convert here: {error}")
    same(theirs.get_weights(), read_gpt2(folder).get_weights())


# === KerasHub's and our own folders ===


def test_a_kerashub_preset_folder(tmp_path, capsys):
    gpt2 = keras_hub.models.GPT2Backbone(**SIZES)
    rng = np.random.default_rng(0)
    gpt2.set_weights([rng.normal(0, 0.3, x.shape) for x in gpt2.get_weights()])
    tokenizer = keras_hub.models.GPT2Tokenizer(VOCABULARY, MERGES)
    preprocessor = keras_hub.models.GPT2CausalLMPreprocessor(tokenizer)
    task = keras_hub.models.GPT2CausalLM(gpt2, preprocessor)
    task.save_to_preset(str(tmp_path / "my_preset"))
    same(gpt2.get_weights(), read_gpt2(tmp_path / "my_preset").get_weights())
    backbone = backbone_for(tmp_path / "my_preset", positions=16)
    assert load_gpt2_into(backbone, tmp_path / "my_preset") == (
        "my_preset (KerasHub folder)"
    )
    assert "first 16 are kept" in capsys.readouterr().out
    ids = numbers(3, 16)
    inputs = {"token_ids": ids, "padding_mask": np.ones_like(ids)}
    np.testing.assert_array_equal(
        backbone({**inputs, "latent": some_latent()}), gpt2(inputs)
    )
    ours = ReportTokenizer.from_gpt2_files(tokenizer_files(tmp_path / "my_preset"))
    assert ours.vocabulary_size() == len(TOKENS) + 3 and ours.merges == MERGES


def test_our_own_folder(capsys):
    folder = find_weights("phantom_gpt2")
    tokenizer = ReportTokenizer.from_gpt2_files(tokenizer_files(folder))
    assert gpt2_sizes_of(folder) == {
        "num_layers": 4,
        "num_heads": 4,
        "hidden_dim": 192,
        "intermediate_dim": 768,
    }
    backbone = backbone_for(folder, 80, tokenizer.vocabulary_size())
    origin = load_gpt2_into(backbone, str(folder), tokenizer)
    assert origin == "phantom_gpt2/gpt2.weights.h5"
    assert "last 16 positions are new and start at random" in capsys.readouterr().out
    config = json.loads((folder / "config.json").read_text())
    gpt2 = keras_hub.models.GPT2Backbone(**config)
    gpt2.load_weights(folder / "gpt2.weights.h5")
    for ours, theirs in zip(
        [backbone.token_embedding, *backbone.transformer_layers, backbone.layer_norm],
        [gpt2.token_embedding, *gpt2.transformer_layers, gpt2.layer_norm],
        strict=True,
    ):
        same(ours.get_weights(), theirs.get_weights())


def test_only_the_added_tokens_start_at_the_mean(tmp_path, capsys):
    folder = write_folder(tmp_path / "their")
    tokenizer = ReportTokenizer.from_gpt2_files(folder)
    assert sorted(tokenizer.special_token_ids) == [263, 264, 265]
    backbone = backbone_for(folder, vocabulary=tokenizer.vocabulary_size())
    load_gpt2_into(backbone, folder, tokenizer)
    rows, learned = backbone.token_embedding.get_weights()[0], random_tensors()
    np.testing.assert_array_equal(rows[:263], learned["wte.weight"])
    mean = learned["wte.weight"].mean(axis=0)
    np.testing.assert_allclose(rows[263:], [mean] * 3, rtol=1e-5)
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "3 new tokens start at the mean" in out
    assert "the image changes nothing before the first step" in out


def test_a_vocabulary_alone_brings_no_weights(tmp_path, capsys):
    for source in ("", write_vocabulary(tmp_path / "words")):
        assert gpt2_sizes_of(source) is None
        backbone = backbone_for("")
        before = backbone.get_weights()
        assert load_gpt2_into(backbone, source) == "none"
        same(before, backbone.get_weights())
        assert "no pretrained weights" in capsys.readouterr().out
    with pytest.raises(InputError, match="holds no GPT-2"):
        read_gpt2(tmp_path / "words")


def test_the_system_takes_the_size_of_its_gpt2(tmp_path, preprocessor):
    sizes = gpt2_sizes_of(write_folder(tmp_path / "their"))
    assert sizes == {name: SIZES[name] for name in list(SIZES)[1:5]}
    model = build_report_model("tiny", preprocessor, gpt2_sizes=sizes)
    assert model.causal_lm.backbone.hidden_dim == 16
    assert build_gpt2("tiny", preprocessor, sizes).intermediate_dim == 64
    assert build_gpt2("tiny", preprocessor).hidden_dim == 64


# === The vocabulary ===


def fast_tokenizer(merges, **changes):
    model = {"type": "BPE", "vocab": VOCABULARY, "merges": merges, **changes}
    added = [{"id": len(TOKENS), "content": "<pad>"}]
    return json.dumps({"model": model, "added_tokens": added})


@pytest.mark.parametrize("merges", [MERGES, [merge.split() for merge in MERGES]])
def test_one_file_with_vocabulary_and_merges(tmp_path, merges):
    path = tmp_path / "tokenizer.json"
    path.write_text(fast_tokenizer(merges), encoding="utf-8")
    tokenizer = ReportTokenizer.from_gpt2_files(tokenizer_files(tmp_path))
    assert tokenizer.pad_token_id == len(TOKENS), "it had a number already"
    assert tokenizer.start_token_id == len(TOKENS) + 1
    assert np.array(tokenizer("No acute")).tolist() == [VOCABULARY["No"], 261]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"type": "WordPiece"}, "WordPiece, not BPE"),
        ({"vocab": {**VOCABULARY, "far": 999}}, "ids are not 0, 1, 2"),
        ({"vocab": {f"{x}x": i for x, i in VOCABULARY.items()}}, "256 of the 256"),
        ({"merges": ["N o", "o N"]}, "'o N' does not lead to a token"),
        ({"merges": None}, "not a complete byte-level vocabulary"),
    ],
)
def test_a_broken_vocabulary_is_refused(tmp_path, change, message):
    text = fast_tokenizer(**{"merges": MERGES, **change})
    (tmp_path / "tokenizer.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        tokenizer_files(tmp_path)
    assert "tokenizer.json" in str(caught.value)


@pytest.mark.real
def test_gpt2s_real_vocabulary_and_the_three(real_data, tmp_path):
    folder = real_data / "gpt2_tokenizer"
    ours = ReportTokenizer.from_gpt2_files(tokenizer_files(folder))
    assert ours.vocabulary_size() == 50260
    assert [ours.start_token_id, ours.end_token_id, ours.pad_token_id] == [
        *(50257, 50258, 50259),
    ]
    gpt2 = keras_hub.models.GPT2Backbone(**{**SIZES, "vocabulary_size": 50257})
    gpt2.save_to_preset(str(tmp_path / "preset"))
    assets = tmp_path / "preset" / "assets" / "tokenizer"
    assets.mkdir(parents=True)
    for theirs, name in (("encoder", "vocabulary.json"), ("vocab", "merges.txt")):
        source = folder / f"{theirs}.{'json' if theirs == 'encoder' else 'bpe'}"
        (assets / name).write_bytes(source.read_bytes())
    backbone = backbone_for(tmp_path / "preset", vocabulary=50260)
    load_gpt2_into(backbone, tmp_path / "preset", ours)
    rows = backbone.token_embedding.get_weights()[0]
    learned = gpt2.token_embedding.get_weights()[0]
    np.testing.assert_array_equal(rows[:50257], learned)
    np.testing.assert_allclose(rows[50257:], [learned.mean(axis=0)] * 3, atol=1e-7)

    text = "Mild cardiomegaly; T12 fracture, 1.5 cm. XXXX isn't excluded (x-ray)."
    assert ours.detokenize(ours(text)) == text
    pair = write_vocabulary(tmp_path / "pair")
    for theirs, name in (("encoder.json", "vocab.json"), ("vocab.bpe", "merges.txt")):
        (pair / name).write_bytes((folder / theirs).read_bytes())
    assert np.array(ours(text)).tolist() == ask_transformers(pair, [text])[0]

"""Every registered class: made, called, trained, rounded, saved and loaded again."""

import importlib
import pkgutil

import keras
import keras_hub
import numpy as np
import pytest
from conftest import REPORTS
from model_checks import (
    call,
    randomise,
    run_config_test,
    run_layer_test,
    run_saving_test,
)

import cxrlib.models
import cxrlib.systems
from cxrlib.models.chexnet import CheXNet
from cxrlib.models.classifier import AbnormalityClassifier
from cxrlib.models.conditioning import GatedCrossAttention, ImageTokens, LatentStep
from cxrlib.models.decoder import ReconstructionDecoder
from cxrlib.models.encoder import CheXNetEncoder, ImageNetNormalization
from cxrlib.models.latent_gpt2 import LatentGPT2Backbone
from cxrlib.models.latent_gpt2_causal_lm import LatentGPT2CausalLM
from cxrlib.models.losses import MaskLoss, ReconstructionLoss
from cxrlib.models.metrics import MeanDice, MeanOverlap, StructuralSimilarity
from cxrlib.models.text import ReportPreprocessor, ReportTokenizer
from cxrlib.models.transformer import InverseSquareRoot, ReportTransformer
from cxrlib.models.transformer_layers import (
    CausalSelfAttention,
    SinusoidalPositions,
    TransformerBlock,
)
from cxrlib.pretrained.backbone import BackboneEncoder, RegionMaps
from cxrlib.systems.diagnosis.model import (
    Calibration,
    DiagnosisModel,
    KnownLabelsLoss,
)
from cxrlib.systems.lungs.unet import LungUNet
from cxrlib.systems.reports.imaging import StackViews, UnstackViews
from cxrlib.systems.reports.model import TokenPerplexity
from cxrlib.systems.reports.presets import build_imaging_model, build_report_model
from cxrlib.systems.reports.pretrain_encoder import summed_crossentropy

ENCODER = {"blocks": (1, 1, 1, 1), "growth_rate": 8, "stem_filters": 8}
GPT2 = {
    "vocabulary_size": 50,
    "num_layers": 2,
    "num_heads": 2,
    "hidden_dim": 8,
    "intermediate_dim": 16,
    "max_sequence_length": 7,
    "dropout": 0.3,
}
IMAGED = {"latent_dim": 6, "maps_shape": (2, 3, 3, 6)}


def noise(*shape, seed=0):
    """Positive and negative numbers."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def image(*shape, seed=0):
    """Pixels in [0, 1]."""
    return np.random.default_rng(seed).random(shape, dtype="float32")


def dino():
    """A vision transformer of one layer, that reads films of 32 pixels."""
    backbone = keras_hub.models.DINOV3Backbone(
        patch_size=16,
        num_layers=1,
        hidden_dim=8,
        num_heads=2,
        intermediate_dim=16,
        image_shape=(32, 32, 3),
    )
    return BackboneEncoder(backbone, scale=(2.0, 3.0, 4.0), offset=(-1.0, -2.0, 0.5))


PREPROCESSOR = ReportPreprocessor(
    ReportTokenizer.train(REPORTS, vocabulary_size=300), sequence_length=7
)
IDS = np.random.default_rng(0).integers(3, 50, (2, 7)).astype("int32")
TOKENS = {"token_ids": IDS, "padding_mask": np.ones_like(IDS)}
MAPS, LATENT = noise(2, 2, 3, 3, 6), noise(2, 6)
VIEWS = {"frontal": image(2, 32, 32, 1), "lateral": image(2, 32, 32, 1, seed=1)}
SKIPS = {f"skip_{i}": noise(2, 32 >> i, 32 >> i, 4 + i) for i in range(1, 6)}
SHAPES = [(32 >> i, 32 >> i, 4 + i) for i in range(1, 6)]

# What `run_layer_test` takes, for each class.
CASES = {
    "stack": dict(
        make=StackViews,
        inputs=[noise(2, 3, 4), noise(2, 3, 4, seed=1)],
        shapes=(4, 3, 4),
    ),
    "unstack": dict(make=UnstackViews, inputs=noise(4, 3), shapes=[(2, 3), (2, 3)]),
    "regions": dict(
        make=RegionMaps,
        inputs=[noise(2, 3, 3, 4), image(2, 3, 3, 1)],
        shapes=(2, 3, 3, 8),
    ),
    "normalisation": dict(
        make=ImageNetNormalization, inputs=image(2, 8, 8, 1), shapes=(2, 8, 8, 3)
    ),
    "positions": dict(
        make=SinusoidalPositions, inputs=noise(2, 5, 8), shapes=(2, 5, 8)
    ),
    "attention": dict(
        make=lambda: CausalSelfAttention(4), inputs=noise(2, 5, 8), shapes=(2, 5, 8)
    ),
    "block": dict(
        make=lambda: TransformerBlock(4, 16, 0.3),
        inputs=noise(2, 5, 8),
        shapes=(2, 5, 8),
    ),
    "latent_step": dict(make=lambda: LatentStep(8), inputs=LATENT, shapes=(2, 1, 8)),
    "image_tokens": dict(make=lambda: ImageTokens(8), inputs=MAPS, shapes=(2, 18, 8)),
    "look": dict(
        make=lambda: GatedCrossAttention(2, 8, dropout=0.3),
        inputs=(noise(2, 5, 8), noise(2, 18, 8, seed=1)),
        shapes=(2, 5, 8),
    ),
    "classifier": dict(
        make=lambda: AbnormalityClassifier(6, (8, 4), (0.1, 0.4)),
        inputs=LATENT,
        shapes=(2, 1),
        half="float32",
    ),
    "encoder": dict(
        make=lambda: CheXNetEncoder(32, **ENCODER),
        inputs=image(2, 32, 32, 1),
        shapes={
            "skip_1": (2, 16, 16, 8),
            "skip_2": (2, 8, 8, 16),
            "skip_3": (2, 4, 4, 16),
            "skip_4": (2, 2, 2, 16),
            "skip_5": (2, 1, 1, 16),
            "maps": (2, 1, 1, 16),
            "latent": (2, 16),
        },
    ),
    "chexnet": dict(
        make=lambda: CheXNet(32, **ENCODER),
        inputs=image(2, 32, 32, 1),
        shapes=(2, 14),
        half="float32",
    ),
    "decoder": dict(
        make=lambda: ReconstructionDecoder(SHAPES, 6, filters=(8, 8, 8, 8, 8)),
        inputs={**SKIPS, "latent": LATENT},
        shapes=(2, 32, 32, 1),
        half="float32",
    ),
    "lungs": dict(
        make=lambda: LungUNet(32, (4, 8), dropout=0.4),
        inputs=image(2, 32, 32, 1),
        shapes=(2, 32, 32, 1),
        half="float32",
        training=True,
    ),
    "transformer": dict(
        make=lambda: ReportTransformer(50, 2, 2, 8, 16, 0.3),
        inputs=IDS,
        shapes=(2, 7, 50),
        half="float32",
    ),
    "gpt2_none": dict(
        make=lambda: LatentGPT2Backbone(**GPT2, **IMAGED, conditioning="none"),
        inputs=TOKENS,
        shapes=(2, 7, 8),
    ),
    "gpt2_latent": dict(
        make=lambda: LatentGPT2Backbone(**GPT2, **IMAGED, conditioning="latent"),
        inputs={**TOKENS, "latent": LATENT},
        shapes=(2, 7, 8),
    ),
    "gpt2_spatial": dict(
        make=lambda: LatentGPT2Backbone(**GPT2, **IMAGED, conditioning="spatial"),
        inputs={**TOKENS, "maps": MAPS},
        shapes=(2, 7, 8),
    ),
    "causal_lm": dict(
        make=lambda: LatentGPT2CausalLM(LatentGPT2Backbone(**GPT2, **IMAGED)),
        inputs={**TOKENS, "latent": LATENT},
        shapes=(2, 7, 50),
        half="float32",
    ),
    "imaging": dict(
        make=lambda: build_imaging_model("tiny", image_size=32),
        inputs=VIEWS,
        shapes={
            "frontal": (2, 32, 32, 1),
            "lateral": (2, 32, 32, 1),
            "abnormal": (2, 1),
            "latent": (2, 60),
            "maps": (2, 2, 1, 1, 30),
        },
        half={
            "frontal": "float32",
            "lateral": "float32",
            "abnormal": "float32",
            "latent": "float16",
            "maps": "float16",
        },
    ),
    "calibration": dict(
        make=Calibration, inputs=noise(2, 5), shapes=(2, 5), half="float16"
    ),
    "backbone": dict(make=dino, inputs=image(2, 32, 32, 1), shapes={"latent": (2, 8)}),
    "diagnosis": dict(
        make=lambda: DiagnosisModel(
            CheXNetEncoder(32, **ENCODER), ("A", "B", "C"), dropout=0.3, ridge=0.1
        ),
        inputs=image(2, 32, 32, 1),
        shapes={"logits": (2, 3), "probability": (2, 3)},
        half="float32",
    ),
    "report_model": dict(
        make=lambda: build_report_model("tiny", PREPROCESSOR, image_size=32),
        inputs={**VIEWS, **TOKENS},
        shapes={
            "frontal": (2, 32, 32, 1),
            "lateral": (2, 32, 32, 1),
            "abnormal": (2, 1),
            "text": (2, 7, 300),
        },
        half="float32",
    ),
}
ASSETS = {ReportTokenizer: ("vocabulary", "merges")}
OBJECTS = [
    PREPROCESSOR,
    PREPROCESSOR.tokenizer,
    ReconstructionLoss(0.3),
    MaskLoss(),
    KnownLabelsLoss([2.0, 0.5], focus=1.5),
    StructuralSimilarity(name="alike"),
    MeanDice(threshold=0.3),
    MeanOverlap(threshold=0.3),
    TokenPerplexity(name="surprise"),
    InverseSquareRoot(512, warmup_steps=7, scale=0.5),
]


@pytest.mark.parametrize("name", CASES)
def test_it_is_what_it_says(name):
    run_layer_test(**CASES[name])


@pytest.fixture(scope="module")
def made():
    """Each with random weights, and what it is called with."""
    cases = {name: (case["make"](), case["inputs"]) for name, case in CASES.items()}
    for model, inputs in cases.values():
        call(model, inputs)  # Only now is every layer built.
        randomise(model)
    return cases


def test_all_are_the_same_in_a_fresh_process(made, tmp_path):
    run_saving_test(made, tmp_path)


@pytest.mark.parametrize("kept", OBJECTS, ids=lambda kept: type(kept).__name__)
def test_its_configuration_is_kept(kept):
    run_config_test(kept, ASSETS.get(type(kept), ()))


def test_a_function_is_found_by_its_name():
    config = keras.saving.serialize_keras_object(summed_crossentropy)
    assert keras.saving.deserialize_keras_object(config) is summed_crossentropy


def test_no_registered_class_is_left_out(made):
    for package in (cxrlib.models, cxrlib.systems):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    registered = {
        each
        for name, each in keras.saving.get_custom_objects().items()
        if name.startswith("cxrlib>")
    }
    models = {type(model) for model, _ in made.values()}
    assert registered == models | {type(each) for each in OBJECTS} | {
        summed_crossentropy
    }
    assert len(registered) > 20

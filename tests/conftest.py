"""Shared fixtures: a tokenizer and a tiny model, built once for the whole run."""

import functools
import importlib
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import pytest

REPORTS = [
    "No acute cardiopulmonary abnormality.",
    "Small left pleural effusion with basilar atelectasis.",
    "Normal chest x-XXXX.",
    "1. Cardiomegaly. 2. Right upper lobe opacity may represent pneumonia.",
    "Clear lungs. No pleural effusion or pneumothorax.",
    "Calcified granuloma in the left lower lobe.",
]


@pytest.fixture(autouse=True)
def leave_no_trace():
    """Undo what a test's `setup` did to the precision; close the figures it drew."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].config.set_dtype_policy("float32")
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(scope="session")
def reports():
    """Six impressions, written for the tests."""
    return REPORTS


@pytest.fixture(scope="session")
def preprocessor():
    """A preprocessor of 24 tokens over a small trained vocabulary."""
    from cxrlib.models.text import ReportPreprocessor, ReportTokenizer

    tokenizer = ReportTokenizer.train(REPORTS, vocabulary_size=320)
    return ReportPreprocessor(tokenizer, sequence_length=24)


def make_tiny_model(preprocessor, conditioning):
    """An untrained tiny `ReportModel` whose words depend on the image."""
    import keras

    from cxrlib.systems.reports.presets import build_report_model

    keras.utils.set_random_seed(0)
    model = build_report_model("tiny", preprocessor, conditioning=conditioning)
    # The projection starts at zero and the gates shut, which would hide the image
    # from every test, and the embeddings so small that the untrained model says one
    # token for ever.
    backbone = model.causal_lm.backbone
    rng = np.random.default_rng(0)
    randomised = [
        (backbone.token_embedding.embeddings, 0.1),
        (backbone.position_embedding.position_embeddings, 0.3),
    ]
    if conditioning == "latent":
        randomised.append((backbone.reader.projection.kernel, 1.0))
    if conditioning == "spatial":
        randomised += [(look.gate, 3.0) for look in backbone.inject]
    for weight, size in randomised:
        weight.assign(rng.normal(0, size, weight.shape))
    return model


@pytest.fixture(scope="session")
def tiny_model(preprocessor):
    """An untrained tiny `ReportModel` as it is by default; tests must not train it."""
    from cxrlib.systems.reports.recipe import ReportRecipe

    return make_tiny_model(preprocessor, ReportRecipe.conditioning)


def make_batch(preprocessor, count=4, size=64, seed=0):
    """One batch of random views with the shared reports."""
    rng = np.random.default_rng(seed)
    # Noise of unequal strength and scale: to an untrained encoder, uniform noise is
    # alike.
    strength = np.linspace(0.1, 1, count, dtype="float32")[:, None, None, None]
    views = {
        name: strength * rng.random((count, size // 4, size // 4, 1), dtype="float32")
        for name in ("frontal", "lateral")
    }
    views = {
        name: view.repeat(4, axis=1).repeat(4, axis=2) for name, view in views.items()
    }
    x, y, weight = preprocessor(REPORTS[:count])
    inputs = {
        **views,
        "token_ids": np.array(x["token_ids"], "int32"),
        "padding_mask": np.array(x["padding_mask"], "int32"),
    }
    targets = {**views, "abnormal": np.arange(count)[:, None] % 2, "text": np.array(y)}
    weights = {
        "frontal": np.ones((count, 1, 1), "float32"),
        "lateral": np.ones((count, 1, 1), "float32"),
        "abnormal": np.ones((count, 1), "float32"),
        "text": np.array(weight, "float32"),
    }
    return inputs, targets, weights


@pytest.fixture(scope="session")
def small():
    """A small encoder with random weights, which every test leaves as they are."""
    from densenets import SMALL
    from model_checks import randomise

    from cxrlib.models.encoder import CheXNetEncoder

    return randomise(CheXNetEncoder(64, **SMALL))


@pytest.fixture
def refused(small):
    """Asserts that a file is refused by the small encoder; see `densenets.refuse`."""
    from densenets import refuse

    return functools.partial(refuse, small)


@pytest.fixture()
def eager():
    """Run step by step: a handful of steps is sooner done than traced."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture()
def batch(preprocessor):
    """Inputs, targets and weights of four studies."""
    return make_batch(preprocessor)


@pytest.fixture(scope="session")
def phantom_studies(tmp_path_factory):
    """Twenty phantom studies at 64 × 64 that can be used, not split; make copies."""
    from small_prepared import draw_usable

    return draw_usable(tmp_path_factory.mktemp("studies") / "phantom")


@pytest.fixture(scope="session")
def real_data():
    """The folder of real data, or a skip that says where it was looked for."""
    default = pathlib.Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = pathlib.Path(os.environ.get("CXR_REAL_DATA", default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set CXR_REAL_DATA to use some")
    return folder


@pytest.fixture(scope="session")
def dark_is_lung():
    """Makes models that call dark pixels lung, of any size and channels."""
    import keras

    def make(size=64, channels=1, name="dark_is_lung"):
        image = keras.Input((size, size, channels))
        grey = keras.layers.AveragePooling2D(1)(image)
        if channels == 3:
            grey = keras.layers.Conv2D(
                1, 1, kernel_initializer=keras.initializers.Constant(1 / 3)
            )(grey)
        x = keras.layers.Rescaling(-60.0, offset=30.0)(grey)
        return keras.Model(image, keras.layers.Activation("sigmoid")(x), name=name)

    return make


@pytest.fixture
def experiment(monkeypatch):
    """Imports a script of `benchmarks/experiments/` by its name."""
    folder = pathlib.Path(__file__).parents[1] / "benchmarks" / "experiments"
    monkeypatch.syspath_prepend(folder)
    return importlib.import_module

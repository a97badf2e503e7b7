"""Each split is encoded once, by one model traced once; text alone needs no decoder."""

import inspect
import pickle

import numpy as np
import pytest
from conftest import make_tiny_model

from coursework.results import Results
from cxrlib.data.prepare import prepare
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import funnel, load_studies
from cxrlib.models.decoder import ReconstructionDecoder
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.systems.files import load_model
from cxrlib.systems.reports.predict import encode_split, predict_split
from cxrlib.systems.reports.train import evaluate_model
from cxrphantom.dataset import write_phantom
from cxrscore.baselines import nearest_reports

SPLITS = {"train": 16, "val": 5, "test": 5}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoding")
    root = write_phantom(folder / "phantom", studies=50, size=64, progress=False)
    kept, _ = funnel(load_studies(find_dataset(root)))
    kept = kept.head(sum(SPLITS.values())).reset_index(drop=True)
    kept["split"] = [split for split, n in SPLITS.items() for _ in range(n)]
    prepare(kept, folder / "prepared", size=64, progress=False)
    return folder / "prepared"


@pytest.fixture
def model(preprocessor):
    return make_tiny_model(preprocessor, "latent")


@pytest.fixture
def counted(monkeypatch):
    """How often Python passes through encoder and decoders: once for each tracing."""
    counts = {}

    def count(kind):
        call = kind.call

        def counting(self, *arguments, **options):
            counts[kind] = counts.get(kind, 0) + 1
            return call(self, *arguments, **options)

        counting.__signature__ = inspect.signature(call)
        monkeypatch.setattr(kind, "call", counting)

    count(CheXNetEncoder)
    count(ReconstructionDecoder)
    return counts


def images(count=8):
    rng = np.random.default_rng(0)
    views = ("frontal", "lateral")
    return {view: rng.random((count, 64, 64, 1), dtype="float32") for view in views}


def test_the_encoder_is_traced_once_for_all_splits(model, prepared, counted):
    for split in (*SPLITS, *SPLITS):
        encode_split(model, prepared, split)
    # Once for batches of 16, once more for those of any size.
    assert counted == {CheXNetEncoder: 2}


def test_no_decoder_runs_where_text_alone_is_wanted(model, counted):
    reports = model.generate(images(), max_length=8)
    assert counted[CheXNetEncoder] == 1 and ReconstructionDecoder not in counted
    again, seen = model.generate(images(), max_length=8, return_imaging=True)
    assert again == reports and counted[ReconstructionDecoder] == 2
    assert seen["frontal"].shape == (8, 64, 64, 1)


def test_the_view_says_what_the_whole_model_says(model):
    whole = model.imaging.predict(images(), verbose=0)
    view = model.imaging.encoder_view()
    assert view is model.imaging.encoder_view()
    seen = view.predict(images(), verbose=0)
    assert set(seen) == {"abnormal", "latent", "maps"}
    for name, values in seen.items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-5, atol=1e-6)
    weights = [np.zeros_like(weight) for weight in model.imaging.encoder.get_weights()]
    model.imaging.encoder.set_weights(weights)
    assert not view.predict(images(), verbose=0)["latent"].any(), "a copy of old ones"


def test_the_view_is_no_part_of_the_file(model, preprocessor, tmp_path):
    before = make_tiny_model(preprocessor, "latent")
    model.imaging.encoder_view()
    assert len(model.weights) == len(before.weights)
    assert len(list(model._flatten_layers())) == len(list(before._flatten_layers()))
    before.save_weights(tmp_path / "before.weights.h5")
    model.save_weights(tmp_path / "after.weights.h5")
    assert layout(tmp_path / "before.weights.h5") == layout(
        tmp_path / "after.weights.h5"
    )
    model.save(tmp_path / "model.keras")
    expected = model.imaging.encoder_view().predict(images(), verbose=0)["latent"]
    loaded = load_model(tmp_path / "model.keras")
    for each in (loaded.imaging, pickle.loads(pickle.dumps(model.imaging))):
        latent = each.encoder_view().predict(images(), verbose=0)["latent"]
        np.testing.assert_allclose(latent, expected, rtol=1e-5, atol=1e-6)


def layout(path):
    import h5py

    names = []
    with h5py.File(path) as file:
        file.visit(names.append)
    return names


def test_the_test_split_is_encoded_by_its_prediction_alone(
    model, prepared, tmp_path, monkeypatch
):
    from cxrlib.systems.reports import train

    asked = []

    def encode(model, prepared, split):
        asked.append(split)
        return encode_split(model, prepared, split)

    monkeypatch.setattr(train, "encode_split", encode)
    predictions, _ = predict_split(model, prepared, "test")
    test = encode_split(model, prepared, "test")
    assert list(predictions["uid"]) == list(test["uid"])
    kept = np.stack(predictions["latent"])
    np.testing.assert_allclose(kept, test["latent"], rtol=1e-5, atol=1e-6)
    results = Results(tmp_path, "encoding")
    evaluate_model(results, model, prepared, predictions)
    assert asked == ["train", "val"]
    assert "latent" not in predictions and "latent" not in results.predictions
    nearest = encode_split(model, prepared, "train")
    expected = nearest_reports(nearest["latent"], nearest["text"], test["latent"])
    assert list(predictions["nearest"]) == expected
    # A table without latents, as a file has it, is evaluated as well.
    again = predictions.drop(columns="nearest")
    evaluate_model(Results(tmp_path, "again"), model, prepared, again)
    assert asked[2:] == ["train", "test", "val"]
    assert list(again["nearest"]) == expected

"""Model files that are none, claim too much or ask for code: refused in one line."""

import json
import os
import resource
import zipfile

import h5py
import keras
import numpy as np
import pytest

from cxrbase.files import InputError
from cxrlib.model_file import no_larger_than
from cxrlib.systems.files import load_model
from cxrlib.systems.lungs.segment import load_lung_model
from cxrlib.systems.reports.model import ReportModel

MARK = "executed"


def toy():
    image = keras.Input((8, 8, 1))
    x = keras.layers.Conv2D(2, 3, padding="same", name="conv")(image)
    return keras.Model(image, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A small sound model, as `.keras` and as HDF5."""
    folder = tmp_path_factory.mktemp("models")
    model = toy()
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    return folder


def rewritten(saved, path, change=None, add=(), compression=zipfile.ZIP_STORED):
    """The archive with another configuration, more members or compressed."""
    with (
        zipfile.ZipFile(saved / "model.keras") as old,
        zipfile.ZipFile(path, "w", compression) as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json" and change:
                content = change(json.loads(content))
                content = content if isinstance(content, str) else json.dumps(content)
            new.writestr(name, content)
        for name, content in add:
            new.writestr(name, content)
    return path


def refused(path, *words, load=load_model):
    """Refused in one line that names the file; nothing ran, no memory was taken."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError) as caught:
        load(path)
    told = str(caught.value)
    assert str(path) in told and "\n" not in told and len(told) < 700
    for word in words:
        assert word in told
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB
    assert not os.path.exists(MARK)


def test_a_sound_file_is_read_also_if_somebody_compressed_it(saved, tmp_path):
    right = load_model(saved / "model.keras").get_weights()
    packed = rewritten(saved, tmp_path / "p.keras", compression=zipfile.ZIP_DEFLATED)
    for path in (packed, saved / "model.h5"):
        for one, other in zip(right, load_model(path).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
    with pytest.raises(InputError, match="holds a Functional, not a ReportModel"):
        load_model(packed, ReportModel)


# === What is no model ===


@pytest.mark.parametrize("load", [load_model, load_lung_model])
def test_what_is_no_model_is_refused(saved, tmp_path, load):
    whole = (saved / "model.keras").read_bytes()
    for name, content, word in (
        ("empty.keras", b"", "empty"),
        ("page.keras", b"<!DOCTYPE html>", "<!DOCTY"),
        ("half.keras", whole[: len(whole) // 2], "not a zip file"),
        ("zip.h5", whole, ".keras, so rename it"),
        ("hdf5.keras", (saved / "model.h5").read_bytes(), ".h5 or .hdf5, so rename"),
        ("stub.h5", b"\x89HDF\r\n\x1a\n", "not a model"),
    ):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, word, load=load)
    toy().save_weights(tmp_path / "only.weights.h5")
    refused(tmp_path / "only.weights.h5", "weights alone", load=load)
    refused(tmp_path / "none.keras", "there is no such", load=load)
    refused(tmp_path, "is a folder", load=load)
    refused("/dev/zero", "is a pipe or a device", load=load)
    os.mkfifo(tmp_path / "pipe.keras")
    refused(tmp_path / "pipe.keras", "is a pipe", load=load)
    (tmp_path / "ring.keras").symlink_to(tmp_path / "ring.keras")
    refused(tmp_path / "ring.keras", "circular", load=load)
    for name in ("x" * 5000, "a\0b"):
        with pytest.raises(InputError, match="too long|holds a NUL") as caught:
            load(tmp_path / name)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 500


def test_a_model_that_says_nothing_of_its_origin(tiny_model, tmp_path):
    said = {"trained_on": "x"}
    wrong = ({"section": "all"}, *({"threshold": each} for each in ("0.5", None, 1.5)))
    for origin in ({"ground": "real"}, *(said | each for each in wrong)):
        with pytest.raises(InputError, match="origin"):
            ReportModel(tiny_model.imaging, tiny_model.causal_lm, origin)
    tiny_model.save(tmp_path / "model.keras")
    for old, new, word in (("trained_on", "trained_in", "trained_on"),):
        path = tmp_path / "other.keras"
        rewritten(tmp_path, path, lambda c, a=old, b=new: json.dumps(c).replace(a, b))
        refused(path, word)


# === What a configuration asks for ===


def layer(model, **changes):
    """Change the first convolution of a saved configuration."""
    found = next(x for x in model["config"]["layers"] if x["class_name"] == "Conv2D")
    found |= changes
    return model


def lambda_config(spelling):
    def change(config):
        text = json.dumps(layer(config, class_name="LAMBDA", module="keras.layers"))
        return text.replace("LAMBDA", spelling)

    return change


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda_config("Lambda"), "Lambda"),
        (lambda_config("L\\u0061mbda"), "Lambda"),
        (lambda_config("\\u004cambda"), "Lambda"),
        (lambda_config("TFSMLayer"), "TFSMLayer"),
        (lambda_config("TorchModuleWrapper"), "TorchModuleWrapper"),
        (lambda c: layer(c, class_name="X", registered_name="Lambda"), "Lambda"),
        *[
            (lambda c, m=module: layer(c, class_name="x", module=m), f"{module}.x")
            for module in (
                *("os", "posix", "subprocess", "keras.utils", "keras.config"),
                *("keras.saving", "keras.src.utils.file_utils", "cxrlib.course"),
            )
        ],
        (
            lambda c: layer(
                c,
                config={
                    "activation": {
                        "class_name": "function",
                        "module": "os",
                        "config": f"touch {MARK}",
                        "registered_name": "system",
                    }
                },
            ),
            "os.function",
        ),
        (lambda c: layer(c, config={"class_name": "__lambda__"}), "__lambda__"),
        (lambda c: "[" * 100_000, "too deep"),
        (lambda c: '{"a":' * 50_000 + "1" + "}" * 50_000, "too deep"),
        (lambda c: "[]", "not a model"),
        (lambda c: "nonsense", "not a model"),
        (lambda c: " " * (17 * 2**20), "config.json has"),
        (lambda c: json.dumps([0] * 300_000), "more than 200,000 values"),
    ],
)  # fmt: skip
def test_a_configuration_that_asks_for_code_is_refused(
    saved, tmp_path, monkeypatch, change, word
):
    monkeypatch.chdir(tmp_path)
    path = rewritten(saved, tmp_path / "m.keras", change)
    for load in (load_model, load_lung_model):
        refused(path, word, load=load)
    if word == "Lambda":  # And in HDF5.
        with h5py.File(saved / "model.h5") as file:
            config = json.loads(file.attrs["model_config"])
        (tmp_path / "m.h5").write_bytes((saved / "model.h5").read_bytes())
        with h5py.File(tmp_path / "m.h5", "a") as file:
            text = change(config)
            file.attrs["model_config"] = (
                text if isinstance(text, str) else json.dumps(text)
            )
        refused(tmp_path / "m.h5", word)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"filters": 10**9}, "filters is 1000000000"),
        ({"filters": 10**7}, "ask for more numbers"),
        ({"kernel_size": [3000, 3000], "filters": 100}, "ask for more numbers"),
        ({"filters": float("nan")}, "filters is nan"),
        ({"filters": -1}, "not a model"),
        ({"filters": "many"}, "not a model"),
    ],
)
def test_sizes_are_checked_before_anything_is_built(saved, tmp_path, changes, word):
    def change(config):
        found = next(x for x in config["config"]["layers"] if "Conv" in x["class_name"])
        found["config"] |= changes
        found.pop("build_config", None)
        return config

    refused(rewritten(saved, tmp_path / "m.keras", change), word)


def test_our_own_classes_are_counted_as_well(tiny_model, tmp_path):
    tiny_model.save(tmp_path / "model.keras")
    path = tmp_path / "m.keras"
    for old, new, word in (
        ("num_layers", 10**7, "more than 5,000 layers"),
        ("max_sequence_length", 10**8 - 1, "ask for more numbers"),
    ):

        def change(config, old=old, new=new):
            config["config"]["causal_lm"]["config"]["backbone"]["config"][old] = new
            return config

        refused(rewritten(tmp_path, path, change), word)


def test_a_layer_that_fills_the_memory_with_one_image(tmp_path):
    image = keras.Input((64, 64, 1))
    x = keras.layers.UpSampling2D(1000)(image)
    keras.Model(image, keras.layers.Conv2D(1, 1)(x)).save(tmp_path / "m.keras")
    refused(tmp_path / "m.keras", "gives (None, 64000, 64000, 1)")
    refused(tmp_path / "m.keras", "gives (None, 64000, 64000, 1)", load=load_lung_model)


def test_the_count_ends_with_its_block():
    with pytest.raises(ValueError, match="ask for more"), no_larger_than(1000):
        keras.Sequential([keras.Input((8,)), keras.layers.Dense(10**8)])
    assert keras.Sequential([keras.Input((8,)), keras.layers.Dense(10**6)]).built


# === What an archive claims ===


def test_archives_that_swell_or_lead_elsewhere(saved, tmp_path):
    path = tmp_path / "m.keras"
    for name in ("../x", "/x", "a/../../x", "..\\x", "C:/x"):
        refused(rewritten(saved, path, add=[(name, b"1")]), "leads elsewhere")
    zeros = [("assets/zeros", bytes(2**26))]
    packed = rewritten(saved, path, add=zeros, compression=zipfile.ZIP_DEFLATED)
    assert packed.stat().st_size < 2**18
    refused(packed, "unpacked it would have")
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = rewritten(saved, path, add=[("config.json", b"{}")])
    refused(twice, "or has two")


@pytest.mark.parametrize("claim", ["empty", "zeros", "external", "link", "virtual"])
def test_hdf5_that_claims_more_than_it_holds(saved, tmp_path, claim):
    path = tmp_path / "m.h5"
    path.write_bytes((saved / "model.h5").read_bytes())
    with h5py.File(path, "a") as file:
        if claim == "empty":
            file.create_dataset("x", (10**7, 10**5), "float32", chunks=(10, 10))
        if claim == "zeros":
            packed = {"chunks": (2**20,), "compression": "gzip"}
            file.create_dataset("x", data=np.zeros(2**25, "float32"), **packed)
        if claim == "external":
            place = [("/etc/passwd", 0, 100)]
            file.create_dataset("x", (100,), "uint8", external=place)
        if claim == "link":
            file["x"] = h5py.ExternalLink("/etc/passwd", "/")
        if claim == "virtual":
            layout = h5py.VirtualLayout((4,), "float32")
            layout[:] = h5py.VirtualSource("other.h5", "y", (4,))
            file.create_virtual_dataset("x", layout)
    word = "claims to have" if claim in ("empty", "zeros") else "another file"
    refused(path, word)
    weights = rewritten(saved, tmp_path / "m.keras")
    with zipfile.ZipFile(weights) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(weights, "w") as archive:
        for name, content in parts.items():
            content = path.read_bytes() if name.endswith("weights.h5") else content
            archive.writestr(name, content)
    refused(weights, word)

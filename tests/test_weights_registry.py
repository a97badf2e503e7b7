"""The registry of weights: where files are looked for, and that no half one passes."""

import dataclasses
import hashlib
import sys
import types

import numpy as np
import pytest
from click.testing import CliRunner
from densenets import SMALL, arrays, with_head, write_keras2
from model_checks import randomise

from coursework.pages.scores import marks
from coursework.results import Results
from cxrbase import hosts
from cxrbase.files import InputError
from cxrlib.__main__ import main
from cxrlib.commands.weights import TABLES
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.pretrained import fetch, load, registry

COURSE = registry.course_weights()
CHEXNET = registry.entry("chexnet").file


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No weights anywhere, and no welcome for a download."""
    monkeypatch.setattr(registry, "course_weights", lambda: tmp_path / "course")
    monkeypatch.setattr(fetch, "course_weights", lambda: tmp_path / "course")
    monkeypatch.setattr(hosts, "KAGGLE_INPUT", str(tmp_path / "kaggle"))
    monkeypatch.chdir(tmp_path)
    for name in ("CXR_WEIGHTS", "COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CXR_KAGGLEHUB", "0")
    return tmp_path


def put(path, content=b"weights"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def known(monkeypatch, **changes):
    """Let the registry know CheXNet otherwise."""
    changed = dataclasses.replace(registry.entry("chexnet"), **changes)
    for module in (registry, fetch, load):
        monkeypatch.setattr(module, "REGISTRY", (changed,))
    return changed


# === The course's own files ===


def test_the_committed_checksums_are_those_of_the_files():
    listed = (COURSE / registry.SUMS).read_text().splitlines()
    assert len(listed) >= 6
    for line in listed:
        digest, name = line.split(maxsplit=1)
        content = (COURSE / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name
    own = [each for each in registry.REGISTRY if each.get == "course"]
    for each in own:
        assert registry.check_sums(COURSE / each.file, each), each.name


def test_a_damaged_file_of_ours_is_not_loaded(nowhere):
    from cxrlib.systems.lungs.segment import load_lung_model

    put(nowhere / "course" / registry.LUNG_UNET, b"whole")
    registry.write_sums(nowhere / "course")
    put(nowhere / "course" / registry.LUNG_UNET, b"cut")
    with pytest.raises(InputError, match="SHA-256 .* if you made it again: make sums"):
        load_lung_model()


def test_an_empty_line_among_the_checksums_is_passed_over(nowhere):
    path = put(nowhere / "course" / registry.LUNG_UNET, b"whole")
    digest = hashlib.sha256(b"whole").hexdigest()
    sums = put(nowhere / "course" / registry.SUMS)
    for mark in (" ", "*"):  # As sha256sum writes text and binary.
        sums.write_text(f"\n{digest} {mark}{path.name}\n  \n")
        assert registry.check_sums(path, registry.entry("lung-unet")) == 1
    sums.write_text(f"{digest}\n")
    with pytest.raises(InputError, match="SHA256SUMS: line 1 is not .*make sums"):
        registry.check_sums(path, registry.entry("lung-unet"))


def test_the_readme_holds_the_registry_and_the_scores():
    text = (COURSE / "README.md").read_text()
    for name, expected in (
        ("registry", fetch.registry_markdown()),
        *((marked, fetch.card_markdown(*part)) for marked, *part in TABLES),
    ):
        begin, end = marks(name)
        assert text.split(begin)[1].split(end)[0].strip() == expected


def test_loaders_that_the_registry_names_exist():
    import importlib

    for each in registry.REGISTRY:
        module, _, name = each.loader.rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))
    names = [name for each in registry.REGISTRY for name in {each.name, each.file}]
    assert len(set(names)) == len(names), "two entries answer to one name"
    with pytest.raises(InputError, match="nothing: not in the registry"):
        registry.entry("nothing")


# === Where ===


def test_places_are_tried_in_their_order(nowhere, monkeypatch):
    assert registry.find_weights(CHEXNET) is None
    deep = nowhere / "kaggle" / "chexnet-weights" / "versions" / "1"
    order = [put(deep / CHEXNET)]
    monkeypatch.setenv("CXR_WEIGHTS", str(nowhere / "mine"))
    assert registry.find_weights(CHEXNET) == order[0]
    for folder in ("course", "mine", "argument"):
        order.append(put(nowhere / folder / CHEXNET))
        found = registry.find_weights(CHEXNET, nowhere / "argument")
        assert found == order[-1]
    assert registry.find_weights(CHEXNET) == order[-2]


def test_images_on_kaggle_are_spared_and_the_newest_version_taken(nowhere):
    put(nowhere / "kaggle" / "xrays" / "images_normalized" / CHEXNET)
    assert registry.find_weights(CHEXNET) is None
    for version in ("2", "10"):
        put(nowhere / "kaggle" / "gpt2" / "gpt2_base_en" / version / "config.json")
    assert registry.find_weights("gpt2_base_en").name == "10"


def test_what_is_nowhere_is_said_and_not_fetched(nowhere, capsys):
    assert fetch.obtain_weights("chexnet") is None
    assert "not here. python -m cxrlib weights fetch chexnet" in capsys.readouterr().out
    table = fetch.weights_table().set_index("name")
    assert table.status.eq("missing").all() and table.how.ne("").all()
    with pytest.raises(InputError, match="cannot be fetched. It is in the course's"):
        fetch.fetch_weights("lung-unet")


# === Fetching ===


def kagglehub(download):
    module = types.ModuleType("kagglehub")
    module.dataset_download = download
    return module


def test_a_fetch_is_whole_or_not_at_all(nowhere, monkeypatch):
    def broken(handle, path):
        put(nowhere / "cache" / path, b"half")
        raise ConnectionError("the line\nwent dead")

    monkeypatch.setitem(sys.modules, "kagglehub", kagglehub(broken))
    with pytest.raises(InputError, match=r"could not be fetched .*the line went dead"):
        fetch.fetch_weights("chexnet")
    assert not (nowhere / "course" / CHEXNET).exists()
    asked = []

    def whole(handle, path):
        asked.append((handle, path))
        return str(put(nowhere / "cache" / path, b"all of it"))

    monkeypatch.setitem(sys.modules, "kagglehub", kagglehub(whole))
    path = fetch.fetch_weights("chexnet")
    assert path == nowhere / "course" / CHEXNET and path.read_bytes() == b"all of it"
    assert asked == [("sinamhd9/chexnet-weights", CHEXNET)]
    assert fetch.fetch_weights("chexnet") == path and len(asked) == 1
    assert [p.name for p in path.parent.iterdir()] == [CHEXNET]


def test_a_wrong_checksum_is_refused_and_nothing_stays(nowhere, monkeypatch):
    right = hashlib.sha256(b"right").hexdigest()
    each = known(monkeypatch, sha256=right)
    hub = kagglehub(lambda handle, path: str(put(nowhere / "cache" / path, b"wrong")))
    monkeypatch.setitem(sys.modules, "kagglehub", hub)
    with pytest.raises(InputError, match="SHA-256 is not the one known for chexnet"):
        fetch.fetch_weights("chexnet")
    assert registry.find_weights(each.file) is None
    path = put(nowhere / "course" / each.file, b"wrong")
    assert fetch.weights_table().status[0] == "damaged"
    with pytest.raises(InputError, match="SHA-256"):
        fetch.obtain_weights("chexnet")
    put(path, b"right")
    assert fetch.obtain_weights("chexnet") == path
    assert fetch.weights_table().status[0] == "there, checked"


def test_a_folder_is_fetched_part_by_part(nowhere, monkeypatch):
    parts = ("config.json", "model.safetensors")
    for part in parts:
        put(nowhere / "site" / part, part.encode())
    address = (nowhere / "site").as_uri()
    known(monkeypatch, file="distil", parts=parts, get=address)
    path = fetch.fetch_weights("chexnet")
    assert sorted(p.name for p in path.iterdir()) == sorted(parts)
    assert (path / parts[1]).read_bytes() == parts[1].encode()
    (nowhere / "site" / parts[1]).unlink()
    import shutil

    shutil.rmtree(path)
    with pytest.raises(InputError, match="could not be fetched"):
        fetch.fetch_weights("chexnet")
    assert not path.exists() and not list(path.parent.glob(".partial-*"))


def test_a_folder_of_another_checksum_is_refused_and_nothing_stays(
    nowhere, monkeypatch
):
    address = put(nowhere / "site" / "config.json").parent.as_uri()
    known(monkeypatch, file="distil", parts=("config.json",), get=address)
    put(nowhere / "course" / registry.SUMS, b"0123  distil/config.json\n")
    with pytest.raises(InputError, match="config.json: its SHA-256 is not the one"):
        fetch.fetch_weights("chexnet")
    assert not (nowhere / "course" / "distil").exists()


def test_what_was_fetched_into_the_own_folder_is_what_is_found(nowhere, monkeypatch):
    hub = kagglehub(lambda handle, path: str(put(nowhere / "cache" / path, b"new")))
    monkeypatch.setitem(sys.modules, "kagglehub", hub)
    monkeypatch.setenv("CXR_WEIGHTS", str(nowhere / "mine"))
    path = fetch.fetch_weights("chexnet")
    assert path == nowhere / "mine" / CHEXNET
    put(nowhere / "course" / CHEXNET, b"old")  # A checkout brings another.
    assert registry.find_weights(CHEXNET) == path
    assert fetch.fetch_weights("chexnet") == path


def test_on_kaggle_a_failed_fetch_is_said_and_the_work_goes_on(
    nowhere, monkeypatch, capsys
):
    def refused(handle, path):
        raise PermissionError("no account")

    monkeypatch.setenv("CXR_KAGGLEHUB", "1")
    monkeypatch.setitem(sys.modules, "kagglehub", kagglehub(refused))
    assert fetch.obtain_weights("chexnet") is None
    assert "no account" in capsys.readouterr().out


# === Chosen and loaded ===


@pytest.fixture
def small_chexnet(nowhere, monkeypatch):
    """CheXNet's file, in small, on the Kaggle machine; and the encoder it fits."""
    monkeypatch.setattr(load, "DENSENET121", SMALL["blocks"])
    source = randomise(CheXNetEncoder(64, **SMALL))
    path = nowhere / "kaggle" / "input" / CHEXNET
    path.parent.mkdir(parents=True)
    write_keras2(path, with_head(source))
    return source, CheXNetEncoder(64, **SMALL)


def test_real_data_get_chexnet_where_it_is(small_chexnet, capsys):
    source, encoder = small_chexnet
    assert load.load_encoder(encoder, "auto", is_phantom=False) == CHEXNET
    np.testing.assert_equal(arrays(encoder), arrays(source))
    assert sum(layer.trainable for layer in encoder.layers[:-1]) == 10
    assert "the last 10 train" in capsys.readouterr().out


def test_without_any_that_is_said_aloud(small_chexnet, nowhere, monkeypatch, capsys):
    _, encoder = small_chexnet
    (nowhere / "kaggle" / "input" / CHEXNET).unlink()
    assert load.load_encoder(encoder, "auto", is_phantom=False) == "none"
    said = capsys.readouterr().out
    for words in ("chexnet is not available", "imagenet is not available"):
        assert words in said
    assert "NO PRETRAINED WEIGHTS" in said
    with pytest.raises(InputError, match="chexnet: these weights are not here"):
        load.load_encoder(encoder, "chexnet")


def test_gpt2_is_found_by_name_and_for_real_data_of_base_size(nowhere, capsys):
    assert load.find_gpt2("auto", "base", is_phantom=False) == ""
    assert "gpt2: not here" in capsys.readouterr().out
    put(nowhere / "course" / "gpt2_base_en" / "config.json", b"{}")
    expected = str(nowhere / "course" / "gpt2_base_en")
    assert load.find_gpt2("auto", "base", is_phantom=False) == expected
    assert load.find_gpt2("gpt2", "compact") == expected
    assert load.find_gpt2("auto", "compact", is_phantom=False) == ""
    with pytest.raises(InputError, match="distilgpt2: these weights are not here"):
        load.find_gpt2("distilgpt2")


# === The command line ===


def test_the_list_and_its_errors(nowhere):
    done = CliRunner().invoke(main, ["weights"])
    assert done.exit_code == 0, done.output
    for each in registry.REGISTRY:
        assert each.name in done.output and each.file in done.output
    done = CliRunner().invoke(main, ["weights", "fetch", "nothing"])
    assert done.exit_code == 1 and "not in the registry" in done.output


def test_sums_are_written_for_what_is_there(nowhere):
    put(nowhere / "course" / registry.LUNG_UNET)
    put(nowhere / "course" / registry.PHANTOM_GPT2 / "config.json")
    done = CliRunner().invoke(main, ["weights", "sums"])
    assert done.exit_code == 0, done.output
    lines = (nowhere / "course" / registry.SUMS).read_text().split()
    assert lines[1::2] == [registry.LUNG_UNET, f"{registry.PHANTOM_GPT2}/config.json"]


@pytest.mark.parametrize(
    ("origin", "licence", "ground"),
    [
        ("phantom_encoder.weights.h5", "MIT", "phantom"),
        ("phantom_gpt2/gpt2.weights.h5", "MIT", "phantom"),
        ("distilgpt2 (Hugging Face folder)", "Apache 2.0", ""),
        ("model.pth.tar", "see its page; images: cite NIH", "real"),
    ],
)
def test_results_keep_what_the_registry_tells(origin, licence, ground):
    about = registry.registered(origin)
    assert (about["licence"], about["ground"]) == (licence, ground) and about["what"]
    results = Results("outputs", "07_multitask")
    results.weights("encoder", origin, **about)
    kept = results.record["pretrained"]["encoder"]
    assert kept == {key: value for key, value in about.items() if value}
    assert results.record["weights"] == {"encoder": origin}


def test_of_other_files_the_registry_tells_nothing():
    for origin in ("none", "unknown", "my_gpt2/a.h5"):
        assert registry.registered(origin) == {}

"""A folder of radiographs in, a table of probabilities out; which model that takes."""

import keras
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from films import film, write_dicom

import cxrlib.systems.diagnosis.folder as module
from cxrbase.cells import write_csv
from cxrbase.films import decoder
from cxrbase.films.decoder import read_films
from cxrbase.images import write_png
from cxrlib.__main__ import main
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.pretrained import fetch, registry
from cxrlib.systems.diagnosis.folder import diagnose_folder
from cxrlib.systems.diagnosis.model import DiagnosisModel
from cxrlib.systems.diagnosis.predict import predict_films
from cxrlib.systems.diagnosis.shipped import load_diagnosis_model
from cxrscore.labels.vocabulary import NIH_LABELS

# The names in NIH's Data_Entry_2017.csv, in the order of its paper.
NIH_NAMES = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Infiltration", "Mass", "Nodule",
    "Pneumonia", "Pneumothorax", "Consolidation", "Edema", "Emphysema", "Fibrosis",
    "Pleural_Thickening", "Hernia",
)  # fmt: skip
FILMS = ("a.png", "b.png", "scan", "ward/photo.jpg")


def build(labels=NIH_LABELS, trained_on="four squares"):
    """A small model that tells films apart."""
    keras.utils.set_random_seed(0)
    encoder = CheXNetEncoder(32, (1, 1, 1, 1), 8, 8)
    model = DiagnosisModel(encoder, labels, origin={"trained_on": trained_on})
    kernel, bias = model.head.get_weights()
    rng = np.random.default_rng(0)
    model.head.set_weights([rng.normal(size=kernel.shape), bias])
    return model


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    build().save(path)
    return path


@pytest.fixture
def radiographs(tmp_path):
    """Four films, three files that are none, and a text."""
    folder = tmp_path / "in"
    image, _ = film()
    write_png(folder / "a.png", image)
    write_png(folder / "b.png", 1 - image)
    write_dicom(folder / "scan", (image * 4095).astype("uint16"))
    write_png(folder / "ward" / "photo.png", np.flipud(image))
    (folder / "ward" / "photo.png").rename(folder / "ward" / "photo.jpg")
    write_png(folder / "black.png", np.zeros((40, 30)))
    whole = (folder / "a.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.dcm").write_bytes(b"")
    (folder / "notes.txt").write_text("no radiograph")
    return folder


def call(*arguments):
    return CliRunner().invoke(main, ["diagnose", *map(str, arguments)])


def read(path):
    return pd.read_csv(path, keep_default_na=False).set_index("file")


def test_the_command_writes_fourteen_probabilities(radiographs, tmp_path, model_file):
    out = tmp_path / "new" / "out.csv"
    done = call(radiographs, out, "--model", model_file, "--batch-size", 2)
    assert done.exit_code == 0, done.output
    assert "4 films, and 3 that could not be read" in done.output
    assert "Trained on four squares. Not for clinical use." in done.output
    assert "cut.png: is truncated" in done.stderr
    assert "1 other files were left out" in done.stderr
    table = read(out)
    assert tuple(table.columns) == (*NIH_NAMES, "notes", "error")
    assert list(table.index) == sorted([*FILMS, "black.png", "cut.png", "empty.dcm"])
    assert "single grey" in table.error["black.png"]
    assert (table.loc[table.error.ne(""), list(NIH_NAMES)] == "").all(axis=None)
    seen = table.loc[list(FILMS), list(NIH_NAMES)].to_numpy(float)
    model = build()
    films = read_films([radiographs / name for name in FILMS], 32)
    np.testing.assert_allclose(seen, predict_films(model, films), rtol=1e-4)
    assert len(np.unique(seen)) == seen.size


def test_a_column_is_the_probability_of_its_label(radiographs, tmp_path):
    """Also where a model has NIH's labels in another order."""
    turned = build(NIH_LABELS[::-1])
    table = diagnose_folder(radiographs, tmp_path / "out.csv", turned, progress=False)
    assert tuple(table.columns[1:15]) == NIH_NAMES[::-1]
    films = read_films([radiographs / "a.png"], 32)
    expected = predict_films(turned, films)[0]
    row = table.set_index("file").loc["a.png"]
    for label, name in zip(NIH_LABELS, NIH_NAMES, strict=True):
        place = turned.labels.index(label)
        assert row[name] == pytest.approx(expected[place], abs=1e-6)


def test_other_labels_have_their_own_names(radiographs, tmp_path):
    # CheXpert's five competition labels are all among NIH's.
    labels = ("Edema", "Pleural Effusion", "Atelectasis")
    model = build(labels)
    table = diagnose_folder(radiographs, tmp_path / "out.csv", model, progress=False)
    assert tuple(table.columns) == ("file", *labels, "notes", "error")


def test_films_are_read_as_they_are_needed(
    radiographs, tmp_path, model_file, monkeypatch
):
    order, looked = [], decoder.read_noted

    def look(path):
        order.append("read")
        return looked(path)

    def predict(model, films, batch_size):
        order.append(len(films))
        return predict_films(model, films, batch_size)

    monkeypatch.setattr(decoder, "read_noted", look)
    monkeypatch.setattr(module, "predict_films", predict)
    diagnose_folder(radiographs, tmp_path / "o.csv", model_file, 2, progress=False)
    # a and b, black and cut (neither is a film), empty and scan, photo.
    assert order == ["read", "read", 2, *["read"] * 4, 1, "read", 1]


def test_other_processes_see_the_same(radiographs, tmp_path, model_file):
    tables = [
        diagnose_folder(
            radiographs, tmp_path / "o.csv", model_file, 2, n, progress=False
        )
        for n in (1, 2)
    ]
    pd.testing.assert_frame_equal(*tables)


def test_a_table_inside_the_folder_is_no_film(radiographs, model_file, capsys):
    out = radiographs / "out.csv"
    first = diagnose_folder(radiographs, out, model_file, progress=False)
    again = diagnose_folder(radiographs, out, model_file)
    pd.testing.assert_frame_equal(first, again)
    assert "1 other files" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("in_dir", "out", "words"),
    [
        ("nowhere", "out.csv", "nowhere: is not a folder"),
        ("nothing", "out.csv", "holds no PNG, JPEG or DICOM file"),
        ("in", "in/a.png", "a.png: is no CSV file"),
        ("in", "folder.csv", "folder.csv: is no CSV file"),
        ("in", "in/a.png/out.csv", "a file is in the way of a folder"),
    ],
)
def test_what_cannot_be_is_told_at_once(
    radiographs, tmp_path, model_file, in_dir, out, words, monkeypatch
):
    for name in ("nothing", "folder.csv"):
        (tmp_path / name).mkdir()
    before = (radiographs / "a.png").read_bytes()
    monkeypatch.setattr(decoder, "read_noted", None)  # No film is opened.
    done = call(tmp_path / in_dir, tmp_path / out, "--model", model_file)
    assert done.exit_code == 1 and words in done.output.splitlines()[-1]
    assert (radiographs / "a.png").read_bytes() == before


def test_a_folder_without_a_good_film_ends_with_1(tmp_path, model_file):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.png").write_bytes(b"")
    done = call(tmp_path / "in", tmp_path / "out.csv", "--model", model_file)
    assert done.exit_code == 1 and "x.png: the file is empty" in done.stderr
    assert read(tmp_path / "out.csv").error["x.png"]


def test_the_table_is_whole_or_the_old_one(
    radiographs, tmp_path, model_file, monkeypatch
):
    out = tmp_path / "out.csv"
    write_csv(pd.DataFrame({"file": ["old"]}), out)
    calls = []

    def interrupted(*arguments):
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        return predict_films(*arguments)

    monkeypatch.setattr(module, "predict_films", interrupted)
    with pytest.raises(KeyboardInterrupt):
        diagnose_folder(radiographs, out, model_file, 1, progress=False)
    assert calls and list(read(out).index) == ["old"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.csv"]


# === The model ===


def test_another_kind_of_model_is_refused(radiographs, tmp_path, model_file):
    build().encoder.save(tmp_path / "other.keras")
    build(trained_on="nothing: random weights").save(tmp_path / "new.keras")
    (tmp_path / "text.keras").write_text("no model")
    for name, words in (
        ("other.keras", "holds a CheXNetEncoder, not a DiagnosisModel"),
        ("new.keras", "was trained on nothing: random weights. Its answers would be"),
        ("text.keras", "text.keras"),
        ("no.keras", "no.keras: there is no such"),
    ):
        done = call(radiographs, tmp_path / "o.csv", "--model", tmp_path / name)
        assert done.exit_code == 1 and words in done.output.splitlines()[-1]
        assert not (tmp_path / "o.csv").exists()


def test_the_shipped_one_is_found_as_all_weights_are(
    radiographs, tmp_path, model_file, monkeypatch
):
    for each in (registry, fetch):
        monkeypatch.setattr(each, "course_weights", lambda: tmp_path / "course")
    monkeypatch.setenv("CXR_WEIGHTS", str(tmp_path / "mine"))
    monkeypatch.setenv("CXR_KAGGLEHUB", "0")
    monkeypatch.chdir(tmp_path)
    done = call(radiographs, "out.csv")
    assert done.exit_code == 1 and "It is in the course's repository" in done.output
    assert "nih-diagnosis: these weights are not here" in done.stderr
    (tmp_path / "mine").mkdir()
    shipped = tmp_path / "mine" / registry.NIH_DIAGNOSIS
    shipped.write_bytes(model_file.read_bytes())
    done = call(radiographs, "out.csv")
    assert done.exit_code == 0 and "four squares" in done.output, done.output
    registry.write_sums(tmp_path / "mine")
    assert load_diagnosis_model().labels == NIH_LABELS
    shipped.write_bytes(b"cut")
    done = call(radiographs, "out.csv")
    assert done.exit_code == 1 and "its SHA-256 is not the one" in done.output


# === Many films ===


def test_a_large_collection_lies_on_disk(radiographs, monkeypatch, tmp_path):
    paths = [radiographs / name for name in FILMS]
    held = read_films(paths, 32)
    monkeypatch.setattr(decoder, "MOST_HELD", held.nbytes - 1)
    monkeypatch.setattr(decoder.tempfile, "tempdir", str(tmp_path))
    mapped = read_films(paths, 32)
    assert isinstance(mapped, np.memmap) and not list(tmp_path.glob("tmp*"))
    np.testing.assert_array_equal(mapped, held)
    model = build()
    np.testing.assert_array_equal(
        predict_films(model, mapped), predict_films(model, held)
    )
    with pytest.raises(ValueError, match="cut.png: is truncated"):
        read_films([radiographs / "cut.png"] * 4, 32)

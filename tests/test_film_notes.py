"""What is odd about a film is told by every command, and spoils no other film."""

import json
import shutil

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from films import film, write_dicom

from cxrbase.files import InputError
from cxrbase.films.folder import find_films
from cxrbase.images import CONSTANT, write_png
from cxrlib.__main__ import main
from cxrlib.data.prepare import prepare, read_manifest
from cxrlib.systems.lungs.folder import segment_folder
from cxrlib.systems.lungs.segment import load_lung_model, segment_lungs
from cxrlib.systems.reports.predict import write_report

ODD = {"WindowCenter": 9, "WindowWidth": 1}  # A window that shows nothing.


def noise(seed):
    return np.random.default_rng(seed).integers(0, 4096, (32, 32)).astype("uint16")


@pytest.fixture
def studies(tmp_path):
    """Eight: the lateral of "c" is constant, "n" not finite, "w" has an odd window."""
    rows = []
    for uid in "abcdefnw":
        tags = {"n": {"RescaleSlope": 1, "RescaleIntercept": 0}, "w": ODD}.get(uid, {})
        views = [tmp_path / f"{uid}{view}.dcm" for view in "fl"]
        for i, path in enumerate(views):
            pixels = noise(ord(uid) + i) if (uid, i) != ("c", 1) else noise(0) * 0 + 9
            write_dicom(path, pixels, **tags)
        rows.append((uid, *map(str, views), f"Text {uid}.", 0.0))
    table = pd.DataFrame(
        rows, columns=["uid", "frontal", "lateral", "impression", "abnormal"]
    )
    data = (tmp_path / "nf.dcm").read_bytes()
    (tmp_path / "nf.dcm").write_bytes(
        data.replace(b"DS\x04\x001.0 ", b"DS\x04\x00nan ")
    )
    return table.assign(
        ground="real", on_disk=True, patient="", indication="", findings=""
    )


@pytest.mark.parametrize("memory_map", [False, True])
def test_prepare_lists_constant_films_and_notes(studies, tmp_path, memory_map, capsys):
    out = tmp_path / "out"
    for _ in range(2):  # The second finds all shards, and says the same.
        manifest = prepare(studies, out, size=16, progress=False, memory_map=memory_map)
        assert (manifest["problems"], manifest["left_out"]) == (1, 1)
        problems = pd.read_csv(out / "problems.csv")
        assert problems.uid.tolist() == ["c"] and problems.reason[0].startswith(
            CONSTANT
        )
        notes = pd.read_csv(out / "notes.csv").set_index("uid")
        assert sorted(notes.index) == ["n", "w", "w"]
        assert notes.file["n"].endswith("nf.dcm") and "RescaleSlope" in notes.note["n"]
        assert "window 9/1 was left out" in notes.note["w"].iloc[0]
        assert "3 notes on films that stay" in capsys.readouterr().out


def test_a_folder_prepared_before_has_no_notes(studies, tmp_path):
    out = tmp_path / "out"
    prepare(studies, out, size=16, progress=False)
    for path in out.glob("*-of-*.json"):
        entry = json.loads(path.read_text())
        del entry["notes"]
        path.write_text(json.dumps(entry))
    assert read_manifest(out)["left_out"] == 1
    assert prepare(studies, out, size=16, progress=False)["left_out"] == 1


def test_a_report_notes_what_is_odd(tmp_path, tiny_model):
    odd = write_dicom(tmp_path / "odd", noise(1), **ODD)
    white, plain = tmp_path / "white.png", tmp_path / "plain.png"
    write_png(white, np.ones((40, 40)))
    write_png(plain, film()[0])
    origin = tiny_model.origin
    tiny_model.origin = {**origin, "trained_on": "a test"}
    try:
        notes = write_report(tiny_model, odd, white)["notes"]
        same = write_report(tiny_model, plain, shutil.copy(plain, tmp_path / "b"))[
            "notes"
        ]
        good = write_report(tiny_model, plain, odd)["notes"]
    finally:
        tiny_model.origin = origin
    assert any(n.startswith("The frontal: the window 9/1 was left out") for n in notes)
    assert f"The lateral: {CONSTANT}." in notes
    assert "The frontal and the lateral are one and the same film." in same
    assert not any("one and the same" in note for note in notes + good)


# === A folder of films ===


@pytest.fixture
def model_file(tmp_path, dark_is_lung):
    (tmp_path / "model").mkdir()
    dark_is_lung(64).save(tmp_path / "model" / "lungs.keras")
    return tmp_path / "model" / "lungs.keras"


def test_films_without_a_suffix_are_segmented(tmp_path, model_file):
    folder = tmp_path / "in"
    folder.mkdir()
    stored = (film()[0] * 4095).astype("uint16")
    write_dicom(folder / "IM000001", stored)
    write_dicom(folder / "1.2.840.1", stored)
    write_dicom(folder / "1.2.840.2", stored, **ODD)
    write_dicom(folder / "bare", stored, Modality="DX")
    data = (folder / "bare").read_bytes()
    (folder / "bare").write_bytes(data[144 + data[140] :])
    write_png(folder / "photo.bin.png", film()[0])
    (folder / "photo.bin.png").rename(folder / "photo.bin")
    (folder / "DICOMDIR").write_bytes(
        bytes(128) + b"DICM\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10\0"
    )
    (folder / "notes.txt").write_text("no radiograph")
    done = CliRunner().invoke(
        main,
        [
            "segment",
            str(folder),
            str(tmp_path / "out"),
            "--lung-model",
            str(model_file),
        ],
    )
    assert done.exit_code == 0 and "2 other files were left out" in done.output
    table = pd.read_csv(tmp_path / "out" / "segmentation.csv", keep_default_na=False)
    assert not any(table.error), table.error.tolist()
    assert sorted(table["mask"]) == [
        "1.2.840.1.png", "1.2.840.2.png", "IM000001.png", "bare.png", "photo.bin.png",
    ]  # fmt: skip
    assert all((tmp_path / "out" / name).exists() for name in table["mask"])
    assert "window 9/1" in table.set_index("file").notes["1.2.840.2"]


def test_one_bad_film_or_answer_spoils_no_other(tmp_path, model_file):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abc":
        write_png(folder / f"{name}.png", film()[0])
    write_png(folder / "white.png", np.full((300, 240), 0.9))
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xda")

    class Spoils:
        name, input_shape = "spoils", (None, 64, 64, 1)

        def predict_on_batch(self, squares):
            answers = (squares < 0.5).astype("float32")
            answers[squares.mean((1, 2, 3)) > 0.85] = np.nan
            return answers

    table = segment_folder(folder, tmp_path / "out", Spoils(), progress=False)
    table = table.set_index("file")
    assert "outputs of spoils: values run from nan" in table.error["white.png"]
    assert "truncated or corrupt" in table.error["cut.jpg"]
    assert not any(table.error[f"{name}.png"] for name in "abc")
    table = segment_folder(folder, tmp_path / "out", model_file, progress=False)
    assert table.set_index("file").flag["white.png"] == CONSTANT


def test_large_films_are_not_gathered(tmp_path, model_file, monkeypatch):
    import cxrbase.films.folder as films_of_a_folder
    import cxrlib.systems.lungs.folder as module

    folder, seen, real = tmp_path / "in", [], module.segment_lungs
    folder.mkdir()
    for name in "abcde":
        write_png(folder / f"{name}.png", film()[0])
    monkeypatch.setattr(films_of_a_folder, "MOST_PIXELS", 100_000)
    monkeypatch.setattr(
        module,
        "segment_lungs",
        lambda i, *a, **k: seen.append(len(i)) or real(i, *a, **k),
    )
    segment_folder(folder, tmp_path / "out", model_file, progress=False)
    assert seen == [2, 2, 1]  # Of 72,000 pixels each.


def test_a_mask_where_the_film_is_blank_is_flagged():
    rng = np.random.default_rng(0)
    image, mask = film()
    image = np.clip(image + rng.normal(0, 0.03, image.shape), 0, 1).astype("float32")

    class Fixed:
        name, input_shape = "fixed", (None, 64, 64, 1)

        def predict_on_batch(self, squares):
            answer = cv2.resize(mask.astype("float32"), (64, 64))[..., None]
            return np.repeat(answer[None], len(squares), axis=0)

    half = image.copy()
    half[:, :120] = 0
    whole, blank = segment_lungs([image, half], Fixed())
    assert not whole.flag and "of the mask is where the film is blank" in blank.flag


def test_what_is_no_lung_model_is_named(tmp_path, tiny_model):
    tiny_model.save(tmp_path / "report.keras")
    with pytest.raises(InputError, match="holds a ReportModel, which finds no lungs"):
        load_lung_model(tmp_path / "report.keras")
    image = keras.Input((32, 32, 1))
    giant = keras.layers.UpSampling2D(64)(keras.layers.Conv2D(1, 1)(image))
    keras.Model(image, giant).save(tmp_path / "giant.keras")
    with pytest.raises(InputError, match=r"giant.keras: takes .* gives .*2048.*s ≤ S"):
        load_lung_model(tmp_path / "giant.keras")


def test_a_lung_model_without_a_crop_is_said(tmp_path):
    (tmp_path / "t.csv").write_text(
        "uid,frontal,lateral,report\n1,a.png,b.png,Clear.\n"
    )
    done = CliRunner().invoke(
        main,
        ["prepare", str(tmp_path / "out"), "--data", str(tmp_path / "t.csv"),
         "--lung-model", "x.keras"],
    )  # fmt: skip
    assert "--lung-model is not used" in done.output


def test_a_link_to_itself_is_left_out(tmp_path):
    write_png(tmp_path / "film.png", film()[0])
    (tmp_path / "loop.png").symlink_to("loop.png")
    names, others = find_films(tmp_path, tmp_path / "masks")
    assert [name.name for name in names] == ["film.png"] and others == 0

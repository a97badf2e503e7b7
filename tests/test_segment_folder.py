"""A folder of radiographs in, masks and a table out."""

import cv2
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from films import film

from cxrbase.files import InputError
from cxrbase.images import read_radiograph, write_png
from cxrlib.__main__ import main
from cxrlib.systems.lungs.folder import COLUMNS, segment_folder


@pytest.fixture
def model_file(tmp_path, dark_is_lung):
    (tmp_path / "model").mkdir()
    dark_is_lung(64).save(tmp_path / "model" / "foreign.keras")
    return tmp_path / "model" / "foreign.keras"


@pytest.fixture
def radiographs(tmp_path):
    folder = tmp_path / "in"
    image, _ = film()
    write_png(folder / "grey.png", image)
    deep = (image * 4095).astype("uint16")
    assert cv2.imwrite(str(folder / "sixteen.png"), deep)
    colour = cv2.cvtColor((image * 255).astype("uint8"), cv2.COLOR_GRAY2BGR)
    assert cv2.imwrite(str(folder / "colour.png"), colour)
    (folder / "ward").mkdir()
    assert cv2.imwrite(str(folder / "ward" / "photo.jpg"), colour)
    write_png(folder / "black.png", np.zeros((40, 30)))
    whole = (folder / "grey.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("no radiograph")
    return folder


def test_segment_writes_masks_table_and_overlays(radiographs, tmp_path, model_file):
    out = tmp_path / "out"
    arguments = ["segment", radiographs, out, "--overlay", "--lung-model", model_file]
    done = CliRunner().invoke(main, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output
    assert "cut.png: is truncated or corrupt" in done.output
    assert "5 masks, 1 of them flagged; 1 files could not be read" in done.output
    table = pd.read_csv(out / "segmentation.csv", keep_default_na=False)
    assert tuple(table.columns) == COLUMNS and len(table) == 6
    table = table.set_index("file")
    assert (
        table.error["cut.png"].startswith("is truncated") and not table.flag["grey.png"]
    )
    assert (
        table.flag["black.png"] and table["mask"]["ward/photo.jpg"] == "ward/photo.png"
    )
    _, truth = film()
    for name in ("grey", "sixteen", "colour", "ward/photo"):
        mask = cv2.imread(str(out / f"{name}.png"), cv2.IMREAD_UNCHANGED)
        assert mask.shape == truth.shape and set(np.unique(mask)) == {0, 255}
        assert ((mask > 0) != truth).mean() < 0.03
        assert cv2.imread(str(out / "overlays" / f"{name}.png")).shape == (300, 240, 3)
    assert float(table.area["grey.png"]) == pytest.approx(truth.mean(), abs=0.03)
    assert not (out / "cut.png").exists()


def test_two_files_that_want_one_mask(radiographs, tmp_path, model_file):
    image = cv2.imread(str(radiographs / "grey.png"))
    assert cv2.imwrite(str(radiographs / "grey.jpg"), image)
    table = segment_folder(radiographs, tmp_path / "out", model_file, progress=False)
    rows = table.set_index("file")
    assert sum(bool(rows.error[f"grey.{end}"]) for end in ("png", "jpg")) == 1


def test_hopeless_folders_are_told(radiographs, tmp_path, model_file):
    with pytest.raises(InputError, match="the masks would overwrite the images"):
        segment_folder(radiographs, radiographs, model_file)
    with pytest.raises(InputError, match="is not a folder"):
        segment_folder(tmp_path / "nowhere", tmp_path / "out", model_file)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no PNG, JPEG or DICOM file. Check"):
        segment_folder(tmp_path / "empty", tmp_path / "out", model_file)
    (tmp_path / "empty" / "x.png").write_bytes(b"")
    done = CliRunner().invoke(
        main,
        ["segment", str(tmp_path / "empty"), str(tmp_path / "out"),
         "--lung-model", str(model_file)],
    )  # fmt: skip
    assert done.exit_code == 1 and "x.png: the file is empty" in done.output


def test_masks_inside_the_folder_are_not_segmented_again(radiographs, model_file):
    out = radiographs / "masks"
    first = segment_folder(radiographs, out, model_file, progress=False)
    again = segment_folder(radiographs, out, model_file, progress=False)
    assert list(first.file) == list(again.file)


def test_what_was_done_before_ctrl_c_is_kept(
    radiographs, tmp_path, model_file, monkeypatch
):
    import cxrlib.systems.lungs.folder as module

    real, calls = module.segment_lungs, []

    def interrupted(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(module, "segment_lungs", interrupted)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        segment_folder(radiographs, out, model_file, batch_size=2, progress=False)
    table = pd.read_csv(out / "segmentation.csv", keep_default_na=False)
    assert len(table) == 2
    done = [row for row in table.itertuples() if not row.error]
    assert done and all((out / row.mask).exists() for row in done)
    assert read_radiograph(out / done[0].mask).shape

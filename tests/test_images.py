import os
import pathlib
import struct
import sys

import cv2
import numpy as np
import pytest
from films import giant_png, write_dicom

from cxrbase.files import InputError
from cxrbase.films import formats
from cxrbase.images import (
    check_unit_range,
    decode_noted,
    read_radiograph,
    resize_square,
)

REAL = pathlib.Path(
    os.environ.get("CXR_REAL_DATA")
    or pathlib.Path(__file__).parents[2] / "shared" / "data"
)


@pytest.fixture
def gradient():
    return np.linspace(0, 255, 40 * 30).reshape(40, 30).astype(np.uint8)


def save(path, pixels):
    assert cv2.imwrite(str(path), pixels)
    return path


def test_png_is_read_exactly(tmp_path, gradient):
    image = read_radiograph(save(tmp_path / "a.png", gradient))
    assert image.shape == (40, 30) and image.dtype == np.float32
    np.testing.assert_allclose(image, gradient / 255, atol=1e-6)


@pytest.mark.parametrize("channels", [3, 4])
def test_colours_become_grey(tmp_path, gradient, channels):
    colour = np.dstack([gradient] * 3 + [np.full_like(gradient, 9)] * (channels - 3))
    image = read_radiograph(save(tmp_path / "a.png", colour))
    np.testing.assert_allclose(image, gradient / 255, atol=1e-6)


def test_jpeg_is_read(tmp_path, gradient):
    image = read_radiograph(save(tmp_path / "a.jpg", gradient))
    np.testing.assert_allclose(image, gradient / 255, atol=0.03)


@pytest.mark.parametrize(
    ("peak", "full"), [(255, 255), (4000, 4095), (6000, 16383), (65535, 65535)]
)
def test_16_bits_are_scaled_by_the_depth_they_use(tmp_path, peak, full):
    pixels = np.array([[0, peak]], np.uint16).repeat(4, 0)
    image = read_radiograph(save(tmp_path / "a.png", pixels))
    assert image.max() == pytest.approx(peak / full)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_truncation_is_noticed(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    path = save(tmp_path / f"a{suffix}", noise)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match="truncated or corrupt.*again") as error:
        read_radiograph(path)
    assert str(path) in str(error.value)


def test_a_flipped_byte_in_a_png_is_noticed(tmp_path, gradient):
    path = save(tmp_path / "a.png", gradient)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(InputError, match="truncated or corrupt"):
        read_radiograph(path)


@pytest.fixture
def no_decoder(monkeypatch):
    """Fail where a decoder is called."""

    def decode(*args):
        raise AssertionError("decoded")

    monkeypatch.setattr(cv2, "imdecode", decode)


@pytest.mark.parametrize("size", [(10_001, 10_000), (2**20, 2**7)])
def test_a_giant_png_is_refused_before_it_is_decoded(tmp_path, no_decoder, size):
    path = tmp_path / "bomb.png"
    path.write_bytes(giant_png(*size))
    assert path.stat().st_size < 50_000
    with pytest.raises(InputError, match="claims .* pixels .* MB.; at most 40,000,000"):
        read_radiograph(path)


def claim(data, width, height):
    """The JPEG with another size in the header of its frame."""
    at = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    return data[: at + 5] + struct.pack(">HH", height, width) + data[at + 9 :]


@pytest.mark.parametrize("progressive", [0, 1])
def test_a_giant_jpeg_is_refused_before_it_is_decoded(
    tmp_path, gradient, no_decoder, progressive
):
    path = tmp_path / "bomb.jpg"
    cv2.imwrite(str(path), gradient, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])
    data = claim(path.read_bytes(), 65_000, 64_000)
    # A comment that looks like the header of a small frame, and bytes between.
    comment = b"\xff\xc0\x00\x11\x08\x00\x10\x00\x10"
    comment = b"\xff\xfe" + struct.pack(">H", 2 + len(comment)) + comment
    path.write_bytes(data[:2] + comment + b"\xff\xff" + data[2:])
    with pytest.raises(InputError, match="claims 65,000 × 64,000 pixels .20,800 MB"):
        read_radiograph(path)


def test_the_size_is_that_of_the_file(tmp_path, gradient, monkeypatch):
    paths = [save(tmp_path / f"a{suffix}", gradient) for suffix in (".png", ".jpg")]
    for path in paths:
        monkeypatch.setattr(formats, "MOST_BYTES", 6000)
        assert read_radiograph(path).shape == (40, 30)
        monkeypatch.setattr(formats, "MOST_BYTES", 5999)
        with pytest.raises(InputError, match="claims 30 × 40 pixels"):
            read_radiograph(path)


@pytest.mark.parametrize(
    "content", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xda"]
)
def test_a_file_without_a_size_is_corrupt(tmp_path, no_decoder, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match="truncated or corrupt"):
        read_radiograph(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"II*\0 a TIFF", "neither PNG, JPEG nor DICOM. Convert it"),
        (b"\n<!doctype html>404", "is a web page. Download the film itself"),
        (
            b"version https://git-lfs.github.com/spec/v1",
            "pointer. Fetch the file",
        ),
        (b"PK\x03\x04", "is an archive. Unpack it first"),
        (b"\x1f\x8b\x08", "is an archive. Unpack it first"),
    ],
)
@pytest.mark.parametrize("name", ["a.png", "a"])
def test_what_is_no_image_is_refused(tmp_path, content, message, name):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_radiograph(path)


def test_a_missing_file_or_a_folder_is_named(tmp_path):
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(InputError, match="cannot be read") as error:
            read_radiograph(path)
        assert str(path) in str(error.value)


# === DICOM ===


def test_dicom_is_stretched_to_its_range(tmp_path):
    pixels = np.arange(100, 112).reshape(3, 4)
    image = read_radiograph(write_dicom(tmp_path / "a.dcm", pixels))
    np.testing.assert_allclose(image, np.arange(12).reshape(3, 4) / 11, atol=1e-6)


def test_monochrome1_is_inverted(tmp_path):
    pixels = np.arange(12).reshape(3, 4)
    path = write_dicom(tmp_path / "no-suffix", pixels, "MONOCHROME1")
    image = read_radiograph(path)
    assert image[0, 0] == 1 and image[-1, -1] == 0


def test_the_window_of_a_dicom_is_applied(tmp_path):
    pixels = np.array([[0, 500, 1000, 1500, 60000]])
    path = write_dicom(
        tmp_path / "a.dcm", pixels, WindowCenter=1000, WindowWidth=1000,
        RescaleSlope=1, RescaleIntercept=0,
    )  # fmt: skip
    np.testing.assert_allclose(read_radiograph(path), [[0, 0, 0.5, 1, 1]], atol=0.002)


def test_bad_dicom_is_named(tmp_path):
    whole = write_dicom(tmp_path / "a.dcm", np.ones((30, 30)))
    whole.write_bytes(whole.read_bytes()[:-900])
    with pytest.raises(InputError, match="a.dcm: pydicom cannot decode"):
        read_radiograph(whole)
    frames = write_dicom(tmp_path / "b.dcm", np.ones((5, 8, 8)))
    with pytest.raises(InputError, match="b.dcm: holds 5 frames"):
        read_radiograph(frames)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (
            {"Rows": 60_000, "Columns": 50_000},
            "claims 50,000 × 60,000 pixels .18,000 MB",
        ),
        ({"NumberOfFrames": 2_000_000}, "8 × 8 pixels in each of 2,000,000 frames"),
    ],
)
def test_a_giant_dicom_is_refused_before_it_is_decoded(
    tmp_path, monkeypatch, tags, message
):
    path = write_dicom(tmp_path / "a.dcm", np.ones((8, 8)), **tags)
    monkeypatch.delattr("pydicom.Dataset.pixel_array")
    with pytest.raises(InputError, match=message):
        read_radiograph(path)


def test_without_pydicom_the_mend_is_named(tmp_path, monkeypatch):
    path = write_dicom(tmp_path / "a.dcm", np.ones((3, 3)))
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(InputError, match=r"pip install '\.\[dicom\]'"):
        read_radiograph(path)


# === Squares and ranges ===


def test_shrinking_averages():
    checks = np.indices((8, 8)).sum(0) % 2
    np.testing.assert_allclose(resize_square(checks, 4), 0.5)


def test_stretch_fills_the_square_and_pad_keeps_proportions():
    image = np.ones((40, 20), np.float32)
    assert resize_square(image, 10).min() == 1
    padded = resize_square(image, 10, "pad")
    assert padded.shape == (10, 10)
    assert padded.mean() == pytest.approx(0.5, abs=0.06)
    assert padded[:, 0].max() == padded[:, -1].max() == 0


def test_a_strip_is_not_padded_to_a_giant_square():
    strip = np.zeros((2, 20_000), np.float32)
    with pytest.raises(InputError, match="20,000 × 2 pixels make too large a square"):
        resize_square(strip, 8, "pad")
    assert resize_square(strip, 8).shape == (8, 8)


def test_resize_enlarges_and_refuses_what_is_no_image():
    assert resize_square(np.zeros((3, 50)), 20).shape == (20, 20)
    with pytest.raises(InputError, match=r"\(0, 4\)"):
        resize_square(np.zeros((0, 4)), 8)
    with pytest.raises(InputError, match="choose 'stretch' or 'pad'"):
        resize_square(np.zeros((4, 4)), 8, "crop")


def test_pixels_up_to_255_are_refused():
    assert check_unit_range(np.array([0.0, 1.0])).shape == (2,)
    with pytest.raises(InputError, match="frontal: .* 0 to 255.*Divide them by 255"):
        check_unit_range(np.array([0, 255], np.uint8), "frontal")
    with pytest.raises(InputError, match="NaN"):
        check_unit_range(np.array([0.0, np.nan]))


@pytest.mark.real
def test_the_real_indiana_images_decode():
    folder = REAL / "indiana" / "images" / "images_normalized"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there (set CXR_REAL_DATA)")
    files = sorted(folder.glob("*.png"))
    assert len(files) == 5
    for file in files:
        image = read_radiograph(file)
        assert image.ndim == 2 and min(image.shape) >= 300
        assert 0.1 < image.mean() < 0.9 and image.max() > 0.9


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_film_in_memory_is_decoded_as_one_on_disk(tmp_path, gradient, suffix):
    path = save(tmp_path / f"film{suffix}", gradient)
    image, notes = decode_noted(path.read_bytes())
    assert np.array_equal(image, read_radiograph(path)) and notes == []
    with pytest.raises(InputError, match="^Mine: is truncated"):
        decode_noted(path.read_bytes()[:-20], "Mine")
    with pytest.raises(InputError, match="neither PNG, JPEG nor DICOM"):
        decode_noted(b"nothing at all", "film.dcm")  # A name says nothing here.


def test_a_dicom_film_in_memory_is_decoded_as_one_on_disk(tmp_path):
    write_dicom(tmp_path / "film.dcm", np.arange(600, dtype="uint16").reshape(20, 30))
    image, _ = decode_noted((tmp_path / "film.dcm").read_bytes())
    assert np.array_equal(image, read_radiograph(tmp_path / "film.dcm"))

"""Odd PNG and JPEG films, odd files: the right greys, or one line; nothing printed."""

import os
import re
import shutil
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest
from films import png_chunk, refused, right, stored_film, write_dicom

from cxrbase.files import InputError
from cxrbase.films import formats
from cxrbase.films.greys import count, robust_range
from cxrbase.images import CONSTANT, read_noted, read_radiograph

FILM, TRUTH = stored_film()
PROGRESSIVE, RESTART = cv2.IMWRITE_JPEG_PROGRESSIVE, cv2.IMWRITE_JPEG_RST_INTERVAL


def save(path, pixels, *options):
    assert cv2.imwrite(str(path), pixels, options)
    return path


# === Depth ===


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("hot", [0, 1, 2])
def test_the_depth_is_not_told_by_one_pixel(tmp_path, bits, hot):
    film, truth = stored_film(0, 2**bits - 1)
    film[20, 20 : 20 + hot], truth[20, 20 : 20 + hot] = 65535, 1
    note = None if bits == 16 else f"its 16 bits were read as {bits}"
    right(save(tmp_path / "a.png", film), truth, atol=1e-6, note=note)


@pytest.mark.parametrize("share", [0.02, 0.4])
@pytest.mark.parametrize("white", [65535, 40000])
def test_a_white_marker_is_no_depth(tmp_path, share, white):
    film, truth = stored_film()
    rows = round(64 * share)
    film[20 : 20 + rows], truth[20 : 20 + rows] = white, 1
    right(save(tmp_path / "a.png", film), truth, atol=1e-6, note="were read as 12")
    film[film < 4096] *= 16  # An honest film of 16 bits may hold one, too.
    truth = film / 65535
    right(save(tmp_path / "a.png", film), truth, atol=1e-6)


@pytest.mark.parametrize("edge", [255, 1023, 4095, 16383])
def test_a_hair_more_is_no_other_depth(tmp_path, edge):
    means = []
    for peak in (0.98 * edge, 1.02 * edge):
        film, _ = stored_film(0, round(peak))
        means.append(read_radiograph(save(tmp_path / "a.png", film)).mean())
    assert means[0] == pytest.approx(means[1], rel=0.03) and means[0] > 0.35


def test_the_range_leaves_an_honest_film_alone():
    film = count(FILM)
    assert robust_range(film.levels.astype(float), film.counts) == (0, 4095, 0)


@pytest.mark.parametrize("grey", [0, 90, 255])
@pytest.mark.parametrize("kind", [".png", ".jpg"])
@pytest.mark.parametrize("hot", [0, 3])
def test_a_constant_film_is_reported(tmp_path, grey, kind, hot):
    film = np.full((64, 64), grey, "uint8")
    film[30, 30 : 30 + hot] = 255 - grey
    image, notes = read_noted(save(tmp_path / f"a{kind}", film))
    assert CONSTANT in notes and image[0, 0] == pytest.approx(grey / 255)
    film[:, 20:40] = 255 - grey // 2
    assert read_noted(save(tmp_path / f"b{kind}", film))[1] == []


# === JPEG ===


@pytest.fixture(scope="module")
def picture():
    noise = np.random.default_rng(0).normal(0, 20, (192, 256))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2) * 4
    ramp = np.linspace(30, 220, 256)
    return np.clip(smooth + ramp, 0, 255).astype("uint8")


def coded(picture, *options):
    return cv2.imencode(".jpg", picture, options)[1].tobytes()


@pytest.mark.parametrize("options", [(), (PROGRESSIVE, 1), (RESTART, 4)])
@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize(
    "harm",
    [
        lambda d, at: d[:at] + bytes(200) + d[at + 200 :],
        lambda d, at: d[:at] + d[at + 300 :],
        lambda d, at: d[:at] + b"\xff\xd9",
        lambda d, at: d[:at],
        lambda d, at: d[:-2] + bytes(9) + d[-2:],
        lambda d, at: d[:at] + b"\xff\x00" * 60 + d[at + 120 :],
    ],
)
def test_a_jpeg_with_a_hole_is_refused(tmp_path, picture, options, colour, harm, capfd):
    data = coded(np.dstack([picture] * 3) if colour else picture, *options)
    path = tmp_path / "a.jpg"
    path.write_bytes(harm(data, data.index(b"\xff\xda") + (len(data) - 600) // 2))
    with pytest.raises(InputError, match="is truncated or corrupt.*again") as error:
        read_radiograph(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("colour", [False, True])
def test_a_progressive_jpeg_that_ends_between_two_scans(tmp_path, picture, colour):
    data = coded(np.dstack([picture] * 3) if colour else picture, PROGRESSIVE, 1)
    path, scans = (
        tmp_path / "a.jpg",
        [m.start() for m in re.finditer(b"\xff\xda", data)],
    )
    assert len(scans) > 5
    for before, scan in zip(scans, scans[1:], strict=False):
        tables = data.find(b"\xff\xc4", before, scan)
        path.write_bytes(data[: scan if tables < 0 else tables] + b"\xff\xd9")
        with pytest.raises(InputError, match="ends before its last scan"):
            read_radiograph(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d + b"trailing bytes",
        lambda d: d + d,
        lambda d: (
            d[:2]
            + b"\xff\xe1\x00\x0eExif\x00\x00"
            + b"\xff\xd8\xff\xda\xff\xd9"
            + d[2:]
        ),
        lambda d: d[:2] + b"\xff\xfe\x00\x06\xff\xd9\xff\xda" + d[2:],
        lambda d: d[:2] + b"\xff\xff\xff" + d[2:],
    ],
)
@pytest.mark.parametrize("options", [(), (PROGRESSIVE, 1), (RESTART, 4)])
def test_a_whole_jpeg_is_read(tmp_path, picture, change, options, capfd):
    path = tmp_path / "a.png"  # The bytes tell what it is.
    path.write_bytes(change(coded(picture, *options)))
    right(path, picture / 255, atol=0.1)
    assert capfd.readouterr() == ("", "")


def test_colours_and_turns_of_other_writers(tmp_path, picture):
    image = pytest.importorskip("PIL.Image")
    grey = image.fromarray(picture)
    black = image.new("L", grey.size)
    cmyk = image.merge("CMYK", [black] * 3 + [image.eval(grey, lambda v: 255 - v)])
    turn = image.Exif()
    turn[0x112] = 6
    for name, film, options in (
        ("cmyk", cmyk, {}), ("422", grey.convert("RGB"), {"subsampling": "4:2:2"}),
        ("turned", grey, {"exif": turn}), ("optimised", grey, {"optimize": True}),
    ):  # fmt: skip
        film.save(tmp_path / f"{name}.jpg", **options)
        seen = picture if name != "turned" else np.rot90(picture, -1)
        right(tmp_path / f"{name}.jpg", seen / 255, atol=0.15)


def test_too_many_scans_are_refused(tmp_path, picture):
    data = coded(picture, PROGRESSIVE, 1)
    last = data.rindex(b"\xff\xda")
    (tmp_path / "a.jpg").write_bytes(data[:last] + data[last:-2] * 200 + data[-2:])
    with pytest.raises(InputError, match="truncated or corrupt .*scans"):
        read_radiograph(tmp_path / "a.jpg")


# === What a file is ===


def test_the_bytes_decide_what_a_file_is(tmp_path):
    png = save(tmp_path / "a.png", (FILM >> 4).astype("uint8"))
    film = write_dicom(tmp_path / "b.dcm", FILM)
    for name in ("png.dcm", "png", "png.jpg", "png.txt"):
        right(shutil.copy(png, tmp_path / name), (FILM >> 4) / 255, atol=1e-6)
    for name in ("IM000001", "1.2.840.99", "film.png", "film.jpeg"):
        right(shutil.copy(film, tmp_path / name), TRUTH)
        assert formats.looks_like_film(tmp_path / name)
    (tmp_path / "c.png").write_text("no film " * 99)
    refused(tmp_path / "c.png", "neither PNG, JPEG")
    assert not formats.looks_like_film(tmp_path / "c.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_what_is_no_file_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    for name in (
        "pipe.png", ".", "loop.png", "x" * 300 + ".png", "nul\0.png", "none.png",
    ):  # fmt: skip
        with pytest.raises(InputError, match="cannot be read") as error:
            read_radiograph(os.path.join(tmp_path, name))
        assert "\n" not in str(error.value) and "\0" not in str(error.value)
        assert str(error.value).count("cannot be read") == 1
        assert not formats.looks_like_film(tmp_path / name)
    with pytest.raises(InputError, match="it is a pipe or a device"):
        read_radiograph("/dev/zero")


# === Resources ===


def test_a_giant_file_is_not_opened(tmp_path):
    with (tmp_path / "a.png").open("wb") as file:
        file.write(formats.PNG_START)
        file.truncate(20 * 2**30)
    with pytest.raises(InputError, match="has 21,474,836,480 bytes, more than"):
        read_radiograph(tmp_path / "a.png")


def png(width, height, bits, colour, rows, *more):
    """A PNG of zeros, `more` chunks before its pixels."""
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = bytes(1 + (width * channels * bits + 7) // 8)
    body = zlib.compress(row * rows, 9)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return formats.PNG_START + b"".join(
        [png_chunk(b"IHDR", header), *more, png_chunk(b"IDAT", body)]
        + [png_chunk(b"IEND", b"")]
    )


@pytest.mark.parametrize(
    ("width", "height", "bits", "colour"),
    [(10_000, 10_000, 16, 6), (6_000, 6_000, 16, 2), (8_000, 8_000, 8, 0)],
)
def test_channels_and_depth_count(tmp_path, width, height, bits, colour):
    (tmp_path / "a.png").write_bytes(png(width, height, bits, colour, 1))
    refused(tmp_path / "a.png", "claims .* pixels .* MB.; at most 40,000,000 and 300")


READ = """
import resource, sys
from cxrbase.images import read_radiograph
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(read_radiograph(sys.argv[1]).shape)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(("bits", "colour"), [(16, 0), (16, 4), (8, 2)])
def test_the_largest_film_takes_less_than_500_mb(tmp_path, bits, colour):
    """6,000 × 5,000 of 16 bits are read, and what is near the limit."""
    (tmp_path / "a.png").write_bytes(png(6_000, 5_000, bits, colour, 5_000))
    done = subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "a.png"], capture_output=True, text=True
    )
    shape, taken = done.stdout.splitlines()
    assert shape == "(5000, 6000)" and int(taken) < 500, done.stdout


def test_profiles_and_texts_are_not_inflated(tmp_path, capfd):
    bomb = zlib.compress(bytes(50_000_000), 9)
    chunks = [
        png_chunk(b"iCCP", b"x\0\0" + bomb), png_chunk(b"zTXt", b"x\0\0" + bomb),
        png_chunk(b"gAMA", struct.pack(">I", 10)), png_chunk(b"acTL", bytes(8)),
    ]  # fmt: skip
    (tmp_path / "a.png").write_bytes(png(64, 64, 8, 0, 64, *chunks))
    assert not read_radiograph(tmp_path / "a.png").any()
    assert capfd.readouterr() == ("", "")
    (tmp_path / "b.png").write_bytes(png(64, 64, 8, 0, 20))  # Rows are missing.
    with pytest.raises(InputError, match="truncated or corrupt"):
        read_radiograph(tmp_path / "b.png")


def test_many_films_are_read_at_once(tmp_path, picture):
    """The decoder's warnings belong to one film each, whatever the others do."""
    from concurrent.futures import ThreadPoolExecutor

    whole, cut = tmp_path / "whole.jpg", tmp_path / "cut.jpg"
    whole.write_bytes(coded(picture))
    cut.write_bytes(coded(picture)[:-400] + b"\xff\xd9")

    def told(path):
        try:
            return read_radiograph(path).shape == picture.shape
        except InputError:
            return False

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(told, [whole, cut] * 40)) == [True, False] * 40


def test_a_limit_of_opencv_is_named(tmp_path):
    save(tmp_path / "a.png", FILM)
    limits = {"OPENCV_IO_MAX_IMAGE_PIXELS": "100"}
    done = subprocess.run(
        [sys.executable, "-c", READ, tmp_path / "a.png"],
        capture_output=True, text=True, env=os.environ | limits,
    )  # fmt: skip
    assert "Unset OPENCV_IO_MAX_IMAGE_PIXELS" in done.stderr.splitlines()[-1]

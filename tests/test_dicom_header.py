"""DICOM films that lack or hide something: mended if certain, else refused."""

import struct
import zlib

import cv2
import numpy as np
import pytest
from films import refused, right, stored_film, write_dicom

from cxrbase.files import InputError
from cxrbase.films import dicom, formats
from cxrbase.images import read_radiograph

pydicom = pytest.importorskip("pydicom")
FILM, TRUTH = stored_film()
IMPLICIT, EXPLICIT, DEFLATED, BIG = (
    f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2")
)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("name", ["a.dcm", "IM000001"])
def test_without_a_header_it_is_read_as_parsed(tmp_path, syntax, name):
    film = FILM if syntax != BIG else FILM.byteswap()
    path = write_dicom(tmp_path / name, film, syntax=syntax, Modality="DX")
    data = path.read_bytes()
    start = 144 + struct.unpack_from("<I", data, 140)[0]
    path.write_bytes(data[start:])
    right(path, TRUTH)


@pytest.mark.parametrize("value", ["", None])
def test_a_header_without_a_syntax(tmp_path, value):
    path = write_dicom(tmp_path / "a.dcm", FILM)
    file = pydicom.dcmread(path)
    if value is None:
        del file.file_meta.TransferSyntaxUID
    else:
        file.file_meta.TransferSyntaxUID = value
    file.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=False)
    right(path, TRUTH)


@pytest.mark.parametrize(
    ("tags", "note"),
    [
        ({"SamplesPerPixel": None}, None),
        ({"PixelRepresentation": None}, None),
        ({"BitsStored": None}, "BitsStored is missing: all 16"),
        ({"BitsStored": 12, "HighBit": None}, None),
        ({"BitsStored": 12, "HighBit": 15}, None),
        ({"NumberOfFrames": 1}, None),
        ({"NumberOfFrames": ("IS", "")}, None),
    ],
)
def test_what_is_certain_is_mended(tmp_path, tags, note):
    right(write_dicom(tmp_path / "a.dcm", FILM, **tags), TRUTH, note=note)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"PhotometricInterpretation": None}, "low is black or white.*Export it again"),
        (
            {"PhotometricInterpretation": "ODD"},
            "pixels of the kind 'ODD'. Export it again",
        ),
        ({"Rows": None}, "no usable Rows. Export it again"),
        ({"Columns": 0}, "no usable Columns. Export it again"),
        ({"BitsAllocated": None}, "no usable BitsAllocated. Export it again"),
        ({"PixelData": None, "Rows": None}, "holds no pixels"),
        ({"PixelData": None, "FloatPixelData": ("OF", bytes(4))}, "that are floats"),
        ({"PixelData": b"\xfe\xff\0\xe0" * 4}, "is compressed, but its Transfer Syn"),
        (
            {"PixelRepresentation": None, "BitsStored": 12, "HighBit": 11},
            "whether its values have a sign",
        ),
        ({"NumberOfFrames": 3}, "holds 3 frames.*Export a single frame"),
    ],
)
def test_what_is_not_certain_is_refused(tmp_path, tags, message):
    refused(write_dicom(tmp_path / "a.dcm", FILM, **tags), message)


def test_a_syntax_that_nobody_knows(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", FILM)
    old, new = EXPLICIT.encode(), b"1.2.840.10008.1.9.1"
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    refused(path, "pydicom cannot decode it.*Export it again")


def test_bits_that_are_not_stored_are_cut_off(tmp_path):
    bits = {"BitsStored": 12, "HighBit": 11}
    overlay = FILM | np.uint16(0x7000) * (np.indices(FILM.shape).sum(0) % 2 == 0)
    right(write_dicom(tmp_path / "a.dcm", overlay.astype("uint16"), **bits), TRUTH)
    signed = (FILM.astype(int) - 2048) & 0x0FFF  # Without its sign extended.
    tags = bits | {"PixelRepresentation": 1}
    right(write_dicom(tmp_path / "b.dcm", signed, **tags), TRUTH)
    upper = FILM << 4
    tags = {"BitsStored": 12, "HighBit": 15}
    right(write_dicom(tmp_path / "c.dcm", upper, **tags), TRUTH)


# === Resources and decoders ===


def test_a_deflated_film_has_a_limit(tmp_path, monkeypatch):
    path = write_dicom(tmp_path / "a.dcm", FILM, syntax=DEFLATED)
    right(path, TRUTH)
    data = path.read_bytes()
    start = 144 + struct.unpack_from("<I", data, 140)[0]
    bomb = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = b"".join(bomb.compress(bytes(2**20)) for _ in range(200)) + bomb.flush()
    path.write_bytes(data[:start] + zeros)
    monkeypatch.setattr(pydicom, "dcmread", None)
    refused(path, "inflates to more than 134,217,728 bytes")


def test_compressed_pixels_of_another_size_are_refused(tmp_path):
    from pydicom.encaps import encapsulate

    giant = b"\xff\x4f\xff\x51\x00\x29\x00\x00" + struct.pack(
        ">8I", *[60_000] * 2, *[0] * 6
    )
    path = write_dicom(
        tmp_path / "a.dcm", FILM, syntax="1.2.840.10008.1.2.4.90",
        PixelData=encapsulate([giant + bytes(20)]),
    )  # fmt: skip
    refused(path, "pixels are 60,000 × 60,000, its header says 64 × 64")
    runs = struct.pack("<16I", 2, 64, 64 + 80_000, *[0] * 13) + b"\x81\x00" * 80_000
    path = write_dicom(
        tmp_path / "b.dcm", FILM, syntax=dicom.RLE, PixelData=encapsulate([runs])
    )
    refused(path, "more pixels than the film has")


@pytest.mark.parametrize(
    "options",
    [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 4)],
)
def test_a_jpeg_with_a_hole_in_dicom_is_refused(tmp_path, options):
    from pydicom.encaps import encapsulate

    noise = np.random.default_rng(0).integers(0, 60, FILM.shape)
    film = ((FILM >> 5) + noise).astype("uint8")
    frame = cv2.imencode(".jpg", film, options)[1].tobytes()
    middle = (frame.rindex(b"\xff\xda") + len(frame)) // 2

    def written(frame):
        return write_dicom(
            tmp_path / "a.dcm", FILM, syntax="1.2.840.10008.1.2.4.50", BitsAllocated=8,
            BitsStored=8, HighBit=7, PixelData=encapsulate([frame]),
        )  # fmt: skip

    grey = (film - float(film.min())) / np.ptp(film)
    right(written(frame), grey, atol=0.1)
    for harmed in (
        frame[:middle] + b"\xff\xd9",
        frame[:middle] + frame[middle + 200 :],
        frame[:middle],
    ):
        with pytest.raises(InputError, match="pixels are truncated or corrupt"):
            read_radiograph(written(harmed))


def test_a_decoder_that_is_missing_is_named(tmp_path, monkeypatch):
    from pydicom.encaps import encapsulate

    path = write_dicom(
        tmp_path / "a.dcm", FILM, syntax="1.2.840.10008.1.2.4.80",
        PixelData=encapsulate([bytes(100)]),
    )  # fmt: skip
    monkeypatch.setattr(dicom.importlib.util, "find_spec", lambda name: None)
    refused(path, "JPEG-LS.*decoder is not installed.*pip install.*pylibjpeg")


def test_pixels_that_are_cut_off_are_told_so(tmp_path):
    path = write_dicom(tmp_path / "a.dcm", FILM)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="Copy it again: it is cut off"):
        read_radiograph(path)


def test_what_is_called_dicom_and_is_none(tmp_path):
    for data, message in (
        (b"not found" * 99, "holds no pixels: it is not DICOM"),
        (b"<html>not found</html>" * 99, "is a web page"),
    ):
        (tmp_path / "a.dcm").write_bytes(data)
        refused(tmp_path / "a.dcm", message)
        assert not formats.looks_like_film(tmp_path / "a.dcm")

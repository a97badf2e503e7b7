"""Radiographs as plain as can be, for tests: dark lungs on a bright body."""

import struct
import zlib

import cv2
import numpy as np
import pytest

from cxrbase.files import InputError
from cxrbase.images import read_noted, read_radiograph


def two_lungs(size=64):
    """A bright body with two dark lungs, and their mask."""
    mask = np.zeros((size, size), "uint8")
    for x in (0.3, 0.7):
        centre, axes = (int(x * size), size // 2), (size // 7, size // 3)
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, -1)
    image = np.where(mask, 0.25, 0.75).astype("float32")
    return image, mask


def film(height=300, width=240):
    """A bright film with two dark lungs, and their mask, not square."""
    image, mask = two_lungs(128)
    size = (width, height)
    mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    return np.where(mask, 0.2, 0.8).astype("float32"), mask.astype(bool)


def png_chunk(name, body):
    """A chunk with its length and checksum."""
    crc = zlib.crc32(name + body)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)


def giant_png(width=10_001, height=10_000):
    """A whole PNG of zeros, one bit a pixel: 12 kB that decode to 100 MB."""

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((1 + (width + 7) // 8) * height), 9)
    body = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", rows)
    body += png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def write_dicom(path, pixels, photometric="MONOCHROME2", **tags):
    """A DICOM film of 16 bits, uncompressed; the test is skipped without pydicom.

    A tag that is `None` is left out, a pair is a VR and a value; `syntax` is a UID.
    """
    pydicom = pytest.importorskip("pydicom")
    file = pydicom.Dataset()
    file.file_meta = pydicom.dataset.FileMetaDataset()
    file.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1"
    file.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    file.SOPClassUID, file.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    file.Rows, file.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        file.NumberOfFrames = len(pixels)
    file.SamplesPerPixel, file.PixelRepresentation = 1, 0
    file.BitsAllocated = file.BitsStored = 16
    file.HighBit = 15
    file.PhotometricInterpretation = photometric
    file.PixelData = pixels.astype("<u2").tobytes()
    syntax = tags.pop("syntax", file.file_meta.TransferSyntaxUID)
    file.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    for name, value in tags.items():
        if value is None:
            del file[name]
        elif isinstance(value, tuple):
            file.add_new(name, *value)
        else:
            setattr(file, name, value)
    if "PixelData" in file:
        file["PixelData"].VR = "OW"
    file.save_as(path, enforce_file_format=True)
    return path


def stored_film(low=0, high=4095, size=64):
    """A film of uint16 with each level between, rising, and its greys in [0, 1]."""
    truth = np.linspace(0, 1, size * size).reshape(size, size) ** 1.5
    stored = np.round(low + truth * (high - low)).astype("uint16")
    return stored, (stored - float(low)) / (high - low)


def right(path, truth, atol=2e-3, note=None):
    """The film comes out right; its notes say `note`, or nothing at all."""
    image, notes = read_noted(path)
    np.testing.assert_allclose(image, truth, atol=atol)
    assert not notes if note is None else any(note in line for line in notes), notes


def refused(path, message):
    """The film is refused in one line, which does not guess at a bad copy."""
    with pytest.raises(InputError, match=message) as error:
        read_radiograph(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
    assert "Copy it again" not in str(error.value)

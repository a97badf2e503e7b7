"""DICOM, step by step: a step whose value is missing is mended, left out or refused.

What is certain is mended: a transfer syntax that pydicom found by parsing, a number of
samples that the colours tell. What would have to be guessed is refused.
"""

import importlib.util
import io
import struct
import warnings
import zlib

import numpy as np

from cxrbase.files import InputError
from cxrbase.films import jpeg
from cxrbase.films.formats import MOST_ON_DISK, check_size, one_line, read_bytes
from cxrbase.films.greys import count, judge_stretched
from cxrbase.films.values import grey_values, number, numbers, word

ANEW = "Export it anew from the archive, or as PNG."
GREY, PALETTE = ("MONOCHROME1", "MONOCHROME2"), "PALETTE COLOR"
DEFLATED = b"1.2.840.10008.1.2.1.99"
NATIVE = {f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2")}
RLE = "1.2.840.10008.1.2.5"
J2K_SIZE = b"\xff\x4f\xff\x51"


def read_dicom(path):
    """Decode a DICOM film to greys, white bone on black.

    Args:
        path: `pathlib.Path`.

    Returns:
        A float32 array `(H, W)` in [0, 1], and a list of notes.

    Raises:
        InputError: if it cannot be read rightly, in one line that says the mend.

    Example:
    ```python
    image, notes = read_dicom(path)
    ```
    """
    try:
        import pydicom
    except ImportError:
        raise InputError(
            f"{path}: reading DICOM needs pydicom. Run: pip install '.[dicom]'"
        ) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What matters of them is said in our words.
        try:
            data = read_bytes(path)
            _check_deflated(data)
            file = io.BytesIO(data)
            del data  # Closed, it lets its bytes go: a film need not be held twice.
            with file:
                dataset = pydicom.dcmread(file, force=True)
            return _read(path, dataset)
        except InputError as error:
            told = str(error).startswith(f"{path}: ")
            raise error if told else InputError(f"{path}: {error}") from None
        except Exception as error:  # pydicom raises some ten kinds.
            reason = one_line(error)
            cut = "less than expected" in reason or "end of file" in reason.lower()
            raise InputError(
                f"{path}: pydicom cannot decode it ({reason}). "
                f"{'Copy it again: it is cut off.' if cut else ANEW}"
            ) from error


def _read(path, dataset):
    notes = []
    photometric = _check_header(path, dataset, notes)
    _check_polarity(dataset, photometric, notes)
    pixels, padded = _pixels(path, dataset, photometric)
    film = count(pixels, padded)
    if padded is not None and not film.counts.any():
        notes.append("the padding was left out: it would be the whole film")
        film = count(pixels)
    values, full = (
        film.levels.astype(float),
        2.0 ** (number(dataset, "BitsStored") or 8),
    )
    if photometric in GREY:
        values = grey_values(dataset, values, film.counts, notes)
    image, more = judge_stretched(film, values, full, photometric == "MONOCHROME1")
    return image, notes + more


# === Header ===


def _check_header(path, dataset, notes):
    """Mend what is certain, refuse what is not; return the photometric name."""
    if "PixelData" not in dataset:
        raise InputError(
            "holds no pixels: it is no DICOM file, or one of texts or lists. Give the "
            "film itself, or convert it to PNG."
        )
    _mend_syntax(dataset)
    photometric = word(dataset, "PhotometricInterpretation")
    if not photometric:
        raise InputError(
            "does not say whether low is black or white (no "
            f"PhotometricInterpretation). {ANEW}"
        )
    grey = photometric in (*GREY, PALETTE)
    if not (grey or photometric == "RGB" or photometric.startswith("YBR_")):
        raise InputError(f"has pixels of the kind {photometric[:40]!r}. {ANEW}")
    dataset.PhotometricInterpretation = photometric
    if number(dataset, "SamplesPerPixel") is None:
        dataset.SamplesPerPixel = 1 if grey else 3
    for name in ("Rows", "Columns", "BitsAllocated"):
        if (number(dataset, name) or 0) < 1:
            raise InputError(f"has no usable {name}. {ANEW}")
    allocated = int(number(dataset, "BitsAllocated"))
    stored = number(dataset, "BitsStored")
    if stored is None:
        notes.append(f"BitsStored is missing: all {allocated} bits were read")
    if stored is None or not 1 <= stored <= allocated:
        dataset.BitsStored = allocated
    high = number(dataset, "HighBit")
    if high is not None and dataset.BitsStored <= high < allocated:
        dataset.BitsStored = int(high) + 1  # The film may lie in the upper bits.
    frames = numbers(dataset, "NumberOfFrames")
    frames = max(1, int(frames[0] or 1)) if frames else 1
    each = int(dataset.SamplesPerPixel) * max(1, allocated // 8)
    if allocated > 16:
        each += 24  # Its levels are sorted.
    check_size(path, int(dataset.Columns), int(dataset.Rows), each, frames)
    if frames > 1:
        _refuse_frames(frames)
    if "NumberOfFrames" in dataset:
        del dataset.NumberOfFrames
    return photometric


def _refuse_frames(frames):
    raise InputError(
        f"holds {frames} frames where one radiograph is expected. Export a single "
        "frame."
    )


def _mend_syntax(dataset):
    """Without a transfer syntax: the encoding that pydicom found by parsing."""
    import pydicom

    if not isinstance(getattr(dataset, "file_meta", None), pydicom.Dataset):
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
    if word(dataset.file_meta, "TransferSyntaxUID"):
        return
    implicit, little = dataset.original_encoding
    if dataset["PixelData"].is_undefined_length:
        raise InputError(
            f"is compressed and does not say how (no Transfer Syntax UID). {ANEW}"
        )
    end = "" if implicit else ".1" if little else ".2"
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(f"1.2.840.10008.1.2{end}")


def _check_polarity(dataset, photometric, notes):
    """Refuse a raw film whose bone would be black; note what contradicts itself.

    The sign says whether values grow with the rays (1: bone is low) or against them.
    Detectors' raw films (FOR PROCESSING) are not meant to be looked at; with sign 1
    and MONOCHROME2 they are negatives for certain, and no note would reach a notebook.
    In a film FOR PRESENTATION the photometric name decides, as the standard wants it.
    """
    if photometric not in GREY:
        return
    sign = number(dataset, "PixelIntensityRelationshipSign")
    raw = word(dataset, "PresentationIntentType") == "FOR PROCESSING"
    dark_bone = sign in (1, -1) and (sign == 1) == (photometric == "MONOCHROME2")
    if raw and dark_bone:
        raise InputError(
            "is a detector's raw film (FOR PROCESSING), black bone on white. Export "
            "the film FOR PRESENTATION."
        )
    if raw:
        notes.append("it is a detector's raw film (FOR PROCESSING), not one to look at")
    elif dark_bone:
        notes.append(
            f"its sign ({sign:+g}) says that bone is black, {photometric} that it is "
            "white; it was read as white"
        )
    shape = word(dataset, "PresentationLUTShape")
    expected = "INVERSE" if photometric == "MONOCHROME1" else "IDENTITY"
    if shape in ("INVERSE", "IDENTITY") and shape != expected:
        notes.append(
            f"its PresentationLUTShape {shape} contradicts {photometric}, which was "
            "taken"
        )


def _check_deflated(data):
    """Refuse a deflated data set that inflates to gigabytes; pydicom has no limit."""
    if data[128:132] != b"DICM" or DEFLATED not in data[:2048]:
        return
    if data[132:136] != b"\x02\x00\x00\x00" or len(data) < 144:
        raise InputError(f"is deflated, and its header has no length. {ANEW}")
    start = 144 + struct.unpack_from("<I", data, 140)[0]
    inflater, position, length = zlib.decompressobj(-zlib.MAX_WBITS), start, 0
    while position < len(data) and not inflater.eof:
        part = inflater.unconsumed_tail or data[position : position + 2**16]
        if not inflater.unconsumed_tail:
            position += len(part)
        length += len(inflater.decompress(part, 2**20))
        if length > MOST_ON_DISK:
            raise InputError(
                f"inflates to more than {MOST_ON_DISK:,} bytes. Leave the study out."
            )


# === Pixels ===


def _pixels(path, dataset, photometric):
    """Stored values `(H, W)`, colours added up, and which of them are padding."""
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    unsaid = number(dataset, "PixelRepresentation") not in (0, 1)
    if unsaid:
        dataset.PixelRepresentation = 0
    # Cells are read whole and cut to their bits here, so that a padding value which
    # lies in bits that are not stored is still found.
    whole = (syntax in NATIVE or syntax == RLE) and allocated in (8, 16, 32)
    if whole:
        dataset.BitsStored = allocated
        if "HighBit" in dataset:
            dataset.HighBit = allocated - 1
    if syntax not in NATIVE:
        _check_frame(path, dataset)
    pixels = _decoded(dataset)
    dataset.BitsStored = stored
    del dataset.PixelData
    if photometric == PALETTE:
        pixels = _coloured(dataset, pixels)
    if pixels.ndim == 3 and pixels.shape[-1] == 3:
        wide = np.uint64 if pixels.dtype.itemsize > 2 else np.uint32
        return pixels.sum(axis=-1, dtype=wide), None
    if pixels.ndim != 2:
        _refuse_frames(len(pixels))
    if unsaid and pixels.max() >> (stored - 1) & 1:
        raise InputError(f"does not say whether its values have a sign. {ANEW}")
    if photometric == PALETTE:
        return pixels, None
    kept = pixels
    least, most = _reach(dataset, stored)
    if whole and (pixels.min() < least or pixels.max() > most):
        kept = pixels << (allocated - stored)
        kept >>= allocated - stored
    return kept, _padding(dataset, pixels, kept, stored)


def _decoded(dataset):
    try:
        return dataset.pixel_array
    except Exception as error:
        uid = dataset.file_meta.TransferSyntaxUID
        lacking = [
            name for name in ("libjpeg", "openjpeg", "pylibjpeg")
            if importlib.util.find_spec(name) is None
        ]  # fmt: skip
        if str(uid) in NATIVE or str(uid) == RLE or not lacking:
            raise
        raise InputError(
            f"is compressed as {uid.name}, and its decoder is not installed. Run: pip "
            "install '.[dicom]' (pylibjpeg, pylibjpeg-libjpeg, pylibjpeg-openjpeg)"
        ) from error


def _check_frame(path, dataset):
    """A compressed frame says its own size; a decoder believes that, not the header."""
    from pydicom.encaps import get_frame

    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    cells = rows * columns * int(dataset.SamplesPerPixel)
    size = None
    if frame.startswith(b"\xff\xd8"):
        size = (jpeg.size_of(frame) or (0, 0))[:2]
    elif (at := frame.find(J2K_SIZE, 0, 4096)) >= 0 and len(frame) >= at + 24:
        right, low, left, top = struct.unpack_from(">IIII", frame, at + 8)
        size = right - left, low - top
    elif dataset.file_meta.TransferSyntaxUID == RLE:
        # A run of two bytes gives up to 128; a true film is hardly longer than its
        # cells, and repeats nothing past its end.
        most = cells * int(dataset.BitsAllocated) // 8
        if _rle_length(frame) > 1.1 * most + 1024:
            raise InputError("its pixels are longer than the film. Copy it again.")
    if size and size != (columns, rows):
        raise InputError(
            f"its compressed pixels are {size[0]:,} × {size[1]:,}, its header says "
            f"{columns:,} × {rows:,}. {ANEW}"
        )


def _rle_length(frame):
    """How many bytes the runs of an RLE frame give."""
    length, position = 0, 64
    while position < len(frame):
        head = frame[position]
        length += head + 1 if head < 128 else 257 - head if head > 128 else 0
        position += head + 2 if head < 128 else 2 if head > 128 else 1
    return length


def _coloured(dataset, pixels):
    """The three colours of a palette's entries, added up and looked up per pixel."""
    from pydicom.pixels import apply_color_lut

    if pixels.ndim != 2:
        _refuse_frames(len(pixels))
    entries = np.arange(2 ** min(16, int(dataset.BitsAllocated))).reshape(1, -1)
    entries = entries.astype(pixels.dtype)
    colours = apply_color_lut(entries, dataset)[0, :, :3].sum(-1, dtype=np.uint32)
    return colours[pixels]


def _reach(dataset, stored):
    """The least and the greatest value of so many bits."""
    least = -(2 ** (stored - 1)) if int(dataset.PixelRepresentation) == 1 else 0
    return least, least + 2**stored - 1


def _padding(dataset, pixels, kept, stored):
    """Which pixels are padding, or `None`."""
    first = number(dataset, "PixelPaddingValue")
    if first is None:
        return None
    last = number(dataset, "PixelPaddingRangeLimit")
    signed = int(dataset.PixelRepresentation) == 1
    size = 2 ** (8 * pixels.dtype.itemsize)
    ends = []
    for value in (first, first if last is None else last):
        value = int(value)
        if signed and value >= size // 2:
            value -= size  # Its element was read without a sign …
        if not signed and value < 0:
            value += size  # … or with one.
        ends.append(value)
    low, high = min(ends), max(ends)
    least, most = _reach(dataset, stored)
    where = kept if least <= low and high <= most else pixels
    padded = (where >= low) & (where <= high)
    return padded if padded.any() else None

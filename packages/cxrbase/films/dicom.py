"""DICOM, step by step: a missing value is inferred, ignored or refused."""

import importlib.util
import io
import struct
import warnings

import numpy as np

from cxrbase.files import InputError
from cxrbase.films import jpeg
from cxrbase.films.formats import read_bytes
from cxrbase.films.greys import count, judge_stretched
from cxrbase.films.header import (
    ANEW,
    GREY,
    NATIVE,
    PALETTE,
    RLE,
    check_deflated,
    check_header,
    check_polarity,
    refuse_frames,
)
from cxrbase.films.values import grey_values, number
from cxrbase.refusals import in_one_line

J2K_SIZE = b"\xff\x4f\xff\x51"


def read_dicom(path, data=None):
    """Decode a DICOM film to greys, white bone on black.

    Args:
        path: `pathlib.Path`.
        data: bytes or `None`. The film, where it lies in memory; then `path` only
            names it.

    Returns:
        A float32 array `(H, W)` in [0, 1], and a list of notes.

    Raises:
        InputError: if it cannot be read correctly, in one line that says what to do.

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
        warnings.simplefilter("ignore")  # Our own messages report what matters.
        try:
            data = read_bytes(path) if data is None else data
            check_deflated(data)
            file = io.BytesIO(data)
            del data  # Closing it frees its bytes: a film need not be held twice.
            with file:
                dataset = pydicom.dcmread(file, force=True)
            return _read(path, dataset)
        except InputError as error:
            told = str(error).startswith(f"{path}: ")
            raise error if told else InputError(f"{path}: {error}") from None
        except Exception as error:  # pydicom raises about ten kinds.
            reason = in_one_line(error, 200)
            cut = "less than expected" in reason or "end of file" in reason.lower()
            raise InputError(
                f"{path}: pydicom cannot decode it ({reason}). "
                f"{'Copy it again: it is cut off.' if cut else ANEW}"
            ) from error


def _read(path, dataset):
    notes = []
    photometric = check_header(path, dataset, notes)
    check_polarity(dataset, photometric, notes)
    pixels, padded = _pixels(path, dataset, photometric)
    film = count(pixels, padded)
    if padded is not None and not film.counts.any():
        notes.append("the padding was left out: it would be the whole film")
        film = count(pixels)
    values = film.levels.astype(float)
    full = 2.0 ** (number(dataset, "BitsStored") or 8)
    if photometric in GREY:
        values = grey_values(dataset, values, film.counts, notes)
    image, more = judge_stretched(film, values, full, photometric == "MONOCHROME1")
    return image, notes + more


def _pixels(path, dataset, photometric):
    """Stored values `(H, W)`, colours summed, and which of them are padding."""
    allocated, stored = int(dataset.BitsAllocated), int(dataset.BitsStored)
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    unsaid = number(dataset, "PixelRepresentation") not in (0, 1)
    if unsaid:
        dataset.PixelRepresentation = 0
    # Whole cells are read and masked to their bits here, so that a padding value in
    # bits that are not stored is still found.
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
        refuse_frames(len(pixels))
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
    """A compressed frame states its own size; decoders trust that, not the header."""
    from pydicom.encaps import get_frame

    frame = get_frame(dataset.PixelData, 0, number_of_frames=1)
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    cells = rows * columns * int(dataset.SamplesPerPixel)
    size = None
    if frame.startswith(b"\xff\xd8"):
        size = (jpeg.size_of(frame) or (0, 0))[:2]
        if reason := jpeg.flaw(path, frame):
            raise InputError(
                f"its compressed pixels are truncated or corrupt ({reason}). Copy it "
                "again, or export it again."
            )
    elif (at := frame.find(J2K_SIZE, 0, 4096)) >= 0 and len(frame) >= at + 24:
        right, low, left, top = struct.unpack_from(">IIII", frame, at + 8)
        size = right - left, low - top
    elif dataset.file_meta.TransferSyntaxUID == RLE:
        # A run of two bytes gives up to 128; a true film is hardly longer than its
        # cells, and repeats nothing past its end.
        most = cells * int(dataset.BitsAllocated) // 8
        if _rle_length(frame) > 1.1 * most + 1024:
            raise InputError(f"its runs hold more pixels than the film has. {ANEW}")
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
    """The three colours of a palette's entries, summed and looked up per pixel."""
    from pydicom.pixels import apply_color_lut

    if pixels.ndim != 2:
        refuse_frames(len(pixels))
    for colour in ("Red", "Green", "Blue"):  # pydicom takes words for little endian.
        name = f"{colour}PaletteColorLookupTableData"
        if dataset.original_encoding[1] is False and name in dataset:
            words = np.frombuffer(dataset[name].value, ">u2").astype("<u2")
            dataset[name].value = words.tobytes()
    entries = np.arange(2 ** min(16, int(dataset.BitsAllocated))).reshape(1, -1)
    entries = entries.astype(pixels.dtype)
    colours = apply_color_lut(entries, dataset)[0, :, :3].sum(-1, dtype=np.uint32)
    return colours[pixels]


def _reach(dataset, stored):
    """The least and the greatest value of a number of bits."""
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

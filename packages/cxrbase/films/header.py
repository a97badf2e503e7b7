"""What the header of a DICOM film must say before its pixels are decoded.

What is certain is filled in: a transfer syntax that pydicom found by parsing, a number
of samples that follows from the colours. What would have to be guessed is refused.
"""

import struct
import zlib

from cxrbase.files import InputError
from cxrbase.films.formats import MOST_ON_DISK, check_size
from cxrbase.films.values import number, numbers, word

ANEW = "Export it again from the archive, or as PNG."
GREY, PALETTE = ("MONOCHROME1", "MONOCHROME2"), "PALETTE COLOR"
DEFLATED = b"1.2.840.10008.1.2.1.99"
NATIVE = {f"1.2.840.10008.1.2{end}" for end in ("", ".1", ".1.99", ".2")}
FIRST_ITEM = b"\xfe\xff\x00\xe0"  # Compressed pixels begin like this.
RLE = "1.2.840.10008.1.2.5"


def check_header(path, dataset, notes):
    """Fill in what is certain in a film's header, refuse what is not.

    Args:
        path: `pathlib.Path`. Only named.
        dataset: `pydicom.Dataset`. It is changed.
        notes: list of strings. What had to be chosen is added.

    Returns:
        The photometric interpretation, in capitals.

    Raises:
        InputError: if something is missing that cannot be known. The message may
            lack the file.
    """
    if "FloatPixelData" in dataset or "DoubleFloatPixelData" in dataset:
        raise InputError(f"has pixels that are floats. {ANEW}")
    if not dataset.get("PixelData") and "Rows" in dataset:
        raise InputError("ends before its pixels. Copy or export it again.")
    if "PixelData" not in dataset:
        raise InputError(
            "holds no pixels: it is not DICOM, or one of texts or lists. Give the "
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
        dataset.BitsStored = int(high) + 1  # The film may be in the upper bits.
    frames = numbers(dataset, "NumberOfFrames")
    frames = max(1, int(frames[0] or 1)) if frames else 1
    each = int(dataset.SamplesPerPixel) * max(1, allocated // 8)
    if allocated > 16 or photometric.startswith("YBR_"):
        each += 24  # Its levels are sorted, or its colours computed in floats.
    check_size(path, int(dataset.Columns), int(dataset.Rows), each, frames)
    if frames > 1:
        refuse_frames(frames)
    if "NumberOfFrames" in dataset:
        del dataset.NumberOfFrames
    return photometric


def refuse_frames(frames):
    """Refuse a film with several frames."""
    raise InputError(
        f"holds {frames} frames where one radiograph is expected. Export a single "
        "frame."
    )


def _mend_syntax(dataset):
    """Without a transfer syntax: the encoding that pydicom found by parsing."""
    import pydicom

    if not isinstance(getattr(dataset, "file_meta", None), pydicom.Dataset):
        dataset.file_meta = pydicom.dataset.FileMetaDataset()
    if syntax := word(dataset.file_meta, "TransferSyntaxUID"):
        if syntax in NATIVE and dataset.PixelData.startswith(FIRST_ITEM):
            raise InputError(
                f"is compressed, but its Transfer Syntax UID says it is not. {ANEW}"
            )
        return
    implicit, little = dataset.original_encoding
    if dataset["PixelData"].is_undefined_length:
        raise InputError(
            f"is compressed and does not say how (no Transfer Syntax UID). {ANEW}"
        )
    end = "" if implicit else ".1" if little else ".2"
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.UID(f"1.2.840.10008.1.2{end}")


def check_polarity(dataset, photometric, notes):
    """Refuse a raw film whose bone would be black; note contradictions.

    The sign says whether values grow with the rays (1: bone is low) or against them.
    Detectors' raw films (FOR PROCESSING) are not meant to be looked at; with sign 1 and
    MONOCHROME2 they are certainly negatives, and no note would reach a notebook. In a
    film FOR PRESENTATION the photometric name decides, as the standard requires.

    Args:
        dataset: `pydicom.Dataset`.
        photometric: string, from `check_header`.
        notes: list of strings. Contradictions are added.

    Raises:
        InputError: for a raw film whose bone would be black. The message lacks the
            file.
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


def check_deflated(data):
    """Refuse a deflated data set that inflates to gigabytes; pydicom has no limit.

    Args:
        data: bytes of the file.

    Raises:
        InputError: if it gives more than `MOST_ON_DISK`. The message lacks the file.
    """
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

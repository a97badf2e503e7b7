"""One radiograph: read whatever was handed in, make it a square.

Only NumPy and OpenCV are imported, because the worker processes that decode a
whole collection import this module.
"""

import pathlib
import re
import struct
import zlib

import cv2
import numpy as np

from cxrbase.files import InputError, write_whole

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
MARKER = re.compile(rb"\xff+([^\x00\xff])")
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # The rest are tables.
ALONE = {0x01, *range(0xD0, 0xD9)}  # Markers without a length.
DICOM_SUFFIXES = (".dcm", ".dicom")

# A plate of 43 × 43 cm at 50 µm has 74 million. A PNG of 1 MB can claim 10⁹ pixels.
MOST_PIXELS = 100_000_000


def read_radiograph(path):
    """Read a PNG, JPEG or DICOM file as one grey image, white bone on black.

    Colours become grey, transparency is dropped and the EXIF rotation of a
    photograph is applied. An image of 16 bits is divided by the full scale of
    the smallest usual depth (8, 10, 12, 14 or 16 bits) that holds its maximum,
    for detectors write 12 bits into files of 16. A DICOM file goes through its
    own rescale and window, is stretched to its own range and, if it is
    MONOCHROME1, inverted.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        A float32 array `(H, W)` in [0, 1].

    Raises:
        InputError: if the file is missing, empty, truncated, corrupt, of
            another format, of more than 100 million pixels, or DICOM where
            pydicom is not installed.

    Example:
    ```python
    image = read_radiograph("1_IM-0001-4001.dcm.png")  # (2048, 2496)
    ```
    """
    path = pathlib.Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}). Check the path, or leave "
            "the study out."
        ) from error
    if not data:
        raise InputError(f"{path}: the file is empty. Copy or download it again.")
    if data[128:132] == b"DICM" or path.suffix.lower() in DICOM_SUFFIXES:
        return _read_dicom(path)
    if data.startswith(PNG):
        size, whole = _png_size(data), _png_is_whole(data)
    elif data.startswith(JPEG):
        size, whole = _jpeg_size(data), _jpeg_is_whole(data)
    else:
        raise InputError(
            f"{path}: is neither PNG, JPEG nor DICOM. Convert it to PNG first."
        )
    if size:
        _check_pixels(path, *size)
    # OpenCV fills what is missing with grey and says nothing, so look first.
    pixels = _decode(data) if size and whole else None
    if pixels is None:
        raise InputError(f"{path}: is truncated or corrupt. Copy or download it again.")
    return _to_unit_range(pixels)


def _check_pixels(path, width, height, frames=1):
    """Refuse, before it is decoded, what would take gigabytes."""
    if width * height * frames > MOST_PIXELS:
        each = f" in each of {frames:,} frames" if frames > 1 else ""
        raise InputError(
            f"{path}: claims {width:,} × {height:,} pixels{each}, more than "
            f"{MOST_PIXELS:,}. Export it smaller, or leave the study out."
        )


def _png_size(data):
    """Width and height from IHDR, which comes first."""
    if data[12:16] != b"IHDR" or len(data) < 24:
        return None
    return struct.unpack_from(">II", data, 16)


def _png_is_whole(data):
    """Walk the chunks; each carries its length and a checksum, IEND is last."""
    position = len(PNG)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            return False
        (expected,) = struct.unpack_from(">I", data, end)
        if zlib.crc32(memoryview(data)[position + 4 : end]) != expected:
            return False
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position = end + 4
    return False


def _jpeg_size(data):
    """Width and height from the frame's header (SOF), which precedes the scans."""
    position = 2
    while marker := MARKER.search(data, position):
        code, position = marker[1][0], marker.end()
        if code in (0xD9, 0xDA) or len(data) < position + 7:
            break
        if code in FRAMES:
            height, width = struct.unpack_from(">HH", data, position + 3)
            return width, height
        if code not in ALONE:
            position += max(2, *struct.unpack_from(">H", data, position))
    return None


def _jpeg_is_whole(data):
    """Look for the end marker after the last scan (a thumbnail has its own)."""
    return data.rfind(b"\xff\xd9") > data.rfind(b"\xff\xda") > 0


def _decode(data):
    try:
        return cv2.imdecode(
            np.frombuffer(data, np.uint8), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
        )
    except cv2.error:  # More pixels than OpenCV allows, for one.
        return None


def _to_unit_range(pixels):
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    bits = 8
    if pixels.dtype != np.uint8:
        peak = int(pixels.max())
        bits = next(depth for depth in (8, 10, 12, 14, 16) if peak < 2**depth)
    return pixels.astype(np.float32) / np.float32(2**bits - 1)


def _read_dicom(path):
    try:
        import pydicom
        from pydicom.pixels import apply_modality_lut, apply_voi_lut
    except ImportError as error:
        raise InputError(
            f"{path}: reading DICOM needs pydicom. Run: pip install '.[dicom]'"
        ) from error
    try:
        file = pydicom.dcmread(path, force=True)
        size = [int(file.get(name) or 0) for name in ("Columns", "Rows")]
        _check_pixels(path, *size, frames=int(file.get("NumberOfFrames") or 1))
        pixels = file.pixel_array
        if pixels.ndim == 2:
            pixels = apply_voi_lut(apply_modality_lut(pixels, file), file)
    except InputError:
        raise
    except Exception as error:  # pydicom raises some ten kinds.
        raise InputError(
            f"{path}: pydicom cannot decode it ({error}). Copy it again, or export "
            "it uncompressed or as PNG."
        ) from error
    if pixels.ndim == 3 and pixels.shape[-1] == 3:
        pixels = pixels.mean(axis=-1)
    if pixels.ndim != 2:
        raise InputError(
            f"{path}: holds {pixels.shape[0]} frames where one radiograph is "
            "expected. Export a single frame."
        )
    low, high = float(pixels.min()), float(pixels.max())
    # Stored values have no unit: the image's own range becomes [0, 1].
    image = (pixels.astype(np.float32) - low) / max(high - low, 1e-6)
    if file.get("PhotometricInterpretation") == "MONOCHROME1":
        image = 1.0 - image
    return np.clip(image, 0.0, 1.0, out=image)


def resize_square(image, size, fit="stretch"):
    """Resize to a square.

    Stretching is the default, as in the Calabria project: every pixel of the square
    then shows the patient. Padding keeps the proportions, but spends a fifth of a
    usual lateral on black bars, which are reconstructed without effort and
    flatter the SSIM. Shrinking averages areas, so that nothing fine aliases.

    Args:
        image: float array `(H, W)`.
        size: int. The side of the square, in pixels.
        fit: string. `"stretch"`, or `"pad"` (centred, black bars).

    Returns:
        A float32 array `(size, size)`.

    Raises:
        InputError: if the image is not a non-empty 2-D array, too long for its
            width to be padded, or `fit` is another word.

    Example:
    ```python
    square = resize_square(read_radiograph("frontal.png"), 224)
    ```
    """
    image = np.asarray(image, np.float32)
    if image.ndim != 2 or not image.size:
        raise InputError(
            f"an image of shape {image.shape} cannot be resized: (H, W) is expected."
        )
    if fit not in ("stretch", "pad"):
        raise InputError(f"fit={fit!r}: choose 'stretch' or 'pad'.")
    if fit == "pad":
        height, width = image.shape
        if max(height, width) ** 2 > 2 * MOST_PIXELS:
            raise InputError(
                f"{width:,} × {height:,} pixels make too large a square to be padded. "
                "Crop the image, or leave the study out."
            )
        tall, wide = max(0, width - height), max(0, height - width)
        image = np.pad(
            image, ((tall // 2, tall - tall // 2), (wide // 2, wide - wide // 2))
        )
    shrinks = size < min(image.shape)
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.clip(cv2.resize(image, (size, size), interpolation=method), 0, 1)


def check_unit_range(images, name="images"):
    """Refuse pixels that are not in [0, 1], above all those left in 0–255.

    Args:
        images: array of any shape.
        name: string. How the message calls them.

    Returns:
        `images` as handed in.

    Raises:
        InputError: if a value is NaN or outside [0, 1].

    Example:
    ```python
    check_unit_range(batch["frontal"], "frontal")
    ```
    """
    low, high = float(np.min(images)), float(np.max(images))
    if low >= -1e-3 and high <= 1 + 1e-3:
        return images
    mend = "Divide them by 255." if high > 2 else "Look for NaN or a wrong scaling."
    raise InputError(
        f"{name}: values run from {low:g} to {high:g}, where 0 to 1 is expected. {mend}"
    )


def write_png(path, image, compression=3):
    """Write an image as PNG, whole or not at all.

    Args:
        path: string or `pathlib.Path`.
        image: `(H, W)`, `(H, W, 1)` or, RGB, `(H, W, 3)`: uint8, bool (0 and 255), or
            float in [0, 1].
        compression: int, 0 to 9.

    Example:
    ```python
    write_png("frontal.png", np.random.rand(64, 64))
    ```
    """
    image = np.asarray(image)
    if image.shape[2:] == (3,):
        image = image[..., ::-1]  # OpenCV counts blue first.
    else:
        image = image.reshape(image.shape[:2])
    if image.dtype != np.uint8:
        image = (np.clip(image.astype("float32"), 0, 1) * 255).round().astype("uint8")
    options = [cv2.IMWRITE_PNG_COMPRESSION, compression]
    done, coded = cv2.imencode(".png", np.ascontiguousarray(image), options)
    if not done:
        raise InputError(f"{path}: an image of {image.shape} cannot be coded as PNG.")
    with write_whole(path) as temporary:
        temporary.write_bytes(coded.tobytes())

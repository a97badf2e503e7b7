"""One radiograph: read a file of any format, make it a square.

Only NumPy, OpenCV and simplejpeg are imported, because the worker processes that
decode a whole collection import this module.
"""

import os
import pathlib

import cv2
import numpy as np

from cxrbase.files import InputError, write_whole
from cxrbase.films.dicom import read_dicom
from cxrbase.films.formats import HEAD, MOST_BYTES, kind_of, no_picture, read_bytes
from cxrbase.films.greys import CONSTANT, judge_plain
from cxrbase.films.jpeg import check_jpeg
from cxrbase.films.png import decode, plain_png

__all__ = [
    "CONSTANT", "DICOM_SUFFIXES", "READS", "check_unit_range", "decode_noted",
    "read_noted", "read_radiograph", "resize_square", "write_png",
]  # fmt: skip

DICOM_SUFFIXES = (".dcm", ".dicom")
READS = 2  # Increase it when decoding changes: `prepare` then decodes again.


def read_radiograph(path):
    """Read a PNG, JPEG or DICOM file as one grey image, white bone on black.

    The format is recognised by the bytes, not the name. Colours become grey,
    transparency is dropped and the EXIF rotation of a photograph is applied.

    - **8 bits** are divided by 255.
    - **16 bits** are divided by the full scale of the film's own depth (8, 10, 12, 14
      or 16), since detectors write 12 bits into files of 16. It is read from all but
      the brightest 0.05 % of the pixels, so that hot ones do not matter.
    - **DICOM** goes through its own rescale and its first table or window that leaves
      a film to be seen, and is stretched to its range; MONOCHROME1 is inverted. The
      range is that of all pixels but padding, which is black; 0.05 % at either end do
      not count where they are far beyond the rest (`cxrbase.films.greys.robust_range`).

    Args:
        path: string or `pathlib.Path`.

    Returns:
        A float32 array `(H, W)` in [0, 1], all finite.

    Raises:
        InputError: if the file is missing, empty, truncated, corrupt, of another
            format, no file (a folder, a pipe), larger than 128 MB, of more than 40
            million pixels or 300 MB of them, or DICOM where pydicom is not installed.

    Example:
    ```python
    image = read_radiograph("1_IM-0001-4001.dcm.png")  # (2048, 2496)
    ```
    """
    return read_noted(path)[0]


def read_noted(path):
    """Read a film as `read_radiograph` does, and say what had to be decided.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        A pair of the image, float32 `(H, W)` in [0, 1], and a list of strings: a window
        that was left out, the depth that was taken. `CONSTANT` is among them if the
        image shows nothing.

    Raises:
        InputError: as `read_radiograph`.

    Example:
    ```python
    image, notes = read_noted("frontal.dcm")
    if CONSTANT in notes:
        print("no film")
    ```
    """
    path = pathlib.Path(path)
    head = read_bytes(path, HEAD)
    kind = _kind(path, head)
    if kind == "dicom":
        return read_dicom(path)
    return _decode_plain(path, kind, read_bytes(path))


def decode_noted(data, name="the film"):
    """Decode a film that lies in memory, as `read_noted` does one on disk.

    Args:
        data: bytes of a PNG, JPEG or DICOM file.
        name: string. What it is called in messages; its ending says nothing.

    Returns:
        The image and the notes, as of `read_noted`.

    Raises:
        InputError: as `read_noted`.

    Example:
    ```python
    image, notes = decode_noted(pathlib.Path("frontal.png").read_bytes())
    ```
    """
    if not data:
        raise InputError(f"{name}: the file is empty. Copy or download it again.")
    kind = _kind(pathlib.Path(name), data[:HEAD], by_name=False)
    if kind == "dicom":
        return read_dicom(name, data)
    return _decode_plain(name, kind, data)


def _kind(path, head, by_name=True):
    """The format of a file; what is none of ours is refused."""
    kind = kind_of(head)
    if not kind and (said := no_picture(head)):
        raise InputError(f"{path}: {said}")
    if not kind and by_name and path.suffix.lower() in DICOM_SUFFIXES:
        return "dicom"
    if not kind:
        raise InputError(
            f"{path}: is neither PNG, JPEG nor DICOM. Convert it to PNG first."
        )
    return kind


def _decode_plain(path, kind, data):
    # OpenCV silently fills what is missing with grey, so check first.
    if kind == "png":
        data = plain_png(path, data)
    else:
        check_jpeg(path, data)
    pixels = decode(data) if data else None
    limits = [name for name in os.environ if name.startswith("OPENCV_IO_MAX")]
    if data and pixels is None and limits:
        raise InputError(f"{path}: OpenCV refuses it. Unset {', '.join(limits)}.")
    if pixels is None:
        raise InputError(f"{path}: is truncated or corrupt. Copy or download it again.")
    del data
    return judge_plain(pixels)


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
        if 4 * max(height, width) ** 2 > MOST_BYTES:
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
        name: string. What they are called in the message.

    Returns:
        `images`, unchanged.

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
        if image.dtype == bool:
            image = image.view("uint8") * np.uint8(255)
        else:
            image = np.clip(image.astype("float32"), 0, 1) * np.float32(255)
            image = image.round().astype("uint8")
    options = [cv2.IMWRITE_PNG_COMPRESSION, compression]
    done, coded = cv2.imencode(".png", np.ascontiguousarray(image), options)
    if not done:
        raise InputError(f"{path}: an image of {image.shape} cannot be coded as PNG.")
    with write_whole(path) as temporary:
        temporary.write_bytes(coded.tobytes())

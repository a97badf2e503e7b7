"""Where the lungs are: any U-Net's output, cleaned up and checked."""

import dataclasses
import re
import zipfile

import cv2
import numpy as np

import cxrlib.systems.lungs.unet  # noqa: F401  Registers the class of our file.
from cxrbase.files import InputError
from cxrbase.images import check_unit_range, resize_square
from cxrbase.refusals import require_file
from cxrlib.model_file import open_model
from cxrlib.pretrained.registry import LUNG_UNET, check_sums, entry, find_weights

FLAT = 1 / 255  # With less contrast than one grey level there is no picture.
# Regions smaller than this are specks or the gastric bubble, not lungs.
SMALLEST = 0.005  # Of the image.
SMALLEST_BY_LARGEST = 0.1
# Limits of a plausible mask. Of 600 pairs one has a smaller area, and one less
# symmetry. No NIH frontal of 635 has less confidence; all of 42 laterals have.
AREA = (0.08, 0.65)  # Of the image.
SYMMETRY = 0.25  # The smaller lung over the larger.
CONFIDENCE = 0.91  # Mean over the mask of the probability.
OVER_NOTHING = 0.1  # None of 500 real frontals has more than 0.01.


@dataclasses.dataclass
class LungMask:
    """The lungs of one radiograph, and whether to trust the mask.

    Args:
        mask: bool array `(H, W)`, of the image's own size.
        area: float. Share of the image that is lung.
        regions: int. Separate regions of lung size before the clean-up.
        symmetry: float. Area of the smaller lung over that of the larger, 0 where there
            is only one.
        confidence: float. Mean probability inside the mask, 0 where it is empty.
        flag: string. Why the mask is not plausible; empty if it is.
    """

    mask: np.ndarray
    area: float
    regions: int
    symmetry: float
    confidence: float
    flag: str

    @property
    def is_plausible(self):
        """Whether the mask is plausible."""
        return not self.flag


def lung_model_path(path=None):
    """The path of the model: the file named, or `lung_unet.keras` of the course.

    Args:
        path: string, path or `None`.

    Returns:
        A `pathlib.Path`.

    Raises:
        InputError: if there is no such file, or it is damaged.

    Example:
    ```python
    lung_model_path()  # weights/lung_unet.keras
    ```
    """
    if not path and (path := find_weights(LUNG_UNET)):
        check_sums(path, entry(LUNG_UNET))
    return require_file(
        path or f"weights/{LUNG_UNET}",
        "model file",
        "Train one (python -m cxrlib train-lungs), fetch the course's weights/ folder, "
        "or check the path.",
    )


def load_lung_model(path=None):
    """Load a model that finds lungs: ours, or any with one sigmoid channel.

    The Calabria project's U-Net (`iamtapendu/lung-segmentation-model` on Kaggle) is one
    that fits. Another model gets pixels in [0, 1], the grey repeated if it takes three
    channels.

    Args:
        path: string, path or `None`. A `.keras`, `.h5` or `.hdf5` file; `None` takes
            `lung_unet.keras` from `$CXR_WEIGHTS` or `weights/`.

    Returns:
        A `keras.Model`, not compiled.

    Raises:
        InputError: if there is no such file, it cannot be loaded, it would run
            code of its own, or its input or output does not fit.

    Example:
    ```python
    model = load_lung_model()
    ```
    """
    path = lung_model_path(path)
    try:
        # Not compiled: an unknown loss could not be loaded.
        model = open_model(path, "lung model", compile=False)
    except InputError:
        _refuse_other_kinds(path)
        raise
    _check_fit(model, path)
    return model


def _refuse_other_kinds(path):
    """Refuse a `.keras` file that holds another class, by its name."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as config:
            found = re.search(r'"class_name": "(\w+)"', config.read(1000).decode())
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile):
        return
    if found and found[1] not in ("Functional", "Sequential", "LungUNet"):
        raise InputError(
            f"{path}: holds a {found[1]}, which finds no lungs. Give a model that "
            "segments lungs."
        )


def _check_fit(model, path):
    """One square grey or RGB image in, one probability per pixel out."""
    taken, given = (
        getattr(model, name, None) for name in ("input_shape", "output_shape")
    )
    sides = [side for side in given[1:] if side != 1] if type(given) is tuple else []
    fits = (
        isinstance(taken, tuple)
        and len(taken) == 4
        and taken[1] is not None
        and taken[1] == taken[2]
        and taken[3] in (1, 3)
        and given[0] is None
        and len(sides) == 2
        and all(side is None or side <= taken[1] for side in sides)
    )
    if not fits:
        _refuse_other_kinds(path)
        raise InputError(
            f"{path}: takes {taken} and gives {given}, where (None, S, S, 1 or 3) and "
            "(None, s, s, 1), s ≤ S, are expected. Give a model that segments lungs."
        )


def segment_lungs(images, model=None, batch_size=16):
    """Find the lungs on frontal radiographs of any size.

    Args:
        images: sequence of float arrays `(H, W)` in [0, 1], white bone on
            black, of any sizes; or an array `(B, H, W)` or `(B, H, W, 1)`.
        model: a model from `load_lung_model`, which `None` calls.
        batch_size: int. Images that the model sees at once.

    Returns:
        A list of `LungMask`, in the order of the images.

    Raises:
        InputError: if an image is not a grey picture in [0, 1], or the model's outputs
            are not probabilities.

    Example:
    ```python
    found = segment_lungs([read_radiograph("frontal.png")])[0]
    print(found.area, found.flag or "plausible")
    ```
    """
    images = [_as_image(image, i) for i, image in enumerate(images)]
    model = model or load_lung_model()
    _, size, _, channels = model.input_shape
    found = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        squares = np.stack([resize_square(image, size) for image in batch])
        # Filled up to a power of two: each new size would be traced again.
        spare = 2 ** (len(batch) - 1).bit_length() - len(batch)
        squares = np.pad(squares, ((0, spare), (0, 0), (0, 0)))
        squares = np.repeat(squares[..., None], channels, axis=-1)  # (B, S, S, C)
        answers = np.asarray(model.predict_on_batch(squares), "float32")[: len(batch)]
        check_unit_range(answers, f"the outputs of {model.name}")
        for image, square, answer in zip(batch, squares, answers, strict=False):
            if np.ptp(image) < FLAT:
                answer = np.zeros_like(answer)  # It would segment noise.
            found.append(judge(np.squeeze(answer), image.shape))
            share = _over_nothing(square[..., 0], found[-1].mask)
            if share > OVER_NOTHING and not found[-1].flag:
                found[-1].flag = f"{share:.0%} of the mask is where the film is blank"
    return found


def _over_nothing(square, mask):
    """Share of a mask over pixels of one grey that extend beyond it: blank film.

    A lung that is black throughout ends where the mask does.
    """
    mask = cv2.resize(mask.astype("uint8"), square.shape[::-1]) > 0
    near = np.ones((9, 9), "uint8")
    blank = cv2.dilate(square, near) - cv2.erode(square, near) < FLAT / 4
    _, regions = cv2.connectedComponents(blank.astype("uint8"))
    whole = np.bincount(regions.ravel())
    inside = np.bincount(regions[mask], minlength=len(whole))
    beyond = inside < 0.9 * whole
    return inside[1:][beyond[1:]].sum() / max(1, mask.sum())


def _as_image(image, i):
    image = np.asarray(image, "float32")
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.ndim != 2 or not image.size:
        raise InputError(f"image {i}: has the shape {image.shape}; (H, W) is expected.")
    return check_unit_range(image, f"image {i}")


def judge(probability, shape):
    """Turn a model's output into a mask, cleaned up, of the image's own size.

    Args:
        probability: float array `(S, S)` in [0, 1].
        shape: pair of ints. Height and width of the image.

    Returns:
        A `LungMask`.

    Example:
    ```python
    judge(np.zeros((256, 256)), (2500, 2000)).flag  # "no lungs found"
    ```
    """
    raw = probability > 0.5
    clean, areas = clean_mask(raw)
    # Filled holes and dropped specks are set to 1 and 0, so that enlarging the
    # probabilities gives the same regions, with smooth borders.
    sure = np.where(clean == raw, probability, clean).astype("float32")
    height, width = shape
    large = cv2.resize(sure, (width, height), interpolation=cv2.INTER_LINEAR) > 0.5
    pair = areas[:2]
    found = LungMask(
        mask=large,
        area=float(large.mean()),
        regions=len(areas),
        symmetry=float(min(pair) / max(pair)) if len(pair) == 2 else 0.0,
        confidence=float(probability[clean].mean()) if clean.any() else 0.0,
        flag="",
    )
    found.flag = _flag(found)
    return found


def clean_mask(mask, keep=2):
    """Keep the largest regions, fill their holes, drop the specks.

    Args:
        mask: bool array `(H, W)`.
        keep: int. How many regions: there are two lungs.

    Returns:
        The bool mask, and the areas in pixels of all regions of lung size that
        there were before, largest first.

    Example:
    ```python
    clean, areas = clean_mask(probability > 0.5)
    ```
    """
    mask = np.asarray(mask, "uint8")
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    areas = statistics[1:, cv2.CC_STAT_AREA]  # Not the background.
    smallest = max(SMALLEST * mask.size, SMALLEST_BY_LARGEST * max(areas, default=0))
    order = [i for i in np.argsort(-areas, kind="stable") if areas[i] >= smallest]
    kept = np.isin(labels, [i + 1 for i in order[:keep]]).astype("uint8")
    outlines, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(kept, outlines, -1, 1, cv2.FILLED)
    return filled.astype(bool), [int(areas[i]) for i in order]


def _flag(found):
    """Say why a mask is not plausible; `""` if it is."""
    low, high = AREA
    if found.regions == 0:
        return "no lungs found"
    if found.regions == 1:
        return "one region instead of two"
    if found.regions > 2:
        return f"{found.regions} regions instead of two"
    if not low <= found.area <= high:
        return f"area {found.area:.0%} of the image, outside {low:.0%} to {high:.0%}"
    if found.symmetry < SYMMETRY:
        return f"one lung has {found.symmetry:.0%} of the other's area"
    if found.confidence < CONFIDENCE:
        return f"unsure: mean probability {found.confidence:.2f}"
    return ""

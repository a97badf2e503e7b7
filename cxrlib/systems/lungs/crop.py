"""Cropping a radiograph to its lungs, and putting a crop back."""

import dataclasses
import hashlib
import multiprocessing

import numpy as np

from cxrbase.files import InputError

MARGIN = 0.05


@dataclasses.dataclass(frozen=True)
class LungBox:
    """A square window on an image; it may reach over the border.

    Args:
        top: int. First row, in pixels of the image; negative above it.
        left: int. First column.
        side: int. Rows and columns.
    """

    top: int
    left: int
    side: int

    def crop(self, image):
        """Cut the window out; what is beyond the image is 0.

        Args:
            image: array `(H, W)`.

        Returns:
            An array `(side, side)` of the same type.
        """
        square = np.zeros((self.side, self.side), image.dtype)
        here, there = self._overlap(image.shape)
        square[there] = image[here]
        return square

    def paste(self, square, shape):
        """Put a crop back where it was; outside the window is 0.

        Args:
            square: array `(side, side)`, of the window's own resolution.
            shape: pair of ints. Height and width of the whole image.

        Returns:
            An array of that shape, and of the type of `square`.

        Raises:
            InputError: if the crop was resized: bring it back to `side` first.
        """
        if square.shape != (self.side, self.side):
            raise InputError(
                f"a crop of {square.shape} does not fit a window of side {self.side}; "
                "resize it to that first."
            )
        image = np.zeros(shape, square.dtype)
        here, there = self._overlap(shape)
        image[here] = square[there]
        return image

    def _overlap(self, shape):
        """Slices of the image and of the window that show the same pixels."""
        here, there = [], []
        for start, length in zip((self.top, self.left), shape, strict=True):
            first, last = max(start, 0), min(start + self.side, length)
            here.append(slice(first, last))
            there.append(slice(first - start, last - start))
        return tuple(here), tuple(there)


def lung_box(mask, margin=MARGIN):
    """Put a square around the lungs.

    The square is as large as the longer side of the lungs' bounding box plus
    the margin. Near the border it is moved into the image; in an image too narrow for
    it the margin shrinks; it reaches over the border only where the lungs themselves
    are longer than the image is wide.

    Args:
        mask: bool array `(H, W)`, not empty.
        margin: float. Added on every side, as share of the longer side.

    Returns:
        A `LungBox`.

    Raises:
        InputError: if the mask is empty or the margin negative.

    Example:
    ```python
    box = lung_box(segment_lungs([image])[0].mask)
    square = box.crop(image)
    ```
    """
    mask = np.asarray(mask, bool)
    if not mask.any() or margin < 0:
        raise InputError(
            f"no square around {mask.sum()} pixels of lung with margin={margin}; give "
            "a mask that is not empty and a margin of 0 or more."
        )
    spans = [np.flatnonzero(mask.any(axis=axis))[[0, -1]] for axis in (1, 0)]
    longest = max(last - first + 1 for first, last in spans)
    side = int(np.ceil(longest * (1 + 2 * margin)))
    side = max(int(longest), min(side, *mask.shape))
    starts = []
    for (first, last), length in zip(spans, mask.shape, strict=True):
        start = (first + last + 1 - side) // 2
        if side <= length:
            start = min(max(start, 0), length - side)
        starts.append(int(start))
    return LungBox(*starts, side)


def crop_to_lungs(image, model=None, margin=MARGIN):
    """Crop one frontal radiograph to its lungs, if they are found.

    Args:
        image: float array `(H, W)` in [0, 1].
        model: a model from `load_lung_model`, which `None` calls.
        margin: float. As in `lung_box`.

    Returns:
        Tuple of the crop `(side, side)`, its `LungBox` and the `LungMask`. Where
        the mask is not plausible the crop is the whole image and the box
        `None`.

    Example:
    ```python
    crop, box, found = crop_to_lungs(read_radiograph("frontal.png"))
    ```
    """
    from cxrlib.systems.lungs.segment import segment_lungs

    found = segment_lungs([image], model)[0]
    if not found.is_plausible:
        return image, None, found
    box = lung_box(found.mask, margin)
    return box.crop(np.asarray(image, "float32")), box, found


class LungCrop:
    """The crop of frontal views for `prepare`; it loads its model in each process.

    Args:
        model: string, path or `None`. As in `load_lung_model`.
        margin: float. As in `lung_box`.

    Call arguments:
        image: float array `(H, W)` in [0, 1].

    Returns:
        The crop, or `None` where the mask is not plausible: keep it whole.

    Example:
    ```python
    crop = LungCrop()
    prepare(studies, "outputs/prepared", crop=crop, crop_name=crop.name)
    ```
    """

    def __init__(self, model=None, margin=MARGIN):
        from cxrlib.systems.lungs.segment import load_lung_model, lung_model_path

        self.path = lung_model_path(model)
        self.margin = margin
        self.kept_whole = ""  # Why the last image was not cropped.
        self._model = load_lung_model(self.path)  # To report a bad file now.

    @property
    def name(self):
        """What determines the crop: another model or margin makes other shards."""
        digest = hashlib.sha256(self.path.read_bytes()).hexdigest()[:8]
        return f"lungs ({self.path.name} {digest}, margin {self.margin:g})"

    def __getstate__(self):
        """Pickle without the model, for another process."""
        return self.__dict__ | {"_model": None}

    def __call__(self, image):
        """Crop one image."""
        if self._model is None:
            self._model = self._load()
        crop, box, found = crop_to_lungs(image, self._model, self.margin)
        self.kept_whole = found.flag
        return None if box is None else crop

    def _load(self):
        if multiprocessing.parent_process() is not None:
            import tensorflow as tf

            # There is a worker per core; more threads would compete.
            tf.config.threading.set_intra_op_parallelism_threads(1)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        from cxrlib.systems.lungs.segment import load_lung_model

        return load_lung_model(self.path)


def crop_options(crop, model=None):
    """The arguments of `prepare` for a crop that is named by a word.

    Args:
        crop: string. `"none"` or `"lungs"`.
        model: string, path or `None`. The lung model, as in `load_lung_model`.

    Returns:
        A dict of `crop` and `crop_name`.

    Raises:
        InputError: if there is no such crop, or no lung model.

    Example:
    ```python
    prepare(studies, "outputs/prepared", **crop_options("lungs"))
    ```
    """
    if crop not in ("none", "lungs"):
        raise InputError(f"crop={crop!r}: choose 'none' or 'lungs'.")
    lungs = LungCrop(model) if crop == "lungs" else None
    return {"crop": lungs, "crop_name": lungs.name if lungs else "none"}


def find_crop(name, model=None):
    """Make the crop that a model's training images went through.

    Args:
        name: string. A manifest's `crop`: `"none"`, or what `LungCrop.name` was.
        model: string, path or `None`. The lung model, as in `load_lung_model`.

    Returns:
        A `LungCrop`, or `None` for no crop.

    Raises:
        InputError: if that crop cannot be made with this lung model.

    Example:
    ```python
    find_crop("none") is None
    ```
    """
    if name == "none":
        return None
    crop = LungCrop(model)
    if crop.name != name:
        raise InputError(
            f"{crop.path}: its crop is {crop.name!r}, but the images were prepared "
            f"with {name!r}. Give that lung model (--lung-model), or prepare and train "
            "again."
        )
    return crop

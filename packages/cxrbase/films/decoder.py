"""Many radiographs decoded in parallel processes, in order, with bounded memory.

The workers import NumPy and OpenCV only: this module stays as light as that.
"""

import contextlib
import functools

import numpy as np

from cxrbase.files import InputError
from cxrbase.films.same import film_digest
from cxrbase.images import CONSTANT, check_unit_range, read_noted, resize_square
from cxrbase.parallel import workers


def decode_pair(paths, size, fit="stretch", crop=None):
    """Read both views of a study as squares.

    Args:
        paths: pair of strings: the frontal's path, the lateral's.
        size: int. The side of the square, in pixels.
        fit: string. As in `resize_square`.
        crop: callable or `None`. Takes the frontal, float32 `(H, W)` in
            [0, 1], returns the part to keep, or `None` to keep it whole.

    Returns:
        A dict: `views`, by name, as uint8 `(size, size)` arrays; `problems`, a
        list of `(file, reason)`, empty if both views are good; `notes`, a list like
        it of what had to be decided; `whole`, whether the crop returned `None`; and
        `films`, the `film_digest` of each view.

    Example:
    ```python
    views = decode_pair(("frontal.png", "lateral.png"), 224)["views"]
    ```
    """
    views, films, problems, notes, whole = {}, {}, [], [], False
    for name, path in zip(("frontal", "lateral"), paths, strict=True):
        try:
            image, said = read_noted(path)
            if CONSTANT in said:
                raise InputError(f"{CONSTANT}. Leave the study out, or find its film.")
            notes += [(str(path), note) for note in said]
            films[name] = film_digest(image)
            if crop is not None and name == "frontal":
                part = crop(image)
                whole = part is None
                if not whole:
                    image = check_unit_range(np.asarray(part), "the crop")
            square = resize_square(image, size, fit)
        except InputError as error:
            problems.append((str(path), str(error).removeprefix(f"{path}: ")))
        else:
            views[name] = np.round(square * 255).astype(np.uint8)
    return {
        "views": views, "films": films, "problems": problems, "notes": notes,
        "whole": whole,
    }  # fmt: skip


@contextlib.contextmanager
def decoder(studies, size, fit="stretch", crop=None, processes=None):
    """Yield a function that decodes pairs of paths, in their order.

    Args:
        studies: int. How many are to come: a handful needs no processes.
        size: int. The side of the square, in pixels.
        fit: string. As in `resize_square`.
        crop: callable or `None`. As in `decode_pair`.
        processes: int or `None`. By default one per core that is ours.

    Yields:
        A function from an iterable of path pairs to an iterator of what
        `decode_pair` returns.

    Raises:
        InputError: if the crop cannot be sent to another process, or a worker
            dies.

    Example:
    ```python
    with decoder(len(pairs), 224) as decode:
        for study in decode(pairs):
            ...
    ```
    """
    decode = functools.partial(decode_pair, size=size, fit=fit, crop=crop)
    with workers(decode, studies, processes, what="the crop") as each:
        yield each

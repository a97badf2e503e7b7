"""Many radiographs decoded in parallel processes, in order, with bounded memory.

The workers import NumPy and OpenCV only: this module stays as light as that.
"""

import contextlib
import functools
import math
import tempfile

import numpy as np

from cxrbase.files import InputError
from cxrbase.films.same import film_digest
from cxrbase.images import CONSTANT, check_unit_range, read_noted, resize_square
from cxrbase.parallel import workers
from cxrbase.refusals import refusals_told

MOST_HELD = 2**31  # Bytes of films that memory holds: 43,000 of 224 pixels.


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


def _read_square(path, size):
    try:
        image, notes = read_noted(path)
    except InputError as error:
        return None, [], str(error).removeprefix(f"{path}: ")
    return np.round(resize_square(image, size) * 255).astype(np.uint8), notes, ""


def read_squares(paths, size, processes=None):
    """Yield films as squares, in their order; one that cannot be read stops nothing.

    Args:
        paths: sequence of paths.
        size: int. The side of the square, in pixels.
        processes: int or `None`. By default one per core that is ours.

    Yields:
        Triples: a uint8 array `(size, size)`, or `None` where the file cannot be read;
        the notes of `read_noted`; and why it cannot be read, else `""`.

    Raises:
        InputError: if a worker dies.

    Example:
    ```python
    for path, (film, notes, error) in zip(paths, read_squares(paths, 224)):
        ...
    ```
    """
    read = functools.partial(_read_square, size=size)
    with workers(read, len(paths), processes) as each:
        yield from each(map(str, paths))


def read_films(paths, size, processes=None):
    """Read films as squares into one array.

    Those of a large collection are kept in a file without a name, in the folder for
    temporary files (`$TMPDIR`): only what is used is in memory. The file goes with the
    array.

    Args:
        paths: sequence of paths.
        size: int. The side of the square, in pixels.
        processes: int or `None`. By default one per core that is ours.

    Returns:
        A uint8 array `(n, size, size, 1)`. Do not write to it.

    Raises:
        InputError: if a file is missing or broken, or the disk is full.

    Example:
    ```python
    pixels = read_films(film_paths(films), 224)
    ```
    """
    shape = len(paths), size, size, 1
    if math.prod(shape) <= MOST_HELD:
        held = np.empty(shape, np.uint8)
        for i, film in enumerate(_all_good(paths, size, processes)):
            held[i, ..., 0] = film
        return held
    with tempfile.TemporaryFile() as file, refusals_told(tempfile.gettempdir()):
        for film in _all_good(paths, size, processes):
            file.write(film)
        file.flush()
        return np.memmap(file, np.uint8, "r", shape=shape)


def _all_good(paths, size, processes):
    squares = read_squares(paths, size, processes)
    for path, (film, _, error) in zip(paths, squares, strict=True):
        if error:
            raise InputError(f"{path}: {error}")
        yield film

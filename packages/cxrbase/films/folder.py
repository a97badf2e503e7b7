"""A folder of films: which of its files are films, and how many to hold at once."""

import pathlib

from cxrbase.files import InputError
from cxrbase.films.decoder import read_squares
from cxrbase.films.formats import looks_like_film
from cxrbase.images import CONSTANT, DICOM_SUFFIXES

SUFFIXES = (".png", ".jpg", ".jpeg", *DICOM_SUFFIXES)
MOST_PIXELS = 16_000_000  # Held at once, not counting the last film.


def find_films(folder, own):
    """Find all films in a folder and its subfolders; none is decoded.

    They are recognised by their names or, where a name does not say, by their first
    bytes. What a name with a dot at its start hides is left out.

    Args:
        folder: string or path.
        own: string or path. The file or folder that is written, which is left out: its
            pictures are no films.

    Returns:
        A pair: the paths relative to the folder, sorted, and how many other files there
        are.

    Raises:
        InputError: if it is no folder, or holds no film.

    Example:
    ```python
    names, others = find_films("radiographs", "radiographs/masks")
    ```
    """
    folder, own = pathlib.Path(folder), pathlib.Path(own).resolve()
    if not folder.is_dir():
        raise InputError(f"{folder}: is not a folder. Give the radiographs' folder.")
    names, others = [], 0
    for path in sorted(folder.rglob("*")):
        # A link to itself is no file, and cannot be resolved.
        if path.name.startswith(".") or not path.is_file():
            continue
        place = path.resolve()
        if own == place or own in place.parents:
            continue
        if path.suffix.lower() in SUFFIXES or looks_like_film(path):
            names.append(path.relative_to(folder))
        else:
            others += 1
    if not names:
        found = f" among its {others} files" if others else ""
        raise InputError(
            f"{folder}: holds no PNG, JPEG or DICOM file{found}. Check the folder."
        )
    return names, others


def folder_squares(folder, names, size, processes=None):
    """Yield the films of a folder as squares, with what is to be said of each.

    Args:
        folder: string or path.
        names: sequence of paths, relative to it, from `find_films`.
        size: int. The side of the square, in pixels.
        processes: int or `None`. By default one per core that is ours.

    Yields:
        Tuples: the name, a string; a uint8 array `(size, size)`, or `None` where there
        is no film; the notes of `read_noted`, a string; and why there is no film, else
        `""`.

    Example:
    ```python
    for name, film, notes, error in folder_squares("radiographs", names, 224):
        ...
    ```
    """
    folder = pathlib.Path(folder)
    squares = read_squares([folder / name for name in names], size, processes)
    for name, (film, notes, error) in zip(names, squares, strict=True):
        if CONSTANT in notes:
            film, error = None, CONSTANT
        yield name.as_posix(), film, "; ".join(notes), error


def film_batches(films, batch_size):
    """Gather films for a model, but no more than memory should hold.

    Args:
        films: iterable of sequences. The second of each is the film, an array, or
            `None` where it could not be read.
        batch_size: int. How many at most.

    Yields:
        Lists of them.

    Example:
    ```python
    for batch in film_batches(((name, read(name)) for name in names), 16):
        ...
    ```
    """
    batch, pixels = [], 0
    for film in films:
        batch.append(film)
        pixels += 0 if film[1] is None else film[1].size
        del film  # Otherwise it would be held while the next is read.
        if len(batch) == batch_size or pixels > MOST_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def what_was_not_read(table, others, most=20):
    """Say which files of a folder gave nothing, and why.

    Args:
        table: DataFrame with `file` and `error`, which is `""` for a film.
        others: int. How many other files there are, see `find_films`.
        most: int. How many broken ones to name.

    Returns:
        A list of lines, empty if there is nothing to say.

    Example:
    ```python
    print(*what_was_not_read(table, others), sep="\n")
    ```
    """
    broken = table[table.error.ne("")]
    lines = [f"  {row.file}: {row.error}" for row in broken.head(most).itertuples()]
    if len(broken) > most:
        lines.append(f"  and {len(broken) - most} more files that could not be read")
    if others:
        lines.append(f"  {others} other files were left out: not PNG, JPEG or DICOM.")
    return lines

"""The Indiana collection from Kaggle without its 14 GB: tables, and some studies."""

import concurrent.futures
import os
import pathlib
import shutil

from cxrbase.files import InputError, write_whole
from cxrbase.layout import IMAGES, PROJECTIONS, REPORTS
from cxrlib.data.readers.indiana import KAGGLE_HANDLE, describe_folder
from cxrlib.data.studies import funnel, load_studies

AT_ONCE = 8  # Parallel downloads; each is a file of one or two megabytes.


def fetch_tables():
    """Fetch the two tables of the collection; they need no image.

    Returns:
        A `pathlib.Path`, the folder that holds them.

    Raises:
        InputError: if Kaggle does not serve them.

    Example:
    ```python
    studies = load_studies(describe_folder(fetch_tables()))
    ```
    """
    return [_fetch(name) for name in (REPORTS, PROJECTIONS)][0].parent


def fetch_studies(count, seed=0, out=None):
    """Fetch some studies that the funnel keeps, one file at a time.

    The tables come whole, so that the funnel counts what it always counts; of the
    images only those of the studies that were drawn at random.

    Args:
        count: int. How many studies.
        seed: int. Of the random draw.
        out: string, path or `None`. By default `data/indiana-<count>-seed<seed>`.

    Returns:
        A `pathlib.Path`, the folder, in the Kaggle layout.

    Raises:
        InputError: if Kaggle does not serve a file.

    Example:
    ```python
    dataset = describe_folder(fetch_studies(200))
    ```
    """
    out = pathlib.Path(out or f"data/indiana-{count}-seed{seed}")
    tables = fetch_tables()
    for name in (REPORTS, PROJECTIONS):
        _place(tables / name, out / name)
    kept, _ = funnel(load_studies(describe_folder(out)))
    drawn = kept.sample(min(count, len(kept)), random_state=seed)
    names = [pathlib.Path(path).name for path in [*drawn.frontal, *drawn.lateral]]
    todo = [name for name in names if not (out / IMAGES / name).is_file()]
    print(f"Fetching {len(todo)} of {len(names)} images of {len(drawn)} studies …")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        fetched = pool.map(lambda name: _fetch(f"{IMAGES}/{name}"), todo)
        for name, path in zip(todo, fetched, strict=True):
            _place(path, out / IMAGES / name)
    return out


def _fetch(name):
    """One file of the collection, in kagglehub's own folder."""
    try:
        import kagglehub

        return pathlib.Path(kagglehub.dataset_download(KAGGLE_HANDLE, path=name))
    except Exception as error:  # No network, no account, no such file.
        raise InputError(
            f"{name}: Kaggle does not serve it ({type(error).__name__}: {error}). "
            "Check the connection and kagglehub.login(), or name a folder."
        ) from error


def _place(source, target):
    """Put a file there, as a hard link where the disk allows it."""
    if target.is_file():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        with write_whole(target) as temporary:
            shutil.copyfile(source, temporary)

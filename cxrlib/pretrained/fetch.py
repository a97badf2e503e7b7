"""Pretrained files downloaded, whole or not at all, and listed."""

import json
import os
import pathlib
import shutil
import tempfile

import pandas as pd

from cxrbase.files import PARTIAL, InputError, write_whole
from cxrbase.hosts import download_is_welcome, fetching
from cxrlib.pretrained.registry import (
    REGISTRY,
    check_sums,
    course_weights,
    entry,
    find_weights,
)

COLUMNS = ("name", "status", "file", "where", "how")


def fetch_weights(name, folder=None):
    """Fetch what the registry knows into a folder.

    Args:
        name: string. See `cxrlib.pretrained.registry.REGISTRY`.
        folder: string, path or `None`. `$CXR_WEIGHTS`, or the course's `weights/`.

    Returns:
        The `pathlib.Path` of the file or folder.

    Raises:
        InputError: if it cannot be fetched, or is not what it should be. No incomplete
            file is left.

    Example:
    ```python
    fetch_weights("chexnet")
    ```
    """
    each = entry(name)
    found = find_weights(each.file, folder)
    if found:
        check_sums(found, each)
        print(f"{each.name}: is already there, {found}")
        return found
    if each.get in ("course", "hand"):
        raise InputError(f"{each.file}: cannot be fetched. {how_to_get(each)}")
    folder = pathlib.Path(folder or os.environ.get("CXR_WEIGHTS") or course_weights())
    target = folder / each.file
    print(f"{each.name}: fetching from {each.source} …")
    by_hand = f"put it into {folder} by hand, from {each.source}"
    with fetching(each.file, by_hand), tempfile.TemporaryDirectory() as scratch:
        _publish(_download(each, pathlib.Path(scratch)), target)
    try:
        check_sums(target, each)
    except InputError:
        shutil.rmtree(target) if target.is_dir() else target.unlink()
        raise
    print(f"{each.name}: {target}")
    return target


def _download(each, scratch):
    """Download it to another place first; return where."""
    how, _, handle = each.get.partition(":")
    if how in ("dataset", "model"):
        import kagglehub

        if how == "dataset":
            return pathlib.Path(kagglehub.dataset_download(handle, path=each.file))
        return pathlib.Path(kagglehub.model_download(handle))
    import keras

    if how == "keras":
        keras.applications.DenseNet121(include_top=False, weights="imagenet")
        return pathlib.Path(keras.config.keras_home()) / "models" / each.file
    place = scratch / each.file if each.is_folder else scratch
    place.mkdir(exist_ok=True)
    for part in each.parts:
        # Keras downloads with a progress bar; a fresh folder holds no partial download.
        keras.utils.get_file(
            part, f"{each.get}/{part}", cache_dir=place, cache_subdir=""
        )
    return scratch / each.file


def _publish(source, target):
    """Copy beside the target, then rename: an incomplete copy never has its name."""
    if not source.is_dir():
        with write_whole(target) as temporary:
            shutil.copyfile(source, temporary)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=target.parent) as beside:
        whole = pathlib.Path(beside) / target.name
        shutil.copytree(source, whole)
        os.replace(whole, target)


def obtain_weights(name):
    """Find an entry, or fetch it where a download is welcome.

    See `download_is_welcome`.

    Args:
        name: string. See `cxrlib.pretrained.registry.REGISTRY`.

    Returns:
        The path, or `None`, after printing why.

    Example:
    ```python
    path = obtain_weights("chexnet")
    ```
    """
    each = entry(name)
    found = find_weights(each.file)
    if found:
        check_sums(found, each)
        return found
    if not download_is_welcome():
        print(f"{each.name}: not here. {how_to_get(each)}")
        return None
    try:
        return fetch_weights(name)
    except InputError as error:
        print(f"{each.name}: {error}")
        return None


def how_to_get(each):
    """Say in a sentence how to get an entry.

    Args:
        each: a `cxrlib.pretrained.registry.Pretrained`.

    Returns:
        A string.

    Example:
    ```python
    how_to_get(entry("chexnet"))
    ```
    """
    if each.get == "course":
        return f"It is in the course's repository; {each.source} makes it again."
    if each.get == "hand":
        return f"See {each.source}; save it as weights/{each.file}."
    return f"python -m cxrlib weights fetch {each.name}"


def weights_table(folder=None):
    """List the registry: what is there, what is missing, how to get it.

    Args:
        folder: string, path or `None`. Looked into first.

    Returns:
        A DataFrame with the columns `name`, `status` (`there`, `missing` or
        `damaged`), `file`, `where` and `how` (to get it).

    Example:
    ```python
    weights_table()
    ```
    """
    rows = []
    for each in REGISTRY:
        path = find_weights(each.file, folder)
        status = "there" if path else "missing"
        if path:
            try:
                checked = check_sums(path, each)
                status = "there, checked" if checked else "there"
            except InputError:
                status = "damaged"
        how = "" if status.startswith("there") else how_to_get(each)
        rows.append((each.name, status, each.file, str(path or ""), how))
    return pd.DataFrame(rows, columns=COLUMNS)


def registry_markdown():
    """Write the registry as a Markdown table, for `weights/README.md`.

    Returns:
        A string.

    Example:
    ```python
    print(registry_markdown())
    ```
    """
    lines = [
        "| name | what | file | from | licence | loaded by |",
        "|---|---|---|---|---|---|",
    ]
    for each in REGISTRY:
        source = each.source
        source = f"<{source}>" if source.startswith("http") else f"`{source}`"
        lines.append(
            f"| `{each.name}` | {each.what} | `{each.file}` | {source} | "
            f"{each.licence} | `{each.loader}` |"
        )
    return "\n".join(lines)


def card_markdown(card, field, first):
    """Write a part of a model's card as a Markdown table, for `weights/README.md`.

    Args:
        card: string or path. A `.json` file, below `weights/`.
        field: string. The part: a dict of dicts with the same keys.
        first: string. What the first column is called.

    Returns:
        A string.

    Example:
    ```python
    print(card_markdown("lung_unet.json", "reaches", "split/source"))
    ```
    """
    rows = json.loads((course_weights() / card).read_text(encoding="utf-8"))[field]
    columns = list(next(iter(rows.values())))
    cells = [[first, *columns], ["---", *["---:"] * len(columns)]]
    for name, row in rows.items():
        cells.append([name, *("" if row[c] is None else row[c] for c in columns)])
    return "\n".join(f"| {' | '.join(map(str, each))} |" for each in cells)

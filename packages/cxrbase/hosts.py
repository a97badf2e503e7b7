"""What Kaggle and Colab need of us: attached folders, downloads, Google Drive."""

import contextlib
import os
import pathlib

from cxrbase.refusals import InputError, in_one_line

KAGGLE_INPUT, KAGGLE_WORKING = "/kaggle/input", "/kaggle/working"
CONTENT, DRIVE = "/content", "/content/drive/MyDrive"
DEPTH = 6  # input/datasets/<owner>/<name>/versions/<n>


def find_below(start, name):
    """Look below a folder, skipping the folders that hold a collection's images.

    Args:
        start: string or path. It may be missing.
        name: string. Of a file or a folder.

    Returns:
        The `pathlib.Path`, or `None` if it is nowhere.

    Example:
    ```python
    find_below("/kaggle/input", "indiana_reports.csv")
    ```
    """
    start = pathlib.Path(start)
    for folder, children, files in os.walk(start):
        if name in files or name in children:
            return pathlib.Path(folder) / name
        depth = len(pathlib.Path(folder).relative_to(start).parts)
        children[:] = sorted(c for c in children if not c.startswith("images"))
        if depth >= DEPTH:
            children.clear()
    return None


def download_is_welcome():
    """Whether something may be fetched without being asked.

    On Colab and Kaggle it may; elsewhere `$CXR_KAGGLEHUB` set to 1 says so, and 0
    forbids it anywhere. A machine without a network would hang in retries.

    Returns:
        A bool.

    Example:
    ```python
    download_is_welcome()
    ```
    """
    switch = os.environ.get("CXR_KAGGLEHUB", "")
    hosted = {"COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"} & set(os.environ)
    return switch != "0" and bool(switch or hosted)


@contextlib.contextmanager
def fetching(what, otherwise):
    """Turn whatever a download raises inside the block into one line.

    Args:
        what: string. What is fetched, for the message.
        otherwise: string. How to get it without.

    Raises:
        InputError: if the network, an account, a package or space is missing.

    Example:
    ```python
    with fetching("distilgpt2", "give the folder of a copy"):
        huggingface_hub.snapshot_download("distilgpt2")
    ```
    """
    try:
        yield
    except InputError:
        raise
    except ModuleNotFoundError as error:
        raise InputError(
            f"{what}: to fetch it, install {error.name} (pip install {error.name}), or "
            f"{otherwise}."
        ) from error
    except Exception as error:  # No network, no account, no space: a dozen kinds.
        raise InputError(
            f"{what}: could not be fetched ({in_one_line(error)}). Check the name and "
            f"the network, or {otherwise}."
        ) from error


def off_drive(path):
    """Where thousands of small files go instead of Google Drive, which is slow.

    Args:
        path: string or path.

    Returns:
        A `pathlib.Path`: below `/content` what was below the Drive, else `path`.

    Example:
    ```python
    off_drive("/content/drive/MyDrive/run/phantom")  # /content/run/phantom
    ```
    """
    path = pathlib.Path(path)
    if not path.is_relative_to(DRIVE):
        return path
    return pathlib.Path(CONTENT) / path.relative_to(DRIVE)

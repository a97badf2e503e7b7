"""What Kaggle and Colab have in common for us: attached folders and downloads."""

import os
import pathlib

KAGGLE_INPUT = "/kaggle/input"
DEPTH = 6  # input/datasets/<owner>/<name>/versions/<n>


def find_below(start, name):
    """Look beneath a folder, sparing the folders that hold a collection's images.

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

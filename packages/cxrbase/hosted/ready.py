"""The second half of every notebook's first cell; before it nothing is installed.

So this module imports only the standard library.
"""

import importlib
import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys

LACKING = "requirements/hosted.txt"  # What Colab and Kaggle lack, in the checkout.


def make_ready(course="."):
    """Install what this machine lacks, and let Python find the course in its checkout.

    Only missing distributions are installed, so that a second call, or one after a
    restart, costs nothing, and nothing on the host is replaced. The processes that the
    notebook starts find the course, too. Only one of several GPUs is used: the course
    does not spread its work, and TensorFlow would take the memory of all.

    Args:
        course: string or path. The checkout.

    Returns:
        A list of strings, the requirements that were installed.

    Raises:
        RuntimeError: if pip fails; its output is above.

    Example:
    ```python
    make_ready("course")
    ```
    """
    course = pathlib.Path(course).resolve()
    folders = [str(course), str(course / "packages")]
    sys.path[:] = folders + [each for each in sys.path if each not in folders]
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    others = [each for each in others if each and each not in folders]
    os.environ["PYTHONPATH"] = os.pathsep.join(folders + others)
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "0")
    missing = lacking((course / LACKING).read_text(encoding="utf-8"))
    if missing:
        _install(missing)
    return missing


def lacking(requirements):
    """List the requirements whose distribution is not installed.

    Args:
        requirements: string. Lines as `pip install -r` takes them; after `#` a remark.

    Returns:
        A list of strings.

    Example:
    ```python
    lacking("numpy>=2\\nrouge-score>=0.1.2")  # ["rouge-score>=0.1.2"]
    ```
    """
    lines = [line.partition("#")[0].strip() for line in requirements.splitlines()]
    return [line for line in lines if line and not _is_installed(line)]


def _is_installed(requirement):
    try:
        importlib.metadata.version(re.match(r"[\w.-]+", requirement)[0])
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _install(requirements):
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    pip += ["--disable-pip-version-check", "--root-user-action=ignore"]
    print("Installing", ", ".join(requirements), "…")
    if subprocess.run([*pip, *requirements]).returncode:
        raise RuntimeError(
            f"pip could not install {', '.join(requirements)}: see above. On Kaggle "
            "switch Internet on (Settings → Internet), then run this cell again."
        )
    importlib.invalidate_caches()

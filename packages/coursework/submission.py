"""What a student hands in: results, predictions and the executed notebook, zipped."""

import json
import os
import pathlib
import sys
import zipfile

from coursework.record import read_results
from cxrbase.files import InputError, write_whole

SUBMISSION = "submission.zip"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # The earliest date that a zip can hold.
PATIENCE = 60  # Seconds; a notebook full of figures takes Colab a while.


def pack_submission(folder, notebook=None):
    """Pack a notebook's folder into `submission.zip`; the same files, the same bytes.

    The zip holds `<name>/results.json`, `<name>/predictions.csv` if the results mention
    it, and `<name>/<name>.ipynb` if there is one, where `<name>` is the folder's.

    Args:
        folder: string or `pathlib.Path`. `<run>/<notebook>`, with `results.json`.
        notebook: string, `pathlib.Path` or `None`. The executed notebook. By
            default the copy in the folder.

    Returns:
        The path of the zip.

    Raises:
        InputError: if there are no results, or the named notebook is missing.

    Example:
    ```python
    pack_submission("outputs/course/07_multitask")
    ```
    """
    folder = pathlib.Path(folder)
    name = folder.resolve().name
    try:
        record = read_results(folder / "results.json")
    except InputError as error:
        raise InputError(f"{error} Call results.write() before you pack.") from None
    members = {"results.json": folder / "results.json"}
    if record.get("predictions"):
        members["predictions.csv"] = folder / "predictions.csv"
    copy = pathlib.Path(notebook or folder / f"{name}.ipynb")
    if notebook or copy.is_file():
        members[f"{name}.ipynb"] = copy
    path = folder / SUBMISSION
    with (
        write_whole(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for member, source in sorted(members.items()):
            try:
                content = source.read_bytes()
            except FileNotFoundError:
                raise InputError(f"{source}: there is no such file.") from None
            entry = zipfile.ZipInfo(f"{name}/{member}", EARLIEST)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return path


def fetch_notebook(folder):
    """Bring the notebook that is running into its folder, as far as it is saved.

    The runner keeps its copy there anyway. Colab is asked for the notebook; Jupyter and
    VS Code name the file, and so does papermill if it was started with
    `--inject-output-path`. The newest one is taken.

    Args:
        folder: string or `pathlib.Path`. `<run>/<notebook>`.

    Returns:
        `None`, or a line that says what is missing and how to add it.

    Example:
    ```python
    fetch_notebook("outputs/course/07_multitask")
    ```
    """
    copy = pathlib.Path(folder) / f"{pathlib.Path(folder).resolve().name}.ipynb"
    shown = _shown_by_colab()
    if shown:
        with write_whole(copy) as temporary:
            temporary.write_text(json.dumps(shown, ensure_ascii=False, indent=1))
        return None
    saved = [path for path in (copy, *_named_paths()) if path.is_file()]
    if not saved:
        return (
            "The executed notebook is not in the zip: save it (on Kaggle, File → "
            f"Download) and hand it in beside the zip, as {copy.name}."
        )
    newest = max(saved, key=lambda path: path.stat().st_mtime)
    if newest != copy:
        with write_whole(copy) as temporary:
            temporary.write_bytes(newest.read_bytes())
    if not _was_executed(copy):
        return (
            "The notebook in the zip is as it was last saved, without outputs: "
            "save it now and run this cell again."
        )
    return None


def _shown_by_colab():
    """The notebook as Colab's page holds it, or `None` elsewhere."""
    if "google.colab" not in sys.modules:
        return None
    try:
        from google.colab import _message

        answer = _message.blocking_request("get_ipynb", timeout_sec=PATIENCE)
        return answer["ipynb"]
    except Exception:  # A private interface; the rest is packed anyway.
        return None


def _named_paths():
    """The path of the notebook, as far as its front end names it."""
    named = [os.environ.get("JPY_SESSION_NAME")]  # jupyter_server 2 and later.
    if "IPython" in sys.modules:
        shell = sys.modules["IPython"].get_ipython()
        names = getattr(shell, "user_ns", {})
        named += [names.get("PAPERMILL_OUTPUT_PATH"), names.get("__vsc_ipynb_file__")]
    paths = [pathlib.Path(path) for path in named if isinstance(path, str)]
    return [path for path in paths if path.suffix == ".ipynb"]


def _was_executed(path):
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return any(cell.get("execution_count") for cell in cells)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False

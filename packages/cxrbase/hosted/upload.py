"""Your own radiograph, through the browser; Colab only."""

import pathlib
import sys

from cxrbase.refusals import InputError

ADVICE = (
    "Do not upload a patient's film: this machine belongs to somebody else, and taking "
    "the name off a film is not enough. Take one that is published for such use."
)


def upload_films(lateral=True):
    """Ask for a frontal, and then for its lateral or none.

    A browser does not keep the order of several files that are chosen at once, so each
    is asked for by itself. The files are in the current folder.

    Args:
        lateral: bool. Whether to ask for a lateral at all.

    Returns:
        Tuple of two strings, the paths of the frontal and the lateral; the lateral is
        `""` if none was chosen or asked for.

    Raises:
        InputError: if this is not Colab, no frontal was chosen, or more than one file.

    Example:
    ```python
    my_frontal, my_lateral = upload_films()
    ```
    """
    if "google.colab" not in sys.modules:
        raise InputError(
            'my_frontal="upload": only Colab can ask for a file. Put the film on this '
            "machine (on Kaggle: Add Input → Upload), and give its path."
        )
    print(ADVICE)
    frontal = _ask("the FRONTAL (PA or AP)")
    if not frontal:
        raise InputError(
            "my_frontal: no file was chosen. Run this cell again, or give a path."
        )
    return frontal, lateral and _ask("the LATERAL; cancel if you have none") or ""


def _ask(what):
    from google.colab import files

    print(f"Choose one file, {what}:")
    chosen = list(files.upload())
    if len(chosen) > 1:
        raise InputError(
            f"{len(chosen)} files were chosen. Run this cell again, and choose one at "
            "a time, so that it is clear which is the frontal."
        )
    return str(pathlib.Path(chosen[0]).resolve()) if chosen else ""

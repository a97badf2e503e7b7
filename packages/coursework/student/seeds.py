"""A random seed for each student, derived from the name.

The phantom, the split and the training take it, so that the films, the scores and the
answers of two students differ.
"""

import hashlib
import json
import re
import unicodedata

from cxrbase.refusals import InputError, printable

# Seeds that something in the repository was drawn with, or is tested on. A student's
# seed has ten digits, so it is never one of them.
RESERVED = {
    0: "the course where no student is named; the lung model in weights/",
    1: "benchmarks",
    2: "benchmarks",
    1_000_000: "the encoder in weights/",
    1_000_001: "the studies that it was measured on",
    2_000_000: "the GPT-2 in weights/",
    2_000_001: "the studies that it was measured on",
    3_000_000: "the report model in weights/",
    3_000_001: "the studies that it was measured on",
    5_000_000: "the tests of what is in weights/",
}
LOWEST, COUNT = 1_000_000_000, 1_000_000_000  # All of them below 2^31 - 1.


def normal_name(name):
    """Write a name in one way, whatever way it was typed in.

    Args:
        name: string.

    Returns:
        A string: Unicode's NFKC, without case, with single blanks between the words.

    Raises:
        InputError: if it is no text.

    Example:
    ```python
    normal_name(" Ada  LOVELACE ")  # "ada lovelace"
    ```
    """
    if not isinstance(name, str):
        raise InputError(f"student = {name!r}: must be a text, in quotes.")
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def student_seed(name):
    """The random seed of a student.

    Args:
        name: string. The same name, typed in another case or with other blanks, has the
            same seed, on every machine.

    Returns:
        An int from 1,000,000,000 to 1,999,999,999.

    Raises:
        InputError: if it is no text, or has no letter in it.

    Example:
    ```python
    student_seed("Ada Lovelace") == student_seed("ada  lovelace ")  # True
    ```
    """
    text = normal_name(name)
    if not text:
        raise InputError("student: the name is empty.")
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return LOWEST + int.from_bytes(digest[:8]) % COUNT


def run_name(profile, student=""):
    """Name the folder of a run, each student's its own.

    Args:
        profile: string. `"course"`.
        student: string. The name, or `""`.

    Returns:
        A string.

    Example:
    ```python
    run_name("course", "Ada Lovelace")  # "course-ada_lovelace"
    ```
    """
    name = normal_name(student)
    if not name:
        return profile
    safe = re.sub(r"\W+", "_", name).strip("_")[:60]
    return f"{profile}-{safe or student_seed(name)}"


def refuse_another(run, student):
    """Refuse a folder in which another student's results lie.

    Args:
        run: `pathlib.Path`. The folder of a run; it need not exist.
        student: string. The name, or `""`.

    Raises:
        InputError: that names the notebook and both students.

    Example:
    ```python
    refuse_another(pathlib.Path("outputs/course"), "Ada Lovelace")
    ```
    """
    for path in sorted(run.glob("*/results.json")):
        try:
            theirs = json.loads(path.read_text(encoding="utf-8"))
            theirs = normal_name(theirs["parameters"].get("student", ""))
        except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError):
            continue  # Not readable: whoever needs it says so.
        if theirs != normal_name(student):
            told = [printable(each, 60) or "no student" for each in (theirs, student)]
            raise InputError(
                f"{path.parent}: holds the results of {told[0]}, and this run is of "
                f"{told[1]}. Leave run_dir empty, or name another folder."
            )

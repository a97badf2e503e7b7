"""Whose data they are: what was handed in, against the seed of the name."""

import collections
import csv
import functools
import io

from coursework.student.seeds import normal_name, student_seed
from cxrbase.refusals import printable
from cxrphantom.dataset import drawn_report

COMPARED = 40  # Reports of a predictions.csv; one that is another's differs in most.
MOST = 200_000  # Studies of a phantom.
SECTIONS = ("findings", "impression")  # Of a report.

# The notebooks of a student have the same studies.
_drawn = functools.lru_cache(100_000)(drawn_report)


def named_in(record):
    """The student that a run was made for, as typed; `""` for none.

    Args:
        record: dict, a checked `results.json`.

    Returns:
        A string.
    """
    name = record["parameters"].get("student")
    return name if isinstance(name, str) and normal_name(name) else ""


def not_theirs(record, needed=False):
    """Say why the seed of a run is not that of the student it names.

    Args:
        record: dict, a checked `results.json`.
        needed: bool. Whether a student must be named.

    Returns:
        A string, `""` if nothing is wrong.

    Example:
    ```python
    not_theirs(read_results("results.json"), needed=True)
    ```
    """
    name = named_in(record)
    if not name:
        return "it names no student; each student's own seed is asked for." * needed
    seeds, dataset = {"seed": record["parameters"].get("seed")}, record["dataset"]
    if dataset["ground"] == "phantom":
        seeds["the phantom's seed"] = dataset.get("seed")
    for what, seed in seeds.items():
        if seed != student_seed(name):
            return (
                f"{what} is {printable(seed, 20)}, and that of "
                f"{printable(name, 60)} is {student_seed(name)}: another's data."
            )
    return ""


def other_reports(content, record, needed=False):
    """Say why the reports of a `predictions.csv` are not those of the student's seed.

    The phantom's reports are written again from the seed; no film is drawn. A reference
    may be either section of its report, whatever the run says that it used.

    Args:
        content: bytes of a readable `predictions.csv`.
        record: dict, a checked `results.json` for which `not_theirs` is `""`.
        needed: bool. Whether there must be reports to compare.

    Returns:
        A string, `""` if nothing is wrong, or nothing can and need be compared.

    Example:
    ```python
    other_reports(path.read_bytes(), read_results("results.json"))
    ```
    """
    name = named_in(record)
    if not name or record["dataset"]["ground"] != "phantom":
        return ""
    same, rows = 0, csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace")))
    compared = 0
    for row in rows:
        uid, reference = row.get("uid") or "", row.get("reference") or ""
        if not reference.strip():
            continue
        if compared == COMPARED:
            break
        compared += 1
        if uid.isascii() and uid.isdigit() and 0 < int(uid[:9]) <= MOST:
            drawn = _drawn(student_seed(name), int(uid[:9]) - 1)
            sections = [drawn[section].split() for section in SECTIONS]
            same += reference.split() in sections
    if needed and not compared:
        return (
            "it has no column reference with reports in it, so they cannot be compared "
            f"with the phantom of {printable(name, 60)}."
        )
    if 2 * same >= compared:
        return ""
    return (
        f"of the first {compared} reports {same} are of the phantom of "
        f"{printable(name, 60)}: another's data."
    )


def foreign_names(named):
    """Find the students who handed in what another's name stands on.

    Args:
        named: dict, a student's folder → the names in the results of its notebooks.

    Returns:
        A dict, folder → sentences. A name that several folders hold and none of them
        bears is not told here: nobody can say whose it is (see
        `coursework.grade.grades.alike`).

    Example:
    ```python
    foreign_names({"ada": ["Ada"], "bob": ["Ada"]})  # Names bob, whose data are Ada's.
    ```
    """
    folders = {normal_name(folder): folder for folder in named}
    said = collections.defaultdict(list)
    for folder, names in named.items():
        by_name = {normal_name(name): printable(name, 60) for name in names if name}
        if len(by_name) > 1:
            listed = ", ".join(by_name.values())
            said[folder].append(f"The notebooks are of several students: {listed}.")
        said[folder] += [
            f"The data are those of {printable(folders[name], 60)}, another student of "
            "the class."
            for name in by_name
            if folders.get(name, folder) != folder
        ]
    return {folder: sentences for folder, sentences in said.items() if sentences}

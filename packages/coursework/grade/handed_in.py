"""One notebook as it was handed in: read, checked, and what of it counts."""

import dataclasses
import hashlib

from coursework.grade.cells import changed, read_cells
from coursework.grade.recount import differences, is_on_texts, recount
from coursework.grade.rubric import BESIDE
from coursework.grade.untrusted import read_json
from coursework.record import SCHEMA, check
from coursework.student.owners import named_in, not_theirs, other_reports
from cxrbase import __version__
from cxrbase.grounds import GROUNDS
from cxrbase.refusals import InputError, printable


@dataclasses.dataclass
class HandedIn:
    """What the items of a rubric are checked against.

    Args:
        place: string. Where it is.
        record: dict or `None`. The `results.json`, if it counts.
        answers: dict of strings and numbers, by exercise.
        recounted: dict of scores, as the predictions give them.
        compared: bool. Whether there are predictions, or some are asked for: then a
            score that comes from them counts only as they give it.
        differing: dict of score to words: they are not what the predictions give.
        cells: list of `coursework.grade.cells.Cell`, or `None`.
        why: dict of `"results"`, `"predictions"`, `"notebook"` to the reason why this
            part is missing or does not count.
        troubles: list of strings. What an instructor must know.
        notes: list of strings. What may be of interest.
        about: list of pairs of strings. What its results rest on.
        digests: dict of strings, to find identical files.
        student: string. The name that the run was made with, `""` for none.
    """

    place: str
    record: dict | None = None
    answers: dict = dataclasses.field(default_factory=dict)
    recounted: dict = dataclasses.field(default_factory=dict)
    compared: bool = False
    differing: dict = dataclasses.field(default_factory=dict)
    cells: list | None = None
    why: dict = dataclasses.field(default_factory=dict)
    troubles: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    about: list = dataclasses.field(default_factory=list)
    digests: dict = dataclasses.field(default_factory=dict)
    student: str = ""

    def refuse(self, part, words):
        """Record why a part does not count."""
        if part not in self.why:
            self.why[part] = words
            self.troubles.append(words)


def read_handed_in(submissions, asked, course=None):
    """Read what a student handed in for one notebook.

    Args:
        submissions: list of `coursework.grade.submissions.Submission` of one notebook;
            the last one written counts.
        asked: `coursework.grade.rubric.NotebookRubric`.
        course: list of `Cell` or `None`. The course's own notebook.

    Returns:
        A `HandedIn`, which also says what is wrong with the files.

    Example:
    ```python
    read_handed_in(found["07_multitask"], rubric.notebooks["07_multitask"])
    ```
    """
    submission, content, record = _latest(submissions)
    handed = HandedIn(submission.place)
    if len(submissions) > 1:
        places = ", ".join(each.place for each in submissions)
        handed.notes.append(
            f"Handed in {len(submissions)} times ({places}); the latest counts, "
            f"{submission.place}."
        )
    if isinstance(record, InputError):
        handed.refuse("results", str(record))
    else:
        handed.digests["results"] = hashlib.sha256(content).hexdigest()
        _look_over(handed, record, asked)
    _read_predictions(handed, submission, record, asked)
    _read_notebook(handed, submission, course)
    return handed


def _latest(submissions):
    """The submission whose results were written last, its bytes and its record."""
    tried = []
    for submission in submissions:
        content = b""
        try:
            content = submission.read("results")
            record = _checked(content)
        except InputError as error:
            record = error
        good = isinstance(record, dict)
        written = str(record.get("written", "")) if good else ""
        tried.append(((good, written), submission, content, record))
    return max(tried, key=lambda each: each[0])[1:]


def _checked(content):
    """A record all of whose fields have the types that readers rely on."""
    try:
        record = read_json(content)
        schema = record.get("schema") if isinstance(record, dict) else None
        if schema != SCHEMA:
            raise InputError(
                f"of schema {printable(schema, 20)}, not {SCHEMA}: written by another "
                "edition of the course."
            )
        check(record)
        if not isinstance(record.get("predictions"), dict | None):
            raise InputError("predictions is no object.")
    except InputError as error:
        raise InputError(f"results.json: {error}") from None
    return record


# === results.json ===


def _look_over(handed, record, asked):
    """Take the results, if they are what is asked for; say what they rest on."""
    dataset, versions = record["dataset"], record["environment"].get("versions")
    version = versions.get("cxrlib") if isinstance(versions, dict) else None
    counts = ", ".join(f"{name} {count}" for name, count in dataset["counts"].items())
    given = [f"{k} {v}" for k, v in record["parameters"].items() if v != ""]
    pairs = (
        ("data", f"{GROUNDS[dataset['ground']]}; studies: {counts}"),
        ("written", record.get("written", "")),
        ("device", record["environment"].get("device", "")),
        ("parameters", ", ".join(given)),
    )
    handed.about = [(name, printable(words, 600)) for name, words in pairs if words]
    if version != __version__:
        handed.notes.append(
            f"Run with cxrlib {printable(version, 20)}; graded with {__version__}."
        )
    handed.student = named_in(record)
    if handed.student:  # Without one, everybody has the same data.
        handed.digests["data"] = printable(dataset.get("fingerprint"), 80)
    trouble = _foreign(record, asked) or not_theirs(record, asked.student)
    if trouble:
        handed.refuse("results", f"results.json does not count: {trouble}")
        return
    handed.record = record
    handed.answers = record.get("answers") or {}


def _foreign(record, asked):
    """Why the results are not those that are asked for, or `""`."""
    dataset = record["dataset"]
    if record["notebook"] != asked.name:
        return f"it is that of {printable(record['notebook'], 60)}."
    if dataset["ground"] not in asked.ground:
        wanted = " or ".join(asked.ground)
        return f"it rests on {dataset['ground']} data; {wanted} is asked for."
    fingerprint = dataset.get("fingerprint")
    if asked.fingerprint and str(fingerprint) != asked.fingerprint:
        return (
            f"the dataset's fingerprint is {printable(fingerprint, 40)}, not "
            f"{asked.fingerprint}: another dataset."
        )
    for name, value in asked.parameters.items():
        theirs = record["parameters"].get(name)
        if theirs != value:
            return f"{name} is {printable(theirs, 40)}; {value} is asked for."
    return ""


# === predictions.csv ===


def _read_predictions(handed, submission, record, asked):
    stated = record.get("predictions") if isinstance(record, dict) else None
    there = "predictions" in submission.files
    if not there and not (asked.predictions or stated):
        return
    handed.compared = True
    try:
        content = submission.read("predictions")
    except InputError as error:
        handed.refuse("predictions", str(error))
        return
    digest = hashlib.sha256(content).hexdigest()
    handed.digests["predictions"] = digest
    if handed.record is None:
        return  # Without results there is nothing to compare with.
    try:
        handed.recounted = recount(content, record, _asked_beside(asked))
    except InputError as error:
        words = str(error).removeprefix("predictions.csv: ")
        handed.refuse("predictions", f"predictions.csv: {words}")
        return
    if words := other_reports(content, record, asked.predictions and _on_texts(asked)):
        handed.recounted = {}
        handed.refuse("predictions", f"predictions.csv: {words}")
        return
    handed.differing = differences(record["metrics"], handed.recounted)
    if handed.differing:
        n = len(handed.differing)
        handed.troubles.append(
            f"{n} score{'s' if n > 1 else ''} in results.json "
            f"{'are' if n > 1 else 'is'} not what predictions.csv gives, and "
            f"{'do' if n > 1 else 'does'} not count: "
            + "; ".join(list(handed.differing.values())[:4])
            + ("; …" if n > 4 else ".")
        )
    if stated is None:
        handed.notes.append("results.json does not mention a predictions.csv.")
    elif stated.get("sha256") != digest:
        same = "" if handed.differing else " It gives the same scores, though."
        handed.notes.append(
            "predictions.csv is not the file that results.json was written with: "
            f"another checksum.{same}"
        )


def _on_texts(asked):
    """Whether an item looks at a score of the reports."""
    return any(is_on_texts(name) for item in asked.items for name in item.scores)


def _asked_beside(asked):
    """Check what the items compare scores with, as the scores themselves."""
    beside = {}
    for item in asked.items:
        against = item.comparison.against if item.comparison else None
        for name in item.scores:
            for key in {against, name.rpartition(".")[2]} & set(BESIDE):
                beside.setdefault(name.partition(".")[0], set()).add(key)
    return beside


# === The notebook ===


def _read_notebook(handed, submission, course):
    name = f"{submission.notebook}.ipynb"
    try:
        content = submission.read("notebook")
    except InputError as error:
        handed.why["notebook"] = str(error)
        handed.notes.append(str(error))
        return
    handed.digests["notebook"] = hashlib.sha256(content).hexdigest()
    try:
        handed.cells = read_cells(content)
    except InputError as error:
        handed.refuse("notebook", f"{name}: {error}")
        return
    differ = changed(handed.cells, course or [])
    if differ:
        listed = ", ".join(list(differ)[:6]) + (", …" if len(differ) > 6 else "")
        handed.notes.append(
            f"Of the course's {len(course)} code cells {len(differ)} "
            f"{'is' if len(differ) == 1 else 'are'} not as the course has them now: "
            f"{listed}."
        )

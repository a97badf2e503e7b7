"""The scores of a run as a short table, for a terminal and for the README."""

import fnmatch
import pathlib

from coursework.results import read_results
from cxrbase.files import InputError, write_whole
from cxrbase.grounds import GROUNDS
from cxrscore.bootstrap import FIXED
from cxrscore.score import format_score
from cxrscore.tables import (
    HEADLINES,
    TITLES,
    best_baseline,
    headline,
    markdown,
    scores_table,
)


def marks(name="scores"):
    """The two lines of a Markdown file between which a table is written."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def scores_of(folder, leave_out=(), first=False):
    """Read a notebook's results into Markdown: what they rest on, then the table.

    Args:
        folder: string or path. Holds `results.json`.
        leave_out: patterns of names of scores that the table need not have.
        first: bool. Whether the table has only those that a reader sees first.

    Returns:
        A string.

    Example:
    ```python
    print(scores_of("outputs/demo/07_multitask"))
    ```
    """
    record = read_results(pathlib.Path(folder) / "results.json")
    data, versions = record["dataset"], record["environment"].get("versions", {})
    counts = ", ".join(f"{name} {n}" for name, n in data["counts"].items())
    weights = ", ".join(f"{part}: {of}" for part, of in record["weights"].items())
    packages = ", ".join(
        f"{name} {versions[name]}"
        for name in ("tensorflow", "keras", "keras-hub")
        if name in versions
    )
    minutes = record["durations"]["notebook"] / 60
    metrics = record["metrics"]
    metrics = {
        name: metrics[name]
        for name in (headline(metrics) if first else metrics)
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in leave_out)
    }
    table = scores_table(metrics)
    if first:
        table["score"] = [HEADLINES.get(name, name) for name in metrics]
    table["best baseline"] = [_best(*each) for each in metrics.items()]
    # Every score names the split and, for a text, the section.
    protocols = [metric["protocol"] for metric in metrics.values()]
    table["of"] = [
        ", ".join(str(each[key]) for key in ("split", "section") if key in each)
        for each in protocols
    ]
    columns = ["score", "value", TITLES["interval"], "best baseline", "permuted"]
    lines = [
        f"Ground: {GROUNDS[data['ground']]}. Studies: {counts}.",
        f"Pretrained weights: {weights or 'none'}. {packages}. "
        f"{record['notebook']} took {minutes:.1f} minutes on "
        f"{record['environment'].get('device', 'an unknown device')}.",
        "",
        markdown(table[[*columns, "n", "of"]]),
        *([f"\n{FIXED}"] if any(table[TITLES["interval"]]) else []),
        *(f"\n**Warning.** {w}" for w in ([] if first else record.get("warnings", []))),
    ]
    return "\n".join(lines)


def _best(name, metric):
    """The best baseline, with its name."""
    found = best_baseline(name, metric)
    return f"{format_score(found[0])} {found[1]}" if found else ""


def write_between_marks(path, text, name="scores"):
    """Replace the text between the marks of a Markdown file.

    Args:
        path: string or path. Holds the two lines that `marks` gives.
        text: string.
        name: string. Of the marks.

    Raises:
        InputError: if the file or a mark is missing.

    Example:
    ```python
    write_between_marks("README.md", scores_of("outputs/demo/07_multitask"))
    ```
    """
    path = pathlib.Path(path)
    begin, end = marks(name)
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file. Give one with {begin} and {end}."
        )
    content = path.read_text(encoding="utf-8")
    if begin not in content or end not in content:
        raise InputError(f"{path}: lacks the lines {begin} and {end}; put them back.")
    head, _, rest = content.partition(begin)
    _, _, tail = rest.partition(end)
    with write_whole(path) as temporary:
        temporary.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")

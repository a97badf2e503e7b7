"""The head of the index page: all runs in one table, and a sweep's means."""

import collections
import urllib.parse

import pandas as pd

from coursework.pages.runs import sweep_table
from coursework.status import in_words
from cxrbase.grounds import GROUNDS
from cxrscore.score import format_score
from cxrscore.tables import HEADLINES, best_baseline

# The scores in the table; runs.csv has them all.
COLUMNS = tuple(name for name in HEADLINES if "wrong_side" not in name)
OTHERS = 3  # Scores shown for a notebook with none of these, if it ran more than once.


def overview(found, out):
    """Everything that the template shows of all runs together.

    Args:
        found: list of `FoundRun`.
        out: `pathlib.Path`. The folder of the page.

    Returns:
        A dict: `columns` (of the point), `scores` (names), `rows`, `summary` (pairs
        of a state and its count), `totals` (words) and `sweeps`.

    Example:
    ```python
    overview(read_runs(out)[1], out)["summary"]  # [("done", 8), ("timed out", 1)]
    ```
    """
    columns = list(dict.fromkeys(name for each in found for name in each.point))
    scores = _scores(found)
    rows = [_row(run, columns, scores, out) for run in found]
    counts = collections.Counter((row["state"], row["label"]) for row in rows)
    return {
        "columns": columns,
        "scores": scores,
        "rows": rows,
        "summary": [(*key, count) for key, count in counts.most_common()],
        "totals": _totals(found),
        "tables": [
            name for name in ("runs.csv", "sweep.csv") if (out / name).is_file()
        ],
        # The page of a point has nothing to average.
        "sweeps": _sweeps([r for r in found if r.folder.parent != out], scores),
    }


def label_of(status):
    """One or two words for how a run ended, or where it is."""
    if status["status"] == "running" and "cell" in status:
        return f"running In [{status['cell']}]"
    return str(status.get("reason", status["status"]))


def link(path, out):
    """A relative link, or one within the page, quoted for the browser."""
    return urllib.parse.quote(path.relative_to(out).as_posix())


def cell_link(run, out):
    """A link to the cell where a run stopped, or `None`."""
    page = run.folder / f"{run.name}.html"
    if "error" not in run.status or not page.is_file():
        return None
    name = run.status.get("cell_id")
    inner = f"#cell-id={urllib.parse.quote(str(name))}" if name else ""
    return link(page, out) + inner


def number(value):
    """A value if it is a number, else `None`; others may have written the file."""
    return value if isinstance(value, int | float) else None


def _scores(found):
    """The names of the scores that get a column."""
    there = {name for run in found for name in run.metrics}
    chosen = [name for name in COLUMNS if name in there]
    times = collections.Counter(run.name for run in found if run.metrics)
    for run in found:
        if times[run.name] > 1 and not set(run.metrics) & set(COLUMNS):
            chosen += [n for n in list(run.metrics)[:OTHERS] if n not in chosen]
    return chosen


def _row(run, columns, scores, out):
    page, status = run.folder.parent / "index.html", run.status
    anchor = "#" + urllib.parse.quote(run.name)
    megabytes = number(status.get("megabytes"))
    return {
        "name": run.name,
        "link": anchor if run.folder.parent == out else link(page, out) + anchor,
        "point": [run.point.get(name, "") for name in columns],
        "state": status["status"],
        "label": label_of(status),
        "minutes": number(status.get("minutes")),
        "gigabytes": None if megabytes is None else megabytes / 1000,
        "figures": len(list((run.folder / "figures").glob("*.png"))),
        "scores": [_score(name, run.metrics.get(name)) for name in scores],
        "error": in_words(status),
        "cell": cell_link(run, out),
    }


def _score(name, metric):
    """A value, as text and as a number, and its best baseline."""
    if metric is None:
        return None
    best = best_baseline(name, metric)
    return {
        "value": metric["value"],
        "words": format_score(metric["value"]),
        "deviation": "",
        "beside": format_score(best[0]) if best else "",
    }


def _totals(found):
    minutes = [number(run.status.get("minutes")) or 0 for run in found]
    megabytes = [number(run.status.get("megabytes")) or 0 for run in found]
    words = [f"{sum(minutes):.1f} minutes in all"]
    if any(megabytes):
        words.append(f"at most {max(megabytes) / 1000:.1f} GB in one run")
    return " · ".join(words)


def _sweeps(found, scores):
    """One table per notebook of a sweep: its settings, and means over the seeds."""
    table = sweep_table(found)
    if table.empty:
        return []
    sweeps = []
    for notebook, rows in table.groupby("notebook", sort=False):
        shown = [name for name in scores if name in set(rows.score)]
        if not shown:
            continue
        keys = [
            name
            for name in dict.fromkeys(k for r in found for k in r.point)
            if name != "seed" and name in rows
        ]
        lines = []
        groups = rows.groupby(keys, sort=False, dropna=False) if keys else [((), rows)]
        for values, group in groups:
            of = group.drop_duplicates("score").set_index("score")
            lines.append(
                {
                    "point": list(values),
                    "runs": int(group.runs.max()),
                    "scores": [
                        _mean(of.loc[name]) if name in of.index else None
                        for name in shown
                    ],
                }
            )
        sweeps.append(
            {
                "name": notebook,
                "columns": keys,
                "scores": shown,
                "rows": lines,
                "about": _about(rows[rows.score.isin(shown)]),
            }
        )
    return sweeps


def _mean(row):
    words = format_score(row["mean"] if row.runs else None)
    decimals = len(words.partition(".")[2])  # No more than in the mean.
    return {
        "value": row["mean"] if row.runs else None,
        "words": words,
        "deviation": "" if row.runs < 2 else f"{row.deviation:.{decimals}f}",
        "beside": "" if pd.isna(row.baseline) else format_score(row.baseline),
    }


def _about(rows):
    """What the scores of a sweep rest on."""
    splits, n = " and ".join(dict.fromkeys(rows.split)), rows.n.max()
    grounds = "; ".join(GROUNDS[ground] for ground in dict.fromkeys(rows.ground))
    return f"{grounds}; split: {splits}; n = {n}."

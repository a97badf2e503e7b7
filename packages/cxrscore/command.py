"""The command line for any predictions: every score beside its baselines."""

import json
import pathlib
import textwrap

import click

from cxrbase.files import InputError
from cxrscore.bootstrap import FIXED

# Those of `cxrscore.texts.protocols`, which takes a while to import.
NAMES = ("coco", "rouge_score", "sacrebleu", "nltk", "rouge_score_stem", "meteor")
PATH = click.Path(path_type=pathlib.Path)
SECTIONS = {"not named": "findings"}  # Of a JSON, which ReXrank scores by default.


@click.command()
@click.argument("predictions", type=PATH)
@click.option("--train", type=PATH, help="CSV of training reports, for fair baselines.")
@click.option(
    "--train-column",
    help="Its column; else the first of reference, SECTION, report, impression, "
    "findings that is there.",
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    help=f"Of the texts: {', '.join(NAMES)}; may be repeated.  [default: the "
    "first four]",
)
@click.option(
    "--section", default="not named", help="What the references are: impression, …"
)
@click.option("--split", default="not named", help="Where the studies come from.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def score(predictions, train, train_column, protocols, section, split, seed, as_json):
    """Score the reports in PREDICTIONS, a CSV with columns prediction and reference.

    Optional columns: uid, and nearest and random, the reports of these baselines. Or a
    JSON as ReXrank collects them. Every score gets a 95 % interval, and baselines that
    need no image beside it.
    """
    from cxrscore.evaluate import evaluate_predictions
    from cxrscore.tables import terminal_width

    texts = read_train(train, train_column, section) if train else None
    found = evaluate_predictions(
        read_pairs(predictions, SECTIONS.get(section, section)),
        train_texts=texts,
        section=section,
        split=split,
        seed=seed,
        **({"protocols": protocols} if protocols else {}),
    )
    found.pop("table")
    if as_json:
        _say(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _say(scoreboard(found, predictions.name, terminal_width()))


def _say(text):
    try:
        click.echo(text)
    except BrokenPipeError:  # The reader has gone, as after `head`; click ends quietly.
        raise
    except OSError as error:
        raise InputError(f"The result cannot be written: {error}.") from error


def read_pairs(path, section="findings"):
    """Read what `score` needs from a CSV, or from ReXrank's JSON.

    Args:
        path: string or path. Columns `prediction` and `reference`, optionally
            `uid`, `nearest`, `random`; others are ignored. Or a JSON as of
            `cxrscore.texts.published.read_rexrank`.
        section: string. The section of such a JSON.

    Returns:
        A `pandas.DataFrame` of strings; without uids the rows are counted.

    Raises:
        InputError: if the file cannot be read, lacks a column or has one twice, or
            no row has a reference.

    Example:
    ```python
    read_pairs("predictions.csv")
    ```
    """
    from cxrbase.tables import read_csv
    from cxrbase.words import says_nothing
    from cxrscore.texts.published import read_rexrank

    if str(path).lower().endswith(".json"):
        table = read_rexrank(path, section)
    else:
        table = read_csv(path, ("prediction", "reference"))
    if table["reference"].map(says_nothing).all():
        raise InputError(f"{path}: no row has a reference.")
    if "uid" in table and table["uid"].duplicated().any():
        twice = table["uid"][table["uid"].duplicated()].iloc[0]
        raise InputError(f"{path}: uid {twice} occurs more than once. Fix the table.")
    if "uid" not in table:
        table["uid"] = range(1, len(table) + 1)
    columns = ("uid", "reference", "prediction", "nearest", "random")
    return table[[name for name in columns if name in table]]


def read_train(path, column=None, section="impression"):
    """Read the training reports, from which baselines are made.

    Args:
        path: string or path of a CSV.
        column: string or `None`. The column that holds them.
        section: string. Looked for among the columns, where `column` is `None`.

    Returns:
        A list of strings without empty ones; where there is a column `split`, such as
        in the `studies.csv` of a prepared folder, those of train alone.

    Raises:
        InputError: if there is no such column, or it is empty.

    Example:
    ```python
    read_train("indiana_reports.csv", "impression")
    ```
    """
    from cxrbase.tables import read_csv
    from cxrbase.words import says_nothing

    table = read_csv(path, (column,) if column else ())
    names = ("reference", section, "report", "impression", "findings")
    column = column or next((name for name in names if name in table), None)
    if column is None:
        raise InputError(
            f"{path}: none of its columns is {', '.join(dict.fromkeys(names))}; name "
            f"one with --train-column: {', '.join(table.columns)}."
        )
    if "split" in table:  # A prepared folder's table holds val and test as well.
        splits = ", ".join(sorted(set(table["split"])))
        table = table[table["split"] == "train"]
        if table.empty:
            raise InputError(f"{path}: no row is of the split train, but of {splits}.")
    texts = [text for text in table[column] if not says_nothing(text)]
    if not texts:
        raise InputError(f"{path}: the column {column} holds no report.")
    return texts


def scoreboard(found, name, width=100):
    """Everything that `score` prints.

    Args:
        found: dict of `cxrscore.evaluate.evaluate_predictions`, of reports.
        name: string. Of the file.
        width: int. Characters per line, 80 or more.

    Returns:
        A string.

    Example:
    ```python
    print(scoreboard(evaluate_predictions(table), "predictions.csv"))
    ```
    """
    from cxrscore.tables import hanging, scores_text

    scores = found["scores"]
    record = scores["text.distinct"]
    protocol = record["protocol"]
    said = (
        f"{name}: {record['n']} studies ({protocol['left_out']} without a reference "
        f"left out), section {protocol['section']}, split {protocol['split']}."
    )
    lines = [*textwrap.wrap(said, width), ""]
    for head, words in _explained(found["baselines"], scores):
        lines += hanging(head, words, width)
    lines += ["", scores_text(scores, width), ""]
    for warning in found["warnings"]:
        lines += hanging("WARNING", warning, width)
    if not found["warnings"]:
        lines.append("No warning.")
    return "\n".join(lines)


def _explained(baselines, named):
    """What the columns mean, and where the baselines come from."""
    scores = named.values()
    for kind, words in (("constant", "best"), ("frequent", "most frequent")):
        report = baselines[f"{kind}_report"]
        yield kind, f"“{report['text']}”, the {words} report of {report['chosen_on']}"
    for kind in ("random", "nearest"):
        if f"{kind}_report" in baselines:
            yield kind, baselines[f"{kind}_report"]
    # One study has neither permutation nor interval, and a score may be undefined.
    if any(score.get("shuffled") is not None for score in scores):
        orders = baselines["shuffle"]["permutations"]
        words = f"the prediction for another study, mean over {orders} orders"
        yield "permuted", f"{words}; fall: value − permuted"
    kinds = {}  # Kind of interval → the scores that have it.
    for name, record in named.items():
        if "interval" in record["protocol"]:
            kinds.setdefault(record["protocol"]["interval"], []).append(name)
    usual = max(kinds, key=lambda kind: len(kinds[kind]), default=None)
    for kind, names in kinds.items():
        own = "" if kind == usual else f"{', '.join(names)}: "
        yield "95 %", own + kind.removeprefix("95 % ")
    if kinds:
        yield "", FIXED

"""The command line for anybody's predictions: every figure beside its baselines."""

import json
import pathlib

import click

from cxrbase.files import InputError

PATH = click.Path(path_type=pathlib.Path)


@click.command()
@click.argument("predictions", type=PATH)
@click.option("--train", type=PATH, help="CSV of training reports, for fair baselines.")
@click.option(
    "--train-column",
    help="Its column; else the first of reference, SECTION, report, impression, "
    "findings that is there.",
)
@click.option(
    "--protocol", "protocols", multiple=True, help="Of the texts; may be repeated."
)
@click.option(
    "--section", default="not named", help="What the references are: impression, …"
)
@click.option("--split", default="not named", help="Where the studies come from.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def score(predictions, train, train_column, protocols, section, split, seed, as_json):
    """Score the reports in PREDICTIONS, a CSV with columns prediction and reference.

    Optional columns: uid, and nearest and random, what these baselines say. Every
    figure gets a 95 % interval and stands beside what needs no image.
    """
    from cxrscore.evaluate import evaluate_predictions

    texts = read_train(train, train_column, section) if train else None
    found = evaluate_predictions(
        read_pairs(predictions),
        train_texts=texts,
        section=section,
        split=split,
        seed=seed,
        **({"protocols": protocols} if protocols else {}),
    )
    found.pop("table")
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        click.echo(scoreboard(found, predictions.name))


def read_pairs(path):
    """Read what `score` needs from anybody's CSV.

    Args:
        path: string or path. Columns `prediction` and `reference`, optionally
            `uid`, `nearest`, `random`; others are not looked at.

    Returns:
        A `pandas.DataFrame` of strings; without uids the rows are counted.

    Raises:
        InputError: if the file cannot be read, lacks a column, or no row has a
            reference.

    Example:
    ```python
    read_pairs("predictions.csv")
    ```
    """
    from cxrbase.tables import read_csv

    table = read_csv(path, ("prediction", "reference"))
    if not table["reference"].str.strip().any():
        raise InputError(f"{path}: no row has a reference.")
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

    table = read_csv(path, (column,) if column else ())
    names = ("reference", section, "report", "impression", "findings")
    column = column or next((name for name in names if name in table), None)
    if column is None:
        raise InputError(
            f"{path}: none of its columns is {', '.join(dict.fromkeys(names))}; name "
            f"one with --train-column: {', '.join(table.columns)}."
        )
    if "split" in table:  # A prepared folder's table holds val and test as well.
        table = table[table["split"] == "train"]
    texts = [text for text in table[column] if text.strip()]
    if not texts:
        raise InputError(f"{path}: the column {column} is empty.")
    return texts


def scoreboard(found, name):
    """Everything that `score` prints.

    Args:
        found: dict of `cxrscore.evaluate.evaluate_predictions`.
        name: string. Of the file.

    Returns:
        A string, lines of up to 100 characters.

    Example:
    ```python
    print(scoreboard(evaluate_predictions(table), "predictions.csv"))
    ```
    """
    from cxrscore.tables import figures_text, hanging

    figures = found["figures"]
    record = next(iter(figures.values()))
    protocol = record["protocol"]
    lines = [
        f"{name}: {record['n']} studies ({protocol['left_out']} without a reference "
        f"left out), section {protocol['section']}, split {protocol['split']}.",
        "",
        *_explained(found["baselines"], record),
        "",
        figures_text(figures),
        "",
    ]
    for warning in found["warnings"]:
        lines += hanging("WARNING", warning)
    if not found["warnings"]:
        lines.append("No warning.")
    return "\n".join(lines)


def _explained(baselines, record):
    """What the columns mean, and where the baselines come from."""
    from cxrscore.tables import hanging

    for kind, words in (("constant", "best"), ("frequent", "most frequent")):
        report = baselines[f"{kind}_report"]
        yield from hanging(
            kind, f"“{report['text']}”, the {words} report of {report['chosen_on']}"
        )
    for kind in ("random", "nearest"):
        if f"{kind}_report" in baselines:
            yield from hanging(kind, baselines[f"{kind}_report"])
    if "shuffled" in record:  # One study has neither shuffle nor interval.
        orders = baselines["shuffle"]["permutations"]
        words = f"the prediction for another study, mean over {orders} orders"
        yield from hanging("shuffled", f"{words}; fall: value − shuffled")
        yield from hanging("95 %", record["protocol"]["interval"])

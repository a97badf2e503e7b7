"""Tables of subgroups: how rows are grouped, and what such a table says in words."""

import numpy as np
import pandas as pd

from cxrscore.bootstrap import LEVEL
from cxrscore.score import score


def comparisons_said(scored):
    """Say how many comparisons a table makes, and what chance alone would give.

    Args:
        scored: `pandas.DataFrame`, as of `subgroup_scores`.

    Returns:
        A sentence or two.

    Example:
    ```python
    comparisons_said(subgroup_scores(measure, table))
    # "7 comparisons. Where no group differs, one 95 % interval in 20 …"
    ```
    """
    p = scored.p.dropna()
    if p.empty:
        return "No group could be compared with the rest."
    without = int(((scored.difference_low > 0) | (scored.difference_high < 0)).sum())
    left = scored[scored.holm < 1 - LEVEL]
    names = ", ".join(left["column"] + " " + left["group"]) or "none"
    return (
        f"{len(p)} comparisons. Where no group differs, one 95 % interval in 20 leaves "
        f"out 0 all the same; expected here: {len(p) * (1 - LEVEL):.2g}, found: "
        f"{without}. After Holm's correction for their number: {names}."
    )


def bands(values, edges):
    """Cut numbers into bands: ages into `"20 to 39"`.

    Args:
        values: array `(n,)` of numbers; NaN stays without a band.
        edges: sequence of increasing whole numbers. A band begins at an edge and ends
            below the next; what lies outside of all goes into two open ones.

    Returns:
        A `pandas.Categorical` `(n,)`, in order.

    Example:
    ```python
    bands([31, 64, 80], [40, 65])  # ["below 40", "40 to 64", "65 and more"]
    ```
    """
    names = [f"{a} to {b - 1}" for a, b in zip(edges, edges[1:], strict=False)]
    names = [f"below {edges[0]}", *names, f"{edges[-1]} and more"]
    return pd.cut(values, [-np.inf, *edges, np.inf], right=False, labels=names)


def thirds(values, within=None, names=("smallest", "middle", "largest")):
    """Cut numbers into three groups of equal number.

    Args:
        values: array `(n,)` of numbers; NaN stays without a group.
        within: array `(n,)` or `None`. Cut each kind by itself: a large nodule is
            smaller than a small heart.
        names: three strings.

    Returns:
        A `pandas.Categorical` `(n,)`, in order.

    Example:
    ```python
    thirds([1, 2, 9])  # ["smallest", "middle", "largest"]
    ```
    """
    values = pd.Series(np.asarray(values, "float64"))
    kinds = np.zeros(len(values)) if within is None else np.asarray(within)
    ranks = values.groupby(kinds).rank(pct=True).to_numpy()
    names = [f"{name} third" for name in names]
    return pd.cut(ranks - 1e-9, [-1, 1 / 3, 2 / 3, 1], labels=names)


def subgroup_records(scored, name, **protocol):
    """Make records of a table, for a `results.json`.

    Args:
        scored: `pandas.DataFrame`, as of `subgroup_scores`.
        name: string. The prefix, such as `"subgroup.nih_auroc"`.
        **protocol: scalars; `split` and `ground` belong there.

    Returns:
        A dict of scores (see `cxrscore.score`) by `name_column_group`, with the
        `rest` and the difference, `less_the_rest`, beside the value. A group without
        a score has no record.

    Example:
    ```python
    records = subgroup_records(scored, "subgroup.auroc", split="test")
    results.record["metrics"] |= records
    ```
    """
    found, comparisons = {}, int(scored.p.notna().sum())
    scored = scored[scored.value.notna()].astype(object)
    for row in scored.where(scored.notna(), None).to_dict("records"):
        ends = None if row["low"] is None else [row["low"], row["high"]]
        own = protocol | {"subgroup": row["column"], "comparisons": comparisons}
        record = score(row["value"], row["n"], row["note"] or None, ends, **own)
        if row["difference"] is not None:
            record |= {"rest": row["rest"], "less_the_rest": row["difference"]}
        if row["difference_low"] is not None:
            record["less_the_rest_interval"] = [
                row["difference_low"],
                row["difference_high"],
            ]
        words = f"{row['column']}_{row['group']}".lower()
        name_of = "".join(c if c.isalnum() else "_" for c in words)
        found[f"{name}_{name_of}"] = record
    return found

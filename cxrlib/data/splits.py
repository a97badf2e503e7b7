"""Train, validation and test: no patient in two of them, the same every time."""

import contextlib
import hashlib
import pathlib

import pandas as pd

from cxrbase.cells import write_csv
from cxrbase.files import InputError, locked
from cxrbase.tables import read_csv

SPLITS = ("train", "val", "test")


def split_studies(studies, fractions=(0.8, 0.1, 0.1), seed=0, path=None):
    """Give every study a split.

    Studies of one patient stay together, and so do studies that share an image
    file (collections repeat images under other patients). Each class is dealt
    out by itself, so that the splits have about the same share of abnormal
    studies. The order of the rows does not matter.

    Args:
        studies: DataFrame with `uid`, `patient`, `frontal`, `lateral` and
            `abnormal`.
        fractions: three floats that sum to 1: train, val, test.
        seed: int. Another seed deals otherwise.
        path: string or `None`. Where the split is saved. A file that is
            already there is respected: only studies that it does not name are
            dealt, and join their patient where it names that one.

    Returns:
        The DataFrame sorted by `uid`, with a column `split`.

    Raises:
        InputError: if the fractions are not three shares that sum to 1, or the
            saved file is no split, or it puts one patient into two.

    Example:
    ```python
    studies = split_studies(kept, path="outputs/split.csv")
    print(split_summary(studies)["note"])
    ```
    """
    path = None if path is None else pathlib.Path(path)
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise InputError(
            f"fractions={tuple(fractions)}: give three shares (train, val, test) that "
            "sum to 1."
        )
    studies = studies.assign(uid=studies.uid.astype(str))  # As the saved file has it.
    studies = studies.sort_values("uid", ignore_index=True)
    groups = _groups(studies)
    # Of two processes that split at once, the second must find what the first saved.
    with contextlib.nullcontext() if path is None else locked(path.parent):
        assigned = _read_split(path, studies, groups)
        studies["split"] = groups.map(_deal(studies, groups, fractions, seed, assigned))
        if path is not None:
            _save(studies, path)
    return studies


def split_by(studies):
    """Tell what a split can keep apart.

    Args:
        studies: DataFrame with `uid` and `patient`.

    Returns:
        `"patient"`, or `"uid"` where no patient is named.

    Example:
    ```python
    split_by(studies)  # "uid" for Indiana
    ```
    """
    return "patient" if studies.patient.ne(studies.uid).any() else "uid"


def split_summary(studies):
    """Describe a split in numbers.

    Args:
        studies: DataFrame with a column `split`.

    Returns:
        A dict: `by`, `counts` and `abnormal` (share of the labelled, `None`
        where there are none) for each split, `verbatim` (share of the test
        impressions that also occur, word for word, in train; `None` without
        test impressions) and `note`, all of it in one printable string.

    Example:
    ```python
    split_summary(studies)["verbatim"]
    ```
    """
    counts, abnormal = {}, {}
    for name in SPLITS:
        rows = studies[studies.split.eq(name)]
        share = rows.abnormal.mean()
        counts[name] = len(rows)
        abnormal[name] = None if pd.isna(share) else round(float(share), 4)
    text = studies.impression.where(studies.impression.ne(""))
    known = set(text[studies.split.eq("train")].dropna())
    test = text[studies.split.eq("test")].dropna()
    verbatim = round(float(test.isin(known).mean()), 4) if len(test) else None
    by = split_by(studies)
    parts = [
        f"{name} {counts[name]:,}"
        + (f" ({abnormal[name]:.0%} abnormal)" if abnormal[name] is not None else "")
        for name in SPLITS
    ]
    note = f"split by {by}"
    note += ": no patient is named" if by == "uid" else ", none in two splits"
    note += "; " + ", ".join(parts)
    if verbatim is not None:
        note += f"; {verbatim:.0%} of the test impressions occur verbatim in train"
    return {
        "by": by, "counts": counts, "abnormal": abnormal, "verbatim": verbatim,
        "note": note,
    }  # fmt: skip


def _groups(studies):
    """Name each study's group: its patient, joined where a file is shared."""
    parent = {patient: patient for patient in studies.patient}

    def find(name):
        while parent[name] != name:
            name = parent[name]
        return name

    owner = {}
    for row in studies[["patient", "frontal", "lateral"]].itertuples(index=False):
        for file in filter(None, (row.frontal, row.lateral)):
            first, second = sorted(
                (find(row.patient), find(owner.get(file, row.patient)))
            )
            parent[second] = first
            owner[file] = row.patient
    return studies.patient.map(find)


def _deal(studies, groups, fractions, seed, assigned):
    """Hand out the groups, class by class, to the split furthest behind."""
    table = studies.groupby(groups).agg(n=("uid", "size"), abnormal=("abnormal", "max"))
    # A hash of the name: the order of the rows cannot matter.
    table["order"] = [
        hashlib.sha256(f"{seed}:{name}".encode()).hexdigest() for name in table.index
    ]
    split = dict(assigned)
    total = dict.fromkeys(SPLITS, 0)
    for _, rows in table.groupby(table.abnormal.fillna(-1)):
        have = dict.fromkeys(SPLITS, 0)
        # Large groups first: the small ones even out what they upset.
        for name, row in rows.sort_values(
            ["n", "order"], ascending=[False, True]
        ).iterrows():
            seen = sum(have.values()) + row.n
            everything = sum(total.values()) + row.n

            def behind(s, have=have, seen=seen, everything=everything):
                share = fractions[SPLITS.index(s)]
                return share * seen - have[s], share * everything - total[s]

            chosen = split.setdefault(name, max(SPLITS, key=behind))
            have[chosen] += row.n
            total[chosen] += row.n
    if not assigned:
        _fill_empty(split, table, fractions)
    return split


def _fill_empty(split, table, fractions):
    """Leave no split empty where there are groups enough: train, test, then val."""
    for empty in ("train", "test", "val"):
        if fractions[SPLITS.index(empty)] == 0 or empty in split.values():
            continue
        members = {s: [g for g in table.index if split[g] == s] for s in SPLITS}
        largest = max(members.values(), key=len)
        if len(largest) > 1:
            split[min(largest, key=lambda g: (table.n[g], table.order[g]))] = empty


def _read_split(path, studies, groups):
    if path is None or not path.exists():
        return {}
    saved = read_csv(path, ("uid", "split"), "Delete it to split anew.")
    saved = dict(zip(saved.uid, saved.split, strict=True))
    wrong = set(saved.values()) - set(SPLITS)
    if wrong:
        raise InputError(
            f"{path}: knows a split {sorted(wrong)[0]!r}. Write {', '.join(SPLITS)}, "
            "or delete the file to split anew."
        )
    assigned = {}
    for uid, group in zip(studies.uid, groups, strict=True):
        if assigned.setdefault(group, saved.get(uid)) is None:
            assigned[group] = saved.get(uid)
        elif saved.get(uid, assigned[group]) != assigned[group]:
            raise InputError(
                f"{path}: puts patient {group} into two splits (uid {uid}). Mend it, "
                "or delete it to split anew."
            )
    print(f"Split: taken from {path}, whatever seed was given; delete it to deal anew.")
    return {group: split for group, split in assigned.items() if split is not None}


def _save(studies, path):
    write_csv(studies[["uid", "patient", "split"]], path)

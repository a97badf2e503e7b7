"""Train, validation and test: no patient in two of them, the same every time."""

import contextlib
import hashlib
import pathlib

import pandas as pd

from cxrbase.cells import write_csv
from cxrbase.files import InputError, locked
from cxrbase.films.same import first_of_same_bytes
from cxrbase.tables import read_csv
from cxrlib.data.columns import refuse_repeated

SPLITS = ("train", "val", "test")


def split_studies(studies, fractions=(0.8, 0.1, 0.1), seed=0, path=None):
    """Give every study a split.

    Studies of one patient stay together, and so do studies that share an image:
    one file, or files of the same bytes (collections repeat images under other
    names and patients); `prepare` adds those of the same pixels. Each class is split by
    itself, so that the splits have about the same share of abnormal studies. The order
    of the rows does not matter.

    Args:
        studies: DataFrame with `uid`, `patient`, `frontal`, `lateral` and
            `abnormal`.
        fractions: three floats that sum to 1: train, val, test.
        seed: int. Another seed gives another split.
        path: string or `None`. Where the split is saved. A file that is
            already there is respected: only studies that it does not name are split,
            and join their patient where it names that one.

    Returns:
        The DataFrame sorted by `uid`, with a column `split`.

    Raises:
        InputError: if the fractions are not three shares that sum to 1, a uid occurs
            twice, or the saved file is not a split, or puts one patient into two.

    Example:
    ```python
    studies = split_studies(kept, path="outputs/split.csv")
    print(split_summary(studies)["note"])
    ```
    """
    path = None if path is None else pathlib.Path(path)
    if len(fractions) != 3 or not (
        min(fractions) >= 0 and abs(sum(fractions) - 1) <= 1e-6  # False for NaN.
    ):
        raise InputError(
            f"fractions={tuple(fractions)}: give three shares (train, val, test) that "
            "sum to 1."
        )
    studies = studies.assign(uid=studies.uid.astype(str))  # As the saved file has it.
    refuse_repeated(studies)
    studies = studies.sort_values("uid", ignore_index=True)
    first = first_of_same_bytes({*studies.frontal, *studies.lateral} - {""})
    films = [
        [first[file] for file in pair if file]
        for pair in zip(studies.frontal, studies.lateral, strict=True)
    ]
    groups = _groups(studies, films)
    joined = studies[studies.patient.groupby(groups).transform("nunique").gt(1)]
    if len(joined):
        print(
            f"Split: {len(joined)} studies of {joined.patient.nunique()} patients "
            "share images and stay together."
        )
    # Of two processes that split at once, the second must find what the first saved.
    with contextlib.nullcontext() if path is None else locked(path.parent):
        assigned = _read_split(path, studies, groups)
        studies["split"] = groups.map(_deal(studies, groups, fractions, seed, assigned))
        if path is not None:
            _save(studies, path)
    return studies


def split_by(studies):
    """Name what a split can keep apart.

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


def keep_together(studies, films):
    """Move studies that share a film into one split: that of the first patient.

    So the shares stay about the same, and the order in which the films become known,
    such as when a killed call continues, changes nothing.

    Args:
        studies: DataFrame with `uid`, `patient` and `split`.
        films: dict. uid → names of its films, such as digests of their pixels.

    Returns:
        A copy; the same splits where no film is in two.

    Example:
    ```python
    keep_together(studies, {"a": ["f1", "l1"], "b": ["f1", "l2"]})
    ```
    """
    films = [films.get(uid, ()) for uid in studies.uid]
    groups = _groups(studies, films)
    pairs = pd.DataFrame({"film": films, "split": studies.split, "group": groups})
    pairs = pairs.explode("film").dropna()
    torn = pairs.groupby("film").split.transform("nunique").gt(1)
    torn = groups.isin(pairs.group[torn])
    first = studies.sort_values(["patient", "uid"]).groupby(groups).split.first()
    moved = groups.map(first)
    return studies.assign(split=studies.split.where(~torn, moved))


def shared_films(studies, films):
    """Count the films that several studies show.

    Args:
        studies: DataFrame with `uid` and `patient`.
        films: dict. uid → names of its films.

    Returns:
        A dict of ints: `films`, and the `studies` and `patients` that show them.

    Example:
    ```python
    shared_films(studies, {"a": ["f1", "l1"], "b": ["f1", "l2"]})["films"]  # 1
    ```
    """
    shown = pd.DataFrame({"film": studies.uid.map(films), "uid": studies.uid})
    shown = shown.explode("film").drop_duplicates()
    several = shown[shown.film.duplicated(keep=False)]
    of = studies[studies.uid.isin(several.uid)]
    counts = (several.film.nunique(), len(of), of.patient.nunique())
    return dict(zip(("films", "studies", "patients"), counts, strict=True))


def _groups(studies, films):
    """Name each study's group: its patient, joined where a film is shared."""
    parent = {patient: patient for patient in studies.patient}

    def find(name):
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    owner = {}
    for patient, shown in zip(studies.patient, films, strict=True):
        for film in shown:
            first, second = sorted((find(patient), find(owner.get(film, patient))))
            parent[second] = first
            owner[film] = patient
    return studies.patient.map(find)


def _deal(studies, groups, fractions, seed, assigned):
    """Assign the groups, class by class, to the split furthest behind."""
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
    assigned, of_patient = {}, {}
    known = studies[studies.uid.isin(saved)].sort_values(["patient", "uid"])
    for uid, patient, group in zip(
        known.uid, known.patient, groups[known.index], strict=True
    ):
        split = saved[uid]
        if of_patient.setdefault(patient, split) != split:
            raise InputError(
                f"{path}: puts patient {patient} into two splits (uid {uid}). Fix it, "
                "or delete it to split anew."
            )
        assigned.setdefault(group, split)
    moved = known.uid.map(saved).ne(groups[known.index].map(assigned)).sum()
    if known.empty:
        print(
            f"Split: {path} names none of these {len(studies)} studies, but such as "
            f"{next(iter(saved), '')!r}; split anew."
        )
        return {}
    print(
        f"Split: taken from {path}, whatever seed was given; delete it to split anew."
        + f" It names {len(known)} of {len(studies)} studies."
        * (len(known) < len(studies))
        + f" {moved} of them join those with which they share an image." * bool(moved)
    )
    return assigned


def _save(studies, path):
    write_csv(studies[["uid", "patient", "split"]], path)

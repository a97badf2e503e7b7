"""How much of an AUROC do NIH's text-mined labels allow? Radiologists judge them.

Films of ChestX-ray14 have been read again: by RSNA's radiologists (Shih et al., 2019:
"Lung Opacity", "No Lung Opacity / Not Normal", "Normal") and by Google's (Majkowska et
al., 2019: four findings, adjudicated). Each label is judged on the films that both
know, as they lie there and weighed back to all of NIH by the labels that they were
chosen by; see `cxrscore.labels.noise` for what follows. Labels need no images.

    python benchmarks/experiments/nih_labels.py [DATA] [--readme docs/results.md]

`DATA` is the folder that holds `nih_boxes/`; by default `$CXR_REAL_DATA`, or
`../shared/data`. Its tables may be used for research and are in no commit: the record
holds counts alone.
"""

import os
import pathlib

import click
import numpy as np
import pandas as pd
from nih_readings import (
    ANY,
    CLASSES,
    LIKE,
    OPACITIES,
    both_drew,
    boxed_lungs,
    group_of,
    labelled,
    read_tables,
    truths,
)  # fmt: skip
from record import RESULTS, ROOT, write_record

from coursework.pages.scores import write_between_marks
from cxrscore.bootstrap import WORDS, percentiles, resampling_weights
from cxrscore.labels.areas import weighted_area
from cxrscore.labels.exact import share_ends
from cxrscore.labels.noise import implied_area, label_quality
from cxrscore.labels.published import PUBLISHED
from cxrscore.score import score
from cxrscore.tables import markdown

RESULT = RESULTS / "nih_labels.json"
# The judge, what is true for it, and which of NIH's labels stand against that.
COMPARED = (
    *(("RSNA", "opacity", (label,)) for label in OPACITIES),
    ("RSNA", "opacity", LIKE),
    ("RSNA", "opacity", OPACITIES),
    ("RSNA", "not normal", ANY),
    ("Google", "Airspace opacity", LIKE),
    ("Google", "Airspace opacity", OPACITIES),
    ("Google", "Nodule or mass", ("Nodule", "Mass")),
    ("Google", "Pneumothorax", ("Pneumothorax",)),
)
# Its AUROCs on NIH's test films, against the text-mined label.
(CHEXNET,) = (dict(zip(each.labels, each.aurocs, strict=True))
              for each in PUBLISHED if each.system == "CheXNet")  # fmt: skip
NAMES = {LIKE: "any of the first three", OPACITIES: "any of the five", ANY: "any label"}
FEWEST = 5  # Films that either calls positive, to tell more than shares from.


def judge(whole, truth, labels, weighed):
    """The scores of `label_quality`, on films that have a truth, and their table."""
    films = whole.loc[truth.index]
    own = labelled(films.findings, labels)
    strata = population = None
    if weighed:
        # The label itself is a stratum as well: how often NIH has it is known.
        names = group_of(whole.findings) + labelled(whole.findings, labels).astype(str)
        strata, population = names[truth.index], names.value_counts().to_dict()
    split = "weighed back to all of NIH" if weighed else "as they were judged"
    found = label_quality(own, truth, split, films.patient, strata, population)
    table = pd.crosstab(own, truth).reindex(index=(1, 0), columns=(1, 0), fill_value=0)
    return found, table.to_numpy().ravel().tolist()


def ranked(whole, rsna, labels):
    """The AUROC of RSNA's three classes in their order, all films weighed back."""
    films = whole.loc[rsna.index]
    own = labelled(films.findings, labels).to_numpy()
    names = group_of(whole.findings) + labelled(whole.findings, labels).astype(str)
    strata = names[rsna.index]
    counts = names.value_counts() / strata.value_counts()
    weights = strata.map(counts).to_numpy()
    places = rsna.map({name: i / 2 for i, name in enumerate(CLASSES)}).to_numpy()
    value = weighted_area(own, places, weights[None])[0]
    resampled = resampling_weights(len(own), groups=films.patient)
    drawn = [weighted_area(own, places, weights * rows) for rows in resampled]
    words = WORDS.replace("studies", "patients")
    ends = percentiles(np.concatenate(drawn))
    return score(value, len(own), None, ends, interval_words=words)


def view_alone(whole, labels):
    """The AUROC of "taken AP" against a label on all of NIH: no film is looked at."""
    own = labelled(whole.findings, labels).to_numpy()
    taken = whole["view"].eq("AP").to_numpy(float)
    return float(weighted_area(own, taken, np.ones((1, len(own))))[0])


def agreement(rsna, google):
    """RSNA's opacity against Google's, where both read: counts and scores."""
    films = rsna.index.intersection(google.index)
    first, second = rsna[films], google[films]
    table = pd.crosstab(first, second).reindex(
        index=(1, 0), columns=(1, 0), fill_value=0
    )
    return {
        "table": table.to_numpy().ravel().tolist(),
        "alike": int((first == second).sum()),
        "n": len(films),
        "interval": share_ends(int((first == second).sum()), len(films)),
        "kappa": label_quality(first, second, "read by both")["kappa"],
    }


def spelled(record):
    """A score with its interval, two decimals."""
    if record["value"] is None:
        return ""
    ends = record.get("interval")
    told = f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else ""
    return f"{record['value']:.2f}{told}".replace("-", "−")


def measure(folder):
    """All that the record holds of what was found."""
    whole, rsna, google, boxes = read_tables(folder)
    known, rows = truths(rsna, google), []
    for judge_name, name, labels in COMPARED:
        truth = known[judge_name, name]
        scores, table = judge(whole, truth, labels, weighed=False)
        row = {"judge": judge_name, "truth": name, "labels": labels, "table": table}
        row["as judged"] = scores
        if judge_name == "RSNA":
            row["all of NIH"] = judge(whole, truth, labels, weighed=True)[0]
            row["three classes"] = ranked(whole, rsna, labels)
            row["view alone"] = view_alone(whole, labels)
        rows.append(row)
    lung = sorted(set(boxed_lungs(boxes).index))
    groups = group_of(whole.findings)
    return {
        "rows": rows,
        "chosen": {
            name: {
                "RSNA": int(groups[rsna.index].eq(name).sum()),
                "Google": int(groups[google.index].eq(name).sum()),
                "NIH": int(groups.eq(name).sum()),
            }
            for name in ("Pneumonia", "pneumonia-like", "other finding", "No Finding")
        },
        "fracture": {"Google": int(google.Fracture.eq("YES").sum()), "n": len(google)},
        "RSNA against Google": agreement(
            known["RSNA", "opacity"], known["Google", "Airspace opacity"]
        ),
        "boxed by NIH as pneumonia or infiltrate": {
            "RSNA's class": rsna.reindex(lung).value_counts().to_dict(),
            "IoU": both_drew(boxes),
        },
    }


def shares_of(scores, few=False):
    """The cells of a row: how the labels do, and the ceiling where enough tell it."""
    names = ("sensitivity", "specificity", "ppv", "npv", "kappa", "ceiling")
    told = {name.replace("pv", "PV").replace("pPV", "PPV").replace("nPV", "NPV"):
            spelled(scores[name]) for name in names}  # fmt: skip
    return told | (dict.fromkeys(names[-2:], "too few") if few else {})


def judged_row(row):
    """A row of the first table: the films as they were judged."""
    people = row["as judged"]["ppv"]["protocol"]["patients"]
    return {
        "NIH's label": title(row["labels"]),
        "judge": f"{row['judge']}: {row['truth']}",
        "films (patients)": f"{sum(row['table'])} ({people})",
        "both · label · judge · neither": " · ".join(map(str, row["table"])),
        **shares_of(row["as judged"], few(row)),
    }


def weighed_row(row):
    """A row of the second table: all of NIH, and what its AUROCs would mean."""
    scores, labels = row["all of NIH"], tuple(row["labels"])
    area, implied = CHEXNET.get(labels[0]) if len(labels) == 1 else None, ""
    if area and not few(row):
        ppv, npv = (scores[name]["value"] for name in ("ppv", "npv"))
        implied = float(implied_area(area, ppv, npv))
        implied = "above 1" if implied > 1 else f"{implied:.2f}"
    return {
        "NIH's label": title(labels),
        "RSNA": row["truth"],
        **shares_of(scores, few(row)),
        "three classes ranked": spelled(row["three classes"]),
        "taken AP": f"{row['view alone']:.2f}",
        "CheXNet": f"{area:.2f}" if area else "",
        "implied": implied,
    }


def few(row):
    """Whether too few films are positive to tell more than shares."""
    both, label, judged, _ = row["table"]
    return min(both + label, both + judged) < FEWEST


def title(labels):
    """What a row's labels are called."""
    return NAMES.get(tuple(labels), " or ".join(labels))


def lines_of(record):
    """What stands between the marks."""
    rows = record["rows"]
    weighed = [weighed_row(row) for row in rows if "all of NIH" in row]
    chosen = "; ".join(
        f"{name} {each['RSNA']} and {each['Google']} of {each['NIH']:,}"
        for name, each in record["chosen"].items()
    )
    both = record["RSNA against Google"]
    boxed = record["boxed by NIH as pneumonia or infiltrate"]
    low, high = both["interval"]
    classes = ", ".join(f"{n} {name}" for name, n in boxed["RSNA's class"].items())
    return [
        "Films read again by RSNA and by Google, of all with this label of NIH's: "
        f"{chosen}. Commit {record['commit']}.",
        "",
        markdown(pd.DataFrame([judged_row(row) for row in rows])),
        "",
        "RSNA's films weighed back to all of NIH's:",
        "",
        markdown(pd.DataFrame(weighed)),
        "",
        f"Two judges of {both['n']} films: RSNA and Google agree on an opacity in "
        f"{both['alike']} ({low:.2f} to {high:.2f}). Of the films on which NIH's "
        f"radiologist boxed pneumonia or an infiltrate, RSNA classed {classes}. Where "
        f"both drew, on {boxed['IoU']['films']} films, all boxes of a film have a mean "
        f"IoU of {boxed['IoU']['all boxes of a film']:.2f}, two boxes (of "
        f"{boxed['IoU']['pairs']} pairs) one of {boxed['IoU']['box by box']:.2f}. NIH "
        f"has no label for fractures ({record['fracture']['Google']} of "
        f"{record['fracture']['n']} films, says Google).",
    ]


@click.command()
@click.argument("data", required=False)
@click.option("--readme", help="Write the tables into this file, between its marks.")
def main(data, readme):
    """Print the tables and write the record."""
    data = data or os.environ.get("CXR_REAL_DATA") or ROOT.parent / "shared/data"
    found = measure(pathlib.Path(data) / "nih_boxes")
    record = write_record(RESULT, __file__, "DATA", ("numpy", "pandas", "scipy"),
                          resampling="1000 resamples, seed 0", **found)  # fmt: skip
    lines = lines_of(record)
    print("\n".join(lines))
    if readme:
        write_between_marks(readme, "\n".join(lines), "nih labels")


if __name__ == "__main__":
    main()

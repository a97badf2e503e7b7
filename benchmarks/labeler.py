"""How well the report labeler agrees with a collection indexed by hand, and how fast.

python benchmarks/labeler.py indiana_reports.csv

Findings and impression of each indexed study are labelled and set against its MeSH
terms, beside what one regular expression per label reaches. The studies are split in
two by a hash of the uid: rules were written with an eye on the first half only, so
the second half gives the number to quote.
"""

import re
import time

import click
import pandas as pd

from cxrscore.clinical.indexing import agreement, read_indexed
from cxrscore.clinical.labeler import label_reports, read_sentence
from cxrscore.clinical.scores import OBSERVATIONS, per_class

REPORTS = 20_000
LONG = (1_000, 2_000, 4_000)

# === The peer: one regular expression per label ===

DENIED = r"\b(?:no|not|without|negative for|free of|clear of)\b[^.]*"
PEER = {
    "Enlarged Cardiomediastinum": "widened mediastin|mediastinal widening"
    r"|mediastinum is (?:\w+ )?(?:widened|enlarged|prominent)"
    r"|prominent mediastin|enlarged cardiomediastinal",
    "Cardiomegaly": r"cardiomegaly|enlarged heart|enlarged cardi"
    r"|(?:heart|cardiac silhouette)(?: size)? is (?:\w+ )?enlarged"
    r"|enlargement of the (?:heart|cardiac)",
    "Lung Lesion": r"nodul|\bmass(?:es)?\b|granuloma\b|granulomas\b|lesion",
    "Lung Opacity": r"opaci|densit|infiltrat|scar|interstitial|fibrosis",
    "Edema": r"edema|congestion|heart failure|\bchf\b",
    "Consolidation": r"consolidat|air-?\s?space disease",
    "Pneumonia": r"pneumonia|infection|infectious",
    "Atelectasis": r"atelecta",
    "Pneumothorax": r"pneumothora",
    "Pleural Effusion": r"effusion",
    "Pleural Other": r"pleural (?:thickening|plaque|scar)",
    "Fracture": r"fracture",
    "Support Devices": r"pacemaker|catheter|\bpicc\b|\btube\b|\bline\b|\bport\b"
    r"|defibrillator|\baicd\b|device|hardware",
    "No Finding": r"no acute|normal chest|no active|clear lungs|lungs are clear",
}


def peer_labels(texts):
    """One where a label's pattern is found outside of a denial, as a table."""
    table = {}
    for name in OBSERVATIONS:
        guard = "" if name == "No Finding" else DENIED + "|"
        pattern = re.compile(rf"{guard}({PEER[name]})", re.IGNORECASE)
        table[name] = [
            float(any(match[1] for match in pattern.finditer(text))) for text in texts
        ]
    return pd.DataFrame(table).to_numpy()


# === Studies ===


def beside_peer(table, uncertain="positive"):
    """Per class: the labeler's scores, and the peer's after them."""
    truth = table[list(OBSERVATIONS)].to_numpy()
    peer = per_class(truth, peer_labels(table.text))
    peer = peer[["precision", "recall", "f1"]].add_prefix("regex_")
    return agreement(table, uncertain).join(peer)


def seconds(texts):
    """Seconds of one core to label the texts, with no sentence read before."""
    read_sentence.cache_clear()
    start = time.process_time()
    label_reports(texts)
    return time.process_time() - start


@click.command()
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@click.option("--uncertain", default="positive", show_default=True)
def main(path, uncertain):
    """Print agreement on both halves, and the time for 20,000 reports."""
    table = read_indexed(path)
    for name in ("development", "held out"):
        rows = table[table.half.eq(name)]
        click.echo(f"\n{name}: {len(rows)} indexed studies, uncertain = {uncertain}")
        click.echo(beside_peer(rows, uncertain).round(3).to_string())
    many = [table.text[i % len(table)] for i in range(REPORTS)]
    words = sum(len(text.split()) for text in many) / REPORTS
    # A number in every sentence: none is met twice, so the cache never helps.
    new = [re.sub(r"\.(?=\s|$)", f" {i}.", text) for i, text in enumerate(many)]
    click.echo(
        f"\n{REPORTS} reports of {words:.0f} words: {seconds(many):.1f} s of one core, "
        f"{seconds(new):.1f} s where no sentence comes twice"
    )
    for letters in LONG:
        endless = " ".join(f"normal heart {i}" for i in range(letters))[:letters]
        click.echo(
            f"one sentence of {letters:,} letters: {1e3 * seconds([endless]):.1f} ms"
        )


if __name__ == "__main__":
    main()

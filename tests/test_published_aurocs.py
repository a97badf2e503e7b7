"""Published AUROCs: copied right, told apart, and on the page beside ours.

    python tests/test_published_aurocs.py

writes the tables of `docs/diagnosis.md` anew.
"""

import json
import pathlib
import re

import pytest

from coursework.pages.scores import marks, write_between_marks
from cxrscore.labels.published import (
    NIH_EIGHT,
    PUBLISHED,
    READ,
    UNCHECKED,
    labels_markdown,
    published_markdown,
)
from cxrscore.labels.vocabulary import NIH_LABELS

ROOT = pathlib.Path(__file__).parents[1]
PAGE = ROOT / "docs" / "diagnosis.md"
CARD = ROOT / "weights" / "nih_diagnosis.json"
# The means that the papers, or the list of the UDEM prototype, give themselves.
TOLD = {
    "ChestX-ray8, ResNet-50": 0.696, "CheXNet": 0.841, "DenseNet + LSTM (Yao)": 0.803,
    "SwinCheX": 0.810,
}  # fmt: skip


def blocks(card=CARD):
    """What the page must hold between its marks."""
    rows, labels = ours(card)
    return {
        "published": published_markdown(*rows),
        "published labels": labels_markdown(labels),
    }


def ours(card):
    """The rows of the course's own model, from its card; none without one."""
    if not card.is_file():
        return [], None
    told = json.loads(card.read_text(encoding="utf-8"))
    films, folds = told["trained_on"], told["made_with"]["folds"]
    parts = len(told["mean_over_folds_within_a_folder"])
    row = (
        "**this course**, `weights/nih_diagnosis.keras`", "NIH ChestX-ray14",
        f"{films['films']:,} of {films['patients']:,} patients",
        f"own, by patient: cross-validation, {folds} folds", "14", "text mining",
        shown(told["reaches"]["macro"], 3),
        f"an artificial mix of {films['films']:,} films in {parts} folders; "
        "cross-validation",
    )  # fmt: skip
    return [row], {label: shown(told["reaches"][label], 2) for label in NIH_LABELS}


def shown(row, digits):
    """An AUROC and its interval."""
    if row["auroc"] is None:
        return "undefined"
    ends = [row["auroc_low"], row["auroc_high"]]
    words = " to ".join(f"{end:.{digits}f}" for end in ends if end is not None)
    return f"{row['auroc']:.{digits}f} ({words or 'no interval'})"


def test_our_rows_come_from_the_card(tmp_path):
    row = {"auroc": 0.7049, "auroc_low": 0.68, "auroc_high": 0.73}
    rows = dict.fromkeys((*NIH_LABELS, "macro"), row)
    rows |= {"Hernia": row | {"auroc_low": None, "auroc_high": None}}
    card = {"trained_on": {"films": 1169, "patients": 900}, "reaches": rows}
    card["mean_over_folds_within_a_folder"] = {"a": 0.7, "b": 0.6}
    (tmp_path / "card.json").write_text(json.dumps(card | {"made_with": {"folds": 5}}))
    tables = blocks(tmp_path / "card.json")
    assert "| 1,169 of 900 patients |" in tables["published"]
    mix = "an artificial mix of 1,169 films in 2 folders; cross-validation"
    assert f"| 0.705 (0.680 to 0.730) | {mix} |" in tables["published"]
    assert "\n| Edema | 0.70 (0.68 to 0.73) | 0.88" in tables["published labels"]
    assert "\n| Hernia | 0.70 (no interval) |" in tables["published labels"]
    assert "this course" not in blocks(tmp_path / "none.json")["published"]


def test_means_are_those_of_the_papers():
    names = {each.system for each in PUBLISHED}
    assert set(TOLD) <= names
    for each in PUBLISHED:
        assert len(each.aurocs) in (0, len(each.labels))
        assert (each.told is None) == bool(each.aurocs)
        assert 0.5 < each.macro < 1 and each.source.startswith("https://")
        if each.system in TOLD:
            assert each.macro == pytest.approx(TOLD[each.system], abs=6e-4)


def test_the_labels_are_in_their_order():
    """The largest and the smallest that the papers name in words."""
    chexnet = next(each for each in PUBLISHED if each.system == "CheXNet")
    by_label = dict(zip(chexnet.labels, chexnet.aurocs, strict=True))
    assert max(by_label, key=by_label.get) == "Emphysema"
    assert min(by_label, key=by_label.get) == "Infiltration"
    for each in PUBLISHED:
        if each.labels == NIH_LABELS and each.aurocs:
            by_label = dict(zip(each.labels, each.aurocs, strict=True))
            assert by_label["Cardiomegaly"] > by_label["Pneumonia"]
            assert sorted(by_label, key=by_label.get).index("Infiltration") < 2
    assert NIH_EIGHT[-1] == "Pneumothorax"


def test_what_differs_is_said():
    for each in PUBLISHED:
        assert ("hospital" in each.differs) == (not each.test.startswith("NIH"))
        assert ("labels, not 14" in each.differs) == (len(each.labels) != 14)
        assert ("looking" in each.differs) == (each.by == READ)
        assert (each.by == UNCHECKED) <= (each.split == UNCHECKED)
        assert each.differs


def test_the_page_holds_its_tables():
    text = PAGE.read_text(encoding="utf-8")
    for name, table in blocks().items():
        begin, end = marks(name)
        assert f"{begin}\n{table}\n{end}" in text, f"run python {__file__}"


def test_it_is_one_page_whose_links_lead_somewhere():
    text = PAGE.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        assert link.startswith("https:") or (PAGE.parent / link).exists(), link
    for path in ("README.md", "docs/architecture.md", "docs/scoring.md"):
        assert "diagnosis.md" in (ROOT / path).read_text(encoding="utf-8"), path


if __name__ == "__main__":
    for name, table in blocks().items():
        write_between_marks(PAGE, table, name)

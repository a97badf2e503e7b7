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


def blocks():
    """What the page must hold between its marks."""
    row, labels = ours()
    return {
        "published": published_markdown(*row),
        "published labels": labels_markdown(labels),
    }


def ours():
    """The rows of the course's own model, from its card; none without one."""
    if not CARD.is_file():
        return [], None
    json.loads(CARD.read_text(encoding="utf-8"))
    return [], None


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
        assert ("looking" in each.differs) == (each.by != "text mining")
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

"""The worst reports are ranked by a rule, and every reason is counted."""

import numpy as np
import pandas as pd
import pytest

from cxrphantom.dataset import write_phantom
from cxrphantom.findings import OBSERVATION_OF
from cxrphantom.folder import read_finding_masks
from cxrphantom.sizes import finding_sizes
from cxrscore.clinical.failures import (
    compare_findings,
    count_reasons,
    rank_failures,
    reason,
)

PAIRS = [
    ("Small left pleural effusion.", "Small left pleural effusion."),
    ("No acute disease.", "Mild cardiomegaly."),
    ("Small left pleural effusion.", "Small right pleural effusion."),
    ("Pulmonary edema. Cardiomegaly.", "No acute disease."),
    ("Pulmonary edema.", "Lungs are clear."),
    ("No acute disease.", "No acute disease."),
]
REFERENCES, PREDICTIONS = map(list, zip(*PAIRS, strict=True))


def test_each_finding_has_its_verdict():
    rows = compare_findings(REFERENCES, PREDICTIONS)
    told = [tuple(row) for row in rows[["study", "finding", "verdict"]].to_numpy()]
    assert told == [
        (0, "Pleural Effusion", "hit"),
        (1, "Cardiomegaly", "invented"),
        (2, "Pleural Effusion", "wrong side"),
        (3, "Cardiomegaly", "missed"),
        (3, "Edema", "missed"),
        (4, "Edema", "missed"),
    ]
    assert rows.words[2] == "right in place of left"
    assert compare_findings([], []).empty
    with pytest.raises(ValueError):
        compare_findings(["Edema."], [])


def test_the_worst_come_first():
    ranked = rank_failures(REFERENCES, PREDICTIONS)
    # A wrong side, two missed, one missed, one invented; then nothing is wrong.
    assert list(ranked.index[:4]) == [2, 3, 4, 1]
    assert ranked.reason[2] == "wrong side: Pleural Effusion (right in place of left)"
    assert ranked.reason[3] == "missed: Cardiomegaly, Edema"
    assert ranked.reason[0] == ranked.reason[5] == ""
    other = rank_failures(REFERENCES, PREDICTIONS, ["invented", "wrong side", "missed"])
    assert other.index[0] == 1, "the order is an argument"


def test_equally_bad_reports_are_ordered_by_bleu():
    truth = ["There is mild pulmonary edema in both lungs."] * 2
    told = ["There is mild opacity in both lungs.", "Opacity."]
    assert list(rank_failures(truth, told).index) == [1, 0]
    assert list(rank_failures(truth, told[::-1]).index) == [0, 1]


def test_all_reasons_are_counted():
    rows = compare_findings(REFERENCES, PREDICTIONS)
    table = count_reasons(rows, len(REFERENCES))
    assert list(table.index[:2]) == ["Cardiomegaly", "Edema"]
    assert table.loc["all findings"].to_dict() == {
        "hit": 1, "wrong side": 1, "missed": 3, "invented": 1,
    }  # fmt: skip
    assert table.loc["studies with any, of 6", "missed"] == 2
    nothing = compare_findings(["Clear."], ["Clear."])
    assert not count_reasons(nothing, 1).to_numpy().any()


def test_a_reason_may_carry_words_of_its_own():
    rows = compare_findings(REFERENCES, PREDICTIONS)
    rows["words"] = "2.1 %"
    assert reason(rows[rows.study.eq(4)]) == "missed: Edema (2.1 %)"


def test_sizes_are_the_share_of_the_film_inside_the_outlines(tmp_path):
    phantom = write_phantom(tmp_path / "phantom", 12, size=64, progress=False)
    sizes = finding_sizes(phantom)
    masks = read_finding_masks(phantom)
    assert set(sizes.uid) == set(masks) and sizes["size"].between(0, 100).all()
    assert not sizes.duplicated(["uid", "finding"]).any()
    for uid, kind, size in sizes.itertuples(index=False):
        own = [m for name, m in masks[uid].items() if OBSERVATION_OF[name] == kind]
        area = np.any(own, axis=0).mean(axis=(1, 2)).max()
        assert size == pytest.approx(100 * area)
    assert isinstance(sizes, pd.DataFrame) and finding_sizes(phantom, []).empty

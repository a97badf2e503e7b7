"""Spoilt inputs end in a result or in one line that names the file.

Whatever is spoilt: no traceback, no hang, no 500 MB more than a good input takes,
nothing executed, nothing written outside of the folder that was named.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "fuzz"))

from targets import TARGETS
from watch import fuzz

# By target, how many cases in a usual run of the tests, and how many in the long one.
CASES = {
    "films": (10, 400),
    "tables": (30, 1500),
    "scores": (15, 600),
    "zips": (15, 800),
    "notebooks": (15, 800),
    "cards": (20, 800),
    "batches": (30, 1000),
    "models": (3, 100),
    "lungs": (5, 250),
    "gpt2": (10, 400),
    "encoders": (10, 400),
    "prepared": (20, 800),
}


def check(target, folder, cases, first=0):
    wrong, results = fuzz(target, folder, cases, first)
    assert not wrong, f"{len(wrong)} cases:\n" + "\n".join(wrong[:10])
    return results


@pytest.mark.parametrize("target", CASES)
def test_spoilt(target, tmp_path):
    check(target, tmp_path / "fuzz", CASES[target][0])


@pytest.mark.long
@pytest.mark.parametrize("target", CASES)
def test_many_spoilt(target, tmp_path):
    check(target, tmp_path / "fuzz", CASES[target][1])


@pytest.mark.long
def test_there_are_ten_thousand():
    assert sum(TARGETS[t].inputs * cases for t, (_, cases) in CASES.items()) >= 10_000

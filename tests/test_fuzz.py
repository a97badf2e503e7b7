"""Spoilt inputs end in a result or in one line that names the file.

Whatever is spoilt: no traceback, no hang, no 500 MB more than a good input takes,
nothing executed, nothing written outside of the folder that was named.
"""

import contextlib
import pathlib
import random
import sys

import cv2
import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "fuzz"))

from targets import TARGETS
from watch import fuzz

from cxrbase.files import InputError
from cxrbase.images import read_radiograph

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


# === What cannot be known ===


@pytest.mark.parametrize("progressive", [0, 1])
def test_of_jpegs_a_hole_is_seen_and_most_flips_are_not(progressive, tmp_path, capfd):
    """A flipped bit that still decodes leaves no trace; CHANGELOG tells the share."""
    dice, path = random.Random(0), tmp_path / "film.jpg"
    grey = np.random.default_rng(0).normal(0, 4, (256, 256)).cumsum(0).cumsum(1)
    grey = cv2.normalize(grey, None, 0, 255, cv2.NORM_MINMAX).astype("uint8")
    options = [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive]
    whole = cv2.imencode(".jpg", grey, options)[1].tobytes()
    scan = whole.rindex(b"\xff\xda") + 14

    def passes(content):
        path.write_bytes(content)
        with contextlib.suppress(InputError):
            return read_radiograph(path).shape == grey.shape
        return False

    flipped = []
    for _ in range(500):
        content = bytearray(whole)
        content[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
        flipped.append(passes(bytes(content)))
    print(f"of 500 flips {np.mean(flipped):.0%} decode cleanly")
    middle = (scan + len(whole)) // 2  # The marker of another kind of JPEG.
    assert not passes(whole[:middle] + b"\xff\xf7" + whole[middle:])
    assert capfd.readouterr().err == ""  # What libjpeg warns of is told by us.
    assert passes(whole) and 0.4 < np.mean(flipped) < 0.95
    places = [dice.randrange(scan, len(whole) - 300) for _ in range(50)]
    assert sum(passes(whole[:i] + whole[i + 256 :]) for i in places) <= 5

"""Files with bytes turned, cut and repeated are read rightly or refused in one line."""

import random

import cv2
import numpy as np
import pytest
from films import write_dicom

from cxrbase.files import InputError
from cxrbase.images import read_radiograph
from cxrbase.tables import read_csv

pytestmark = pytest.mark.long
ROUNDS = 600


def spoil(content, dice):
    """Turn, cut out or repeat a few bytes somewhere."""
    content = bytearray(content)
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(content))
        length = dice.choice([1, 2, 4, 64])
        change = dice.randrange(4)
        if change == 0:
            content[place] = dice.randrange(256)
        elif change == 1:
            del content[place : place + length]
        elif change == 2:
            content[place:place] = content[place : place + length]
        else:
            content[place : place + length] = b"\xff" * length
        content = content or bytearray(b"\x00")
    return bytes(content)


def film(kind):
    grey = np.random.default_rng(0).integers(0, 4096, (40, 48)).astype("uint16")
    pixels = grey if kind == ".png" else (grey >> 4).astype("uint8")
    return cv2.imencode(kind, pixels)[1].tobytes()


@pytest.mark.parametrize("kind", [".png", ".jpg"])
def test_spoilt_films(kind, tmp_path):
    dice, path, read = random.Random(0), tmp_path / f"film{kind}", 0
    whole = film(kind)
    for _ in range(ROUNDS):
        path.write_bytes(spoil(whole, dice))
        try:
            image = read_radiograph(path)
        except InputError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
            continue
        read += 1
        assert image.dtype == "float32" and image.ndim == 2
        assert np.isfinite(image).all() and image.min() >= 0 and image.max() <= 1
    assert 0 < read < ROUNDS


def test_spoilt_dicom(tmp_path):
    dice, refused = random.Random(0), 0
    path = write_dicom(tmp_path / "film.dcm", np.arange(900).reshape(30, 30))
    whole = path.read_bytes()
    for _ in range(ROUNDS // 3):
        path.write_bytes(spoil(whole, dice))
        try:
            image = read_radiograph(path)
        except InputError as error:
            refused += 1
            assert str(error).startswith(str(path)) and "\n" not in str(error)
            continue
        assert np.isfinite(image).all() and image.min() >= 0 and image.max() <= 1
    assert refused


def test_spoilt_tables(tmp_path):
    dice, path, read = random.Random(0), tmp_path / "table.csv", 0
    whole = 'uid,report\n1,"No edema, no ""effusion""."\n2,Clear é.\n'.encode()
    for _ in range(ROUNDS):
        path.write_bytes(spoil(whole, dice))
        try:
            table = read_csv(path, ["uid", "report"])
        except InputError as error:
            assert str(error).startswith(str(path)) and "\n" not in str(error)
            continue
        read += 1
        assert table.notna().all(axis=None)
        assert all(isinstance(cell, str) for cell in table.to_numpy().ravel())
    assert 0 < read < ROUNDS

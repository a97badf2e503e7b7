"""DICOM films with odd values: each comes out as the film that it is."""

import numpy as np
import pytest
from films import refused, right, stored_film, write_dicom

from cxrbase.images import CONSTANT, read_noted, read_radiograph

pydicom = pytest.importorskip("pydicom")
FILM, TRUTH = stored_film()  # 12 bits in cells of 16.


def lut(entries, first=0, bits=16, **tags):
    """A sequence of one table."""
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW", np.asarray(entries, "<u2").tobytes())
    for name, value in tags.items():
        setattr(item, name, value)
    return [item]


# === Steps without a value, and windows that show nothing ===

RISING = np.arange(4096) * 16


@pytest.mark.parametrize(
    ("tags", "note"),
    [
        ({"WindowCenter": ("DS", ""), "WindowWidth": ("DS", "")}, "no value"),
        ({"WindowCenter": ("DS", "\\"), "WindowWidth": ("DS", "\\")}, "no value"),
        ({"WindowCenter": ("DS", "2048")}, "no value"),
        ({"WindowCenter": 2048, "WindowWidth": 0}, "width is 0"),
        ({"WindowCenter": 2048, "WindowWidth": 0.5}, "width is 0.5"),
        ({"WindowCenter": 2048, "WindowWidth": -300}, "width is -300"),
        ({"WindowCenter": 2048, "WindowWidth": 1}, "black or white"),
        ({"WindowCenter": 128, "WindowWidth": 256}, "black or white"),
        ({"WindowCenter": -9000, "WindowWidth": 256}, "a single tone"),
        ({"WindowCenter": [90_000, 2048], "WindowWidth": [9, 4097]}, "a single tone"),
        ({"WindowCenter": [2048, 9], "WindowWidth": [4097, 1]}, None),
        ({"WindowCenter": 0, "WindowWidth": 9e9}, None),
        (
            {"WindowCenter": 2048, "WindowWidth": 4097, "VOILUTFunction": "ODD"},
            "not known: taken as linear",
        ),
        ({"VOILUTSequence": []}, None),
        ({"VOILUTSequence": lut(RISING)}, None),
        ({"VOILUTSequence": lut(RISING, bits=12)}, None),
        ({"VOILUTSequence": lut([7] * 4096)}, "a single tone"),
        ({"VOILUTSequence": lut(RISING, LUTData=b"")}, "entries where 4,096"),
        ({"ModalityLUTSequence": lut(RISING)}, None),
        ({"ModalityLUTSequence": lut(RISING, bits=12)}, None),
        ({"ModalityLUTSequence": lut(RISING, LUTData=b"")}, "modality table"),
        ({"RescaleSlope": ("DS", ""), "RescaleIntercept": ("DS", "")}, "no value"),
        ({"RescaleSlope": 2, "RescaleIntercept": ("DS", "")}, "RescaleIntercept"),
        ({"RescaleSlope": 0, "RescaleIntercept": 5}, "slope 0"),
        ({"RescaleSlope": ("DS", "1e308"), "RescaleIntercept": 0}, "1e+308"),
        ({"RescaleSlope": ("DS", "1"), "RescaleIntercept": ("DS", "1e308")}, "1e+308"),
        ({"RescaleSlope": 3, "RescaleIntercept": -1000}, None),
        (
            {
                "RescaleSlope": ("DS", ""), "RescaleIntercept": ("DS", "0"),
                "WindowCenter": 2048, "WindowWidth": 4097,
            },
            "RescaleSlope",
        ),
    ],
)  # fmt: skip
def test_a_step_that_says_nothing_is_left_out(tmp_path, tags, note):
    right(write_dicom(tmp_path / "a.dcm", FILM, **tags), TRUTH, note=note)


@pytest.mark.parametrize("slope", [b"nan ", b"inf ", b"x   ", b"    "])
def test_numbers_that_are_none_are_left_out(tmp_path, slope):
    path = write_dicom(tmp_path / "a.dcm", FILM, RescaleSlope=2)
    data = path.read_bytes()
    at = data.index(b"\x28\x00\x53\x10DS\x04\x002.0 ") + 8
    path.write_bytes(data[:at] + slope + data[at + 4 :])
    right(path, TRUTH, note="rescale was left out: it has no value")


def test_an_honest_window_stays(tmp_path):
    """Background that it cuts off, a third of the film at either end."""
    film = FILM.copy()
    film[:20], film[-10:] = 0, 4095
    path = write_dicom(tmp_path / "a.dcm", film, WindowCenter=2048, WindowWidth=2001)
    right(path, np.clip((film - 1047.5) / 2000, 0, 1))
    path = write_dicom(
        tmp_path / "b.dcm", FILM, WindowCenter=2048, WindowWidth=1000,
        VOILUTFunction="SIGMOID",
    )  # fmt: skip
    image = read_radiograph(path)
    assert np.corrcoef(image.ravel(), TRUTH.ravel())[0, 1] > 0.9


# === Range ===


def padded(value, bits=12, **tags):
    film = FILM.copy()
    film[:8] = value
    return film, {
        "PixelPaddingValue": value,
        "BitsStored": bits,
        "HighBit": bits - 1,
    } | tags


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("value", "tags"),
    [
        (0, {}),
        (4095, {}),
        (63536, {"bits": 16}),
        (63536, {}),  # In bits that are not stored.
        (63536, {"PixelRepresentation": 1, "PixelPaddingValue": ("SS", -2000)}),
        (63536, {"PixelRepresentation": 1, "PixelPaddingValue": ("US", 63536)}),
        (3, {"PixelPaddingValue": 0, "PixelPaddingRangeLimit": 3}),
    ],
)
def test_padding_is_no_film(tmp_path, value, tags, photometric):
    film, tags = padded(value, **tags)
    film[8:] = 1000 + FILM[8:] // 4  # Padding lies far outside.
    if "PixelRepresentation" in tags:
        film[8:] -= 2048  # As two's complement.
    path = write_dicom(tmp_path / "a.dcm", film, photometric, **tags)
    inner = film[8:].astype("int16").astype(float)
    grey = (inner - inner.min()) / np.ptp(inner)
    image, _ = read_noted(path)
    assert not image[:8].any()
    grey = 1 - grey if photometric == "MONOCHROME1" else grey
    np.testing.assert_allclose(image[8:], grey, atol=2e-3)


def test_padding_that_would_be_all_is_none(tmp_path):
    path = write_dicom(
        tmp_path / "a.dcm", FILM, PixelPaddingValue=0, PixelPaddingRangeLimit=4095
    )
    right(path, TRUTH, note="padding was left out")


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("tags", [{}, {"PixelPaddingValue": ("US", "")}])
def test_padding_that_is_not_declared_does_not_squeeze(tmp_path, photometric, tags):
    film, truth = stored_film()
    film[-8:], truth[-8:] = 63536, 1
    low, high = int(film[:-8].min()), int(film[:-8].max())
    truth[:-8] = (film[:-8] - float(low)) / (high - low)
    path = write_dicom(tmp_path / "a.dcm", film, photometric, **tags)
    truth = 1 - truth if photometric == "MONOCHROME1" else truth
    right(path, truth, note="512 pixels far beyond the range")


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_hot_and_dead_pixels_do_not_squeeze_a_film(tmp_path, photometric):
    film, truth = stored_film(1500, 3500)
    truth = 1 - truth if photometric == "MONOCHROME1" else truth
    film[30, 30], film[31, 31] = 65535, 0
    path = write_dicom(tmp_path / "a.dcm", film, photometric)
    image, notes = read_noted(path)
    away = np.ones(film.shape, bool)
    away[30, 30] = away[31, 31] = False
    np.testing.assert_allclose(image[away], truth[away], atol=2e-3)
    assert "2 pixels far beyond" in notes[0]


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("noise", [0, 1])
def test_a_constant_film_is_reported(tmp_path, photometric, noise):
    film = 2000 + np.indices((64, 64)).sum(0) % (1 + noise)
    image, notes = read_noted(write_dicom(tmp_path / "a.dcm", film, photometric))
    assert CONSTANT in notes and np.isfinite(image).all()
    assert noise or not image.any()


# === Polarity ===


@pytest.mark.parametrize(
    ("photometric", "tags", "note"),
    [
        ("MONOCHROME1", {}, None),
        ("MONOCHROME1", {"PresentationLUTShape": "INVERSE"}, None),
        ("MONOCHROME2", {"PresentationLUTShape": "IDENTITY"}, None),
        ("MONOCHROME2", {"PresentationLUTShape": "INVERSE"}, "INVERSE contradicts"),
        ("MONOCHROME1", {"PixelIntensityRelationshipSign": 1}, None),
        ("MONOCHROME2", {"PixelIntensityRelationshipSign": -1}, None),
        ("MONOCHROME2", {"PixelIntensityRelationshipSign": 1}, "bone is black"),
        ("monochrome2", {}, None),
        (
            "MONOCHROME2",
            {"PresentationIntentType": "FOR PROCESSING",
             "PixelIntensityRelationshipSign": -1},
            "not one to look at",
        ),
    ],
)  # fmt: skip
def test_polarity(tmp_path, photometric, tags, note):
    film = 4095 - FILM if photometric == "MONOCHROME1" else FILM
    right(write_dicom(tmp_path / "a.dcm", film, photometric, **tags), TRUTH, note=note)


@pytest.mark.parametrize(
    ("photometric", "sign"), [("MONOCHROME2", 1), ("MONOCHROME1", -1)]
)
def test_a_raw_film_whose_bone_is_black_is_refused(tmp_path, photometric, sign):
    path = write_dicom(
        tmp_path / "a.dcm", FILM, photometric,
        PresentationIntentType="FOR PROCESSING", PixelIntensityRelationshipSign=sign,
    )  # fmt: skip
    refused(path, "FOR PROCESSING.*Export the film FOR PRESENTATION")


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("end", ["<", ">"])
def test_a_palette_is_applied(tmp_path, bits, end):
    entries = (255 - np.arange(256)) * (256 if bits == 16 else 1)
    data = entries.astype("<u2" if bits == 16 else "u1").view("<u2")
    data = data.astype(f"{end}u2").tobytes()
    tags = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    for colour in ("Red", "Green", "Blue"):
        name = f"{colour}PaletteColorLookupTable"
        tags |= {
            f"{name}Descriptor": ("US", [256, 0, bits]),
            f"{name}Data": ("OW", data),
        }
    index = (FILM >> 4).astype("uint8")
    tags["PixelData"] = index.view("<u2").astype(f"{end}u2").tobytes()
    tags["syntax"] = "1.2.840.10008.1.2." + ("1" if end == "<" else "2")
    path = write_dicom(tmp_path / "a.dcm", FILM, "PALETTE COLOR", **tags)
    right(path, (255 - index) / 255, atol=5e-3)

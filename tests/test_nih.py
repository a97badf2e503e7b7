"""The reader of NIH ChestX-ray14: Kaggle's layout, whole patients, and refusals."""

import numpy as np
import pytest

from cxrbase.files import InputError
from cxrbase.images import write_png
from cxrlib.data.readers.nih import TABLE, find_nih, read_nih
from cxrlib.data.splits import split_studies

HEADER = (
    "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position"
)
ROWS = [
    "00000002_001.png,No Finding,2,81,M,PA",
    "00000001_000.png,Cardiomegaly|Effusion,1,058Y,F,AP",
    "00000001_001.png,Pneumonia,1,58,F,PA",
    "00000003_000.png,No Finding,3,411,F,PA",
    "00000009_000.png,Mass,9,40,M,PA",  # Its image is not on disk.
]
FOLDERS = ["images", "images_001/images", "images_002/images", "images"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / TABLE).write_text("\n".join([HEADER, *ROWS]) + "\n")
    for number, (row, place) in enumerate(zip(ROWS, FOLDERS, strict=False)):
        film = np.full((8, 8), 0.5 + number / 20)
        write_png(tmp_path / place / row.split(",")[0], film)
    return tmp_path


def test_one_row_per_image_on_disk(folder):
    table = read_nih(folder).set_index("uid")
    assert list(table.index) == [row.split(".")[0] for row in sorted(ROWS[:4])]
    assert table.patient.tolist() == ["1", "1", "2", "3"]
    assert table.abnormal.tolist() == [1, 1, 0, 0]
    assert table.findings["00000001_000"] == "Cardiomegaly|Effusion"
    assert table.age[:3].tolist() == [58, 58, 81] and np.isnan(table.age.iloc[3])
    assert table["view"].tolist() == ["AP", "PA", "PA", "PA"]
    assert "images_001" in table.frontal["00000001_000"]


def test_labels_are_read_with_the_words_of_all_tables(folder, capsys):
    text = (folder / TABLE).read_text()
    (folder / TABLE).write_text(text.replace(",No Finding,2", ",no_findings,2"))
    assert read_nih(folder).abnormal.tolist() == [1, 1, 0, 0]
    (folder / TABLE).write_text(text.replace(",No Finding,2", ",n/a,2"))
    assert read_nih(folder).abnormal.tolist() == [1, 1, 0]
    assert "1 images without a label are left out" in capsys.readouterr().out
    (folder / TABLE).write_text(text.replace(",No Finding,2", ",No Finding|Mass,2"))
    with pytest.raises(InputError, match="neither.*'No Finding.Mass' .1×, row 2"):
        read_nih(folder)


def test_it_is_split_by_patient(folder):
    split = split_studies(read_nih(folder), (0.4, 0.3, 0.3))
    assert split.groupby("patient").split.nunique().max() == 1
    assert split.split.nunique() == 3


@pytest.mark.parametrize("seed", range(6))
def test_a_limit_draws_whole_patients(folder, seed):
    table = read_nih(folder, limit=2, seed=seed)
    assert 1 <= len(table) <= 2
    assert (table.patient == "1").sum() in (0, 2)
    assert table.equals(read_nih(folder, limit=2, seed=seed))


def test_where_it_is_looked_for(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("CXR_NIH", raising=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert find_nih(kaggle_input=empty) is None
    assert find_nih("none", [folder], kaggle_input=folder) is None
    assert find_nih("", [empty, folder], kaggle_input=empty) == folder
    assert find_nih(kaggle_input=folder) == folder
    monkeypatch.setenv("CXR_NIH", str(folder))
    assert find_nih("", [], kaggle_input=empty) == folder
    with pytest.raises(InputError, match="empty: holds no Data_Entry_2017.csv"):
        find_nih(empty)


def test_bad_tables_are_told(folder):
    table = folder / TABLE
    with pytest.raises(InputError, match="there is no such file"):
        read_nih(folder / "images")
    table.write_text("\n".join([HEADER, ROWS[0], ROWS[0]]))
    with pytest.raises(InputError, match="names 00000002_001.png more than once"):
        read_nih(folder)
    table.write_text(f"{HEADER}\n../x.png,Mass,9,40,M,PA\n")
    with pytest.raises(InputError, match="none of the images"):
        read_nih(folder)
    table.write_text("Image Index,Finding Labels\na.png,Mass\n")
    with pytest.raises(InputError, match="has no column Patient ID"):
        read_nih(folder)
    table.write_text("")
    with pytest.raises(InputError, match="not a readable CSV"):
        read_nih(folder)


@pytest.mark.real
def test_the_real_part_at_hand(real_data):
    table = read_nih(real_data / "nih")
    assert len(table) == 635 and table.patient.nunique() == 433
    assert table.abnormal.sum() == 343
    # The trap that 04b_real_films tells of.
    assert table.findings[table.abnormal == 1].str.contains("Pneumonia").all()

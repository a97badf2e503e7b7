"""Collections with faults: one line that names the file; nothing leads out of it."""

import gzip
import json
import pathlib
import re
import subprocess
import sys

import pandas as pd
import pytest
from made_collections import (
    MADE,
    chexpert,
    chexpert_plus,
    film,
    mimic,
    nih,
    padchest,
    vindr,
    write,
)

from cxrbase.files import InputError
from cxrlib.data.readers.films import label_matrix
from cxrlib.data.readers.labelled import read_labelled, split_films
from cxrscore.labels.vocabulary import uncertain


def change(path, old, new):
    """Replace some text in a table, packed or not."""
    data = path.read_bytes()
    packed = path.suffix == ".gz"
    data = gzip.decompress(data) if packed else data
    assert old.encode() in data
    data = data.replace(old.encode(), new.encode())
    path.write_bytes(gzip.compress(data) if packed else data)


def refused(root, match, **options):
    with pytest.raises(InputError, match=match) as error:
        read_labelled(root, **options)
    assert "\n" not in str(error.value)


def test_folders_that_hold_no_collection(tmp_path):
    refused(tmp_path / "nowhere", "nowhere: is not a folder")
    refused(tmp_path, "holds no collection that is known by its files")
    write(tmp_path / "train.csv", ["image,label", "a.png,1"])  # Somebody else's.
    refused(tmp_path, "holds no collection")
    refused(tmp_path, "kind='mimix': choose auto or one of nih", kind="mimix")
    refused(tmp_path, "holds no mimic-cxr-2.0.0-metadata", kind="mimic")
    nih(tmp_path)
    vindr(tmp_path)
    refused(tmp_path, "more than one collection. Say which: kind='nih' or kind='vindr'")
    assert len(read_labelled(tmp_path, kind="vindr")) == 3


@pytest.mark.parametrize("kind", sorted(set(MADE) - {"nih", "chexpert", "padchest"}))
def test_labels_that_a_collection_does_not_have(kind, tmp_path):
    MADE[kind](tmp_path)
    refused(tmp_path, "source='nobody': choose one of", source="nobody")


def test_without_a_film(tmp_path):
    mimic(tmp_path)
    (tmp_path / "files").rename(tmp_path / "elsewhere")
    refused(tmp_path, "none of the 4 images that it names is in")
    assert len(read_labelled(tmp_path, on_disk=False)) == 4


def test_paths_that_lead_out(tmp_path):
    root = tmp_path / "set"
    film(tmp_path / "secret.png")
    vindr(root)
    change(root / "annotations/image_labels_test.csv", "cc,", "../../secret,")
    refused(root, "image_labels_test.csv: .*leads out of its folder")
    refused(root, "leads out of its folder", on_disk=False)


def test_paths_that_lead_out_of_padchest_and_chexpert(tmp_path):
    padchest(tmp_path / "p")
    table = next((tmp_path / "p").glob("*.gz"))
    change(table, "1_a.png,0,", "../../secret.png,0,")
    refused(tmp_path / "p", "leads out of its folder")
    chexpert(tmp_path / "c")
    table = tmp_path / "c/valid.csv"
    change(table, "valid/patient64541/study1/view1", "valid/../../study1/view1")
    refused(tmp_path / "c", "valid.csv: row 2: .*is not a path such as train/patient")


def test_ids_of_mimic_that_are_none(tmp_path):
    mimic(tmp_path)
    table = tmp_path / "mimic-cxr-2.0.0-metadata.csv.gz"
    change(table, "02aa804e-bde0afdd", "../../x")
    refused(tmp_path, "row 2: .*an id is missing or holds other than letters")


def test_a_link_out_of_the_folder(tmp_path):
    root = tmp_path / "set"
    vindr(root)
    film(tmp_path / "secret.dicom")
    (root / "test/cc.dicom").unlink()
    (root / "test/cc.dicom").symlink_to(tmp_path / "secret.dicom")
    refused(root, "leads out of its folder")


def test_tables_that_are_damaged(tmp_path):
    mimic(tmp_path)
    table = tmp_path / "mimic-cxr-2.0.0-chexpert.csv.gz"
    whole = table.read_bytes()
    table.write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, "chexpert.csv.gz: cannot be read as a CSV table")
    table.write_bytes(b"no gzip at all")
    refused(tmp_path, "chexpert.csv.gz: cannot be read as a CSV table")
    table.write_bytes(gzip.compress(b"\xff\xfe\x00broken"))
    refused(tmp_path, "chexpert.csv.gz: cannot be read as a CSV table")
    table.write_bytes(gzip.compress(b""))
    refused(tmp_path, "chexpert.csv.gz: cannot be read as a CSV table")
    table.write_bytes(whole)
    change(table, "Edema", "Oedema")
    refused(tmp_path, "has no column Edema. It has: subject_id")
    table.unlink()
    refused(tmp_path, "holds no mimic-cxr-2.0.0-chexpert.csv.gz")


@pytest.mark.parametrize("value", ["0.37", "2", "yes"])
def test_labels_that_are_none(value, tmp_path):
    chexpert(tmp_path)
    change(tmp_path / "train.csv", "-1.0", value)
    refused(tmp_path, "train.csv: row 2: Cardiomegaly is .*Download it again")


def test_rows_that_are_repeated(tmp_path):
    mimic(tmp_path)
    table = tmp_path / "mimic-cxr-2.0.0-split.csv.gz"
    lines = gzip.decompress(table.read_bytes()).decode().splitlines()
    write(table, [*lines, lines[-1]])
    refused(tmp_path, "split.csv.gz: dicom_id 2a280266-c8bae121 occurs more than once")
    change(table, "test\n2a280266-c8bae121", "test\nx")
    change(table, "validate", "held-out")
    refused(tmp_path, "knows a split 'held-out'")


def test_labels_of_chexpert_plus(tmp_path):
    chexpert_plus(tmp_path)
    refused(tmp_path, "holds no findings_fixed.json", source="findings")
    path = tmp_path / "chexbert_labels/impression_fixed.json"
    first, *others = path.read_text().splitlines()
    write(path, [json.dumps(json.loads(first) | {"Edema": 0.4}), *others])
    refused(tmp_path, "impression_fixed.json: row 2: Edema is 0.4; a label is 1, 0, -1")
    write(path, ["[1, 2]"])
    refused(tmp_path, "impression_fixed.json: cannot be read as lines of JSON")
    write(path, ["{"])
    refused(tmp_path, "impression_fixed.json: cannot be read as lines of JSON")


def test_a_pickle_is_never_opened(tmp_path):
    chexpert(tmp_path)
    pd.DataFrame({"Path": [1]}).to_pickle(tmp_path / "valid.csv")
    refused(tmp_path, "valid.csv: cannot be read as a CSV table")


def test_numbers_that_are_asked_for_wrongly(tmp_path):
    nih(tmp_path)
    films = read_labelled(tmp_path)
    with pytest.raises(InputError, match="label 'Effusion': is not in the vocabulary"):
        label_matrix(films, ["Effusion"])
    with pytest.raises(InputError, match="is no policy. Choose one of ignore, zeros"):
        uncertain(films[["Mass"]], "maybe")
    with pytest.raises(InputError, match="blank='ones': choose ignore or zeros"):
        label_matrix(films, blank="ones")


def test_films_without_a_patient(tmp_path):
    nih(tmp_path)
    change(tmp_path / "Data_Entry_2017.csv", "Mass,1,1,", "Mass,1,,")
    refused(tmp_path, "1 films, such as images_001/images/00000001_001.png, have no")


@pytest.mark.parametrize("row", [2, 3])
def test_rows_with_too_many_cells(row, tmp_path):
    mimic(tmp_path)
    texts = tmp_path / "mimic_cxr_sectioned.csv"
    head = texts.read_text().splitlines()[0]
    good, bad = "s50414267,No edema.,Clear.,,None.", "s57375967,Small, left.,Clear.,,"
    write(texts, [head, good, bad] if row == 3 else [head, bad, good])
    refused(tmp_path, "sectioned.csv: cannot be read as a CSV table")


def test_published_splits_that_share_a_patient(tmp_path):
    nih(tmp_path)
    write(tmp_path / "train_val_list.txt", ["00000001_000.png"])
    with pytest.raises(InputError, match="1 of 4 films have no published split"):
        split_films(read_labelled(tmp_path))
    names = (tmp_path / "test_list.txt").read_text() + "00000001_001.png\n"
    (tmp_path / "test_list.txt").write_text(names)
    films = read_labelled(tmp_path)
    with pytest.raises(InputError, match="the published splits share 1 patients"):
        split_films(films)
    split = split_films(films.assign(split=""))
    assert split.groupby("patient").split.nunique().max() == 1


def test_films_of_two_collections_are_not_split_at_once(tmp_path):
    nih(tmp_path / "a")
    MADE["indiana"](tmp_path / "b")
    both = pd.concat([read_labelled(tmp_path / "a"), read_labelled(tmp_path / "b")])
    with pytest.raises(InputError, match="films of indiana, nih: .* Split each"):
        split_films(both)


@pytest.mark.long
def test_as_many_films_as_mimic_has_fit_into_two_gigabytes():
    program = pathlib.Path(__file__).parents[1] / "benchmarks/labelled.py"
    command = [sys.executable, "-W", "error", program, "--films", "377000"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    films, peak = re.search(r"([\d,]+) films.* (\d+) MB", run.stdout).groups()
    assert films == "377,000" and int(peak) < 2000

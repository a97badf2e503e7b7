"""One face for the collections: each in its true layout, made up and small."""

import os
import pathlib

import numpy as np
import pytest
from made_collections import MADE, chexpert, mimic, nih, padchest, vindr

from cxrbase.paths import inside
from cxrlib.data.readers.films import COLUMNS, VIEWS, film_paths, label_matrix
from cxrlib.data.readers.labelled import LAYOUTS, read_labelled, split_films
from cxrlib.data.readers.padchest import read_terms
from cxrlib.data.readers.reported import PHANTOM
from cxrphantom.dataset import write_phantom
from cxrphantom.findings import FINDINGS
from cxrscore.clinical.rules import OBSERVATIONS
from cxrscore.labels.vocabulary import LABELS, NIH_LABELS, uncertain


def read(make, root, **options):
    make(root)
    return read_labelled(root, **options).set_index("uid", drop=False)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    root = tmp_path_factory.mktemp("phantom") / "drawn"
    return write_phantom(root, studies=8, seed=3, size=32, processes=1, progress=False)


# === What is the same for all ===


def test_the_vocabulary_holds_both_fourteens():
    assert len(LABELS) == len(set(LABELS)) == 21
    assert len(NIH_LABELS) == 14 and set(NIH_LABELS) | set(OBSERVATIONS) == set(LABELS)


@pytest.mark.parametrize("kind", MADE)
def test_each_layout_is_known_and_read_into_one_form(kind, tmp_path):
    films = read(MADE[kind], tmp_path)
    assert list(films) == [*COLUMNS, *LABELS]
    assert films.kind.eq(kind).all() and films.ground.eq("real").all()
    assert set(films["view"]) <= set(VIEWS) and set(films.sex) <= {"F", "M", ""}
    assert set(films.split) <= {"train", "val", "test", ""}
    assert films.uid.is_monotonic_increasing and films.age.dtype == "float32"
    values = films[list(LABELS)].to_numpy()
    assert np.isin(values[~np.isnan(values)], (0, 1, -1)).all()
    for name in films.image:
        assert inside(tmp_path, name).is_file()
    assert all(map(os.path.isfile, film_paths(films)))


@pytest.mark.parametrize("kind", MADE)
def test_a_part_of_a_set_will_do(kind, tmp_path, capsys):
    whole = read(MADE[kind], tmp_path)
    (tmp_path / whole.image.iloc[0]).unlink()
    capsys.readouterr()
    part = read_labelled(tmp_path)
    assert part.uid.tolist() == whole.uid.tolist()[1:]
    assert "films that it names are not there, and left out" in capsys.readouterr().out
    assert len(read_labelled(tmp_path, on_disk=False)) >= len(whole)


@pytest.mark.parametrize("kind", MADE)
def test_no_patient_is_in_two_splits(kind, tmp_path):
    split = split_films(read(MADE[kind], tmp_path).reset_index(drop=True))
    assert set(split.split) <= {"train", "val", "test"}
    assert split.groupby("patient").split.nunique().max() == 1


# === Each collection ===


def test_nih(tmp_path, capsys):
    films = read(nih, tmp_path)
    first, second = films.loc["00000001_000"], films.loc["00000001_001"]
    assert first["Pleural Effusion"] == first["Cardiomegaly"] == 1 == second["Mass"]
    assert second["Lung Lesion"] == 1 and first["Lung Lesion"] == 0
    assert np.isnan(first["Lung Opacity"]) and np.isnan(films.age["00000003_000"])
    assert films["No Finding"].tolist() == [0, 0, 1, 0]
    assert films.split.tolist() == ["train", "train", "test", "test"]
    assert films["view"].tolist() == ["PA", "AP", "PA", "PA"]
    assert films["Pleural Other"]["00000003_000"] == 1
    told = capsys.readouterr().out
    assert "1 films that it names are not there" in told
    assert "Not labelled in this collection (NaN): Enlarged Cardiomediastinum" in told


def test_nih_as_it_is_named_since_2020(tmp_path):
    nih(tmp_path)
    table = tmp_path / "Data_Entry_2017.csv"
    text = table.read_text().replace("Patient Gender", "Patient Sex")
    text = text.replace("Mass,1", "No finding,1")  # In any spelling.
    (tmp_path / "Data_Entry_2017_v2020.csv").write_text(text)
    table.unlink()
    films = read_labelled(tmp_path)
    assert films.sex.tolist() == ["M", "M", "F", "F"]
    assert films["No Finding"].tolist() == [0, 1, 1, 0]


def test_a_name_that_nih_does_not_have_is_said(tmp_path, capsys):
    nih(tmp_path)
    table = tmp_path / "Data_Entry_2017.csv"
    table.write_text(table.read_text().replace("Mass", "Tuberculosis"))
    films = read_labelled(tmp_path).set_index("uid")
    assert films["No Finding"]["00000001_001"] == 0
    told = capsys.readouterr().out
    assert "Without counterpart" in told and "Tuberculosis (1×)" in told


def test_chexpert(tmp_path):
    films = read(chexpert, tmp_path)
    first = films.loc["patient00001_study1_view1_frontal"]
    assert first["Cardiomegaly"] == -1 and first["Edema"] == 0
    assert np.isnan(first["Fracture"]) and np.isnan(first["Hernia"])
    assert films["view"].tolist() == ["AP", "lateral", "frontal", "AP"]
    assert films.split.tolist() == ["train", "train", "train", "val"]
    assert films.sex.tolist() == ["F", "F", "", "M"]
    assert films.age.tolist()[:2] == [68, 68] and np.isnan(films.age.iloc[2])
    assert films.source.tolist() == ["chexpert"] * 3 + ["radiologists"]
    assert first.image == "train/patient00001/study1/view1_frontal.jpg"


def test_chexpert_plus(tmp_path):
    films = read(MADE["chexpert_plus"], tmp_path)
    assert films.findings.iloc[0] == "Heart is\nlarge, lungs clear."
    assert films.impression.tolist() == ["1. Cardiomegaly.", "No edema."]
    assert films["Cardiomegaly"].iloc[0] == 1 and films["Edema"].iloc[1] == 0
    assert films.split.tolist() == ["train", "val"]
    assert films.image.iloc[0] == "PNG/train/patient00001/study1/view1_frontal.png"
    report = read_labelled(tmp_path, source="report")
    assert report["Cardiomegaly"].iloc[0] == -1
    assert report.source.eq("chexbert report").all()


def test_mimic(tmp_path):
    films = read(mimic, tmp_path)
    first = films.loc["02aa804e-bde0afdd"]
    assert (first.patient, first.study, first.sex) == ("10000032", "50414267", "F")
    assert first["Edema"] == -1 and first.age == 52 and first.split == "train"
    assert first.findings == "Clear lungs,\nnormal heart."
    other = films.loc["096052b7-d256dc40"]
    assert (other["view"], other.split, other.age) == ("AP", "val", 88)
    last = films.loc["2a280266-c8bae121"]
    assert (
        last["view"] == "unknown" and np.isnan(last[list(LABELS)].astype(float)).all()
    )
    assert last.sex == last.impression == ""
    negbio = read_labelled(tmp_path, source="negbio").set_index("uid")
    assert negbio["Edema"]["02aa804e-bde0afdd"] == 1


def test_mimic_without_the_tables_of_others(tmp_path, capsys):
    mimic(tmp_path)
    for name in ("mimic_cxr_sectioned.csv", "hosp/patients.csv.gz"):
        (tmp_path / name).unlink()
    (tmp_path / "mimic-cxr-2.0.0-split.csv.gz").unlink()
    films = read_labelled(tmp_path)
    assert films.age.isna().all() and films.split.eq("").all()
    told = capsys.readouterr().out
    assert "so no texts" in told and "neither age nor sex" in told
    assert "no published split" in told


def test_vindr(tmp_path, capsys):
    films = read(vindr, tmp_path)
    # Two of three readers saw a lesion, under two names; one a thickened pleura.
    assert films["Lung Lesion"].tolist() == [1, 0, 0]
    assert films["Pleural Thickening"].tolist() == [0, 0, 0]
    assert films["Fracture"].tolist() == [0, 0, 1]
    assert films["No Finding"].tolist() == [0, 1, 0]
    assert np.isnan(films["Nodule"]).all() and films.patient.equals(films.uid)
    assert films.source.tolist() == ["majority", "majority", "consensus"]
    told = capsys.readouterr().out
    assert "Aortic enlargement (1×)" in told and "Other disease (1×)" in told
    assert "names no patient" in told
    assert read_labelled(tmp_path, source="any")["Pleural Thickening"].sum() == 1


def test_padchest(tmp_path, capsys):
    films = read(padchest, tmp_path)
    assert films["No Finding"].tolist()[:3] == [1, 1, 0]
    assert films["Pleural Effusion"]["2_a"] == films["Support Devices"]["2_a"] == 1
    # Of the skin, not of the lung.
    assert films["Emphysema"]["2_a"] == 0
    assert films.loc["3_a", list(LABELS)].isna().all()  # "unchanged" since what?
    assert films["Nodule"]["4_a"] == 1 and films["No Finding"]["4_a"] == 0
    assert films["view"].tolist() == ["PA", "lateral", "AP", "unknown", "PA"]
    assert films.age.tolist()[:3] == [84, 84, 20] and np.isnan(films.age["3_a"])
    assert films.source.tolist() == ["physician"] * 2 + ["rnn"] * 3
    assert "subcutaneous emphysema (1×)" in capsys.readouterr().out


def test_labels_of_padchest_are_never_evaluated(tmp_path):
    assert read_terms("__import__('os').system('false')") == {"os", "false"}
    assert read_terms("[\"chilaiditi's sign\", 'mass']") == {
        "chilaiditi's sign",
        "mass",
    }
    assert read_terms("") is None and read_terms("['exclude', 'mass']") is None


def test_indiana(tmp_path):
    films = read(MADE["indiana"], tmp_path)
    nodule = films.loc["2_IM-0652-1001"]
    assert nodule["Nodule"] == nodule["Lung Lesion"] == 1 and nodule["Pneumonia"] == 0
    assert films.loc["3_IM-1384-1001", list(LABELS)].isna().all()
    assert films["view"]["1_IM-0001-3001"] == "lateral"
    assert films.impression["1_IM-0001-4001"] == "Normal chest."
    assert films.patient.equals(films.study)
    read_off = read_labelled(tmp_path, source="labeler").set_index("uid")
    assert read_off["Pneumonia"]["2_IM-0652-1001"] == -1
    assert np.isnan(read_off["Nodule"]["2_IM-0652-1001"])


def test_a_phantom_has_the_truth(phantom):
    films = read_labelled(phantom)
    assert films.kind.eq("phantom").all() and films.ground.eq("phantom").all()
    truth = (phantom / "truth/truth.csv").read_text().splitlines()[1:]
    effusions = {row.split(",")[0] for row in truth if ",pleural_effusion," in row}
    assert set(films.study[films["Pleural Effusion"].eq(1)]) == effusions
    normal = {row.split(",")[0] for row in truth if ",normal," in row}
    assert normal <= set(films.study[films["No Finding"].eq(1)])
    assert films["Pneumonia"].isna().all()
    indexed = read_labelled(phantom, kind="indiana")
    assert indexed.kind.eq("indiana").all() and len(indexed) == len(films)


def test_what_a_phantom_draws_has_labels():
    assert set(FINDINGS) - set(PHANTOM) == {"hyperinflation", "spine_degeneration"}
    assert set(PHANTOM) - set(FINDINGS) == {"normal"}
    assert {label for labels in PHANTOM.values() for label in labels} <= set(LABELS)


# === Labels as numbers ===


def test_what_becomes_of_uncertain_labels(tmp_path):
    films = read(chexpert, tmp_path)
    one = ["Cardiomegaly"]
    for policy, value in {"zeros": 0, "ones": 1, "soft": 0.7, "keep": -1}.items():
        assert label_matrix(films, one, policy)[0, 0] == pytest.approx(value)
    assert np.isnan(label_matrix(films, one)[0, 0])
    assert uncertain(films[one], "ones").iloc[0, 0] == 1 and films[one].iloc[0, 0] == -1


def test_what_is_not_mentioned_may_be_read_as_absent(tmp_path):
    films = read(chexpert, tmp_path)
    matrix = label_matrix(films, ["Fracture", "Hernia"], blank="zeros")
    # The third report says nothing at all; CheXpert knows no hernia.
    np.testing.assert_array_equal(matrix[:, 0], [0, 0, np.nan, 0])
    assert np.isnan(matrix[:, 1]).all()


def test_nobody_fills_the_blanks_of_other_labellers(tmp_path):
    matrix = label_matrix(read(nih, tmp_path), ["Fracture"], blank="zeros")
    assert np.isnan(matrix).all()


def test_the_matrix_has_the_order_asked_for(tmp_path):
    matrix = label_matrix(read(nih, tmp_path), NIH_LABELS)
    assert matrix.shape == (4, 14) and matrix.dtype == "float32"
    assert matrix[0, [NIH_LABELS.index("Cardiomegaly")]] == 1


# === Splits ===


def test_a_split_that_is_not_published_is_drawn_from_train(tmp_path):
    root, rows = tmp_path, []
    nih(root)
    table = root / "Data_Entry_2017.csv"
    for number in range(100, 140):
        name = f"00000{number}_000.png"
        rows.append(f"{name},No Finding,0,{number},50,M,PA,1,1,0.1,0.1")
        (root / "images" / name).write_bytes(name.encode())
    table.write_text(table.read_text() + "\n".join(rows) + "\n")
    listed = root / "train_val_list.txt"
    names = [row.split(",")[0] for row in rows]
    listed.write_text(listed.read_text() + "\n".join(names))
    films = read_labelled(root)
    split = split_films(films)
    tests = set(films.uid[films.split.eq("test")])
    assert set(split.uid[split.split.eq("test")]) == tests
    assert 2 <= split.split.eq("val").sum() <= 8
    assert split.groupby("patient").split.nunique().max() == 1


# === The real parts at hand ===


@pytest.mark.real
def test_the_real_films_of_nih(real_data):
    films = read_labelled(real_data / "nih")
    assert len(films) == 635 and films["Pneumonia"].sum() == 343
    assert films["No Finding"].sum() == 292
    more = read_labelled(real_data / "nih_more")
    assert len(more) == 534 and more[list(NIH_LABELS)].sum().gt(0).all()
    assert split_films(more).groupby("patient").split.nunique().max() == 1


@pytest.mark.real
def test_the_real_reports_of_indiana(real_data):
    films = read_labelled(real_data / "indiana", on_disk=False)
    assert len(films) == 7466 and films.patient.nunique() == 3851
    assert films["Cardiomegaly"].mean() == pytest.approx(0.095, abs=0.001)
    assert len(read_labelled(real_data / "indiana")) == 5


def test_every_layout_is_in_the_docs():
    page = pathlib.Path(__file__).parents[1] / "docs/collections.md"
    text = page.read_text(encoding="utf-8")
    assert all(f"`{kind}`" in text for kind in LAYOUTS)

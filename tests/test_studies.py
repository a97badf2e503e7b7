import math
import os
import pathlib

import numpy as np
import pandas as pd
import pytest

from cxrbase.files import InputError
from cxrbase.words import label_from_cell, labels_from_cells
from cxrlib.data.labels import label_from_indexing
from cxrlib.data.sources import find_dataset
from cxrlib.data.splits import split_studies, split_summary
from cxrlib.data.studies import funnel, funnel_markdown, load_studies, missing_files

ROOT = pathlib.Path(__file__).parents[1]
REAL = pathlib.Path(os.environ.get("CXR_REAL_DATA") or ROOT.parent / "shared" / "data")


def real(name):
    if not (REAL / name).is_dir():
        pytest.skip(f"{REAL / name} is not there (set CXR_REAL_DATA)")
    return REAL / name


def paired():
    root = real("paired")
    columns = {"report": "notes", "patient": "patientid", "finding": "finding"}
    return load_studies(find_dataset(root, columns=columns, image_root=root / "images"))


HEAD = "uid,MeSH,Problems,image,indication,comparison,findings,impression\n"
REPORTS = HEAD + (
    "1,normal,normal,i,pain,,clear, No acute disease. \n"
    "2,Opacity/lung/base/left,Opacity,i,,,,Opacity.\n"
    "3,Spine/degenerative,Spine,i,,,,Degenerative spine.\n"
    "4,No Indexing,No Indexing,i,,,,Unclear.\n"
    "5,normal,normal,i,,,None.,\n"
    "6,normal,normal,i,,,,No lateral.\n"
    "7,normal,normal,i,,,,Two frontals.\n"
)
VIEWS = "uid,filename,projection\n" + "".join(
    f"{uid},{uid}f.png,Frontal\n{uid},{uid}l.png,Lateral\n" for uid in (1, 2, 3, 4, 5)
)
VIEWS += "6,6f.png,Frontal\n7,7b.png,Frontal\n7,7a.png,Frontal\n7,7l.png,Lateral\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "indiana_reports.csv").write_text(REPORTS)
    (tmp_path / "indiana_projections.csv").write_text(VIEWS)
    for name in ("1f", "1l", "2f"):
        (tmp_path / "images" / f"{name}.png").write_bytes(b"x")
    return tmp_path


def test_indiana_gives_a_row_per_study(folder):
    studies = load_studies(find_dataset(folder)).set_index("uid")
    assert list(studies.index) == list("1234567")
    assert (studies.patient == studies.index).all()
    assert studies.loc["1", "impression"] == "No acute disease."
    assert (
        studies.loc["5", "findings"] == "None." and studies.loc["5", "impression"] == ""
    )
    assert studies.loc["7", "frontal"] == str(folder / "images" / "7a.png")
    assert list(studies.loc["7", ["frontals", "laterals"]]) == [2, 1]
    assert studies.loc["6", "lateral"] == ""
    np.testing.assert_array_equal(studies.abnormal.iloc[:4], [0, 1, np.nan, np.nan])
    assert list(studies.index[studies.on_disk]) == ["1"]
    for name, value in {"ground": "real", "kind": "indiana", "root": folder}.items():
        assert studies[name].eq(str(value)).all()


def test_missing_images_are_listed(folder):
    missing = missing_files(load_studies(find_dataset(folder)))
    assert len(missing) == 10
    assert list(missing[missing.uid == "2"].file) == [str(folder / "images" / "2l.png")]


def test_the_funnel_counts_each_step(folder):
    kept, table = funnel(load_studies(find_dataset(folder)))
    assert list(table["count"]) == [7, 5, 4, 3, 2]
    assert list(table["dropped"]) == [0, 2, 1, 1, 1]
    assert list(kept.uid) == ["1", "2"]
    text = funnel_markdown(kept, table)
    assert "| has an impression | 3 | 1 |" in text and "– normal | 1 (50.0%)" in text


@pytest.mark.parametrize(
    ("problems", "mesh", "label"),
    [
        ("normal", "normal", 0),
        ("Opacity", "Opacity/lung/base/left", 1),
        ("Opacity", "Opacity/ribs/left", None),
        ("Nodule", "Nodule/multiple", 1),
        ("Cicatrix", "Cicatrix/lung/apex/left", 1),
        ("Thickening", "Thickening/pleura/apex", 1),
        ("Pleural Effusion", "Pleural Effusion/left/small", 1),
        ("Lung", "Lung/hyperdistention/mild", 1),
        ("Lung", "Lung/hypoinflation", None),
        ("Cardiomegaly", "Cardiomegaly/mild", None),
        ("Surgical Instruments", "Surgical Instruments/lung/hilum", None),
        ("Spine;Pneumonia", "Spine/degenerative;Pneumonia", 1),
        ("Pneumonia", "", 1),
        ("No Indexing", "No Indexing", None),
        ("", "", None),
    ],
)
def test_labels_from_indexing(problems, mesh, label):
    found = label_from_indexing(problems, mesh)
    assert found == label or (label is None and math.isnan(found))


@pytest.mark.parametrize(
    ("label", "cells"),
    [
        (0, ["0", "0.0", "False", "No Finding", "no_findings", " normal ", "Normal."]),
        (0, ["neg", "N", "F", "clear", "no pneumonia", "Normal chest", "healthy"]),
        (1, ["1", "1.0", "TRUE", "yes", "abnormal", "positive"]),
        (None, ["", "N/A", "-1", "-1.0", "nan", "-", "Uncertain"]),
    ],
)
def test_labels_from_cells(label, cells):
    for any_word in (False, True):
        found = labels_from_cells(cells, any_word)
        assert {None if math.isnan(each) else each for each in found} == {label}


def test_a_word_that_says_neither_is_abnormal_only_where_that_is_asked_for():
    assert label_from_cell("COVID-19", any_word=True) == 1
    for cell in ("0.73", "no effusion", "2", "inf"):
        with pytest.raises(InputError, match="neither normal nor abnormal"):
            label_from_cell(cell, any_word=True)
    cells = ["0", "odd", "COVID-19", "odd", "0.73"]
    with pytest.raises(InputError) as error:
        labels_from_cells(cells)
    assert "'odd' (2×, row 3), 'COVID-19' (1×, row 4), '0.73'" in str(error.value)
    assert "--column finding=NAME" in str(error.value)
    with pytest.raises(InputError, match="'odd9'.*, …"):
        labels_from_cells([f"odd{i}" for i in range(9, 20)])


# === The door for any CSV ===


def load_csv(folder, text, **options):
    path = folder / "table.csv"
    path.write_text(text, encoding=options.pop("encoding", "utf-8"))
    return load_studies(find_dataset(path, **options))


def test_a_csv_with_other_names_is_read(tmp_path):
    studies = load_csv(
        tmp_path,
        "f,lateral,notes,pid,sick\nb/1.png,1l.png,Clear.,p1,no\n2.png,,Opacity.,,yes\n",
        columns={
            "frontal": "f",
            "report": "notes",
            "patient": "pid",
            "abnormal": "sick",
        },
    )
    assert list(studies.uid) == ["2", "b_1"]
    assert list(studies.patient) == ["2", "p1"]
    assert list(studies.impression) == ["Opacity.", "Clear."]
    assert list(studies.abnormal) == [1, 0] and list(studies.laterals) == [0, 1]
    assert list(funnel(studies)[1]["count"]) == [2, 1, 1]


def test_a_study_without_a_label_is_kept(tmp_path, capsys):
    table = "frontal,lateral,report,finding\na.png,b.png,Clear.,Effusion\n"
    kept, _ = funnel(load_csv(tmp_path, table))
    assert len(kept) == 1 and kept.abnormal.isna().all()
    assert "to label by finding, say so: --column finding=" in capsys.readouterr().out


@pytest.mark.parametrize("missing", ["nan", "N/A", "None", "-", "<NA>"])
def test_a_view_that_is_a_word_for_missing_is_none(tmp_path, missing):
    text = f"frontal,lateral,report\na.png,{missing},Clear.\n{missing},b.png,Clear.\n"
    studies = load_csv(tmp_path, text)
    assert sorted(studies.frontals) == sorted(studies.laterals) == [0, 1]
    assert "" in set(studies.frontal) and "" in set(studies.lateral)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frontal,lateral,notes\na,b,c\n", "no column report.*frontal, lateral, notes"
         ".*--column report=NAME"),
        ("frontal,lateral,report\n../../etc/passwd,b,c\n", "table.csv: .*leads out"),
        ("frontal,lateral,report\n/etc/passwd,b,c\n", "table.csv: .*leads out"),
        ("uid,frontal,lateral,report\n1,a,b,c\n1,d,e,f\n", "uid 1 occurs more than"),
        ("uid,frontal,lateral,report\n1,a,b,c\n,d,e,f\n", "row 3 has no uid"),
        ("frontal,lateral,report,abnormal\na,b,c,0.4\n", "abnormal: .*'0.4' .*row 2"),
        ("frontal,lateral,report\n", "holds no row"),
        ("", "not a readable CSV"),
        ('frontal,lateral,report\na,b,"c\n', "not a readable CSV"),
        ("frontal,lateral,report\na,b,c,d,e\nf,g,h\ni,j,k,l,m,n,o\n", "readable CSV"),
        ("frontal,lateral,report,ground\na,b,c,moon\n", "ground 'moon' is not one of"),
    ],
)  # fmt: skip
def test_bad_tables_are_refused(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as error:
        load_csv(tmp_path, text)
    assert "table.csv" in str(error.value)


def test_a_table_in_latin_1_and_an_unknown_mapping_are_refused(tmp_path):
    text = "frontal,lateral,report\na,b,ça\n"
    with pytest.raises(InputError, match="not in UTF-8"):
        load_csv(tmp_path, text, encoding="latin-1")
    with pytest.raises(InputError, match="--column reports=.*report"):
        load_csv(tmp_path, text, columns={"reports": "x"})
    assert load_csv(tmp_path, "\ufeff" + text).impression[0] == "ça"


# === Splits ===


def made_up(count, labels=(0, 1), patients=None):
    uid = [f"u{i}" for i in range(count)]
    return pd.DataFrame(
        {
            "uid": uid,
            "patient": uid
            if patients is None
            else [f"p{i % patients}" for i in range(count)],
            "frontal": [f"{u}f" for u in uid],
            "lateral": [f"{u}l" for u in uid],
            "impression": [f"text {i % 7}" for i in range(count)],
            "abnormal": [float(labels[i % len(labels)]) for i in range(count)],
        }
    )


def test_a_split_keeps_the_shares():
    summary = split_summary(split_studies(made_up(500)))
    assert summary["counts"] == {"train": 400, "val": 50, "test": 50}
    assert set(summary["abnormal"].values()) == {0.5}
    assert summary["verbatim"] == 1 and "no patient is named" in summary["note"]


def test_no_patient_is_in_two_splits_and_the_row_order_is_nothing():
    studies = made_up(300, patients=90)
    split = split_studies(studies)
    assert split.groupby("patient").split.nunique().max() == 1
    shuffled = split_studies(studies.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(split, shuffled)
    assert "split by patient" in split_summary(split)["note"]
    assert (split_studies(studies, seed=1).split != split.split).any()


def test_studies_that_share_an_image_stay_together():
    studies = made_up(100)
    studies.loc[10:40, "lateral"] = "the same file"
    split = split_studies(studies).set_index("uid").split
    assert split[[f"u{i}" for i in range(10, 41)]].nunique() == 1


@pytest.mark.parametrize("labels", [(0, 1), (1,), (np.nan,), (0, 1, np.nan)])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 12])
def test_small_and_one_sided_sets_are_split(count, labels):
    summary = split_summary(split_studies(made_up(count, labels)))
    assert sum(summary["counts"].values()) == count
    assert summary["counts"]["train"] > 0
    if count >= 3:
        assert min(summary["counts"].values()) > 0


def test_a_saved_split_is_respected(tmp_path):
    path = tmp_path / "split.csv"
    first = split_studies(made_up(60, patients=30), path=path).set_index("uid").split
    again = split_studies(made_up(80, patients=30), seed=9, path=path)
    again = again.set_index("uid").split
    assert (again[first.index] == first).all() and len(again) == 80
    saved = pd.read_csv(path)
    saved["split"] = ["train", "test"] * 40
    saved.to_csv(path, index=False)
    with pytest.raises(InputError, match="split.csv: puts patient p.* into two"):
        split_studies(made_up(80, patients=29), path=path)
    saved.assign(split="dev").to_csv(path, index=False)
    with pytest.raises(InputError, match="split 'dev'"):
        split_studies(made_up(80), path=path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no column uid, split.*Delete it"):
        split_studies(made_up(80), path=path)


def test_a_saved_split_is_respected_by_uids_that_a_csv_made_numbers(tmp_path):
    path, studies = tmp_path / "split.csv", made_up(40)
    studies["uid"] = studies["patient"] = [str(i) for i in range(40)]
    first = split_studies(studies, path=path)
    again = split_studies(studies.astype({"uid": int}), seed=9, path=path)
    assert list(again.split) == list(first.split) and list(again.uid) == list(first.uid)


def test_wrong_fractions_are_refused():
    for fractions in ((0.8, 0.1), (0.8, 0.3, -0.1), (0.5, 0.1, 0.1)):
        with pytest.raises(InputError, match="sum to 1"):
            split_studies(made_up(9), fractions)


# === Real data ===


@pytest.mark.real
def test_the_real_funnel_and_the_figures_in_the_readme():
    studies = load_studies(find_dataset(real("indiana")))
    kept, table = funnel(studies)
    assert list(table["count"]) == [3851, 3194, 3124, 3107, 2414]
    assert kept.abnormal.value_counts().to_dict() == {1.0: 1248, 0.0: 1166}
    # The Calabria project's normals: any number of views, as long as there are both.
    both = studies[
        studies.frontals.ge(1) & studies.laterals.ge(1) & studies.impression.ne("")
    ]
    normal = both.problems.eq("normal")
    assert normal.sum() == 1230
    words = both.problems.str.contains("lung|pulmonary", case=False)
    assert words.sum() == 757
    assert both.abnormal.eq(1).sum() == 1333
    readme = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert funnel_markdown(kept, table) in readme
    summary = split_summary(split_studies(kept))
    assert summary["by"] == "uid" and round(summary["verbatim"], 2) == 0.57
    for figure in ("1,230", "1,333", "757", "654", "57 %"):
        assert figure in readme


@pytest.mark.real
def test_the_real_indiana_folder_lists_what_is_missing():
    studies = load_studies(find_dataset(real("indiana")))
    assert list(studies.uid[studies.on_disk]) == ["54"]
    assert len(missing_files(studies)) > 7000


@pytest.mark.real
def test_the_real_paired_set_comes_through_the_csv_door():
    studies = paired()
    assert len(studies) == 42 and studies.patient.nunique() == 34
    assert studies.abnormal.eq(1).all() and studies.on_disk.all()
    split = split_studies(studies)
    assert split.groupby("patient").split.nunique().max() == 1
    # Patients 287 and 340 are given one and the same frontal.
    assert split[split.patient.isin(["287", "340"])].split.nunique() == 1
    assert min(split_summary(split)["counts"].values()) >= 3

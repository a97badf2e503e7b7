"""A step that leaves no study is named, with what it met; uids meet, or it is said."""

import os
import pathlib

import pandas as pd
import pytest

from cxrbase.files import InputError
from cxrlib.data.prepare import prepare
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import funnel, load_studies, missing_files

REPORT = {"MeSH": "normal", "Problems": "normal", "impression": "No acute disease."}
REPORT |= {"indication": "", "findings": ""}


def indiana(folder, uids=(1, 2, 3), names=("Frontal", "Lateral"), films=None, **cells):
    """A collection in Kaggle's layout: reports of `uids`, views of `films`."""
    folder.mkdir(exist_ok=True)
    reports = [{"uid": uid} | REPORT | cells for uid in uids]
    pd.DataFrame(reports).to_csv(folder / "indiana_reports.csv", index=False)
    views = [
        {"uid": uid, "filename": f"{uid}{number}.png", "projection": name}
        for uid in (films or uids)
        for number, name in enumerate(names)
    ]
    pd.DataFrame(views).to_csv(folder / "indiana_projections.csv", index=False)
    return load_studies(find_dataset(folder))


@pytest.mark.parametrize(
    "names",
    [
        ("PA", "LATERAL"),
        ("AP", "LL"),
        ("ap", "Lat."),
        ("Postero-Anterior", "left lateral"),
        ("FRONTAL", "RL"),
    ],
)
def test_projections_are_known_by_their_usual_names(tmp_path, names):
    kept, _ = funnel(indiana(tmp_path, names=names))
    assert kept.frontal.map(os.path.basename).tolist() == ["10.png", "20.png", "30.png"]
    assert kept.lateral.map(os.path.basename).tolist() == ["11.png", "21.png", "31.png"]


def test_projections_that_are_neither_are_told(tmp_path, capsys):
    studies = indiana(tmp_path, names=("PA", "LL", "oblique"))
    assert studies.frontals.eq(1).all() and studies.laterals.eq(1).all()
    said = "neither frontal nor lateral: 'oblique' (3×)"
    assert said in capsys.readouterr().out
    with pytest.raises(InputError, match="no projection is known: 'up' .3×., 'down'"):
        indiana(tmp_path, names=("up", "down"))


def test_uids_that_a_program_made_numbers_meet(tmp_path):
    for uids, films in (((1.0, 2.0), (1, 2)), ((1, 2), ("1.0", "2.0"))):
        kept, _ = funnel(indiana(tmp_path, uids, films=films))
        assert kept.uid.tolist() == ["1", "2"]


def test_uids_that_meet_in_part_are_counted(tmp_path, capsys):
    kept, _ = funnel(indiana(tmp_path, ("1", "2", "03"), films=("1", "2", "3")))
    assert kept.uid.tolist() == ["1", "2"]
    assert "1 of 3 uids, such as '03', are not in" in capsys.readouterr().out


@pytest.mark.parametrize("films", [("001", "002"), ("CXR1", "CXR2"), ("7", "8")])
def test_uids_that_do_not_meet_are_told(tmp_path, films):
    with pytest.raises(InputError) as error:
        indiana(tmp_path, ("1", "2"), films=films)
    said = str(error.value)
    assert "indiana_reports.csv: none of its uids, such as '1', is in " in said
    assert f"indiana_projections.csv, which has such as {films[0]!r}" in said


@pytest.mark.parametrize(
    ("cells", "names", "words"),
    [
        (
            {},
            ("PA",),
            "'one frontal and one lateral' .*: 3 with 1 frontals and 0 l",
        ),
        (
            {},
            ("PA", "PA", "LL"),
            "one lateral' leaves none of 3 .* 3 with 2 frontals and 1 l",
        ),
        ({"Problems": "No Indexing"}, None, "'indexed' .*Problems is empty or 'No Ind"),
        ({"impression": "XXXX."}, None, "'has an impression' .*all are empty, or such"),
        ({"Problems": "Spine", "MeSH": ""}, None, "abnormal of the lungs' .*'Spine'"),
    ],
)
def test_the_step_that_leaves_no_study_is_named(tmp_path, cells, names, words):
    studies = indiana(tmp_path, names=names or ("PA", "LL"), **cells)
    with pytest.raises(InputError, match=words) as error:
        funnel(studies)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_of_a_csv_too(tmp_path):
    path = tmp_path / "table.csv"
    for report, lateral, words in (
        ("", "l.png", "the step 'has a report' leaves none of 2 studies"),
        ("NaN", "l.png", "the step 'has a report' leaves none of 2 studies"),
        ("Clear.", "", "'one frontal and one lateral' .*: 2 with 1 frontals and 0 l"),
    ):
        rows = "".join(f"{i}f.png,{lateral},{report}\n" for i in range(2))
        path.write_text(f"frontal,lateral,report\n{rows}")
        with pytest.raises(InputError, match=words):
            funnel(load_studies(find_dataset(path)))


def test_a_study_without_uid_and_frontal_has_a_name(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(
        "frontal,lateral,report\n,,\nimg\\1.png,2.png,Clear.\n,2.png,Clear."
    )
    studies = load_studies(find_dataset(path))
    assert studies.uid.tolist() == ["img_1", "no-frontal"]


def test_why_no_study_can_be_used_is_reported(tmp_path):
    path = tmp_path / "table.csv"
    for name, words in (
        ("C:\\films\\f.png", "a Windows path; write it relative to the image"),
        ("http://host/f.png", "a URL; download the file, and write its name"),
        ("F.PNG", "the file is not on disk, but 'f.png' is: write it so.$"),
        ("g.png", "the file is not on disk. Name the folder .*--image-root"),
    ):
        (tmp_path / "f.png").touch()
        path.write_text(f"frontal,lateral,report\n{name},{name},Clear.\n")
        kept, _ = funnel(load_studies(find_dataset(path)))
        with pytest.raises(InputError, match=words):
            prepare(kept, tmp_path / "out", size=8, progress=False)


@pytest.mark.parametrize("there", [True, False])
def test_each_folder_is_listed_once_for_each_question(tmp_path, monkeypatch, there):
    """No clock: how often folders are listed must grow as they do."""
    rows, count = ["uid,frontal,lateral,report"], 200
    for i in range(count):
        folder = tmp_path / f"d{i}"
        folder.mkdir()
        for view in "fl" * there:
            (folder / f"{view}.png").touch()
        rows.append(f"s{i},d{i}\\f.png,d{i}/l.png,Clear.")
    (tmp_path / "table.csv").write_text("\n".join(rows))
    seen, real = [], os.scandir

    def scandir(folder):
        seen.append(str(folder))
        return real(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    studies = load_studies(find_dataset(tmp_path / "table.csv"))
    read = len(seen)
    assert len(studies) == count and studies.on_disk.eq(there).all()
    assert len(missing_files(studies)) == 2 * count * (not there)
    own = [folder for folder in seen if pathlib.Path(folder).name.startswith("d")]
    assert len(own) == count * (1 if there else 2) and read < 2 * count + 10

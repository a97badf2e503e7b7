"""The phantom's folder: same from every number of processes, resumed, refused."""

import csv
import hashlib
import json

import cv2
import numpy as np
import pytest

from cxrbase.files import InputError
from cxrphantom import dataset as phantom
from cxrphantom import folder as phantom_folder
from cxrphantom.dataset import draw_from_reports, write_phantom

STUDIES, SIZE = 6, 64


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def draw(out, **kwargs):
    options = {"studies": STUDIES, "seed": 1, "size": SIZE, "processes": 1}
    return write_phantom(out, **(options | {"progress": False} | kwargs))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("phantom") / "drawn")


def write_reports(path, studies, **replaced):
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, phantom_folder.REPORT_COLUMNS)
        writer.writeheader()
        for uid, mesh in studies:
            row = dict.fromkeys(phantom_folder.REPORT_COLUMNS, "")
            row |= {"uid": uid, "MeSH": mesh, "impression": f'Kept, "{uid}".\nSo.'}
            writer.writerow(row | replaced)
    return path


# === What is written ===


def test_the_truth_is_read_back(drawn, tmp_path):
    masks = phantom_folder.read_finding_masks(drawn)
    assert masks
    for row in rows(drawn / "truth/truth.csv"):
        for view, name in enumerate((row["frontal_mask"], row["lateral_mask"])):
            if name:
                mask = cv2.imread(str(drawn / "truth" / name), cv2.IMREAD_GRAYSCALE) > 0
                seen = masks[row["uid"]][row["finding"]][view]
                assert seen.shape == (SIZE, SIZE) and seen[mask].all()
    uid = next(iter(masks))
    one = phantom_folder.read_finding_masks(drawn, [uid])
    assert list(one) == [uid] and one[uid].keys() == masks[uid].keys()
    with pytest.raises(InputError, match="only a phantom has the truth"):
        phantom_folder.read_finding_masks(tmp_path)


def test_folder_has_the_real_layout(drawn):
    reports = rows(drawn / "indiana_reports.csv")
    assert tuple(reports[0]) == phantom_folder.REPORT_COLUMNS
    assert [row["uid"] for row in reports] == [str(i + 1) for i in range(STUDIES)]
    images = drawn / "images/images_normalized"
    projections = rows(drawn / "indiana_projections.csv")
    assert tuple(projections[0]) == ("uid", "filename", "projection")
    assert {row["projection"] for row in projections} == {"Frontal", "Lateral"}
    assert {row["filename"] for row in projections} == {
        path.name for path in images.iterdir()
    }
    for row in projections:
        image = cv2.imread(str(images / row["filename"]), cv2.IMREAD_UNCHANGED)
        assert image.shape == (SIZE, SIZE) and image.dtype == np.uint8
        assert image.std() > 10
        for organ in ("lungs", "heart"):
            path = drawn / "truth" / organ / row["filename"]
            mask = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            assert mask.shape == image.shape and set(np.unique(mask)) == {0, 255}


def test_folder_says_that_it_is_a_phantom(drawn):
    note = json.loads((drawn / "phantom.json").read_text())
    wanted = {"phantom": True, "seed": 1, "studies": STUDIES, "size": SIZE}
    assert wanted.items() <= note.items()
    assert note["texts"] == "grammar" and "PHANTOM" in note["warning"]
    assert not (drawn / ".partial").exists()


def test_truth_matches_reports_and_masks(tmp_path):
    out = draw(tmp_path / "out", studies=20, seed=4)
    reports = {row["uid"]: row for row in rows(out / "indiana_reports.csv")}
    views = {
        (row["uid"], row["projection"].lower())
        for row in rows(out / "indiana_projections.csv")
    }
    truth = rows(out / "truth/truth.csv")
    assert tuple(truth[0]) == phantom_folder.TRUTH_COLUMNS
    assert {row["uid"] for row in truth} == set(reports)
    for row in truth:
        mesh = reports[row["uid"]]["MeSH"]
        if mesh != "No Indexing":
            assert (mesh == "normal") == (row["finding"] == "normal")
        for view in ("frontal", "lateral"):
            name = row[f"{view}_mask"]
            if name:
                assert (row["uid"], view) in views
                mask = cv2.imread(str(out / "truth" / name), cv2.IMREAD_UNCHANGED)
                assert mask.max() == 255
    # Patient's right is the image's left.
    for row in truth:
        if row["side"] in ("left", "right") and row["frontal_mask"]:
            path = str(out / "truth" / row["frontal_mask"])
            xs = np.nonzero(cv2.imread(path, cv2.IMREAD_UNCHANGED))[1]
            on_the_left = xs.mean() > 0.45 * SIZE
            on_the_right = xs.mean() < 0.55 * SIZE
            if row["finding"] not in ("catheter", "pacemaker"):
                assert on_the_left if row["side"] == "left" else on_the_right, row


# === Same, whatever happens ===


def test_folder_is_the_same_from_two_processes(drawn, tmp_path):
    again = draw(tmp_path / "again", processes=2)
    assert contents(again) == contents(drawn)


def test_folder_is_resumed_after_a_kill(drawn, tmp_path, monkeypatch):
    out, real, done = tmp_path / "out", phantom.draw_study, []

    def killed(*args, **kwargs):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(1)
        return real(*args, **kwargs)

    monkeypatch.setattr(phantom, "draw_study", killed)
    with pytest.raises(KeyboardInterrupt):
        draw(out)
    assert not (out / "phantom.json").exists()
    assert not (out / "indiana_reports.csv").exists()
    kept = {path: path.stat().st_mtime_ns for path in out.glob("images/*/*")}
    assert kept
    (out / phantom_folder.IMAGES / ".partial-cut.png").write_bytes(b"half")
    counted = []
    monkeypatch.setattr(
        phantom, "draw_study", lambda *a, **k: counted.append(1) or real(*a, **k)
    )
    draw(out)
    assert len(counted) == STUDIES - 3
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    assert contents(out) == contents(drawn)


def test_finished_folder_is_left_alone(drawn, monkeypatch):
    monkeypatch.setattr(phantom, "draw_study", None)
    assert draw(drawn) == drawn


# === Real texts ===


def test_real_reports_are_drawn_and_kept(tmp_path, capsys):
    studies = [
        ("7", "normal"),
        ("9", "Opacity/lung/base/left;Scoliosis/mild;Scoliosis/mild"),
        ("11", "Zebra/lung;Pleural Effusion"),
        ("12", "No Indexing"),
    ]
    table = write_reports(tmp_path / "real.csv", studies)
    options = {"size": SIZE, "processes": 1}
    out, unknown = draw_from_reports(table, tmp_path / "out", **options)
    assert unknown == {"Scoliosis/mild": 2, "Zebra/lung": 1, "No Indexing": 1}
    listed = {row["term"]: row for row in rows(out / "unknown_terms.csv")}
    assert listed["Zebra/lung"] == {
        "term": "Zebra/lung",
        "count": "1",
        "known": "False",
    }
    assert listed["Scoliosis/mild"]["known"] == "True"
    assert "4 of 6 terms other than normal have no picture" in capsys.readouterr().out
    assert rows(out / "indiana_reports.csv") == rows(table)
    assert len(rows(out / "indiana_projections.csv")) == 8
    truth = {row["uid"]: row for row in rows(out / "truth/truth.csv")}
    assert truth["7"]["finding"] == truth["12"]["finding"] == "normal"
    assert truth["9"]["finding"] == "opacity" and truth["9"]["side"] == "left"
    assert truth["11"]["side"]  # Left open by the term, chosen for the drawing.
    note = json.loads((out / "phantom.json").read_text())
    assert note["texts"] == "real report CSV real.csv" and note["phantom"]


def test_limit_takes_the_first_studies(tmp_path):
    table = write_reports(tmp_path / "real.csv", [("a", "normal"), ("b", "normal")])
    options = {"size": SIZE, "processes": 1, "progress": False}
    out, _ = draw_from_reports(table, tmp_path / "out", limit=1, **options)
    assert [row["uid"] for row in rows(out / "indiana_reports.csv")] == ["a"]


# === Refused ===


def test_another_phantom_is_refused(drawn):
    before = contents(drawn)
    with pytest.raises(InputError, match="another phantom .*seed: 1, not 2"):
        draw(drawn, seed=2)
    assert contents(drawn) == before


def test_other_places_are_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        draw(file)
    with pytest.raises(InputError, match="not a phantom"):
        draw(tmp_path)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("wrong", [{"studies": 0}, {"seed": -1}, {"size": 8}])
def test_numbers_out_of_range_are_refused(tmp_path, wrong):
    with pytest.raises(InputError, match="at least 1 study"):
        draw(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()


def test_bad_csvs_are_refused(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(InputError, match="no such file"):
        draw_from_reports(tmp_path / "none.csv", out)
    short = tmp_path / "short.csv"
    short.write_text("uid,MeSH\n1,normal\n")
    with pytest.raises(InputError, match="no column Problems"):
        draw_from_reports(short, out)
    climbing = write_reports(tmp_path / "climbing.csv", [("../../x", "normal")])
    with pytest.raises(InputError, match="uid '../../x'"):
        draw_from_reports(climbing, out)
    twice = write_reports(tmp_path / "twice.csv", [("1", "normal"), ("1", "normal")])
    with pytest.raises(InputError, match="repeated"):
        draw_from_reports(twice, out)
    assert not out.exists()

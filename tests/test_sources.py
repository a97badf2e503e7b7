import json
import pathlib
import sys
import types

import pytest

from cxrbase.files import InputError
from cxrlib.course import draw_phantom
from cxrlib.data.sources import column_names, find_dataset, find_reports
from cxrphantom import dataset

REPORTS = "uid,MeSH,Problems,image,indication,comparison,findings,impression\n"
NOWHERE = "/nowhere/at/all"


def indiana(folder, images="images/images_normalized"):
    (folder / images).mkdir(parents=True)
    (folder / "indiana_reports.csv").write_text(REPORTS)
    (folder / "indiana_projections.csv").write_text("uid,filename,projection\n")
    return folder


@pytest.fixture(autouse=True)
def a_bare_machine(monkeypatch, tmp_path):
    for name in ("CXR_DATA", "CXR_KAGGLEHUB", "COLAB_RELEASE_TAG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("KAGGLE_KERNEL_RUN_TYPE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def phantom(monkeypatch):
    calls = []

    def write_phantom(out, studies, seed, size):
        calls.append((str(out), studies, seed, size))
        if not out.exists():
            indiana(out)
        (out / "phantom.json").write_text(json.dumps({"seed": seed}))

    monkeypatch.setattr(dataset, "write_phantom", write_phantom)
    return calls


def test_a_folder_in_the_kaggle_layout_is_taken(tmp_path, capsys):
    root = indiana(tmp_path / "d")
    for path in (root, str(root), root / "indiana_reports.csv"):
        found = find_dataset(path)
        assert (found.kind, found.root) == ("indiana", root)
        assert found.image_root == root / "images" / "images_normalized"
        assert not found.is_phantom
    assert "Data: real" in capsys.readouterr().out


def test_images_may_lie_right_in_images(tmp_path):
    root = indiana(tmp_path / "d", images="images")
    assert find_dataset(root).image_root == root / "images"


def test_phantom_json_marks_a_phantom(tmp_path, capsys):
    root = indiana(tmp_path / "d")
    (root / "phantom.json").write_text('{"seed": 3}')
    found = find_dataset(root)
    assert found.is_phantom and found.phantom["seed"] == 3
    assert "Data: PHANTOM" in capsys.readouterr().out
    (root / "phantom.json").write_text("{")
    with pytest.raises(InputError, match="phantom.json: is not readable"):
        find_dataset(root)


def test_a_wrong_path_never_falls_back(tmp_path, monkeypatch, phantom):
    with pytest.raises(InputError, match="/nowhere/at/all: does not exist"):
        find_dataset(NOWHERE)
    monkeypatch.setenv("CXR_DATA", NOWHERE)
    with pytest.raises(InputError, match=r"does not exist \(\$CXR_DATA\)"):
        find_dataset()
    assert phantom == []


def test_the_argument_goes_before_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("CXR_DATA", str(indiana(tmp_path / "env")))
    assert find_dataset(indiana(tmp_path / "arg")).root.name == "arg"
    assert find_dataset("").root.name == "env"


def test_kaggle_is_searched_by_file_name(tmp_path):
    root = indiana(tmp_path / "input" / "datasets" / "raddar" / "any-name")
    found = find_dataset(kaggle_input=tmp_path / "input")
    assert found.root == root and "found under" in found.found


def test_a_phantom_is_drawn_loudly(phantom, capsys):
    found = find_dataset(
        kaggle_input=NOWHERE, draw=lambda: draw_phantom(None, 7, seed=5, size=64)
    )
    assert phantom == [("data/phantom-7x64-seed5", 7, 5, 64)]
    assert found.is_phantom
    out = capsys.readouterr().out
    assert "DRAWN" in out and "NO REAL DATA WAS FOUND" in out


def test_the_word_phantom_goes_before_real_data(tmp_path, monkeypatch, phantom):
    root = indiana(tmp_path / "input" / "d")
    monkeypatch.setenv("CXR_DATA", str(root))
    found = find_dataset("phantom", draw=lambda: draw_phantom(tmp_path / "p"))
    assert found.root == tmp_path / "p" and found.found == "asked for"


def fake_kagglehub(monkeypatch, download):
    fake = types.ModuleType("kagglehub")
    fake.dataset_download = download
    monkeypatch.setitem(sys.modules, "kagglehub", fake)


def test_kagglehub_is_asked_only_where_it_is_welcome(tmp_path, monkeypatch, phantom):
    root = indiana(tmp_path / "cache" / "versions" / "2")
    asked = []
    fake_kagglehub(monkeypatch, lambda h: asked.append(h) or str(tmp_path / "cache"))
    assert (
        find_dataset(kaggle_input=NOWHERE, draw=draw_phantom).is_phantom and not asked
    )
    monkeypatch.setenv("COLAB_RELEASE_TAG", "x")
    assert find_dataset(kaggle_input=NOWHERE).root == root
    assert asked == ["raddar/chest-xrays-indiana-university"]
    monkeypatch.setenv("CXR_KAGGLEHUB", "0")
    assert (
        find_dataset(kaggle_input=NOWHERE, draw=draw_phantom).is_phantom
        and len(asked) == 1
    )


def test_a_failed_download_falls_on_and_says_why(monkeypatch, phantom, capsys):
    def fail(handle):
        raise ConnectionError("no route")

    fake_kagglehub(monkeypatch, fail)
    monkeypatch.setenv("CXR_KAGGLEHUB", "1")
    assert find_dataset(kaggle_input=NOWHERE, draw=draw_phantom).is_phantom
    assert "ConnectionError: no route" in capsys.readouterr().out


def test_a_csv_is_taken_by_path_or_alone_in_its_folder(tmp_path):
    (tmp_path / "images").mkdir()
    table = tmp_path / "studies.csv"
    table.write_text("frontal,lateral,report\n")
    found = find_dataset(tmp_path, image_root=tmp_path / "images")
    assert (found.kind, found.csv) == ("csv", table)
    assert found.image_root == tmp_path / "images"
    assert find_dataset(table, columns={"report": "x"}).columns == {"report": "x"}
    with pytest.raises(InputError, match="gone: the image folder does not exist"):
        find_dataset(table, image_root="gone")
    (tmp_path / "other.csv").write_text("")
    with pytest.raises(InputError, match="other.csv, studies.csv"):
        find_dataset(tmp_path)


@pytest.mark.parametrize(
    "columns",
    [
        "report=notes, patient=id",
        ("report=notes", "patient=id"),
        {"report": "notes", "patient": "id"},
    ],
)
def test_columns_are_named_in_one_way(columns):
    assert column_names(columns) == {"report": "notes", "patient": "id"}
    assert column_names("") == column_names(None) == {}
    assert column_names("report=a=b") == {"report": "a=b"}
    for wrong in ("notes", "report=", "=notes", "report=notes,patient"):
        with pytest.raises(InputError, match="write it as ours=theirs"):
            find_dataset("nowhere", columns=wrong)


def test_half_a_dataset_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no indiana_reports.csv"):
        find_dataset(tmp_path)
    (tmp_path / "indiana_reports.csv").write_text(REPORTS)
    with pytest.raises(InputError, match="indiana_projections.csv: is missing"):
        find_dataset(tmp_path)
    (tmp_path / "x.zip").write_text("")
    with pytest.raises(InputError, match="x.zip: is not a CSV"):
        find_dataset(tmp_path / "x.zip")


# === The real tables, without a phantom in their stead ===


def test_reports_are_looked_for_and_never_drawn(tmp_path, monkeypatch):
    nowhere = tmp_path / "kaggle"
    folder, phantom = tmp_path / "indiana", tmp_path / "phantom"
    for each in (folder, phantom):
        each.mkdir()
        (each / "indiana_reports.csv").touch()
    (phantom / "phantom.json").write_text("{}")
    assert find_reports(kaggle_input=nowhere) is None
    assert find_reports(places=[phantom, folder], kaggle_input=nowhere) == folder
    assert find_reports("none", [folder]) is None
    assert find_reports(str(folder), kaggle_input=nowhere) == folder
    assert find_reports(kaggle_input=tmp_path) == folder
    monkeypatch.setenv("CXR_DATA", str(folder))
    assert find_reports(kaggle_input=nowhere) == folder
    with pytest.raises(InputError, match="holds no indiana_reports.csv"):
        find_reports(tmp_path)


def test_a_folder_may_bear_the_name_of_a_word(tmp_path, phantom):
    assert indiana(tmp_path / "phantom") and indiana(tmp_path / "kaggle")
    found = find_dataset("phantom", draw=lambda: draw_phantom(tmp_path / "p"))
    assert found.is_phantom and found.root == tmp_path / "p"
    assert find_dataset("./phantom").root == tmp_path / "phantom"


def test_nothing_is_drawn_unless_a_drawer_is_handed_in(phantom):
    for data in ("", "phantom"):
        with pytest.raises(InputError, match="nothing to draw a phantom with"):
            find_dataset(data, kaggle_input=NOWHERE)
    assert not phantom


def test_a_drawing_never_goes_to_google_drive(monkeypatch, phantom, tmp_path):
    from cxrbase import hosts

    monkeypatch.setattr(hosts, "DRIVE", str(tmp_path / "content/drive/MyDrive"))
    monkeypatch.setattr(hosts, "CONTENT", str(tmp_path / "content"))
    asked = tmp_path / "content/drive/MyDrive/run/phantom"
    found = find_dataset("phantom", draw=lambda: draw_phantom(asked))
    assert found.root == tmp_path / "content/run/phantom"


# === Some of the collection, file by file ===


@pytest.fixture
def collection(tmp_path, monkeypatch):
    """Kaggle's copy of ten studies, its file server, and what was asked of it."""
    remote, asked = tmp_path / "kagglehub", []
    images = remote / "images" / "images_normalized"
    images.mkdir(parents=True)
    reports, projections = [REPORTS], ["uid,filename,projection\n"]
    for uid in range(10):
        reports.append(f"{uid},normal,normal,,,,,Clear {uid}.\n")
        for view in ("Frontal", "Lateral"):
            (images / f"{uid}{view}.png").write_text(f"{uid} {view}")
            projections.append(f"{uid},{uid}{view}.png,{view}\n")
    reports.append("11,No Indexing,No Indexing,,,,,Clear.\n")
    (remote / "indiana_reports.csv").write_text("".join(reports))
    (remote / "indiana_projections.csv").write_text("".join(projections))

    def download(handle, path=None):
        asked.append(path)
        if not (remote / path).is_file():
            raise FileNotFoundError(path)
        return str(remote / path)

    fake_kagglehub(monkeypatch, download)
    return remote, asked


def test_some_studies_are_fetched_one_file_at_a_time(collection, tmp_path):
    from cxrlib.data.studies import load_studies

    found = find_dataset("kaggle", studies=3, seed=1, kaggle_input=NOWHERE)
    _, asked = collection
    assert found.kind == "indiana" and not found.is_phantom
    assert len(asked) == 2 + 2 * 3 and None not in asked
    studies = load_studies(found)
    assert len(studies) == 11 and studies.on_disk.sum() == 3
    for row in studies[studies.on_disk].itertuples():
        assert pathlib.Path(row.lateral).read_text() == f"{row.uid} Lateral"


def test_what_was_fetched_is_not_fetched_again(collection):
    first = find_dataset("kaggle", studies=3, kaggle_input=NOWHERE)
    _, asked = collection
    asked.clear()
    again = find_dataset("kaggle", studies=3, kaggle_input=NOWHERE)
    assert again.root == first.root and len(asked) == 2  # The tables are looked up.


def test_what_kaggle_has_attached_goes_before_a_download(collection, tmp_path):
    root = indiana(tmp_path / "input" / "any-name")
    found = find_dataset("kaggle", kaggle_input=tmp_path / "input")
    assert found.root == root and not collection[1]


def test_a_file_that_kaggle_keeps_back_is_reported(collection, phantom):
    remote, _ = collection
    (remote / "images/images_normalized/4Lateral.png").unlink()
    with pytest.raises(InputError, match="4Lateral.png: Kaggle does not serve it"):
        find_dataset("kaggle", studies=10, kaggle_input=NOWHERE)
    assert not phantom, "a phantom must not stand in for what was asked for"


def test_the_tables_alone_need_two_files(collection, tmp_path):
    assert find_reports("kaggle", kaggle_input=NOWHERE) == collection[0]
    assert len(collection[1]) == 2
    attached = indiana(tmp_path / "input" / "any-name")
    assert find_reports("kaggle", kaggle_input=tmp_path / "input") == attached

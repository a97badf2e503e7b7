"""Paths in a table: as they are written elsewhere, and why a file is not there."""

import os

import pytest

from cxrbase.files import InputError
from cxrbase.paths import existing, inside, inside_all, listing, why_absent


@pytest.fixture
def folder(tmp_path):
    images = tmp_path / "img"
    images.mkdir()
    for name in ("f0.png", "a b.png", "e\u0301.png", "back\\slash.png"):
        (images / name).write_bytes(b"x")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "to_pipe.png").symlink_to(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to(images / "f0.png")
    (tmp_path / "out.png").symlink_to("/etc/passwd")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("img/f0.png", "img/f0.png"),
        ("img\\f0.png", "img/f0.png"),
        (".\\img\\f0.png", "img/f0.png"),
        ("img\\..\\img/f0.png", "img/f0.png"),
        ("./img//f0.png", "img/f0.png"),
        ("img/back\\slash.png", "img/back\\slash.png"),
        ("link.png", "img/f0.png"),
    ],
)
def test_a_path_is_read_as_it_is_meant(folder, name, file):
    listed = listing()
    paths = inside_all(folder, [name, str(folder / name.replace("\\", "/"))], listed)
    assert paths[0] == str(folder / file)
    assert paths[0] in existing(paths, listed)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("C:\\data\\f0.png", "a Windows path"),
        ("d:/data/f0.png", "a Windows path"),
        ("https://host.org/f0.png", "a URL; download the file"),
        ("s3://bucket/f0.png", "a URL; download the file"),
        ("img/F0.PNG", "not on disk, but 'f0.png' is: write it so"),
        ("IMG/f0.png", "its folder is not on disk, but 'img' is: write it so"),
        ("img/f0", "not on disk, but 'f0.png' is"),
        ("img/f0.jpg", "not on disk, but 'f0.png' is"),
        ("img/ f0.png ", "not on disk, but 'f0.png' is"),
        ("img/a%20b.png", "not on disk, but 'a b.png' is"),
        ("img/\u00e9.png", "not on disk, but 'e\u0301.png' is"),
        ("~/f0.png", "~ means no home here"),
        ("img/f9.png", "the file is not on disk"),
        ("gone/f0.png", "the file is not on disk, nor is its folder"),
        ("x" * 300 + ".png", "not a file path: too long"),
        ("x" * 300 + "/f0.png", "nor is its folder"),
        ("x/" * 3000 + "f0.png", "nor is its folder"),
        ("loop.png", "not a file path: too long, or circular links"),
        ("circle/f0.png", "nor is its folder"),
        ("pipe.png", "not a file, but a pipe or a device"),
        ("to_pipe.png", "not a file, but a pipe or a device"),
    ],
)
def test_why_a_file_is_not_there_is_reported(folder, name, why):
    listed = listing()
    paths = inside_all(folder, [name], listed)
    assert not existing(paths, listed)
    assert why in why_absent(paths, listed)[0]


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../x.png",
        "..\\..\\etc\\passwd",
        "img\\..\\..\\x.png",
        "\\\\server\\share\\f0.png",
        "out.png",
    ],
)
def test_no_way_of_writing_leads_out(folder, name):
    with pytest.raises(InputError, match="leads out of its folder"):
        inside_all(folder, [name], listing())


def test_one_path_that_is_none_is_reported():
    with pytest.raises(InputError, match="is not a file path"):
        inside("/tmp", "a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_holds_nothing(folder):
    (folder / "img").chmod(0)
    assert listing()(str(folder / "img")) == {}
    (folder / "img").chmod(0o755)

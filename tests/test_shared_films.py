"""One film under several names, patients and formats lies in one split, and is told."""

import json
import pathlib

import cv2
import numpy as np
import pandas as pd
import pytest

from cxrbase.files import InputError
from cxrbase.films.same import film_digest
from cxrbase.images import read_radiograph
from cxrlib.data import prepare as module
from cxrlib.data.prepare import prepare
from cxrlib.data.shards import ARRAYS
from cxrlib.data.sources import find_dataset
from cxrlib.data.splits import keep_together, split_studies
from cxrlib.data.studies import funnel, load_studies
from cxrlib.data.table import split_shards

SETTINGS = {"size": 8, "shard_size": 4, "processes": 1, "progress": False}


def twice(folder, again):
    """Twelve pairs of films, then the same once more, `again(pixels, path)`."""
    rng, rows = np.random.default_rng(0), []
    folder.mkdir()
    films = rng.integers(0, 256, (12, 2, 40, 30), np.uint8)
    for i in range(24):
        for pixels, view in zip(films[i % 12], "fl", strict=True):
            write = again if i >= 12 else save
            write(pixels, folder / f"{view}{i}.png")
        rows.append((f"s{i}", f"p{i}", f"f{i}.png", f"l{i}.png", f"Text {i}.", i % 2))
    names = ["uid", "patient", "frontal", "lateral", "report", "abnormal"]
    pd.DataFrame(rows, columns=names).to_csv(folder / "table.csv", index=False)
    return funnel(load_studies(find_dataset(folder)))[0]


def save(pixels, path, *options):
    assert cv2.imwrite(str(path), pixels, *options)


def as_other_bytes(pixels, path):
    save(pixels, path, [cv2.IMWRITE_PNG_COMPRESSION, 0])


def as_16_bits(pixels, path):
    save(pixels.astype(np.uint16) * 257, path)


def as_colours(pixels, path):
    save(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), path)


def in_two_splits(table):
    films = table.uid.str[1:].astype(int) % 12
    return int(table.groupby(films).split.nunique().gt(1).sum())


def test_the_same_bytes_are_dealt_together(tmp_path, capsys):
    studies = twice(tmp_path / "in", save)
    split = split_studies(studies)
    assert in_two_splits(split) == 0 and split.split.nunique() == 3
    said = "24 studies of 24 patients share images and stay together"
    assert said in capsys.readouterr().out
    # Files of one size, or of one end, are not yet the same.
    (tmp_path / "in" / "f3.png").write_bytes(b"\0" * 50_000 + b"end")
    (tmp_path / "in" / "f4.png").write_bytes(b"\1" + b"\0" * 49_999 + b"end")
    split_studies(studies)
    assert said in capsys.readouterr().out  # By their laterals.


@pytest.mark.parametrize("again", [as_other_bytes, as_16_bits, as_colours])
def test_the_same_pixels_are_moved_together(again, tmp_path, capsys):
    studies = twice(tmp_path / "in", again)
    out = tmp_path / "out"
    dealt = split_studies(studies)
    assert in_two_splits(dealt) > 0, "else this test tests nothing"
    manifest = prepare(studies, out, memory_map=True, **SETTINGS)
    said = capsys.readouterr().out
    table = pd.read_csv(out / "studies.csv")
    assert len(table) == 24 and in_two_splits(table) == 0
    assert in_two_splits(pd.read_csv(out / "split.csv")) == 0
    assert manifest["shared_films"] == {"films": 24, "studies": 24, "patients": 24}
    moved = table.set_index("uid").split.ne(dealt.set_index("uid").split).sum()
    assert moved == in_two_splits(dealt) and f"Split: {moved} studies move" in said
    assert "WARNING: 24 films occur in several studies" in said
    # The split that was saved needs no mending again.
    files = {path: path.read_bytes() for path in out.glob("*.npy")}
    assert prepare(studies, out, memory_map=True, **SETTINGS) == manifest
    assert "studies move" not in capsys.readouterr().out
    assert {path: path.read_bytes() for path in out.glob("*.npy")} == files


def test_a_split_that_stays_empty_is_reported(tmp_path, capsys):
    studies = twice(tmp_path / "in", save)
    settings = SETTINGS | {"memory_map": True}
    prepare(studies, tmp_path / "all", **settings)
    prepare(studies, tmp_path / "none", fractions=(1, 0, 0), **settings)
    assert "no study is in" not in capsys.readouterr().out
    one = studies.assign(patient="p0")
    assert prepare(one, tmp_path / "one", **settings)["counts"]["train"] == 24
    assert "WARNING: no study is in val and test" in capsys.readouterr().out


@pytest.mark.parametrize("stop", range(1, 9))
def test_a_stopped_call_goes_on_to_the_same_bytes(stop, tmp_path, monkeypatch):
    studies = twice(tmp_path / "in", as_other_bytes)
    given = split_studies(studies)  # As a notebook hands it in.
    prepare(given, tmp_path / "whole", memory_map=True, **SETTINGS)
    real, calls = module.write_shard, []

    def stopped(*args):
        calls.append(1)
        if len(calls) == stop:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(module, "write_shard", stopped)
    with pytest.raises(KeyboardInterrupt):
        prepare(given, tmp_path / "out", memory_map=True, **SETTINGS)
    prepare(given, tmp_path / "out", memory_map=True, **SETTINGS)
    names = sorted(path.name for path in (tmp_path / "whole").iterdir())
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    for name in names:
        if name.endswith((".npy", ".csv")):
            one, other = (tmp_path / folder / name for folder in ("whole", "out"))
            assert one.read_bytes() == other.read_bytes(), name
    made = len(calls)
    prepare(given, tmp_path / "out", memory_map=True, **SETTINGS)
    assert len(calls) == made, "a third call has nothing to write"


def test_in_which_order_films_become_known_changes_nothing():
    studies = pd.DataFrame({"uid": list("abcdef"), "patient": list("uvwxyz")})
    studies["split"] = ["test", "train", "val", "train", "test", "train"]
    films = {"a": ["1"], "b": ["1", "2"], "c": ["2"], "d": ["3"], "e": ["3"], "f": []}
    at_once = keep_together(studies, films)
    assert at_once.split.tolist() == ["test"] * 3 + ["train"] * 3
    for first in ("ab", "bc", "de", "abde"):
        part = keep_together(studies, {uid: films[uid] for uid in first})
        assert keep_together(part, films).equals(at_once)
    assert keep_together(studies, {}).equals(studies)


def test_one_film_for_many_and_for_both_views_is_reported(tmp_path, capsys):
    studies = twice(tmp_path / "in", save).head(20)
    one = (tmp_path / "in/f0.png").read_bytes()
    for file in studies.frontal[:10]:
        pathlib.Path(file).write_bytes(one)
    (tmp_path / "in/l5.png").write_bytes((tmp_path / "in/f5.png").read_bytes())
    manifest = prepare(studies, tmp_path / "out", memory_map=True, **SETTINGS)
    said = capsys.readouterr().out
    assert "WARNING: frontal and lateral are one film in 1 studies: s5" in said
    table = pd.read_csv(tmp_path / "out/studies.csv")
    assert table.split[table.uid.isin(studies.uid[:10])].nunique() == 1
    assert manifest["shared_films"]["patients"] >= 10


def test_a_digest_names_pixels_and_shape(tmp_path):
    film = np.arange(1200, dtype="float32").reshape(40, 30) / 1199
    assert film_digest(film) == film_digest(film.copy(order="F"))
    assert film_digest(film) != film_digest(film.reshape(30, 40))
    assert film_digest(film) != film_digest(film + np.float32(2e-5))
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30), np.uint8)
    digests = set()
    for number, write in enumerate((save, as_other_bytes, as_16_bits, as_colours)):
        write(pixels, path := tmp_path / f"{number}.png")
        digests.add(film_digest(read_radiograph(path)))
    assert len(digests) == 1


def test_a_saved_split_that_names_nobody_is_reported(tmp_path, capsys):
    studies = twice(tmp_path / "in", save)
    path = tmp_path / "split.csv"
    path.write_text("uid,patient,split\nelse,else,test\n")
    split = split_studies(studies, path=path)
    said = capsys.readouterr().out
    assert "names none of these 24 studies, but such as 'else'; split anew" in said
    assert "taken from" not in said and split.split.nunique() == 3
    split_studies(studies, path=path)
    assert f"taken from {path}" in capsys.readouterr().out


def test_a_uid_that_merge_repeats_is_refused(tmp_path):
    studies = twice(tmp_path / "in", save)
    for table, mend in (
        (pd.concat([studies, studies[:2]]), "Rows are repeated whole"),
        (studies.assign(uid="s1"), "Give every study its own uid"),
    ):
        for call in (split_studies, lambda each: prepare(each, tmp_path / "out")):
            with pytest.raises(InputError, match=f"uid s.* more than once.*{mend}"):
                call(table)


def test_what_a_folder_held_is_reported_before_it_is_replaced(tmp_path, capsys):
    first = twice(tmp_path / "first", save)
    other = twice(tmp_path / "other", save).assign(ground="phantom")
    out = tmp_path / "out"
    prepare(first, out, memory_map=True, **SETTINGS)
    prepare(first, out, memory_map=True, **SETTINGS)
    assert "replaces" not in capsys.readouterr().out
    settings = SETTINGS | {"size": 9}
    prepare(other, out, memory_map=True, **settings)
    said = (
        f"replaces 24 prepared studies (ground real, root {tmp_path / 'first'}, size 8)"
    )
    assert said in capsys.readouterr().out
    assert json.loads((out / "manifest.json").read_text())["size"] == 9


def test_a_split_that_is_none_is_answered_with_those_that_are(tmp_path):
    prepare(twice(tmp_path / "in", save), tmp_path / "out", memory_map=True, **SETTINGS)
    for split, mend in (("tset", "Choose one of train, val, test"), ("", "Choose one")):
        with pytest.raises(InputError, match=f"holds no study, of train .*{mend}"):
            split_shards(tmp_path / "out", split, ARRAYS)

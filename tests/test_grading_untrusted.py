"""What anybody may have made: refused in words, never run, never unpacked."""

import dataclasses
import json
import os
import pickle
import stat
import zipfile
import zlib

import pytest

from coursework.grade import untrusted
from coursework.grade.cells import changed, how_it_ran, read_cells
from coursework.grade.recount import COLUMNS, LETTERS, ROWS, read_table
from coursework.grade.untrusted import Archive, Folder, read_json
from cxrbase.files import InputError
from cxrbase.refusals import printable

RESULTS = "07_multitask/results.json"


def pack(path, *entries, method=zipfile.ZIP_DEFLATED):
    """A zip of (name or ZipInfo, content) pairs, duplicates and all."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return path


def link(name):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


# === Zips ===


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "a/../../b",
        "..\\..\\b",
        "C:/b",
        "\\\\host\\b",
    ],
)
def test_paths_that_lead_out_are_refused(tmp_path, name):
    path = pack(tmp_path / "a.zip", (RESULTS, "{}"), (name, "x"))
    with pytest.raises(InputError, match=r"^a\.zip: holds .* leads out of its folder"):
        Archive(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.zip"]


def test_links_doubles_and_odd_packings_are_refused(tmp_path):
    path = pack(tmp_path / "a.zip", (link(RESULTS), "/etc/passwd"))
    with pytest.raises(InputError, match="a symbolic link"):
        Archive(path)
    with pytest.warns(UserWarning):
        path = pack(tmp_path / "b.zip", (RESULTS, "{}"), (RESULTS, "[]"))
    with pytest.raises(InputError, match=r"holds “07_multitask/results\.json”, twice"):
        Archive(path)
    path = pack(tmp_path / "c.zip", (RESULTS, "{}"), (f"./{RESULTS}", "[]"))
    with pytest.raises(InputError, match="twice"):
        Archive(path)
    path = pack(tmp_path / "d.zip", (RESULTS, "{}"), method=zipfile.ZIP_LZMA)
    with pytest.raises(InputError, match="packed in a way that is not read"):
        Archive(path)
    content = bytearray(pack(tmp_path / "e.zip", (RESULTS, "{}")).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "e.zip").write_bytes(content)
    with pytest.raises(InputError, match="encrypted"):
        Archive(tmp_path / "e.zip")
    path = pack(
        tmp_path / "f.zip", *((f"{i}", "") for i in range(untrusted.ENTRIES + 1))
    )
    with pytest.raises(InputError, match="2,001 files; more than 2,000 are not read"):
        Archive(path)


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    bomb = b"0" * (untrusted.LIMITS["results.json"] + 1)
    path = pack(tmp_path / "a.zip", (RESULTS, bomb))
    assert path.stat().st_size < 10_000
    with pytest.raises(InputError, match=r"results\.json: 4 MB; more than 4 MB"):
        Archive(path).read(RESULTS)
    # The zip says that it is small.
    content = bytearray(path.read_bytes())
    for place in (content.index(b"PK\x01\x02") + 24, content.index(b"PK\x03\x04") + 22):
        content[place : place + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"results\.json: damaged in the zip"):
        Archive(path).read(RESULTS)


def test_broken_zips_are_told(tmp_path):
    whole = pack(tmp_path / "whole.zip", (RESULTS, b"{}" * 500)).read_bytes()
    path = tmp_path / "a.zip"
    for content in (b"", b"PK", whole[: len(whole) // 2], whole[:-10], b"\0" * 99):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.zip: not a readable zip"):
            Archive(path)
    damaged = bytearray(whole)
    damaged[60:64] = b"\xff\xff\xff\xff"
    path.write_bytes(damaged)
    with pytest.raises(InputError, match="damaged in the zip"):
        Archive(path).read(RESULTS)


def test_any_broken_byte_is_reported_or_harmless(tmp_path):
    whole = pack(tmp_path / "a.zip", (RESULTS, b'{"schema": 1}')).read_bytes()
    for place in range(len(whole)):
        for value in (0, 0xFF, whole[place] ^ 0x40):
            (tmp_path / "a.zip").write_bytes(
                whole[:place] + bytes([value]) + whole[place + 1 :]
            )
            try:
                archive = Archive(tmp_path / "a.zip")
                for name in archive.names():
                    if name.endswith("results.json"):
                        read_json(archive.read(name))
            except InputError as error:
                assert "\n" not in str(error)


# === Files ===


def test_links_pipes_and_folders_are_no_files(tmp_path):
    folder = tmp_path / "07_multitask"
    folder.mkdir()
    (tmp_path / "secret").write_text("{}")
    (folder / "results.json").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "predictions.csv")
    (folder / "07_multitask.ipynb").mkdir()
    (folder / "model.keras").write_text("not read")
    holder = Folder(folder)
    assert len(holder.names()) == 3
    for name, words in zip(
        holder.names(), ("plain file", "plain file", "symbolic link"), strict=True
    ):
        with pytest.raises(InputError, match=words):
            holder.read(name)


def test_large_files_are_not_read(tmp_path):
    folder = tmp_path / "07_multitask"
    folder.mkdir()
    with open(folder / "predictions.csv", "wb") as file:
        file.truncate(untrusted.LIMITS["predictions.csv"] + 1)
    with pytest.raises(InputError, match=r"predictions\.csv: 8 MB; more than 8 MB"):
        Folder(folder).read("07_multitask/predictions.csv")
    with open(tmp_path / "a.zip", "wb") as file:
        file.truncate(untrusted.LIMITS[".zip"] + 1)
    with pytest.raises(InputError, match=r"a\.zip: 64 MB"):
        Archive(tmp_path / "a.zip")


def test_names_are_made_printable():
    assert printable("a\nb\t c") == "a b c"
    assert printable("\x1b[31m\u202eevil\0") == "\ufffd[31m\ufffdevil\ufffd"
    assert len(printable("x" * 10_000, 50)) == 50


# === JSON ===


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not readable as JSON"),
        (b"", "not readable as JSON"),
        (b"\xff\xfe{\x00}\x00", "not in UTF-8"),
        ('{"a": "é"}'.encode("latin-1"), "not in UTF-8"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": 1e999}', "too large to be a score"),
        (b'{"a": [1' + b"0" * 400 + b"]}", "too large to be a score"),
        (b'{"a": 1' + b"0" * 9_000 + b"}", "not readable as JSON"),
        (b'{"a": 1, "b": 2, "a": 3}', "the name “a” occurs twice"),
        (b"[" * 60 + b"]" * 60, "nested more than 50 deep"),
        (b"[" * 200_000 + b"]" * 200_000, "nested more than 50 deep"),
        (b"[" * 5_000_000, "more than 1,000,000 lists and objects"),
        (b"[" + b"{}," * 1_500_000 + b"{}]", "more than 1,000,000 lists"),
    ],
)
def test_json_that_is_refused(content, words):
    with pytest.raises(InputError) as caught:
        read_json(content)
    assert words in str(caught.value) and len(str(caught.value)) < 200


def test_a_byte_order_mark_is_no_fault():
    assert read_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


# === Tables ===


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a readable CSV"),
        (b"study\n1\n", "has no column uid"),
        (b"uid,label,label\n1,1,0\n", "the column label occurs twice"),
        (b"uid,label\n1,yes\n", "column label"),
        (b"uid,reference\n1,\xe9\n", "not in UTF-8"),
        (b"uid," + b",".join(b"c%d" % i for i in range(COLUMNS)), "61 columns"),
        (b"uid\n" + b"1\n" * (2 * ROWS + 1), "more than 20,000 rows"),
        (b"uid\n" + b"1\n" * (ROWS + 1), "more than 20,000 rows"),
        (b"uid,prediction\n1," + b"x" * (LETTERS + 1), "more than 5,000 letters"),
        (b'uid,prediction\n1,"open', "not a readable CSV"),
        (b'uid,a\n"' + b"x" * 200_000 + b'",1\n', "more than 5,000 letters"),
    ],
)
def test_tables_that_are_refused(content, words):
    with pytest.raises(InputError) as caught:
        read_table(content)
    assert words in str(caught.value) and str(caught.value).startswith(
        "predictions.csv"
    )


# === Notebooks ===


def cell(code="1", count=1, name="a", **more):
    return {"cell_type": "code", "id": name, "source": code} | {
        "execution_count": count,
        "outputs": [],
        "metadata": {},
        **more,
    }


def notebook(*cells, **more):
    return json.dumps({"nbformat": 4, "cells": cells, **more}).encode()


@pytest.mark.parametrize(
    "content",
    [b"[]", b"{}", b"3", b'{"nbformat": 3, "cells": []}', b'{"nbformat": 4}'],
)
def test_what_is_no_notebook_is_reported(content):
    with pytest.raises(InputError, match="not a notebook|no list of cells"):
        read_cells(content)


def test_odd_cells_do_no_harm():
    odd = [3, None, [], {}, {"cell_type": "code"}, {"cell_type": []}]
    odd += [cell(source=7), cell(source=["a", 3]), cell(metadata=3), cell(outputs={})]
    odd += [cell(outputs=[3, {"output_type": "error", "ename": 3, "evalue": []}])]
    odd += [
        cell(count="7"),
        cell(count=True),
        cell(metadata={"nbgrader": 3, "tags": 3}),
    ]
    cells = read_cells(notebook(*odd))
    assert {each.count for each in cells} <= {None, 1}
    assert how_it_ran(cells) and changed(cells, cells) == {}


def test_a_pickle_in_disguise_is_not_loaded(tmp_path):
    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    content = pickle.dumps(Payload())
    for read in (read_json, read_cells, read_table):
        with pytest.raises(InputError):
            read(content)
    with pytest.raises(InputError):
        read_table(zlib.compress(content))
    assert not (tmp_path / "executed").exists()
    pickle.loads(content)  # Whoever loads it, runs it.
    assert (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ([], "no code cell"),
        ([cell(count=None), cell(count=None)], "without having been run"),
        ([cell(count=2), cell(count=1), cell(count=3)], "shows In [1] below In [2]"),
        ([cell(count=2), cell(count=2), cell(count=3)], "not run in their order"),
        ([cell(), cell(count=None), cell(count=3)], "Code cell 2 (a) was not run"),
    ],
)
def test_how_a_notebook_ran(cells, words):
    assert words in how_it_ran(read_cells(notebook(*cells)))


ANSWER = {"nbgrader": {"solution": True}}


def answered(*counts, source='results.predict(1, "")'):
    """Parameters, a prediction, a cell, an answer, a cell and the last one."""
    about = [{}, {}, {}, {"metadata": ANSWER}, {}, {}]
    sources = ["p = 1", source, "a", 'answer_1 = "x"', "b", "finish()"]
    cells = [
        cell(text, name=f"c{place}", count=count, **more)
        for place, (text, count, more) in enumerate(
            zip(sources, counts, about, strict=True)
        )
    ]
    return read_cells(notebook(*cells))


@pytest.mark.parametrize(
    "counts",
    [
        (1, 2, 3, 4, 5, 6),
        (1, 2, 3, 7, 5, 8),
        (1, 9, 3, 7, 5, 10),
        (1, 2, 3, 12, 5, None),
        (11, 12, 13, 14, 15, 16),
        (1, 2, 3, 7, 5, 6),
    ],
    ids=["once", "answered", "predicted", "last unnumbered", "old kernel", "saved"],
)
def test_answers_predictions_and_the_last_cell_may_run_again(counts):
    assert how_it_ran(answered(*counts)) == ""
    said = answered(*counts, source="results.predict(1, \"a 'half'\")  # So I think")
    assert how_it_ran(said) == "" and changed(said, answered(*counts)) == {}


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((1, 2, 7, 4, 5, 8), "Code cell 5 (c4) shows In [5] below In [7]"),
        ((1, 2, 3, None, 5, 6), "Code cell 4 (c3) was not run"),
        ((7, 2, 3, 4, 5, 6), "Code cell 3 (c2) shows In [3] below In [7]"),
    ],
)
def test_the_other_cells_keep_their_order(counts, words):
    assert how_it_ran(answered(*counts)).startswith(words)


def test_cells_of_a_students_own_may_run_at_any_time():
    course = answered(1, 2, 3, 4, 5, 6)
    tried = read_cells(notebook(cell("try_this()", name="mine", count=30)))
    theirs = [*course[:3], *tried, *course[3:]]
    assert how_it_ran(theirs, course) == ""
    assert "below In [30]" in how_it_ran(theirs)


ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no"}


def test_an_error_in_a_cell_of_a_students_own_is_free():
    course = answered(1, 2, 3, 4, 5, 6)
    tried = read_cells(notebook(cell("t()", name="m", count=9, outputs=[ERROR])))
    assert how_it_ran([*course[:3], *tried, *course[3:]], course) == ""


def test_the_course_says_which_cell_may_raise():
    meant = {"metadata": {"tags": ["raises-exception"]}}
    plain, marked = cell("a()", name="a"), cell("a()", name="a", **meant)
    last = cell("finish()", name="z", count=2)
    course = [read_cells(notebook(each, last)) for each in (plain, marked)]
    plain, marked = ({**each, "outputs": [ERROR]} for each in (plain, marked))
    theirs = read_cells(notebook(marked, last))
    assert "raised ValueError" in how_it_ran(theirs, course[0])
    assert how_it_ran(read_cells(notebook(plain, last)), course[1]) == ""


def test_only_the_courses_last_cell_may_lack_its_number():
    course = answered(1, 2, 3, 4, 5, 6)
    own = read_cells(notebook(cell("print(1)", name="mine", count=7)))
    assert how_it_ran([*answered(1, 2, 3, 4, 5, None), *own], course) == ""
    unrun = answered(1, 2, 3, 4, None, 6)[:-1]
    assert "Code cell 5 (c4) was not run" in how_it_ran(unrun, course)


MISSING = "Of the course's code cells, missing or commented out, so not run: c2."


def test_a_cell_of_the_course_that_was_taken_out_was_not_run():
    course = answered(1, 2, 3, 4, 5, 6)
    theirs = answered(1, 2, 3, 4, 5, 6)
    del theirs[2]
    assert how_it_ran(theirs) == ""
    assert how_it_ran(theirs, course) == MISSING
    del theirs[-2:]
    assert how_it_ran(theirs, course).endswith("so not run: c2, c4, c5.")
    # Nor is one that was emptied, or is there in words only.
    for code in ("", "# a", "# a\n\n  # b"):
        spoilt = [cell(code, 3, "c2"), *(cell(x, 9, x) for x in ("a1", "a2"))]
        spoilt = read_cells(notebook(*spoilt))
        theirs = [*course[:2], *spoilt, *course[3:]]
        assert how_it_ran(theirs, course) == MISSING


def test_a_cell_with_another_id_or_in_part_another_code_is_there():
    course = answered(1, 2, 3, 4, 5, 6)
    for code, name in (("a", "new"), ("a # tried", "c2"), ("# tried\na", "c2")):
        changed_one = read_cells(notebook(cell(code, 3, name)))
        theirs = [*course[:2], *changed_one, *course[3:]]
        assert how_it_ran(theirs, course) == ""
    # An editor has given new ids, and parameter and answer are filled in.
    renamed = [dataclasses.replace(each, id="") for each in course]
    renamed[3] = dataclasses.replace(renamed[3], code='answer_1 = "y"', solution=False)
    assert how_it_ran(renamed, course) == ""


def yours(*counts):
    """Five cells, of which the second is tagged as the student's."""
    tagged = {"metadata": {"tags": ["yours"]}}
    return read_cells(
        notebook(
            *(
                cell(f"s{n}", name=f"s{n}", count=count, **(tagged if n == 1 else {}))
                for n, count in enumerate(counts)
            )
        )
    )


@pytest.mark.parametrize("counts", [(1, 2, 3, 4, 5), (1, 7, 8, 4, 5), (1, 7, 8, 9, 5)])
def test_a_cell_to_fill_in_and_those_below_may_run_again(counts):
    course = yours(1, 2, 3, 4, 5)
    assert course[1].own and how_it_ran(yours(*counts), course) == ""


@pytest.mark.parametrize("counts", [(4, 7, 8, 3, 9), (1, 7, 9, 8, 3, 10)])
def test_but_those_below_keep_an_order_too(counts):
    assert "not run in their order" in how_it_ran(yours(*counts), yours(*counts))


@pytest.mark.parametrize(
    "line",
    [
        'results.predict(1, "x"); cheat()',
        'results.predict(1, f"{cheat()}")',
        'results.predict(1, "x", cheat())',
        'results.predict(cheat(), "x")',
        'results.predict(1, "x"',
        '    results.predict(1, "x")',
        "results.predict(1, [cheat := 1])",
    ],
)
def test_only_the_text_of_a_prediction_is_the_students(line):
    course = read_cells(notebook(cell('results.predict(1, "")\na()', name="a")))
    theirs = read_cells(notebook(cell(f"{line}\na()", name="a")))
    assert "a" in changed(theirs, course)


@pytest.mark.parametrize(
    "line",
    [
        "results.predict(1, 7)",
        "results.predict(1, -3)",
        "results.predict(1, None)",
        "results.predict(1, f'{number} more')",
        "results.predict(1, text='x')",
        "results.predict(number=1, text='x')",
        "results.predict(\n    1,\n    'the label: '\n    'ä',\n)  # I think",
        'results.predict(1, """two\nlines""")',
    ],
)
def test_a_prediction_may_be_written_in_any_way(line):
    course = read_cells(notebook(cell('results.predict(1, "")\na()')))
    theirs = read_cells(notebook(cell(f"{line}\na()")))
    assert changed(theirs, course) == {} and theirs[0].predicts


def test_also_beside_a_command_of_ipython():
    course = read_cells(notebook(cell('results.predict(1, "")\n!ls')))
    theirs = read_cells(notebook(cell("results.predict(1, -3)\n!ls")))
    assert changed(theirs, course) == {} and theirs[0].predicts


def test_errors_are_told_unless_they_are_meant():
    error = {"output_type": "error", "ename": "ValueError", "evalue": "<b>\nno"}
    failed = cell(outputs=[error])
    said = how_it_ran(read_cells(notebook(failed, cell(count=2))))
    assert said == "Code cell 1 (a) raised ValueError: <b> no."
    meant = failed | {"metadata": {"tags": ["raises-exception"]}}
    assert how_it_ran(read_cells(notebook(meant, cell(count=2)))) == ""
    # The last cell packs the notebook: it is saved without its own number.
    assert how_it_ran(read_cells(notebook(cell(), cell(count=None)))) == ""
    # Empty cells are not counted, neither by Jupyter nor here.
    assert how_it_ran(read_cells(notebook(cell("  "), cell(), cell(count=2)))) == ""


def test_code_is_compared_cell_by_cell():
    course = read_cells(
        notebook(
            cell("a = 1\nb = 2", name="one"),
            cell("p = 1", name="parameters", metadata={"tags": ["parameters"]}),
            cell("x", name="ex", metadata={"nbgrader": {"solution": True}}),
            cell("c = 3", name="three"),
        )
    )
    theirs = read_cells(
        notebook(cell("a = 1  \nb = 9", name="one"), cell("p = 5", name="parameters"))
    )
    assert changed(theirs, course) == {
        "one": "differs in line 2: “b = 9”, the course has “b = 2”",
        "three": "is missing",
    }
    # Other ids, other order, spaces at the ends: the same code.
    theirs = read_cells(notebook(cell("c = 3\n\n", name="9"), cell("a = 1\nb = 2 ")))
    assert changed(theirs, course) == {}

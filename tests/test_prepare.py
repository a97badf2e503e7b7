import csv
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pandas as pd
import pytest
from films import giant_png

from cxrbase.files import InputError
from cxrbase.films.decoder import decoder
from cxrlib.data import prepare as module
from cxrlib.data.prepare import feature_description, prepare, read_manifest
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import funnel, load_studies

ROOT = pathlib.Path(__file__).parents[1]
REAL = pathlib.Path(os.environ.get("CXR_REAL_DATA") or ROOT.parent / "shared" / "data")


def make_folder(folder, count=12):
    rng = np.random.default_rng(0)
    folder.mkdir(exist_ok=True)
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["uid", "frontal", "lateral", "report", "abnormal"])
        for i in range(count):
            for view in "fl":
                pixels = rng.integers(0, 255, (30, 24), np.uint8)
                cv2.imwrite(str(folder / f"{i}{view}.png"), pixels)
            label = ["", "0", "1"][i % 3]
            writer.writerow([f"s{i}", f"{i}f.png", f"{i}l.png", f"Text {i} ü.", label])
    return folder


def read_folder(folder):
    return funnel(load_studies(find_dataset(folder)))[0]


@pytest.fixture
def studies(tmp_path):
    return read_folder(make_folder(tmp_path / "in"))


def read_records(manifest):
    import tensorflow as tf

    files = [str(path) for paths in manifest["shards"].values() for path in paths]
    return {
        record["uid"].numpy().decode(): record
        for record in tf.data.TFRecordDataset(files).map(
            lambda r: tf.io.parse_single_example(r, feature_description())
        )
    }


def truncate(path):
    path.write_bytes(path.read_bytes()[:-40])


def keep_left(image):
    """A crop that can travel to another process."""
    return image[:, :12]


def test_records_hold_what_was_put_in(studies, tmp_path):
    manifest = prepare(studies, tmp_path / "out", size=16, shard_size=4, progress=False)
    assert sum(manifest["counts"].values()) == 12 and manifest["problems"] == 0
    assert manifest["size"] == 16 and manifest["source"]["is_phantom"] is False
    records = read_records(manifest)
    assert set(records) == set(studies.uid)
    for row in studies.itertuples():
        record = records[row.uid]
        assert record["impression"].numpy().decode() == row.impression
        label = -1 if np.isnan(row.abnormal) else row.abnormal
        assert record["abnormal"].numpy() == label
        expected = cv2.resize(
            cv2.imread(row.frontal, 0).astype(np.float32), (16, 16),
            interpolation=cv2.INTER_AREA,
        )  # fmt: skip
        pixels = np.frombuffer(record["frontal"].numpy(), np.uint8).reshape(16, 16)
        np.testing.assert_allclose(pixels, expected, atol=0.6)
    written = pd.read_csv(tmp_path / "out" / "studies.csv")
    assert written.split.value_counts().to_dict() == manifest["counts"]


def test_a_second_call_writes_nothing(studies, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    first = prepare(studies, out, size=8, shard_size=3, progress=False)
    times = {path: path.stat().st_mtime_ns for path in out.glob("*.tfrecord")}
    assert prepare(studies, out, size=8, shard_size=3, progress=False) == first
    assert {p: p.stat().st_mtime_ns for p in out.glob("*.tfrecord")} == times
    assert "shards are kept" in capsys.readouterr().out


def test_only_what_changed_is_written_again(studies, tmp_path):
    out = tmp_path / "out"
    prepare(studies, out, size=8, shard_size=3, progress=False)
    times = {path: path.stat().st_mtime_ns for path in out.glob("*.tfrecord")}
    os.utime(studies.frontal[0], ns=(1, 1))
    prepare(studies, out, size=8, shard_size=3, progress=False)
    changed = [p for p in times if p.stat().st_mtime_ns != times[p]]
    assert len(changed) == 1
    prepare(studies, out, size=9, shard_size=5, progress=False)
    manifest = read_manifest(out)
    kept = {path for paths in manifest["shards"].values() for path in paths}
    assert set(out.resolve().glob("*.tfrecord")) == kept and manifest["size"] == 9


def test_bad_files_are_listed_and_left_out(tmp_path, capsys):
    folder = make_folder(tmp_path / "in")
    truncate(folder / "3l.png")
    (folder / "4f.png").write_bytes(b"")
    (folder / "5f.png").write_text("no image")
    (folder / "6f.png").unlink()
    out = tmp_path / "out"
    manifest = prepare(read_folder(folder), out, size=8, progress=False)
    assert (manifest["problems"], manifest["left_out"]) == (4, 4)
    problems = pd.read_csv(out / "problems.csv").set_index("uid")
    assert problems.file["s3"] == str(folder / "3l.png")
    assert "truncated" in problems.reason["s3"]
    assert "empty" in problems.reason["s4"]
    assert "neither PNG" in problems.reason["s5"]
    assert "not on disk" in problems.reason["s6"]
    assert len(read_records(manifest)) == 8
    assert "4 files were missing or bad" in capsys.readouterr().out
    # Mended, the study joins on the next call.
    cv2.imwrite(str(folder / "5f.png"), np.eye(9, dtype="uint8") * 200)
    again = prepare(read_folder(folder), out, size=8, progress=False)
    assert again["problems"] == 3 and "s5" in read_records(again)


@pytest.mark.parametrize("memory_map", [False, True])
def test_a_giant_image_is_listed_and_the_rest_goes_on(tmp_path, memory_map):
    folder = make_folder(tmp_path / "in")
    (folder / "7l.png").write_bytes(giant_png())
    out = tmp_path / "out"
    manifest = prepare(
        read_folder(folder), out, size=8, progress=False, memory_map=memory_map
    )
    assert sum(manifest["counts"].values()) == 11 and manifest["left_out"] == 1
    problems = pd.read_csv(out / "problems.csv")
    assert problems.uid.tolist() == ["s7"]
    assert "claims 10,001 × 10,000 pixels" in problems.reason[0]


def test_the_crop_is_applied_to_the_frontal_only(studies, tmp_path):
    manifest = prepare(
        studies, tmp_path / "out", size=8, crop=keep_left, crop_name="left",
        processes=1, progress=False,
    )  # fmt: skip
    assert manifest["crop"] == "left"
    record = read_records(manifest)["s0"]
    image = cv2.imread(studies.frontal[0], 0).astype(np.float32)
    expected = cv2.resize(image[:, :12], (8, 8), interpolation=cv2.INTER_AREA)
    pixels = np.frombuffer(record["frontal"].numpy(), np.uint8).reshape(8, 8)
    np.testing.assert_allclose(pixels, expected, atol=0.6)


def test_a_crop_that_returns_0_to_255_is_a_problem(studies, tmp_path):
    with pytest.raises(InputError, match="the crop: values run .* Divide them by 255"):
        prepare(
            studies, tmp_path / "out", size=8, crop=lambda image: image * 255,
            progress=False,
        )  # fmt: skip


def test_processes_give_what_one_process_gives(tmp_path):
    studies = read_folder(make_folder(tmp_path / "in", 30))
    pairs = list(zip(studies.frontal, studies.lateral, strict=True))
    pairs[7] = ("gone.png", pairs[7][1])
    results = []
    for processes in (1, 2):
        with decoder(len(pairs), 8, "pad", keep_left, processes) as decode:
            results.append(list(decode(pairs)))
    for alone, parallel in zip(*results, strict=True):
        assert alone["problems"] == parallel["problems"]
        np.testing.assert_equal(alone["views"], parallel["views"])
    assert results[0][7]["problems"][0][0] == "gone.png"


def test_a_crop_that_cannot_travel_is_refused():
    with (
        pytest.raises(InputError, match="top of a module, or set processes=1"),
        decoder(100, 8, crop=lambda image: image, processes=2),
    ):
        pass


def test_nothing_to_prepare_is_an_error(tmp_path):
    folder = make_folder(tmp_path / "in", 3)
    studies = read_folder(folder)
    for file in folder.glob("*.png"):
        truncate(file)
    with pytest.raises(InputError, match="none of 3 studies.*f.png: is truncated"):
        prepare(studies, tmp_path / "out", size=8, progress=False)
    for file in folder.glob("*.png"):
        file.unlink()
    with pytest.raises(InputError, match="none of 3 .*not on disk.*--image-root"):
        prepare(read_folder(folder), tmp_path / "out2", size=8, progress=False)
    with pytest.raises(InputError, match="there is no study to prepare"):
        prepare(studies[:0], tmp_path / "out3", size=8, progress=False)


def test_a_full_disk_keeps_finished_shards(studies, tmp_path, monkeypatch):
    import tensorflow as tf

    class Full(tf.io.TFRecordWriter):
        written = 0

        def write(self, record):
            Full.written += 1
            if Full.written > 5:
                raise tf.errors.ResourceExhaustedError(None, None, "No space left")
            super().write(record)

    out = tmp_path / "out"
    monkeypatch.setattr(tf.io, "TFRecordWriter", Full)
    with pytest.raises(InputError, match="disk is full.*Free some space"):
        prepare(studies, out, size=8, shard_size=2, progress=False)
    assert len(list(out.glob("*.tfrecord"))) == 2
    assert not list(out.glob(".partial-*"))
    with pytest.raises(InputError, match="in part.*continues where it stopped"):
        read_manifest(out)
    monkeypatch.undo()
    assert len(read_records(prepare(studies, out, 8, shard_size=2))) == 12


def test_ctrl_c_says_how_to_go_on(studies, tmp_path, monkeypatch, capsys):
    real, calls = module.write_shard, []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(module, "write_shard", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(studies, tmp_path / "out", size=8, shard_size=2, progress=False)
    assert "the same call continues" in capsys.readouterr().out
    assert len(list((tmp_path / "out").glob("*.tfrecord"))) == 2


SCRIPT = """
import sys, time
from cxrlib.data import prepare as module
from cxrlib.data.sources import find_dataset
from cxrlib.data.studies import funnel, load_studies
real = module.write_shard
def slow(*args):
    time.sleep(0.2)
    return real(*args)
module.write_shard = slow
studies = funnel(load_studies(find_dataset(sys.argv[1])))[0]
module.prepare(studies, sys.argv[2], size=8, shard_size=2, processes=1)
"""


def test_a_killed_run_is_continued_to_the_same_bytes(tmp_path):
    folder, out = make_folder(tmp_path / "in", 30), tmp_path / "out"
    run = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(out)],
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'packages'}"},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while len(list(out.glob("train-*.json"))) < 3:
            assert time.monotonic() < deadline and run.poll() is None
            time.sleep(0.05)
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
    before = {path: path.stat().st_mtime_ns for path in out.glob("train-*.json")}
    studies = read_folder(folder)
    broken = prepare(studies, out, size=8, shard_size=2, progress=False)
    assert before.items() <= {p: p.stat().st_mtime_ns for p in before}.items()
    whole = prepare(studies, tmp_path / "whole", size=8, shard_size=2, progress=False)
    assert broken["counts"] == whole["counts"]
    for split, paths in whole["shards"].items():
        for one, other in zip(paths, broken["shards"][split], strict=True):
            assert one.read_bytes() == other.read_bytes()
    assert not list(out.glob(".partial-*"))


def test_manifests_that_cannot_be_read_are_named(studies, tmp_path):
    with pytest.raises(InputError, match="not a prepared folder.*prepare .* --data"):
        read_manifest(tmp_path)
    out = tmp_path / "out"
    manifest = prepare(studies, out, size=8, progress=False)
    path = out / "manifest.json"
    good = path.read_text()
    path.write_text(json.dumps(json.loads(good) | {"version": 99}))
    with pytest.raises(InputError, match="is of version 99"):
        read_manifest(out)
    path.write_text(good[:50])
    with pytest.raises(InputError, match="manifest.json: is not readable"):
        read_manifest(out)
    path.write_text(good)
    truncate(manifest["shards"]["train"][0])
    with pytest.raises(InputError, match="train-00000-of-00001.* truncated"):
        read_manifest(out)


def test_workers_stay_light():
    code = "import sys, cxrbase.films.decoder as w; print('pandas' in sys.modules)"
    code += "; print('tensorflow' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    assert run.stdout.split() == ["False", "False"]


@pytest.mark.real
def test_the_real_sets_are_prepared(tmp_path):
    if not (REAL / "paired").is_dir():
        pytest.skip(f"{REAL / 'paired'} is not there (set CXR_REAL_DATA)")
    columns = {"report": "notes", "patient": "patientid", "finding": "finding"}
    root = REAL / "paired"
    dataset = find_dataset(root, columns=columns, image_root=root / "images")
    kept, _ = funnel(load_studies(dataset))
    manifest = prepare(kept, tmp_path / "paired", size=64, processes=1, progress=False)
    assert sum(manifest["counts"].values()) == 41  # One of the 42 has no notes.
    assert manifest["problems"] == 0 and manifest["split"]["by"] == "patient"
    kept = read_folder(REAL / "indiana")
    manifest = prepare(kept, tmp_path / "indiana", size=64, progress=False)
    assert manifest["counts"] == {"train": 1, "val": 0, "test": 0}
    assert manifest["left_out"] == 2413

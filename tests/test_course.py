import ast
import json
import os
import pathlib
import time

import keras
import numpy as np
import pandas as pd
import pytest

from coursework.results import Results, check, example_path, read_results
from cxrbase import hosts
from cxrbase.files import InputError
from cxrlib import environment as place
from cxrlib.environment import COURSE_URL, full_precision, setup
from cxrscore.evaluate import evaluate_predictions, read_predictions

PACKAGE = pathlib.Path(place.__file__).parent


@pytest.fixture(autouse=True)
def nowhere_special(monkeypatch):
    for name in ("COLAB_RELEASE_TAG", "KAGGLE_KERNEL_RUN_TYPE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delitem(place.sys.modules, "google.colab", raising=False)


def predictions():
    return pd.DataFrame(
        {
            "uid": ["1", "2", "3"],
            "reference": ["No edema.", "Clear lungs.", "Left effusion, small."],
            "prediction": ["No edema.", "", "Effusion."],
            "label": [0, 0, 1],
            "probability": np.array([0.2, 0.4, 0.9], "float32"),
            "ssim_frontal": [0.9, np.nan, 0.8],
        }
    )


def written(folder, **changes):
    results = Results(folder, "07_multitask")
    results.dataset(ground="phantom", counts={"train": 9, "test": 3}, seed=0)
    results.evaluate(predictions(), train_texts=["No edema.", "Clear lungs."])
    return results


# === setup ===


def test_seed_makes_numbers_repeat():
    setup(seed=7, verbose=False)
    first = np.random.random(), keras.random.uniform(())
    setup(seed=7, verbose=False)
    assert (np.random.random(), keras.random.uniform(())) == first


def test_setup_says_where_it_runs(capsys):
    environment = setup()
    said = capsys.readouterr().out
    assert environment.place == "elsewhere"
    assert environment.outputs.name == "outputs" and str(environment.outputs) in said
    assert environment.versions["keras"] == keras.__version__
    if not environment.gpus:
        assert "No GPU" in said and f"{os.cpu_count()} cores" in said


@pytest.mark.parametrize(
    ("variable", "where", "advice", "data"),
    [
        ("COLAB_RELEASE_TAG", "colab", "Change runtime type", "/content/data"),
        ("KAGGLE_KERNEL_RUN_TYPE", "kaggle", "Accelerator", "/kaggle/working/data"),
    ],
)
def test_colab_and_kaggle(monkeypatch, capsys, variable, where, advice, data):
    monkeypatch.setenv(variable, "1")
    environment = setup()
    assert environment.place == where
    assert environment.data == pathlib.Path(data)
    if not environment.gpus:
        assert advice in capsys.readouterr().out


def test_a_drive_that_is_there_is_used_only_if_asked_for(monkeypatch, tmp_path, capsys):
    drive = tmp_path / "content" / "drive" / "MyDrive"
    drive.mkdir(parents=True)
    for module in (hosts, place):
        monkeypatch.setattr(module, "CONTENT", str(tmp_path / "content"))
    monkeypatch.setattr(hosts, "DRIVE", str(drive))
    monkeypatch.setenv("CXR_KEEP", "")  # So that it is as before in the end.
    monkeypatch.delenv("CXR_KEEP")
    monkeypatch.setenv("COLAB_RELEASE_TAG", "1")
    assert setup().outputs == tmp_path / "content" / "outputs"
    assert "All files go with this machine" in capsys.readouterr().out
    assert setup(keep_on_drive=True).outputs == tmp_path / "content" / "outputs"
    kept = drive / COURSE_URL.rsplit("/", 1)[-1]
    assert f"go to {kept}" in capsys.readouterr().out
    assert not kept.exists(), "nothing is written before there is something to keep"


@pytest.mark.parametrize(
    ("gpus", "expected"), [([("T4", (7, 5))], True), ([("P100", (6, 0))], False)]
)
def test_half_precision_only_where_it_is_fast(monkeypatch, gpus, expected):
    monkeypatch.setattr(place, "_gpus", lambda: gpus)
    try:
        assert setup(verbose=False).mixed_precision is expected
        policy = "mixed_float16" if expected else "float32"
        assert keras.mixed_precision.dtype_policy().name == policy
    finally:
        keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize(
    ("given", "expected"), [("true", True), ("False", False), (False, False)]
)
def test_a_batch_may_say_the_precision_in_words(given, expected):
    try:
        assert setup(mixed_precision=given, verbose=False).mixed_precision is expected
    finally:
        keras.mixed_precision.set_global_policy("float32")
    with pytest.raises(InputError, match="mixed_precision = 'half': say"):
        setup(mixed_precision="half", verbose=False)


def test_full_precision_holds_for_the_layers_built_inside():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        with pytest.raises(InputError), full_precision():
            exact = keras.layers.Dense(2)
            raise InputError("the precision comes back")
        half = keras.layers.Dense(2)
        x = np.ones((1, 3), "float32")
        assert [str(layer(x).dtype) for layer in (exact, half)] == [
            "<dtype: 'float32'>",
            "<dtype: 'float16'>",
        ]
    finally:
        keras.mixed_precision.set_global_policy("float32")


def test_root_is_where_the_folders_go(tmp_path):
    environment = setup(root=tmp_path, verbose=False)
    assert environment.data == tmp_path / "data"
    assert environment.weights == tmp_path / "weights"
    assert environment.outputs == tmp_path / "outputs"


def test_the_url_is_written_once():
    places = [
        path
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and node.value == COURSE_URL
    ]
    assert places == [PACKAGE / "environment.py"]


# === Results ===


def test_results_are_recomputed_from_their_files(tmp_path):
    path = written(tmp_path).write()
    record = read_results(path)
    again = evaluate_predictions(
        read_predictions(tmp_path / "07_multitask" / "predictions.csv"),
        constant=record["baselines"]["constant_report"]["text"],
        frequent=record["baselines"]["frequent_report"]["text"],
    )
    metrics = record["metrics"]
    assert set(metrics) - set(again["scores"]) == {"text.novel_share"}
    for name, figure in again["scores"].items():
        for key in ("value", "constant", "frequent", "random", "shuffled"):
            if key in metrics[name]:
                expected = pytest.approx(metrics[name][key])
                assert figure[key] == expected, (name, key)
    assert record["dataset"]["ground"] == "phantom"
    assert record["predictions"]["rows"] == 3


def test_warnings_and_drawn_reports_are_kept(tmp_path):
    record = read_results(written(tmp_path).write())
    assert any("so few studies" in words for words in record["warnings"])
    kept = read_predictions(tmp_path / "07_multitask" / "predictions.csv")
    assert set(kept["random"]) <= {"No edema.", "Clear lungs."}


def test_results_hold_one_set_of_predictions(tmp_path):
    results = written(tmp_path)
    results.metric("own.thing", 1.0, 3, split="test")
    with pytest.raises(InputError, match="of section impression, split test; make"):
        results.evaluate(predictions(), section="findings")
    assert results.record["baselines"]["constant_report"]["text"]  # As it was.
    # A cell that is run again replaces what it entered, and nothing else.
    results.evaluate(predictions()[["uid", "label", "probability"]])
    names = set(results.record["metrics"])
    assert "abnormal.auroc" in names and "own.thing" in names
    assert not [n for n in names if n.startswith(("coco.", "frontal.", "clinical."))]
    assert "constant_report" not in results.record["baselines"]
    assert list(results.predictions) == ["uid", "label", "probability"]


def test_no_nan_in_the_json(tmp_path):
    results = written(tmp_path)
    results.evaluate(predictions().assign(label=1, ssim_frontal=np.nan))
    results.record["parameters"] = {"rate": float("nan"), "path": tmp_path}
    text = results.write().read_text()

    def refuse(word):
        raise AssertionError(word)

    record = json.loads(text, parse_constant=refuse)
    assert "only one class" in record["metrics"]["abnormal.auroc"]["note"]
    assert record["metrics"]["frontal.ssim"]["value"] is None
    assert record["parameters"] == {"rate": None, "path": str(tmp_path)}


def test_environment_without_private_paths(tmp_path):
    results = Results(tmp_path, "01_data", setup(seed=3, verbose=False))
    results.dataset("real", {"all": 2})
    record = read_results(results.write())
    assert record["environment"]["seed"] == 3
    assert str(PACKAGE.parent) not in json.dumps(record)


def test_durations_add_up(tmp_path):
    results = Results(tmp_path, "01_data")
    for _ in range(2):
        with results.duration("training"):
            time.sleep(0.01)
    assert results.record["durations"]["training"] >= 0.02


def test_a_failed_write_leaves_the_old_files(tmp_path, monkeypatch):
    path = written(tmp_path).write()
    before = path.read_bytes()
    results = written(tmp_path)
    results.metric("training.loss", 1.0, n=3)
    with pytest.raises(InputError, match="training.loss does not say its split"):
        results.write()
    assert path.read_bytes() == before
    assert not list(path.parent.glob(".partial*"))


def test_results_without_a_dataset_are_refused(tmp_path):
    with pytest.raises(InputError, match="lack dataset"):
        Results(tmp_path, "01_data").write()
    assert not (tmp_path / "01_data").exists()


def test_examples_lie_where_the_page_looks(tmp_path):
    results = written(tmp_path)
    results.example("../a b", frontal=np.full((8, 8, 1), 0.5))
    path = results.folder / example_path("../a b", "frontal")
    assert path.is_file() and path.parent == results.folder / "examples"
    assert example_path("../a b", "frontal") != example_path("___a_b", "frontal")
    with pytest.raises(InputError, match="oblique"):
        results.example("1", oblique=np.zeros((8, 8)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        ("{", "not readable as JSON"),
        ("[]", "another form"),
        ('{"schema": 1}', "lack notebook"),
    ],
)
def test_foreign_results_are_told(tmp_path, content, words):
    path = tmp_path / "results.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=words):
        read_results(path)


def test_a_metric_without_a_value_says_why(tmp_path):
    record = json.loads(written(tmp_path).write().read_text())
    metric = record["metrics"]["nltk.bleu_4"]
    metric["value"] = None
    metric.pop("note", None)  # That it has no interval.
    with pytest.raises(InputError, match="nltk.bleu_4 has no value"):
        check(record)
    metric["value"] = "0.9"
    with pytest.raises(InputError, match="not a number"):
        check(record)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("nearest", "0.9", "nearest is not a number"),
        ("gain", float("inf"), "gain is not a number"),
        ("gain", float("nan"), "gain is not a number"),
        ("gain", 10**400, "gain is not a number"),
        ("interval", 0.1, "interval is not two numbers"),
        ("fall_interval", [0.1], "fall_interval is not two numbers"),
        ("gain_interval", [0.1, "0.2"], "gain_interval is not two numbers"),
    ],
)
def test_what_stands_beside_a_value_is_checked(tmp_path, key, value, words):
    record = json.loads(written(tmp_path).write().read_text())
    record["metrics"]["nltk.bleu_4"][key] = value
    with pytest.raises(InputError, match=words):
        check(record)


# === course_films ===


def test_labelled_films_share_the_split_of_the_prepared_ones(tmp_path):
    from cxrlib.course import course_data, course_films

    chosen = {"studies": 24, "phantom_size": 64, "seed": 3, "test_share": 0.3}
    results = Results(tmp_path, "10_diagnosis", None, chosen | {"data": "phantom"})
    films = course_films(results)
    assert results.record["dataset"]["ground"] == "phantom"
    assert films.groupby("study").split.nunique().max() == 1
    assert set(films.split) == {"train", "val", "test"}
    results.record["parameters"]["image_size"] = 64
    kept = pd.read_csv(course_data(results) / "split.csv", dtype=str)
    prepared = films[films.prepared].drop_duplicates("study").set_index("study")
    assert prepared.split.to_dict() == kept.set_index("uid").split.to_dict()
    assert not films.prepared.all(), "and there are others"

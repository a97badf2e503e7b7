"""Each task by itself: what trains, what is scored, and that nothing else differs."""

import pathlib

import keras
import numpy as np
import pytest
from conftest import make_tiny_model
from small_prepared import SMALL, SPLITS

from coursework.run.grid import read_grid
from cxrbase.files import InputError
from cxrlib.data.prepare import prepare
from cxrlib.systems.reports.model import compile_report_model
from cxrlib.systems.reports.recipe import ReportRecipe
from cxrlib.systems.reports.tasks import TASKS, part_of, read_trainings, train_tasks

pytestmark = pytest.mark.usefixtures("eager")


def kept(part, batch):
    """What a part reads, and what it is compared with."""
    inputs, targets, weights = batch
    chosen = [{task: each[task] for task in part.output} for each in (targets, weights)]
    return {name: inputs[name] for name in part.input}, *chosen


def step(preprocessor, tasks, batch, layers):
    """A model after one step of some tasks, always from the same weights."""
    keras.utils.set_random_seed(0)
    model = make_tiny_model(preprocessor, "spatial")
    model.imaging.encoder.freeze_all_but_last(layers)
    part = compile_report_model(part_of(model, tasks), learning_rate=1e-2)
    part.train_on_batch(*kept(part, batch))
    return model


@pytest.mark.parametrize("tasks", [["abnormal"], ["text"], ["frontal", "lateral"]])
def test_a_part_computes_what_the_whole_does(preprocessor, batch, tasks):
    model = make_tiny_model(preprocessor, "spatial")
    part = part_of(model, tasks)
    found = part(kept(part, batch)[0])
    expected = model(batch[0])
    assert set(found) == set(tasks)
    for task in tasks:
        np.testing.assert_allclose(found[task], expected[task], atol=1e-6)


def test_a_task_alone_trains_its_own_half_and_the_encoder(preprocessor, batch):
    before = step(preprocessor, ["text"], batch, 0)
    after = step(preprocessor, ["text"], batch, None)

    def moved(part):
        pairs = zip(part(before).get_weights(), part(after).get_weights(), strict=True)
        return any((a != b).any() for a, b in pairs)

    assert moved(lambda model: model.imaging.encoder)
    assert not moved(lambda model: model.imaging.frontal_decoder)
    assert not moved(lambda model: model.imaging.classifier)


@pytest.mark.parametrize("layers, shared", [(0, False), (None, True)])
def test_only_what_is_shared_lets_tasks_meet(preprocessor, batch, layers, shared):
    """With a frozen encoder a task cannot notice the others: the experiment's null."""
    alone = step(preprocessor, ["abnormal"], batch, layers)
    together = step(preprocessor, list(TASKS), batch, layers)
    pairs = zip(
        alone.imaging.encoder.get_weights() + alone.imaging.classifier.get_weights(),
        together.imaging.encoder.get_weights()
        + together.imaging.classifier.get_weights(),
        strict=True,
    )
    far = max(np.abs(a - b).max() for a, b in pairs)
    assert (far > 1e-4) == shared, far


def test_train_tasks_scores_only_what_it_trained(phantom_studies, tmp_path, capsys):
    prepared = tmp_path / "prepared"
    prepare(phantom_studies.assign(split=SPLITS), prepared, size=64, progress=False)
    alone = ReportRecipe(**SMALL, alpha=0.0, beta=0.0, gamma=2.0, delta=0.0)
    table, scores = train_tasks(prepared, alone, verbose=0)
    assert list(table) == ["uid", "ssim_lateral", "mse_lateral"] and len(table) == 4
    assert set(scores) == {"lateral.ssim", "lateral.mse"}
    assert "NO PRETRAINED WEIGHTS" in capsys.readouterr().out
    again, _ = train_tasks(prepared, alone, verbose=0)
    np.testing.assert_allclose(again.mse_lateral, table.mse_lateral, rtol=1e-4)

    text = ReportRecipe(**SMALL, alpha=0.0, beta=0.0, gamma=0.0)
    table, scores = train_tasks(prepared, text, verbose=0)
    assert list(table) == ["uid", "reference", "prediction"]
    assert "clinical.micro_f1_5" in scores and "abnormal.auroc" not in scores


def test_the_record_of_the_course_is_read_whole():
    path = pathlib.Path(__file__).parents[1] / "benchmarks/results/shared_encoder.json"
    record, trainings = read_trainings(path)
    grid = read_grid(path.parents[2] / record["grid"])
    assert len(trainings) == len(record["runs"]) == len(grid)
    points = [each["point"] for each in record["runs"]]
    assert sorted(map(str, points)) == sorted(map(str, grid))
    assert list(trainings["layers unfrozen"].cat.categories) == [
        "none",
        "last 10",
        "all",
    ]
    text = trainings[trainings.tasks.eq("text") & trainings.trainable_layers.eq(10)]
    (first,) = text[text.seed.eq(0)].to_dict("records")
    (run,) = [r for r, p in zip(record["runs"], points, strict=True)
              if (p["alpha"], p["trainable_layers"], p["seed"]) == (0, 10, 0)
              and p["delta"]]  # fmt: skip
    name = "clinical.micro_f1_5"
    assert first[name] == run["scores"][name]["value"] and first["company"] == "alone"
    assert np.isnan(first["abnormal.brier"])


def test_a_record_that_cannot_be_read_says_so(tmp_path):
    with pytest.raises(InputError, match="fetch it anew"):
        read_trainings(tmp_path / "none.json")
    (tmp_path / "cut.json").write_text('{"runs": [')
    with pytest.raises(InputError, match="cut.json: cannot be read as JSON"):
        read_trainings(tmp_path / "cut.json")

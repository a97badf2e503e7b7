"""Some of the system's tasks by themselves: does each gain by sharing the encoder?"""

import json
import pathlib

import keras
import pandas as pd

from cxrbase.refusals import read_as, require_file
from cxrlib.systems.reports.predict import predict_split
from cxrlib.systems.reports.train import compile_by, new_report_model
from cxrlib.training import EpochSeeds
from cxrscore.evaluate import evaluate_predictions

# By task: the weight of its loss, and what its predictions are compared in.
TASKS = {
    "abnormal": ("alpha", ["label", "probability"]),
    "frontal": ("beta", ["ssim_frontal", "mse_frontal"]),
    "lateral": ("gamma", ["ssim_lateral", "mse_lateral"]),
    "text": ("delta", ["reference", "prediction"]),
}


def part_of(model, tasks):
    """The part of a `ReportModel` that some of its tasks need.

    It shares the model's weights, and computes nothing for the other tasks.

    Args:
        model: a `ReportModel`.
        tasks: collection of `"abnormal"`, `"frontal"`, `"lateral"` and `"text"`.

    Returns:
        A functional `keras.Model` with the inputs and outputs of these tasks.

    Example:
    ```python
    classifier = part_of(model, ["abnormal"])
    ```
    """
    imaging, causal_lm = model.imaging, model.causal_lm
    inputs = dict(imaging.input)
    outputs = {task: imaging.output[task] for task in tasks if task != "text"}
    if "text" in tasks:
        for name in ("token_ids", "padding_mask"):
            inputs[name] = keras.Input((None,), dtype="int32", name=name)
        read = {name: inputs[name] for name in ("token_ids", "padding_mask")}
        if image_input := causal_lm.backbone.image_input:
            read[image_input] = imaging.output[image_input]
        outputs["text"] = causal_lm(read)  # (B, T, V)
    return keras.Model(inputs, outputs, name="_".join(["only", *sorted(tasks)]))


def train_tasks(prepared, recipe, verbose="auto"):
    """Train only the tasks of a recipe whose weight is not 0, and predict test.

    The initial weights and the order of the studies depend on the seed alone, so that
    two trainings of one seed differ only in their tasks. There is no choice of the
    best epoch, which would be another one for every set of tasks: the last counts.

    Args:
        prepared: string or path. A folder of TFRecord shards, written by `prepare`.
        recipe: a `ReportRecipe`.
        verbose: see `keras.Model.fit`.

    Returns:
        A pair: the predictions of the trained tasks on test (columns as in
        `predict_split`), and their scores, `{name: record}`.

    Example:
    ```python
    alone = ReportRecipe(beta=0, gamma=0, delta=0, trainable_layers=0)
    predictions, scores = train_tasks("data/prepared", alone)
    ```
    """
    from cxrlib.data.pipeline import load_batches  # It needs TensorFlow.

    keras.utils.set_random_seed(recipe.seed)
    model = new_report_model(recipe, prepared)
    tasks = [task for task, (weight, _) in TASKS.items() if getattr(recipe, weight)]
    part = part_of(model, tasks)
    steps = compile_by(recipe, part, prepared)

    def keep(inputs, targets, weights):
        """What the part reads, and what it is compared with."""
        inputs = {name: inputs[name] for name in part.input}
        return inputs, *({task: y[task] for task in tasks} for y in (targets, weights))

    batches = load_batches(
        prepared,
        "train",
        model.preprocessor,
        recipe.batch_size,
        recipe.section,
        seed=recipe.seed,
        shuffle=True,
        epochs=recipe.epochs,
    )
    part.fit(
        batches.map(keep),
        epochs=recipe.epochs,
        steps_per_epoch=steps,
        shuffle=False,  # The dataset shuffles itself, by seed and epoch.
        callbacks=[EpochSeeds(recipe.seed)],
        verbose=verbose,
    )
    table, _ = predict_split(model, prepared, "test", write="text" in tasks)
    table = table[["uid", *(name for task in tasks for name in TASKS[task][1])]]
    return table, evaluate_predictions(table, intervals=False)["scores"]


def read_trainings(path):
    """Read the record that `benchmarks/experiments/shared_encoder.py` leaves.

    Args:
        path: string or path.

    Returns:
        A pair: the record, a dict, and a `pandas.DataFrame` with a row per training:
        its parameters and its scores by their names, NaN where a task was not trained;
        `tasks`, their names or `"all four"`; `company`, `"all four"` or `"alone"`; and
        `layers unfrozen` of the pretrained encoder, in words, in their order.

    Raises:
        InputError: if the file is missing or damaged.

    Example:
    ```python
    record, trainings = read_trainings("benchmarks/results/shared_encoder.json")
    trainings.groupby(["layers unfrozen", "company"])["clinical.micro_f1_5"].mean()
    ```
    """
    require_file(
        path, "record of trainings", "It comes with the course: fetch it anew."
    )
    with read_as("JSON", path):
        record = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    rows = []
    for each in record["runs"]:
        point = each["point"]
        named = [task for task, (weight, _) in TASKS.items() if point[weight]]
        whole = len(named) == len(TASKS)
        row = {"tasks": "all four" if whole else ", ".join(named)}
        row["company"] = "all four" if whole else "alone"
        scores = {name: score.get("value") for name, score in each["scores"].items()}
        rows.append(point | row | scores)
    trainings = pd.DataFrame(rows)
    counts = sorted(set(trainings.trainable_layers) - {-1}) + [-1]  # -1: all of them.
    words = {n: f"last {n}" for n in counts} | {0: "none", -1: "all"}
    trainings["layers unfrozen"] = pd.Categorical(
        trainings.trainable_layers.map(words), [words[n] for n in counts]
    )
    return record, trainings

"""From films and a matrix of labels to a model whose probabilities are calibrated."""

import dataclasses
import hashlib
import math
import pathlib

import keras
import numpy as np

from cxrbase.files import InputError, write_whole
from cxrbase.grounds import GROUNDS, one_ground
from cxrlib.data.readers.films import film_paths, label_matrix
from cxrlib.systems.diagnosis.encoders import build_diagnosis_model
from cxrlib.systems.diagnosis.films import (
    PATIENT,
    FilmBatches,
    positive_weights,
    read_films,
)
from cxrlib.systems.diagnosis.model import compile_diagnosis_model, linear_head
from cxrlib.systems.diagnosis.recipe import DiagnosisRecipe
from cxrlib.training import train, warmup_cosine
from cxrscore.labels.many import choose_operation


def latents(model, films, batch_size=32):
    """What a model's encoder makes of films, a float32 array `(n, C)`."""
    eye = keras.Model(model.encoder.input, model.encoder.output["latent"])
    seen = eye.predict(FilmBatches(films, None, batch_size), verbose=0)
    return seen.astype("float32")


class Standardised:
    """A model's head for latents of mean 0 and deviation 1, and back again.

    An optimiser finds the best head sooner where all latents have one scale. The two
    heads compute the same of what they read.

    Args:
        model: a `DiagnosisModel`.
        train: float array `(n, C)`. The latents that give mean and deviation.
    """

    def __init__(self, model, train):
        self.model, self.mean = model, train.mean(axis=0)
        self.deviation = np.maximum(train.std(axis=0), 1e-6)

    def __call__(self, seen):
        """Standardise latents `(n, C)`."""
        return (seen - self.mean) / self.deviation

    def head(self):
        """A functional model from standardised latents to `logits`."""
        latent = keras.Input((len(self.mean),), name="latent")
        x = keras.layers.Dropout(self.model.dropout)(latent)
        dense = linear_head(len(self.model.labels), self.model.ridge)
        head = keras.Model(latent, {"logits": dense(x)}, name="head")
        kernel, bias = self.model.head.get_weights()
        dense.set_weights([kernel * self.deviation[:, None], bias + self.mean @ kernel])
        return head

    def put_back(self, head):
        """Give the model what its head has learned."""
        kernel, bias = head.get_layer("logits").get_weights()
        kernel = kernel / self.deviation[:, None]
        self.model.head.set_weights([kernel, bias - self.mean @ kernel])


def train_diagnosis(
    table, labels, out, recipe=None, model=None, resume=True, verbose="auto", **changes
):
    """Train a model on the films of a table, and calibrate it on validation.

    Where no layer of the encoder trains, each film is looked at once, and only the head
    is trained, on the latents.

    Args:
        table: DataFrame from `read_labelled`, of any collection, with the splits of
            `split_films`. Leave out the views that are not to be learned from.
        labels: sequence of strings. Which of its labels to learn.
        out: string or path. Receives `model.keras`, calibrated, and `training/`; see
            `cxrlib.training.train`.
        recipe: a `DiagnosisRecipe`, or `None` for its defaults.
        model: a `DiagnosisModel` or `None`. What to train, instead of what
            `build_diagnosis_model` makes by the recipe.
        resume: bool. Whether to resume a training found in `out`.
        verbose: see `keras.Model.fit`.
        **changes: fields of the recipe to change.

    Returns:
        The `DiagnosisModel` of the best epoch, calibrated.

    Raises:
        InputError: if a label is not in the vocabulary, a split is missing, a patient
            is in two splits, a film cannot be read, films are to be shaken for an
            encoder that is frozen, or `out` holds a training of another kind.

    Example:
    ```python
    table = read_labelled("data/nih")
    table = split_films(table[table["view"].isin(FRONTAL)])
    train_diagnosis(table, NIH_LABELS, "outputs/diagnosis", encoder="chexnet")
    ```
    """
    recipe = dataclasses.replace(recipe or DiagnosisRecipe(), **changes)
    labels, out = tuple(labels), pathlib.Path(out)
    parts = _parts(table)
    keras.utils.set_random_seed(recipe.seed)
    model = model or build_diagnosis_model(
        labels, recipe.encoder, recipe.image_size, recipe.trainable_layers,
        recipe.dropout, recipe.ridge,
    )  # fmt: skip
    if model.labels != labels:
        raise InputError(f"the model knows {', '.join(model.labels)}, no others.")
    if recipe.augment and not model.encoder.trainable_weights:
        raise InputError(
            "augment: needs an encoder that trains; pass trainable_layers other than 0."
        )
    inputs, targets = {}, {}
    for name, rows in parts.items():
        targets[name] = label_matrix(rows, labels, recipe.uncertain)
        inputs[name] = read_films(film_paths(rows), model.image_size)
    weights = positive_weights(targets["train"]) if recipe.balance else None
    start_at_prevalence(model, targets["train"], weights)
    settings = recipe.settings() | {
        "encoder": model.origin.get("encoder", "none"),
        "labels": list(labels),
        "data": _fingerprint(parts, labels),
    }
    films, scaled, student = dict(inputs), None, model
    if not model.encoder.trainable_weights:
        inputs = {name: latents(model, each) for name, each in inputs.items()}
        scaled = Standardised(model, inputs["train"])
        inputs = {name: scaled(each) for name, each in inputs.items()}
        student = scaled.head()
    steps = math.ceil(len(inputs["train"]) / recipe.batch_size)
    schedule = warmup_cosine(recipe.learning_rate, recipe.epochs * steps)

    def batches(first):
        return FilmBatches(
            *(inputs["train"], targets["train"], recipe.batch_size, recipe.seed),
            epochs=range(first, recipe.epochs),
            augment=recipe.augment,
        )

    best = train(
        compile_diagnosis_model(student, schedule, weights, recipe.focus),
        batches, FilmBatches(inputs["val"], targets["val"], recipe.batch_size),
        out / "training", recipe.epochs, steps, seed=recipe.seed, resume=resume,
        settings=settings, defaults=DiagnosisRecipe().settings(), verbose=verbose,
    )  # fmt: skip
    if scaled is None:
        model = best
    else:
        scaled.put_back(best)
    shifts = None if weights is None else np.log(weights)
    known = label_matrix(parts["val"], labels)
    calibrate(model, films["val"], known, recipe.criterion, shifts)
    ground = one_ground(table.ground)
    films_of_train = f"{len(targets['train'])} films, {GROUNDS[ground]}"
    model.origin |= {"trained_on": films_of_train, "ground": ground}
    with write_whole(out / "model.keras") as temporary:
        model.save(temporary)
    return model


def start_at_prevalence(model, targets, weights=None):
    """Let a new head, all of 0, begin with each label's share of positives.

    Otherwise much of a short training would be spent on learning that most labels are
    rare. A head that has learned is left as it is.

    Args:
        model: a `DiagnosisModel`.
        targets: float array `(n, k)`, NaN where not known.
        weights: float array `(k,)` or `None`. How many times a positive counts.

    Example:
    ```python
    start_at_prevalence(model, targets)
    ```
    """
    kernel, bias = model.head.get_weights()
    if kernel.any() or bias.any():
        return
    positives = np.nansum(targets, axis=0) + 0.5  # So that no share is 0 or 1.
    negatives = np.nansum(1 - targets, axis=0) + 0.5
    weights = 1 if weights is None else weights
    model.head.set_weights([kernel, np.log(weights * positives / negatives)])


def calibrate(model, films, known, criterion=DiagnosisRecipe.criterion, shifts=None):
    """Choose a model's temperatures and thresholds on films of validation.

    Args:
        model: a `DiagnosisModel`; it is changed.
        films: uint8 array `(n, S, S, 1)`.
        known: float array `(n, k)` of 1, 0 and NaN. Give NaN for an uncertain label,
            whatever was learned from it.
        criterion: string. See `cxrscore.labels.thresholds.choose_threshold`.
        shifts: float array `(k,)` or `None`. The logarithms of the class weights.

    Returns:
        The model. Its origin says how each threshold was chosen.

    Example:
    ```python
    calibrate(load_model("outputs/diagnosis/model.keras"), films, labels)
    ```
    """
    ones = np.ones(len(model.labels))
    model.calibrate(ones, shifts=0 * ones if shifts is None else shifts)
    seen = model.predict(FilmBatches(films, None, 32), verbose=0)["probability"]
    temperatures, choices = choose_operation(known, seen, criterion)
    thresholds = [threshold for threshold, _ in choices]
    model.calibrate(temperatures, thresholds)
    model.origin["threshold_from"] = [words for _, words in choices]
    return model


def _parts(table):
    """The rows of train and of val; no patient is in both."""
    several = table.groupby(PATIENT).split.nunique().gt(1)
    if several.any():
        raise InputError(
            f"patient {several.index[several][0][-1]} and {several.sum() - 1} others "
            "are in two splits; split by patient: see split_films."
        )
    parts = {name: table[table.split.eq(name)] for name in ("train", "val")}
    for name, rows in parts.items():
        if rows.empty:
            raise InputError(f"the table has no {name} split: see split_films.")
    return parts


def _fingerprint(parts, labels):
    """What was learned from, so that a resume notices if it changed."""
    digest = hashlib.sha256()
    for name, rows in parts.items():
        uids = "\n".join(rows.uid)
        known = label_matrix(rows, labels, "keep")
        digest.update(f"{name}\n{uids}\n".encode() + known.tobytes())
    return digest.hexdigest()[:16]

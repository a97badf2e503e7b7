"""Fine-tune the last blocks of a backbone, on what its first blocks saw once.

On a few CPU cores most of a training would be spent in the first blocks, which hardly
change. So each film, and some shaken copies of it, is shown to them once.
"""

import keras
import numpy as np

from cxrlib.pretrained.backbone import rest
from cxrlib.systems.diagnosis.films import shake
from cxrlib.systems.diagnosis.model import compile_diagnosis_model
from cxrlib.systems.diagnosis.train import Standardised, start_at_prevalence
from cxrlib.training import warmup_cosine


def look_once(model, films, recipe):
    """What the frozen half of a model's encoder makes of films and shaken copies.

    Args:
        model: a `DiagnosisModel` on a `BackboneEncoder`.
        films: uint8 array `(n, S, S, 1)`.
        recipe: a `FineTuneRecipe`.

    Returns:
        A list of float16 arrays `(copies, n, …)`; copy 0 is of the films as they are.

    Example:
    ```python
    seen = look_once(model, films, FineTuneRecipe())
    ```
    """
    first, _ = model.encoder.cut(recipe.frozen_until)
    copies = []
    for copy in range(recipe.copies):
        parts = []
        for start in range(0, len(films), recipe.batch_size):
            batch = films[start : start + recipe.batch_size].astype("float32") / 255
            if copy:
                draws = enumerate(batch, start)
                batch = [shake(x, np.random.default_rng([copy, i])) for i, x in draws]
            seen = keras.tree.flatten(first.predict_on_batch(np.stack(batch)))
            parts.append([each.astype("float16") for each in seen])
        copies.append([np.concatenate(each) for each in zip(*parts, strict=True)])
    return [np.stack(each) for each in zip(*copies, strict=True)]


def fine_tune(model, seen, known, recipe, rows=None):
    """Fit the head, then train it with the second half of the encoder.

    The number of epochs is fixed: no film is spent on choosing one.

    Args:
        model: a `DiagnosisModel`; it is changed.
        seen: what `look_once` returned.
        known: float array `(n, k)` of 1, 0 and NaN.
        recipe: a `FineTuneRecipe`.
        rows: int array or `None`. Which films to learn from.

    Returns:
        A float32 array `(n, k)`: the logits of all films, shaken by nothing.

    Example:
    ```python
    logits = fine_tune(model, seen, labels, FineTuneRecipe(), train)
    ```
    """
    rows = np.arange(len(known)) if rows is None else rows
    _, end = model.encoder.cut(recipe.frozen_until)
    plain = [each[0] for each in seen]
    latents = end.predict(plain, recipe.batch_size, verbose=0)
    scaled = Standardised(model, latents[rows])
    start_at_prevalence(model, known[rows])
    fit_head(model, scaled, latents[rows], known[rows])
    head = scaled.head()
    for layer in end.get_layer("rest").layers:  # The statistics of photographs rest.
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
    standard = keras.layers.Normalization(
        mean=scaled.mean, variance=scaled.deviation**2, name="standard"
    )
    student = keras.Model(end.input, head(standard(end.output)))
    steps = -(-len(rows) // recipe.batch_size)
    schedule = warmup_cosine(recipe.learning_rate, recipe.epochs * steps)
    compile_diagnosis_model(student, schedule)
    batches = _batches(seen, known, rows, recipe)
    student.fit(batches, epochs=recipe.epochs, steps_per_epoch=steps, verbose=2)
    scaled.put_back(head)
    rest(model.encoder.backbone)
    return student.predict(plain, recipe.batch_size, verbose=0)["logits"]


def fit_head(model, scaled, latents, known):
    """Give a model's head the ridge regression on its latents.

    Args:
        model: a `DiagnosisModel`.
        scaled: a `Standardised`.
        latents: float array `(n, C)`.
        known: float array `(n, k)` of 1, 0 and NaN. A label of one class is left.
    """
    from sklearn.linear_model import LogisticRegression  # A second to import.

    head, x = scaled.head(), scaled(latents)
    kernel, bias = head.get_layer("logits").get_weights()
    strength = 1 / (2 * max(model.ridge, 1e-6) * known.size)  # See linear_head.
    for i, label in enumerate(known.T):
        told = ~np.isnan(label)
        if np.unique(label[told]).size == 2:
            line = LogisticRegression(C=strength, max_iter=1000)
            line.fit(x[told], label[told])
            kernel[:, i], bias[i] = line.coef_[0], line.intercept_[0]
    head.get_layer("logits").set_weights([kernel, bias])
    scaled.put_back(head)


def _batches(seen, known, rows, recipe):
    """Batches in another order each epoch, of any copy of each film."""
    rng = np.random.default_rng(recipe.seed)
    while True:
        order = rng.permutation(rows)
        for start in range(0, len(order), recipe.batch_size):
            some = order[start : start + recipe.batch_size]
            copies = rng.integers(recipe.copies, size=len(some))
            inputs = tuple(each[copies, some].astype("float32") for each in seen)
            yield (inputs if len(inputs) > 1 else inputs[0]), {"logits": known[some]}

"""From a model and films to probabilities, calls and scores."""

import numpy as np

from cxrbase.files import InputError
from cxrbase.images import check_unit_range
from cxrlib.data.readers.films import film_paths, label_matrix
from cxrlib.systems.diagnosis.films import PATIENT, FilmBatches, read_films
from cxrscore.labels.many import multilabel_scores


def predict_films(model, films, batch_size=32):
    """Calibrated probabilities of films.

    Args:
        model: a `DiagnosisModel`.
        films: uint8 array `(n, S, S, 1)`, or float array in [0, 1].
        batch_size: int.

    Returns:
        A float32 array `(n, k)`, in the order of `model.labels`.

    Raises:
        InputError: if the films are of another size, or not in [0, 1].

    Example:
    ```python
    predict_films(model, read_films(["film.png"], model.image_size))
    ```
    """
    films, size = np.asanyarray(films), model.image_size
    if films.shape[1:] != (size, size, 1) or not len(films):
        raise InputError(
            f"films of shape {films.shape}: expected (n, {size}, {size}, 1); resize "
            f"them to {size} × {size}."
        )
    if films.dtype != "uint8":
        check_unit_range(films, "films")
    batches = FilmBatches(films, None, batch_size)
    seen = model.predict(batches, verbose=0)["probability"]
    return check_unit_range(seen, f"the probabilities of {model.name}")


def diagnosis_scores(model, table, split="test"):
    """The scores of a model on a split; uncertain labels are left out.

    Args:
        model: a `DiagnosisModel`.
        table: DataFrame, as of `train_diagnosis`.
        split: string.

    Returns:
        A dict of scores, see `cxrscore.labels.many.multilabel_scores`.

    Raises:
        InputError: if a label is not in the vocabulary, or no film in the split.

    Example:
    ```python
    diagnosis_scores(model, table)["macro.auroc"]["interval"]
    ```
    """
    rows = table[table.split.eq(split)]
    if rows.empty:
        raise InputError(f"the table of films has no {split} split.")
    known = label_matrix(rows, model.labels)
    seen = predict_films(model, read_films(film_paths(rows), model.image_size))
    words = model.origin.get("threshold_from", ["fixed"] * len(model.labels))
    choices = list(zip(model.thresholds.tolist(), words, strict=True))
    patients = rows.groupby(PATIENT).ngroup().to_numpy()
    return multilabel_scores(known, seen, model.labels, choices, split, patients)

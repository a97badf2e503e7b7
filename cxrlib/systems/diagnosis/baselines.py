"""What needs no network: prevalence, view and age, a film of 16 × 16 pixels."""

import cv2
import numpy as np
import pandas as pd

from cxrlib.data.readers.films import label_matrix

TILES = 16


def pixels(films):
    """Films as the means of 16 × 16 tiles.

    Args:
        films: uint8 array `(n, S, S, 1)`.

    Returns:
        A float32 array `(n, 256)` in [0, 1].

    Example:
    ```python
    pixels(np.zeros((2, 128, 128, 1), "uint8")).shape  # (2, 256)
    ```
    """
    small = [
        cv2.resize(each, (TILES, TILES), interpolation=cv2.INTER_AREA) for each in films
    ]
    return np.reshape(small, (len(films), TILES**2)).astype("float32") / 255


def view_and_age(table):
    """What a request says, without the film: the view and the age.

    Args:
        table: DataFrame from `read_labelled`.

    Returns:
        A float array `(n, columns)`: a column per view, the age in decades (the median
        of train, or of all where no film is of train, where it is missing) and whether
        it is missing.

    Example:
    ```python
    view_and_age(read_labelled("data/nih"))
    ```
    """
    age = table.age / 10
    train = table["split"].eq("train") if "split" in table else age.notna()
    middle = age[train].median() if train.any() else age.median()
    told = {"age": age.fillna(middle).fillna(0), "no age": age.isna()}
    return pd.get_dummies(table["view"]).assign(**told).to_numpy(float)


def linear_probabilities(features, known, asked):
    """A logistic regression for each label, on the films where it is known.

    Args:
        features: float array `(n, d)`, of train.
        known: float array `(n, k)` of 1, 0 and NaN.
        asked: float array `(m, d)`.

    Returns:
        A float array `(m, k)`: where train has one class, its share; 0.5 where train
        has no label.

    Example:
    ```python
    linear_probabilities(pixels(train), labels, pixels(test))
    ```
    """
    from sklearn.linear_model import LogisticRegression  # A second to import.
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    columns = []
    for label in known.T:
        told = ~np.isnan(label)
        if np.unique(label[told]).size < 2:
            share = label[told].mean() if told.any() else 0.5
            columns.append(np.full(len(asked), share))
            continue
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=0.01, max_iter=1000)
        )
        columns.append(
            model.fit(features[told], label[told]).predict_proba(asked)[:, 1]
        )
    return np.stack(columns, axis=1)


def baselines(table, labels, films, split="test"):
    """The probabilities of each baseline, learned on train.

    Args:
        table: DataFrame, as of `train_diagnosis`.
        labels: sequence of strings.
        films: uint8 array `(n, S, S, 1)`, in the order of the table.
        split: string. The rows to predict.

    Returns:
        A dict of float arrays `(m, k)`: `"prevalence"`, `"16 × 16 pixels"` and
        `"view and age"`.

    Example:
    ```python
    for name, guess in baselines(table, labels, films).items():
        print(name, multilabel_scores(known, guess, labels)["macro.auroc"])
    ```
    """
    known = label_matrix(table, labels)
    train, asked = (table.split.eq(each).to_numpy() for each in ("train", split))
    features = {
        "prevalence": np.zeros((len(table), 1)),
        "view and age": view_and_age(table),
        "16 × 16 pixels": pixels(films),
    }
    return {
        name: linear_probabilities(each[train], known[train], each[asked])
        for name, each in features.items()
    }

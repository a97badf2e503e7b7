"""Train the diagnosis that is shipped: cross-validate, then learn from all films."""

import json
import pathlib
import time

import click

from cxrbase.commands.options import PATH, options
from cxrlib.commands.group import KerasCommand
from cxrlib.systems.diagnosis.recipe import DiagnosisRecipe, FineTuneRecipe

SHOWN = ("auroc", "auprc", "ece")  # Of each label, in the card.
CRITERION = DiagnosisRecipe.criterion


@click.command("train-diagnosis", cls=KerasCommand)
@click.argument("folders", nargs=-1, required=True, type=PATH)
@click.option("--out", required=True, type=PATH, help="A .keras file to write.")
@options(FineTuneRecipe)
def train_diagnosis(folders, out, **values):
    """Fine-tune a diagnosis on FOLDERS of one collection, such as parts of NIH's.

    A patient may be in several of them. The scores, of patients that were not learned
    from, are written beside OUT, as a .json.
    """
    from cxrlib.environment import setup

    recipe = FineTuneRecipe(**values)
    setup(recipe.seed)
    train_shipped(folders, out, recipe)


def train_shipped(folders, out, recipe):
    """Cross-validate a recipe, train it on all films, and calibrate it.

    Temperatures and thresholds are chosen on the probabilities of the cross-validation,
    never on films that the model learned from.

    Args:
        folders: sequence of paths, see `read_labelled`.
        out: string or path ending in `.keras`.
        recipe: a `FineTuneRecipe`.

    Returns:
        A dict, the content of the `.json`.

    Raises:
        InputError: if a folder or the encoder cannot be read, there is no frontal, the
            same film is in two folders, the folders are of two collections, or there
            are fewer patients than folds.

    Example:
    ```python
    train_shipped(["data/nih"], "weights/nih_diagnosis.keras", FineTuneRecipe())
    ```
    """
    import keras
    import numpy as np
    from scipy.special import expit

    from coursework.course import commit
    from cxrbase.files import InputError, write_whole
    from cxrbase.grounds import GROUNDS, one_ground
    from cxrlib.data.readers.films import film_paths, label_matrix
    from cxrlib.systems.diagnosis.films import read_films
    from cxrlib.systems.diagnosis.finetune import fine_tune, look_once
    from cxrscore.labels.many import choose_operation
    from cxrscore.labels.vocabulary import NIH_LABELS

    out, began = pathlib.Path(out), time.monotonic()
    if out.suffix != ".keras":
        raise InputError(f"{out}: is no model's name. Give one that ends in .keras.")
    table = read_folders(folders)
    fold = patient_folds(table, recipe)  # Refuses before minutes are spent.
    known = label_matrix(table, NIH_LABELS)
    model = build(NIH_LABELS, recipe)
    films = read_films(film_paths(table), model.image_size)
    seen, start = look_once(model, films, recipe), model.get_weights()
    logits = np.zeros_like(known)
    for k in range(recipe.folds):
        print(f"Fold {k + 1} of {recipe.folds}", flush=True)
        model.set_weights(start)
        told = fine_tune(model, seen, known, recipe, np.flatnonzero(fold != k))
        logits[fold == k] = told[fold == k]
    raw = expit(logits.astype("float64"))
    report = {
        "made_with": recipe.settings()
        | {"encoder": pathlib.Path(recipe.encoder).name}
        | {"keras": keras.__version__, "commit": commit()},
        "trained_on": {"films": len(table), "patients": table.patient.nunique()},
        **cross_validated(table, known, raw, films, fold, NIH_LABELS),
    }
    print("All films", flush=True)
    model.set_weights(start)
    fine_tune(model, seen, known, recipe)
    temperatures, choices = choose_operation(known, raw, CRITERION)
    model.calibrate(temperatures, [threshold for threshold, _ in choices])
    ground = one_ground(table.ground)
    model.origin |= {
        "trained_on": f"{len(table)} films, {GROUNDS[ground]}",
        "ground": ground,
        "threshold_from": [words for _, words in choices],
    }
    with write_whole(out) as temporary:
        model.save(temporary)
    report["made_with"]["minutes"] = round((time.monotonic() - began) / 60, 1)
    with write_whole(out.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return report


def read_folders(folders):
    """The frontals of several folders of one collection, as one table."""
    import pandas as pd

    from cxrbase.files import InputError
    from cxrlib.data.readers.films import FRONTAL
    from cxrlib.data.readers.labelled import read_labelled

    table = pd.concat([read_labelled(each) for each in folders], ignore_index=True)
    table = table[table["view"].isin(FRONTAL)].reset_index(drop=True)
    told, kinds = ", ".join(map(str, folders)), sorted(set(table.kind))
    if table.empty:
        raise InputError(f"{told}: no film is a frontal. Give a folder with frontals.")
    if len(kinds) > 1:
        raise InputError(f"{told}: are {' and '.join(kinds)}. Give parts of one.")
    if (twice := table.uid[table.uid.duplicated()]).any():
        raise InputError(f"{told}: hold {twice.iloc[0]} twice. Give each film once.")
    return table


def patient_folds(table, recipe):
    """A fold for each film: all films of a patient have the same, an int array."""
    import numpy as np

    from cxrbase.files import InputError

    patients = table.groupby("patient").ngroup().to_numpy()
    count = patients.max() + 1
    if count < recipe.folds:
        raise InputError(f"{count} patients for {recipe.folds} folds: give fewer.")
    order = np.random.default_rng(recipe.seed).permutation(count)
    return order[patients] % recipe.folds


def build(labels, recipe):
    """The untrained model: the means of an encoder's maps, on and off the lungs."""
    from cxrlib.pretrained.backbone import load_backbone
    from cxrlib.systems.diagnosis.model import DiagnosisModel
    from cxrlib.systems.lungs.segment import load_lung_model
    from cxrlib.systems.lungs.unet import LungUNet

    given = load_lung_model()
    lungs = LungUNet.from_config(given.get_config() | {"dropout": 0.0})
    lungs.set_weights(given.get_weights())
    encoder = load_backbone(
        recipe.encoder, recipe.seen_size, recipe.until, lungs.image_size, lungs
    )
    origin = {"trained_on": "nothing: a head of zeros"}
    origin["encoder"] = pathlib.Path(recipe.encoder).name
    return DiagnosisModel(encoder, labels, ridge=recipe.ridge, origin=origin)


def cross_validated(table, known, raw, films, fold, labels):
    """The scores of the films, each by a model that had not seen its patient."""
    guesses, called = held_out(table, known, raw, films, fold, labels)
    folders = table.root.astype(str).map(lambda root: pathlib.Path(root).name)
    within = {
        folder: _macro(known, guesses["model"], fold, folders.eq(folder).to_numpy())
        for folder in sorted(set(folders))
    }
    patients = table.groupby("patient").ngroup().to_numpy()
    return {
        "reaches": rows_of(known, guesses, called, labels, patients),
        "mean_over_folds": _macro(known, guesses["model"], fold, True),
        "mean_over_folds_within_a_folder": within,
    }


def held_out(table, known, raw, films, fold, labels):
    """What model and baselines make of films, and what is called: of known labels only.

    The temperature and threshold of a fold are chosen on the others.
    """
    import numpy as np

    from cxrlib.systems.diagnosis.baselines import baselines
    from cxrscore.labels.calibration import soften
    from cxrscore.labels.many import choose_operation

    guesses, called = {"model": np.zeros_like(raw)}, np.zeros_like(known)
    for k in range(fold.max() + 1):
        others, own = fold != k, fold == k
        temperatures, choices = choose_operation(known[others], raw[others], CRITERION)
        guesses["model"][own] = soften(raw[own], temperatures)
        over = guesses["model"][own] >= [threshold for threshold, _ in choices]
        called[own] = over & ~np.isnan(known[own])
        split = table.assign(split=np.where(own, "test", "train"))
        for name, guess in baselines(split, labels, films).items():
            guesses.setdefault(name, np.zeros_like(known))[own] = guess
    return guesses, called


def rows_of(known, guesses, called, labels, patients):
    """A row of the card for each label, and for all."""
    import numpy as np

    from cxrscore.labels.many import multilabel_scores

    everything = {
        name: multilabel_scores(known, guess, labels, None, "cross", patients)
        for name, guess in guesses.items()
    }
    rows = {}
    for i, label in enumerate((*labels, "macro")):
        # Scores of `macro` are means; its numbers of films are those of all labels.
        true, calls = (x if label == "macro" else x[:, i] for x in (known, called))
        row = {"positives": int(np.nansum(true))}
        for name in SHOWN:
            record = everything["model"][f"{label}.{name}"]
            low, high = record.get("interval") or (None, None)
            row |= {name: record["value"], f"{name}_low": low, f"{name}_high": high}
        row["predicted_over_true"] = float(calls.sum() / max(np.nansum(true), 1))
        for name in list(everything)[1:]:
            row[f"{name}: auroc"] = everything[name][f"{label}.auroc"]["value"]
        rows[label] = {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in row.items()
        }
    return rows


def _macro(known, guess, fold, rows):
    """The mean AUROC over folds and labels, where a fold has both classes."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    values = []
    for k in range(fold.max() + 1):
        some = rows & (fold == k)
        for true, seen in zip(known[some].T, guess[some].T, strict=True):
            told = ~np.isnan(true)
            if np.unique(true[told]).size == 2:
                values.append(roc_auc_score(true[told], seen[told]))
    return round(float(np.mean(values)), 4) if values else None

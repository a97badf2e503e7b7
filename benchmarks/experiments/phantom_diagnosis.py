"""What the diagnosis reaches on phantoms: three draws, three splits, three trainings.

For each seed a phantom is drawn, its frontals are split by patient, and a model is
trained with the recipe's defaults: the phantom encoder, frozen, and a linear head. It
is scored on the test split, as a user would, beside its baselines; and on all films of
the other draws, which it has never seen, either: there a rare label has enough
positives to tell a bias of its threshold from chance. A film is encoded once for that.

    python benchmarks/experiments/phantom_diagnosis.py OUT [--readme docs/results.md]

`OUT/phantom-SEED` is drawn where it is not there; a training that is done is not
repeated. The encoder was pretrained on phantoms of another seed.
"""

import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import click  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from record import RESULTS, write_record  # noqa: E402

from coursework.pages.scores import write_between_marks  # noqa: E402
from cxrbase.files import write_whole  # noqa: E402
from cxrlib.data.readers.films import (  # noqa: E402
    FRONTAL,
    film_paths,
    label_matrix,
)
from cxrlib.data.readers.labelled import read_labelled, split_films  # noqa: E402
from cxrlib.systems.diagnosis.baselines import baselines  # noqa: E402
from cxrlib.systems.diagnosis.films import read_films  # noqa: E402
from cxrlib.systems.diagnosis.recipe import DiagnosisRecipe  # noqa: E402
from cxrlib.systems.diagnosis.train import latents, train_diagnosis  # noqa: E402
from cxrlib.systems.files import load_model  # noqa: E402
from cxrphantom.dataset import write_phantom  # noqa: E402
from cxrscore.clinical.rules import OBSERVATIONS  # noqa: E402
from cxrscore.labels.calibration import soften  # noqa: E402
from cxrscore.labels.many import choose_operation, multilabel_scores  # noqa: E402
from cxrscore.labels.thresholds import CRITERIA  # noqa: E402
from cxrscore.labels.vocabulary import NIH_LABELS  # noqa: E402
from cxrscore.tables import interval_of, markdown  # noqa: E402

RESULT = RESULTS / "phantom_diagnosis.json"
VOCABULARIES = {"NIH": NIH_LABELS, "CheXpert": OBSERVATIONS}
SIZE = 256  # As the course draws.
ASKED = {"macro.auroc": (0.95, 1), "macro.ece": (0, 0.05),
         "micro.predicted_over_true": (0.8, 1.25)}  # fmt: skip
KEPT = ("value", "interval", "n")


def draw(out, seed, studies):
    """The frontals of one draw, split by patient, and their pixels."""
    folder = out / f"phantom-{seed}"
    if not (folder / "phantom.json").exists():
        write_phantom(folder, studies=studies, seed=seed, size=SIZE)
    table = read_labelled(folder)
    table = split_films(table[table["view"].isin(FRONTAL)], seed=seed)
    return table, read_films(film_paths(table), DiagnosisRecipe().image_size)


def train(table, labels, out, seed):
    """The model of one seed, trained once."""
    if (out / "model.keras").exists():
        return load_model(out / "model.keras")
    return train_diagnosis(table, labels, out, seed=seed, verbose=0)


def encode(path, model, films):
    """The latents of a draw, kept: the encoder is frozen, the same for all models."""
    if not path.exists():
        with write_whole(path) as temporary, open(temporary, "wb") as file:
            np.save(file, latents(model, films))
    return np.load(path)


def probabilities(model, seen):
    """Calibrated probabilities from latents that are already there."""
    return np.asarray(model.calibration(model.head(seen)))


def by_criterion(model, known, seen, others, seen_others):
    """What each criterion of a threshold, chosen on validation, calls elsewhere.

    Args:
        known, others: float arrays of labels, of validation and of other films.
        seen, seen_others: their latents.
    """
    model.calibrate(temperatures=np.ones(len(model.labels)))
    raw = [probabilities(model, each) for each in (seen, seen_others)]
    found = {}
    for criterion in CRITERIA:
        temperatures, choices = choose_operation(known, raw[0], criterion)
        cuts = np.array([threshold for threshold, _ in choices])
        softened = [soften(raw[1][:, i], t) for i, t in enumerate(temperatures)]
        told = ~np.isnan(others)
        called, true = (np.stack(softened, axis=1) >= cuts) & told, (others == 1) & told
        counts, of = called.sum(axis=0), true.sum(axis=0)
        ratios = counts[of > 0] / of[of > 0]
        found[criterion] = {
            "predicted_over_true": counts.sum() / of.sum(),
            "labels": len(ratios),
            "labels from 0.8 to 1.25": int(((ratios >= 0.8) & (ratios <= 1.25)).sum()),
            "largest": ratios.max(),
            "micro F1": 2 * (called & true).sum() / (counts.sum() + of.sum()),
        }
    return found


def short(scores, labels):
    """What the record keeps: means, and each label's area, ratio and positives."""
    names = [*ASKED, "macro.auprc"]
    names += [f"{label}.{score}" for label in labels
              for score in ("auroc", "predicted_over_true")]  # fmt: skip
    kept = {}
    for name in names:
        kept[name] = {key: scores[name].get(key) for key in KEPT}
        told = scores[name]["protocol"]
        kept[name] |= {key: told[key] for key in ("predicted", "positives")
                       if key in told}  # fmt: skip
    return kept


def score_seed(seed, draws, seen, model, labels):
    """One model's scores: on its test split beside the baselines, and elsewhere."""
    table, films = draws[seed]
    test = table.split.eq("test").to_numpy()
    choices = list(zip(model.thresholds.tolist(), model.origin["threshold_from"],
                       strict=True))  # fmt: skip
    known = label_matrix(table, labels)
    drawn = [name for name, column in zip(labels, known.T, strict=True)
             if np.nanmax(column, initial=0) > 0]  # fmt: skip

    def scored(known, guess, patients, split):
        found = multilabel_scores(known, guess, labels, choices, split, patients)
        return short(found, drawn)

    patients = table.patient.to_numpy()
    own = (known[test], probabilities(model, seen[seed])[test], patients[test])
    result = {"seed": seed, "labels": drawn, "test": scored(*own, "test")}
    result["baselines"] = {}
    for name, guess in baselines(table, labels, films).items():
        found = multilabel_scores(own[0], guess, labels)
        kept = {key: found[key]["value"] for key in ("macro.auroc", "macro.ece")}
        result["baselines"][name] = kept
    parts = [
        (
            label_matrix(others, labels),
            probabilities(model, seen[other]),
            (f"{other}: " + others.patient).to_numpy(),
        )
        for other, (others, _) in draws.items()
        if other != seed
    ]
    if parts:
        joined = tuple(map(np.concatenate, zip(*parts, strict=True)))
        result["elsewhere"] = scored(*joined, "other draws")
        val = table.split.eq("val").to_numpy()
        far = np.concatenate([seen[other] for other in draws if other != seed])
        result["criteria"] = by_criterion(
            model, known[val], seen[seed][val], joined[0], far
        )
    return result


def told(record):
    """A value with its interval."""
    if record["value"] is None:
        return ""
    return f"{record['value']:.3f} ({interval_of(record) or 'none'})"


def means_table(runs):
    """A row per training: what was asked, and the baselines' areas."""
    rows = []
    for run in runs:
        row = {"labels": run["vocabulary"], "seed": run["seed"],
               "test films": run["test"]["macro.auroc"]["n"]}  # fmt: skip
        row |= {name: told(run["test"][name]) for name in ASKED}
        for name, each in run["baselines"].items():
            both = (each["macro.auroc"], each["macro.ece"])
            both = ("–" if value is None else f"{value:.3f}" for value in both)
            row[f"{name}: AUROC, ECE"] = ", ".join(both)
        if "elsewhere" in run:
            ratio = run["elsewhere"]["micro.predicted_over_true"]
            row["ratio, other draws"] = told(ratio)
        rows.append(row)
    return pd.DataFrame(rows)


def labels_table(runs):
    """A row per label: areas and ratios, over the trainings in one vocabulary."""
    rows = []
    for label in runs[0]["labels"]:
        areas, ratios = ([run["test"].get(f"{label}.{name}") for run in runs]
                         for name in ("auroc", "predicted_over_true"))  # fmt: skip
        row = {"label": label,
               "positives": " ".join(str(each["positives"]) for each in ratios),
               "AUROC": listed(areas), "predicted/true": listed(ratios)}  # fmt: skip
        predicted, true = (sum(each[name] for each in ratios)
                           for name in ("predicted", "positives"))  # fmt: skip
        row["together"] = f"{predicted / true:.2f}" if true else ""
        if "elsewhere" in runs[0]:
            own = [run["elsewhere"][f"{label}.predicted_over_true"] for run in runs]
            row["other draws"] = " ".join(told(each) for each in own)
        rows.append(row)
    return pd.DataFrame(rows)


def criteria_table(runs):
    """A row per criterion of the threshold: what it calls on the other draws."""
    rows = []
    for criterion in runs[0]["criteria"]:
        each = [run["criteria"][criterion] for run in runs]
        row = {"threshold": CRITERIA[criterion]}
        for name, format_ in {"predicted_over_true": ".2f", "micro F1": ".3f",
                              "largest": ".1f"}.items():  # fmt: skip
            row[name] = " ".join(f"{one[name]:{format_}}" for one in each)
        row["labels from 0.8 to 1.25"] = " ".join(
            f"{one['labels from 0.8 to 1.25']} of {one['labels']}" for one in each
        )
        rows.append(row)
    return pd.DataFrame(rows)


def listed(records):
    """Values side by side, seed by seed."""
    return " ".join("–" if each["value"] is None else f"{each['value']:.2f}"
                    for each in records)  # fmt: skip


def lines_of(record):
    """What stands between the marks."""
    runs = record["runs"]
    own = [run for run in runs if run["vocabulary"] == runs[0]["vocabulary"]]
    seeds = ", ".join(str(run["seed"]) for run in own)
    lines = [
        f"PHANTOM: simulated images, no patient: {record['studies']:,} studies a draw; "
        f"seeds {seeds}; commit {record['commit']}.",
        "",
        markdown(means_table(runs)),
        "",
        f"Label by label ({runs[0]['vocabulary']}), seed by seed:",
        "",
        markdown(labels_table(own)),
    ]
    if "criteria" in own[0]:
        said = "The threshold chosen on validation in three ways, on the other draws:"
        lines += ["", said, "", markdown(criteria_table(own))]
    return lines


@click.command()
@click.argument("out", type=click.Path(path_type=pathlib.Path))
@click.option("--studies", default=1600, show_default=True)
@click.option("--seeds", default="0,1,2", show_default=True)
@click.option("--readme", help="Write the tables into this file, between its marks.")
def main(out, studies, seeds, readme):
    """Draw, train and score; print the tables and write the record."""
    seeds, runs, seen = list(map(int, seeds.split(","))), [], {}
    draws = {seed: draw(out, seed, studies) for seed in seeds}
    wanted = [(name, seed) for name in VOCABULARIES for seed in seeds]
    for vocabulary, seed in wanted:
        labels, folder = VOCABULARIES[vocabulary], out / f"{vocabulary.lower()}-{seed}"
        model = train(draws[seed][0], labels, folder, seed)
        for other, (_, films) in draws.items():
            seen[other] = encode(out / f"seen-{other}.npy", model, films)
        run = score_seed(seed, draws, seen, model, labels)
        runs.append({"vocabulary": vocabulary} | run)
        print(means_table(runs[-1:]).to_string(index=False), flush=True)
        record = write_record(  # What is done is kept if the next one is broken off.
            RESULT, __file__, "OUT", ("tensorflow", "keras", "numpy", "scikit-learn"),
            studies=studies, size=SIZE, recipe=DiagnosisRecipe().settings(), runs=runs,
        )  # fmt: skip
        lines = lines_of(record)
        if readme:
            write_between_marks(readme, "\n".join(lines), "phantom diagnosis")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

"""Train the report model that the course ships, on phantoms that no notebook draws.

Images, reports and truth of a phantom cost nothing, so it may learn from many more
studies than a notebook has time for. It starts as 07's training does.
"""

import dataclasses
import json
import pathlib
import shutil

import pandas as pd

from coursework.course import commit
from coursework.results import Results
from cxrbase.files import InputError, write_whole
from cxrlib.data.prepare import prepare, read_manifest
from cxrlib.data.shards import MANIFEST
from cxrlib.data.sources import find_dataset
from cxrlib.data.splits import split_studies
from cxrlib.data.studies import funnel, load_studies
from cxrlib.pretrained.gpt2 import OURS
from cxrlib.pretrained.gpt2 import WEIGHTS as GPT2
from cxrlib.pretrained.load import weights_path
from cxrlib.pretrained.registry import PHANTOM_REPORT, checksum
from cxrlib.systems.reports.predict import predict_split
from cxrlib.systems.reports.recipe import ReportRecipe, ShippedRecipe
from cxrlib.systems.reports.shipped import (
    STARTS,
    load_report_model,
    save_report_model,
    write_card,
)
from cxrlib.systems.reports.train import evaluate_model, train_report_model
from cxrphantom.dataset import write_phantom
from cxrscore.brief import brief

DRAWN = 256  # Pixels, as the notebooks' profile `course` draws films.
SIZE = 128
CURVE = (
    "loss", "val_loss", "val_text_perplexity", "val_abnormal_auroc",
    "val_frontal_ssim", "val_lateral_ssim",
)  # fmt: skip


def draw_prepared(out, studies, held_out, seed):
    """Draw phantoms of two seeds and prepare them; the films are then deleted.

    Args:
        out: string or path. The prepared folder. If it is complete, it is left as it
            is.
        studies: int. Drawn from `seed`, for train and val (a twentieth).
        held_out: int. Drawn from `seed + 1`, for test.
        seed: int.

    Returns:
        The `pathlib.Path` of the prepared folder.

    Raises:
        InputError: if it holds other studies.

    Example:
    ```python
    draw_prepared("outputs/shipped/prepared", studies=64, held_out=64, seed=3_000_000)
    ```
    """
    out = pathlib.Path(out)
    asked = {"studies": studies, "held_out": held_out, "seed": seed}
    note = out.with_name(f"{out.name}.json")
    if (out / MANIFEST).exists():
        drawn = json.loads(note.read_text()) if note.exists() else {}
        if drawn != asked:
            raise InputError(f"{out}: holds {drawn}, not {asked}. Use another folder.")
        return out
    tables, folders = [], []
    for number, count in ((seed, studies), (seed + 1, held_out)):
        folder = out.parent / f"phantom-{number}"
        write_phantom(folder, count, number, DRAWN)
        kept, _ = funnel(load_studies(find_dataset(folder)))
        kept[["uid", "patient"]] = kept[["uid", "patient"]].map(f"{number}-{{}}".format)
        tables.append(kept)
        folders.append(folder)
    tables[0] = split_studies(tables[0], (0.95, 0.05, 0.0), seed)
    tables[1]["split"] = "test"
    with write_whole(note) as temporary:
        temporary.write_text(json.dumps(asked))
    prepare(pd.concat(tables, ignore_index=True), out, SIZE)
    for folder in folders:
        shutil.rmtree(folder)
    return out


def pretrain_report(
    out, recipe=None, workdir="outputs/shipped", environment=None, **changes
):
    """Train the shipped report model, store it, and score what was stored.

    It starts from the course's own encoder and GPT-2, as 07 does on a phantom. A killed
    call continues from `workdir`.

    Args:
        out: string or path. A folder; receives `report.weights.h5` (float16, the
            layers that learned) and `report.json`: how it was made, the curve, and
            what it reaches on held-out phantoms, beside the baselines.
        recipe: a `ShippedRecipe`, or `None` for its defaults.
        workdir: string or path. Prepared studies and checkpoints.
        environment: what `cxrlib.environment.setup` returned. Gives the versions.
        **changes: fields of the recipe to change.

    Returns:
        The content of `report.json`, a dict.

    Raises:
        InputError: if the encoder or the GPT-2 is not there, `workdir` holds a
            training under other settings, or another process trains there.

    Example:
    ```python
    pretrain_report("weights/phantom_report", studies=64, held_out=64, epochs=1)
    ```
    """
    recipe = dataclasses.replace(recipe or ShippedRecipe(), **changes)
    out, workdir = pathlib.Path(out), pathlib.Path(workdir)
    prepared = draw_prepared(
        workdir / "prepared", recipe.studies, recipe.held_out, recipe.seed
    )
    encoder, gpt2 = STARTS
    training = ReportRecipe(
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        encoder_weights=encoder,
        gpt2=gpt2,
        seed=recipe.seed,
    )
    # If either was made again, a training from the old one is not resumed.
    starts = weights_path(encoder), pathlib.Path(weights_path(gpt2)) / GPT2[OURS][0]
    work = workdir / "-".join(["training", *(checksum(path)[:8] for path in starts)])
    model = train_report_model(prepared, work, training, verbose=2)
    counts = read_manifest(prepared)["counts"]
    model.origin |= {
        "trained_on": f"phantoms alone: {counts['train']} drawn studies, seed "
        f"{recipe.seed}, no patient",
        "seed": recipe.seed,
        "report": PHANTOM_REPORT,
    }
    results = Results(workdir, "scores", environment)
    card = save_report_model(
        model,
        out,
        made_with={
            "command": f"python -m cxrlib pretrain-report {out.parent.name}/{out.name}",
            "commit": commit(),
            "recipe": dataclasses.asdict(recipe),
            "studies": counts,
            "versions": results.record["environment"].get("versions", {}),
        },
        curve=curve(work / "history.csv"),
    )
    stored = load_report_model(out)  # In float16, as users get it.
    predictions, _ = predict_split(stored, prepared)
    evaluate_model(results, stored, prepared, predictions)
    results.write()
    scores = results.record["metrics"]
    threshold = scores["abnormal.accuracy"]["protocol"]["threshold"]
    card["model"]["origin"]["threshold"] = round(threshold, 6)
    card["reaches"] = brief(scores)
    write_card(out, card)
    return card


def curve(history):
    """Read the losses of each epoch from `history.csv`: a dict of dicts, from 1 on."""
    table = pd.read_csv(history).set_index("epoch")[list(CURVE)].round(4)
    table.index = (table.index + 1).astype(str)
    return table.to_dict("index")

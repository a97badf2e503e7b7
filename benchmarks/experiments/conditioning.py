"""What GPT-2 gains from the image: no conditioning, the latent, the spatial maps.

The encoder is frozen, so every study is encoded once; only the text half is
trained, from the same pretrained GPT-2, on the same batches in the same order (in
every epoch: KerasHub's `fit` does not shuffle arrays). Only the conditioning of the
text half differs. Each score is the mean and standard deviation over the seeds, on the
test split, beside the score after the images were permuted among the studies.

Every run leaves its predictions in OUT; an existing one is scored, not trained again.

    python benchmarks/experiments/conditioning.py outputs/prepared \
        outputs/conditioning [--section impression] [--seeds 0,1,2] [--epochs 10]
"""

import math
import pathlib
import time

import click
import keras
import numpy as np
import pandas as pd

from coursework.pages.scores import write_between_marks
from cxrbase.grounds import GROUNDS, source_ground
from cxrlib.data.pipeline import load_records
from cxrlib.data.prepare import read_manifest
from cxrlib.models.conditioning import IMAGE_INPUTS
from cxrlib.models.latent_gpt2 import LatentGPT2Backbone
from cxrlib.models.latent_gpt2_causal_lm import LatentGPT2CausalLM
from cxrlib.models.losses import text_loss
from cxrlib.pretrained.gpt2 import gpt2_sizes_of
from cxrlib.pretrained.load import find_gpt2, load_encoder, load_gpt2
from cxrlib.systems.reports.presets import build_imaging_model, preset_sizes
from cxrlib.systems.reports.train import make_preprocessor
from cxrlib.training import warmup_cosine
from cxrscore.baselines import shuffled_orders
from cxrscore.clinical.scores import ClinicalScorer
from cxrscore.comparison import compare
from cxrscore.tables import markdown
from cxrscore.texts.scores import TextScorer

SCORES = ("clinical.micro_f1_14", "clinical.micro_f1_5", "coco.bleu_4")


def encode(prepared, split, encoder, section):
    """Encode a split once: `maps`, `latent` and the texts, studies with text only."""
    parts = {"maps": [], "latent": []}
    texts = []
    for batch in load_records(prepared, split, 16).as_numpy_iterator():
        seen = [encoder.predict_on_batch(batch[v]) for v in ("frontal", "lateral")]
        parts["maps"].append(np.stack([view["maps"] for view in seen], axis=1))
        parts["latent"].append(np.concatenate([v["latent"] for v in seen], axis=1))
        texts += [text.decode() for text in batch[section]]
    kept = np.array([bool(text) for text in texts])
    arrays = {name: np.concatenate(part)[kept] for name, part in parts.items()}
    return arrays, [text for text in texts if text]


def run(conditioning, seed, data, preprocessor, folder, epochs, batch_size, rate):
    """Train one text half; returns the test split's table of predictions."""
    keras.utils.set_random_seed(seed)
    (train, train_texts), (val, val_texts), (test, references) = data
    backbone = LatentGPT2Backbone(
        vocabulary_size=preprocessor.tokenizer.vocabulary_size(),
        latent_dim=train["latent"].shape[-1],
        maps_shape=train["maps"].shape[1:],
        conditioning=conditioning,
        max_sequence_length=preprocessor.sequence_length,
        **(gpt2_sizes_of(folder) or preset_sizes("compact")["gpt2"]),
    )
    load_gpt2(backbone, folder, preprocessor.tokenizer)
    model = LatentGPT2CausalLM(backbone)  # It trains on tokens, not on strings.
    steps = epochs * math.ceil(len(train_texts) / batch_size)
    model.compile(
        keras.optimizers.AdamW(
            warmup_cosine(rate, steps), weight_decay=1e-4, clipnorm=1.0
        ),
        text_loss(),
        sampler="greedy",
    )
    name = backbone.image_input

    def rows(images, texts):
        x, y, weight = (
            keras.tree.map_structure(np.array, p) for p in preprocessor(texts)
        )
        return x | ({name: images[name]} if name else {}), y, weight

    x, y, weight = rows(train, train_texts)
    started = time.perf_counter()
    history = model.fit(
        x, y, sample_weight=weight, epochs=epochs, batch_size=batch_size,
        validation_data=rows(val, val_texts), verbose=0,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    model.preprocessor = preprocessor
    prompts = {"prompts": [""] * len(references)}
    predictions = model.generate(prompts | ({name: test[name]} if name else {}))
    return pd.DataFrame(
        {
            "reference": references,
            "prediction": predictions,
            "val_loss": min(history.history["val_loss"]),
            "seconds": seconds,
        }
    )


def scores_of(table):
    """Own and permuted scores of a table of predictions, by name."""
    predictions = list(table["prediction"])
    orders = shuffled_orders(len(predictions))
    scores = {"val_loss": table["val_loss"][0], "distinct": len(set(predictions))}
    for scorer in (
        TextScorer(table["reference"], ("coco",)),
        ClinicalScorer(table["reference"]),
    ):
        found = compare(scorer, predictions, {}, orders)
        for name in found.keys() & SCORES:
            scores[name] = found[name]["value"]
            scores[f"{name} permuted"] = found[name]["shuffled"]
    return scores


def summary(runs):
    """Means and standard deviations over the seeds, each beside the permuted mean."""
    groups = runs.groupby("conditioning", sort=False)
    mean, deviation = groups.mean(), groups.std()
    table = pd.DataFrame({"conditioning": mean.index})
    for name in SCORES:
        short, pairs = name.split(".")[1], zip(mean[name], deviation[name], strict=True)
        table[short] = [f"{m:.3f} ± {d:.3f}" for m, d in pairs]
        table[f"{short} permuted"] = [f"{m:.3f}" for m in mean[f"{name} permuted"]]
    table["distinct"] = [f"{m:.0f}" for m in mean["distinct"]]
    return table


@click.command()
@click.argument("prepared")
@click.argument("out", type=click.Path(path_type=pathlib.Path))
@click.option("--section", default="impression", show_default=True)
@click.option("--conditionings", default=",".join(IMAGE_INPUTS), show_default=True)
@click.option("--seeds", default="0,1,2", show_default=True)
@click.option("--epochs", default=10, show_default=True)
@click.option("--batch-size", default=8, show_default=True)
@click.option("--learning-rate", default=1e-3, show_default=True)
@click.option("--sequence-length", default=64, show_default=True)
@click.option("--readme", help="Write the table into this file, between its marks.")
def main(prepared, out, section, conditionings, seeds, epochs, batch_size,
         learning_rate, sequence_length, readme):  # fmt: skip
    """Train each conditioning with each seed; print means and standard deviations."""
    source = read_manifest(prepared)["source"]
    is_phantom = source_ground(source) != "real"
    folder = find_gpt2("auto", "compact", is_phantom)
    preprocessor = make_preprocessor(
        prepared, section, sequence_length, gpt2=folder, vocabulary_size=1000
    )
    imaging = build_imaging_model("compact", read_manifest(prepared)["size"])
    load_encoder(imaging.encoder, "auto", is_phantom)
    data = [
        encode(prepared, split, imaging.encoder, section)
        for split in ("train", "val", "test")
    ]
    print("Studies:", [len(texts) for _, texts in data])
    out.mkdir(parents=True, exist_ok=True)
    runs = []
    for seed in map(int, seeds.split(",")):
        for conditioning in conditionings.split(","):
            path = out / f"{conditioning}-{seed}.csv"
            if not path.is_file():
                table = run(
                    conditioning, seed, data, preprocessor, folder, epochs, batch_size,
                    learning_rate,
                )  # fmt: skip
                table.to_csv(path, index=False)
            table = pd.read_csv(path, keep_default_na=False)
            scores = scores_of(table)
            runs.append({"conditioning": conditioning, "seed": seed} | scores)
            print(pd.Series(runs[-1]).to_string(), end="\n\n", flush=True)
    ground = source_ground(source)
    lines = [
        f"{GROUNDS[ground]}: {section}, train {len(data[0][1])}, test "
        f"{len(data[2][1])} studies; {epochs} epochs, seeds {seeds}; mean ± standard "
        "deviation.",
        "",
        markdown(summary(pd.DataFrame(runs))),
    ]
    print("\n".join(lines))
    if readme:
        write_between_marks(readme, "\n".join(lines), f"conditioning, {ground}")


if __name__ == "__main__":
    main()

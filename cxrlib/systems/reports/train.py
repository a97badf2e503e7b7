"""The main job as one call: from prepared shards to a trained `ReportModel`."""

import dataclasses
import hashlib
import json
import math

from cxrbase.files import locked
from cxrbase.grounds import GROUNDS, source_ground
from cxrlib.data.memory_map import load_arrays
from cxrlib.data.prepare import read_manifest
from cxrlib.data.table import is_memory_map, read_texts, split_size
from cxrlib.models.text import ReportPreprocessor, ReportTokenizer
from cxrlib.pretrained.gpt2 import gpt2_sizes_of, tokenizer_files
from cxrlib.pretrained.load import find_gpt2, load_encoder, load_gpt2
from cxrlib.pretrained.registry import registered
from cxrlib.systems.reports.model import compile_report_model
from cxrlib.systems.reports.predict import encode_split
from cxrlib.systems.reports.presets import build_report_model
from cxrlib.systems.reports.recipe import ReportRecipe
from cxrlib.training import train, warmup_cosine
from cxrscore.baselines import nearest_reports
from cxrscore.labels.thresholds import choose_threshold


def make_preprocessor(
    prepared,
    section=ReportRecipe.section,
    sequence_length=ReportRecipe.sequence_length,
    vocabulary_size=ReportRecipe.vocabulary_size,
    gpt2="",
):
    """Make the tokenizer and preprocessor for the training reports.

    Args:
        prepared: string or path. A folder written by `prepare`.
        section: string. The text to learn.
        sequence_length: int. Tokens per report.
        vocabulary_size: int. Size of the vocabulary learned from train.
        gpt2: string. A folder with GPT-2's own vocabulary, used instead of a
            learned one.

    Returns:
        A `ReportPreprocessor`. Prints how many training reports will be cut.

    Example:
    ```python
    preprocessor = make_preprocessor("data/prepared", sequence_length=64)
    ```
    """
    texts = read_texts(prepared, "train", section)
    if gpt2:
        tokenizer = ReportTokenizer.from_gpt2_files(tokenizer_files(gpt2))
    else:
        tokenizer = ReportTokenizer.train(texts, vocabulary_size)
    lengths = tokenizer.count_tokens(texts)
    cut = sum(length > sequence_length + 1 for length in lengths)
    if cut:
        print(
            f"{cut} of {len(texts)} training reports are longer than "
            f"{sequence_length} tokens (longest: {max(lengths)}) and are cut there; "
            "raise sequence_length to keep them whole."
        )
    return ReportPreprocessor(tokenizer, sequence_length=sequence_length)


def describe_origin(prepared, section):
    """Say what a model trained on this folder was trained on.

    Args:
        prepared: string or path. A folder written by `prepare`.
        section: string. The text that it learns.

    Returns:
        A flat dict that is saved in the model file.

    Example:
    ```python
    describe_origin("data/prepared", "impression")["trained_on"]
    ```
    """
    manifest = read_manifest(prepared)
    studies = manifest["counts"].get("train", 0)
    ground = source_ground(manifest["source"])
    return {
        "trained_on": f"{studies} studies, {GROUNDS[ground]}",
        "ground": ground,
        "section": section,
        "size": manifest["size"],
        "fit": manifest["fit"],
        "crop": manifest["crop"],
    }


def identity(model, prepared):
    """What a training rests on, so that a resume notices if it changed.

    Args:
        model: a `ReportModel` whose weights were just loaded.
        prepared: string or path. The folder that it will learn from.

    Returns:
        A dict of strings: the data's fingerprint, the vocabulary's, and where
        the pretrained weights came from.

    Example:
    ```python
    train(model, ..., settings={"epochs": 5} | identity(model, prepared))
    ```
    """
    vocabulary = json.dumps(model.preprocessor.tokenizer.vocabulary, sort_keys=True)
    return {
        "data": read_manifest(prepared)["source"]["fingerprint"],
        "vocabulary": hashlib.sha256(vocabulary.encode()).hexdigest()[:16],
        "encoder": model.origin.get("encoder", "none"),
        "gpt2": model.origin.get("gpt2", "none"),
    }


def train_report_model(
    prepared, out, recipe=None, resume=True, verbose="auto", **changes
):
    """Train the whole system on a prepared folder.

    Args:
        prepared: string or path. A folder written by `prepare`.
        out: string or path. See `cxrlib.training.train`.
        recipe: a `ReportRecipe`, or `None` for its defaults.
        resume: bool. Whether to resume a training found in `out`.
        verbose: see `keras.Model.fit`.
        **changes: fields of the recipe to change.

    Returns:
        The `ReportModel` of the best epoch.

    Raises:
        InputError: if a parameter is unknown or out of its range, `out` holds a
            training under others, or another process trains there.

    Example:
    ```python
    train_report_model("data/prepared", "outputs/training", preset="tiny", epochs=2)
    ```
    """
    import keras

    recipe = dataclasses.replace(recipe or ReportRecipe(), **changes)
    keras.utils.set_random_seed(recipe.seed)
    read_manifest(prepared)  # Before `out` is made.
    with locked(out, wait=False):
        pass  # `train` would refuse it only after the model is built.
    model = new_report_model(recipe, prepared)
    settings = recipe.settings() | identity(model, prepared)
    steps = compile_by(recipe, model, prepared)

    if is_memory_map(prepared):
        load = load_arrays
    else:
        from cxrlib.data.pipeline import load_batches as load  # It needs TensorFlow.

    def batches(split, **options):
        return load(
            prepared,
            split,
            model.preprocessor,
            recipe.batch_size,
            recipe.section,
            seed=recipe.seed,
            **options,
        )

    return train(
        model,
        lambda first: batches(
            "train", shuffle=True, first_epoch=first, epochs=recipe.epochs
        ),
        batches("val") if split_size(prepared, "val") else None,
        out,
        epochs=recipe.epochs,
        steps_per_epoch=steps,
        seed=recipe.seed,
        resume=resume,
        settings=settings,
        defaults=ReportRecipe().settings(),
        verbose=verbose,
    )


def new_report_model(recipe, prepared):
    """Build what a recipe asks for, untrained, with its pretrained weights loaded.

    Args:
        recipe: a `ReportRecipe`.
        prepared: string or path. A folder written by `prepare`.

    Returns:
        A `ReportModel`, not compiled.

    Example:
    ```python
    new_report_model(ReportRecipe(preset="tiny"), "data/prepared")
    ```
    """
    manifest = read_manifest(prepared)
    is_phantom = source_ground(manifest["source"]) != "real"
    folder = find_gpt2(recipe.gpt2, recipe.preset, is_phantom)
    preprocessor = make_preprocessor(
        prepared,
        recipe.section,
        recipe.sequence_length,
        recipe.vocabulary_size,
        folder,
    )
    model = build_report_model(
        recipe.preset,
        preprocessor,
        image_size=manifest["size"],
        skips=recipe.skips,
        origin=describe_origin(prepared, recipe.section),
        gpt2_sizes=gpt2_sizes_of(folder),
        conditioning=recipe.conditioning,
    )
    model.origin["encoder"] = load_encoder(
        model.imaging.encoder,
        recipe.encoder_weights,
        is_phantom,
        recipe.trainable_layers,
    )
    model.origin["gpt2"] = load_gpt2(
        model.causal_lm.backbone, folder, preprocessor.tokenizer
    )
    return model


def compile_by(recipe, model, prepared):
    """Compile a model, or a part of it, as a recipe says.

    Args:
        recipe: a `ReportRecipe`.
        model: see `compile_report_model`.
        prepared: string or path. The folder that it will learn from.

    Returns:
        Int. The steps of an epoch.

    Example:
    ```python
    steps = compile_by(recipe, model, "data/prepared")
    ```
    """
    steps = math.ceil(split_size(prepared, "train") / recipe.batch_size)
    compile_report_model(
        model,
        learning_rate=warmup_cosine(recipe.learning_rate, recipe.epochs * steps),
        alpha=recipe.alpha,
        beta=recipe.beta,
        gamma=recipe.gamma,
        delta=recipe.delta,
        ssim_weight=recipe.ssim_weight,
    )
    return steps


def evaluate_model(results, model, prepared, predictions, split="test"):
    """Enter the scores of a split into a `Results`, with data and weights named.

    Args:
        results: a `coursework.results.Results`.
        model: the `ReportModel` that predicted.
        prepared: string or path. The folder that was predicted.
        predictions: DataFrame from `cxrlib.systems.reports.predict.predict_split`;
            its latents are replaced by the nearest train reports.
        split: string. Which split it was.

    Returns:
        The table of scores, a DataFrame to show.

    Example:
    ```python
    evaluate_model(results, model, "data/prepared", predictions)
    ```
    """
    manifest = read_manifest(prepared)
    source = manifest["source"]
    section = model.origin.get("section", "impression")
    beside = _beside(model, prepared, predictions, split)
    results.dataset(
        ground=source_ground(source),
        counts=manifest["counts"],
        seed=(source.get("phantom") or {}).get("seed"),
        fingerprint=source.get("fingerprint"),
        split_by=manifest["split"]["by"],
        image_size=manifest["size"],
    )
    conditioning = model.causal_lm.backbone.conditioning
    results.record["model"] = model.origin | {"conditioning": conditioning}
    whole = ["report"] if "report" in model.origin else []
    for part in ("encoder", "gpt2", *whole):
        origin = model.origin.get(part, "unknown")
        results.weights(part, origin, **registered(origin))
    return results.evaluate(
        predictions,
        section=section,
        split=split,
        image_size=f"{manifest['size']}×{manifest['size']} pixels",
        **beside,
    )


def _beside(model, prepared, predictions, split):
    """What the baselines need; nearest reports replace the predictions' latents."""
    latents = predictions.pop("latent") if "latent" in predictions else None
    train = encode_split(model, prepared, "train")
    beside = {
        "train_texts": [text for text in train["text"] if text] or None,
        "train_labels": train["label"],
    }
    if split != "train":
        if latents is None:  # Evaluated before, or read from a file.
            latents = encode_split(model, prepared, split)["latent"]
        predictions["nearest"] = nearest_reports(
            train["latent"], train["text"], list(latents)
        )
    if split_size(prepared, "val"):
        val = encode_split(model, prepared, "val")
        chosen = choose_threshold(val["label"], val["probability"])
        beside["threshold"], beside["threshold_from"] = chosen
    return beside

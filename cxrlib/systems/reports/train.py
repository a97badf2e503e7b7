"""The main job as one call: from prepared shards to a trained `ReportModel`."""

import hashlib
import json
import math

from cxrbase.grounds import GROUNDS, source_ground
from cxrlib.data.memory_map import load_arrays
from cxrlib.data.prepare import read_manifest
from cxrlib.data.table import is_memory_map, read_texts, split_size
from cxrlib.models.text import ReportPreprocessor, ReportTokenizer
from cxrlib.pretrained.gpt2 import gpt2_sizes_of, tokenizer_files
from cxrlib.pretrained.load import find_gpt2, load_encoder, load_gpt2
from cxrlib.systems.reports.model import compile_report_model
from cxrlib.systems.reports.predict import encode_split
from cxrlib.systems.reports.presets import CONDITIONING, build_report_model
from cxrlib.training import train, warmup_cosine
from cxrscore.baselines import nearest_reports
from cxrscore.labels.thresholds import choose_threshold


def make_preprocessor(
    prepared,
    section="impression",
    sequence_length=64,
    vocabulary_size=1000,
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
        A flat dict that travels inside the model file.

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
    """What a training rests on, so that a resume can tell that it changed.

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
    prepared,
    out,
    preset="compact",
    section="impression",
    epochs=10,
    batch_size=16,
    learning_rate=1e-3,
    alpha=1.0,
    beta=1.0,
    gamma=1.0,
    delta=1.0,
    ssim_weight=0.5,
    skips=5,
    conditioning=CONDITIONING,
    sequence_length=64,
    vocabulary_size=1000,
    gpt2="auto",
    encoder_weights="auto",
    seed=0,
    resume=True,
    verbose="auto",
):
    """Train the whole system on a prepared folder.

    Args:
        prepared: string or path. A folder written by `prepare`.
        out: string or path. See `cxrlib.training.train`.
        preset: string. See `cxrlib.systems.reports.presets.PRESETS`.
        section: string. The text to learn: `"impression"` or `"findings"`.
        epochs: int.
        batch_size: int.
        learning_rate: float. Peak of the warm-up and cosine schedule.
        alpha: float. Weight of the classification.
        beta: float. Weight of the frontal reconstruction.
        gamma: float. Weight of the lateral reconstruction.
        delta: float. Weight of the text.
        ssim_weight: float. λ in `MSE + λ(1 − SSIM)`.
        skips: int, 0 to 5. Levels that the decoders may copy from.
        conditioning: string. How GPT-2 is told of the image: `"latent"`,
            `"spatial"` or `"none"`.
        sequence_length: int. Tokens per report.
        vocabulary_size: int. Of the learned tokenizer.
        gpt2: string. See `cxrlib.pretrained.load.find_gpt2`.
        encoder_weights: string. See `cxrlib.pretrained.load.load_encoder`.
        seed: int.
        resume: bool. Take up a training found in `out`.
        verbose: see `keras.Model.fit`.

    Returns:
        The `ReportModel` of the best epoch.

    Example:
    ```python
    model = train_report_model("data/prepared", "outputs/training", "tiny", epochs=2)
    ```
    """
    import keras

    settings = {k: v for k, v in locals().items() if k in SETTINGS}
    keras.utils.set_random_seed(seed)
    manifest = read_manifest(prepared)
    is_phantom = bool(manifest["source"].get("is_phantom"))
    folder = find_gpt2(gpt2, preset, is_phantom)
    preprocessor = make_preprocessor(
        prepared, section, sequence_length, vocabulary_size, folder
    )
    model = build_report_model(
        preset,
        preprocessor,
        image_size=manifest["size"],
        skips=skips,
        origin=describe_origin(prepared, section),
        gpt2_sizes=gpt2_sizes_of(folder),
        conditioning=conditioning,
    )
    model.origin["encoder"] = load_encoder(
        model.imaging.encoder, encoder_weights, is_phantom
    )
    model.origin["gpt2"] = load_gpt2(
        model.causal_lm.backbone, folder, preprocessor.tokenizer
    )
    settings |= identity(model, prepared)
    steps = math.ceil(split_size(prepared, "train") / batch_size)
    compile_report_model(
        model,
        learning_rate=warmup_cosine(learning_rate, epochs * steps),
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        delta=delta,
        ssim_weight=ssim_weight,
    )

    if is_memory_map(prepared):
        load = load_arrays
    else:
        from cxrlib.data.pipeline import load_batches as load  # It needs TensorFlow.

    def batches(split, **options):
        return load(
            prepared, split, preprocessor, batch_size, section, seed=seed, **options
        )

    return train(
        model,
        lambda first: batches("train", shuffle=True, first_epoch=first, epochs=epochs),
        batches("val") if split_size(prepared, "val") else None,
        out,
        epochs=epochs,
        steps_per_epoch=steps,
        seed=seed,
        resume=resume,
        settings=settings,
        verbose=verbose,
    )


# What defines a training: a checkpoint made under other values is not taken up.
SETTINGS = (
    "preset",
    "section",
    "batch_size",
    "learning_rate",
    "alpha",
    "beta",
    "gamma",
    "delta",
    "ssim_weight",
    "skips",
    "conditioning",
    "sequence_length",
    "vocabulary_size",
)


def evaluate_model(results, model, prepared, predictions, split="test"):
    """Enter the figures of a split into a `Results`, with data and weights named.

    Args:
        results: a `coursework.results.Results`.
        model: the `ReportModel` that predicted.
        prepared: string or path. The folder that was predicted.
        predictions: DataFrame from `cxrlib.systems.reports.predict.predict_split`.
        split: string. Which split it was.

    Returns:
        The table of figures, a DataFrame to show.

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
    for part in ("encoder", "gpt2"):
        results.weights(part, model.origin.get(part, "unknown"))
    return results.evaluate(
        predictions,
        section=section,
        split=split,
        image_size=f"{manifest['size']}×{manifest['size']} pixels",
        **beside,
    )


def _beside(model, prepared, predictions, split):
    """What the baselines need; the nearest train reports go into the predictions."""
    train = encode_split(model, prepared, "train")
    beside = {
        "train_texts": [text for text in train["text"] if text] or None,
        "train_labels": train["label"],
    }
    if split != "train":
        latents = encode_split(model, prepared, split)["latent"]
        predictions["nearest"] = nearest_reports(
            train["latent"], train["text"], latents
        )
    if split_size(prepared, "val"):
        val = encode_split(model, prepared, "val")
        chosen = choose_threshold(val["label"], val["probability"])
        beside["threshold"], beside["threshold_from"] = chosen
    return beside

"""A trained model at work: on a prepared split, and on somebody's own X-ray."""

import contextlib
import hashlib

import numpy as np
import pandas as pd
from keras import ops

from cxrbase.files import InputError
from cxrbase.images import check_unit_range, read_noted, resize_square
from cxrlib.data.memory_map import load_array_records
from cxrlib.data.prepare import read_manifest
from cxrlib.data.table import is_memory_map
from cxrlib.models.metrics import mse, ssim
from cxrlib.systems.lungs.crop import find_crop

VIEWS = ("frontal", "lateral")
NOT_CLINICAL = "Not for clinical use."


def predict_split(
    model,
    prepared,
    split="test",
    sampler="greedy",
    prompt="",
    batch_size=16,
    keep=0,
    write=True,
):
    """Reconstruct, classify and describe every study of a split.

    Args:
        model: a `ReportModel`.
        prepared: string or path. A folder written by `prepare`.
        split: string. `"train"`, `"val"` or `"test"`.
        sampler: see `ReportModel.generate`.
        prompt: string. How every report begins.
        batch_size: int.
        keep: int. How many studies to return with their images.
        write: bool. Whether to write the reports; else `prediction` is missing.

    Returns:
        A pair. A `pandas.DataFrame` with a row per study: `uid`, `reference`,
        `prediction`, `label` (NaN where unknown), `probability`, SSIM and MSE per
        view, and `latent` (an array), which `evaluate_model` takes out. A dict of
        uid to dict of images, float `(H, W, 1)`: `frontal`, `lateral`,
        `frontal_reconstruction`, `lateral_reconstruction`.

    Raises:
        InputError: if the split is empty, or its images are of another size.

    Example:
    ```python
    predictions, examples = predict_split(model, "data/prepared", keep=4)
    ```
    """
    check_same_images(model, prepared)
    section = model.origin.get("section", "impression")
    tables, examples = [], {}
    for batch in _read_records(prepared, split, batch_size):
        images = {view: batch[view] for view in VIEWS}
        if write:
            reports, seen = model.generate(
                images, prompt, sampler, batch_size=batch_size, return_imaging=True
            )
        else:
            seen = model.imaging.predict_on_batch(images)
        table = pd.DataFrame(
            {
                "uid": [uid.decode() for uid in batch["uid"]],
                "reference": [text.decode() for text in batch[section]],
                **({"prediction": reports} if write else {}),
                "label": np.where(batch["abnormal"] < 0, np.nan, batch["abnormal"]),
                "probability": seen["abnormal"][:, 0],
                "latent": list(seen["latent"]),
            }
        )
        for view in VIEWS:
            pair = images[view], seen[view]
            table[f"ssim_{view}"] = ops.convert_to_numpy(ssim(*pair))
            table[f"mse_{view}"] = ops.convert_to_numpy(mse(*pair))
        tables.append(table)
        for i, uid in enumerate(table["uid"][: max(0, keep - len(examples))]):
            examples[uid] = {view: images[view][i] for view in VIEWS} | {
                f"{view}_reconstruction": seen[view][i] for view in VIEWS
            }
    return pd.concat(tables, ignore_index=True), examples


def encode_split(model, prepared, split):
    """Encode and classify every study of a split, without decoding or writing.

    It costs a fraction of `predict_split`, and gives what the scores of the test split
    need: the probabilities of validation, which choose the threshold, and the latents
    of train, among which the nearest study is found.

    Args:
        model: a `ReportModel`.
        prepared: string or path. A folder written by `prepare`.
        split: string. `"train"`, `"val"` or `"test"`.

    Returns:
        A dict of arrays in the split's order: `uid` and `text` (strings), `label`
        (NaN where unknown), `probability` and `latent` `(n, 2 · latent_dim)`.

    Raises:
        InputError: if the split is empty, or its images are of another size.

    Example:
    ```python
    val = encode_split(model, "data/prepared", "val")
    choose_threshold(val["label"], val["probability"])
    ```
    """
    check_same_images(model, prepared)
    section = model.origin.get("section", "impression")
    encoder = model.imaging.encoder_view()
    parts = []
    for batch in _read_records(prepared, split, batch_size=16):
        seen = encoder.predict_on_batch({view: batch[view] for view in VIEWS})
        parts.append(
            {
                "uid": [uid.decode() for uid in batch["uid"]],
                "text": [text.decode() for text in batch[section]],
                "label": np.where(batch["abnormal"] < 0, np.nan, batch["abnormal"]),
                "probability": seen["abnormal"][:, 0],
                "latent": seen["latent"],
            }
        )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _read_records(prepared, split, batch_size):
    if is_memory_map(prepared):
        return load_array_records(prepared, split, batch_size)
    from cxrlib.data.pipeline import load_records  # It needs TensorFlow.

    return load_records(prepared, split, batch_size).as_numpy_iterator()


def check_same_images(model, prepared):
    """Refuse a prepared folder whose images the model has not learned to read."""
    manifest = read_manifest(prepared)
    learned = {"size": model.imaging.image_size, "fit": "stretch", "crop": "none"}
    learned |= {key: model.origin[key] for key in learned if key in model.origin}
    for key, value in learned.items():
        if manifest[key] != value:
            raise InputError(
                f"{prepared}: holds images of {key} {manifest[key]}, and the model "
                f"takes {key} {value}. Prepare the studies again with {key} {value}."
            )


def load_view(path, model, crop=None):
    """Read a radiograph as the model saw its training images.

    Args:
        path: string or path. PNG (8 or 16 bit), JPEG or DICOM.
        model: a `ReportModel`.
        crop: callable or `None`. For a frontal, what `find_crop` gives.

    Returns:
        Float32 array `(1, H, W, 1)` in [0, 1].

    Raises:
        InputError: if the file cannot be read.

    Example:
    ```python
    load_view("frontal.png", model).shape  # (1, 128, 128, 1)
    ```
    """
    return _as_seen(read_noted(path)[0], path, model, crop)


def _as_seen(image, path, model, crop=None):
    """Crop and resize an image as the model's training images were."""
    part = crop(image) if crop is not None else None
    image = resize_square(
        image if part is None else part,
        model.imaging.image_size,
        fit=model.origin.get("fit", "stretch"),
    )
    check_unit_range(image, str(path))
    return image[None, ..., None]


@contextlib.contextmanager
def eagerly(model):
    """Run a report model operation by operation, without building a graph.

    A graph pays off from the second batch on: building it takes longer than one study.

    Args:
        model: a `ReportModel`.

    Example:
    ```python
    with eagerly(model):
        model.generate({"frontal": frontal, "lateral": lateral})
    ```
    """
    imaging, lm = model.imaging, model.causal_lm
    before = imaging.predict_function, imaging.run_eagerly, lm.run_eagerly
    written, sampler = lm.generate_function, lm.sampler
    imaging.predict_function = lm.generate_function = None
    imaging.run_eagerly = lm.run_eagerly = True
    try:
        yield
    finally:
        imaging.predict_function, imaging.run_eagerly, lm.run_eagerly = before
        # A graph holds the sampler that it was built with.
        lm.generate_function = written if lm.sampler is sampler else None


def write_report(
    model, frontal, lateral=None, sampler="greedy", prompt="", lung_model=None
):
    """Write the report of one study from its image files.

    A missing lateral is replaced by a black image, and the answer says so: the model
    has learned from pairs, and does worse without it.

    Args:
        model: a `ReportModel`.
        frontal: string or path of the frontal radiograph.
        lateral: string, path or `None`.
        sampler: see `ReportModel.generate`.
        prompt: string. How the report begins.
        lung_model: string, path or `None`. The lung model, if the training images
            were cropped by another than the course's.

    Returns:
        A dict: `report` (string), `label` (`"normal"` or `"abnormal"`),
        `abnormal_probability` and `threshold` (floats: abnormal from the threshold on),
        `notes` (list of strings: what was missing or odd about a film, what the model
        was trained on), and `images` (dict of both views and both reconstructions,
        `(H, W, 1)`).

    Raises:
        InputError: if a file cannot be read, or the crop that the model learned
            with cannot be made.

    Example:
    ```python
    write_report(model, "frontal.png", "lateral.png")["report"]
    ```
    """
    crop = find_crop(model.origin.get("crop", "none"), lung_model)
    notes, images, pixels = [NOT_CLINICAL], {}, set()
    for view, path in zip(VIEWS, (frontal, lateral), strict=True):
        if path or view == "frontal":
            image, said = read_noted(path)
            notes += [f"The {view}: {note}." for note in said]
            pixels.add(hashlib.sha256(image).digest())
            cut = crop if view == "frontal" else None
            images[view] = _as_seen(image, path, model, cut)
    if len(pixels) < len(images):
        notes.append("The frontal and the lateral are one and the same film.")
    if crop is not None and crop.kept_whole:
        notes.append(f"The frontal was not cropped to the lungs: {crop.kept_whole}.")
    if not lateral:
        images["lateral"] = np.zeros_like(images["frontal"])
        notes.append(
            "The lateral view was missing: a black image stood in for it, and the "
            "report rests on the frontal alone."
        )
    origin = model.origin
    notes.append(f"The model was trained on {origin['trained_on']}.")
    if origin.get("ground") != "real":
        notes.append("It has never seen a real radiograph: do not rely on it.")
    with eagerly(model):
        reports, seen = model.generate(images, prompt, sampler, return_imaging=True)
    probability, threshold = float(seen["abnormal"][0, 0]), origin.get("threshold", 0.5)
    pictures = {view: images[view][0] for view in VIEWS if view != "lateral" or lateral}
    return {
        "report": reports[0],
        "label": "abnormal" if probability >= threshold else "normal",
        "abnormal_probability": probability,
        "threshold": threshold,
        "notes": notes,
        "images": pictures
        | {f"{view}_reconstruction": seen[view][0] for view in pictures},
    }

"""Pretrained encoder weights: which there are, where they lie, which were taken."""

import os
import pathlib

import cxrlib
from cxrlib.files import InputError

PHANTOM_ENCODER = "phantom_encoder.weights.h5"


def find_weights(name, folder=None):
    """Look for a file of pretrained weights.

    Args:
        name: string. The file's name.
        folder: string, path or `None`. Looked into first.

    Returns:
        The `pathlib.Path`, or `None` if it is nowhere.

    Example:
    ```python
    find_weights("phantom_encoder.weights.h5")
    ```
    """
    checkout = pathlib.Path(cxrlib.__file__).resolve().parent.parent / "weights"
    places = [folder, checkout, os.environ.get("CXR_WEIGHTS"), "weights"]
    for place in places:
        if place and (pathlib.Path(place) / name).is_file():
            return pathlib.Path(place) / name
    return None


def load_encoder(encoder, weights="auto", is_phantom=False):
    """Give an encoder its pretrained weights and freeze what they cover.

    Args:
        encoder: a `CheXNetEncoder`.
        weights: string. `"none"`, a path of a `.weights.h5` file, or `"auto"`:
            for phantom data the encoder pretrained on other phantoms, for real
            data none.
        is_phantom: bool. Whether the data are phantoms.

    Returns:
        A string that says where the weights came from, for the results.

    Raises:
        InputError: if the file is missing or fits another encoder; the encoder
            is then as it was.

    Example:
    ```python
    origin = load_encoder(model.imaging.encoder, "auto", is_phantom=True)
    ```
    """
    if weights == "auto":
        found = find_weights(PHANTOM_ENCODER) if is_phantom else None
        fits = found is not None and encoder.blocks == (6, 12, 24, 16)
        weights = str(found) if fits else "none"
    if weights == "none":
        encoder.freeze_all_but_last(None)
        print("ENCODER: no pretrained weights (no CheXNet here); all of it trains.")
        return "none"
    path = pathlib.Path(weights)
    if not path.is_file():
        raise InputError(f"{path}: no such weights file; check the path or use none.")
    before = encoder.get_weights()
    try:
        encoder.load_weights(path)
    except Exception as error:  # h5py and Keras raise many kinds for a bad file.
        encoder.set_weights(before)
        reason = " ".join(str(error).split())[:160]
        raise InputError(
            f"{path}: does not fit this encoder ({reason}). Use the weights of the "
            "same preset, or download the file again."
        ) from error
    names = encoder.freeze_all_but_last(10)
    print(f"ENCODER: {path.name}; of its layers the last ten train: {', '.join(names)}")
    return path.name

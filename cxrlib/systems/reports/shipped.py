"""The report model that this course ships, trained on phantoms.

Most of its encoder is that of `phantom_encoder.weights.h5`, frozen while it was
trained. So its own file holds only the layers that learned, and is a third smaller.
"""

import json
import pathlib

import keras

from cxrbase.files import InputError, write_whole
from cxrbase.refusals import MALFORMED, in_one_line, require_file
from cxrlib.models.text import ReportPreprocessor, ReportTokenizer
from cxrlib.pretrained.gpt2 import tokenizer_files
from cxrlib.pretrained.load import weights_path
from cxrlib.pretrained.native import load_whole, save_half
from cxrlib.pretrained.registry import checksum
from cxrlib.systems.files import load_model
from cxrlib.systems.reports.model import ReportModel, compile_report_model
from cxrlib.systems.reports.presets import build_report_model

SHIPPED = "phantom-report"
CARD, WEIGHTS = "report.json", "report.weights.h5"
# The course's own files that it started from; it needs the vocabulary of the second.
STARTS = ("phantom-encoder", "phantom-gpt2")
MOST_CARD = 2**20  # Bytes.


class Learned(keras.Model):
    """The layers of a `ReportModel` that train, as one thing to save and to load.

    Args:
        model: a `ReportModel`.

    Example:
    ```python
    save_half(Learned(model), "weights/phantom_report/report.weights.h5")
    ```
    """

    def __init__(self, model):
        super().__init__(name=model.name)
        imaging = model.imaging
        self.encoder = [each for each in imaging.encoder.layers if each.trainable]
        self.decoders = [imaging.frontal_decoder, imaging.lateral_decoder]
        self.classifier = imaging.classifier
        self.backbone = model.causal_lm.backbone
        self.built = True


def load_report_model(source=SHIPPED):
    """Load a report model: the shipped one, or one that was trained here.

    Args:
        source: string or path. `"phantom-report"`, a folder that `save_report_model`
            wrote, or a `.keras` file.

    Returns:
        A `ReportModel`, compiled: ready to generate, to evaluate and to train on. Its
        `origin` says what it was trained on.

    Raises:
        InputError: if a file is missing, broken, of another kind, or not the one that
            its checksum names.

    Example:
    ```python
    model = load_report_model()
    predictions, examples = predict_split(model, "outputs/demo/prepared", "test")
    ```
    """
    source = pathlib.Path(weights_path(source))
    if not source.is_dir():
        return load_model(source, ReportModel)
    path = require_file(source / CARD, "card of a report model", most=MOST_CARD)
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        settings, rests_on = card["model"], dict(card["rests_on"])
        positions = settings.pop("sequence_length")
    except MALFORMED as error:
        raise InputError(
            f"{path}: is no card of a report model ({in_one_line(error)}). Check it "
            "out again, or make it again: make pretrain"
        ) from error
    encoder, gpt2 = (pathlib.Path(weights_path(name)) for name in STARTS)
    if _rests_on(encoder, gpt2) != rests_on:
        raise InputError(
            f"{path}: was trained from other files than {encoder} and the vocabulary "
            f"in {gpt2}. Check all of them out again, or: make pretrain"
        )
    tokenizer = ReportTokenizer.from_gpt2_files(tokenizer_files(gpt2))
    preprocessor = ReportPreprocessor(tokenizer, sequence_length=positions)
    try:
        model = build_report_model(preprocessor=preprocessor, **settings)
    except TypeError as error:
        raise InputError(
            f"{path}: asks for another model ({in_one_line(error)}). "
            "Check it out again."
        ) from error
    load_whole(model.imaging.encoder, encoder)
    load_whole(Learned(model), source / WEIGHTS)
    return compile_report_model(model)


def _rests_on(encoder, gpt2):
    """Checksums of the files that a shipped model needs."""
    files = (encoder, gpt2 / "vocab.json", gpt2 / "merges.txt")
    return {path.name: checksum(path) for path in files}


def save_report_model(model, folder, **card):
    """Save the layers that a report model learned, and its card.

    Args:
        model: a `ReportModel` of the preset `compact` that started from the course's
            own encoder and GPT-2.
        folder: string or path. Receives `report.weights.h5` and `report.json`.
        **card: what else the card should say: how it was made, what it reaches.

    Returns:
        The card, a dict.

    Example:
    ```python
    save_report_model(model, "weights/phantom_report", made_with={"epochs": 7})
    ```
    """
    folder = pathlib.Path(folder)
    encoder, gpt2 = (pathlib.Path(weights_path(name)) for name in STARTS)
    settings = {
        "preset": "compact",
        "skips": model.imaging.frontal_decoder.skips,
        "conditioning": model.causal_lm.backbone.conditioning,
        "trainable_layers": model.imaging.encoder.trainable_layers,
        "sequence_length": model.preprocessor.sequence_length,
        "origin": model.origin,
    }
    card = {"model": settings, "rests_on": _rests_on(encoder, gpt2), **card}
    save_half(Learned(model), folder / WEIGHTS)
    write_card(folder, card)
    return card


def write_card(folder, card):
    """Write `report.json`, whole or not at all."""
    with write_whole(pathlib.Path(folder) / CARD) as temporary:
        text = json.dumps(card, indent=2, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")

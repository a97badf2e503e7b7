"""A folder of radiographs in, a table with the probability of each label out."""

import pathlib
import sys

import numpy as np
import pandas as pd
from tqdm import tqdm

from cxrbase.cells import write_csv
from cxrbase.files import InputError, write_whole
from cxrbase.films import folder
from cxrlib.systems.diagnosis.predict import predict_films
from cxrlib.systems.diagnosis.shipped import load_diagnosis_model
from cxrscore.labels.vocabulary import nih_names


def diagnose_folder(
    in_dir, out, model=None, batch_size=32, processes=None, progress=True
):
    """Write the probabilities of every radiograph in a folder and its subfolders.

    A file that cannot be read is listed, and the rest continues. The table is written
    when all is done, or not at all.

    Args:
        in_dir: string or path. Its PNG, JPEG and DICOM files are read; they are
            recognised by their names or, where a name does not say, by their first
            bytes. Frontals are expected; what is none is not refused.
        out: string or path. Receives the table, a CSV file.
        model: a `DiagnosisModel`, a file for it, or `None` for the shipped one.
        batch_size: int. Films that the model sees at once.
        processes: int or `None`. How many decode at once; all cores by default.
        progress: bool. Show a progress bar, and at the end what went wrong.

    Returns:
        The table as DataFrame, with the columns `file` (relative); the calibrated
        probability of each label, under the name that NIH gives it if the labels are
        NIH's fourteen, else under the model's own; `notes` (what had to be decided
        about the film, see `read_noted`) and `error` (why there are no probabilities,
        else empty).

    Raises:
        InputError: if there is no image in `in_dir`, `out` is no name of a CSV file or
            cannot be written, or the model cannot be loaded.

    Example:
    ```python
    table = diagnose_folder("radiographs", "outputs/diagnosis.csv")
    table.sort_values("Pneumothorax", ascending=False).head()
    ```
    """
    in_dir, out = pathlib.Path(in_dir), pathlib.Path(out)
    if out.suffix.lower() != ".csv" or out.is_dir():
        raise InputError(f"{out}: is no CSV file. Give a name that ends in .csv.")
    names, others = folder.find_films(in_dir, out)
    if model is None or isinstance(model, str | pathlib.Path):
        model = load_diagnosis_model(model)
    films = folder.folder_squares(in_dir, names, model.image_size, processes)
    films = tqdm(films, "diagnose", len(names), unit="image", disable=not progress)
    with write_whole(out) as temporary:
        batches = folder.film_batches(films, batch_size)
        rows = [row for batch in batches for row in _diagnosed(batch, model)]
        columns = "file", *nih_names(model.labels), "notes", "error"
        table = pd.DataFrame(rows, columns=columns)
        write_csv(table, temporary, float_format="%.6g")
    if progress:
        done = table.error.eq("").sum()
        print(f"{out}: {done} films, and {len(table) - done} that could not be read.")
        print(f"Trained on {model.origin['trained_on']}. Not for clinical use.")
        print(*folder.what_was_not_read(table, others), sep="\n", file=sys.stderr)
    return table


def _diagnosed(batch, model):
    """A row of the table for each file."""
    good = [film for _, film, _, _ in batch if film is not None]
    seen = predict_films(model, np.stack(good)[..., None], len(good)) if good else ()
    seen, none = iter(seen), [np.nan] * len(model.labels)
    return [
        [name, *(none if film is None else next(seen)), notes, error]
        for name, film, notes, error in batch
    ]

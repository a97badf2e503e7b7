"""A folder of radiographs in, a folder of lung masks and one table out."""

import pathlib

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from cxrbase.cells import write_csv
from cxrbase.files import InputError, locked, sweep
from cxrbase.films.folder import SUFFIXES, film_batches, find_films, what_was_not_read
from cxrbase.images import CONSTANT, read_noted, write_png
from cxrlib.systems.lungs.segment import load_lung_model, segment_lungs

TABLE = "segmentation.csv"
OVERLAYS = "overlays"
COLUMNS = (
    "file", "mask", "height", "width", "area", "regions", "symmetry", "confidence",
    "flag", "error", "notes",
)  # fmt: skip
GOOD, DOUBTFUL = (255, 221, 51), (255, 64, 64)  # Yellow and red, RGB.


def segment_folder(
    in_dir, out_dir, model=None, overlay=False, batch_size=16, progress=True
):
    """Write a lung mask for every radiograph in a folder and its subfolders.

    A file that cannot be read is listed, and the rest continues. However the run ends,
    the table is written for all that is done.

    Args:
        in_dir: string or path. Its PNG, JPEG and DICOM files are read; they are
            recognised by their names or, where a name does not say, by their first
            bytes.
        out_dir: string or path. Receives each mask as PNG (0 and 255) of the
            image's own size under the image's own name, and `segmentation.csv`
            with a row per image.
        model: a model from `load_lung_model`, a file for it, or `None`.
        overlay: bool. Also draw each outline on its image, in
            `out_dir/overlays`; red where the mask is flagged.
        batch_size: int. Images that the model sees at once.
        progress: bool. Show a progress bar, and at the end what went wrong.

    Returns:
        The table as DataFrame, with the columns `file`, `mask` (both relative),
        `height`, `width`, `area`, `regions`, `symmetry`, `confidence`, `flag`
        (see `LungMask`), `error` (why there is no mask, else empty) and `notes`
        (what had to be decided about the film, see `read_noted`).

    Raises:
        InputError: if there is no image in `in_dir`, `out_dir` is the same
            folder, another process writes there, or the disk is full.

    Example:
    ```python
    table = segment_folder("radiographs", "outputs/masks", overlay=True)
    table[table.flag != ""]
    ```
    """
    in_dir, out_dir = pathlib.Path(in_dir), pathlib.Path(out_dir)
    if in_dir.is_dir() and in_dir.resolve() == out_dir.resolve():
        raise InputError(
            f"{out_dir}: the masks would overwrite the images. Give another OUT_DIR."
        )
    names, others = find_films(in_dir, out_dir)
    if model is None or isinstance(model, str | pathlib.Path):
        model = load_lung_model(model)
    with locked(out_dir, wait=False):
        for top in (out_dir, out_dir / OVERLAYS):
            for folder in {(top / name).parent for name in names}:
                sweep(folder)
        options = overlay, batch_size, progress
        table = _segment_all(in_dir, out_dir, names, model, *options)
    if progress:
        print(_last_words(table, out_dir, others))
    return table


def _segment_all(in_dir, out_dir, names, model, overlay, batch_size, progress):
    rows, taken = [], set()
    bar = tqdm(total=len(names), unit="image", desc="segment", disable=not progress)
    try:
        with bar:
            films = (_read(in_dir, name, taken) for name in names)
            for batch in film_batches(films, batch_size):
                rows += _segment_batch(out_dir, batch, model, overlay)
                bar.update(len(batch))
                batch.clear()
    finally:
        table = pd.DataFrame(rows, columns=COLUMNS)
        write_csv(table, out_dir / TABLE, float_format="%.4f")
    return table


def _mask_name(name):
    """A mask has its film's name; dots in a UID do not begin a suffix."""
    known = name.suffix.lower() in SUFFIXES
    return (name.with_suffix("") if known else name).as_posix() + ".png"


def _read(in_dir, name, taken):
    """One file's row of the table, and its image, or `None` with the row's error."""
    row = dict.fromkeys(COLUMNS, "") | {"file": name.as_posix()}
    mask, image = _mask_name(name), None
    try:
        if mask in taken:  # x.jpg beside x.png.
            raise InputError(f"another file has the mask {mask}. Rename it.")
        image, notes = read_noted(in_dir / name)
        taken.add(mask)
        row |= {"mask": mask, "notes": "; ".join(notes)}
    except InputError as error:
        row["error"] = str(error).removeprefix(f"{in_dir / name}: ")
    return row, image


def _segment_batch(out_dir, batch, model, overlay):
    """Segment a few images and write their masks; return their rows."""
    good = [(row, image) for row, image in batch if image is not None]
    for (row, image), lungs in zip(good, _judged(good, model), strict=True):
        if isinstance(lungs, InputError):
            row |= {"mask": "", "error": str(lungs)}
            continue
        row["height"], row["width"] = image.shape
        for column in ("area", "regions", "symmetry", "confidence", "flag"):
            row[column] = getattr(lungs, column)
        if CONSTANT in row["notes"]:
            row["flag"] = CONSTANT
        write_png(out_dir / row["mask"], lungs.mask)
        if overlay:
            drawn = outline(image, lungs.mask, DOUBTFUL if row["flag"] else GOOD)
            write_png(out_dir / OVERLAYS / row["mask"], drawn)
    return [row for row, _ in batch]


def _judged(good, model):
    """A `LungMask` for each image, or what is wrong with it, one by one."""
    images = [image for _, image in good]
    try:
        return segment_lungs(images, model, batch_size=max(1, len(images)))
    except InputError as error:
        if len(good) == 1:
            return [error]
        return [_judged([one], model)[0] for one in good]


def outline(image, mask, colour=GOOD):
    """Draw the outline of a mask on a radiograph.

    Args:
        image: float array `(H, W)` in [0, 1].
        mask: bool array `(H, W)`.
        colour: three ints from 0 to 255, RGB.

    Returns:
        A uint8 array `(H, W, 3)`, RGB.

    Example:
    ```python
    write_png("overlay.png", outline(image, found.mask))
    ```
    """
    grey = cv2.convertScaleAbs(np.asarray(image, "float32"), alpha=255)
    drawn = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    lines, _ = cv2.findContours(
        np.asarray(mask, "uint8"), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    thickness = max(1, round(max(mask.shape) / 256))  # Scales with the image.
    return cv2.drawContours(drawn, lines, -1, colour, thickness, cv2.LINE_AA)


def _last_words(table, out_dir, others):
    broken = table[table.error.ne("")]
    doubtful = table[table.flag.ne("")]
    lines = [
        f"{out_dir}: {len(table) - len(broken)} masks, {len(doubtful)} of them "
        f"flagged; {len(broken)} files could not be read. All are in {out_dir / TABLE}."
    ]
    lines += [f"  {row.file}: {row.flag}" for row in doubtful.head(5).itertuples()]
    return "\n".join(lines + what_was_not_read(table, others))

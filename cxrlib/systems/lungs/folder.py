"""A folder of radiographs in, a folder of lung masks and one table out."""

import pathlib

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from cxrbase.cells import write_csv
from cxrbase.files import InputError, locked, sweep
from cxrbase.images import DICOM_SUFFIXES, read_radiograph, write_png
from cxrlib.systems.lungs.segment import load_lung_model, segment_lungs

TABLE = "segmentation.csv"
OVERLAYS = "overlays"
SUFFIXES = (".png", ".jpg", ".jpeg", *DICOM_SUFFIXES)
COLUMNS = (
    "file", "mask", "height", "width", "area", "regions", "symmetry", "confidence",
    "flag", "error",
)  # fmt: skip
GOOD, DOUBTFUL = (255, 221, 51), (255, 64, 64)  # Yellow and red, RGB.


def segment_folder(
    in_dir, out_dir, model=None, overlay=False, batch_size=16, progress=True
):
    """Write a lung mask for every radiograph in a folder and its subfolders.

    A file that cannot be read is listed, and the rest goes on. Whatever ends
    the run, the table is written for all that is done.

    Args:
        in_dir: string or path. Its PNG, JPEG and DICOM files are read.
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
        (see `LungMask`) and `error` (why there is no mask, else empty).

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
    names = _names(in_dir, out_dir)
    if model is None or isinstance(model, str | pathlib.Path):
        model = load_lung_model(model)
    with locked(out_dir, wait=False):
        for top in (out_dir, out_dir / OVERLAYS):
            for folder in {(top / name).parent for name in names}:
                sweep(folder)
        options = overlay, batch_size, progress
        table = _segment_all(in_dir, out_dir, names, model, *options)
    if progress:
        print(_last_words(table, out_dir))
    return table


def _segment_all(in_dir, out_dir, names, model, overlay, batch_size, progress):
    rows, taken = [], set()
    bar = tqdm(total=len(names), unit="image", desc="segment", disable=not progress)
    try:
        with bar:
            for start in range(0, len(names), batch_size):
                batch = names[start : start + batch_size]
                rows += _segment_batch(in_dir, out_dir, batch, taken, model, overlay)
                bar.update(len(batch))
    finally:
        table = pd.DataFrame(rows, columns=COLUMNS)
        write_csv(table, out_dir / TABLE, float_format="%.4f")
    return table


def _names(in_dir, out_dir):
    """All radiographs beneath a folder, relative to it, but for our own output."""
    if not in_dir.is_dir():
        raise InputError(f"{in_dir}: is no folder. Give the folder of the radiographs.")
    if in_dir.resolve() == out_dir.resolve():
        raise InputError(
            f"{out_dir}: the masks would overwrite the images. Give another OUT_DIR."
        )
    names = [
        path.relative_to(in_dir)
        for path in sorted(in_dir.rglob("*"))
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and not path.name.startswith(".")
        and out_dir.resolve() not in path.resolve().parents
    ]
    if not names:
        raise InputError(
            f"{in_dir}: holds no {', '.join(SUFFIXES)} file. Check the folder."
        )
    return names


def _segment_batch(in_dir, out_dir, names, taken, model, overlay):
    """Segment a few images and write their masks; return their rows."""
    rows, images = [], []
    for name in names:
        row = dict.fromkeys(COLUMNS, "") | {"file": name.as_posix()}
        row["mask"] = name.with_suffix(".png").as_posix()
        rows.append(row)
        try:
            if row["mask"] in taken:  # x.jpg beside x.png.
                raise InputError(f"another file has the mask {row['mask']}. Rename it.")
            images.append(read_radiograph(in_dir / name))
            taken.add(row["mask"])
        except InputError as error:
            row["error"] = str(error).removeprefix(f"{in_dir / name}: ")
            row["mask"] = ""
    good = [row for row in rows if not row["error"]]
    found = segment_lungs(images, model, batch_size=max(1, len(images)))
    for row, image, lungs in zip(good, images, found, strict=True):
        row["height"], row["width"] = image.shape
        for column in ("area", "regions", "symmetry", "confidence", "flag"):
            row[column] = getattr(lungs, column)
        write_png(out_dir / row["mask"], lungs.mask)
        if overlay:
            drawn = outline(image, lungs.mask, DOUBTFUL if lungs.flag else GOOD)
            write_png(out_dir / OVERLAYS / row["mask"], drawn)
    return rows


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
    grey = np.round(255 * np.clip(image, 0, 1)).astype("uint8")
    drawn = np.repeat(grey[..., None], 3, axis=-1)
    lines, _ = cv2.findContours(
        np.asarray(mask, "uint8"), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    thickness = max(1, round(max(mask.shape) / 256))  # As thin on every size.
    return cv2.drawContours(drawn, lines, -1, colour, thickness, cv2.LINE_AA)


def _last_words(table, out_dir):
    broken = table[table.error.ne("")]
    doubtful = table[table.flag.ne("")]
    lines = [
        f"{out_dir}: {len(table) - len(broken)} masks, {len(doubtful)} of them "
        f"flagged; {len(broken)} files could not be read. All are in {out_dir / TABLE}."
    ]
    lines += [f"  {row.file}: {row.flag}" for row in doubtful.head(5).itertuples()]
    lines += [f"  {row.file}: {row.error}" for row in broken.head(20).itertuples()]
    return "\n".join(lines)

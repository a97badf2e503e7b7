"""Films, tables, predictions and prepared folders that are spoilt."""

import csv
import io
import shutil

import cv2
import numpy as np
import pandas as pd
from films import two_lungs, write_dicom
from impressions import REPORTS
from spoil import spoil_bytes, spoil_dicom, spoil_json, spoil_png, spoil_text

from cxrbase.images import read_radiograph

WARNED = "Corrupt JPEG", "Premature end"
FILMS = 8  # Of a batch: each is spoilt, and the batch must go on.


def good_films():
    """Whole films by name, as bytes."""
    grey, _ = two_lungs(64)
    grey = grey + np.random.default_rng(0).normal(0, 0.02, grey.shape)
    deep = (grey.clip(0, 1) * 4095).astype("uint16")
    flat = (deep >> 4).astype("uint8")
    films = {
        "flat.png": cv2.imencode(".png", flat)[1].tobytes(),
        "deep.png": cv2.imencode(".png", deep)[1].tobytes(),
        "colour.png": cv2.imencode(".png", np.dstack([flat] * 4))[1].tobytes(),
        "film.jpg": cv2.imencode(".jpg", flat)[1].tobytes(),
    }
    for name, option in (
        ("progressive.jpg", cv2.IMWRITE_JPEG_PROGRESSIVE),
        ("restart.jpg", cv2.IMWRITE_JPEG_RST_INTERVAL),
    ):
        films[name] = cv2.imencode(".jpg", flat, [option, 1])[1].tobytes()
    try:
        films["film.dcm"] = write_dicom(io.BytesIO(), deep).getvalue()
    except AttributeError:  # It was skipped: without pydicom no DICOM.
        return films
    return films | {"IM000001": films["film.dcm"]}


def spoil_film(name, content, dice):
    """Spoil a film, by its format's rules or blindly."""
    if dice.random() < 0.4:
        if name.endswith(".png"):
            return spoil_png(content, dice)
        if not name.endswith(".jpg"):
            return spoil_dicom(content, dice)
    return spoil_bytes(content, dice)


def write_table(path, rows):
    """A CSV of dicts."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


class Target:
    """A command and its good input.

    Args:
        good: path. A folder for what is made once.
    """

    name, inputs, names = "", 1, ()
    good_status = 0  # What the good input ends with.

    def __init__(self, good):
        self.good = good
        good.mkdir()
        self.prepare()

    def prepare(self):
        """Make the good input."""

    def check(self, case, status, said):
        """Say what is wrong with a result, if anything is."""
        return ""


class Films(Target):
    """`prepare` of films that are spoilt, each by itself, and one that is not."""

    name, inputs, names = "films", FILMS, ("table.csv", "case/")

    def prepare(self):
        self.films = good_films()

    def make(self, case, dice):
        names, rows = list(self.films), []
        for i in range(FILMS):
            name = names[i % len(names)] if dice is None else dice.choice(names)
            content = self.films[name]
            if dice is not None:
                content = spoil_film(name, content, dice)
            (case / f"{i}{name}").write_bytes(content)
            rows.append(f"{i}{name}")
        (case / "whole.png").write_bytes(self.films["flat.png"])
        rows = [
            {"uid": i, "frontal": name, "lateral": "whole.png", "report": "Clear."}
            for i, name in enumerate([*rows, "whole.png"])
        ]
        write_table(case / "table.csv", rows)
        return (
            *("prepare", case / "out", "--data", case / "table.csv", "--size", 32),
            *("--memory-map", "--processes", 1),
        )

    def check(self, case, status, said):
        if status:
            return "one bad film has stopped the rest"
        kept = pd.read_csv(case / "out/studies.csv", dtype=str).uid
        bad = pd.read_csv(case / "out/problems.csv", dtype=str)
        lost = {str(i) for i in range(FILMS + 1)} - {*kept, *bad.uid}
        if lost:
            return f"neither used nor listed: {min(lost)}"
        if bad.reason.str.contains("\n").any():
            return "a reason of several lines"
        if any(line.startswith(WARNED) for line in said.splitlines()):
            return "a decoder has warned of a film that it does not name"
        for uid in kept:
            (path,) = case.glob(f"{uid}*" if uid != str(FILMS) else "whole.png")
            image = read_radiograph(path)
            if not (np.isfinite(image).all() and 0 <= image.min() <= image.max() <= 1):
                return f"{path.name} leaves [0, 1]"
        return "" if str(FILMS) in set(kept) else "the good study was left out"


class Tables(Target):
    """`prepare` of a table that is spoilt."""

    name, names = "tables", ("table.csv", "/case")

    def prepare(self):
        image = cv2.imencode(".png", (two_lungs(32)[0] * 255).astype("uint8"))[1]
        self.image = image.tobytes()

    def make(self, case, dice):
        rows = []
        for i in range(6):
            for view in ("f", "l"):
                (case / f"{view}{i}.png").write_bytes(self.image)
            rows.append(
                {
                    "uid": i,
                    "patient": i // 2,
                    "frontal": f"f{i}.png",
                    "lateral": f"l{i}.png",
                    "report": REPORTS[i % len(REPORTS)],
                    "abnormal": i % 2,
                }
            )
        path = case / "table.csv"
        write_table(path, rows)
        if dice is not None:
            path.write_bytes(spoil_text(path.read_text(), dice))
        return (
            *("prepare", case / "out", "--data", path, "--size", 32),
            *("--memory-map", "--processes", 1),
        )


class Scores(Target):
    """`score` of somebody's predictions."""

    name, names = "scores", ("table.csv", "train.csv")

    def make(self, case, dice):
        rows = [
            {"uid": i, "reference": text, "prediction": REPORTS[0], "label": i % 2,
             "probability": 0.1 * i}
            for i, text in enumerate([*REPORTS] * 2)
        ]  # fmt: skip
        path = case / "table.csv"
        write_table(path, rows)
        write_table(case / "train.csv", [{"impression": text} for text in REPORTS])
        if dice is not None:
            path = dice.choice([path, path, case / "train.csv"])
            path.write_bytes(spoil_text(path.read_text(), dice))
        return "score", case / "table.csv", "--train", case / "train.csv"


class Prepared(Target):
    """A prepared folder, one of whose files is spoilt."""

    name, names = "prepared", ("case/",)

    def prepare(self):
        from small_prepared import draw_studies, prepare_studies

        studies = draw_studies(self.good / "phantom")
        prepare_studies(studies, self.good / "prepared", memory_map=True)

    def make(self, case, dice):
        from cxrlib.data.memory_map import load_array_records

        folder = shutil.copytree(self.good / "prepared", case / "prepared")
        if dice is not None:
            path = dice.choice(sorted(folder.iterdir()))
            spoil = {".json": spoil_json, ".csv": spoil_text}.get(path.suffix)
            if spoil:
                path.write_bytes(spoil(path.read_text(), dice))
            else:
                path.write_bytes(spoil_bytes(path.read_bytes() or b"a", dice))
        return lambda: list(load_array_records(folder, "train"))

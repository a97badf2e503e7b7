"""Does the web page refuse what is no frontal chest film, and nothing else?

    python benchmarks/experiments/gate.py DATA --most 200 --out OUT.json

Counts, for each set of pictures, what the gate refuses, beside its baseline, a check of
the size. `DATA` holds the folders of collections of radiographs; a set that is not
there is left out and said to be. What can be had: real frontals and laterals, the
frontals turned upside down and sideways, photographs that come with scikit-image,
scikit-learn and Matplotlib, hands drawn by this script (no real ones), noise.

The lung model's limits were chosen on films of NIH and the laterals of `paired`: the
sets that say so are no test of it. What else is no clean test is printed.
"""

import pathlib
import time

import click
import cv2
import numpy as np
import pandas as pd
from record import write_record

from cxrbase.files import InputError
from cxrbase.images import read_radiograph
from cxrlib.app.gate import LungGate, size_gate
from cxrlib.app.system import LungOutline
from cxrscore.labels.exact import share_ends

SEEN = " (limits chosen on it)"
FRONTALS = {  # Name → where its films lie.
    "Hannover": "hannover/images/*.png",
    "wingspan": "wingspan/images/*.png",
    "JSRT": "jsrt/images/*",
    "Brixia": "brixia/images/*",
    "COVID masks": "covid_masks/images/*",
    f"NIH{SEEN}": "nih/images/*.png",
    f"NIH, further{SEEN}": "nih_more/images/*.png",
}
# Of `SURER`, see `cxrlib.app.gate`.
TURNED = (
    "By how much a film turned over must be surer was chosen on 95 frontals of six "
    "collections, some of them counted here: neither the rows of turned films nor "
    "those of frontals are a clean test of it."
)
HANDS = 60


def films_of(data, pattern, most):
    """Up to `most` films, evenly over the sorted names."""
    paths = sorted(pathlib.Path(data).glob(pattern))
    paths = paths[:: max(1, -(-len(paths) // most))]
    return [read_radiograph(path) for path in paths]


def views_of(data, view):
    """Films of one view of the paired studies."""
    path = pathlib.Path(data) / "paired" / "studies.csv"
    if not path.exists():
        return []
    names = pd.read_csv(path)[view].dropna()
    return [read_radiograph(path.parent / "images" / name) for name in names]


def photographs():
    """Photographs of three packages as grey pictures, whole and in four parts."""
    import matplotlib
    import skimage
    import sklearn

    folders = {
        pathlib.Path(skimage.__file__).parent / "data": (
            "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png",
            "clock_motion.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
            "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png",
            "page.png", "retina.jpg", "rocket.jpg", "text.png",
        ),
        pathlib.Path(sklearn.__file__).parent / "datasets" / "images": (
            "china.jpg", "flower.jpg",
        ),
        pathlib.Path(matplotlib.get_data_path()) / "sample_data": (
            "grace_hopper.jpg", "Minduka_Present_Blue_Pack.png",
        ),
    }  # fmt: skip
    found = []
    for folder, names in folders.items():
        for name in names:
            if not (folder / name).exists():
                continue
            whole = read_radiograph(folder / name)
            high, wide = (side // 2 for side in whole.shape)
            found.append(whole)
            for top, left in ((0, 0), (0, wide), (high, 0), (high, wide)):
                found.append(whole[top : top + high, left : left + wide])
    return found


def drawn_hand(rng, size=512):
    """A hand as a radiograph shows it, roughly: bright bones in grey flesh on black."""
    flesh, bones = np.zeros((size, size)), np.zeros((size, size))
    palm = np.array([size / 2, 0.62 * size]) + rng.normal(0, size / 50, 2)
    tilt, spread = rng.normal(0, 0.1), rng.uniform(0.16, 0.24)
    cv2.circle(flesh, palm.astype(int), int(0.17 * size), 0.35, -1)
    cv2.line(flesh, palm.astype(int), (int(palm[0]), size), 0.35, int(0.2 * size))
    for finger in range(5):
        angle = tilt + (finger - 2) * spread + (0.35 if finger == 4 else 0)
        way = np.array([np.sin(angle), -np.cos(angle)])
        length = size * (0.30, 0.36, 0.38, 0.34, 0.24)[finger]
        joints = [palm + way * (0.03 * size), *(
            palm + way * (0.14 * size + share * length) for share in (0, 0.5, 0.8, 1)
        )]  # fmt: skip
        for start, end in zip(joints, joints[1:], strict=False):
            ends = [tuple(each.astype(int)) for each in (start, end)]
            cv2.line(flesh, *ends, 0.35, int(0.085 * size))
            gap = way * 0.012 * size
            ends = [tuple(each.astype(int)) for each in (start + gap, end - gap)]
            cv2.line(bones, *ends, 0.5, int(0.035 * size))
    picture = cv2.GaussianBlur(flesh + bones, (0, 0), size / 200)
    picture += rng.normal(0, 0.015, picture.shape)
    return np.clip(picture + 0.03, 0, 1).astype("float32")


def sets_of(data, most):
    """Yield name, films and whether they are to be refused."""
    rng = np.random.default_rng(0)
    upright = []
    for name, pattern in FRONTALS.items():
        films = films_of(data, pattern, most)
        if SEEN not in name:
            upright += films[:: max(1, len(films) // 40)]
        yield name, films, False
    yield f"paired, frontals{SEEN}", views_of(data, "frontal"), False
    yield f"paired, laterals{SEEN}", views_of(data, "lateral"), True
    films = films_of(data, "iu_images/images/*_lateral.png", most)
    yield "Indiana, laterals", films, True
    yield "frontals turned by 180°", [np.rot90(film, 2) for film in upright], True
    yield "frontals flipped upside down", [film[::-1] for film in upright], True
    yield "frontals turned by 90°", [np.rot90(film) for film in upright], True
    yield "frontals as negatives", [1 - film for film in upright], True
    yield "photographs, and their quarters", photographs(), True
    yield "hands, drawn", [drawn_hand(rng) for _ in range(HANDS)], True
    noise = [rng.random((256, 256), "float32") for _ in range(HANDS)]
    smooth = [cv2.GaussianBlur(each, (0, 0), 20) for each in noise]
    smooth = [(each - each.min()) / np.ptp(each) for each in smooth]
    yield "noise, fine and coarse", noise + smooth, True


@click.command()
@click.argument("data")
@click.option("--most", default=200, show_default=True, help="Films of a set.")
@click.option("--out", help="A JSON to write.")
def main(data, most, out):
    """Print a table of what is refused."""
    gates = {"size": size_gate, "lungs": LungGate(LungOutline())}
    rows = []
    for name, films, wrong in sets_of(data, most):
        if not films:
            click.echo(f"{name}: not here")
            continue
        row = {"set": name, "n": len(films), "to be refused": wrong}
        for gate, judge in gates.items():
            begun = time.process_time()  # Of all cores: other work does not count.
            said = [judge(np.ascontiguousarray(film)) for film in films]
            each = (time.process_time() - begun) / len(films)
            refused = sum(map(bool, said))
            row[gate] = {
                "refused": refused,
                "interval": share_ends(refused, len(films)),
                "cpu_ms": round(1000 * each, 1),
                "reasons": pd.Series(said).str.replace(r"\d+", "…", regex=True)
                .value_counts().head(5).to_dict(),
            }  # fmt: skip
        rows.append(row)
        low, high = row["lungs"]["interval"]
        click.echo(
            f"{name:42} n = {len(films):4}  refused: size {row['size']['refused']:4}, "
            f"lungs {row['lungs']['refused']:4} [{low:.3f}, {high:.3f}]  "
            f"{'to be refused' if wrong else 'to be taken'}"
        )
    if not rows:
        raise InputError(f"{data}: holds none of the collections.")
    click.echo(TURNED)
    if out:
        packages = ("tensorflow", "keras", "numpy", "scikit-image")
        write_record(out, __file__, f"DATA --most {most}", packages, sets=rows)


if __name__ == "__main__":
    main()

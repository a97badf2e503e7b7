"""Films to learn reading on: findings with and without, and named structures."""

import textwrap

import numpy as np
from matplotlib import patheffects
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.ndimage import binary_fill_holes

from coursework.charts.style import (
    ORANGE,
    SKY,
    YELLOW,
    caption,
    draw_border,
    draw_radiograph,
    plain_text,
    styled,
)

EDGE = [patheffects.withStroke(linewidth=2.5, foreground="black")]
REBUILT = {"hyperinflation"}  # Findings of the build of the whole chest.
STEP = 60  # Grey levels of a difference that is tinted fully.


def changed(without, shown):
    """Tint a film where it is denser or more lucent than another.

    Args:
        without, shown: uint8 `(H, W)`.

    Returns:
        Float array `(H, W, 3)` in [0, 1]: the film without, darkened, with orange
        where the other is brighter and blue where it is darker.

    Example:
    ```python
    changed(plate.without.frontal, plate.shown.frontal)
    ```
    """
    difference = (shown.astype("float32") - without.astype("float32")) / STEP
    share = np.clip(np.abs(difference), 0, 1)[..., None]
    colour = np.where(difference[..., None] > 0, to_rgb(ORANGE), to_rgb(SKY))
    return (1 - share) * (0.55 * without[..., None] / 255) + share * colour


@styled("One phantom patient without and with findings, and what has changed")
def plot_atlas(plates):
    """Plot findings: a film without, with, and what has changed, in each view.

    Args:
        plates: sequence of `cxrphantom.atlas.Plate`.

    Returns:
        A `matplotlib` figure: for each plate a row per view in which it shows.

    Example:
    ```python
    plot_atlas([draw_plate(Finding("nodule", "left", "upper lobe"))])
    ```
    """
    heights = [2.8 * len(plate.views) + 0.4 for plate in plates]
    figure = plt.figure(figsize=(7.8, sum(heights) + 0.7))
    parts = figure.subfigures(len(plates), 1, height_ratios=heights, squeeze=False)
    for plate, part in zip(plates, parts[:, 0], strict=True):
        name = plate.finding.name.replace("_", " ").capitalize()
        words = textwrap.fill(f"{name}. “{plate.sentence}”", 80)
        part.suptitle(words, fontsize=12, x=0.01, ha="left")
        grid = part.subplots(len(plate.views), 3, squeeze=False)
        for row, view in zip(grid, plate.views, strict=True):
            films = [getattr(each, view) for each in (plate.without, plate.shown)]
            for axes, film, title in zip(
                row, films, ("without", "with the finding"), strict=False
            ):
                draw_radiograph(axes, film / 255, f"{view}, {title}")
            draw_radiograph(row[2], changed(*films), f"{view}, what has changed")
            whole = binary_fill_holes(plate.shown.finding_masks[0][view])
            draw_border(row[2], whole, YELLOW, 1.2)  # A hollow organ has one outline.
            if plate.finding.name in REBUILT:  # All has moved: compare outlines.
                draw_radiograph(
                    row[2], films[1] / 400, f"{view}, outlines of the lungs"
                )
                for study, colour in ((plate.without, "white"), (plate.shown, YELLOW)):
                    draw_border(row[2], study.masks[view]["lungs"], colour, 1.4)
    handles = [
        Patch(color=ORANGE, label="brighter (denser)"),
        Patch(color=SKY, label="darker (more air)"),
        Line2D([], [], color=YELLOW, label="true outline"),
    ]
    if REBUILT & {plate.finding.name for plate in plates}:
        line = Line2D([], [], color="white", label="lungs without the finding")
        line.set_path_effects(EDGE)
        handles.append(line)
    figure.legend(handles=handles, loc="outside upper center", ncols=4, fontsize=10)
    return caption(figure, "phantom")


@styled("A normal film, its structures numbered")
def plot_structures(films, places):
    """Plot films with numbers on their structures, and the names beneath.

    Args:
        films: dict of view to film, arrays `(H, W)` in [0, 1].
        places: dict of view to what `cxrphantom.atlas.structures` returns.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_structures({"frontal": film}, {"frontal": structures(patient, "frontal")})
    ```
    """
    most = max(map(len, places.values()))
    figure, (panels, notes) = plt.subplots(
        *(2, len(films)),
        figsize=(4.6 * len(films), 4.9 + 0.24 * most),
        height_ratios=[4.6, 0.24 * most],
        squeeze=False,
    )
    for axes, note, (view, film) in zip(panels, notes, films.items(), strict=True):
        draw_radiograph(axes, film, view)
        for number, at in enumerate(places[view].values(), start=1):
            x, y = (len(film) * share - 0.5 for share in at)
            axes.plot(x, y, "o", markersize=4, color=YELLOW, markeredgecolor="black")
            look = {"color": YELLOW, "fontsize": 13, "fontweight": "bold"}
            axes.annotate(
                *(str(number), (x, y), (5, 5)),
                textcoords="offset points",
                path_effects=EDGE,
                **look,
            )
        names = [f"{n}  {name}" for n, name in enumerate(places[view], start=1)]
        note.text(0, 1, "\n".join(names), va="top", fontsize=11, linespacing=1.45)
        note.set_axis_off()
    return caption(figure, "phantom")


@styled("Films to be read, frontal beside lateral")
def plot_films(studies, titles, outlined=False, wide=8.4):
    """Plot studies large, one below the other, with or without what is on them.

    Args:
        studies: sequence of `cxrphantom.drawing.study.Study`.
        titles: sequence of strings.
        outlined: bool. Whether to draw the true outlines of the findings.
        wide: float. Inches of a pair.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_films([film.study for film in draw_quiz(films=2)], ["film 1", "film 2"])
    ```
    """
    wrapped = [textwrap.fill(title, int(9.5 * wide)) for title in titles]
    heights = [wide / 2 + 0.05 + 0.2 * (title.count("\n") + 1) for title in wrapped]
    figure = plt.figure(figsize=(wide, sum(heights) + 0.3))
    parts = figure.subfigures(len(studies), 1, height_ratios=heights, squeeze=False)
    for study, title, part in zip(studies, wrapped, parts[:, 0], strict=True):
        part.suptitle(plain_text(title), fontsize=12, x=0.01, ha="left")
        grid = part.subplots(1, 2)
        for axes, view in zip(grid, ("frontal", "lateral"), strict=True):
            draw_radiograph(axes, getattr(study, view) / 255)
            for masks in study.finding_masks if outlined else ():
                draw_border(axes, masks[view], SKY, 1.6)
    return caption(figure, "phantom")

"""BLEU to play with: type a report, see which n-grams match and what that gives."""

import textwrap

import numpy as np
from matplotlib import pyplot as plt

from coursework.charts.style import BLUE, styled
from coursework.charts.verdicts import verdict_lines
from coursework.interactive.board import Board
from coursework.interactive.words import LINE, draw_words, lay_out

ORDERS = (1, 2, 3, 4)
SHADES = "Blues"


def bleu_playground(reference, candidate):
    """Type a report, and see its BLEU beside what it says of the patient.

    Args:
        reference: string. The first one; both can be typed over.
        candidate: string.

    Returns:
        A `coursework.interactive.board.Board` over `plot_bleu`.

    Example:
    ```python
    bleu_playground("No pleural effusion.", "Pleural effusion.")
    ```
    """
    area = {"kind": "Textarea", "continuous_update": False, "layout": {"width": "95%"}}
    return Board(
        plot_bleu,
        reference=area | {"value": reference},
        candidate=area | {"value": candidate},
    )


def bleu_parts(reference, candidate):
    """Take BLEU of one report apart, by the protocol `coco`.

    Args:
        reference: string.
        candidate: string.

    Returns:
        A dict: `reference` and `candidate` (lists of tokens), `longest` (for each
        token of the candidate the order, 0 to 4, of the longest n-gram around it that
        the reference has, too), `matches` and `predicted` (ints `(4,)`, clipped),
        `brevity` (the penalty) and `bleu` (floats `(4,)`).

    Example:
    ```python
    bleu_parts("no acute disease", "no disease")["matches"]  # [3, 1, 0, 0]
    ```
    """
    from cxrscore.texts.overlap import Reader, bleu_counts
    from cxrscore.texts.protocols import PROTOCOLS, coco_bleu

    tokenise = PROTOCOLS["coco"].tokenise
    texts = [tokenise(text) for text in (reference, candidate)]
    sums = bleu_counts(Reader(tokenise).pair([reference], [candidate]))[0]
    length, true = sums[-2:]
    true_grams, longest = set(), np.zeros(len(texts[1]), int)
    for order in ORDERS:
        true_grams |= {tuple(texts[0][i : i + order]) for i in range(len(texts[0]))}
        for i in range(len(texts[1]) - order + 1):
            if tuple(texts[1][i : i + order]) in true_grams:
                longest[i : i + order] = order
    return {
        "reference": texts[0],
        "candidate": texts[1],
        "longest": longest.tolist(),
        "matches": sums[:4].astype(int),
        "predicted": sums[4:8].astype(int),
        "brevity": float(np.exp(min(0, 1 - true / max(length, 1e-9)))),
        "bleu": coco_bleu(sums.astype("float64")),
    }


@styled("BLEU of one report taken apart, beside the findings that it names")
def plot_bleu(reference, candidate):
    """Plot which n-grams of a report match, its BLEU, and its findings.

    Args:
        reference: string.
        candidate: string.

    Returns:
        A `matplotlib` figure: both texts as tokens, those of the candidate darker the
        longer the n-gram that matches; precisions and BLEU-1 to 4; what the labeler
        of `cxrscore.clinical` reads in both.

    Example:
    ```python
    plot_bleu("No pleural effusion.", "Pleural effusion.")
    ```
    """
    parts = bleu_parts(reference, candidate)
    texts = [parts["reference"], parts["candidate"]]
    heights = [LINE * lay_out(words)[1] + 0.1 for words in texts]
    figure, panels = plt.subplot_mosaic(
        [["reference"] * 2, ["candidate"] * 2, ["bleu", "findings"]],
        figsize=(8.4, sum(heights) + 3.6),
        height_ratios=(*heights, 2.4),
    )
    draw_words(panels["reference"], texts[0], ["white"] * len(texts[0]))
    shades = plt.get_cmap(SHADES)
    faces = [shades(0.22 * order) if order else "white" for order in parts["longest"]]
    draw_words(panels["candidate"], texts[1], faces)
    left = {"loc": "left", "fontweight": "bold"}
    panels["reference"].set_title("Reference", **left)
    head = "Candidate: the darker, the longer the n-gram that matches (1 to 4)"
    panels["candidate"].set_title(head, **left)
    _draw_bleu(panels["bleu"], parts)
    _draw_findings(panels["findings"], reference, candidate)
    return figure


def _draw_bleu(axes, parts):
    places = np.arange(len(ORDERS))
    bars = axes.barh(places, parts["bleu"], color=BLUE, height=0.6)
    axes.bar_label(bars, [f" {value:.3f}" for value in parts["bleu"]])
    pairs = zip(ORDERS, parts["matches"], parts["predicted"], strict=True)
    names = [f"BLEU-{n}\n({hits} of {of} {n}-grams)" for n, hits, of in pairs]
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.12), xticks=(0, 0.5, 1))
    axes.grid(False, axis="y")
    length, true = len(parts["candidate"]), len(parts["reference"])
    lengths = f"{length} tokens, the reference {true}:"
    axes.set_title(f"{lengths}\nbrevity penalty {parts['brevity']:.2f}")


def _draw_findings(axes, reference, candidate):
    lines = verdict_lines(reference, candidate)
    axes.set_axis_off()
    axes.set_title("What it says of the patient")
    for row, (text, colour) in enumerate(lines):
        words = textwrap.fill(text, 44)
        axes.text(0.02, 0.92 - 0.2 * row, words, color=colour, va="top")

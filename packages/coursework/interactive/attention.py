"""A report word by word: choose one, and see which parts of the films it used."""

import numpy as np
from matplotlib import pyplot as plt

from coursework.charts.style import (
    YELLOW,
    caption,
    draw_radiograph,
    shown_token,
    styled,
)
from coursework.interactive.board import Board
from coursework.interactive.words import LINE, draw_words, lay_out

HEAT = "inferno"


def word_attention(tokens, maps, films, word=0, *, ground):
    """Choose a word of a report, and see which parts of the films it depends on.

    Args:
        tokens: sequence of strings `(T,)`.
        maps: float array `(T, V, h, w)`, not negative: for each token a map over
            each view, such as those of `cxrlib.explain.heatmaps.word_cam`.
        films: dict of `V` views to float arrays `(H, W)` or `(H, W, 1)` in [0, 1].
        word: int. The first one.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `coursework.interactive.board.Board` over `plot_word`.

    Example:
    ```python
    word_attention(["Small", " effusion"], maps, {"frontal": film}, ground="phantom")
    ```
    """
    names = [(f"{i + 1}: {token.strip()}", i) for i, token in enumerate(tokens)]
    return Board(
        lambda word: plot_word(tokens, maps, films, word, ground=ground),
        word={"kind": "Dropdown", "options": names, "value": word},
    )


@styled("Which parts of the films one word of a report used")
def plot_word(tokens, maps, films, word, *, ground):
    """Plot the map of one word over the films, the word marked in its report.

    Args:
        tokens: sequence of strings `(T,)`.
        maps: float array `(T, V, h, w)`, not negative.
        films: dict of `V` views to float arrays `(H, W)` or `(H, W, 1)` in [0, 1].
        word: int. A place in `tokens`.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure. Both views have one scale, up to the word's maximum;
        a title says which share of the map lies in its view.

    Example:
    ```python
    plot_word(["Small", " effusion"], maps, {"frontal": film}, 1, ground="phantom")
    ```
    """
    heat = np.asarray(maps[word], "float64")
    shares = heat.sum(axis=(1, 2)) / max(heat.sum(), 1e-12)
    heat = heat / max(heat.max(), 1e-12)
    words = [shown_token(str(token), blank="") for token in tokens]
    text = LINE * lay_out(words)[1] + 0.1  # inches
    mosaic = [["text"] * len(films), list(films)]
    figure, panels = plt.subplot_mosaic(
        mosaic,
        figsize=(4.2 * len(films), text + 4.5),
        height_ratios=(text, 4.2),
    )
    faces = [YELLOW if i == word else "white" for i in range(len(words))]
    draw_words(panels["text"], words, faces, bold=[word])
    for (view, film), each, share in zip(films.items(), heat, shares, strict=True):
        title = f"{view}: {share:.0%} of the map of “{words[word]}”"
        draw_radiograph(panels[view], film, title)
        height, width = np.shape(np.squeeze(film))
        panels[view].imshow(
            each,
            cmap=HEAT,
            vmin=0,
            vmax=1,
            alpha=0.7 * each,  # An empty map leaves a plain radiograph.
            extent=(-0.5, width - 0.5, height - 0.5, -0.5),
            interpolation="bilinear",
        )
    return caption(figure, ground)

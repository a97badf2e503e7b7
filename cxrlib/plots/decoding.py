"""Inside a text model: what reaches which prediction, what may be said next, gates."""

import textwrap

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import PowerNorm
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from coursework.charts.style import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    caption,
    plain_text,
    shown_token,
    styled,
)

HEAT = "Blues"
TITLE_WIDTH = 30  # characters


@styled("Heat maps: which token reaches which prediction")
def plot_influence(influences, tokens, *, ground):
    """Show which token reaches which prediction, and where the answer leaks.

    Args:
        influences: dict of title to float array `(T, T)`, not negative. Row `j`, column
            `i`: how far the prediction made after token `i` moves when token `j` is
            exchanged. The answer to `i` is token `i + 1`, so the entries just below the
            diagonal (outlined) should be 0.
        tokens: sequence of strings `(T,)`, in the order of the text.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, one panel per title, in one scale of colour.

    Example:
    ```python
    plot_influence(
        {"causal": np.triu(np.ones((3, 3)))}, ["No", " acute", " disease"],
        ground="phantom",
    )
    ```
    """
    names = [shown_token(token) for token in tokens]
    places = np.arange(len(names))
    side = max(2.4, 0.24 * len(names))  # inches
    figure, panels = plt.subplots(
        1,
        len(influences),
        figsize=((side + 0.4) * len(influences) + 2.0, side + 2.35),
        sharey=True,
        squeeze=False,
    )
    # The square root keeps small influences visible.
    norm = PowerNorm(0.5, 0, max(np.max(each) for each in influences.values()) or 1)
    for axes, (title, values) in zip(panels[0], influences.items(), strict=True):
        drawn = axes.imshow(values, cmap=HEAT, norm=norm)
        for place in places[:-1]:
            corner = place - 0.5, place + 0.5
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=RED, lw=1))
        axes.set_xticks(places, names, rotation=90)
        axes.set_yticks(places, names)
        axes.set(title=title, xlabel="the prediction after …")
        axes.grid(False)
        axes.tick_params(labelsize=9)
    panels[0, 0].set_ylabel("when … is exchanged")
    figure.colorbar(
        drawn, ax=panels[0], shrink=0.7, ticks=MaxNLocator(4), label="moves by"
    )
    outline = Rectangle((0, 0), 1, 1, fill=False, edgecolor=RED)
    figure.legend(
        [outline], ["the answer itself"], loc="outside upper center", fontsize=9
    )
    return caption(figure, ground)


@styled("Bars: the probabilities of the next token under several ways to choose")
def plot_choices(tokens, choices, columns=3, *, ground):
    """Show what may be said next under several ways to choose.

    Args:
        tokens: sequence of strings `(K,)`, the likeliest tokens.
        choices: dict of title to floats `(K,)` in [0, 1], each token's probability
            to be chosen. A token of probability 0 is marked as ruled out.
        columns: int. Panels per row.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure, one panel per title.

    Example:
    ```python
    plot_choices(
        ["left", "right"], {"as it is": [0.7, 0.3], "greedy": [1, 0]},
        ground="phantom",
    )
    ```
    """
    columns = min(columns, len(choices))
    rows = -(-len(choices) // columns)
    figure, panels = plt.subplots(
        rows,
        columns,
        figsize=(2.7 * columns + 0.9, (0.26 * len(tokens) + 0.75) * rows + 0.6),
        sharex=True,
        sharey=True,
        squeeze=False,
    )
    spots = np.arange(len(tokens))
    for axes in panels.flat[len(choices) :]:
        axes.set_axis_off()
    for axes, (title, shares) in zip(panels.flat, choices.items(), strict=False):
        shares = np.asarray(shares)
        axes.barh(spots, shares, height=0.7)
        for spot in spots[shares == 0]:
            axes.text(0.01, spot, "ruled out", color=GREY, va="center", fontsize=9)
        axes.set_title(plain_text(textwrap.fill(title, TITLE_WIDTH)))
        axes.grid(False, axis="y")
    panels[0, 0].set_yticks(spots, [shown_token(token) for token in tokens])
    panels[0, 0].set_xticks((0, 0.5, 1), ("0", "0.5", "1"))
    panels[0, 0].set_xlim(0, 1)
    panels[0, 0].invert_yaxis()
    for axes in panels[-1]:
        axes.set_xlabel("probability")
    return caption(figure, ground)


@styled("Dots: how far the gates of each layer are open")
def plot_gates(gates, *, ground):
    """Show how far the gates of each layer have opened.

    Args:
        gates: list of float arrays `(hidden_dim,)`, one per layer: how far each
            channel's gate is open, between −1 and 1. The sign says only which way
            round the channel is added, so it is left out.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure: each gate a dot, each layer's mean a line.

    Example:
    ```python
    plot_gates([np.random.uniform(-0.2, 0.2, 64) for _ in range(4)], ground="phantom")
    ```
    """
    figure, axes = plt.subplots(figsize=(max(3.6, 0.8 * len(gates) + 1.4), 2.8))
    rng = np.random.default_rng(0)  # Dots side by side, at random.
    layers, means = range(1, len(gates) + 1), []
    for layer, each in zip(layers, gates, strict=True):
        opened = np.abs(each)
        means.append(float(opened.mean()))
        aside = layer + rng.uniform(-0.28, 0.28, len(opened))
        axes.plot(aside, opened, ".", color=BLUE, markersize=3, alpha=0.5)
        axes.hlines(means[-1], layer - 0.38, layer + 0.38, color=ORANGE, lw=2)
    axes.set(xlabel="layer, and the mean of its gates", ylim=(0, None))
    axes.set_ylabel("gate open by")
    names = [f"{n}\n{mean:.3f}" for n, mean in zip(layers, means, strict=True)]
    axes.set_xticks(layers, names)
    axes.grid(False, axis="x")
    return caption(figure, ground)

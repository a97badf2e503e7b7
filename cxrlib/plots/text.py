"""What a Transformer is made of: attention as heat maps, positions, learning rates."""

import numpy as np
from matplotlib import pyplot as plt

from cxrlib.plots.style import BLUE, GREY, ORANGE, STYLE, caption

NUMBERS_UP_TO = 6  # Tokens; beyond, numbers would not fit into the cells.


@plt.rc_context(STYLE)
def plot_attention(weights, tokens, titles=None, columns=4, *, ground):
    """Show who looks at whom: a heat map per head, a row per token that looks.

    Args:
        weights: float array `(N, T, T)`. Attention weights; rows sum to 1.
        tokens: sequence of strings `(T,)`.
        titles: sequence of strings `(N,)`.
        columns: int. Maps per row.
        ground: string. `"phantom"`, `"drawn"` or `"real"`; named in the caption.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_attention(
        [[[1, 0], [0.4, 0.6]]], ["No", "effusion"], ["head 1"],
        ground="phantom",
    )
    ```
    """
    weights = np.asarray(weights, "float64")
    n, length = weights.shape[:2]
    columns = min(columns, n)
    rows = -(-n // columns)
    labels = [_readable(str(token)) for token in tokens]
    numbers = length <= NUMBERS_UP_TO
    side = 0.6 * length if numbers else min(3.2, max(1.9, 0.17 * length))  # inches
    margin = 0.065 * max(map(len, labels))
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(side * columns + margin + 0.9, (side + 0.35) * rows + margin + 0.4),
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    for axes in grid.flat[n:]:
        axes.set_axis_off()
    size = 9 if numbers else 7
    for i, axes in enumerate(grid.flat[:n]):
        image = axes.imshow(weights[i], cmap="Blues", vmin=0, vmax=1)
        axes.grid(False)
        axes.set_xticks(range(length), labels, rotation=90, fontsize=size)
        axes.set_yticks(range(length), labels, fontsize=size)
        if titles is not None:
            axes.set_title(titles[i], fontsize=9)
        if numbers:
            for (row, column), value in np.ndenumerate(weights[i]):
                color = "white" if value > 0.55 else "black"
                words = f"{value:.2f}" if value else ""  # Masked: nothing at all.
                axes.text(
                    column, row, words, ha="center", va="center", color=color, size=8
                )
    bar = figure.colorbar(image, ax=grid, fraction=0.05, shrink=0.8)
    bar.set_label("weight: a row looks at the columns", fontsize=8)
    return caption(figure, ground)


def _readable(token):
    """A token as a label; a piece of a character has no glyph."""
    token = "".join(c if c.isprintable() else "·" for c in token.strip())
    return token.replace("$", r"\$") or "␣"


@plt.rc_context(STYLE)
def plot_positions(waves):
    """Show the position vectors: all of them as an image, a few columns as waves.

    Args:
        waves: float array `(T, D)`. What `SinusoidalPositions` adds.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_positions(SinusoidalPositions()(np.zeros((1, 64, 128)))[0])
    ```
    """
    waves = np.asarray(waves)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.2))
    image = left.imshow(waves, aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1)
    left.set(xlabel="column of the vector", ylabel="position", title="all columns")
    left.grid(False)
    figure.colorbar(image, ax=left)
    # Even columns are sines; the waves in the last two thirds are longer than a report.
    shown = np.linspace(0, waves.shape[1] // 3, 4).astype(int) // 2 * 2
    for column in np.unique(shown):
        right.plot(waves[:, column], label=f"column {column}")
    right.set(xlabel="position")
    right.legend(fontsize=8, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure


@plt.rc_context(STYLE)
def plot_schedules(rates, steps=None):
    """Plot learning rates over the steps.

    Args:
        rates: dict of name to float array `(steps,)`.
        steps: int or `None`. Where the training ends, drawn as a line.

    Returns:
        A `matplotlib` figure.

    Example:
    ```python
    plot_schedules({"ours": warmup_cosine(1e-3, 100)(np.arange(100))}, steps=80)
    ```
    """
    figure, axes = plt.subplots(figsize=(6.4, 3.0))
    for (name, values), color in zip(rates.items(), (BLUE, ORANGE, GREY), strict=False):
        axes.plot(np.arange(1, len(values) + 1), values, label=name, color=color)
    if steps is not None:
        axes.axvline(steps, color=GREY, linestyle="--", linewidth=1)
        words = " end of this training"
        axes.text(steps, axes.get_ylim()[1], words, va="top", fontsize=8, color=GREY)
    axes.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3))
    axes.legend(fontsize=8)
    return figure

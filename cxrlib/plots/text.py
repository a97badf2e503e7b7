"""What a Transformer is made of: attention as heat maps, positions, learning rates."""

import numpy as np
from matplotlib import pyplot as plt

from coursework.charts.style import GREY, caption, ink, shown_token, styled

NUMBERS_UP_TO = 6  # Tokens; beyond, numbers would not fit into the cells.


@styled("Heat maps of attention: a row per token that attends")
def plot_attention(weights, tokens, titles=None, columns=2, *, ground):
    """Show which token attends to which: a heat map per head, a row per token.

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
    labels = [shown_token(str(token)) for token in tokens]
    numbers = length <= NUMBERS_UP_TO
    side = 0.6 * length if numbers else min(4.2, max(2.2, 0.19 * length))  # inches
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
    size = 9 if columns * side < 8 else 10
    for i, axes in enumerate(grid.flat[:n]):
        image = axes.imshow(weights[i], cmap="Blues", vmin=0, vmax=1)
        axes.grid(False)
        axes.set_xticks(range(length), labels, rotation=90, fontsize=size)
        axes.set_yticks(range(length), labels, fontsize=size)
        if titles is not None:
            axes.set_title(titles[i], fontsize=9)
        if numbers:
            for (row, column), value in np.ndenumerate(weights[i]):
                color = ink(image.to_rgba(value))
                words = f"{value:.2f}" if value else ""  # Masked: nothing at all.
                axes.text(
                    column, row, words, ha="center", va="center", color=color, size=9
                )
    bar = figure.colorbar(image, ax=grid, fraction=0.05, shrink=0.8)
    bar.set_label("weight: a row looks at the columns", fontsize=9)
    return caption(figure, ground)


@styled("Position vectors, as an image and as waves")
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
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2))
    image = left.imshow(waves, aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1)
    left.set(xlabel="column of the vector", ylabel="position", title="all columns")
    left.grid(False)
    figure.colorbar(image, ax=left)
    # Even columns are sines; the waves in the last two thirds are longer than a report.
    shown = np.linspace(0, waves.shape[1] // 3, 4).astype(int) // 2 * 2
    for column in np.unique(shown):
        right.plot(waves[:, column], label=f"column {column}")
    right.set(xlabel="position")
    right.legend(ncols=2, loc="lower center", bbox_to_anchor=(0.5, 1))
    return figure


@styled("Curves: learning rates over the steps")
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
    figure, axes = plt.subplots(figsize=(7.4, 3.2))
    for name, values in rates.items():
        axes.plot(np.arange(1, len(values) + 1), values, label=name)
    if steps is not None:
        axes.axvline(steps, color=GREY, linestyle="--", linewidth=1)
        words = " end of this training"
        axes.text(steps, axes.get_ylim()[1], words, va="top", fontsize=9, color=GREY)
    axes.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend()
    return figure

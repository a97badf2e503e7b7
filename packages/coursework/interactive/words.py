"""Words of a text in lines, each on its own colour."""

from coursework.charts.style import ink, plain_text

WIDTH = 84  # Characters of a line, at ten points on eight inches.
LINE = 0.24  # inches


def lay_out(words, width=WIDTH):
    """Break words into lines.

    Args:
        words: sequence of strings.
        width: int. Characters of a line.

    Returns:
        A pair: a list of `(column, line)`, one per word, and the number of lines.
    """
    places, column, line = [], 0, 0
    for word in words:
        if column and column + len(word) > width:
            column, line = 0, line + 1
        places.append((column, line))
        column += len(word) + 1
    return places, line + 1


def draw_words(axes, words, faces, bold=(), width=WIDTH):
    """Write words into axes that have nothing else.

    Args:
        axes: Matplotlib axes.
        words: sequence of strings `(n,)`.
        faces: sequence of colours `(n,)`.
        bold: sequence of ints. The words to write bold, in a frame.
        width: int. Characters of a line.
    """
    places, lines = lay_out(words, width)
    for i, (word, (column, line), face) in enumerate(
        zip(words, places, faces, strict=True)
    ):
        axes.text(
            *(column, line, plain_text(word)),
            family="monospace",
            weight="bold" if i in bold else "normal",
            va="center",
            color=ink(face),
            bbox={
                "facecolor": face,
                "edgecolor": "black" if i in bold else face,
                "boxstyle": "square,pad=0.15",
            },
        )
    axes.set(xlim=(-0.5, width), ylim=(lines - 0.4, -0.6))
    axes.set_axis_off()

"""The style that every figure shares, its alternative text, its file.

The colours are those of Okabe and Ito, which colour-blind readers can distinguish;
whatever a colour shows, a mark, a line style or a word shows, too.
"""

import functools
import io
import pathlib
import sys
import textwrap

import numpy as np
from matplotlib import colors
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from cxrbase.files import write_whole
from cxrbase.grounds import GROUNDS

BLUE, ORANGE, GREEN, RED = "#0072b2", "#e69f00", "#009e73", "#d55e00"
SKY, YELLOW, PURPLE, GREY = "#56b4e9", "#f0e442", "#cc79a7", "#5f6672"
# Green and red for text, which needs more contrast than marks.
HIT, MISS = "#00694c", "#a33f00"
CLASSES = ("normal", "abnormal")
PIECE = "▯"  # In place of a byte that is not a whole character.
LONGEST = 600  # Letters of an alternative text that is made from the text in a figure.
# Where each format keeps the alternative text.
DESCRIPTION = {".png": "Description", ".svg": "Description", ".pdf": "Subject"}
STYLE = {
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 0.07,  # inches
    "figure.facecolor": "white",
    "figure.dpi": 110,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": "#e5e7eb",
    "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, RED, PURPLE])
    + plt.cycler(linestyle=["-", "--", "-.", ":", (0, (5, 1, 1, 1))]),
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 1.2,
    "savefig.dpi": 150,
}


# === Words ===


def styled(shows):
    """Decorate a function that draws, for our style and an alternative text.

    Args:
        shows: string. What the figure shows, the beginning of its alternative text.

    Returns:
        A decorator.

    Example:
    ```python
    @styled("A line")
    def plot_line(values): ...
    ```
    """

    def decorate(draw):
        @functools.wraps(draw)
        def drawn(*args, **kwargs):
            with plt.rc_context(STYLE):
                figure = draw(*args, **kwargs)
            figure.shows = shows
            _describe_in_notebooks()
            return figure

        return drawn

    return decorate


def alt_text(figure):
    """Say in words what a figure shows.

    Args:
        figure: `matplotlib` figure.

    Returns:
        A string: what `save_figure` was given, or else what the figure is, the
        words in it, and its ground.

    Example:
    ```python
    alt_text(plot_roc([0, 1], [0.1, 0.9], ground="phantom"))
    ```
    """
    if getattr(figure, "alt", None):
        return figure.alt
    ground = figure.get_supxlabel()
    words = [" ".join(text.get_text().split()) for text in figure.findobj(Text)]
    words = [each.replace(r"\$", "$") for each in words if each != ground]
    # Tick labels mean nothing without the picture.
    seen = "; ".join(dict.fromkeys(w for w in words if any(map(str.isalpha, w))))
    shows = getattr(figure, "shows", "Figure")
    text = f"{shows}: {seen}" if seen else shows
    text = textwrap.shorten(text, LONGEST, placeholder=" …")
    return ". ".join(filter(None, [text, ground]))


def _describe_in_notebooks():
    """Give the outputs of a notebook the alternative text, as metadata `alt`."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if shell:
        png = shell.display_formatter.formatters["image/png"]
        png.for_type(Figure, lambda each: (to_png(each), {"alt": alt_text(each)}))


def caption(figure, ground):
    """Write below a figure what it rests on, unless that is real radiographs.

    Data of unknown ground get a caption, too. Where a label holds a part of a
    character, the mark for it is explained.

    Args:
        figure: `matplotlib` figure.
        ground: string. `"phantom"`, `"drawn"`, `"real"` or `"unknown"`.

    Returns:
        The figure.

    Example:
    ```python
    caption(plt.figure(), "phantom")
    ```
    """
    # The figure by itself must say that nobody was X-rayed for it.
    if ground != "real":
        figure.supxlabel(GROUNDS[ground], fontsize=9, color=MISS)
    if any(PIECE in text.get_text() for text in figure.findobj(Text)):
        nothing = Line2D([], [], linestyle="none")
        words = f"{PIECE} a token that is only a part of a character"
        figure.legend([nothing], [words], loc="outside upper left", handlelength=0)
    return figure


def shown_token(token, blank="␣"):
    """A token as an axis shows it, with leading blank and half characters visible."""
    letters = [
        letter if letter.isprintable() and letter != "\ufffd" else PIECE
        for letter in token.strip()
    ]
    before = blank if token.startswith(" ") else ""
    return plain_text(before + "".join(letters) or "␣")


def plain_text(text):
    """Text that Matplotlib does not read as a formula."""
    return str(text).replace("$", r"\$")


def level(titles, width):
    """Wrap titles, all to the same number of lines, so that the images below align.

    Args:
        titles: sequence of strings.
        width: int. Characters per line.

    Returns:
        A pair: the wrapped titles, and their number of lines.
    """
    wrapped = [textwrap.wrap(str(title), width) for title in titles]
    deepest = max(map(len, wrapped), default=0)
    lines = [each + [" "] * (deepest - len(each)) for each in wrapped]
    return [plain_text("\n".join(each)) for each in lines], deepest


def class_name(label):
    """The word for a label of 0 or 1; `not labelled` for one that is missing."""
    return "not labelled" if label is None or label != label else CLASSES[int(label)]


# === Drawing ===


def ink(face):
    """Black or white, whichever is readable on a colour."""
    red, green, blue = colors.to_rgb(face)
    return "black" if 0.3 * red + 0.59 * green + 0.11 * blue > 0.5 else "white"


def draw_radiograph(axes, image, title="", white=1.0, **arguments):
    """Draw a radiograph with black as 0 and white as `white`, never stretched."""
    axes.imshow(np.squeeze(image), cmap="gray", vmin=0, vmax=white, **arguments)
    axes.set_title(title)
    bare(axes)


def bare(axes):
    """Remove everything from axes but what is drawn and their labels."""
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)


def draw_border(axes, mask, colour, width=1.2, size=None, **style):
    """Draw the border of a mask, on an image of another size where that is given.

    A mask that is all one value has no border.
    """
    mask = np.asarray(np.squeeze(mask), "float32")
    if mask.min() < 0.5 < mask.max():
        scale = (size or len(mask)) / len(mask)
        places = [(np.arange(side) + 0.5) * scale - 0.5 for side in mask.shape[::-1]]
        axes.contour(*places, mask, [0.5], colors=colour, linewidths=width, **style)


# === Files ===


def to_png(figure):
    """The bytes of a figure as PNG, its alternative text within."""
    whole = io.BytesIO()
    figure.savefig(
        whole,
        format="png",
        bbox_inches="tight",
        dpi=figure.dpi,
        metadata={DESCRIPTION[".png"]: alt_text(figure)},
    )
    return whole.getvalue()


def save_figure(figure, path, alt=None):
    """Save a figure whole or not at all, the format by the suffix.

    Args:
        figure: `matplotlib` figure.
        path: string or `pathlib.Path`, such as
            `outputs/demo/07_multitask/figures/roc.png`.
        alt: string. What the figure shows, for those who cannot see it; by default
            `alt_text` makes it from the text in the figure. A PNG keeps it as
            `Description`, the output of a notebook's cell as the metadata `alt`.

    Returns:
        The path.

    Example:
    ```python
    save_figure(plot_roc([0, 1], [0.1, 0.9]), "outputs/roc.png", alt="A ROC curve")
    ```
    """
    path = pathlib.Path(path)
    figure.alt = alt or alt_text(figure)
    key = DESCRIPTION.get(path.suffix.lower())
    with write_whole(path) as temporary:
        figure.savefig(
            temporary,
            dpi=STYLE["savefig.dpi"],
            bbox_inches="tight",
            facecolor="white",
            metadata={key: figure.alt} if key else None,
        )
    return path

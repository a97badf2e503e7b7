"""What the tests of figures share; none needs a screen, and conftest closes them."""

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt


def words(figure):
    """Every text of a figure, subfigures included."""
    return " ".join(text.get_text() for text in figure.findobj(plt.Text))

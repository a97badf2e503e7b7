"""A board: a function that draws, and controls that draw again when they change."""

import base64
import html

from matplotlib import pyplot as plt

from coursework.charts.style import alt_text, to_png
from cxrbase.refusals import InputError

WIDGET = "application/vnd.jupyter.widget-view+json"


class Board:
    """A figure, and in a live notebook the controls that redraw it.

    As the last line of a cell it shows both. The figure is always part of the output,
    as PNG with its alternative text, so that an executed page shows it; a front end
    that can show widgets shows these in its place.

    Args:
        draw: callable, the controls' values by name → `matplotlib` figure.
        **controls: by name, the arguments of an ipywidgets control: a dict with
            `kind` (such as `"FloatSlider"`), `value`, and what else it takes.

    Attributes:
        controls: dict of name to widget; empty without ipywidgets.
        figure: `matplotlib` figure, as last drawn.

    Example:
    ```python
    Board(plot_threshold, threshold={"kind": "FloatSlider", "value": 0.5, "max": 1})
    ```
    """

    def __init__(self, draw, **controls):
        self._draw = draw
        self._values = {name: each["value"] for name, each in controls.items()}
        self.controls, self._shown = {}, None
        self._redraw()
        try:
            import ipywidgets
        except ImportError:  # The figure alone.
            return
        wide = {"description_width": "initial"}
        for name, options in controls.items():
            kind = getattr(ipywidgets, options["kind"])
            rest = {key: each for key, each in options.items() if key != "kind"}
            rest.setdefault("description", name.replace("_", " "))
            self.controls[name] = kind(style=wide, **rest)
            self.controls[name].observe(self._changed, "value")
        self._image = ipywidgets.HTML(self._html())
        self._shown = ipywidgets.VBox([*self.controls.values(), self._image])

    def _redraw(self):
        self.figure = self._draw(**self._values)
        plt.close(self.figure)  # Otherwise the notebook would show it twice.

    def _changed(self, change):
        self._values = {name: each.value for name, each in self.controls.items()}
        try:
            self._redraw()
        except InputError as error:  # The kernel would keep it to itself.
            self._image.value = f"<b>{html.escape(str(error))}</b>"
        else:
            self._image.value = self._html()

    def _picture(self):
        return base64.b64encode(to_png(self.figure)).decode()

    def _html(self):
        words = html.escape(alt_text(self.figure))
        source = f"data:image/png;base64,{self._picture()}"
        return f'<img alt="{words}" src="{source}" style="max-width: 100%">'

    def _repr_mimebundle_(self, **kwargs):
        words = alt_text(self.figure)
        shown = {"text/plain": words, "image/png": self._picture()}
        if self._shown is not None:
            view = {"version_major": 2, "version_minor": 0}
            shown[WIDGET] = view | {"model_id": self._shown.model_id}
        return shown, {"image/png": {"alt": words}}

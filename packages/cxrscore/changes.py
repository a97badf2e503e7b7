"""The named changes of `cxrscore.perturb`: what is done to one input of a model.

A change is a small function of the values and of an order of the studies, so that
several inputs can be permuted alike. None of them modifies what it is given.
"""

import dataclasses
import re
from collections.abc import Callable

import numpy as np

from cxrbase.files import InputError

CHANGES = {}


@dataclasses.dataclass(frozen=True)
class Change:
    """A change of one input.

    Args:
        apply: callable, (values of the input, one per study; order, an int array
            `(n,)`) → the changed values. `order[i]` is another study than `i`.
        words: string. What it does, for the protocol.
        drawn: bool. Whether it depends on the order, so that several are tried.

    Example:
    ```python
    louder = Change(lambda notes, order: [n.upper() for n in notes], "in capitals")
    perturb(model.predict, inputs, {"loud": (louder, "note")}, score)
    ```
    """

    apply: Callable
    words: str
    drawn: bool = False


def register(name, words, drawn=False):
    """Enter a function of values and order among `CHANGES`, as a decorator.

    Args:
        name: string.
        words: string. What it does, for the protocol.
        drawn: bool. Whether it depends on the order.

    Returns:
        A decorator that leaves the function as it is.

    Example:
    ```python
    @register("dim", "at half its brightness")
    def dim(values, order):
        return np.asarray(values) / 2
    ```
    """

    def enter(function):
        CHANGES[name] = Change(function, words, drawn)
        return function

    return enter


def find_change(change):
    """A change by its name.

    Args:
        change: string, one of `CHANGES`, or a `Change`.

    Returns:
        A `Change`.

    Raises:
        InputError: if there is none of this name.

    Example:
    ```python
    find_change("mirrored").words
    ```
    """
    if isinstance(change, Change):
        return change
    if change not in CHANGES:
        raise InputError(f"Unknown change {change!r}; known: {', '.join(CHANGES)}.")
    return CHANGES[change]


# === Of any input ===


@register("permuted", "each study gets that of another study", drawn=True)
def permuted(values, order):
    """Each study gets another study's value, as the order says."""
    if isinstance(values, np.ndarray):
        return values[order]
    return [values[i] for i in order]


@register("blank", "images black, masks empty, texts without a word")
def blank(values, order):
    """Zeros for arrays, empty strings for texts."""
    return [""] * len(values) if _is_text(values) else np.zeros_like(values)


# === Of images and masks ===


@register("mirrored", "left and right exchanged, as columns of the array")
def mirrored(values, order):
    """The columns of `(n, H, W)` or `(n, H, W, C)` in reverse."""
    return _images(values, "mirrored")[:, :, ::-1].copy()


@register("mean", "the mean of these studies, the same for all")
def mean(values, order):
    """The mean of `(n, H, W, …)` over the studies, for each of them."""
    images = _images(values, "mean")
    whole = np.issubdtype(images.dtype, np.floating)
    middle = images.mean(axis=0, dtype="float64")
    middle = middle.astype(images.dtype if whole else "float32")
    return np.repeat(middle[None], len(images), axis=0)


@register("inverted", "1 less the value: a mask's complement")
def inverted(values, order):
    """1 less each value of an array in [0, 1]."""
    images = _images(values, "inverted")
    return ~images if images.dtype == bool else 1 - images


# === Of texts ===

_SIDES = {"left": "right", "lingula": "middle lobe", "lingular": "middle lobar"}
_SIDES |= {"lll": "rll", "lul": "rul"}
_SIDES |= {other: one for one, other in _SIDES.items()}
_SIDE = re.compile(rf"\b({'|'.join(_SIDES)})(?=\b|wards?\b)", re.IGNORECASE)


@register("sides swapped", "left and right exchanged, word by word")
def sides_swapped(values, order):
    """Every text with its sides exchanged, see `swap_sides`."""
    if not _is_text(values):
        raise InputError("sides swapped: needs texts, a list of strings.")
    return [swap_sides(text) for text in values]


def swap_sides(text):
    """Exchange left and right in a text; done twice it is the text itself.

    Word by word, so also in "left ventricle"; the lingula stands for the middle lobe,
    which the other lung does not have. "Bilateral" stays.

    Args:
        text: string.

    Returns:
        A string with the capitals where they were.

    Example:
    ```python
    swap_sides("Small LEFT effusion, right-sided port.")
    # "Small RIGHT effusion, left-sided port."
    ```
    """

    def other(match):
        word, found = match[0], _SIDES[match[0].lower()]
        if word.isupper():
            return found.upper()
        return found.capitalize() if word[0].isupper() else found

    return _SIDE.sub(other, text)


# === Helpers ===


def _is_text(values):
    return all(isinstance(each, str) for each in values)


def _images(values, name):
    images = np.asarray(values)
    if images.ndim < 3 or images.dtype.kind not in "fiub":
        raise InputError(
            f"{name}: needs images or masks (n, H, W, …), not an input of shape "
            f"{images.shape} and type {images.dtype}."
        )
    return images

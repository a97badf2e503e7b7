"""What lies on a film and is no finding: a letter, a tube, a wire, rings, lines.

A model may learn it in place of the finding, if it comes along with it.
"""

import cv2
import numpy as np

WHITE, BLACK = 235, 20  # Of 255.


def _line(film, points, thick=1):
    points = [np.round(np.array(points) * len(film)).astype("int32")]
    # A dark edge, so that it shows on bright tissue as well.
    cv2.polylines(film, points, False, BLACK, thick + 2, cv2.LINE_AA)
    cv2.polylines(film, points, False, WHITE, thick, cv2.LINE_AA)


def _letter(film, rng):
    """The letter P on a black label, as on films from a mobile machine."""
    side = round(0.13 * len(film))
    x, y = np.round((np.array([0.03, 0.83]) + rng.uniform(0, 0.03, 2)) * len(film))
    x, y = int(x), int(y)
    film[y : y + side, x : x + side] = BLACK
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.045 * side
    where = (x + round(0.15 * side), y + round(0.85 * side))
    cv2.putText(film, "P", where, font, scale, WHITE, 1, cv2.LINE_AA)


def _drain(film, rng):
    """A chest tube, from the left flank up to the apex."""
    points = np.array([(0.99, 0.64), (0.88, 0.55), (0.8, 0.42), (0.74, 0.28)])
    _line(film, points + rng.normal(0, 0.015, points.shape), round(0.012 * len(film)))


def _wire(film, rng):
    """A lead of the ECG, from the right shoulder to the left flank."""
    x, y = (0.15, 0.35, 0.45, 0.7, 0.95), (0.1, 0.3, 0.55, 0.75, 0.8)
    _line(film, np.transpose([x, y]) + rng.normal(0, 0.03, (5, 2)))


def _electrodes(film, rng):
    """Two rings with a dot, one on each shoulder."""
    for x in (0.22, 0.78):
        place = np.array([x, 0.17]) + rng.normal(0, 0.015, 2)
        centre = tuple(int(round(each * len(film))) for each in place)
        for radius, grey in ((0.05, BLACK), (0.04, WHITE), (0.02, BLACK)):
            cv2.circle(film, centre, round(radius * len(film)), grey, -1, cv2.LINE_AA)


def _strip(film, rng):
    """A black strip at the lower edge: the beam was narrowed."""
    film[-round(len(film) * rng.uniform(0.08, 0.12)) :] = 0


def _grid(film, rng):
    """Fine dark lines across the film: the grid that stops scatter was off centre."""
    first = rng.integers(6)
    for row in (first, first + 1):  # Two of six, so that shrinking leaves them.
        film[row::6] = 0.8 * film[row::6]


MARKERS = {
    "letter": _letter,
    "drain": _drain,
    "wire": _wire,
    "electrodes": _electrodes,
    "strip": _strip,
    "grid": _grid,
}


def add_marker(films, name, seed=0):
    """Draw a marker into a copy of each film, every time a little elsewhere.

    Args:
        films: uint8 array `(n, S, S, 1)`.
        name: string. A key of `MARKERS`.
        seed: int.

    Returns:
        An array like it.

    Example:
    ```python
    add_marker(np.zeros((2, 128, 128, 1), "uint8"), "letter").max()  # 235
    ```
    """
    rng, marked = np.random.default_rng(seed), films.copy()
    for film in marked:
        MARKERS[name](film[..., 0], rng)
    return marked

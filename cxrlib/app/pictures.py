"""Films as pictures that a page can show."""

import base64

import cv2
import numpy as np


def png_address(film, edge=1024):
    """A film as a PNG in a `data:` address, its longer side at most `edge` pixels.

    Args:
        film: float array `(H, W)` in [0, 1].
        edge: int.

    Returns:
        A string.

    Example:
    ```python
    png_address(np.zeros((2, 2)))[:22]  # "data:image/png;base64,"
    ```
    """
    scale = edge / max(film.shape)
    if scale < 1:
        size = [max(1, round(side * scale)) for side in film.shape[::-1]]
        film = cv2.resize(film, size, interpolation=cv2.INTER_AREA)
    grey = np.round(np.clip(film, 0, 1) * 255).astype("uint8")
    _, coded = cv2.imencode(".png", grey, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return "data:image/png;base64," + base64.b64encode(coded.tobytes()).decode()

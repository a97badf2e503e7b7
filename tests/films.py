"""Radiographs as plain as can be, for tests: dark lungs on a bright body."""

import cv2
import numpy as np


def two_lungs(size=64):
    """A bright body with two dark lungs, and their mask."""
    mask = np.zeros((size, size), "uint8")
    for x in (0.3, 0.7):
        centre, axes = (int(x * size), size // 2), (size // 7, size // 3)
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, -1)
    image = np.where(mask, 0.25, 0.75).astype("float32")
    return image, mask


def film(height=300, width=240):
    """A bright film with two dark lungs, and their mask, not square."""
    image, mask = two_lungs(128)
    size = (width, height)
    mask = cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    return np.where(mask, 0.2, 0.8).astype("float32"), mask.astype(bool)

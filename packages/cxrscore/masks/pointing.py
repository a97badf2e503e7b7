"""The pointing game: does a heat map lie on the finding?

Each score has beside it those of maps that looked at nothing: a uniform one, one that
always points to the middle, and those of the other studies.
"""

import numpy as np

from cxrbase.files import InputError
from cxrscore.bootstrap import WORDS
from cxrscore.comparison import compare_counts
from cxrscore.labels.exact import SHARE_WORDS, share_ends
from cxrscore.score import score


def share_inside(cams, masks):
    """Share of each map's mass on the finding: the energy-based game.

    Args:
        cams: float array `(B, …)`, not negative, such as `(B, 2, H, W)` for both
            views of a study together.
        masks: bool array of the same shape, the finding's true outline.

    Returns:
        Float array `(B,)` in [0, 1]. A map without mass scores as a uniform one does:
        the finding's share of the area.

    Example:
    ```python
    share_inside([[0.0, 3.0, 1.0]], [[False, True, False]])  # [0.75]
    ```

    Reference:
        - [Wang et al., 2020, Score-CAM](https://arxiv.org/abs/1910.01279)
    """
    return _inside(_shares(cams), _flat(np.asarray(masks, bool)))


def hit(cams, masks, tolerance=0):
    """Whether each map's maximum falls on the finding: the pointing game.

    Args:
        cams: float array `(B, …, H, W)`.
        masks: bool array of the same shape, the finding's true outline.
        tolerance: int, pixels. How far beside the finding still counts; 15 in the
            paper.

    Returns:
        Float array `(B,)`: 1 or 0. Where several places share the maximum, the
        share of them that hits; a uniform map is thus a point at random.

    Example:
    ```python
    hit([[[0.0, 3.0, 1.0]]], [[[False, True, False]]])  # [1.]
    ```

    Reference:
        - [Zhang et al., 2016](https://arxiv.org/abs/1608.00507)
    """
    return _inside(_shares(_peaks(cams)), _flat(_widened(masks, tolerance)))


def pointing_figures(cams, masks, tolerance=0, split="test", seed=0, **protocol):
    """The pointing game over studies, beside maps that looked at nothing.

    Args:
        cams: float array `(n, …, H, W)`, a map per study at the masks' size.
        masks: bool array of the same shape, none of them empty.
        tolerance: int, pixels. See `hit`.
        split: string. Where the studies come from.
        seed: int. Of the resamples.
        **protocol: scalars. What was mapped, the finding, …

    Returns:
        A dict of the scores `pointing.share_inside` and `pointing.hit`, each with
        `interval` and the baselines `constant` (a uniform map, so the finding's
        share of the area), `centre` (a map that always points to the middle) and
        `shuffled` (the mean over all the other studies' maps). `fall` is value −
        shuffled and `gain` value − constant, with `fall_interval` and
        `gain_interval`. A single study has no permutation and no interval.

    Raises:
        InputError: if the shapes differ, there is no study, a mask is empty, or a
            map is not finite or negative.

    Example:
    ```python
    masks = np.zeros((2, 8, 8), bool)
    masks[:, 2:4, 2:4] = True
    pointing_figures(masks.astype(float), masks)["pointing.hit"]["value"]  # 1.0
    ```
    """
    cams, masks = np.asarray(cams, "float32"), np.asarray(masks, bool)
    n = len(masks)
    if cams.shape != masks.shape or not n or not _flat(masks).any(axis=1).all():
        raise InputError(
            f"Maps {cams.shape} and masks {masks.shape}: both must have the same "
            "shape, of one study or more; leave out studies without the finding."
        )
    if not (np.isfinite(cams).all() and cams.min() >= 0):
        raise InputError("A map holds NaN or a negative number; cut it off at 0.")
    rows, columns = ((np.arange(side) + 0.5) / side - 0.5 for side in cams.shape[-2:])
    # A Gaussian whose standard deviation is a quarter of the side.
    middle = np.exp(-8 * (rows[:, None] ** 2 + columns**2))
    middle = np.broadcast_to(middle, cams.shape[1:])[None]
    scores = {}
    for name, seen, outline in (
        ("share_inside", lambda each: each, masks),
        ("hit", _peaks, _widened(masks, tolerance)),
    ):
        shares, outline = _shares(seen(cams)), _flat(outline)
        own = _inside(shares, outline)
        uniform = outline.mean(axis=1, dtype="float64")
        counts = [own, uniform, _inside(_shares(seen(middle)), outline)]
        if n > 1:
            # Every other study's map, not a sample of them: the mean is linear.
            of_all = _inside(shares.sum(axis=0, dtype="float64"), outline)
            counts.append((of_all - own) / (n - 1))
        beside = compare_counts(
            np.stack(counts, axis=1)[..., None],
            lambda sums, n: {"mean": sums[..., 0] / n},
            ["constant", "centre"],
            seed=seed,
        )["mean"]
        words = {"tolerance": f"{tolerance} pixels"} if name == "hit" else {}
        ends, kind = beside.pop("interval", [beside["value"]] * 2), WORDS
        if name == "hit" and np.isin(own, (0, 1)).all():
            ends, kind = share_ends(own.sum(), n), SHARE_WORDS
        ends = ends if n > 1 else None
        record = score(beside["value"], n, None, ends, split=split, **words, **protocol)
        if "interval" in record:
            record["protocol"]["interval"] = kind
        scores[f"pointing.{name}"] = record | beside
    return scores


# === Helpers ===


def _flat(each):
    """`(B, …)` as `(B, pixels)`, both views in one row."""
    return np.reshape(each, (len(each), -1))


def _shares(cams):
    """Each map as shares of its mass, `(B, pixels)`; uniform where it has none."""
    flat = _flat(np.asarray(cams, "float32"))
    flat = np.where(flat.max(axis=1, keepdims=True) > 0, flat, 1)
    return flat / flat.sum(axis=1, keepdims=True)


def _peaks(cams):
    """1 where a map has its maximum, else 0."""
    flat = _flat(cams)
    return (flat == flat.max(axis=1, keepdims=True)).reshape(np.shape(cams))


def _inside(shares, outline):
    """Sum of the shares `(B, pixels)` that lie on the outlined pixels, `(B,)`."""
    shares = np.broadcast_to(shares, outline.shape)
    return shares.sum(axis=1, where=outline, dtype="float64")


def _widened(masks, tolerance):
    """The masks and all that lies up to `tolerance` pixels beside them."""
    masks = np.asarray(masks, bool)
    if not tolerance:
        return masks
    from scipy.ndimage import distance_transform_edt

    images = masks.reshape(-1, *masks.shape[-2:])
    # To the next pixel of the mask; a view that has none stays empty.
    wide = [
        distance_transform_edt(~each) <= tolerance if each.any() else each
        for each in images
    ]
    return np.reshape(wide, masks.shape)

"""The U-Net of 02 in pieces is the packaged one with two widths."""

import keras
import numpy as np
import pandas as pd
from taught import run_cells, sources

from cxrlib.systems.lungs.unet import LungUNet

SIZE = 32
LEVELS = {"LungUNet": LungUNet, "lung_size": 128, "pd": pd}


def random_weights(model, seed=0):
    """Weights under which every layer counts, variances positive."""
    rng = np.random.default_rng(seed)
    return [
        np.abs(rng.normal(1, 0.3, w.shape)) if "variance" in w.path
        else rng.normal(0, 0.3, w.shape)
        for w in model.weights
    ]  # fmt: skip


def test_small_unet_equals_the_packaged_one():
    cells = ("stem", "block", "up")
    taught = run_cells("02_lung_segmentation", *cells, lung_size=SIZE)["small"]
    packaged = LungUNet(SIZE, widths=(16, 32))
    images = np.random.default_rng(1).random((3, SIZE, SIZE, 1), "float32")
    values = random_weights(taught)
    taught.set_weights(values)
    answers = keras.ops.convert_to_numpy(taught(images))
    assert np.abs(answers - keras.ops.convert_to_numpy(packaged(images))).max() > 0.01
    packaged.set_weights(values)
    np.testing.assert_allclose(answers, packaged(images), atol=1e-5)
    assert answers.std() > 0.01, "an answer that is the same everywhere shows nothing"


# === What the answers say ===


def test_most_weights_sit_where_images_are_a_few_pixels_wide():
    layers = run_cells("02_lung_segmentation", "levels", **LEVELS)["model"].layers
    counted = [(layer.count_params(), layer.output.shape[1]) for layer in layers]
    small = sum(weights for weights, side in counted if side <= 8)
    assert small > 0.8 * sum(weights for weights, _ in counted)


def test_a_black_mask_costs_more_than_no_opinion(capsys):
    masks = np.zeros((2, 16, 16), "uint8")
    masks[:, 4:12, 4:8] = 1
    run_cells("02_lung_segmentation", "loss", np=np, masks=masks)
    said = dict(
        line.rsplit(maxsplit=1) for line in capsys.readouterr().out.splitlines()
    )
    losses = {name.strip(): float(value) for name, value in said.items()}
    assert losses["black"] > losses["0.5 everywhere"] > losses["the true mask"]


def test_the_beginning_of_exercise_2_builds_both_nets():
    """Three levels on a stem; with skips it has more weights, and every shape fits."""
    taught = run_cells("02_lung_segmentation", "stem", "block", lung_size=64)
    code = sources("02_lung_segmentation")["exercise-2-text"]
    code = code.split("```python\n")[1].split("```")[0]
    counts = {}
    for skips in (True, False):
        names = taught | {"skips": skips, "x": taught["stem"]}
        exec(code, names)
        assert names["x"].shape == taught["stem"].shape
        counts[skips] = keras.Model(taught["image"], names["x"]).count_params()
    assert counts[True] > counts[False]

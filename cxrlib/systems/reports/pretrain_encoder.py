"""Pretrain the encoder on phantoms, in place of CheXNet's weights.

CheXNet learned 14 labels from some 100,000 films. Where those weights are not
available, this gives the encoder a start of the same kind: it learns which findings a
phantom shows, on which side and where, from studies that no notebook uses.
"""

import dataclasses
import os

import keras
import numpy as np
from keras import layers, ops

from cxrbase.files import InputError
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.pretrained.native import save_half
from cxrlib.systems.reports.imaging import StackViews, UnstackViews
from cxrlib.systems.reports.presets import preset_sizes
from cxrlib.systems.reports.recipe import EncoderRecipe
from cxrlib.training import warmup_cosine
from cxrphantom.drawing.study import VIEWS
from cxrphantom.examples import ATTRIBUTES, draw_examples
from cxrphantom.findings import FINDINGS


def build_pretraining_model(encoder):
    """Put two heads on the encoder: attributes of the study, maps of the findings.

    Args:
        encoder: a `CheXNetEncoder`.

    Returns:
        A `keras.Model` from `frontal`, `lateral` to `attributes` and `maps`,
        both as logits.

    Example:
    ```python
    build_pretraining_model(CheXNetEncoder(image_size=128)).summary()
    ```
    """
    shape = encoder.input.shape[1:]
    frontal, lateral = (keras.Input(shape, name=view) for view in VIEWS)
    features = encoder(StackViews()([frontal, lateral]))
    unstack = UnstackViews()
    latent = layers.Concatenate()(unstack(features["latent"]))
    # At a sixteenth of the resolution, where a small finding still has a place.
    grid = layers.BatchNormalization()(features["skip_4"])
    grid = layers.ReLU()(grid)
    grid = layers.Conv2D(len(FINDINGS), 1, bias_initializer=_rare())(grid)
    maps = layers.Reshape((1, *grid.shape[1:]))(grid)  # (2B, 1, h, w, F)
    maps = layers.Concatenate(axis=1, name="maps")(unstack(maps))
    attributes = layers.Dense(
        len(ATTRIBUTES), bias_initializer=_rare(), name="attributes"
    )(latent)
    return keras.Model(
        {"frontal": frontal, "lateral": lateral},
        {"attributes": attributes, "maps": maps},
        name="pretraining",
    )


def _rare():
    """Start every logit at a low probability, since most targets are 0."""
    return keras.initializers.Constant(-3.0)


@keras.saving.register_keras_serializable(package="cxrlib")
def summed_crossentropy(y_true, y_pred):
    """Binary cross-entropy on logits, summed over a study's answers."""
    y_true = ops.cast(y_true, y_pred.dtype)
    loss = ops.binary_crossentropy(y_true, y_pred, from_logits=True)
    return ops.sum(ops.reshape(loss, (ops.shape(loss)[0], -1)), axis=-1)


class ExampleBatches(keras.utils.PyDataset):
    """Shuffled batches of `Examples`, as the model takes them.

    Args:
        examples: `Examples`.
        batch_size: int.
        seed: int. Decides the order of every epoch.

    Example:
    ```python
    model.fit(ExampleBatches(examples, batch_size=16))
    ```
    """

    def __init__(self, examples, batch_size=16, seed=0):
        super().__init__()
        self.examples = examples
        self.batch_size = batch_size
        self.rng = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self):
        return len(self.examples.views) // self.batch_size

    def __getitem__(self, step):
        rows = self.order[step * self.batch_size : (step + 1) * self.batch_size]
        views = self.examples.views[rows, ..., None].astype("float32") / 255
        inputs = {"frontal": views[:, 0], "lateral": views[:, 1]}
        targets = {
            "attributes": self.examples.attributes[rows].astype("float32"),
            "maps": self.examples.maps[rows].astype("float32") / 255,
        }
        return inputs, targets

    def on_epoch_end(self):
        """Draw the next epoch's order."""
        self.order = self.rng.permutation(len(self.examples.views))


def pretrain_encoder(out, recipe=None, **changes):
    """Pretrain the encoder of a preset and write its weights.

    Args:
        out: string or path, ending in `.weights.h5`. Written after every epoch,
            in half precision.
        recipe: an `EncoderRecipe`, or `None` for its defaults.
        **changes: fields of the recipe to change.

    Returns:
        The `keras.callbacks.History`.

    Example:
    ```python
    pretrain_encoder("weights/phantom_encoder.weights.h5", studies=64, epochs=1)
    ```
    """
    if not str(out).endswith(".weights.h5") or os.path.isdir(out):
        raise InputError(f"{out}: must end in .weights.h5 and not be a folder.")
    recipe = dataclasses.replace(recipe or EncoderRecipe(), **changes)
    keras.utils.set_random_seed(recipe.seed)
    sizes = preset_sizes(recipe.preset)
    size = sizes["image_size"]
    held_out = draw_examples(recipe.studies // 20 + 16, recipe.seed + 1, size)
    train = ExampleBatches(
        draw_examples(recipe.studies, recipe.seed, size), seed=recipe.seed
    )
    encoder = CheXNetEncoder(image_size=size, **sizes["encoder"])
    model = build_pretraining_model(encoder)
    schedule = warmup_cosine(recipe.learning_rate, recipe.epochs * len(train))
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-3, global_clipnorm=10.0),
        loss={"attributes": summed_crossentropy, "maps": summed_crossentropy},
        loss_weights={"attributes": 1.0, "maps": 0.25},
        metrics={"attributes": [keras.metrics.AUC(name="auroc", from_logits=True)]},
    )
    save = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: save_half(encoder, out)
    )
    return model.fit(
        train,
        validation_data=ExampleBatches(held_out),
        epochs=recipe.epochs,
        callbacks=[save],
    )

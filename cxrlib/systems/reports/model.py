"""The whole system: two radiographs in; reconstructions, a label and a report out."""

import keras
import keras_hub
import numpy as np
from keras import ops

from cxrbase.files import InputError
from cxrlib.models.losses import ReconstructionLoss, label_loss, text_loss
from cxrlib.models.metrics import StructuralSimilarity
from cxrlib.systems.reports.recipe import ReportRecipe


@keras.saving.register_keras_serializable(package="cxrlib")
class ReportModel(keras.Model):
    """All tasks under one loss, trained with plain `fit`.

    `total = α·classification + β·frontal + γ·lateral + δ·text`; see
    `compile_report_model`.

    Args:
        imaging: an `ImagingModel`.
        causal_lm: a `LatentGPT2CausalLM`.
        origin: dict of strings and numbers. What it was trained on and how its images
            were prepared; it is saved in the file, so that a report can say whether the
            model learned from phantoms.
        **kwargs: see `keras.Model`.

    Call arguments:
        inputs: dict of `frontal`, `lateral` float `(B, H, W, 1)` in [0, 1],
            `token_ids` and `padding_mask` int `(B, T)`.

    Returns:
        Dict of `frontal`, `lateral` `(B, H, W, 1)`, `abnormal` `(B, 1)` and
        `text`, logits `(B, T, V)`.

    Example:
    ```python
    model = build_report_model("tiny", preprocessor)
    compile_report_model(model, learning_rate=1e-3)
    model.fit(dataset)
    model.generate({"frontal": frontal, "lateral": lateral}, prompt="No")
    ```
    """

    def __init__(self, imaging, causal_lm, origin=None, name="report_model", **kwargs):
        # === Functional Model ===
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
        frontal = keras.Input(imaging.input["frontal"].shape[1:], name="frontal")
        lateral = keras.Input(imaging.input["lateral"].shape[1:], name="lateral")
        seen = imaging({"frontal": frontal, "lateral": lateral})
        read = {"token_ids": token_ids, "padding_mask": padding_mask}
        if causal_lm.backbone.image_input:
            read[causal_lm.backbone.image_input] = seen[causal_lm.backbone.image_input]
        logits = causal_lm(read)
        super().__init__(
            inputs={
                "frontal": frontal,
                "lateral": lateral,
                "token_ids": token_ids,
                "padding_mask": padding_mask,
            },
            outputs={
                "frontal": seen["frontal"],
                "lateral": seen["lateral"],
                "abnormal": seen["abnormal"],
                "text": logits,
            },
            name=name,
            **kwargs,
        )

        # === Config ===
        self.imaging = imaging
        self.causal_lm = causal_lm
        # A plain copy: Keras wraps dicts that are set on a layer.
        self.origin = dict(origin or {"trained_on": "nothing: random weights"})
        sections = ("impression", "findings")
        if "trained_on" not in self.origin:
            raise InputError("origin does not say what the model was trained_on.")
        if self.origin.get("section", "impression") not in sections:
            raise InputError(f"origin's section is not one of {', '.join(sections)}.")
        threshold = self.origin.get("threshold", 0.5)
        if not isinstance(threshold, float) or not 0 <= threshold <= 1:
            raise InputError("origin's threshold is not a number from 0.0 to 1.0.")

    @property
    def preprocessor(self):
        """The text preprocessor, which knows the tokenizer and the length."""
        return self.causal_lm.preprocessor

    def generate(
        self,
        images,
        prompt="",
        sampler="greedy",
        max_length=None,
        batch_size=16,
        return_imaging=False,
    ):
        """Write one report per study.

        Every image is encoded once; what GPT-2 reads of it stays in the cache.

        Args:
            images: dict of `frontal` and `lateral`, float arrays `(B, H, W, 1)`
                in [0, 1].
            prompt: string. How every report begins.
            sampler: string or `keras_hub.samplers.Sampler`: `"greedy"`,
                `"top_k"`, `"top_p"`, `"beam"`, or an instance with its own
                `temperature`.
            max_length: int or `None`. Longest report in tokens, prompt
                included; the model's own length by default.
            batch_size: int. Studies written together.
            return_imaging: bool. Also return what `ImagingModel` gives; without it
                no decoder runs.

        Returns:
            A list of strings; with `return_imaging`, that list and the dict of
            NumPy arrays of `ImagingModel.predict`.

        Raises:
            InputError: if the images are not of the model's size or not in
                [0, 1], `max_length` exceeds the model's, or the prompt fills it.
        """
        self.check_images(images)
        longest = self.causal_lm.backbone.max_sequence_length
        if max_length is not None and max_length > longest:
            raise InputError(
                f"max_length={max_length} is longer than the {longest} tokens that "
                "this model was built for; pass a smaller max_length."
            )
        self.check_prompt(prompt, max_length or longest)
        eye = self.imaging if return_imaging else self.imaging.encoder_view()
        seen = eye.predict(images, batch_size=batch_size, verbose=0)
        self.set_sampler(sampler)
        reports = []
        name = self.causal_lm.backbone.image_input
        for start in range(0, len(seen["latent"]), batch_size):
            rows = slice(start, start + batch_size)
            read = {"prompts": [prompt] * len(seen["latent"][rows])}
            if name:
                read[name] = seen[name][rows]
            reports += self.causal_lm.generate(read, max_length=max_length)
        return (reports, seen) if return_imaging else reports

    def set_sampler(self, sampler):
        """Compile the text half for a sampler, unless it already is."""
        if isinstance(sampler, str):
            sampler = keras_hub.samplers.get(sampler)
            now = keras_hub.samplers.serialize(self.causal_lm.sampler)
            if keras_hub.samplers.serialize(sampler) == now:
                return
        # An instance is always compiled anew, so that it starts from its seed.
        eager = self.causal_lm.run_eagerly
        self.causal_lm.compile(sampler=sampler, run_eagerly=eager)

    def check_prompt(self, prompt, max_length):
        """Refuse a prompt that leaves no room for a report."""
        length = self.preprocessor.tokenizer.count_tokens([prompt])[0]
        if length > max_length:
            raise InputError(
                f"The prompt fills {length} tokens and the report may have "
                f"{max_length}; shorten the prompt."
            )

    def check_images(self, images):
        """Refuse images of the wrong size or range, saying which."""
        size = self.imaging.image_size
        for view in ("frontal", "lateral"):
            image = np.asarray(images[view])
            if image.shape[1:] != (size, size, 1):
                raise InputError(
                    f"{view}: expected images of shape (B, {size}, {size}, 1), "
                    f"received {image.shape}; resize them to {size} × {size}."
                )
            if not np.isfinite(image).all() or image.min() < 0 or image.max() > 1:
                raise InputError(
                    f"{view}: expected pixels in [0, 1], received "
                    f"{image.min():g} to {image.max():g}; divide 8-bit images by 255."
                )

    def get_config(self):
        """The arguments, for saving."""
        return {
            "imaging": keras.saving.serialize_keras_object(self.imaging),
            "causal_lm": keras.saving.serialize_keras_object(self.causal_lm),
            "origin": dict(self.origin),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuild the parts, then the whole."""
        return cls(
            imaging=keras.saving.deserialize_keras_object(config["imaging"]),
            causal_lm=keras.saving.deserialize_keras_object(config["causal_lm"]),
            origin=config["origin"],
            name=config["name"],
        )


@keras.saving.register_keras_serializable(package="cxrlib")
class TokenPerplexity(keras.metrics.MeanMetricWrapper):
    """Exponential of the mean cross-entropy per real token.

    Args:
        name: string.
        dtype: string or `None`.

    Example:
    ```python
    metric = TokenPerplexity()
    metric.update_state(token_ids, logits, sample_weight=padding_mask)
    ```
    """

    def __init__(self, name="perplexity", dtype=None):
        super().__init__(
            lambda y, logits: keras.losses.sparse_categorical_crossentropy(
                y, logits, from_logits=True
            ),
            name=name,
            dtype=dtype,
        )

    def result(self):
        """Perplexity so far."""
        return ops.exp(super().result())

    def get_config(self):
        """The arguments, for saving."""
        return {"name": self.name, "dtype": self.dtype}


def compile_report_model(
    model,
    learning_rate=ReportRecipe.learning_rate,
    alpha=ReportRecipe.alpha,
    beta=ReportRecipe.beta,
    gamma=ReportRecipe.gamma,
    delta=ReportRecipe.delta,
    ssim_weight=ReportRecipe.ssim_weight,
    clipnorm=1.0,
    run_eagerly=False,
):
    """Compile a `ReportModel` under the weighted sum of its four losses.

    Args:
        model: a `ReportModel`, or the part of one that `part_of` gives; a task that it
            lacks has no loss.
        learning_rate: float or `keras.optimizers.schedules.LearningRateSchedule`.
        alpha: float. Weight of the classification.
        beta: float. Weight of the frontal reconstruction.
        gamma: float. Weight of the lateral reconstruction.
        delta: float. Weight of the text.
        ssim_weight: float. λ in `MSE + λ(1 − SSIM)`.
        clipnorm: float or `None`. Largest norm of one variable's gradient.
        run_eagerly: bool. Train operation by operation: slower from the second step on,
            but no graph has to be built before the first.

    Returns:
        The model, compiled. Component losses are logged unweighted.

    Example:
    ```python
    compile_report_model(model, learning_rate=3e-4, delta=2.0)
    ```
    """
    loss = {
        "frontal": ReconstructionLoss(ssim_weight),
        "lateral": ReconstructionLoss(ssim_weight),
        "abnormal": label_loss(),
        "text": text_loss(),
    }
    loss_weights = {
        "abnormal": alpha,
        "frontal": beta,
        "lateral": gamma,
        "text": delta,
    }
    weighted_metrics = {
        "frontal": [StructuralSimilarity(name="ssim")],
        "lateral": [StructuralSimilarity(name="ssim")],
        "abnormal": [
            keras.metrics.AUC(name="auroc"),
            keras.metrics.BinaryAccuracy(name="accuracy"),
        ],
        "text": [TokenPerplexity(name="perplexity")],
    }
    tasks = model.output
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate, clipnorm=clipnorm),
        loss={task: loss[task] for task in tasks},
        loss_weights={task: loss_weights[task] for task in tasks},
        weighted_metrics={task: weighted_metrics[task] for task in tasks},
        run_eagerly=run_eagerly,
    )
    return model

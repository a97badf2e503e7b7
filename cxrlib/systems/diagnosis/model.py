"""One film in, a calibrated probability for each label out."""

import keras
import numpy as np
from keras import layers, ops

from cxrbase.files import InputError

# What a calibration may hold.
CALIBRATION = {"temperature": (1e-6, 1e6), "threshold": (0, 1), "shift": (-100, 100)}


@keras.saving.register_keras_serializable(package="cxrlib")
class Calibration(layers.Layer):
    """Turn logits into probabilities that mean what they say, label by label.

    `σ((logit − shift) / temperature)`. The shift undoes class weights: whoever counts
    positives `w` times learns odds that are `w` times too large. The temperature is
    chosen on validation. The thresholds, chosen there too, are only kept. No gradient
    changes any of them.

    Args:
        **kwargs: see `keras.layers.Layer`.

    Call arguments:
        logits: float tensor `(B, k)`.

    Returns:
        Float tensor `(B, k)` in [0, 1].

    Example:
    ```python
    Calibration()(np.zeros((2, 14)))  # 0.5 everywhere
    ```

    References:
    - [Elkan, 2001](https://dl.acm.org/doi/10.5555/1642194.1642224), theorem 2
    - [Guo et al., 2017](https://arxiv.org/abs/1706.04599)
    """

    def build(self, input_shape):
        """Nothing is shifted or softened yet; the thresholds are 0.5."""

        def kept(name, value):
            start = keras.initializers.Constant(value)
            return self.add_weight(input_shape[-1:], start, trainable=False, name=name)

        self.log_temperature = kept("log_temperature", 0.0)
        self.shift = kept("shift", 0.0)
        self.threshold = kept("threshold", 0.5)

    def call(self, logits):
        """Shift, soften, squash."""
        return ops.sigmoid((logits - self.shift) * ops.exp(-self.log_temperature))


def linear_head(labels, ridge=0.0):
    """A linear layer of 0, from a latent to a logit for each label.

    Args:
        labels: int.
        ridge: float. λ; the loss gets λ times the sum of the squared weights, without
            the biases. On standardised latents that is the ridge of scikit-learn's
            `LogisticRegression(C=1 / (2 λ n k))`, for `n` films and `k` labels.

    Returns:
        A `keras.layers.Dense`.

    Example:
    ```python
    linear_head(14)(np.random.rand(2, 1024)).shape  # (2, 14)
    ```
    """
    return layers.Dense(
        labels,
        kernel_initializer="zeros",
        kernel_regularizer=keras.regularizers.L2(ridge) if ridge else None,
        dtype="float32",
        name="logits",
    )


@keras.saving.register_keras_serializable(package="cxrlib")
class DiagnosisModel(keras.Model):
    """An encoder, a linear layer, and the calibration of its logits.

    Args:
        encoder: a `CheXNetEncoder`, a `BackboneEncoder`, or another functional model
            from an image `(B, S, S, 1)` in [0, 1] to a dict with a `latent` `(B, C)`.
        labels: sequence of `k` strings. What a 1 means in each column.
        dropout: float. Rate at which numbers of the latent are dropped in training.
        ridge: float. See `linear_head`.
        origin: dict of strings and numbers. What it was trained on.
        **kwargs: see `keras.Model`.

    Call arguments:
        image: float tensor `(B, S, S, 1)` in [0, 1].

    Returns:
        Dict of float32 tensors `(B, k)`: `logits`, and `probability`, calibrated. The
        labels do not exclude each other.

    Example:
    ```python
    model = DiagnosisModel(CheXNetEncoder(image_size=224), NIH_LABELS)
    model.predict(np.random.rand(1, 224, 224, 1))["probability"].shape  # (1, 14)
    ```
    """

    def __init__(self, encoder, labels, dropout=0.0, ridge=0.0, origin=None, **kwargs):
        labels = tuple(labels)
        if not labels or len(set(labels)) < len(labels):
            raise InputError("labels: give one name or more, each of them once.")
        # === Layers ===
        drop = layers.Dropout(dropout, name="dropout")
        head = linear_head(len(labels), ridge)
        calibration = Calibration(dtype="float32", name="probability")

        # === Functional Model ===
        image = keras.Input(encoder.input.shape[1:], name="image")
        latent = encoder(image)["latent"]  # (B, C)
        logits = head(drop(latent))  # (B, k)
        outputs = {"logits": logits, "probability": calibration(logits)}
        kwargs = {"name": "diagnosis", **kwargs}
        super().__init__(inputs=image, outputs=outputs, **kwargs)

        # === Config ===
        self.encoder, self.head, self.calibration = encoder, head, calibration
        self.labels = labels
        self.dropout, self.ridge = dropout, ridge
        # A plain copy: Keras wraps dicts that are set on a layer.
        self.origin = dict(origin or {"trained_on": "nothing: random weights"})
        if "trained_on" not in self.origin:
            raise InputError("origin does not say what the model was trained_on.")

    @property
    def image_size(self):
        """Height and width of the film in pixels."""
        return self.input.shape[1]

    @property
    def thresholds(self):
        """From where on a label is called present, a float array `(k,)`."""
        return ops.convert_to_numpy(self.calibration.threshold)

    def calibrate(self, temperatures=None, thresholds=None, shifts=None):
        """Set what the calibration holds; what is not given stays.

        Args:
            temperatures: floats `(k,)` above 0, or `None`.
            thresholds: floats `(k,)` in [0, 1], or `None`.
            shifts: floats `(k,)`, or `None`.

        Raises:
            InputError: if there are not `k` of them, or one is out of its range; the
                model is then as it was.
        """
        given = {"temperature": temperatures, "threshold": thresholds, "shift": shifts}
        given = {n: np.array(v, "float64") for n, v in given.items() if v is not None}
        for name, values in given.items():
            low, high = CALIBRATION[name]
            fits = values.shape == (len(self.labels),)
            if not fits or not ((values >= low) & (values <= high)).all():
                raise InputError(
                    f"{name}: give {len(self.labels)} numbers from {low:g} to "
                    f"{high:g}, one for each label."
                )
        if "temperature" in given:
            given["log_temperature"] = np.log(given.pop("temperature"))
        for name, values in given.items():
            getattr(self.calibration, name).assign(values)

    def get_config(self):
        """The arguments, for saving."""
        return {
            "encoder": keras.saving.serialize_keras_object(self.encoder),
            "labels": self.labels,
            "dropout": self.dropout,
            "ridge": self.ridge,
            "origin": dict(self.origin),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuild the encoder, then the whole."""
        encoder = keras.saving.deserialize_keras_object(config["encoder"])
        return cls(**{**config, "encoder": encoder})


@keras.saving.register_keras_serializable(package="cxrlib")
class KnownLabelsLoss(keras.losses.Loss):
    """Binary cross-entropy over the labels that are known, one value per film.

    A film's value is the sum over its known labels, divided by the number of all: so
    each known label counts the same, in whatever batch it comes. What is NaN is put
    aside before anything is computed: NaN × 0 is NaN.

    Args:
        positive_weights: sequence of `k` floats, or `None`. How many times a positive
            of each label counts; see `films.positive_weights`.
        focus: float. γ of the focal loss, which lets easy films count less; 0 is
            cross-entropy.
        **kwargs: see `keras.losses.Loss`.

    Call arguments:
        y_true: float tensor `(B, k)` in [0, 1], NaN where not known.
        y_pred: float tensor `(B, k)`, logits.

    Example:
    ```python
    float(KnownLabelsLoss()(np.array([[1.0, np.nan]]), np.zeros((1, 2))))  # log(2) / 2
    ```

    Reference:
    - [Lin et al., 2017, focal loss](https://arxiv.org/abs/1708.02002)
    """

    def __init__(
        self, positive_weights=None, focus=0.0, name="known_labels_loss", **kwargs
    ):
        super().__init__(name=name, **kwargs)
        weights = positive_weights
        self.positive_weights = None if weights is None else [float(w) for w in weights]
        self.focus = focus

    def call(self, y_true, y_pred):
        """One loss per film, `(B,)`."""
        logits = ops.cast(y_pred, "float32")
        known = ops.logical_not(ops.isnan(y_true))
        target = ops.where(known, ops.cast(y_true, "float32"), 0.0)
        missed = ops.softplus(-logits)  # −log p, (B, k)
        alarmed = ops.softplus(logits)  # −log(1 − p)
        positive, negative = target * missed, (1 - target) * alarmed
        if self.focus:  # (1 − p)^γ and p^γ
            positive = positive * ops.exp(-self.focus * alarmed)
            negative = negative * ops.exp(-self.focus * missed)
        if self.positive_weights is not None:
            positive = positive * ops.convert_to_tensor(self.positive_weights)
        return ops.mean(ops.where(known, positive + negative, 0.0), axis=-1)

    def get_config(self):
        """The arguments, for saving."""
        own = {"positive_weights": self.positive_weights, "focus": self.focus}
        return super().get_config() | own


def compile_diagnosis_model(
    model, learning_rate=1e-3, positive_weights=None, focus=0.0, run_eagerly=False
):
    """Compile a model whose output `logits` is to be trained.

    Args:
        model: a `DiagnosisModel`, or its head alone.
        learning_rate: float or `keras.optimizers.schedules.LearningRateSchedule`.
        positive_weights: see `KnownLabelsLoss`.
        focus: float. See `KnownLabelsLoss`.
        run_eagerly: bool. Train operation by operation.

    Returns:
        The model, compiled.

    Example:
    ```python
    compile_diagnosis_model(model, learning_rate=1e-4)
    ```
    """
    model.compile(
        keras.optimizers.Adam(learning_rate, clipnorm=1.0),
        loss={"logits": KnownLabelsLoss(positive_weights, focus)},
        run_eagerly=run_eagerly,
    )
    return model

"""The recipes of the reports: the whole system, and its three pretrainings."""

import dataclasses

from cxrbase.commands import recipes
from cxrbase.commands.recipes import MOST_SEED, Recipe, setting
from cxrbase.files import InputError

PRESET_NAMES = ("tiny", "compact", "base")
FAR = "Far from the seeds that the notebooks draw from."


def _weight(what):
    return setting(1.0, f"Weight of the {what}.", high=1000)


def _sequence_length(what):
    return setting(64, f"Tokens per {what}.", low=2, high=1024)  # GPT-2's own maximum.


def _vocabulary_size(default, what):
    # It begins with 256 bytes and a few special tokens; the maximum is twice GPT-2's.
    words = f"Of the vocabulary learned from {what}."
    return setting(default, words, low=260, high=100_000)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportRecipe(Recipe):
    """The parameters of `train_report_model`.

    Example:
    ```python
    train_report_model("data/prepared", "outputs/training", ReportRecipe(skips=0))
    ```
    """

    preset: str = setting("compact", "Size of the system.", PRESET_NAMES)
    section: str = setting("impression", "Text to learn.", ("impression", "findings"))
    epochs: int = recipes.epochs(10, "training studies")
    batch_size: int = recipes.batch_size(16, "Studies")
    learning_rate: float = recipes.learning_rate(1e-3)
    alpha: float = _weight("classification")
    beta: float = _weight("frontal reconstruction")
    gamma: float = _weight("lateral reconstruction")
    delta: float = _weight("text")
    ssim_weight: float = setting(0.5, "λ in MSE + λ(1 − SSIM).", high=1)
    skips: int = setting(5, "Levels that the decoders may copy from.", high=5)
    # Chosen by `benchmarks/experiments/conditioning.py`: see docs/results.md.
    conditioning: str = setting(
        "spatial",
        "How GPT-2 is conditioned on the image.",
        ("spatial", "latent", "none"),
    )
    sequence_length: int = _sequence_length("report")
    vocabulary_size: int = _vocabulary_size(1000, "train")
    # A checkpoint notes where the weights came from: see `identity`.
    gpt2: str = setting(
        "auto",
        "auto, none, gpt2, distilgpt2, or a folder of vocabulary and weights.",
        defines=False,
    )
    encoder_weights: str = setting(
        "auto", "auto, none, chexnet, imagenet, or a file.", defines=False
    )
    trainable_layers: int = setting(
        10, "Last layers of a pretrained encoder that train; -1: all.", low=-1, high=500
    )
    seed: int = setting(0, "Of weights, order and dropout.", high=MOST_SEED)

    def __post_init__(self):
        """Refuse a training whose weights are all 0."""
        super().__post_init__()
        if not any((self.alpha, self.beta, self.gamma, self.delta)):
            raise InputError("alpha, beta, gamma and delta are all 0: set one of them.")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderRecipe(Recipe):
    """The parameters of `pretrain_encoder`.

    Example:
    ```python
    pretrain_encoder("weights/phantom_encoder.weights.h5", EncoderRecipe(epochs=1))
    ```
    """

    studies: int = setting(
        10_000, "Phantom studies drawn for the purpose.", low=16, high=200_000
    )
    epochs: int = recipes.epochs(3, "studies")
    seed: int = recipes.seed(1_000_000, FAR)
    preset: str = setting("compact", "Size of the encoder.", PRESET_NAMES)
    learning_rate: float = recipes.learning_rate(1e-3)


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextRecipe(Recipe):
    """The parameters of `pretrain_gpt2`.

    Example:
    ```python
    pretrain_gpt2("weights/phantom_gpt2", TextRecipe(epochs=1))
    ```
    """

    studies: int = setting(
        12_000, "Phantom studies written for the purpose.", low=1, high=200_000
    )
    epochs: int = recipes.epochs(4, "texts")
    seed: int = recipes.seed(2_000_000, FAR)
    preset: str = setting("compact", "Size of the GPT-2.", PRESET_NAMES)
    sequence_length: int = _sequence_length("text")
    vocabulary_size: int = _vocabulary_size(800, "them")
    batch_size: int = recipes.batch_size(32, "Texts")
    learning_rate: float = recipes.learning_rate(2e-3)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ShippedRecipe(Recipe):
    """The parameters of `pretrain_report`.

    Example:
    ```python
    pretrain_report("weights/phantom_report", ShippedRecipe(epochs=1))
    ```
    """

    studies: int = setting(
        8000, "Phantom studies drawn to learn from.", low=32, high=200_000
    )
    held_out: int = setting(
        1000, "Phantom studies of the next seed, to score.", low=32, high=200_000
    )
    epochs: int = recipes.epochs(6, "training studies")
    seed: int = recipes.seed(3_000_000, FAR)
    batch_size: int = recipes.batch_size(16, "Studies")
    learning_rate: float = recipes.learning_rate(1e-3)

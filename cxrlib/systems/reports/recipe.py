"""What the reports are trained by: the whole system, and its two pretrainings."""

import dataclasses

from cxrbase.files import InputError
from cxrlib.systems.recipes import MOST_SEED, Recipe, setting

PRESET_NAMES = ("tiny", "compact", "base")
MOST_EPOCHS, MOST_BATCH, MOST_WEIGHT = 10_000, 4096, 1000
MOST_TOKENS = 1024  # GPT-2's own.
MOST_WORDS = 100_000  # Twice GPT-2's.


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
    epochs: int = setting(
        10, "Passes over the training studies.", low=1, high=MOST_EPOCHS
    )
    batch_size: int = setting(16, "Studies in a step.", low=1, high=MOST_BATCH)
    learning_rate: float = setting(
        1e-3, "Peak of the warm-up and cosine schedule.", high=1, above=0
    )
    alpha: float = setting(1.0, "Weight of the classification.", high=MOST_WEIGHT)
    beta: float = setting(
        1.0, "Weight of the frontal reconstruction.", high=MOST_WEIGHT
    )
    gamma: float = setting(
        1.0, "Weight of the lateral reconstruction.", high=MOST_WEIGHT
    )
    delta: float = setting(1.0, "Weight of the text.", high=MOST_WEIGHT)
    ssim_weight: float = setting(0.5, "λ in MSE + λ(1 − SSIM).", high=1)
    skips: int = setting(5, "Levels that the decoders may copy from.", high=5)
    # The default was chosen by `benchmarks/conditioning.py`: see the README.
    conditioning: str = setting(
        "spatial",
        "How GPT-2 is conditioned on the image.",
        ("spatial", "latent", "none"),
    )
    sequence_length: int = setting(64, "Tokens per report.", low=2, high=MOST_TOKENS)
    # A byte-pair vocabulary begins with 256 bytes and a few special tokens.
    vocabulary_size: int = setting(
        1000, "Of the vocabulary learned from train.", low=260, high=MOST_WORDS
    )
    # Of the weights, a checkpoint notes where they came from: see `identity`.
    gpt2: str = setting(
        "auto",
        "auto, none, gpt2, distilgpt2, or a folder of vocabulary and weights.",
        defines=False,
    )
    encoder_weights: str = setting(
        "auto", "auto, none, chexnet, imagenet, or a file.", defines=False
    )
    seed: int = setting(0, "Of weights, order and dropout.", high=MOST_SEED)

    def __post_init__(self):
        """Refuse a training in which nothing counts."""
        super().__post_init__()
        if not any((self.alpha, self.beta, self.gamma, self.delta)):
            raise InputError("alpha, beta, gamma and delta are all 0: give one weight.")


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
    epochs: int = setting(3, "Passes over the studies.", low=1, high=MOST_EPOCHS)
    seed: int = setting(
        1_000_000,
        "Far from the seeds that the notebooks draw from.",
        high=MOST_SEED - 1,
    )
    preset: str = setting("compact", "Size of the encoder.", PRESET_NAMES)
    learning_rate: float = setting(
        1e-3, "Peak of the warm-up and cosine schedule.", high=1, above=0
    )


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
    epochs: int = setting(4, "Passes over the texts.", low=1, high=MOST_EPOCHS)
    seed: int = setting(
        2_000_000,
        "Far from the seeds that the notebooks draw from.",
        high=MOST_SEED - 1,
    )
    preset: str = setting("compact", "Size of the GPT-2.", PRESET_NAMES)
    sequence_length: int = setting(64, "Tokens per text.", low=2, high=MOST_TOKENS)
    vocabulary_size: int = setting(
        800, "Of the vocabulary learned from them.", low=260, high=MOST_WORDS
    )
    batch_size: int = setting(32, "Texts in a step.", low=1, high=MOST_BATCH)
    learning_rate: float = setting(
        2e-3, "Peak of the warm-up and cosine schedule.", high=1, above=0
    )

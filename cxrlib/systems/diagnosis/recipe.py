"""The recipe of the diagnosis: how a film gets its labels."""

import dataclasses

from cxrbase.commands import recipes
from cxrbase.commands.recipes import MOST_SEED, Recipe, setting
from cxrscore.labels.vocabulary import POLICIES


@dataclasses.dataclass(frozen=True, kw_only=True)
class DiagnosisRecipe(Recipe):
    """The parameters of `train_diagnosis`.

    Example:
    ```python
    train_diagnosis(table, labels, "outputs/diagnosis", DiagnosisRecipe(focus=2.0))
    ```
    """

    # What it was, in the end, is among the settings: see `train_diagnosis`.
    encoder: str = setting(
        "phantom",
        "phantom, chexnet, imagenet, none, a file of weights, or a KerasHub preset.",
        defines=False,
    )
    image_size: int = setting(128, "Side of the film in pixels.", low=32, high=1024)
    trainable_layers: int = setting(
        0, "Last layers of the encoder that train; -1: all.", low=-1, high=500
    )
    epochs: int = recipes.epochs(30, "films")
    batch_size: int = recipes.batch_size(32, "Films")
    learning_rate: float = recipes.learning_rate(1e-3)
    ridge: float = setting(3e-3, "λ of the squared weights of the head.", high=10)
    dropout: float = setting(0.0, "Share of the latent that is dropped.", high=0.9)
    uncertain: str = setting(
        "ignore",
        "What an uncertain label becomes.",
        tuple(name for name in POLICIES if name != "keep"),
    )
    balance: bool = setting(False, "Weigh both classes of a label the same.")
    focus: float = setting(0.0, "γ of the focal loss; 0: cross-entropy.", high=10)
    augment: bool = setting(False, "Turn, shift, scale and expose films a little.")
    criterion: str = setting(
        "f1", "What a label's threshold makes best on validation.", ("f1", "youden")
    )
    seed: int = setting(0, "Of weights, order and dropout.", high=MOST_SEED)


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuneRecipe(Recipe):
    """The parameters of the diagnosis that is shipped.

    Example:
    ```python
    train_shipped(["data/nih"], "outputs/diagnosis.keras", FineTuneRecipe(epochs=1))
    ```
    """

    encoder: str = setting(
        "efficientnet_lite0_ra_imagenet",
        "A convolutional preset of KerasHub, a folder, or Lite0's .pth file.",
    )
    seen_size: int = setting(
        321, "To which the film is enlarged for the encoder.", low=32, high=1024
    )
    until: str = setting("block6a_project_bn", "The last layer of the encoder.")
    frozen_until: str = setting("block3b_add", "Its last layer that is frozen.")
    copies: int = setting(5, "A film and shaken copies of it.", low=1, high=100)
    epochs: int = recipes.epochs(5, "films")
    batch_size: int = recipes.batch_size(32, "Films")
    learning_rate: float = recipes.learning_rate(3e-4)
    ridge: float = setting(7e-3, "λ of the squared weights of the head.", high=10)
    folds: int = setting(5, "Of the cross-validation.", low=2, high=100)
    seed: int = recipes.seed(0, "Of folds and order.")

"""The recipe of the lung U-Net's training."""

import dataclasses

from cxrbase.commands import recipes
from cxrbase.commands.recipes import Recipe, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class LungRecipe(Recipe):
    """The parameters of `fit_lung_unet` and of the first round of `train_lung_unet`.

    Example:
    ```python
    train_lung_unet("weights/lung_unet.keras", "data/lungs", LungRecipe(epochs=1))
    ```
    """

    epochs: int = recipes.epochs(100, "training pairs")
    batch_size: int = recipes.batch_size(16, "Pairs")
    learning_rate: float = recipes.learning_rate(2e-3)
    gentle: float = setting(0.2, "Share of images that are hardly augmented.", high=1)
    seed: int = recipes.seed(0, "Of split, weights, order and augmentation.")

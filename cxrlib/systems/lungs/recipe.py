"""What the lung U-Net is trained by."""

import dataclasses

from cxrlib.systems.recipes import MOST_SEED, Recipe, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class LungRecipe(Recipe):
    """The parameters of `fit_lung_unet` and of the first round of `train_lung_unet`.

    Example:
    ```python
    train_lung_unet("weights/lung_unet.keras", "data/lungs", LungRecipe(epochs=1))
    ```
    """

    epochs: int = setting(100, "Passes over the training pairs.", low=1, high=10_000)
    batch_size: int = setting(16, "Pairs in a step.", low=1, high=4096)
    learning_rate: float = setting(
        2e-3, "Peak of the warm-up and cosine schedule.", high=1, above=0
    )
    gentle: float = setting(0.2, "Share of images that are hardly augmented.", high=1)
    seed: int = setting(
        0, "Of split, weights, order and augmentation.", high=MOST_SEED - 1
    )

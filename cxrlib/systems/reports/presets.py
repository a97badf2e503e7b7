"""Three sizes of the system, built from their parts."""

import keras
import keras_hub

from cxrbase.files import InputError
from cxrlib.models.classifier import AbnormalityClassifier
from cxrlib.models.decoder import ReconstructionDecoder
from cxrlib.models.encoder import CheXNetEncoder
from cxrlib.models.latent_gpt2 import LatentGPT2Backbone
from cxrlib.models.latent_gpt2_causal_lm import LatentGPT2CausalLM
from cxrlib.systems.reports.imaging import ImagingModel
from cxrlib.systems.reports.model import ReportModel
from cxrlib.systems.reports.recipe import ReportRecipe

DENSENET121 = {"blocks": (6, 12, 24, 16), "growth_rate": 32, "stem_filters": 64}

PRESETS = {
    # Compiles in seconds: for tests and smoke runs, not for scores.
    "tiny": {
        "image_size": 64,
        "encoder": {"blocks": (1, 1, 2, 1), "growth_rate": 12, "stem_filters": 16},
        "decoder_filters": (32, 24, 16, 12, 8),
        "gpt2": {
            "num_layers": 2,
            "num_heads": 4,
            "hidden_dim": 64,
            "intermediate_dim": 256,
        },
    },
    # The real DenseNet121 on small images: minutes on two CPU cores.
    "compact": {
        "image_size": 128,
        "encoder": DENSENET121,
        "decoder_filters": (128, 64, 48, 32, 16),
        "gpt2": {
            "num_layers": 4,
            "num_heads": 4,
            "hidden_dim": 192,
            "intermediate_dim": 768,
        },
    },
    # As in the Calabria project and papers: CheXNet's resolution and GPT-2 base.
    "base": {
        "image_size": 224,
        "encoder": DENSENET121,
        "decoder_filters": (256, 128, 64, 32, 16),
        "gpt2": {
            "num_layers": 12,
            "num_heads": 12,
            "hidden_dim": 768,
            "intermediate_dim": 3072,
        },
    },
}


def preset_sizes(preset):
    """Look up a preset.

    Args:
        preset: string. `"tiny"`, `"compact"` or `"base"`.

    Returns:
        The dict of its sizes.

    Raises:
        InputError: if there is no such preset.

    Example:
    ```python
    preset_sizes("base")["image_size"]  # 224
    ```
    """
    if preset not in PRESETS:
        raise InputError(
            f"Unknown preset {preset!r}; choose one of {', '.join(PRESETS)}."
        )
    return PRESETS[preset]


def build_imaging_model(
    preset="compact", image_size=None, skips=ReportRecipe.skips, trainable_layers=None
):
    """Build the encoder, twin decoders and classifier of a preset.

    Args:
        preset: string. See `PRESETS`.
        image_size: int or `None`. Overrides the preset's; a multiple of 32.
        skips: int, 0 to 5. Levels that the decoders may copy from.
        trainable_layers: int or `None`. See `CheXNetEncoder`.

    Returns:
        An `ImagingModel` with random weights.

    Example:
    ```python
    build_imaging_model("tiny", skips=0).summary()
    ```
    """
    sizes = preset_sizes(preset)
    encoder = CheXNetEncoder(
        image_size=image_size or sizes["image_size"],
        trainable_layers=trainable_layers,
        **sizes["encoder"],
    )
    decoders = [
        ReconstructionDecoder(
            encoder.skip_shapes,
            encoder.latent_dim,
            skips=skips,
            filters=sizes["decoder_filters"],
            name=f"{view}_decoder",
        )
        for view in ("frontal", "lateral")
    ]
    classifier = AbnormalityClassifier(2 * encoder.latent_dim)
    return ImagingModel(encoder, *decoders, classifier)


def build_gpt2(preset, preprocessor, gpt2_sizes=None):
    """Build a plain GPT-2 of a preset's size.

    Args:
        preset: string. See `cxrlib.systems.reports.presets.PRESETS`.
        preprocessor: a `ReportPreprocessor`.
        gpt2_sizes: dict or `None`. See `build_report_model`.

    Returns:
        A `keras_hub.models.GPT2Backbone` with random weights.

    Example:
    ```python
    build_gpt2("compact", preprocessor).count_params()
    ```
    """
    return keras_hub.models.GPT2Backbone(
        vocabulary_size=preprocessor.tokenizer.vocabulary_size(),
        max_sequence_length=preprocessor.sequence_length,
        **(gpt2_sizes or preset_sizes(preset)["gpt2"]),
    )


def build_report_model(
    preset,
    preprocessor,
    image_size=None,
    skips=ReportRecipe.skips,
    trainable_layers=None,
    dropout=0.1,
    origin=None,
    gpt2_sizes=None,
    conditioning=ReportRecipe.conditioning,
):
    """Build the whole `ReportModel` of a preset.

    Args:
        preset: string. See `PRESETS`.
        preprocessor: a `cxrlib.models.text.ReportPreprocessor`; its vocabulary
            and length set the size of GPT-2's embeddings.
        image_size: int or `None`. Overrides the preset's; a multiple of 32.
        skips: int, 0 to 5. Levels that the decoders may copy from.
        trainable_layers: int or `None`. See `CheXNetEncoder`.
        dropout: float. Dropout rate inside GPT-2.
        origin: dict or `None`. See `ReportModel`.
        gpt2_sizes: dict or `None`. `num_layers`, `num_heads`, `hidden_dim` and
            `intermediate_dim` of the text half, instead of the preset's. See
            `cxrlib.pretrained.gpt2.gpt2_sizes_of`.
        conditioning: string. How GPT-2 is conditioned on the image: `"latent"`,
            `"spatial"` or `"none"`. See `LatentGPT2Backbone`.

    Returns:
        A `ReportModel` with random weights.

    Example:
    ```python
    tokenizer = ReportTokenizer.train(["No acute disease."], vocabulary_size=300)
    build_report_model("tiny", ReportPreprocessor(tokenizer, sequence_length=32))
    ```
    """
    imaging = build_imaging_model(preset, image_size, skips, trainable_layers)
    backbone = LatentGPT2Backbone(
        vocabulary_size=preprocessor.tokenizer.vocabulary_size(),
        latent_dim=imaging.output["latent"].shape[-1],
        maps_shape=imaging.output["maps"].shape[1:],
        conditioning=conditioning,
        max_sequence_length=preprocessor.sequence_length,
        dropout=dropout,
        dtype=keras.config.dtype_policy(),
        **(gpt2_sizes or preset_sizes(preset)["gpt2"]),
    )
    causal_lm = LatentGPT2CausalLM(backbone, preprocessor)
    return ReportModel(imaging, causal_lm, origin=origin)

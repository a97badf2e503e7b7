"""Tokens per second of `LatentGPT2CausalLM` beside KerasHub's plain GPT-2.

All have the same size and write the same number of tokens, greedily, with a cache:
ours conditioned on the latent, ours on the maps, and GPT-2 without an image.
A fourth run decodes without a cache, one whole forward pass per token.

    python benchmarks/generation.py [--batch 16] [--length 64]
"""

import click
import keras_hub
import numpy as np
from timing import median_seconds

from cxrlib.models.latent_gpt2 import LatentGPT2Backbone
from cxrlib.models.latent_gpt2_causal_lm import LatentGPT2CausalLM
from cxrlib.systems.reports.presets import preset_sizes

VOCABULARY, LATENT, MAPS = 1000, 2048, (2, 4, 4, 1024)


@click.command()
@click.option("--preset", default="compact", show_default=True)
@click.option("--batch", default=16, show_default=True)
@click.option("--length", default=64, show_default=True)
def main(preset, batch, length):
    """Time the three and print their ratios."""
    sizes = preset_sizes(preset)["gpt2"] | {"vocabulary_size": VOCABULARY}
    sizes["max_sequence_length"] = length
    ours, looking = (
        LatentGPT2CausalLM(
            LatentGPT2Backbone(
                latent_dim=LATENT, maps_shape=MAPS, conditioning=conditioning, **sizes
            )
        )
        for conditioning in ("latent", "spatial")
    )
    peer = keras_hub.models.GPT2CausalLM(keras_hub.models.GPT2Backbone(**sizes))
    prompt = np.zeros((batch, length), "int32")
    mask = np.zeros((batch, length), "int32")
    mask[:, 0] = 1
    inputs = {"token_ids": prompt, "padding_mask": mask}
    rng = np.random.default_rng(0)
    latent = rng.random((batch, LATENT), dtype="float32")
    maps = rng.random((batch, *MAPS), dtype="float32")
    for model in (ours, looking, peer):
        model.compile(sampler="greedy")

    def uncached():
        everything = {**inputs, "padding_mask": np.ones_like(mask), "latent": latent}
        for _ in range(length - 1):
            ours.predict_on_batch(everything)

    seconds = {
        "ours, cached": median_seconds(
            lambda: ours.generate({**inputs, "latent": latent}, stop_token_ids=None)
        ),
        "ours, spatial, cached": median_seconds(
            lambda: looking.generate({**inputs, "maps": maps}, stop_token_ids=None)
        ),
        "KerasHub's GPT-2, cached": median_seconds(
            lambda: peer.generate(dict(inputs), stop_token_ids=None)
        ),
        "ours, uncached": median_seconds(uncached),
    }
    reference = seconds["ours, cached"]
    for name, value in seconds.items():
        rate = batch * (length - 1) / value
        click.echo(f"{name:26} {rate:8.0f} tokens/s   {value / reference:5.2f} × ours")


if __name__ == "__main__":
    main()

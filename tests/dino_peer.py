"""Hugging Face's vision transformers, in a process of its own.

    python tests/dino_peer.py FOLDER

saves a small random DINOv2 (the layout of RAD-DINO) and a small DINOv3 in `FOLDER`, as
the hub has them, and beside each `token.npy`, the class token that it gives for the
pixels of `FOLDER/films.npy`. See `transformers_peer.py` for why it is alone.
"""

import json
import pathlib
import sys

import numpy as np
import torch
import transformers

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
KINDS = {
    "dinov2": transformers.Dinov2Model(
        transformers.Dinov2Config(**SIZES, mlp_ratio=2, image_size=28, patch_size=14)
    ),
    "dinov3": transformers.DINOv3ViTModel(
        transformers.DINOv3ViTConfig(
            **SIZES,
            intermediate_size=32,
            image_size=32,
            patch_size=16,
            num_register_tokens=4,  # As those that are published.
        )
    ),
}
SCALING = {"image_mean": [0.53, 0.5, 0.47], "image_std": [0.26, 0.25, 0.22]}


def main(folder):
    """Save both, with what they answer."""
    films = np.load(folder / "films.npy")  # (n, 32, 32, 1) in [0, 1]
    for kind, model in KINDS.items():
        torch.manual_seed(0)
        for weight in model.parameters():
            weight.data.normal_(0, 0.3)
        model.eval().save_pretrained(folder / kind)
        text = json.dumps(SCALING)
        (folder / kind / "preprocessor_config.json").write_text(text)
        side = model.config.image_size
        pixels = films[:, :side, :side] - np.array(SCALING["image_mean"])
        pixels = (pixels / np.array(SCALING["image_std"])).transpose(0, 3, 1, 2)
        with torch.no_grad():
            seen = model(torch.tensor(pixels, dtype=torch.float32))
        np.save(folder / kind / "token.npy", seen.last_hidden_state[:, 0].numpy())


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))

"""GPT-2 that is conditioned on the image at every layer."""

import keras
import keras_hub
from keras import layers, ops

from cxrbase.files import InputError
from cxrlib.models.conditioning import (
    IMAGE_INPUTS,
    GatedCrossAttention,
    ImageTokens,
    LatentStep,
)


@keras.saving.register_keras_serializable(package="cxrlib")
class LatentGPT2Backbone(keras_hub.models.Backbone):
    """KerasHub's GPT-2, conditioned on the image before every layer.

    The layers are those of `keras_hub.models.GPT2Backbone`, with one of three
    conditionings between them:

    - `"latent"`, the Calabria project's: the latents of both views, concatenated,
      normalised, projected to the hidden size and broadcast over all positions.
    - `"spatial"`: gated cross-attention to the encoder's maps of both views, so that
      every word can attend to its own place in the image.
    - `"none"`: the image is not seen; what words alone reach.

    Whichever it is, a pretrained GPT-2 is untouched before the first step:
    the projection or the gates start at zero.

    Args:
        vocabulary_size: int. Size of the token vocabulary.
        num_layers: int. Number of transformer layers.
        num_heads: int. Attention heads per layer.
        hidden_dim: int. Size of the hidden state.
        intermediate_dim: int. Size of the feed-forward layer.
        latent_dim: int. Length of the latents of both views together; for
            `"latent"`.
        maps_shape: tuple `(2, h, w, C)`. The encoder's maps of both views; for
            `"spatial"`.
        conditioning: string. `"latent"`, `"spatial"` or `"none"`.
        dropout: float. Dropout rate.
        max_sequence_length: int. Longest report, in tokens.
        dtype: string or `keras.DTypePolicy`.
        **kwargs: see `keras_hub.models.Backbone`.

    Call arguments:
        inputs: dict of `token_ids` int `(B, T)`, `padding_mask` int `(B, T)`
            and, as the conditioning wants it, `latent` float `(B, latent_dim)`
            or `maps` float `(B, 2, h, w, C)`.

    Returns:
        Hidden states, float tensor `(B, T, hidden_dim)`.

    Example:
    ```python
    backbone = LatentGPT2Backbone(
        vocabulary_size=1000, num_layers=2, num_heads=4, hidden_dim=64,
        intermediate_dim=256, latent_dim=2048, max_sequence_length=64,
    )
    backbone({
        "token_ids": np.ones((1, 8), "int32"),
        "padding_mask": np.ones((1, 8), "int32"),
        "latent": np.random.rand(1, 2048),
    }).shape  # (1, 8, 64)
    ```

    References:
    - [Radford et al., 2019, GPT-2](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf)
    - [Alayrac et al., 2022, Flamingo](https://arxiv.org/abs/2204.14198)
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        latent_dim=None,
        maps_shape=None,
        conditioning="latent",
        dropout=0.1,
        max_sequence_length=1024,
        dtype=None,
        **kwargs,
    ):
        if conditioning not in IMAGE_INPUTS:
            raise InputError(
                f"Unknown conditioning {conditioning!r}; choose one of "
                f"{', '.join(IMAGE_INPUTS)}."
            )
        # === Layers ===
        gpt2 = keras_hub.models.GPT2Backbone(
            vocabulary_size=vocabulary_size,
            num_layers=num_layers,
            num_heads=num_heads,
            hidden_dim=hidden_dim,
            intermediate_dim=intermediate_dim,
            dropout=dropout,
            max_sequence_length=max_sequence_length,
            dtype=dtype,
        )
        self.token_embedding = gpt2.token_embedding
        self.position_embedding = gpt2.position_embedding
        self.embeddings_add = gpt2.embeddings_add
        self.embeddings_dropout = gpt2.embeddings_dropout
        self.transformer_layers = gpt2.transformer_layers
        self.layer_norm = gpt2.layer_norm
        self.conditioning = conditioning
        self.reader, self.inject = None, []
        if conditioning == "latent":
            self.reader = LatentStep(hidden_dim, dtype=dtype, name="latent_step")
            self.inject = [
                layers.Add(dtype=dtype, name=f"inject_{i}") for i in range(num_layers)
            ]
        elif conditioning == "spatial":
            self.reader = ImageTokens(hidden_dim, dtype=dtype, name="image_tokens")
            self.inject = [
                GatedCrossAttention(
                    num_heads, hidden_dim, dropout, dtype=dtype, name=f"look_{i}"
                )
                for i in range(num_layers)
            ]

        # === Functional Model ===
        inputs = {
            "token_ids": keras.Input((None,), dtype="int32", name="token_ids"),
            "padding_mask": keras.Input((None,), dtype="int32", name="padding_mask"),
        }
        image = None
        if conditioning != "none":
            name = IMAGE_INPUTS[conditioning]
            shape = (latent_dim,) if conditioning == "latent" else tuple(maps_shape)
            inputs[name] = keras.Input(shape, name=name)
            image = self.reader(inputs[name])
        hidden_states, _ = self.run(
            inputs["token_ids"], image, padding_mask=inputs["padding_mask"]
        )
        super().__init__(inputs=inputs, outputs=hidden_states, dtype=dtype, **kwargs)

        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.latent_dim = latent_dim
        self.maps_shape = maps_shape
        self.dropout = dropout
        self.max_sequence_length = max_sequence_length

    def adopt(self, gpt2):
        """Take over the weights of a plain GPT-2.

        Its vocabulary may be smaller (new tokens start at the mean of the old
        ones) and its longest text may be another (common positions are taken
        over). The weights that read the image stay: while the projection is zero, this
        is that GPT-2.

        Args:
            gpt2: a `keras_hub.models.GPT2Backbone` of the same layers.

        Raises:
            InputError: if a size differs; then nothing is taken over.
        """
        names = ("num_layers", "num_heads", "hidden_dim", "intermediate_dim")
        for name in names:
            ours, theirs = getattr(self, name), getattr(gpt2, name)
            if ours != theirs:
                raise InputError(
                    f"{name} is {theirs} there and {ours} here; take a GPT-2 of the "
                    "same sizes, or another preset."
                )
        tokens = self.token_embedding.get_weights()[0]  # (V, hidden_dim)
        learned = gpt2.token_embedding.get_weights()[0]
        tokens[:] = learned.mean(axis=0)
        common = min(len(tokens), len(learned))
        tokens[:common] = learned[:common]
        self.token_embedding.set_weights([tokens])
        positions = self.position_embedding.get_weights()[0]  # (T, hidden_dim)
        learned = gpt2.position_embedding.get_weights()[0]
        common = min(len(positions), len(learned))
        positions[:common] = learned[:common]
        self.position_embedding.set_weights([positions])
        for ours, theirs in zip(
            [self.layer_norm, *self.transformer_layers],
            [gpt2.layer_norm, *gpt2.transformer_layers],
            strict=True,
        ):
            ours.set_weights(theirs.get_weights())

    def run(self, token_ids, image, padding_mask=None, cache=None, start=0):
        """The forward pass of training, decoding with a cache, and heat maps.

        Args:
            token_ids: int tensor `(B, T)`.
            image: the output of `reader`; with a cache, that of `keep_image`.
            padding_mask: int tensor `(B, T)` or `None`, where none is needed: a token
                does not see what follows it.
            cache: float tensor `(B, layers, 2, T, heads, head_dim)` or `None`. Keys
                and values of the tokens before `start`.
            start: int. Position of the first token.

        Returns:
            A pair: hidden states `(B, T, hidden_dim)`, and the new cache or `None`.
        """
        tokens = self.token_embedding(token_ids)
        positions = self.position_embedding(tokens, start_index=start)
        x = self.embeddings_dropout(self.embeddings_add((tokens, positions)))
        updated = []
        for i, layer in enumerate(self.transformer_layers):
            x = self.show(i, x, image, is_kept=cache is not None)
            if cache is None:
                x = layer(x, decoder_padding_mask=padding_mask)
            else:
                x, layer_cache = layer(
                    x,
                    self_attention_cache=cache[:, i, ...],
                    self_attention_cache_update_index=start,
                )
                updated.append(layer_cache)
        cache = ops.stack(updated, axis=1) if updated else None
        return self.layer_norm(x), cache

    def logits(self, hidden_states):
        """Logits of every next token, `(B, T, V)`, by the matrix that embeds it."""
        return self.token_embedding(hidden_states, reverse=True)

    def show(self, i, x, image, is_kept=False):
        """Hidden states `(B, T, hidden_dim)` before layer `i`, given the image.

        `image` is the output of the reader or (`is_kept`) of `keep_image`.
        """
        if self.conditioning == "latent":
            return self.inject[i]([x, image])  # (B, 1, hidden_dim), broadcast over T
        if self.conditioning == "spatial" and is_kept:
            return self.inject[i](x, cache=image[:, i])
        if self.conditioning == "spatial":
            return self.inject[i](x, image)  # (B, S, hidden_dim)
        return x

    def keep_image(self, image):
        """What generation keeps of an image, computed once per report.

        Args:
            image: float tensor. What the conditioning reads, or `None`.

        Returns:
            For `"latent"` the step `(B, 1, hidden_dim)`; for `"spatial"` keys and
            values `(B, layers, 2, S, heads, head_dim)`; for `"none"` `None`.
        """
        if self.conditioning == "none":
            return None
        seen = self.reader(image)
        if self.conditioning == "latent":
            return seen
        return ops.stack([look.keys_values(seen) for look in self.inject], axis=1)

    @property
    def image_input(self):
        """The name of the imaging model's output that is read, or `None`."""
        return IMAGE_INPUTS[self.conditioning]

    @property
    def is_blind(self):
        """Whether the image still changes nothing, as before the first step."""
        if self.conditioning == "latent":
            return not any(ops.any(w) for w in self.reader.projection.weights)
        return not any(ops.any(look.gate) for look in self.inject)

    def get_config(self):
        """The arguments, for saving."""
        config = super().get_config()
        config.update(
            {
                "vocabulary_size": self.vocabulary_size,
                "num_layers": self.num_layers,
                "num_heads": self.num_heads,
                "hidden_dim": self.hidden_dim,
                "intermediate_dim": self.intermediate_dim,
                "latent_dim": self.latent_dim,
                "maps_shape": self.maps_shape,
                "conditioning": self.conditioning,
                "dropout": self.dropout,
                "max_sequence_length": self.max_sequence_length,
            }
        )
        return config

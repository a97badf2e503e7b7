"""GPT-2 that is told about the image at every layer."""

import keras
import keras_hub
from keras import layers, ops


@keras.saving.register_keras_serializable(package="cxrlib")
class LatentGPT2Backbone(keras_hub.models.Backbone):
    """KerasHub's GPT-2 with an image latent added before every transformer layer.

    The layers are those of `keras_hub.models.GPT2Backbone`, wired anew. The
    latents of both views, concatenated, are normalised, projected to the
    hidden size and broadcast over all positions. The projection starts at
    zero, so that a pretrained GPT-2 is untouched before the first step.

    Args:
        vocabulary_size: int. Size of the token vocabulary.
        num_layers: int. Number of transformer layers.
        num_heads: int. Attention heads per layer.
        hidden_dim: int. Size of the hidden state.
        intermediate_dim: int. Size of the feed-forward layer.
        latent_dim: int. Length of the latents of both views together.
        dropout: float. Dropout rate.
        max_sequence_length: int. Longest report, in tokens.
        dtype: string or `keras.DTypePolicy`.
        **kwargs: see `keras_hub.models.Backbone`.

    Call arguments:
        inputs: dict of `token_ids` int `(B, T)`, `padding_mask` int `(B, T)`
            and `latent` float `(B, latent_dim)`.

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
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers,
        num_heads,
        hidden_dim,
        intermediate_dim,
        latent_dim,
        dropout=0.1,
        max_sequence_length=1024,
        dtype=None,
        **kwargs,
    ):
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
        # Pooled DenseNet features are all positive and of very unequal size: they
        # are centred and brought to length 1. At the usual length (the root of
        # their number) each step of Adam on the projection would move every
        # hidden state by more than a token embedding is long, and a pretrained
        # GPT-2 would have forgotten its language before it had learned to look.
        self.latent_norm = layers.LayerNormalization(
            center=False, scale=False, dtype=dtype, name="latent_norm"
        )
        self.latent_length = layers.Rescaling(
            latent_dim**-0.5, dtype=dtype, name="latent_length"
        )
        self.latent_projection = layers.Dense(
            hidden_dim,
            kernel_initializer="zeros",
            dtype=dtype,
            name="latent_projection",
        )
        self.latent_to_step = layers.Reshape(
            (1, hidden_dim), dtype=dtype, name="latent_to_step"
        )
        self.inject = [
            layers.Add(dtype=dtype, name=f"inject_{i}") for i in range(num_layers)
        ]

        # === Functional Model ===
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((None,), dtype="int32", name="padding_mask")
        latent = keras.Input((latent_dim,), name="latent")
        x = self.embed(token_ids)  # (B, T, hidden_dim)
        step = self.project(latent)  # (B, 1, hidden_dim)
        for inject, layer in zip(self.inject, self.transformer_layers, strict=True):
            x = inject([x, step])  # broadcast over T
            x = layer(x, decoder_padding_mask=padding_mask)
        super().__init__(
            inputs={
                "token_ids": token_ids,
                "padding_mask": padding_mask,
                "latent": latent,
            },
            outputs=self.layer_norm(x),
            dtype=dtype,
            **kwargs,
        )

        # === Config ===
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.latent_dim = latent_dim
        self.dropout = dropout
        self.max_sequence_length = max_sequence_length

    def adopt(self, gpt2):
        """Take over the weights of a plain GPT-2.

        Its vocabulary may be smaller (new tokens start at the mean of the old
        ones) and its longest text may be another (common positions are taken
        over). What is the image's own stays: while the projection is zero, this
        is that GPT-2.

        Args:
            gpt2: a `keras_hub.models.GPT2Backbone` of the same layers.

        Raises:
            ValueError: if a size differs; then nothing is taken over.
        """
        names = ("num_layers", "num_heads", "hidden_dim", "intermediate_dim")
        for name in names:
            ours, theirs = getattr(self, name), getattr(gpt2, name)
            if ours != theirs:
                raise ValueError(
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

    def embed(self, token_ids, start_index=0):
        """Tokens plus positions, counted from `start_index`."""
        tokens = self.token_embedding(token_ids)
        positions = self.position_embedding(tokens, start_index=start_index)
        return self.embeddings_dropout(self.embeddings_add((tokens, positions)))

    def project(self, latent):
        """The image as one step `(B, 1, hidden_dim)`, ready to be added."""
        latent = self.latent_length(self.latent_norm(latent))  # (B, latent_dim)
        return self.latent_to_step(self.latent_projection(latent))

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
                "dropout": self.dropout,
                "max_sequence_length": self.max_sequence_length,
            }
        )
        return config


@keras.saving.register_keras_serializable(package="cxrlib")
class LatentGPT2CausalLM(keras_hub.models.CausalLM):
    """Report writer: next-token logits given the tokens so far and the image.

    A `keras_hub.models.CausalLM`, so `compile(sampler=…)` takes KerasHub's
    samplers and `generate` its arguments. Generation keeps keys and values in
    a cache; the projected image travels in the same cache, where the beam
    sampler repeats and reorders it together with its report.

    Args:
        backbone: a `LatentGPT2Backbone`.
        preprocessor: a `cxrlib.data.text.ReportPreprocessor` or `None`.
        **kwargs: see `keras_hub.models.CausalLM`.

    Call arguments:
        inputs: as for `LatentGPT2Backbone`.

    Returns:
        Logits, float tensor `(B, T, vocabulary_size)`.

    Example:
    ```python
    causal_lm = LatentGPT2CausalLM(backbone, preprocessor)
    causal_lm.compile(sampler="greedy")
    causal_lm.generate({"prompts": ["No"], "latent": latent}, max_length=40)
    ```
    """

    def __init__(self, backbone, preprocessor=None, **kwargs):
        # === Layers ===
        self.backbone = backbone
        self.preprocessor = preprocessor

        # === Functional Model ===
        hidden_states = backbone(backbone.input)
        logits = backbone.token_embedding(hidden_states, reverse=True)
        super().__init__(inputs=backbone.input, outputs=logits, **kwargs)

    def get_compile_config(self):
        """Nothing to keep: the sampler is chosen where text is generated."""
        return None

    def call_with_cache(self, token_ids, cache, cache_update_index):
        """Forward pass over new tokens only, reading the rest from the cache.

        Args:
            token_ids: int tensor `(B, t)`, the new tokens.
            cache: dict of `key_value` `(B, layers, 2, T, heads, head_dim)` and
                `image` `(B, 1, hidden_dim)`.
            cache_update_index: int. Position of the first new token.

        Returns:
            Logits `(B, t, V)`, hidden states `(B, t, hidden_dim)`, new cache.
        """
        backbone = self.backbone
        x = backbone.embed(token_ids, start_index=cache_update_index)
        updated = []
        for i, layer in enumerate(backbone.transformer_layers):
            x, layer_cache = layer(
                backbone.inject[i]([x, cache["image"]]),
                self_attention_cache=cache["key_value"][:, i, ...],
                self_attention_cache_update_index=cache_update_index,
            )
            updated.append(layer_cache)
        hidden_states = backbone.layer_norm(x)
        logits = backbone.token_embedding(hidden_states, reverse=True)
        cache = {"key_value": ops.stack(updated, axis=1), "image": cache["image"]}
        return logits, hidden_states, cache

    def build_cache(self, token_ids, latent):
        """Project the image once and read the prompt into an empty cache.

        Args:
            token_ids: int tensor `(B, T)`, the padded prompt.
            latent: float tensor `(B, latent_dim)`.

        Returns:
            Hidden states `(B, T, hidden_dim)` and the filled cache.
        """
        backbone = self.backbone
        batch_size, length = ops.shape(token_ids)[0], ops.shape(token_ids)[1]
        head_dim = backbone.hidden_dim // backbone.num_heads
        shape = (
            batch_size,
            backbone.num_layers,
            2,  # keys and values
            length,
            backbone.num_heads,
            head_dim,
        )
        cache = {
            "key_value": ops.zeros(shape, dtype=self.compute_dtype),
            "image": backbone.project(latent),
        }
        _, hidden_states, cache = self.call_with_cache(token_ids, cache, 0)
        return hidden_states, cache

    def generate_step(self, inputs, stop_token_ids=None):
        """Write reports for one batch; compiled by `generate`.

        Args:
            inputs: dict of `token_ids` `(B, T)`, `padding_mask` `(B, T)` that
                covers the prompt, and `latent` `(B, latent_dim)`.
            stop_token_ids: list of ints or `None`. Tokens that end a report.

        Returns:
            Dict of `token_ids` and `padding_mask`, both `(B, T)`.
        """
        token_ids, prompt_mask = inputs["token_ids"], inputs["padding_mask"]
        hidden_states, cache = self.build_cache(token_ids, inputs["latent"])
        # All rows go on from where the shortest prompt ends.
        lengths = ops.sum(ops.cast(prompt_mask, "int32"), axis=-1)

        def next(prompt, cache, index):
            # The token at `index` is predicted from the one before it.
            last = ops.slice(prompt, [0, index - 1], [ops.shape(prompt)[0], 1])
            logits, hidden, cache = self.call_with_cache(last, cache, index - 1)
            return ops.squeeze(logits, axis=1), ops.squeeze(hidden, axis=1), cache

        token_ids = self.sampler(
            next=next,
            prompt=token_ids,
            cache=cache,
            index=ops.min(lengths),
            mask=prompt_mask,
            stop_token_ids=stop_token_ids,
            hidden_states=hidden_states,
            model=self,
        )
        return {
            "token_ids": token_ids,
            "padding_mask": _before_stop(token_ids, prompt_mask, stop_token_ids),
        }


def _before_stop(token_ids, prompt_mask, stop_token_ids):
    """Mask `(B, T)` of what stands up to the first stop token after the prompt."""
    if stop_token_ids is None:
        return ops.ones_like(token_ids, dtype="bool")
    stops = ops.zeros_like(token_ids, dtype="bool")
    for stop in stop_token_ids:
        stops = ops.logical_or(stops, ops.equal(token_ids, stop))
    stops = ops.logical_and(stops, ops.logical_not(ops.cast(prompt_mask, "bool")))
    stops = ops.cast(stops, "int32")
    # Exclusive running count: 0 up to and including the first stop.
    return ops.equal(ops.cumsum(stops, axis=-1) - stops, 0)

"""GPT-2 that is told about the image at every layer."""

import keras
import keras_hub
from keras import layers


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

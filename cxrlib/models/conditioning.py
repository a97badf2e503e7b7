"""How a GPT-2 is conditioned on the image: by one vector, or by attention to maps."""

import keras
import keras_hub
from keras import layers, ops

# Each kind of conditioning, and the output of the imaging model that it reads.
IMAGE_INPUTS = {"none": None, "latent": "latent", "spatial": "maps"}
# Adam moves a weight by about the learning rate per step, so that a plain gate would
# take a thousand steps to open by half. With this factor it opens in the first epochs.
GATE_SPEED = 5.0


@keras.saving.register_keras_serializable(package="cxrlib")
class LatentStep(layers.Layer):
    """Project the latents of both views to one step of hidden states.

    The Calabria project's conditioning: the output is added before every transformer
    layer, at every position. The projection starts at zero, so that a pretrained GPT-2
    is untouched before the first step.

    Args:
        hidden_dim: int. Size of GPT-2's hidden state.
        **kwargs: see `keras.layers.Layer`.

    Call arguments:
        latent: float tensor `(B, latent_dim)`, both views concatenated.

    Returns:
        Float tensor `(B, 1, hidden_dim)`, ready to be added.

    Example:
    ```python
    LatentStep(hidden_dim=64)(np.random.rand(2, 2048)).shape  # (2, 1, 64)
    ```
    """

    def __init__(self, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.norm = layers.LayerNormalization(
            center=False, scale=False, dtype=self.dtype_policy, name="norm"
        )
        self.projection = layers.Dense(
            hidden_dim,
            kernel_initializer="zeros",
            dtype=self.dtype_policy,
            name="projection",
        )

    def build(self, input_shape):
        """Build the projection."""
        self.norm.build(input_shape)
        self.projection.build(input_shape)

    def call(self, latent):
        """Centre, bring to length 1, project."""
        # Pooled DenseNet features are all positive and of very unequal size. At
        # the length that LayerNorm leaves (the root of their number) each step of
        # Adam on the projection would move every hidden state by more than a token
        # embedding is long, and a pretrained GPT-2 would have forgotten its
        # language before it had learned to look.
        latent = self.norm(latent) * latent.shape[-1] ** -0.5
        return ops.expand_dims(self.projection(latent), axis=1)

    def get_config(self):
        """The arguments, for saving."""
        return {**super().get_config(), "hidden_dim": self.hidden_dim}


@keras.saving.register_keras_serializable(package="cxrlib")
class ImageTokens(layers.Layer):
    """Lay out the encoder's maps of both views as one row of image tokens.

    A token for each place of each view; the positions of places and views are learned,
    like GPT-2's own positions.

    Args:
        hidden_dim: int. Size of GPT-2's hidden state.
        **kwargs: see `keras.layers.Layer`.

    Call arguments:
        maps: float tensor `(B, 2, h, w, C)`, frontal and lateral.
        is_normed: bool. Whether `norm` has seen the maps already.

    Returns:
        Float tensor `(B, 2 · h · w, hidden_dim)`.

    Example:
    ```python
    ImageTokens(hidden_dim=64)(np.random.rand(1, 2, 7, 7, 1024)).shape  # (1, 98, 64)
    ```
    """

    def __init__(self, hidden_dim, **kwargs):
        super().__init__(**kwargs)
        self.hidden_dim = hidden_dim
        self.norm = layers.LayerNormalization(dtype=self.dtype_policy, name="norm")
        self.projection = layers.Dense(
            hidden_dim, dtype=self.dtype_policy, name="projection"
        )

    def build(self, input_shape):
        """Build the projection and one vector per place."""
        _, views, height, width, channels = input_shape
        self.norm.build((None, None, channels))
        self.projection.build((None, None, channels))
        self.places = self.add_weight(
            shape=(views * height * width, self.hidden_dim),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="places",
        )

    def call(self, maps, is_normed=False):
        """Flatten, project, and add each token's position."""
        count, channels = self.places.shape[0], maps.shape[-1]
        tokens = ops.reshape(maps, (-1, count, channels))  # (B, 2hw, C)
        tokens = tokens if is_normed else self.norm(tokens)
        return self.projection(tokens) + self.places

    def get_config(self):
        """The arguments, for saving."""
        return {**super().get_config(), "hidden_dim": self.hidden_dim}


@keras.saving.register_keras_serializable(package="cxrlib")
class GatedCrossAttention(layers.Layer):
    """Let every word attend to the image, through a gate that starts shut.

    `x + tanh(5 · gate) · attention(norm(x), image tokens)`, one gate per channel. At
    zero the layer does nothing, so that a pretrained GPT-2 speaks as before
    until training opens the gates.

    Args:
        num_heads: int. Attention heads.
        hidden_dim: int. Size of GPT-2's hidden state.
        dropout: float. Dropout rate of the attention weights.
        **kwargs: see `keras.layers.Layer`.

    Call arguments:
        x: float tensor `(B, T, hidden_dim)`.
        tokens: float tensor `(B, S, hidden_dim)` of `ImageTokens`, or `None`
            when `cache` is given.
        cache: float tensor `(B, 2, S, num_heads, head_dim)` of `keys_values`.

    Returns:
        Float tensor `(B, T, hidden_dim)`.

    Example:
    ```python
    look = GatedCrossAttention(num_heads=4, hidden_dim=64)
    look(np.random.rand(1, 8, 64), np.random.rand(1, 98, 64)).shape  # (1, 8, 64)
    ```

    Reference:
    - [Alayrac et al., 2022, Flamingo](https://arxiv.org/abs/2204.14198)
    """

    def __init__(self, num_heads, hidden_dim, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.norm = layers.LayerNormalization(dtype=self.dtype_policy, name="norm")
        self.attention = keras_hub.layers.CachedMultiHeadAttention(
            num_heads,
            key_dim=hidden_dim // num_heads,
            dropout=dropout,
            dtype=self.dtype_policy,
            name="attention",
        )

    def build(self, x_shape, tokens_shape=None):
        """Build the attention and the gate, which is shut."""
        self.norm.build(x_shape)
        image_shape = (None, None, self.hidden_dim)
        self.attention.build(query_shape=x_shape, value_shape=image_shape)
        self.gate = self.add_weight(
            shape=(self.hidden_dim,), initializer="zeros", name="gate"
        )

    def call(self, x, tokens=None, cache=None, training=None):
        """Add the output of the attention, scaled by the gate."""
        query = self.norm(x)
        if cache is None:
            seen = self.attention(query, tokens, training=training)
        else:
            seen, _ = self.attention(query, query, cache=cache)
        return x + ops.tanh(GATE_SPEED * self.gate) * seen

    def keys_values(self, tokens):
        """Keys and values of the image, computed once for a whole report.

        Args:
            tokens: float tensor `(B, S, hidden_dim)`.

        Returns:
            Float tensor `(B, 2, S, num_heads, head_dim)`.
        """
        batch_size, count = ops.shape(tokens)[0], tokens.shape[1]
        head_dim = self.hidden_dim // self.num_heads
        empty = ops.zeros(
            (batch_size, 2, count, self.num_heads, head_dim), self.compute_dtype
        )
        # The query of the first place is a dummy; only keys and values are kept.
        _, cache = self.attention(
            tokens[:, :1], tokens, cache=empty, cache_update_index=0
        )
        return cache

    def get_config(self):
        """The arguments, for saving."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "dropout": self.dropout,
        }

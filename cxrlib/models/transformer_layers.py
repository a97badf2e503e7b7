"""The parts of a Transformer, written out: positions, attention, block.

Keras has all of them; these are here to be read. `05_transformer` builds them piece
by piece, and a test checks that they equal Keras's own.
"""

import keras
from keras import layers, ops

from cxrbase.files import InputError


@keras.saving.register_keras_serializable(package="cxrlib")
class SinusoidalPositions(layers.Layer):
    """Add to every token its position, as waves of many lengths.

    `sin(t / 10000^(2i / D))` in column 2i and the cosine in column 2i + 1.
    Nothing is learned, so there is no longest text.

    Args:
        **kwargs: see `keras.layers.Layer`.

    Call arguments:
        x: float tensor `(B, T, D)`, D even.

    Returns:
        Float tensor `(B, T, D)`.

    Example:
    ```python
    SinusoidalPositions()(np.zeros((1, 40, 512)))  # the positions themselves
    ```

    Reference:
    - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.5
    """

    def call(self, x):
        """Compute the waves and add them."""
        width = x.shape[-1]
        positions = ops.arange(ops.shape(x)[1], dtype="float32")  # (T,)
        wavelengths = 10000.0 ** (ops.arange(0, width, 2, dtype="float32") / width)
        angles = positions[:, None] / wavelengths  # (T, D / 2)
        waves = ops.stack([ops.sin(angles), ops.cos(angles)], axis=-1)
        return x + ops.cast(ops.reshape(waves, (-1, width)), x.dtype)


def scaled_dot_product(query, key, value, mask=None):
    """Every query's mean of the values, weighted by how well the keys match.

    `softmax(Q Kᵀ / √d) V`.

    Args:
        query: float tensor `(..., T, d)`.
        key: float tensor `(..., S, d)`.
        value: float tensor `(..., S, d)`.
        mask: bool tensor that broadcasts to `(..., T, S)`, or `None`. Where it is
            `False` nothing is attended to; every query must attend to something.

    Returns:
        A pair: the means `(..., T, d)` and the weights `(..., T, S)`, whose rows
        sum to 1.

    Example:
    ```python
    x = np.random.rand(4, 8).astype("float32")
    mixed, weights = scaled_dot_product(x, x, x, mask=causal_mask(4))
    ```

    Reference:
    - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), equation 1
    """
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2)) * query.shape[-1] ** -0.5
    # The softmax in full precision: float16 ends at 65504.
    scores = ops.cast(scores, "float32")
    if mask is not None:
        scores = ops.where(mask, scores, -1e9)
    weights = ops.cast(ops.softmax(scores, axis=-1), value.dtype)
    return ops.matmul(weights, value), weights


def causal_mask(length):
    """Which token may attend to which: each to itself and to those before it.

    Args:
        length: int. T.

    Returns:
        Bool tensor `(T, T)`, `True` on and below the diagonal.

    Example:
    ```python
    causal_mask(2)  # [[True, False], [True, True]]
    ```
    """
    places = ops.arange(length)
    return places[:, None] >= places[None, :]


@keras.saving.register_keras_serializable(package="cxrlib")
class CausalSelfAttention(layers.Layer):
    """Multi-head attention of a text to its own past, without biases.

    There is no padding mask. Padding follows the text, where the causal mask already
    hides it from every real token.

    Args:
        num_heads: int. Must divide D.
        **kwargs: see `keras.layers.Layer`.

    Call arguments:
        x: float tensor `(B, T, D)`.

    Returns:
        Float tensor `(B, T, D)`.

    Raises:
        InputError: if the heads do not divide D.

    Example:
    ```python
    CausalSelfAttention(num_heads=8)(np.random.rand(1, 40, 512)).shape  # (1, 40, 512)
    ```

    Reference:
    - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), section 3.2.2
    """

    def __init__(self, num_heads, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads

    def build(self, x_shape):
        """Build the four projections, `(D, D)` each, all heads side by side."""
        width = x_shape[-1]
        if width % self.num_heads:
            raise InputError(
                f"{self.num_heads} heads do not divide {width} dimensions; choose "
                "numbers that do, such as 8 and 512."
            )
        for name in ("query", "key", "value", "output_projection"):
            dense = layers.Dense(
                width, use_bias=False, dtype=self.dtype_policy, name=name
            )
            dense.build(x_shape)
            setattr(self, name, dense)

    def call(self, x):
        """Attend in every head, then mix the heads."""
        seen, _ = self.attend(x)  # (B, H, T, d)
        seen = ops.transpose(seen, (0, 2, 1, 3))  # (B, T, H, d)
        return self.output_projection(ops.reshape(seen, ops.shape(x)))

    def attend(self, x):
        """Each head's output, and its attention weights.

        Args:
            x: float tensor `(B, T, D)`.

        Returns:
            A pair: `(B, H, T, d)` and the weights `(B, H, T, T)`, a row per token that
            attends.
        """
        query, key, value = (
            self.split_heads(project(x))
            for project in (self.query, self.key, self.value)
        )
        return scaled_dot_product(query, key, value, causal_mask(ops.shape(x)[1]))

    def split_heads(self, x):
        """Split `(B, T, D)` into heads, `(B, H, T, d)`."""
        length, head_dim = ops.shape(x)[1], x.shape[-1] // self.num_heads
        x = ops.reshape(x, (-1, length, self.num_heads, head_dim))
        return ops.transpose(x, (0, 2, 1, 3))

    def get_config(self):
        """The arguments, for saving."""
        return {**super().get_config(), "num_heads": self.num_heads}


@keras.saving.register_keras_serializable(package="cxrlib")
class TransformerBlock(layers.Layer):
    """Attention, then a feed-forward network on each token by itself.

    Around each: dropout, the input added back, and layer normalisation of the
    sum, as in the paper (later models normalise first).

    Args:
        num_heads: int. Attention heads.
        intermediate_dim: int. Width of the feed-forward layer.
        dropout: float. Dropout rate of what is added.
        **kwargs: see `keras.layers.Layer`.

    Call arguments:
        x: float tensor `(B, T, D)`.

    Returns:
        Float tensor `(B, T, D)`.

    Example:
    ```python
    TransformerBlock(num_heads=8, intermediate_dim=2048)(np.random.rand(1, 40, 512))
    ```

    Reference:
    - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), sections 3.1 and 3.3
    """

    def __init__(self, num_heads, intermediate_dim, dropout=0.1, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout

    def build(self, x_shape):
        """Build the parts."""
        width, policy = x_shape[-1], self.dtype_policy
        self.attention = CausalSelfAttention(
            self.num_heads, dtype=policy, name="attention"
        )
        self.attention_norm = layers.LayerNormalization(
            epsilon=1e-5, dtype=policy, name="attention_norm"
        )
        self.expand = layers.Dense(
            self.intermediate_dim, activation="relu", dtype=policy, name="expand"
        )
        self.contract = layers.Dense(width, dtype=policy, name="contract")
        self.feed_forward_norm = layers.LayerNormalization(
            epsilon=1e-5, dtype=policy, name="feed_forward_norm"
        )
        self.drop = layers.Dropout(self.dropout, dtype=policy, name="drop")
        for part in (self.attention, self.attention_norm, self.expand):
            part.build(x_shape)
        self.contract.build((*x_shape[:-1], self.intermediate_dim))
        self.feed_forward_norm.build(x_shape)

    def call(self, x, training=None):
        """Two steps, each added to what was there, then normalised."""
        seen = self.drop(self.attention(x), training=training)
        x = self.attention_norm(x + seen)
        thought = self.drop(self.contract(self.expand(x)), training=training)
        return self.feed_forward_norm(x + thought)

    def get_config(self):
        """The arguments, for saving."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
        }

"""A Transformer from scratch: reports as text alone, no image.

The decoder of "Attention is all you need" without its cross-attention. It is for
teaching: generation recomputes every position for each token, where
`LatentGPT2CausalLM` has a cache.
"""

import keras
import keras_hub
from keras import layers, ops

from cxrbase.files import InputError
from cxrlib.models.transformer_layers import (
    CausalSelfAttention,
    SinusoidalPositions,
    TransformerBlock,
    causal_mask,
    scaled_dot_product,
)

__all__ = [
    "CausalSelfAttention",
    "InverseSquareRoot",
    "ReportTransformer",
    "SinusoidalPositions",
    "TransformerBlock",
    "causal_mask",
    "scaled_dot_product",
]


@keras.saving.register_keras_serializable(package="cxrlib")
class InverseSquareRoot(keras.optimizers.schedules.LearningRateSchedule):
    """Rise linearly, then fall with the inverse square root of the step.

    `scale · hidden_dim^-0.5 · min(step^-0.5, step · warmup_steps^-1.5)`, steps
    counted from 1. The peak is at `warmup_steps`.

    Args:
        hidden_dim: int. The wider the model, the smaller the steps.
        warmup_steps: int. Steps spent rising; 4000 in the paper.
        scale: float. 1 in the paper.

    Example:
    ```python
    float(InverseSquareRoot(512, warmup_steps=4000)(3999))  # 0.000699
    ```

    Reference:
    - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762), equation 3
    """

    def __init__(self, hidden_dim, warmup_steps=4000, scale=1.0):
        super().__init__()
        self.hidden_dim = hidden_dim
        self.warmup_steps = warmup_steps
        self.scale = scale

    def __call__(self, step):
        """Learning rate of a step; Keras counts from 0, the paper from 1."""
        step = ops.cast(step, "float32") + 1.0
        rising = step * self.warmup_steps**-1.5
        return self.scale * self.hidden_dim**-0.5 * ops.minimum(step**-0.5, rising)

    def get_config(self):
        """The arguments, for saving."""
        return {
            "hidden_dim": self.hidden_dim,
            "warmup_steps": self.warmup_steps,
            "scale": self.scale,
        }


@keras.saving.register_keras_serializable(package="cxrlib")
class ReportTransformer(keras.Model):
    """Next-token logits given the tokens so far: a language model of reports.

    One matrix embeds the tokens and, transposed, gives the logits. The
    defaults are the paper's base model.

    Args:
        vocabulary_size: int. Size of the token vocabulary.
        num_layers: int. Number of blocks.
        num_heads: int. Attention heads per block.
        hidden_dim: int. Size of the hidden state, D.
        intermediate_dim: int. Size of the feed-forward layer.
        dropout: float. Dropout rate.
        preprocessor: a `cxrlib.models.text.ReportPreprocessor` or `None`; needed
            to generate, and saved with the model.
        origin: dict of strings and numbers. What it was trained on; it is saved in the
            file.
        **kwargs: see `keras.Model`.

    Call arguments:
        token_ids: int tensor `(B, T)`.

    Returns:
        Logits, float32 tensor `(B, T, vocabulary_size)`.

    Example:
    ```python
    model = ReportTransformer(1000, num_layers=2, num_heads=4, hidden_dim=128)
    model(np.ones((1, 8), "int32")).shape  # (1, 8, 1000)
    ```

    Reference:
    - [Vaswani et al., 2017](https://arxiv.org/abs/1706.03762)
    """

    def __init__(
        self,
        vocabulary_size,
        num_layers=6,
        num_heads=8,
        hidden_dim=512,
        intermediate_dim=2048,
        dropout=0.1,
        preprocessor=None,
        origin=None,
        name="report_transformer",
        **kwargs,
    ):
        # === Layers ===
        embedding = keras_hub.layers.ReversibleEmbedding(
            vocabulary_size,
            hidden_dim,
            # Multiplied by √D the tokens are as large as the positions, and the logits,
            # which are products with the same matrix, start about as large.
            embeddings_initializer=keras.initializers.RandomNormal(
                stddev=hidden_dim**-0.5
            ),
            reverse_dtype="float32",
            name="token_embedding",
        )
        scale = layers.Rescaling(hidden_dim**0.5, name="scale")
        positions = SinusoidalPositions(name="positions")
        embeddings_dropout = layers.Dropout(dropout, name="embeddings_dropout")
        blocks = [
            TransformerBlock(num_heads, intermediate_dim, dropout, name=f"block_{i}")
            for i in range(num_layers)
        ]

        # === Functional Model ===
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        x = scale(embedding(token_ids))  # (B, T, D)
        x = embeddings_dropout(positions(x))
        for block in blocks:
            x = block(x)
        logits = embedding(x, reverse=True)
        super().__init__(inputs=token_ids, outputs=logits, name=name, **kwargs)

        # === Config ===
        self.blocks = blocks
        self.vocabulary_size = vocabulary_size
        self.num_layers = num_layers
        self.num_heads = num_heads
        self.hidden_dim = hidden_dim
        self.intermediate_dim = intermediate_dim
        self.dropout = dropout
        # No part of the network: as one, PyTorch's `model.train()` would call the
        # tokenizer's `train`. It is saved all the same.
        object.__setattr__(self, "preprocessor", preprocessor)
        self.origin = dict(origin or {"trained_on": "nothing: random weights"})

    def generate(self, prompts, sampler="greedy", max_length=None):
        """Continue prompts, all together in one batch.

        Args:
            prompts: list of strings; `""` begins a report.
            sampler: string or `keras_hub.samplers.Sampler`: `"greedy"`,
                `"top_k"`, `"top_p"`, `"beam"`, or an instance with its own
                `temperature`.
            max_length: int or `None`. Longest report in tokens, `<start>` and
                prompt included; the preprocessor's by default.

        Returns:
            A list of strings that begin with their prompts.

        Raises:
            InputError: if a prompt leaves no room to write.
        """
        tokenizer = self.preprocessor.tokenizer
        length = max_length or self.preprocessor.sequence_length
        longest = max(tokenizer.count_tokens(prompts)) - 1  # No <end> yet.
        if longest >= length:
            raise InputError(
                f"The longest prompt fills {longest} tokens and the report may have "
                f"{length}; shorten the prompt."
            )
        read = self.preprocessor.generate_preprocess({"prompts": prompts}, length)
        token_ids, mask = map(ops.convert_to_tensor, read.values())

        def next(prompt, cache, index):
            # After `index` comes padding, which the causal mask hides.
            logits = self(prompt)  # (B, T, V)
            return ops.take(logits, index - 1, axis=1), None, cache

        token_ids = keras_hub.samplers.get(sampler)(
            next=next,
            prompt=token_ids,
            index=ops.min(ops.sum(ops.cast(mask, "int32"), axis=-1)),
            mask=mask,
            stop_token_ids=[tokenizer.end_token_id],
            model=self,
        )
        ended = ops.cast(ops.equal(token_ids, tokenizer.end_token_id), "int32")
        return self.preprocessor.generate_postprocess(
            {"token_ids": token_ids, "padding_mask": ops.cumsum(ended, axis=-1) == 0}
        )

    def attention_weights(self, token_ids):
        """Where every head of every block looks.

        Args:
            token_ids: int tensor `(B, T)`.

        Returns:
            Float tensor `(B, num_layers, num_heads, T, T)`.
        """
        x, weights = keras.Model(self.input, self.blocks[0].input)(token_ids), []
        for block in self.blocks:
            weights.append(block.attention.attend(x)[1])
            x = block(x)
        return ops.stack(weights, axis=1)

    def get_config(self):
        """The arguments, for saving."""
        return {
            "vocabulary_size": self.vocabulary_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "hidden_dim": self.hidden_dim,
            "intermediate_dim": self.intermediate_dim,
            "dropout": self.dropout,
            "preprocessor": keras.saving.serialize_keras_object(self.preprocessor),
            "origin": dict(self.origin),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        """Rebuild the preprocessor, then the model."""
        preprocessor = keras.saving.deserialize_keras_object(config["preprocessor"])
        return cls(**{**config, "preprocessor": preprocessor})

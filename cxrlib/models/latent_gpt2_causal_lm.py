"""The report writer: the conditioned GPT-2 with a head, a cache and samplers."""

import keras
import keras_hub
from keras import ops


@keras.saving.register_keras_serializable(package="cxrlib")
class LatentGPT2CausalLM(keras_hub.models.CausalLM):
    """Report writer: next-token logits given the tokens so far and the image.

    A `keras_hub.models.CausalLM`, so `compile(sampler=…)` takes KerasHub's
    samplers and `generate` its arguments. Generation keeps keys and values in
    a cache; what is kept of the image is in the same cache, so that the beam sampler
    repeats and reorders it together with its report.

    Args:
        backbone: a `LatentGPT2Backbone`.
        preprocessor: a `cxrlib.models.text.ReportPreprocessor` or `None`.
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
        logits = backbone.logits(hidden_states)
        super().__init__(inputs=backbone.input, outputs=logits, **kwargs)

    def build(self, input_shape):
        """Nothing is left to build, though to Keras the tokenizer seems unbuilt."""
        self.built = True

    def get_compile_config(self):
        """Nothing to keep: the sampler is chosen where text is generated."""
        return None

    def call_with_cache(self, token_ids, cache, cache_update_index):
        """Forward pass over new tokens only, reading the rest from the cache.

        Args:
            token_ids: int tensor `(B, t)`, the new tokens.
            cache: dict of `key_value` `(B, layers, 2, T, heads, head_dim)` and
                `image`, what `backbone.keep_image` made of it.
            cache_update_index: int. Position of the first new token.

        Returns:
            Logits `(B, t, V)`, hidden states `(B, t, hidden_dim)`, new cache.
        """
        hidden_states, key_value = self.backbone.run(
            token_ids,
            cache.get("image"),
            cache=cache["key_value"],
            start=cache_update_index,
        )
        logits = self.backbone.logits(hidden_states)
        cache = {**cache, "key_value": key_value}
        return logits, hidden_states, cache

    def build_cache(self, token_ids, image=None):
        """Read the image once, and the prompt into an empty cache.

        Args:
            token_ids: int tensor `(B, T)`, the padded prompt.
            image: float tensor. What the backbone's conditioning reads.

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
        cache = {"key_value": ops.zeros(shape, dtype=self.compute_dtype)}
        kept = backbone.keep_image(image)
        if kept is not None:
            cache["image"] = kept
        _, hidden_states, cache = self.call_with_cache(token_ids, cache, 0)
        return hidden_states, cache

    def generate_step(self, inputs, stop_token_ids=None):
        """Write reports for one batch; compiled by `generate`.

        Args:
            inputs: dict of `token_ids` `(B, T)`, `padding_mask` `(B, T)` that
                covers the prompt, and what the conditioning reads (`latent` or
                `maps`).
            stop_token_ids: list of ints or `None`. Tokens that end a report.

        Returns:
            Dict of `token_ids` and `padding_mask`, both `(B, T)`.
        """
        token_ids, prompt_mask = inputs["token_ids"], inputs["padding_mask"]
        image = inputs.get(self.backbone.image_input)
        hidden_states, cache = self.build_cache(token_ids, image)
        # All rows continue from where the shortest prompt ends.
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
    """Mask `(B, T)` of the tokens up to the first stop token after the prompt."""
    if stop_token_ids is None:
        return ops.ones_like(token_ids, dtype="bool")
    stops = ops.zeros_like(token_ids, dtype="bool")
    for stop in stop_token_ids:
        stops = ops.logical_or(stops, ops.equal(token_ids, stop))
    stops = ops.logical_and(stops, ops.logical_not(ops.cast(prompt_mask, "bool")))
    stops = ops.cast(stops, "int32")
    # Exclusive running count: 0 up to and including the first stop.
    return ops.equal(ops.cumsum(stops, axis=-1) - stops, 0)

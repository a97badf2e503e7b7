"""Pretrain a small GPT-2 on the phantom's language, in place of OpenAI's.

GPT-2 learned English from eight million pages before anybody conditioned it on
an image. Where those weights are not available, this gives the `compact` preset a start
of the same kind: words without images, from a seed that no notebook draws from. It does
not learn here that a report belongs to an image.
"""

import dataclasses
import json
import pathlib

import keras

from cxrbase.files import write_whole
from cxrlib.models.losses import text_loss
from cxrlib.models.text import ReportPreprocessor, ReportTokenizer
from cxrlib.pretrained.gpt2 import CONFIG, OURS, WEIGHTS
from cxrlib.pretrained.native import gpt2_sizes, save_half
from cxrlib.systems.reports.presets import build_gpt2
from cxrlib.systems.reports.recipe import TextRecipe
from cxrlib.training import warmup_cosine
from cxrphantom.examples import write_texts


def pretrain_gpt2(out, recipe=None, **changes):
    """Pretrain a GPT-2 on phantom texts; write weights and vocabulary.

    Args:
        out: string or path. A folder; receives `gpt2.weights.h5` (float16),
            `config.json`, `vocab.json` and `merges.txt`.
        recipe: a `TextRecipe`, or `None` for its defaults.
        **changes: fields of the recipe to change.

    Returns:
        The `keras.callbacks.History`.

    Example:
    ```python
    pretrain_gpt2("weights/phantom_gpt2", studies=64, epochs=1)
    ```
    """
    recipe = dataclasses.replace(recipe or TextRecipe(), **changes)
    keras.utils.set_random_seed(recipe.seed)
    texts = write_texts(recipe.studies, recipe.seed)
    tokenizer = ReportTokenizer.train(texts, recipe.vocabulary_size)
    preprocessor = ReportPreprocessor(tokenizer, sequence_length=recipe.sequence_length)
    gpt2 = build_gpt2(recipe.preset, preprocessor)
    logits = gpt2.token_embedding(gpt2.output, reverse=True)
    model = keras.Model(gpt2.input, logits)
    held_out = preprocessor(write_texts(max(8, recipe.studies // 20), recipe.seed + 1))
    x, y, weight = preprocessor(texts)
    schedule = warmup_cosine(
        recipe.learning_rate, recipe.epochs * -(-len(texts) // recipe.batch_size)
    )
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=0.01),
        text_loss(),
        weighted_metrics=[],
    )
    history = model.fit(
        x,
        y,
        sample_weight=weight,
        validation_data=held_out,
        batch_size=recipe.batch_size,
        epochs=recipe.epochs,
    )
    out = pathlib.Path(out)
    _save_vocabulary(tokenizer, out)
    with write_whole(out / CONFIG) as temporary:
        temporary.write_text(json.dumps(gpt2_sizes(gpt2), indent=2) + "\n")
    save_half(gpt2, out / WEIGHTS[OURS][0])
    return history


def _save_vocabulary(tokenizer, folder):
    """Write `vocab.json` and `merges.txt`, as `ReportTokenizer` reads them."""
    with write_whole(folder / "vocab.json") as temporary:
        temporary.write_text(json.dumps(tokenizer.vocabulary), encoding="utf-8")
    with write_whole(folder / "merges.txt") as temporary:
        temporary.write_text("\n".join(tokenizer.merges) + "\n", encoding="utf-8")

"""Pretrain a small GPT-2 on the phantom's language, in the place of OpenAI's.

GPT-2 learned English from eight million pages before anybody conditioned it on
an image. Where those weights are not at hand, this gives the `compact` preset
a start of the same kind: words without images, from a seed that no notebook
draws from. That a report belongs to an image, it does not learn here.
"""

import json
import pathlib

import keras
import numpy as np

from cxrbase.files import write_whole
from cxrlib.models.losses import text_loss
from cxrlib.models.text import ReportPreprocessor, ReportTokenizer
from cxrlib.pretrained.gpt2 import CONFIG, OURS, WEIGHTS
from cxrlib.pretrained.native import gpt2_sizes, save_half
from cxrlib.systems.reports.presets import build_gpt2
from cxrlib.training import warmup_cosine
from cxrphantom.cases import sample_case
from cxrphantom.reports.grammar import findings_text, impression_text


def write_texts(studies, seed):
    """Write impressions and findings of phantom studies that are never drawn.

    Args:
        studies: int.
        seed: int.

    Returns:
        A list of two strings per study.

    Example:
    ```python
    write_texts(studies=2, seed=1)[0]
    ```
    """
    texts = []
    for index in range(studies):
        rng = np.random.default_rng([seed, index])
        findings = sample_case(rng).findings
        texts += [impression_text(findings, rng), findings_text(findings, rng)]
    return texts


def pretrain_gpt2(
    out,
    studies=12000,
    epochs=4,
    seed=2_000_000,
    preset="compact",
    sequence_length=64,
    vocabulary_size=800,
    batch_size=32,
    learning_rate=2e-3,
):
    """Pretrain a GPT-2 on phantom texts; write weights and vocabulary.

    Args:
        out: string or path. A folder; receives `gpt2.weights.h5` (float16),
            `config.json`, `vocab.json` and `merges.txt`.
        studies: int. Phantom studies written for the purpose.
        epochs: int.
        seed: int. Far from the seeds that the notebooks draw from.
        preset: string. See `cxrlib.systems.reports.presets.PRESETS`.
        sequence_length: int. Tokens per text.
        vocabulary_size: int.
        batch_size: int.
        learning_rate: float. Peak of the schedule.

    Returns:
        The `keras.callbacks.History`.

    Example:
    ```python
    pretrain_gpt2("weights/phantom_gpt2", studies=64, epochs=1)
    ```
    """
    keras.utils.set_random_seed(seed)
    texts = write_texts(studies, seed)
    tokenizer = ReportTokenizer.train(texts, vocabulary_size)
    preprocessor = ReportPreprocessor(tokenizer, sequence_length=sequence_length)
    gpt2 = build_gpt2(preset, preprocessor)
    logits = gpt2.token_embedding(gpt2.output, reverse=True)
    model = keras.Model(gpt2.input, logits)
    held_out = preprocessor(write_texts(max(8, studies // 20), seed + 1))
    x, y, weight = preprocessor(texts)
    steps = epochs * -(-len(texts) // batch_size)
    model.compile(
        keras.optimizers.AdamW(warmup_cosine(learning_rate, steps), weight_decay=0.01),
        text_loss(),
        weighted_metrics=[],
    )
    history = model.fit(
        x,
        y,
        sample_weight=weight,
        validation_data=held_out,
        batch_size=batch_size,
        epochs=epochs,
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

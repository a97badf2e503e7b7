"""Reports as tokens: byte-pair merges, `<start>`, `<end>` and `<pad>`."""

import json
import pathlib

import keras
import keras_hub
import tokenizers

from cxrbase.refusals import MALFORMED, InputError, in_one_line

PAD, START, END = "<pad>", "<start>", "<end>"
SPECIALS = (START, END, PAD)  # In the order in which they join GPT-2's vocabulary.

LEAST_WORDS, MOST_WORDS = 256 + len(SPECIALS) + 1, 100_000
# How OpenAI, Hugging Face and KerasHub name the two files of a vocabulary.
VOCABULARY_FILES = (
    ("encoder.json", "vocab.bpe"),
    ("vocab.json", "merges.txt"),
    ("assets/tokenizer/vocabulary.json", "assets/tokenizer/merges.txt"),
    ("vocabulary.json", "merges.txt"),
)
# Hugging Face's single file. KerasHub's presets have another of this name: look last.
FAST_TOKENIZER = "tokenizer.json"


def find_gpt2_files(folder):
    """Find the files of a vocabulary. See `read_gpt2_files`.

    Args:
        folder: string or path.

    Returns:
        A list of `pathlib.Path`: vocabulary and merges, or one file with both, or
        empty.

    Example:
    ```python
    find_gpt2_files("weights/phantom_gpt2")
    ```
    """
    for names in (*VOCABULARY_FILES, (FAST_TOKENIZER,)):
        paths = [pathlib.Path(folder) / name for name in names]
        if all(path.is_file() for path in paths):
            return paths
    return []


def read_gpt2_files(folder):
    """Read a byte-level vocabulary and its merges, as GPT-2's are published.

    Args:
        folder: string or path. Holds `encoder.json` and `vocab.bpe` (OpenAI),
            `vocab.json` and `merges.txt` or only `tokenizer.json` (Hugging Face),
            or is a KerasHub preset with its `assets/tokenizer`.

    Returns:
        A pair: a dict from token to id, and the list of merges, best first.

    Raises:
        InputError: if the files are not there, or are not a complete byte-level
            vocabulary with the ids 0, 1, 2, …

    Example:
    ```python
    vocabulary, merges = read_gpt2_files("gpt2_tokenizer")
    len(vocabulary), merges[0]  # 50257, "Ġ t"
    ```
    """
    paths = find_gpt2_files(folder)
    if not paths:
        raise InputError(
            f"{folder}: holds neither encoder.json with vocab.bpe nor vocab.json with "
            "merges.txt nor tokenizer.json; point to the folder of GPT-2's tokenizer."
        )
    try:
        vocabulary, merges = (_read_pair if len(paths) == 2 else _read_fast)(*paths)
        _check_vocabulary(vocabulary, merges)
    except MALFORMED as error:
        raise InputError(
            f"{paths[0]}: not a complete byte-level vocabulary ({in_one_line(error)}). "
            "Download the files of GPT-2's tokenizer again."
        ) from error
    return vocabulary, merges


def _read_pair(vocabulary_path, merges_path):
    vocabulary = json.loads(vocabulary_path.read_text(encoding="utf-8"))
    added = vocabulary_path.with_name("added_tokens.json")
    if added.is_file():
        vocabulary |= json.loads(added.read_text(encoding="utf-8"))
    lines = merges_path.read_text(encoding="utf-8").splitlines()
    return vocabulary, [x for x in lines if x and not x.startswith("#version")]


def _read_fast(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    model = content["model"]
    if model.get("type") != "BPE":
        raise ValueError(f"its model is {model.get('type')}, not BPE")
    added = {token["content"]: token["id"] for token in content.get("added_tokens", [])}
    return model["vocab"] | added, _merge_strings(model["merges"])


def _merge_strings(merges):
    """Merges as `"a b"`; releases of `tokenizers` differ in how they write them."""
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]


def _check_vocabulary(vocabulary, merges):
    """Raise `ValueError` if a text could meet a token without an id."""
    if sorted(vocabulary.values()) != list(range(len(vocabulary))):
        raise ValueError(f"the {len(vocabulary)} ids are not 0, 1, 2, …")
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    missing = sum(byte not in vocabulary for byte in alphabet)
    if missing:
        raise ValueError(f"{missing} of the 256 bytes have no token")
    for merge in merges:
        parts = merge.split(" ")
        if len(parts) != 2 or not vocabulary.keys() >= {*parts, "".join(parts)}:
            raise ValueError(f"the merge {merge!r} does not lead to a token")


@keras.saving.register_keras_serializable(package="cxrlib")
class ReportTokenizer(keras_hub.tokenizers.BytePairTokenizer):
    """Byte-pair tokenizer with a `<start>`, an `<end>` and a `<pad>` of its own.

    KerasHub's `GPT2Tokenizer` starts and ends with the same token and pads
    with id 0, which is "!"; here they are three tokens.

    Args:
        vocabulary: dict or path. Token string to id, the specials included.
        merges: list of strings or path. Merge rules, best first.
        **kwargs: see `keras_hub.tokenizers.BytePairTokenizer`.

    Example:
    ```python
    tokenizer = ReportTokenizer.train(reports, vocabulary_size=1000)
    tokenizer.detokenize(tokenizer("No acute disease."))
    ```

    Reference:
    - [Sennrich et al., 2016](https://arxiv.org/abs/1508.07909)
    """

    def __init__(self, vocabulary=None, merges=None, **kwargs):
        self._add_special_token(PAD, "pad_token")
        self._add_special_token(START, "start_token")
        self._add_special_token(END, "end_token")
        super().__init__(vocabulary=vocabulary, merges=merges, **kwargs)

    @classmethod
    def train(cls, reports, vocabulary_size=2000):
        """Learn merges from reports, with the `tokenizers` package.

        Args:
            reports: iterable of strings. Training reports only: a merge
                learned from a test report would leak. They are learned as they are
                written; `cxrscore.texts.plain` normalises them.
            vocabulary_size: int. Upper bound, the 256 bytes and the three
                specials included.

        Returns:
            A `ReportTokenizer`.

        Raises:
            InputError: if there is no text to learn from, or `vocabulary_size` is out
                of its range.
        """
        if not LEAST_WORDS <= vocabulary_size <= MOST_WORDS:
            raise InputError(
                f"vocabulary_size={vocabulary_size}: must be {LEAST_WORDS} (the 256 "
                f"bytes, the specials and a merge) to {MOST_WORDS:,}."
            )
        reports = [report for report in reports if report]
        if not reports:
            raise InputError(
                "No report to train the tokenizer on: the training split has no "
                "text in this section. Choose another section, or check the CSV."
            )
        trained = tokenizers.Tokenizer(tokenizers.models.BPE())
        trained.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(
            add_prefix_space=False
        )
        trainer = tokenizers.trainers.BpeTrainer(
            vocab_size=vocabulary_size,
            special_tokens=[PAD, START, END],
            initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        trained.train_from_iterator(reports, trainer)
        model = json.loads(trained.to_str())["model"]
        return cls(vocabulary=model["vocab"], merges=_merge_strings(model["merges"]))

    @classmethod
    def from_gpt2_files(cls, folder):
        """Take GPT-2's own vocabulary and add the three specials at its end.

        Args:
            folder: string or path. See `read_gpt2_files`.

        Returns:
            A `ReportTokenizer` of GPT-2's 50,257 tokens and three more. A special
            that the vocabulary has already keeps its id.

        Raises:
            InputError: if the files are not there or broken.

        Example:
        ```python
        ReportTokenizer.from_gpt2_files("gpt2_tokenizer")
        ```
        """
        vocabulary, merges = read_gpt2_files(folder)
        for token in SPECIALS:
            vocabulary.setdefault(token, len(vocabulary))
        return cls(vocabulary=vocabulary, merges=merges)

    def count_tokens(self, reports):
        """Length of each report in tokens, `<start>` and `<end>` included.

        Args:
            reports: list of strings.

        Returns:
            List of ints.
        """
        return [len(ids) + 2 for ids in self(list(reports))] if len(reports) else []

    def pieces(self, ids):
        """Tokens as a reader can see them.

        Args:
            ids: iterable of ints.

        Returns:
            List of strings, one per token, no two tokens alike. A leading blank stays;
            bytes that are only a part of a letter are shown in brackets, as the
            vocabulary writes them.

        Example:
        ```python
        tokenizer.pieces(tokenizer("No effusion"))  # ["No", " effusion"]
        ```
        """
        decode = tokenizers.decoders.ByteLevel().decode
        tokens = [self.id_to_token(int(each)) for each in ids]
        shown = [decode([token]) for token in tokens]
        return [
            f"[{token}]" if "\N{REPLACEMENT CHARACTER}" in piece else piece
            for token, piece in zip(tokens, shown, strict=True)
        ]

    def get_config(self):
        """The arguments, for saving."""
        config = super().get_config()
        # The specials are ours by construction; the vocabulary is an asset.
        config.pop("unsplittable_tokens", None)
        return config


@keras.saving.register_keras_serializable(package="cxrlib")
class ReportPreprocessor(keras_hub.models.CausalLMPreprocessor):
    """From strings to padded token ids, and back; carries the image along.

    For training, `preprocessor(reports)` gives `(x, y, sample_weight)` with
    targets one token ahead (teacher forcing). For generation it takes a dict
    of `prompts` and what the model reads of the image.

    Args:
        tokenizer: a `ReportTokenizer`.
        sequence_length: int. Tokens per report; longer ones are cut.
        **kwargs: see `keras_hub.models.CausalLMPreprocessor`.

    Example:
    ```python
    preprocessor = ReportPreprocessor(tokenizer, sequence_length=64)
    x, y, sample_weight = preprocessor(["No acute disease."])
    x["token_ids"].shape  # (1, 64)
    ```
    """

    def generate_preprocess(self, x, sequence_length=None):
        """Tokenise the prompts and pass the image through.

        Args:
            x: dict of `prompts`, list of B strings, and as the model wants it
                `latent` `(B, latent_dim)` or `maps` `(B, 2, h, w, C)`.
            sequence_length: int or `None`. Longest report in tokens.

        Returns:
            Dict of `token_ids`, `padding_mask` `(B, T)` and the image.
        """
        length = sequence_length or self.sequence_length
        image = {name: value for name, value in x.items() if name != "prompts"}
        tokens = super().generate_preprocess(x["prompts"], sequence_length=length)
        return {**tokens, **image}

    def generate_postprocess(self, x):
        """Ids back to strings, without specials and outer blanks."""
        return [text.strip() for text in super().generate_postprocess(x)]

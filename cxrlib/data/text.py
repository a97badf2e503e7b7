"""Reports as tokens: byte-pair merges, `<start>`, `<end>` and `<pad>`."""

import json
import pathlib

import keras
import keras_hub
import tokenizers

from cxrlib.files import InputError

PAD, START, END = "<pad>", "<start>", "<end>"


@keras.saving.register_keras_serializable(package="cxrlib")
class ReportTokenizer(keras_hub.tokenizers.BytePairTokenizer):
    """Byte-pair tokenizer with a `<start>`, an `<end>` and a `<pad>` of its own.

    KerasHub's `GPT2Tokenizer` starts and ends with the same token and pads
    with id 0, which is "!"; here the three are told apart, as in seed reports.

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
                learned from a test report would leak.
            vocabulary_size: int. Upper bound, the 256 bytes and the three
                specials included.

        Returns:
            A `ReportTokenizer`.

        Raises:
            InputError: if there is no text to learn from.
        """
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
        # Older releases of `tokenizers` write a merge as one string.
        merges = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
        return cls(vocabulary=model["vocab"], merges=merges)

    @classmethod
    def from_gpt2_files(cls, folder):
        """Take GPT-2's own vocabulary and add the three specials at its end.

        Args:
            folder: string or path. Holds `encoder.json` and `vocab.bpe`, or
                `vocab.json` and `merges.txt` as Hugging Face names them.

        Returns:
            A `ReportTokenizer` of GPT-2's 50,257 tokens and three more.

        Raises:
            InputError: if the files are not there.
        """
        folder = pathlib.Path(folder)
        for names in (("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")):
            vocabulary, merges = (folder / name for name in names)
            if vocabulary.is_file() and merges.is_file():
                break
        else:
            raise InputError(
                f"{folder}: holds neither encoder.json with vocab.bpe nor vocab.json "
                "with merges.txt; point to the folder of GPT-2's tokenizer."
            )
        vocabulary = json.loads(vocabulary.read_text(encoding="utf-8"))
        for token in (START, END, PAD):
            vocabulary.setdefault(token, len(vocabulary))
        lines = merges.read_text(encoding="utf-8").splitlines()
        merges = [line for line in lines if line and not line.startswith("#version")]
        return cls(vocabulary=vocabulary, merges=merges)

    def count_tokens(self, reports):
        """Length of each report in tokens, `<start>` and `<end>` included.

        Args:
            reports: list of strings.

        Returns:
            List of ints.
        """
        return [len(ids) + 2 for ids in self(list(reports))] if len(reports) else []

    def get_config(self):
        """The arguments, for saving."""
        config = super().get_config()
        # The specials are ours by construction; the vocabulary is an asset.
        config.pop("unsplittable_tokens", None)
        return config


@keras.saving.register_keras_serializable(package="cxrlib")
class ReportPreprocessor(keras_hub.models.CausalLMPreprocessor):
    """From strings to padded token ids, and back; carries the latent along.

    For training, `preprocessor(reports)` gives `(x, y, sample_weight)` with
    targets one token ahead (teacher forcing). For generation it takes a dict
    of `prompts` and `latent`.

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
        """Tokenise the prompts and pass the latent through.

        Args:
            x: dict of `prompts`, list of B strings, and `latent`
                `(B, latent_dim)`.
            sequence_length: int or `None`. Longest report in tokens.

        Returns:
            Dict of `token_ids`, `padding_mask` `(B, T)` and `latent`.
        """
        length = sequence_length or self.sequence_length
        tokens = super().generate_preprocess(x["prompts"], sequence_length=length)
        return {**tokens, "latent": x["latent"]}

    def generate_postprocess(self, x):
        """Ids back to strings, without specials and outer blanks."""
        return [text.strip() for text in super().generate_postprocess(x)]

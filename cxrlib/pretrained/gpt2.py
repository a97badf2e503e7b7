"""GPT-2 from KerasHub's presets and Hugging Face's folders, whole or not at all."""

import json
import pathlib

import keras_hub

from cxrbase.hosts import fetching
from cxrbase.refusals import MALFORMED, InputError, in_one_line, require_file
from cxrlib.models.text import SPECIALS, find_gpt2_files, read_gpt2_files
from cxrlib.pretrained.gpt2_tensors import (
    SAFETENSORS,
    assign,
    check_room,
    checked_sizes,
    read_tensors,
)
from cxrlib.pretrained.native import load_whole

CONFIG = "config.json"
OURS, KERASHUB, HUGGING_FACE = "ours", "KerasHub", "Hugging Face"
INDEX = "model.safetensors.index.json"  # Beside a checkpoint in several files.
# Where each kind keeps its weights; KerasHub's second one is an index of several.
WEIGHTS = {
    OURS: ("gpt2.weights.h5",),
    KERASHUB: ("model.weights.h5", "model.weights.json"),
    HUGGING_FACE: (SAFETENSORS, INDEX),
}
# What to download: no pickles, and not the same weights in five formats.
DOWNLOADED = [
    *("config.json", "model*.safetensors", "*.index.json", "model*.weights.*"),
    *("vocab.json", "merges.txt", "tokenizer.json", "added_tokens.json", "assets/*"),
]

# The arguments of KerasHub's GPT2Backbone, by Hugging Face's names.
SIZES = {
    "vocabulary_size": "vocab_size",
    "num_layers": "n_layer",
    "num_heads": "n_head",
    "hidden_dim": "n_embd",
    "intermediate_dim": "n_inner",
    "max_sequence_length": "n_positions",
}
LAYER_SIZES = ("num_layers", "num_heads", "hidden_dim", "intermediate_dim")
MOST_CONFIG = 2**20  # Bytes.
# What KerasHub's GPT-2 computes; the first value is Hugging Face's default.
# `gelu_pytorch_tanh` is the same formula as `gelu_new`.
COMPUTED = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "layer_norm_epsilon": (1e-5,),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
}


def local_folder(source):
    """Find a checkpoint's folder, and download it first if necessary.

    Args:
        source: string or path. A folder; a KerasHub preset such as
            `"gpt2_base_en"`; or `"kaggle://…"` or `"hf://…"`, for example
            `"hf://distilgpt2"`. Downloads are kept and not repeated.

    Returns:
        A `pathlib.Path`.

    Raises:
        InputError: if there is no such folder and it cannot be downloaded.

    Example:
    ```python
    local_folder("weights/phantom_gpt2")
    ```
    """
    source = str(source)
    if pathlib.Path(source).is_dir():
        return pathlib.Path(source)
    presets = keras_hub.models.GPT2Backbone.presets
    if source in presets:
        handle = presets[source]["kaggle_handle"]
    elif source.startswith(("kaggle://", "hf://")):
        handle = source
    else:
        raise InputError(
            f"{source}: is neither a folder nor one of KerasHub's presets "
            f"({', '.join(presets)}) nor kaggle://… nor hf://…; check the name."
        )
    site, _, name = handle.partition("://")
    with fetching(source, "download it elsewhere and give its folder"):
        if site == "kaggle":
            import kagglehub

            return pathlib.Path(kagglehub.model_download(name))
        import huggingface_hub

        return pathlib.Path(
            huggingface_hub.snapshot_download(name, allow_patterns=DOWNLOADED)
        )


def tokenizer_files(source):
    """Find the folder that holds a checkpoint's vocabulary.

    Args:
        source: string or path. See `local_folder`.

    Returns:
        A string, for `ReportTokenizer.from_gpt2_files`.

    Raises:
        InputError: if there is no vocabulary, or a broken one.

    Example:
    ```python
    ReportTokenizer.from_gpt2_files(tokenizer_files("weights/phantom_gpt2"))
    ```
    """
    folder = local_folder(source)
    read_gpt2_files(folder)
    return str(folder)


def gpt2_sizes_of(source):
    """Read how large a GPT-2 is; its weights are not read.

    Args:
        source: string or path. See `local_folder`; may be empty.

    Returns:
        A dict of `num_layers`, `num_heads`, `hidden_dim` and `intermediate_dim`, or
        `None` if there is only a vocabulary or nothing: then the preset's apply.

    Raises:
        InputError: if the folder holds something other than a GPT-2.

    Example:
    ```python
    build_report_model(
        "base", preprocessor, gpt2_sizes=gpt2_sizes_of("hf://distilgpt2")
    )
    ```

    Reference:
    - [Sanh et al., 2019, DistilGPT-2](https://huggingface.co/distilgpt2)
    """
    folder = local_folder(source) if source else None
    kind, sizes = _describe(folder) if folder else (None, None)
    if kind is None:
        return None
    check_room(_weights_file(folder, kind), sizes)
    return {name: sizes[name] for name in LAYER_SIZES}


def read_gpt2(source):
    """Read a plain GPT-2 with its weights.

    Every tensor of the file must have a place in the model, and every weight of the
    model a tensor. Nothing is unpickled.

    Args:
        source: string or path. A folder of ours (`config.json`, `gpt2.weights.h5`), of
            Hugging Face (`config.json`, `model.safetensors`, also in several files)
            or of KerasHub (`config.json`, `model.weights.h5`), or a name; see
            `local_folder`.

    Returns:
        A `keras_hub.models.GPT2Backbone`, in float32.

    Raises:
        InputError: if it is not a GPT-2, or not a whole one. The message names the
            first tensors that do not fit, the error's notes (`__notes__`) all.

    Example:
    ```python
    read_gpt2("weights/phantom_gpt2").count_params()
    ```

    References:
    - [Radford et al., 2019, GPT-2](https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf)
    - [safetensors](https://huggingface.co/docs/safetensors)
    """
    folder = local_folder(source)
    kind, sizes = _describe(folder)
    if kind is None:
        raise InputError(
            f"{folder}: holds no GPT-2, for there is no {CONFIG}; give a folder with "
            "config.json and model.safetensors, or a KerasHub preset."
        )
    path = _weights_file(folder, kind)
    # All is checked before a model of that size is built.
    tensors = read_tensors(path, sizes) if kind == HUGGING_FACE else None
    check_room(path, sizes)
    gpt2 = keras_hub.models.GPT2Backbone(**sizes, dtype="float32")
    if kind == HUGGING_FACE:
        assign(gpt2, tensors, sizes)
    else:
        load_whole(gpt2, path)
    return gpt2


def load_gpt2_into(backbone, source, tokenizer=None):
    """Give the text half the weights of a GPT-2, if the source has any.

    While the projection of the image is zero, the text half is exactly that GPT-2.
    Tokens that it did not know start at the mean of those it knew. Prints one line.

    Args:
        backbone: a `LatentGPT2Backbone` of the same sizes; see `gpt2_sizes_of`.
        source: string or path. See `read_gpt2`; empty, or a folder with a
            vocabulary only, for none.
        tokenizer: a `ReportTokenizer` or `None`. The one that the backbone reads
            with; if given, each token must have the number it has in the source.

    Returns:
        A string that says where the weights came from, for the results, such as
        `"distilgpt2 (Hugging Face folder)"`, or `"none"`.

    Raises:
        InputError: if it does not fit; the backbone is then as it was.

    Example:
    ```python
    load_gpt2_into(model.causal_lm.backbone, "weights/phantom_gpt2")
    ```
    """
    folder = local_folder(source) if source else None
    kind, sizes = _describe(folder) if folder else (None, None)
    if kind is None:
        print("GPT-2: no pretrained weights; it starts from random numbers.")
        return "none"
    new = _count_new_tokens(backbone, folder, sizes["vocabulary_size"], tokenizer)
    gpt2 = read_gpt2(folder)
    try:
        backbone.adopt(gpt2)
    except ValueError as error:
        raise InputError(f"{folder}: {error}") from error
    origin = f"{source} ({kind})"
    if pathlib.Path(source).is_dir():
        name = folder.resolve().name
        own = f"{name}/{WEIGHTS[OURS][0]}"
        origin = own if kind == OURS else f"{name} ({kind} folder)"
    here, there = backbone.max_sequence_length, gpt2.max_sequence_length
    notes = [origin]
    if new:
        notes.append(f"{new} new tokens start at the mean of the old")
    if here > there:
        notes.append(f"the last {here - there} positions are new and start at random")
    if here < there:
        notes.append(f"of its {there} positions the first {here} are kept")
    if backbone.is_blind:
        notes.append("the image changes nothing before the first step")
    print(f"GPT-2: {'; '.join(notes)}.")
    return origin


def _describe(folder):
    """Kind and sizes of the GPT-2 in a folder; `(None, None)` without any."""
    path = folder / CONFIG
    if not path.exists():
        weights = [*folder.glob("*.safetensors"), *folder.glob("*.h5")]
        weights += folder.glob("*.bin")
        if not weights:
            return None, None
        raise InputError(
            f"{path}: is missing, and does not give the sizes of {weights[0].name}; "
            "copy it from where the weights came from."
        )
    require_file(path, "configuration", most=MOST_CONFIG)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if "model_type" in config:
            return HUGGING_FACE, _hugging_face_sizes(config)
        if "class_name" in config:
            if config["class_name"] != "GPT2Backbone":
                raise ValueError(f"it is a {config['class_name']}, not a GPT2Backbone")
            return KERASHUB, checked_sizes(config["config"])
        return OURS, checked_sizes(config)
    except MALFORMED as error:
        raise InputError(
            f"{path}: does not give the sizes of a GPT-2 ({in_one_line(error)}). Give "
            "the folder of one: Hugging Face's gpt2 or distilgpt2, a KerasHub preset, "
            "or what python -m cxrlib pretrain-text writes."
        ) from error


def _hugging_face_sizes(config):
    if config["model_type"] != "gpt2":
        raise ValueError(f"it is a {config['model_type']}, not a gpt2")
    for name, values in COMPUTED.items():
        if config.get(name, values[0]) not in values:
            raise ValueError(f"{name} is {config[name]}, here it can only be {values}")
    sizes = {ours: config.get(theirs) for ours, theirs in SIZES.items()}
    if sizes["intermediate_dim"] is None and sizes["hidden_dim"]:
        sizes["intermediate_dim"] = 4 * int(sizes["hidden_dim"])
    return checked_sizes({**sizes, "dropout": config.get("resid_pdrop", 0.1)})


def _weights_file(folder, kind):
    for name in WEIGHTS[kind]:
        if (folder / name).exists():
            return require_file(folder / name, "weights file")
    if (folder / "pytorch_model.bin").is_file():
        raise InputError(
            f"{folder}/pytorch_model.bin: is a pickle, which may run any program when "
            "it is read; make model.safetensors of it, where you trust it, with "
            "transformers: model.save_pretrained(folder, safe_serialization=True)."
        )
    raise InputError(
        f"{folder}: {CONFIG} is there, but no {WEIGHTS[kind][0]}; download it too."
    )


def _count_new_tokens(backbone, folder, rows, tokenizer):
    """How many tokens the checkpoint has no row for; refuse another vocabulary."""
    # Of weights alone, only the count can be compared.
    vocabulary = read_gpt2_files(folder)[0] if find_gpt2_files(folder) else {}
    if vocabulary and len(vocabulary) != rows:
        raise InputError(
            f"{folder}: {CONFIG} has {rows} tokens, the vocabulary {len(vocabulary)}; "
            "take both from the same place."
        )
    new = backbone.vocabulary_size - rows
    if not 0 <= new <= len(SPECIALS):
        raise InputError(
            f"{folder}: this GPT-2 has {rows} tokens, the model {new + rows}; take the "
            f"tokenizer from the same folder, it adds at most {len(SPECIALS)}."
        )
    ids = tokenizer.vocabulary if tokenizer else vocabulary
    moved = [token for token in vocabulary if ids.get(token) != vocabulary[token]]
    if moved:
        raise InputError(
            f"{folder}: the token {moved[0]!r} has another number in the model's "
            "tokenizer; take the tokenizer from the same folder."
        )
    return new

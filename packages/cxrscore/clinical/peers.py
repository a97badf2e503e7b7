"""CheXbert and RadGraph beside the rules, where their packages are installed.

Both are networks with weights of their own (some 500 MB, fetched by the packages), so
the course does not require them. Their scores carry the package's version, the
model and the casing, without which two published numbers cannot be compared.
"""

import importlib
import importlib.metadata
import pickle

import numpy as np

from cxrbase.files import InputError
from cxrscore.clinical.language import not_english
from cxrscore.clinical.scores import F1_NAMES, NOTES, OBSERVATIONS, f1_means
from cxrscore.score import records
from cxrscore.texts.scores import answered

WEIGHTS = "StanfordAIMI/RRG_scorers"


def _package(name, scores):
    try:
        module = importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"{scores} needs the package {name} ({error}): pip install {name}"
        ) from error
    try:
        return module, importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return module, "unknown"


def _load(make, name):
    try:
        return make()
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{name}: its weights could not be loaded ({line}). It fetches them from "
            f"huggingface.co/{WEIGHTS}; check the network and its cache folder."
        ) from error


def _in_english(group, references, counts, scores, words, notes=None):
    """The records, undefined where most references are in another language."""
    if reason := not_english(references):
        notes = dict.fromkeys(words, f"undefined: {reason}")

        def scores(sums, n):
            return dict.fromkeys(words, sums[..., 0] * np.nan)

    return records(group, counts, scores, words, notes=notes)


def chexbert_scores(
    references, predictions, section="impression", split="test", model=None
):
    """F1 of CheXbert's labels, as the package `f1chexbert` gives it.

    A label counts as 1 when positive or uncertain (the package's mode `rrg`), and in
    macro F1 a class that neither side holds counts as 0: both as in published
    scores. The report's text goes in as it is written; the tokeniser
    (`bert-base-uncased`) makes it lower case, and cuts it at 512 tokens.

    Args:
        references: sequence of strings `(n,)`. Studies without one are left out and
            counted.
        predictions: sequence of strings `(n,)`. A missing one is an empty report.
        section: string. What the references are: `"impression"`, `"findings"`, …
        split: string. Where they come from.
        model: a `f1chexbert.F1CheXbert`, if it is already loaded.

    Returns:
        A dict of scores (see `cxrscore.score`): `chexbert.micro_f1_14`,
        `chexbert.macro_f1_14`, `chexbert.micro_f1_5`, `chexbert.macro_f1_5`. All are
        undefined where most references are not English.

    Raises:
        InputError: if the package is not installed, or its weights do not load.

    Example:
    ```python
    chexbert_scores(["Edema."], ["Mild edema."])["chexbert.micro_f1_14"]["value"]
    ```

    Reference:
        - [Smit et al., 2020](https://arxiv.org/abs/2004.09167)
        - [Delbrouck et al., 2022](https://aclanthology.org/2022.findings-emnlp.319)
    """
    package, version = _package("f1chexbert", "CheXbert")
    references, predictions, left_out = answered(references, predictions)
    model = model or _load(package.F1CheXbert, "CheXbert")
    order = [list(model.target_names).index(name) for name in OBSERVATIONS]
    labels = {text: None for text in (*references, *predictions)}
    for text in labels:
        labels[text] = np.array(model.get_label(text.strip(), mode="rrg"))[order] == 1
    n = len(references)
    truth, said = (
        np.array([labels[text] for text in texts], bool).reshape(n, len(OBSERVATIONS))
        for texts in (references, predictions)
    )
    counts = np.concatenate([truth & said, truth ^ said], axis=1).astype("float64")

    def scores(sums, n):
        return f1_means(*np.split(sums, 2, axis=-1), absent=0.0)

    words = {
        "section": section,
        "split": split,
        "left_out": left_out,
        "labels": f"f1chexbert {version}, chexbert.pth of {WEIGHTS}",
        "casing": "as written; the tokeniser bert-base-uncased makes it lower case",
        "uncertain": "a label counts as 1 when positive or uncertain, else as 0",
        "score": "F1; in macro F1 a class that neither side holds counts as 0",
    }
    words = dict.fromkeys(F1_NAMES, words)
    return _in_english("chexbert", references, counts, scores, words, NOTES)


def radgraph_scores(
    references,
    predictions,
    section="impression",
    split="test",
    model_type="radgraph-xl",
    lower=True,
    model=None,
):
    """F1 of RadGraph's entities and relations, as the package `radgraph` gives it.

    Three scores, from lenient to strict: entities alone (`rg_e`), entities with
    whether they have a relation (`rg_er`, the one most papers quote), entities with
    their relations (`rg_bar_er`). An empty report scores 0.

    Args:
        references: sequence of strings `(n,)`. Studies without one are left out and
            counted.
        predictions: sequence of strings `(n,)`. A missing one is an empty report.
        section: string. What the references are: `"impression"`, `"findings"`, …
        split: string. Where they come from.
        model_type: string. `"radgraph"` (2021, most published scores),
            `"radgraph-xl"` (2024), or `"modern-radgraph-xl"`. Their scores differ.
        lower: bool. Make both texts lower case first. The package compares words with
            their case, so that `Edema` and `edema` would not match.
        model: a `radgraph.F1RadGraph` with `reward_level="all"`, if it is already
            loaded; `model_type` must then name its model.

    Returns:
        A dict of scores (see `cxrscore.score`): `radgraph.rg_e`,
        `radgraph.rg_er`, `radgraph.rg_bar_er`, each the mean over the studies. All are
        undefined where most references are not English.

    Raises:
        InputError: if the package is not installed, or its weights do not load.

    Example:
    ```python
    radgraph_scores(["Edema."], ["Mild edema."])["radgraph.rg_er"]["value"]
    ```

    Reference:
        - [Jain et al., 2021](https://arxiv.org/abs/2106.14463)
        - [Delbrouck et al., 2024](https://aclanthology.org/2024.findings-acl.765)
    """
    package, version = _package("radgraph", "RadGraph")
    references, predictions, left_out = answered(references, predictions)
    texts = [
        [(text.lower() if lower else text).strip() for text in side]
        for side in (references, predictions)
    ]
    n, names = len(references), ("rg_e", "rg_er", "rg_bar_er")
    rewards = np.zeros((n, len(names)))
    if any(reference and said for reference, said in zip(*texts, strict=True)):
        model = model or _load(
            lambda: package.F1RadGraph(reward_level="all", model_type=model_type),
            "RadGraph",
        )
        rewards = np.array(model(refs=texts[0], hyps=texts[1])[1], "float64").T

    def scores(sums, n):
        return dict(zip(names, np.moveaxis(sums, -1, 0) / max(1, n), strict=True))

    words = {
        "section": section,
        "split": split,
        "left_out": left_out,
        "labels": f"radgraph {version}, model {model_type} of {WEIGHTS}",
        "casing": "lower case" if lower else "as written",
        "score": "F1 of entities and relations of each study, mean over studies",
    }
    words = dict.fromkeys(names, words)
    return _in_english("radgraph", references, rewards, scores, words)

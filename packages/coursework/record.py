"""The form of `results.json`: read, checked, and refused in one line."""

import dataclasses
import json
import math
import re

import numpy as np

from cxrbase.files import InputError
from cxrbase.grounds import NAMED_GROUNDS
from cxrbase.refusals import require_file
from cxrscore.tables import BASELINES

SCHEMA = 1
LARGEST = 1e300  # Larger whole numbers are not exact floats.


def read_results(path):
    """Read and check a `results.json`.

    Args:
        path: string or `pathlib.Path`.

    Returns:
        A dict.

    Raises:
        InputError: if the file is missing, is not JSON, or is of another form.

    Example:
    ```python
    read_results("outputs/demo/07_multitask/results.json")["metrics"]
    ```
    """
    try:
        # A pipe or a device would never end.
        record = json.loads(require_file(path).read_text(encoding="utf-8"))
        # JSON may hold half of a character, which cannot be written to a page.
        json.dumps(record, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}).") from None
    try:
        check(record)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return record


def check(record):
    """Check that a record holds what a reader relies on.

    Args:
        record: dict, the content of a `results.json`.

    Raises:
        InputError: that names the field.

    Example:
    ```python
    check(json.loads(path.read_text()))
    ```
    """
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise InputError(f"results have another form than schema {SCHEMA}.")
    for name, kind in (
        *(("notebook", str), ("parameters", dict), ("metrics", dict)),
        *(("baselines", dict), ("weights", dict), ("environment", dict)),
        *(("durations", dict), ("dataset", dict)),
    ):
        if not isinstance(record.get(name), kind):
            mend = ": call results.dataset(…)" if name == "dataset" else ""
            raise InputError(f"results lack {name}{mend}.")
    dataset = record["dataset"]
    if dataset.get("ground") not in list(NAMED_GROUNDS):  # It may be a list itself.
        raise InputError(
            f"results: dataset ground is not one of {list(NAMED_GROUNDS)}."
        )
    if not isinstance(dataset.get("counts"), dict):
        raise InputError("results: dataset counts are missing.")
    if not isinstance(record["environment"].get("versions", {}), dict):
        raise InputError("results: environment versions are not a dict.")
    pretrained = record.get("pretrained", {})  # Optional: older results lack it.
    if not isinstance(pretrained, dict) or not all(
        isinstance(about, dict) for about in pretrained.values()
    ):
        raise InputError("results: pretrained does not map parts to dicts.")
    for name, metric in record["metrics"].items():
        _check_metric(name, metric)
    warnings, cautions = record.get("warnings", []), record.get("cautions", [])
    if not isinstance(warnings, list) or not all(
        isinstance(words, str) for words in warnings
    ):
        raise InputError("results: warnings is not a list of sentences.")
    if not isinstance(cautions, list) or not all(
        isinstance(each, list) and list(map(type, each)) == [str] * 3
        for each in cautions
    ):
        raise InputError("results: cautions is not a list of name, what and numbers.")
    check_answers(record.get("answers", {}))
    predicted = record.get("predicted", {})  # Optional, as the answers.
    if not isinstance(predicted, dict) or not all(map(_is_made, predicted.values())):
        raise InputError("results: predicted is not a dict of text, when and before.")


def check_answers(answers):
    """Check the answers to the exercises, an optional field of the results.

    Args:
        answers: dict. Keys are the exercises' numbers as strings.

    Raises:
        InputError: that names the answer.

    Example:
    ```python
    check_answers({"1": 0.71, "2": "The left one, since …", "3": None})
    ```
    """
    if not isinstance(answers, dict):
        raise InputError('results: answers are not a dict, {"1": answer_1, …}.')
    for number, answer in answers.items():
        if not (isinstance(number, str) and re.fullmatch(r"[0-9]+", number)):
            raise InputError(f"results: answer {number!r}: the name is not a number.")
        if not (answer is None or isinstance(answer, str) or _is_number(answer)):
            raise InputError(
                f"results: answer {number}: give one finite number or a text, "
                f"not {type(answer).__name__} {str(answer)[:40]!r}."
            )


def described(environment):
    """Keep the part of an environment that explains scores, without paths.

    Args:
        environment: a dataclass, such as of `cxrlib.environment.setup`, or `None`.

    Returns:
        A dict.

    Example:
    ```python
    described(setup())["device"]
    ```
    """
    if environment is None:
        return {}
    record = dataclasses.asdict(environment)
    for name in ("course", "data", "weights", "outputs"):
        record.pop(name)
    return record


def json_ready(value):
    """Give a record in JSON's own types.

    Args:
        value: anything. NumPy's numbers and arrays are unwrapped; a number that is not
            finite becomes `None`, and what JSON does not know, such as a path, a
            string.

    Returns:
        A value that `json` writes.

    Example:
    ```python
    json_ready({"loss": np.float32("nan")})  # {"loss": None}
    ```
    """
    if isinstance(value, dict):
        return {str(key): json_ready(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [json_ready(each) for each in value]
    if isinstance(value, np.generic | np.ndarray):
        return json_ready(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return str(value)


def _check_metric(name, metric):
    if not isinstance(metric, dict) or not isinstance(metric.get("protocol"), dict):
        raise InputError(f"results: metric {name} lacks its protocol.")
    if "split" not in metric["protocol"] or not isinstance(metric.get("n"), int):
        raise InputError(f"results: metric {name} does not say its split and n.")
    if "value" not in metric:
        raise InputError(f"results: metric {name} has no value.")
    _check_numbers(name, metric)
    if metric.get("value") is None and not metric.get("note"):
        raise InputError(f"results: metric {name} has no value and no note why.")
    changes = metric.get("perturbations", {})
    if not isinstance(changes, dict):
        raise InputError(f"results: metric {name}: perturbations is not a dict.")
    for label, change in changes.items():
        of = f"{name}, {label}"
        if not isinstance(change, dict) or not isinstance(change.get("protocol"), dict):
            raise InputError(f"results: metric {of} lacks its protocol.")
        _check_numbers(of, change)


def _check_numbers(name, record):
    for key in ("value", *BASELINES, "shuffled", "fall", "gain"):
        if record.get(key) is not None and not _is_number(record[key]):
            raise InputError(f"results: metric {name}: {key} is not a number.")
    for key in ("interval", "fall_interval", "gain_interval"):
        ends = record.get(key)
        if ends is not None and not (
            isinstance(ends, list) and len(ends) == 2 and all(map(_is_number, ends))
        ):
            raise InputError(f"results: metric {name}: {key} is not two numbers.")


def _is_made(prediction):
    """Whether it has a text, a time, and whether it came before the outcome."""
    kinds = {"text": str, "when": str, "before": bool}
    return isinstance(prediction, dict) and all(
        isinstance(prediction.get(name), kind) for name, kind in kinds.items()
    )


def _is_number(value):
    return isinstance(value, int | float) and abs(value) < LARGEST  # False for NaN.

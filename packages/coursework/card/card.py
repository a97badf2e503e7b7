"""The model card of a run: what a model is, what it reaches, what it is not for."""

import hashlib
import json
import pathlib
import re
import zipfile

import markupsafe

from coursework.card.limits import limits
from coursework.card.picture import embedded, find_picture, linked
from coursework.card.scores import first_table, shared_protocol, tables, tested
from coursework.legend import legend
from coursework.looks import templates
from coursework.results import read_results
from coursework.shown import warnings_of
from cxrbase.files import InputError, write_whole
from cxrbase.grounds import GROUNDS
from cxrscore.bootstrap import FIXED
from cxrscore.evaluate import read_predictions

UNKNOWN = "not known"
UNRECORDED = "licence not recorded"
REGISTERED = "cxrlib>"  # The prefix of the layers that the course registers.
CONDITIONING = {
    "latent": "the latents of both views, projected and added before every layer",
    "spatial": "cross-attention to the maps of both views before every layer",
    "none": "its text half does not see the image",
}
INDIANA = (
    "For the Indiana University / Open-i collection that is CC BY-NC-ND 4.0: use it, "
    "and pass on no changed copy, such as prepared shards."
)
LICENCES = {
    "phantom": ["Images and texts: phantoms, drawn by this project, MIT."],
    "drawn": [
        "Images: phantoms, drawn by this project, MIT.",
        "Texts: the reports that they were drawn from keep their own licence, which "
        f"also covers predictions.csv and what this card quotes. {INDIANA}",
    ],
    "real": [
        "Images and texts keep the licence of their collection, which also covers "
        f"predictions.csv and what this card quotes. {INDIANA}"
    ],
}


def write_model_card(folder, out=None):
    """Write the model card of a run, as Markdown and as a page.

    Everything in it is read from `results.json`, the `predictions.csv` that belongs
    to it, and the sizes in `model.keras`, if it is beside them. What is missing
    there is called not known or not recorded.

    Args:
        folder: string or `pathlib.Path`. A notebook's folder in a run, or what
            `evaluate` wrote; holds `results.json`.
        out: string, `pathlib.Path` or `None`. The folder to write into, by default
            `folder` itself.

    Returns:
        A pair, the paths of `model_card.md` and `model_card.html`.

    Raises:
        InputError: if `results.json` is missing or of another form.

    Example:
    ```python
    write_model_card("outputs/demo/07_multitask")
    ```

    Reference:
        - [Mitchell et al., 2019](https://doi.org/10.1145/3287560.3287596)
    """
    import mistune  # Comes with nbconvert.

    folder = pathlib.Path(folder)
    record = _read(folder / "results.json")
    options = {"autoescape": False, "finalize": _escaped}
    template = templates("coursework.card", **options).get_template("model_card.md.j2")
    said, picture = _card(record, folder), find_picture(folder)
    beside = linked(picture, pathlib.Path(out or folder))
    markdown = template.render(said, picture=beside)
    # With escape, markup in the Markdown is text, too.
    render = mistune.create_markdown(escape=True, plugins=["table"])
    body = render(template.render(said, picture=embedded(picture)))
    page = templates("coursework.card").get_template("model_card.html.j2")
    page = page.render(title=_title(record, folder), body=markupsafe.Markup(body))
    paths = [
        pathlib.Path(out or folder) / f"model_card.{kind}" for kind in ("md", "html")
    ]
    for path, text in zip(paths, (markdown, page), strict=True):
        with write_whole(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return tuple(paths)


def _read(path):
    """Check the fields that a card needs and `read_results` does not require."""
    record = read_results(path)
    for name, kind in (("model", dict), ("pretrained", dict), ("warnings", list)):
        if not isinstance(record.setdefault(name, kind()), kind):
            raise InputError(f"{path}: {name} is not a {kind.__name__}.")
    return record


def as_markdown(value):
    """Write a value so that Markdown and HTML take it for plain text.

    Args:
        value: anything. A report may hold bars, stars or a `<script>`.

    Returns:
        A string of one line.

    Example:
    ```python
    as_markdown("a|b <i>")  # "a\\|b \\<i\\>"
    ```
    """
    text = re.sub(r"[^\S\xa0]+", " ", str(value))  # Non-breaking spaces stay.
    text = re.sub(r"[\\`*\[\]<>|&$~#]", r"\\\g<0>", text)
    # An underscore inside a word is one already, as in bleu_4.
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", text)


def _escaped(value):
    """Escape what comes into the template, but not the output of its macros."""
    return value if isinstance(value, markupsafe.Markup) else as_markdown(value)


def _title(record, folder):
    return f"{folder.resolve().parent.name}/{record['notebook']}"


def _card(record, folder):
    """Everything that the template shows."""
    data = record["dataset"]
    predictions, trouble = _predictions(record, folder)
    metrics = tested(record["metrics"])
    shared = shared_protocol(metrics)
    return {
        "title": _title(record, folder),
        "alarm": _alarm(record),
        "warnings": [*_warnings(record), *(("", words) for words in trouble)],
        "model": _known(_model(record, folder)),
        "data": _known(_data(record, predictions)),
        "first": first_table(metrics),
        "fixed": FIXED if any("interval" in each for each in metrics.values()) else "",
        "shared": _words(shared),
        "groups": tables(metrics, shared),
        "legend": legend(record, metrics),
        "n_progress": len(record["metrics"]) - len(metrics),
        "limits": limits(record, predictions),
        "run": _known(_run(record)),
        "recompute": predictions is not None,
        "licences": [*LICENCES[data["ground"]], *_weights_licences(record)],
    }


def _warnings(record):
    """Pairs of a short name, which older results lack, and a sentence."""
    is_short = bool(record.get("cautions"))
    return [(name * is_short, words) for name, *_, words in warnings_of(record)]


def _alarm(record):
    """The line that must not be overlooked."""
    measured, trained = record["dataset"]["ground"], record["model"].get("ground")
    words = [GROUNDS[measured]] * (measured != "real")
    if trained in GROUNDS and trained not in ("real", measured):
        words.append(f"Trained on {GROUNDS[trained]}")
    return ". ".join([*words, "Not for clinical use."])


def _predictions(record, folder):
    """`(table or None, warnings)`; a table of another run is not read."""
    said, path = record.get("predictions"), folder / "predictions.csv"
    if not isinstance(said, dict):
        return None, []
    if not path.is_file():
        return None, ["predictions.csv is missing: what needs it is left out."]
    if hashlib.sha256(path.read_bytes()).hexdigest() != said.get("sha256"):
        return None, [
            "predictions.csv is not the file that belongs to results.json: what needs "
            "it is left out."
        ]
    return read_predictions(path), []


# === What it is, and what it was measured on ===


def _model(record, folder):
    about, parts = record["model"], model_parts(folder / "model.keras")
    parameters, weights = record["parameters"], record["weights"]
    if not (about or parts or weights):
        yield "model", "the results name none"
        return
    size = about.get("size", record["dataset"].get("image_size"))
    fit, crop = about.get("fit", UNKNOWN), about.get("crop", UNKNOWN)
    section = about.get("section", parameters.get("section"))
    kind = parameters.get("conditioning", about.get("conditioning"))
    for sizes in parts.values():
        if "vocabulary_size" in sizes:  # The text half; older files had only one kind.
            kind = sizes.get("conditioning", "latent")
    yield "trained on", about.get("trained_on")
    yield "reads", size and f"{size} × {size} pixels, fit {fit}, crop {crop}"
    if section:
        yield "writes", section
        yield "sees the image by", kind and f"{kind}: {CONDITIONING.get(kind, UNKNOWN)}"
    if "preset" in parameters:
        yield "preset", parameters["preset"]
    for words in dict.fromkeys(map(_words, parts.values())):
        yield (
            ", ".join(n for n, sizes in parts.items() if _words(sizes) == words),
            words,
        )
    if not parts:
        yield "sizes of its parts", None
    for part, origin in weights.items():
        what = record["pretrained"].get(part, {}).get("what")
        yield f"{part} started from", f"{origin}: {what}" if what else origin
    if not weights:
        yield "started from", None


def model_parts(path):
    """List the project's layers inside a `.keras` file, with their sizes.

    They are recognised by their registered name, `cxrlib>…`, which stays when a class
    moves to another module.

    Args:
        path: string or `pathlib.Path`. Its weights are not read.

    Returns:
        A dict of name to dict of sizes; empty if there is no such file or it
        cannot be read.

    Example:
    ```python
    model_parts("outputs/demo/07_multitask/model.keras")["encoder"]["blocks"]
    ```
    """
    try:
        with zipfile.ZipFile(path) as archive:
            model = json.loads(archive.read("config.json"))
    except (OSError, KeyError, ValueError, RecursionError, zipfile.BadZipFile):
        return {}
    parts, nodes = {}, [model]
    while nodes:
        node = nodes.pop(0)
        if isinstance(node, list):
            nodes = node + nodes
        if not isinstance(node, dict):
            continue
        nodes = [each for key, each in node.items() if key != "compile_config"] + nodes
        config = node.get("config")
        name = str(node.get("registered_name"))
        if name.startswith(REGISTERED) and isinstance(config, dict):
            sizes = {
                key: value for key, value in config.items() if _is_size(key, value)
            }
            if sizes:
                parts[str(config.get("name"))] = sizes
    return parts


def _is_size(key, value):
    values = value if isinstance(value, list) else [value]
    numbers = all(type(each) in (int, float) for each in values)
    return key == "conditioning" or bool(values and numbers)


def _data(record, predictions):
    data = record["dataset"]
    yield "ground", GROUNDS[data["ground"]]
    yield "studies", _words(data["counts"])
    yield "split by", data.get("split_by")
    for name, value in data.items():
        if name not in ("ground", "counts", "split_by") and value is not None:
            yield name.replace("_", " "), value
    if predictions is None:
        return
    words = [f"{len(predictions)} studies"]
    if "label" in predictions:
        labels = predictions["label"]
        words += [f"{(labels == 1).sum()} abnormal, {(labels == 0).sum()} normal"]
        words += [f"{labels.isna().sum()} not labelled"] * bool(labels.isna().any())
    if "reference" in predictions:
        empty = (predictions["reference"].str.strip() == "").sum()
        words += [f"{empty} without a reference"] * bool(empty)
    yield "evaluated", ", ".join(words)


def _run(record):
    environment = record["environment"]
    parameters = {k: _public(v) for k, v in record["parameters"].items()}
    precision = {True: "mixed_float16", False: "float32"}
    seconds = {name: f"{value} s" for name, value in record["durations"].items()}
    predictions = record.get("predictions") or {}
    checksum = str(predictions.get("sha256"))[:16]
    yield "parameters", _words(parameters)
    yield "seed", environment.get("seed")
    yield "device", environment.get("device")
    yield "precision", precision.get(environment.get("mixed_precision"))
    yield "Keras backend", environment.get("backend")
    yield "versions", _words(environment.get("versions") or {})
    yield "durations", _words(seconds)
    yield "written", record.get("written")
    if predictions:
        rows = predictions.get("rows")
        yield "predictions.csv", f"{rows} rows, SHA-256 {checksum}…"


def _public(value):
    """Only the last part of a path, not whose machine it was on."""
    path = pathlib.PurePath(str(value))
    return "/".join(("…", *path.parts[-2:])) if path.is_absolute() else value


def _weights_licences(record):
    for part, origin in record["weights"].items():
        if origin != "none":
            licence = record["pretrained"].get(part, {}).get("licence")
            yield f"{part}, {origin}: {licence or UNRECORDED}."


# === Words ===


def _words(values):
    return ", ".join(f"{name} {_word(value)}" for name, value in values.items())


def _word(value):
    if isinstance(value, list):
        return "-".join(map(str, value))
    return "''" if value == "" else value


def _known(pairs):
    """Pairs to show; what is missing is called not known."""
    return [
        (name, UNKNOWN if value is None or value == "" else value)
        for name, value in pairs
    ]

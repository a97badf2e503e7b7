"""Does the profile `full` come to its end? Every notebook, at its true sizes, once.

    python tests/full_check.py            (or: make full-check)

The texts and labels are the real Indiana collection's. What cannot be had everywhere
is replaced, and said to be: the films are drawn from the MeSH terms, and CheXNet and
GPT-2 base are files in their true formats that hold random numbers. Each notebook
then trains for one epoch. The scores mean nothing; that it ends, its memory and its
time are what is measured. It stands among the tests, for it writes those files as they
do, and outside `make test`, for it takes an hour.
"""

import concurrent.futures
import importlib.metadata
import json
import multiprocessing
import os
import pathlib
import platform
import shutil
import tempfile

import click
import pandas as pd
import psutil

from coursework.pages.scores import write_between_marks
from coursework.run.parameters import known_parameters
from coursework.run.plan import course_notebooks
from coursework.run.runner import BROKEN_OFF, run_notebooks
from coursework.status import in_words, read_status
from cxrbase.files import InputError, write_whole
from cxrbase.layout import REPORTS
from cxrbase.refusals import refusals_told
from cxrphantom.dataset import draw_from_reports
from cxrscore.tables import markdown

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATA = pathlib.Path(os.environ.get("CXR_REAL_DATA") or ROOT.parent / "shared" / "data")
PACKAGES = ("tensorflow", "keras", "keras-hub", "numpy")
FILM = 2048  # Pixels; the side of a drawn film, about that of a real one.
# What a GPU does in a minute, and a CPU in half an hour.
FEW = {"nih_images": 100, "transformer_samples": 10}
GPT2_BASE = {
    "vocabulary_size": 50257,
    "num_layers": 12,
    "num_heads": 12,
    "hidden_dim": 768,
    "intermediate_dim": 3072,
    "max_sequence_length": 1024,
}
LINE = "=" * 72
RANDOM = "RANDOM NUMBERS, not the published weights"
UNPROVED = (
    "what CheXNet's and GPT-2's own numbers bring: the files here are random",
    "the real films: these were drawn from their MeSH terms",
    "a GPU: on a T4 the layers compute in float16, and 15 GB hold model and batch",
    "a whole training: here it is one epoch, of few studies",
    "the memory of all studies: an array of the train split grows with it",
)


# === What is put in the place of what cannot be had ===


def write_chexnet(path, sizes=None, seed=0):
    """Write CheXNet's file as Keras 2 did, with its head of 14 labels."""
    import keras
    from densenets import with_head, write_keras2

    from cxrlib.models.encoder import CheXNetEncoder

    keras.utils.set_random_seed(seed)
    encoder = CheXNetEncoder(**(sizes or {}))
    write_keras2(path, with_head(encoder))


def write_gpt2(folder, vocabulary, sizes=GPT2_BASE, seed=0):
    """Write Hugging Face's folder of a GPT-2, its causal masks included."""
    import numpy as np
    from gpt2_folders import CONFIG
    from safetensors.numpy import save_file

    from cxrlib.models.text import find_gpt2_files
    from cxrlib.pretrained.gpt2 import SIZES
    from cxrlib.pretrained.gpt2_tensors import SAFETENSORS, tensor_table

    rng, tensors = np.random.default_rng(seed), {}
    for name, (shape, _) in tensor_table(sizes).items():
        tensors[name] = rng.normal(0, 0.02, shape).astype("float32")
        if ".ln_" in f".{name}" and name.endswith("weight"):
            tensors[name] += 1
    places = sizes["max_sequence_length"]
    mask = np.tri(places, dtype="float32")[None, None]
    for i in range(sizes["num_layers"]):
        tensors[f"h.{i}.attn.bias"] = mask
    folder.mkdir(parents=True)
    save_file(tensors, folder / SAFETENSORS, metadata={"format": "pt"})
    config = CONFIG | {theirs: sizes[ours] for ours, theirs in SIZES.items()}
    (folder / "config.json").write_text(json.dumps(config))
    files = find_gpt2_files(vocabulary)
    for path, name in zip(files, ("vocab.json", "merges.txt"), strict=True):
        shutil.copy(path, folder / name)


def write_kerashub(folder, hugging_face):
    """Write the same GPT-2 as KerasHub's preset, and compare what is read of both."""
    import keras_hub
    import numpy as np

    from cxrlib.pretrained.gpt2 import read_gpt2

    gpt2 = read_gpt2(hugging_face)
    gpt2.save_to_preset(str(folder))
    files = (str(hugging_face / name) for name in ("vocab.json", "merges.txt"))
    keras_hub.tokenizers.GPT2Tokenizer(*files).save_to_preset(str(folder))
    both = zip(gpt2.get_weights(), read_gpt2(folder).get_weights(), strict=True)
    assert all(np.array_equal(*pair) for pair in both), folder


def write_weights(folder, vocabulary):
    """Write CheXNet and GPT-2 base under the names that the course looks for."""
    from cxrlib.pretrained.registry import entry

    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        hugging_face = pathlib.Path(scratch) / "gpt2"
        write_gpt2(hugging_face, vocabulary)
        write_kerashub(folder / entry("gpt2").file, hugging_face)
    write_chexnet(folder / entry("chexnet").file)


def elsewhere(function, *arguments):
    """Call it in a process of its own: what it held is free again afterwards."""
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, spawn) as pool:
        pool.submit(function, *arguments).result()


# === The runs ===


def overrides(notebooks, tables, nih):
    """What `full` is given besides: one epoch of everything, and the stand-ins."""
    known = set().union(*map(known_parameters, notebooks))
    given = {name: 1 for name in known if name.split("_")[-1] == "epochs"}
    given |= {"encoder_weights": "chexnet", "gpt2": "gpt2"}  # "auto" is for real films.
    given |= {"test_share": 0.25, "real_reports": str(tables)}
    given["nih"] = str(nih) if nih.is_dir() else "none"
    given |= FEW
    return {name: value for name, value in given.items() if name in known}


def table_of(notebooks, out):
    """A row per notebook: minutes, memory and disk, and whether it came to its end."""
    rows = []
    for path in notebooks:
        folder = out / path.stem
        status = read_status(folder)
        ended = status.get("status") == "done"
        files = [each for each in folder.rglob("*") if each.is_file()]
        row = {"notebook": path.stem, "minutes": f"{status.get('minutes', 0):.1f}"}
        row["peak GB"] = f"{(status.get('megabytes') or 0) / 1e3:.1f}"
        row["GB left"] = f"{sum(each.stat().st_size for each in files) / 1e9:.2f}"
        row["ended"] = "yes" if ended else f"NO: {in_words(status) or 'not run'}"
        rows.append(row)
    return pd.DataFrame(rows)


def machine():
    """This machine and the versions, in a line."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in PACKAGES]
    memory = psutil.virtual_memory().total / 1e9
    busy = os.getloadavg()[0]
    return (
        f"{platform.machine()}, {psutil.cpu_count()} cores, {memory:.0f} GB, no GPU; "
        f"load {busy:.1f} at the start. Python {platform.python_version()}, "
        f"{', '.join(versions)}."
    )


def report(table, studies, given, where):
    """The table in Markdown, with what it rests on and what stays unproved."""
    changed = ", ".join(
        f"`{name}={pathlib.Path(str(value)).name}`" for name, value in given.items()
    )
    return "\n".join(
        [
            f"Real reports of {studies} studies with drawn films of {FILM} × {FILM} "
            f"pixels; CheXNet and GPT-2 base in their true formats hold {RANDOM}. "
            f"Profile `full`, but {changed}.",
            "",
            where,
            "",
            markdown(table.rename(columns={"notebook": "of"})).replace(
                "| of |", "| notebook |", 1
            ),
            "",
            "Unproved:",
            "",
            *(f"- {words}" for words in UNPROVED),
        ]
    )


@click.command()
@click.argument("notebooks", nargs=-1, type=click.Path(path_type=pathlib.Path))
@click.option(
    "--tables",
    type=click.Path(path_type=pathlib.Path),
    default=DATA / "indiana",
    help="Folder with the real indiana_reports.csv; $CXR_REAL_DATA/indiana.",
)
@click.option(
    "--vocabulary",
    type=click.Path(path_type=pathlib.Path),
    default=DATA / "gpt2_tokenizer",
    help="Folder with GPT-2's vocabulary and merges.",
)
@click.option(
    "--nih",
    type=click.Path(path_type=pathlib.Path),
    default=DATA / "nih",
    help="Folder of NIH films for 04b; phantoms stand in where there is none.",
)
@click.option("--studies", type=click.IntRange(12), default=24, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=pathlib.Path),
    default="outputs/full-check",
    show_default=True,
)
@click.option("--resume", is_flag=True, help="Leave out what is done and complete.")
@click.option(
    "--readme",
    type=click.Path(path_type=pathlib.Path),
    help="Write the table into this file as well, between its two marks.",
)
def main(notebooks, tables, vocabulary, nih, studies, out, resume, readme):
    """Run NOTEBOOKS, by default all of the course, with the profile `full`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from cxrlib.models.text import find_gpt2_files

    if not (tables / REPORTS).is_file():
        raise InputError(
            f"{tables / REPORTS}: is not there. Give --tables, the folder with the "
            "real tables of the Indiana collection, or set $CXR_REAL_DATA to the "
            "folder above it."
        )
    if len(find_gpt2_files(vocabulary)) != 2:
        raise InputError(
            f"{vocabulary}: holds no vocabulary of GPT-2. Give --vocabulary, a folder "
            "with encoder.json and vocab.bpe, or vocab.json and merges.txt."
        )
    notebooks, where = list(notebooks) or course_notebooks(), machine()
    before = out / "full_check.json"
    if resume and before.exists():  # The minutes are of that run.
        where = json.loads(before.read_text(encoding="utf-8"))["machine"]
    with refusals_told(out):
        out.mkdir(parents=True, exist_ok=True)
    drawn, _ = draw_from_reports(tables / REPORTS, out / "drawn", studies, size=FILM)
    given = overrides(notebooks, tables, nih)
    with tempfile.TemporaryDirectory(dir=out) as weights:
        weights = pathlib.Path(weights).resolve()
        elsewhere(write_weights, weights, vocabulary)
        click.echo(f"{LINE}\nWEIGHTS: CheXNet and GPT-2 hold {RANDOM}.\n{LINE}")
        env = {"CXR_DATA": str(drawn.resolve()), "CXR_WEIGHTS": str(weights)}
        failed = run_notebooks(notebooks, out, given, "full", env=env, resume=resume)
    if failed == BROKEN_OFF:
        raise SystemExit(failed)
    table = table_of(notebooks, out)
    text = report(table, studies, given, where)
    record = {"machine": where, "overrides": given, "unproved": UNPROVED}
    record |= {"studies": studies, "runs": table.to_dict("records")}
    for name, content in (
        ("full_check.md", text),
        ("full_check.json", json.dumps(record, indent=2)),
    ):
        with write_whole(out / name) as temporary:
            temporary.write_text(f"{content}\n", encoding="utf-8")
    if readme:
        write_between_marks(readme, text, "full-check")
    click.echo(text)
    raise SystemExit(failed)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        raise SystemExit(str(error)) from error

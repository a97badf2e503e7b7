"""The trained models of a run in one zip, and back to where the notebooks look.

A training that is unpacked counts as finished: its notebook takes the model and trains
nothing, if data and settings are those of the run (see `cxrlib.training.train`).
"""

import hashlib
import importlib.metadata
import json
import pathlib
import re
import shutil
import zipfile
import zlib

from coursework.record import read_results
from cxrbase.files import write_whole
from cxrbase.refusals import InputError, in_one_line, require_file

MANIFEST = "checkpoints.json"
MODEL = "model.keras"
_NAME = re.compile(
    r"\d\d[a-z]?_\w+/"
    r"(model\.keras|history\.csv|settings\.json|checkpoint-\d{4}\.keras)"
)
PIECE = 1 << 20
# What reading a zip raises, RuntimeError if it is encrypted or of an unknown packing.
UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, RuntimeError),
    *(KeyError, ValueError, TypeError),
)


def pack_checkpoints(run_dir, out, only=()):
    """Pack every notebook's `model.keras`, and what shows that its training is done.

    Args:
        run_dir: string or `pathlib.Path`. A run, such as `outputs/course`.
        out: string or `pathlib.Path`. The zip. With the models it holds
            `checkpoints.json`: sizes, SHA-256 checksums, and the versions that wrote
            them.
        only: sequence of strings. Names of notebooks; by default all that left a model.

    Returns:
        A dict, the name of each file to its bytes.

    Raises:
        InputError: if the run, or one of `only`, has left no model, a training is not
            finished, or `out` is no zip.

    Example:
    ```python
    pack_checkpoints("outputs/course", "course-models.zip")
    ```
    """
    run_dir, out = pathlib.Path(run_dir), pathlib.Path(out)
    if out.suffix.lower() != ".zip":
        raise InputError(f"{out}: not a zip; name one, such as course-models.zip.")
    files, versions = {}, {}
    models = sorted(run_dir.glob(f"[0-9][0-9]*_*/{MODEL}"))
    absent = sorted(set(only) - {model.parent.name for model in models})
    if absent:
        raise InputError(f"{run_dir / absent[0] / MODEL}: there is no such file.")
    for model in models:
        if only and model.parent.name not in only:
            continue
        folder = model.parent
        files[f"{folder.name}/{MODEL}"] = model
        if (folder / "settings.json").exists():
            # The checkpoint comes last: it says that the training is done.
            for name in ("history.csv", "settings.json"):
                files[f"{folder.name}/{name}"] = folder / name
            files[f"{folder.name}/{_finished(folder)}"] = None
        if (folder / "results.json").exists():
            found = read_results(folder / "results.json")["environment"]
            versions |= found.get("versions") or {}
    if not files:
        raise InputError(
            f"{run_dir}: no notebook has left a {MODEL} here. Name a run, such as "
            "outputs/course, made by: python -m cxrlib run --profile course"
        )
    listed = {}
    with (
        write_whole(out) as temporary,
        zipfile.ZipFile(temporary, "w") as zipped,  # Weights hardly shrink.
    ):
        for name, path in files.items():
            digest, size = hashlib.sha256(), 0
            with zipped.open(zipfile.ZipInfo(name), "w", force_zip64=True) as packed:
                for piece in _pieces(path):
                    digest.update(piece)
                    size += packed.write(piece)
            listed[name] = {"bytes": size, "sha256": digest.hexdigest()}
        manifest = {"versions": versions, "files": listed}
        zipped.writestr(MANIFEST, json.dumps(manifest, indent=2) + "\n")
    return {name: each["bytes"] for name, each in listed.items()}


def _finished(folder):
    """The name of the last checkpoint of a training, if all its epochs are done."""
    epochs = json.loads((folder / "settings.json").read_text(encoding="utf-8"))[
        "epochs"
    ]
    name = f"checkpoint-{epochs:04d}.keras"
    if not (folder / name).exists():
        raise InputError(
            f"{folder / name}: is missing, so the training is not finished. Run the "
            "notebook to its end before you pack."
        )
    return name


def _pieces(path):
    """The bytes of a file, piece by piece; none of a checkpoint, which is the model."""
    if path is not None:
        with open(path, "rb") as file:
            yield from iter(lambda: file.read(PIECE), b"")


def unpack_checkpoints(archive, run_dir):
    """Unpack models into a run's folder, each checked by its checksum.

    Args:
        archive: string or `pathlib.Path`. What `pack_checkpoints` has written.
        run_dir: string or `pathlib.Path`, such as `outputs/course`.

    Returns:
        A dict, the name of each file to whether it was written; one that is there
        already, with the same content, is left as it is.

    Raises:
        InputError: if the zip is missing, damaged or holds anything else, or the run
            holds another model: nothing is written then.

    Example:
    ```python
    unpack_checkpoints("course-models.zip", "outputs/course")
    ```
    """
    archive, run_dir = require_file(archive, "zip of models"), pathlib.Path(run_dir)
    try:
        with zipfile.ZipFile(archive) as zipped:
            manifest = json.loads(zipped.read(MANIFEST))
            if not isinstance(manifest, dict) or not isinstance(
                manifest.get("files"), dict
            ):
                raise ValueError(f"{MANIFEST} lists no files")
            listed = {
                str(name): str(each["sha256"])
                for name, each in manifest["files"].items()
            }
            strange = [name for name in listed if not _NAME.fullmatch(name)]
            if strange:
                raise ValueError(f"it names {strange[0]}")
            wanted = {name: _differs(run_dir / name, listed[name]) for name in listed}
            for name in listed:
                if wanted[name]:
                    _check(zipped, name, listed[name])
            for name in listed:
                if wanted[name]:
                    _unpack(zipped, name, run_dir / name)
    except InputError:
        raise
    except UNREADABLE as error:
        raise InputError(
            f"{archive}: is damaged, or not what `checkpoints pack` has written "
            f"({in_one_line(error)}). Fetch it again."
        ) from None
    _warn(archive, manifest.get("versions"))
    return wanted


def _differs(path, digest):
    """Whether a file is to be written; one of another training is refused."""
    if not path.exists():
        return True
    found = hashlib.sha256()
    for piece in _pieces(path):
        found.update(piece)
    # A checkpoint of the same name says the same, whatever it holds.
    if found.hexdigest() == digest or path.name.startswith("checkpoint-"):
        return False
    raise InputError(
        f"{path}: is of another training. Remove {path.parent}, or name another run "
        "folder."
    )


def _check(zipped, name, digest):
    found = hashlib.sha256()
    with zipped.open(name) as packed:
        for piece in iter(lambda: packed.read(PIECE), b""):
            found.update(piece)
    if found.hexdigest() != digest:
        raise ValueError(f"{name} has another checksum")


def _unpack(zipped, name, path):
    with (
        write_whole(path) as temporary,
        zipped.open(name) as packed,
        open(temporary, "wb") as out,
    ):
        shutil.copyfileobj(packed, out, PIECE)


def _warn(archive, versions):
    """Say so where an older Keras may not read what a newer one has written."""
    written = str(versions.get("keras", "")) if isinstance(versions, dict) else ""
    try:
        here = importlib.metadata.version("keras")
        older = _numbers(here) < _numbers(written)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return
    if older:
        print(
            f"WARNING: {archive}: was written by Keras {written}, and this is Keras "
            f"{here}, which may not read it. Pack a run made with Keras {here}."
        )


def _numbers(version):
    return [int(part) for part in version.split(".")[:2]]

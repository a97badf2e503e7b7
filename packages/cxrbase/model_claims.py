"""A model file checked before Keras opens it: what it is, claims and asks for.

A few bytes can claim gigabytes, and a configuration can ask for code. Keras' safe mode
refuses most of it; what is refused here does not depend on Keras' version.
"""

import contextlib
import io
import json
import os
import zipfile

import h5py

ZIP, HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
SUFFIXES = {ZIP: (".keras",), HDF5: (".h5", ".hdf5")}
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MOST_CONFIG = 16 * 2**20  # Bytes.
MOST_PARTS = 200_000  # Values in a configuration.
# Keras compresses nothing; others may, and weights shrink only a little.
SWELLS, SLACK = 4, 16 * 2**20
LARGEST = 10**8  # Units, filters, words: more is a mistake or an attack.
ANY_NUMBER = ("seed", "shared_object_id")
# Layers and objects that run code in the file, or beside it.
CODE = ("Lambda", "__lambda__", "TFSMLayer", "TorchModuleWrapper", "FlaxLayer")
CODE += ("JaxLayer",)
PACKAGES = ("keras", "keras_hub", "builtins")
# Parts of Keras that fetch, read and write files, or switch its safety off.
NO_LAYERS = {"utils", "saving", "config", "export", "backend", "callbacks", "datasets"}
NO_LAYERS |= {"distribution", "visualization", "wrappers", "applications", "legacy"}


def check_model_file(path, compile, is_known):
    """Refuse a file that is not a model, claims too much or asks for code.

    Args:
        path: `pathlib.Path` of a file.
        compile: bool. Whether its loss and optimizer are needed, too; otherwise they
            are not read, by Keras either.
        is_known: function from the name that a class is registered under to a bool.

    Returns:
        An int: how many numbers its weights can have.

    Raises:
        ValueError: with the reason.
    """
    with open(path, "rb") as file:
        start = file.read(8)
    kind = next((kind for kind in SUFFIXES if start.startswith(kind)), None)
    if kind is None:
        what = f"it begins with {start!r}" if start else "it is empty"
        raise ValueError(f"{what}, as neither .keras nor HDF5 does")
    if path.suffix.lower() not in SUFFIXES[kind]:
        right = " or ".join(SUFFIXES[kind])
        raise ValueError(f"by its content it is {right}, so rename it")
    if kind == ZIP:
        return _check_archive(path, compile, is_known)
    with h5py.File(path, "r") as file:
        check_hdf5(file, path.stat().st_size)
        for name in ("model_config", "training_config")[: 1 + compile]:
            if name in file.attrs:
                check_config(file.attrs[name], is_known)
        if "model_config" not in file.attrs:
            raise ValueError("it holds weights alone, and no model")
    return path.stat().st_size


def _check_archive(path, compile, is_known):
    with zipfile.ZipFile(path) as archive:
        check_members(archive, path)
        names = archive.namelist()
        for name in (CONFIG, WEIGHTS):
            if names.count(name) != 1:
                raise ValueError(f"it lacks its {name}, or has two")
        config, weights = archive.getinfo(CONFIG), archive.getinfo(WEIGHTS)
        if config.file_size > MOST_CONFIG:
            raise ValueError(f"its {CONFIG} has {config.file_size:,} bytes")
        unread = () if compile else ("compile_config",)
        check_config(archive.read(config), is_known, unread)
        with _member(archive, weights, path) as content, h5py.File(content) as file:
            check_hdf5(file, weights.file_size)
    return weights.file_size


def check_members(archive, path):
    """Refuse an archive that expands too much, or whose names lead out of a folder."""
    for member in archive.infolist():
        parts = member.filename.replace("\\", "/").split("/")
        if member.filename.startswith("/") or ".." in parts or ":" in parts[0]:
            raise ValueError(f"its member {member.filename[:80]!r} leads elsewhere")
    claimed = sum(member.file_size for member in archive.infolist())
    if claimed > SWELLS * os.path.getsize(path) + SLACK:
        raise ValueError(f"unpacked it would have {claimed:,} bytes")


@contextlib.contextmanager
def _member(archive, member, path):
    """A member as a file that can be read anywhere; not copied if not compressed."""
    if member.compress_type != zipfile.ZIP_STORED:
        yield io.BytesIO(archive.read(member))
        return
    with open(path, "rb") as file:
        with archive.open(member):  # It checks the member's own header,
            file.seek(member.header_offset + 26)
            sizes = file.read(4)  # which has a name and an extra field of its own.
        start = member.header_offset + 30
        start += int.from_bytes(sizes[:2], "little")
        start += int.from_bytes(sizes[2:], "little")
        yield _Window(file, start, member.file_size)


class _Window(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file, start, size):
        self.file, self.start, self.size, self.place = file, start, size, 0

    def seek(self, place, whence=os.SEEK_SET):
        """Go to a place; return it."""
        self.place = place + {0: 0, 1: self.place, 2: self.size}[whence]
        return self.place

    def tell(self):
        """The place that is read next."""
        return self.place

    def readinto(self, buffer):
        """Fill a buffer; return how many bytes there were."""
        self.file.seek(self.start + self.place)
        content = self.file.read(max(0, min(len(buffer), self.size - self.place)))
        buffer[: len(content)] = content
        self.place += len(content)
        return len(content)


def check_hdf5(file, size):
    """Refuse an HDF5 file that claims more than it holds, or leads elsewhere.

    Args:
        file: an open `h5py.File`.
        size: int. Bytes that it has.

    Raises:
        ValueError: with the reason.
    """
    claimed = 0

    def look(name, item):
        nonlocal claimed
        if isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"its {name} is in another file")
            claimed += item.size * item.dtype.itemsize
            if claimed > SWELLS * size + SLACK:
                raise ValueError(f"{name} claims to have {item.size} numbers")
            return
        for key in item:
            link = item.get(key, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ValueError(f"its {name}/{key} is in another file")

    look("", file)
    file.visititems(look)


def check_config(text, is_known, unread=()):
    """Refuse a configuration that asks for code, or for sizes beyond reason.

    Args:
        text: string or bytes of JSON.
        is_known: function, see `check_model_file`.
        unread: sequence of strings. Top-level fields that are not used.

    Raises:
        ValueError: with the reason. RecursionError: if it is nested too deep.
    """
    whole = json.loads(text)
    if isinstance(whole, dict):
        whole = {name: each for name, each in whole.items() if name not in unread}
    found = [("", whole)]
    for number, (name, value) in enumerate(found):
        if number > MOST_PARTS:
            raise ValueError(f"its configuration has more than {MOST_PARTS:,} values")
        if isinstance(value, dict):
            _check_object(value, is_known)
            found += value.items()
        elif isinstance(value, list):
            found += ((name, each) for each in value)
        elif isinstance(value, str | None) or name in ANY_NUMBER:
            continue
        elif not abs(value) <= LARGEST:
            raise ValueError(f"{name} is {value}, {LARGEST:,} at most")


def _check_object(value, is_known):
    """Refuse what is neither a layer, loss or function of Keras nor registered."""
    name, module = value.get("class_name"), value.get("module")
    if name is None and module is None:
        return
    registered = str(value.get("registered_name") or name).split(">")[-1]
    for each in (name, registered):
        if each in CODE:
            raise ValueError(f"it asks for {each}, which runs code of its own")
    if module is None:
        return
    package, *rooms = str(module).split(".")
    known = package in PACKAGES or is_known(str(value.get("registered_name")))
    if not known:
        raise ValueError(f"it asks for {module}.{name}, which is not part of Keras")
    led = NO_LAYERS & set(rooms[:2]) and "optimizers" not in rooms  # A backend's own.
    if led and package == "keras":
        raise ValueError(f"it asks for {module}.{name}, which is not a layer")

"""What all commands have in common: one line for what a user can fix."""

import contextlib
import importlib.util
import json
import os
import pathlib
import signal
import sys

import click

from cxrbase.files import InputError
from cxrbase.parallel import signals_interrupt
from cxrbase.refusals import refusal

OURS = ("cxrlib", "coursework", "cxrscore", "cxrphantom", "cxrbase")
# Keras' backends, by the names of their packages.
BACKENDS = ("tensorflow", "jax", "torch", "openvino", "numpy")
# What `keras.json` may say, as Keras itself checks it.
SETTINGS = {
    "floatx": lambda value: value in ("float16", "float32", "float64"),
    "epsilon": lambda value: isinstance(value, float),
    "backend": lambda value: value in BACKENDS,
    "image_data_format": lambda value: value in ("channels_last", "channels_first"),
}


class Commands(click.Group):
    """Show what is wrong with the input in one line instead of a traceback.

    A fault of the program still shows its traceback.
    """

    def parse_args(self, context, args):
        """Refuse characters that neither a file name nor a text can hold."""
        if any("\0" in str(each) for each in args):
            raise click.UsageError("An argument holds a NUL; take it out.")
        return super().parse_args(context, args)

    def invoke(self, context):
        """Run a command; what a user can fix becomes one line."""
        try:
            with signals_interrupt():  # SIGTERM acts as Ctrl-C: no process is left.
                return super().invoke(context)
        except BrokenPipeError:  # `| head` has read enough; click ends quietly.
            raise
        except KeyboardInterrupt:
            click.echo("Stopped.", err=True)
            context.exit(128 + signal.SIGINT)
        except click.exceptions.Exit:
            raise
        except Exception as error:
            words = _in_words(error, context.invoked_subcommand)
            if words is None:
                raise
            raise click.ClickException(" ".join(words.split())) from error


def _in_words(error, command):
    """What a user can fix, and how, or `None` for a fault of the program."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{command} needs more memory than there is ({error}). Take less."
    if isinstance(error, OSError) and error.errno is not None:
        return refusal(error, error.filename or command)
    if isinstance(error, RuntimeError) and "Symlink loop" in str(error):
        return f"{error}. Check the path."  # pathlib's own kind, up to Python 3.12.
    missing = isinstance(error, ModuleNotFoundError) and str(error.name)
    # A light installation cannot even check whether Keras is there.
    if missing not in ("keras", "tensorflow") and (words := _keras_is_set_wrongly()):
        return words
    if missing and missing.partition(".")[0] not in OURS:
        return (
            f"{command} needs {missing}, which a light installation lacks. In the "
            "course's folder run: pip install '.[train,batch,dicom]'"
        )
    return None


def _keras_is_set_wrongly():
    """Why Keras cannot be imported, or `None`; checked when something has failed."""
    if "keras.src.models" in sys.modules:
        return None
    home = os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras"
    path = pathlib.Path(home) / "keras.json"
    settings = {}
    with contextlib.suppress(OSError, ValueError):  # Keras does without it, too.
        settings = json.loads(path.read_text(encoding="utf-8"))
    mend = f"{path}: fix or delete it; Keras cannot use"
    if not isinstance(settings, dict):
        return f"{mend} what is no mapping."
    for name, fits in SETTINGS.items():
        if name in settings and not fits(settings[name]):
            return f"{mend} {name}={settings[name]!r}."
    backend = os.environ.get("KERAS_BACKEND") or settings.get("backend", "tensorflow")
    if backend not in BACKENDS:
        return f"KERAS_BACKEND={backend}: choose one of {', '.join(BACKENDS)}."
    if backend != "tensorflow" and not importlib.util.find_spec(backend):
        return f"KERAS_BACKEND={backend}: is not installed; choose tensorflow."
    return None

"""The process of a `Decoder`: bytes in, pixels or a refusal out. It knows no Keras."""

import contextlib
import io
import os
import signal
import sys

import numpy as np

from cxrbase.files import InputError
from cxrbase.images import CONSTANT, decode_noted
from cxrlib.app.decoder import receive, send
from cxrlib.app.tags import TAGS


def main(memory):
    """Answer film after film, until the pipe closes."""
    import cv2

    cv2.setNumThreads(1)
    for name in {"SIGINT", "SIGHUP"} & set(dir(signal)):
        signal.signal(getattr(signal, name), signal.SIG_IGN)  # The parent handles it.
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # Nothing is written.
    # What a library prints must not get among the answers.
    pipe = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while True:
        try:
            said, data = receive(sys.stdin.buffer)
        except EOFError:
            return
        answer, pixels = decode(data, said["name"])
        send(pipe, answer, pixels)


def decode(data, name):
    """What is sent back for a film: a JSON object, and the pixels.

    Args:
        data: bytes.
        name: string. What the film is called in a refusal.

    Returns:
        A dict and the bytes of a float32 array.

    Example:
    ```python
    decode(b"no film", "The frontal")[0]["refused"]
    ```
    """
    try:
        image, notes = decode_noted(data, name)
        if CONSTANT in notes:
            return {"refused": f"{name} shows nothing: {CONSTANT}."}, b""
    except InputError as error:
        return {"refused": str(error).replace(f"{name}: ", f"{name} ", 1)}, b""
    except MemoryError:
        words = "needs too much memory to be read. Export it smaller."
        return {"refused": f"{name} {words}"}, b""
    except Exception as error:
        words = f"cannot be read ({type(error).__name__}). Export it as PNG."
        return {"refused": f"{name} {words}"}, b""
    answer = {"shape": image.shape, "notes": notes, "tags": read_tags(data)}
    return answer, np.ascontiguousarray(image, "float32").tobytes()


def read_tags(data):
    """The few tags that say whether it is a chest; the others are never looked at."""
    if data[128:132] != b"DICM":
        return {}
    import pydicom

    try:
        file = pydicom.dcmread(
            io.BytesIO(data), stop_before_pixels=True, specific_tags=list(TAGS)
        )
        return {
            name: str(file.get(name) or "").strip().upper()[:40]
            for name in TAGS
            if name in file
        }
    except Exception:  # The pixels could be read; pydicom raises about ten kinds.
        return {}


if __name__ == "__main__":
    main(int(sys.argv[1]))

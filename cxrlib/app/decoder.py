"""Films of strangers are decoded in a process of their own, with a limit on each.

A film that makes a decoder hang, crash or swallow memory costs that process, and the
next film gets a new one. What comes back is JSON and pixels, nothing that is unpickled:
whoever breaks a decoder holds a process that writes no file, but not the server's
memory. It runs as the same user, and may read what that user may.
"""

import json
import os
import struct
import subprocess
import sys
import threading

import numpy as np

from cxrlib.app.limits import Refusal

# What a film is called in messages: the user's name for it may name a patient.
NAMES = {"frontal": "The frontal", "lateral": "The lateral"}
HEAD = struct.Struct("<II")  # Lengths of the JSON and of what follows it.
# What is raised where the process ends, or answers nonsense.
BROKEN = (EOFError, OSError, ValueError, AttributeError, KeyError, TypeError)
MOST_PIXELS = 2**28  # Bytes; more than `cxrbase.films.formats` lets through.


class Decoder:
    """One process that decodes one film at a time.

    Args:
        seconds: float. How long a film may take.
        memory: int. Bytes of address space; not limited where the system can't.

    Example:
    ```python
    with contextlib.closing(Decoder()) as decoder:
        image, notes, tags = decoder.decode(data)
    ```
    """

    def __init__(self, seconds=20.0, memory=3 * 2**30):
        self.seconds, self.memory = seconds, memory
        self._lock, self._process = threading.Lock(), None

    def decode(self, data, view="frontal"):
        """Decode one film.

        Args:
            data: bytes.
            view: string. `"frontal"` or `"lateral"`, for messages.

        Returns:
            A triple: float32 array `(H, W)` in [0, 1]; a list of notes; a dict of the
            few DICOM tags that are looked at.

        Raises:
            Refusal: if it is no film that can be read, or takes too long.
        """
        with self._lock:
            self.start()
            process, late = self._process, threading.Event()

            def stop():
                late.set()
                process.kill()

            timer = threading.Timer(self.seconds, stop)
            timer.start()
            try:
                send(process.stdin, {"name": NAMES[view]}, data)
                said, film = _read(*receive(process.stdout))
            except BROKEN:
                self.close()
                words = "took too long to be read" if late.is_set() else "can't be read"
                words = f"{NAMES[view]} {words}. Export it again, as PNG."
                raise Refusal(422, "unreadable", words) from None
            finally:
                timer.cancel()
        if said:
            raise Refusal(422, "unreadable", said)
        return film

    def start(self):
        """Start the process, unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        # Not multiprocessing, whose children import the main module again.
        places = os.pathsep.join(each or os.getcwd() for each in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-m", "cxrlib.app.decode", str(self.memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # A decoder's complaints may quote the film.
            env={**os.environ, "PYTHONPATH": places},
        )

    def close(self):
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            try:
                pipe.close()
            except OSError:  # What was not written yet goes nowhere.
                continue


def _read(answer, pixels):
    """Why a film is refused, `""` if it isn't, and what `decode` returns."""
    if said := answer.get("refused"):
        return str(said), None
    height, width = answer["shape"]
    image = np.frombuffer(pixels, "float32").reshape(height, width)
    return "", (image, list(map(str, answer["notes"])), dict(answer["tags"]))


def send(pipe, said, data=b""):
    """Write a JSON object and some bytes."""
    said = json.dumps(said).encode()
    pipe.write(HEAD.pack(len(said), len(data)))
    pipe.write(said)
    pipe.write(data)
    pipe.flush()


def receive(pipe):
    """Read what `send` wrote.

    Raises:
        EOFError: if the pipe ends before.
    """
    lengths = HEAD.unpack(_exactly(pipe, HEAD.size))
    if max(lengths) > MOST_PIXELS:
        raise EOFError
    said, data = (_exactly(pipe, length) for length in lengths)
    return json.loads(said), data


def _exactly(pipe, length):
    data = pipe.read(length)
    if len(data) < length:
        raise EOFError
    return data

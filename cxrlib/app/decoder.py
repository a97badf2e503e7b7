"""Films of strangers are decoded in a process of their own, with a limit on each.

A film that makes a decoder hang, crash or swallow memory costs that process, and the
next film gets a new one. It imports NumPy and OpenCV, no Keras.
"""

import contextlib
import multiprocessing
import os
import signal
import threading

from cxrbase.files import InputError
from cxrbase.images import CONSTANT, decode_noted
from cxrlib.app.refusal import Refusal

TAGS = ("Modality", "ViewPosition", "BurnedInAnnotation", "BodyPartExamined")
# What a film is called in messages: the user's name for it may name a patient.
NAMES = {"frontal": "The frontal", "lateral": "The lateral"}
MODALITIES = ("CR", "DX", "RG", "")
FRONTALS = ("AP", "PA", "")
CHESTS = ("CHEST", "THORAX", "LUNG", "")


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
        self._lock, self._process, self._pipe = threading.Lock(), None, None

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
            try:
                self._pipe.send((data, view))
                if not self._pipe.poll(self.seconds):
                    raise TimeoutError
                answer = self._pipe.recv()
            except (TimeoutError, EOFError, OSError) as error:
                self.close()
                slow = isinstance(error, TimeoutError)
                words = "took too long" if slow else "broke the decoder"
                mend = "Export it again, as PNG."
                raise Refusal(
                    422, "unreadable", f"{NAMES[view]} {words} to be read. {mend}"
                    if slow else f"{NAMES[view]} {words}. {mend}",
                ) from None  # fmt: skip
        if isinstance(answer, str):
            raise Refusal(422, "unreadable", answer)
        return answer

    def start(self):
        """Start the process, unless it runs."""
        if self._process is not None and self._process.is_alive():
            return
        spawn = multiprocessing.get_context("spawn")  # TensorFlow's threads don't fork.
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(
            target=_serve, args=(theirs, self.memory), daemon=True, name="film decoder"
        )
        self._process.start()
        theirs.close()

    def close(self):
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join(5)
            self._pipe.close()
        self._process = self._pipe = None


# === In the process ===


def _serve(pipe, memory):
    """Answer films with images or words, until the pipe closes."""
    import cv2

    cv2.setNumThreads(1)
    for name in {"SIGINT", "SIGHUP"} & set(dir(signal)):
        signal.signal(getattr(signal, name), signal.SIG_IGN)  # The parent handles it.
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # Nothing is written.
    threading.Thread(target=_die_with_parent, daemon=True).start()
    while True:
        try:
            data, view = pipe.recv()
        except EOFError:
            return
        pipe.send(_decode(data, view))


def _decode(data, view):
    name = NAMES[view]
    try:
        image, notes = decode_noted(data, name)
        if CONSTANT in notes:
            return f"{name} shows nothing: {CONSTANT}."
        return image, notes, _tags(data)
    except InputError as error:
        return str(error).replace(f"{name}: ", f"{name} ", 1)
    except MemoryError:
        return f"{name} needs too much memory to be read. Export it smaller."
    except Exception as error:
        return f"{name} cannot be read ({type(error).__name__}). Export it as PNG."


def _tags(data):
    """The few tags that say whether it is a chest; all others are never read."""
    if data[128:132] != b"DICM":
        return {}
    import io

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


def _die_with_parent():
    multiprocessing.parent_process().join()
    os._exit(1)


# === What the tags say ===


def judge_tags(tags, view="frontal"):
    """What the tags of a film say against it, and what to warn of.

    Args:
        tags: dict, as `Decoder.decode` gives.
        view: string. What the film was sent as.

    Returns:
        A pair: why it is refused, or `""`, and a list of warnings.

    Example:
    ```python
    judge_tags({"Modality": "CT"})[0]  # "is of the modality CT, not a radiograph"
    ```
    """
    said, warnings = "", []
    modality, part = tags.get("Modality", ""), tags.get("BodyPartExamined", "")
    position = tags.get("ViewPosition", "")
    if modality not in MODALITIES:
        said = f"is of the modality {modality}, not a radiograph"
    elif part not in CHESTS:
        said = f"shows, as its header says, {part}, not a chest"
    elif view == "frontal" and position not in FRONTALS:
        said = f"is, as its header says, a view {position}, not a frontal"
    annotated = tags.get("BurnedInAnnotation")
    if annotated == "YES":
        warnings.append(
            f"The {view} says that text is burned into its pixels (Burned In "
            "Annotation); it may name the patient."
        )
    elif annotated is None and tags:
        warnings.append(
            f"The {view} does not say whether text is burned into its pixels. Look "
            "for names before you show it to anybody."
        )
    return said, warnings

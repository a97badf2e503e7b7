"""Many radiographs decoded in parallel processes, in order, in bounded memory.

The workers import NumPy and OpenCV only: this module stays as light as that.
"""

import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import pickle
import signal
import threading

import cv2
import numpy as np

from cxrlib.data.images import check_unit_range, read_radiograph, resize_square
from cxrlib.files import InputError

# Fewer studies than this are decoded in this process: starting others, which
# import everything anew, would take longer.
WORTH_A_POOL = 24
AHEAD = 4  # Studies decoded ahead per process; this, not the data, bounds memory.


def decode_pair(paths, size, fit="stretch", crop=None):
    """Read both views of a study as squares.

    Args:
        paths: pair of strings: the frontal's path, the lateral's.
        size: int. The side of the square, in pixels.
        fit: string. As in `resize_square`.
        crop: callable or `None`. Takes the frontal, float32 `(H, W)` in
            [0, 1], returns the part to keep, or `None` to keep it whole.

    Returns:
        A dict: `views`, by name, as uint8 `(size, size)` arrays; `problems`, a
        list of `(file, reason)`, empty if both views are good; and `whole`,
        whether the crop found nothing to cut off and gave `None`.

    Example:
    ```python
    views = decode_pair(("frontal.png", "lateral.png"), 224)["views"]
    ```
    """
    views, problems, whole = {}, [], False
    for name, path in zip(("frontal", "lateral"), paths, strict=True):
        try:
            image = read_radiograph(path)
            if crop is not None and name == "frontal":
                part = crop(image)
                whole = part is None
                if not whole:
                    image = check_unit_range(np.asarray(part), "the crop")
            square = resize_square(image, size, fit)
        except InputError as error:
            problems.append((str(path), str(error).removeprefix(f"{path}: ")))
        else:
            views[name] = np.round(square * 255).astype(np.uint8)
    return {"views": views, "problems": problems, "whole": whole}


@contextlib.contextmanager
def decoder(studies, size, fit="stretch", crop=None, processes=None):
    """Yield a function that decodes pairs of paths, in their order.

    Args:
        studies: int. How many are to come: a handful needs no processes.
        size: int. The side of the square, in pixels.
        fit: string. As in `resize_square`.
        crop: callable or `None`. As in `decode_pair`.
        processes: int or `None`. By default one per core that is ours.

    Yields:
        A function from an iterable of path pairs to an iterator of what
        `decode_pair` returns.

    Raises:
        InputError: if the crop cannot be sent to another process, or a worker
            dies.

    Example:
    ```python
    with decoder(len(pairs), 224) as decode:
        for study in decode(pairs):
            ...
    ```
    """
    processes = processes or cores()
    if processes <= 1 or studies < WORTH_A_POOL:
        yield lambda pairs: (decode_pair(p, size, fit, crop) for p in pairs)
        return
    try:
        pickle.dumps(crop)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"the crop cannot be sent to other processes ({error}). Define it at the "
            "top of a module, or set processes=1."
        ) from error
    # Forked processes would inherit TensorFlow's threads in a state of deadlock.
    pool = concurrent.futures.ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(size, fit, crop),
    )
    try:
        yield lambda pairs: _in_order(pool, pairs, processes * AHEAD)
    except concurrent.futures.process.BrokenProcessPool as error:
        raise InputError(
            "a worker process died: for want of memory, or because a script lacks its "
            'if __name__ == "__main__": guard, or the crop is defined in a notebook. '
            "What is finished is kept; run it again with processes=1."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def cores():
    """How many cores are ours, an int."""
    if hasattr(os, "sched_getaffinity"):  # Linux: a container may own but a few.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_order(pool, pairs, ahead):
    waiting = collections.deque()
    for pair in pairs:
        waiting.append(pool.submit(_work, pair))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


# === In a worker ===

_settings = {}


def _start(size, fit, crop):
    _settings.update(size=size, fit=fit, crop=crop)
    cv2.setNumThreads(1)  # There is a process per core already.
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent.
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent():
    """Leave when the parent was killed, instead of waiting for work forever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _work(pair):
    return decode_pair(pair, **_settings)

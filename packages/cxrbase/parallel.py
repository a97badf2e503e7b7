"""Work spread over processes, in order, with bounded memory, deaths explained."""

import collections
import concurrent.futures
import contextlib
import multiprocessing
import os
import pickle
import signal
import threading

from cxrbase.files import InputError

# Fewer jobs are done in this process: starting others, which import everything again,
# would take longer.
WORTH_A_POOL = 24
AHEAD = 4  # Jobs done ahead per process; this, not the data, bounds memory.


def cores():
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux: a container may have only a few.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def workers(work, jobs, processes=None, worth_a_pool=WORTH_A_POOL, what="the work"):
    """Yield a function that maps `work` over an iterable, in its order.

    It may be called more than once; the processes are started once. They are
    spawned, since forked ones would inherit TensorFlow's threads, deadlocked, and they
    end when the parent is killed.

    Args:
        work: callable of one argument. It is sent to each process once, so what it
            loads and keeps is loaded once per process.
        jobs: int. How many are to come: a handful needs no processes.
        processes: int or `None`. By default one per core that is ours, and none but
            this one for fewer jobs than `worth_a_pool`.
        worth_a_pool: int. Fewer jobs are done in this process.
        what: string. What `work` is called in an error.

    Yields:
        A function from an iterable of arguments to an iterator of results.

    Raises:
        InputError: if `work` cannot be sent to another process, or a worker dies.

    Example:
    ```python
    with workers(draw, len(cases)) as each:
        for study in each(cases):
            ...
    ```
    """
    if processes is None:
        processes = 1 if jobs < worth_a_pool else min(cores(), jobs)
    if processes <= 1 or jobs < 1:
        yield lambda items: map(work, items)
        return
    try:
        pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise InputError(
            f"{what} cannot be sent to other processes ({error}). Define it at the "
            "top of a module, or set processes=1."
        ) from error
    pool = concurrent.futures.ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),
        initializer=_start,
        initargs=(work,),
    )
    try:
        yield lambda items: _in_order(pool, items, processes * AHEAD)
    except concurrent.futures.process.BrokenProcessPool as error:
        raise InputError(
            "a worker process died: it ran out of memory, or a script lacks its "
            f'if __name__ == "__main__": guard, or {what} is defined in a notebook. '
            "What is finished is kept; run it again with processes=1."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(pool, items, ahead):
    waiting = collections.deque()
    for item in items:
        waiting.append(pool.submit(_run, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


# === Signals ===


@contextlib.contextmanager
def signals_interrupt():
    """Make SIGTERM and SIGHUP act like Ctrl-C inside the block.

    Only in the main thread; elsewhere nothing changes. A SIGHUP that is ignored, as
    under `nohup`, stays ignored.

    Example:
    ```python
    with signals_interrupt():
        write_phantom("data/phantom")
    ```
    """

    def interrupt(*_):
        raise KeyboardInterrupt

    numbers = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    before = {
        number: signal.getsignal(number)
        for number in numbers
        if number and signal.getsignal(number) not in (signal.SIG_IGN, None)
    }
    if threading.current_thread() is not threading.main_thread():
        before = {}
    try:
        for number in before:
            signal.signal(number, interrupt)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# === In a worker ===

_work = None


def _start(work):
    global _work
    _work = work
    import cv2

    cv2.setNumThreads(1)  # There is a process per core already.
    # The parent handles Ctrl-C and a closed terminal.
    for name in {"SIGINT", "SIGHUP"} & set(dir(signal)):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()


def _die_with_parent():
    """Exit when the parent was killed, instead of waiting for work forever."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _run(item):
    return _work(item)

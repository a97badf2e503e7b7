"""Who waits, who is served, who is told to come back."""

import asyncio
import concurrent.futures
import contextlib
import math

from cxrlib.app.limits import Refusal


class Desk:
    """One thread that works, and a short queue before it.

    A place is taken before a film is received, so that places bound the memory.

    Args:
        name: string. Of the thread.
        waiting: int. How many may wait while one is served; the next gets a 429 with
            the seconds after which there may be room.
        seconds: float. What one is expected to take, before any has been served.

    Example:
    ```python
    desk = Desk("diagnosis", waiting=12)
    with desk.place():
        answer = await desk.serve(diagnose, film)
    ```
    """

    def __init__(self, name, waiting, seconds=1.0):
        self.waiting, self.seconds = waiting, seconds
        self.here = 0  # Served or waiting.
        self._lock = asyncio.Lock()  # It is fair: first come, first served.
        self._pool = concurrent.futures.ThreadPoolExecutor(1, name)

    @property
    def wait(self):
        """Seconds after which whoever came last will be served."""
        return self.here * self.seconds

    @contextlib.contextmanager
    def place(self):
        """Hold a place inside the block.

        Raises:
            Refusal: 429 with `retry_after`, if all are taken.
        """
        if self.here > self.waiting:
            # By then two have been served; others may still have been faster.
            seconds = max(1, math.ceil(self.seconds * 2))
            words = f"The server is busy. Try again in {seconds} s."
            raise Refusal(429, "busy", words, retry_after=seconds)
        self.here += 1
        try:
            yield
        finally:
            self.here -= 1

    async def serve(self, work, *arguments):
        """Wait for the turn, and do the work in the thread.

        Args:
            work: callable.
            *arguments: what it takes.

        Returns:
            What it returns.
        """
        async with self._lock:
            loop = asyncio.get_running_loop()
            begun = loop.time()
            job = loop.run_in_executor(self._pool, work, *arguments)
            try:
                return await asyncio.shield(job)
            except asyncio.CancelledError:
                # Whoever leaves can't stop the thread: the next waits for it.
                await asyncio.wait([job])
                raise
            finally:
                self.seconds += 0.2 * (loop.time() - begun - self.seconds)

    def close(self):
        """Let the thread end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

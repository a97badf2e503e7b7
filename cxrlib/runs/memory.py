"""The most memory that a process and its children held at once."""

import threading

import psutil

INTERVAL = 0.2  # Seconds; what comes and goes in between is not seen.


class PeakMemory(threading.Thread):
    """Watches a process until it ends.

    What the process has resident counts, and of its children what they have for
    themselves: pages shared by a fork are not counted twice.

    Args:
        pid: int.
        tell: callable. Gets the peak in megabytes whenever it has risen by a
            twentieth, from the watching thread.

    Example:
    ```python
    watch = PeakMemory(kernel_pid, lambda megabytes: None)
    watch.start()
    ```
    """

    def __init__(self, pid, tell):
        super().__init__(daemon=True)
        self.megabytes, self._told, self._tell = 0.0, 0.0, tell
        self._pid, self._over = pid, threading.Event()

    def run(self):
        """Measure until the process ends or `stop` is called."""
        try:
            process = psutil.Process(self._pid)
            while process.is_running() and not self._over.wait(INTERVAL):
                self.megabytes = max(self.megabytes, held_by(process) / 1e6)
                if self.megabytes > 1.05 * self._told:
                    self._told = self.megabytes
                    self._tell(round(self.megabytes))
        except psutil.NoSuchProcess:
            pass

    def stop(self):
        """End watching; return the peak in megabytes."""
        self._over.set()
        self.join()
        return round(self.megabytes)


def held_by(process):
    """Bytes that a process and its children hold now.

    Args:
        process: `psutil.Process`.

    Returns:
        An int.

    Raises:
        psutil.NoSuchProcess: if it has ended.
    """
    total = process.memory_info().rss
    for child in process.children(recursive=True):
        try:
            total += child.memory_full_info().uss
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            total += child.memory_info().rss
    return total

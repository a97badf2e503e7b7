"""A Jupyter kernel of this very interpreter, and the most memory that it held."""

import os
import threading

import psutil
import zmq
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

INTERVAL = 0.2  # Seconds between two looks at memory; a shorter peak is not seen.


class _ThisInterpreter(KernelSpecManager):
    """Ignores registered kernels, so that `python3` is ipykernel's own spec.

    A `python3` registered from another environment would otherwise win, and run the
    notebooks without our packages.
    """

    def _kernel_dirs_default(self):
        return []


def kernel_manager(env=None, started=None):
    """Make the kernel manager class that nbclient starts kernels with.

    Args:
        env: dict of strings. Added to the kernel's environment.
        started: callable or `None`. Gets the kernel's process id.

    Returns:
        A class.

    Example:
    ```python
    nbclient.NotebookClient(notebook, kernel_manager_class=kernel_manager())
    ```
    """

    class Manager(AsyncKernelManager):
        """Starts the kernel of this interpreter."""

        def _kernel_spec_manager_default(self):
            return _ThisInterpreter(parent=self)

        def _transport_encryption_default(self):
            # By Jupyter's default other users of the machine can connect; older
            # versions have no such trait and ignore it.
            return "auto" if zmq.has("curve") else "disabled"

        async def start_kernel(self, **arguments):
            """Start it with the extra environment."""
            arguments["env"] = {**arguments.get("env", os.environ), **(env or {})}
            await super().start_kernel(**arguments)
            if started:
                started(self.provisioner.pid)

    return Manager


# === Memory ===


class PeakMemory(threading.Thread):
    """Watches a process until it ends.

    The process's resident memory counts, and its children's private memory: pages
    shared by a fork are not counted twice.

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

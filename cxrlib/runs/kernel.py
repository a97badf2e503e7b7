"""A Jupyter kernel of this very interpreter, whatever is registered on the machine."""

import os

import zmq
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager


class _ThisInterpreter(KernelSpecManager):
    """Knows no registered kernels, so that `python3` is ipykernel's own spec.

    A `python3` that a user once registered from another environment would
    else win, and run the notebooks without our packages.
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
            # Jupyter's own default lets others on the machine listen in; older
            # versions have no such trait and take no notice.
            return "auto" if zmq.has("curve") else "disabled"

        async def start_kernel(self, **arguments):
            """Start it with the extra environment."""
            arguments["env"] = {**arguments.get("env", os.environ), **(env or {})}
            await super().start_kernel(**arguments)
            if started:
                started(self.provisioner.pid)

    return Manager

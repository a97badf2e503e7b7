"""papermill's engine, with limits on output and time, and a reason when it dies."""

import ast
import re
import signal
import time

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

ENGINE = "cxrlib"
TIMED_OUT, KILLED, DIED = "TimedOut", "KernelKilled", "KernelDied"
# In characters. No browser would open a notebook of a million lines.
CELL_LIMIT = 500_000  # That one cell may print.
NOTEBOOK_LIMIT = 30_000_000  # All outputs together, pictures included.
MODULES = "' '.join(list(__import__('sys').modules))"  # A list would be shortened.
TAIL = 2_000  # The end of what was cut is kept: it shows how the cell ended.


class Engine(NBClientEngine):
    """Executes with the client that `execute_notebook(…, client=…)` passes in."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, client=None, **kwargs):
        """Execute all cells."""
        client(nb_man, kernel_name=kernel_name).execute()


papermill_engines.register(ENGINE, Engine)


class Client(PapermillNotebookClient):
    """Executes a notebook, keeps a limited part of its outputs, stops at a deadline.

    A cell that runs out of time, or whose kernel dies, gets an error as its output,
    just as one that raises; papermill then reports all three in the same way.

    Args:
        nb_man: papermill's `NotebookExecutionManager`.
        deadline: float or `None`. When to stop, as `time.monotonic()` counts.
        begun: callable or `None`. Gets the n of `In [n]` and the cell's id before
            each cell of code.
        cut: callable or `None`. Gets the same n and what was cut there, in words.
        imported: callable or `None`. Gets the names of all modules that the kernel
            holds after the last cell, if no cell failed.
        **options: of `nbclient.NotebookClient`.
    """

    def __init__(
        self, nb_man, deadline=None, begun=None, cut=None, imported=None, **options
    ):
        # Large outputs arrive long after the cell has ended: wait for them, and
        # continue if a part was lost.
        options = {"iopub_timeout": 60, "raise_on_iopub_timeout": False} | options
        super().__init__(nb_man, **options)
        if deadline is not None:
            # nbclient's limit is per cell: each gets the time left for all.
            self.timeout_func = lambda cell: max(deadline - time.monotonic(), 0.1)
        self.budget, self.begun, self.cut = Budget(), begun, cut
        self.imported, self._failed = imported, False

    def execute(self, **kwargs):
        """Execute all cells in a kernel of their own."""
        self.reset_execution_trackers()
        with self.setup_kernel(**kwargs):
            # papermill asks at the end, when a dead or busy kernel does not answer.
            reply = self.wait_for_reply(self.kc.kernel_info())
            self.nb.metadata["language_info"] = reply["content"]["language_info"]
            self.papermill_execute_cells()
            if self.imported and not self._failed:
                self.imported(self._modules())
            self.set_widgets_metadata()
        return self.nb

    def _modules(self):
        """Ask the kernel, past the cells, which modules it holds."""
        asked = self.kc.execute("", silent=True, user_expressions={"": MODULES})
        content = self.wait_for_reply(asked)["content"]
        found = content.get("user_expressions", {}).get("", {}).get("data", {})
        return ast.literal_eval(found.get("text/plain", "''")).split()

    def execute_cell(self, cell, cell_index, **kwargs):
        """Execute one cell."""
        if cell.cell_type != "code" or not cell.source.strip():
            return cell
        number = self.code_cells_executed + 1
        if self.begun:
            self.begun(number, cell.get("id"))
        self.budget.next_cell()
        try:
            return super().execute_cell(cell, cell_index, **kwargs)
        except CellExecutionError:
            self._failed = True
            raise
        except (CellTimeoutError, DeadKernelError) as error:
            self._failed = True
            name, words = self._why(error)
            line = f"{name}: {words}"
            cell.outputs.append(
                new_output("error", ename=name, evalue=words, traceback=[line])
            )
            self.shutdown_kernel = "immediate"  # It would not react.
            raise CellExecutionError(line, name, words) from None
        except KeyboardInterrupt:
            self.shutdown_kernel = "immediate"
            raise
        finally:
            lost = self.budget.tell(cell.outputs)
            if lost and self.cut:
                self.cut(number, lost)

    def _why(self, error):
        if isinstance(error, CellTimeoutError):
            return TIMED_OUT, "the notebook's time ran out in this cell"
        process = getattr(self.km.provisioner, "process", None)
        code = process and process.poll()
        return KILLED if (code or 0) < 0 else DIED, f"the kernel {say_exit(code)}"

    def output(self, outs, msg, display_id, cell_index):
        """Keep an output, as far as there is room for it."""
        if self.clear_before_next_output:
            self.budget.give_back(outs)
        if msg["msg_type"] == "error":
            _shorten(msg["content"])
            return super().output(outs, msg, display_id, cell_index)
        if msg["msg_type"] == "stream":
            content = msg["content"]
            content["text"] = _last_of_each_line(content["text"])
        if not self.budget.takes(msg):
            return None
        out = super().output(outs, msg, display_id, cell_index)
        if out and len(outs) > 1 and _is_same_stream(outs[-2], out):
            outs.pop()
            both = _joined(outs[-1]["text"], out["text"])
            # Overwritten states of a progress bar take no room.
            self.budget.refund(len(outs[-1]["text"]) + len(out["text"]) - len(both))
            outs[-1]["text"] = both
        return out

    def clear_output(self, outs, msg, cell_index):
        """Forget what a cell has shown so far."""
        if not msg["content"].get("wait"):
            self.budget.give_back(outs)
        super().clear_output(outs, msg, cell_index)


class Budget:
    """The characters of output for which there is still room.

    Args:
        cell: int. Characters that one cell may print.
        notebook: int. Characters of all outputs.
    """

    def __init__(self, cell=CELL_LIMIT, notebook=NOTEBOOK_LIMIT):
        self.limit, self.left = cell, notebook
        self.next_cell()

    def next_cell(self):
        """Begin a cell, which has its own limit."""
        self.room = self.limit
        self.lines, self.characters, self.displays, self.tail = 0, 0, 0, ""

    def give_back(self, outs):
        """Count the outputs of a cell as gone."""
        self.left += sum(map(_size, outs))
        self.room = self.limit

    def refund(self, characters):
        """Free the room of what a cell printed and cleared."""
        self.room += characters
        self.left += characters

    def takes(self, message):
        """Whether a message is kept; shortens what it prints to the room left.

        Args:
            message: dict, a Jupyter message of a stream or a display.
        """
        content = message["content"]
        if message["msg_type"] != "stream":
            size = _size(content)
            if size > self.left:
                self.displays += 1
                return False
            self.left -= size
            return True
        text, room = content["text"], max(min(self.room, self.left), 0)
        content["text"], rest = text[:room], text[room:]
        self.refund(-len(content["text"]))
        if rest:
            self.lines += rest.count("\n")
            self.characters += len(rest)
            self.tail = (self.tail + rest)[-TAIL:]
        return bool(content["text"])

    def tell(self, outputs):
        """Say at the end of a cell's outputs what was cut from them; return it."""
        words = []
        if self.characters:
            words.append(f"{self.lines:,} lines ({self.characters / 1e6:,.1f} MB)")
        if self.displays:
            words.append(f"{self.displays:,} displays")
        if not words:
            return ""
        lost, tail = " and ".join(words), self.tail.lstrip("\n")
        text = f"\n[… {lost} were cut here: there is no room for more …]\n{tail}"
        place = len(outputs)
        if outputs and outputs[-1]["output_type"] == "error":
            place -= 1  # The error stays last.
        outputs.insert(place, new_output("stream", name="stdout", text=text))
        return lost


def say_exit(code):
    """Describe a process's exit code.

    Example:
    ```python
    say_exit(-9)
    # "was killed by SIGKILL, as the system does when memory runs out"
    ```
    """
    if code is None:
        return "died"
    if code >= 0:
        return f"ended by itself with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    why = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"was killed by {name}{why}"


def _shorten(error):
    """Cut the message of an error, which may be as long as an output."""
    error["evalue"] = str(error["evalue"])[: 10 * TAIL]
    error["traceback"] = [line[: 10 * TAIL] for line in error["traceback"]]


def _size(output):
    """Characters of what a stream or a display holds."""
    return len(output.get("text", "")) + sum(
        len(str(value)) for value in output.get("data", {}).values()
    )


def _is_same_stream(before, after):
    return (
        before["output_type"] == after["output_type"] == "stream"
        and before["name"] == after["name"]
    )


def _last_of_each_line(text):
    """Leave out what a progress bar overwrites in the same message."""
    return re.sub(r"\r[^\n\r]*(?=\r[^\n])", "", text)


def _joined(before, after):
    """Append to a stream; a carriage return clears the line, as in a terminal."""
    head, newline, line = before.rpartition("\n")
    return head + newline + re.sub(r"[^\n]*\r(?=[^\n])", "", line + after)

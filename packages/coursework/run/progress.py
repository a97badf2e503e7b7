"""The progress of a batch: a bar in a terminal, plain lines in a log."""

import sys
import time

from tqdm import tqdm

from coursework.status import NOT_DONE, in_words, read_status

HEARTBEAT = 60  # Seconds between two lines that say what is running.


class Progress:
    """Reports runs that start and end.

    Args:
        total: int. Runs in the batch.
        bar: bool. Whether to draw a bar if the output is a terminal.
    """

    def __init__(self, total, bar=True):
        self.total, self.number = total, 0
        self.running, self._told = [], time.monotonic()
        self._is_terminal = bar and sys.stdout.isatty()
        self._bar = tqdm(
            total=total,
            unit="run",
            disable=not self._is_terminal,
            file=sys.stdout,
            dynamic_ncols=True,
            bar_format="{n}/{total} |{bar:20}| {elapsed} {desc}",
        )

    def begin(self, todo):
        """Note the runs to be carried out, and say why, if they were done before.

        Args:
            todo: list of pairs of a `Run` and why it is to be carried out.
        """
        done = self.total - len(todo)
        if done and not self.number:
            self._say(f"{done} of {self.total} are done already")
        self._bar.update(done - self.number)
        self.number = done
        for run, why in todo:
            if why != NOT_DONE:
                self._say(f"{run.label} again: {why}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    def tell(self, run, event):
        """Note what an executor yields."""
        if event == "started":
            self.running.append(run)
            self._say(f"{run.label} …")
        elif event == "ended":
            self.running.remove(run)
            self.number += 1
            self._say(_ending(run), self.number)
            self._bar.update()
        if time.monotonic() - self._told > (0.5 if self._is_terminal else HEARTBEAT):
            self._heartbeat()

    def _heartbeat(self):
        self._told = time.monotonic()
        if not self.running:
            return
        words = ", ".join(_place(run) for run in self.running)
        if self._is_terminal:
            self._bar.set_description_str(words)
        else:
            self._say(f"running: {words}")

    def _say(self, words, number=None):
        width = len(str(self.total))
        front = f"{number:{width}}/{self.total}" if number else " " * (2 * width + 1)
        self._bar.write(f"[{front}] {words}", file=sys.stdout)
        sys.stdout.flush()


def _place(run):
    """A run and the cell where it is."""
    cell = read_status(run.folder).get("cell")
    return f"{run.label} In [{cell}]" if cell else run.label


def _ending(run):
    """One line on how a run ended."""
    status = read_status(run.folder)
    words = f"{run.label} {status.get('status', 'unknown')}"
    if "minutes" in status:
        words += f" after {status['minutes']:.1f} minutes"
    if "megabytes" in status:
        words += f", {status['megabytes'] / 1000:.1f} GB"
    return f"{words}: {in_words(status)}" if "error" in status else words

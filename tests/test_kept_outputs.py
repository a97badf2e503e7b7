"""What is kept of a cell's outputs, and how much memory a run is said to have held."""

import os
import subprocess
import sys

import nbformat
import psutil
import pytest
from small_notebooks import notebook, printed

from coursework.run.client import Budget, say_exit
from coursework.run.kernel import PeakMemory, held_by
from coursework.run.runner import Run, execute


def stream(text):
    return {"msg_type": "stream", "content": {"name": "stdout", "text": text}}


def display(size):
    return {"msg_type": "display_data", "content": {"data": {"image/png": "x" * size}}}


def test_what_is_printed_has_room_per_cell():
    budget = Budget(cell=10, notebook=100)
    first, second = stream("12345678"), stream("9a\nbc\nd")
    assert budget.takes(first) and budget.takes(second)
    assert second["content"]["text"] == "9a"
    assert not budget.takes(stream("end\n"))
    outputs = []
    assert budget.tell(outputs) == "3 lines (0.0 MB)"
    assert outputs[0]["text"].endswith("…]\nbc\ndend\n")
    budget.next_cell()
    assert budget.takes(stream("12345678")) and budget.tell(outputs) == ""


def test_pictures_have_room_in_the_notebook():
    budget = Budget(cell=10, notebook=100)
    assert budget.takes(display(60)) and not budget.takes(display(60))
    budget.next_cell()
    assert not budget.takes(display(60)) and budget.takes(display(40))
    assert budget.tell([]) == "1 displays"
    budget.give_back([{"data": {"image/png": "x" * 60}}])  # Cleared.
    assert budget.takes(display(60))


def test_the_error_stays_last():
    budget = Budget(cell=1)
    budget.takes(stream("abc"))
    outputs = [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])]
    budget.tell(outputs)
    assert [output["output_type"] for output in outputs] == ["stream", "error"]


def test_a_progress_bar_takes_one_line(tmp_path):
    bar = "for i in range(20000): print(f'\\r{i:5} of 20000' + 40 * '=', end='')"
    path = notebook(tmp_path / "n", "01_bar", "x = 1", bar, "print('end')")
    status = execute(Run(path, tmp_path / "out"), progress=False)
    assert status["status"] == "done", status
    said = printed(tmp_path / "out" / "01_bar" / "01_bar.ipynb")
    assert "19999 of 20000" in said and len(said) < 200


def test_a_flood_of_small_messages_and_then_an_error(tmp_path):
    """Each line is a message of its own; the end is still told."""
    flood = (
        "for i in range(3000): print('x' * 300, flush=True)\nraise ValueError('end')"
    )
    path = notebook(tmp_path / "n", "01_flood", "x = 1", flood, "1")
    status = execute(Run(path, tmp_path / "out"), progress=False)
    assert (status["status"], status["reason"]) == ("failed", "raised")
    content = nbformat.read(tmp_path / "out" / "01_flood" / "01_flood.ipynb", 4)
    cells = [cell for cell in content.cells if cell.cell_type == "code"]
    kinds = [output.output_type for output in cells[1].outputs]
    assert kinds == ["stream", "stream", "error"]
    assert "were cut here" in cells[1].outputs[1].text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-9, "killed by SIGKILL, as the system does when memory"),
        (-15, "killed by SIGTERM"),
        (1, "exit code 1"),
        (None, "died"),
    ],
)
def test_exit_codes_in_words(code, words):
    assert words in say_exit(code)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_pages_that_a_fork_shares_count_once():
    size = 150_000_000
    code = (
        f"import os, time\nx = bytearray({size})\nx[::4096] = b'1' * len(x[::4096])\n"
        "for _ in range(3):\n    if not os.fork(): time.sleep(60)\n"
        "print('there', flush=True)\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    process.stdout.readline()
    told = []
    watch = PeakMemory(process.pid, told.append)
    watch.start()
    children = psutil.Process(process.pid).children()
    held = held_by(psutil.Process(process.pid))
    while not told:
        assert watch.is_alive()
    process.kill()
    for child in children:
        child.kill()
    assert size < held < 1.7 * size  # With pages counted for each: more than four.
    assert size < watch.stop() * 1e6 < 1.7 * size

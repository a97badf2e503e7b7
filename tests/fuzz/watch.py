"""Run commands on spoilt inputs in a process that is watched.

`python watch.py TARGET FOLDER FIRST LAST` prints a line of JSON per case. The parent,
`fuzz`, takes a case that lasts too long for a hang, and goes on behind it.
"""

import contextlib
import json
import os
import pathlib
import queue
import random
import shutil
import subprocess
import sys
import threading
import time
import traceback

HANG = 60  # Seconds for one case; a good one takes a few.
MORE = 500 * 2**20  # Bytes above what the same command takes for a good input.
TESTS = pathlib.Path(__file__).parents[1]
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
EXECUTES = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "subprocess.Popen",
    "pty.spawn", "pickle.find_class", "socket.connect", "ctypes.dlopen",
)  # fmt: skip
TWO_PATHS = ("os.rename", "os.link")
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link")


class Guard:
    """Notes what is executed, and what is written outside of a folder.

    Args:
        folder: path. All else must stay as it is.
    """

    def __init__(self, folder):
        self.folder, self.on, self.seen = str(folder), False, []
        sys.addaudithook(self._hear)

    def _hear(self, event, arguments):
        if not self.on:
            return
        if event in EXECUTES:
            self.seen.append(f"{event} {arguments[:1]}"[:200])
        elif event in CHANGES:
            # Of a tree that is removed, names stand beside the folder's number.
            *_, number = arguments
            root = f"/proc/self/fd/{number}" if number >= 0 else ""
            root = os.readlink(root) if os.path.exists(root) else ""
            for path in arguments[: 2 if event in TWO_PATHS else 1]:
                self._look(event, os.path.join(root, os.fsdecode(path)))
        elif (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITES
        ):
            self._look(event, arguments[0])

    def _look(self, event, path):
        if isinstance(path, int) or path is None:
            return
        path = os.path.abspath(os.fsdecode(path))
        if not path.startswith((self.folder, "/dev/null", "/proc/self/")):
            self.seen.append(f"{event} {path}")


def peak():
    """The most memory since `forget_peak`, in bytes; 0 where nobody tells."""
    with contextlib.suppress(OSError):
        for line in pathlib.Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def forget_peak():
    """Begin to measure anew."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def call(asked, said):
    """Run a command, or a function, of ours; return its exit status and its words."""
    from cxrbase.files import InputError
    from cxrlib.__main__ import main

    kept = [os.dup(1), os.dup(2)]
    with open(said, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        if callable(asked):
            asked()
        else:
            main([str(each) for each in asked], prog_name="cxrlib")
        status = 0
    except SystemExit as error:
        status = error.code or 0
    except InputError as error:
        print(f"Error: {error}", file=sys.stderr)
        status = 1
    except BaseException:
        traceback.print_exc()
        status = -1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, old in enumerate(kept, 1):
            os.dup2(old, number)
            os.close(old)
    return status, pathlib.Path(said).read_text(errors="replace")


def verdict(status, said, names):
    """What is wrong with how a command ended; nothing if nothing is."""
    if "Traceback (most recent" in said or status == -1:
        return "traceback"
    if status == 0:
        return ""
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [i for i, line in enumerate(lines) if line.startswith("Error: ")]
    if status not in (1, 2) or not errors:
        return f"ended with {status} and no line of error"
    if errors[-1] != len(lines) - 1:
        return "an error of several lines"
    if not any(name in lines[-1] for name in names):
        return f"an error that names none of {', '.join(names)}"
    return ""


def run_cases(target, folder, first, last):
    """Run cases of a target and print how each ended."""
    from targets import TARGETS

    folder = pathlib.Path(folder).resolve()
    told = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # What else is printed is not told.
    target = TARGETS[target](folder / "good")
    guard, usual = Guard(folder), 0
    for number in (-2, -1, *range(first, last)):  # Twice a good one, to measure by.
        case = folder / "case"
        case.mkdir()
        dice = random.Random(f"{target.name} {number}")
        print(json.dumps({"case": number, "begun": True}), file=told)
        with guard_off(guard):
            asked = target.make(case, dice if number >= 0 else None)
        forget_peak()
        guard.seen, guard.on, start = [], number >= 0, time.monotonic()
        status, said = call(asked, folder / "said.txt")
        guard.on = False
        wrong, most = verdict(status, said, target.names), peak()
        if not wrong:
            wrong = target.check(case, status, said)
        if number < 0:
            usual = max(usual, most)
            if wrong or status != target.good_status:
                wrong = f"the good input: {wrong or f'ended with {status}'}"
        elif most - usual > MORE:
            wrong = (
                wrong or f"took {(most - usual) / 2**20:.0f} MiB more than a good one"
            )
        wrong = wrong or "; ".join(guard.seen[:3])
        ended = {
            "case": number, "status": status, "wrong": wrong, "said": said[-1500:],
            "seconds": round(time.monotonic() - start, 2),
        }  # fmt: skip
        print(json.dumps(ended), file=told)
        shutil.rmtree(case)


@contextlib.contextmanager
def guard_off(guard):
    before, guard.on = guard.on, False
    yield
    guard.on = before


# === The parent ===


def fuzz(target, folder, cases, first=0):
    """Run spoilt inputs through a command, in a process of its own.

    Args:
        target: string. A key of `targets.TARGETS`.
        folder: path. Holds all that is written.
        cases: int. How many.
        first: int. The first; the same number is always the same case.

    Returns:
        A pair: what went wrong, as a list of strings, and how many ended in a result.
    """
    wrong, results, last = [], 0, first + cases
    while first < last:
        shutil.rmtree(folder, ignore_errors=True)
        pathlib.Path(folder).mkdir(parents=True)
        first, found, good = _watched(target, folder, first, last)
        wrong, results = wrong + found, results + good
    return wrong, results


def _watched(target, folder, first, last):
    """Read a child's lines until it ends or hangs; return the case to go on with."""
    arguments = [sys.executable, __file__, target, str(folder), str(first), str(last)]
    paths = [str(TESTS), str(TESTS / "fuzz"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TMPDIR": str(folder),
    }
    child = subprocess.Popen(
        arguments,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    lines, wrong, results, at = queue.Queue(), [], 0, first
    reader = threading.Thread(target=_read, args=(child.stdout, lines), daemon=True)
    reader.start()
    limit = 5 * HANG  # To import and to make the good input.
    while True:
        try:
            line = lines.get(timeout=limit)
        except queue.Empty:
            child.kill()
            child.wait()
            return at + 1, [*wrong, f"{target} {at}: hangs"], results
        if line is None:
            break
        told = json.loads(line)
        at, limit = max(first, told["case"]), HANG
        if "begun" in told:
            continue
        if told["wrong"]:
            wrong.append(f"{target} {told['case']}: {told['wrong']}\n{told['said']}")
        results += told["case"] >= 0 and told["status"] == 0
    code = child.wait()
    if code:
        return at + 1, [*wrong, f"{target} {at}: the process died ({code})"], results
    return last, wrong, results


def _read(stream, lines):
    for line in stream:
        lines.put(line)
    lines.put(None)


if __name__ == "__main__":
    run_cases(*sys.argv[1:3], *map(int, sys.argv[3:]))

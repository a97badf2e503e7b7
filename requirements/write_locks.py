"""Writes the lock files beside it; `make lock` calls it, in an environment with uv.

    python requirements/write_locks.py [--upgrade]

`lock-3.X.txt` pins what `make demo` installs, `lock-test-3.X.txt` what `make test`
needs beyond that, for every system and machine, each file of each release by its
checksum. Versions stay as they are where they still fit; `--upgrade` takes the newest.

torch's packages for CUDA are no part of it: gigabytes, which only its builds for GPUs
want, and they name their exact versions themselves.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
MINORS = ("3.11", "3.12", "3.13")
DEMO, TEST = ("train", "batch", "dicom", "lab"), ("test", "lab")
CUDA = re.compile(r"(nvidia-|cuda-|triton\b)")
# Builds of torch for CPUs have a version of their own, 2.13.0+cpu, that `==2.13.0`
# takes as well, once its checksum is known.
CPU_BUILDS = {
    "torch==2.13.0": [
        # CPython 3.11, Linux, x86-64.
        "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
    ],
}


def compiled(minor, extras, pins, *options):
    """Let uv resolve some extras; return a dict, name → its lines in a lock file."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "lock.txt"
        out.write_text(pins)  # uv keeps to these where they fit.
        command = ["uv", "pip", "compile", "pyproject.toml", "--output-file", out]
        command += ["--python-version", minor, "--universal", "--generate-hashes"]
        command += ["--no-header", "--no-annotate", "--quiet", *options]
        command += [f"--extra={extra}" for extra in extras]
        subprocess.run(command, cwd=ROOT, check=True)
        entries = re.split(r"^(?=\S)", out.read_text(), flags=re.M)[1:]
    locked = {}
    for entry in entries:
        if not CUDA.match(entry):
            pin = re.match(r"\S+", entry)[0]
            more = [each for each in CPU_BUILDS.get(pin, []) if each not in entry]
            lines = [entry.rstrip(), *(f"    --hash=sha256:{each}" for each in more)]
            name = pin.partition("==")[0]
            locked[name] = locked.get(name, "") + " \\\n".join(lines) + "\n"
    return locked


def main(options):
    """Write the lock files of every minor version of Python."""
    for minor in MINORS:
        paths = [
            ROOT / "requirements" / f"lock{of}-{minor}.txt" for of in ("", "-test")
        ]
        pins = "".join(path.read_text() for path in paths if path.exists())
        whole = compiled(minor, TEST, pins, *options)
        demo = compiled(minor, DEMO, "".join(whole.values()))
        beyond = {name: said for name, said in whole.items() if demo.get(name) != said}
        for path, locked in zip(paths, (demo, beyond), strict=True):
            path.write_text("".join(locked.values()))
            print(f"{path}: {len(locked)} packages")


if __name__ == "__main__":
    main(sys.argv[1:])

"""Writes the lock files beside it; `make lock` calls it, in an environment with uv.

    python requirements/write_locks.py [--upgrade]

`lock-3.X.txt` pins what `make demo` installs, `lock-test-3.X.txt` what `make test`
needs beyond that, for every system and machine, each file of each release by its
checksum. Versions stay as they are where they still fit; `--upgrade` takes the newest.
`lock-app-3.13.txt` is what the image of `deploy/Dockerfile` holds, in the same
versions, and `lock-scale.txt` what `deploy/pipeline.py` is compiled with, for any
version of Python.

torch's packages for CUDA are no part of it: gigabytes, which only its builds for GPUs
want, and they name their exact versions themselves.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).parents[1]
MINORS = ("3.11", "3.12", "3.13")
DEMO, TEST = ("train", "batch", "dicom", "lab", "app"), ("test", "lab")
IMAGE, APP = "3.13", ("train", "dicom", "app")
CUDA = re.compile(r"(nvidia-|cuda-|triton\b)")
# Builds of torch for CPUs have a version of their own, 2.13.0+cpu, that `==2.13.0`
# takes as well, once its checksum is known.
CPU_BUILDS = {
    "torch==2.13.0": [
        # CPython 3.11, Linux, x86-64.
        "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
    ],
}


def compiled(minor, extras, pins, *options, more="", instead=""):
    """Let uv resolve some extras; return a dict, name → its lines in a lock file.

    `more` are further requirements, `instead` some that replace those of packages.
    """
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        out = folder / "lock.txt"
        out.write_text(pins)  # uv keeps to these where they fit.
        (folder / "more.in").write_text(more)
        (folder / "instead.in").write_text(instead)
        command = ["uv", "pip", "compile", folder / "more.in", "--output-file", out]
        command += ["pyproject.toml"] if extras else []
        command += ["--override", folder / "instead.in"]
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


def image(pins):
    """What the image holds; TensorFlow in its build for CPUs, a third smaller.

    That is published for x86-64 only; the usual one for ARM is one for CPUs.
    """
    tensorflow = re.search(r"^tensorflow==(\S+)", pins, re.M)[1]
    return compiled(
        IMAGE,
        APP,
        pins,
        more=f"tensorflow-cpu=={tensorflow}; platform_machine == 'x86_64'",
        instead="tensorflow; platform_machine != 'x86_64'",
    )


def read(*names):
    """The text of some lock files together, as far as they are there."""
    paths = [ROOT / "requirements" / name for name in names]
    return "".join(path.read_text() for path in paths if path.exists())


def write(name, locked):
    """Write one lock file."""
    (ROOT / "requirements" / name).write_text("".join(locked.values()))
    print(f"{name}: {len(locked)} packages")


def main(options):
    """Write the lock files of every minor version of Python."""
    for minor in MINORS:
        names = f"lock-{minor}.txt", f"lock-test-{minor}.txt"
        whole = compiled(minor, TEST, read(*names), *options)
        demo = compiled(minor, DEMO, "".join(whole.values()))
        beyond = {name: said for name, said in whole.items() if demo.get(name) != said}
        for name, locked in zip(names, (demo, beyond), strict=True):
            write(name, locked)
        if minor == IMAGE:
            write(f"lock-app-{IMAGE}.txt", image("".join(whole.values())))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    scale = "\n".join(project["optional-dependencies"]["scale"])
    pins = read("lock-scale.txt")
    write("lock-scale.txt", compiled(MINORS[0], (), pins, *options, more=scale))


if __name__ == "__main__":
    main(sys.argv[1:])

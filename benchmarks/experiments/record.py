"""What the record of an experiment says of where it comes from."""

import functools
import importlib.metadata
import json
import pathlib
import subprocess

from cxrbase.files import write_whole
from cxrbase.refusals import make_folder

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks/results"


@functools.cache  # What a run writes itself does not make its code another one.
def current_commit():
    """The commit of the code that runs; outside of a checkout it fails."""
    command = ["git", "describe", "--always", "--dirty"]
    return subprocess.check_output(command, cwd=ROOT, text=True).strip()


def write_record(path, script, arguments, packages, **content):
    """Write the command, the commit, the versions, and what was found."""
    place = pathlib.Path(script).resolve().relative_to(ROOT).as_posix()
    record = {
        "command": f"python {place} {arguments}".rstrip(),
        "commit": current_commit(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        **content,
    }
    make_folder(pathlib.Path(path).parent)
    with write_whole(path) as temporary:
        text = json.dumps(record, indent=1, default=float, ensure_ascii=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    return record

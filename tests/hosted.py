"""Runs the first cells of a notebook as Colab or Kaggle would; a process of its own.

    python tests/hosted.py ORDER

ORDER is JSON: `host` ("colab" or "kaggle"), `root` (stands for `/`), `notebook`, `last`
(the id of the cell to end with), and as one likes `parameters`, `url` (the address of
the course, by default the placeholder) and `kill_after`: the process ends by SIGKILL
once that epoch's checkpoint is written. The repository is not cloned but linked.
Whoever asks for Google Drive gets the folder ROOT/google, moved to its place. The last
line printed is JSON.
"""

import importlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import types

import nbformat
from IPython.core.interactiveshell import InteractiveShell

REPOSITORY = pathlib.Path(__file__).parents[1]
# Not in one piece, so that `make publish` leaves it as it is.
PLACEHOLDER = "https://github.com/" + "/".join(["cxr-report-course"] * 2)


def hosted_shell(host, root, called):
    """An IPython in the host's folder, with its environment and its modules."""
    home = root / ("content" if host == "colab" else "kaggle/working")
    home.mkdir(parents=True, exist_ok=True)
    os.chdir(home)
    variable = {"colab": "COLAB_RELEASE_TAG", "kaggle": "KAGGLE_KERNEL_RUN_TYPE"}
    os.environ[variable[host]] = "imitated"
    if host == "colab":

        def mount(point):
            called.append(f"mount {pathlib.Path(point).relative_to(root)}")
            (root / "google").mkdir(exist_ok=True)
            pathlib.Path(point).mkdir()
            (root / "google").rename(pathlib.Path(point) / "MyDrive")

        sys.modules["google.colab"] = colab = types.ModuleType("google.colab")
        colab.drive = types.SimpleNamespace(mount=mount)

    def system(command):
        called.append(shell.var_expand(command))
        if called[-1].startswith("git clone"):
            pathlib.Path("course").symlink_to(REPOSITORY)
        else:
            subprocess.run(called[-1], shell=True, check=True)

    shell = InteractiveShell.instance()
    shell.system = system
    shell.register_magic_function(lambda line: None, magic_name="matplotlib")
    return shell


def move_to(root):
    """Let the absolute paths of both hosts begin at `root`."""
    hosts = importlib.import_module("cxrbase.hosts")
    for name in ("KAGGLE_INPUT", "KAGGLE_WORKING", "CONTENT", "DRIVE"):
        setattr(hosts, name, str(root) + getattr(hosts, name))


def watch_training(kill_after, epochs):
    """Note the epochs that are trained, and die after one."""
    from cxrlib.training import Checkpoint

    publish = Checkpoint.on_epoch_end

    def on_epoch_end(self, epoch, logs=None):
        publish(self, epoch, logs)
        epochs.append(epoch)
        if epoch == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    Checkpoint.on_epoch_end = on_epoch_end


def main(order):
    called, epochs, root = [], [], pathlib.Path(order["root"])
    parameters = order.get("parameters", {})
    shell = hosted_shell(order["host"], root, called)
    path = REPOSITORY / "notebooks" / f"{order['notebook']}.ipynb"
    for cell in nbformat.read(path, as_version=4).cells:
        source = cell.source
        if cell.id == "fetch":
            source = source.replace("/kaggle/input", f"{root}/kaggle/input")
            url = order.get("url", PLACEHOLDER)
            source = re.sub(r'url = "\S+"', f'url = "{url}"', source)
        if cell.cell_type == "code":
            shell.run_cell(source).raise_error()
        if cell.id == "fetch":
            move_to(root)
            watch_training(order.get("kill_after", -1), epochs)
        if cell.id == "parameters":
            shell.user_ns.update(parameters)
        if cell.id == order["last"]:
            break
    found = {"called": called, "epochs": epochs, "course": os.getcwd()}
    found |= {"path": os.environ["PYTHONPATH"].split(os.pathsep)}
    if "run" in shell.user_ns:
        from cxrbase.hosted.drive import keep_results

        run = shell.user_ns["run"]
        keep_results(run / order["notebook"])
        found |= {"run": str(run.relative_to(root)), "ground": shell.user_ns["ground"]}
    print(json.dumps(found))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

"""Runs the first cells of a notebook as Colab or Kaggle would; a process of its own.

    python tests/hosted.py colab|kaggle ROOT NOTEBOOK LAST_CELL PARAMETERS KILL_AFTER

ROOT stands for `/`. The repository is not cloned but linked, pip is not called, and
whoever asks for Google Drive gets the folder ROOT/google, moved to its place. With
KILL_AFTER ≥ 0 the process ends by SIGKILL once that epoch's checkpoint is written.
The last line printed is JSON.
"""

import importlib
import json
import os
import pathlib
import signal
import sys
import types

import nbformat
from IPython.core.interactiveshell import InteractiveShell

REPOSITORY = pathlib.Path(__file__).parents[1]


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
        if not pathlib.Path("course").exists():
            pathlib.Path("course").symlink_to(REPOSITORY)

    shell = InteractiveShell.instance()
    shell.system = system
    shell.register_magic_function(lambda line: called.append(line), magic_name="pip")
    shell.register_magic_function(lambda line: None, magic_name="matplotlib")
    return shell


def move_to(root):
    """Let the absolute paths of both hosts begin at `root`."""
    sys.path.insert(0, os.getcwd())
    kaggle = importlib.import_module("cxrbase.hosts")
    for name in ("KAGGLE_INPUT", "KAGGLE_WORKING", "CONTENT", "DRIVE"):
        setattr(kaggle, name, str(root) + getattr(kaggle, name))


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


def main(host, root, notebook, last, parameters, kill_after):
    called, epochs, root = [], [], pathlib.Path(root)
    shell = hosted_shell(host, root, called)
    path = REPOSITORY / "notebooks" / f"{notebook}.ipynb"
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            shell.run_cell(cell.source).raise_error()
        if cell.id == "fetch":
            move_to(root)
            watch_training(int(kill_after), epochs)
        if cell.id == "parameters":
            shell.user_ns.update(json.loads(parameters))
        if cell.id == last:
            break
    run, ground = shell.user_ns["run"], shell.user_ns.get("ground")
    left = {"run": str(run.relative_to(root)), "ground": ground}
    print(json.dumps(left | {"called": called, "epochs": epochs}))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""What makes a run what it is: the notebook, its parameters and the code."""

import functools
import hashlib
import json
import pathlib

import cxrlib


def fingerprint(run):
    """Checksum of a run's notebook, parameters and the code of cxrlib.

    Outputs and folders do not count: a notebook that was only saved with outputs, or a
    run that was moved, is the same. What lies in a data folder is not looked at.

    Args:
        run: `Run`.

    Returns:
        A string of 16 characters.

    Example:
    ```python
    fingerprint(Run("notebooks/01_data.ipynb", "outputs/demo", {"studies": 60}))
    ```
    """
    import nbformat

    content = nbformat.read(run.notebook, as_version=4)
    cells = [
        (cell.cell_type, cell.source, cell.metadata.get("tags", []))
        for cell in content.cells
    ]
    parameters = dict(run.parameters)
    if parameters.get("run_dir") == str(run.out.resolve()):
        del parameters["run_dir"]
    record = [cells, sorted(parameters.items()), code_version()]
    text = json.dumps(record, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@functools.cache
def code_version():
    """Checksum of all of cxrlib's Python files, by relative path and content."""
    root = pathlib.Path(cxrlib.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()

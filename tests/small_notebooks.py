"""Notebooks of three cells that load nothing, for the tests of the runner."""

import nbformat
from nbformat import v4

PARAMETERS = "number = 1  # of studies\nrun_dir = ''"


def notebook(folder, name, *cells, tagged=True):
    """A small notebook, saved with a kernel that this machine does not have."""
    content = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    if tagged:
        content.cells[0].metadata["tags"] = ["parameters"]
    content.metadata["kernelspec"] = {
        "name": "somebody-elses",
        "display_name": "Else",
        "language": "python",
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    nbformat.write(content, path)
    return path


def printed(path):
    """All that the cells of an executed notebook printed."""
    content = nbformat.read(path, as_version=4)
    cells = [cell for cell in content.cells if cell.cell_type == "code"]
    return "".join(o.get("text", "") for cell in cells for o in cell.outputs)

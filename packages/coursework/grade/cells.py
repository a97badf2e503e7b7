"""The cells of an executed notebook: which ran, in what order, and whose code it is."""

import ast
import dataclasses

from coursework.grade.untrusted import read_json
from cxrbase.refusals import InputError, printable

YOURS = "yours"  # The tag of a cell to fill in that is no answer to an exercise.
INJECTED = "injected-parameters"  # The cell that papermill adds.


@dataclasses.dataclass(frozen=True)
class Cell:
    """What grading needs of a code cell.

    Args:
        id: string.
        code: string, without spaces at the lines' ends, and without what was predicted.
        count: int or `None`. The n of `In [n]`.
        error: string. What it raised, `""` for nothing.
        tags: tuple of strings.
        solution: bool. Whether it is a student's to fill in (an exercise's answer).
        predicts: bool. Whether a student's prediction stands in it.
    """

    id: str
    code: str
    count: int | None
    error: str
    tags: tuple
    solution: bool
    predicts: bool = False

    @property
    def own(self):
        """Whether the student may change its code, such as parameters and answers."""
        return self.solution or bool({"parameters", INJECTED, YOURS} & set(self.tags))


def read_cells(content):
    """Read the code cells of a notebook that anybody may have made.

    Args:
        content: bytes of a notebook, format 4.

    Returns:
        A list of `Cell`, those without code left out.

    Raises:
        InputError: in words without the file's name.

    Example:
    ```python
    read_cells(pathlib.Path("notebooks/01_data.ipynb").read_bytes())[0].code
    ```
    """
    notebook = read_json(content, strict=False)
    if not isinstance(notebook, dict) or notebook.get("nbformat") != 4:
        raise InputError("not a notebook of format 4.")
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise InputError("has no list of cells.")
    read = [_cell(each) for each in cells if _get(each, "cell_type") == "code"]
    return [cell for cell in read if cell.code]


def _get(value, key, kind=object):
    """An entry of what may not be a dict, if it has the right type, else `None`."""
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, kind) else None


def _cell(cell):
    metadata = _get(cell, "metadata", dict) or {}
    source = _get(cell, "source", str | list)
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    theirs = [line.rstrip() for line in (source or "").splitlines()]
    code = _unpredicted("\n".join(theirs)).strip()
    outputs = _get(cell, "outputs", list) or []
    errors = [each for each in outputs if _get(each, "output_type") == "error"]
    tags = _get(metadata, "tags", list) or []
    count = _get(cell, "execution_count", int)
    return Cell(
        # Colab keeps the id among the metadata.
        id=_get(cell, "id", str) or _get(metadata, "id", str) or "",
        code=code,
        count=None if isinstance(count, bool) else count,
        error=_error(errors[0]) if errors else "",
        tags=tuple(tag for tag in tags if isinstance(tag, str)),
        solution=_get(_get(metadata, "nbgrader", dict), "solution") is True,
        predicts=any(line.startswith(PREDICTS) for line in code.splitlines()),
    )


PREDICTS = "results.predict("
# What a prediction may not do: it is left as it is, and so differs from the course's.
_ACTS = (ast.Call, ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr, ast.Lambda)


def _unpredicted(code):
    """Code without what is predicted in it, however that is written."""
    if PREDICTS not in code:
        return code
    lines = code.split("\n")
    try:
        steps = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # A command of IPython may be in it; a single line may be readable.
        return "\n".join(map(_unpredicted, lines)) if lines[1:] else code
    for step in reversed(steps):
        number = _predicted(step)
        if number is None or step.col_offset:
            continue
        end = lines[step.end_lineno - 1].encode("utf-8", "replace")
        rest = end[step.end_col_offset :].decode("utf-8", "replace")
        rest = "" if rest.lstrip().startswith("#") else rest
        blank = f'{PREDICTS}{number!r}, "")'
        lines[step.lineno - 1 : step.end_lineno] = [blank + rest]
    return "\n".join(lines)


def _predicted(step):
    """The number of the prediction that a statement makes, and nothing else does."""
    match step:
        case ast.Expr(
            ast.Call(func=ast.Attribute(ast.Name("results"), "predict")) as call
        ):
            given = dict(zip(("number", "text"), call.args, strict=False))
            given |= {each.arg: each.value for each in call.keywords}
            acts = any(
                isinstance(node, _ACTS)
                for value in given.values()
                for node in ast.walk(value)
            )
            if set(given) == {"number", "text"} and len(call.args) < 3 and not acts:
                return getattr(given["number"], "value", None)
    return None


def _error(output):
    name, words = (_get(output, key, str) or "" for key in ("ename", "evalue"))
    return printable(f"{name}: {words}" if words else name or "an error", 160)


def how_it_ran(cells, course=None):
    """Say what is wrong with how a notebook ran.

    It ran well if every code cell was run, in their order, and none raised; a cell of
    the course that was taken out was not run. Some may have run again later: those
    that a student fills in (answers, predictions), one tagged `yours` with those below
    it, and the course's last one, which may also lack its number: it packs the
    notebook, which is saved before it ends. Cells that a student has added may have run
    at any time, and may have raised.

    Args:
        cells: list of `Cell`.
        course: list of `Cell` or `None`. The course's own notebook.

    Returns:
        A string, `""` if nothing is wrong.

    Example:
    ```python
    how_it_ran(read_cells(content))
    ```
    """
    if not cells:
        return "It has no code cell."
    placed = _of_the_course(cells, course)
    for place, cell, ours in placed:
        if cell.error and "raises-exception" not in ours.tags:
            return f"{_words(place, cell)} raised {cell.error}."
    if not any(cell.count is not None for cell in cells):
        return "It was saved without having been run."
    before, floor = 0, None
    for place, cell, ours in placed:
        if ours is (course or cells)[-1]:
            continue
        if cell.count is None:
            return (
                f"{_words(place, cell)} was not run, as the notebook was saved "
                "before its last cell packed it."
            )
        if YOURS in ours.tags:
            floor = before if floor is None else floor
        if ours.solution or cell.predicts or YOURS in ours.tags:
            continue
        if floor is not None and floor < cell.count <= before:
            floor = None  # The cells from here on were not run again.
        elif cell.count <= before:
            return (
                f"{_words(place, cell)} shows In [{cell.count}] below In [{before}]: "
                "the cells were not run in their order."
            )
        before = cell.count
    return _taken_out(cells, course or ())


def _taken_out(cells, course):
    """Which of the course's cells are not there, in words, or `""`.

    A cell is there if its id is, with any code but comments, or if its code is. Those
    that are a student's to change are not looked for: without ids nothing tells them
    from cells of the student's own, and `finish` asks for their answers.
    """
    codes = {cell.code for cell in cells}
    ids = {cell.id for cell in cells if not _is_silent(cell)}
    names = [
        cell.id
        for cell in course
        if not (cell.own or cell.id in ids or cell.code in codes)
    ]
    if not names:
        return ""
    listed = ", ".join(names[:6]) + (", …" if len(names) > 6 else "")
    return (
        f"Of the course's code cells, missing or commented out, so not run: {listed}."
    )


def _is_silent(cell):
    return all(line.lstrip()[:1] in ("", "#") for line in cell.code.splitlines())


def _of_the_course(cells, course):
    """`(place, cell, the course's)` of each cell that is not a student's own."""
    by_id = {cell.id: cell for cell in course or ()}
    by_code = {cell.code: cell for cell in course or ()}
    placed = []
    for place, cell in enumerate(cells, start=1):
        ours = by_id.get(cell.id) or by_code.get(cell.code) if course else cell
        if ours is not None:
            placed.append((place, cell, ours))
    return placed


def _words(place, cell):
    name = f" ({printable(cell.id, 40)})" if cell.id else ""
    return f"Code cell {place}{name}"


def changed(cells, course):
    """Find the course's cells whose code is not in a notebook as the course wrote it.

    A cell is the same if its code is, whatever its place and id: an editor may give new
    ids.

    Args:
        cells: list of `Cell`, the student's.
        course: list of `Cell`, the course's.

    Returns:
        A dict, the id of a cell to words, in the course's order; cells that are the
        student's to change are left out.

    Example:
    ```python
    changed(read_cells(theirs), read_cells(ours))
    ```
    """
    codes, by_id = {cell.code for cell in cells}, {cell.id: cell for cell in cells}
    differ = {}
    for cell in course:
        if cell.own or cell.code in codes:
            continue
        theirs = by_id.get(cell.id)
        differ[cell.id] = "is missing" if theirs is None else _first(theirs, cell)
    return differ


def _first(theirs, ours):
    """The first line that differs, in words."""
    lines = theirs.code.splitlines(), ours.code.splitlines()
    for number in range(max(map(len, lines))):
        pair = [each[number] if number < len(each) else "nothing" for each in lines]
        if pair[0] != pair[1]:
            said, meant = (printable(line, 90) for line in pair)
            return f"differs in line {number + 1}: “{said}”, the course has “{meant}”"
    return "differs"

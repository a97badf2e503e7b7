"""How large the house is: lines of code, rooms and files, held to their limits.

    python tests/house.py

prints a line for each package and each of its folders, and ends with 1 where a limit
is passed. Code is what is left without docstrings, comments and blank lines.
"""

import ast
import io
import pathlib
import sys
import tokenize

ROOT = pathlib.Path(__file__).resolve().parents[1]
PACKAGES = ("cxrlib", *(f"packages/{name}" for name in (
    "coursework", "cxrscore", "cxrphantom", "cxrbase")))  # fmt: skip
MOST_CODE = {"cxrlib": 8000}
# Counted apart from their package, and the most that they may hold themselves. Readers
# are a file for each collection: as many as there are collections.
APART = {
    "cxrlib/data/readers": None,
    "cxrlib/systems/diagnosis": 600,
    "cxrlib/app": 1100,
}
MOST_MODULES = 12  # In a folder, `__init__` apart.
MOST_AT_ROOT = 13  # Files and folders in cxrlib, `__init__` apart.
MOST_LINES = 350  # In a file, all in all.
SILENT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
}  # fmt: skip


def code_lines(source):
    """Count the lines that hold code."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in SILENT:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                lines -= set(range(first.lineno, first.end_lineno + 1))
    return len(lines)


def measure(folder):
    """Modules (`__init__` apart) and lines of code of one folder."""
    files = sorted(folder.glob("*.py"))
    code = sum(code_lines(path.read_text(encoding="utf-8")) for path in files)
    return sum(path.name != "__init__.py" for path in files), code


def broken():
    """Print the house; return what passes a limit, in words."""
    found = []
    for name in PACKAGES:
        package = ROOT / name
        rooms = [package, *sorted(p.parent for p in package.rglob("__init__.py"))]
        rooms = [room for room in dict.fromkeys(rooms) if any(room.glob("*.py"))]
        sizes = {room: measure(room) for room in rooms}
        total = 0
        for room, (_, code) in sizes.items():
            place = room.relative_to(ROOT).as_posix()
            if place not in APART:
                total += code
            elif code >= (APART[place] or code + 1):
                found.append(f"{place}: {code:,} lines of code, {APART[place]}")
        print(f"{name}: {total:,} lines of code")
        if total >= MOST_CODE.get(package.name, total + 1):
            found.append(f"{name}: {total:,} lines of code, {MOST_CODE[package.name]}")
        for room, (modules, code) in sizes.items():
            place = room.relative_to(ROOT).as_posix()
            print(f"  {place:44} {modules:3} modules {code:6,} lines")
            if modules > MOST_MODULES:
                found.append(f"{place}: {modules} modules, {MOST_MODULES} at most")
        for path in package.rglob("*.py"):
            length = len(path.read_text(encoding="utf-8").splitlines())
            if length > MOST_LINES:
                place = path.relative_to(ROOT).as_posix()
                found.append(f"{place}: {length} lines, {MOST_LINES} at most")
    things = {
        path.name
        for path in (ROOT / "cxrlib").iterdir()
        if not path.name.startswith("__") or path.name == "__main__.py"
    }
    print(f"cxrlib: {len(things)} things at its root: {', '.join(sorted(things))}")
    if len(things) > MOST_AT_ROOT:
        found.append(f"cxrlib: {len(things)} things at its root, {MOST_AT_ROOT}")
    return found


if __name__ == "__main__":
    complaints = broken()
    print(*complaints, sep="\n", file=sys.stderr)
    sys.exit(bool(complaints))
